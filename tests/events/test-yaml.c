/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <glib/gstdio.h>
#include <string.h>

#include "events/vigil-suggest.h"
#include "events/vigil-yaml.h"

#define SECOND G_GINT64_CONSTANT(1000000000)

static VigilYaml *
parse(const gchar *text)
{
    g_autoptr(GError) error = NULL;
    VigilYaml *root = vigil_yaml_parse(text, strlen(text), "t.yaml", &error);

    ck_assert_msg(root != NULL, "%s", error ? error->message : "no error");
    return root;
}

static void
assert_refused(const gchar *text, gsize length, VigilYamlError code, const gchar *message)
{
    g_autoptr(GError) error = NULL;
    VigilYaml *root = vigil_yaml_parse(text, length, "t.yaml", &error);

    ck_assert_ptr_null(root);
    ck_assert(g_error_matches(error, VIGIL_YAML_ERROR, code));
    ck_assert_str_eq(error->message, message);
}

START_TEST(test_tree)
{
    g_autoptr(VigilYaml) root = parse("a: 1\nb:\n  - x\n  - [y, {k: v}]\nc: {d: 'q e'}\n");
    const VigilYaml *b, *deep;
    g_autoptr(GError) error = NULL;

    ck_assert_int_eq(vigil_yaml_get_kind(root), VIGIL_YAML_MAPPING);
    ck_assert_uint_eq(vigil_yaml_get_n(root), 3);
    ck_assert_str_eq(vigil_yaml_get_key(root, 2), "c");
    ck_assert_ptr_null(vigil_yaml_get(root, "z"));
    b = vigil_yaml_get(root, "b");
    ck_assert_int_eq(vigil_yaml_get_kind(b), VIGIL_YAML_SEQUENCE);
    ck_assert_uint_eq(vigil_yaml_get_line(b), 2);
    ck_assert_ptr_null(vigil_yaml_get(b, "x"));
    ck_assert_int_eq(vigil_yaml_get_kind(vigil_yaml_get_item(b, 0)), VIGIL_YAML_SCALAR);
    ck_assert_uint_eq(vigil_yaml_get_n(vigil_yaml_get_item(b, 0)), 0);
    deep = vigil_yaml_get(vigil_yaml_get_item(vigil_yaml_get_item(b, 1), 1), "k");
    ck_assert_uint_eq(vigil_yaml_get_line(deep), 4);
    ck_assert(!vigil_yaml_set_error(deep, &error, "is %d", 5));
    ck_assert_str_eq(error->message, "t.yaml:4: b[1][1].k: is 5");
}
END_TEST

START_TEST(test_syntax)
{
    static const struct {
        const gchar *text, *message;
    } cases[] = {
        {"", "t.yaml:1: there is nothing in it"},
        {"# only a comment\n", "t.yaml:1: there is nothing in it"},
        {"a: 1\nb: [1, 2\nc: 3\n", "t.yaml:3: not YAML: did not find expected ',' or ']'"},
        {"a: 1\n\tb: 2\n", "t.yaml:2: not YAML: found a tab character that violates indentation"},
        {"a: 1\n---\nb: 1\n", "t.yaml:2: a second document begins here; one is all there may be"},
        {"a: &x 1\n",
         "t.yaml:1: anchors (&), aliases (*) and tags (!) are not taken; write it out"},
        {"a: 1\nb: *x\n",
         "t.yaml:2: anchors (&), aliases (*) and tags (!) are not taken; write it out"},
        {"a: &x [1]\n",
         "t.yaml:1: anchors (&), aliases (*) and tags (!) are not taken; write it out"},
        {"a: &x {b: 1}\n",
         "t.yaml:1: anchors (&), aliases (*) and tags (!) are not taken; write it out"},
        {"a: !!int 1\n",
         "t.yaml:1: anchors (&), aliases (*) and tags (!) are not taken; write it out"},
        {"a: \"x\\0y\"\n", "t.yaml:1: a NUL character has no place here"},
        {"\n[a, b]: 1\n", "t.yaml:2: a key must be a plain word, this is a list or a mapping"},
        {"{a: b}: 1\n", "t.yaml:1: a key must be a plain word, this is a list or a mapping"},
        {"a: 1\nb: \xff\n", "t.yaml:2: not YAML: invalid leading UTF-8 octet"},
        {"a: 1\nb: 2\n\x01", "t.yaml:3: not YAML: control characters are not allowed"},
    };

    assert_refused(cases[_i].text, strlen(cases[_i].text), VIGIL_YAML_ERROR_SYNTAX,
                   cases[_i].message);
}
END_TEST

