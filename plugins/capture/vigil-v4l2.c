/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/capture/vigil-v4l2.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <string.h>

#include "plugins/capture/vigil-v4l2-stream-private.h"

/* Between two numbers: more than this is no gap but another count. */
#define LARGEST_GAP 100000

G_DEFINE_QUARK(vigil_v4l2_error_quark, vigil_v4l2_error)

struct VigilV4l2 {
    const VigilV4l2System *system;
    gint fd;
    guint32 type;
    VigilV4l2Card card;
    VigilV4l2Format format;
    VigilV4l2Stream *stream;
    gchar trouble[128];

    gboolean any; /* a frame came since the start */
    guint32 last_sequence;
    gint64 last_ns;

    GMutex lock;
    VigilV4l2Stats stats;
};

/* 0 or more is no trouble. Returns: @result */
static gint
note(VigilV4l2 *self, const gchar *call, gint result)
{
    if (result < 0)
        g_snprintf(self->trouble, sizeof self->trouble, "%s: %s", call, g_strerror(-result));
    return result;
}

static gint
control(VigilV4l2 *self, const gchar *call, gulong request, gpointer argument)
{
    return note(self, call, vigil_v4l2_ioctl(self->system, self->fd, request, argument));
}

VigilV4l2 *
vigil_v4l2_new(const VigilV4l2System *system)
{
    VigilV4l2 *self = g_new0(VigilV4l2, 1);

    self->system = system;
    self->fd = -1;
    g_mutex_init(&self->lock);
    return self;
}

void
vigil_v4l2_free(VigilV4l2 *self)
{
    if (!self)
        return;
    vigil_v4l2_close(self);
    g_mutex_clear(&self->lock);
    g_free(self);
}

static gint
query(VigilV4l2 *self)
{
    struct v4l2_capability capability = {0};
    gint result = control(self, "VIDIOC_QUERYCAP", VIDIOC_QUERYCAP, &capability);
    guint32 can;

    if (result == -ENOTTY || result == -EINVAL)
        result = -ENOTSUP;
    if (result < 0)
        return result;
    g_strlcpy(self->card.driver, (const gchar *)capability.driver, sizeof capability.driver);
    g_strlcpy(self->card.card, (const gchar *)capability.card, sizeof capability.card);
    g_strlcpy(self->card.bus, (const gchar *)capability.bus_info, sizeof capability.bus_info);
    can = capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps
                                                         : capability.capabilities;
    if (!(can & V4L2_CAP_STREAMING))
        return note(self, "streaming", -ENOTSUP);
    if (can & V4L2_CAP_VIDEO_CAPTURE)
        self->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    else if (can & V4L2_CAP_VIDEO_CAPTURE_MPLANE)
        self->type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
    else
        return note(self, "video capture", -ENOTSUP);
    return 0;
}

gint
vigil_v4l2_open(VigilV4l2 *self, const gchar *path)
{
    gint result;

    vigil_v4l2_close(self);
    result =
        note(self, path, self->system->open(path, O_RDWR | O_NONBLOCK, self->system->user_data));
    if (result < 0)
        return result;
    self->fd = result;
    result = query(self);
    if (result < 0)
        vigil_v4l2_close(self);
    return result;
}

static void
stop(VigilV4l2 *self)
{
    if (self->stream)
        vigil_v4l2_stream_stop(self->stream);
    g_clear_pointer(&self->stream, vigil_v4l2_stream_unref);
}

void
vigil_v4l2_close(VigilV4l2 *self)
{
    stop(self);
    if (self->fd >= 0)
        self->system->close(self->fd, self->system->user_data);
    self->fd = -1;
    memset(&self->format, 0, sizeof self->format);
}

const gchar *
vigil_v4l2_get_trouble(const VigilV4l2 *self)
{
    return self->trouble;
}

const VigilV4l2Card *
vigil_v4l2_get_card(const VigilV4l2 *self)
{
    return &self->card;
}

const VigilV4l2Format *
vigil_v4l2_get_format(const VigilV4l2 *self)
{
    return &self->format;
}

VigilV4l2Stream *
vigil_v4l2_get_stream(VigilV4l2 *self)
{
    return self->stream;
}

