/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <string.h>

#include "plugins/common/gstvigilmeta.h"
#include "tests/support/vigil-test-data.h"

/* What several element tests need. */

#define TEST_MODEL "models/ssd_mobilenet_v1_coco_quant_300.tflite"
#define TEST_LABELS "labels/coco_labels_90_coral.txt"

/** test_have_element: says so on stderr when it is missing and the test is skipped. */
static inline gboolean
test_have_element(const gchar *name)
{
    GstElementFactory *factory = gst_element_factory_find(name);

    if (!factory) {
        g_printerr("SKIP: no GStreamer element %s\n", name);
        return FALSE;
    }
    gst_object_unref(factory);
    return TRUE;
}

/** test_write_file: (transfer full): path of a new file in the temporary folder; test_remove_file() removes and frees it. */
static inline gchar *
test_write_file(const gchar *content)
{
    gchar *path = NULL;
    const gint fd = g_file_open_tmp("vigil-test-XXXXXX.yaml", &path, NULL);

    fail_unless(fd >= 0);
    g_close(fd, NULL);
    fail_unless(g_file_set_contents(path, content, -1, NULL));
    return path;
}

static inline void
test_remove_file(gchar *path)
{
    g_unlink(path);
    g_free(path);
}

/** test_frame_new: (transfer full): a gray frame of @info with the given time. */
static inline GstBuffer *
test_frame_new(const GstVideoInfo *info, GstClockTime pts, GstClockTime duration)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);

    gst_buffer_memset(buffer, 0, 128, GST_VIDEO_INFO_SIZE(info));
    GST_BUFFER_PTS(buffer) = pts;
    GST_BUFFER_DURATION(buffer) = duration;
    return buffer;
}

static inline GstVideoInfo
test_video_info(GstVideoFormat format, guint width, guint height)
{
    GstVideoInfo info;

    gst_video_info_init(&info);
    fail_unless(gst_video_info_set_format(&info, format, width, height));
    return info;
}

static inline void
test_set_caps(GstHarness *h, const GstVideoInfo *info)
{
    gst_harness_set_src_caps(h, gst_video_info_to_caps(info));
}

/** test_pop_message: (transfer full) (nullable): next element message of this name on the bus; others are dropped. */
static inline GstMessage *
test_pop_message(GstBus *bus, const gchar *name)
{
    GstMessage *message;

    while ((message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT))) {
        if (gst_message_has_name(message, name))
            return message;
        gst_message_unref(message);
    }
    return NULL;
}

/** test_bus_free: messages hold their element, which holds its bus: without emptying it none of them would ever go. */
static inline void
test_bus_free(GstBus *bus)
{
    gst_bus_set_flushing(bus, TRUE);
    gst_object_unref(bus);
}

/** test_count_messages: messages of these types on the bus, which is emptied. */
static inline guint
test_count_messages(GstBus *bus, GstMessageType types)
{
    GstMessage *message;
    guint n = 0;

    while ((message = gst_bus_pop(bus))) {
        n += (GST_MESSAGE_TYPE(message) & types) != 0;
        gst_message_unref(message);
    }
    return n;
}
