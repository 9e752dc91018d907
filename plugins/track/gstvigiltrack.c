/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SECTION:element-vigiltrack
 * @title: vigiltrack
 *
 * Gives detected objects ids that stay the same from frame to frame. The frame itself is untouched.
 *
 * The region of interest of a tracked detection gets a structure `object_id` (id: int) and, with GStreamer 1.24 or newer,
 * its GstAnalyticsODMtd a related GstAnalyticsTrackingMtd. On frames that vigildetect did not look at, the tracks'
 * probable places are attached as regions with `object_id` and without `detection`. A structure `vigil-track` says the
 * rest: the filtered box, whether the object was observed in this frame, when it was first and last.
 *
 * Where vigildetect looked at a part of a frame, a track elsewhere was not missed: it stays, predicted, until it is looked for.
 *
 * Good detections (`high-score`) begin tracks and are associated first; weaker ones, down to `low-score`, only carry tracks
 * on, as ByteTrack does. So vigildetect's `threshold` should be `low-score`: what it does not attach cannot help.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 filesrc location=camera.mp4 ! qtdemux ! h264parse ! vigilavdec ! vigildetect model=model.tflite labels=labels.txt fps=1 threshold=0.2 ! vigiltrack high-score=0.5 low-score=0.2 max-lost=3000000000 ! vigiloverlay ! fakesink
 * ]|
 */
#include "plugins/track/gstvigiltrack.h"

#include <gst/video/video.h>

#include "events/vigil-tracker.h"
#include "plugins/common/gstvigilmeta.h"
#include "plugins/common/gstvigilstream.h"

GST_DEBUG_CATEGORY_STATIC(vigil_track_debug);
#define GST_CAT_DEFAULT vigil_track_debug

struct _GstVigilTrack {
    GstBaseTransform parent;

    VigilTrackerOptions options; /* object lock */
    gboolean changed;            /* object lock: scores were set since the last frame */

    /* streaming thread */
    VigilTracker *tracker;
    GstVideoInfo info;
    gint64 last_ns; /* stream time of the last frame that the tracker got; -1: none */
    VigilDetection *detections;
    gint *matches;
    VigilTrack tracks[VIGIL_TRACKER_MAX_TRACKS];
    guint n_told, n_resting_told, n_places_told; /* tracks, to whom it concerns upstream */
};

enum {
    PROP_0,
    PROP_HIGH_SCORE,
    PROP_LOW_SCORE,
    PROP_IOU_THRESHOLD,
    PROP_MIN_HITS,
    PROP_MAX_LOST,
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));

G_DEFINE_TYPE_WITH_CODE(GstVigilTrack, gst_vigil_track, GST_TYPE_BASE_TRANSFORM,
                        GST_DEBUG_CATEGORY_INIT(vigil_track_debug, "vigiltrack", 0,
                                                "object tracking"))
GST_ELEMENT_REGISTER_DEFINE(vigiltrack, "vigiltrack", GST_RANK_NONE, GST_TYPE_VIGIL_TRACK)

static gboolean
gst_vigil_track_start(GstBaseTransform *trans)
{
    GstVigilTrack *self = GST_VIGIL_TRACK(trans);
    VigilTrackerOptions options;

    GST_OBJECT_LOCK(self);
    options = self->options;
    GST_OBJECT_UNLOCK(self);
    if (options.low_score > options.high_score) {
        GST_ELEMENT_ERROR(self, LIBRARY, SETTINGS,
                          ("low-score (%g) must not be above high-score (%g).", options.low_score,
                           options.high_score),
                          (NULL));
        return FALSE;
    }
    self->tracker = vigil_tracker_new(&options);
    self->detections = g_new0(VigilDetection, GST_VIGIL_MAX_DETECTIONS);
    self->matches = g_new0(gint, GST_VIGIL_MAX_DETECTIONS);
    self->last_ns = -1;
    self->n_told = self->n_resting_told = self->n_places_told = 0;
    return TRUE;
}

static gboolean
gst_vigil_track_stop(GstBaseTransform *trans)
{
    GstVigilTrack *self = GST_VIGIL_TRACK(trans);

    g_clear_pointer(&self->tracker, vigil_tracker_free);
    g_clear_pointer(&self->detections, g_free);
    g_clear_pointer(&self->matches, g_free);
    return TRUE;
}

