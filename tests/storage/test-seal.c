/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is altered behind the store's back is found; what the store does itself is not. */
#include "tests/storage/seal-test.h"

#include <glib/gstdio.h>
#include <string.h>

#include "storage/vigil-seal-private.h"

static StoreTest t;

static gchar *
path_of(const gchar *name)
{
    return g_build_filename(t.dir, name, NULL);
}

static void
set_up(void)
{
    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 1; i <= 3; i++)
        ck_assert(store_test_whole(t.store, i, 1000, NULL));
    seal_test_assert_fine(&t);
    ck_assert_uint_eq(seal_test_summary.n_clips, 3);
    ck_assert_uint_eq(seal_test_summary.n_events, 3);
}

static gchar *
clip_file(guint number)
{
    g_autofree gchar *path = NULL;

    ck_assert(vigil_store_has_event(t.store, store_test_id(number), &path));
    return g_build_filename(t.clips, path, NULL);
}

static void
flip_byte(const gchar *file, gsize offset)
{
    g_autofree gchar *data = NULL;
    gsize length;

    ck_assert(g_file_get_contents(file, &data, &length, NULL));
    data[offset] ^= 1;
    ck_assert(g_file_set_contents(file, data, (gssize)length, NULL));
}

START_TEST(test_hash_is_the_files)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *file = NULL, *data = NULL, *sql = NULL;
    guint8 digest[VIGIL_SEAL_DIGEST_BYTES];
    GString *hex = g_string_new(NULL);
    VigilClip *clip;
    gsize length;

    set_up();
    /* written in many pieces */
    clip = store_test_begin(t.store, 9, 77, &error);
    for (guint i = 0; i < 100; i++)
        ck_assert(vigil_clip_write(clip, "0123456789abcdef", i % 16, &error));
    ck_assert(store_test_end(t.store, 9, clip, &error));
    file = clip_file(9);
    ck_assert(g_file_get_contents(file, &data, &length, NULL));
    vigil_seal_digest(data, length, digest);
    for (guint i = 0; i < sizeof digest; i++)
        g_string_append_printf(hex, "%02x", digest[i]);
    sql = g_strdup_printf("SELECT count(*) FROM clips WHERE hash = x'%s'", hex->str);
    ck_assert_int_eq(store_test_int(&t, sql), 1);
    seal_test_assert_fine(&t);
    g_string_free(hex, TRUE);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_clip_altered)
{
    g_autofree gchar *first = NULL, *second = NULL, *aside = NULL;

    set_up();
    first = clip_file(1);
    second = clip_file(2);
    flip_byte(first, 500);
    ck_assert_uint_eq(seal_test_verify(&t, NULL, NULL), 1);
    seal_test_assert_found("its content was altered after it was sealed");
    flip_byte(first, 500);
    seal_test_assert_fine(&t);
    /* two of the same size take each other's place */
    aside = path_of("aside");
    ck_assert_int_eq(g_rename(first, aside), 0);
    ck_assert_int_eq(g_rename(second, first), 0);
    ck_assert_int_eq(g_rename(aside, second), 0);
    ck_assert_uint_eq(seal_test_verify(&t, NULL, NULL), 2);
    ck_assert_int_eq(truncate(first, 10), 0);
    ck_assert_int_eq(g_unlink(second), 0);
    ck_assert_uint_eq(seal_test_verify(&t, NULL, NULL), 2);
    seal_test_assert_found("it was sealed with 1000 bytes and has 10 now");
    seal_test_assert_found("its file is missing");
    store_test_finish(&t);
}
END_TEST

