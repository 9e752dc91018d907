/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>
#include <unistd.h>

#include "plugins/record/vigil-parameter-sets.h"
#include "plugins/record/vigil-ring.h"

#define S G_GINT64_CONSTANT(1000000000)
#define MIN_RING (64 * 1024)

static gboolean
push(VigilRing *ring, gint64 pts_ns, gboolean key, guint32 epoch, gsize size)
{
    const VigilRingFrame frame = {
        .pts_ns = pts_ns, .dts_ns = VIGIL_RING_TIME_NONE, .epoch = epoch, .key = key, .size = size};
    guint8 *data = vigil_ring_push(ring, &frame);

    if (data)
        memset(data, (int)((vigil_ring_get_next_seq(ring) - 1) & 0xff), size);
    return data != NULL;
}

/* A keyframe a second, 10 frames a second. */
static void
push_stream(VigilRing *ring, gint from_s, gint to_s, guint32 epoch, gsize size)
{
    for (gint i = from_s * 10; i < to_s * 10; i++)
        push(ring, i * (S / 10), i % 10 == 0, epoch, size);
}

static gint64
pts_at(const VigilRing *ring, guint64 seq)
{
    const VigilRingFrame *frame = vigil_ring_get(ring, seq, NULL);

    ck_assert_ptr_nonnull(frame);
    return frame->pts_ns;
}

/* Every frame has the bytes that were written, and all is within the limit. */
static void
check_content(const VigilRing *ring, gsize max_bytes)
{
    const VigilRingStats stats = vigil_ring_get_stats(ring);
    gsize bytes = 0, bad = 0;

    for (guint64 seq = vigil_ring_get_first_seq(ring); seq < vigil_ring_get_next_seq(ring); seq++) {
        const guint8 *data;
        const VigilRingFrame *frame = vigil_ring_get(ring, seq, &data);

        bad += frame->seq != seq;
        for (gsize i = 0; i < frame->size; i++)
            bad += data[i] != (seq & 0xff);
        bytes += frame->size;
    }
    ck_assert_uint_eq(bad, 0);
    ck_assert_uint_eq(bytes, stats.bytes);
    ck_assert(bytes <= max_bytes);
}

START_TEST(random_streams_keep_their_bytes)
{
    const gsize max = MIN_RING * (1u << (_i % 4)) + _i * 1000;
    g_autoptr(VigilRing) ring = vigil_ring_new(max);
    g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)_i);
    guint64 taken = 0, refused = 0;

    for (guint i = 0; i < 2000; i++) {
        const gboolean key = g_rand_int_range(rand, 0, 1 + _i) == 0 || i == 0;
        const gsize size = (gsize)g_rand_int_range(rand, 1, key ? 30000 : 4000);
        const guint64 would = vigil_ring_would_drop(ring, size);
        const guint64 first = vigil_ring_get_first_seq(ring);

        ck_assert(would >= first);
        if (!push(ring, i * (S / 10), key, 1, size)) {
            refused++;
            continue;
        }
        taken++;
        /* what was said to stay does stay */
        ck_assert(vigil_ring_get_first_seq(ring) <= would);
        if (i % 50 == 0)
            check_content(ring, max);
        if (g_rand_int_range(rand, 0, 40) == 0)
            vigil_ring_trim(ring, (i - g_rand_int_range(rand, 0, 100)) * (S / 10), G_MAXUINT64);
    }
    check_content(ring, max);
    ck_assert_uint_eq(refused, 0);
    ck_assert_uint_eq(vigil_ring_get_next_seq(ring), taken);
}
END_TEST

START_TEST(full_ring_drops_whole_groups)
{
    g_autoptr(VigilRing) ring = vigil_ring_new(MIN_RING);

    push_stream(ring, 0, 30, 1, 1000);
    ck_assert(vigil_ring_get(ring, vigil_ring_get_first_seq(ring), NULL)->key);
    ck_assert_uint_eq(vigil_ring_get_stats(ring).dropped_space,
                      300 - vigil_ring_get_stats(ring).frames);
    ck_assert_uint_ge(vigil_ring_get_stats(ring).frames, 50);
    check_content(ring, MIN_RING);
}
END_TEST

START_TEST(memory_grows_only_as_needed)
{
    g_autoptr(VigilRing) ring = vigil_ring_new((gsize)1 << 32);

    /* 4 GB are allowed, and would be noticed */
    push_stream(ring, 0, 100, 1, 100);
    ck_assert_uint_eq(vigil_ring_get_stats(ring).frames, 1000);
    ck_assert_uint_eq(vigil_ring_get_stats(ring).bytes, 100000);
}
END_TEST

