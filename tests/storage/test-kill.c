/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child commits events with clips as fast as it can and says so through a pipe; it is killed at a random moment. Each
 * time all that it was told is done must be there at the next start.
 */
#include "tests/storage/store-test.h"
#include "tests/support/vigil-test-size.h"

#include <signal.h>

#include "storage/vigil-footage.h"

static StoreTest t;

typedef struct {
    guint number;
    /* 'b' begin, 'p' goes on, 'e' end, 'f' clips finished; 's' segment begun, 'c' complete, 'd' all of them may go now */
    gchar what;
} Ack;

static void
acknowledge(gint fd, guint number, gchar what)
{
    const Ack ack = {number, what};

    if (write(fd, &ack, sizeof ack) != sizeof ack)
        _exit(2);
}

/* Deleted as soon as they are complete, so that deletions are hit as well; the others are pinned. */
static gboolean
is_victim(guint number)
{
    return number % 4 == 0;
}

/* In a second clip. */
static gboolean
goes_on(guint number)
{
    return number % 3 == 1;
}

/* Finishes @before, and records the next segment while that event lasts. */
static VigilClip *
next_segment(gint fd, guint number, VigilClip *before)
{
    const VigilClipInfo info = store_test_segment_info(number);
    const VigilClipInfo last = store_test_segment_info(number - 1);
    g_autoptr(GError) error = NULL;
    VigilClip *clip;

    if (before) {
        if (!vigil_clip_write(before, "more", 4, &error) ||
            !vigil_store_finish_clip(t.store, before, &last, &error))
            _exit(10);
        acknowledge(fd, number - 1, 'c');
    }
    clip = vigil_store_create_footage(t.store, "door", info.start_wall_us, &error);
    if (!clip || !vigil_clip_write(clip, "segment", 7, &error) ||
        !vigil_store_begin_footage(t.store, clip, &error))
        _exit(11);
    acknowledge(fd, number, 's');
    return clip;
}

/* Two cameras in two threads would be nearer to life, but one thread is killed in more places. */
static void
work(gint fd, guint number)
{
    const VigilStoreFootage limit = {.camera = "door", .max_bytes = 25};
    g_autoptr(GError) error = NULL;
    VigilClip *segment = NULL;

    store_test_open(&t);
    vigil_store_set_footage(t.store, &limit, 1);
    for (;; number++) {
        g_autoptr(VigilEvent) end = store_test_event(number, VIGIL_EVENT_END);
        VigilClip *clip;

        segment = next_segment(fd, number, segment);
        clip = store_test_begin(t.store, number, 3000, &error);
        if (!clip)
            _exit(3);
        acknowledge(fd, number, 'b');
        if (!is_victim(number) && !vigil_store_set_pinned(t.store, end->id, TRUE, &error))
            _exit(7);
        if (goes_on(number)) {
            VigilClip *first = clip;

            clip = store_test_continue(t.store, number, 3000, &error);
            if (!clip)
                _exit(8);
            acknowledge(fd, number, 'p');
            if (!vigil_clip_write(first, "more", 4, &error) ||
                !vigil_store_finish_clip(t.store, first, &store_test_info, &error))
                _exit(9);
        }
        if (!vigil_clip_write(clip, "more", 4, &error) ||
            !vigil_store_commit_event(t.store, end, clip, &error))
            _exit(4);
        acknowledge(fd, number, 'e');
        if (!vigil_store_finish_clip(t.store, clip, &store_test_info, &error))
            _exit(5);
        acknowledge(fd, number, 'f');
        if (!is_victim(number))
            continue;
        acknowledge(fd, number, 'd');
        if (!vigil_store_enforce_limits(t.store, NULL, &error))
            _exit(6);
    }
}

