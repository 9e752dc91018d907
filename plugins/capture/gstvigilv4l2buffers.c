/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/capture/gstvigilv4l2buffers.h"

#include <gst/allocators/gstdmabuf.h>

/* --- buffers without memory, used again ------------------------------------------------------ */

typedef struct {
    GstBufferPool parent;
} GstVigilV4l2Shells;

typedef struct {
    GstBufferPoolClass parent;
} GstVigilV4l2ShellsClass;

GType gst_vigil_v4l2_shells_get_type(void);
G_DEFINE_TYPE(GstVigilV4l2Shells, gst_vigil_v4l2_shells, GST_TYPE_BUFFER_POOL)

static GstFlowReturn
gst_vigil_v4l2_shells_alloc_buffer(GstBufferPool *pool, GstBuffer **buffer,
                                   GstBufferPoolAcquireParams *params)
{
    *buffer = gst_buffer_new();
    return GST_FLOW_OK;
}

/* The memory goes its own way; without the flag the pool does not take the buffer for a broken one. */
static void
gst_vigil_v4l2_shells_reset_buffer(GstBufferPool *pool, GstBuffer *buffer)
{
    gst_buffer_remove_all_memory(buffer);
    GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_TAG_MEMORY);
    GST_BUFFER_POOL_CLASS(gst_vigil_v4l2_shells_parent_class)->reset_buffer(pool, buffer);
}

static void
gst_vigil_v4l2_shells_class_init(GstVigilV4l2ShellsClass *klass)
{
    GST_BUFFER_POOL_CLASS(klass)->alloc_buffer = gst_vigil_v4l2_shells_alloc_buffer;
    GST_BUFFER_POOL_CLASS(klass)->reset_buffer = gst_vigil_v4l2_shells_reset_buffer;
}

static void
gst_vigil_v4l2_shells_init(GstVigilV4l2Shells *self)
{
}

/* (transfer full) */
static GstBufferPool *
start_pool(GType type, gsize size, guint min, guint max)
{
    GstBufferPool *pool = gst_object_ref_sink(g_object_new(type, NULL));
    GstStructure *config = gst_buffer_pool_get_config(pool);

    gst_buffer_pool_config_set_params(config, NULL, (guint)size, min, max);
    if (!gst_buffer_pool_set_config(pool, config) || !gst_buffer_pool_set_active(pool, TRUE))
        GST_WARNING_OBJECT(pool, "no pool of %" G_GSIZE_FORMAT " bytes", size);
    return pool;
}

static void
stop_pool(GstBufferPool *pool)
{
    gst_buffer_pool_set_active(pool, FALSE);
    gst_object_unref(pool);
}

/* --- memory of the driver -------------------------------------------------------------------- */

/* Where a memory belongs: what frees it finds its way back by that. */
typedef struct {
    GstVigilV4l2Buffers *owner;
    guint index, plane;
    GstMemory *memory;
} Slot;

struct GstVigilV4l2Buffers {
    gatomicrefcount refs; /* who made it, and each memory */
    VigilV4l2Stream *stream;
    guint n_buffers, n_planes;
    Slot slots[VIGIL_V4L2_MAX_BUFFERS][VIGIL_V4L2_MAX_PLANES];
    gsize spare_size;
    GstBufferPool *shells, *spares; /* NULL: closed */

    GMutex lock;
    gboolean closed;
    guint32 out[VIGIL_V4L2_MAX_BUFFERS]; /* a bit a plane that the pipeline has */
};

static GQuark
slot_quark(void)
{
    return g_quark_from_static_string("vigil-v4l2-slot");
}

static void
buffers_unref(GstVigilV4l2Buffers *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    vigil_v4l2_stream_unref(self->stream);
    g_mutex_clear(&self->lock);
    g_free(self);
}

static void
slot_gone(gpointer data)
{
    buffers_unref(((Slot *)data)->owner);
}

/* The last reference went: the memory stays, as ours, until the next frame, unless there will be none. */
static gboolean
on_memory_dispose(GstMiniObject *object)
{
    Slot *slot = gst_mini_object_get_qdata(object, slot_quark());
    GstVigilV4l2Buffers *self = slot->owner;
    gboolean closed, complete;

    g_mutex_lock(&self->lock);
    closed = self->closed;
    if (!closed) {
        gst_mini_object_ref(object);
        self->out[slot->index] &= ~(1U << slot->plane);
    }
    complete = !closed && self->out[slot->index] == 0;
    g_mutex_unlock(&self->lock);
    if (complete)
        vigil_v4l2_stream_give_back(self->stream, slot->index);
    return closed;
}

