/* SPDX-License-Identifier: Apache-2.0 */
/* Why there is no event: decisions of rules, states of cameras. */
#pragma once

#include "events/vigil-decision.h"
#include "storage/vigil-store.h"

G_BEGIN_DECLS

/* The newest rows that are kept. A decision takes some 200 bytes with its index. */
#define VIGIL_STORE_MAX_DECISIONS 200000
#define VIGIL_STORE_MAX_STATES 20000

/** VigilCameraPresence: whether frames of a camera come. */
typedef enum {
    VIGIL_PRESENCE_UP,
    VIGIL_PRESENCE_DOWN,
    VIGIL_PRESENCE_OFF, /* nobody wants any */
} VigilCameraPresence;

/** vigil_camera_presence_to_string: "up", "down" or "off". */
const gchar *vigil_camera_presence_to_string(VigilCameraPresence presence);

/**
 * vigil_store_add_decisions:
 * @decisions: of one camera or several, in the order in which they were made
 *
 * All in one transaction. One that goes on where the camera's earlier one of the same rule, track and reason ended (within
 * 2 s) makes that one longer, up to an hour; one that is there already is replaced. When the disk is full, nothing is
 * deleted for them: %VIGIL_STORE_ERROR_FULL.
 */
gboolean vigil_store_add_decisions(VigilStore *self, const VigilDecision *decisions, guint n,
                                   GError **error);

/**
 * vigil_store_note_presence:
 * @reason: (nullable): without secrets
 *
 * From now on, by the store's wall clock. A row only when it is another one than the last of this run.
 */
gboolean
vigil_store_note_presence(VigilStore *self, const gchar *camera, VigilCameraPresence presence,
                          const gchar *reason, GError **error);

/** VigilDecisionRowFunc: @decision is borrowed, without stream times; returns %FALSE to stop. */
typedef gboolean (*VigilDecisionRowFunc)(const VigilDecision *decision, gpointer user_data);

/** vigil_store_query_decisions: those that cover any part of [@since_us, @until_us], by their end. */
gboolean
vigil_store_query_decisions(VigilStore *self, const gchar *camera, gint64 since_us, gint64 until_us,
                            VigilDecisionRowFunc func, gpointer user_data, GError **error);

/**
 * VigilPresenceInfo:
 * @known: whether there is any row
 * @running: whether a program used the store for writing then
 */
typedef struct {
    gboolean known;
    VigilCameraPresence presence;
    gint64 since_us, until_us; /* @until_us: 0: still, or nobody knows */
    gchar *reason;             /* (nullable): owned */
    gboolean running;
    gboolean died;       /* the program that ran before that moment did not end as it should */
    gint64 run_ended_us; /* of the latest run that had begun; 0: not known, or it runs */
} VigilPresenceInfo;

/** vigil_store_get_presence: of a camera at a moment, as the program that ran then noted it. */
gboolean vigil_store_get_presence(VigilStore *self, const gchar *camera, gint64 at_us,
                                  VigilPresenceInfo *info, GError **error);
void vigil_presence_info_clear(VigilPresenceInfo *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VigilPresenceInfo, vigil_presence_info_clear)

/** vigil_store_has_camera: whether the store knows a camera of this name. */
gboolean
vigil_store_has_camera(VigilStore *self, const gchar *camera, gboolean *has, GError **error);

G_END_DECLS
