/* SPDX-License-Identifier: Apache-2.0 */
/* Writers that come together: one transaction, and each gets what its own deserves. */
#include "storage/vigil-outbox.h"
#include "tests/storage/faults.h"
#include "tests/storage/store-test.h"

#include <signal.h>
#include <string.h>

#define N_WRITERS 8
#define MANY 100

static StoreTest t;
static gint n_transactions;

typedef struct {
    VigilEvent *event;
    GThread *thread;
    gboolean ok;
    GError *error;
} Writer;

static gint
count_transaction(gpointer data)
{
    n_transactions++;
    return 0;
}

static void
set_up(void)
{
    store_test_init(&t, NULL);
    store_test_open(&t);
    n_transactions = 0;
    sqlite3_commit_hook(t.store->db, count_transaction, NULL);
}

static gpointer
commit_one(gpointer data)
{
    Writer *self = data;

    self->ok = vigil_store_commit_event(t.store, self->event, NULL, &self->error);
    return NULL;
}

static guint
count_waiting(void)
{
    VigilStoreGroup *group = &t.store->group;
    guint n;

    g_mutex_lock(&group->lock);
    n = group->waiting.length;
    g_mutex_unlock(&group->lock);
    return n;
}

static void
begin_all(Writer *writers, guint n)
{
    for (guint i = 0; i < n; i++) {
        writers[i].event = store_test_event(i, VIGIL_EVENT_END);
        writers[i].event->camera = g_intern_string("door");
    }
}

/* All of them wait for the store, which is busy; then they are let in. */
static void
write_together(Writer *writers, guint n)
{
    g_mutex_lock(&t.store->mutex);
    for (guint i = 0; i < n; i++)
        writers[i].thread = g_thread_new("writer", commit_one, &writers[i]);
    while (count_waiting() < n)
        g_usleep(1000);
    g_mutex_unlock(&t.store->mutex);
    for (guint i = 0; i < n; i++)
        g_thread_join(writers[i].thread);
}

static void
free_all(Writer *writers, guint n)
{
    for (guint i = 0; i < n; i++) {
        vigil_event_unref(writers[i].event);
        g_clear_error(&writers[i].error);
    }
}

START_TEST(test_one_transaction_for_all)
{
    Writer writers[N_WRITERS] = {0};

    set_up();
    begin_all(writers, N_WRITERS);
    write_together(writers, N_WRITERS);
    for (guint i = 0; i < N_WRITERS; i++)
        ck_assert_msg(writers[i].ok, "%s", writers[i].error ? writers[i].error->message : "");
    ck_assert_int_eq(n_transactions, 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), N_WRITERS);
    free_all(writers, N_WRITERS);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_a_transaction_has_its_bound)
{
    g_autofree Writer *writers = g_new0(Writer, MANY);

    set_up();
    begin_all(writers, MANY);
    write_together(writers, MANY);
    for (guint i = 0; i < MANY; i++)
        ck_assert(writers[i].ok);
    ck_assert_int_eq(n_transactions, 2);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), MANY);
    free_all(writers, MANY);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_one_that_cannot_be_written)
{
    Writer writers[N_WRITERS] = {0};

    set_up();
    begin_all(writers, N_WRITERS);
    writers[3].event->id[0] = '\0'; /* against a constraint of the schema */
    write_together(writers, N_WRITERS);
    for (guint i = 0; i < N_WRITERS; i++) {
        ck_assert_msg(writers[i].ok == (i != 3), "%u", i);
        ck_assert_msg((writers[i].error != NULL) == (i == 3), "%u", i);
    }
    ck_assert_int_eq(n_transactions, N_WRITERS - 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), N_WRITERS - 1);
    ck_assert(!vigil_store_has_failed(t.store));
    free_all(writers, N_WRITERS);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_a_disk_that_fails_fails_all)
{
    Writer writers[N_WRITERS] = {0};

    faults_install();
    set_up();
    begin_all(writers, N_WRITERS);
    faults_arm(FAULT_EIO, 1, TRUE);
    write_together(writers, N_WRITERS);
    ck_assert_uint_eq(faults_get_count(), 1); /* nobody tries it again */
    for (guint i = 0; i < N_WRITERS; i++) {
        ck_assert(!writers[i].ok);
        assert_error(writers[i].error, VIGIL_STORE_ERROR_IO);
    }
    ck_assert(vigil_store_has_failed(t.store));
    faults_arm(FAULT_NONE, 0, FALSE);
    store_test_close(&t);
    store_test_open(&t);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 0);
    ck_assert_uint_eq(store_test_check(&t), 0);
    free_all(writers, N_WRITERS);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_a_full_disk_is_tried_again)
{
    Writer writers[N_WRITERS] = {0};

    faults_install();
    set_up();
    begin_all(writers, N_WRITERS);
    faults_arm(FAULT_ENOSPC, 1, FALSE);
    write_together(writers, N_WRITERS);
    faults_arm(FAULT_NONE, 0, FALSE);
    for (guint i = 0; i < N_WRITERS; i++)
        ck_assert_msg(writers[i].ok, "%s", writers[i].error ? writers[i].error->message : "");
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), N_WRITERS);
    ck_assert_uint_eq(store_test_check(&t), 0);
    free_all(writers, N_WRITERS);
    store_test_finish(&t);
}
END_TEST

