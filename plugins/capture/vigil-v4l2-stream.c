/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>

#include "plugins/capture/vigil-v4l2-stream-private.h"

struct VigilV4l2Stream {
    gatomicrefcount refs;
    const VigilV4l2System *system;
    guint32 type;
    guint n_buffers, n_planes;
    VigilV4l2Plane planes[VIGIL_V4L2_MAX_BUFFERS][VIGIL_V4L2_MAX_PLANES];

    GMutex lock;
    gint fd;             /* -1: stopped */
    guint32 with_driver; /* a bit a buffer */
};

G_STATIC_ASSERT(VIGIL_V4L2_MAX_BUFFERS <= 32);
G_STATIC_ASSERT(VIGIL_V4L2_MAX_PLANES <= VIDEO_MAX_PLANES);

static void
prepare(const VigilV4l2Stream *self, guint index, struct v4l2_buffer *buffer,
        struct v4l2_plane *planes)
{
    *buffer = (struct v4l2_buffer){
        .index = index,
        .type = self->type,
        .memory = V4L2_MEMORY_MMAP,
    };
    if (!V4L2_TYPE_IS_MULTIPLANAR(self->type))
        return;
    for (guint i = 0; i < VIDEO_MAX_PLANES; i++)
        planes[i] = (struct v4l2_plane){0};
    buffer->m.planes = planes;
    buffer->length = VIDEO_MAX_PLANES;
}

static void
free_mappings(VigilV4l2Stream *self)
{
    for (guint i = 0; i < self->n_buffers; i++) {
        for (guint p = 0; p < self->n_planes; p++) {
            VigilV4l2Plane *plane = &self->planes[i][p];

            if (plane->dmabuf >= 0)
                self->system->close(plane->dmabuf, self->system->user_data);
            if (plane->data)
                self->system->unmap(plane->data, plane->size, self->system->user_data);
        }
    }
}