VigilV4l2Stats
vigil_v4l2_get_stats(VigilV4l2 *self)
{
    VigilV4l2Stats stats;

    g_mutex_lock(&self->lock);
    stats = self->stats;
    g_mutex_unlock(&self->lock);
    return stats;
}

gint
vigil_v4l2_list_modes(VigilV4l2 *self, GArray *modes)
{
    return note(self, "VIDIOC_ENUM_FMT",
                vigil_v4l2_read_modes(self->system, self->fd, self->type, modes));
}

gint
vigil_v4l2_list_controls(VigilV4l2 *self, GArray *controls)
{
    return note(self, "VIDIOC_QUERYCTRL",
                vigil_v4l2_read_controls(self->system, self->fd, controls));
}

gchar *
vigil_v4l2_describe_control(VigilV4l2 *self, const VigilV4l2Control *control)
{
    return vigil_v4l2_control_to_string(self->system, self->fd, control);
}

gboolean
vigil_v4l2_apply_controls(VigilV4l2 *self, const GPtrArray *settings, GError **error)
{
    return vigil_v4l2_write_controls(self->system, self->fd, settings, error);
}

/* --- format ---------------------------------------------------------------------------------- */

static void
fill_request(const VigilV4l2 *self, const VigilV4l2Choice *choice, struct v4l2_format *request)
{
    *request = (struct v4l2_format){.type = self->type};
    if (V4L2_TYPE_IS_MULTIPLANAR(self->type)) {
        request->fmt.pix_mp.width = choice->width;
        request->fmt.pix_mp.height = choice->height;
        request->fmt.pix_mp.pixelformat = choice->fourcc;
        request->fmt.pix_mp.field = V4L2_FIELD_NONE;
    } else {
        request->fmt.pix.width = choice->width;
        request->fmt.pix.height = choice->height;
        request->fmt.pix.pixelformat = choice->fourcc;
        request->fmt.pix.field = V4L2_FIELD_NONE;
    }
}

static void
read_planes(VigilV4l2Format *format, const struct v4l2_pix_format_mplane *pix)
{
    *format = (VigilV4l2Format){.fourcc = pix->pixelformat,
                                .width = pix->width,
                                .height = pix->height,
                                .n_planes = pix->num_planes,
                                .field = pix->field,
                                .colorspace = pix->colorspace,
                                .ycbcr_enc = pix->ycbcr_enc,
                                .quantization = pix->quantization,
                                .xfer_func = pix->xfer_func};
    for (guint i = 0; i < MIN(pix->num_planes, VIGIL_V4L2_MAX_PLANES); i++) {
        format->stride[i] = pix->plane_fmt[i].bytesperline;
        format->size[i] = pix->plane_fmt[i].sizeimage;
    }
}

static void
read_format(const VigilV4l2 *self, const struct v4l2_format *answer, VigilV4l2Format *format)
{
    const struct v4l2_pix_format *pix = &answer->fmt.pix;

    if (V4L2_TYPE_IS_MULTIPLANAR(self->type)) {
        read_planes(format, &answer->fmt.pix_mp);
        return;
    }
    *format = (VigilV4l2Format){.fourcc = pix->pixelformat,
                                .width = pix->width,
                                .height = pix->height,
                                .n_planes = 1,
                                .stride = {pix->bytesperline},
                                .size = {pix->sizeimage},
                                .field = pix->field,
                                .colorspace = pix->colorspace,
                                .ycbcr_enc = pix->ycbcr_enc,
                                .quantization = pix->quantization,
                                .xfer_func = pix->xfer_func};
}

static gboolean
is_usable(const VigilV4l2Format *format, guint32 fourcc)
{
    /* V4L2_FIELD_INTERLACED and its two forms are whole frames, the others are half ones */
    const gboolean whole =
        format->field <= V4L2_FIELD_NONE || format->field == V4L2_FIELD_INTERLACED ||
        format->field == V4L2_FIELD_INTERLACED_TB || format->field == V4L2_FIELD_INTERLACED_BT;

    return whole && format->fourcc == fourcc && format->n_planes >= 1 &&
           format->n_planes <= VIGIL_V4L2_MAX_PLANES && format->width && format->height &&
           format->width <= VIGIL_V4L2_LARGEST && format->height <= VIGIL_V4L2_LARGEST;
}

