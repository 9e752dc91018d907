/* SPDX-License-Identifier: Apache-2.0 */
/* The times of a file's streams, where they jump. */
#include "pipeline/vigil-camera-pipeline-private.h"

#define MOST_TOLD 8 /* jumps of a file */
/* What claims to be later, by decades, is left as it is: offsets could add up to what no number holds. */
#define MAX_TIME (G_MAXINT64 / 8)

/* Of a stream, on the demuxer's thread; another pad may go on with it. */
struct VigilPadTimes {
    VigilCameraPipeline *pipeline;
    guint stream, n_told;
    GstSegment segment; /* the demuxer's */
    gint64 offset_ns;   /* 0: all is left as it is */
    gint64 running_ns;  /* up to where what has gone out goes, in running time */
    gboolean due, ours; /* a segment of our own: is to be sent, is being sent */
    gboolean
        shown; /* frames have come to where the segment begins; those before are decoded only */
};

static gint64
to_time(const GstSegment *segment, GstClockTime time, gboolean running)
{
    const GstFormat format = GST_FORMAT_TIME;
    guint64 result = 0;
    const gint sign = running ? gst_segment_to_running_time_full(segment, format, time, &result)
                              : gst_segment_to_stream_time_full(segment, format, time, &result);

    return sign < 0 ? -(gint64)result : (gint64)result;
}

/* What is shown later than the file says is also later by the clock, with nothing in between. */
static void
send_segment(GstPad *pad, VigilPadTimes *times, gint64 time_ns)
{
    GstSegment segment = times->segment;
    const gint64 ahead_ns = to_time(&segment, (GstClockTime)time_ns, TRUE) - times->running_ns;

    segment.stop = GST_CLOCK_TIME_NONE;
    segment.base = (guint64)MAX((gint64)segment.base - ahead_ns, 0);
    times->due = FALSE;
    times->ours = TRUE;
    gst_pad_push_event(pad, gst_event_new_segment(&segment));
    times->ours = FALSE;
    times->segment = segment;
}

static void
tell(VigilPadTimes *times, gint64 offset_ns)
{
    const VigilCameraPipeline *self = times->pipeline;

    if (times->stream > 0 || times->n_told++ >= MOST_TOLD)
        return;
    g_log(G_LOG_DOMAIN, self->realtime ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_INFO,
          "camera %s: %s: its times jump %s by %.1f s: what comes is taken to follow at once",
          self->settings->name, self->settings->source->display, offset_ns > 0 ? "back" : "forward",
          ABS((gdouble)offset_ns) / 1e9);
}

static void
shift(GstClockTime *time, gint64 offset_ns)
{
    if (GST_CLOCK_TIME_IS_VALID(*time))
        *time = (GstClockTime)MAX((gint64)*time + offset_ns, 0);
}

static void
shift_buffer(GstBuffer **buffer, gint64 offset_ns)
{
    if (offset_ns == 0)
        return;
    *buffer = gst_buffer_make_writable(*buffer);
    shift(&GST_BUFFER_PTS(*buffer), offset_ns);
    shift(&GST_BUFFER_DTS(*buffer), offset_ns);
}

static void
place_buffer(GstPad *pad, VigilPadTimes *times, GstBuffer **buffer)
{
    const GstClockTime time =
        GST_BUFFER_PTS_IS_VALID(*buffer) ? GST_BUFFER_PTS(*buffer) : GST_BUFFER_DTS(*buffer);
    const gint64 duration_ns =
        GST_BUFFER_DURATION_IS_VALID(*buffer) ? (gint64)GST_BUFFER_DURATION(*buffer) : -1;
    gint64 offset_ns;

    if (times->stream == 0)
        vigil_camera_pipeline_note_position(times->pipeline, time);
    if (!GST_CLOCK_TIME_IS_VALID(time) || time > MAX_TIME ||
        times->segment.format != GST_FORMAT_TIME)
        return;
    times->shown |= time >= times->segment.start;
    if (!times->shown) {
        shift_buffer(buffer, times->offset_ns);
        return;
    }
    offset_ns = vigil_file_times_place(
        times->pipeline->times, times->stream, to_time(&times->segment, time, FALSE), duration_ns,
        times->stream > 0 || !GST_BUFFER_FLAG_IS_SET(*buffer, GST_BUFFER_FLAG_DELTA_UNIT));
    if (offset_ns != times->offset_ns) {
        tell(times, offset_ns - times->offset_ns);
        times->offset_ns = offset_ns;
        times->due = TRUE;
    }
    if (times->due)
        send_segment(pad, times, (gint64)time + offset_ns);
    times->running_ns =
        MAX(times->running_ns,
            to_time(&times->segment, (GstClockTime)((gint64)time + offset_ns), TRUE) +
                MAX(duration_ns, 0));
    shift_buffer(buffer, offset_ns);
}

static GstPadProbeReturn
take_event(VigilPadTimes *times, GstEvent *event)
{
    const gboolean segment = GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT;

    if (times->ours || (!segment && GST_EVENT_TYPE(event) != GST_EVENT_GAP))
        return GST_PAD_PROBE_OK;
    if (segment) {
        gst_event_copy_segment(event, &times->segment);
        times->shown = FALSE;
    }
    if (times->offset_ns == 0)
        return GST_PAD_PROBE_OK;
    /* the next frame says where it belongs */
    times->due |= segment;
    return GST_PAD_PROBE_DROP;
}

static GstPadProbeReturn
on_data(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM)
        return take_event(user_data, GST_PAD_PROBE_INFO_EVENT(info));
    place_buffer(pad, user_data, (GstBuffer **)&info->data);
    return GST_PAD_PROBE_OK;
}

void
vigil_camera_pipeline_follow_times(VigilCameraPipeline *self, GstPad *pad, guint stream)
{
    g_autoptr(GstEvent) event = gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0);
    VigilPadTimes *times = self->pad_times[stream];

    if (!times)
        times = self->pad_times[stream] = g_new0(VigilPadTimes, 1);
    times->pipeline = self;
    times->stream = stream;
    times->shown = FALSE;
    gst_segment_init(&times->segment, GST_FORMAT_UNDEFINED);
    if (event)
        gst_event_copy_segment(event, &times->segment);
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_data,
                      times, NULL);
}
