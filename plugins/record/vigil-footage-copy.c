/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/record/vigil-footage-copy.h"

#include <gst/app/gstappsink.h>
#include <string.h>
#include <unistd.h>

#include "storage/vigil-footage.h"

/* More is a gap, or a clock that was set back: what comes then follows at once. */
#define MAX_GAP_NS (10 * (gint64)GST_SECOND)
/* Times in a file are rounded to its time scale. */
#define TOLERANCE_NS (gint64) GST_MSECOND
#define PUMP_INTERVAL 16
/* Two segments are dated apart by not more than what their clock was set by without a new one. */
#define MAX_APART_NS (3 * (gint64)GST_SECOND)
#define TAIL_BYTES 64u
#define MAX_READ 64u /* frames that are read ahead */
/* Coded frames that may wait for the muxer. */
#define MAX_WAITING_BYTES (32 * 1024 * 1024)
#define PATIENCE_US (20 * G_USEC_PER_SEC)
/* A segment may be set to an hour, and ends with the next keyframe. */
#define LONGEST_US (7200 * (gint64)G_USEC_PER_SEC)
/* What the last picture may be shown for is not said alike everywhere. */
#define MAX_SHORT_US (2 * (gint64)G_USEC_PER_SEC)
#define READ_TIMEOUT (30 * GST_SECOND)

typedef struct {
    gint64 id, start_us, end_us; /* end_us: 0: not known */
    gboolean complete, lost;
    gchar *path;
} Segment;

static void
segment_clear(gpointer data)
{
    g_free(((Segment *)data)->path);
}

/* The keyframe that was written last, and how many frames came behind it. */
typedef struct {
    gint64 pts_ns;
    guint n_behind;
    gsize n_tail;
    guint8 tail[TAIL_BYTES];
} LastKey;

typedef struct {
    const VigilFootageSink *sink;
    gpointer user_data;
    VigilStore *store;
    gint64 since_ns, until_ns; /* since 1970, as all times here */
    VigilFootageCopied *copied;
    VigilClipWriter *writer; /* (nullable): between two files */
    GstCaps *caps;           /* (nullable): of the writer */
    guint64 pushed_bytes;    /* into it */
    gint64 offset_ns;        /* of what is written against the segments' own times */
    gint64 last_pts_ns;      /* of the picture written that is shown last; with the offset */
    gint64 end_ns;           /* of what is written */
    LastKey key;
    guint n_pushed;
} Copy;

/* --- a segment, frame by frame ------------------------------------------------------------------------------- */

typedef struct {
    GstElement *pipeline;
    GstAppSink *sink;
    gint fd;
    gint64 start_ns;
    GstClockTime first_pts;
} Reader;

static void
reader_clear(Reader *self)
{
    if (self->pipeline)
        gst_element_set_state(self->pipeline, GST_STATE_NULL);
    g_clear_pointer((gpointer *)&self->sink, gst_object_unref);
    g_clear_pointer(&self->pipeline, gst_object_unref);
    if (self->fd >= 0)
        close(self->fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reader, reader_clear)

/* The pictures; sound is not copied. */
static void
on_pad_added(GstElement *demuxer, GstPad *pad, gpointer user_data)
{
    g_autoptr(GstPad) sink = gst_element_get_static_pad(user_data, "sink");

    if (g_str_has_prefix(GST_PAD_NAME(pad), "video_") && !gst_pad_is_linked(sink))
        gst_pad_link(pad, sink);
}

static GstElement *
add_element(GstElement *pipeline, const gchar *name, GError **error)
{
    GstElement *element = gst_element_factory_make(name, NULL);

    if (element)
        gst_bin_add(GST_BIN(pipeline), element);
    else
        g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
                    "GStreamer element %s is missing", name);
    return element;
}