/* Drivers without a choice of rates say ENOTTY; the frames come all the same. */
static gint
set_rate(VigilV4l2 *self, VigilV4l2Rate rate)
{
    struct v4l2_streamparm request = {.type = self->type};
    struct v4l2_captureparm *capture = &request.parm.capture;
    gint result;

    result = vigil_v4l2_ioctl(self->system, self->fd, VIDIOC_G_PARM, &request);
    if (result == 0 && rate.d && capture->capability & V4L2_CAP_TIMEPERFRAME) {
        capture->timeperframe = (struct v4l2_fract){rate.d, rate.n};
        result = vigil_v4l2_ioctl(self->system, self->fd, VIDIOC_S_PARM, &request);
    }
    if (vigil_v4l2_is_gone(result))
        return note(self, "VIDIOC_S_PARM", result);
    if (result == 0 && capture->timeperframe.numerator && capture->timeperframe.denominator)
        rate = (VigilV4l2Rate){capture->timeperframe.denominator, capture->timeperframe.numerator};
    self->format.rate = rate;
    return 0;
}

gint
vigil_v4l2_set_format(VigilV4l2 *self, const VigilV4l2Choice *choice)
{
    struct v4l2_format request;
    gint result;

    stop(self);
    fill_request(self, choice, &request);
    result = control(self, "VIDIOC_S_FMT", VIDIOC_S_FMT, &request);
    if (result < 0)
        return result;
    read_format(self, &request, &self->format);
    if (!is_usable(&self->format, choice->fourcc))
        return note(self, "VIDIOC_S_FMT, which gave another format than listed", -EPROTO);
    vigil_v4l2_format_compute_least(&self->format);
    return set_rate(self, choice->rate);
}

gint
vigil_v4l2_start(VigilV4l2 *self, guint n_buffers, gboolean export)
{
    const gchar *call = NULL;
    gint result;

    stop(self);
    self->any = FALSE;
    result = vigil_v4l2_stream_new(self->system, self->fd, self->type, self->format.n_planes,
                                   n_buffers, export, &self->stream, &call);
    return note(self, call, result);
}

/* --- frames ---------------------------------------------------------------------------------- */

static gint64
get_now_ns(const VigilV4l2 *self)
{
    return self->system->get_time_ns(self->system->user_data);
}

/*
 * The kernel's time, when it is one of CLOCK_MONOTONIC and goes forward; else now.
 */
