/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of all objects together: counts, and conditions that are put together. */
#include "events/vigil-event-filter-private.h"

static gboolean
fits(const VigilEventFilter *self, const VigilObjectFilter *filter, const VigilFilterObject *object)
{
    return vigil_filter_judge_object(self, filter, object).reason == VIGIL_REASON_NONE &&
           vigil_median_get(&object->scores) >= filter->min_score;
}

static const VigilCondition *
node_at(const VigilRule *rule, guint index)
{
    return &g_array_index(rule->when, VigilCondition, index);
}

/* As deep as VIGIL_CONDITIONS_MAX_DEPTH. */
static VigilFilterTruth
evaluate(const VigilEventFilter *self, guint rule_index, guint index,
         const VigilFilterObject *object)
{
    const VigilRule *rule = vigil_filter_rule(self, rule_index);
    const VigilCondition *node = node_at(rule, index);
    const gboolean all = node->kind == VIGIL_CONDITION_ALL;
    VigilFilterTruth truth = all ? VIGIL_YES : VIGIL_NO;

    switch (node->kind) {
    case VIGIL_CONDITION_ALL:
    case VIGIL_CONDITION_ANY:
        for (guint i = index + 1; i < index + node->size; i += node_at(rule, i)->size) {
            const VigilFilterTruth one = evaluate(self, rule_index, i, object);

            truth = all ? MIN(truth, one) : MAX(truth, one);
        }
        return truth;
    case VIGIL_CONDITION_NOT:
        return (VigilFilterTruth)(VIGIL_YES - evaluate(self, rule_index, index + 1, object));
    case VIGIL_CONDITION_OBJECT: return fits(self, node->filter, object) ? VIGIL_YES : VIGIL_NO;
    default: return self->leaves[rule_index][index];
    }
}

VigilFilterTruth
vigil_filter_when(const VigilEventFilter *self, guint rule, const VigilFilterObject *object)
{
    return vigil_filter_rule(self, rule)->when ? evaluate(self, rule, 0, object) : VIGIL_YES;
}

/* Lost, but not for so long that it must be gone. */
static gboolean
may_be_there(const VigilEventFilter *self, const VigilRule *rule, const VigilFilterObject *object)
{
    return self->time_ns - MIN(object->missed_ns, self->time_ns) <
           MAX(rule->end_after_ns, VIGIL_FILTER_GRACE_NS);
}

typedef struct {
    guint seen;  /* in the frame at hand */
    guint there; /* with those that may be there */
    guint best;  /* of the seen, by its score; VIGIL_NONE: nobody */
    guint64 zones;
    VigilBox box; /* around the seen */
} Tally;

static void
tally_add(const VigilEventFilter *self, Tally *tally, guint index)
{
    const VigilFilterObject *object = &self->objects[index];
    const VigilBox *box = &object->box;

    if (tally->seen++ == 0) {
        tally->box = *box;
        tally->best = index;
    }
    tally->box = (VigilBox){MIN(tally->box.x0, box->x0), MIN(tally->box.y0, box->y0),
                            MAX(tally->box.x1, box->x1), MAX(tally->box.y1, box->y1)};
    tally->zones |= object->zones;
    if (object->score > self->objects[tally->best].score)
        tally->best = index;
}

/* @node: a count in a `when`; VIGIL_NONE: the rule's own count, for which its `when` counts, too */
static Tally
take_tally(const VigilEventFilter *self, guint rule_index, guint node)
{
    const VigilRule *rule = vigil_filter_rule(self, rule_index);
    const VigilObjectFilter filter =
        node == VIGIL_NONE ? vigil_rule_get_filter(rule) : *node_at(rule, node)->filter;
    Tally tally = {.best = VIGIL_NONE};

    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_OBJECTS; i++) {
        const VigilFilterObject *object = &self->objects[i];
        VigilFilterTruth truth;

        if (!object->used || object->shadow_since_ns != G_MININT64 ||
            (!object->observed && !may_be_there(self, rule, object)) ||
            !fits(self, &filter, object))
            continue;
        truth = node == VIGIL_NONE ? vigil_filter_when(self, rule_index, object) : VIGIL_YES;
        tally.there += truth != VIGIL_NO;
        if (object->observed && truth == VIGIL_YES)
            tally_add(self, &tally, i);
    }
    return tally;
}

