/* SPDX-License-Identifier: Apache-2.0 */
/* Events that go on in other clips. */
#include <stdio.h>
#include <string.h>

#include "storage/vigil-clip-note.h"
#include "storage/vigil-purge.h"
#include "storage/vigil-rebuild.h"
#include "storage/vigil-retention-private.h"
#include "tests/storage/store-test.h"

#define N_PARTS 3

static StoreTest t;

static void
write_box(VigilClip *clip, const gchar *type, guint content)
{
    g_autofree guint8 *box = g_malloc0(8 + content);
    const guint32 size = GUINT32_TO_BE(8 + content);

    memcpy(box, &size, 4);
    memcpy(box + 4, type, 4);
    ck_assert(vigil_clip_write(clip, box, 8 + content, NULL));
}

static void
write_note(VigilClip *clip, GBytes *note)
{
    gsize length;
    gconstpointer data = g_bytes_get_data(note, &length);

    ck_assert(vigil_clip_write(clip, data, length, NULL));
    g_bytes_unref(note);
}

/* A day later each, so that each lies in a folder of its own. */
static VigilClip *
make_clip(guint number, guint part)
{
    g_autoptr(VigilEvent) event = store_test_event(number, VIGIL_EVENT_BEGIN);
    g_autofree gchar *name =
        part ? g_strdup_printf("%s-p%u", event->id, part) : g_strdup(event->id);
    g_autoptr(GError) error = NULL;
    VigilClip *clip = vigil_store_create_clip(t.store, event->camera, name,
                                              event->start_wall_us + (part / 2) * DAY_US, &error);

    assert_no_error(error);
    write_box(clip, "ftyp", 12);
    write_box(clip, "moov", 600);
    write_box(clip, "moof", 100);
    write_box(clip, "mdat", 1000 + 100 * part);
    return clip;
}

static void
commit(VigilClip *clip, guint number, guint part, VigilEventType type)
{
    g_autoptr(VigilEvent) event = store_test_event(number, type);
    g_autoptr(GError) error = NULL;

    store_test_wall_us += G_USEC_PER_SEC;
    store_test_mono_us += G_USEC_PER_SEC;
    write_note(clip, vigil_clip_note_event(event, part, store_test_wall_us));
    vigil_store_commit_event(t.store, event, clip, &error);
    assert_no_error(error);
}

static void
go_on(VigilClip *clip, guint number, guint part)
{
    g_autoptr(VigilEvent) event = store_test_event(number, VIGIL_EVENT_UPDATE);
    g_autoptr(GError) error = NULL;

    write_note(clip, vigil_clip_note_event(event, part, store_test_wall_us));
    vigil_store_continue_event(t.store, event->id, clip, &error);
    assert_no_error(error);
}

static void
finish(VigilClip *clip)
{
    g_autoptr(GError) error = NULL;

    write_note(clip, vigil_clip_note_closed(&store_test_info));
    vigil_store_finish_clip(t.store, clip, &store_test_info, &error);
    assert_no_error(error);
}

/* Begins in one clip, and ends in another one. Returns: that one, while it is written */
static VigilClip *
record_until_end(guint number)
{
    VigilClip *clip = make_clip(number, 0);

    commit(clip, number, 0, VIGIL_EVENT_BEGIN);
    for (guint part = 1; part < N_PARTS; part++) {
        VigilClip *next = make_clip(number, part);

        go_on(next, number, part);
        finish(clip);
        clip = next;
    }
    commit(clip, number, N_PARTS - 1, VIGIL_EVENT_END);
    return clip;
}

static void
record(guint number)
{
    finish(record_until_end(number));
}

static void
begin_test(void)
{
    store_test_init(&t, NULL);
    store_test_open(&t);
}

static gboolean
describe(const VigilEventRow *row, gpointer user_data)
{
    GString *text = user_data;
    g_autofree gchar *json = vigil_event_to_json(row->event, row->clip);

    g_string_append_printf(text, "%s %d %d", json, row->clip_complete, row->has_snapshot);
    for (guint i = 0; row->parts && row->parts[i]; i++)
        g_string_append_printf(text, " %s", row->parts[i]);
    g_string_append_c(text, '\n');
    return TRUE;
}

