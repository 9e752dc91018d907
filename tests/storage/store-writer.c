/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer to be killed from outside, and who looks at what it left.
 *
 *   store-writer write DIR VIDEO FIRST LAST   events with clips that are made of the fragments of VIDEO; after each thing
 *                                             that the store said is done, a line on stdout: "b 7" begun, "p 7" goes on
 *                                             in a second clip, "e 7" ended, "f 7" clips finished; "s 7" a segment of a continuous
 *                                             recording begun, "c 7" complete; on an error "x MESSAGE", and the store is opened anew
 *   store-writer check DIR VIDEO < LINES      the next start: are all of them there, whole, and nothing else?
 *
 * Every fourth event is deleted once it is complete, so that deletions are met as well, and so are the segments of before; the other
 * events are pinned. A segment is being written whenever anything else is.
 */
#include "tests/storage/store-test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "storage/vigil-footage.h"

#define N_FRAGMENTS 3
#define MAX_ERRORS 3
#define CAMERA "door" /* of segments */

typedef struct {
    gchar *data;
    gsize ends[N_FRAGMENTS]; /* of the first fragment with the header, and of the next ones */
} Video;

static StoreTest t;
static Video video;
static guint n_wrong;
static VigilClip *segment; /* (nullable): being written */
static guint segment_number;

