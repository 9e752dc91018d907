/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SECTION:element-vigilidle
 * @title: vigilidle
 *
 * Stands before a decoder and lets it rest while nothing happens. vigilmotion must stand behind the decoder: without it every frame is passed on.
 *
 * Awake, all frames pass, and at keyframes vigilmotion is asked whether nothing moves and nothing is tracked any more but what rests. If so the
 * element falls asleep: the frames since the last keyframe are held, and a keyframe is decoded beside every two seconds
 * (`check-interval`, or as often as there are keyframes) for vigilmotion to look at. If nothing moves there, what is held is let go. Else all that is held
 * is sent at once, in its order, and the element is awake: so what happened since the last look is analysed too, and nothing is lost that is still
 * to be seen then. Sooner than that it wakes when a coded frame is much larger than such frames were while nothing moved (see
 * VigilCodedSize in events/vigil-coded-size.h), when vigiltrack says that something is tracked that does not rest, and when it would have to hold more than `max-held-time` or
 * `max-held-bytes` (or `max-blind-time`, while the sizes cannot tell); no frame is dropped for want of space.
 *
 * After each such look a decoder in a VigilDecoderBin is told to give back its memory until it gets frames again.
 *
 * Decoding begins at IDR pictures, in H.265 at any random access point; streams without these are never slept through, nor is one
 * whose keyframes are further apart than these limits. At the end of the stream what is held is sent.
 * With JPEG, where each frame can be decoded alone, one frame in `look-interval` is sent while nothing moves.
 *
 * The property `stats`, and once a second and at the end of the stream an element message `vigilidle-stats`, has: `asleep` (gboolean), and as guint64
 * `frames`, `passed`, `left` (not decoded), `probes` (keyframes decoded beside), `caught-up` (held, then sent), `sleeps`,
 * `woken-by-size`, `woken-by-probe`, `woken-by-track`, `woken-by-limit`, `false-sizes` (of those by size, after which nothing moved).
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 filesrc location=camera.mp4 ! qtdemux ! h264parse ! vigilidle ! vigilavdec ! vigilmotion ! vigildetect model=default fps=5 ! vigiltrack ! fakesink
 * ]|
 */
#include "plugins/common/gstvigilstream.h"
#include "plugins/idle/gstvigilidle-private.h"

GST_DEBUG_CATEGORY(vigil_idle_debug);
#define GST_CAT_DEFAULT vigil_idle_debug

#define STATS_INTERVAL_US G_USEC_PER_SEC
#define DEFAULT_CHECK (2 * (gint64)GST_SECOND)
#define DEFAULT_LOOK (200 * (gint64)GST_MSECOND)
#define DEFAULT_HELD (30 * (gint64)GST_SECOND)
#define DEFAULT_HELD_BYTES (8 * 1024 * 1024)

enum {
    PROP_0,
    PROP_CHECK_INTERVAL,
    PROP_LOOK_INTERVAL,
    PROP_MAX_HELD_TIME,
    PROP_MAX_HELD_BYTES,
    PROP_MAX_BLIND_TIME,
    PROP_STATS,
};

#define CODED_CAPS "video/x-h264, alignment=au; video/x-h265, alignment=au; image/jpeg"

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(CODED_CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(CODED_CAPS));

G_DEFINE_TYPE_WITH_CODE(GstVigilIdle, gst_vigil_idle, GST_TYPE_ELEMENT,
                        GST_DEBUG_CATEGORY_INIT(vigil_idle_debug, "vigilidle", 0, "idle path"))
GST_ELEMENT_REGISTER_DEFINE(vigilidle, "vigilidle", GST_RANK_NONE, GST_TYPE_VIGIL_IDLE)

/* --- statistics ------------------------------------------------------------------------------ */

/* @asleep is the streaming thread's; whoever else asks gets it as it was a moment ago. */
static GstStructure *
stats_structure(GstVigilIdle *self)
{
    VigilIdleStats s;

    GST_OBJECT_LOCK(self);
    s = self->stats;
    GST_OBJECT_UNLOCK(self);
    return gst_structure_new(
        "vigilidle-stats", "asleep", G_TYPE_BOOLEAN, g_atomic_int_get(&self->asleep), "frames",
        G_TYPE_UINT64, s.frames, "passed", G_TYPE_UINT64, s.passed, "left", G_TYPE_UINT64, s.left,
        "probes", G_TYPE_UINT64, s.probes, "caught-up", G_TYPE_UINT64, s.caught_up, "sleeps",
        G_TYPE_UINT64, s.sleeps, "woken-by-size", G_TYPE_UINT64, s.woken_by_size, "woken-by-probe",
        G_TYPE_UINT64, s.woken_by_probe, "woken-by-track", G_TYPE_UINT64, s.woken_by_track,
        "woken-by-limit", G_TYPE_UINT64, s.woken_by_limit, "false-sizes", G_TYPE_UINT64,
        s.false_sizes, NULL);
}

