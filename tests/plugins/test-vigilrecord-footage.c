/* SPDX-License-Identifier: Apache-2.0 */
/* Continuous recording: segments that follow each other without a gap, beside the clips of events. */
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include "plugins/record/vigil-footage-copy.h"
#include "storage/vigil-footage.h"
#include "tests/plugins/record-rig.h"

#define SECONDS(n) "segment=" #n "000000000 camera=door wall-base=1000000000000000 "
#define WALL_MS G_GINT64_CONSTANT(1000000000000)
#define BALL                                     \
    "videotestsrc pattern=ball num-buffers=200 " \
    "! video/x-raw,format=I420,width=160,height=120,framerate=10/1 ! "
#define LIVE(n, size)                                             \
    "videotestsrc is-live=true num-buffers=" #n " ! video/x-raw," \
    "format=I420," size ",framerate=20/1 ! " X264(10, "tune=zerolatency") AVC
#define SMALL "width=160,height=120"

static void
wait_for(Rig *rig, const gchar *name, guint64 value)
{
    for (guint i = 0; i < 6000 && rig_stat(rig, name) < value; i++)
        g_usleep(10000);
    fail_unless(rig_stat(rig, name) >= value, "%s: %u of %u", name, (guint)rig_stat(rig, name),
                (guint)value);
}

/* The analysis is over before it began. */
static void
end_events(Rig *rig)
{
    gst_pad_push_event(rig->events, gst_event_new_eos());
}

/* --- pictures ------------------------------------------------------------------------------------------------ */

/* What a pipeline decodes: times in ms, from @start_ms at the first picture on, with what is to be seen. */
static void
see(const gchar *line, gint64 start_ms, GHashTable *pictures, guint *n)
{
    g_autofree gchar *whole =
        g_strdup_printf("%s ! appsink name=sink sync=false max-buffers=4", line);
    GstElement *pipeline = gst_parse_launch(whole, NULL), *sink;
    GstClockTime first = GST_CLOCK_TIME_NONE;
    GstSample *sample;

    fail_unless(pipeline != NULL, "%s", whole);
    sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    while ((sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), 30 * GST_SECOND))) {
        GstBuffer *buffer = gst_sample_get_buffer(sample);
        GstMapInfo map;
        gint64 ms;

        if (!GST_CLOCK_TIME_IS_VALID(first))
            first = GST_BUFFER_PTS(buffer);
        ms = start_ms + (gint64)((GST_BUFFER_PTS(buffer) - first + 500000) / MS);
        fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
        g_hash_table_insert(pictures, g_memdup2(&ms, sizeof ms),
                            g_compute_checksum_for_data(G_CHECKSUM_MD5, map.data, map.size));
        gst_buffer_unmap(buffer, &map);
        gst_sample_unref(sample);
        (*n)++;
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
}

static GHashTable *
pictures_new(void)
{
    return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
}

static void
assert_same_pictures(GHashTable *found, GHashTable *wanted)
{
    GHashTableIter iter;
    gpointer ms, sum;

    g_hash_table_iter_init(&iter, wanted);
    while (g_hash_table_iter_next(&iter, &ms, &sum)) {
        const gchar *other = g_hash_table_lookup(found, ms);

        fail_unless(other != NULL, "the picture at %d ms is missing", (int)*(gint64 *)ms);
        fail_unless(g_str_equal(other, sum), "another picture at %d ms", (int)*(gint64 *)ms);
    }
    assert_equals_int(g_hash_table_size(found), g_hash_table_size(wanted));
}

/* --- segments ------------------------------------------------------------------------------------------------ */

typedef struct {
    gchar *path, *state;
    gint64 start_ms, end_ms; /* wall time, less that of stream time 0 */
} Segment;

static void
segment_clear(gpointer data)
{
    g_free(((Segment *)data)->path);
    g_free(((Segment *)data)->state);
}

typedef struct {
    const gchar *clips;
    GArray *segments;
} Listing;

static gboolean
on_segment(const VigilFootageRow *row, gpointer user_data)
{
    const Listing *listing = user_data;
    const Segment segment = {g_build_filename(listing->clips, row->path, NULL),
                             g_strdup(row->state), row->start_us / 1000 - WALL_MS,
                             row->end_us / 1000 - WALL_MS};

    assert_equals_string(row->camera, "door");
    g_array_append_val(listing->segments, segment);
    return TRUE;
}

