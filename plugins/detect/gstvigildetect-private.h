/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/video/video.h>

#include "events/vigil-look-planner.h"
#include "models/vigil-scheduler.h"
#include "plugins/detect/gstvigildetect.h"
#include "plugins/detect/gstvigildetectconfig.h"
#include "plugins/detect/vigil-detect-loader.h"
#include "plugins/detect/vigil-detect-stats.h"
#include "plugins/detect/vigil-detect-trial.h"

G_BEGIN_DECLS

typedef struct VigilDetectFrame VigilDetectFrame;

/**
 * VigilDetectRun: what looks at frames from one start of an element to its stop. It may outlive the stop, when an inference does not
 * end; then it says nothing any more.
 */
typedef struct {
    GstVigilDetect *element; /* a reference */
    gint gone;               /* atomic: the element has stopped */
    VigilDetectLoader *loader;
    VigilDetectModel *model; /* written under the element's object lock */

    /* scheduler's thread */
    VigilLookPlanner planner;
    VigilDetectTrial *trial; /* NULL: the model is not on trial */
    gint64 trial_posted_us;

    GMutex lock;
    VigilDetectFrame *spare; /* frames that were used and are free again */
} VigilDetectRun;

struct _GstVigilDetect {
    GstElement parent;
    GstPad *sinkpad, *srcpad;

    /* object lock */
    GstVigilDetectConfig config;
    VigilDetectStats stats;
    VigilCoreStats core_stats; /* of the run before */
    GstClockTime qos_earliest; /* running time before which a frame is of no use downstream */
    gboolean wanted;           /* another model is to be opened */
    VigilDetectRun *run;       /* NULL: stopped */
    VigilStream *stream;       /* owns the run */
    VigilPlaces places;        /* of tracks, as vigiltrack told */
    GstFlowReturn flow;        /* what downstream said last */

    /* streaming thread of the sink pad; the task only reads what does not change while it runs */
    GstSegment segment;
    GstVideoInfo info;
    gboolean live, live_known;
    GstClockTime catch_up_until; /* running time; frames up to it are late by intent */
    GstClockTime latency;

    /* who pushes: the task, or in a pipeline that is not live the sink pad's thread */
    gint64 stats_posted_us;
};

/* gstvigildetect-model.c */

/** vigil_detect_run_open: %NULL: an error was posted. */
VigilDetectRun *vigil_detect_run_open(GstVigilDetect *self);
/** vigil_detect_run_free: a #GDestroyNotify, for the stream. */
void vigil_detect_run_free(gpointer run);
/** vigil_detect_run_adopt: scheduler's thread: another model that is ready takes over between two frames. */
void vigil_detect_run_adopt(VigilDetectRun *self);
/** vigil_detect_run_judge: scheduler's thread: the trial's end, if it is time. */
void vigil_detect_run_judge(VigilDetectRun *self);
/** gst_vigil_detect_request_model: opens what was set since the last time, if anything. */
void gst_vigil_detect_request_model(GstVigilDetect *self);
/** gst_vigil_detect_post: (transfer full) @structure: as an element message. */
void gst_vigil_detect_post(GstVigilDetect *self, GstStructure *structure);

/* gstvigildetect-frames.c */

GstFlowReturn gst_vigil_detect_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer);
/** vigil_detect_look: scheduler's thread; for vigil_stream_new(). */
gboolean vigil_detect_look(VigilFrame *frame, gpointer run);
/** vigil_detect_frames_free: that are spare. */
void vigil_detect_frames_free(VigilDetectRun *run);
/** gst_vigil_detect_forget: what was known of the stream. */
void gst_vigil_detect_forget(GstVigilDetect *self);
/** gst_vigil_detect_get_options: with the object lock. */
VigilStreamOptions gst_vigil_detect_get_options(const GstVigilDetect *self);
void gst_vigil_detect_post_stats(GstVigilDetect *self);
/** gst_vigil_detect_stats: (transfer full): with the object lock. */
GstStructure *gst_vigil_detect_stats(GstVigilDetect *self);

G_END_DECLS
