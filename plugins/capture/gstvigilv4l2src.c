/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SECTION:element-vigilv4l2src
 * @title: vigilv4l2src
 *
 * Captures from a V4L2 camera, and goes on when cameras do what they do. The camera is named by its node, its USB serial
 * number or its port. Of what the camera has and the pipeline takes, the format comes by preference and size and rate by
 * nearness. When the camera goes, or is not there yet, the element waits, and says so by an element message
 * `vigilv4l2src-state` (fields state: `waiting` or `streaming`, device, node, format, reason); when it is back, under
 * whatever number, the stream goes on, with a discontinuity. Broken frames are counted and left out, but for H.264 and H.265,
 * where they are marked and passed on, since later ones are made from them.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 vigilv4l2src device=/dev/video0 width=1280 height=720 num-buffers=30 ! queue ! fakesink
 * ]|
 */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "plugins/capture/gstvigilv4l2caps.h"
#include "plugins/capture/gstvigilv4l2src-private.h"

GST_DEBUG_CATEGORY_STATIC(vigil_v4l2_src_debug);
#define GST_CAT_DEFAULT vigil_v4l2_src_debug

/* How often a camera that is not there is looked for: it is back soon, and looking costs next to nothing. */
#define RETRY_MS 250
/* A node is there a moment before udev says whose it is. */
#define UDEV_US (3 * G_USEC_PER_SEC)
/* With fewer buffers the driver drops frames while the pipeline holds the others. */
#define LEAST_QUEUED 2
/* A frame that is said to be older than this is not; the clock of its time stamp is another one. */
#define OLDEST_NS (10 * GST_SECOND)

G_DEFINE_TYPE_WITH_CODE(GstVigilV4l2Src, gst_vigil_v4l2_src, GST_TYPE_PUSH_SRC,
                        GST_DEBUG_CATEGORY_INIT(vigil_v4l2_src_debug, "vigilv4l2src", 0,
                                                "capture from V4L2 cameras"))
GST_ELEMENT_REGISTER_DEFINE(vigilv4l2src, "vigilv4l2src", GST_RANK_NONE, GST_TYPE_VIGIL_V4L2_SRC)

/* --- up and down ----------------------------------------------------------------------------- */

static gboolean
read_options(GstVigilV4l2Src *self, GError **error)
{
    GST_OBJECT_LOCK(self);
    gst_vigil_v4l2_options_copy(&self->asked, &self->options);
    GST_OBJECT_UNLOCK(self);
    self->want = (VigilV4l2Want){
        .width = self->asked.width, .height = self->asked.height, .fps = self->asked.fps};
    self->identity = vigil_v4l2_identity_parse(self->asked.device ? self->asked.device : "", error);
    if (!self->identity || !vigil_v4l2_want_set_kinds(&self->want, self->asked.format, error))
        return FALSE;
    self->settings = vigil_v4l2_settings_parse(self->asked.controls, error);
    return self->settings != NULL;
}

static gboolean
gst_vigil_v4l2_src_stop(GstBaseSrc *src)
{
    GstVigilV4l2Src *self = GST_VIGIL_V4L2_SRC(src);
    VigilV4l2 *v4l2;

    if (self->v4l2)
        gst_vigil_v4l2_src_disconnect(self);
    GST_OBJECT_LOCK(self);
    v4l2 = g_steal_pointer(&self->v4l2);
    g_clear_pointer(&self->path, g_free);
    g_clear_pointer(&self->summary, g_free);
    GST_OBJECT_UNLOCK(self);
    vigil_v4l2_free(v4l2);
    g_clear_pointer(&self->identity, vigil_v4l2_identity_free);
    g_clear_pointer(&self->settings, g_ptr_array_unref);
    g_clear_pointer(&self->reason, g_free);
    gst_vigil_v4l2_options_clear(&self->asked);
    if (self->wake_fd >= 0)
        close(self->wake_fd);
    self->wake_fd = -1;
    return TRUE;
}

