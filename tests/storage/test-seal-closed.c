/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of the chain of seals is closed, and what it says stays what it was. */
#include "tests/storage/seal-test.h"

#include <glib/gstdio.h>
#include <string.h>

#include "storage/vigil-seal-shorten.h"

static StoreTest t;

#define N_FIRST 20

/* Of twenty events the third and the seventh are pinned; the others go, and records with them. */
static void
set_up(void)
{
    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    seal_test_open_quick(&t);
    seal_test_whole(&t, 1, N_FIRST);
    seal_test_pin(&t, 3);
    seal_test_pin(&t, 7);
    seal_test_assert_fine(&t);
    seal_test_pass_days(2);
    seal_test_whole(&t, N_FIRST + 1, N_FIRST + 3);
    seal_test_enforce(&t);
    seal_test_assert_fine(&t);
    ck_assert_uint_eq(seal_test_summary.n_clips, 5);
    ck_assert_uint_eq(seal_test_summary.n_events, 5);
    /* with the first of the key, and maybe those that are beside what went */
    ck_assert_uint_ge(seal_test_summary.n_kept, 3);
    ck_assert_uint_le(seal_test_summary.n_kept, 6);
    ck_assert_uint_gt(seal_test_summary.closed_seq, 15);
    ck_assert_uint_gt(seal_test_summary.closed_by, seal_test_summary.closed_seq);
    ck_assert_uint_gt(seal_test_summary.n_closed_items, 60);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM seals"), seal_test_summary.n_records);
    ck_assert_uint_lt(seal_test_summary.n_records, 16);
}

START_TEST(test_closed)
{
    g_autofree gchar *head = NULL, *numbered = NULL, *wrong = NULL;
    guint64 closed_seq;

    set_up();
    closed_seq = seal_test_summary.closed_seq;
    head = g_strdup(seal_test_summary.head);
    ck_assert_uint_eq(seal_test_verify(&t, NULL, head), 0);
    numbered = g_strdup_printf("%s:%" G_GUINT64_FORMAT, head, seal_test_summary.head_seq);
    ck_assert_uint_eq(seal_test_verify(&t, NULL, numbered), 0);
    wrong = g_strdup_printf("%064d:%" G_GUINT64_FORMAT, 1, seal_test_summary.head_seq);
    ck_assert_uint_eq(seal_test_verify(&t, NULL, wrong), 1);
    seal_test_assert_found("were taken away from its end");
    /* it goes on, over a start, too */
    store_test_close(&t);
    seal_test_open_quick(&t);
    seal_test_whole(&t, 50, 70);
    seal_test_pass_days(2);
    seal_test_whole(&t, 71, 73);
    seal_test_enforce(&t);
    seal_test_assert_fine(&t);
    ck_assert_uint_gt(seal_test_summary.closed_seq, closed_seq);
    ck_assert_uint_eq(seal_test_summary.n_clips, 5);
    /* the head of then is closed: only with its number it is known to be no later than what is there */
    ck_assert_uint_eq(seal_test_verify(&t, NULL, numbered), 0);
    ck_assert_uint_eq(seal_test_verify(&t, NULL, head), 1);
    seal_test_assert_found("or it is one of those that were closed");
    store_test_finish(&t);
}
END_TEST

/* Two events in a clip, of which one goes: its deletion must be known as long as their record is there. */
START_TEST(test_partly_gone)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilEvent) joined = NULL, end = NULL;
    VigilClip *clip;

    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    seal_test_open_quick(&t);
    clip = store_test_begin(t.store, 1, 100, &error);
    joined = store_test_event(2, VIGIL_EVENT_BEGIN);
    end = store_test_event(2, VIGIL_EVENT_END);
    ck_assert(vigil_store_commit_event(t.store, joined, clip, &error));
    ck_assert(vigil_store_commit_event(t.store, end, clip, &error));
    ck_assert(store_test_end(t.store, 1, clip, &error));
    seal_test_whole(&t, 3, 12);
    seal_test_pin(&t, 1);
    store_test_exec(&t, "CREATE TABLE copy AS SELECT * FROM events WHERE seq = 2");
    seal_test_pass_days(2);
    seal_test_enforce(&t);
    seal_test_assert_fine(&t);
    ck_assert_uint_eq(seal_test_summary.n_clips, 1);
    ck_assert_uint_eq(seal_test_summary.n_events, 1);
    ck_assert_uint_eq(seal_test_summary.n_kept, 2);
    ck_assert_uint_gt(seal_test_summary.closed_seq, 11);
    /* who puts it back has no seal for it */
    store_test_exec(&t, "INSERT INTO events SELECT * FROM copy");
    ck_assert_uint_eq(seal_test_verify(&t, NULL, NULL), 1);
    seal_test_assert_found("it has no valid seal");
    store_test_finish(&t);
}
END_TEST

