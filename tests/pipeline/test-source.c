/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/vigil-redact.h"
#include "pipeline/vigil-source.h"
#include "pipeline/vigil-time.h"

static const struct {
    const gchar *text;
    VigilSourceKind kind;
    const gchar *location, *user, *password, *display;
} good[] = {
    {"file:///a/b.mp4", VIGIL_SOURCE_FILE, "/a/b.mp4", NULL, NULL, "file:///a/b.mp4"},
    {"file:///a/b%20c.mp4", VIGIL_SOURCE_FILE, "/a/b c.mp4", NULL, NULL, "file:///a/b c.mp4"},
    {"file://localhost/a.mp4", VIGIL_SOURCE_FILE, "/a.mp4", NULL, NULL, "file:///a.mp4"},
    {"file:x.mp4", VIGIL_SOURCE_FILE, "/base/x.mp4", NULL, NULL, "file:///base/x.mp4"},
    {"../x.mp4", VIGIL_SOURCE_FILE, "/x.mp4", NULL, NULL, "file:///x.mp4"},
    {"/y%20.mp4", VIGIL_SOURCE_FILE, "/y%20.mp4", NULL, NULL, "file:///y%20.mp4"},
    {"rtsp://10.0.0.5/main", VIGIL_SOURCE_RTSP, "rtsp://10.0.0.5/main", NULL, NULL,
     "rtsp://10.0.0.5/main"},
    {"rtsp://user:secret@h:8554/m?x=1", VIGIL_SOURCE_RTSP, "rtsp://h:8554/m?x=1", "user", "secret",
     "rtsp://h:8554/m?x=1"},
    {"RTSPS://u:a%40b%3Ac@[::1]:322/", VIGIL_SOURCE_RTSP, "rtsps://[::1]:322/", "u", "a@b:c",
     "rtsps://[::1]:322/"},
    {"rtsp://u:p@ss@h/", VIGIL_SOURCE_RTSP, "rtsp://h/", "u", "p@ss", "rtsp://h/"},
    {"rtsp://u:pa/ss@h/x", VIGIL_SOURCE_RTSP, "rtsp://h/x", "u", "pa/ss", "rtsp://h/x"},
    {"rtsp://u@h/", VIGIL_SOURCE_RTSP, "rtsp://h/", "u", NULL, "rtsp://h/"},
    {"rtsp://h/a@b", VIGIL_SOURCE_RTSP, "rtsp://h/a@b", NULL, NULL, "rtsp://***@b"},
    {"rtsp://h/?password=geheim", VIGIL_SOURCE_RTSP, "rtsp://h/?password=geheim", NULL, NULL,
     "rtsp://h/?password=***"},
    /* for the connection as it is, for people without what is in it */
    {"rtsp://h/x?user=admin&psw=p@s/s;1&channel=2", VIGIL_SOURCE_RTSP,
     "rtsp://h/x?user=admin&psw=p@s/s;1&channel=2", NULL, NULL,
     "rtsp://h/x?user=admin&psw=***&channel=2"},
    {"rtsp://u:secret@h/x?pwd=ab/c", VIGIL_SOURCE_RTSP, "rtsp://h/x?pwd=ab/c", "u", "secret",
     "rtsp://h/x?pwd=***"},
    {"v4l2:/dev/video0", VIGIL_SOURCE_V4L2, "/dev/video0", NULL, NULL, "v4l2:/dev/video0"},
    {"v4l2:serial=1234", VIGIL_SOURCE_V4L2, "serial=1234", NULL, NULL, "v4l2:serial=1234"},
    {"v4l2:path=pci-0000:00:14.0-usb-0:1:1.0", VIGIL_SOURCE_V4L2,
     "path=pci-0000:00:14.0-usb-0:1:1.0", NULL, NULL, "v4l2:path=pci-0000:00:14.0-usb-0:1:1.0"},
};

START_TEST(test_good)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSource) source = vigil_source_parse(good[_i].text, "/base", &error);
    g_autoptr(VigilSource) again = vigil_source_parse(good[_i].text, "/base", NULL);

    ck_assert_msg(source != NULL, "%s: %s", good[_i].text, error ? error->message : "");
    ck_assert_int_eq(source->kind, good[_i].kind);
    ck_assert_str_eq(source->location, good[_i].location);
    ck_assert_pstr_eq(source->user, good[_i].user);
    ck_assert_pstr_eq(source->password, good[_i].password);
    ck_assert_str_eq(source->display, good[_i].display);
    ck_assert_int_eq(vigil_source_is_live(source), good[_i].kind != VIGIL_SOURCE_FILE);
    ck_assert(vigil_source_equal(source, again));
    ck_assert(!vigil_source_equal(source, NULL));
}
END_TEST

