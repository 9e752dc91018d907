/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of decoded pictures, which all cameras share. */
#include <check.h>
#include <gst/video/video.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/decode/vigil-picture-pool.h"

#define WIDTH 320
#define HEIGHT 180
#define KEPT 2

static GstCaps *
make_caps(gint width)
{
    return gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "I420", "width", G_TYPE_INT,
                               width, "height", G_TYPE_INT, HEIGHT, "framerate", GST_TYPE_FRACTION,
                               15, 1, NULL);
}

/* As a decoder does it. */
static GstBufferPool *
start_pool(gint width)
{
    g_autoptr(GstCaps) caps = make_caps(width);
    GstQuery *query = gst_query_new_allocation(caps, TRUE);
    GstBufferPool *pool = NULL;
    GstStructure *config;
    guint size, min, max;

    vigil_picture_pool_offer(query);
    ck_assert_uint_eq(gst_query_get_n_allocation_pools(query), 1);
    gst_query_parse_nth_allocation_pool(query, 0, &pool, &size, &min, &max);
    ck_assert_uint_eq(max, 0);
    config = gst_buffer_pool_get_config(pool);
    gst_buffer_pool_config_set_params(config, caps, size, 4, 0);
    gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
    ck_assert(gst_buffer_pool_set_config(pool, config));
    ck_assert(gst_buffer_pool_set_active(pool, TRUE));
    gst_query_unref(query);
    return pool;
}

static void
stop_pool(GstBufferPool *pool)
{
    ck_assert(gst_buffer_pool_set_active(pool, FALSE));
    gst_object_unref(pool);
}

static GstBuffer *
acquire(GstBufferPool *pool)
{
    GstBuffer *buffer = NULL;

    ck_assert_int_eq(gst_buffer_pool_acquire_buffer(pool, &buffer, NULL), GST_FLOW_OK);
    return buffer;
}

static gpointer
get_data(GstBuffer *buffer)
{
    GstMapInfo map;

    ck_assert(gst_buffer_map(buffer, &map, GST_MAP_READ));
    gst_buffer_unmap(buffer, &map);
    return map.data;
}

START_TEST(a_picture)
{
    GstBufferPool *pool = start_pool(WIDTH);
    g_autoptr(GstCaps) caps = make_caps(WIDTH);
    GstBuffer *buffer = acquire(pool);
    GstVideoFrame frame;
    GstVideoInfo info;

    ck_assert(gst_video_info_from_caps(&info, caps));
    ck_assert(gst_buffer_is_writable(buffer) && gst_buffer_is_all_memory_writable(buffer));
    ck_assert_uint_eq(gst_buffer_get_size(buffer), GST_VIDEO_INFO_SIZE(&info));
    ck_assert_ptr_nonnull(gst_buffer_get_video_meta(buffer));
    ck_assert(gst_video_frame_map(&frame, &info, buffer, GST_MAP_WRITE));
    ck_assert_uint_eq((guintptr)GST_VIDEO_FRAME_PLANE_DATA(&frame, 0) % 64, 0);
    for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(&frame); i++)
        memset(GST_VIDEO_FRAME_PLANE_DATA(&frame, i), (gint)i,
               (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, i) *
                   (gsize)GST_VIDEO_FRAME_COMP_HEIGHT(&frame, i));
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(buffer);
    stop_pool(pool);
}
END_TEST

START_TEST(pools_share_memory)
{
    GstBufferPool *one = start_pool(WIDTH), *other = start_pool(WIDTH);
    GstBuffer *buffer = acquire(one);
    gpointer data = get_data(buffer);

    gst_buffer_unref(buffer);
    buffer = acquire(other);
    ck_assert_ptr_eq(get_data(buffer), data);
    gst_buffer_unref(buffer);
    stop_pool(one);
    stop_pool(other);
}
END_TEST