START_TEST(test_key_twice)
{
    const gchar *text = "cameras:\n  - name: a\n    zones: {}\n    name: b\n";

    assert_refused(text, strlen(text), VIGIL_YAML_ERROR_VALUE,
                   "t.yaml:4: cameras[0]: the key \"name\" is given twice, first in line 2");
}
END_TEST

START_TEST(test_limits)
{
    g_autofree gchar *deep = g_strnfill(40, '[');
    g_autofree gchar *large = g_strnfill(1024 * 1024 + 1, ' ');
    g_autoptr(GString) just = g_string_new("a: ");
    g_autoptr(VigilYaml) root = NULL;

    assert_refused(deep, strlen(deep), VIGIL_YAML_ERROR_SYNTAX,
                   "t.yaml:1: nested more than 32 deep");
    assert_refused(large, strlen(large), VIGIL_YAML_ERROR_SYNTAX,
                   "t.yaml:1: larger than 1 MiB; this is no configuration");
    for (guint i = 0; i < 31; i++)
        g_string_append_c(just, '[');
    for (guint i = 0; i < 31; i++)
        g_string_append_c(just, ']');
    root = parse(just->str);
    ck_assert_uint_eq(vigil_yaml_get_n(root), 1);
}
END_TEST

/* A megabyte of keys must not take minutes. */
START_TEST(test_many_keys)
{
    g_autoptr(GString) text = g_string_new("");
    g_autoptr(VigilYaml) root = NULL;

    for (guint i = 0; text->len < 1000000; i++)
        g_string_append_printf(text, "k%u:\n", i);
    root = parse(text->str);
    ck_assert_uint_gt(vigil_yaml_get_n(root), 100000);
}
END_TEST

START_TEST(test_load)
{
    g_autofree gchar *dir = g_dir_make_tmp("vigil-yaml-XXXXXX", NULL);
    g_autofree gchar *path = g_build_filename(dir, "c.yaml", NULL);
    g_autofree gchar *expected = g_strdup_printf("%s: No such file or directory", path);
    g_autofree gchar *folder = g_strdup_printf("%s: Is a directory", dir);
    g_autoptr(GError) error = NULL;
    VigilYaml *root = vigil_yaml_load(path, &error);

    ck_assert_ptr_null(root);
    ck_assert(g_error_matches(error, VIGIL_YAML_ERROR, VIGIL_YAML_ERROR_IO));
    ck_assert_str_eq(error->message, expected);
    g_clear_error(&error);
    ck_assert_ptr_null(vigil_yaml_load(dir, &error));
    ck_assert(g_error_matches(error, VIGIL_YAML_ERROR, VIGIL_YAML_ERROR_IO));
    ck_assert_str_eq(error->message, folder);
    g_clear_error(&error);
    ck_assert_ptr_null(vigil_yaml_load("/dev/zero", &error)); /* endless */
    ck_assert(g_error_matches(error, VIGIL_YAML_ERROR, VIGIL_YAML_ERROR_SYNTAX));
    g_clear_error(&error);
    ck_assert(g_file_set_contents(path, "a: 1\n", -1, NULL));
    root = vigil_yaml_load(path, &error);
    ck_assert_ptr_nonnull(root);
    ck_assert_uint_eq(vigil_yaml_get_n(root), 1);
    vigil_yaml_free(root);
    g_unlink(path);
    g_rmdir(dir);
}
END_TEST

