/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-store: a store with many events.
 *
 *   bench-store [-n EVENTS] [-D DAYS] [-s SECONDS] [-t CAMERAS] [-r DELETED] [-d DIR] [-k] [-u STORE]
 *
 * Prints how often this disk can be synced, how many events (a begin and an end each) a second are committed by one camera,
 * by eight and by CAMERAS at a time, and in how many syncs, what queries take with EVENTS in the store, and how long a writer
 * waits while DELETED events
 * with their clips go by age. What was committed in the measured part is committed as the program does; the rest of the
 * events is put in by plain SQL in their order, without syncs, over the DAYS (a year) until now. DIR (a new folder under it is
 * used) should lie on the disk that is meant; -k keeps the store and prints where it is, -u takes such a one instead of filling one.
 * Queries of a class in a day are also made as `vigil events` makes them, each by a reader of its own, with what they read in the
 * memory of the machine (they were asked once before) and without. Where the machine does other things as well, `chrt -f 10` before
 * the program keeps them from being measured with it.
 */
#include "tests/bench/bench-store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "storage/vigil-store-private.h"

#define N_QUERIES 400
#define N_COLD_QUERIES 100 /* each waits for the disk */
#define SYNC_SECONDS 2

typedef struct {
    gint n_events, seconds, n_cameras, n_deleted, days;
    gchar *parent, *used;
    gboolean keep;
} Options;

typedef enum {
    BY_WRITER, /* as the daemon serves them */
    BY_READER, /* as a command does */
    BY_COLD_READER,
} Asker;

typedef struct {
    BenchStore bench;
    Options options;
} Run;

static gint
compare_times(gconstpointer a, gconstpointer b)
{
    const gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;

    return (left > right) - (left < right);
}

static gdouble
part_ms(GArray *times_us, gdouble part)
{
    if (times_us->len == 0)
        return 0;
    return g_array_index(times_us, gint64, (guint)(part * (times_us->len - 1) + 0.5)) / 1e3;
}

static void
print_times(const gchar *what, GArray *times_us)
{
    g_array_sort(times_us, compare_times);
    printf("%-34s p50 %8.2f ms   p99 %8.2f ms   longest %8.2f ms\n", what, part_ms(times_us, 0.5),
           part_ms(times_us, 0.99), part_ms(times_us, 1));
    fflush(stdout);
}

/* What the disk itself does, appending and syncing as the log of a database is. */
static gdouble
measure_syncs(const gchar *dir)
{
    g_autofree gchar *path = g_build_filename(dir, "syncs", NULL);
    const gint fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const gint64 begun_us = g_get_monotonic_time();
    gint64 now_us = begun_us, n = 0;
    guint8 page[4096] = {1};

    while (fd >= 0 && now_us - begun_us < SYNC_SECONDS * G_USEC_PER_SEC) {
        if (pwrite(fd, page, sizeof page, n * (gint64)sizeof page) < 0 || fdatasync(fd) < 0)
            break;
        n++;
        now_us = g_get_monotonic_time();
    }
    close(fd);
    unlink(path);
    return n * 1e6 / MAX(now_us - begun_us, 1);
}

/* --- commits ------------------------------------------------------------------------------------------------- */

typedef struct {
    VigilStore *store;
    guint camera;
    gint *stop;
    gint64 pause_us;
    GArray *times_us; /* of each commit */
    guint n_events;
} Writer;

static void
commit(Writer *self, const VigilEvent *event)
{
    g_autoptr(GError) error = NULL;
    const gint64 begun_us = g_get_monotonic_time();
    gint64 took_us;

    if (!vigil_store_commit_event(self->store, event, NULL, &error))
        g_error("%s", error->message);
    took_us = g_get_monotonic_time() - begun_us;
    g_array_append_val(self->times_us, took_us);
}

static gpointer
write_events(gpointer data)
{
    Writer *self = data;

    while (!g_atomic_int_get(self->stop)) {
        const gint64 now_us = g_get_real_time();
        g_autoptr(VigilEvent) begin =
            bench_store_event(self->camera, self->n_events, now_us, VIGIL_EVENT_BEGIN);
        g_autoptr(VigilEvent) end =
            bench_store_event(self->camera, self->n_events, now_us, VIGIL_EVENT_END);

        commit(self, begin);
        commit(self, end);
        self->n_events++;
        if (self->pause_us)
            g_usleep(self->pause_us);
    }
    return NULL;
}

/* Of the whole process: unlike the time, it does not depend on what else the machine does. */
static gdouble
get_cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (gdouble)now.tv_sec + now.tv_nsec / 1e9;
}

/* Each is one sync. */
static gint
count_transaction(gpointer data)
{
    ++*(guint *)data;
    return 0;
}