/* Of this process, in bytes. */
static gsize
read_resident(void)
{
    g_autofree gchar *text = NULL;
    const gchar *second;

    ck_assert(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
    second = strchr(text, ' ');
    ck_assert_ptr_nonnull(second);
    return (gsize)g_ascii_strtoull(second + 1, NULL, 10) * (gsize)sysconf(_SC_PAGESIZE);
}

START_TEST(memory_is_given_back)
{
    const gsize mb = 1 << 20;
    g_autoptr(VigilRing) ring = vigil_ring_new(64 * mb);
    gsize before;

    /* 32 MB, of which 2 are kept, wherever in the block they are */
    push_stream(ring, 0, 16, 1, 2 * mb / 10);
    push_stream(ring, 16, 20, 1, 2 * mb / 10);
    vigil_ring_trim(ring, 4 * S, G_MAXUINT64);
    push_stream(ring, 20, 20 + _i * 3, 1, 2 * mb / 10);
    before = read_resident();
    vigil_ring_trim(ring, 100 * S, G_MAXUINT64);
    ck_assert_uint_ge(before, read_resident() + 24 * mb);
    check_content(ring, 64 * mb);
    push_stream(ring, 40, 60, 1, 2 * mb / 10);
    check_content(ring, 64 * mb);
}
END_TEST

START_TEST(frames_that_cannot_be_kept_are_counted)
{
    g_autoptr(VigilRing) ring = vigil_ring_new(MIN_RING);

    ck_assert(!push(ring, 0, FALSE, 1, 100));
    ck_assert(push(ring, 1, TRUE, 1, 100));
    ck_assert(push(ring, 2, FALSE, 1, 100));
    ck_assert(!push(ring, 3, FALSE, 2, 100));
    ck_assert(!push(ring, 3, TRUE, 1, MIN_RING + 1));
    ck_assert(!push(ring, 3, TRUE, 1, 0));
    ck_assert_uint_eq(vigil_ring_would_drop(ring, MIN_RING + 1), 0);
    ck_assert(push(ring, 4, TRUE, 1, MIN_RING));
    ck_assert_uint_eq(vigil_ring_get_stats(ring).dropped_no_key, 2);
    ck_assert_uint_eq(vigil_ring_get_stats(ring).dropped_size, 2);
    ck_assert_uint_eq(vigil_ring_get_stats(ring).dropped_space, 2);
    ck_assert_uint_eq(vigil_ring_get_stats(ring).frames, 1);
}
END_TEST

START_TEST(trim_keeps_the_group_that_is_needed)
{
    g_autoptr(VigilRing) ring = vigil_ring_new(1 << 20);

    push_stream(ring, 0, 10, 1, 10);
    vigil_ring_trim(ring, 4 * S + S / 2, G_MAXUINT64);
    ck_assert_int_eq(pts_at(ring, vigil_ring_get_first_seq(ring)), 4 * S);
    vigil_ring_trim(ring, 5 * S, G_MAXUINT64);
    ck_assert_int_eq(pts_at(ring, vigil_ring_get_first_seq(ring)), 5 * S);
    /* frame 63 is still to be read */
    vigil_ring_trim(ring, 9 * S, 63);
    ck_assert_int_eq(pts_at(ring, vigil_ring_get_first_seq(ring)), 6 * S);
    /* the last group always stays */
    vigil_ring_trim(ring, 100 * S, G_MAXUINT64);
    ck_assert_int_eq(pts_at(ring, vigil_ring_get_first_seq(ring)), 9 * S);
}
END_TEST

START_TEST(trim_knows_that_times_begin_anew)
{
    g_autoptr(VigilRing) ring = vigil_ring_new(1 << 20);

    push_stream(ring, 100, 103, 1, 10);
    push_stream(ring, 0, 3, 2, 10);
    vigil_ring_trim(ring, -1 * S, G_MAXUINT64);
    ck_assert_int_eq(pts_at(ring, vigil_ring_get_first_seq(ring)), 100 * S);
    vigil_ring_trim(ring, 1 * S, G_MAXUINT64);
    ck_assert_int_eq(pts_at(ring, vigil_ring_get_first_seq(ring)), 1 * S);
}
END_TEST

static void
check_key(const VigilRing *ring, gint64 time_ns, gint64 trigger_ns, gint64 expected_ns,
          gboolean expected_reaches)
{
    gboolean reaches;
    guint64 seq;

    ck_assert(vigil_ring_find_key(ring, time_ns, trigger_ns, &seq, &reaches));
    ck_assert_int_eq(pts_at(ring, seq), expected_ns);
    ck_assert_int_eq(reaches, expected_reaches);
}

START_TEST(key_at_or_before_a_time)
{
    g_autoptr(VigilRing) ring = vigil_ring_new(1 << 20);
    gboolean reaches;
    guint64 seq;

    ck_assert(!vigil_ring_find_key(ring, 0, 0, &seq, &reaches));
    push_stream(ring, 10, 20, 1, 10);
    check_key(ring, 15 * S, 15 * S, 15 * S, TRUE);
    check_key(ring, 15 * S - 1, 15 * S, 14 * S, TRUE);
    check_key(ring, 99 * S, 99 * S, 19 * S, TRUE);
    check_key(ring, 3 * S, 15 * S, 10 * S, FALSE);
    check_key(ring, 3 * S, 4 * S, 10 * S, FALSE);
}
END_TEST

START_TEST(key_is_of_the_epoch_of_the_trigger)
{
    g_autoptr(VigilRing) ring = vigil_ring_new(1 << 20);

    push_stream(ring, 10, 14, 1, 10);
    push_stream(ring, 14, 18, 2, 10);
    /* asked from 12 s on, but what triggered it has another format */
    check_key(ring, 12 * S, 16 * S, 14 * S, FALSE);
    check_key(ring, 12 * S, 13 * S, 12 * S, TRUE);
}
END_TEST

START_TEST(group_larger_than_the_ring)
{
    g_autoptr(VigilRing) ring = vigil_ring_new(MIN_RING);
    gboolean reaches;
    guint64 seq;

    /* one keyframe for ever: what is left are frames without one, which an open clip still takes */
    for (guint i = 0; i < 500; i++)
        ck_assert(push(ring, i * (S / 10), i == 0, 1, 1000));
    ck_assert(!vigil_ring_find_key(ring, 0, 50 * S, &seq, &reaches));
    ck_assert_uint_gt(vigil_ring_get_stats(ring).frames, 0);
    check_content(ring, MIN_RING);
    ck_assert(push(ring, 50 * S, TRUE, 1, 1000));
    check_key(ring, 10 * S, 50 * S, 50 * S, FALSE);
}
END_TEST

/* --- parameter sets of byte streams -------------------------------------------------------------------------- */

static void
check_sets(const guint8 *data, gsize size, gboolean h265, const guint8 *expected, gsize n)
{
    g_autoptr(GBytes) sets = vigil_parameter_sets_find(data, size, h265);
    gsize length = 0;
    const guint8 *bytes = sets ? g_bytes_get_data(sets, &length) : NULL;

    ck_assert_uint_eq(length, n);
    ck_assert(n == 0 || memcmp(bytes, expected, n) == 0);
}

START_TEST(parameter_sets_before_the_first_picture)
{
    static const guint8 h264[] = {0, 0, 0, 1, 9,    0x10, 0, 0, 0, 1,    0x67, 1, 2, 0, 0, 1,    6,
                                  5, 0, 0, 1, 0x68, 7,    0, 0, 1, 0x65, 1,    2, 0, 0, 1, 0x67, 9};
    static const guint8 h264_sets[] = {0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 7};
    static const guint8 h265[] = {0, 0, 1, 0x40, 1, 5, 0, 0, 1, 0x42, 1, 6,
                                  0, 0, 1, 0x44, 1, 7, 0, 0, 1, 0x26, 1};
    static const guint8 h265_sets[] = {0,    0, 0, 1, 0x40, 1, 5, 0,    0, 0, 1,
                                       0x42, 1, 6, 0, 0,    0, 1, 0x44, 1, 7};
    static const guint8 none[] = {0, 0, 1, 0x68, 7, 0, 0, 1, 0x65, 1};

    check_sets(h264, sizeof h264, FALSE, h264_sets, sizeof h264_sets);
    check_sets(h265, sizeof h265, TRUE, h265_sets, sizeof h265_sets);
    check_sets(none, sizeof none, FALSE, NULL, 0);
    check_sets(NULL, 0, FALSE, NULL, 0);
}
END_TEST

START_TEST(parameter_sets_of_garbage)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);

    for (guint i = 0; i < 20000; i++) {
        const gsize size = (gsize)g_rand_int_range(rand, 0, 40);
        g_autofree guint8 *data = g_malloc(size); /* exactly so many, for the sanitizer */
        GBytes *sets;

        for (gsize k = 0; k < size; k++)
            data[k] = (guint8)(g_rand_int_range(rand, 0, 3) ? g_rand_int_range(rand, 0, 2)
                                                            : g_rand_int_range(rand, 0, 256));
        sets = vigil_parameter_sets_find(data, size, i & 1);
        ck_assert(!sets || g_bytes_get_size(sets) <= 2 * size);
        if (sets)
            g_bytes_unref(sets);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("ring");
    TCase *ring = tcase_create("ring"), *sets = tcase_create("parameter-sets");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(ring, random_streams_keep_their_bytes, 0, 24);
    tcase_add_test(ring, full_ring_drops_whole_groups);
    tcase_add_test(ring, memory_grows_only_as_needed);
    tcase_add_loop_test(ring, memory_is_given_back, 0, 6);
    tcase_add_test(ring, frames_that_cannot_be_kept_are_counted);
    tcase_add_test(ring, trim_keeps_the_group_that_is_needed);
    tcase_add_test(ring, trim_knows_that_times_begin_anew);
    tcase_add_test(ring, key_at_or_before_a_time);
    tcase_add_test(ring, key_is_of_the_epoch_of_the_trigger);
    tcase_add_test(ring, group_larger_than_the_ring);
    suite_add_tcase(suite, ring);
    tcase_add_test(sets, parameter_sets_before_the_first_picture);
    tcase_add_test(sets, parameter_sets_of_garbage);
    suite_add_tcase(suite, sets);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
