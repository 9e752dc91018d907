/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-labels-private.h"
#include "models/vigil-model.h"
#include "tests/support/vigil-test-data.h"

static GPtrArray *
parse(const gchar *text)
{
    GError *error = NULL;
    GPtrArray *labels = vigil_labels_parse(text, strlen(text), "l.txt", &error);

    g_assert_no_error(error);
    return labels;
}

static const gchar *
at(const GPtrArray *labels, guint i)
{
    return labels->pdata[i];
}

START_TEST(test_lines)
{
    g_autoptr(GPtrArray) labels =
        parse("\xef\xbb\xbfperson\r\n  traffic light \r\n\ncaf\xc3\xa9\n\n\n");

    ck_assert_uint_eq(labels->len, 4);
    ck_assert_str_eq(at(labels, 0), "person");
    ck_assert_str_eq(at(labels, 1), "traffic light");
    ck_assert_ptr_null(at(labels, 2));
    ck_assert_str_eq(at(labels, 3), "caf\xc3\xa9");
    ck_assert_ptr_eq(at(labels, 0), g_intern_string("person"));
}
END_TEST

START_TEST(test_numbered)
{
    g_autoptr(GPtrArray) labels = parse("0  person\n2  car\n17 cat\n");
    g_autoptr(GPtrArray) colons = parse("1: a\n0: b");
    g_autoptr(GPtrArray) plain = parse("7 eleven\ncar\n");

    ck_assert_uint_eq(labels->len, 18);
    ck_assert_str_eq(at(labels, 0), "person");
    ck_assert_ptr_null(at(labels, 1));
    ck_assert_str_eq(at(labels, 17), "cat");
    ck_assert_str_eq(at(colons, 0), "b");
    ck_assert_str_eq(at(plain, 0), "7 eleven");
}
END_TEST