VigilV4l2Stream *
vigil_v4l2_stream_ref(VigilV4l2Stream *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void
vigil_v4l2_stream_unref(VigilV4l2Stream *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;
    free_mappings(self);
    g_mutex_clear(&self->lock);
    g_free(self);
}

guint
vigil_v4l2_stream_get_n_buffers(const VigilV4l2Stream *self)
{
    return self->n_buffers;
}

guint
vigil_v4l2_stream_get_n_planes(const VigilV4l2Stream *self)
{
    return self->n_planes;
}

const VigilV4l2Plane *
vigil_v4l2_stream_get_plane(const VigilV4l2Stream *self, guint index, guint plane)
{
    return &self->planes[index][plane];
}

/* --- from the driver's buffers to a running stream ------------------------------------------- */

static gint
map_plane(VigilV4l2Stream *self, guint index, guint p, gsize length, gint64 offset)
{
    VigilV4l2Plane *plane = &self->planes[index][p];
    gpointer address = NULL;
    gint result;

    if (length == 0)
        return -EPROTO;
    result = self->system->map(self->fd, length, offset, &address, self->system->user_data);
    if (result == 0) {
        plane->data = address;
        plane->size = length;
    }
    return result;
}

static gint
map_buffer(VigilV4l2Stream *self, guint index, const gchar **call)
{
    struct v4l2_plane planes[VIDEO_MAX_PLANES];
    struct v4l2_buffer buffer;
    gint result;

    prepare(self, index, &buffer, planes);
    *call = "VIDIOC_QUERYBUF";
    result = vigil_v4l2_ioctl(self->system, self->fd, VIDIOC_QUERYBUF, &buffer);
    if (result < 0)
        return result;
    *call = "mmap";
    if (!V4L2_TYPE_IS_MULTIPLANAR(self->type))
        return map_plane(self, index, 0, buffer.length, buffer.m.offset);
    for (guint p = 0; p < self->n_planes && result == 0; p++)
        result = map_plane(self, index, p, planes[p].length, planes[p].m.mem_offset);
    return result;
}

/* What cannot be exported has no DMABUF; it is mapped all the same. */
static void
export_buffer(VigilV4l2Stream *self, guint index)
{
    for (guint p = 0; p < self->n_planes; p++) {
        struct v4l2_exportbuffer request = {
            .type = self->type, .index = index, .plane = p, .flags = O_RDWR | O_CLOEXEC, .fd = -1};

        if (vigil_v4l2_ioctl(self->system, self->fd, VIDIOC_EXPBUF, &request) == 0)
            self->planes[index][p].dmabuf = request.fd;
    }
}

static gint
queue(VigilV4l2Stream *self, guint index)
{
    struct v4l2_plane planes[VIDEO_MAX_PLANES];
    struct v4l2_buffer buffer;
    gint result;

    prepare(self, index, &buffer, planes);
    if (V4L2_TYPE_IS_MULTIPLANAR(self->type))
        buffer.length = self->n_planes;
    result = vigil_v4l2_ioctl(self->system, self->fd, VIDIOC_QBUF, &buffer);
    if (result == 0)
        self->with_driver |= 1U << index;
    return result;
}

static gint
request_buffers(VigilV4l2Stream *self, guint n_buffers)
{
    struct v4l2_requestbuffers request = {
        .count = n_buffers, .type = self->type, .memory = V4L2_MEMORY_MMAP};
    const gint result = vigil_v4l2_ioctl(self->system, self->fd, VIDIOC_REQBUFS, &request);

    if (result < 0)
        return result;
    if (request.count < 2)
        return -ENOMEM;
    self->n_buffers = MIN(request.count, VIGIL_V4L2_MAX_BUFFERS);
    return 0;
}

static gint
set_up(VigilV4l2Stream *self, guint n_buffers, gboolean export, const gchar **call)
{
    gint type = (gint)self->type, result;

    *call = "VIDIOC_REQBUFS";
    result = request_buffers(self, n_buffers);
    for (guint i = 0; i < self->n_buffers && result == 0; i++) {
        result = map_buffer(self, i, call);
        if (result == 0 && export)
            export_buffer(self, i);
    }
    if (result < 0)
        return result;
    *call = "VIDIOC_QBUF";
    for (guint i = 0; i < self->n_buffers && result == 0; i++)
        result = queue(self, i);
    if (result < 0)
        return result;
    *call = "VIDIOC_STREAMON";
    return vigil_v4l2_ioctl(self->system, self->fd, VIDIOC_STREAMON, &type);
}

gint
vigil_v4l2_stream_new(const VigilV4l2System *system, gint fd, guint32 type, guint n_planes,
                      guint n_buffers, gboolean export, VigilV4l2Stream **stream,
                      const gchar **call)
{
    VigilV4l2Stream *self = g_new0(VigilV4l2Stream, 1);
    gint result;

    g_atomic_ref_count_init(&self->refs);
    g_mutex_init(&self->lock);
    self->system = system;
    self->type = type;
    self->n_planes = n_planes;
    self->fd = fd;
    for (guint i = 0; i < VIGIL_V4L2_MAX_BUFFERS; i++)
        for (guint p = 0; p < VIGIL_V4L2_MAX_PLANES; p++)
            self->planes[i][p].dmabuf = -1;
    result = set_up(self, CLAMP(n_buffers, 2, VIGIL_V4L2_MAX_BUFFERS), export, call);
    if (result < 0) {
        vigil_v4l2_stream_stop(self);
        vigil_v4l2_stream_unref(self);
        return result;
    }
    *stream = self;
    return 0;
}

void
vigil_v4l2_stream_stop(VigilV4l2Stream *self)
{
    struct v4l2_requestbuffers none = {.type = self->type, .memory = V4L2_MEMORY_MMAP};
    gint type = (gint)self->type;

    g_mutex_lock(&self->lock);
    if (self->fd >= 0) {
        vigil_v4l2_ioctl(self->system, self->fd, VIDIOC_STREAMOFF, &type);
        /* mappings keep the file open after close(), and with it the device busy, unless it has no buffers any more */
        vigil_v4l2_ioctl(self->system, self->fd, VIDIOC_REQBUFS, &none);
    }
    self->fd = -1;
    self->with_driver = 0;
    g_mutex_unlock(&self->lock);
}

/* --- the way of a buffer --------------------------------------------------------------------- */

gint
vigil_v4l2_stream_give_back(VigilV4l2Stream *self, guint index)
{
    gint result = 0;

    g_mutex_lock(&self->lock);
    if (self->fd >= 0 && index < self->n_buffers && !(self->with_driver & 1U << index))
        result = queue(self, index);
    g_mutex_unlock(&self->lock);
    return result;
}

gint
vigil_v4l2_stream_dequeue(VigilV4l2Stream *self, struct v4l2_buffer *buffer,
                          struct v4l2_plane *planes, guint *queued)
{
    gint result;

    prepare(self, 0, buffer, planes);
    g_mutex_lock(&self->lock); /* does not block: the descriptor is set so */
    result = vigil_v4l2_ioctl(self->system, self->fd, VIDIOC_DQBUF, buffer);
    if (result == 0) {
        if (buffer->index >= self->n_buffers || !(self->with_driver & 1U << buffer->index))
            result = -EPROTO;
        else
            self->with_driver &= ~(1U << buffer->index);
    }
    *queued = (guint)__builtin_popcount(self->with_driver);
    g_mutex_unlock(&self->lock);
    return result;
}
