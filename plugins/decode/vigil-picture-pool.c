/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/decode/vigil-picture-pool.h"

#include <gst/video/video.h>

/* As vectors like it. */
#define ALIGN 64
/*
 * Blocks that wait. A block that is made anew costs a third of a millisecond of the kernel's, so that there should be some; four cameras
 * at 15 pictures a second seldom need more at a time.
 */
#define MAX_FREE 2

typedef struct Block Block;
struct Block {
    Block *next;
    gsize size;
    guint8 *data;
};

static GMutex lock;
/* under lock */
static Block *free_blocks; /* the last one that came back is first */
static guint n_free;

struct _VigilPicturePool {
    GstBufferPool parent;
    GstVideoInfo info;
};

G_DEFINE_FINAL_TYPE(VigilPicturePool, vigil_picture_pool, GST_TYPE_BUFFER_POOL)

/* --- blocks ---------------------------------------------------------------------------------- */

static Block *
find_free(gsize size)
{
    for (Block **at = &free_blocks; *at; at = &(*at)->next) {
        Block *block = *at;

        if (block->size == size) {
            *at = block->next;
            n_free--;
            return block;
        }
    }
    return NULL;
}

/* (nullable) */
static Block *
take_block(gsize size)
{
    Block *block;

    g_mutex_lock(&lock);
    block = find_free(size);
    g_mutex_unlock(&lock);
    if (block)
        return block;
    block = g_try_malloc(sizeof *block + ALIGN + size);
    if (!block)
        return NULL;
    block->size = size;
    block->data = (guint8 *)(((guintptr)(block + 1) + ALIGN - 1) & ~(guintptr)(ALIGN - 1));
    return block;
}

/* What has waited longest goes: it may be of a size that nobody has any more. */
static Block *
take_last(void)
{
    Block **at = &free_blocks, *last;

    while ((*at)->next)
        at = &(*at)->next;
    last = *at;
    *at = NULL;
    n_free--;
    return last;
}

static void
give_block(gpointer data)
{
    Block *block = data, *surplus = NULL;

    g_mutex_lock(&lock);
    block->next = free_blocks;
    free_blocks = block;
    if (++n_free > MAX_FREE)
        surplus = take_last();
    g_mutex_unlock(&lock);
    g_free(surplus);
}

gsize
vigil_picture_pool_count_free(void)
{
    gsize bytes = 0;

    g_mutex_lock(&lock);
    for (const Block *block = free_blocks; block; block = block->next)
        bytes += block->size;
    g_mutex_unlock(&lock);
    return bytes;
}

/* --- the pool -------------------------------------------------------------------------------- */

static const gchar **
get_options(GstBufferPool *pool)
{
    static const gchar *options[] = {GST_BUFFER_POOL_OPTION_VIDEO_META, NULL};

    return options;
}

static gboolean
set_config(GstBufferPool *pool, GstStructure *config)
{
    VigilPicturePool *self = VIGIL_PICTURE_POOL(pool);
    GstCaps *caps;
    guint size;

    /* who wants more than the picture has reasons of his own, and makes his own pool */
    return gst_buffer_pool_config_get_params(config, &caps, &size, NULL, NULL) && caps &&
           gst_video_info_from_caps(&self->info, caps) &&
           size <= GST_VIDEO_INFO_SIZE(&self->info) &&
           GST_BUFFER_POOL_CLASS(vigil_picture_pool_parent_class)->set_config(pool, config);
}

/* None are made before they are wanted, and none are kept. */
static gboolean
start_or_stop(GstBufferPool *pool)
{
    return TRUE;
}

static GstFlowReturn
acquire(GstBufferPool *pool, GstBuffer **buffer, GstBufferPoolAcquireParams *params)
{
    GstVideoInfo *info = &VIGIL_PICTURE_POOL(pool)->info;
    const gsize size = GST_VIDEO_INFO_SIZE(info);
    Block *block;

    if (GST_BUFFER_POOL_IS_FLUSHING(pool))
        return GST_FLOW_FLUSHING;
    block = take_block(size);
    if (!block)
        return GST_FLOW_ERROR;
    *buffer = gst_buffer_new_wrapped_full(0, block->data, size, 0, size, block, give_block);
    gst_buffer_add_video_meta_full(*buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(info),
                                   (guint)GST_VIDEO_INFO_WIDTH(info),
                                   (guint)GST_VIDEO_INFO_HEIGHT(info),
                                   GST_VIDEO_INFO_N_PLANES(info), info->offset, info->stride);
    return GST_FLOW_OK;
}

static void
release(GstBufferPool *pool, GstBuffer *buffer)
{
    gst_buffer_unref(buffer);
}

static void
vigil_picture_pool_class_init(VigilPicturePoolClass *klass)
{
    GstBufferPoolClass *pool_class = GST_BUFFER_POOL_CLASS(klass);

    pool_class->get_options = get_options;
    pool_class->set_config = set_config;
    pool_class->start = start_or_stop;
    pool_class->stop = start_or_stop;
    pool_class->acquire_buffer = acquire;
    pool_class->release_buffer = release;
}

static void
vigil_picture_pool_init(VigilPicturePool *self)
{
    gst_video_info_init(&self->info);
}

GstBufferPool *
vigil_picture_pool_new(void)
{
    return gst_object_ref_sink(g_object_new(VIGIL_TYPE_PICTURE_POOL, NULL));
}

void
vigil_picture_pool_offer(GstQuery *query)
{
    GstBufferPool *pool;
    GstVideoInfo info;
    GstCaps *caps;

    gst_query_parse_allocation(query, &caps, NULL);
    if (gst_query_get_n_allocation_pools(query) > 0 ||
        gst_query_get_n_allocation_params(query) > 0 || !caps ||
        !gst_caps_features_is_equal(gst_caps_get_features(caps, 0),
                                    GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY) ||
        !gst_video_info_from_caps(&info, caps))
        return;
    pool = vigil_picture_pool_new();
    gst_query_add_allocation_pool(query, pool, (guint)GST_VIDEO_INFO_SIZE(&info), 0, 0);
    gst_object_unref(pool);
}