START_TEST(test_empty_file)
{
    g_autofree gchar *folder = g_dir_make_tmp("vigil-labels-XXXXXX", NULL);
    g_autofree gchar *path = g_build_filename(folder, "empty.txt", NULL);
    GError *error = NULL;

    ck_assert(g_file_set_contents(path, "", 0, NULL));
    ck_assert_ptr_null(vigil_labels_load(path, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID);
    g_clear_error(&error);
    g_unlink(path);
    g_rmdir(folder);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const gchar *text, *says;
    } bad[] = {
        {"", "no labels"},
        {"\n \n", "no labels"},
        {"a\nb\n\xff\xfe", "l.txt:3: not UTF-8"},
        {"1 a\n1 b\n", "l.txt:2: this number"},
        {"70000 a\n", "l.txt:1: this number"},
    };
    g_autofree gchar *wide = g_strnfill(300, 'x');
    GError *error = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        ck_assert_ptr_null(vigil_labels_parse(bad[i].text, strlen(bad[i].text), "l.txt", &error));
        g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID);
        ck_assert_msg(strstr(error->message, bad[i].says) != NULL, "%s", error->message);
        g_clear_error(&error);
    }
    ck_assert_ptr_null(vigil_labels_parse(wide, 300, "l.txt", &error));
    ck_assert_ptr_nonnull(strstr(error->message, "256 bytes"));
    g_clear_error(&error);
    ck_assert_ptr_null(vigil_labels_load("/nowhere/labels.txt", &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO);
    g_clear_error(&error);
    ck_assert_ptr_null(vigil_labels_load("/", &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO);
    g_clear_error(&error);
}
END_TEST

START_TEST(test_fit)
{
    GError *error = NULL;
    g_autoptr(GPtrArray) exact = parse("a\nb");
    g_autoptr(GPtrArray) background = parse("???\na\nb");
    g_autoptr(GPtrArray) from_one = parse("1 a\n2 b");
    g_autoptr(GPtrArray) unknown = parse("background\na\nb");
    g_autoptr(GPtrArray) many = parse("a\nb\nc");

    ck_assert(vigil_labels_fit(exact, 2, "l", &error));
    ck_assert_uint_eq(exact->len, 2);
    ck_assert(vigil_labels_fit(background, 2, "l", &error));
    ck_assert_str_eq(at(background, 0), "a");
    ck_assert(vigil_labels_fit(from_one, 2, "l", &error));
    ck_assert_str_eq(at(from_one, 0), "a");
    ck_assert(vigil_labels_fit(unknown, 0, "l", &error));
    ck_assert_str_eq(at(unknown, 0), "a");
    ck_assert(!vigil_labels_fit(many, 2, "l.txt", &error));
    ck_assert_str_eq(error->message, "l.txt has 3 labels, but the model tells 2 classes apart");
    g_clear_error(&error);
    ck_assert(!vigil_labels_fit(exact, 90, "l.txt", &error));
    ck_assert_ptr_nonnull(strstr(error->message, "the one with 90 labels"));
    g_clear_error(&error);
}
END_TEST

START_TEST(test_names)
{
    static const gchar *const good[] = {
        "{'date': 'x', 'names': {0: 'person', 1: 'it\\'s', 2: \"a\"}, 'args': {}}",
        "{\"names\": {\"0\": \"person\", \"1\": \"it's\", \"2\": \"a\"}}",
        "'names': [ 'person' , \"it's\" , 'a' ]",
        "{'names': 3, 'x': {'names': {2: 'a', 0: 'person', 1: \"it's\"}}}",
    };
    static const gchar *const bad[] = {
        "",
        "'names'",
        "'names': {",
        "'names': {0: 'a'",
        "'names': {0 'a'}",
        "'names': {x: 'a'}",
        "'names': {0: 'a', 0: 'b'}",
        "'names': {99999999: 'a'}",
        "'names': {}",
        "'names': ['a', 3]",
        "'names': ['a\\",
        "'names': {'-1': 'a'}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GPtrArray) labels = vigil_labels_parse_names(good[i], strlen(good[i]));

        ck_assert_msg(labels && labels->len == 3, "%s", good[i]);
        ck_assert_str_eq(at(labels, 0), "person");
        ck_assert_str_eq(at(labels, 1), "it's");
        ck_assert_str_eq(at(labels, 2), "a");
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        ck_assert_msg(!vigil_labels_parse_names(bad[i], strlen(bad[i])), "%s", bad[i]);
}
END_TEST

static void
put(GByteArray *out, guint64 value, guint bytes)
{
    for (guint i = 0; i < bytes; i++) {
        const guint8 byte = i < 8 ? (guint8)(value >> (8 * i)) : 0;

        g_byte_array_append(out, &byte, 1);
    }
}

/* A file with "model" in front and an archive of one entry behind; offsets count from the archive or the file. */
static GBytes *
archive(const gchar *name, const gchar *text, guint method, gboolean from_file,
        const gchar *comment)
{
    GByteArray *out = g_byte_array_new();
    const guint n = (guint)strlen(name), size = (guint)strlen(text);
    guint begin, directory, end;

    g_byte_array_append(out, (const guint8 *)"some model", 10);
    begin = out->len;
    put(out, 0x04034b50, 4);
    put(out, 0, 4);
    put(out, method, 2);
    put(out, 0, 8);
    put(out, size, 4);
    put(out, size, 4);
    put(out, n, 2);
    put(out, 3, 2);
    g_byte_array_append(out, (const guint8 *)name, n);
    put(out, 0, 3);
    g_byte_array_append(out, (const guint8 *)text, size);
    directory = out->len;
    put(out, 0x02014b50, 4);
    put(out, 0, 6);
    put(out, method, 2);
    put(out, 0, 8);
    put(out, size, 4);
    put(out, size, 4);
    put(out, n, 2);
    put(out, 0, 12);
    put(out, from_file ? begin : 0, 4);
    g_byte_array_append(out, (const guint8 *)name, n);
    end = out->len;
    put(out, 0x06054b50, 4);
    put(out, 0, 4);
    put(out, 1, 2);
    put(out, 1, 2);
    put(out, end - directory, 4);
    put(out, from_file ? directory : directory - begin, 4);
    put(out, strlen(comment), 2);
    g_byte_array_append(out, (const guint8 *)comment, (guint)strlen(comment));
    return g_byte_array_free_to_bytes(out);
}

static GPtrArray *
from_archive(const gchar *name, const gchar *text, guint method, gboolean from_file,
             const gchar *comment, GError **error)
{
    g_autoptr(GBytes) bytes = archive(name, text, method, from_file, comment);

    return vigil_labels_from_metadata(bytes, error);
}

START_TEST(test_metadata)
{
    for (guint i = 0; i < 4; i++) {
        g_autoptr(GPtrArray) labels =
            from_archive("labels.txt", "a\nb\n", 0, i & 1, i & 2 ? "a comment" : "", NULL);
        g_autoptr(GPtrArray) names =
            from_archive("temp_meta.txt", "{'names': {0: 'p'}}", 0, i & 1, "", NULL);

        ck_assert_ptr_nonnull(labels);
        ck_assert_uint_eq(labels->len, 2);
        ck_assert_ptr_nonnull(names);
        ck_assert_str_eq(at(names, 0), "p");
    }
}
END_TEST

/* Of a directory of any number of files only the first few hundred are looked at. */
START_TEST(test_many_files)
{
    static const guint counts[] = {100, 100000};

    for (guint i = 0; i < G_N_ELEMENTS(counts); i++) {
        const guint entry = 46 + 10; /* its header and "labels.txt" */
        g_autoptr(GBytes) one = archive("labels.txt", "a\nb\n", 0, FALSE, "");
        gsize size;
        const guint8 *data = g_bytes_get_data(one, &size);
        const gsize directory = size - 22 - entry;
        g_autoptr(GByteArray) many = g_byte_array_new();
        g_autoptr(GPtrArray) labels = NULL;
        g_autoptr(GBytes) bytes = NULL;

        g_byte_array_append(many, data, (guint)directory);
        for (guint k = 0; k < counts[i]; k++) {
            g_byte_array_append(many, data + directory, entry);
            if (k + 1 < counts[i])
                memset(many->data + many->len - 10, 'x', 10);
        }
        g_byte_array_append(many, data + size - 22, 12);
        put(many, counts[i] * (guint64)entry, 4);
        g_byte_array_append(many, data + size - 6, 6);
        bytes = g_byte_array_free_to_bytes(g_steal_pointer(&many));
        labels = vigil_labels_from_metadata(bytes, NULL);
        ck_assert((labels != NULL) == (counts[i] == 100));
    }
}
END_TEST

START_TEST(test_metadata_without_labels)
{
    g_autoptr(GBytes) none = g_bytes_new_static("no archive at all, just bytes", 29);
    GError *error = NULL;

    ck_assert_ptr_null(vigil_labels_from_metadata(none, &error));
    g_assert_no_error(error);
    ck_assert_ptr_null(from_archive("vocab.bin", "a\nb\n", 0, TRUE, "", &error));
    g_assert_no_error(error);
    ck_assert_ptr_null(from_archive("labels.txt", "a\nb\n", 8, TRUE, "", &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED);
    g_clear_error(&error);
}
END_TEST

/* Every byte of an archive set to extremes, and every length cut: never a read outside. */
START_TEST(test_damaged_archive)
{
    g_autoptr(GBytes) bytes = archive("labels.txt", "a\nb\n", 0, TRUE, "");
    gsize size;
    const guint8 *data = g_bytes_get_data(bytes, &size);

    for (gsize i = 0; i < size; i++) {
        static const guint8 values[] = {0, 1, 0x7f, 0x80, 0xff};

        for (guint v = 0; v < G_N_ELEMENTS(values); v++) {
            guint8 *copy = g_memdup2(data, size);
            GBytes *damaged;
            GPtrArray *labels;

            copy[i] = values[v];
            damaged = g_bytes_new_take(copy, size);
            labels = vigil_labels_from_metadata(damaged, NULL);
            g_clear_pointer(&labels, g_ptr_array_unref);
            g_bytes_unref(damaged);
        }
        {
            g_autoptr(GBytes) cut = g_bytes_new(data, i);

            ck_assert_ptr_null(vigil_labels_from_metadata(cut, NULL));
        }
    }
}
END_TEST

START_TEST(test_real_files)
{
    static const struct {
        const gchar *file;
        guint n_classes;
        const gchar *first, *last;
    } files[] = {
        {"labels/coco_labels_90_coral.txt", 90, "person", "toothbrush"},
        {"labels/coco_labels_90_hopeza.txt", 90, "person", "toothbrush"},
        {"labels/coco_80.txt", 80, "person", "toothbrush"},
        {"labels/coco_80_st.txt", 80, "person", "toothbrush"},
        {"labels/imagenet_labels_1001.txt", 1000, "tench, Tinca tinca", NULL},
    };
    GError *error = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree gchar *path = vigil_test_data_path(files[i].file);
        g_autoptr(GPtrArray) labels = NULL;

        if (!path)
            return;
        labels = vigil_labels_load(path, &error);
        g_assert_no_error(error);
        ck_assert(vigil_labels_fit(labels, files[i].n_classes, path, &error));
        ck_assert_str_eq(at(labels, 0), files[i].first);
        if (files[i].last)
            ck_assert_str_eq(at(labels, files[i].n_classes - 1), files[i].last);
    }
}
END_TEST

START_TEST(test_real_models)
{
    static const struct {
        const gchar *file, *first;
        guint n;
    } models[] = {
        {"models/yolov8n_full_integer_quant_416.tflite", "person", 80},
        {"models/coral_tf2_mobilenet_v2_1.0_224_ptq.tflite", "background", 1001},
        {"models/ssd_mobilenet_v1_coco_quant_300.tflite", NULL, 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(models); i++) {
        g_autofree gchar *path = vigil_test_data_path(models[i].file);
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) labels = NULL;
        g_autoptr(GBytes) bytes = NULL;
        gchar *data;
        gsize size;

        if (!path)
            return;
        ck_assert(g_file_get_contents(path, &data, &size, NULL));
        bytes = g_bytes_new_take(data, size);
        labels = vigil_labels_from_metadata(bytes, &error);
        g_assert_no_error(error);
        ck_assert_uint_eq(labels ? labels->len : 0, models[i].n);
        if (labels)
            ck_assert_str_eq(at(labels, 0), models[i].first);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("labels");
    TCase *tests = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_lines);
    tcase_add_test(tests, test_numbered);
    tcase_add_test(tests, test_empty_file);
    tcase_add_test(tests, test_refused);
    tcase_add_test(tests, test_fit);
    tcase_add_test(tests, test_names);
    tcase_add_test(tests, test_metadata);
    tcase_add_test(tests, test_many_files);
    tcase_add_test(tests, test_metadata_without_labels);
    tcase_add_test(tests, test_damaged_archive);
    tcase_add_test(tests, test_real_files);
    tcase_add_test(tests, test_real_models);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
