/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SECTION:element-vigilmotion
 * @title: vigilmotion
 *
 * Says of each frame whether something moves, so that vigildetect, which stands behind it, need not look at frames of an
 * empty yard. The frame itself is untouched; a small picture of its luma is all that is looked at (see VigilMotion in
 * events/vigil-motion.h for what counts as motion and what light, rain, leaves and shaking come to).
 *
 * A frame that is not worth an inference is marked so ("skipped-no-motion"), which vigildetect, vigiltrack and vigilevents
 * understand. Worth one is: what moves and 2 s after it (`hold`); while vigiltrack downstream follows something, one frame a second
 * (`tracked-interval`), so that what stops keeps its track; while all that it follows has been at rest for 5 s, one frame in five seconds
 * (`resting-interval`); else one frame in ten seconds (`idle-interval`). vigiltrack tells how many tracks live by an upstream event.
 *
 * vigilidle before the decoder asks whether nothing happens, and has keyframes looked at while it keeps the others from the decoder.
 *
 * The property `stats`, and once a second and at the end of the stream an element message `vigilmotion-stats`, has, all guint64:
 * `frames`, `looks` (frames compared with the background), `moving`, `quiet`, `scene-changes`, `passed` (frames worth an inference).
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 filesrc location=camera.mp4 ! qtdemux ! h264parse ! vigilavdec ! vigilmotion masks="0,0 1,0 1,0.1 0,0.1" ! vigildetect model=default fps=5 ! vigiltrack ! vigiloverlay ! fakesink
 * ]|
 */
#include "plugins/common/gstvigilmeta.h"
#include "plugins/common/gstvigilstream.h"
#include "plugins/motion/gstvigilmotion-private.h"
#include "plugins/motion/vigil-mask-list.h"

GST_DEBUG_CATEGORY(vigil_motion_debug);
#define GST_CAT_DEFAULT vigil_motion_debug

#define STATS_INTERVAL_US G_USEC_PER_SEC
#define DEFAULT_LOOKS 5 /* a second */

enum {
    PROP_0,
    PROP_SENSITIVITY,
    PROP_LOOKS,
    PROP_MASKS,
    PROP_HOLD,
    PROP_TRACKED_INTERVAL,
    PROP_RESTING_INTERVAL,
    PROP_IDLE_INTERVAL,
    PROP_STATS,
};

/* Those whose first plane is luma, a byte a pixel. */
#define FORMATS "{ I420, NV12, GRAY8, YV12, NV21, Y42B, Y444 }"

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(FORMATS)));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(FORMATS)));

G_DEFINE_TYPE_WITH_CODE(GstVigilMotion, gst_vigil_motion, GST_TYPE_BASE_TRANSFORM,
                        GST_DEBUG_CATEGORY_INIT(vigil_motion_debug, "vigilmotion", 0,
                                                "motion gate"))
GST_ELEMENT_REGISTER_DEFINE(vigilmotion, "vigilmotion", GST_RANK_NONE, GST_TYPE_VIGIL_MOTION)

static void
forget_stream(GstVigilMotion *self)
{
    if (self->motion)
        vigil_motion_reset(self->motion);
    vigil_motion_gate_reset(&self->gate);
    self->result = (VigilMotionResult){.state = VIGIL_MOTION_LEARNING};
    self->last_slot = self->probed_ns = -1;
    GST_OBJECT_LOCK(self);
    self->n_tracks = self->n_resting = 0;
    GST_OBJECT_UNLOCK(self);
}

static gboolean
gst_vigil_motion_start(GstBaseTransform *trans)
{
    GstVigilMotion *self = GST_VIGIL_MOTION(trans);
    g_autoptr(GError) error = NULL;
    g_autofree gchar *masks = NULL;

    GST_OBJECT_LOCK(self);
    masks = g_strdup(self->masks);
    self->stats = (GstVigilMotionStats){0};
    GST_OBJECT_UNLOCK(self);
    self->polygons = vigil_mask_list_parse(masks, &error);
    if (!self->polygons) {
        GST_ELEMENT_ERROR(self, LIBRARY, SETTINGS, ("masks: %s.", error->message), (NULL));
        return FALSE;
    }
    self->stats_posted_us = g_get_monotonic_time();
    forget_stream(self);
    return TRUE;
}

static gboolean
gst_vigil_motion_stop(GstBaseTransform *trans)
{
    GstVigilMotion *self = GST_VIGIL_MOTION(trans);

    g_clear_pointer(&self->motion, vigil_motion_free);
    g_clear_pointer(&self->saved, vigil_motion_free);
    g_clear_pointer(&self->polygons, g_array_unref);
    return TRUE;
}