/* --- many at a time with clips --- */

#define EVENTS_EACH 20

typedef struct {
    guint camera;
    gint ack_fd;
} Camera;

static void
expect(gboolean ok, const GError *error)
{
    if (!ok)
        g_error("%s", error ? error->message : "");
}

static VigilEvent *
make_event(guint camera, guint number, VigilEventType type)
{
    VigilEvent *event = store_test_event(camera * 1000 + number, type);
    g_autofree gchar *name = g_strdup_printf("camera-%u", camera);

    event->camera = g_intern_string(name);
    return event;
}

static void
acknowledge(const Camera *self, guint number)
{
    const guint ack = self->camera * 1000 + number;

    if (self->ack_fd >= 0 && write(self->ack_fd, &ack, sizeof ack) != sizeof ack)
        g_error("no acknowledgement");
}

static gpointer
record_events(gpointer data)
{
    const Camera *self = data;

    for (guint i = 1; i <= EVENTS_EACH; i++) {
        g_autoptr(VigilEvent) begin = make_event(self->camera, i, VIGIL_EVENT_BEGIN);
        g_autoptr(VigilEvent) end = make_event(self->camera, i, VIGIL_EVENT_END);
        g_autoptr(GError) error = NULL;
        VigilClip *clip = vigil_store_create_clip(t.store, begin->camera, begin->id,
                                                  begin->start_wall_us, &error);

        expect(clip != NULL, error);
        expect(vigil_clip_write(clip, "footage", 7, &error), error);
        expect(vigil_store_commit_event(t.store, begin, clip, &error), error);
        expect(vigil_store_commit_event(t.store, end, clip, &error), error);
        acknowledge(self, i);
        expect(vigil_store_finish_clip(t.store, clip, &store_test_info, &error), error);
    }
    return NULL;
}

static void
run_cameras(gint ack_fd)
{
    Camera cameras[N_WRITERS];
    GThread *threads[N_WRITERS];

    for (guint i = 0; i < N_WRITERS; i++) {
        cameras[i] = (Camera){i, ack_fd};
        threads[i] = g_thread_new("camera", record_events, &cameras[i]);
    }
    for (guint i = 0; i < N_WRITERS; i++)
        g_thread_join(threads[i]);
}