static void
measure_commits(Run *run, guint n_cameras, guint first)
{
    g_autofree Writer *writers = g_new0(Writer, n_cameras);
    g_autofree GThread **threads = g_new0(GThread *, n_cameras);
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autofree gchar *what =
        g_strdup_printf("commits, %u camera%s", n_cameras, n_cameras == 1 ? "" : "s");
    gint stop = 0;
    guint n = 0, n_transactions = 0;
    gdouble cpu_s;

    sqlite3_commit_hook(run->bench.store->db, count_transaction, &n_transactions);
    cpu_s = get_cpu_seconds();
    for (guint i = 0; i < n_cameras; i++) {
        writers[i] = (Writer){.store = run->bench.store,
                              .camera = first + i,
                              .stop = &stop,
                              .times_us = g_array_new(FALSE, FALSE, sizeof(gint64))};
        threads[i] = g_thread_new("camera", write_events, &writers[i]);
    }
    g_usleep((gulong)run->options.seconds * G_USEC_PER_SEC);
    g_atomic_int_set(&stop, 1);
    for (guint i = 0; i < n_cameras; i++) {
        g_thread_join(threads[i]);
        n += writers[i].n_events;
        g_array_append_vals(all, writers[i].times_us->data, writers[i].times_us->len);
        g_array_unref(writers[i].times_us);
    }
    cpu_s = get_cpu_seconds() - cpu_s;
    sqlite3_commit_hook(run->bench.store->db, NULL, NULL);
    printf("%-34s %8.0f events/s, %.0f commits/s in %.0f syncs/s, %.0f us of a processor an "
           "event\n",
           what, (gdouble)n / run->options.seconds, 2.0 * n / run->options.seconds,
           (gdouble)n_transactions / run->options.seconds, cpu_s * 1e6 / MAX(n, 1));
    print_times("", all);
}

/* --- queries ------------------------------------------------------------------------------------------------- */

static gboolean
count_row(const VigilEventRow *row, gpointer data)
{
    ++*(guint *)data;
    return TRUE;
}

static gint64
get_thread_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static void
ask(BenchStore *bench, Asker asker, const VigilEventQuery *query, guint *n_rows)
{
    g_autoptr(GError) error = NULL;

    if (asker != BY_WRITER)
        bench_store_open_reader(bench);
    if (!vigil_store_query_events(bench->store, query, count_row, n_rows, &error))
        g_error("%s", error->message);
    if (asker != BY_WRITER)
        bench_store_close(bench);
}

static void
measure_query(Run *run, Asker asker, const gchar *what,
              void (*choose)(BenchStore *, VigilEventQuery *))
{
    const guint n = asker == BY_COLD_READER ? N_COLD_QUERIES : N_QUERIES;
    g_autoptr(GArray) times_us = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autoptr(GArray) cpu_us = g_array_new(FALSE, FALSE, sizeof(gint64));
    guint n_rows = 0;

    srand(1);
    for (guint i = 0; i < n; i++) {
        VigilEventQuery query = {0};
        gint64 begun_us, begun_cpu_us, took_us;

        choose(&run->bench, &query);
        if (asker == BY_COLD_READER)
            bench_store_forget(&run->bench);
        begun_us = g_get_monotonic_time();
        begun_cpu_us = get_thread_us();
        ask(&run->bench, asker, &query, &n_rows);
        took_us = g_get_monotonic_time() - begun_us;
        g_array_append_val(times_us, took_us);
        took_us = get_thread_us() - begun_cpu_us;
        g_array_append_val(cpu_us, took_us);
    }
    print_times(what, times_us);
    print_times("  of it with a processor", cpu_us);
    printf("%-34s %.1f rows each\n", "", (gdouble)n_rows / n);
}

static void
choose_day(BenchStore *bench, VigilEventQuery *query)
{
    query->since_us = bench->first_wall_us +
                      (gint64)((gdouble)rand() / RAND_MAX *
                               (gdouble)(bench->last_wall_us - bench->first_wall_us - DAY_US));
    query->until_us = query->since_us + DAY_US;
}

static void
choose_camera_day_class(BenchStore *bench, VigilEventQuery *query)
{
    choose_day(bench, query);
    query->camera = bench_store_camera(rand());
    query->label = bench_store_label(rand());
}

static void
choose_zone_day(BenchStore *bench, VigilEventQuery *query)
{
    choose_day(bench, query);
    query->zone = bench_store_zone(rand());
    query->limit = 100;
}

static void
choose_rule_day(BenchStore *bench, VigilEventQuery *query)
{
    choose_day(bench, query);
    query->rule = bench_store_rule(rand());
    query->limit = 100;
}

static void
choose_latest_class(BenchStore *bench, VigilEventQuery *query)
{
    query->label = bench_store_label(rand());
    query->limit = 100;
}

static void
choose_camera_rare_zone(BenchStore *bench, VigilEventQuery *query)
{
    query->camera = bench_store_camera(rand());
    query->zone = BENCH_STORE_RARE_ZONE;
    query->limit = 100;
}