START_TEST(test_altered)
{
    static const struct {
        const gchar *sql, *finding;
    } cases[] = {
        /* what is closed */
        {"UPDATE seals SET signature = zeroblob(64) WHERE substr(body, 9, 1) = x'04'",
         "were taken away"},
        {"DELETE FROM seals WHERE substr(body, 9, 1) = x'04'", "were taken away"},
        {"UPDATE seals SET body = CAST(substr(body, 1, 96) || x'ff' || substr(body, 98) AS BLOB) "
         "WHERE substr(body, 9, 1) = x'04'",
         "its signature is wrong"},
        {"DELETE FROM seals WHERE seq = 1", "keeps, was taken away"},
        {"DELETE FROM seals WHERE seq = 4", "keeps, was taken away"},
        {"UPDATE seals SET body = CAST(substr(body, 1, length(body) - 1) || x'77' AS BLOB) "
         "WHERE seq = 8",
         "it is not the one that a checkpoint keeps"},
        {"UPDATE seals SET signature = zeroblob(64) WHERE seq = 8",
         "it is not the one that a checkpoint keeps"},
        {"UPDATE seals SET body = (SELECT body FROM seals WHERE seq = 8), signature = "
         "(SELECT signature FROM seals WHERE seq = 8) WHERE seq = 4",
         "it is not the one that a checkpoint keeps"},
        {"UPDATE seals SET body = x'00' WHERE seq = 4", "record 4 is damaged"},
        /* what is open: behind the last that is closed, and the last one */
        {"DELETE FROM seals WHERE seq = (SELECT max(seq) FROM seals) - 1", "were taken away"},
        {"DELETE FROM seals WHERE seq = (SELECT max(seq) FROM seals)",
         "were taken away from its end"},
        /* what it says */
        {"DELETE FROM events WHERE seq = 3", "is gone without a record that says so"},
        {"UPDATE events SET label = 'cat' WHERE seq = 7", "what it says was altered"},
        {"DELETE FROM snapshots WHERE event_seq = 7", "its snapshot was taken away"},
        {"UPDATE events SET clip_id = 3 WHERE seq = 7", "but is said to belong to"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        set_up();
        store_test_exec(&t, cases[i].sql);
        ck_assert_msg(seal_test_verify(&t, NULL, NULL) >= 1 &&
                          strstr(seal_test_findings->str, cases[i].finding),
                      "%s: %s", cases[i].sql, seal_test_findings->str);
        store_test_finish(&t);
    }
}
END_TEST

/* Who kept a copy of the database puts back what was closed, or all of an earlier checkpoint. */
START_TEST(test_put_back)
{
    g_autofree gchar *head = NULL;
    guint64 by;

    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    seal_test_open_quick(&t);
    seal_test_whole(&t, 1, N_FIRST);
    seal_test_pass_days(2);
    store_test_exec(&t, "CREATE TABLE old AS SELECT * FROM seals;"
                        "CREATE TABLE old_events AS SELECT * FROM events");
    seal_test_enforce(&t);
    seal_test_assert_fine(&t);
    ck_assert_uint_gt(seal_test_summary.closed_seq, N_FIRST - 4);
    by = seal_test_summary.closed_by;
    /* records of before, with an event that they sealed: they are not believed */
    store_test_exec(&t, "INSERT OR IGNORE INTO seals SELECT * FROM old");
    seal_test_assert_fine(&t);
    store_test_exec(&t, "UPDATE old_events SET clip_id = NULL;"
                        "INSERT INTO events SELECT * FROM old_events WHERE seq = 5");
    ck_assert_uint_eq(seal_test_verify(&t, NULL, NULL), 1);
    seal_test_assert_found("it has no valid seal");
    store_test_exec(&t, "DELETE FROM events WHERE seq = 5; DROP TABLE old;"
                        "CREATE TABLE old AS SELECT * FROM seals");
    /* the checkpoint of then, in the place of a later one, or beside it */
    seal_test_whole(&t, 60, 80);
    seal_test_pass_days(2);
    seal_test_enforce(&t);
    seal_test_assert_fine(&t);
    head = g_strdup_printf("%s:%" G_GUINT64_FORMAT, seal_test_summary.head,
                           seal_test_summary.head_seq);
    ck_assert_uint_gt(seal_test_summary.closed_by, by);
    store_test_exec(&t, "INSERT OR IGNORE INTO seals SELECT * FROM old");
    seal_test_assert_fine(&t);
    store_test_exec(&t, "DELETE FROM seals WHERE seq > (SELECT max(seq) FROM old)");
    ck_assert_uint_ge(seal_test_verify(&t, NULL, NULL), 1);
    seal_test_assert_found("were taken away from its end");
    store_test_exec(&t, "UPDATE sqlite_sequence SET seq = (SELECT max(seq) FROM old) WHERE "
                        "name = 'seals'");
    ck_assert_uint_eq(seal_test_verify(&t, NULL, head), 1);
    seal_test_assert_found("were taken away from its end");
    store_test_finish(&t);
}
END_TEST

/* Whatever somebody did before stays to be found: it is not closed. */
START_TEST(test_nothing_is_covered_up)
{
    static const struct {
        const gchar *sql, *finding;
        gboolean refused;
    } cases[] = {
        {"DELETE FROM events WHERE seq = 5",
         "event 01KDXTEST00000000000000005: it was sealed, and is gone without a record", FALSE},
        {"UPDATE events SET pinned = 1, label = 'cat' WHERE seq = 5", "what it says was altered",
         FALSE},
        {"UPDATE events SET seal_seq = NULL WHERE seq = 5", "gone without a record", FALSE},
        {"DELETE FROM seals WHERE seq = 6", "chain: records 6 to 6 were taken away", TRUE},
        {"DELETE FROM seals WHERE seq = 1", "chain: records 1 to 1 were taken away", TRUE},
        {"UPDATE seals SET signature = zeroblob(64) WHERE seq = 6", "its signature is wrong", TRUE},
        {"UPDATE seals SET body = x'00' WHERE seq = 6", "record 6 is damaged", TRUE},
        {"UPDATE seal_chain SET checkpoint_seq = 6; DELETE FROM seals WHERE seq = 3",
         "chain: records 3 to 3 were taken away", TRUE},
        /* the last one, before the next is written behind it */
        {"UPDATE seals SET signature = zeroblob(64) WHERE seq = 21", "its signature is wrong",
         FALSE},
        {"DELETE FROM seals WHERE seq = 21", "records 21 to 21 were taken away", TRUE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        store_test_init(&t, NULL);
        t.options.max_age_us = DAY_US;
        seal_test_open_quick(&t);
        seal_test_whole(&t, 1, N_FIRST);
        store_test_exec(&t, cases[i].sql);
        seal_test_pass_days(2);
        seal_test_enforce(&t);
        for (guint k = 0; k < 3; k++) {
            seal_test_whole(&t, 50 + 20 * k, 60 + 20 * k);
            seal_test_pass_days(2);
            seal_test_enforce(&t);
            ck_assert_msg(seal_test_verify(&t, NULL, NULL) >= 1 &&
                              strstr(seal_test_findings->str, cases[i].finding),
                          "%s: %s", cases[i].sql, seal_test_findings->str);
        }
        ck_assert_msg((seal_test_summary.closed_seq == 0) == cases[i].refused, "%s", cases[i].sql);
        store_test_finish(&t);
    }
}
END_TEST

static void
lose_key(void)
{
    g_autofree gchar *key = g_build_filename(t.dir, "seal.key", NULL);

    store_test_close(&t);
    ck_assert_int_eq(g_unlink(key), 0);
    seal_test_open_quick(&t);
}

START_TEST(test_other_keys)
{
    g_autofree gchar *first = NULL;
    guint64 by;

    set_up();
    by = seal_test_summary.closed_by;
    first = seal_test_read_text(&t, "seal.pub");
    lose_key();
    seal_test_pass_days(2);
    seal_test_whole(&t, 30, 50);
    seal_test_enforce(&t);
    seal_test_pass_days(2);
    seal_test_whole(&t, 60, 80);
    seal_test_enforce(&t);
    seal_test_assert_fine(&t);
    ck_assert_uint_gt(seal_test_summary.closed_by, by);
    /* the first records of both keys, two pinned, and at least one checkpoint of the old key */
    ck_assert_uint_ge(seal_test_summary.n_kept, 5);
    ck_assert_uint_eq(seal_test_summary.n_clips, 23);
    /* who knows but one of the keys sees that there is another */
    ck_assert_uint_ge(seal_test_verify(&t, first, NULL), 1);
    seal_test_assert_found("is signed by a key that is not among the public keys");
    {
        g_autofree gchar *both = seal_test_read_text(&t, "seal.pub");

        ck_assert_uint_ge(seal_test_verify(&t, both + strlen(first), NULL), 1);
        seal_test_assert_found("is signed by a key that is not among the public keys");
    }
    store_test_finish(&t);
}
END_TEST

static void
swap_key(const gchar *from, const gchar *to)
{
    static const gchar *const names[] = {"key", "pub"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree gchar *old = g_strdup_printf("%s/%s.%s", t.dir, from, names[i]);
        g_autofree gchar *new = g_strdup_printf("%s/%s.%s", t.dir, to, names[i]);

        ck_assert_int_eq(g_rename(old, new), 0);
    }
}

/* What somebody deletes and signs himself: that it is gone without a record that counts is not covered up later. */
START_TEST(test_stranger)
{
    g_autofree gchar *first = NULL;

    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    seal_test_open_quick(&t);
    seal_test_whole(&t, 1, N_FIRST);
    first = seal_test_read_text(&t, "seal.pub");
    store_test_close(&t);
    swap_key("seal", "mine");
    seal_test_pass_days(2);
    store_test_open(&t); /* closes nothing so early */
    seal_test_enforce(&t);
    store_test_close(&t);
    swap_key("seal", "his");
    swap_key("mine", "seal");
    for (guint i = 0; i < 3; i++) {
        seal_test_open_quick(&t);
        seal_test_whole(&t, 50 + 20 * i, 60 + 20 * i);
        seal_test_pass_days(2);
        seal_test_enforce(&t);
        ck_assert_uint_ge(seal_test_verify(&t, first, NULL), 1);
        seal_test_assert_found("is signed by a key that is not among the public keys");
        seal_test_assert_found(
            "event 01KDXTEST00000000000000005: it was sealed, and is gone without");
        store_test_close(&t);
    }
    store_test_finish(&t);
}
END_TEST

START_TEST(test_no_key)
{
    g_autofree gchar *key = NULL;

    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    seal_test_open_quick(&t);
    seal_test_whole(&t, 1, N_FIRST);
    key = g_build_filename(t.dir, "seal.key", NULL);
    store_test_close(&t);
    ck_assert_int_eq(g_unlink(key), 0);
    ck_assert_int_eq(symlink("/dev/zero", key), 0);
    seal_test_open_quick(&t);
    seal_test_pass_days(2);
    seal_test_enforce(&t);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM seals"), N_FIRST + 1);
    store_test_finish(&t);
}
END_TEST

/* What an export takes with it is the record of then, before and after. */
START_TEST(test_proof_stays)
{
    g_auto(VigilSealProof) before = {NULL}, after = {NULL};

    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    seal_test_open_quick(&t);
    seal_test_whole(&t, 1, N_FIRST);
    seal_test_pin(&t, 7);
    ck_assert(vigil_store_get_proof(t.store, store_test_id(7), &before, NULL));
    for (guint i = 0; i < 4; i++) {
        seal_test_pass_days(2);
        seal_test_enforce(&t);
        seal_test_whole(&t, 30 + 20 * i, 40 + 20 * i);
    }
    seal_test_assert_fine(&t);
    ck_assert_uint_gt(seal_test_summary.closed_seq, 20);
    ck_assert(vigil_store_get_proof(t.store, store_test_id(7), &after, NULL));
    ck_assert(g_bytes_equal(before.seal.body, after.seal.body));
    ck_assert(g_bytes_equal(before.seal.signature, after.seal.signature));
    ck_assert_str_eq(before.statement, after.statement);
    ck_assert_uint_eq(after.clips->len, 1);
    ck_assert(g_bytes_equal(g_array_index(before.clips, VigilSealedClip, 0).seal.body,
                            g_array_index(after.clips, VigilSealedClip, 0).seal.body));
    store_test_finish(&t);
}
END_TEST

/* Kept for nothing: what was pinned goes in the end, and its records, too. */
START_TEST(test_kept_go)
{
    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    seal_test_open_quick(&t);
    seal_test_whole(&t, 1, 40);
    for (guint i = 1; i <= 40; i++)
        seal_test_pin(&t, i);
    for (guint i = 0; i < 6; i++) {
        seal_test_whole(&t, 100 + 20 * i, 110 + 20 * i);
        seal_test_pass_days(2);
        seal_test_enforce(&t);
        seal_test_assert_fine(&t);
    }
    ck_assert_uint_eq(seal_test_summary.n_events, 40);
    ck_assert_uint_ge(seal_test_summary.n_kept, 41);
    for (guint i = 1; i <= 40; i++)
        ck_assert(vigil_store_set_pinned(t.store, store_test_id(i), FALSE, NULL));
    for (guint i = 0; i < 6; i++) {
        seal_test_whole(&t, 300 + 20 * i, 310 + 20 * i);
        seal_test_pass_days(2);
        seal_test_enforce(&t);
        seal_test_assert_fine(&t);
    }
    ck_assert_uint_eq(seal_test_summary.n_events, 0);
    ck_assert_msg(seal_test_summary.n_records < 24, "%" G_GUINT64_FORMAT,
                  seal_test_summary.n_records);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_checkpoint_as_bytes)
{
    const VigilSealClosed closed = {.seq = 77, .n_items = 300, .wall_us = -5};
    g_autoptr(VigilSealItems) items = vigil_seal_closed_write(&closed);
    g_autoptr(GByteArray) body = NULL;
    VigilSealRecord record = {.kind = VIGIL_SEAL_KIND_CHECKPOINT, .seq = 80}, parsed;
    guint8 link[VIGIL_SEAL_DIGEST_BYTES] = {1, 2, 3};
    g_autoptr(GArray) kept = NULL;
    VigilSealClosed read;
    guint n_wrong = 0;

    vigil_seal_kept_write(items, 5, link, NULL);
    vigil_seal_kept_write(items, 77, link, "0110");
    body = vigil_seal_record_write(&record, items);
    ck_assert(vigil_seal_record_parse(&parsed, body->data, body->len));
    ck_assert(vigil_seal_closed_parse(&parsed, &read, &kept));
    ck_assert_mem_eq(&read, &closed, sizeof read);
    ck_assert_uint_eq(kept->len, 2);
    ck_assert_ptr_null(g_array_index(kept, VigilSealKept, 0).mask);
    ck_assert_str_eq(g_array_index(kept, VigilSealKept, 1).mask, "0110");
    ck_assert(vigil_seal_mask_fits("0110", 4) && !vigil_seal_mask_fits("0110", 5));
    /* in no other kind, no other items in it; nothing that is not closed is kept, nor closes it itself */
    for (guint i = 0; i < 4; i++) {
        g_autoptr(GByteArray) mutant = g_byte_array_new();
        g_autoptr(GArray) of_mutant = NULL;

        g_byte_array_append(mutant, body->data, body->len);
        switch (i) {
        case 0: mutant->data[8] = VIGIL_SEAL_KIND_SEAL; break;
        case 1: mutant->data[93] = VIGIL_SEAL_CLIP; break;
        case 2: mutant->data[9] = 77; break;       /* the record's own number */
        default: mutant->data[93 + 3] = 76; break; /* up to which is closed */
        }
        n_wrong += !vigil_seal_record_parse(&parsed, mutant->data, mutant->len) ||
                   !vigil_seal_closed_parse(&parsed, &read, &of_mutant);
    }
    ck_assert_uint_eq(n_wrong, 4);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_closed,
        test_partly_gone,
        test_altered,
        test_put_back,
        test_nothing_is_covered_up,
        test_other_keys,
        test_stranger,
        test_no_key,
        test_proof_stays,
        test_kept_go,

        test_checkpoint_as_bytes,
    };

    return store_test_main("seal-closed", tests, G_N_ELEMENTS(tests));
}