static void
post_stats(GstVigilIdle *self)
{
    self->stats_posted_us = g_get_monotonic_time();
    gst_element_post_message(GST_ELEMENT(self),
                             gst_message_new_element(GST_OBJECT(self), stats_structure(self)));
}

/* --- data flow ------------------------------------------------------------------------------- */

static GstFlowReturn
gst_vigil_idle_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    GstVigilIdle *self = GST_VIGIL_IDLE(parent);
    const GstFlowReturn flow = gst_vigil_idle_take(self, buffer);

    if (g_get_monotonic_time() - self->stats_posted_us >= STATS_INTERVAL_US)
        post_stats(self);
    return flow;
}

static gboolean
read_format(GstVigilIdle *self, const GstStructure *structure)
{
    const gboolean h265 = gst_structure_has_name(structure, "video/x-h265");
    const GValue *value = gst_structure_get_value(structure, "codec_data");
    GstBuffer *codec_data = value ? gst_value_get_buffer(value) : NULL;
    GstMapInfo map;
    gboolean ok;

    if (!codec_data)
        return vigil_coded_format_read(&self->format, h265, NULL, 0) &&
               g_strcmp0(gst_structure_get_string(structure, "stream-format"), "byte-stream") == 0;
    if (!gst_buffer_map(codec_data, &map, GST_MAP_READ))
        return FALSE;
    ok = vigil_coded_format_read(&self->format, h265, map.data, map.size);
    gst_buffer_unmap(codec_data, &map);
    return ok;
}

static void
take_caps(GstVigilIdle *self, GstEvent *event)
{
    const GstStructure *structure;
    GstCaps *caps;

    gst_event_parse_caps(event, &caps);
    if (self->caps && gst_caps_is_equal(self->caps, caps))
        return;
    gst_caps_replace(&self->caps, caps);
    structure = gst_caps_get_structure(caps, 0);
    self->intra = gst_structure_has_name(structure, "image/jpeg");
    self->usable = self->intra || read_format(self, structure);
    gst_clear_buffer(&self->parameter_sets);
    gst_vigil_idle_forget(self);
}

static gboolean
gst_vigil_idle_sink_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    GstVigilIdle *self = GST_VIGIL_IDLE(parent);

    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS:
        gst_vigil_idle_wake(self, NULL);
        take_caps(self, event);
        break;
    case GST_EVENT_SEGMENT:
        gst_vigil_idle_wake(self, NULL);
        gst_event_copy_segment(event, &self->segment);
        self->asked_ns = self->sent_ns = self->key_ns = -1;
        break;
    case GST_EVENT_STREAM_START: gst_vigil_idle_wake(self, NULL); break;
    case GST_EVENT_EOS:
        gst_vigil_idle_wake(self, NULL);
        post_stats(self);
        break;
    case GST_EVENT_FLUSH_STOP:
        gst_segment_init(&self->segment, GST_FORMAT_UNDEFINED);
        gst_vigil_idle_forget(self);
        break;
    default: break;
    }
    return gst_pad_event_default(pad, parent, event);
}

static gboolean
gst_vigil_idle_src_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    GstVigilIdle *self = GST_VIGIL_IDLE(parent);
    guint n_tracks, n_resting;

    if (gst_vigil_event_parse_tracks(event, &n_tracks, &n_resting))
        g_atomic_int_set(&self->n_tracks, (gint)n_tracks);
    return gst_pad_event_default(pad, parent, event);
}

/* --- states ---------------------------------------------------------------------------------- */

static void
start(GstVigilIdle *self)
{
    gst_segment_init(&self->segment, GST_FORMAT_UNDEFINED);
    self->usable = FALSE;
    g_atomic_int_set(&self->n_tracks, 0);
    self->stats_posted_us = g_get_monotonic_time();
    GST_OBJECT_LOCK(self);
    self->stats = (VigilIdleStats){0};
    GST_OBJECT_UNLOCK(self);
}

static void
stop(GstVigilIdle *self)
{
    gst_vigil_idle_forget(self);
    gst_caps_replace(&self->caps, NULL);
    gst_clear_buffer(&self->parameter_sets);
}