static gboolean
gst_vigil_track_set_caps(GstBaseTransform *trans, GstCaps *incaps, GstCaps *outcaps)
{
    return gst_video_info_from_caps(&GST_VIGIL_TRACK(trans)->info, incaps);
}

static gboolean
gst_vigil_track_propose_allocation(GstBaseTransform *trans, GstQuery *decide, GstQuery *query)
{
    return gst_vigil_propose_allocation(GST_BASE_TRANSFORM_SRC_PAD(trans), query);
}

static void
forget_tracks(GstVigilTrack *self)
{
    vigil_tracker_reset(self->tracker);
    self->last_ns = -1;
}

static gboolean
gst_vigil_track_sink_event(GstBaseTransform *trans, GstEvent *event)
{
    if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
        forget_tracks(GST_VIGIL_TRACK(trans));
    return GST_BASE_TRANSFORM_CLASS(gst_vigil_track_parent_class)->sink_event(trans, event);
}

/* Another model may call other scores good. */
static void
adopt_scores(GstVigilTrack *self)
{
    GST_OBJECT_LOCK(self);
    if (self->changed)
        vigil_tracker_set_scores(self->tracker, self->options.low_score, self->options.high_score);
    self->changed = FALSE;
    GST_OBJECT_UNLOCK(self);
}

/* What lives is worth looking at, though it may not move; what rests now and then. */
static void
tell_upstream(GstVigilTrack *self, guint n_tracks, gboolean with_places)
{
    guint n_resting = 0;
    VigilPlaces places;

    for (guint i = 0; i < n_tracks; i++)
        n_resting += self->tracks[i].resting ? 1 : 0;
    n_tracks -= n_resting;
    if (with_places) {
        vigil_tracker_get_places(self->tracker, &places);
        with_places = places.n > 0 || self->n_places_told > 0;
    }
    if (!with_places && n_tracks == self->n_told && n_resting == self->n_resting_told)
        return;
    self->n_told = n_tracks;
    self->n_resting_told = n_resting;
    if (with_places) {
        self->n_places_told = places.n;
        gst_pad_push_event(GST_BASE_TRANSFORM_SINK_PAD(self),
                           gst_vigil_event_new_places(n_tracks, n_resting, &places));
        return;
    }
    gst_pad_push_event(GST_BASE_TRANSFORM_SINK_PAD(self),
                       gst_vigil_event_new_tracks(n_tracks, n_resting));
}

static GstFlowReturn
gst_vigil_track_transform_ip(GstBaseTransform *trans, GstBuffer *buffer)
{
    GstVigilTrack *self = GST_VIGIL_TRACK(trans);
    const gint64 time_ns = gst_vigil_stream_time(&trans->segment, buffer);
    guint n_detections = 0, n_tracks;

    adopt_scores(self);
    if (time_ns < 0) {
        GST_LOG_OBJECT(self, "frame without a time is not tracked");
        return GST_FLOW_OK;
    }
    if (time_ns < self->last_ns) {
        GST_INFO_OBJECT(self, "the stream went back: all tracks end");
        forget_tracks(self);
    }
    /* two frames of one time: the second shows nothing new to a motion model */
    if (gst_vigil_buffer_get_outcome(buffer) != VIGIL_OUTCOME_INFERRED ||
        time_ns == self->last_ns) {
        n_tracks =
            vigil_tracker_predict(self->tracker, time_ns, self->tracks, G_N_ELEMENTS(self->tracks));
        gst_vigil_buffer_set_tracks(buffer, &self->info, self->tracks, n_tracks, NULL, 0);
        tell_upstream(self, n_tracks, FALSE);
        return GST_FLOW_OK;
    }
    n_detections = gst_vigil_buffer_get_detections(buffer, &self->info, self->detections,
                                                   GST_VIGIL_MAX_DETECTIONS);
    n_tracks = vigil_tracker_update_area(self->tracker, time_ns, gst_vigil_buffer_get_area(buffer),
                                         self->detections, n_detections, self->tracks,
                                         self->matches, G_N_ELEMENTS(self->tracks));
    self->last_ns = time_ns;
    gst_vigil_buffer_set_tracks(buffer, &self->info, self->tracks, n_tracks, self->matches,
                                n_detections);
    tell_upstream(self, n_tracks, gst_vigil_buffer_get_wants_places(buffer));
    return GST_FLOW_OK;
}

