/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inferences on several threads give the bytes of one thread: for any number of threads, and for any order of the parts that
 * their needs allow. The linker puts functions of this file in the places of vigil_pool_limit() and vigil_pool_run(), see
 * meson.build: more threads than there are processors, and orders that chance would rarely show.
 */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/vigil-model-private.h"
#include "models/vigil-pool-private.h"
#include "tests/support/vigil-test-models.h"
#include "tests/support/vigil-tflite-writer.h"

#define N_RUNS 2u

guint __wrap_vigil_pool_limit(guint threads);
void __wrap_vigil_pool_run(guint threads, guint n_chunks, const guint32 *needs, VigilPoolFunc func,
                           gpointer data);
void __real_vigil_pool_run(guint threads, guint n_chunks, const guint32 *needs, VigilPoolFunc func,
                           gpointer data);

static GPtrArray *paths;
static GRand *dice; /* NULL: the pool does the work */
static guint n_jumps;

guint
__wrap_vigil_pool_limit(guint threads)
{
    return CLAMP(threads, 1u, VIGIL_POOL_MAX_THREADS);
}

/* One of the parts that may begin when those in @done are done: any, or most often the last. */
static guint
choose(const guint32 *needs, guint n_chunks, const gboolean *done, guint lowest)
{
    guint chosen = lowest, n = 0;
    const gboolean last = g_rand_boolean(dice);

    for (guint i = lowest; i < n_chunks; i++) {
        if (needs[i] > lowest)
            continue;
        if (!done[i] && (last || g_rand_int_range(dice, 0, (gint)++n) == 0))
            chosen = i;
    }
    return chosen;
}

void
__wrap_vigil_pool_run(guint threads, guint n_chunks, const guint32 *needs, VigilPoolFunc func,
                      gpointer data)
{
    g_autofree gboolean *done = g_new0(gboolean, n_chunks + 1);
    guint lowest = 0;

    if (dice == NULL) {
        __real_vigil_pool_run(threads, n_chunks, needs, func, data);
        return;
    }
    for (guint i = 0; i < n_chunks; i++)
        if (needs[i] > i)
            ck_abort_msg("part %u of %u needs %u before it", i, n_chunks, needs[i]);
    while (lowest < n_chunks) {
        const guint i = choose(needs, n_chunks, done, lowest);

        n_jumps += i != lowest;
        func(data, i, (guint)g_rand_int_range(dice, 0, (gint)threads));
        done[i] = TRUE;
        while (done[lowest])
            lowest++;
    }
}

/* (transfer full): all outputs of @n runs, one after the other; each run meets in the arena what the one before left. */
static GByteArray *
outputs_of(VigilModel *model, guint threads, guint n)
{
    g_autoptr(VigilSession) session = vigil_session_new(model, threads, NULL);
    GByteArray *bytes = g_byte_array_new();

    ck_assert_ptr_nonnull(session);
    ck_assert_uint_eq(vigil_session_get_threads(session), threads);
    for (guint r = 0; r < n; r++) {
        vigil_test_fill_inputs(model, session, r + 7);
        vigil_session_run(session);
        vigil_test_append_outputs(model, session, bytes);
    }
    return bytes;
}

static void
compare(const GByteArray *got, const GByteArray *want, const gchar *path, const gchar *what)
{
    ck_assert_uint_eq(got->len, want->len);
    for (guint i = 0; i < got->len; i++)
        if (got->data[i] != want->data[i])
            ck_abort_msg("%s, %s: byte %u of %u is %u, not %u", path, what, i, got->len,
                         got->data[i], want->data[i]);
}

static void
check_model(const gchar *path, const gchar *isa)
{
    g_autoptr(VigilModel) model = NULL;
    g_autoptr(GByteArray) want = NULL;

    g_setenv("VIGIL_ISA", isa, TRUE);
    model = vigil_model_load(path, NULL);
    if (model ==
        NULL) /* some are refused, and not every processor has every kernel: other tests are about those */
        return;
    dice = NULL;
    want = outputs_of(model, 1, N_RUNS);
    for (guint threads = 2; threads <= 4; threads++) {
        g_autofree gchar *what = g_strdup_printf("%s, %u threads", isa, threads);
        g_autoptr(GByteArray) got = outputs_of(model, threads, N_RUNS);

        compare(got, want, path, what);
    }
    dice = g_rand_new_with_seed(3);
    g_autoptr(GByteArray) got = outputs_of(model, 3, N_RUNS);

    compare(got, want, path, "in another order");
    g_clear_pointer(&dice, g_rand_free);
}

START_TEST(test_model)
{
    const gchar *path = g_ptr_array_index(paths, (guint)_i);

    n_jumps = 0;
    check_model(path, "");
    g_print("%s: %u parts not in their order\n", path, n_jumps);
    check_model(path, "avx2");
    check_model(path, "neon");
}
END_TEST

/* Convolution 1x1 of 4 channels. */
static gint32
convolve(VigilTfliteWriter *w, gint32 in, gint32 lines)
{
    static const guint8 weights[] = {1, 30, 0, 200, 9, 77, 250, 3, 128, 5, 60, 7, 8, 240, 90, 11};
    const gint32 dims[] = {1, lines, 40, 4}, weight_dims[] = {4, 1, 1, 4};
    const gint32 out = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 4, dims, NULL, 0, 0.3f, 2);
    const gint32 weight = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 4, weight_dims, weights,
                                                     sizeof weights, 0.01f, 0);

    vigil_tflite_writer_operator(w, 3, (gint32[]){in, weight}, 2, &out, 1);
    vigil_tflite_writer_option_i32(w, 1, 1);
    vigil_tflite_writer_option_i32(w, 2, 1);
    return out;
}

/* What is read next begins with another part than the one that was written last. */
START_TEST(test_parts_in_place)
{
    g_autofree gchar *path = g_strdup_printf("%s/vigil-flow-%d.tflite", g_get_tmp_dir(), getpid());
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    const gint32 dims[] = {1, 600, 40, 4}, all_dims[] = {1, 1800, 40, 4};
    const gint32 in = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 4, dims, NULL, 0, 0.3f, 2);
    const gint32 all =
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 4, all_dims, NULL, 0, 0.3f, 2);
    g_autoptr(GBytes) file = NULL;
    gint32 parts[3], out;

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
        parts[i] = convolve(w, i == 0 ? in : parts[i - 1], 600);
    vigil_tflite_writer_operator(w, 2, parts, G_N_ELEMENTS(parts), &all, 1);
    vigil_tflite_writer_option_i32(w, 0, 1);
    out = convolve(w, all, 1800);
    vigil_tflite_writer_interface(w, &in, 1, &out, 1);
    file = vigil_tflite_writer_finish(w);
    ck_assert(g_file_set_contents(path, g_bytes_get_data(file, NULL),
                                  (gssize)g_bytes_get_size(file), NULL));
    n_jumps = 0;
    check_model(path, "");
    g_unlink(path);
    ck_assert_uint_gt(n_jumps, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("flow");
    TCase *tcase = tcase_create("flow");
    SRunner *runner;
    int failed;

    paths = vigil_test_models();
    g_ptr_array_add(paths, g_build_filename(g_getenv("VIGIL_SOURCE_ROOT"), "models", "default",
                                            "default", "detector.tflite", NULL));
    tcase_set_timeout(tcase, 200);
    tcase_add_loop_test(tcase, test_model, 0, (int)paths->len);
    tcase_add_test(tcase, test_parts_in_place);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    g_ptr_array_unref(paths);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
