/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SECTION:element-vigilrtspsrc
 * @title: vigilrtspsrc
 *
 * H.264 or H.265 from a camera on the network by RTSP, whole frames, and it goes on when networks and cameras do what they do. A
 * connection that gives no frame for `timeout`, whether it hangs while it is made or later, that ends or fails, is given up;
 * then the element waits, connects anew after a pause, and the stream goes on, with a discontinuity, in another size or
 * codec if need be. An end of stream is a loss like any other. An element message `vigilrtspsrc-state` says so (fields
 * state: `waiting` or `streaming`; location, transport, format, reason; silence: guint64, ns since the latest frame of
 * before). Nothing that it says, on the bus or in properties, holds the password.
 *
 * Frames have the time at which they were taken, as far as that can be known from RTP time and from what came soonest: what a
 * stall held up comes with the time of before the stall, and is left out when it is older than `max-age`. Where RTCP tells
 * the camera's clock, frames carry it as GstReferenceTimestampMeta of caps timestamp/x-unix.
 *
 * Sound is not asked for, unless `audio` is set. Then AAC, Opus or G.711 comes as the camera sends it on the pad `audio`, which is there
 * once there is video and sound, on the line of time of the video, by the camera's clock where RTCP tells it. It has a thread and a
 * queue of its own (512 frames, 1 MiB; what is more is dropped and counted), and nothing that happens to it ends or holds up the
 * video. An element message `vigilrtspsrc-no-sound` (location, reason) says once where the camera has none of these.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 vigilrtspsrc location=rtsp://10.0.0.5/main credentials=/etc/vigil/door.login ! h264parse ! vigilavdec ! fakesink
 * ]|
 */
#include "plugins/rtsp/gstvigilrtspsrc-private.h"

GST_DEBUG_CATEGORY_STATIC(vigil_rtsp_src_debug);
#define GST_CAT_DEFAULT vigil_rtsp_src_debug

/* Some cameras refresh pictures bit by bit and never send a keyframe. */
#define KEY_PATIENCE_US (10 * G_USEC_PER_SEC)
/* What waits seldom is more. */
#define FIRST_QUEUED_FRAMES 64

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("video/x-h264, stream-format=(string)byte-stream, alignment=(string)au; "
                    "video/x-h265, stream-format=(string)byte-stream, alignment=(string)au"));

G_DEFINE_TYPE_WITH_CODE(GstVigilRtspSrc, gst_vigil_rtsp_src, GST_TYPE_PUSH_SRC,
                        GST_DEBUG_CATEGORY_INIT(vigil_rtsp_src_debug, "vigilrtspsrc", 0,
                                                "cameras on the network"))
GST_ELEMENT_REGISTER_DEFINE(vigilrtspsrc, "vigilrtspsrc", GST_RANK_NONE, GST_TYPE_VIGIL_RTSP_SRC)

/* --- up and down ----------------------------------------------------------------------------- */

static gboolean
gst_vigil_rtsp_src_stop(GstBaseSrc *src)
{
    GstVigilRtspSrc *self = GST_VIGIL_RTSP_SRC(src);

    gst_vigil_rtsp_src_disconnect(self);
    gst_vigil_rtsp_src_end_sound(self);
    if (self->ever && self->patience.asked == VIGIL_RTSP_AUTO)
        vigil_rtsp_way_keep(self->asked.login.location, &self->patience.way);
    self->ever = FALSE; /* a start that fails stops it, too, and has no location */
    g_clear_pointer(&self->sync, vigil_rtsp_sync_unref);
    gst_clear_object(&self->clock);
    gst_clear_caps(&self->caps);
    g_clear_pointer(&self->reason, g_free);
    g_mutex_lock(&self->lock);
    g_clear_pointer(&self->loss_reason, g_free);
    g_clear_pointer(&self->summary, g_free);
    self->state = NULL;
    g_mutex_unlock(&self->lock);
    vigil_rtsp_login_clear(&self->login);
    gst_vigil_rtsp_options_clear(&self->asked);
    return TRUE;
}

