/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/storage/seal-test.h"

#include "storage/vigil-seal-shorten.h"

GString *seal_test_findings;
VigilSealSummary seal_test_summary;

static void
note(const gchar *finding, gboolean repaired, gpointer user_data)
{
    ck_assert(!repaired);
    g_string_append_printf(user_data, "%s\n", finding);
}

guint
seal_test_verify(const StoreTest *test, const gchar *public_keys, const gchar *head)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilStore) reader = vigil_store_open_reader(test->database, test->clips, &error);
    guint n_found;

    assert_no_error(error);
    if (seal_test_findings)
        g_string_free(seal_test_findings, TRUE);
    seal_test_findings = g_string_new(NULL);
    vigil_store_verify(reader, public_keys, head, note, seal_test_findings, &seal_test_summary,
                       &n_found, &error);
    assert_no_error(error);
    return n_found;
}

void
seal_test_open_quick(StoreTest *test)
{
    store_test_open(test);
    *vigil_seal_shortener_get_pace(test->store->seal_shortener) =
        (VigilSealPace){.n_open = 4, .n_ended = 1, .n_look = 8, .n_batch = 4, .n_slack = 4};
}

void
seal_test_whole(const StoreTest *test, guint first, guint last)
{
    for (guint i = first; i <= last; i++)
        ck_assert(store_test_whole(test->store, i, 100, NULL));
}

void
seal_test_enforce(const StoreTest *test)
{
    g_autoptr(GError) error = NULL;

    ck_assert(vigil_store_enforce_limits(test->store, NULL, &error));
    assert_no_error(error);
}

void
seal_test_pin(const StoreTest *test, guint number)
{
    ck_assert(vigil_store_set_pinned(test->store, store_test_id(number), TRUE, NULL));
}

void
seal_test_pass_days(guint n)
{
    store_test_mono_us += n * DAY_US;
    store_test_wall_us += n * DAY_US;
}

gchar *
seal_test_read_text(const StoreTest *test, const gchar *name)
{
    g_autofree gchar *path = g_build_filename(test->dir, name, NULL);
    gchar *text = NULL;

    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}