/* The camera itself is opened when the first frame is wanted: it need not be there yet. */
static gboolean
gst_vigil_v4l2_src_start(GstBaseSrc *src)
{
    GstVigilV4l2Src *self = GST_VIGIL_V4L2_SRC(src);
    g_autoptr(GError) error = NULL;

    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->wake_fd < 0 || !read_options(self, &error)) {
        GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS,
                          ("%s", error ? error->message : g_strerror(errno)), (NULL));
        gst_vigil_v4l2_src_stop(src);
        return FALSE;
    }
    self->ever = self->discont = FALSE;
    self->forbidden_us = 0;
    self->frames_here = 0;
    self->last_pts = GST_CLOCK_TIME_NONE;
    g_atomic_int_set(&self->stale, FALSE);
    GST_OBJECT_LOCK(self);
    self->copied = self->dropped = self->restarts = self->unplugs = 0;
    self->frame_duration = GST_CLOCK_TIME_NONE;
    self->n_buffers = 0;
    self->v4l2 = vigil_v4l2_new(vigil_v4l2_system());
    GST_OBJECT_UNLOCK(self);
    return TRUE;
}

static gboolean
gst_vigil_v4l2_src_unlock(GstBaseSrc *src)
{
    eventfd_write(GST_VIGIL_V4L2_SRC(src)->wake_fd, 1);
    return TRUE;
}

static gboolean
gst_vigil_v4l2_src_unlock_stop(GstBaseSrc *src)
{
    eventfd_t value;

    eventfd_read(GST_VIGIL_V4L2_SRC(src)->wake_fd, &value);
    return TRUE;
}

static GstStateChangeReturn
gst_vigil_v4l2_src_change_state(GstElement *element, GstStateChange transition)
{
    if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
        g_atomic_int_set(&GST_VIGIL_V4L2_SRC(element)->stale, TRUE);
    return GST_ELEMENT_CLASS(gst_vigil_v4l2_src_parent_class)->change_state(element, transition);
}

/* --- losing and finding the camera ----------------------------------------------------------- */

static GstFlowReturn
pause_for(GstVigilV4l2Src *self, gint ms)
{
    struct pollfd fd = {.fd = self->wake_fd, .events = POLLIN};
    const gint n = poll(&fd, 1, ms);

    return n > 0 ? GST_FLOW_FLUSHING : GST_FLOW_OK;
}

static GstFlowReturn
wait_for_camera(GstVigilV4l2Src *self, const gchar *reason)
{
    if (g_strcmp0(reason, self->reason) != 0) {
        GST_WARNING_OBJECT(self, "waiting: %s", reason);
        g_free(self->reason);
        self->reason = g_strdup(reason);
        gst_vigil_v4l2_src_tell(self, "waiting", reason);
    }
    return pause_for(self, RETRY_MS);
}

/* Whether to be refused still means nothing. */
static gboolean
may_be_allowed(GstVigilV4l2Src *self, const GError *error)
{
    const gint64 now = g_get_monotonic_time();

    if (error->code != VIGIL_V4L2_ERROR_FORBIDDEN) {
        self->forbidden_us = 0;
        return FALSE;
    }
    if (self->forbidden_us == 0)
        self->forbidden_us = now;
    return now - self->forbidden_us < UDEV_US;
}

/* What was right once may be so again; what was not is said to whoever wrote it. */
static GstFlowReturn
connect_or_wait(GstVigilV4l2Src *self)
{
    g_autoptr(GError) error = NULL;

    if (gst_vigil_v4l2_src_connect(self, &error))
        return GST_FLOW_OK;
    if (may_be_allowed(self, error) || self->ever ||
        (error->code != VIGIL_V4L2_ERROR_SETTING && error->code != VIGIL_V4L2_ERROR_FORBIDDEN))
        return wait_for_camera(self, error->message);
    if (error->code == VIGIL_V4L2_ERROR_FORBIDDEN)
        GST_ELEMENT_ERROR(self, RESOURCE, NOT_AUTHORIZED, ("%s", error->message), (NULL));
    else
        GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("%s", error->message), (NULL));
    return GST_FLOW_ERROR;
}

