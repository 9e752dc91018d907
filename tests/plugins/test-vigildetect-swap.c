/* SPDX-License-Identifier: Apache-2.0 */
/* Another model while frames flow: no frame is lost, and each says who looked at it. */
#include "tests/plugins/plugin-test.h"
#include "tests/support/vigil-spot-model.h"

#define FRAME (GST_SECOND / 10)
#define WAIT_US (30 * G_USEC_PER_SEC)

static gchar *folder;
static GstBus *bus;
static GstVideoInfo info;

static gchar *
package(const gchar *name, const VigilSpot *spot, const gchar *labels)
{
    gchar *path = g_build_filename(folder, name, NULL);

    vigil_spot_package(spot, path, name, "1.0.0", labels);
    return path;
}

static gchar *
small_model(void)
{
    return package("small", &(VigilSpot){64, 48, VIGIL_SPOT_BRIGHT, 2, 0}, "light\nother\n");
}

static gchar *
large_model(void)
{
    return package("large", &(VigilSpot){160, 96, VIGIL_SPOT_BRIGHT, 3, 0}, "lamp\nb\nc\n");
}

static void
setup(void)
{
    folder = g_dir_make_tmp("vigil-swap-XXXXXX", NULL);
    fail_unless(folder != NULL);
    bus = gst_bus_new();
    info = test_video_info(GST_VIDEO_FORMAT_GRAY8, 160, 96);
}

static void
remove_all(const gchar *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);

    while (dir) {
        const gchar *name = g_dir_read_name(dir);
        gchar *child;

        if (!name)
            break;
        child = g_build_filename(path, name, NULL);
        remove_all(child);
        g_free(child);
    }
    g_clear_pointer(&dir, g_dir_close);
    g_remove(path);
}

static void
teardown(void)
{
    test_bus_free(bus);
    remove_all(folder);
    g_free(folder);
}

static GstHarness *
harness_new(const gchar *model, const gchar *instance)
{
    GstElement *element = gst_element_factory_make("vigildetect", NULL);
    GstHarness *h;

    fail_unless(element != NULL);
    g_object_set(element, "model", model, "model-instance-id", instance, NULL);
    gst_element_set_bus(element, bus);
    h = gst_harness_new_with_element(element, "sink", "src");
    gst_object_unref(element);
    test_set_caps(h, &info);
    return h;
}

/* One black frame with a white square in its middle; what was found is of one label, which is given back. */
static const gchar *
look(GstHarness *h, guint number, VigilModelId *model)
{
    GstBuffer *buffer = test_frame_new(&info, number * FRAME, FRAME);
    VigilDetection found[100];
    guint n;

    gst_buffer_memset(buffer, 0, 0, GST_VIDEO_INFO_SIZE(&info));
    for (guint y = 24; y < 72; y++)
        gst_buffer_memset(buffer, y * GST_VIDEO_INFO_PLANE_STRIDE(&info, 0) + 40, 255, 80);
    assert_equals_int(gst_harness_push(h, buffer), GST_FLOW_OK);
    buffer = gst_harness_pull(h);
    fail_unless(buffer != NULL, "frame %u was lost", number);
    fail_unless(GST_BUFFER_PTS(buffer) == number * FRAME);
    assert_equals_int(gst_vigil_buffer_get_outcome(buffer), VIGIL_OUTCOME_INFERRED);
    *model = gst_vigil_buffer_get_model(buffer);
    n = gst_vigil_buffer_get_detections(buffer, &info, found, G_N_ELEMENTS(found));
    gst_buffer_unref(buffer);
    return n > 0 ? found[0].label : NULL;
}

/* Pushes frames until the model with this name looks at them; @old is what may look at them before. */
static guint
look_until(GstHarness *h, guint number, const gchar *old, const gchar *wanted)
{
    const gint64 until = g_get_monotonic_time() + WAIT_US;
    VigilModelId model = {NULL, NULL};

    for (; g_get_monotonic_time() < until; number++) {
        look(h, number, &model);
        if (g_str_equal(model.name, wanted))
            return number + 1;
        assert_equals_string(model.name, old);
        g_usleep(1000);
    }
    fail("%s never looked at a frame", wanted);
    return 0;
}