/* (element-type Segment) (transfer full): in order; fsck has nothing to say */
static GArray *
list_segments(Rig *rig)
{
    g_autoptr(VigilStore) store = vigil_store_open_reader(rig->database, rig->clips, NULL);
    Listing listing = {rig->clips, g_array_new(FALSE, FALSE, sizeof(Segment))};
    guint n_left;

    g_array_set_clear_func(listing.segments, segment_clear);
    fail_unless(vigil_store_list_footage(store, NULL, 0, 0, on_segment, &listing, NULL));
    fail_unless(vigil_store_fsck(store, FALSE, NULL, NULL, &n_left, NULL));
    assert_equals_int(n_left, 0);
    return listing.segments;
}

static void
see_segments(const GArray *segments, gboolean h265, GHashTable *pictures)
{
    for (guint i = 0; i < segments->len; i++) {
        const Segment *segment = &g_array_index(segments, Segment, i);
        const ClipView view = test_view_clip(segment->path, h265);
        g_autofree gchar *line =
            g_strdup_printf("filesrc location=%s ! qtdemux ! %s max-threads=1", segment->path,
                            h265 ? "h265parse ! avdec_h265" : "h264parse ! avdec_h264");
        guint n = 0;

        assert_equals_string(segment->state, "complete");
        assert_equals_int(view.n_errors, 0);
        fail_unless(view.first_is_key);
        assert_equals_uint64(view.first_dts, 0);
        assert_equals_int(view.n_decoded, view.n_samples);
        fail_unless(test_ffprobe_duration(segment->path) != 0);
        see(line, segment->start_ms, pictures, &n);
        assert_equals_int(n, view.n_samples);
    }
}

/* --- a span of it -------------------------------------------------------------------------------------------- */

typedef struct {
    gchar *path;
    FILE *file;
    guint n_ended;
    GString *missing; /* (nullable): none is expected */
} Span;

static gboolean
begin_span(guint number, gpointer user_data, GError **error)
{
    Span *span = user_data;

    assert_equals_int(number, 1);
    span->file = fopen(span->path, "w");
    return span->file != NULL;
}

static gboolean
write_span(gconstpointer data, gsize length, gpointer user_data, GError **error)
{
    return fwrite(data, length, 1, ((Span *)user_data)->file) == 1;
}

static gboolean
end_span(gpointer user_data, GError **error)
{
    Span *span = user_data;

    span->n_ended++;
    return fclose(span->file) == 0;
}

static void
miss_span(gint64 start_us, gint64 end_us, const gchar *why, gpointer user_data)
{
    Span *span = user_data;

    fail_unless(span->missing != NULL, "missing: %s", why);
    g_string_append_printf(span->missing, "%d-%d ", (gint)(start_us / 1000 - WALL_MS),
                           end_us ? (gint)(end_us / 1000 - WALL_MS) : -1);
}

