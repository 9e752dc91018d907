/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SECTION:element-vigildetect
 * @title: vigildetect
 *
 * Finds objects in video frames with an INT8 model and attaches what it found. The frame itself is untouched:
 * only metadata is added, and where a frame is shared with other branches its pixels stay shared.
 *
 * Each detection is a GstVideoRegionOfInterestMeta (roi_type: the label; x, y, w, h in pixels) with a structure
 * `detection` (x_min, x_max, y_min, y_max: double, parts of the frame; confidence: double 0..1; label_id: int). With
 * GStreamer 1.24 or newer it is a GstAnalyticsODMtd as well, whose id is the region's id.
 *
 * All elements of a process share one thread that looks at frames, one after the other, each element in proportion to its
 * `weight`, whatever the rates of their frames. In a live pipeline a frame that waits for its turn is left for a fresher one as soon
 * as that comes, so none waits behind another, and the source is never held up: beside the frame that is being
 * looked at an element holds one that waits. Frames come out in their order. In a pipeline that is not live every frame that is wanted is
 * looked at, however long that takes, and the same frames give the same result each time.
 *
 * Not every frame need be looked at: `fps` and `inference-interval` thin them out. What became of a frame is marked on it, so that
 * vigiltrack and vigilevents tell "nothing there" from "not looked at": inferred; skipped-rate; skipped-no-motion (by vigilmotion);
 * skipped-load (in live pipelines: it came later than `max-lateness`; a newer one took its place; or it was older than `max-age` when
 * its turn came; `stats` tells which); timed-out (an inference takes more than 5 s: live frames go on without it, its own frame, too,
 * until it ends; elements can be stopped and flushed meanwhile, and files wait); failed.
 *
 * With `regions`, behind vigilmotion, it looks at the part of a frame in which something moves, where that is much smaller than the
 * frame (see VigilLookPlanner in events/vigil-look-planner.h), and at the whole frame now and then (`whole-interval`). Boxes are in
 * parts of the whole frame all the same, and the frame says which part was looked at, so that vigiltrack and vigilevents take nothing for gone
 * that is elsewhere. `stats` counts these among the frames inferred as `inferred-part`.
 *
 * A tracker makes use of weak detections (vigiltrack carries a track on with them), but only of those that are attached:
 * before vigiltrack set `threshold` to its `low-score`.
 *
 * A model may take another's place while frames flow: set `model` (with `labels` and what else belongs to it) anew. It is
 * opened in the background, whatever its input size and labels, and looks at the first frame that comes when it is ready; no
 * frame is lost or waits. Each frame says which model looked at it. What cannot be opened changes nothing: a warning and the
 * element message `vigildetect-refused` (model, reason: string) say why.
 *
 * With `trial` the model that took another's place is compared with it for a while, by rules that VigilTrial states; if it does
 * worse, the one of before is back with the next frame. `vigildetect-trial` (name, sha256, model, verdict, reason: string, and
 * counters) tells of it, once a second and at its end.
 *
 * When a model begins to look at frames, an element message `vigildetect-model` (name, sha256, model: string; labels: guint)
 * says which it is.
 * Once a second, and at the end of the stream, an element message `vigildetect-stats` with the content of the property
 * `stats` goes to the bus.
 *
 * ## Example launch lines
 *
 * Boxes of a COCO model drawn on a video:
 * |[
 * gst-launch-1.0 filesrc location=camera.mp4 ! qtdemux ! h264parse ! vigilavdec ! vigildetect model=model.tflite labels=labels.txt fps=1 ! vigiloverlay ! fakesink
 * ]|
 *
 * Two branches share one instance of a model:
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=20 ! tee name=t t. ! queue ! vigildetect model=model.tflite labels=labels.txt model-instance-id=coco inference-interval=5 ! fakesink t. ! queue ! vigildetect model=model.tflite labels=labels.txt model-instance-id=coco inference-interval=10 ! fakesink
 * ]|
 */
#include "plugins/common/gstvigilmeta.h"
#include "plugins/common/gstvigilprobe.h"
#include "plugins/common/gstvigilstream.h"
#include "plugins/detect/gstvigildetect-private.h"

GST_DEBUG_CATEGORY(vigil_detect_debug);
#define GST_CAT_DEFAULT vigil_detect_debug

#define PROP_STATS GST_VIGIL_DETECT_CONFIG_N_PROPS

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(GST_VIGIL_VIDEO_FORMATS)));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(GST_VIGIL_VIDEO_FORMATS)));

G_DEFINE_TYPE_WITH_CODE(GstVigilDetect, gst_vigil_detect, GST_TYPE_ELEMENT,
                        GST_DEBUG_CATEGORY_INIT(vigil_detect_debug, "vigildetect", 0,
                                                "object detection"))
GST_ELEMENT_REGISTER_DEFINE(vigildetect, "vigildetect", GST_RANK_NONE, GST_TYPE_VIGIL_DETECT)