START_TEST(test_event_altered)
{
    static const struct {
        const gchar *sql, *finding;
        guint n;
    } cases[] = {
        {"UPDATE events SET start_wall_us = start_wall_us + 1 WHERE seq = 1",
         "event 01KDXTEST00000000000000001: what it says was altered", 1},
        {"UPDATE events SET label = 'cat' WHERE seq = 2", "what it says was altered", 1},
        {"UPDATE events SET score = score + 1e-6 WHERE seq = 2", "what it says was altered", 1},
        {"UPDATE events SET end_reason = NULL WHERE seq = 2", "what it says was altered", 1},
        {"UPDATE event_places SET name = 'street' WHERE event_seq = 1 AND position = 1",
         "what it says was altered", 1},
        {"DELETE FROM event_places WHERE event_seq = 3", "what it says was altered", 1},
        {"UPDATE tracks SET path = x'0100', n_points = 0 WHERE event_seq = 3",
         "its track was altered", 1},
        {"UPDATE snapshots SET jpeg = x'ffd8' WHERE event_seq = 1", "its snapshot was altered", 1},
        {"DELETE FROM snapshots WHERE event_seq = 1", "its snapshot was taken away", 1},
        {"UPDATE events SET clip_id = 3 WHERE seq = 1", "but is said to belong to", 1},
        {"UPDATE events SET clip_id = NULL WHERE seq = 1", "but is said to belong to none", 1},
        {"UPDATE cameras SET name = 'gate' WHERE name = 'garden'", "what it says was altered", 2},
        {"DELETE FROM events WHERE seq = 2", "is gone without a record that says so", 1},
        {"UPDATE clips SET path = '2026/01/02/door/other.mp4' WHERE id = 2",
         "clip 2026/01/02/door/other.mp4: it has no valid seal", 3},
        {"CREATE TEMP TABLE copy AS SELECT * FROM events WHERE seq = 1;"
         "UPDATE copy SET seq = 77, id = '01KDXTEST77', clip_id = NULL;"
         "INSERT INTO events SELECT * FROM copy",
         "event 01KDXTEST77: it has no valid seal", 1},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        set_up();
        /* what is not sealed may change */
        store_test_exec(&t, "UPDATE events SET pinned = 1 WHERE seq = 1");
        seal_test_assert_fine(&t);
        store_test_exec(&t, cases[i].sql);
        ck_assert_msg(seal_test_verify(&t, NULL, NULL) == cases[i].n, "%s: %s", cases[i].sql,
                      seal_test_findings->str);
        seal_test_assert_found(cases[i].finding);
        store_test_finish(&t);
    }
}
END_TEST