static void
check_ack(const Ack *ack)
{
    const gchar *wanted = ack->what == 'b'   ? "1"
                          : ack->what == 'p' ? "EXISTS (SELECT 1 FROM event_parts p JOIN clips q "
                                               "ON q.id = p.clip_id WHERE p.event_seq = e.seq AND "
                                               "q.state <> 'lost' AND q.bytes >= 3000)"
                          : ack->what == 'e' ? "e.end_reason = 'gone'"
                                             : "c.state = 'complete' AND c.bytes = 3004";
    g_autofree gchar *sql = g_strdup_printf("SELECT count(*) FROM events e JOIN clips c "
                                            "ON c.id = e.clip_id WHERE e.id = '%s' AND %s",
                                            store_test_id(ack->number), wanted);

    ck_assert_msg(store_test_int(&t, sql) == 1, "%c of %u is lost", ack->what, ack->number);
}

static gboolean
is_of_segment(const Ack *ack)
{
    return ack->what == 's' || ack->what == 'c' || ack->what == 'd';
}

static void
check_segment(const Ack *ack)
{
    const VigilClipInfo info = store_test_segment_info(ack->number);
    g_autofree gchar *sql = g_strdup_printf(
        "SELECT count(*) FROM clips WHERE continuous = 1 AND start_wall_us = %" G_GINT64_FORMAT
        " AND %s",
        info.start_wall_us,
        ack->what == 'c' ? "state = 'complete' AND bytes = 11"
                         : "state <> 'lost' AND bytes BETWEEN 7 AND 11");

    ck_assert_msg(store_test_int(&t, sql) == 1, "segment %u is lost", ack->number);
}

/* Segments of before the last time that limits were enforced may be gone. */
static void
check_acks(const GArray *acks)
{
    guint since = 0;

    for (guint i = 0; i < acks->len; i++) {
        const Ack *ack = &g_array_index(acks, Ack, i);

        if (ack->what == 'd')
            since = i + 1;
        if (!is_of_segment(ack) && !is_victim(ack->number))
            check_ack(ack);
    }
    for (guint i = since; i < acks->len; i++)
        if (is_of_segment(&g_array_index(acks, Ack, i)))
            check_segment(&g_array_index(acks, Ack, i));
}

static guint
run_round(guint number, gulong delay_us, guint *n_acks)
{
    g_autoptr(GArray) acks = g_array_new(FALSE, FALSE, sizeof(Ack));
    gint fds[2], status;
    pid_t child;
    Ack ack;

    ck_assert_int_eq(pipe(fds), 0);
    child = fork();
    if (child == 0) {
        close(fds[0]);
        work(fds[1], number);
    }
    close(fds[1]);
    g_usleep(delay_us);
    kill(child, SIGKILL);
    while (read(fds[0], &ack, sizeof ack) == sizeof ack)
        g_array_append_val(acks, ack);
    close(fds[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status), "the child ended by itself: %x", status);
    store_test_open(&t);
    check_acks(acks);
    ck_assert_int_eq(store_test_int(&t, STORE_TEST_GAPS), 0);
    ck_assert_uint_eq(store_test_check(&t), 0);
    ck_assert_int_eq(store_test_count_files(&t), store_test_int(&t, "SELECT count(*) FROM clips"));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM garbage"), 0);
    store_test_close(&t);
    *n_acks += acks->len;
    return acks->len ? g_array_index(acks, Ack, acks->len - 1).number + 2 : number + 1;
}

START_TEST(test_killed_at_random)
{
    g_autoptr(GRand) random = g_rand_new();
    const guint n_rounds = vigil_test_size(100, 1000);
    guint number = 1, n_acks = 0;

    store_test_init(&t, NULL);
    t.options.max_bytes = 1;
    for (guint i = 0; i < n_rounds; i++)
        number = run_round(number, g_rand_int_range(random, 1000, 80000), &n_acks);
    vigil_test_figure("%u kills at random moments of a writer: %u acknowledgements, 0 lost",
                      n_rounds, n_acks);
    ck_assert_uint_gt(n_acks, n_rounds);
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {test_killed_at_random};

    return store_test_main("kill", tests, G_N_ELEMENTS(tests));
}