static const gchar *const bad[] = {
    "",
    "file://",
    "http://user:Geheim77@h/x",
    "rtsp://",
    "rtsp://user:Geheim77@",
    "rtsp://user:Geheim77%zz@h/",
    "rtsp://:80:90/",
    "rtsp://:80:90/x?psw=Geheim77",
    "http://h/x?loginpas=x/Geheim77",
    "v4l2:video0",
    "v4l2:",
    "v4l2:serial=",
    "file:///a%00b",
    "file:///100% b.mp4",
};

START_TEST(test_bad)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSource) source = vigil_source_parse(bad[_i], "/base", &error);

    ck_assert_msg(source == NULL, "%s was taken", bad[_i]);
    ck_assert_int_eq(error->domain, VIGIL_SOURCE_ERROR);
    ck_assert_ptr_null(strstr(error->message, "Geheim77"));
}
END_TEST

/* What a camera, or GStreamer, says about it need not be a URL. */
START_TEST(test_parameter_becomes_secret)
{
    g_autoptr(VigilSource) source =
        vigil_source_parse("rtsp://h/x?user=admin&password=Tr0ub%2F4dor&channel=1", "/", NULL);
    g_autofree gchar *safe = vigil_redact("bad query [Tr0ub/4dor] [Tr0ub%2F4dor] of admin");

    ck_assert_ptr_nonnull(source);
    ck_assert_str_eq(safe, "bad query [***] [***] of admin");
}
END_TEST

#define DAY_US (G_GINT64_CONSTANT(86400) * 1000000)
#define NOW_US (1000 * DAY_US)

/* A password is a secret in any text from here on, also in the forms in which protocols send it. */
START_TEST(test_password_becomes_secret)
{
    g_autoptr(VigilSource) source = vigil_source_parse("rtsp://admin:Tr0ub4dor%263@h/", "/", NULL);

    g_autofree gchar *basic = g_base64_encode((const guchar *)"admin:Tr0ub4dor&3", 17);
    g_autofree gchar *text = g_strdup_printf("x Tr0ub4dor&3 y Tr0ub4dor%%263 z %s", basic);
    g_autofree gchar *safe = vigil_redact(text);

    ck_assert_str_eq(source->user, "admin");
    ck_assert_str_eq(safe, "x *** y *** z ***");
}
END_TEST

static const struct {
    const gchar *text;
    gint64 wanted;
} times[] = {
    {"1970-01-02", DAY_US},
    {"1970-01-01T00:01:00Z", 60 * G_USEC_PER_SEC},
    {"1970-01-01T00:01:00", 60 * G_USEC_PER_SEC},
    {"1970-01-01T01:00:00+01:00", 0},
    {"1970-01-01T00:00:00.250Z", 250000},
    {"90s", NOW_US - 90 * G_USEC_PER_SEC},
    {"2h", NOW_US - DAY_US / 12},
    {"1w", NOW_US - 7 * DAY_US},
};

START_TEST(test_times)
{
    g_autoptr(GError) error = NULL;
    gint64 time_us = -1;

    ck_assert(vigil_time_parse(times[_i].text, NOW_US, &time_us, &error));
    ck_assert_int_eq(time_us, times[_i].wanted);
}
END_TEST

START_TEST(test_wrong_times)
{
    static const gchar *const wrong[] = {
        "",    "yesterday",           "2", "2x", "h", "-2h", "2026-13-01", "99999999999999999999h",
        "2h ", "2026-05-01T25:00:00Z"};

    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        gint64 time_us;

        ck_assert_msg(!vigil_time_parse(wrong[i], 0, &time_us, &error), "%s was taken", wrong[i]);
        ck_assert_ptr_nonnull(error);
    }
}
END_TEST

START_TEST(test_format_time)
{
    g_autofree gchar *zero = vigil_time_format(0);
    g_autofree gchar *some = vigil_time_format(1500 * 1000 + 999);
    g_autofree gchar *before = vigil_time_format(-1);

    ck_assert_str_eq(zero, "1970-01-01T00:00:00.000Z");
    ck_assert_str_eq(some, "1970-01-01T00:00:01.500Z");
    ck_assert_str_eq(before, "1969-12-31T23:59:59.999Z");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("source");
    TCase *tcase = tcase_create("source");
    SRunner *runner = srunner_create(suite);

    tcase_add_loop_test(tcase, test_good, 0, G_N_ELEMENTS(good));
    tcase_add_loop_test(tcase, test_bad, 0, G_N_ELEMENTS(bad));
    tcase_add_test(tcase, test_password_becomes_secret);
    tcase_add_test(tcase, test_parameter_becomes_secret);
    tcase_add_loop_test(tcase, test_times, 0, G_N_ELEMENTS(times));
    tcase_add_test(tcase, test_wrong_times);
    tcase_add_test(tcase, test_format_time);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
