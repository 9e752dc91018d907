/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-event.h"
#include "events/vigil-outcome.h"
#include "pipeline/vigil-camera-live.h"
#include "pipeline/vigil-rate.h"
#include "pipeline/vigil-settings.h"
#include "storage/vigil-store.h"

G_BEGIN_DECLS

typedef enum {
    VIGIL_CAMERA_CONNECTING, /* built, no frame yet */
    VIGIL_CAMERA_RUNNING,
    VIGIL_CAMERA_WAITING, /* lost; will be tried again */
    VIGIL_CAMERA_ENDED,   /* a file that was played to its end */
    VIGIL_CAMERA_FAILED,  /* given up; the error says why */
    VIGIL_CAMERA_STOPPED, /* was told to */
} VigilCameraState;

/** vigil_camera_state_to_string: "connecting", "running", … */
const gchar *vigil_camera_state_to_string(VigilCameraState state);
/** vigil_camera_state_is_final: nothing more will come of it. */
gboolean vigil_camera_state_is_final(VigilCameraState state);

/** VigilCameraNews: what becomes of a model that was to look at a camera. */
typedef enum {
    VIGIL_CAMERA_MODEL_HEALTHY,   /* its trial is passed */
    VIGIL_CAMERA_MODEL_UNHEALTHY, /* it is not; the one of before looks at the camera again */
    VIGIL_CAMERA_MODEL_REFUSED,   /* it cannot be opened; the one of before goes on */
} VigilCameraNews;

/** VigilCameraTrial: how far the trial of a model is, see VigilTrial; @verdict "": there is none. */
typedef struct {
    gchar verdict[16], reason[200];
    guint64 frames, samples, old_objects, found, new_objects;
} VigilCameraTrial;

/** VigilCameraTimes: that so many of hundred do not exceed, ns. */
typedef struct {
    guint64 p50, p95, p99;
} VigilCameraTimes;

/**
 * VigilCameraDetection: what vigildetect says of the camera's latest pipeline.
 * @outcomes: frames by what became of them, up to the last second
 * @late: of those skipped for load: came too late
 * @superseded: of those: a newer one took their place
 * @too_old: of those: their turn came too late
 * @inference: how long the inferences took
 * @queue_age: how old frames were when it began
 */
typedef struct {
    guint64 outcomes[VIGIL_N_OUTCOMES];
    guint64 parts; /* of those inferred: of which a part was looked at */
    guint64 late, superseded, too_old;
    VigilCameraTimes inference, queue_age;
} VigilCameraDetection;

/**
 * VigilCameraDecoder: who decodes for the detector.
 * @name: (nullable): the element; interned; %NULL: nobody yet, or nothing is to be decoded
 * @hardware: a device does
 * @failed: (nullable): the element that it replaced last; interned
 * @reason: why that one was replaced
 * @replaced: how often one was
 */
typedef struct {
    const gchar *name;
    gboolean hardware;
    const gchar *failed;
    gchar reason[200];
    guint replaced;
} VigilCameraDecoder;

/**
 * VigilCameraDropouts: times in which the camera gave nothing.
 * @count: how often that began since the start, after frames had come
 * @since_us: wall time since when it gives nothing; 0: it runs
 * @total_us: how long all of them were, and the wait for the first frame, without the one that lasts
 * @longest_us: of those
 */
typedef struct {
    guint count;
    gint64 since_us;
    gint64 total_us, longest_us;
} VigilCameraDropouts;

/**
 * VigilCameraDay: the last 24 hours, as the store has them, up to the last full minute.
 * @outcomes: frames by what became of them
 * @minutes: in which there were any
 */
typedef struct {
    guint64 outcomes[VIGIL_N_OUTCOMES];
    guint64 minutes;
} VigilCameraDay;