static gboolean
reader_build(Reader *self, GError **error)
{
    g_autofree gchar *path = g_strdup_printf("/proc/self/fd/%d", self->fd);
    GstElement *source, *demuxer, *sink;

    self->pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
    source = add_element(self->pipeline, "filesrc", error);
    demuxer = source ? add_element(self->pipeline, "qtdemux", error) : NULL;
    sink = demuxer ? add_element(self->pipeline, "appsink", error) : NULL;
    if (!sink)
        return FALSE;
    self->sink = gst_object_ref(GST_APP_SINK(sink));
    g_object_set(source, "location", path, NULL);
    g_object_set(sink, "sync", FALSE, "max-buffers", MAX_READ, NULL);
    g_signal_connect(demuxer, "pad-added", G_CALLBACK(on_pad_added), sink);
    gst_element_link(source, demuxer);
    return TRUE;
}

static gboolean
reader_open(Reader *self, VigilStore *store, const Segment *segment, GError **error)
{
    *self = (Reader){.fd = vigil_store_open_footage(store, segment->id, error),
                     .start_ns = segment->start_us * 1000,
                     .first_pts = GST_CLOCK_TIME_NONE};
    if (self->fd < 0 || !reader_build(self, error))
        return FALSE;
    gst_element_set_state(self->pipeline, GST_STATE_PLAYING);
    return TRUE;
}

/* One that was cut off, or grows still, ends somewhere. */
static gboolean
check_end(Reader *self, const Segment *segment, GError **error)
{
    g_autoptr(GstMessage) message = NULL;
    g_autoptr(GstBus) bus = gst_pipeline_get_bus(GST_PIPELINE(self->pipeline));

    if (!segment->complete || gst_app_sink_is_eos(self->sink))
        return TRUE;
    message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    if (message)
        gst_message_parse_error(message, error, NULL);
    else
        g_set_error_literal(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
                            "it cannot be read to its end");
    g_prefix_error(error, "%s: ", segment->path);
    return FALSE;
}

/* @sample: (out) (transfer full) (nullable): %NULL at the end. Returns: %FALSE on error */
static gboolean
reader_next(Reader *self, const Segment *segment, GstSample **sample, VigilRingFrame *frame,
            GError **error)
{
    const GstBuffer *buffer;

    *sample = gst_app_sink_try_pull_sample(self->sink, READ_TIMEOUT);
    if (!*sample)
        return check_end(self, segment, error);
    buffer = gst_sample_get_buffer(*sample);
    if (!GST_CLOCK_TIME_IS_VALID(self->first_pts))
        self->first_pts = GST_BUFFER_PTS(buffer);
    *frame = (VigilRingFrame){
        .pts_ns = self->start_ns + (gint64)(GST_BUFFER_PTS(buffer) - self->first_pts),
        .dts_ns = GST_BUFFER_DTS_IS_VALID(buffer)
                      ? self->start_ns + (gint64)(GST_BUFFER_DTS(buffer) - self->first_pts)
                      : VIGIL_RING_TIME_NONE,
        .duration_ns =
            GST_BUFFER_DURATION_IS_VALID(buffer) ? (gint64)GST_BUFFER_DURATION(buffer) : 0,
        .key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT)};
    return TRUE;
}

/* Of a segment that cannot be read, from @reached_ns on. One that is not to be read is no reason to leave out the others. */
static void
miss(Copy *self, const Segment *segment, gint64 reached_ns, const gchar *why)
{
    const gint64 start_us = MAX(MAX(reached_ns, self->since_ns) / 1000, segment->start_us);
    const gint64 end_us = segment->end_us ? MIN(segment->end_us, self->until_ns / 1000) : 0;

    if (end_us && end_us <= start_us)
        return;
    self->copied->n_missing++;
    self->sink->missing(start_us, end_us, why, self->user_data);
}

/* One that was cut short since seems to be whole. */
static void
check_rest(Copy *self, const Segment *segment, gint64 reached_ns)
{
    if (segment->end_us && reached_ns / 1000 + MAX_SHORT_US < segment->end_us)
        miss(self, segment, reached_ns, "its file ends before that");
}