static GstStateChangeReturn
gst_vigil_idle_change_state(GstElement *element, GstStateChange transition)
{
    GstStateChangeReturn result;

    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
        start(GST_VIGIL_IDLE(element));
    result = GST_ELEMENT_CLASS(gst_vigil_idle_parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
        stop(GST_VIGIL_IDLE(element));
    return result;
}

/* --- properties ------------------------------------------------------------------------------ */

static void
gst_vigil_idle_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    GstVigilIdle *self = GST_VIGIL_IDLE(object);

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_CHECK_INTERVAL: self->check_ns = g_value_get_int64(value); break;
    case PROP_LOOK_INTERVAL: self->look_ns = g_value_get_int64(value); break;
    case PROP_MAX_HELD_TIME: self->held_max_ns = g_value_get_int64(value); break;
    case PROP_MAX_HELD_BYTES: self->held_max_bytes = g_value_get_uint64(value); break;
    case PROP_MAX_BLIND_TIME: self->blind_max_ns = g_value_get_int64(value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_idle_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstVigilIdle *self = GST_VIGIL_IDLE(object);

    if (id == PROP_STATS) {
        g_value_take_boxed(value, stats_structure(self));
        return;
    }
    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_CHECK_INTERVAL: g_value_set_int64(value, self->check_ns); break;
    case PROP_LOOK_INTERVAL: g_value_set_int64(value, self->look_ns); break;
    case PROP_MAX_HELD_TIME: g_value_set_int64(value, self->held_max_ns); break;
    case PROP_MAX_HELD_BYTES: g_value_set_uint64(value, self->held_max_bytes); break;
    case PROP_MAX_BLIND_TIME: g_value_set_int64(value, self->blind_max_ns); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_idle_finalize(GObject *object)
{
    vigil_coded_size_free(GST_VIGIL_IDLE(object)->sizes);
    g_ptr_array_unref(GST_VIGIL_IDLE(object)->held);
    G_OBJECT_CLASS(gst_vigil_idle_parent_class)->finalize(object);
}

static void
install_properties(GObjectClass *klass)
{
    gst_vigil_install_time(
        klass, PROP_CHECK_INTERVAL, "check-interval", "Check interval",
        "While nothing happens, one keyframe in so long is decoded and looked at, in ns of "
        "stream time; 0: each",
        DEFAULT_CHECK);
    gst_vigil_install_time(
        klass, PROP_LOOK_INTERVAL, "look-interval", "Look interval",
        "The same for JPEG, where each frame can be decoded alone, in ns of stream time",
        DEFAULT_LOOK);
    gst_vigil_install_time(
        klass, PROP_MAX_HELD_TIME, "max-held-time", "Max. held time",
        "Coded frames of so long at most are held; when more would have to be, they are "
        "decoded, in ns of stream time",
        DEFAULT_HELD);
    gst_vigil_install_time(
        klass, PROP_MAX_BLIND_TIME, "max-blind-time", "Max. blind time",
        "The same where the sizes of coded frames cannot tell of motion: it is not seen "
        "before the next keyframe then, in ns of stream time",
        DEFAULT_HELD);
    g_object_class_install_property(klass, PROP_MAX_HELD_BYTES,
                                    g_param_spec_uint64("max-held-bytes", "Max. held bytes",
                                                        "The same in bytes of coded frames", 0,
                                                        G_MAXUINT64, DEFAULT_HELD_BYTES,
                                                        G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                            GST_PARAM_MUTABLE_PLAYING));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics", "Counters since the element started",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_vigil_idle_class_init(GstVigilIdleClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);

    object_class->set_property = gst_vigil_idle_set_property;
    object_class->get_property = gst_vigil_idle_get_property;
    object_class->finalize = gst_vigil_idle_finalize;
    install_properties(object_class);

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(element_class, "Vigil idle path", "Filter/Video",
                                          "Keeps coded frames from the decoder while nothing moves",
                                          "The Vigil authors");
    element_class->change_state = gst_vigil_idle_change_state;
}

static void
gst_vigil_idle_init(GstVigilIdle *self)
{
    self->sinkpad = gst_pad_new_from_static_template(&sink_template, "sink");
    gst_pad_set_chain_function(self->sinkpad, gst_vigil_idle_chain);
    gst_pad_set_event_function(self->sinkpad, gst_vigil_idle_sink_event);
    GST_PAD_SET_PROXY_CAPS(self->sinkpad);
    GST_PAD_SET_PROXY_ALLOCATION(self->sinkpad);
    gst_element_add_pad(GST_ELEMENT(self), self->sinkpad);
    self->srcpad = gst_pad_new_from_static_template(&src_template, "src");
    gst_pad_set_event_function(self->srcpad, gst_vigil_idle_src_event);
    gst_element_add_pad(GST_ELEMENT(self), self->srcpad);

    self->check_ns = DEFAULT_CHECK;
    self->look_ns = DEFAULT_LOOK;
    self->held_max_ns = self->blind_max_ns = DEFAULT_HELD;
    self->held_max_bytes = DEFAULT_HELD_BYTES;
    self->sizes = vigil_coded_size_new();
    self->held = g_ptr_array_new();
}
