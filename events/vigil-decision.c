/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-decision.h"

static const gchar *const reasons[VIGIL_N_REASONS] = {
    [VIGIL_REASON_NONE] = "none",         [VIGIL_REASON_FAINT] = "faint",
    [VIGIL_REASON_CLASS] = "class",       [VIGIL_REASON_SIZE] = "size",
    [VIGIL_REASON_ASPECT] = "aspect",     [VIGIL_REASON_ZONE] = "zone",
    [VIGIL_REASON_LINE] = "line",         [VIGIL_REASON_DIRECTION] = "direction",
    [VIGIL_REASON_DWELL] = "dwell",       [VIGIL_REASON_SCORE] = "score",
    [VIGIL_REASON_DOUBLE] = "double",     [VIGIL_REASON_CONDITION] = "condition",
    [VIGIL_REASON_COUNT] = "count",       [VIGIL_REASON_KNOWN] = "known",
    [VIGIL_REASON_MOVED] = "moved",       [VIGIL_REASON_STAYED] = "stayed",
    [VIGIL_REASON_SCHEDULE] = "schedule", [VIGIL_REASON_COOLDOWN] = "cooldown",
    [VIGIL_REASON_NO_ROOM] = "no-room",   [VIGIL_REASON_FIRED] = "fired",
};

const gchar *
vigil_reason_to_string(VigilReason reason)
{
    return (guint)reason < VIGIL_N_REASONS ? reasons[reason] : "unknown";
}

VigilReason
vigil_reason_from_string(const gchar *text)
{
    for (guint i = 0; i < VIGIL_N_REASONS; i++)
        if (g_strcmp0(reasons[i], text) == 0)
            return i;
    return VIGIL_REASON_NONE;
}

static gchar *
describe_count(gdouble value, gdouble limit)
{
    if (value == limit)
        return g_strdup_printf("%.0f at once, the rule wants another number", value);
    return g_strdup_printf("%.0f at once, the rule wants at %s %.0f", value,
                           value < limit ? "least" : "most", limit);
}

/* What is said about the object after "rule NAME: ". */
static gchar *
describe_reason(const VigilDecision *self)
{
    const gchar *wanted = self->wanted ? self->wanted : "?";
    const gdouble value = (gdouble)self->value, limit = (gdouble)self->limit;

    switch (self->reason) {
    case VIGIL_REASON_CLASS: return g_strdup_printf("the rule wants %s", wanted);
    case VIGIL_REASON_SIZE:
        return g_strdup_printf("%.3g of the frame high, the rule wants at %s %.3g", value,
                               value < limit ? "least" : "most", limit);
    case VIGIL_REASON_ASPECT:
        return g_strdup_printf("%.3g times as wide as high, the rule wants at %s %.3g", value,
                               value < limit ? "least" : "most", limit);
    case VIGIL_REASON_ZONE: return g_strdup_printf("not in %s", wanted);
    case VIGIL_REASON_LINE: return g_strdup_printf("did not cross %s", wanted);
    case VIGIL_REASON_DIRECTION:
        return g_strdup_printf("crossed the other way, the rule wants %s", wanted);
    case VIGIL_REASON_DWELL:
        return g_strdup_printf("stayed for %.1f s, the rule wants %.1f s", value, limit);
    case VIGIL_REASON_SCORE:
        return g_strdup_printf("score %.2f, the rule wants %.2f", value, limit);
    case VIGIL_REASON_DOUBLE: return g_strdup("taken for a second view of another object");
    case VIGIL_REASON_CONDITION: return g_strdup("what the rule wants beside it did not hold");
    case VIGIL_REASON_COUNT: return describe_count(value, limit);
    case VIGIL_REASON_KNOWN: return g_strdup("it was there before");
    case VIGIL_REASON_MOVED: return g_strdup("it did not stay in its place");
    case VIGIL_REASON_STAYED: return g_strdup("it stayed in its place");
    case VIGIL_REASON_SCHEDULE: return g_strdup("not within the rule's schedule");
    case VIGIL_REASON_COOLDOWN:
        return g_strdup_printf("within the cooldown after another event, %.1f s of %.1f s left",
                               value, limit);
    case VIGIL_REASON_NO_ROOM: return g_strdup("too many objects and events at once");
    case VIGIL_REASON_FIRED:
        return g_strdup_printf("fired with score %.2f, event %s", value, self->event_id);
    default: return g_strdup("no reason is known");
    }
}

gchar *
vigil_decision_describe(const VigilDecision *self)
{
    g_autofree gchar *reason = NULL;

    if (self->reason == VIGIL_REASON_FAINT)
        return g_strdup_printf("%s, seen with score %.2f at most: too faint to be followed",
                               self->label, (gdouble)self->value);
    reason = describe_reason(self);

    if (self->track_id == 0) /* a rule of all objects together */
        return g_strdup_printf("rule %s: %s", self->rule, reason);
    return g_strdup_printf("%s, track %" G_GUINT64_FORMAT ", rule %s: %s",
                           self->label ? self->label : "object of unknown class", self->track_id,
                           self->rule, reason);
}