/* --- states ----------------------------------------------------------------------------------- */

static gboolean
start(GstVigilDetect *self)
{
    VigilDetectRun *run = vigil_detect_run_open(self);
    VigilStreamOptions options;
    VigilStream *stream;

    if (!run)
        return FALSE;
    self->live = FALSE;
    self->stats_posted_us = g_get_monotonic_time();
    gst_video_info_init(&self->info);
    gst_segment_init(&self->segment, GST_FORMAT_UNDEFINED);
    gst_vigil_detect_forget(self);
    GST_OBJECT_LOCK(self);
    options = gst_vigil_detect_get_options(self);
    GST_OBJECT_UNLOCK(self);
    stream = vigil_stream_new(vigil_scheduler_get(), &options, vigil_detect_look, run,
                              vigil_detect_run_free);
    GST_OBJECT_LOCK(self);
    self->stats = (VigilDetectStats){0};
    self->flow = GST_FLOW_OK;
    self->run = run;
    self->stream = stream;
    GST_OBJECT_UNLOCK(self);
    gst_vigil_detect_request_model(self); /* what was set meanwhile */
    return TRUE;
}

static void
stop(GstVigilDetect *self)
{
    VigilStream *stream;

    GST_OBJECT_LOCK(self);
    if (self->stream)
        vigil_stream_get_stats(self->stream, &self->core_stats);
    if (self->run)
        g_atomic_int_set(&self->run->gone, TRUE);
    self->run = NULL;
    stream = g_steal_pointer(&self->stream);
    GST_OBJECT_UNLOCK(self);
    vigil_stream_free(stream);
}

static GstStateChangeReturn
gst_vigil_detect_change_state(GstElement *element, GstStateChange transition)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(element);
    GstStateChangeReturn result;

    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start(self))
        return GST_STATE_CHANGE_FAILURE;
    result = GST_ELEMENT_CLASS(gst_vigil_detect_parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
        (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
        stop(self);
    return result;
}

static void
set_flow(GstVigilDetect *self, GstFlowReturn flow)
{
    GST_OBJECT_LOCK(self);
    self->flow = flow;
    GST_OBJECT_UNLOCK(self);
}

static gboolean
gst_vigil_detect_src_activate_mode(GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(parent);

    if (mode != GST_PAD_MODE_PUSH)
        return FALSE;
    if (!self->stream)
        return TRUE;
    set_flow(self, active ? GST_FLOW_OK : GST_FLOW_FLUSHING);
    vigil_stream_set_flushing(self->stream, !active);
    return active || gst_pad_stop_task(pad);
}

/* --- events and queries ----------------------------------------------------------------------- */

static void
begin_flush(GstVigilDetect *self)
{
    set_flow(self, GST_FLOW_FLUSHING);
    vigil_stream_set_flushing(self->stream, TRUE);
    gst_pad_pause_task(self->srcpad);
}

static void
end_flush(GstVigilDetect *self)
{
    gst_segment_init(&self->segment, GST_FORMAT_UNDEFINED);
    gst_vigil_detect_forget(self);
    set_flow(self, GST_FLOW_OK);
    vigil_stream_set_flushing(self->stream, FALSE);
}

/* All frames before it are out. */
static void
end_stream(GstVigilDetect *self)
{
    GstFlowReturn flow;

    GST_OBJECT_LOCK(self);
    flow = self->flow;
    GST_OBJECT_UNLOCK(self);
    gst_vigil_detect_post_stats(self);
    if (flow == GST_FLOW_NOT_LINKED || flow < GST_FLOW_EOS)
        GST_ELEMENT_FLOW_ERROR(self, flow);
}

/* What vigilidle says: frames that nobody decoded, and such as come late because it held them. */
static void
note_idle(GstVigilDetect *self, GstEvent *event)
{
    GstClockTime until;

    if (gst_vigil_event_parse_catch_up(event, &until))
        self->catch_up_until = until;
    GST_OBJECT_LOCK(self);
    self->stats.outcomes[VIGIL_OUTCOME_SKIPPED_NO_MOTION] += gst_vigil_event_parse_left(event);
    GST_OBJECT_UNLOCK(self);
}

static gboolean
gst_vigil_detect_sink_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(parent);
    gboolean ok = TRUE;

    if (GST_EVENT_IS_SERIALIZED(event) && self->live &&
        GST_EVENT_TYPE(event) != GST_EVENT_FLUSH_STOP)
        vigil_stream_drain(self->stream);
    note_idle(self, event);
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START:
        ok = gst_pad_push_event(self->srcpad, event);
        begin_flush(self);
        return ok;
    case GST_EVENT_FLUSH_STOP: end_flush(self); break;
    case GST_EVENT_STREAM_START: gst_vigil_detect_forget(self); break;
    case GST_EVENT_SEGMENT: gst_event_copy_segment(event, &self->segment); break;
    case GST_EVENT_CAPS: {
        GstCaps *caps;

        gst_event_parse_caps(event, &caps);
        ok = gst_video_info_from_caps(&self->info, caps);
        break;
    }
    case GST_EVENT_EOS: end_stream(self); break;
    default: break;
    }
    if (ok)
        return gst_pad_event_default(pad, parent, event);
    gst_event_unref(event);
    return FALSE;
}

