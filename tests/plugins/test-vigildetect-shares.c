/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several elements at one inference: shares, age, what a slow or stuck model does to others. The linker puts a model of the test's in the
 * place of vigil_detector_run(), see meson.build.
 */
#include "models/vigil-detector.h"
#include "plugins/detect/gstvigildetect.h"
#include "tests/plugins/plugin-test.h"
#include "tests/support/vigil-spot-model.h"

#define FRAME (GST_SECOND / 10)

static struct {
    GMutex lock;
    GCond changed;
    gboolean closed; /* inferences do not end */
    guint n_looking;
    gulong busy_us;
} fake;

static gchar *folder, *package;
static gdouble lowest; /* score */
static GstBus *bus;
static GstVideoInfo info;
static VigilDetector *last_detector; /* that was asked to look */

gint __wrap_vigil_detector_run(VigilDetector *self, const VigilImage *image, gfloat threshold,
                               VigilDetection *detections, guint capacity);

gint
__wrap_vigil_detector_run(VigilDetector *self, const VigilImage *image, gfloat threshold,
                          VigilDetection *detections, guint capacity)
{
    g_mutex_lock(&fake.lock);
    fake.n_looking++;
    g_cond_broadcast(&fake.changed);
    while (fake.closed)
        g_cond_wait(&fake.changed, &fake.lock);
    fake.n_looking--;
    last_detector = self;
    g_mutex_unlock(&fake.lock);
    g_usleep(fake.busy_us);
    /* a frame of this brightness cannot be looked at */
    if (image->planes[0][0] == 13)
        return -1;
    detections[0] = (VigilDetection){
        .box = {0.1f, 0.1f, 0.5f, 0.5f}, .score = 0.9f, .label = vigil_detector_get_label(self, 0)};
    return 1;
}

static void
set_closed(gboolean closed)
{
    g_mutex_lock(&fake.lock);
    fake.closed = closed;
    g_cond_broadcast(&fake.changed);
    g_mutex_unlock(&fake.lock);
}

static void
await_looking(void)
{
    g_mutex_lock(&fake.lock);
    while (fake.n_looking == 0)
        g_cond_wait(&fake.changed, &fake.lock);
    g_mutex_unlock(&fake.lock);
}

static void
setup(void)
{
    folder = g_dir_make_tmp("vigil-shares-XXXXXX", NULL);
    fail_unless(folder != NULL);
    package = g_build_filename(folder, "model", NULL);
    vigil_spot_package(&(VigilSpot){64, 48, VIGIL_SPOT_BRIGHT, 1, 0}, package, "model", "1.0.0",
                       "light\n");
    bus = gst_bus_new();
    info = test_video_info(GST_VIDEO_FORMAT_GRAY8, 64, 48);
    fake.closed = FALSE;
    fake.busy_us = 0;
    lowest = -1;
}

static void
teardown(void)
{
    GDir *dir = g_dir_open(package, 0, NULL);
    const gchar *name;

    while (dir && (name = g_dir_read_name(dir))) {
        gchar *path = g_build_filename(package, name, NULL);

        g_unlink(path);
        g_free(path);
    }
    g_clear_pointer(&dir, g_dir_close);
    g_rmdir(package);
    g_rmdir(folder);
    g_free(package);
    g_free(folder);
    test_bus_free(bus);
}

static GstHarness *
harness_new(gboolean live, guint weight, guint max_age_ms)
{
    GstElement *element = g_object_new(GST_TYPE_VIGIL_DETECT, "model", package, "weight", weight,
                                       "max-age", max_age_ms, "threshold", lowest, NULL);
    GstHarness *h;

    gst_element_set_bus(element, bus);
    h = gst_harness_new_with_element(element, "sink", "src");
    gst_object_unref(element);
    gst_harness_set_live(h, live);
    test_set_caps(h, &info);
    return h;
}

static void
push(GstHarness *h, guint number)
{
    assert_equals_int(gst_harness_push(h, test_frame_new(&info, number * FRAME, FRAME)),
                      GST_FLOW_OK);
}

static void
pull(GstHarness *h, guint number, VigilOutcome outcome)
{
    GstBuffer *buffer = gst_harness_pull(h);
    VigilDetection found[10];

    fail_unless(buffer != NULL);
    assert_equals_uint64(GST_BUFFER_PTS(buffer), number * FRAME);
    assert_equals_string(vigil_outcome_to_string(gst_vigil_buffer_get_outcome(buffer)),
                         vigil_outcome_to_string(outcome));
    assert_equals_int(gst_vigil_buffer_get_detections(buffer, &info, found, G_N_ELEMENTS(found)),
                      outcome == VIGIL_OUTCOME_INFERRED);
    gst_buffer_unref(buffer);
}

