/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

#include "pipeline/vigil-camera-live.h"
#include "pipeline/vigil-settings.h"
#include "plugins/decode/vigil-decoder-failures.h"

G_BEGIN_DECLS

/** VIGIL_CAMERA_AUDIO_PARSER: name of the element whose errors are those of a file's sound alone. */
#define VIGIL_CAMERA_AUDIO_PARSER "audio-parser"

/**
 * VigilCameraPipelineOptions:
 * @database: path of the store's SQLite file; borrowed
 * @clips: directory of the clips; borrowed
 * @failures: (nullable): decoders that are not to be tried first; borrowed
 * @realtime: a file is played at its own speed; otherwise as fast as it goes, without a clock
 */
typedef struct {
    const gchar *database;
    const gchar *clips;
    VigilDecoderFailures *failures;
    gboolean realtime;
} VigilCameraPipelineOptions;

/**
 * VigilCameraPipeline:
 *
 * The elements of one camera, made one by one, from the source to the recorder:
 *
 *     source … parse → tee ┬ queue → decode → queue → vigildetect → vigiltrack → vigilevents → record.events
 *                          └ queue → [encode] ──────────────────────────────────────────────→ record.video
 *
 * With masks:
 *
 *     … tee → queue → decode → vigilmask → tee ┬ queue → vigildetect → … → record.events
 *                                              └ queue → encode → record.video
 *
 * What is between source and tee comes when the stream says what it is. Frames are not thinned out before the decoder, as
 * each is made from those before it; vigildetect takes of them what `detect.fps` asks for and, in a live pipeline, passes
 * on those that come too late, so that the queues before it never grow.
 */
typedef struct VigilCameraPipeline VigilCameraPipeline;

/**
 * vigil_camera_pipeline_new:
 * @settings: borrowed until free
 *
 * Builds, but starts nothing. Errors: %GST_CORE_ERROR, %GST_RESOURCE_ERROR, %VIGIL_MODEL_ERROR.
 */
VigilCameraPipeline *
vigil_camera_pipeline_new(const VigilCameraSettings *settings,
                          const VigilCameraPipelineOptions *options, GError **error);
/** vigil_camera_pipeline_free: stops; may wait for as long as an element does. */
void vigil_camera_pipeline_free(VigilCameraPipeline *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilCameraPipeline, vigil_camera_pipeline_free)

/** vigil_camera_pipeline_get_element: the GstPipeline; borrowed. */
GstElement *vigil_camera_pipeline_get_element(const VigilCameraPipeline *self);

/**
 * vigil_camera_pipeline_set_settings:
 * @settings: that differ in the model only; borrowed until free, as those of before
 * @open: another model is to be opened, and to look at the frames when it is
 */
void vigil_camera_pipeline_set_settings(VigilCameraPipeline *self,
                                        const VigilCameraSettings *settings, gboolean open);

/** vigil_camera_pipeline_fit_tracker: to the scores of the model that a "vigildetect-model" tells of. */
void vigil_camera_pipeline_fit_tracker(VigilCameraPipeline *self, const GstStructure *model);

/**
 * vigil_camera_pipeline_start:
 *
 * Returns: %FALSE when an element refuses; it has said why on the bus
 */
gboolean vigil_camera_pipeline_start(VigilCameraPipeline *self);

/**
 * vigil_camera_pipeline_drain:
 * @stopping: the program was told to stop, which is what the events then say
 *
 * Ends the stream here and now: open events end, clips are finished, then EOS is on the bus. Does not wait.
 *
 * Returns: %FALSE when nothing has flowed yet, so no EOS will come
 */
gboolean vigil_camera_pipeline_drain(VigilCameraPipeline *self, gboolean stopping);

/** vigil_camera_pipeline_get_frames: encoded frames from the source so far. Any thread. */
guint64 vigil_camera_pipeline_get_frames(VigilCameraPipeline *self);
/** vigil_camera_pipeline_get_decoded: pictures for the detector so far. Any thread. */
guint64 vigil_camera_pipeline_get_decoded(VigilCameraPipeline *self);
/** vigil_camera_pipeline_get_live: (out): any thread. */
void vigil_camera_pipeline_get_live(VigilCameraPipeline *self, VigilCameraLive *live);
/** vigil_camera_pipeline_touch: frames are to be expected from now on. */
void vigil_camera_pipeline_touch(VigilCameraPipeline *self);
/** vigil_camera_pipeline_get_idle_us: since the latest one, or since start. Any thread. */
gint64 vigil_camera_pipeline_get_idle_us(VigilCameraPipeline *self);

/**
 * vigil_camera_pipeline_dup_end_problem: (transfer full) (nullable): after the end of a file
 *
 * Returns: why that was not its whole: it is cut off, or goes on with what cannot follow; %NULL: it was
 */
gchar *vigil_camera_pipeline_dup_end_problem(VigilCameraPipeline *self);

/** vigil_camera_pipeline_get_progress: of a file: %FALSE when not known yet. */
gboolean vigil_camera_pipeline_get_progress(VigilCameraPipeline *self, gint64 *position_ns,
                                            gint64 *duration_ns);

G_END_DECLS