static gboolean
gst_vigil_detect_sink_query(GstPad *pad, GstObject *parent, GstQuery *query)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(parent);

    if (GST_QUERY_IS_SERIALIZED(query) && self->live)
        vigil_stream_drain(self->stream);
    if (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION)
        return gst_vigil_propose_allocation(self->srcpad, query);
    return gst_pad_query_default(pad, parent, query);
}

static void
note_qos(GstVigilDetect *self, GstEvent *event)
{
    GstClockTimeDiff diff;
    GstClockTime time;

    gst_event_parse_qos(event, NULL, NULL, &diff, &time);
    if (!GST_CLOCK_TIME_IS_VALID(time))
        return;
    GST_OBJECT_LOCK(self);
    self->qos_earliest = diff > 0 || time > (GstClockTime)-diff ? time + diff : 0;
    GST_OBJECT_UNLOCK(self);
}

static gboolean
gst_vigil_detect_src_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(parent);
    VigilPlaces places;

    if (GST_EVENT_TYPE(event) == GST_EVENT_QOS)
        note_qos(self, event);
    if (gst_vigil_event_parse_places(event, &places)) {
        GST_OBJECT_LOCK(self);
        self->places = places;
        GST_OBJECT_UNLOCK(self);
    }
    return gst_pad_event_default(pad, parent, event);
}

/* --- properties ------------------------------------------------------------------------------- */

/* Called once for all properties that are set at once, without a lock. */
static void
gst_vigil_detect_dispatch_properties_changed(GObject *object, guint n, GParamSpec **specs)
{
    G_OBJECT_CLASS(gst_vigil_detect_parent_class)->dispatch_properties_changed(object, n, specs);
    gst_vigil_detect_request_model(GST_VIGIL_DETECT(object));
}

static void
gst_vigil_detect_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(object);

    GST_OBJECT_LOCK(self);
    if (gst_vigil_detect_config_set(&self->config, id, value))
        self->wanted |= gst_vigil_detect_config_is_model(id);
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    if (self->stream) {
        const VigilStreamOptions options = gst_vigil_detect_get_options(self);

        vigil_stream_set_options(self->stream, &options);
    }
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_detect_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(object);

    GST_OBJECT_LOCK(self);
    if (id == PROP_STATS)
        g_value_take_boxed(value, gst_vigil_detect_stats(self));
    else if (!gst_vigil_detect_config_get(&self->config, id, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_detect_finalize(GObject *object)
{
    gst_vigil_detect_config_clear(&GST_VIGIL_DETECT(object)->config);
    G_OBJECT_CLASS(gst_vigil_detect_parent_class)->finalize(object);
}

static void
gst_vigil_detect_class_init(GstVigilDetectClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);

    object_class->set_property = gst_vigil_detect_set_property;
    object_class->get_property = gst_vigil_detect_get_property;
    object_class->dispatch_properties_changed = gst_vigil_detect_dispatch_properties_changed;
    object_class->finalize = gst_vigil_detect_finalize;
    gst_vigil_detect_config_install(object_class);
    g_object_class_install_property(
        object_class, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "Counters since the element started: frames by outcome, why some were "
                           "left out under load, detections, age of frames and time of inference "
                           "in ns (mean, max, p50, p95, p99)",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "Vigil object detector", "Filter/Analyzer/Video",
        "Finds objects in video frames with an INT8 model and attaches them as metadata",
        "The Vigil authors");
    element_class->change_state = gst_vigil_detect_change_state;
}

static void
gst_vigil_detect_init(GstVigilDetect *self)
{
    gst_vigil_detect_config_init(&self->config);
    self->qos_earliest = GST_CLOCK_TIME_NONE;
    self->sinkpad = gst_pad_new_from_static_template(&sink_template, "sink");
    gst_pad_set_chain_function(self->sinkpad, gst_vigil_detect_chain);
    gst_pad_set_event_function(self->sinkpad, gst_vigil_detect_sink_event);
    gst_pad_set_query_function(self->sinkpad, gst_vigil_detect_sink_query);
    GST_PAD_SET_PROXY_CAPS(self->sinkpad);
    gst_element_add_pad(GST_ELEMENT(self), self->sinkpad);
    self->srcpad = gst_pad_new_from_static_template(&src_template, "src");
    gst_pad_set_activatemode_function(self->srcpad, gst_vigil_detect_src_activate_mode);
    gst_pad_set_event_function(self->srcpad, gst_vigil_detect_src_event);
    GST_PAD_SET_PROXY_CAPS(self->srcpad);
    gst_element_add_pad(GST_ELEMENT(self), self->srcpad);
}