static guint64
get_stat(GstHarness *h, const gchar *name)
{
    GstStructure *stats = NULL;
    guint64 value = 0;

    g_object_get(h->element, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint64(stats, name, &value), "no %s", name);
    gst_structure_free(stats);
    return value;
}

static VigilDetector *
get_detector(GstHarness *h, guint number)
{
    push(h, number);
    pull(h, number, VIGIL_OUTCOME_INFERRED);
    return last_detector;
}

/* One instance for all that ask the same of the same files; a file that was replaced is another one. */
GST_START_TEST(what_is_the_same_is_there_once)
{
    GstHarness *a = harness_new(FALSE, 1, 0), *b = harness_new(FALSE, 3, 0);
    GstHarness *other, *replaced;
    gchar *labels = g_build_filename(package, "labels.txt", NULL);
    VigilDetector *first = get_detector(a, 0);

    fail_unless(get_detector(b, 0) == first);
    lowest = 0.7;
    other = harness_new(FALSE, 1, 0);
    fail_unless(get_detector(other, 0) != first);
    lowest = -1;
    fail_unless(g_file_test(labels, G_FILE_TEST_EXISTS));
    fail_unless(g_file_set_contents(labels, "lamp\n", -1, NULL));
    replaced = harness_new(FALSE, 1, 0);
    fail_unless(get_detector(replaced, 0) != first);
    fail_unless(get_detector(a, 1) == first);
    gst_harness_teardown(a);
    fail_unless(get_detector(b, 1) == first);
    gst_harness_teardown(b);
    gst_harness_teardown(other);
    gst_harness_teardown(replaced);
    g_free(labels);
}
GST_END_TEST

/* An element whose frame 0 does not get ready until set_closed(FALSE). */
static GstHarness *
busy_new(void)
{
    GstHarness *h = harness_new(TRUE, 1, 0);

    set_closed(TRUE);
    push(h, 0);
    await_looking();
    return h;
}

GST_START_TEST(a_newer_frame_takes_the_place)
{
    GstHarness *busy = busy_new(), *h = harness_new(TRUE, 1, 0);

    push(h, 1);
    push(h, 2);
    pull(h, 1, VIGIL_OUTCOME_SKIPPED_LOAD);
    push(h, 3);
    pull(h, 2, VIGIL_OUTCOME_SKIPPED_LOAD);
    assert_equals_int(gst_harness_buffers_in_queue(h), 0);
    set_closed(FALSE);
    pull(busy, 0, VIGIL_OUTCOME_INFERRED);
    pull(h, 3, VIGIL_OUTCOME_INFERRED);
    assert_equals_uint64(get_stat(h, "superseded"), 2);
    assert_equals_uint64(get_stat(h, "skipped-load"), 2);
    assert_equals_uint64(get_stat(h, "inferred"), 1);
    gst_harness_teardown(busy);
    gst_harness_teardown(h);
}
GST_END_TEST