/* (transfer full): all events with their clips. */
static gchar *
list_all(void)
{
    const VigilEventQuery query = {.ascending = TRUE};
    GString *text = g_string_new(NULL);

    ck_assert(vigil_store_query_events(t.store, &query, describe, text, NULL));
    return g_string_free(text, FALSE);
}

static guint
count_clips(guint number)
{
    guint n = 0;
    gint fd;

    while ((fd = vigil_store_open_clip(t.store, store_test_id(number), n, NULL)) >= 0) {
        close(fd);
        n++;
    }
    return n;
}

static gint64
count_rows(const gchar *table)
{
    g_autofree gchar *sql = g_strdup_printf("SELECT count(*) FROM %s", table);

    return store_test_int(&t, sql);
}

START_TEST(test_all_clips_are_known)
{
    g_auto(VigilSealProof) proof = {0};
    g_autoptr(GError) error = NULL;
    VigilClip *last;

    begin_test();
    last = record_until_end(1);
    ck_assert(!vigil_store_has_event(t.store, store_test_id(1), NULL));
    ck_assert(!vigil_store_get_proof(t.store, store_test_id(1), &proof, &error));
    assert_error(error, VIGIL_STORE_ERROR_INVALID);
    g_clear_error(&error);
    finish(last);
    ck_assert(vigil_store_has_event(t.store, store_test_id(1), NULL));
    ck_assert_uint_eq(count_clips(1), N_PARTS);
    ck_assert_int_eq(vigil_store_open_clip(t.store, store_test_id(1), N_PARTS, &error), -1);
    assert_error(error, VIGIL_STORE_ERROR_NOT_FOUND);
    ck_assert(vigil_store_get_proof(t.store, store_test_id(1), &proof, NULL));
    ck_assert_uint_eq(proof.clips->len, N_PARTS);
    for (guint i = 0; i < N_PARTS; i++) {
        const VigilSealedClip *clip = &g_array_index(proof.clips, VigilSealedClip, i);

        ck_assert_ptr_nonnull(clip->seal.body);
        ck_assert_uint_gt(clip->bytes, 1000 + 100 * i);
    }
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_a_replay_writes_no_second_one)
{
    g_autofree gchar *before = NULL, *after = NULL;

    begin_test();
    record(1);
    before = list_all();
    store_test_close(&t);
    store_test_open(&t);
    ck_assert(vigil_store_has_event(t.store, store_test_id(1), NULL));
    after = list_all();
    ck_assert_str_eq(before, after);
    /* one clip of it is not what it was */
    store_test_exec(&t, "UPDATE clips SET state = 'cut' WHERE id = 2");
    ck_assert(!vigil_store_has_event(t.store, store_test_id(1), NULL));
    /* so all of it is written again, and nothing of before stays */
    store_test_close(&t);
    store_test_open(&t);
    record(1);
    ck_assert_int_eq(count_rows("events"), 1);
    ck_assert_int_eq(count_rows("clips"), N_PARTS);
    ck_assert_int_eq(count_rows("event_parts"), N_PARTS - 1);
    ck_assert_uint_eq(store_test_count_files(&t), N_PARTS);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_a_start_after_a_crash)
{
    VigilClip *clip, *part, *unused;

    begin_test();
    clip = make_clip(1, 0);
    commit(clip, 1, 0, VIGIL_EVENT_BEGIN);
    part = make_clip(1, 1);
    go_on(part, 1, 1);
    finish(clip);
    /* one that was not linked in time */
    unused = make_clip(1, 2);
    vigil_store_abandon_clip(t.store, unused);
    vigil_store_abandon_clip(t.store, part);
    store_test_close(&t);
    store_test_open(&t);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events WHERE end_reason = "
                                        "'interrupted'"),
                     1);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE state = 'cut'"), 1);
    ck_assert_uint_eq(count_clips(1), 2);
    ck_assert_uint_eq(store_test_count_files(&t), 2);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_only_what_is_there_goes_on)
{
    g_autoptr(GError) error = NULL;
    VigilClip *clip;

    begin_test();
    clip = make_clip(1, 1);
    ck_assert(!vigil_store_continue_event(t.store, store_test_id(1), clip, &error));
    assert_error(error, VIGIL_STORE_ERROR_NOT_FOUND);
    vigil_store_abandon_clip(t.store, clip);
    ck_assert_uint_eq(store_test_count_files(&t), 0);
    store_test_finish(&t);
}
END_TEST

