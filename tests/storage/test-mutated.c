/* SPDX-License-Identifier: Apache-2.0 */
/* Databases in which bytes are wrong: an error that says so, or a store that works; never a crash, never an endless loop. */
#include <glib/gstdio.h>
#include <string.h>

#include "tests/storage/store-test.h"
#include "tests/support/vigil-mutate.h"

#define N_EVENTS 12
#define N_LOTS 5
#define N_IN_A_LOT 100
#define N_SANITIZED 20 /* ten times as slow */

static StoreTest t;

typedef struct {
    guint n_rows, n_refused, n_worked;
} Seen;

/* (transfer full): a database with some of everything */
static GBytes *
make_database(void)
{
    gchar *bytes;
    gsize length;

    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 0; i < N_EVENTS; i++)
        ck_assert(store_test_whole(t.store, i, 20, NULL));
    ck_assert(vigil_store_set_pinned(t.store, store_test_id(3), TRUE, NULL));
    store_test_close(&t);
    ck_assert(g_file_get_contents(t.database, &bytes, &length, NULL));
    return g_bytes_new_take(bytes, length);
}

static void
put_database(const GByteArray *bytes)
{
    g_autofree gchar *log = g_strconcat(t.database, "-wal", NULL);
    g_autofree gchar *shm = g_strconcat(t.database, "-shm", NULL);

    g_unlink(log);
    g_unlink(shm);
    ck_assert(g_file_set_contents_full(t.database, (const gchar *)bytes->data, bytes->len,
                                       G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static gboolean
see_row(const VigilEventRow *row, gpointer user_data)
{
    Seen *seen = user_data;
    g_autofree gchar *json = vigil_event_to_json(row->event, row->clip);

    ck_assert_ptr_nonnull(json);
    seen->n_rows++;
    return seen->n_rows % 1000 != 0; /* whatever a damaged tree gives, not for ever */
}

static void
ignore_finding(const gchar *finding, gboolean repaired, gpointer user_data)
{
}

/* An error is said in words, and nothing else is the matter. */
static void
note(Seen *seen, gboolean ok, GError **error)
{
    ck_assert(ok || (*error && *(*error)->message));
    if (ok)
        seen->n_worked++;
    else
        seen->n_refused++;
    g_clear_error(error);
}

static void
read_it(Seen *seen)
{
    const VigilEventQuery queries[] = {{.with_path = TRUE},
                                       {.camera = "door", .label = "person", .ascending = TRUE},
                                       {.zone = "porch"},
                                       {.rule = "visitor"}};
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilStore) reader = vigil_store_open_reader(t.database, t.clips, &error);
    guint n_left;

    note(seen, reader != NULL, &error);
    for (guint i = 0; reader && i < G_N_ELEMENTS(queries); i++)
        note(seen, vigil_store_query_events(reader, &queries[i], see_row, seen, &error), &error);
    if (reader)
        note(seen, vigil_store_fsck(reader, FALSE, ignore_finding, NULL, &n_left, &error), &error);
}

static void
write_it(Seen *seen)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilStore) writer = vigil_store_open_with(&t.options, NULL, store_test_mono, &error);

    note(seen, writer != NULL, &error);
    if (!writer)
        return;
    note(seen, store_test_whole(writer, 100, 20, &error), &error);
    note(seen, vigil_store_enforce_limits(writer, NULL, &error), &error);
}

static void
be_quiet(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer user_data)
{
}

START_TEST(test_mutated)
{
    g_autoptr(GBytes) whole = make_database();
    g_autoptr(GRand) rand = g_rand_new_with_seed(4711 + _i);
    Seen seen = {0, 0, 0};
    gsize size;
    const guint8 *data = g_bytes_get_data(whole, &size);

    g_log_set_default_handler(be_quiet, NULL);
    t.options.max_age_us = 1;
    t.options.max_bytes = 100;
    for (guint i = 0; i < (g_getenv("ASAN_OPTIONS") ? N_SANITIZED : N_IN_A_LOT); i++) {
        g_autoptr(GByteArray) mutated = vigil_mutate_flatbuffer(rand, data, size, data, size, 0);

        put_database(mutated);
        read_it(&seen);
        write_it(&seen);
        store_test_wall_us += DAY_US;
        store_test_mono_us += DAY_US;
    }
    ck_assert_uint_gt(seen.n_rows, 0);
    ck_assert_uint_gt(seen.n_refused, 0);
    ck_assert_uint_gt(seen.n_worked, 0);
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("mutated");
    TCase *tcase = tcase_create("mutated");
    SRunner *runner;
    gint failed;

    tcase_add_loop_test(tcase, test_mutated, 0, N_LOTS);
    tcase_set_timeout(tcase, 240);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
