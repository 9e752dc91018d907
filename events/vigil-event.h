/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib-object.h>

#include "models/vigil-types.h"

G_BEGIN_DECLS

typedef enum {
    VIGIL_EVENT_BEGIN,
    VIGIL_EVENT_UPDATE,
    VIGIL_EVENT_END,
} VigilEventType;

/** VigilEndReason: why an event ended; %VIGIL_END_NONE while it has not. */
typedef enum {
    VIGIL_END_NONE,
    VIGIL_END_GONE,        /* the object left, or its conditions no longer held, for `end_after` */
    VIGIL_END_STREAM,      /* the stream ended or the camera was lost */
    VIGIL_END_STOPPED,     /* the program was told to stop or the rule was changed */
    VIGIL_END_INTERRUPTED, /* the program died; set by the store's recovery */
} VigilEndReason;

#define VIGIL_EVENT_ID_LENGTH \
    26 /* Crockford base 32, as a ULID: 48 bits of start time in ms, 80 bits */

/** VigilPathPoint: where a track was, for the stored path. */
typedef struct {
    gint64 time_ns;
    VigilBox box;
    gfloat score;
} VigilPathPoint;

/**
 * VigilEvent:
 *
 * One message about an event. Immutable once it is emitted; reference counted; any thread may hold it.
 * Stream times are nanoseconds from the stream's begin; wall times microseconds since 1970, UTC.
 */
typedef struct {
    /*< private >*/
    gatomicrefcount refs;

    /*< public >*/
    gchar id[VIGIL_EVENT_ID_LENGTH + 1]; /* the same in begin, updates and end */
    VigilEventType type;
    VigilEndReason end_reason;
    const gchar *camera; /* interned, as rule, label, zones and lines are */
    const gchar *rule;
    const gchar *label;
    gint32 label_id;
    guint64 track_id;

    gint64
        start_ns; /* when the object first met the rule's conditions, before dwell and scores were counted */
    gint64 trigger_ns; /* the frame on which the rule fired */
    gint64
        end_ns; /* last frame that met the conditions; the latest one so far while the event is open */
    gint64 time_ns; /* the frame on which this message was made */
    gint64 start_wall_us, end_wall_us;

    gfloat score;     /* median over the event's detections so far */
    gfloat top_score; /* best single one */
    VigilBox box;     /* at the best score so far */
    const gchar **
        zones; /* (nullable) (array zero-terminated=1): zones entered so far; NULL-terminated, owned array */
    const gchar **lines; /* (nullable): "name:in" or "name:out", lines crossed so far */

    VigilModelId model; /* that looked at the frame on which the rule fired */

    guint32 frames_seen, frames_inferred; /* coverage = inferred / seen, from start to end */

    guint unreported;       /* bits by VigilEventType: messages that are kept, and told to nobody */
    gboolean record;        /* a clip is wanted */
    gint64 pre_ns, post_ns; /* how much before start and after end it shows */

    GArray
        *path; /* (nullable) (element-type VigilPathPoint): whole path, in the end message only */
    GBytes *snapshot; /* (nullable): JPEG of the best view, in the end message only */
} VigilEvent;

#define VIGIL_TYPE_EVENT (vigil_event_get_type())
GType vigil_event_get_type(void);

/** vigil_event_new: (transfer full): zeroed, type begin, one reference. */
VigilEvent *vigil_event_new(void);
/** vigil_event_new_end: (transfer full): the end of an event of which @last is all that is known. */
VigilEvent *vigil_event_new_end(const VigilEvent *last, VigilEndReason reason);
VigilEvent *vigil_event_ref(VigilEvent *self);
void vigil_event_unref(VigilEvent *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilEvent, vigil_event_unref)

/**
 * vigil_event_to_json:
 * @clip: (nullable): path of its clip, relative to the store, or %NULL
 *
 * One line without the newline: id, type, camera, rule, label, score, top_score, start, end (ISO 8601 UTC with
 * milliseconds), start_s, end_s (seconds of the stream), box [x0,y0,x1,y1], zones, lines, track, clip, coverage,
 * model (its SHA-256), and in an end also end_reason. Keys in this order and floats with fixed digits (scores, box and coverage 4, seconds 3,
 * cut off): equal events are equal bytes. "end" is the latest frame that met the conditions so far, "track" the id that
 * the object had when the event began.
 *
 * Returns: (transfer full)
 */
gchar *vigil_event_to_json(const VigilEvent *self, const gchar *clip);

/** vigil_event_is_reported: whether this message is told: printed and sent. The store keeps it in either case. */
gboolean vigil_event_is_reported(const VigilEvent *self);

/** vigil_event_type_to_string: "begin", "update" or "end". */
const gchar *vigil_event_type_to_string(VigilEventType type);
const gchar *vigil_end_reason_to_string(VigilEndReason reason);
/** vigil_end_reason_from_string: %VIGIL_END_NONE for an unknown word. */
VigilEndReason vigil_end_reason_from_string(const gchar *text);

G_END_DECLS