START_TEST(test_chain_altered)
{
    static const struct {
        const gchar *sql, *finding;
    } cases[] = {
        {"DELETE FROM seals WHERE seq = 1", "chain: records 1 to 1 were taken away"},
        {"DELETE FROM seals WHERE seq = 3", "chain: records 3 to 3 were taken away"},
        {"DELETE FROM seals WHERE seq = 4", "chain: records 4 to 4 were taken away from its end"},
        {"UPDATE seals SET body = CAST(substr(body, 1, length(body) - 1) || x'77' AS BLOB) "
         "WHERE seq = 2",
         "chain: record 2 was altered: its signature is wrong"},
        {"UPDATE seals SET signature = zeroblob(64) WHERE seq = 3",
         "chain: record 3 was altered: its signature is wrong"},
        {"UPDATE seals SET body = x'00' WHERE seq = 3", "chain: record 3 is damaged"},
        {"UPDATE seals SET body = (SELECT body FROM seals WHERE seq = 2), signature = "
         "(SELECT signature FROM seals WHERE seq = 2) WHERE seq = 3",
         "chain: record 3 was altered: it says to be 2"},
        {"DELETE FROM seals", "were taken away from its end"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        set_up();
        store_test_exec(&t, cases[i].sql);
        ck_assert_uint_ge(seal_test_verify(&t, NULL, NULL), 1);
        ck_assert_msg(strstr(seal_test_findings->str, cases[i].finding), "%s: %s", cases[i].sql,
                      seal_test_findings->str);
        store_test_finish(&t);
    }
}
END_TEST

START_TEST(test_end_taken_away)
{
    g_autofree gchar *head = NULL;

    set_up();
    head = g_strdup(seal_test_summary.head);
    /* the record alone: what it sealed has no seal any more */
    store_test_exec(&t, "DELETE FROM seals WHERE seq = 4;"
                        "UPDATE sqlite_sequence SET seq = 3 WHERE name = 'seals'");
    ck_assert_uint_eq(seal_test_verify(&t, NULL, NULL), 2);
    seal_test_assert_found(
        "clip 2026/01/02/door/01KDXTEST00000000000000003.mp4: it has no valid seal");
    seal_test_assert_found("event 01KDXTEST00000000000000003: it has no valid seal");
    /* and all that it sealed: an older state of the store looks like itself, but for who noted its head */
    store_test_exec(&t, "DELETE FROM events WHERE seq = 3; DELETE FROM clips WHERE id = 3");
    seal_test_assert_fine(&t);
    ck_assert_uint_eq(seal_test_verify(&t, NULL, head), 1);
    seal_test_assert_found("chain: no record has the digest");
    ck_assert_uint_eq(seal_test_verify(&t, NULL, seal_test_summary.head), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_end_taken_away_and_gone_on)
{
    set_up();
    store_test_exec(&t, "DELETE FROM seals WHERE seq = 4; DELETE FROM events WHERE seq = 3;"
                        "DELETE FROM clips WHERE id = 3");
    ck_assert(store_test_whole(t.store, 5, 10, NULL));
    ck_assert_uint_ge(seal_test_verify(&t, NULL, NULL), 1);
    seal_test_assert_found("chain: records 4 to 4 were taken away");
    store_test_finish(&t);
}
END_TEST

/* Somebody with the database but without the key writes a chain of his own. */
START_TEST(test_other_key)
{
    g_autofree gchar *own = NULL, *others = NULL, *both = NULL;

    set_up();
    own = seal_test_read_text(&t, "seal.pub");
    store_test_finish(&t);
    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert(store_test_whole(t.store, 1, 1000, NULL));
    seal_test_assert_fine(&t);
    others = seal_test_read_text(&t, "seal.pub");
    ck_assert_uint_ge(seal_test_verify(&t, own, NULL), 3); /* the key, the clip, the event */
    seal_test_assert_found("signed by a key that is not among the public keys");
    both = g_strconcat("half a block -----BEGIN PUBLIC KEY-----\nMCow", own, "\n", others, NULL);
    ck_assert_uint_eq(seal_test_verify(&t, both, NULL), 0);
    store_test_finish(&t);
}
END_TEST

static void
lose_key(const gchar *content)
{
    g_autofree gchar *key = path_of("seal.key");

    store_test_close(&t);
    if (content)
        ck_assert(g_file_set_contents(key, content, -1, NULL));
    else
        ck_assert_int_eq(g_unlink(key), 0);
    store_test_open(&t);
}

START_TEST(test_key_lost)
{
    g_autofree gchar *first = NULL;

    set_up();
    first = seal_test_read_text(&t, "seal.pub");
    lose_key(NULL);
    ck_assert(store_test_whole(t.store, 4, 10, NULL));
    lose_key("-----BEGIN PRIVATE KEY-----\nMC4C");
    ck_assert(store_test_whole(t.store, 5, 10, NULL));
    /* seal.pub has all keys of the installation */
    seal_test_assert_fine(&t);
    ck_assert_uint_eq(seal_test_summary.n_clips, 5);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM seals"), 8);
    /* who kept the first one elsewhere sees what came since */
    ck_assert_uint_ge(seal_test_verify(&t, first, NULL), 1);
    seal_test_assert_found("chain: from record 5 on it is signed by a key that is not");
    store_test_finish(&t);
}
END_TEST

START_TEST(test_key_files)
{
    g_autofree gchar *key = NULL, *public = NULL, *before = NULL, *after = NULL;
    struct stat info;

    set_up();
    key = path_of("seal.key");
    public = path_of("seal.pub");
    ck_assert_int_eq(stat(key, &info), 0);
    ck_assert_int_eq(info.st_mode & 0777, 0600);
    before = seal_test_read_text(&t, "seal.pub");
    /* a public key that was lost comes back; one that is there is not written again */
    store_test_close(&t);
    ck_assert_int_eq(g_unlink(public), 0);
    store_test_open(&t);
    store_test_close(&t);
    store_test_open(&t);
    after = seal_test_read_text(&t, "seal.pub");
    ck_assert_str_eq(before, after);
    /* a link in place of the key is not followed; footage is kept all the same, without seals */
    store_test_close(&t);
    ck_assert_int_eq(g_unlink(key), 0);
    ck_assert_int_eq(symlink("/dev/zero", key), 0);
    store_test_open(&t);
    ck_assert(store_test_whole(t.store, 4, 10, NULL));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE state = 'complete'"), 4);
    ck_assert_uint_eq(seal_test_verify(&t, NULL, NULL), 2);
    seal_test_assert_found("it has no valid seal");
    store_test_finish(&t);
}
END_TEST

START_TEST(test_deleted_by_limits)
{
    guint n_deleted;

    set_up();
    store_test_close(&t);
    t.options.max_age_us = DAY_US;
    store_test_open(&t);
    store_test_mono_us += 2 * DAY_US;
    ck_assert(store_test_whole(t.store, 4, 10, NULL));
    ck_assert(vigil_store_enforce_limits(t.store, &n_deleted, NULL));
    ck_assert_uint_eq(n_deleted, 3);
    seal_test_assert_fine(&t);
    ck_assert_uint_eq(seal_test_summary.n_clips, 1);
    /* one record for all that one transaction deletes */
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM seals"), 6);
    /* a record of deletion that is taken away is missed */
    store_test_exec(&t, "DELETE FROM seals WHERE seq = 6;"
                        "UPDATE sqlite_sequence SET seq = 5 WHERE name = 'seals'");
    ck_assert_uint_eq(seal_test_verify(&t, NULL, NULL), 6);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_events_apart_from_clips)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilEvent) alone = NULL, late = NULL, joined = NULL;
    VigilClip *clip;

    set_up();
    /* without a clip: sealed when it ends */
    alone = store_test_event(5, VIGIL_EVENT_BEGIN);
    alone->record = FALSE;
    ck_assert(vigil_store_commit_event(t.store, alone, NULL, &error));
    seal_test_assert_fine(&t);
    ck_assert_uint_eq(seal_test_summary.n_records, 4);
    g_clear_pointer(&alone, vigil_event_unref);
    alone = store_test_event(5, VIGIL_EVENT_END);
    alone->record = FALSE;
    ck_assert(vigil_store_commit_event(t.store, alone, NULL, &error));
    seal_test_assert_fine(&t);
    ck_assert_uint_eq(seal_test_summary.n_records, 5);
    /* two in one clip, of which one ends after it */
    clip = store_test_begin(t.store, 6, 100, &error);
    joined = store_test_event(7, VIGIL_EVENT_BEGIN);
    ck_assert(vigil_store_commit_event(t.store, joined, clip, &error));
    ck_assert(store_test_end(t.store, 6, clip, &error));
    seal_test_assert_fine(&t);
    ck_assert_uint_eq(seal_test_summary.n_records, 6);
    late = store_test_event(7, VIGIL_EVENT_END);
    ck_assert(vigil_store_commit_event(t.store, late, NULL, &error));
    seal_test_assert_fine(&t);
    ck_assert_uint_eq(seal_test_summary.n_records, 7);
    store_test_exec(&t, "UPDATE events SET clip_id = 1 WHERE id = '01KDXTEST00000000000000007'");
    ck_assert_uint_eq(seal_test_verify(&t, NULL, NULL), 1);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_recovered)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilEvent) open = NULL;
    g_autofree gchar *file = NULL, *gone = NULL;
    VigilClip *cut, *lost;

    set_up();
    cut = store_test_begin(t.store, 5, 100, &error);
    ck_assert(vigil_clip_write(cut, "more", 4, &error));
    lost = store_test_begin(t.store, 6, 100, &error);
    file = g_build_filename(t.clips, vigil_clip_get_path(cut), NULL);
    gone = g_build_filename(t.clips, vigil_clip_get_path(lost), NULL);
    open = store_test_event(8, VIGIL_EVENT_BEGIN);
    ck_assert(vigil_store_commit_event(t.store, open, NULL, &error));
    vigil_store_abandon_clip(t.store, cut);
    vigil_store_abandon_clip(t.store, lost);
    ck_assert_int_eq(g_unlink(gone), 0);
    store_test_close(&t);
    store_test_open(&t);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE state = 'cut'"), 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE state = 'lost'"), 1);
    seal_test_assert_fine(&t);
    ck_assert_uint_eq(seal_test_summary.n_clips, 4);
    ck_assert_uint_eq(seal_test_summary.n_events, 6);
    flip_byte(file, 102);
    ck_assert_uint_eq(seal_test_verify(&t, NULL, NULL), 1);
    /* repair does not make it what it was */
    store_test_finish(&t);
}
END_TEST