static GstMessage *
wait_for(const gchar *name)
{
    const gint64 until = g_get_monotonic_time() + WAIT_US;
    GstMessage *message = NULL;

    while (!message && g_get_monotonic_time() < until) {
        message = test_pop_message(bus, name);
        g_usleep(1000);
    }
    fail_unless(message != NULL, "no message %s", name);
    return message;
}

GST_START_TEST(a_model_of_another_size_and_other_labels)
{
    gchar *small = small_model(), *large = large_model();
    GstHarness *h = harness_new(small, NULL);
    VigilModelId before, after;
    GstMessage *message;
    guint number;

    assert_equals_string(look(h, 0, &before), "light");
    assert_equals_string(before.name, "small");
    gst_message_unref(wait_for("vigildetect-model"));
    g_object_set(h->element, "model", large, NULL);
    number = look_until(h, 1, "small", "large");
    assert_equals_string(look(h, number, &after), "lamp");
    fail_unless(strcmp(before.sha256, after.sha256) != 0);
    message = wait_for("vigildetect-model");
    assert_equals_string(gst_structure_get_string(gst_message_get_structure(message), "sha256"),
                         after.sha256);
    gst_message_unref(message);
    /* and back, by the other name of the property */
    g_object_set(h->element, "model-file", small, NULL);
    look_until(h, number + 1, "large", "small");
    gst_harness_teardown(h);
    g_free(small);
    g_free(large);
}
GST_END_TEST

/* Model and labels are one request, however one of them alone would fail. */
GST_START_TEST(what_is_set_at_once_is_opened_once)
{
    gchar *small = small_model(), *large = large_model();
    gchar *labels = g_build_filename(folder, "three.txt", NULL);
    GstHarness *h = harness_new(small, NULL);
    VigilModelId model;
    guint number;

    fail_unless(g_file_set_contents(labels, "one\ntwo\nthree\n", -1, NULL));
    look(h, 0, &model);
    g_object_set(h->element, "labels", labels, "model", large, NULL);
    number = look_until(h, 1, "small", "large");
    assert_equals_string(look(h, number, &model), "one");
    assert_equals_int(test_count_messages(bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR), 0);
    gst_harness_teardown(h);
    g_free(labels);
    g_free(small);
    g_free(large);
}
GST_END_TEST

GST_START_TEST(what_cannot_be_opened_changes_nothing)
{
    gchar *small = small_model(), *broken = g_build_filename(folder, "broken.tflite", NULL), *set;
    GstHarness *h = harness_new(small, NULL);
    GstMessage *message;
    VigilModelId model;
    GError *error = NULL;

    fail_unless(g_file_set_contents(broken, "this is no model", -1, NULL));
    g_object_set(h->element, "model", broken, NULL);
    message = gst_bus_timed_pop_filtered(bus, 30 * GST_SECOND, GST_MESSAGE_WARNING);
    fail_unless(message != NULL);
    gst_message_parse_warning(message, &error, NULL);
    fail_unless(strstr(error->message, "stays as it was") &&
                    strstr(error->message, "broken.tflite"),
                "%s", error->message);
    g_error_free(error);
    gst_message_unref(message);
    for (guint i = 0; i < 5; i++) {
        assert_equals_string(look(h, i, &model), "light");
        assert_equals_string(model.name, "small");
    }
    g_object_get(h->element, "model", &set, NULL);
    assert_equals_string(set, small);
    g_free(set);
    gst_harness_teardown(h);
    g_free(small);
    g_free(broken);
}
GST_END_TEST

GST_START_TEST(of_two_requests_the_latest_counts)
{
    gchar *small = small_model(), *large = large_model();
    gchar *third = package("third", &(VigilSpot){96, 64, VIGIL_SPOT_BRIGHT, 1, 0}, "lamp\n");
    GstHarness *h = harness_new(small, NULL);
    VigilModelId model;
    const gchar *last;

    for (guint i = 0; i < 20; i++)
        g_object_set(h->element, "model", i % 2 ? large : third, NULL);
    g_object_set(h->element, "model", third, NULL);
    /* one that was open already may have a frame or two */
    for (guint i = 0; i < 3; i++)
        look(h, i, &model);
    for (guint i = 3; g_strcmp0(model.name, "third") != 0; i++) {
        look(h, i, &model);
        fail_unless(i < 20000);
        g_usleep(1000);
    }
    g_usleep(100000);
    last = look(h, 20001, &model);
    assert_equals_string(last, "lamp");
    assert_equals_string(model.name, "third");
    assert_equals_int(test_count_messages(bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR), 0);
    gst_harness_teardown(h);
    g_free(small);
    g_free(large);
    g_free(third);
}
GST_END_TEST

