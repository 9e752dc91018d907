/* SPDX-License-Identifier: Apache-2.0 */
/* The contents of bench-store's store. */
#include <fcntl.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/vigil-store-private.h"
#include "tests/bench/bench-store.h"

#define N_CAMERAS 16
/* A transaction's, which syncs nothing: only so many pages wait in the log. */
#define CHUNK 20000
#define CLIP_BYTES 4096
#define N_POINTS 20
/* The numbers that a row is made of, from its own. */
#define MIX "((n * 2654435761) >> 11)"

static const gchar *const labels[] = {"person",  "vehicle", "dog",  "cat",
                                      "bicycle", "bird",    "bear", "horse"};

const gchar *
bench_store_camera(guint i)
{
    g_autofree gchar *name = g_strdup_printf("camera-%02u", i % N_CAMERAS);

    return g_intern_string(name);
}

const gchar *
bench_store_label(guint i)
{
    return g_intern_string(labels[i % G_N_ELEMENTS(labels)]);
}

const gchar *
bench_store_zone(guint i)
{
    g_autofree gchar *name = g_strdup_printf("zone-%u", i % 8);

    return g_intern_string(name);
}

const gchar *
bench_store_rule(guint i)
{
    g_autofree gchar *name = g_strdup_printf("rule-%u", i % 4);

    return g_intern_string(name);
}

static GArray *
make_path(guint number)
{
    GArray *path = g_array_sized_new(FALSE, FALSE, sizeof(VigilPathPoint), N_POINTS);

    for (guint i = 0; i < N_POINTS; i++) {
        const gfloat x = (number % 7) * 0.1f + 0.005f * i, y = (number % 5) * 0.1f;
        const VigilPathPoint point = {
            i * G_GINT64_CONSTANT(200000000), {x, y, x + 0.1f, y + 0.3f}, 0.5f};

        g_array_append_val(path, point);
    }
    return path;
}

VigilEvent *
bench_store_event(guint camera, guint number, gint64 wall_us, VigilEventType type)
{
    static gint64 base; /* what an earlier run committed stays what it is */
    VigilEvent *event = vigil_event_new();

    if (g_once_init_enter(&base))
        g_once_init_leave(&base, g_get_real_time());
    g_snprintf(event->id, sizeof event->id, "REAL%04u%018" G_GINT64_FORMAT, camera, base + number);
    event->type = type;
    event->camera = bench_store_camera(camera);
    event->rule = bench_store_rule(number);
    event->label = bench_store_label(number);
    event->start_wall_us = event->end_wall_us = wall_us;
    event->score = event->top_score = 0.7f;
    event->box = (VigilBox){0.1f, 0.2f, 0.3f, 0.4f};
    event->zones = g_new0(const gchar *, 2);
    event->zones[0] = bench_store_zone(number);
    event->frames_seen = event->frames_inferred = 100;
    if (type != VIGIL_EVENT_END)
        return event;
    event->end_reason = VIGIL_END_GONE;
    event->path = make_path(number);
    return event;
}

/* --- the folder ---------------------------------------------------------------------------------------------- */

static void
take_names(BenchStore *self)
{
    self->database = g_build_filename(self->dir, "events.db", NULL);
    self->clips = g_build_filename(self->dir, "clips", NULL);
}

void
bench_store_init(BenchStore *self, const gchar *parent)
{
    self->dir = g_build_filename(parent, "vigil-bench-XXXXXX", NULL);
    if (!g_mkdtemp(self->dir))
        g_error("%s: cannot be made", self->dir);
    take_names(self);
}

void
bench_store_forget(BenchStore *self)
{
    const gint fd = open(self->database, O_RDONLY | O_CLOEXEC);

    /* what is not on the disk yet stays in memory */
    if (fd < 0 || fsync(fd) < 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
        g_error("%s: cannot be taken out of memory", self->database);
    close(fd);
}

void
bench_store_open(BenchStore *self, gint64 max_age_us)
{
    const VigilStoreOptions options = {.database = self->database,
                                       .clips = self->clips,
                                       .max_age_us = max_age_us,
                                       .program = "bench"};
    g_autoptr(GError) error = NULL;
    const gint64 begun_us = g_get_monotonic_time();

    self->store = vigil_store_open(&options, &error);
    if (!self->store)
        g_error("%s", error->message);
    printf("%-34s %8.0f ms\n", "opened", (g_get_monotonic_time() - begun_us) / 1e3);
}

void
bench_store_open_reader(BenchStore *self)
{
    g_autoptr(GError) error = NULL;

    self->store = vigil_store_open_reader(self->database, self->clips, &error);
    if (!self->store)
        g_error("%s", error->message);
}

void
bench_store_close(BenchStore *self)
{
    g_clear_pointer(&self->store, vigil_store_unref);
}

static int
remove_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    return remove(path);
}