/*
 * Where a copy that is to show @since_ns begins. @key_ns: (out): the last keyframe at or before it; that of the beginning where there is
 * none; %G_MAXINT64: all of it is over by then, as may be of one that was cut off and does not say when, or cannot be read that far
 */
static void
find_key(Copy *self, const Segment *segment, gint64 *key_ns)
{
    g_auto(Reader) reader = {.fd = -1};
    VigilRingFrame frame;
    g_autoptr(GError) why = NULL;
    GstSample *sample = NULL;
    gint64 end_ns = G_MININT64;

    *key_ns = segment->start_us * 1000;
    if (!reader_open(&reader, self->store, segment, &why)) {
        miss(self, segment, end_ns, why->message);
        *key_ns = G_MAXINT64;
        return;
    }
    do {
        if (!reader_next(&reader, segment, &sample, &frame, &why))
            miss(self, segment, end_ns, why->message);
        else if (!sample && end_ns > self->since_ns)
            return;
        else if (!sample)
            check_rest(self, segment, end_ns);
        if (!sample) {
            *key_ns = G_MAXINT64;
            return;
        }
        gst_sample_unref(sample);
        end_ns = MAX(end_ns, frame.pts_ns + frame.duration_ns);
        if (frame.key && frame.pts_ns <= self->since_ns)
            *key_ns = frame.pts_ns;
    } while (vigil_ring_frame_get_order(&frame) <= self->since_ns);
}

/* --- into the copy ------------------------------------------------------------------------------------------- */

static void
do_not_wake(gpointer user_data)
{
}

static gboolean
end_file(Copy *self, GError **error)
{
    const gboolean ok = !self->writer || (vigil_clip_writer_finish(self->writer, error) &&
                                          self->sink->end(self->user_data, error));

    g_clear_pointer(&self->writer, vigil_clip_writer_free);
    gst_clear_caps(&self->caps);
    return ok;
}

static gboolean
begin_file(Copy *self, GstCaps *caps, GError **error)
{
    if (!end_file(self, error) ||
        !self->sink->begin(self->copied->n_files + 1, self->user_data, error))
        return FALSE;
    self->copied->n_files++;
    self->pushed_bytes = 0;
    self->caps = gst_caps_ref(caps);
    self->writer =
        vigil_clip_writer_new(caps, 0, self->sink->write, do_not_wake, self->user_data, error);
    return self->writer != NULL;
}

/* Files are read faster than the muxer works. */
static gboolean
pump(Copy *self, GError **error)
{
    guint64 written = 0;
    gint64 deadline_us = g_get_monotonic_time() + PATIENCE_US;

    for (;;) {
        guint64 now;

        if (!vigil_clip_writer_pump(self->writer, error))
            return FALSE;
        now = vigil_clip_writer_get_info(self->writer).bytes;
        if (now + MAX_WAITING_BYTES >= self->pushed_bytes)
            return TRUE;
        if (now > written)
            deadline_us = g_get_monotonic_time() + PATIENCE_US;
        written = now;
        if (g_get_monotonic_time() > deadline_us) {
            g_set_error_literal(error, GST_STREAM_ERROR, GST_STREAM_ERROR_MUX,
                                "The MP4 muxer does not go on");
            return FALSE;
        }
        g_usleep(1000);
    }
}

static gsize
read_tail(GstBuffer *buffer, guint8 *tail)
{
    const gsize size = gst_buffer_get_size(buffer), n = MIN(size, TAIL_BYTES);

    return gst_buffer_extract(buffer, size - n, tail, n);
}

static void
note_key(Copy *self, const VigilRingFrame *frame, GstBuffer *buffer)
{
    self->key.n_behind++;
    if (!frame->key)
        return;
    self->key.pts_ns = frame->pts_ns;
    self->key.n_behind = 0;
    self->key.n_tail = read_tail(buffer, self->key.tail);
}

