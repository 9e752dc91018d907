/* SPDX-License-Identifier: Apache-2.0 */
/* The models in the program: there without a disk, whole, and the same as the packages in the source tree. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-builtin.h"
#include "models/vigil-detector.h"

static const gchar *const names[] = {"default", "tiny"};

static VigilDetector *
open_model(const gchar *model, GError **error)
{
    VigilDetectorOptions options = vigil_detector_options_defaults();

    options.model = model;
    return vigil_detector_open(&options, error);
}

START_TEST(test_opens)
{
    g_autofree gchar *folder =
        g_build_filename(g_getenv("VIGIL_SOURCE_ROOT"), "models", "default", names[_i], NULL);
    g_autoptr(GError) error = NULL;
    /* opening runs the golden input and compares the boxes */
    g_autoptr(VigilDetector) built_in = open_model(names[_i], &error);
    g_autoptr(VigilDetector) packaged = NULL;

    g_assert_no_error(error);
    packaged = open_model(folder, &error);
    g_assert_no_error(error);
    ck_assert_str_eq(vigil_detector_get_name(built_in), names[_i]);
    ck_assert_str_eq(vigil_detector_get_sha256(built_in), vigil_detector_get_sha256(packaged));
    ck_assert_float_eq(vigil_detector_get_threshold(built_in),
                       vigil_detector_get_threshold(packaged));
    ck_assert_uint_ge(vigil_detector_get_n_labels(built_in), 3);
    ck_assert_str_eq(vigil_detector_get_label(built_in, 0), "person");
    ck_assert_str_eq(vigil_detector_get_label(built_in, 1), "vehicle");
    ck_assert_str_eq(vigil_detector_get_label(built_in, 2), "two_wheeler");
}
END_TEST

START_TEST(test_package)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilPackage) package = vigil_builtin_load(names[_i], &error);
    g_autoptr(GBytes) model = NULL;

    g_assert_no_error(error);
    ck_assert_str_eq(package->name, names[_i]);
    ck_assert_str_eq(package->licence, "Apache-2.0");
    ck_assert_int_eq(package->decoder, VIGIL_DECODER_ANCHOR_FREE);
    ck_assert_ptr_nonnull(package->golden_input);
    model = vigil_package_read(package, package->model_path, 1536 << 10, &error);
    g_assert_no_error(error); /* at most 1.5 MB */
}
END_TEST

/* Byte for byte what TensorFlow Lite with XNNPACK gave (models/training/oracle.py), all outputs one after another. */
START_TEST(test_outputs)
{
    g_autofree gchar *file = g_strdup_printf("%s.out.raw", names[_i]);
    g_autofree gchar *path =
        g_build_filename(g_getenv("VIGIL_SOURCE_ROOT"), "tests", "models", file, NULL);
    g_autoptr(VigilPackage) package = vigil_builtin_load(names[_i], NULL);
    g_autoptr(GBytes) bytes = vigil_package_read(package, package->model_path, 4 << 20, NULL);
    g_autoptr(GBytes) input = vigil_package_read(package, package->golden_input, 4 << 20, NULL);
    g_autoptr(VigilModel) model = vigil_model_load_bytes(bytes, names[_i], NULL);
    g_autoptr(VigilSession) session = vigil_session_new(model, 1, NULL);
    g_autofree gchar *expected = NULL;
    gsize length = 0, at = 0;

    ck_assert(g_file_get_contents(path, &expected, &length, NULL));
    memcpy(vigil_session_get_input(session, 0), g_bytes_get_data(input, NULL),
           g_bytes_get_size(input));
    vigil_session_run(session);
    for (guint i = 0; i < vigil_model_get_n_outputs(model); i++) {
        const gsize n = vigil_model_get_output_info(model, i)->bytes;

        ck_assert_uint_le(at + n, length);
        ck_assert_mem_eq(vigil_session_get_output(session, i), expected + at, n);
        at += n;
    }
    ck_assert_uint_eq(at, length);
}
END_TEST

START_TEST(test_names)
{
    ck_assert(vigil_builtin_is("default"));
    ck_assert(vigil_builtin_is("tiny"));
    ck_assert(!vigil_builtin_is(""));
    ck_assert(!vigil_builtin_is("./default"));
    ck_assert(!vigil_builtin_is("Default"));
    ck_assert(vigil_package_is("default"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("builtin");
    TCase *tcase = tcase_create("builtin");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_loop_test(tcase, test_opens, 0, G_N_ELEMENTS(names));
    tcase_add_loop_test(tcase, test_package, 0, G_N_ELEMENTS(names));
    tcase_add_loop_test(tcase, test_outputs, 0, G_N_ELEMENTS(names));
    tcase_add_test(tcase, test_names);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