/* Between two that the rate asks for, the freshest is as good. */
GST_START_TEST(a_frame_that_waits_is_renewed)
{
    GstHarness *busy = busy_new(), *h = harness_new(TRUE, 1, 0);

    g_object_set(h->element, "fps", 1.0, NULL);
    push(h, 0);
    push(h, 1);
    pull(h, 0, VIGIL_OUTCOME_SKIPPED_RATE);
    push(h, 2);
    pull(h, 1, VIGIL_OUTCOME_SKIPPED_RATE);
    set_closed(FALSE);
    pull(h, 2, VIGIL_OUTCOME_INFERRED);
    push(h, 3);
    pull(h, 3, VIGIL_OUTCOME_SKIPPED_RATE);
    assert_equals_uint64(get_stat(h, "superseded"), 0);
    gst_harness_teardown(busy);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(a_frame_gets_too_old)
{
    GstHarness *busy = busy_new(), *h = harness_new(TRUE, 1, 60);
    const gint64 begin = g_get_monotonic_time();

    push(h, 1);
    pull(h, 1, VIGIL_OUTCOME_SKIPPED_LOAD);
    fail_unless(g_get_monotonic_time() - begin >= 60000);
    assert_equals_uint64(get_stat(h, "too-old"), 1);
    /* the property counts from now on */
    g_object_set(h->element, "max-age", 0, NULL);
    push(h, 2);
    g_usleep(100000);
    assert_equals_int(gst_harness_buffers_in_queue(h), 0);
    set_closed(FALSE);
    pull(h, 2, VIGIL_OUTCOME_INFERRED);
    fail_unless(get_stat(h, "queue-age-max") >= 100 * GST_MSECOND);
    gst_harness_teardown(busy);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(what_fails_is_marked)
{
    GstHarness *h = harness_new(TRUE, 1, 0);
    GstBuffer *buffer = test_frame_new(&info, 0, FRAME);

    gst_buffer_memset(buffer, 0, 13, 1);
    gst_harness_push(h, buffer);
    pull(h, 0, VIGIL_OUTCOME_FAILED);
    push(h, 1);
    pull(h, 1, VIGIL_OUTCOME_INFERRED);
    gst_harness_teardown(h);
}
GST_END_TEST

#define N_PUSHED 250

static gpointer
push_many(gpointer user_data)
{
    for (guint i = 0; i < N_PUSHED; i++) {
        push(user_data, i);
        g_usleep(3000);
    }
    gst_harness_push_event(user_data, gst_event_new_eos());
    return NULL;
}

/* More than there is time for: every frame comes out in its order, and by weight. */
GST_START_TEST(shares_go_by_weight)
{
    static const guint weights[] = {1, 2, 5};
    GstHarness *h[3];
    GThread *threads[3];
    guint64 inferred[3], sum = 0;

    fake.busy_us = 5000;
    for (guint i = 0; i < 3; i++)
        h[i] = harness_new(TRUE, weights[i], 0);
    for (guint i = 0; i < 3; i++)
        threads[i] = g_thread_new("push", push_many, h[i]);
    for (guint i = 0; i < 3; i++)
        g_thread_join(threads[i]);
    for (guint i = 0; i < 3; i++) {
        for (guint k = 0; k < N_PUSHED; k++) {
            GstBuffer *buffer = gst_harness_pull(h[i]);

            assert_equals_uint64(GST_BUFFER_PTS(buffer), k * FRAME);
            gst_buffer_unref(buffer);
        }
        inferred[i] = get_stat(h[i], "inferred");
        sum += inferred[i];
        assert_equals_uint64(get_stat(h[i], "frames"), N_PUSHED);
        assert_equals_uint64(inferred[i] + get_stat(h[i], "superseded"), N_PUSHED);
        fail_unless(get_stat(h[i], "inference-time-p50") >= 5 * GST_MSECOND);
        fail_unless(get_stat(h[i], "queue-age-p99") >= get_stat(h[i], "queue-age-p50"));
        gst_harness_teardown(h[i]);
    }
    /* a busy machine holds up whoever pushes; how near shares come to weights is simulated in test-core.c */
    fail_unless(inferred[0] < inferred[2],
                "%" G_GUINT64_FORMAT " and %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT,
                inferred[0], inferred[2], sum);
}
GST_END_TEST

/* A file loses nothing, however busy the others are. */
GST_START_TEST(files_lose_nothing)
{
    GstHarness *file = harness_new(FALSE, 1, 1), *other = harness_new(TRUE, 100, 0);
    GThread *thread;

    fake.busy_us = 5000;
    thread = g_thread_new("push", push_many, other);
    for (guint i = 0; i < 20; i++) {
        push(file, i);
        assert_equals_int(gst_harness_buffers_in_queue(file), 1);
        pull(file, i, VIGIL_OUTCOME_INFERRED);
    }
    g_thread_join(thread);
    gst_harness_teardown(file);
    gst_harness_teardown(other);
}
GST_END_TEST

static void
ignore(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer user_data)
{
    (*(guint *)user_data)++;
}

/* An inference that does not end: others go on without, its element can be stopped, and nothing is freed under it. */
GST_START_TEST(a_stuck_model_holds_nobody)
{
    GstHarness *stuck = busy_new(), *h = harness_new(TRUE, 1, 200);
    gpointer element = stuck->element;
    gint64 begin = g_get_monotonic_time();
    guint warnings = 0;

    g_log_set_always_fatal(G_LOG_FATAL_MASK);
    g_log_set_handler("vigil", G_LOG_LEVEL_WARNING, ignore, &warnings);
    g_object_add_weak_pointer(element, &element);
    push(h, 0);
    pull(h, 0, VIGIL_OUTCOME_SKIPPED_LOAD);
    push(stuck, 1);
    pull(stuck, 0, VIGIL_OUTCOME_TIMED_OUT);
    pull(stuck, 1, VIGIL_OUTCOME_TIMED_OUT);
    begin = g_get_monotonic_time();
    push(h, 1);
    pull(h, 1, VIGIL_OUTCOME_TIMED_OUT);
    gst_harness_push_event(h, gst_event_new_eos());
    gst_harness_teardown(h);
    gst_harness_teardown(stuck);
    fail_unless(g_get_monotonic_time() - begin < 3 * G_USEC_PER_SEC);
    assert_equals_int(warnings, 1);
    fail_unless(element != NULL);
    h = harness_new(TRUE, 1, 0);
    test_bus_free(bus); /* whose messages hold the element */
    bus = gst_bus_new();
    set_closed(FALSE);
    for (guint i = 0; element && i < 5000; i++)
        g_usleep(1000);
    fail_unless(element == NULL);
    push(h, 2);
    pull(h, 2, VIGIL_OUTCOME_INFERRED);
    gst_harness_teardown(h);
}
GST_END_TEST

static gpointer
flush_later(gpointer user_data)
{
    g_usleep(50000);
    gst_harness_push_event(user_data, gst_event_new_flush_start());
    return NULL;
}

/* A file waits for what is stuck, but not once it is flushed. */
GST_START_TEST(a_flush_ends_the_wait)
{
    GstHarness *busy = busy_new(), *h = harness_new(FALSE, 1, 0);
    GThread *thread = g_thread_new("flush", flush_later, h);
    GstSegment segment;

    assert_equals_int(gst_harness_push(h, test_frame_new(&info, 0, FRAME)), GST_FLOW_FLUSHING);
    g_thread_join(thread);
    gst_harness_push_event(h, gst_event_new_flush_stop(TRUE));
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(h, gst_event_new_segment(&segment));
    set_closed(FALSE);
    push(h, 5);
    pull(h, 5, VIGIL_OUTCOME_INFERRED);
    gst_harness_teardown(busy);
    gst_harness_teardown(h);
}
GST_END_TEST

static gpointer
open_later(gpointer user_data)
{
    g_usleep(50000);
    set_closed(FALSE);
    return NULL;
}

GST_START_TEST(gone_in_mid_inference)
{
    for (guint i = 0; i < 5; i++) {
        GstHarness *h = busy_new();
        GThread *thread = g_thread_new("open", open_later, NULL);

        push(h, 1);
        gst_harness_teardown(h);
        g_thread_join(thread);
    }
}
GST_END_TEST

/* What comes after a frame stays after it. */
GST_START_TEST(events_keep_their_place)
{
    GstHarness *h = busy_new();
    GThread *thread = g_thread_new("open", open_later, NULL);
    GstEvent *event;
    gboolean seen = FALSE;

    push(h, 1);
    gst_harness_push_event(h, gst_event_new_eos());
    assert_equals_int(gst_harness_buffers_in_queue(h), 2);
    pull(h, 0, VIGIL_OUTCOME_INFERRED);
    pull(h, 1, VIGIL_OUTCOME_INFERRED);
    while ((event = gst_harness_try_pull_event(h))) {
        seen |= GST_EVENT_TYPE(event) == GST_EVENT_EOS;
        gst_event_unref(event);
    }
    fail_unless(seen);
    g_thread_join(thread);
    gst_harness_teardown(h);
}
GST_END_TEST

static Suite *
vigildetect_shares_suite(void)
{
    Suite *suite = suite_create("vigildetect-shares");
    TCase *tcase = tcase_create("shares");

    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_newer_frame_takes_the_place);
    tcase_add_test(tcase, a_frame_that_waits_is_renewed);
    tcase_add_test(tcase, a_frame_gets_too_old);
    tcase_add_test(tcase, what_fails_is_marked);
    tcase_add_test(tcase, what_is_the_same_is_there_once);
    tcase_add_test(tcase, shares_go_by_weight);
    tcase_add_test(tcase, files_lose_nothing);
    tcase_add_test(tcase, a_stuck_model_holds_nobody);
    tcase_add_test(tcase, a_flush_ends_the_wait);
    tcase_add_test(tcase, gone_in_mid_inference);
    tcase_add_test(tcase, events_keep_their_place);
    return suite;
}

GST_CHECK_MAIN(vigildetect_shares)
