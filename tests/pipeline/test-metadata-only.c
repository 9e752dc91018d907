/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A camera with `metadata_only: true`: nothing of its pictures reaches disk or network. The pictures have pixels that are known, since
 * they are coded without loss; these, the coded bytes, and what pictures and videos begin with are looked for in all that is written. The
 * same search finds them where the camera may record.
 */
#include <check.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pipeline/program.h"
#include "tests/support/vigil-spot-model.h"

#define WAL_HEADER_BYTES 32
#define END "\"type\":\"end\""
/* The luma of the marker, everywhere but where the white square is. */
#define MARKER_LUMA "20+mod(X*X*7+Y*13+X*Y,57)"
#define WIDTH 160
#define HEIGHT 96

#define PIXELS 24 /* of a row that are looked for */
#define SEAL_BYTES 1000
#define CODED 16 /* bytes in a row of the file that are looked for */

static gchar *folder, *store, *model, *video;
static GPtrArray *needles; /* (element-type GBytes) */
static GPtrArray *names;   /* (element-type utf8): what they are */

/* --- what is looked for ---------------------------------------------------------------------- */

static void
add_needle(gconstpointer bytes, gsize length, const gchar *name)
{
    g_ptr_array_add(needles, g_bytes_new(bytes, length));
    g_ptr_array_add(names, g_strdup(name));
}

static void
add_signatures(void)
{
    static const guint8 jpegs[][4] = {{0xff, 0xd8, 0xff, 0xe0},
                                      {0xff, 0xd8, 0xff, 0xe1},
                                      {0xff, 0xd8, 0xff, 0xdb},
                                      {0xff, 0xd8, 0xff, 0xee}};
    static const gchar *const boxes[] = {"JFIF", "ftyp", "moov", "moof", "mdat", "avcC", "hvcC"};
    static const guint8 units[] = {0x67, 0x68, 0x65, 0x61, 0x41, 0x40, 0x42, 0x44, 0x26};

    for (guint i = 0; i < G_N_ELEMENTS(jpegs); i++)
        add_needle(jpegs[i], 4, "the begin of a JPEG");
    for (guint i = 0; i < G_N_ELEMENTS(boxes); i++)
        add_needle(boxes[i], 4, boxes[i]);
    for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
        const guint8 unit[] = {0, 0, 0, 1, units[i]};

        add_needle(unit, sizeof unit, "the begin of a NAL unit");
    }
}

static void
add_pixels(void)
{
    for (gint y = 3; y < HEIGHT; y += 7) {
        guint8 row[PIXELS];

        for (gint i = 0; i < PIXELS; i++) {
            const gint x = 8 + i;

            row[i] = (guint8)(20 + (x * x * 7 + y * 13 + x * y) % 57);
        }
        add_needle(row, sizeof row, "pixels");
    }
}

static guint
count_values(const guint8 *bytes, guint n)
{
    gboolean seen[256] = {FALSE};
    guint count = 0;

    for (guint i = 0; i < n; i++) {
        count += !seen[bytes[i]];
        seen[bytes[i]] = TRUE;
    }
    return count;
}

/* From all parts of the file; runs of few values could be anything. */
static void
add_coded(void)
{
    g_autofree gchar *bytes = NULL;
    gsize length, step;

    ck_assert(g_file_get_contents(video, &bytes, &length, NULL));
    step = length / 200;
    for (gsize at = length / 10; at + CODED < length - length / 10; at += step)
        if (count_values((const guint8 *)bytes + at, CODED) > 12)
            add_needle(bytes + at, CODED, "coded video");
    ck_assert_uint_gt(needles->len, 50);
}

/* --- looking --------------------------------------------------------------------------------- */

typedef struct {
    guint files, hits;
    gsize bytes;
    GString *found;
} Search;

static void
search_file(Search *search, const gchar *path)
{
    g_autofree gchar *content = NULL;
    gsize length;

    if (!g_file_get_contents(path, &content, &length, NULL))
        return; /* a socket */
    /* the header of SQLite's log: a small number and random ones can look like the begin of anything */
    if (g_str_has_suffix(path, "-wal"))
        memset(content, 0, MIN(length, WAL_HEADER_BYTES));
    search->files++;
    search->bytes += length;
    for (guint i = 0; i < needles->len; i++) {
        GBytes *needle = needles->pdata[i];

        if (!memmem(content, length, g_bytes_get_data(needle, NULL), g_bytes_get_size(needle)))
            continue;
        search->hits++;
        g_string_append_printf(search->found, "%s: %s\n", path, (gchar *)names->pdata[i]);
    }
}

