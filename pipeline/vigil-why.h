/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store-decisions.h"

G_BEGIN_DECLS

/** VigilWhyEvent: an event that covers the moment. */
typedef struct {
    gchar id[VIGIL_EVENT_ID_LENGTH + 1];
    const gchar *rule, *label; /* interned */
    gint64 start_wall_us, end_wall_us;
    gboolean open;
    gfloat score;
    gchar *clip; /* (nullable): owned; relative to the clips' directory */
} VigilWhyEvent;

/**
 * VigilWhy:
 *
 * All that a store knows of a camera around a moment, and what follows from it.
 */
typedef struct {
    gchar *camera; /* owned */
    gint64 at_us, from_us, to_us;
    gint64 minute_us, until_us; /* whole minutes around it, which @outcomes are of */
    VigilPresenceInfo presence;
    guint64 outcomes[VIGIL_N_OUTCOME_COUNTS];
    guint64 n_frames;    /* their sum */
    GArray *events;      /* (element-type VigilWhyEvent): oldest first */
    GArray *decisions;   /* (element-type VigilDecision): by their end */
    guint n_left_out;    /* decisions beyond the limit */
    const gchar *reason; /* a fixed word */
    gchar *sentence;     /* owned */
} VigilWhy;

/* Of one answer. */
#define VIGIL_WHY_MAX_DECISIONS 1000

/**
 * vigil_why_ask:
 * @around_us: decisions and events that come so near count
 * @now_us: what is not written yet is judged by it
 *
 * The words of @reason are "event", what vigil_reason_to_string() gives, "camera-down", "not-running", "no-motion", "load",
 * "failed", "not-looked-at" (at all of most frames), "nothing-found" and "unknown".
 *
 * Returns: (transfer full): %NULL with @error set when the store cannot be read
 */
VigilWhy *vigil_why_ask(VigilStore *store, const gchar *camera, gint64 at_us, gint64 around_us,
                        gint64 now_us, GError **error);
void vigil_why_free(VigilWhy *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilWhy, vigil_why_free)

/** vigil_why_to_text: (transfer full): several lines, without the last newline. */
gchar *vigil_why_to_text(const VigilWhy *self);
/** vigil_why_to_json: (transfer full): one line. */
gchar *vigil_why_to_json(const VigilWhy *self);

G_END_DECLS
