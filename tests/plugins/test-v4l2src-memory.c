/* SPDX-License-Identifier: Apache-2.0 */
/* A source that runs allocates nothing for a frame, whether it hands out the driver's memory or copies it. */
#include <linux/videodev2.h>
#include <string.h>

#include "plugins/capture/gstvigilv4l2src.h"
#include "tests/plugins/plugin-test.h"
#include "tests/support/vigil-fake-v4l2.h"
#include "tests/support/vigil-heap-meter.h"

#define WARM_UP 60
#define COUNTED 200
#define KEPT 5

#define SIZES .min_width = 64, .max_width = 64, .min_height = 48, .max_height = 48

static const VigilV4l2Mode jpeg_modes[] = {{V4L2_PIX_FMT_MJPEG, SIZES}};
static const VigilV4l2Mode raw_modes[] = {{V4L2_PIX_FMT_YUYV, SIZES}};
static const VigilV4l2Mode plane_modes[] = {{V4L2_PIX_FMT_NV12M, SIZES}};

static const struct {
    const gchar *what;
    VigilFakeCamera camera;
    gboolean keep;       /* the pipeline holds more frames than the driver can spare */
    gboolean video_meta; /* downstream takes pixels where the driver puts them */
    gboolean copies;
} cases[] = {
    {"encoded", {.card = "A", .port = "1", .modes = jpeg_modes, .n_modes = 1}, FALSE, FALSE, FALSE},
    {"raw", {.card = "A", .port = "1", .modes = raw_modes, .n_modes = 1}, FALSE, FALSE, FALSE},
    {"encoded, kept",
     {.card = "A", .port = "1", .modes = jpeg_modes, .n_modes = 1},
     TRUE,
     FALSE,
     TRUE},
    {"raw, kept", {.card = "A", .port = "1", .modes = raw_modes, .n_modes = 1}, TRUE, FALSE, TRUE},
    {"padded rows",
     {.card = "A", .port = "1", .modes = raw_modes, .n_modes = 1, .padding = 20},
     FALSE,
     TRUE,
     FALSE},
    {"padded rows, kept",
     {.card = "A", .port = "1", .modes = raw_modes, .n_modes = 1, .padding = 20},
     TRUE,
     TRUE,
     TRUE},
    {"padded rows, moved",
     {.card = "A", .port = "1", .modes = raw_modes, .n_modes = 1, .padding = 20},
     FALSE,
     FALSE,
     TRUE},
    {"planes",
     {.card = "A", .port = "1", .modes = plane_modes, .n_modes = 1, .multiplanar = TRUE},
     FALSE,
     TRUE,
     FALSE},
    {"planes, moved and kept",
     {.card = "A", .port = "1", .modes = plane_modes, .n_modes = 1, .multiplanar = TRUE},
     TRUE,
     FALSE,
     TRUE},
};

static VigilFakeV4l2 *fake;

const VigilV4l2System *__wrap_vigil_v4l2_system(void);

const VigilV4l2System *
__wrap_vigil_v4l2_system(void)
{
    return vigil_fake_v4l2_get_system(fake);
}

/* Written by the streaming thread, but for @done. */
typedef struct {
    gboolean keep, video_meta;
    GstBuffer *kept[KEPT];
    guint frames;
    guint before, after; /* allocations */
    gint done;           /* atomic */
} Count;

static GstPadProbeReturn
on_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    Count *count = user_data;

    if (count->keep)
        gst_buffer_replace(&count->kept[count->frames % KEPT], GST_PAD_PROBE_INFO_BUFFER(info));
    count->frames++;
    if (count->frames == WARM_UP)
        count->before = vigil_heap_meter_count();
    if (count->frames == WARM_UP + COUNTED) {
        count->after = vigil_heap_meter_count();
        g_atomic_int_set(&count->done, TRUE);
    }
    return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
on_query(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    GstQuery *query = GST_PAD_PROBE_INFO_QUERY(info);

    if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION)
        return GST_PAD_PROBE_OK;
    if (((Count *)user_data)->video_meta)
        gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
    return GST_PAD_PROBE_HANDLED;
}

static guint64
get_stat(GstElement *source, const gchar *name)
{
    GstStructure *stats = NULL;
    guint64 value = G_MAXUINT64;

    g_object_get(source, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint64(stats, name, &value), "%s", name);
    gst_structure_free(stats);
    return value;
}

/* Descriptors of the process, of which each pool has some. */
static guint
count_files(void)
{
    GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint n = 0;

    while (dir && g_dir_read_name(dir))
        n++;
    g_clear_pointer(&dir, g_dir_close);
    return n;
}

GST_START_TEST(frames_allocate_nothing)
{
    const guint files = count_files();
    Count count = {.keep = cases[__i__].keep, .video_meta = cases[__i__].video_meta};
    GstElement *pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
    GstElement *source, *sink = gst_element_factory_make("fakesink", NULL);
    VigilFakeCounts left;
    GstPad *pad;

    fake = vigil_fake_v4l2_new(TRUE);
    vigil_fake_v4l2_plug(fake, 0, &cases[__i__].camera);
    source =
        g_object_new(GST_TYPE_VIGIL_V4L2_SRC, "device", "path=pci-0000:00:14.0-usb-0:1:1.0", NULL);
    g_object_set(sink, "enable-last-sample", FALSE, NULL);
    gst_bin_add_many(GST_BIN(pipeline), source, sink, NULL);
    fail_unless(gst_element_link(source, sink));
    pad = gst_element_get_static_pad(sink, "sink");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, &count, NULL);
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, on_query, &count, NULL);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    while (!g_atomic_int_get(&count.done))
        g_usleep(1000);
    fail_unless_equals_int(get_stat(source, "copied") > COUNTED / 8, cases[__i__].copies);
    fail_unless_equals_uint64(get_stat(source, "dropped"), 0);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    if (vigil_heap_meter_works())
        fail_unless(count.after == count.before, "%s: %u allocations for %u frames",
                    cases[__i__].what, count.after - count.before, COUNTED);
    for (guint i = 0; i < KEPT; i++)
        gst_clear_buffer(&count.kept[i]);
    gst_object_unref(pad);
    gst_object_unref(pipeline);
    fail_unless_equals_int(count_files(), files);
    left = vigil_fake_v4l2_free(fake);
    fail_unless_equals_int(left.mappings + left.files, 0);
}
GST_END_TEST

GST_START_TEST(allocations_are_counted)
{
#if defined(__GLIBC__)
    fail_unless(vigil_heap_meter_works());
#endif
}
GST_END_TEST

static Suite *
v4l2src_memory_suite(void)
{
    Suite *suite = suite_create("v4l2src-memory");
    TCase *tcase = tcase_create("memory");

    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, allocations_are_counted);
    tcase_add_loop_test(tcase, frames_allocate_nothing, 0, G_N_ELEMENTS(cases));
    return suite;
}

GST_CHECK_MAIN(v4l2src_memory)
