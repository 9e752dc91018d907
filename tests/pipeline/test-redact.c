/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/vigil-redact.h"

static const struct {
    const gchar *text, *wanted;
} cases[] = {
    {"rtsp://10.0.0.5/main", "rtsp://10.0.0.5/main"},
    {"rtsp://user:secret@10.0.0.5/main", "rtsp://***@10.0.0.5/main"},
    {"rtsp://user@10.0.0.5/main", "rtsp://***@10.0.0.5/main"},
    {"rtsps://user:p@ss:w@rd@host:322/x", "rtsps://***@host:322/x"},
    {"rtsp://user:pa/ss@host/x", "rtsp://***@host/x"},
    {"RTSP://A:B@c/d e RTSP://F:G@h/i", "RTSP://***@c/d e RTSP://***@h/i"},
    {"could not open 'rtsp://u:p@h/1' (rtsp://u:p@h/2)",
     "could not open 'rtsp://***@h/1' (rtsp://***@h/2)"},
    {"mail to a@b.example", "mail to a@b.example"},
    {"rtsp://h/x?user=admin&password=geheim&channel=1",
     "rtsp://h/x?user=admin&password=***&channel=1"},
    {"http://h/?token=abc&x=1", "http://h/?token=***&x=1"},
    /* only & ends a value */
    {"rtsp://h/x?password=a/b;c?d#e=f&channel=1", "rtsp://h/x?password=***&channel=1"},
    {"rtsp://h/x?user=admin&pwd=&channel=1", "rtsp://h/x?user=admin&pwd=***&channel=1"},
    /* as the makers call it */
    {"http://h/v?loginuse=a&loginpas=b&psw=c&PWD=d&authbasic=e==&userpw=f&key=g&x=1",
     "http://h/v?loginuse=a&loginpas=***&psw=***&PWD=***&authbasic=***&userpw=***&key=***&x=1"},
    {"rtsp://h/user=admin&password=tlJwpbo6&channel=1&stream=0.sdp?real_stream",
     "rtsp://h/user=admin&password=***&channel=1&stream=0.sdp?real_stream"},
    {"rtsp://h/user=admin_password=tlJwpbo6_channel=1", "rtsp://h/user=admin_password=***"},
    {"rtsp://h/x?p%61ss%57ord=geheim", "rtsp://h/x?p%61ss%57ord=***"},
    {"rtsp://h/x?channel=1&subtype=0&unicast=true", "rtsp://h/x?channel=1&subtype=0&unicast=true"},
    /* an @ within it */
    {"rtsp://h/x?password=p@ss&channel=1", "rtsp://***&channel=1"},
    {"rtsp://u:p@h/x?token=a&c=1 (rtsp://h?pw=b)", "rtsp://***@h/x?token=***&c=1 (rtsp://h?pw=***"},
    {"rtsp://u:p?token=q@h/x", "rtsp://***"},
    {"Authorization: Basic dXNlcjpzZWNyZXQ=", "Authorization: Basic ***"},
    {"user-pw=geheim", "user-pw=***"},
    {"", ""},
    {"plain text", "plain text"},
};

START_TEST(test_cases)
{
    g_autofree gchar *safe = vigil_redact(cases[_i].text);

    ck_assert_str_eq(safe, cases[_i].wanted);
}
END_TEST

START_TEST(test_secrets)
{
    VigilRedactHold *hold = NULL;
    g_autofree gchar *safe = NULL, *early = vigil_redact("a word hunter2! here");

    ck_assert_str_eq(early, "a word hunter2! here");
    vigil_redact_hold(&hold, "hunter2!");
    vigil_redact_hold(&hold, "hunter2!longer");
    vigil_redact_hold(&hold, "abc"); /* too short to hide everywhere */
    vigil_redact_hold(&hold, NULL);
    safe = vigil_redact("hunter2! and hunter2!longer and abc");
    ck_assert_str_eq(safe, "*** and *** and abc");
    vigil_redact_release(&hold);
    ck_assert_ptr_null(hold);
}
END_TEST

/* Where it is no parameter any more; the short one is hidden in URLs only. */
START_TEST(test_parameters_are_secrets)
{
    VigilRedactHold *hold = NULL;
    g_autofree gchar *safe = NULL;

    vigil_redact_hold_url(&hold, "rtsp://h/x?user=admin&password=ge%2Fheim;7&pwd=abc&channel=1234");
    safe = vigil_redact("ge%2Fheim;7, ge/heim;7, admin, abc, 1234");
    ck_assert_str_eq(safe, "***, ***, admin, abc, 1234");
    vigil_redact_release(&hold);

    vigil_redact_hold_url(&hold, "rtsp://h/x");
    vigil_redact_hold_url(&hold, "");
    vigil_redact_hold_url(&hold, "password=");
    ck_assert_ptr_null(hold);
}
END_TEST

