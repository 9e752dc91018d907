/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configurations in which something is wrong, as a hand, an editor or a broken disk leaves them: they are taken, or there is
 * an error that says where; never a crash, and never a password in it.
 */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/vigil-settings.h"
#include "tests/pipeline/program.h"

#define N_CONFIGURATIONS 10000
#define N_SANITIZED 1000 /* ten times as slow */
#define SECRET "Geheim77"

static const gchar everything[] =
    "store: {path: data, max_bytes: 20GB, max_age: 30d, clips_max_age: 7d, min_free: 1GB, "
    "keep: [{rule: visitor, max_age: 90d}, {class: dog, camera: door, max_age: 2d}]}\n"
    "model: {path: m.tflite, labels: /l.txt, threads: 2, threshold: 0.4, iou_threshold: 0.6}\n"
    "uploads:\n"
    "  - name: backend\n"
    "    url: https://example.org/events?x=1\n"
    "    token: ./backend.token\n"
    "    batch: 7\n"
    "    max_age: 1d\n"
    "    max_bytes: 1MB\n"
    "  - {name: home, url: 'mqtts://10.0.0.2:8883', credentials: mqtt-login, topic: site/vigil,\n"
    "     form: frigate, discovery: homeassistant}\n"
    "cameras:\n"
    "  - name: door\n"
    "    source: rtsp://user:" SECRET "@10.0.0.5/main\n"
    "    transport: udp\n"
    "    latency: 500ms\n"
    "    decoder: software\n"
    "    idle: full\n"
    "    detect: {fps: 5, weight: 4, max_age: 300ms, threshold: 0.5, model: {path: /o.tflite}}\n"
    "    masks: [[[0.0, 0.0], [0.2, 0.0], [0.2, 0.2]], [[0.5, 0], [1, 0], [1, 0.25]]]\n"
    "    zones: {porch: [[0.1, 0.4], [0.6, 0.4], [0.6, 1.0], [0.1, 1.0]]}\n"
    "    lines: {gate: [[0.2, 0.5], [0.8, 0.5]]}\n"
    "    rules:\n"
    "      - {name: visitor, classes: [person], zones: [porch], min_score: 0.6, dwell: 2s,\n"
    "         cooldown: 10s, record: {pre: 5s, post: 10s}}\n"
    "      - name: crossing\n"
    "        line: gate\n"
    "        classes: [vehicle]\n"
    "  - name: desk\n"
    "    source: v4l2:serial=A1\n"
    "    capture: {width: 1280, height: 720, fps: 12.5, format: 'mjpeg,raw', controls: "
    "{gain: 30}}\n"
    "    rules: [{name: r}]\n"
    "  - name: tape\n"
    "    source: tape.mp4\n"
    "    start_time: 2026-05-01T12:00:00+02:00\n"
    "    metadata_only: true\n"
    "    rules: [{name: r}]\n";

/* What may stand where something else should. */
static const gchar *const values[] = {
    "5",
    "0.5",
    "-5",
    "10s",
    "500ms",
    "1GB",
    "90d",
    "person",
    "a/b",
    "x y",
    "door",
    "1.5",
    "00",
    "1e3",
    "on",
    "null",
    "'5'",
    "\"a\"",
    "frigate",
    "file:x.mp4",
    "http://h/",
    "../x",
    "1kB",
    "0s",
    "[person]",
    "",
    "~",
    "-1",
    "0",
    "1e999",
    "-0.0",
    ".nan",
    ".inf",
    "9223372036854775808",
    "1e-320",
    "true",
    "no",
    "[]",
    "{}",
    "[[]]",
    "{a: {b: {c: 1}}}",
    "'",
    "\"",
    "\"\\x00\"",
    "\"\\uD800\"",
    "!!binary x",
    "!a b",
    "&a [*a]",
    "*nobody",
    "|\n",
    ">-\n  x\n",
    "? x",
    "- - - x",
    "%YAML 9.9",
    "---",
    "...",
    "#",
    "0x7fffffffffffffff",
    "1_000",
    "10GBs",
    "99999999999999d",
    "-5s",
    "5 s",
    "../../../../etc/passwd",
    "file:///",
    "rtsp://",
    "rtsp://@",
    "mqtt://:0",
    "https://[::",
    "v4l2:",
    "[[0,0],[1,1],[2,2]]",
    "[[.nan,0],[1,0],[1,1]]",
    "2026-02-30T25:61:61Z",
    "\xc3\xa4\xe2\x82\xac",
    "\xff\xfe",
    "\t",
    "a\tb: c",
};

