/* SPDX-License-Identifier: Apache-2.0 */
/* What a clip's row says is sealed as well: of which kind it is, and when it was. */
#include "tests/storage/seal-test.h"

#include <string.h>

#include "storage/vigil-footage.h"
#include "storage/vigil-seal-private.h"

#define N_EVENTS 3
#define CLIP_2 "clip 2026/01/02/garden/01KDXTEST00000000000000002.mp4 (row 2): "
#define SEGMENT_US (60 * (gint64)G_USEC_PER_SEC)

static StoreTest t;

static void
record_segment(void)
{
    const gint64 start_us = store_test_wall_us;
    const VigilClipInfo info = {0,     SEGMENT_US * 1000, start_us, start_us + SEGMENT_US, 640, 480,
                                "h264"};
    g_autoptr(GError) error = NULL;
    VigilClip *clip = vigil_store_create_footage(t.store, "door", start_us, &error);

    assert_no_error(error);
    ck_assert(vigil_clip_write(clip, "segment", 7, &error));
    ck_assert(vigil_store_begin_footage(t.store, clip, &error));
    store_test_wall_us += SEGMENT_US;
    store_test_mono_us += SEGMENT_US;
    ck_assert(vigil_store_finish_clip(t.store, clip, &info, &error));
    assert_no_error(error);
}

/* Three events, and a segment, which is clip 4. */
static void
set_up(void)
{
    store_test_init(&t, NULL);
    store_test_open(&t);
    seal_test_whole(&t, 1, N_EVENTS);
    record_segment();
    seal_test_assert_fine(&t);
    ck_assert_uint_eq(seal_test_summary.n_clips, N_EVENTS + 1);
}

START_TEST(test_altered)
{
    static const struct {
        const gchar *sql, *finding;
    } cases[] = {
        {"UPDATE clips SET continuous = 1 WHERE id = 2",
         CLIP_2 "what its row says was altered: continuous was sealed as 0 and is 1 now"},
        {"UPDATE clips SET continuous = 0 WHERE id = 4",
         "-continuous.mp4 (row 4): what its row says was altered: continuous was sealed as 1 and "
         "is 0 now"},
        {"UPDATE clips SET start_wall_us = 5, end_wall_us = NULL WHERE id = 2",
         "is none now, start_wall_us was sealed as 17"},
        {"UPDATE clips SET start_wall_us = 5, end_wall_us = NULL WHERE id = 2", " and is 5 now"},
        {"UPDATE clips SET end_wall_us = NULL WHERE id = 2", " and is none now"},
        {"UPDATE clips SET end_wall_us = end_wall_us + 1 WHERE id = 4",
         "(row 4): what its row says was altered: end_wall_us was sealed as"},
        {"UPDATE clips SET start_ns = start_ns + 1 WHERE id = 2", "start_ns was sealed as"},
        {"UPDATE clips SET done_mono_us = 0 WHERE id = 4", "done_mono_us was sealed as"},
        {"UPDATE clips SET codec = 'h265' WHERE id = 2", "codec was sealed as h264 and is h265"},
        {"INSERT INTO cameras (name) VALUES ('gate'); UPDATE clips SET camera_id = "
         "(SELECT id FROM cameras WHERE name = 'gate') WHERE id = 4",
         "camera was sealed as door and is gate now"},
        {"PRAGMA foreign_keys = OFF; UPDATE clips SET camera_id = 99 WHERE id = 4",
         "camera was sealed as door and is none now"},
        {"PRAGMA foreign_keys = OFF; UPDATE events SET camera_id = 99 WHERE seq = 2",
         "event 01KDXTEST00000000000000002: what it says was altered after it was sealed"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        set_up();
        store_test_exec(&t, cases[i].sql);
        ck_assert_msg(seal_test_verify(&t, NULL, NULL) == 1, "%s: %s", cases[i].sql,
                      seal_test_findings->str);
        seal_test_assert_found(cases[i].finding);
        ck_assert_uint_eq(seal_test_summary.n_clips, N_EVENTS + 1);
        ck_assert_uint_eq(seal_test_summary.n_events, N_EVENTS);
        store_test_finish(&t);
    }
}
END_TEST

/* No event has a segment: its clip goes by no limit of segments, whatever somebody wrote into its row, and the others go. */
START_TEST(test_clip_marked_as_segment)
{
    const VigilStoreFootage limit = {.camera = "door", .max_age_us = DAY_US};

    set_up();
    vigil_store_set_footage(t.store, &limit, 1);
    store_test_exec(&t, "UPDATE clips SET continuous = 1 WHERE id = 1");
    seal_test_pass_days(2);
    seal_test_enforce(&t);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE continuous = 0"), 3);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips"), 3);
    seal_test_assert_fine(&t);
    ck_assert_uint_eq(seal_test_summary.n_clips, N_EVENTS);
    store_test_finish(&t);
}
END_TEST

/* Marked as open again, it is ended and sealed at the next start as any that was left open: that is no way to alter it. */
START_TEST(test_sealed_twice)
{
    g_autofree gchar *path = NULL;

    set_up();
    path = g_build_filename(t.clips, "2026/01/02/garden/01KDXTEST00000000000000002.mp4", NULL);
    store_test_exec(&t, "UPDATE clips SET state = 'open' WHERE id IN (2, 4)");
    store_test_close(&t);
    ck_assert(g_file_set_contents(path, "another", -1, NULL));
    store_test_open(&t);
    seal_test_enforce(&t);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE state = 'open'"), 0);
    seal_test_verify(&t, NULL, NULL);
    seal_test_assert_found("garden/01KDXTEST00000000000000002.mp4: record ");
    seal_test_assert_found("-continuous.mp4: record ");
    seal_test_assert_found(" seals it a second time; what counts is the first");
    store_test_finish(&t);
}
END_TEST