void
bench_store_finish(BenchStore *self, gboolean keep)
{
    bench_store_close(self);
    if (keep)
        printf("%s\n", self->dir);
    else
        nftw(self->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    g_free(self->dir);
    g_free(self->database);
    g_free(self->clips);
}

gint64
bench_store_size(BenchStore *self)
{
    struct stat info;

    return stat(self->database, &info) == 0 ? info.st_size : 0;
}

/* --- filling by plain SQL ------------------------------------------------------------------------------------ */

static void
execute(sqlite3 *db, const gchar *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        g_error("%s: %s", sql, sqlite3_errmsg(db));
}

static sqlite3_stmt *
prepare(sqlite3 *db, const gchar *sql)
{
    sqlite3_stmt *stmt;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        g_error("%s: %s", sql, sqlite3_errmsg(db));
    return stmt;
}

static void
bind_int(sqlite3_stmt *stmt, const gchar *name, gint64 value)
{
    const gint index = sqlite3_bind_parameter_index(stmt, name);

    if (index > 0)
        sqlite3_bind_int64(stmt, index, value);
}

static void
step(sqlite3 *db, sqlite3_stmt *stmt)
{
    if (sqlite3_step(stmt) != SQLITE_DONE)
        g_error("%s: %s", sqlite3_sql(stmt), sqlite3_errmsg(db));
    sqlite3_reset(stmt);
}

/* An earlier boot's run, whose clock was right: its events age by the wall clock. Numbers are those above all others. */
static void
prepare_names(sqlite3 *db)
{
    execute(db, "INSERT INTO runs (id, program, boot_id, begun_wall_us, begun_mono_us, "
                "wall_offset_us, ended_wall_us, how) VALUES (1000, 'fill', 'earlier', 1, 1, 0, 2, "
                "'closed')");
    for (guint i = 0; i < N_CAMERAS; i++) {
        g_autofree gchar *sql = g_strdup_printf(
            "INSERT OR IGNORE INTO cameras (name) VALUES ('%s')", bench_store_camera(i));

        execute(db, sql);
    }
    execute(db, "CREATE TEMP TABLE names (i INTEGER PRIMARY KEY, camera INTEGER, label TEXT)");
    /* half of all are persons, a quarter vehicles */
    for (guint i = 0; i < N_CAMERAS; i++) {
        g_autofree gchar *sql = g_strdup_printf(
            "INSERT INTO names VALUES (%u, (SELECT id FROM cameras WHERE name = '%s'), '%s')", i,
            bench_store_camera(i),
            labels[i < 8    ? 0
                   : i < 11 ? 1
                            : i - 9]);

        execute(db, sql);
    }
}

static const gchar events_sql[] =
    "INSERT INTO events (seq, id, run_id, camera_id, clip_id, rule, label, label_id, track_id, "
    "start_ns, trigger_ns, end_ns, time_ns, start_wall_us, end_wall_us, score, top_score, x0, y0, "
    "x1, y1, frames_seen, frames_inferred, record, pre_ns, post_ns, end_reason, committed_wall_us, "
    "committed_mono_us) "
    "WITH RECURSIVE numbers (n) AS (SELECT :from UNION ALL SELECT n + 1 FROM numbers "
    "WHERE n + 1 < :to) "
    "SELECT :base + n, printf('FILL%022d', n), 1000, "
    "(SELECT camera FROM names WHERE i = " MIX " % 16), "
    "CASE WHEN n < :clips THEN :clip_base + n END, 'rule-' || ((" MIX " >> 4) % 4), "
    "(SELECT label FROM names WHERE i = (" MIX " >> 6) % 16), 0, n, 0, 0, 5000000000, 0, "
    ":first + n * :step, :first + n * :step + 5000000, 0.7, 0.8, 0.1, 0.2, 0.3, 0.4, 100, 100, 1, "
    "0, 0, 'gone', :first + n * :step, :first + n * :step FROM numbers";

static const gchar places_sql[] =
    "INSERT INTO event_places (event_seq, kind, position, name, start_wall_us) "
    "SELECT seq, 'zone', 0, CASE WHEN n % 100000 = 5 THEN '" BENCH_STORE_RARE_ZONE "' "
    "ELSE 'zone-' || ((" MIX " >> 10) % 8) END, start_wall_us "
    "FROM (SELECT seq, seq - :base AS n, start_wall_us FROM events WHERE seq >= :base + :from AND "
    "seq < :base + :to)";

/* Of boxes that are spread over the frame, as large as that of a person. */
static const gchar areas_sql[] =
    "INSERT INTO event_areas (event_seq, x0, x1, y0, y1) "
    "SELECT :base + n, x, x + 0.3, y, y + 0.3 FROM (SELECT n, (" MIX " % 701) / 1000.0 AS x, "
    "((" MIX " >> 10) % 701) / 1000.0 AS y FROM (SELECT :from AS n))";

static const gchar tracks_sql[] = "INSERT INTO tracks (event_seq, track_id, n_points, path) "
                                  "SELECT seq, track_id, :points, :path FROM events "
                                  "WHERE seq >= :base + :from AND seq < :base + :to";

/* Row by row as the program writes them: what lies beside what in the file is what a query waits for. */
static void
fill_rows(BenchStore *self, sqlite3 *db, gint64 n, gint64 n_clips)
{
    static const gchar *const sqls[] = {events_sql, places_sql, tracks_sql, areas_sql};
    g_autoptr(GArray) path = make_path(3);
    guint n_points;
    g_autoptr(GByteArray) blob = vigil_path_encode(path, &n_points);
    sqlite3_stmt *stmts[G_N_ELEMENTS(sqls)];

    for (guint i = 0; i < G_N_ELEMENTS(sqls); i++) {
        stmts[i] = prepare(db, sqls[i]);
        bind_int(stmts[i], ":base", 1000000);
        bind_int(stmts[i], ":clip_base", 1000000);
        bind_int(stmts[i], ":clips", n_clips);
        bind_int(stmts[i], ":first", self->first_wall_us);
        bind_int(stmts[i], ":step", self->step_us);
        bind_int(stmts[i], ":points", n_points);
    }
    sqlite3_bind_blob(stmts[2], sqlite3_bind_parameter_index(stmts[2], ":path"), blob->data,
                      (gint)blob->len, SQLITE_STATIC);
    for (gint64 from = 0; from < n; from += CHUNK) {
        execute(db, "BEGIN");
        for (gint64 at = from; at < MIN(from + CHUNK, n); at++)
            for (guint i = 0; i < G_N_ELEMENTS(sqls); i++) {
                bind_int(stmts[i], ":from", at);
                bind_int(stmts[i], ":to", at + 1);
                step(db, stmts[i]);
            }
        execute(db, "COMMIT");
    }
    for (guint i = 0; i < G_N_ELEMENTS(sqls); i++)
        sqlite3_finalize(stmts[i]);
}

static gchar *
make_clip(BenchStore *self, guint i, gint64 wall_us)
{
    static const guint8 bytes[CLIP_BYTES];
    g_autofree gchar *folder = vigil_clip_folder_for(bench_store_camera(i), wall_us);
    g_autofree gchar *dir = g_build_filename(self->clips, folder, NULL);
    gchar *path = g_strdup_printf("%s/FILL%022u.mp4", folder, i);
    g_autofree gchar *file = g_build_filename(self->clips, path, NULL);
    gint fd;

    g_mkdir_with_parents(dir, 0750);
    fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0 || write(fd, bytes, sizeof bytes) != sizeof bytes)
        g_error("%s: cannot be made", file);
    close(fd);
    return path;
}

