/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-rules.h"
#include "pipeline/vigil-source.h"
#include "pipeline/vigil-upload-settings.h"
#include "storage/vigil-store.h"

G_BEGIN_DECLS

#define VIGIL_SETTINGS_ERROR (vigil_settings_error_quark())
GQuark vigil_settings_error_quark(void);

typedef enum {
    VIGIL_SETTINGS_ERROR_WRONG, /* the file has mistakes; the message has one line for each */
    VIGIL_SETTINGS_ERROR_IO,    /* it cannot be read */
} VigilSettingsError;

#define VIGIL_SETTINGS_DEFAULT_PATH "/etc/vigil/vigil.yaml"

typedef enum {
    VIGIL_TRANSPORT_TCP,
    VIGIL_TRANSPORT_UDP,
    VIGIL_TRANSPORT_AUTO, /* TCP, and UDP in turn when that gives nothing or loses little */
} VigilTransport;

/** VigilIdle: what is decoded for the detector while nothing moves. */
typedef enum {
    VIGIL_IDLE_AUTO,      /* of live cameras keyframes, of files everything */
    VIGIL_IDLE_KEYFRAMES, /* see vigilidle */
    VIGIL_IDLE_FULL,      /* everything */
} VigilIdle;

/** VigilRecordAs: what becomes of Motion JPEG in clips. */
typedef enum {
    VIGIL_RECORD_AS_COPY, /* as it comes */
    VIGIL_RECORD_AS_H264, /* encoded while an event lasts */
} VigilRecordAs;

/**
 * VigilModelSettings:
 * @path: absolute; of a named one "default" or "tiny", or of its slot once vigil_model_source_resolve() was called
 * @name: (nullable): of a model of ours or an installed one; %NULL: a path was given
 * @package: (nullable): id of the installed package at @path
 * @before: (nullable): what it is on trial against: the package is new and another was there before
 * @trial_ns: how long a new package is on trial; 0: it is not
 * @trial_frames: it must look at so many frames at least
 * @labels: (nullable): absolute
 * @threads: of one inference; 0: one
 * @device: that the model runs on, a #VigilDevice
 * @threshold: lowest score of an object, 0..1; negative: what the model's package says, else 0.5
 * @iou_threshold: boxes of one class that overlap more are one object; negative: the package's
 * @max_detections: a frame; 0: the package's
 * @stamp: changes when the file at @path or @labels was replaced
 * @line: where the configuration names it
 */
typedef struct VigilModelSettings {
    gchar *path;
    gchar *name, *package;
    struct VigilModelSettings *before;
    gint64 trial_ns, trial_frames;
    gchar *labels;
    gint64 threads;
    gint device;
    gdouble threshold;
    gdouble iou_threshold;
    gint64 max_detections;
    gchar *stamp;
    guint line;
} VigilModelSettings;

/**
 * VigilMotionSettings:
 * @enabled: only frames in which something moves are looked at, see vigilmotion
 * @regions: of those, where it is worth while, the part in which something moves, see vigildetect; default %FALSE
 * @sensitivity: 1..100
 * @masks: (nullable): as the element's property of that name
 */
typedef struct {
    gboolean enabled, regions;
    gint64 sensitivity;
    gchar *masks;
} VigilMotionSettings;

/**
 * VigilContinuousSettings: all that the camera sends is recorded, not only clips of events
 * @max_age_ns: segments that ended longer ago go; 0: however old
 * @max_bytes: they stay below; 0: however many. One of the two is there
 * @segment_ns: length of a segment, up to the next keyframe
 */
typedef struct {
    gboolean enabled;
    gint64 max_age_ns, max_bytes, segment_ns;
} VigilContinuousSettings;

/**
 * VigilRtspSettings: as the properties of vigilrtspsrc
 * @credentials: (nullable): absolute path, or name of a credential of systemd's
 * @tls_ca: (nullable): absolute
 * @tls_unverified: the certificate is not judged
 */
typedef struct {
    gchar *credentials, *tls_ca;
    gboolean tls_unverified;
} VigilRtspSettings;

/**
 * VigilCaptureSettings: what is asked of a V4L2 camera; as the properties of vigilv4l2src
 * @width: 0: as the element has it; so are @height and @fps
 * @format: (nullable)
 * @controls: (nullable)
 */
typedef struct {
    gint64 width, height;
    gdouble fps;
    gchar *format, *controls;
} VigilCaptureSettings;