static gboolean
gst_vigil_rtsp_src_start(GstBaseSrc *src)
{
    GstVigilRtspSrc *self = GST_VIGIL_RTSP_SRC(src);

    GST_OBJECT_LOCK(self);
    gst_vigil_rtsp_options_copy(&self->asked, &self->options);
    GST_OBJECT_UNLOCK(self);
    if (!self->asked.login.location) {
        GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS,
                          ("%s", self->asked.wrong ? self->asked.wrong
                                                   : "No camera is set: set the property "
                                                     "\"location\" to rtsp://HOST/PATH."),
                          (NULL));
        gst_vigil_rtsp_src_stop(src);
        return FALSE;
    }
    if (self->asked.clock_group || self->asked.audio) {
        /* a name that no camera has */
        g_autofree gchar *own = g_strdup_printf("/%p", (gpointer)self);

        self->sync = vigil_rtsp_sync_get(self->asked.clock_group ? self->asked.clock_group : own);
    }
    self->next_try_us = self->last_frame_us = 0;
    self->refused = self->discont = FALSE;
    self->fresh = TRUE;
    g_atomic_int_set(&self->stale, FALSE);
    g_mutex_lock(&self->lock);
    self->counts = (GstVigilRtspCounts){0};
    self->sound.n_frames = self->sound.n_stale = self->sound.n_dropped = 0;
    self->state = "connecting";
    vigil_rtsp_patience_init(&self->patience, (VigilRtspTransport)self->asked.transport,
                             (gint64)(self->asked.max_pause_ns / 1000));
    if (self->patience.asked == VIGIL_RTSP_AUTO)
        vigil_rtsp_way_recall(self->asked.login.location, &self->patience.way);
    g_mutex_unlock(&self->lock);
    return TRUE;
}

static gboolean
set_flushing(GstVigilRtspSrc *self, gboolean flushing)
{
    g_mutex_lock(&self->lock);
    self->flushing = flushing;
    g_cond_signal(&self->wake);
    g_mutex_unlock(&self->lock);
    return TRUE;
}

static gboolean
gst_vigil_rtsp_src_unlock(GstBaseSrc *src)
{
    return set_flushing(GST_VIGIL_RTSP_SRC(src), TRUE);
}

static gboolean
gst_vigil_rtsp_src_unlock_stop(GstBaseSrc *src)
{
    return set_flushing(GST_VIGIL_RTSP_SRC(src), FALSE);
}

static GstStateChangeReturn
gst_vigil_rtsp_src_change_state(GstElement *element, GstStateChange transition)
{
    if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
        g_atomic_int_set(&GST_VIGIL_RTSP_SRC(element)->stale, TRUE);
    return GST_ELEMENT_CLASS(gst_vigil_rtsp_src_parent_class)->change_state(element, transition);
}

/* --- frames ---------------------------------------------------------------------------------- */

gboolean
gst_vigil_rtsp_src_is_stale(const GstVigilRtspSrc *self, const GstBuffer *buffer)
{
    const GstClockTime base = gst_element_get_base_time(GST_ELEMENT(self));
    /* of the sound's thread as well, beside which the pictures' may take another clock */
    g_autoptr(GstClock) clock = gst_element_get_clock(GST_ELEMENT(self));
    const GstClockTime now = clock ? gst_clock_get_time(clock) : 0;

    return self->asked.max_age_ns && GST_BUFFER_PTS_IS_VALID(buffer) &&
           now > base + self->asked.max_age_ns &&
           GST_BUFFER_PTS(buffer) < now - base - self->asked.max_age_ns;
}

/* What later frames are made from must be there; but one that never comes is not waited for. */
static gboolean
lacks_key(GstVigilRtspSrc *self, const GstBuffer *buffer)
{
    const gint64 now_us = g_get_monotonic_time();

    if (!self->need_key)
        return FALSE;
    if (!self->need_key_us)
        self->need_key_us = now_us;
    if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT) &&
        now_us - self->need_key_us < KEY_PATIENCE_US)
        return TRUE;
    self->need_key = FALSE;
    self->need_key_us = 0;
    return FALSE;
}

static gboolean
is_wanted(GstVigilRtspSrc *self, const GstBuffer *buffer)
{
    const gboolean stale = gst_vigil_rtsp_src_is_stale(self, buffer);
    const gboolean no_key = !stale && lacks_key(self, buffer);

    if (stale)
        self->need_key = TRUE;
    if (stale || no_key)
        self->discont = TRUE;
    g_mutex_lock(&self->lock);
    self->counts.stale += stale;
    self->counts.before_key += no_key;
    self->counts.frames += !stale && !no_key;
    g_mutex_unlock(&self->lock);
    return !stale && !no_key;
}

