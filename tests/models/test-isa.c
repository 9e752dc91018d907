/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every table of kernels that this processor has, with and without the graph's rewrites, gives the same bytes as plain C
 * without them: on every model of the test data.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernels/vigil-isa-private.h"
#include "models/vigil-model.h"
#include "tests/support/vigil-test-models.h"

static GPtrArray *paths;

static VigilModel *
load(const gchar *path, const gchar *isa, gboolean optimise)
{
    g_autoptr(GError) error = NULL;
    VigilModel *model;

    g_setenv("VIGIL_ISA", isa, TRUE);
    g_setenv("VIGIL_OPTIMISE", optimise ? "1" : "0", TRUE);
    model = vigil_model_load(path, &error);
    if (model == NULL)
        g_print("  refused: %s\n", error->message);
    else
        ck_assert_str_eq(vigil_model_get_isa(model), isa);
    return model;
}

/* (transfer full): all outputs of one run, one after the other. */
static GByteArray *
outputs_of(VigilModel *model)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSession) session = vigil_session_new(model, 1, &error);
    GByteArray *bytes = g_byte_array_new();

    ck_assert_msg(session != NULL, "%s", error ? error->message : "");
    vigil_test_fill_inputs(model, session, 7);
    vigil_session_run(session);
    /* The second run meets what the first left in the arena. */
    vigil_test_fill_inputs(model, session, 11);
    vigil_session_run(session);
    vigil_test_append_outputs(model, session, bytes);
    return bytes;
}

static void
compare(const gchar *path, const VigilIsa *isa, gboolean optimise, const GByteArray *want)
{
    g_autoptr(VigilModel) model = load(path, isa->name, optimise);
    g_autoptr(GByteArray) got = NULL;

    ck_assert_ptr_nonnull(model);
    got = outputs_of(model);
    ck_assert_uint_eq(got->len, want->len);
    for (guint i = 0; i < got->len; i++)
        if (got->data[i] != want->data[i])
            ck_abort_msg("%s, %s, %s: byte %u of %u is %u, not %u", path, isa->name,
                         optimise ? "rewritten" : "as it is", i, got->len, got->data[i],
                         want->data[i]);
}

START_TEST(test_model)
{
    const gchar *path = g_ptr_array_index(paths, (guint)_i);
    const VigilIsa *const *isas = vigil_isa_list();
    g_autoptr(VigilModel) model = NULL;
    g_autoptr(GByteArray) want = NULL;

    g_print("%s\n", path);
    model = load(path, "ref", FALSE);
    if (model == NULL)
        return;
    want = outputs_of(model);
    for (guint i = 0; isas[i] != NULL; i++) {
        if (!isas[i]->is_supported())
            continue;
        compare(path, isas[i], TRUE, want);
        if (i > 0)
            compare(path, isas[i], FALSE, want);
    }
}
END_TEST

START_TEST(test_unknown)
{
    g_autoptr(GError) error = NULL;

    g_setenv("VIGIL_ISA", "abacus", TRUE);
    ck_assert_ptr_null(vigil_isa_select(&error));
    ck_assert(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED));
    ck_assert_ptr_nonnull(strstr(error->message, "VIGIL_ISA=abacus"));
    ck_assert_ptr_nonnull(strstr(error->message, "ref"));
    g_setenv("VIGIL_ISA", "", TRUE);
    g_clear_error(&error);
    ck_assert_ptr_nonnull(vigil_isa_select(&error));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("isa");
    TCase *tcase = tcase_create("isa");
    SRunner *runner;
    int failed;

    paths = vigil_test_models();
    tcase_set_timeout(tcase, 240);
    if (paths->len > 0)
        tcase_add_loop_test(tcase, test_model, 0, (int)paths->len);
    tcase_add_test(tcase, test_unknown);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    g_ptr_array_unref(paths);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