/* What was recorded from @since_ms to @until_ms, of which the keyframe before begins at @key_ms at the latest. */
static void
assert_span(Rig *rig, gint64 since_ms, gint64 until_ms, gint64 longest_ms, const gchar *decoder,
            GHashTable *wanted)
{
    static const VigilFootageSink sink = {begin_span, write_span, end_span, miss_span};
    g_autoptr(VigilStore) store = vigil_store_open_reader(rig->database, rig->clips, NULL);
    g_autofree gchar *path = g_build_filename(rig->dir, "span.mp4", NULL), *line = NULL;
    Span span = {.path = path};
    GHashTable *found = pictures_new();
    VigilFootageCopied copied;
    GError *error = NULL;
    gint64 start_ms, end_ms;
    guint n = 0;

    fail_unless(vigil_footage_copy(store, "door", (WALL_MS + since_ms) * 1000,
                                   (WALL_MS + until_ms) * 1000, &sink, &span, &copied, &error),
                "%s", error ? error->message : "");
    assert_equals_int(span.n_ended, 1);
    assert_equals_int(copied.n_gaps, 0);
    start_ms = (copied.start_us + 500) / 1000 - WALL_MS;
    fail_unless(start_ms <= since_ms && start_ms > since_ms - longest_ms, "%d..%d begins at %d",
                (int)since_ms, (int)until_ms, (int)start_ms);
    line = g_strdup_printf("filesrc location=%s ! qtdemux ! %s max-threads=1", path, decoder);
    see(line, start_ms, found, &n);
    assert_equals_int(n, copied.n_frames);
    assert_equals_int(n, g_hash_table_size(found));
    fail_unless(test_ffprobe_duration(path) != 0);
    /* what comes later than asked for is only what other pictures need */
    end_ms = start_ms + 100 * (gint64)n;
    fail_unless(end_ms > until_ms && end_ms <= until_ms + 500, "%d..%d ends at %d", (int)since_ms,
                (int)until_ms, (int)end_ms);
    for (gint64 ms = start_ms; ms <= until_ms; ms += 100) {
        const gchar *seen = g_hash_table_lookup(found, &ms),
                    *sent = g_hash_table_lookup(wanted, &ms);

        fail_unless(seen && sent && g_str_equal(seen, sent), "%d..%d: the picture at %d",
                    (int)since_ms, (int)until_ms, (int)ms);
    }
    g_hash_table_unref(found);
}

static const struct {
    const gchar *encoder, *needs, *decoder;
    gint64 longest_ms;
    gboolean h265;
} streams[] = {
    {X264(10, ""), NULL, "avdec_h264", 3000, FALSE},
    /* groups that are longer than what is asked for, and others that do not divide it */
    {X264(37, "bframes=2 b-adapt=false"), NULL, "avdec_h264", 3700, FALSE},
    {X264(7, "bframes=2 b-adapt=false"), NULL, "avdec_h264", 3500, FALSE},
    /* pictures behind a keyframe that need those before it */
    {"x265enc speed-preset=ultrafast key-int-max=8 option-string=open-gop=1:bframes=2:b-adapt=0:"
     "scenecut=0 ! h265parse ! ",
     "x265enc", "avdec_h265", 3300, TRUE},
};

/* Each picture that the camera sent is in a segment, as it was, while an event has a clip of its own. */
GST_START_TEST(nothing_is_missing)
{
    const Script script[] = {{1, B, 2000, 2500, 1000, 1000}, {1, E, 2000, 9000, 1000, 1000}};
    const gboolean h265 = streams[__i__].h265;
    const gchar *form = h265 ? "video/x-h265,stream-format=hvc1,alignment=au ! " : AVC;
    g_autofree gchar *video = g_strconcat(BALL, streams[__i__].encoder, form, NULL);
    g_autofree gchar *line = g_strconcat(video, h265 ? "h265parse" : "h264parse", " ! ",
                                         streams[__i__].decoder, " max-threads=1", NULL);
    GHashTable *wanted, *found;
    GPtrArray *lines;
    GArray *segments;
    guint n = 0;
    Rig rig;

    if (streams[__i__].needs && !test_have_element(streams[__i__].needs))
        return;
    wanted = pictures_new();
    found = pictures_new();
    see(line, 0, wanted, &n);
    assert_equals_int(n, 200);
    rig = rig_new(video, SECONDS(3));
    rig.h265 = h265;
    rig_play(&rig, script, 2, 20000, 1000);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 2);
    assert_equals_uint64(rig_stat(&rig, "clips-complete"), 1);
    assert_equals_uint64(rig_stat(&rig, "footage-lost"), 0);
    assert_equals_uint64(rig_stat(&rig, "segments-failed"), 0);
    segments = list_segments(&rig);
    assert_equals_uint64(rig_stat(&rig, "segments-complete"), segments->len);
    fail_unless(segments->len >= 5 && segments->len <= 7, "%u segments", segments->len);
    see_segments(segments, h265, found);
    for (guint i = 0; i + 1 < segments->len; i++) {
        const Segment *segment = &g_array_index(segments, Segment, i), *next = segment + 1;

        fail_unless(next->start_ms - segment->start_ms >= 3000 &&
                        next->start_ms - segment->start_ms <= streams[__i__].longest_ms,
                    "segment %u begins %d ms after the one before", i + 1,
                    (int)(next->start_ms - segment->start_ms));
        fail_unless(segment->end_ms >= next->start_ms);
    }
    assert_same_pictures(found, wanted);
    for (gint64 since_ms = 0; since_ms < 12000; since_ms += 2900)
        assert_span(&rig, since_ms, since_ms + 7050, 4000,
                    h265 ? "h265parse ! avdec_h265" : "h264parse ! avdec_h264", wanted);
    assert_span(&rig, 4210, 4230, 4000, h265 ? "h265parse ! avdec_h265" : "h264parse ! avdec_h264",
                wanted);
    g_array_unref(segments);
    g_hash_table_unref(wanted);
    g_hash_table_unref(found);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