GST_START_TEST(an_element_that_goes_while_a_model_is_opened)
{
    gchar *small = small_model(), *large = large_model();

    for (guint i = 0; i < 20; i++) {
        gchar *instance = i % 2 ? g_strdup_printf("%u", i) : NULL;
        GstHarness *h = harness_new(small, instance);
        VigilModelId model;

        look(h, 0, &model);
        g_object_set(h->element, "model", large, NULL);
        if (i % 4 > 1)
            g_usleep(i * 500);
        g_free(instance);
        gst_harness_teardown(h);
    }
    g_free(small);
    g_free(large);
}
GST_END_TEST

/* Two that share an instance change one after the other, and share again. */
GST_START_TEST(elements_of_one_instance_change_in_turn)
{
    gchar *small = small_model(), *large = large_model();
    GstHarness *h = harness_new(small, "one"), *k = harness_new(small, "one");
    VigilModelId model;
    guint number;

    g_object_set(h->element, "model", large, NULL);
    number = look_until(h, 0, "small", "large");
    look(k, 0, &model);
    assert_equals_string(model.name, "small");
    g_object_set(k->element, "model", large, NULL);
    look_until(k, 1, "small", "large");
    gst_harness_teardown(h);
    look(k, number + 20000, &model);
    assert_equals_string(model.name, "large");
    gst_harness_teardown(k);
    g_free(small);
    g_free(large);
}
GST_END_TEST

/* Without frames nobody takes the model over; the next start opens what is set. */
GST_START_TEST(set_between_two_runs)
{
    gchar *small = small_model(), *large = large_model();
    GstHarness *h = harness_new(small, NULL);
    VigilModelId model;

    look(h, 0, &model);
    gst_element_set_state(h->element, GST_STATE_READY);
    g_object_set(h->element, "model", large, NULL);
    gst_element_set_state(h->element, GST_STATE_PLAYING);
    gst_harness_play(h);
    test_set_caps(h, &info);
    assert_equals_string(look(h, 0, &model), "lamp");
    gst_harness_teardown(h);
    g_free(small);
    g_free(large);
}
GST_END_TEST

/* --- trials --------------------------------------------------------------------------------------------------- */

/* A bright spot that goes from place to place. */
static VigilModelId
look_at_moving(GstHarness *h, guint number)
{
    const guint x = number * 48 % 160, y = number * 48 / 160 * 48 % 96;
    GstBuffer *buffer = test_frame_new(&info, number * FRAME, FRAME);
    VigilModelId model;

    gst_buffer_memset(buffer, 0, 0, GST_VIDEO_INFO_SIZE(&info));
    for (guint line = y; line < MIN(y + 48, 96); line++)
        gst_buffer_memset(buffer, line * GST_VIDEO_INFO_PLANE_STRIDE(&info, 0) + x, 255,
                          MIN(48, 160 - x));
    assert_equals_int(gst_harness_push(h, buffer), GST_FLOW_OK);
    buffer = gst_harness_pull(h);
    fail_unless(buffer != NULL, "frame %u was lost", number);
    model = gst_vigil_buffer_get_model(buffer);
    gst_buffer_unref(buffer);
    return model;
}

/* Until the trial is over: its message. */
static GstStructure *
await_verdict(GstHarness *h, guint *number)
{
    const gint64 until = g_get_monotonic_time() + WAIT_US;

    while (g_get_monotonic_time() < until) {
        GstMessage *message = test_pop_message(bus, "vigildetect-trial");

        if (message) {
            GstStructure *trial = gst_structure_copy(gst_message_get_structure(message));

            gst_message_unref(message);
            if (g_strcmp0(gst_structure_get_string(trial, "verdict"), "pending") != 0)
                return trial;
            gst_structure_free(trial);
        }
        look_at_moving(h, (*number)++);
        g_usleep(2000);
    }
    fail("no verdict");
    return NULL;
}