/* An event that was interrupted is replaced by one of the same id when its file is replayed. */
START_TEST(test_replaced)
{
    g_autoptr(GError) error = NULL;
    VigilClip *clip;

    set_up();
    clip = store_test_begin(t.store, 5, 100, &error);
    vigil_store_abandon_clip(t.store, clip);
    store_test_close(&t);
    store_test_open(&t);
    seal_test_assert_fine(&t);
    ck_assert(store_test_whole(t.store, 5, 200, &error));
    seal_test_assert_fine(&t);
    ck_assert_uint_eq(seal_test_summary.n_clips, 4);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_older_than_seals)
{
    set_up();
    /* as a store that was brought to this version with two events in it */
    store_test_close(&t);
    store_test_exec(&t, "DELETE FROM seals; DELETE FROM sqlite_sequence WHERE name = 'seals';"
                        "UPDATE clips SET hash = NULL, seal_seq = NULL;"
                        "UPDATE events SET seal_seq = NULL;"
                        "UPDATE seal_begin SET clip_id = 3, event_seq = 3");
    store_test_open(&t);
    ck_assert(store_test_whole(t.store, 5, 200, NULL));
    seal_test_assert_fine(&t);
    ck_assert_uint_eq(seal_test_summary.n_older_clips, 3);
    ck_assert_uint_eq(seal_test_summary.n_older_events, 3);
    ck_assert_uint_eq(seal_test_summary.n_clips, 1);
    /* how much is older was signed: later it cannot be made more */
    store_test_exec(&t, "UPDATE seal_begin SET clip_id = 100, event_seq = 100;"
                        "INSERT INTO clips (camera_id, run_id, path, state, bytes) VALUES "
                        "(1, 1, '2026/01/02/door/x.mp4', 'cut', 5)");
    ck_assert_uint_eq(seal_test_verify(&t, NULL, NULL), 1);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_no_public_key)
{
    g_autoptr(GError) error = NULL;
    guint n_found;

    set_up();
    ck_assert(!vigil_store_verify(t.store, "no key at all", NULL, NULL, NULL, &seal_test_summary,
                                  &n_found, &error));
    assert_error(error, VIGIL_STORE_ERROR_INVALID);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_records_as_bytes)
{
    g_autoptr(VigilSealItems) items = vigil_seal_items_new();
    g_autoptr(GByteArray) body = NULL;
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    VigilSealRecord record = {
        .kind = VIGIL_SEAL_KIND_SEAL, .seq = 0x0102030405060708, .wall_us = -5};
    VigilSealRecord parsed;
    VigilSealItem item;
    gsize offset = 0;

    vigil_seal_items_add(items, VIGIL_SEAL_CLIP, "a/b.mp4", G_MAXUINT64, NULL);
    vigil_seal_items_add(items, VIGIL_SEAL_EVENT, "", 7, NULL);
    body = vigil_seal_record_write(&record, items);
    ck_assert_uint_eq(body->len, 93 + 43 + 7 + 43);
    ck_assert(vigil_seal_record_parse(&parsed, body->data, body->len));
    ck_assert_uint_eq(parsed.seq, record.seq);
    ck_assert_int_eq(parsed.wall_us, -5);
    ck_assert(vigil_seal_record_next(&parsed, &offset, &item));
    ck_assert_uint_eq(item.name_length, 7);
    ck_assert_uint_eq(item.number, G_MAXUINT64);
    ck_assert(vigil_seal_record_next(&parsed, &offset, &item));
    ck_assert(!vigil_seal_record_next(&parsed, &offset, &item));
    /* cut anywhere it is none, and nothing is read behind its end */
    for (guint length = 0; length < body->len; length++) {
        g_autofree guint8 *part = g_memdup2(body->data, length);

        ck_assert(!vigil_seal_record_parse(&parsed, part, length));
    }
    for (guint i = 0; i < 20000; i++) {
        g_autofree guint8 *mutant = g_memdup2(body->data, body->len);

        for (guint k = 0; k < 3; k++)
            mutant[g_rand_int_range(random, 0, (gint)body->len)] = (guint8)g_rand_int(random);
        if (!vigil_seal_record_parse(&parsed, mutant, body->len))
            continue;
        for (offset = 0; vigil_seal_record_next(&parsed, &offset, &item);)
            ck_assert_uint_le(item.name_length, body->len);
    }
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_hash_is_the_files,
        test_clip_altered,
        test_event_altered,
        test_chain_altered,
        test_end_taken_away,
        test_end_taken_away_and_gone_on,
        test_other_key,
        test_key_lost,
        test_key_files,
        test_deleted_by_limits,
        test_events_apart_from_clips,
        test_recovered,
        test_replaced,
        test_older_than_seals,
        test_no_public_key,
        test_records_as_bytes,
    };

    return store_test_main("seal", tests, G_N_ELEMENTS(tests));
}
