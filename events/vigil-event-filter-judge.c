/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an object is what a rule, or a zone, asks for in the frame at hand. */
#include "events/vigil-event-filter-private.h"

static gboolean
has_name(const gchar *const *names, const gchar *name)
{
    for (guint i = 0; names[i]; i++)
        if (g_strcmp0(names[i], name) == 0)
            return TRUE;
    return FALSE;
}

static gboolean
in_a_zone_of(const VigilEventFilter *self, const VigilObjectFilter *filter,
             const VigilFilterObject *object)
{
    for (guint i = 0; i < self->rules->zones->len; i++)
        if (object->zones >> i & 1 &&
            has_name((const gchar *const *)filter->zones,
                     g_array_index(self->rules->zones, VigilZone, i).name))
            return TRUE;
    return FALSE;
}

static VigilFilterVerdict
no(VigilReason reason, gfloat value, gfloat limit)
{
    return (VigilFilterVerdict){VIGIL_STEP_CONDITIONS, reason, value, limit};
}

/* Parts of a box outside of the frame do not count for its size, nor for its aspect. */
VigilFilterVerdict
vigil_filter_judge_object(const VigilEventFilter *self, const VigilObjectFilter *filter,
                          const VigilFilterObject *object)
{
    const gfloat width = CLAMP(object->box.x1, 0.0f, 1.0f) - CLAMP(object->box.x0, 0.0f, 1.0f);
    const gfloat height = CLAMP(object->box.y1, 0.0f, 1.0f) - CLAMP(object->box.y0, 0.0f, 1.0f);
    const gfloat aspect = height > 0.0f ? self->frame_aspect * width / height : 0.0f;

    if (filter->classes && !has_name((const gchar *const *)filter->classes, object->label))
        return no(VIGIL_REASON_CLASS, 0, 0);
    if (height < filter->min_size)
        return no(VIGIL_REASON_SIZE, height, filter->min_size);
    if (height > filter->max_size)
        return no(VIGIL_REASON_SIZE, height, filter->max_size);
    if (aspect < filter->min_aspect)
        return no(VIGIL_REASON_ASPECT, aspect, filter->min_aspect);
    if (aspect > filter->max_aspect)
        return no(VIGIL_REASON_ASPECT, aspect, filter->max_aspect);
    if (filter->zones && !in_a_zone_of(self, filter, object))
        return no(VIGIL_REASON_ZONE, 0, 0);
    if (object->score < 0.5f * filter->min_score)
        return no(VIGIL_REASON_SCORE, object->score, filter->min_score);
    return (VigilFilterVerdict){.reason = VIGIL_REASON_NONE};
}

VigilFilterVerdict
vigil_filter_judge(const VigilEventFilter *self, guint rule_index, const VigilFilterObject *object)
{
    const VigilRule *rule = vigil_filter_rule(self, rule_index);
    const VigilObjectFilter filter = vigil_rule_get_filter(rule);
    const VigilFilterVerdict verdict = rule->count.given
                                           ? self->scenes[rule_index].verdict
                                           : vigil_filter_judge_object(self, &filter, object);

    if (verdict.reason != VIGIL_REASON_NONE)
        return verdict;
    if (object->shadow_since_ns != G_MININT64)
        return no(VIGIL_REASON_DOUBLE, 0, 0);
    if (!rule->count.given && vigil_filter_when(self, rule_index, object) != VIGIL_YES)
        return no(VIGIL_REASON_CONDITION, 0, 0);
    if (rule->kind == VIGIL_RULE_LEFT && !object->is_new)
        return no(VIGIL_REASON_KNOWN, 0, 0);
    if (self->off_schedule >> rule_index & 1)
        return no(VIGIL_REASON_SCHEDULE, 0, 0);
    return verdict;
}