static GstFlowReturn
lose(GstVigilV4l2Src *self, gint result)
{
    const gboolean gone = vigil_v4l2_is_gone(result);
    const gboolean fruitless = self->frames_here == 0;
    g_autofree gchar *reason = result == -ETIMEDOUT ? g_strdup("no frame came")
                                                    : g_strdup(vigil_v4l2_get_trouble(self->v4l2));

    gst_vigil_v4l2_src_disconnect(self);
    self->discont = TRUE;
    GST_OBJECT_LOCK(self);
    if (gone)
        self->unplugs++;
    else
        self->restarts++;
    GST_OBJECT_UNLOCK(self);
    if (gone)
        return wait_for_camera(self, reason);
    GST_WARNING_OBJECT(self, "opening it anew: %s", reason);
    /* a camera that never gives a frame is not opened as fast as the machine can */
    return fruitless ? wait_for_camera(self, reason) : GST_FLOW_OK;
}

/* --- frames ---------------------------------------------------------------------------------- */

static void
stamp(GstVigilV4l2Src *self, const VigilV4l2Frame *frame, GstBuffer *buffer)
{
    const VigilV4l2System *system = vigil_v4l2_system();
    g_autoptr(GstClock) clock = gst_element_get_clock(GST_ELEMENT(self));
    const GstClockTime base = gst_element_get_base_time(GST_ELEMENT(self));
    const GstClockTime now = clock ? gst_clock_get_time(clock) : GST_CLOCK_TIME_NONE;
    const gint64 age = system->get_time_ns(system->user_data) - frame->time_ns;
    GstClockTime taken, pts = 0;

    if (GST_CLOCK_TIME_IS_VALID(now) && GST_CLOCK_TIME_IS_VALID(base)) {
        taken = base + (age > 0 && age < (gint64)OLDEST_NS ? (GstClockTime)age : 0);
        pts = now > taken ? now - taken : 0;
    }
    if (GST_CLOCK_TIME_IS_VALID(self->last_pts) && pts <= self->last_pts)
        pts = self->last_pts + 1;
    self->last_pts = pts;
    GST_BUFFER_PTS(buffer) = pts;
    GST_BUFFER_DURATION(buffer) = self->frame_duration;
    GST_BUFFER_OFFSET(buffer) = frame->sequence;
    if (self->discont || frame->lost)
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    if (frame->quality != VIGIL_V4L2_GOOD)
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_CORRUPTED);
    self->discont = FALSE;
}

/* Used again with the buffer, as the pool's. */
static void
add_layout(GstVigilV4l2Src *self, const VigilV4l2Frame *frame, GstBuffer *buffer)
{
    GstVideoMeta *meta = gst_buffer_get_video_meta(buffer);

    if (!meta) {
        meta = gst_buffer_add_video_meta(
            buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(&self->info),
            GST_VIDEO_INFO_WIDTH(&self->info), GST_VIDEO_INFO_HEIGHT(&self->info));
        GST_META_FLAG_SET(meta, GST_META_FLAG_POOLED);
    }
    gst_vigil_v4l2_lay_out(vigil_v4l2_get_format(self->v4l2), &self->info, frame->size,
                           meta->offset, meta->stride);
}

/* (transfer full) (nullable): the same pixels where everybody expects them; %NULL: they cannot be read */
static GstBuffer *
copy_rows(GstVigilV4l2Src *self, GstBuffer *buffer)
{
    GstBuffer *copy =
        gst_vigil_v4l2_buffers_get_spare(self->wrapped, GST_VIDEO_INFO_SIZE(&self->info));
    GstVideoFrame from, to;
    gboolean ok = FALSE;

    if (gst_video_frame_map(&from, &self->info, buffer, GST_MAP_READ)) {
        if (gst_video_frame_map(&to, &self->info, copy, GST_MAP_WRITE)) {
            ok = gst_video_frame_copy(&to, &from);
            gst_video_frame_unmap(&to);
        }
        gst_video_frame_unmap(&from);
    }
    if (!ok)
        gst_clear_buffer(&copy);
    return copy;
}