static void
change_rows(Rig *rig, const gchar *sql)
{
    sqlite3 *db = NULL;

    fail_unless(sqlite3_open(rig->database, &db) == SQLITE_OK);
    fail_unless(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static gint
compare_times(gconstpointer a, gconstpointer b)
{
    const gint64 one = *(const gint64 *)a, other = *(const gint64 *)b;

    return (one > other) - (one < other);
}

/* In their order, whenever that was. */
static void
assert_same_order(GHashTable *found, GHashTable *wanted)
{
    GList *f = g_list_sort(g_hash_table_get_keys(found), compare_times), *at = f;
    GList *w = g_list_sort(g_hash_table_get_keys(wanted), compare_times);
    guint n = 0;

    assert_equals_int(g_list_length(f), g_list_length(w));
    for (GList *want = w; want; want = want->next, at = at->next, n++)
        fail_unless(g_strcmp0(g_hash_table_lookup(found, at->data),
                              g_hash_table_lookup(wanted, want->data)) == 0,
                    "picture %u", n);
    g_list_free(f);
    g_list_free(w);
}

static const gint drifts_ms[] = {-150, 150, -1900};

/* Segments are dated by a clock that is slewed meanwhile: a copy has each picture all the same, and once. */
GST_START_TEST(a_clock_that_drifts)
{
    static const VigilFootageSink sink = {begin_span, write_span, end_span, miss_span};
    const guint i = (guint)__i__ % G_N_ELEMENTS(streams);
    const gboolean h265 = streams[i].h265;
    g_autofree gchar *video =
        g_strconcat(BALL, streams[i].encoder,
                    h265 ? "video/x-h265,stream-format=hvc1,alignment=au ! " : AVC, NULL);
    const gchar *parse = h265 ? "h265parse" : "h264parse";
    g_autofree gchar *line =
        g_strdup_printf("%s%s ! %s max-threads=1", video, parse, streams[i].decoder);
    g_autofree gchar *sql = NULL, *copy_line = NULL;
    GHashTable *wanted, *found;
    g_autoptr(VigilStore) store = NULL;
    VigilFootageCopied copied;
    Span span = {NULL};
    GPtrArray *lines;
    guint n = 0;
    Rig rig;

    if (streams[i].needs && !test_have_element(streams[i].needs))
        return;
    wanted = pictures_new();
    found = pictures_new();
    see(line, 0, wanted, &n);
    rig = rig_new(video, SECONDS(3));
    end_events(&rig);
    lines = rig_wait(&rig);
    sql = g_strdup_printf("UPDATE clips SET start_wall_us = start_wall_us + (id - 1) * %d000, "
                          "end_wall_us = end_wall_us + (id - 1) * %d000",
                          drifts_ms[__i__ / 4], drifts_ms[__i__ / 4]);
    change_rows(&rig, sql);
    span.path = g_build_filename(rig.dir, "span.mp4", NULL);
    store = vigil_store_open_reader(rig.database, rig.clips, NULL);
    fail_unless(vigil_footage_copy(store, "door", WALL_MS * 1000, (WALL_MS + 60000) * 1000, &sink,
                                   &span, &copied, NULL));
    assert_equals_int(copied.n_frames, 200);
    copy_line = g_strdup_printf("filesrc location=%s ! qtdemux ! %s ! %s max-threads=1", span.path,
                                parse, streams[i].decoder);
    n = 0;
    see(copy_line, 0, found, &n);
    assert_same_order(found, wanted);
    g_free(span.path);
    g_hash_table_unref(wanted);
    g_hash_table_unref(found);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* A segment of long ago that was cut off and does not say where it ends has nothing of a time of now. */
GST_START_TEST(one_that_does_not_say_its_end)
{
    static const VigilFootageSink sink = {begin_span, write_span, end_span, miss_span};
    g_autoptr(VigilStore) store = NULL;
    g_autofree gchar *path = NULL;
    VigilFootageCopied copied;
    Span span = {NULL};
    GPtrArray *lines;
    Rig rig = rig_new(PLAIN, SECONDS(3));

    end_events(&rig);
    lines = rig_wait(&rig);
    change_rows(&rig,
                "UPDATE clips SET state = 'cut', start_wall_us = start_wall_us - 86400000000, "
                "end_wall_us = NULL WHERE id = 1");
    /* up to the year 9999 */
    span.path = path = g_build_filename(rig.dir, "span.mp4", NULL);
    store = vigil_store_open_reader(rig.database, rig.clips, NULL);
    fail_unless(vigil_footage_copy(store, "door", (WALL_MS + 7500) * 1000,
                                   G_GINT64_CONSTANT(253402300799000000), &sink, &span, &copied,
                                   NULL));
    assert_equals_int64(copied.start_us / 1000 - WALL_MS, 7000);
    assert_equals_int(copied.n_frames, 130);
    assert_equals_int(copied.n_gaps, 0);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

static const struct {
    const gchar *missing, *sql;
    gint64 since_ms, left_percent; /* of the file of the second segment; 0: it is gone */
    guint64 n_frames;
} broken[] = {
    {"", NULL, 0, 100, 200},
    {"6000-12000 ", NULL, 0, 0, 140},
    {"7500-12000 ", NULL, 7500, 0, 80},
    {"6000-12000 ", "UPDATE clips SET state = 'lost', bytes = 0 WHERE id = 2", 0, 100, 140},
    {"6000--1 ", "UPDATE clips SET state = 'lost', bytes = 0, end_wall_us = NULL WHERE id = 2", 0,
     100, 140},
    {"9000-12000 ", NULL, 0, 50, 170},
    {"10000-12000 ", NULL, 10000, 50, 80},
};

/* Segments of which something is missing: the others are copied, and it is said which times are not there. */
GST_START_TEST(what_cannot_be_read_is_told)
{
    static const VigilFootageSink sink = {begin_span, write_span, end_span, miss_span};
    g_autoptr(VigilStore) store = NULL;
    const gchar *path;
    VigilFootageCopied copied;
    Span span = {.missing = g_string_new(NULL)};
    GError *error = NULL;
    GArray *segments;
    GPtrArray *lines;
    struct stat info;
    Rig rig = rig_new(PLAIN, SECONDS(6));

    end_events(&rig);
    lines = rig_wait(&rig);
    segments = list_segments(&rig);
    path = g_array_index(segments, Segment, 1).path;
    fail_unless(stat(path, &info) == 0);
    fail_unless((broken[__i__].left_percent
                     ? truncate(path, info.st_size * broken[__i__].left_percent / 100)
                     : unlink(path)) == 0);
    if (broken[__i__].sql)
        change_rows(&rig, broken[__i__].sql);
    span.path = g_build_filename(rig.dir, "span.mp4", NULL);
    store = vigil_store_open_reader(rig.database, rig.clips, NULL);
    fail_unless(vigil_footage_copy(store, "door", (WALL_MS + broken[__i__].since_ms) * 1000,
                                   (WALL_MS + 60000) * 1000, &sink, &span, &copied, &error),
                "%s", error ? error->message : "");
    assert_equals_string(span.missing->str, broken[__i__].missing);
    assert_equals_int(copied.n_missing, *broken[__i__].missing ? 1 : 0);
    assert_equals_int(copied.n_frames, broken[__i__].n_frames);
    fail_unless(test_ffprobe_duration(span.path) != 0);
    g_free(span.path);
    g_string_free(span.missing, TRUE);
    g_array_unref(segments);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* An analysis that never says a word: all is recorded, at its right time, and nothing piles up. */
GST_START_TEST(goes_on_without_an_analysis)
{
    const gint64 begin_ms = g_get_real_time() / 1000;
    Rig rig = rig_new(LIVE(120, SMALL), "segment=2000000000 camera=door ring-seconds=1");
    gint64 end_ms;
    GArray *segments;
    GPtrArray *lines;
    guint n = 0;

    wait_for(&rig, "frames", 120);
    wait_for(&rig, "segments-complete", 2);
    end_ms = g_get_real_time() / 1000;
    end_events(&rig);
    lines = rig_wait(&rig);
    assert_equals_uint64(rig_stat(&rig, "footage-frames"), 120);
    assert_equals_uint64(rig_stat(&rig, "footage-lost"), 0);
    assert_equals_uint64(rig_stat(&rig, "frames-held"), 0);
    segments = list_segments(&rig);
    assert_equals_int(segments->len, 3);
    for (guint i = 0; i < segments->len; i++) {
        const Segment *segment = &g_array_index(segments, Segment, i);

        n += test_view_clip(segment->path, FALSE).n_decoded;
        assert_equals_string(segment->state, "complete");
        fail_unless(segment->start_ms + WALL_MS >= begin_ms - 100 &&
                        segment->start_ms + WALL_MS <= end_ms,
                    "segment %u begins at %" G_GINT64_FORMAT, i, segment->start_ms + WALL_MS);
        /* two clocks are read one after the other at each begin, and a busy machine does other things in between */
        fail_unless(i == 0 || ABS(segment->start_ms - segment[-1].start_ms - 2000) <= 50, "%d",
                    (int)(segment->start_ms - segment[-1].start_ms));
    }
    assert_equals_int(n, 120);
    g_array_unref(segments);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* --- a disk that fails --------------------------------------------------------------------------------------- */

static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;

    fail_unless(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes;
    fail_unless(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

/* What the ring could not hold until it works again is counted; an event of that time is committed, and recording goes on. */
GST_START_TEST(outlasts_a_disk_that_fails)
{
    const Script script[] = {{1, B, 500, 800, 400, 500}, {1, E, 500, 1500, 400, 500}};
    Rig rig = rig_new(LIVE(300, SMALL), "segment=60000000000 camera=door ring-seconds=1");
    guint64 n_frames, n_lost;
    GArray *segments;
    GPtrArray *lines;
    guint n = 0;

    wait_for(&rig, "footage-frames", 60);
    signal(SIGXFSZ, SIG_IGN);
    limit_files(1);
    rig_push(&rig, &script[0]);
    wait_for(&rig, "segments-failed", 1);
    n_frames = rig_stat(&rig, "frames");
    wait_for(&rig, "frames", n_frames + 80);
    /* the ring is no larger than without */
    fail_unless(rig_stat(&rig, "ring-bytes") < 1024 * 1024);
    limit_files(RLIM_INFINITY);
    rig_push(&rig, &script[1]);
    wait_for(&rig, "events-committed", 2);
    n_frames = rig_stat(&rig, "footage-frames");
    wait_for(&rig, "footage-frames", n_frames + 20);
    end_events(&rig);
    lines = rig_wait(&rig);
    n_lost = rig_stat(&rig, "footage-lost");
    fail_unless(n_lost > 0 && n_lost < 240, "%u lost", (guint)n_lost);
    assert_equals_uint64(rig_stat(&rig, "footage-frames") + n_lost, 300);
    segments = list_segments(&rig);
    assert_equals_int(segments->len, 2);
    /* it is ended when limits are enforced */
    assert_equals_string(g_array_index(segments, Segment, 0).state, "open");
    assert_equals_string(g_array_index(segments, Segment, 1).state, "complete");
    for (guint i = 0; i < 2; i++)
        n += test_view_clip(g_array_index(segments, Segment, i).path, FALSE).n_decoded;
    /* of the one that was given up, what was in fragments that were whole */
    fail_unless(n + n_lost >= 240 && n + n_lost <= 300, "%u and %u", n, (guint)n_lost);
    g_array_unref(segments);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* --- what changes in mid-stream ------------------------------------------------------------------------------ */

GST_START_TEST(another_format_is_another_segment)
{
    Rig rig = rig_new(SOURCE(50, 10) X264(10, "") AVC
                      "c. videotestsrc num-buffers=50 timestamp-offset=5000000000 ! "
                      "video/x-raw,format=I420,width=320,height=240,framerate=10/1 ! " X264(10, "")
                          AVC "c. concat name=c ! ",
                      SECONDS(60));
    GArray *segments;
    GPtrArray *lines;

    end_events(&rig);
    lines = rig_wait(&rig);
    segments = list_segments(&rig);
    assert_equals_int(segments->len, 2);
    for (guint i = 0; i < 2; i++) {
        const Segment *segment = &g_array_index(segments, Segment, i);

        assert_equals_int(segment->start_ms, 5000 * i);
        assert_equals_int(segment->end_ms, 5000 * i + 5000);
        assert_equals_int(test_view_clip(segment->path, FALSE).n_decoded, 50);
    }
    g_array_unref(segments);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* Pictures that did not come for a while, and times that go on an hour later. */
GST_START_TEST(a_gap_is_another_segment)
{
    Rig rig =
        rig_new(SOURCE(30, 10) X264(10, "") AVC
                "c. videotestsrc num-buffers=30 timestamp-offset=20000000000 ! "
                "video/x-raw,format=I420,width=160,height=120,framerate=10/1 ! " X264(10, "") AVC
                "c. videotestsrc num-buffers=30 timestamp-offset=3600000000000 ! "
                "video/x-raw,format=I420,width=160,height=120,framerate=10/1 ! " X264(10, "") AVC
                "c. concat name=c adjust-base=false ! ",
                SECONDS(60));
    static const gint64 starts_ms[] = {0, 20000, 3600000};
    GArray *segments;
    GPtrArray *lines;

    end_events(&rig);
    lines = rig_wait(&rig);
    segments = list_segments(&rig);
    assert_equals_int(segments->len, 3);
    for (guint i = 0; i < 3; i++) {
        const Segment *segment = &g_array_index(segments, Segment, i);

        assert_equals_int(segment->start_ms, starts_ms[i]);
        assert_equals_int(segment->end_ms, starts_ms[i] + 3000);
        assert_equals_int(test_view_clip(segment->path, FALSE).n_decoded, 30);
    }
    assert_equals_uint64(rig_stat(&rig, "footage-lost"), 0);
    g_array_unref(segments);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* An element that is stopped leaves a whole file. */
GST_START_TEST(stop_ends_the_segment)
{
    Rig rig = rig_new(LIVE(10000, SMALL), "segment=60000000000 camera=door");
    GArray *segments;

    wait_for(&rig, "footage-frames", 50);
    rig_stop(&rig);
    segments = list_segments(&rig);
    assert_equals_int(segments->len, 1);
    assert_equals_string(g_array_index(segments, Segment, 0).state, "complete");
    fail_unless(test_view_clip(g_array_index(segments, Segment, 0).path, FALSE).n_decoded >= 50);
    g_array_unref(segments);
    rig_free(&rig);
}
GST_END_TEST

static Suite *
vigilrecord_footage_suite(void)
{
    Suite *suite = suite_create("vigilrecord-footage");
    TCase *whole = tcase_create("whole"), *faults = tcase_create("faults");

    tcase_set_timeout(whole, 120);
    tcase_add_loop_test(whole, nothing_is_missing, 0, G_N_ELEMENTS(streams));
    tcase_add_loop_test(whole, a_clock_that_drifts, 0,
                        G_N_ELEMENTS(streams) * G_N_ELEMENTS(drifts_ms));
    tcase_add_test(whole, one_that_does_not_say_its_end);
    tcase_add_loop_test(whole, what_cannot_be_read_is_told, 0, G_N_ELEMENTS(broken));
    tcase_add_test(whole, goes_on_without_an_analysis);
    suite_add_tcase(suite, whole);
    tcase_set_timeout(faults, 120);
    tcase_add_test(faults, outlasts_a_disk_that_fails);
    tcase_add_test(faults, another_format_is_another_segment);
    tcase_add_test(faults, a_gap_is_another_segment);
    tcase_add_test(faults, stop_ends_the_segment);
    suite_add_tcase(suite, faults);
    return suite;
}

GST_CHECK_MAIN(vigilrecord_footage)