static gboolean
push(Copy *self, VigilRingFrame *frame, GstSample *sample, GError **error)
{
    GstBuffer *buffer = gst_buffer_copy_deep(gst_sample_get_buffer(sample));

    frame->size = gst_buffer_get_size(buffer);
    if (self->copied->n_frames++ == 0)
        self->copied->start_us = frame->pts_ns / 1000;
    self->copied->end_us = MAX(self->copied->end_us, (frame->pts_ns + frame->duration_ns) / 1000);
    frame->pts_ns += self->offset_ns;
    if (frame->dts_ns != VIGIL_RING_TIME_NONE)
        frame->dts_ns += self->offset_ns;
    self->last_pts_ns = MAX(self->last_pts_ns, frame->pts_ns);
    self->end_ns = MAX(self->end_ns, frame->pts_ns + frame->duration_ns);
    self->pushed_bytes += frame->size;
    note_key(self, frame, buffer);
    return vigil_clip_writer_push(self->writer, frame, buffer, error) &&
           (++self->n_pushed % PUMP_INTERVAL != 0 || pump(self, error));
}

/*
 * Whether the segment before has this first keyframe, too, for pictures that are shown before it: then those are all that comes
 * behind it there. By its bytes, since the two segments may be dated by clocks that differ.
 */
static gboolean
is_repeated(const Copy *self, const VigilRingFrame *key, GstBuffer *buffer)
{
    const gint64 apart_ns = key->pts_ns + self->offset_ns - self->key.pts_ns;
    guint8 tail[TAIL_BYTES];
    const gsize n = read_tail(buffer, tail);

    return self->key.n_behind > 0 && self->key.pts_ns == self->last_pts_ns &&
           ABS(apart_ns) <= MAX_APART_NS && n == self->key.n_tail &&
           memcmp(tail, self->key.tail, n) == 0;
}

/* Where the first keyframe of a segment goes. @had_ns: (out): pictures up to this one are there already */
static gboolean
join(Copy *self, const VigilRingFrame *key, GstSample *sample, gint64 *had_ns, GError **error)
{
    GstCaps *caps = gst_sample_get_caps(sample);
    const gint64 begin_ns = key->pts_ns + self->offset_ns;

    *had_ns = G_MININT64;
    if (!self->caps || !gst_caps_is_equal(caps, self->caps)) {
        if (!begin_file(self, caps, error))
            return FALSE;
        self->offset_ns = 0;
        self->last_pts_ns = G_MININT64;
        self->end_ns = key->pts_ns;
    } else if (is_repeated(self, key, gst_sample_get_buffer(sample))) {
        self->offset_ns += self->key.pts_ns - begin_ns;
        *had_ns = self->last_pts_ns;
    } else if (begin_ns > self->end_ns + MAX_GAP_NS || begin_ns < self->end_ns - MAX_GAP_NS) {
        self->offset_ns += self->end_ns - begin_ns;
        self->copied->n_gaps++;
    } else if (begin_ns < self->end_ns - (self->end_ns - self->last_pts_ns) / 2) {
        self->offset_ns += self->end_ns - begin_ns; /* a clock that was set back, or is too fast */
    }
    return TRUE;
}