static GstMemory *
make_memory(const VigilV4l2Plane *plane, GstAllocator *dmabufs)
{
    if (dmabufs && plane->dmabuf >= 0)
        return gst_dmabuf_allocator_alloc_with_flags(dmabufs, plane->dmabuf, plane->size,
                                                     GST_FD_MEMORY_FLAG_DONT_CLOSE |
                                                         GST_FD_MEMORY_FLAG_KEEP_MAPPED);
    return gst_memory_new_wrapped(0, plane->data, plane->size, 0, plane->size, NULL, NULL);
}

GstVigilV4l2Buffers *
gst_vigil_v4l2_buffers_new(VigilV4l2Stream *stream, gboolean dmabuf, gsize spare_size)
{
    GstVigilV4l2Buffers *self = g_new0(GstVigilV4l2Buffers, 1);
    g_autoptr(GstAllocator) dmabufs = dmabuf ? gst_dmabuf_allocator_new() : NULL;

    g_atomic_ref_count_init(&self->refs);
    g_mutex_init(&self->lock);
    self->stream = vigil_v4l2_stream_ref(stream);
    self->n_buffers = vigil_v4l2_stream_get_n_buffers(stream);
    self->n_planes = vigil_v4l2_stream_get_n_planes(stream);
    self->shells = start_pool(gst_vigil_v4l2_shells_get_type(), 0, self->n_buffers, 0);
    self->spares = start_pool(GST_TYPE_BUFFER_POOL, spare_size, 0, 2 * self->n_buffers);
    self->spare_size = spare_size;
    for (guint i = 0; i < self->n_buffers; i++) {
        for (guint p = 0; p < self->n_planes; p++) {
            Slot *slot = &self->slots[i][p];

            *slot =
                (Slot){self, i, p, make_memory(vigil_v4l2_stream_get_plane(stream, i, p), dmabufs)};
            g_atomic_ref_count_inc(&self->refs);
            gst_mini_object_set_qdata(GST_MINI_OBJECT_CAST(slot->memory), slot_quark(), slot,
                                      slot_gone);
            GST_MINI_OBJECT_CAST(slot->memory)->dispose = on_memory_dispose;
        }
    }
    return self;
}

void
gst_vigil_v4l2_buffers_close(GstVigilV4l2Buffers *self)
{
    guint32 out[VIGIL_V4L2_MAX_BUFFERS] = {0};

    g_mutex_lock(&self->lock);
    self->closed = TRUE;
    for (guint i = 0; i < self->n_buffers; i++)
        out[i] = self->out[i];
    g_mutex_unlock(&self->lock);
    for (guint i = 0; i < self->n_buffers; i++)
        for (guint p = 0; p < self->n_planes; p++)
            if (!(out[i] & 1U << p))
                gst_memory_unref(self->slots[i][p].memory);
    stop_pool(g_steal_pointer(&self->shells));
    stop_pool(g_steal_pointer(&self->spares));
    buffers_unref(self);
}

GstBuffer *
gst_vigil_v4l2_buffers_wrap(GstVigilV4l2Buffers *self, const VigilV4l2Frame *frame)
{
    GstBuffer *buffer = NULL;

    if (gst_buffer_pool_acquire_buffer(self->shells, &buffer, NULL) != GST_FLOW_OK)
        buffer = gst_buffer_new();
    g_mutex_lock(&self->lock);
    self->out[frame->index] = (1U << self->n_planes) - 1;
    g_mutex_unlock(&self->lock);
    for (guint p = 0; p < self->n_planes; p++) {
        GstMemory *memory = self->slots[frame->index][p].memory;

        gst_memory_resize(memory, (gssize)frame->offset[p] - (gssize)memory->offset,
                          frame->size[p]);
        gst_buffer_append_memory(buffer, memory);
    }
    return buffer;
}

GstBuffer *
gst_vigil_v4l2_buffers_get_spare(GstVigilV4l2Buffers *self, gsize size)
{
    GstBufferPoolAcquireParams params = {.flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT};
    GstBuffer *buffer = NULL;

    if (size > self->spare_size ||
        gst_buffer_pool_acquire_buffer(self->spares, &buffer, &params) != GST_FLOW_OK)
        return gst_buffer_new_allocate(NULL, size, NULL);
    gst_buffer_set_size(buffer, (gssize)size);
    return buffer;
}