static gchar *folder, *path;

static void
replace(GString *text, gsize at, gsize length, const gchar *by)
{
    g_string_erase(text, (gssize)at, (gssize)MIN(length, text->len - at));
    g_string_insert(text, (gssize)at, by);
}

/* (out) @length: with its newline */
static gsize
pick_line(GRand *rand, const GString *text, gsize *length)
{
    gsize at = (gsize)g_rand_int_range(rand, 0, (gint)text->len), end = at;

    while (at > 0 && text->str[at - 1] != '\n')
        at--;
    while (end < text->len && text->str[end] != '\n')
        end++;
    *length = MIN(end + 1, text->len) - at;
    return at;
}

/* Of one line, as an editor does it. */
static void
mutate_line(GRand *rand, GString *text)
{
    gsize length, to_length;
    const gsize at = pick_line(rand, text, &length);
    g_autofree gchar *line = g_strndup(text->str + at, length);
    const gsize to = pick_line(rand, text, &to_length);

    switch (g_rand_int_range(rand, 0, 4)) {
    case 0: replace(text, at, length, ""); break;
    case 1: g_string_insert(text, (gssize)to, line); break;
    case 2: g_string_insert(text, (gssize)at, g_rand_boolean(rand) ? "  " : "\t"); break;
    default: replace(text, at, MIN(length - 1, 2), ""); break;
    }
}

/* Where a value begins that is no list, no mapping and no part of an address; else where there is any. */
static gsize
pick_value(GRand *rand, const GString *text)
{
    gsize at = 0;

    for (guint tries = 0; tries < 16; tries++) {
        at = (gsize)g_rand_int_range(rand, 0, (gint)text->len);
        while (at > 0 && text->str[at] != ':')
            at--;
        at = MIN(at + 1, text->len);
        at += strspn(text->str + at, " ");
        if (text->str[at - 1] != ':' && !strchr("[{\n/", text->str[at]))
            break;
    }
    return at;
}

static void
mutate_value(GRand *rand, GString *text)
{
    const gsize at = pick_value(rand, text);

    replace(text, at, strcspn(text->str + at, "\n,]}"),
            values[g_rand_int_range(rand, 0, G_N_ELEMENTS(values))]);
}

static void
mutate_bytes(GRand *rand, GString *text)
{
    const gsize at = (gsize)g_rand_int_range(rand, 0, (gint)text->len);
    const gsize n = (gsize)g_rand_int_range(rand, 1, 400);
    g_autofree gchar *many = NULL;

    switch (g_rand_int_range(rand, 0, 6)) {
    case 0: text->str[at] ^= (gchar)(1 << g_rand_int_range(rand, 0, 8)); break;
    case 1: text->str[at] = (gchar)g_rand_int_range(rand, 0, 256); break;
    case 2: g_string_truncate(text, at); break;
    case 3: g_string_erase(text, (gssize)at, (gssize)MIN(n, text->len - at)); break;
    case 4:
        many = g_strnfill(n, "[{-a: "[g_rand_int_range(rand, 0, 6)]);
        g_string_insert(text, (gssize)at, many);
        break;
    default: g_string_insert_c(text, (gssize)at, "{}[]:,&*#?|>'\"%@`\n"[n % 18]); break;
    }
}