START_TEST(memory_that_somebody_holds_is_not_used)
{
    GstBufferPool *pool = start_pool(WIDTH);
    GstBuffer *buffer = acquire(pool);
    GstBuffer *copy = gst_buffer_copy(buffer); /* of the same memory */
    gpointer data = get_data(buffer);

    gst_buffer_unref(buffer);
    buffer = acquire(pool);
    ck_assert_ptr_ne(get_data(buffer), data);
    gst_buffer_unref(copy);
    gst_buffer_unref(buffer);
    stop_pool(pool);
}
END_TEST

START_TEST(few_are_kept)
{
    GstBufferPool *pools[4];
    GstBuffer *buffers[4][5];
    gsize size;

    for (guint i = 0; i < G_N_ELEMENTS(pools); i++) {
        /* pictures of another size do not fit, and go as others come */
        pools[i] = start_pool(i == 0 ? WIDTH * 2 : WIDTH);
        for (guint k = 0; k < G_N_ELEMENTS(buffers[i]); k++)
            buffers[i][k] = acquire(pools[i]);
    }
    size = gst_buffer_get_size(buffers[1][0]);
    for (guint i = 0; i < G_N_ELEMENTS(pools); i++) {
        for (guint k = 0; k < G_N_ELEMENTS(buffers[i]); k++)
            gst_buffer_unref(buffers[i][k]);
        stop_pool(pools[i]);
    }
    ck_assert_uint_eq(vigil_picture_pool_count_free(), KEPT * size);
}
END_TEST

START_TEST(a_pool_that_is_stopped_gives_none)
{
    GstBufferPool *pool = start_pool(WIDTH);
    GstBuffer *held = acquire(pool), *buffer = NULL;

    ck_assert(gst_buffer_pool_set_active(pool, FALSE));
    ck_assert_int_eq(gst_buffer_pool_acquire_buffer(pool, &buffer, NULL), GST_FLOW_FLUSHING);
    /* what is on its way outlives it */
    gst_object_unref(pool);
    ck_assert_ptr_nonnull(get_data(held));
    gst_buffer_unref(held);
}
END_TEST

START_TEST(who_has_a_pool_keeps_it)
{
    g_autoptr(GstCaps) caps = make_caps(WIDTH), device = make_caps(WIDTH);
    GstBufferPool *theirs = gst_video_buffer_pool_new(), *pool = NULL;
    GstQuery *query = gst_query_new_allocation(caps, TRUE);

    gst_query_add_allocation_pool(query, theirs, 1, 0, 0);
    vigil_picture_pool_offer(query);
    ck_assert_uint_eq(gst_query_get_n_allocation_pools(query), 1);
    gst_query_parse_nth_allocation_pool(query, 0, &pool, NULL, NULL, NULL);
    ck_assert_ptr_eq(pool, theirs);
    gst_object_unref(pool);
    gst_object_unref(theirs);
    gst_query_unref(query);
    /* a device's memory is not ours to give */
    gst_caps_set_features_simple(device, gst_caps_features_new("memory:DMABuf", NULL));
    query = gst_query_new_allocation(device, TRUE);
    vigil_picture_pool_offer(query);
    ck_assert_uint_eq(gst_query_get_n_allocation_pools(query), 0);
    gst_query_unref(query);
}
END_TEST

int
main(int argc, char **argv)
{
    Suite *suite = suite_create("picture-pool");
    TCase *tcase = tcase_create("picture-pool");
    SRunner *runner = srunner_create(suite);
    int failed;

    gst_init(&argc, &argv);
    tcase_add_test(tcase, a_picture);
    tcase_add_test(tcase, pools_share_memory);
    tcase_add_test(tcase, memory_that_somebody_holds_is_not_used);
    tcase_add_test(tcase, few_are_kept);
    tcase_add_test(tcase, a_pool_that_is_stopped_gives_none);
    tcase_add_test(tcase, who_has_a_pool_keeps_it);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