/* (transfer full) (nullable): the same bytes */
static GstBuffer *
copy_bytes(GstVigilV4l2Src *self, const VigilV4l2Frame *frame, GstBuffer *buffer)
{
    const gsize size = gst_buffer_get_size(buffer);
    GstBuffer *copy = gst_vigil_v4l2_buffers_get_spare(self->wrapped, size);
    GstMapInfo map;
    gsize copied = 0;

    if (gst_buffer_map(copy, &map, GST_MAP_WRITE)) {
        copied = gst_buffer_extract(buffer, 0, map.data, size);
        gst_buffer_unmap(copy, &map);
    }
    if (copied < size)
        gst_clear_buffer(&copy);
    else if (self->raw && !self->usual_layout)
        add_layout(self, frame, copy);
    return copy;
}

/* (transfer full) (nullable): of a frame that cannot be read */
static GstBuffer *
make_buffer(GstVigilV4l2Src *self, const VigilV4l2Frame *frame)
{
    GstBuffer *buffer = gst_vigil_v4l2_buffers_wrap(self->wrapped, frame), *copy;

    if (self->raw && !self->usual_layout)
        add_layout(self, frame, buffer);
    if (self->raw && !self->usual_layout && !self->video_meta)
        copy = copy_rows(self, buffer);
    else if (frame->queued < LEAST_QUEUED)
        copy = copy_bytes(self, frame, buffer);
    else
        return buffer;
    gst_buffer_unref(buffer);
    GST_OBJECT_LOCK(self);
    self->copied += copy != NULL;
    GST_OBJECT_UNLOCK(self);
    return copy;
}

/* What later frames are made from is passed on as far as it is there. */
static gboolean
is_worth_something(const GstVigilV4l2Src *self, const VigilV4l2Frame *frame)
{
    const VigilV4l2Kind kind = vigil_v4l2_kind_of(vigil_v4l2_get_format(self->v4l2)->fourcc);

    return frame->quality == VIGIL_V4L2_GOOD ||
           (frame->quality == VIGIL_V4L2_CORRUPT &&
            (kind == VIGIL_V4L2_H264 || kind == VIGIL_V4L2_H265));
}

static GstBuffer *
take_frame(GstVigilV4l2Src *self, const VigilV4l2Frame *frame)
{
    GstBuffer *buffer = NULL;

    self->frames_here++;
    if (is_worth_something(self, frame))
        buffer = make_buffer(self, frame);
    else
        vigil_v4l2_stream_give_back(vigil_v4l2_get_stream(self->v4l2), frame->index);
    if (buffer) {
        stamp(self, frame, buffer);
        return buffer;
    }
    self->discont = TRUE;
    GST_OBJECT_LOCK(self);
    self->dropped++;
    GST_OBJECT_UNLOCK(self);
    return NULL;
}

/* The wait for a frame, in ms. */
static gint
get_patience_ms(const GstVigilV4l2Src *self)
{
    guint64 ns = self->asked.timeout_ns;

    if (ns == 0)
        return G_MAXINT;
    if (GST_CLOCK_TIME_IS_VALID(self->frame_duration))
        ns = MAX(ns, 4 * self->frame_duration);
    return (gint)MIN(ns / GST_MSECOND, G_MAXINT);
}

