/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/events/vigil-run-nonce.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>

#define MIB (1024 * 1024)

static gchar *folder;

static void
setup(void)
{
    folder = g_dir_make_tmp("vigil-nonce-XXXXXX", NULL);
    ck_assert_ptr_nonnull(folder);
}

static void
teardown(void)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const gchar *name;

    while ((name = g_dir_read_name(dir))) {
        g_autofree gchar *path = g_build_filename(folder, name, NULL);

        g_remove(path);
    }
    g_rmdir(folder);
    g_free(folder);
}

/* Of a file of zeros with one other byte; its name needs quoting in a URI. */
static guint64
nonce_of(const gchar *name, gsize length, gsize at, gchar byte)
{
    g_autofree gchar *path = g_build_filename(folder, name, NULL);
    g_autofree gchar *content = g_malloc0(length);
    g_autofree gchar *uri = g_filename_to_uri(path, NULL, NULL);

    content[at] = byte;
    ck_assert(g_file_set_contents(path, content, (gssize)length, NULL));
    return vigil_run_nonce_of_uri(uri);
}

START_TEST(test_content_counts)
{
    const guint64 one = nonce_of("a b.mp4", 5 * MIB, 100, 1);

    ck_assert_uint_ne(one, 0);
    ck_assert_uint_ne(one, G_MAXUINT64);
    ck_assert_uint_eq(nonce_of("copy%.mp4", 5 * MIB, 100, 1), one);
    ck_assert_uint_ne(nonce_of("a b.mp4", 5 * MIB, 100, 2), one);
    ck_assert_uint_ne(nonce_of("a b.mp4", 5 * MIB, 5 * MIB - 1, 1), one);
    ck_assert_uint_ne(nonce_of("a b.mp4", 5 * MIB - 1, 100, 1), one);
    /* shorter than a part */
    ck_assert_uint_ne(nonce_of("a b.mp4", 10, 9, 1), nonce_of("a b.mp4", 10, 8, 1));
}
END_TEST

START_TEST(test_other_sources)
{
    g_autofree gchar *missing = g_strdup_printf("file://%s/missing", folder);
    g_autofree gchar *directory = g_strdup_printf("file://%s", folder);

    ck_assert_uint_eq(vigil_run_nonce_of_uri(NULL), 0);
    ck_assert_uint_ne(vigil_run_nonce_of_uri("http://a/1"), 0);
    ck_assert_uint_ne(vigil_run_nonce_of_uri("http://a/1"), vigil_run_nonce_of_uri("http://a/2"));
    ck_assert_uint_eq(vigil_run_nonce_of_uri("http://a/1"), vigil_run_nonce_of_uri("http://a/1"));
    ck_assert_uint_ne(vigil_run_nonce_of_uri(missing), vigil_run_nonce_of_uri(directory));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("run-nonce");
    TCase *tests = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_content_counts);
    tcase_add_test(tests, test_other_sources);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