/**
 * VigilCameraSettings:
 * @name: letters, digits, `-`, `_` and `.`; a folder is named so
 * @detect_source: another stream of the same camera, which the detector looks at instead
 * @fps: frames a second that are looked at, 0: every frame
 * @weight: share of the time for inferences against other cameras, 1..1000
 * @max_age_ns: a frame of a live camera that is older when its turn comes is not looked at; 0: however old
 * @threshold: lowest score of an object, 0..1; negative: the model's
 * @max_clip_ns: longest clip; what lasts longer goes on in another one
 * @start_time_us: wall time of a file's first frame; %G_MININT64: what the file says
 * @model: this camera's own, or a copy of the configuration's
 * @motion: what vigilmotion is set to
 * @capture: what vigilv4l2src is set to
 * @rtsp: what vigilrtspsrc is set to
 * @masks: (nullable): what nobody may see, as vigilmask's property of that name; %NULL: no masks
 * @audio: clips are to have the camera's sound
 * @continuous: what is recorded beside clips
 * @metadata_only: nothing of the pictures is kept: no snapshots, and no rule records
 *
 * What was asked for one camera. Reference counted, immutable once loaded.
 */
typedef struct {
    /*< private >*/
    gatomicrefcount refs;

    /*< public >*/
    gchar *name;
    VigilSource *source;
    VigilSource *detect_source; /* (nullable) */
    gdouble fps;
    gint64 weight, max_age_ns;
    gdouble threshold;
    gint64 start_time_us;
    gint transport; /* VigilTransport */
    gint idle;      /* VigilIdle; without @motion everything is decoded */
    gchar *decoder; /* (nullable): which decodes for the detector, see VigilDecoderWish */
    gint record_as; /* VigilRecordAs */
    gint64 max_clip_ns;
    gint64 latency_ns;
    VigilMotionSettings motion;
    VigilCaptureSettings capture;
    VigilRtspSettings rtsp;
    VigilContinuousSettings continuous;
    gchar *masks;
    gboolean audio;
    gboolean metadata_only;
    VigilModelSettings *model;
    VigilRules *rules;
} VigilCameraSettings;

/**
 * VigilSettings:
 * @store_path: absolute; holds events.db and clips/
 * @max_bytes: 0: no limit
 * @max_age_ns: 0: for ever
 * @clips_max_age_ns: of clips and snapshots; 0: as their events
 * @min_free_bytes: that stay free on the store's disk; 0: no matter
 * @keep: (element-type VigilStoreKeep): ages that differ, in the file's order; may be empty
 * @footage: (element-type VigilStoreFootage): limits of continuous recordings; may be empty
 * @cameras: (element-type VigilCameraSettings): in the file's order
 * @uploads: (element-type VigilUploadSettings): where events are sent, in the file's order; may be empty
 */
typedef struct {
    gchar *path;
    gchar *store_path;
    gint64 max_bytes;
    gint64 max_age_ns, clips_max_age_ns;
    gint64 min_free_bytes;
    GArray *keep;
    GArray *footage;
    VigilModelSettings *model;
    GPtrArray *cameras;
    GPtrArray *uploads;
    gboolean avoid_new; /* packages on trial are not used, but those of before */
} VigilSettings;

/**
 * vigil_settings_load:
 *
 * Reads and checks a whole configuration. Says everything that is wrong, each with file, line, key and what would be
 * right; opens no source, model or store.
 *
 * Returns: (transfer full): the settings, or %NULL
 */
VigilSettings *vigil_settings_load(const gchar *path, GError **error);
void vigil_settings_free(VigilSettings *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilSettings, vigil_settings_free)

/** vigil_settings_get_store_options: everything is borrowed. */
VigilStoreOptions vigil_settings_get_store_options(const VigilSettings *self, const gchar *database,
                                                   const gchar *clips, const gchar *program);
/** vigil_settings_print_limits: (transfer full): the same text for the same limits of the store. */
gchar *vigil_settings_print_limits(const VigilSettings *self);

VigilCameraSettings *vigil_camera_settings_ref(VigilCameraSettings *self);
void vigil_camera_settings_unref(VigilCameraSettings *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilCameraSettings, vigil_camera_settings_unref)

/** vigil_camera_settings_equal: a running camera need not be touched. */
gboolean vigil_camera_settings_equal(const VigilCameraSettings *a, const VigilCameraSettings *b);

/** vigil_camera_settings_equal_but_model: a running camera need only change its model, if anything. */
gboolean
vigil_camera_settings_equal_but_model(const VigilCameraSettings *a, const VigilCameraSettings *b);

/** vigil_camera_settings_records: whether any rule wants clips, or all is recorded. */
gboolean vigil_camera_settings_records(const VigilCameraSettings *self);

VigilModelSettings *vigil_model_settings_copy(const VigilModelSettings *self);
void vigil_model_settings_free(VigilModelSettings *self);
/** vigil_model_settings_equal: the same model would be loaded. */
gboolean vigil_model_settings_equal(const VigilModelSettings *a, const VigilModelSettings *b);

/**
 * vigil_settings_set_store: another store than the file's, for `--store`.
 * @path: relative to the current directory
 */
void vigil_settings_set_store(VigilSettings *self, const gchar *path);

G_END_DECLS