static gboolean
gst_vigil_motion_set_caps(GstBaseTransform *trans, GstCaps *incaps, GstCaps *outcaps)
{
    GstVigilMotion *self = GST_VIGIL_MOTION(trans);
    guint sensitivity;

    if (!gst_video_info_from_caps(&self->info, incaps))
        return FALSE;
    GST_OBJECT_LOCK(self);
    sensitivity = self->sensitivity;
    GST_OBJECT_UNLOCK(self);
    g_clear_pointer(&self->motion, vigil_motion_free);
    g_clear_pointer(&self->saved, vigil_motion_free);
    if (GST_VIDEO_INFO_WIDTH(&self->info) > 65535 || GST_VIDEO_INFO_HEIGHT(&self->info) > 65535)
        return FALSE;
    self->motion = vigil_motion_new((guint)GST_VIDEO_INFO_WIDTH(&self->info),
                                    (guint)GST_VIDEO_INFO_HEIGHT(&self->info), sensitivity);
    for (guint i = 0; i < self->polygons->len; i++) {
        const VigilMask *mask = &g_array_index(self->polygons, VigilMask, i);

        vigil_motion_add_mask(self->motion, mask->points, mask->n_points);
    }
    forget_stream(self);
    return TRUE;
}

static gboolean
gst_vigil_motion_propose_allocation(GstBaseTransform *trans, GstQuery *decide, GstQuery *query)
{
    return gst_vigil_propose_allocation(GST_BASE_TRANSFORM_SRC_PAD(trans), query);
}

static GstStructure *
stats_structure(GstVigilMotion *self)
{
    GstVigilMotionStats stats;

    GST_OBJECT_LOCK(self);
    stats = self->stats;
    GST_OBJECT_UNLOCK(self);
    return gst_structure_new("vigilmotion-stats", "frames", G_TYPE_UINT64, stats.frames, "looks",
                             G_TYPE_UINT64, stats.looks, "moving", G_TYPE_UINT64, stats.moving,
                             "quiet", G_TYPE_UINT64, stats.quiet, "scene-changes", G_TYPE_UINT64,
                             stats.scene_changes, "passed", G_TYPE_UINT64, stats.passed, NULL);
}

static void
post_stats(GstVigilMotion *self)
{
    self->stats_posted_us = g_get_monotonic_time();
    gst_element_post_message(GST_ELEMENT(self),
                             gst_message_new_element(GST_OBJECT(self), stats_structure(self)));
}

static gboolean
gst_vigil_motion_sink_event(GstBaseTransform *trans, GstEvent *event)
{
    if (GST_EVENT_TYPE(event) == GST_EVENT_EOS)
        post_stats(GST_VIGIL_MOTION(trans));
    if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP ||
        GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START)
        forget_stream(GST_VIGIL_MOTION(trans));
    return GST_BASE_TRANSFORM_CLASS(gst_vigil_motion_parent_class)->sink_event(trans, event);
}

static gboolean
gst_vigil_motion_src_event(GstBaseTransform *trans, GstEvent *event)
{
    GstVigilMotion *self = GST_VIGIL_MOTION(trans);
    guint n_tracks, n_resting;

    if (gst_vigil_event_parse_tracks(event, &n_tracks, &n_resting)) {
        GST_OBJECT_LOCK(self);
        self->n_tracks = n_tracks;
        self->n_resting = n_resting;
        GST_OBJECT_UNLOCK(self);
    }
    return GST_BASE_TRANSFORM_CLASS(gst_vigil_motion_parent_class)->src_event(trans, event);
}

/* Time is cut into slots, as vigildetect does for its rate. */
gboolean
gst_vigil_motion_is_look_due(GstVigilMotion *self, gint64 time_ns)
{
    gint looks_n, looks_d;
    gint64 slot;

    GST_OBJECT_LOCK(self);
    looks_n = self->looks_n;
    looks_d = self->looks_d;
    GST_OBJECT_UNLOCK(self);
    if (looks_n == 0)
        return TRUE;
    slot = (gint64)gst_util_uint64_scale((guint64)time_ns, (guint64)looks_n,
                                         GST_SECOND * (guint64)looks_d);
    if (slot == self->last_slot)
        return FALSE;
    self->last_slot = slot;
    return TRUE;
}

void
gst_vigil_motion_count_look(GstVigilMotion *self)
{
    GST_OBJECT_LOCK(self);
    self->stats.looks++;
    self->stats.moving += self->result.state == VIGIL_MOTION_MOVING ? 1 : 0;
    self->stats.quiet += self->result.state == VIGIL_MOTION_QUIET ? 1 : 0;
    self->stats.scene_changes += self->result.state == VIGIL_MOTION_SCENE_CHANGE ? 1 : 0;
    GST_OBJECT_UNLOCK(self);
}

