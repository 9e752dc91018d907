/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>

#include "pipeline/vigil-camera.h"
#include "pipeline/vigil-settings.h"

G_BEGIN_DECLS

/**
 * VigilSupervisor:
 *
 * All cameras of an installation. Lives in one thread, the one that made it, whose main context must run.
 */
typedef struct VigilSupervisor VigilSupervisor;

/**
 * VigilSupervisorFuncs:
 * @idle: no camera is left that could still give anything
 * @models_changed: a model was found healthy, or rolled back: the settings are to be resolved anew
 */
typedef struct {
    void (*idle)(VigilSupervisor *self, gpointer user_data);
    void (*models_changed)(VigilSupervisor *self, gpointer user_data);
} VigilSupervisorFuncs;

/**
 * vigil_supervisor_new:
 * @settings: (transfer full)
 * @store: open for writing; a reference is taken
 */
VigilSupervisor *vigil_supervisor_new(VigilSettings *settings, VigilStore *store,
                                      const VigilSupervisorFuncs *funcs, gpointer user_data);
void vigil_supervisor_free(VigilSupervisor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilSupervisor, vigil_supervisor_free)

/**
 * vigil_supervisor_reload:
 * @settings: (transfer full)
 *
 * Cameras that are as before are not touched; one whose model alone is another gets it between two frames; others are ended,
 * begun, or ended and begun anew.
 */
void vigil_supervisor_reload(VigilSupervisor *self, VigilSettings *settings);

/** vigil_supervisor_stop: ends all cameras; then @idle is called. */
void vigil_supervisor_stop(VigilSupervisor *self);

/** vigil_supervisor_get_n_failed: cameras that were given up. */
guint vigil_supervisor_get_n_failed(VigilSupervisor *self);

/** vigil_supervisor_find_stalled: (nullable): name of a camera of which nothing has gone on for so long; valid until the main loop runs */
const gchar *vigil_supervisor_find_stalled(VigilSupervisor *self, gint64 limit_us);

/**
 * vigil_supervisor_describe:
 * @more: (nullable): adds further members to the document's object
 *
 * Returns: (transfer full): what everything is doing, as one JSON document
 */
gchar *
vigil_supervisor_describe(VigilSupervisor *self,
                          void (*more)(JsonBuilder *json, gpointer user_data), gpointer user_data);

G_END_DECLS
