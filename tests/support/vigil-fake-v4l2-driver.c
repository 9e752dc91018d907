/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's side: what each ioctl answers, as the specification of V4L2 says it. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/vigil-fake-v4l2-private.h"

gint64
fake_now(const VigilFakeV4l2 *self)
{
    return self->real_time ? g_get_monotonic_time() * 1000 : self->now_ns;
}

static FakeMemory *
make_memory(VigilFakeV4l2 *self, gsize size)
{
    FakeMemory *memory = g_new0(FakeMemory, 1);

    memory->size = size;
    memory->refs = 1;
    memory->fd = memfd_create("fake", MFD_CLOEXEC);
    g_assert_cmpint(ftruncate(memory->fd, (off_t)size), ==, 0);
    memory->data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
    g_assert_true(memory->data != MAP_FAILED);
    self->counts.memory++;
    return memory;
}

void
fake_memory_unref(VigilFakeV4l2 *self, FakeMemory *memory)
{
    if (--memory->refs)
        return;
    munmap(memory->data, memory->size);
    close(memory->fd);
    g_free(memory);
    self->counts.memory--;
}

static void
free_buffers(VigilFakeV4l2 *self, FakeFile *file)
{
    for (guint i = 0; i < file->n_buffers; i++)
        for (guint p = 0; p < file->n_planes; p++)
            fake_memory_unref(self, file->buffers[i].planes[p]);
    memset(file->buffers, 0, sizeof file->buffers);
    file->n_buffers = 0;
    file->streaming = FALSE;
}

void
fake_driver_release(VigilFakeV4l2 *self, FakeFile *file)
{
    free_buffers(self, file);
    memset(file, 0, sizeof *file);
}

gboolean
fake_driver_is_mapped(const FakeFile *file)
{
    for (guint i = 0; i < file->n_buffers; i++)
        for (guint p = 0; p < file->n_planes; p++)
            if (file->buffers[i].planes[p]->refs > 1)
                return TRUE;
    return FALSE;
}

/* The queue of buffers belongs to one file. */
static gboolean
is_busy(const VigilFakeV4l2 *self, const FakeFile *file)
{
    for (guint i = 0; i < FAKE_FILES; i++)
        if (&self->files[i] != file && self->files[i].open && self->files[i].n_buffers &&
            self->files[i].node == file->node && !self->files[i].gone)
            return TRUE;
    return FALSE;
}