static void
search_tree(Search *search, const gchar *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const gchar *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree gchar *child = g_build_filename(path, name, NULL);

        if (g_file_test(child, G_FILE_TEST_IS_DIR))
            search_tree(search, child);
        else
            search_file(search, child);
    }
}

static void
check_nothing_there(void)
{
    g_autoptr(GString) found = g_string_new(NULL);
    Search search = {.found = found};

    search_tree(&search, store);
    ck_assert_uint_ge(search.files, 2);
    ck_assert_uint_gt(search.bytes, 50000);
    ck_assert_msg(search.hits == 0, "%s", found->str);
}

/* --- the database ---------------------------------------------------------------------------- */

static gint
query_number(sqlite3 *db, const gchar *sql)
{
    sqlite3_stmt *stmt = NULL;
    gint n;

    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, "%s", sql);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    n = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return n;
}

static gint
count_blobs(sqlite3 *db, const gchar *table, const gchar *column, guint bytes)
{
    g_autofree gchar *sql = g_strdup_printf(
        "SELECT count(*) FROM \"%s\" WHERE typeof(\"%s\") = 'blob' AND length(\"%s\") > %u", table,
        column, column, bytes);

    return query_number(db, sql);
}

/* No bytes but the paths of boxes, which are places and scores, and digests and signatures, none longer than 1,000 bytes. */
static void
check_blobs(sqlite3 *db)
{
    static const gchar sql[] = "SELECT m.name, c.name FROM sqlite_master m JOIN "
                               "pragma_table_info(m.name) c WHERE m.type = 'table'";
    sqlite3_stmt *stmt = NULL;
    guint n_columns = 0;

    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const gchar *table = (const gchar *)sqlite3_column_text(stmt, 0);
        const gchar *column = (const gchar *)sqlite3_column_text(stmt, 1);
        const gboolean path = g_str_equal(table, "tracks") && g_str_equal(column, "path");
        const gboolean seal = g_str_equal(table, "seals");
        /* SQLite's own: bounds and numbers of rows */
        const gboolean tree = g_str_equal(table, "event_areas_node") && g_str_equal(column, "data");
        const gint n = count_blobs(db, table, column, seal ? SEAL_BYTES : 0);

        n_columns++;
        ck_assert_msg(path || tree ? n > 0 : n == 0, "%s.%s: %d blobs", table, column, n);
    }
    sqlite3_finalize(stmt);
    ck_assert_uint_gt(n_columns, 30);
}

static void
check_database(void)
{
    g_autofree gchar *path = g_build_filename(store, "events.db", NULL);
    sqlite3 *db = NULL;

    ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    ck_assert_int_ge(query_number(db, "SELECT count(*) FROM events"), 1);
    ck_assert_int_eq(query_number(db, "SELECT count(*) FROM clips"), 0);
    ck_assert_int_eq(query_number(db, "SELECT count(*) FROM snapshots"), 0);
    check_blobs(db);
    sqlite3_close(db);
}

/* --- system calls ---------------------------------------------------------------------------- */

/* LeakSanitizer cannot look where somebody traces. */
static void
forgo_leaks(void)
{
    const gchar *options = g_getenv("ASAN_OPTIONS");
    g_autofree gchar *without =
        g_strconcat(options ? options : "", options ? ":" : "", "detect_leaks=0", NULL);

    g_setenv("ASAN_OPTIONS", without, TRUE);
}

static gboolean
have_strace(void)
{
    g_autofree gchar *path = g_find_program_in_path("strace");
    const gchar *argv[] = {path, "-o", "/dev/null", "true", NULL};
    g_auto(Program) strace = {0};

    if (path)
        strace = program_run_argv(argv);
    if (path && strace.code == 0) {
        forgo_leaks();
        return TRUE;
    }
    g_printerr(
        "SKIP in part: strace is not here, or may not trace: system calls are not looked at\n");
    return FALSE;
}

static gboolean
opens_for_writing(const gchar *line)
{
    return strstr(line, "O_WRONLY") || strstr(line, "O_RDWR") || strstr(line, "O_CREAT") ||
           strstr(line, "O_TMPFILE") || strstr(line, "creat(") || strstr(line, "rename") ||
           strstr(line, "mkdir") || strstr(line, "mknod") || strstr(line, "link");
}

