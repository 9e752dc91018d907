/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/capture/gstvigilv4l2buffers.h"

#include <gst/allocators/gstdmabuf.h>

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
gst_vigil_v4l2_buffers_new(VigilV4l2Stream *stream, gboolean dmabuf)
{
    GstVigilV4l2Buffers *self = g_new0(GstVigilV4l2Buffers, 1);
    g_autoptr(GstAllocator) dmabufs = dmabuf ? gst_dmabuf_allocator_new() : NULL;

    g_atomic_ref_count_init(&self->refs);
    g_mutex_init(&self->lock);
    self->stream = vigil_v4l2_stream_ref(stream);
    self->n_buffers = vigil_v4l2_stream_get_n_buffers(stream);
    self->n_planes = vigil_v4l2_stream_get_n_planes(stream);
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
    buffers_unref(self);
}

GstBuffer *
gst_vigil_v4l2_buffers_wrap(GstVigilV4l2Buffers *self, const VigilV4l2Frame *frame)
{
    GstBuffer *buffer = gst_buffer_new();

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