/* Nobody knows how many there are where nobody looked. */
static VigilFilterTruth
judge_count(const VigilEventFilter *self, const VigilCount *count, const Tally *tally)
{
    const gboolean knows_most = !self->in_part;
    VigilFilterTruth truth = VIGIL_MAYBE;

    if (tally->seen >= count->min &&
        (count->max == G_MAXUINT || (knows_most && tally->there <= count->max)))
        truth = VIGIL_YES;
    else if ((knows_most && tally->there < count->min) || tally->seen > count->max)
        truth = VIGIL_NO;
    return count->differs ? (VigilFilterTruth)(VIGIL_YES - truth) : truth;
}

static VigilFilterTruth
judge_leaf(const VigilEventFilter *self, guint rule, guint index)
{
    const VigilCondition *node = node_at(vigil_filter_rule(self, rule), index);
    Tally tally;

    switch (node->kind) {
    case VIGIL_CONDITION_COUNT:
        tally = take_tally(self, rule, index);
        return judge_count(self, &node->count, &tally);
    case VIGIL_CONDITION_RULE_ACTIVE:
        return self->active >> node->rule_index & 1 ? VIGIL_YES : VIGIL_NO;
    case VIGIL_CONDITION_SCHEDULE:
        return vigil_schedule_contains(node->schedule, self->wall_us) ? VIGIL_YES : VIGIL_NO;
    default: return VIGIL_MAYBE; /* depends on the object */
    }
}

/* The zones that the rule names, or the picture: where nobody is. */
static VigilBox
box_of_rule(const VigilEventFilter *self, const VigilRule *rule)
{
    VigilBox box = {1.0f, 1.0f, 0.0f, 0.0f};

    for (guint i = 0; rule->zones && i < self->rules->zones->len; i++) {
        const VigilZone *zone = &g_array_index(self->rules->zones, VigilZone, i);

        for (guint k = 0; g_strv_contains(rule->zones, zone->name) && k < zone->n_points; k++) {
            const VigilPoint *point = &zone->points[k];

            box = (VigilBox){MIN(box.x0, point->x), MIN(box.y0, point->y), MAX(box.x1, point->x),
                             MAX(box.y1, point->y)};
        }
    }
    return box.x1 > box.x0 ? box : (VigilBox){0.0f, 0.0f, 1.0f, 1.0f};
}

static void
fill_object(VigilEventFilter *self, const VigilRule *rule, VigilFilterObject *scene,
            const Tally *tally)
{
    const VigilFilterObject *best = tally->seen ? &self->objects[tally->best] : NULL;

    if (!scene->used) {
        vigil_median_clear(&scene->scores);
        scene->n_stays = 0;
        scene->shadow_since_ns = G_MININT64;
        scene->used = TRUE;
    }
    scene->label = best ? best->label : rule->classes ? rule->classes[0] : NULL;
    scene->label_id = best ? best->label_id : -1;
    scene->score = best ? best->score : 0.0f;
    scene->box = best ? tally->box : box_of_rule(self, rule);
    scene->zones = tally->zones;
    scene->last_ns = self->time_ns;
    if (scene->observed)
        vigil_median_add(&scene->scores, scene->score);
}

static void
update_scene(VigilEventFilter *self, guint rule_index)
{
    const VigilRule *rule = vigil_filter_rule(self, rule_index);
    const Tally tally = take_tally(self, rule_index, VIGIL_NONE);
    VigilFilterScene *scene = &self->scenes[rule_index];
    VigilFilterObject *object = &self->objects[vigil_filter_scene_object(rule_index)];
    const gboolean is_above = tally.there > rule->count.max;
    const guint limit = is_above || rule->count.min == 0 ? rule->count.max : rule->count.min;

    scene->truth = judge_count(self, &rule->count, &tally);
    scene->verdict =
        (VigilFilterVerdict){VIGIL_STEP_CONDITIONS, VIGIL_REASON_COUNT,
                             (gfloat)(is_above ? tally.there : tally.seen), (gfloat)limit};
    if (scene->truth == VIGIL_YES)
        scene->verdict = (VigilFilterVerdict){.reason = VIGIL_REASON_NONE};
    object->observed = scene->truth == VIGIL_YES;
    fill_object(self, rule, object, &tally);
}

void
vigil_filter_scenes_update(VigilEventFilter *self)
{
    self->active = 0;
    for (guint i = 0; i < self->n_stays; i++) {
        const VigilFilterStay *stay = &self->stays[self->order[i]];

        if (stay->open)
            self->active |= G_GUINT64_CONSTANT(1) << stay->rule;
    }
    for (guint i = 0; i < self->rules->rules->len; i++) {
        const VigilRule *rule = vigil_filter_rule(self, i);

        for (guint k = 0; rule->when && k < rule->when->len; k++)
            self->leaves[i][k] = judge_leaf(self, i, k);
        if (rule->count.given)
            update_scene(self, i);
    }
}