static void
fill_clips(BenchStore *self, sqlite3 *db, guint n)
{
    sqlite3_stmt *insert =
        prepare(db, "INSERT INTO clips (id, camera_id, run_id, path, state, bytes) "
                    "VALUES (1000000 + :i, 1, 1000, :path, 'complete', :bytes)");

    execute(db, "BEGIN");
    for (guint i = 0; i < n; i++) {
        g_autofree gchar *path = make_clip(self, i, self->first_wall_us + i * self->step_us);

        bind_int(insert, ":i", i);
        bind_int(insert, ":bytes", CLIP_BYTES);
        sqlite3_bind_text(insert, sqlite3_bind_parameter_index(insert, ":path"), path, -1,
                          SQLITE_TRANSIENT);
        step(db, insert);
    }
    execute(db, "COMMIT");
    sqlite3_finalize(insert);
}

void
bench_store_fill(BenchStore *self, guint n, guint n_clips)
{
    sqlite3 *db;

    self->last_wall_us = g_get_real_time();
    self->first_wall_us = self->last_wall_us - self->days * DAY_US;
    self->step_us = (self->last_wall_us - self->first_wall_us) / MAX(n, 1);
    if (sqlite3_open(self->database, &db) != SQLITE_OK)
        g_error("%s: %s", self->database, sqlite3_errmsg(db));
    execute(db, "PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; "
                "PRAGMA wal_autocheckpoint = 20000");
    prepare_names(db);
    fill_clips(self, db, n_clips);
    fill_rows(self, db, n, n_clips);
    execute(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite3_close(db);
    sync(); /* what follows is not to pay for this */
}

void
bench_store_init_kept(BenchStore *self, const gchar *dir)
{
    sqlite3_stmt *stmt;
    sqlite3 *db;

    self->dir = g_strdup(dir);
    take_names(self);
    if (sqlite3_open_v2(self->database, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        g_error("%s: %s", self->database, sqlite3_errmsg(db));
    stmt = prepare(db, "SELECT min(start_wall_us), max(start_wall_us), (max(start_wall_us) - "
                       "min(start_wall_us)) / max(max(seq) - min(seq), 1) FROM events WHERE "
                       "seq IN ((SELECT min(seq) FROM events WHERE seq >= 1000000), "
                       "(SELECT max(seq) FROM events WHERE run_id = 1000))");
    if (sqlite3_step(stmt) != SQLITE_ROW)
        g_error("%s: %s", self->database, sqlite3_errmsg(db));
    self->first_wall_us = sqlite3_column_int64(stmt, 0);
    self->last_wall_us = sqlite3_column_int64(stmt, 1);
    self->step_us = sqlite3_column_int64(stmt, 2);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

gint64
bench_store_age_of(const BenchStore *self, guint n)
{
    return g_get_real_time() - self->first_wall_us - n * self->step_us;
}