static void
measure_queries(Run *run)
{
    measure_query(run, BY_WRITER, "query camera + day + class, at first", choose_camera_day_class);
    measure_query(run, BY_WRITER, "query camera + day + class", choose_camera_day_class);
    measure_query(run, BY_WRITER, "query zone + day, 100 at most", choose_zone_day);
    measure_query(run, BY_WRITER, "query rule + day, 100 at most", choose_rule_day);
    measure_query(run, BY_WRITER, "query class, the latest 100", choose_latest_class);
    measure_query(run, BY_WRITER, "query camera + a rare zone", choose_camera_rare_zone);
}

static void
measure_readers(Run *run)
{
    measure_query(run, BY_READER, "the first by a reader", choose_camera_day_class);
    measure_query(run, BY_COLD_READER, "the same from the disk", choose_camera_day_class);
}

/* --- retention ----------------------------------------------------------------------------------------------- */

static void
measure_writer(Run *run, const gchar *what, gboolean deleting)
{
    gint stop = 0;
    Writer writer = {.store = run->bench.store,
                     .stop = &stop,
                     .pause_us = 5000,
                     .camera = deleting ? 9001 : 9000, /* no others have these */
                     .times_us = g_array_new(FALSE, FALSE, sizeof(gint64))};
    GThread *thread = g_thread_new("camera", write_events, &writer);
    const gint64 begun_us = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;
    guint n_deleted = 0;

    if (!deleting)
        g_usleep((gulong)run->options.seconds * G_USEC_PER_SEC);
    else if (!vigil_store_enforce_limits(run->bench.store, &n_deleted, &error))
        g_error("%s", error->message);
    g_atomic_int_set(&stop, 1);
    g_thread_join(thread);
    if (deleting)
        printf("%-34s %u events in %.1f s\n", "retention by age", n_deleted,
               (g_get_monotonic_time() - begun_us) / 1e6);
    print_times(what, writer.times_us);
    g_array_unref(writer.times_us);
}

static void
measure_retention(Run *run)
{
    bench_store_open(&run->bench, bench_store_age_of(&run->bench, run->options.n_deleted));
    measure_writer(run, "commit, nothing else going on", FALSE);
    measure_writer(run, "commit, while events are deleted", TRUE);
    bench_store_close(&run->bench);
}

/* --- the whole ----------------------------------------------------------------------------------------------- */

static void
fill(Run *run)
{
    const Options *options = &run->options;
    const gint64 begun_us = g_get_monotonic_time();

    run->bench.days = MAX(options->days, 1);
    bench_store_fill(&run->bench, options->n_events, options->n_deleted);
    printf("%-34s %8u events in %.0f s, database %.1f MB\n", "filled by plain SQL",
           options->n_events, (g_get_monotonic_time() - begun_us) / 1e6,
           bench_store_size(&run->bench) / 1e6);
}

static void
measure(Run *run)
{
    const Options *options = &run->options;

    bench_store_open(&run->bench, 0);
    printf("%-34s %8.0f a second (fdatasync of 4 kB appended)\n", "syncs of this disk",
           measure_syncs(run->bench.dir));
    for (gint n = 1; n <= options->n_cameras; n = MIN(n * 8, MAX(options->n_cameras, n + 1)))
        measure_commits(run, (guint)n, 100 * (guint)n);
    bench_store_close(&run->bench);

    if (!options->used)
        fill(run);
    bench_store_open(&run->bench, 0);
    measure_queries(run);
    bench_store_close(&run->bench);
    measure_readers(run);
    if (options->n_deleted > 0)
        measure_retention(run);
}

int
main(int argc, char **argv)
{
    Run run = {.options = {200000, 5, 32, 5000, 365, NULL, NULL, FALSE}};
    Options *options = &run.options;
    const GOptionEntry entries[] = {
        {"events", 'n', 0, G_OPTION_ARG_INT, &options->n_events, "So many events", "N"},
        {"seconds", 's', 0, G_OPTION_ARG_INT, &options->seconds, "For each measured time", "S"},
        {"cameras", 't', 0, G_OPTION_ARG_INT, &options->n_cameras, "That commit at a time", "N"},
        {"deleted", 'r', 0, G_OPTION_ARG_INT, &options->n_deleted, "Deleted by age", "N"},
        {"days", 'D', 0, G_OPTION_ARG_INT, &options->days, "That the events are from", "N"},
        {"dir", 'd', 0, G_OPTION_ARG_FILENAME, &options->parent, "Where", "DIR"},
        {"keep", 'k', 0, G_OPTION_ARG_NONE, &options->keep, "Keep the store", NULL},
        {"use", 'u', 0, G_OPTION_ARG_FILENAME, &options->used, "One that was kept", "STORE"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        g_printerr("%s\n", error->message);
        return EXIT_FAILURE;
    }
    options->n_deleted = MIN(options->n_deleted, options->n_events);
    if (options->used)
        bench_store_init_kept(&run.bench, options->used);
    else
        bench_store_init(&run.bench, options->parent ? options->parent : g_get_tmp_dir());
    measure(&run);
    bench_store_finish(&run.bench, options->keep || options->used);
    g_free(options->parent);
    g_free(options->used);
    return EXIT_SUCCESS;
}