/* Each path of the call: absolute ones are in the store, others begin at a folder of it. */
static void
check_paths(const gchar *line)
{
    g_auto(GStrv) parts = g_strsplit(line, "\"", -1);
    g_autofree gchar *folder_of_it = g_strdup_printf("<%s", store);

    for (guint i = 1; parts[i]; i += 2)
        if (!g_str_has_prefix(parts[i], store) && !g_str_equal(parts[i], "/dev/null"))
            ck_assert_msg(parts[i][0] != '/' && strstr(line, folder_of_it), "%s", line);
}

static void
check_call(const gchar *line)
{
    static const gchar *const never[] = {"AF_INET", "AF_PACKET", "connect(",      "sendto(",
                                         "sendmsg", "sendmmsg(", "memfd_create(", "sendfile("};

    for (guint i = 0; i < G_N_ELEMENTS(never); i++)
        ck_assert_msg(!strstr(line, never[i]), "%s", line);
    if (strstr(line, "bind("))
        ck_assert_msg(strstr(line, "vigil.sock") || strstr(line, "vigil.pin"), "%s", line);
    if (opens_for_writing(line) && !strstr(line, "= -1 E"))
        check_paths(line);
}

static void
check_trace(const gchar *trace)
{
    g_autofree gchar *text = read_text(trace);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    ck_assert_uint_gt(g_strv_length(lines), 100);
    ck_assert_ptr_nonnull(strstr(text, "events.db"));
    for (guint i = 0; lines[i]; i++)
        check_call(lines[i]);
}

/* --- the tests ------------------------------------------------------------------------------- */

static void
make_video(void)
{
    const gchar *argv[] = {"ffmpeg",
                           "-v",
                           "error",
                           "-f",
                           "lavfi",
                           "-i",
                           "nullsrc=s=160x96:r=10:d=10,format=yuv420p,geq=lum='" MARKER_LUMA
                           "':cb=128:cr=128",
                           "-f",
                           "lavfi",
                           "-i",
                           "color=white:s=48x48:r=10:d=10",
                           "-filter_complex",
                           "overlay=x='100-mod(n,20)':y=24:enable='between(t,3,5)'",
                           "-c:v",
                           "libx264",
                           "-qp",
                           "0",
                           "-pix_fmt",
                           "yuv420p",
                           "-g",
                           "5",
                           video,
                           NULL};
    g_auto(Program) ffmpeg = program_run_argv(argv);

    ck_assert_msg(ffmpeg.code == 0, "%s", ffmpeg.errors);
}

static void
setup(void)
{
    const VigilSpot spot = {WIDTH, HEIGHT, VIGIL_SPOT_BRIGHT, 2, 0};

    folder = folder_new();
    store = g_build_filename(folder, "store", NULL);
    model = g_build_filename(folder, "spot", NULL);
    video = g_build_filename(folder, "video.mp4", NULL);
    needles = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    names = g_ptr_array_new_with_free_func(g_free);
    make_video();
    vigil_spot_package(&spot, model, "spot", "1.0.0", "light\nb\n");
    add_signatures();
    add_pixels();
    add_coded();
}

static void
teardown(void)
{
    folder_remove(folder);
    g_free(folder);
    g_free(store);
    g_free(model);
    g_free(video);
    g_ptr_array_unref(needles);
    g_ptr_array_unref(names);
}

static gchar *
write_config(const gchar *more)
{
    return folder_write(folder, "c.yaml",
                        "store: {path: '%s'}\nmodel: {path: '%s'}\ncameras:\n  - name: yard\n"
                        "    source: '%s'\n%s"
                        "    rules: [{name: r, classes: [light], end_after: 1s}]\n",
                        store, model, video, more);
}