/* @from_ns: the keyframe to begin with. @over: (out): the copy is complete */
static gboolean
copy_segment(Copy *self, const Segment *segment, gint64 from_ns, gboolean *over, GError **error)
{
    g_auto(Reader) reader = {.fd = -1};
    g_autoptr(GError) why = NULL;
    gint64 had_ns = G_MININT64, reached_ns = G_MININT64;
    gboolean joined = FALSE;

    if (!reader_open(&reader, self->store, segment, &why)) {
        miss(self, segment, reached_ns, why->message);
        return TRUE;
    }
    for (;;) {
        g_autoptr(GstSample) sample = NULL;
        VigilRingFrame frame;

        if (!reader_next(&reader, segment, &sample, &frame, &why)) {
            miss(self, segment, reached_ns, why->message);
            return TRUE;
        }
        *over = sample && vigil_ring_frame_get_order(&frame) > self->until_ns;
        if (!sample)
            check_rest(self, segment, reached_ns);
        if (!sample || *over)
            return TRUE;
        reached_ns = MAX(reached_ns, frame.pts_ns + frame.duration_ns);
        if (frame.pts_ns < from_ns || (!joined && !frame.key))
            continue;
        if (!joined) {
            if (!join(self, &frame, sample, &had_ns, error))
                return FALSE;
            joined = TRUE;
        }
        if (had_ns != G_MININT64 && frame.pts_ns + self->offset_ns < had_ns + TOLERANCE_NS)
            continue;
        if (!push(self, &frame, sample, error))
            return FALSE;
    }
}

/* --- which segments ------------------------------------------------------------------------------------------ */

static gboolean
on_row(const VigilFootageRow *row, gpointer user_data)
{
    const Segment segment = {row->id,
                             row->start_us,
                             row->end_us,
                             g_str_equal(row->state, "complete"),
                             g_str_equal(row->state, "lost"),
                             g_strdup(row->path)};

    g_array_append_val((GArray *)user_data, segment);
    return TRUE;
}

/* Whoever wants all of it names any time. */
static gint64
to_ns(gint64 us)
{
    return CLAMP(us, G_MININT64 / 1000, G_MAXINT64 / 1000) * 1000;
}

/* It had its longest time, or nothing of it is asked for. */
static void
miss_lost(Copy *self, const Segment *segment)
{
    if (segment->end_us || to_ns(segment->start_us + LONGEST_US) > self->since_ns)
        miss(self, segment, G_MININT64, "its file was lost");
}

static gboolean
copy_segments(Copy *self, const GArray *segments, GError **error)
{
    gboolean over = FALSE;

    for (guint i = 0; i < segments->len && !over; i++) {
        const Segment *segment = &g_array_index(segments, Segment, i);
        gint64 from_ns = G_MININT64;

        if (segment->lost) {
            miss_lost(self, segment);
            continue;
        }
        if (self->copied->n_frames == 0 && segment->start_us * 1000 < self->since_ns)
            find_key(self, segment, &from_ns);
        if (from_ns != G_MAXINT64 && !copy_segment(self, segment, from_ns, &over, error))
            return FALSE;
    }
    return end_file(self, error);
}

gboolean
vigil_footage_copy(VigilStore *store, const gchar *camera, gint64 since_us, gint64 until_us,
                   const VigilFootageSink *sink, gpointer user_data, VigilFootageCopied *copied,
                   GError **error)
{
    g_autoptr(GArray) segments = g_array_new(FALSE, FALSE, sizeof(Segment));
    Copy self = {.sink = sink,
                 .user_data = user_data,
                 .store = store,
                 .since_ns = to_ns(since_us),
                 .until_ns = to_ns(until_us),
                 .copied = copied,
                 .last_pts_ns = G_MININT64};
    gboolean ok;

    *copied = (VigilFootageCopied){0};
    g_array_set_clear_func(segments, segment_clear);
    if (!vigil_store_list_footage(store, camera, since_us, until_us, on_row, segments, error))
        return FALSE;
    ok = copy_segments(&self, segments, error);
    g_clear_pointer(&self.writer, vigil_clip_writer_free);
    gst_clear_caps(&self.caps);
    if (ok && copied->n_frames == 0 && copied->n_missing > 0) {
        g_set_error(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
                    "%s: nothing that was recorded in that time can be read", camera);
        ok = FALSE;
    } else if (ok && copied->n_frames == 0) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND,
                    "%s: nothing was recorded continuously in that time", camera);
        ok = FALSE;
    }
    return ok;
}