static gboolean
look(GstVigilMotion *self, GstBuffer *buffer, gint64 time_ns)
{
    GstVideoFrame frame;

    if (!gst_video_frame_map(&frame, &self->info, buffer,
                             GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
        return FALSE;
    /* a picture stored bottom up has a negative stride, and is passed on as one nobody looked at */
    if (GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0) > 0) {
        vigil_motion_update(self->motion, time_ns, GST_VIDEO_FRAME_PLANE_DATA(&frame, 0),
                            (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0), &self->result);
        gst_vigil_motion_count_look(self);
    }
    gst_video_frame_unmap(&frame);
    return TRUE;
}

gboolean
gst_vigil_motion_is_worth_an_inference(GstVigilMotion *self, gint64 time_ns)
{
    guint n_tracks, n_resting;

    GST_OBJECT_LOCK(self);
    n_tracks = self->n_tracks;
    n_resting = self->n_resting;
    self->gate.hold_ns = self->hold_ns;
    self->gate.tracked_ns = self->tracked_ns;
    self->gate.resting_ns = self->resting_ns;
    self->gate.idle_ns = self->idle_ns;
    GST_OBJECT_UNLOCK(self);
    return vigil_motion_gate_decide(&self->gate, time_ns, self->result.state, n_tracks, n_resting);
}

void
gst_vigil_motion_mark(GstVigilMotion *self, GstBuffer *buffer, gint64 time_ns)
{
    gboolean worth = TRUE;

    if (time_ns >= 0) {
        worth = gst_vigil_motion_is_worth_an_inference(self, time_ns);
        gst_vigil_buffer_set_motion(buffer, &self->result);
    }
    if (!worth && gst_vigil_buffer_get_outcome(buffer) == VIGIL_OUTCOME_INFERRED)
        gst_vigil_buffer_set_outcome(buffer, VIGIL_OUTCOME_SKIPPED_NO_MOTION);
    GST_OBJECT_LOCK(self);
    self->stats.frames++;
    self->stats.passed += worth ? 1 : 0;
    GST_OBJECT_UNLOCK(self);
    if (g_get_monotonic_time() - self->stats_posted_us >= STATS_INTERVAL_US)
        post_stats(self);
}

static GstFlowReturn
gst_vigil_motion_transform_ip(GstBaseTransform *trans, GstBuffer *buffer)
{
    GstVigilMotion *self = GST_VIGIL_MOTION(trans);
    const gint64 time_ns = gst_vigil_stream_time(&trans->segment, buffer);

    /* the keyframe that was looked at already, when vigilidle sends the frames behind it after all */
    if (time_ns >= 0 && time_ns == self->probed_ns)
        return GST_BASE_TRANSFORM_FLOW_DROPPED;
    if (time_ns >= 0 && gst_vigil_motion_is_look_due(self, time_ns) &&
        !look(self, buffer, time_ns)) {
        GST_ELEMENT_WARNING(self, STREAM, FAILED, ("A frame could not be read."), (NULL));
        return GST_FLOW_OK;
    }
    gst_vigil_motion_mark(self, buffer, time_ns);
    return GST_FLOW_OK;
}

static gboolean
gst_vigil_motion_query(GstBaseTransform *trans, GstPadDirection direction, GstQuery *query)
{
    if (direction == GST_PAD_SINK && gst_vigil_motion_answer_probe(GST_VIGIL_MOTION(trans), query))
        return TRUE;
    return GST_BASE_TRANSFORM_CLASS(gst_vigil_motion_parent_class)->query(trans, direction, query);
}

static void
gst_vigil_motion_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    GstVigilMotion *self = GST_VIGIL_MOTION(object);

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_SENSITIVITY: self->sensitivity = g_value_get_uint(value); break;
    case PROP_LOOKS:
        self->looks_n = gst_value_get_fraction_numerator(value);
        self->looks_d = gst_value_get_fraction_denominator(value);
        break;
    case PROP_MASKS:
        g_free(self->masks);
        self->masks = g_value_dup_string(value);
        break;
    case PROP_HOLD: self->hold_ns = g_value_get_int64(value); break;
    case PROP_TRACKED_INTERVAL: self->tracked_ns = g_value_get_int64(value); break;
    case PROP_RESTING_INTERVAL: self->resting_ns = g_value_get_int64(value); break;
    case PROP_IDLE_INTERVAL: self->idle_ns = g_value_get_int64(value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_motion_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstVigilMotion *self = GST_VIGIL_MOTION(object);

    if (id == PROP_STATS) {
        g_value_take_boxed(value, stats_structure(self));
        return;
    }
    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_SENSITIVITY: g_value_set_uint(value, self->sensitivity); break;
    case PROP_LOOKS: gst_value_set_fraction(value, self->looks_n, self->looks_d); break;
    case PROP_MASKS: g_value_set_string(value, self->masks); break;
    case PROP_HOLD: g_value_set_int64(value, self->hold_ns); break;
    case PROP_TRACKED_INTERVAL: g_value_set_int64(value, self->tracked_ns); break;
    case PROP_RESTING_INTERVAL: g_value_set_int64(value, self->resting_ns); break;
    case PROP_IDLE_INTERVAL: g_value_set_int64(value, self->idle_ns); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_motion_finalize(GObject *object)
{
    g_free(GST_VIGIL_MOTION(object)->masks);
    G_OBJECT_CLASS(gst_vigil_motion_parent_class)->finalize(object);
}

static void
install_properties(GObjectClass *klass)
{
    const VigilMotionGate defaults = vigil_motion_gate_defaults();
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

    g_object_class_install_property(
        klass, PROP_SENSITIVITY,
        g_param_spec_uint("sensitivity", "Sensitivity",
                          "1 to 100. Motion is a change of at least 4 + 0.16 * (100 - sensitivity) "
                          "of 255 luma levels, in a "
                          "patch of at least 0.02 % * 2^((100 - sensitivity) / 16.7) of the "
                          "picture. 50: 12 levels and 0.16 %, "
                          "about a person of a tenth of the picture's height",
                          1, 100, VIGIL_MOTION_SENSITIVITY_DEFAULT, flags));
    g_object_class_install_property(
        klass, PROP_LOOKS,
        gst_param_spec_fraction(
            "fps", "Looks a second",
            "Frames a second that are compared with the background; the frames between share what "
            "was found. 0: every frame",
            0, 1, 1000, 1, DEFAULT_LOOKS, 1,
            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
    g_object_class_install_property(
        klass, PROP_MASKS,
        g_param_spec_string(
            "masks", "Masks",
            "Parts of the picture where motion does not count: polygons, their corners as x,y in "
            "parts of "
            "the frame, separated by spaces, the polygons by semicolons: \"0,0 1,0 1,0.1 0,0.1\"",
            NULL, flags));
    gst_vigil_install_time(
        klass, PROP_HOLD, "hold", "Hold",
        "After motion every frame is still worth an inference for so long, in ns of stream time",
        defaults.hold_ns);
    gst_vigil_install_time(
        klass, PROP_TRACKED_INTERVAL, "tracked-interval", "Tracked interval",
        "While vigiltrack follows something that does not move, one frame in so long is "
        "worth an inference, in ns of "
        "stream time; must be less than vigiltrack's max-lost",
        defaults.tracked_ns);
    gst_vigil_install_time(
        klass, PROP_RESTING_INTERVAL, "resting-interval", "Resting interval",
        "While all that vigiltrack follows rests, one frame in so long is worth an inference, in "
        "ns of stream time",
        defaults.resting_ns);
    gst_vigil_install_time(
        klass, PROP_IDLE_INTERVAL, "idle-interval", "Idle interval",
        "While nothing moves and nothing is tracked, one frame in so long is worth an "
        "inference, in ns of stream time; "
        "0: none",
        defaults.idle_ns);
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics", "Counters since the element started",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_vigil_motion_class_init(GstVigilMotionClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

    object_class->set_property = gst_vigil_motion_set_property;
    object_class->get_property = gst_vigil_motion_get_property;
    object_class->finalize = gst_vigil_motion_finalize;
    install_properties(object_class);

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "Vigil motion gate", "Filter/Analyzer/Video",
        "Marks frames in which nothing moves, so that no inference is spent on them",
        "The Vigil authors");

    transform_class->start = gst_vigil_motion_start;
    transform_class->stop = gst_vigil_motion_stop;
    transform_class->set_caps = gst_vigil_motion_set_caps;
    transform_class->propose_allocation = gst_vigil_motion_propose_allocation;
    transform_class->sink_event = gst_vigil_motion_sink_event;
    transform_class->src_event = gst_vigil_motion_src_event;
    transform_class->query = gst_vigil_motion_query;
    transform_class->transform_ip = gst_vigil_motion_transform_ip;
}

static void
gst_vigil_motion_init(GstVigilMotion *self)
{
    const VigilMotionGate defaults = vigil_motion_gate_defaults();

    self->sensitivity = VIGIL_MOTION_SENSITIVITY_DEFAULT;
    self->looks_n = DEFAULT_LOOKS;
    self->looks_d = 1;
    self->hold_ns = defaults.hold_ns;
    self->tracked_ns = defaults.tracked_ns;
    self->resting_ns = defaults.resting_ns;
    self->idle_ns = defaults.idle_ns;
    self->gate = defaults;
    gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}