static GstHarness *
trial_new(const gchar *before, const gchar *model, guint64 length, gdouble fps)
{
    GstHarness *h = harness_new(before, NULL);

    look_at_moving(h, 0);
    g_object_set(h->element, "model", model, "trial", length, "trial-frames", 20, "fps", fps, NULL);
    return h;
}

static void
assert_verdict(const VigilSpot *spot, const gchar *verdict, const gchar *reason, const gchar *stays,
               gdouble fps)
{
    gchar *before = package("before", &(VigilSpot){96, 64, VIGIL_SPOT_BRIGHT, 2, 0}, "light\nb\n");
    gchar *model = package("fresh", spot, "light\nb\n"), *set;
    GstHarness *h = trial_new(before, model, GST_SECOND, fps);
    guint number = 1;
    GstStructure *trial = await_verdict(h, &number);

    assert_equals_string(gst_structure_get_string(trial, "verdict"), verdict);
    assert_equals_string(gst_structure_get_string(trial, "name"), "fresh");
    fail_unless(g_str_has_prefix(gst_structure_get_string(trial, "reason"), reason), "%s",
                gst_structure_get_string(trial, "reason"));
    gst_structure_free(trial);
    /* from the next frame on */
    assert_equals_string(look_at_moving(h, number + 1000).name, stays);
    g_object_get(h->element, "model", &set, NULL);
    fail_unless(g_str_has_suffix(set, stays));
    g_free(set);
    gst_harness_teardown(h);
    g_free(before);
    g_free(model);
}

GST_START_TEST(a_model_that_is_as_good_stays)
{
    assert_verdict(&(VigilSpot){160, 96, VIGIL_SPOT_BRIGHT, 2, 0}, "healthy", "", "fresh", 0);
}
GST_END_TEST

GST_START_TEST(a_model_that_sees_nothing_goes)
{
    assert_verdict(&(VigilSpot){96, 64, VIGIL_SPOT_BLIND, 2, 0}, "unhealthy", "blind", "before", 0);
}
GST_END_TEST

GST_START_TEST(a_model_that_is_too_slow_goes)
{
    /* a frame each 2 ms, of 96 × 64 × 225 × 120 products */
    assert_verdict(&(VigilSpot){96, 64, VIGIL_SPOT_BRIGHT, 2, 120}, "unhealthy", "slow", "before",
                   500);
}
GST_END_TEST

/* Set to the one of before while the trial goes on: that is its end. */
GST_START_TEST(a_trial_that_is_called_off)
{
    gchar *before = package("before", &(VigilSpot){96, 64, VIGIL_SPOT_BRIGHT, 1, 0}, "light\n");
    gchar *model = package("fresh", &(VigilSpot){96, 64, VIGIL_SPOT_BLIND, 1, 0}, "light\n");
    GstHarness *h = trial_new(before, model, 1000 * GST_SECOND, 0);
    guint number = 1;

    while (g_strcmp0(look_at_moving(h, number++).name, "fresh") != 0)
        g_usleep(1000);
    g_object_set(h->element, "model", before, NULL);
    while (g_strcmp0(look_at_moving(h, number++).name, "before") != 0)
        g_usleep(1000);
    for (guint i = 0; i < 50; i++)
        assert_equals_string(look_at_moving(h, number++).name, "before");
    gst_harness_teardown(h);
    g_free(before);
    g_free(model);
}
GST_END_TEST

static Suite *
vigildetect_swap_suite(void)
{
    Suite *suite = suite_create("vigildetect-swap");
    TCase *tcase = tcase_create("swap");

    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_model_of_another_size_and_other_labels);
    tcase_add_test(tcase, what_is_set_at_once_is_opened_once);
    tcase_add_test(tcase, what_cannot_be_opened_changes_nothing);
    tcase_add_test(tcase, of_two_requests_the_latest_counts);
    tcase_add_test(tcase, an_element_that_goes_while_a_model_is_opened);
    tcase_add_test(tcase, elements_of_one_instance_change_in_turn);
    tcase_add_test(tcase, set_between_two_runs);
    tcase_add_test(tcase, a_model_that_is_as_good_stays);
    tcase_add_test(tcase, a_model_that_sees_nothing_goes);
    tcase_add_test(tcase, a_model_that_is_too_slow_goes);
    tcase_add_test(tcase, a_trial_that_is_called_off);
    return suite;
}

GST_CHECK_MAIN(vigildetect_swap)