static gboolean
drop_event(VigilStore *store, gpointer garbage, GError **error)
{
    return vigil_store_drop_event(store, 1, garbage, error);
}

/* A clip in which two events go on stays with either. */
START_TEST(test_shared_parts)
{
    g_autoptr(GPtrArray) garbage = g_ptr_array_new_with_free_func(g_free);
    VigilClip *clip, *part;

    begin_test();
    clip = make_clip(1, 0);
    commit(clip, 1, 0, VIGIL_EVENT_BEGIN);
    commit(clip, 3, 0, VIGIL_EVENT_BEGIN);
    part = make_clip(1, 1);
    go_on(part, 1, 1);
    go_on(part, 3, 1);
    finish(clip);
    commit(part, 1, 1, VIGIL_EVENT_END);
    commit(part, 3, 1, VIGIL_EVENT_END);
    finish(part);
    ck_assert_uint_eq(store_test_check(&t), 0);
    g_mutex_lock(&t.store->mutex);
    ck_assert(vigil_store_transact(t.store, drop_event, garbage, NULL));
    g_mutex_unlock(&t.store->mutex);
    ck_assert_uint_eq(garbage->len, 0);
    ck_assert_uint_eq(count_clips(3), 2);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* --- deleting ------------------------------------------------------------------------------------------------ */

static void
pass_days(guint n)
{
    store_test_wall_us += n * DAY_US;
    store_test_mono_us += n * DAY_US;
}

static void
enforce(void)
{
    g_autoptr(GError) error = NULL;

    vigil_store_enforce_limits(t.store, NULL, &error);
    assert_no_error(error);
}

START_TEST(test_ages)
{
    VigilClip *last;

    store_test_init(&t, NULL);
    t.options.max_age_us = 20 * DAY_US;
    t.options.clips_max_age_us = 10 * DAY_US;
    store_test_open(&t);
    last = record_until_end(1);
    record(3);
    ck_assert(vigil_store_set_pinned(t.store, store_test_id(3), TRUE, NULL));
    pass_days(11);
    enforce();
    /* what is written to holds the others */
    ck_assert_uint_eq(count_clips(1), N_PARTS);
    finish(last);
    enforce();
    ck_assert_uint_eq(count_clips(1), 0);
    ck_assert_uint_eq(count_clips(3), N_PARTS);
    ck_assert_int_eq(count_rows("events"), 2);
    ck_assert_uint_eq(store_test_count_files(&t), N_PARTS);
    ck_assert_uint_eq(store_test_check(&t), 0);
    /* as if it were there: nothing of it was lost */
    ck_assert(vigil_store_has_event(t.store, store_test_id(1), NULL));
    pass_days(10);
    enforce();
    ck_assert_int_eq(count_rows("events"), 1);
    ck_assert_int_eq(count_rows("clips"), N_PARTS);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* What an event that lasts still has behind it may go for space, in its order among the others. */
START_TEST(test_event_without_end_does_not_fill_the_disk)
{
    VigilClip *clip, *next;

    begin_test();
    record(1);
    clip = make_clip(3, 0);
    commit(clip, 3, 0, VIGIL_EVENT_BEGIN);
    for (guint part = 1; part < 3; part++) {
        next = make_clip(3, part);
        go_on(next, 3, part);
        finish(clip);
        clip = next;
    }
    record(5);
    g_mutex_lock(&t.store->mutex);
    t.store->max_bytes = 1;
    g_mutex_unlock(&t.store->mutex);
    enforce();
    ck_assert_uint_eq(count_clips(1), 0);
    ck_assert_uint_eq(count_clips(5), 0);
    ck_assert_uint_eq(count_clips(3), 1);
    ck_assert_int_eq(count_rows("events"), 1);
    ck_assert_uint_eq(store_test_count_files(&t), 1);
    commit(clip, 3, 2, VIGIL_EVENT_END);
    finish(clip);
    ck_assert_uint_eq(store_test_check(&t), 0);
    enforce();
    ck_assert_int_eq(count_rows("events"), 0);
    ck_assert_int_eq(count_rows("clips"), 0);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* Its footage gets no older than any other. */
START_TEST(test_ages_of_an_event_without_end)
{
    VigilClip *clip, *next;

    for (guint i = 0; i < 2; i++) {
        store_test_init(&t, NULL);
        t.options.max_age_us = (i ? 20 : 10) * DAY_US;
        t.options.clips_max_age_us = i ? 10 * DAY_US : 0;
        store_test_open(&t);
        clip = make_clip(1, 0);
        commit(clip, 1, 0, VIGIL_EVENT_BEGIN);
        for (guint part = 1; part < 4; part++) {
            pass_days(4);
            next = make_clip(1, part);
            go_on(next, 1, part);
            finish(clip);
            clip = next;
            enforce();
            ck_assert_uint_eq(count_clips(1), part + 1);
        }
        pass_days(3); /* 11, 7 and 3 days old, and what is written */
        enforce();
        ck_assert_uint_eq(count_clips(1), 3);
        ck_assert_uint_eq(store_test_count_files(&t), 3);
        ck_assert(vigil_store_set_pinned(t.store, store_test_id(1), TRUE, NULL));
        pass_days(30);
        enforce();
        ck_assert_uint_eq(count_clips(1), 3);
        commit(clip, 1, 3, VIGIL_EVENT_END);
        finish(clip);
        ck_assert_uint_eq(store_test_check(&t), 0);
        store_test_finish(&t);
    }
}
END_TEST

/* The oldest first, whoever has it; one that is pinned stays. */
START_TEST(test_passed_clips_in_their_order)
{
    gint64 first = 0;
    VigilClip *clip, *next;

    begin_test();
    clip = make_clip(3, 0);
    commit(clip, 3, 0, VIGIL_EVENT_BEGIN);
    record(1);
    next = make_clip(3, 1);
    go_on(next, 3, 1);
    finish(clip);
    g_mutex_lock(&t.store->mutex);
    ck_assert(vigil_store_pick_passed_before(t.store, 2, &first, NULL));
    ck_assert_int_eq(first, 1);
    ck_assert(vigil_store_pick_passed_before(t.store, 1, &first, NULL));
    g_mutex_unlock(&t.store->mutex);
    ck_assert(vigil_store_set_pinned(t.store, store_test_id(3), TRUE, NULL));
    g_mutex_lock(&t.store->mutex);
    ck_assert(vigil_store_pick_passed_clip(t.store, &first, NULL));
    ck_assert_int_eq(first, 0);
    g_mutex_unlock(&t.store->mutex);
    commit(next, 3, 1, VIGIL_EVENT_END);
    finish(next);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_purge)
{
    g_autoptr(VigilEvent) event = store_test_event(1, VIGIL_EVENT_BEGIN);
    const VigilPurge purge = {.camera = event->camera,
                              .since_us = event->start_wall_us,
                              .until_us = event->start_wall_us + G_USEC_PER_SEC,
                              .command = "test"};
    VigilPurgeCounts counts = {0};
    g_autoptr(GError) error = NULL;

    begin_test();
    record(1);
    record(2); /* another camera */
    vigil_store_purge(t.store, &purge, &counts, &error);
    assert_no_error(error);
    ck_assert_uint_eq(counts.n_clips, N_PARTS);
    ck_assert_uint_eq(counts.n_events, 1);
    ck_assert_int_eq(count_rows("event_parts"), N_PARTS - 1);
    ck_assert_uint_eq(store_test_count_files(&t), N_PARTS);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* --- seals --------------------------------------------------------------------------------------------------- */

START_TEST(test_links_are_sealed)
{
    begin_test();
    record(1);
    record(3);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_close(&t);
    /* taken away; and given to another one: that is missing there, and strange here */
    store_test_exec(&t, "DELETE FROM event_parts WHERE event_seq = 1 AND clip_id = 2");
    ck_assert_uint_eq(store_test_check(&t), 2); /* no event has the clip, either */
    store_test_exec(&t, "INSERT INTO event_parts VALUES (2, 2)");
    ck_assert_uint_eq(store_test_check(&t), 2);
    store_test_finish(&t);
}
END_TEST

/* --- out of the clips ---------------------------------------------------------------------------------------- */

static void
lose_database(void)
{
    static const gchar *const endings[] = {"", "-wal", "-shm"};

    for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree gchar *path = g_strconcat(t.database, endings[i], NULL);

        unlink(path);
    }
}

static void
remove_clip(const gchar *ending)
{
    const gchar *argv[] = {"find", t.clips, "-name", ending, "-delete", NULL};

    ck_assert(g_spawn_sync(NULL, (gchar **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                           NULL, NULL));
}

/* Of fsck: what was made again is not sealed. */
static guint
count_findings(void)
{
    guint n = 0;

    ck_assert(vigil_store_fsck(t.store, FALSE, NULL, NULL, &n, NULL));
    return n;
}

static void
open_rebuilt(void)
{
    gboolean done = FALSE;

    store_test_open(&t);
    while (!done)
        ck_assert(vigil_store_rebuild_some(t.store, 0, &done, NULL));
}

START_TEST(test_rebuild)
{
    g_autofree gchar *before = NULL, *after = NULL;
    VigilClip *clip, *part;

    begin_test();
    record(1);
    /* one that begins in a clip in which another one goes on, and ends there */
    clip = make_clip(4, 0);
    commit(clip, 4, 0, VIGIL_EVENT_BEGIN);
    part = make_clip(4, 1);
    go_on(part, 4, 1);
    commit(part, 6, 0, VIGIL_EVENT_BEGIN);
    finish(clip);
    commit(part, 6, 0, VIGIL_EVENT_END);
    commit(part, 4, 1, VIGIL_EVENT_END);
    finish(part);
    record(7);
    before = list_all();
    store_test_close(&t);
    lose_database();
    open_rebuilt();
    after = list_all();
    ck_assert_str_eq(before, after);
    ck_assert_int_eq(store_test_int(&t, "SELECT unknown FROM rebuild"), 0);
    ck_assert_uint_eq(count_findings(), 0);
    store_test_finish(&t);
}
END_TEST

/* The order is that of the clips, and the newest message is the one that counts, also when some are missing. */
START_TEST(test_rebuild_without_some)
{
    static const gchar *const missing[] = {"*00000[0-9].mp4", "*-p1.mp4", "*-p2.mp4"};

    for (guint i = 0; i < G_N_ELEMENTS(missing); i++) {
        begin_test();
        record(1);
        store_test_close(&t);
        lose_database();
        remove_clip(missing[i]);
        open_rebuilt();
        ck_assert_uint_eq(count_clips(1), N_PARTS - 1);
        ck_assert_int_eq(count_rows("events"), 1);
        ck_assert_int_eq(count_rows("clips"), N_PARTS - 1);
        ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events e WHERE e.clip_id = "
                                            "(SELECT min(id) FROM clips)"),
                         1);
        ck_assert_int_eq(
            store_test_int(&t, "SELECT count(*) FROM events WHERE end_reason = 'gone'"),
            i == 2 ? 0 : 1);
        ck_assert_uint_eq(count_findings(), 0);
        /* it can be deleted whole */
        t.store->max_bytes = 1;
        enforce();
        ck_assert_int_eq(count_rows("clips"), 0);
        store_test_finish(&t);
    }
}
END_TEST

/* A file that could not be read at first comes late. */
START_TEST(test_rebuild_in_any_order)
{
    g_autofree gchar *last = NULL, *hidden = NULL;
    begin_test();
    record(1);
    last = g_build_filename(t.clips, "2026/01/03", NULL);
    hidden = g_build_filename(t.dir, "hidden", NULL);
    store_test_close(&t);
    lose_database();
    ck_assert_int_eq(rename(last, hidden), 0);
    open_rebuilt();
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events WHERE end_reason = 'gone'"),
                     0);
    store_test_close(&t);
    ck_assert_int_eq(rename(hidden, last), 0);
    store_test_exec(&t, "UPDATE rebuild SET ended_wall_us = NULL");
    open_rebuilt();
    ck_assert_uint_eq(count_clips(1), N_PARTS);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events WHERE end_reason = 'gone'"),
                     1);
    ck_assert_int_eq(count_rows("snapshots"), 1);
    ck_assert_uint_eq(count_findings(), 0);
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_all_clips_are_known,
        test_a_replay_writes_no_second_one,
        test_a_start_after_a_crash,
        test_only_what_is_there_goes_on,
        test_shared_parts,
        test_ages,
        test_event_without_end_does_not_fill_the_disk,
        test_ages_of_an_event_without_end,
        test_passed_clips_in_their_order,
        test_purge,
        test_links_are_sealed,
        test_rebuild,
        test_rebuild_without_some,
        test_rebuild_in_any_order,
    };

    return store_test_main("parts", tests, G_N_ELEMENTS(tests));
}
