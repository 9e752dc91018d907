/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

#include "pipeline/vigil-camera-pipeline.h"
#include "pipeline/vigil-camera.h"

G_BEGIN_DECLS

typedef enum {
    AFTER_RETRY, /* as VIGIL_FAULT_RETRY and RESTART */
    AFTER_LATER,
    AFTER_FAILED,
    AFTER_ENDED,
} VigilCameraAfter;

/** VigilCameraProgress: @at_us: when something was seen to go on, monotonic; @pictures, @outcomes: how many there were then, for the detector and from it; @building: a pipeline */
typedef struct {
    gint64 at_us;
    guint64 pictures, outcomes;
    gboolean building;
} VigilCameraProgress;

struct VigilCamera {
    gatomicrefcount refs; /* the owner, the thread, each notice under way */
    VigilCameraOptions options;
    gchar *database, *clips;
    GMainContext *owner_context;
    GMainContext *context;
    GThread *thread;
    VigilCameraSettings *latest; /* the owner's thread: what was asked for last */

    /* the camera's thread */
    VigilCameraSettings *settings;
    GPtrArray *
        past; /* (element-type VigilCameraSettings): of before, which the pipeline may still look at */
    GMainLoop *loop;
    VigilDecoderFailures *decoder_failures; /* what a new pipeline does not begin with */
    VigilCameraPipeline *pipeline;
    GSource *bus_watch, *watchdog, *timer;
    gint64 begun_us;
    guint attempt;
    gboolean stopping, draining;
    gboolean absent; /* the source waits for its device */
    gboolean blind;  /* that of the detector's own stream does */
    VigilCameraAfter after;

    GMutex lock;
    gboolean orphaned;     /* the owner is gone: no more notices */
    guint64 frames_before; /* of earlier pipelines */
    VigilRateWindow rates; /* of the present one */
    VigilCameraProgress progress;
    VigilCameraStatus status;
};

/* vigil-camera.c */

void vigil_camera_unref(VigilCamera *self);

/* vigil-camera-progress.c; the camera's thread */

/** vigil_camera_watch_progress: from now on. */
void vigil_camera_watch_progress(VigilCamera *self);
/** vigil_camera_set_building: a pipeline is being built, which may take long. */
void vigil_camera_set_building(VigilCamera *self, gboolean building);

/* vigil-camera-notices.c: what the owner, the log and the status hear */

void vigil_camera_notify_event(VigilCamera *self, const gchar *json, VigilEventType type);
/** vigil_camera_notify_model: @path: of the model; @reason: (nullable) */
void vigil_camera_notify_model(VigilCamera *self, VigilCameraNews news, const gchar *path,
                               const gchar *reason);
/** vigil_camera_sample_rates: to be called now and then. */
void vigil_camera_sample_rates(VigilCamera *self);
/** vigil_camera_read_day: what the store has of the last 24 hours. */
void vigil_camera_read_day(VigilCamera *self);
void vigil_camera_set_state(VigilCamera *self, VigilCameraState state);
void vigil_camera_log(VigilCamera *self, const gchar *text);
/** vigil_camera_set_error: secrets are taken out. */
void vigil_camera_set_error(VigilCamera *self, const gchar *text);

/* vigil-camera-messages.c: what the pipeline says */

gboolean vigil_camera_on_message(GstBus *bus, GstMessage *message, gpointer user_data);
/** vigil_camera_on_element_message: @structure: (nullable) */
void vigil_camera_on_element_message(VigilCamera *self, const GstStructure *structure);

/* vigil-camera-attempts.c: from one pipeline to the next; the camera's thread */

gpointer vigil_camera_run(gpointer user_data);
gboolean vigil_camera_on_stop(gpointer user_data);
/** vigil_camera_end_attempt: what is open is finished before the pipeline goes. */
void vigil_camera_end_attempt(VigilCamera *self, VigilCameraAfter after);
gboolean vigil_camera_finish_attempt(gpointer user_data);
void vigil_camera_handle_error(VigilCamera *self, const GError *error);

G_END_DECLS