/* That it goes is not signed, and so is found for ever. What was not altered goes as ever. */
START_TEST(test_altered_goes_unsigned)
{
    const VigilStoreFootage limit = {.camera = "door", .max_age_us = DAY_US};

    set_up();
    vigil_store_set_footage(t.store, &limit, 1);
    record_segment();
    store_test_exec(&t, "UPDATE clips SET start_wall_us = start_wall_us - 1 WHERE id = 4;"
                        "UPDATE clips SET continuous = 1 WHERE id = 1;"
                        "UPDATE events SET clip_id = NULL WHERE seq = 1");
    seal_test_pass_days(2);
    seal_test_enforce(&t);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips"), 2);
    ck_assert_msg(seal_test_verify(&t, NULL, NULL) == 3, "%s", seal_test_findings->str);
    seal_test_assert_found("clip 2026/01/02/door/01KDXTEST00000000000000001.mp4: it was sealed, "
                           "and is gone without a record that says so");
    seal_test_assert_found("-continuous.mp4: it was sealed, and is gone without a record");
    seal_test_assert_found("but is said to belong to none");
    store_test_finish(&t);
}
END_TEST

/* A seal of another clip does not vouch for this one. */
START_TEST(test_other_seal)
{
    set_up();
    t.options.clips_max_age_us = DAY_US;
    store_test_close(&t);
    store_test_open(&t);
    store_test_exec(&t, "UPDATE clips SET seal_seq = 2 WHERE id = 3");
    seal_test_pass_days(2);
    seal_test_enforce(&t);
    ck_assert_uint_ge(seal_test_verify(&t, NULL, NULL), 1);
    seal_test_assert_found("01KDXTEST00000000000000003.mp4: its file is missing");
    ck_assert_ptr_null(strstr(seal_test_findings->str, "02.mp4: "));
    store_test_finish(&t);
}
END_TEST

/* What recovery cuts is sealed as it is then; and a checkpoint keeps what the rows say. */
START_TEST(test_recovered_and_closed)
{
    g_autoptr(GError) error = NULL;
    VigilClip *segment;

    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    seal_test_open_quick(&t);
    segment = vigil_store_create_footage(t.store, "door", store_test_wall_us, &error);
    ck_assert(vigil_clip_write(segment, "segment", 7, &error));
    ck_assert(vigil_store_begin_footage(t.store, segment, &error));
    vigil_store_abandon_clip(t.store, segment);
    store_test_close(&t);
    seal_test_open_quick(&t);
    seal_test_enforce(&t);
    ck_assert_int_eq(
        store_test_int(&t, "SELECT count(*) FROM clips WHERE state = 'cut' AND continuous = 1"), 1);
    seal_test_assert_fine(&t);
    seal_test_whole(&t, 1, 20);
    seal_test_pin(&t, 7);
    seal_test_pass_days(2);
    seal_test_whole(&t, 21, 24);
    seal_test_enforce(&t);
    seal_test_assert_fine(&t);
    ck_assert_uint_gt(seal_test_summary.closed_seq, 10);
    store_test_exec(&t, "UPDATE clips SET end_ns = 1, continuous = 1 WHERE path LIKE '%07.mp4'");
    ck_assert_uint_eq(seal_test_verify(&t, NULL, NULL), 1);
    seal_test_assert_found("continuous was sealed as 0 and is 1 now, end_ns was sealed as ");
    store_test_finish(&t);
}
END_TEST

static gboolean
seal_as_before(VigilStore *store, gpointer data, GError **error)
{
    g_autoptr(VigilSealItems) items = vigil_seal_items_new();
    guint8 digest[VIGIL_SEAL_DIGEST_BYTES];
    gint64 seq;

    vigil_seal_digest("older", 5, digest);
    vigil_seal_items_add(items, VIGIL_SEAL_CLIP, data, 5, digest);
    return vigil_seal_append(store, VIGIL_SEAL_KIND_SEAL, items, &seq, error);
}

/* Records of before this say nothing of rows: they are believed as they are, and what they sealed goes with a signature. */
START_TEST(test_older_records)
{
    static const gchar path[] = "2026/01/02/door/older-continuous.mp4";
    const VigilStoreFootage limit = {.camera = "door", .max_age_us = DAY_US};
    g_autofree gchar *file = NULL;

    set_up();
    file = g_build_filename(t.clips, path, NULL);
    ck_assert(g_file_set_contents(file, "older", 5, NULL));
    ck_assert(vigil_store_transact(t.store, seal_as_before, (gpointer)path, NULL));
    store_test_exec(&t, "INSERT INTO clips (camera_id, run_id, path, state, bytes, start_wall_us, "
                        "done_mono_us, continuous, seal_seq) SELECT 1, 1, '2026/01/02/door/"
                        "older-continuous.mp4', 'complete', 5, 9, 9, 1, max(seq) FROM seals");
    seal_test_assert_fine(&t);
    store_test_exec(&t, "UPDATE clips SET start_wall_us = 99 WHERE bytes = 5");
    seal_test_assert_fine(&t);
    vigil_store_set_footage(t.store, &limit, 1);
    seal_test_pass_days(2);
    seal_test_enforce(&t);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE bytes = 5"), 0);
    seal_test_assert_fine(&t);
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {test_altered,
                                  test_sealed_twice,
                                  test_clip_marked_as_segment,
                                  test_altered_goes_unsigned,
                                  test_other_seal,
                                  test_recovered_and_closed,
                                  test_older_records};

    return store_test_main("seal-rows", tests, G_N_ELEMENTS(tests));
}