START_TEST(test_check_keys)
{
    static const gchar *const known[] = {"zones", "lines", "rules", NULL};
    static const struct {
        const gchar *text, *message;
    } cases[] = {
        {"zones: 1\nrules: 2\n", NULL},
        {"zones: 1\nrulse: 2\n", "t.yaml:2: unknown key \"rulse\"; did you mean \"rules\"?"},
        {"zone: 1\n", "t.yaml:1: unknown key \"zone\"; did you mean \"zones\"?"},
        {"colour: 1\n", "t.yaml:1: unknown key \"colour\"; known are: zones, lines, rules"},
        {"zones: 1\n\"a\\eb\\u0007\": 2\n",
         "t.yaml:2: unknown key \"a\\u001bb\\u0007\"; known are: zones, lines, rules"},
        {"[1, 2]\n", "t.yaml:1: wants a mapping (key: value), this is a list"},
        {"hello\n", "t.yaml:1: wants a mapping (key: value), this is \"hello\""},
        {"---\n", "t.yaml:2: wants a mapping (key: value), this is empty"},
    };
    g_autoptr(VigilYaml) root = parse(cases[_i].text);
    g_autoptr(GError) error = NULL;
    const gboolean ok = vigil_yaml_check_keys(root, known, &error);

    ck_assert_int_eq(ok, cases[_i].message == NULL);
    if (cases[_i].message)
        ck_assert_str_eq(error->message, cases[_i].message);
}
END_TEST

START_TEST(test_suggest)
{
    static const gchar *const known[] = {"min_score", "max_size", "min_size", "name", NULL};
    g_autofree gchar *huge = g_strnfill(5000, 'a');
    const gchar *const with_huge[] = {huge, "name", NULL};

    ck_assert_str_eq(vigil_suggest("min_scroe", known), "min_score");
    ck_assert_str_eq(vigil_suggest("minsize", known), "min_size");
    ck_assert_str_eq(vigil_suggest("nmae", known), "name");
    ck_assert_str_eq(vigil_suggest("mix_size", known), "max_size"); /* two are as near: the first */
    ck_assert_ptr_null(vigil_suggest("colour", known));
    ck_assert_ptr_null(vigil_suggest("", known));
    ck_assert_ptr_null(vigil_suggest(huge, known));
    ck_assert_str_eq(vigil_suggest("name", with_huge), "name");
}
END_TEST

/* What a reader says of a value: NULL for taken. */
static void
assert_message(gboolean ok, GError **set, const gchar *message)
{
    const GError *error = *set;

    ck_assert_int_eq(ok, message == NULL);
    if (!message)
        return;
    ck_assert(g_error_matches(error, VIGIL_YAML_ERROR, VIGIL_YAML_ERROR_VALUE));
    ck_assert_str_eq(error->message, message);
}

static const VigilYaml *
value_of(const VigilYaml *root)
{
    return vigil_yaml_get(root, "v");
}

START_TEST(test_string)
{
    static const struct {
        const gchar *text, *value, *message;
    } cases[] = {
        {"v: door", "door", NULL},
        {"v: '5'", "5", NULL},
        {"v:", NULL, "t.yaml:1: v: wants a text, this is empty"},
        {"v: [a]", NULL, "t.yaml:1: v: wants a text, this is a list"},
        {"v: {a: b}", NULL, "t.yaml:1: v: wants a text, this is a mapping"},
    };
    g_autoptr(VigilYaml) root = parse(cases[_i].text);
    g_autoptr(GError) error = NULL;
    const gchar *value = NULL;

    assert_message(vigil_yaml_read_string(value_of(root), &value, &error), &error,
                   cases[_i].message);
    ck_assert_pstr_eq(value, cases[_i].value);
}
END_TEST

START_TEST(test_bool)
{
    static const struct {
        const gchar *text;
        gint value;
        const gchar *message;
    } cases[] = {
        {"v: true", 1, NULL},
        {"v: No", 0, NULL},
        {"v: on", 1, NULL},
        {"v: off", 0, NULL},
        {"v: 1", -1, "t.yaml:1: v: wants true or false, this is \"1\""},
        {"v: [true]", -1, "t.yaml:1: v: wants true or false, this is a list"},
    };
    g_autoptr(VigilYaml) root = parse(cases[_i].text);
    g_autoptr(GError) error = NULL;
    gboolean value = -1;

    assert_message(vigil_yaml_read_bool(value_of(root), &value, &error), &error, cases[_i].message);
    ck_assert_int_eq(value, cases[_i].value);
}
END_TEST