/**
 * VigilCameraStatus:
 * @since_us: wall time of the last change of @state
 * @error: (nullable): what went wrong last; without secrets
 * @losses: how often it was lost since the start
 * @frames: encoded frames from the source since the start
 * @idle_us: since the latest frame; -1: none yet
 * @outcomes: frames by what became of them, up to the last full minute
 * @events: begun since the start
 * @last_event: id of the latest; "" for none
 * @unrecorded: warnings of the recorder: something was not kept
 * @inference_us: mean time of an inference; 0: none yet
 * @detection: see there
 * @decoder: see there
 * @dropouts: see there
 * @day: see there
 * @rates: frames a second captured, decoded and looked at, over the last ten seconds
 * @live: see there
 * @model: that looks at it; both %NULL: none yet
 * @trial: of it, or of the one that was sent away last
 * @position_ns: of a file
 * @duration_ns: of a file; 0: not known
 *
 * What a camera is doing. To be cleared with vigil_camera_status_clear().
 */
typedef struct {
    VigilCameraState state;
    gint64 since_us;
    gchar *error;
    guint losses;
    guint64 frames;
    gint64 idle_us;
    guint64 outcomes[VIGIL_N_OUTCOMES];
    guint64 events;
    guint unrecorded;
    gchar last_event[VIGIL_EVENT_ID_LENGTH + 1];
    gint64 inference_us;
    VigilCameraDetection detection;
    VigilCameraDecoder decoder;
    VigilCameraDropouts dropouts;
    VigilCameraDay day;
    gdouble rates[VIGIL_RATE_COUNTERS];
    VigilCameraLive live;
    VigilModelId model;
    VigilCameraTrial trial;
    gint64 position_ns, duration_ns;
} VigilCameraStatus;

void vigil_camera_status_clear(VigilCameraStatus *self);

typedef struct VigilCamera VigilCamera;

/**
 * VigilCameraOptions:
 * @store: open for writing; a reference is taken
 * @database: its file
 * @clips: its clips' directory
 * @realtime: play a file at its own speed
 * @event: (nullable): an event was committed; @json is its line
 * @changed: (nullable): the state is another one
 * @model: (nullable): what became of the model at @path; @reason: (nullable)
 *
 * The functions are called in the thread that made the camera, from its main context, in the order of what happened, and
 * never after vigil_camera_free().
 */
typedef struct {
    VigilStore *store;
    const gchar *database;
    const gchar *clips;
    gboolean realtime;
    void (*event)(VigilCamera *camera, VigilEventType type, const gchar *json, gpointer user_data);
    void (*changed)(VigilCamera *camera, VigilCameraState state, gpointer user_data);
    void (*model)(VigilCamera *camera, VigilCameraNews news, const gchar *path, const gchar *reason,
                  gpointer user_data);
    gpointer user_data;
} VigilCameraOptions;

/**
 * VigilCamera:
 *
 * One camera under supervision, in a thread of its own, so that one that hangs holds up nobody. It is built, watched, and
 * when it is lost (error, end of a live stream, no frame for 5 s) its open events and clips are finished, it is torn down
 * and built anew after 1, 2, 4, 5, 5 … seconds.
 */

/** vigil_camera_new: starts at once. @settings: a reference is taken. */
VigilCamera *vigil_camera_new(VigilCameraSettings *settings, const VigilCameraOptions *options);

/**
 * vigil_camera_set_model:
 * @settings: that differ from the camera's in the model only; a reference is taken
 *
 * The model takes the other's place between two frames once it is open. Returns at once.
 */
void vigil_camera_set_model(VigilCamera *self, VigilCameraSettings *settings);

/**
 * vigil_camera_is_stalled:
 *
 * Returns: whether nothing has gone on for so long: its thread does not answer, or frames come in and none comes out. Ten times as long is
 * allowed while a pipeline is being built.
 */
gboolean vigil_camera_is_stalled(VigilCamera *self, gint64 limit_us);

/** vigil_camera_stop: finishes open events and clips, then the state is final. Returns at once. */
void vigil_camera_stop(VigilCamera *self);

/**
 * vigil_camera_free:
 *
 * To be called when the state is final. Of a camera that hangs for good the thread is left behind, with a warning.
 */
void vigil_camera_free(VigilCamera *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilCamera, vigil_camera_free)

VigilCameraSettings *vigil_camera_get_settings(VigilCamera *self);
/** vigil_camera_get_state: any thread. */
VigilCameraState vigil_camera_get_state(VigilCamera *self);
/** vigil_camera_get_status: (out): any thread. */
void vigil_camera_get_status(VigilCamera *self, VigilCameraStatus *status);

G_END_DECLS