static gboolean
take_caps(GstVigilRtspSrc *self, GstCaps *caps)
{
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    gint width = 0, height = 0;

    if (self->caps && gst_caps_is_equal(self->caps, caps))
        return TRUE;
    gst_caps_replace(&self->caps, caps);
    gst_structure_get(s, "width", G_TYPE_INT, &width, "height", G_TYPE_INT, &height, NULL);
    g_mutex_lock(&self->lock);
    g_free(self->summary);
    self->summary = g_strdup_printf(
        "%s %dx%d", gst_structure_has_name(s, "video/x-h264") ? "H.264" : "H.265", width, height);
    g_mutex_unlock(&self->lock);
    return gst_base_src_set_caps(GST_BASE_SRC(self), caps);
}

/* (transfer full) @sample */
static GstFlowReturn
take_frame(GstVigilRtspSrc *self, GstSample *sample, GstBuffer **buffer)
{
    GstFlowReturn flow = GST_FLOW_OK;

    if (!is_wanted(self, gst_sample_get_buffer(sample))) {
        gst_sample_unref(sample);
        return GST_FLOW_OK;
    }
    if (take_caps(self, gst_sample_get_caps(sample))) {
        *buffer = gst_buffer_ref(gst_sample_get_buffer(sample));
        gst_sample_unref(sample);
        *buffer = gst_buffer_make_writable(*buffer);
        GST_BUFFER_FLAG_UNSET(*buffer, GST_BUFFER_FLAG_DISCONT);
        if (self->discont)
            GST_BUFFER_FLAG_SET(*buffer, GST_BUFFER_FLAG_DISCONT);
        self->discont = FALSE;
    } else {
        gst_sample_unref(sample);
        flow = GST_FLOW_NOT_NEGOTIATED;
    }
    if (self->fresh && *buffer) {
        self->fresh = FALSE;
        self->ever = TRUE;
        g_clear_pointer(&self->reason, g_free);
        gst_vigil_rtsp_src_tell(self, "streaming", NULL);
    }
    return flow;
}

/* (lock held) (transfer full) (nullable): %NULL after a loss, silence, or when the thread is wanted back */
static GstSample *
await_sample(GstVigilRtspSrc *self)
{
    const gint64 timeout_us = (gint64)(self->asked.timeout_ns / 1000);
    GstSample *sample;

    while (!self->flushing && !self->lost && gst_queue_array_is_empty(self->frames)) {
        const gint64 deadline_us = vigil_rtsp_patience_get_deadline(&self->patience, timeout_us);

        if (g_get_monotonic_time() >= deadline_us)
            return NULL;
        if (deadline_us == G_MAXINT64)
            g_cond_wait(&self->wake, &self->lock);
        else
            g_cond_wait_until(&self->wake, &self->lock, deadline_us);
    }
    sample = self->flushing ? NULL : gst_queue_array_pop_head(self->frames);
    if (sample)
        self->queued_bytes -= gst_buffer_get_size(gst_sample_get_buffer(sample));
    if (sample && self->overrun && gst_queue_array_is_empty(self->frames)) {
        self->overrun = FALSE;
        self->need_key = self->discont = TRUE;
    }
    return sample;
}

/* (lock held) (transfer full) (nullable): why UDP is to be left for TCP */
static gchar *
judge_way(GstVigilRtspSrc *self)
{
    const gint64 now_us = g_get_monotonic_time();
    GstVigilRtspSessionStats stats;

    if (!vigil_rtsp_patience_wants_packets(&self->patience, now_us))
        return NULL;
    stats = gst_vigil_rtsp_session_get_stats(self->session);
    if (!vigil_rtsp_patience_note_packets(&self->patience, stats.packets, stats.lost, now_us))
        return NULL;
    return g_strdup_printf("%.1f %% of its packets by UDP were lost; it is asked to send by TCP "
                           "from now on",
                           (gdouble)self->patience.way.lost_permille / 10);
}

