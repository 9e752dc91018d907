/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inferences on several threads give the bytes of one thread: for any number of threads, and for any order of the parts that
 * their needs allow. The linker puts functions of this file in the places of vigil_pool_limit() and vigil_pool_run(), see
 * meson.build: more threads than there are processors, and orders that chance would rarely show.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-model-private.h"
#include "models/vigil-pool-private.h"
#include "tests/support/vigil-test-models.h"

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
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    g_ptr_array_unref(paths);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