START_TEST(test_order_of_each_camera)
{
    static const VigilOutboxDestination destination = {.name = "backend"};
    const gint n_messages = N_WRITERS * EVENTS_EACH * 2;

    set_up();
    ck_assert(vigil_outbox_set_destinations(t.store, &destination, 1, NULL));
    run_cameras(-1);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outbox"), n_messages);
    /* numbers of a camera's events, and begin before end, as they were written */
    ck_assert_int_eq(
        store_test_int(&t, "SELECT count(*) FROM (SELECT event_id, type, "
                           "lag(event_id) OVER (PARTITION BY camera ORDER BY seq) AS before, "
                           "lag(type) OVER (PARTITION BY camera ORDER BY seq) AS type_before "
                           "FROM outbox) WHERE before > event_id OR "
                           "(before = event_id AND NOT (type_before = 'begin' AND type = 'end'))"),
        0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE state = 'complete'"),
                     N_WRITERS * EVENTS_EACH);
    ck_assert_uint_eq(store_test_count_files(&t), N_WRITERS * EVENTS_EACH);
    ck_assert_uint_eq(t.store->live_clips->len, 0);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

static gpointer
create_same(gpointer data)
{
    g_autoptr(GError) error = NULL;
    VigilClip *clip = vigil_store_create_clip(t.store, "door", "same", TEST_WALL_US, &error);

    expect(clip != NULL, error);
    return clip;
}

START_TEST(test_clips_of_one_name)
{
    GThread *threads[N_WRITERS];
    VigilClip *clips[N_WRITERS];

    set_up();
    for (guint i = 0; i < N_WRITERS; i++)
        threads[i] = g_thread_new("camera", create_same, NULL);
    for (guint i = 0; i < N_WRITERS; i++)
        clips[i] = g_thread_join(threads[i]);
    for (guint i = 0; i < N_WRITERS; i++)
        for (guint j = 0; j < i; j++)
            ck_assert_str_ne(vigil_clip_get_path(clips[i]), vigil_clip_get_path(clips[j]));
    ck_assert_uint_eq(store_test_count_files(&t), N_WRITERS);
    for (guint i = 0; i < N_WRITERS; i++)
        vigil_store_abandon_clip(t.store, clips[i]);
    ck_assert_uint_eq(store_test_count_files(&t), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM garbage"), 0);
    store_test_finish(&t);
}
END_TEST

/* Killed after so many ends were acknowledged, by whichever thread. Returns which they were. */
static GArray *
run_killed(guint n_acks)
{
    GArray *acks = g_array_new(FALSE, FALSE, sizeof(guint));
    gint fds[2], status;
    pid_t child;
    guint ack;

    ck_assert_int_eq(pipe(fds), 0);
    child = fork();
    if (child == 0) {
        close(fds[0]);
        store_test_open(&t);
        run_cameras(fds[1]);
        _exit(0);
    }
    close(fds[1]);
    while (read(fds[0], &ack, sizeof ack) == sizeof ack) {
        g_array_append_val(acks, ack);
        if (acks->len == n_acks)
            kill(child, SIGKILL);
    }
    close(fds[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0), "%x",
                  status);
    return acks;
}

START_TEST(test_what_was_acknowledged_outlives_a_kill)
{
    for (guint n_acks = 1; n_acks < N_WRITERS * EVENTS_EACH; n_acks += 37) {
        g_autoptr(GArray) acks = NULL;

        store_test_init(&t, NULL);
        acks = run_killed(n_acks);
        ck_assert_uint_ge(acks->len, n_acks);
        store_test_open(&t);
        for (guint i = 0; i < acks->len; i++) {
            const gchar *id = store_test_id(g_array_index(acks, guint, i));
            g_autofree gchar *sql =
                g_strdup_printf("SELECT count(*) FROM events WHERE id = '%s' AND "
                                "end_reason NOT IN ('interrupted')",
                                id);

            ck_assert_msg(store_test_int(&t, sql) == 1, "%s of %u", id, acks->len);
        }
        ck_assert_uint_eq(store_test_check(&t), 0);
        store_test_finish(&t);
    }
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_one_transaction_for_all,    test_a_transaction_has_its_bound,
        test_one_that_cannot_be_written, test_a_disk_that_fails_fails_all,
        test_a_full_disk_is_tried_again, test_order_of_each_camera,
        test_clips_of_one_name,          test_what_was_acknowledged_outlives_a_kill,
    };

    return store_test_main("group", tests, G_N_ELEMENTS(tests));
}