/* The search finds what is to be found: in the video, in its frames, in a store that may have them. */
START_TEST(the_search_finds)
{
    g_autofree gchar *raw = g_build_filename(folder, "raw", NULL);
    g_autofree gchar *config = write_config("");
    g_autofree gchar *database = g_build_filename(store, "events.db", NULL);
    g_autoptr(GString) found = g_string_new(NULL);
    const gchar *decode[] = {"ffmpeg",   "-v",       "error",   "-i", video, "-f",
                             "rawvideo", "-pix_fmt", "yuv420p", raw,  NULL};
    g_auto(Program) ffmpeg = program_run_argv(decode);
    g_auto(Program) replay = program_run("replay", config, NULL);
    Search search = {.found = found};

    ck_assert_int_eq(ffmpeg.code, 0);
    ck_assert_int_eq(replay.code, 0);
    search_file(&search, raw);
    ck_assert_ptr_nonnull(strstr(found->str, "raw: pixels"));
    search_file(&search, database);
    ck_assert_ptr_nonnull(strstr(found->str, "events.db: the begin of a JPEG"));
    search_tree(&search, store);
    ck_assert_ptr_nonnull(strstr(found->str, ".mp4: moof"));
    ck_assert_ptr_nonnull(strstr(found->str, ".mp4: coded video"));
}
END_TEST

static const gchar *const more[] = {
    "    metadata_only: true\n",
    "    metadata_only: true\n    masks: [[[0, 0], [0.1, 0], [0.1, 0.1]]]\n    motion: {enabled: "
    "true}\n",
};

START_TEST(replay)
{
    g_autofree gchar *config = write_config(more[_i]);
    g_autofree gchar *trace = g_build_filename(folder, "trace", NULL);
    const gchar *calls = "trace=%network,openat,openat2,open,creat,memfd_create,rename,renameat,"
                         "renameat2,link,linkat,symlink,mknod,mkdir,mkdirat,sendfile";
    const gchar *argv[] = {"strace", "-f",   "-y", "-s",  "300",
                           "-e",     calls,  "-o", trace, g_getenv("VIGIL_PROGRAM"),
                           "replay", config, NULL};
    const gboolean traced = have_strace();
    g_auto(Program) program = program_run_argv(traced ? argv : argv + 9);

    ck_assert_msg(program.code == 0, "%s", program.errors);
    ck_assert_uint_ge(count_text(program.output, END), 1);
    ck_assert_uint_ge(count_text(program.output, "\"clip\":null"), 2);
    ck_assert_uint_eq(count_text(program.output, ".mp4"), 0);
    check_nothing_there();
    check_database();
    if (traced)
        check_trace(trace);
}
END_TEST

/* While it runs, with its log, and after it was killed. */
START_TEST(daemon_that_is_killed)
{
    g_autofree gchar *config = write_config(more[0]);
    g_autofree gchar *trace = g_build_filename(folder, "trace", NULL);
    g_autofree gchar *output = g_build_filename(folder, "output", NULL);
    g_autofree gchar *errors = g_build_filename(folder, "errors", NULL);
    g_autofree gchar *wal = g_build_filename(store, "events.db-wal", NULL);
    g_autofree gchar *text = NULL;
    const gchar *calls = "trace=%network,openat,openat2,open,creat,memfd_create,rename,renameat,"
                         "renameat2,link,linkat,symlink,mknod,mkdir,mkdirat,sendfile";
    const gchar *argv[] = {"strace", "-f",   "-y", "-s",  "300",
                           "-e",     calls,  "-o", trace, g_getenv("VIGIL_PROGRAM"),
                           "run",    config, NULL};
    const gboolean traced = have_strace();
    g_autoptr(GSubprocess) daemon = program_start_argv(output, errors, traced ? argv : argv + 9);
    g_autofree gchar *log = NULL;
    g_autoptr(GString) found = g_string_new(NULL);
    Search search = {.found = found};

    if (!wait_for_text(errors, END, 1, 60)) {
        log = read_text(errors);
        ck_abort_msg("no event: %s", log);
    }
    ck_assert(g_file_test(wal, G_FILE_TEST_EXISTS));
    check_nothing_there();
    text = traced ? read_text(trace) : NULL;
    /* the first number is that of the program's process */
    if (traced)
        kill((pid_t)g_ascii_strtoll(text, NULL, 10), SIGKILL);
    else
        g_subprocess_force_exit(daemon);
    program_wait_exit(daemon, 20);
    check_nothing_there();
    check_database();
    search_file(&search, output);
    search_file(&search, errors);
    ck_assert_msg(search.hits == 0, "%s", found->str);
    if (!traced)
        return;
    check_trace(trace);
    ck_assert_ptr_nonnull(strstr(text, "bind("));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("metadata-only");
    TCase *tcase = tcase_create("metadata-only");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_search_finds);
    tcase_add_loop_test(tcase, replay, 0, G_N_ELEMENTS(more));
    tcase_add_test(tcase, daemon_that_is_killed);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