static GstFlowReturn
gst_vigil_v4l2_src_create(GstPushSrc *src, GstBuffer **buffer)
{
    GstVigilV4l2Src *self = GST_VIGIL_V4L2_SRC(src);
    GstFlowReturn flow = GST_FLOW_OK;

    if (g_atomic_int_compare_and_exchange(&self->stale, TRUE, FALSE) && self->wrapped) {
        gst_vigil_v4l2_src_disconnect(self);
        self->discont = TRUE;
    }
    *buffer = NULL;
    while (flow == GST_FLOW_OK && !*buffer) {
        VigilV4l2Frame frame;
        gint result;

        if (!self->wrapped) {
            flow = connect_or_wait(self);
            continue;
        }
        result = vigil_v4l2_take(self->v4l2, self->wake_fd, get_patience_ms(self), &frame);
        if (result == 0)
            *buffer = take_frame(self, &frame);
        else
            flow = result == -ECANCELED ? GST_FLOW_FLUSHING : lose(self, result);
    }
    return flow;
}

/* Caps come with the camera. */
static gboolean
gst_vigil_v4l2_src_negotiate(GstBaseSrc *src)
{
    return TRUE;
}

static gboolean
gst_vigil_v4l2_src_query(GstBaseSrc *src, GstQuery *query)
{
    GstVigilV4l2Src *self = GST_VIGIL_V4L2_SRC(src);
    GstClockTime duration;
    guint n_buffers;

    if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
        return GST_BASE_SRC_CLASS(gst_vigil_v4l2_src_parent_class)->query(src, query);
    GST_OBJECT_LOCK(self);
    duration = GST_CLOCK_TIME_IS_VALID(self->frame_duration) ? self->frame_duration : 0;
    n_buffers = self->n_buffers;
    GST_OBJECT_UNLOCK(self);
    /* a frame's time is that of its beginning; the oldest that the driver may have is of n frames ago */
    gst_query_set_latency(query, TRUE, duration, n_buffers ? duration * n_buffers : duration);
    return TRUE;
}

/* --- class ----------------------------------------------------------------------------------- */

static void
gst_vigil_v4l2_src_finalize(GObject *object)
{
    gst_vigil_v4l2_options_clear(&GST_VIGIL_V4L2_SRC(object)->options);
    G_OBJECT_CLASS(gst_vigil_v4l2_src_parent_class)->finalize(object);
}

static void
gst_vigil_v4l2_src_class_init(GstVigilV4l2SrcClass *klass)
{
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS(klass);
    g_autoptr(GstCaps) caps = gst_vigil_v4l2_caps_of_all();

    G_OBJECT_CLASS(klass)->finalize = gst_vigil_v4l2_src_finalize;
    gst_vigil_v4l2_src_install_properties(G_OBJECT_CLASS(klass));
    gst_element_class_add_pad_template(
        element_class, gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
    gst_element_class_set_static_metadata(
        element_class, "Vigil V4L2 source", "Source/Video",
        "Captures from a V4L2 camera, across unplugging and all that", "The Vigil authors");
    element_class->change_state = gst_vigil_v4l2_src_change_state;
    base_class->start = gst_vigil_v4l2_src_start;
    base_class->stop = gst_vigil_v4l2_src_stop;
    base_class->unlock = gst_vigil_v4l2_src_unlock;
    base_class->unlock_stop = gst_vigil_v4l2_src_unlock_stop;
    base_class->negotiate = gst_vigil_v4l2_src_negotiate;
    base_class->query = gst_vigil_v4l2_src_query;
    GST_PUSH_SRC_CLASS(klass)->create = gst_vigil_v4l2_src_create;
}

static void
gst_vigil_v4l2_src_init(GstVigilV4l2Src *self)
{
    self->options = (GstVigilV4l2Options){.device = g_strdup("/dev/video0"),
                                          .format = g_strdup("auto"),
                                          .buffers = 4,
                                          .timeout_ns = 3 * GST_SECOND};
    self->wake_fd = -1;
    self->frame_duration = GST_CLOCK_TIME_NONE;
    gst_base_src_set_live(GST_BASE_SRC(self), TRUE);
    gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
}