START_TEST(test_double)
{
    static const struct {
        const gchar *text;
        gdouble value;
        const gchar *message;
    } cases[] = {
        {"v: 0.25", 0.25, NULL},
        {"v: 1", 1.0, NULL},
        {"v: 0", 0.0, NULL},
        {"v: 5e-1", 0.5, NULL},
        {"v: 1.01", -1, "t.yaml:1: v: wants a number from 0 to 1, this is \"1.01\""},
        {"v: -0.1", -1, "t.yaml:1: v: wants a number from 0 to 1, this is \"-0.1\""},
        {"v: nan", -1, "t.yaml:1: v: wants a number from 0 to 1, this is \"nan\""},
        {"v: inf", -1, "t.yaml:1: v: wants a number from 0 to 1, this is \"inf\""},
        {"v: -inf", -1, "t.yaml:1: v: wants a number from 0 to 1, this is \"-inf\""},
        {"v: 1e999", -1, "t.yaml:1: v: wants a number from 0 to 1, this is \"1e999\""},
        {"v: 0x1", -1, "t.yaml:1: v: wants a number from 0 to 1, this is \"0x1\""},
        {"v: 0,5", -1, "t.yaml:1: v: wants a number from 0 to 1, this is \"0,5\""},
        {"v: 0.5x", -1, "t.yaml:1: v: wants a number from 0 to 1, this is \"0.5x\""},
        {"v: ''", -1, "t.yaml:1: v: wants a number from 0 to 1, this is empty"},
        {"v: {a: 1}", -1, "t.yaml:1: v: wants a number from 0 to 1, this is a mapping"},
    };
    g_autoptr(VigilYaml) root = parse(cases[_i].text);
    g_autoptr(GError) error = NULL;
    gdouble value = -1;

    assert_message(vigil_yaml_read_double(value_of(root), 0, 1, &value, &error), &error,
                   cases[_i].message);
    ck_assert_double_eq(value, cases[_i].value);
}
END_TEST

START_TEST(test_int)
{
    static const struct {
        const gchar *text;
        gint64 value;
        const gchar *message;
    } cases[] = {
        {"v: 8", 8, NULL},
        {"v: 1", 1, NULL},
        {"v: 0", -1, "t.yaml:1: v: wants a whole number from 1 to 8, this is \"0\""},
        {"v: 9", -1, "t.yaml:1: v: wants a whole number from 1 to 8, this is \"9\""},
        {"v: 2.0", -1, "t.yaml:1: v: wants a whole number from 1 to 8, this is \"2.0\""},
        {"v: 99999999999999999999", -1,
         "t.yaml:1: v: wants a whole number from 1 to 8, this is \"99999999999999999999\""},
        {"v: [3]", -1, "t.yaml:1: v: wants a whole number from 1 to 8, this is a list"},
    };
    g_autoptr(VigilYaml) root = parse(cases[_i].text);
    g_autoptr(GError) error = NULL;
    gint64 value = -1;

    assert_message(vigil_yaml_read_int(value_of(root), 1, 8, &value, &error), &error,
                   cases[_i].message);
    ck_assert_int_eq(value, cases[_i].value);
}
END_TEST

START_TEST(test_duration)
{
    static const struct {
        const gchar *text;
        gint64 value;
        const gchar *message;
    } cases[] = {
        {"v: 500ms", SECOND / 2, NULL},
        {"v: 2s", 2 * SECOND, NULL},
        {"v: 1.5s", 3 * SECOND / 2, NULL},
        {"v: 2 s", 2 * SECOND, NULL},
        {"v: 5m", 300 * SECOND, NULL},
        {"v: 1h", 3600 * SECOND, NULL},
        {"v: 0s", 0, NULL},
        {"v: 5", -1, "t.yaml:1: v: 5 lacks its unit; write for instance 5s (ms, s, m, h or d)"},
        {"v: 1d", -1,
         "t.yaml:1: v: wants a duration from 0s to 90m (units: ms, s, m, h, d), this is \"1d\""},
        {"v: -1s", -1,
         "t.yaml:1: v: wants a duration from 0s to 90m (units: ms, s, m, h, d), this is \"-1s\""},
        {"v: 5 min", -1,
         "t.yaml:1: v: wants a duration from 0s to 90m (units: ms, s, m, h, d), this is \"5 min\""},
        {"v: s", -1,
         "t.yaml:1: v: wants a duration from 0s to 90m (units: ms, s, m, h, d), this is \"s\""},
        {"v: 1e30d", -1,
         "t.yaml:1: v: wants a duration from 0s to 90m (units: ms, s, m, h, d), this is \"1e30d\""},
        {"v: [1s]", -1,
         "t.yaml:1: v: wants a duration from 0s to 90m (units: ms, s, m, h, d), this is a list"},
    };
    g_autoptr(VigilYaml) root = parse(cases[_i].text);
    g_autoptr(GError) error = NULL;
    gint64 value = -1;

    assert_message(vigil_yaml_read_duration(value_of(root), 0, 5400 * SECOND, &value, &error),
                   &error, cases[_i].message);
    ck_assert_int_eq(value, cases[_i].value);
}
END_TEST