static void
read_time(VigilV4l2 *self, const struct v4l2_buffer *buffer, VigilV4l2Frame *frame)
{
    const gint64 now_ns = get_now_ns(self);
    const gboolean monotonic =
        (buffer->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    gint64 time_ns =
        (gint64)buffer->timestamp.tv_sec * 1000000000 + (gint64)buffer->timestamp.tv_usec * 1000;

    if (!monotonic || buffer->timestamp.tv_sec < 0 || time_ns <= 0 || time_ns > now_ns)
        time_ns = now_ns;
    if (self->any && time_ns <= self->last_ns) {
        self->stats.backwards++;
        time_ns = MAX(now_ns, self->last_ns + 1);
    }
    self->last_ns = time_ns;
    frame->time_ns = time_ns;
}

static void
read_sequence(VigilV4l2 *self, const struct v4l2_buffer *buffer, VigilV4l2Frame *frame)
{
    const guint32 step = buffer->sequence - self->last_sequence;

    frame->sequence = buffer->sequence;
    /* the same again: this driver does not count; far away: it counts from anew */
    frame->lost = self->any && step > 1 && step < LARGEST_GAP ? step - 1 : 0;
    self->last_sequence = buffer->sequence;
    self->stats.lost += frame->lost;
}

static void
read_sizes(const VigilV4l2 *self, const struct v4l2_buffer *buffer, const struct v4l2_plane *planes,
           VigilV4l2Frame *frame)
{
    frame->n_planes = self->format.n_planes;
    for (guint p = 0; p < frame->n_planes; p++) {
        const gboolean multi = V4L2_TYPE_IS_MULTIPLANAR(buffer->type);
        const gsize used = multi ? planes[p].bytesused : buffer->bytesused;
        const gsize offset = multi ? planes[p].data_offset : 0;
        const VigilV4l2Plane *memory = vigil_v4l2_stream_get_plane(self->stream, buffer->index, p);

        if (used > memory->size || offset > used) {
            frame->offset[p] = frame->size[p] = 0;
            frame->quality = VIGIL_V4L2_OVERSIZE;
            continue;
        }
        frame->offset[p] = offset;
        frame->size[p] = used - offset;
        if (frame->size[p] < self->format.least[p] && frame->quality == VIGIL_V4L2_GOOD)
            frame->quality = VIGIL_V4L2_SHORT;
    }
}

/* A JPEG without its first marker is the rest of one, of which the beginning was lost. */
static gboolean
begins_as_jpeg(const VigilV4l2 *self, const VigilV4l2Frame *frame)
{
    const guint8 *data =
        vigil_v4l2_stream_get_plane(self->stream, frame->index, 0)->data + frame->offset[0];

    return data[0] == 0xff && data[1] == 0xd8;
}

static void
judge(VigilV4l2 *self, const struct v4l2_buffer *buffer, const struct v4l2_plane *planes,
      VigilV4l2Frame *frame)
{
    frame->quality = VIGIL_V4L2_GOOD;
    read_sizes(self, buffer, planes, frame);
    if (frame->quality == VIGIL_V4L2_GOOD && buffer->flags & V4L2_BUF_FLAG_ERROR)
        frame->quality = VIGIL_V4L2_CORRUPT;
    if (frame->quality == VIGIL_V4L2_GOOD &&
        vigil_v4l2_kind_of(self->format.fourcc) == VIGIL_V4L2_MJPEG && !begins_as_jpeg(self, frame))
        frame->quality = VIGIL_V4L2_SHORT;
    self->stats.corrupt += frame->quality == VIGIL_V4L2_CORRUPT;
    self->stats.too_short += frame->quality == VIGIL_V4L2_SHORT;
    self->stats.oversize += frame->quality == VIGIL_V4L2_OVERSIZE;
}

static gint
dequeue(VigilV4l2 *self, VigilV4l2Frame *frame)
{
    struct v4l2_plane planes[VIDEO_MAX_PLANES];
    struct v4l2_buffer buffer;
    guint queued = 0;
    const gint result = vigil_v4l2_stream_dequeue(self->stream, &buffer, planes, &queued);

    g_mutex_lock(&self->lock);
    if (result == 0) {
        frame->index = buffer.index;
        frame->keyframe = (buffer.flags & V4L2_BUF_FLAG_KEYFRAME) != 0;
        frame->queued = queued;
        self->stats.frames++;
        read_sequence(self, &buffer, frame);
        read_time(self, &buffer, frame);
        judge(self, &buffer, planes, frame);
        self->any = TRUE;
    } else if (result == -EPROTO) {
        self->stats.bad_index++;
    }
    g_mutex_unlock(&self->lock);
    return result == -EAGAIN ? result : note(self, "VIDIOC_DQBUF", result);
}

/* 0: look; -EAGAIN: nothing yet */
static gint
wait(VigilV4l2 *self, gint wake_fd, gint timeout_ms, gboolean *trouble)
{
    struct pollfd fds[] = {{.fd = self->fd, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
    const gint n = self->system->poll(fds, 2, timeout_ms, self->system->user_data);

    if (n == 0)
        return -ETIMEDOUT;
    if (n < 0)
        return n == -EINTR ? -EAGAIN : note(self, "poll", n);
    if (fds[1].revents)
        return -ECANCELED;
    *trouble = (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
    return 0;
}

gint
vigil_v4l2_take(VigilV4l2 *self, gint wake_fd, gint timeout_ms, VigilV4l2Frame *frame)
{
    const gint64 end_ns = get_now_ns(self) + (gint64)timeout_ms * 1000000;

    g_return_val_if_fail(self->stream != NULL, -EBADF);
    for (;;) {
        const gint64 left_ns = end_ns - get_now_ns(self);
        gboolean trouble = FALSE;
        gint result = wait(self, wake_fd, (gint)(MAX(left_ns, 0) / 1000000), &trouble);

        if (result == 0)
            result = dequeue(self, frame);
        else if (result != -EAGAIN)
            return result;
        if (result != -EAGAIN)
            return result;
        /* it says that something is wrong and does not say what: it would do so for ever */
        if (trouble)
            return note(self, "poll", -EIO);
        if (left_ns <= 0)
            return -ETIMEDOUT;
    }
}