/* (transfer full) */
static GString *
mutate(GRand *rand, const gchar *sample)
{
    GString *text = g_string_new(sample);

    /* mostly what is still YAML, so that all that reads values is reached */
    for (gint i = g_rand_int_range(rand, 1, 3); i > 0 && text->len > 0; i--) {
        const gint way = g_rand_int_range(rand, 0, 10);

        if (way < 7)
            mutate_value(rand, text);
        else if (way < 9)
            mutate_line(rand, text);
        else
            mutate_bytes(rand, text);
    }
    return text;
}

/* Each line of an error names the file and the line in it. */
static void
check_error(const GError *error, const GString *text)
{
    g_auto(GStrv) lines = g_strsplit(error->message, "\n", -1);

    ck_assert_int_eq(error->domain, VIGIL_SETTINGS_ERROR);
    ck_assert_msg(g_utf8_validate(error->message, -1, NULL), "%s", text->str);
    ck_assert_ptr_null(strstr(error->message, SECRET));
    for (guint i = 0; lines[i]; i++) {
        const gchar *mark = strstr(lines[i], "c.yaml:");

        ck_assert_msg(mark && g_ascii_isdigit(mark[7]) && strlen(mark) > 10,
                      "no place in: %s\nof: %s", lines[i], text->str);
        for (const gchar *p = lines[i]; *p; p++)
            ck_assert_msg((guchar)*p >= 0x20 && *p != 0x7f, "%s", lines[i]);
    }
}

static void
setup(void)
{
    folder = folder_new();
    path = g_build_filename(folder, "c.yaml", NULL);
}

static void
teardown(void)
{
    folder_remove(folder);
    g_clear_pointer(&folder, g_free);
    g_clear_pointer(&path, g_free);
}

/* Else each would be refused for the same reason. */
START_TEST(test_unmutated)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSettings) settings = NULL;

    ck_assert(g_file_set_contents(path, everything, -1, NULL));
    settings = vigil_settings_load(path, &error);
    ck_assert_msg(settings != NULL, "%s", error ? error->message : "");
}
END_TEST

START_TEST(test_mutated)
{
    const guint n = g_getenv("ASAN_OPTIONS") ? N_SANITIZED : N_CONFIGURATIONS;
    g_autofree gchar *file =
        g_build_filename(g_getenv("VIGIL_SOURCE_ROOT"), "configs", "vigil.yaml", NULL);
    g_autofree gchar *sample = NULL;
    GRand *rand = g_rand_new_with_seed(1000);
    guint n_taken = 0, n_refused = 0, n_syntax = 0;

    ck_assert(g_file_get_contents(file, &sample, NULL, NULL));
    for (guint i = 0; i < n; i++) {
        GString *text = mutate(rand, i % 4 ? everything : sample);
        g_autoptr(GError) error = NULL;
        g_autoptr(VigilSettings) settings = NULL;

        g_unlink(path); /* written over, it would keep its end */
        ck_assert(g_file_set_contents_full(path, text->str, (gssize)text->len,
                                           G_FILE_SET_CONTENTS_NONE, 0600, NULL));
        settings = vigil_settings_load(path, &error);
        ck_assert((settings == NULL) == (error != NULL));
        if (error) {
            check_error(error, text);
            n_syntax += strstr(error->message, ": not YAML:") != NULL;
        }
        *(settings ? &n_taken : &n_refused) += 1;
        g_string_free(text, TRUE);
    }
    g_rand_free(rand);
    g_print("FIGURE: %u mutated configurations: %u refused with a place (%u as no YAML), %u taken, "
            "0 crashes\n",
            n, n_refused, n_syntax, n_taken);
    ck_assert_uint_gt(n_refused - n_syntax, n / 5);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("config-mutated");
    TCase *tcase = tcase_create("config-mutated");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, test_unmutated);
    tcase_add_test(tcase, test_mutated);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