static void G_GNUC_PRINTF(1, 2) wrong(const gchar *format, ...)
{
    va_list args;

    n_wrong++;
    fputs("WRONG: ", stdout);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static void
say(gchar what, guint number)
{
    gchar line[32];
    const gint n = g_snprintf(line, sizeof line, "%c %u\n", what, number);

    /* in one call, so that a line is there or is not */
    if (write(STDOUT_FILENO, line, n) != n)
        _exit(2);
}

static gboolean
load_video(const gchar *path)
{
    gsize length, offset = 0;
    guint n = 0;

    if (!g_file_get_contents(path, &video.data, &length, NULL))
        return FALSE;
    while (n < N_FRAGMENTS && length - offset >= 8) {
        guint32 size;

        memcpy(&size, video.data + offset, sizeof size);
        size = GUINT32_FROM_BE(size);
        if (size < 8 || size > length - offset)
            return FALSE;
        offset += size;
        if (memcmp(video.data + offset - size + 4, "mdat", 4) == 0)
            video.ends[n++] = offset;
    }
    return n == N_FRAGMENTS;
}

static gboolean
is_victim(guint number)
{
    return number % 4 == 0;
}

static gboolean
write_fragment(VigilClip *clip, guint i, GError **error)
{
    const gsize begin = i ? video.ends[i - 1] : 0;

    return vigil_clip_write(clip, video.data + begin, video.ends[i] - begin, error) &&
           (i == 0 || vigil_clip_sync(clip, error));
}

/* --- segments: one lasts from an event to the next --- */

static gboolean
end_segment(GError **error)
{
    const VigilClipInfo info = store_test_segment_info(segment_number);
    VigilClip *clip = g_steal_pointer(&segment);

    if (!clip)
        return TRUE;
    if (!write_fragment(clip, 1, error) || !write_fragment(clip, 2, error)) {
        vigil_store_abandon_clip(t.store, clip);
        return FALSE;
    }
    if (!vigil_store_finish_clip(t.store, clip, &info, error))
        return FALSE;
    say('c', segment_number);
    return TRUE;
}

static gboolean
begin_segment(guint number, GError **error)
{
    const VigilClipInfo info = store_test_segment_info(number);
    VigilClip *clip = vigil_store_create_footage(t.store, CAMERA, info.start_wall_us, error);

    if (!clip)
        return FALSE;
    if (!write_fragment(clip, 0, error) || !vigil_store_begin_footage(t.store, clip, error)) {
        vigil_store_abandon_clip(t.store, clip);
        return FALSE;
    }
    segment = clip;
    segment_number = number;
    say('s', number);
    return TRUE;
}

/* --- events --- */

static VigilClip *
begin_event(guint number, GError **error)
{
    g_autoptr(VigilEvent) begin = store_test_event(number, VIGIL_EVENT_BEGIN);
    VigilClip *clip =
        vigil_store_create_clip(t.store, begin->camera, begin->id, begin->start_wall_us, error);

    if (!clip)
        return NULL;
    if (write_fragment(clip, 0, error) && vigil_store_commit_event(t.store, begin, clip, error))
        return clip;
    vigil_store_abandon_clip(t.store, clip);
    return NULL;
}

static gboolean
goes_on(guint number)
{
    return number % 5 == 1;
}

/* @clip: (transfer full): finished. Returns: (nullable): the second clip */
static VigilClip *
continue_event(guint number, VigilClip *clip, GError **error)
{
    g_autoptr(VigilEvent) event = store_test_event(number, VIGIL_EVENT_UPDATE);
    g_autofree gchar *name = g_strconcat(event->id, "-p1", NULL);
    VigilClip *part =
        vigil_store_create_clip(t.store, event->camera, name, event->start_wall_us, error);

    if (part && write_fragment(part, 0, error) &&
        vigil_store_continue_event(t.store, event->id, part, error)) {
        say('p', number);
        if (write_fragment(clip, 1, error) && write_fragment(clip, 2, error)) {
            if (vigil_store_finish_clip(t.store, clip, &store_test_info, error))
                return part;
            clip = NULL;
        }
    }
    if (clip)
        vigil_store_abandon_clip(t.store, clip);
    if (part)
        vigil_store_abandon_clip(t.store, part);
    return NULL;
}

static gboolean
write_event(guint number, GError **error)
{
    g_autoptr(VigilEvent) update = store_test_event(number, VIGIL_EVENT_UPDATE);
    g_autoptr(VigilEvent) end = store_test_event(number, VIGIL_EVENT_END);
    VigilClip *clip = begin_event(number, error);

    if (!clip)
        return FALSE;
    /* one that is not pinned may be deleted once it was interrupted */
    if (!is_victim(number) && !vigil_store_set_pinned(t.store, end->id, TRUE, error)) {
        vigil_store_abandon_clip(t.store, clip);
        return FALSE;
    }
    say('b', number);
    if (goes_on(number) && !(clip = continue_event(number, clip, error)))
        return FALSE;
    if (!write_fragment(clip, 1, error) ||
        !vigil_store_commit_event(t.store, update, clip, error) ||
        !write_fragment(clip, 2, error) || !vigil_store_commit_event(t.store, end, clip, error)) {
        vigil_store_abandon_clip(t.store, clip);
        return FALSE;
    }
    say('e', number);
    if (!vigil_store_finish_clip(t.store, clip, &store_test_info, error))
        return FALSE;
    say('f', number);
    return !is_victim(number) || vigil_store_enforce_limits(t.store, NULL, error);
}

static gboolean
open_store(GError **error)
{
    t.store = vigil_store_open_with(&t.options, NULL, store_test_mono, error);
    if (t.store && t.options.max_bytes) {
        const VigilStoreFootage limit = {.camera = CAMERA,
                                         .max_bytes = 2 * (gint64)video.ends[N_FRAGMENTS - 1]};

        vigil_store_set_footage(t.store, &limit, 1);
    }
    return t.store != NULL;
}

/* Only from one run to the next there may be a gap between segments. */
static void
recover_writer(gboolean close)
{
    if (segment)
        vigil_store_abandon_clip(t.store, g_steal_pointer(&segment));
    if (t.store && vigil_store_has_failed(t.store))
        t.store = vigil_store_renew(t.store, NULL);
    else if (close)
        store_test_close(&t);
}

static int
run_writer(guint first, guint last)
{
    guint n_errors = 0;

    t.options.max_bytes = 1;
    for (guint number = first; number <= last && n_errors < MAX_ERRORS; number++) {
        g_autoptr(GError) error = NULL;

        gboolean recorded = FALSE;

        if ((!t.store && !open_store(&error)) ||
            !(recorded = end_segment(&error) && begin_segment(number, &error)) ||
            !write_event(number, &error)) {
            g_print("x %s\n", error->message);
            n_errors++;
            recover_writer(!recorded);
        }
    }
    end_segment(NULL);
    store_test_close(&t);
    return 0;
}

/* --- afterwards --- */

static gchar *
query(const gchar *sql)
{
    gchar *answer = NULL;
    sqlite3_stmt *stmt = NULL;
    sqlite3 *db = NULL;

    if (sqlite3_open_v2(t.database, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        answer = g_strdup((const gchar *)sqlite3_column_text(stmt, 0));
    else
        wrong("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return answer;
}

static void
expect(const gchar *wanted, const gchar *sql)
{
    g_autofree gchar *answer = query(sql);

    if (answer && !g_str_equal(answer, wanted))
        wrong("%s: %s", sql, answer);
}

static void
check_line(gchar what, guint number)
{
    const gchar *wanted = what == 'b'   ? "1"
                          : what == 'e' ? "e.end_reason = 'gone'"
                          : what == 'p' ? "EXISTS (SELECT 1 FROM event_parts p JOIN clips q ON "
                                          "q.id = p.clip_id WHERE p.event_seq = e.seq)"
                                        : "c.state = 'complete'";
    g_autofree gchar *sql = g_strdup_printf("SELECT count(*) FROM events e JOIN clips c "
                                            "ON c.id = e.clip_id WHERE e.id = '%s' AND %s",
                                            store_test_id(number), wanted);

    if (!is_victim(number))
        expect("1", sql);
}

/* Plays as far as it goes, since it is the beginning of what plays, with one fragment at least. */
static void
check_file(const gchar *id, const gchar *clip, gboolean whole)
{
    g_autofree gchar *path = g_build_filename(t.clips, clip ? clip : "-", NULL);
    g_autofree gchar *bytes = NULL;
    gsize length;

    if (!clip || !g_file_get_contents(path, &bytes, &length, NULL))
        wrong("%s: no clip", id);
    else if (length < video.ends[0] || length > video.ends[N_FRAGMENTS - 1] ||
             memcmp(bytes, video.data, length) != 0)
        wrong("%s: %" G_GSIZE_FORMAT " bytes are not those that were written", path, length);
    else if (whole && length != video.ends[N_FRAGMENTS - 1])
        wrong("%s: complete, but %" G_GSIZE_FORMAT " bytes", path, length);
}

static gboolean
check_clips(const VigilEventRow *row, gpointer data)
{
    ++*(guint *)data;
    check_file(row->event->id, row->clip, row->clip_complete && row->clip_end_ns);
    for (guint i = 0; row->parts && row->parts[i]; i++)
        check_file(row->event->id, row->parts[i], FALSE);
    return TRUE;
}

static gboolean
check_segment(const VigilFootageRow *row, gpointer data)
{
    check_file("segment", row->path, g_str_equal(row->state, "complete"));
    if (row->end_us <= row->start_us)
        wrong("%s: %s, and does not say how long it is", row->path, row->state);
    ++*(guint *)data;
    return TRUE;
}

static void
print_finding(const gchar *finding, gboolean repaired, gpointer data)
{
    wrong("fsck: %s", finding);
}

/* @n_segments: (out) */
static guint
check_store(guint *n_segments)
{
    const VigilEventQuery all = {.ascending = TRUE};
    g_autofree gchar *n_clips = NULL;
    g_autoptr(GError) error = NULL;
    guint n_events = 0, n_left = 0;

    expect("ok", "PRAGMA integrity_check");
    expect("0", "SELECT count(*) FROM garbage");
    expect("0", "SELECT count(*) FROM clips WHERE state IN ('open', 'lost')");
    expect("0", "SELECT count(*) FROM events WHERE end_reason IS NULL OR clip_id IS NULL");
    expect("0", STORE_TEST_GAPS);
    expect("0",
           "SELECT count(*) FROM events e JOIN clips c ON c.id = e.clip_id WHERE continuous = 1");
    n_clips = query("SELECT count(*) FROM clips");
    if (n_clips && atoi(n_clips) != (gint)store_test_count_files(&t))
        wrong("%s clips, %u files", n_clips, store_test_count_files(&t));
    if (!vigil_store_fsck(t.store, FALSE, print_finding, NULL, &n_left, &error) ||
        !vigil_store_query_events(t.store, &all, check_clips, &n_events, &error) ||
        !vigil_store_list_footage(t.store, NULL, 0, 0, check_segment, n_segments, &error))
        wrong("%s", error->message);
    return n_events;
}

static int
run_check(void)
{
    g_autoptr(GError) error = NULL;
    guint number, n_lines = 0, n_events = 0, n_segments = 0;
    gchar what;

    if (!open_store(&error))
        wrong("the store does not open: %s", error->message);
    /* without limits: this ends what a run that died left open of continuous recordings */
    else if (!vigil_store_enforce_limits(t.store, NULL, &error))
        wrong("%s", error->message);
    else
        n_events = check_store(&n_segments);
    while (scanf(" %c %u%*[^\n]", &what, &number) == 2) {
        n_lines++;
        check_line(what, number);
    }
    store_test_close(&t);
    if (n_wrong == 0)
        expect("ok", "PRAGMA integrity_check");
    printf("%u acknowledged, %u events, %u segments, %u wrong\n", n_lines, n_events, n_segments,
           n_wrong);
    return n_wrong ? 1 : 0;
}

int
main(int argc, char **argv)
{
    if (argc < 4 || !load_video(argv[3])) {
        g_printerr("store-writer write DIR VIDEO FIRST LAST | check DIR VIDEO\n");
        return 64;
    }
    t.database = g_build_filename(argv[2], "events.db", NULL);
    t.clips = g_build_filename(argv[2], "clips", NULL);
    t.options = (VigilStoreOptions){.database = t.database,
                                    .clips = t.clips,
                                    .program = "store-writer",
                                    .now_func = store_test_wall};
    return argc > 5 ? run_writer(atoi(argv[4]), atoi(argv[5])) : run_check();
}
