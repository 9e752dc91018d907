/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/rtsp/vigil-rtsp-login.h"

static void
check_url(const gchar *url, const gchar *location, const gchar *user, const gchar *password)
{
    g_auto(VigilRtspLogin) login = {0};
    g_autoptr(GError) error = NULL;

    ck_assert_msg(vigil_rtsp_login_parse(&login, url, &error), "%s", url);
    ck_assert_str_eq(login.location, location);
    ck_assert_pstr_eq(login.user, user);
    ck_assert_pstr_eq(login.password, password);
}

START_TEST(test_urls)
{
    check_url("rtsp://10.0.0.5/main", "rtsp://10.0.0.5/main", NULL, NULL);
    check_url("rtsps://u:p@cam.lan:322/a?b=c@d", "rtsps://cam.lan:322/a?b=c@d", "u", "p");
    check_url("rtsp://u%40x:p%3A%2Fq%40@[fe80::1]:554/s", "rtsp://[fe80::1]:554/s", "u@x", "p:/q@");
    check_url("rtsp://u@10.0.0.5", "rtsp://10.0.0.5", "u", NULL);
}
END_TEST

START_TEST(test_bad_urls)
{
    static const gchar *const urls[] = {
        "",          "10.0.0.5",           "http://geheim@h/", "rtsp://",
        "rtsp:///x", "rtsp://u:geheim@/x", "rtspgeheim",       "rtsp://u:geheim@h:99999/"};

    for (guint i = 0; i < G_N_ELEMENTS(urls); i++) {
        g_auto(VigilRtspLogin) login = {0};
        g_autoptr(GError) error = NULL;

        ck_assert_msg(!vigil_rtsp_login_parse(&login, urls[i], &error), "%s", urls[i]);
        ck_assert_ptr_null(strstr(error->message, "geheim"));
    }
}
END_TEST

static gchar *folder, *path;

static void
check_file(const gchar *text, const gchar *user, const gchar *password)
{
    g_auto(VigilRtspLogin) login = {.user = g_strdup("old")};
    g_autoptr(GError) error = NULL;
    gboolean ok;

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    ok = vigil_rtsp_login_read(&login, path, &error);
    ck_assert_int_eq(ok, user != NULL);
    ck_assert_str_eq(login.user, user ? user : "old");
    ck_assert_pstr_eq(login.password, password);
    ck_assert(ok || !strstr(error->message, "geheim"));
}

START_TEST(test_files)
{
    g_autofree gchar *long_text = g_strnfill(100000, 'x');

    check_file("user:geheim\n", "user", "geheim");
    check_file("user:ge:heim", "user", "ge:heim");
    check_file("user\ngeheim\n", "user", "geheim");
    check_file("user\r\ngeheim\r\n", "user", "geheim");
    check_file("", NULL, NULL);
    check_file("geheim", NULL, NULL);
    check_file(":geheim", NULL, NULL);
    check_file("geheim:", NULL, NULL);
    check_file("\n\n", NULL, NULL);
    check_file(long_text, NULL, NULL);
}
END_TEST

START_TEST(test_systemd)
{
    g_auto(VigilRtspLogin) login = {0};
    g_autoptr(GError) error = NULL;

    g_unsetenv("CREDENTIALS_DIRECTORY");
    ck_assert(!vigil_rtsp_login_read(&login, "login", &error));
    ck_assert_ptr_nonnull(strstr(error->message, "LoadCredential=login"));
    g_clear_error(&error);
    g_assert_true(g_file_set_contents(path, "user:geheim", -1, NULL));
    g_setenv("CREDENTIALS_DIRECTORY", folder, TRUE);
    ck_assert(vigil_rtsp_login_read(&login, "login", &error));
    ck_assert_str_eq(login.password, "geheim");
    ck_assert(!vigil_rtsp_login_read(&login, "other", &error));
    ck_assert(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT));
    g_unsetenv("CREDENTIALS_DIRECTORY");
}
END_TEST

static void
setup(void)
{
    folder = g_dir_make_tmp("vigil-XXXXXX", NULL);
    path = g_build_filename(folder, "login", NULL);
}

static void
teardown(void)
{
    g_unlink(path);
    g_rmdir(folder);
    g_clear_pointer(&path, g_free);
    g_clear_pointer(&folder, g_free);
}

int
main(void)
{
    Suite *suite = suite_create("rtsp-login");
    TCase *tcase = tcase_create("rtsp-login");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_urls);
    tcase_add_test(tcase, test_bad_urls);
    tcase_add_test(tcase, test_files);
    tcase_add_test(tcase, test_systemd);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