static void
gst_vigil_track_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    GstVigilTrack *self = GST_VIGIL_TRACK(object);
    VigilTrackerOptions *options = &self->options;

    GST_OBJECT_LOCK(self);
    self->changed = TRUE;
    switch (id) {
    case PROP_HIGH_SCORE: options->high_score = g_value_get_double(value); break;
    case PROP_LOW_SCORE: options->low_score = g_value_get_double(value); break;
    case PROP_IOU_THRESHOLD: options->iou_threshold = g_value_get_double(value); break;
    case PROP_MIN_HITS: options->min_hits = g_value_get_uint(value); break;
    case PROP_MAX_LOST: options->max_lost_ns = g_value_get_int64(value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_track_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstVigilTrack *self = GST_VIGIL_TRACK(object);
    const VigilTrackerOptions *options = &self->options;

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_HIGH_SCORE: g_value_set_double(value, options->high_score); break;
    case PROP_LOW_SCORE: g_value_set_double(value, options->low_score); break;
    case PROP_IOU_THRESHOLD: g_value_set_double(value, options->iou_threshold); break;
    case PROP_MIN_HITS: g_value_set_uint(value, options->min_hits); break;
    case PROP_MAX_LOST: g_value_set_int64(value, options->max_lost_ns); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
install_properties(GObjectClass *klass)
{
    const VigilTrackerOptions defaults = vigil_tracker_options_defaults();
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
    const GParamFlags at_once =
        G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

    g_object_class_install_property(
        klass, PROP_HIGH_SCORE,
        g_param_spec_double(
            "high-score", "High score",
            "A detection at least this good (0 to 1) may begin a track and is associated first",
            0.0, 1.0, defaults.high_score, at_once));
    g_object_class_install_property(
        klass, PROP_LOW_SCORE,
        g_param_spec_double("low-score", "Low score",
                            "A detection below high-score, down to this (0 to 1), only carries on "
                            "a track that is there; "
                            "what is weaker is ignored. Not above high-score",
                            0.0, 1.0, defaults.low_score, at_once));
    g_object_class_install_property(
        klass, PROP_IOU_THRESHOLD,
        g_param_spec_double("iou-threshold", "IoU threshold",
                            "Least overlap (intersection over union, 0 to 1) of a detection with "
                            "the place where a track "
                            "is expected",
                            0.0, 1.0, defaults.iou_threshold, flags));
    g_object_class_install_property(
        klass, PROP_MIN_HITS,
        g_param_spec_uint(
            "min-hits", "Min. hits",
            "Detections that a track needs before it is attached; 1: from the first on", 1, 1000,
            defaults.min_hits, flags));
    g_object_class_install_property(
        klass, PROP_MAX_LOST,
        g_param_spec_int64("max-lost", "Max. lost",
                           "A track ends when nothing was detected for it this long, in ns of "
                           "stream time; 0: at the first "
                           "inference that misses it",
                           0, G_MAXINT64, defaults.max_lost_ns, flags));
}

static void
gst_vigil_track_class_init(GstVigilTrackClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

    object_class->set_property = gst_vigil_track_set_property;
    object_class->get_property = gst_vigil_track_get_property;
    install_properties(object_class);

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "Vigil object tracker", "Filter/Analyzer/Video",
        "Gives detected objects ids that stay the same from frame to frame", "The Vigil authors");

    transform_class->start = gst_vigil_track_start;
    transform_class->stop = gst_vigil_track_stop;
    transform_class->set_caps = gst_vigil_track_set_caps;
    transform_class->propose_allocation = gst_vigil_track_propose_allocation;
    transform_class->sink_event = gst_vigil_track_sink_event;
    transform_class->transform_ip = gst_vigil_track_transform_ip;
}

static void
gst_vigil_track_init(GstVigilTrack *self)
{
    self->options = vigil_tracker_options_defaults();
    gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}