/* Somebody else's text, as long as it may be: the time grows as the text does. */
START_TEST(test_many_parameters)
{
    GString *text = g_string_new("http://h/?");
    g_autofree gchar *safe = NULL;

    for (guint i = 0; i < 50000; i++)
        g_string_append(text, i % 2 ? "&password=Zk9qWv3x" : "_aaaaaaaaaaaaaaaa%");
    safe = vigil_redact(text->str);
    ck_assert_ptr_null(strstr(safe, "Zk9qWv3x"));
    g_string_free(text, TRUE);
}
END_TEST

static gboolean
is_hidden(const gchar *secret)
{
    g_autofree gchar *safe = vigil_redact(secret);

    return g_str_equal(safe, "***");
}

/* What somebody holds is hidden, however much comes and goes; what nobody does, for a while. */
START_TEST(test_secrets_are_forgotten)
{
    VigilRedactHold *camera = NULL, *other = NULL;

    vigil_redact_hold(&camera, "stays-for-good");
    vigil_redact_hold(&other, "stays-for-good");
    vigil_redact_hold(&other, "went-long-ago");
    vigil_redact_release(&other);
    vigil_redact_release(&other);
    ck_assert(is_hidden("stays-for-good") && is_hidden("went-long-ago"));
    for (guint i = 0; i < 1000; i++) {
        VigilRedactHold *hold = NULL;
        g_autofree gchar *secret = g_strdup_printf("password-%u-", i);

        vigil_redact_hold(&hold, secret);
        ck_assert(is_hidden(secret));
        vigil_redact_release(&hold);
        ck_assert(is_hidden(secret));
    }
    ck_assert(is_hidden("stays-for-good") && is_hidden("password-744-"));
    ck_assert(!is_hidden("went-long-ago") && !is_hidden("password-0-"));
    /* one that is held again is not forgotten */
    vigil_redact_hold(&other, "password-744-");
    for (guint i = 0; i < 300; i++) {
        VigilRedactHold *hold = NULL;
        g_autofree gchar *secret = g_strdup_printf("later-%u-", i);

        vigil_redact_hold(&hold, secret);
        vigil_redact_release(&hold);
    }
    ck_assert(is_hidden("password-744-") && !is_hidden("password-999-"));
    vigil_redact_release(&other);
    vigil_redact_release(&camera);
}
END_TEST

/* A token's file that is written anew each minute. */
START_TEST(test_one_who_changes_its_secret)
{
    VigilRedactHold *hold = NULL;

    for (guint i = 0; i < 400; i++) {
        g_autofree gchar *secret = g_strdup_printf("token-%u-", i);

        vigil_redact_hold(&hold, secret);
        vigil_redact_hold(&hold, secret);
        ck_assert(is_hidden(secret));
    }
    ck_assert_uint_le(hold->len, 8);
    ck_assert(!is_hidden("token-0-"));
    vigil_redact_release(&hold);
}
END_TEST

START_TEST(test_odd)
{
    g_autofree gchar *broken = vigil_redact("rtsp://u:\xff\xfe@h/");

    ck_assert_ptr_null(vigil_redact(NULL));
    ck_assert_str_eq(broken, "rtsp://***@h/");
}
END_TEST

/* No cut of a URL shows more than the whole. */
START_TEST(test_every_prefix)
{
    VigilRedactHold *hold = NULL;
    const gchar *url = "rtsp://admin:Zk9qWv3x@camera.example:554/live?password=Zk9qWv3x";

    vigil_redact_hold(&hold, "Zk9qWv3x");
    for (gsize n = 0; n <= strlen(url); n++) {
        g_autofree gchar *part = g_strndup(url, n);
        g_autofree gchar *text = g_strconcat(part, " x ", url, NULL);
        g_autofree gchar *safe = vigil_redact(text);

        ck_assert_ptr_null(strstr(safe, "Zk9qWv3x"));
    }
    vigil_redact_release(&hold);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("redact");
    TCase *tcase = tcase_create("redact");
    SRunner *runner = srunner_create(suite);

    tcase_add_loop_test(tcase, test_cases, 0, G_N_ELEMENTS(cases));
    tcase_add_test(tcase, test_secrets);
    tcase_add_test(tcase, test_parameters_are_secrets);
    tcase_add_test(tcase, test_many_parameters);
    tcase_add_test(tcase, test_secrets_are_forgotten);
    tcase_add_test(tcase, test_one_who_changes_its_secret);
    tcase_add_test(tcase, test_odd);
    tcase_add_test(tcase, test_every_prefix);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