START_TEST(test_size)
{
    static const struct {
        const gchar *text;
        gint64 value;
        const gchar *message;
    } cases[] = {
        {"v: 500MB", 500000000, NULL},
        {"v: 20GB", G_GINT64_CONSTANT(20000000000), NULL},
        {"v: 1GiB", 1073741824, NULL},
        {"v: 1.5 MiB", 1572864, NULL},
        {"v: 123456", 123456, NULL},
        {"v: 10B", -1,
         "t.yaml:1: v: wants a size from 1kB to 1TB (units: B, kB, MB, GB, TB, KiB, MiB, GiB, "
         "TiB), this is \"10B\""},
        {"v: 2TB", -1,
         "t.yaml:1: v: wants a size from 1kB to 1TB (units: B, kB, MB, GB, TB, KiB, MiB, GiB, "
         "TiB), this is \"2TB\""},
        {"v: 5Mb", -1,
         "t.yaml:1: v: wants a size from 1kB to 1TB (units: B, kB, MB, GB, TB, KiB, MiB, GiB, "
         "TiB), this is \"5Mb\""},
        {"v: 1e300GB", -1,
         "t.yaml:1: v: wants a size from 1kB to 1TB (units: B, kB, MB, GB, TB, KiB, MiB, GiB, "
         "TiB), this is "
         "\"1e300GB\""},
    };
    g_autoptr(VigilYaml) root = parse(cases[_i].text);
    g_autoptr(GError) error = NULL;
    gint64 value = -1;

    assert_message(vigil_yaml_read_size(value_of(root), 1000, G_GINT64_CONSTANT(1000000000000),
                                        &value, &error),
                   &error, cases[_i].message);
    ck_assert_int_eq(value, cases[_i].value);
}
END_TEST

/* What a hostile file holds does not fill the terminal. */
START_TEST(test_long_value)
{
    g_autofree gchar *long_text = g_strnfill(3000, 'x');
    g_autofree gchar *text = g_strdup_printf("v: \"%s\"\n", long_text);
    g_autoptr(VigilYaml) root = parse(text);
    g_autoptr(GError) error = NULL;
    gboolean value;

    ck_assert(!vigil_yaml_read_bool(value_of(root), &value, &error));
    ck_assert_uint_lt(strlen(error->message), 140);
    ck_assert(g_str_has_suffix(error->message, "xxx…\""));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("yaml");
    TCase *tc = tcase_create("yaml");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_tree);
    tcase_add_loop_test(tc, test_syntax, 0, 15);
    tcase_add_test(tc, test_key_twice);
    tcase_add_test(tc, test_limits);
    tcase_add_test(tc, test_many_keys);
    tcase_add_test(tc, test_load);
    tcase_add_loop_test(tc, test_check_keys, 0, 8);
    tcase_add_test(tc, test_suggest);
    tcase_add_loop_test(tc, test_string, 0, 5);
    tcase_add_loop_test(tc, test_bool, 0, 6);
    tcase_add_loop_test(tc, test_double, 0, 15);
    tcase_add_loop_test(tc, test_int, 0, 7);
    tcase_add_loop_test(tc, test_duration, 0, 14);
    tcase_add_loop_test(tc, test_size, 0, 9);
    tcase_add_test(tc, test_long_value);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
