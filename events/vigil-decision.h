/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "events/vigil-event.h"

G_BEGIN_DECLS

/**
 * VigilReason: why an object made no event under a rule, or that it made one.
 *
 * Of two reasons that the same step of the filter gives, the greater one is the one that the object came further with.
 */
typedef enum {
    VIGIL_REASON_NONE,
    VIGIL_REASON_FAINT, /* it was never followed, since no detection was sure enough; no rule was asked */
    VIGIL_REASON_CLASS,     /* the rule does not ask for its class */
    VIGIL_REASON_SIZE,      /* its box is too small or too large */
    VIGIL_REASON_ASPECT,    /* its box is too wide or too high */
    VIGIL_REASON_ZONE,      /* it was never in one of the rule's zones */
    VIGIL_REASON_LINE,      /* it did not cross the line */
    VIGIL_REASON_DIRECTION, /* it crossed the line the other way */
    VIGIL_REASON_DWELL,     /* it did not stay for long enough */
    VIGIL_REASON_SCORE,     /* the detector was not sure enough */
    VIGIL_REASON_DOUBLE,    /* it was taken for a second view of another object */
    VIGIL_REASON_CONDITION, /* what the rule asks for beside it did not hold */
    VIGIL_REASON_COUNT,     /* there were too few or too many */
    VIGIL_REASON_KNOWN,     /* it was there before */
    VIGIL_REASON_MOVED,     /* it did not stay in its place */
    VIGIL_REASON_STAYED,    /* it is still in its place */
    VIGIL_REASON_SCHEDULE,  /* it was there at another time */
    VIGIL_REASON_COOLDOWN,  /* an event of the rule had ended shortly before */
    VIGIL_REASON_NO_ROOM,   /* too much was going on at once */
    VIGIL_REASON_FIRED,     /* it made an event */
    VIGIL_N_REASONS,
} VigilReason;

/**
 * VigilDecision:
 *
 * What a rule made of an object in a span of time: a plain value. Strings are interned.
 */
typedef struct {
    const gchar *camera, *rule; /* @rule: empty when no rule was asked */
    const gchar *label;         /* (nullable) of the object */
    guint64 track_id;
    gint64 start_ns, end_ns; /* stream times of the first and the latest detection in the span */
    gint64 start_wall_us, end_wall_us;
    VigilReason reason; /* the furthest that the object came in the span */
    gfloat
        value; /* what was measured: parts of the frame for a size, a score, seconds dwelt, seconds of cooldown left */
    gfloat limit; /* what the rule asks for, in the same unit */
    const gchar *
        wanted; /* (nullable): classes, zones or line that the rule asks for, as "porch, yard" or "gate:in" */
    gchar event_id[VIGIL_EVENT_ID_LENGTH + 1]; /* of what fired, else empty */
} VigilDecision;

/** VigilDecisionFunc: @decision is borrowed for the call. */
typedef void (*VigilDecisionFunc)(const VigilDecision *decision, gpointer user_data);

/** vigil_reason_to_string: a fixed word: "class", "size", …, "fired"; "unknown" for another number. */
const gchar *vigil_reason_to_string(VigilReason reason);
/** vigil_reason_from_string: %VIGIL_REASON_NONE for an unknown word. */
VigilReason vigil_reason_from_string(const gchar *text);

/**
 * vigil_decision_describe:
 *
 * A sentence without the full stop: "person, track 12, rule visitor: score 0.42, the rule wants 0.60".
 *
 * Returns: (transfer full)
 */
gchar *vigil_decision_describe(const VigilDecision *self);

G_END_DECLS