static GstFlowReturn
get_frame(GstVigilRtspSrc *self, GstBuffer **buffer)
{
    g_autofree gchar *reason = NULL;
    VigilRtspLoss loss = VIGIL_RTSP_LOST;
    GstSample *sample;
    gboolean flushing;

    g_mutex_lock(&self->lock);
    sample = await_sample(self);
    flushing = self->flushing;
    if (!sample && self->lost) {
        loss = self->loss;
        reason = g_steal_pointer(&self->loss_reason);
    } else if (sample && (reason = judge_way(self))) {
        loss = VIGIL_RTSP_LOSSY;
        g_clear_pointer(&sample, gst_sample_unref);
    } else if (!sample) {
        reason = g_strdup_printf("no frame for %.0f s", (gdouble)self->asked.timeout_ns / 1e9);
    }
    g_mutex_unlock(&self->lock);
    if (flushing) {
        g_clear_pointer(&sample, gst_sample_unref);
        return GST_FLOW_FLUSHING;
    }
    return sample ? take_frame(self, sample, buffer) : gst_vigil_rtsp_src_lose(self, loss, reason);
}

static GstFlowReturn
gst_vigil_rtsp_src_create(GstPushSrc *src, GstBuffer **buffer)
{
    GstVigilRtspSrc *self = GST_VIGIL_RTSP_SRC(src);
    GstFlowReturn flow = GST_FLOW_OK;

    if (g_atomic_int_compare_and_exchange(&self->stale, TRUE, FALSE)) {
        gst_vigil_rtsp_src_disconnect(self);
        gst_clear_object(&self->clock);
        self->discont = TRUE;
        self->next_try_us = 0;
    }
    *buffer = NULL;
    gst_vigil_rtsp_src_offer_sound(self);
    while (flow == GST_FLOW_OK && !*buffer)
        flow = self->session ? get_frame(self, buffer) : gst_vigil_rtsp_src_connect_or_wait(self);
    return flow;
}

/* Caps come with the frames. */
static gboolean
gst_vigil_rtsp_src_negotiate(GstBaseSrc *src)
{
    return TRUE;
}

static gboolean
gst_vigil_rtsp_src_query(GstBaseSrc *src, GstQuery *query)
{
    GstVigilRtspSrc *self = GST_VIGIL_RTSP_SRC(src);
    GstClockTime latency;

    if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
        return GST_BASE_SRC_CLASS(gst_vigil_rtsp_src_parent_class)->query(src, query);
    GST_OBJECT_LOCK(self);
    latency = self->options.latency_ms * GST_MSECOND;
    GST_OBJECT_UNLOCK(self);
    gst_query_set_latency(query, TRUE, latency, GST_CLOCK_TIME_NONE);
    return TRUE;
}

/* --- class ----------------------------------------------------------------------------------- */

static void
gst_vigil_rtsp_src_finalize(GObject *object)
{
    GstVigilRtspSrc *self = GST_VIGIL_RTSP_SRC(object);

    gst_vigil_rtsp_options_clear(&self->options);
    gst_vigil_rtsp_sound_clear(&self->sound);
    gst_queue_array_free(self->frames);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->wake);
    G_OBJECT_CLASS(gst_vigil_rtsp_src_parent_class)->finalize(object);
}

static void
gst_vigil_rtsp_src_class_init(GstVigilRtspSrcClass *klass)
{
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = gst_vigil_rtsp_src_finalize;
    gst_vigil_rtsp_src_install_properties(G_OBJECT_CLASS(klass));
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_vigil_rtsp_src_install_sound(element_class);
    gst_element_class_set_static_metadata(
        element_class, "Vigil RTSP source", "Source/Network/Video",
        "Frames of a camera on the network, across lost connections", "The Vigil authors");
    element_class->change_state = gst_vigil_rtsp_src_change_state;
    base_class->start = gst_vigil_rtsp_src_start;
    base_class->stop = gst_vigil_rtsp_src_stop;
    base_class->unlock = gst_vigil_rtsp_src_unlock;
    base_class->unlock_stop = gst_vigil_rtsp_src_unlock_stop;
    base_class->negotiate = gst_vigil_rtsp_src_negotiate;
    base_class->query = gst_vigil_rtsp_src_query;
    GST_PUSH_SRC_CLASS(klass)->create = gst_vigil_rtsp_src_create;
}

static void
gst_vigil_rtsp_src_init(GstVigilRtspSrc *self)
{
    gst_vigil_rtsp_options_init(&self->options);
    g_mutex_init(&self->lock);
    g_cond_init(&self->wake);
    gst_vigil_rtsp_sound_init(&self->sound);
    self->frames = gst_queue_array_new(FIRST_QUEUED_FRAMES);
    gst_base_src_set_live(GST_BASE_SRC(self), TRUE);
    gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
}
