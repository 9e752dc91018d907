/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of code that are unmapped come back when they are used, and nothing else changes. */
#include <check.h>
#include <gst/gst.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/vigil-code-pages.h"

static const gchar constant[] = "a constant of the program";
static gchar variable[] = "what was written to";

/* Of files, in kB. */
static guint64
read_resident(void)
{
    g_autofree gchar *text = NULL;
    const gchar *at;

    ck_assert(g_file_get_contents("/proc/self/status", &text, NULL, NULL));
    at = strstr(text, "RssFile:");
    ck_assert_ptr_nonnull(at);
    return g_ascii_strtoull(at + strlen("RssFile:"), NULL, 10);
}

static gpointer
use_libraries(gpointer user_data)
{
    const gint *stop = user_data;
    guint rounds = 0;

    while (!g_atomic_int_get(stop)) {
        GstElement *bin = gst_parse_launch("audiotestsrc ! audioconvert ! fakesink", NULL);
        g_autofree gchar *text = g_strdup_printf("%.3f", 1.5);

        ck_assert_str_eq(text, "1.500");
        if (bin)
            gst_object_unref(bin);
        rounds++;
    }
    return GUINT_TO_POINTER(rounds);
}

START_TEST(what_is_used_comes_back)
{
    const guint64 before = read_resident();
    gint stop = 0;
    GThread *thread;
    guint64 after;

    variable[0] = 'W';
    vigil_code_pages_release();
    after = read_resident();
    ck_assert_msg(after < before * 3 / 4, "%u kB before, %u kB after", (guint)before, (guint)after);
    ck_assert_str_eq(variable, "What was written to");
    ck_assert_str_eq(constant, "a constant of the program");

    thread = g_thread_new("user", use_libraries, &stop);
    for (guint i = 0; i < 200; i++) {
        vigil_code_pages_release();
        g_usleep(1000);
    }
    g_atomic_int_set(&stop, 1);
    ck_assert_uint_gt(GPOINTER_TO_UINT(g_thread_join(thread)), 0);
}
END_TEST

int
main(int argc, char **argv)
{
    Suite *suite = suite_create("code-pages");
    TCase *tcase = tcase_create("code-pages");
    SRunner *runner = srunner_create(suite);
    int failed;

    gst_init(&argc, &argv);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, what_is_used_comes_back);
    suite_add_tcase(suite, tcase);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