static guint32
get_type(const FakeFile *file)
{
    return file->node->camera->multiplanar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
                                           : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

/* --- formats --------------------------------------------------------------------------------- */

static const VigilV4l2Mode *
find_mode(const VigilFakeCamera *camera, guint32 fourcc, guint width, guint height)
{
    const VigilV4l2Mode *found = NULL;

    for (guint i = 0; i < camera->n_modes; i++) {
        const VigilV4l2Mode *mode = &camera->modes[i];

        if (mode->fourcc != fourcc)
            continue;
        if (!found || (width >= mode->min_width && width <= mode->max_width &&
                       height >= mode->min_height && height <= mode->max_height))
            found = mode;
    }
    return found;
}

static gint
query_capability(const FakeFile *file, struct v4l2_capability *answer)
{
    const VigilFakeCamera *camera = file->node->camera;

    memset(answer, 0, sizeof *answer);
    g_strlcpy((gchar *)answer->driver, "fake", sizeof answer->driver);
    g_strlcpy((gchar *)answer->card, camera->card, sizeof answer->card);
    g_strlcpy((gchar *)answer->bus_info, "usb-fake", sizeof answer->bus_info);
    answer->device_caps = V4L2_CAP_STREAMING;
    if (camera->no_capture)
        answer->device_caps |= V4L2_CAP_META_CAPTURE;
    else
        answer->device_caps |=
            camera->multiplanar ? V4L2_CAP_VIDEO_CAPTURE_MPLANE : V4L2_CAP_VIDEO_CAPTURE;
    answer->capabilities = answer->device_caps | V4L2_CAP_DEVICE_CAPS | V4L2_CAP_VIDEO_CAPTURE;
    return 0;
}

static gint
enum_format(const FakeFile *file, struct v4l2_fmtdesc *request)
{
    const VigilFakeCamera *camera = file->node->camera;
    guint n = 0;

    if (request->type != get_type(file))
        return -EINVAL;
    for (guint i = 0; i < camera->n_modes; i++) {
        if (find_mode(camera, camera->modes[i].fourcc, 0, 0) != &camera->modes[i])
            continue; /* another size of a format that was there */
        if (n++ == request->index) {
            request->pixelformat = camera->modes[i].fourcc;
            return 0;
        }
    }
    return -EINVAL;
}

static gint
enum_size(const FakeFile *file, struct v4l2_frmsizeenum *request)
{
    const VigilFakeCamera *camera = file->node->camera;
    guint n = 0;

    if (camera->mute)
        return -ENOTTY;
    for (guint i = 0; i < camera->n_modes; i++) {
        const VigilV4l2Mode *mode = &camera->modes[i];

        if (mode->fourcc != request->pixel_format || n++ != request->index)
            continue;
        if (mode->min_width == mode->max_width && mode->min_height == mode->max_height) {
            request->type = V4L2_FRMSIZE_TYPE_DISCRETE;
            request->discrete = (struct v4l2_frmsize_discrete){mode->max_width, mode->max_height};
        } else {
            request->type = V4L2_FRMSIZE_TYPE_STEPWISE;
            request->stepwise = (struct v4l2_frmsize_stepwise){mode->min_width,  mode->max_width,
                                                               mode->step_width, mode->min_height,
                                                               mode->max_height, mode->step_height};
        }
        return 0;
    }
    return -EINVAL;
}

static gint
enum_interval(const FakeFile *file, struct v4l2_frmivalenum *request)
{
    const VigilV4l2Mode *mode =
        find_mode(file->node->camera, request->pixel_format, request->width, request->height);

    if (!mode || request->index >= mode->n_rates || (mode->any_rate && request->index > 0))
        return -EINVAL;
    if (!mode->any_rate) {
        const VigilV4l2Rate rate = mode->rates[request->index];

        request->type = V4L2_FRMIVAL_TYPE_DISCRETE;
        request->discrete = (struct v4l2_fract){rate.d, rate.n};
        return 0;
    }
    request->type = V4L2_FRMIVAL_TYPE_STEPWISE;
    request->stepwise.max = (struct v4l2_fract){mode->rates[0].d, mode->rates[0].n};
    request->stepwise.min = (struct v4l2_fract){mode->rates[1].d, mode->rates[1].n};
    request->stepwise.step = (struct v4l2_fract){1, 1000};
    return 0;
}

/* Bytes a row of pixels in the first plane, and rows of these in a frame. */
static guint
count_row(guint32 fourcc, guint width)
{
    switch (fourcc) {
    case V4L2_PIX_FMT_YUYV:
    case V4L2_PIX_FMT_UYVY: return 2 * width;
    case V4L2_PIX_FMT_RGB24: return 3 * width;
    case V4L2_PIX_FMT_NV12:
    case V4L2_PIX_FMT_NV12M:
    case V4L2_PIX_FMT_GREY: return width;
    default: return 0; /* encoded */
    }
}

static void
fill_planes(struct v4l2_pix_format_mplane *pix, guint32 fourcc, guint width, guint height,
            guint padding)
{
    const guint row = count_row(fourcc, width);

    pix->num_planes = fourcc == V4L2_PIX_FMT_NV12M ? 2 : 1;
    for (guint p = 0; p < pix->num_planes; p++) {
        pix->plane_fmt[p].bytesperline = row ? row + padding : 0;
        pix->plane_fmt[p].sizeimage =
            row ? (row + padding) * (p ? height / 2 : height) : width * height;
    }
}

static gint
try_format(const FakeFile *file, struct v4l2_format *request)
{
    const VigilFakeCamera *camera = file->node->camera;
    struct v4l2_pix_format *pix = &request->fmt.pix;
    struct v4l2_pix_format_mplane *planes = &request->fmt.pix_mp;
    const gboolean multi = camera->multiplanar;
    const guint32 asked = multi ? planes->pixelformat : pix->pixelformat;
    guint width = multi ? planes->width : pix->width;
    guint height = multi ? planes->height : pix->height;
    const VigilV4l2Mode *mode = find_mode(camera, asked, width, height);
    guint32 fourcc, row;

    if (request->type != get_type(file))
        return -EINVAL;
    mode = mode ? mode : &camera->modes[0];
    fourcc = camera->forced_fourcc ? camera->forced_fourcc : mode->fourcc;
    width = camera->forced_width ? camera->forced_width
                                 : CLAMP(width, mode->min_width, mode->max_width);
    height = CLAMP(height, mode->min_height, mode->max_height);
    if (multi) {
        memset(planes, 0, sizeof *planes);
        *planes = (struct v4l2_pix_format_mplane){
            .width = width, .height = height, .pixelformat = fourcc, .field = V4L2_FIELD_NONE};
        fill_planes(planes, fourcc, width, height, camera->padding);
        return 0;
    }
    row = count_row(fourcc, width) ? count_row(fourcc, width) + camera->padding : 0;
    memset(pix, 0, sizeof *pix);
    *pix = (struct v4l2_pix_format){
        .width = width,
        .height = height,
        .pixelformat = fourcc,
        .field = camera->forced_field ? camera->forced_field : V4L2_FIELD_NONE,
        .bytesperline = row,
        .sizeimage =
            row ? row * height * (fourcc == V4L2_PIX_FMT_NV12 ? 3 : 2) / 2 : width * height,
        .colorspace = V4L2_COLORSPACE_SRGB};
    return 0;
}

static gint
set_format(const VigilFakeV4l2 *self, FakeFile *file, struct v4l2_format *request)
{
    gint result;

    if (file->n_buffers || is_busy(self, file))
        return -EBUSY;
    result = try_format(file, request);
    if (result == 0)
        file->format = *request;
    if (result == 0)
        file->n_planes = file->node->camera->multiplanar ? file->format.fmt.pix_mp.num_planes : 1;
    return result;
}

static gint
set_parameters(FakeFile *file, struct v4l2_streamparm *request, gboolean set)
{
    struct v4l2_captureparm *capture = &request->parm.capture;

    if (file->node->camera->no_rate)
        return -ENOTTY;
    if (request->type != get_type(file))
        return -EINVAL;
    if (set)
        file->interval = capture->timeperframe;
    memset(capture, 0, sizeof *capture);
    capture->capability = V4L2_CAP_TIMEPERFRAME;
    capture->timeperframe = file->interval;
    return 0;
}

/* --- controls -------------------------------------------------------------------------------- */

static gint
find_control(const FakeFile *file, guint32 id)
{
    const VigilFakeCamera *camera = file->node->camera;

    for (guint i = 0; i < camera->n_controls; i++)
        if (camera->controls[i].id == id)
            return (gint)i;
    return -1;
}

/* The camera has them by ascending ids. */
static gint
query_control(const FakeFile *file, struct v4l2_queryctrl *query)
{
    const VigilFakeCamera *camera = file->node->camera;
    const guint32 id = query->id & ~V4L2_CTRL_FLAG_NEXT_CTRL;
    const gboolean next = (query->id & V4L2_CTRL_FLAG_NEXT_CTRL) != 0;

    for (guint i = 0; i < camera->n_controls; i++) {
        const VigilFakeControl *control = &camera->controls[i];

        if (next ? control->id <= id : control->id != id)
            continue;
        memset(query, 0, sizeof *query);
        query->id = control->id;
        query->type = control->type;
        query->flags = control->flags;
        memcpy(query->name, control->name, MIN(strlen(control->name), sizeof query->name));
        query->minimum = control->min;
        query->maximum = control->max;
        query->step = control->step;
        query->default_value = control->standard;
        return 0;
    }
    return -EINVAL;
}

static gint
query_menu(const FakeFile *file, struct v4l2_querymenu *query)
{
    const gint i = find_control(file, query->id);
    const VigilFakeControl *control = i < 0 ? NULL : &file->node->camera->controls[i];

    if (!control || !control->items || (gint32)query->index > control->max ||
        !control->items[query->index])
        return -EINVAL;
    if (control->type == V4L2_CTRL_TYPE_INTEGER_MENU)
        query->value = g_ascii_strtoll(control->items[query->index], NULL, 10);
    else
        g_strlcpy((gchar *)query->name, control->items[query->index], sizeof query->name);
    return 0;
}

static gint
use_control(FakeFile *file, struct v4l2_control *request, gboolean set)
{
    const gint i = find_control(file, request->id);
    const VigilFakeControl *control = i < 0 ? NULL : &file->node->camera->controls[i];

    if (!control)
        return -EINVAL;
    if (set && (request->value < control->min || request->value > control->max))
        return -ERANGE;
    if (set)
        file->node->values[i] = request->value;
    request->value = file->node->values[i];
    return 0;
}

/* --- buffers --------------------------------------------------------------------------------- */

static gsize
plane_size(const FakeFile *file, guint plane)
{
    return file->node->camera->multiplanar ? file->format.fmt.pix_mp.plane_fmt[plane].sizeimage
                                           : file->format.fmt.pix.sizeimage;
}

static gint
request_buffers(VigilFakeV4l2 *self, FakeFile *file, struct v4l2_requestbuffers *request)
{
    const guint most = file->node->camera->max_buffers ? file->node->camera->max_buffers : 16;

    if (request->type != get_type(file) || request->memory != V4L2_MEMORY_MMAP ||
        file->n_planes == 0)
        return -EINVAL;
    if (file->streaming)
        return -EBUSY;
    if (is_busy(self, file))
        return -EBUSY;
    free_buffers(self, file);
    request->count = MIN(request->count, most);
    file->n_buffers = request->count;
    for (guint i = 0; i < file->n_buffers; i++)
        for (guint p = 0; p < file->n_planes; p++)
            file->buffers[i].planes[p] = make_memory(self, plane_size(file, p));
    return 0;
}

static gint
query_buffer(const FakeFile *file, struct v4l2_buffer *buffer)
{
    if (buffer->type != get_type(file) || buffer->index >= file->n_buffers)
        return -EINVAL;
    if (!file->node->camera->multiplanar) {
        buffer->length = (guint32)plane_size(file, 0);
        buffer->m.offset = buffer->index << 16;
        return 0;
    }
    if (buffer->length < file->n_planes)
        return -EINVAL;
    for (guint p = 0; p < file->n_planes; p++) {
        buffer->m.planes[p].length = (guint32)plane_size(file, p);
        buffer->m.planes[p].m.mem_offset = buffer->index << 16 | p << 12;
    }
    buffer->length = file->n_planes;
    return 0;
}

static gint
export_buffer(const FakeFile *file, struct v4l2_exportbuffer *request)
{
    if (file->node->camera->no_export)
        return -ENOTTY;
    if (request->index >= file->n_buffers || request->plane >= file->n_planes)
        return -EINVAL;
    request->fd = dup(file->buffers[request->index].planes[request->plane]->fd);
    return 0;
}

static gint
queue_buffer(FakeFile *file, const struct v4l2_buffer *buffer)
{
    if (buffer->type != get_type(file) || buffer->memory != V4L2_MEMORY_MMAP ||
        buffer->index >= file->n_buffers || file->buffers[buffer->index].queued)
        return -EINVAL;
    if (file->node->camera->multiplanar && buffer->length < file->n_planes)
        return -EINVAL;
    file->buffers[buffer->index].queued = TRUE;
    file->buffers[buffer->index].order = file->next_order++;
    return 0;
}

static FakeBuffer *
find_queued(FakeFile *file)
{
    FakeBuffer *found = NULL;

    for (guint i = 0; i < file->n_buffers; i++)
        if (file->buffers[i].queued && (!found || file->buffers[i].order < found->order))
            found = &file->buffers[i];
    return found;
}

gboolean
fake_driver_has_frame(const VigilFakeV4l2 *self, const FakeFile *file)
{
    return file->streaming && find_queued((FakeFile *)file) && !file->node->silent &&
           fake_now(self) >= file->next_ns;
}

static void
paint(FakeFile *file, const FakeBuffer *filled, const VigilFakeFrame *how)
{
    static const guint8 start[] = {0xff, 0xd8, 0xff, 0xdb};
    const guint32 fourcc = file->node->camera->multiplanar ? file->format.fmt.pix_mp.pixelformat
                                                           : file->format.fmt.pix.pixelformat;

    for (guint p = 0; p < file->n_planes; p++)
        memset(filled->planes[p]->data, (gint)(file->sequence & 0xff), filled->planes[p]->size);
    if (fourcc == V4L2_PIX_FMT_MJPEG && !how->garbage)
        memcpy(filled->planes[0]->data, start, sizeof start);
}

static void
describe_frame(VigilFakeV4l2 *self, FakeFile *file, const VigilFakeFrame *how,
               const FakeBuffer *filled, struct v4l2_buffer *buffer)
{
    const gint64 time_ns = MIN(file->next_ns, fake_now(self)) - how->back_ns;
    const gboolean multi = file->node->camera->multiplanar;

    buffer->index = (guint32)(filled - file->buffers) + (how->wrong_index ? 77 : 0);
    buffer->flags = how->flags;
    if (!file->node->camera->monotonic_unknown)
        buffer->flags |= V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    buffer->field = V4L2_FIELD_NONE;
    buffer->sequence = file->sequence;
    buffer->timestamp.tv_sec = time_ns / 1000000000;
    buffer->timestamp.tv_usec = time_ns % 1000000000 / 1000;
    for (guint p = 0; p < file->n_planes; p++) {
        gsize used = how->size ? (gsize)how->size : how->empty ? 0 : filled->planes[p]->size;

        if (multi)
            buffer->m.planes[p].bytesused = (guint32)used;
        else
            buffer->bytesused = (guint32)used;
    }
}

static gint
dequeue_buffer(VigilFakeV4l2 *self, FakeFile *file, struct v4l2_buffer *buffer)
{
    static const VigilFakeFrame good = {0};
    const VigilFakeFrame *how = &good;
    FakeNode *node = file->node;
    FakeBuffer *filled;

    if (buffer->type != get_type(file) || !file->streaming)
        return -EINVAL;
    if (node->camera->multiplanar && buffer->length < file->n_planes)
        return -EINVAL;
    if (!fake_driver_has_frame(self, file))
        return -EAGAIN;
    if (node->n_script) {
        how = node->script++;
        node->n_script--;
    }
    if (how->error)
        return -how->error;
    filled = find_queued(file);
    file->sequence += how->skip;
    paint(file, filled, how);
    describe_frame(self, file, how, filled, buffer);
    file->sequence++;
    if (!how->wrong_index)
        filled->queued = FALSE;
    file->next_ns = fake_now(self) + (self->real_time ? FAKE_REAL_FRAME_NS : FAKE_FRAME_NS);
    return 0;
}

static gint
set_streaming(VigilFakeV4l2 *self, FakeFile *file, const gint *type, gboolean on)
{
    if ((guint32)*type != get_type(file) || (on && file->n_buffers == 0))
        return -EINVAL;
    file->streaming = on;
    file->sequence = 0;
    file->next_ns = fake_now(self) + (self->real_time ? FAKE_REAL_FRAME_NS : FAKE_FRAME_NS);
    for (guint i = 0; !on && i < file->n_buffers; i++)
        file->buffers[i].queued = FALSE;
    return 0;
}

gint
fake_driver_ioctl(VigilFakeV4l2 *self, FakeFile *file, gulong request, gpointer argument)
{
    switch (request) {
    case VIDIOC_QUERYCAP: return query_capability(file, argument);
    case VIDIOC_ENUM_FMT: return enum_format(file, argument);
    case VIDIOC_ENUM_FRAMESIZES: return enum_size(file, argument);
    case VIDIOC_ENUM_FRAMEINTERVALS: return enum_interval(file, argument);
    case VIDIOC_TRY_FMT: return try_format(file, argument);
    case VIDIOC_S_FMT: return set_format(self, file, argument);
    case VIDIOC_G_PARM: return set_parameters(file, argument, FALSE);
    case VIDIOC_S_PARM: return set_parameters(file, argument, TRUE);
    case VIDIOC_QUERYCTRL: return query_control(file, argument);
    case VIDIOC_QUERYMENU: return query_menu(file, argument);
    case VIDIOC_G_CTRL: return use_control(file, argument, FALSE);
    case VIDIOC_S_CTRL: return use_control(file, argument, TRUE);
    case VIDIOC_REQBUFS: return request_buffers(self, file, argument);
    case VIDIOC_QUERYBUF: return query_buffer(file, argument);
    case VIDIOC_EXPBUF: return export_buffer(file, argument);
    case VIDIOC_QBUF: return queue_buffer(file, argument);
    case VIDIOC_DQBUF: return dequeue_buffer(self, file, argument);
    case VIDIOC_STREAMON: return set_streaming(self, file, argument, TRUE);
    case VIDIOC_STREAMOFF: return set_streaming(self, file, argument, FALSE);
    default: return -ENOTTY;
    }
}
