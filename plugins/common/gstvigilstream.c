/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/gstvigilstream.h"

#include <string.h>

gboolean
gst_vigil_pad_is_live(GstPad *sinkpad, GstClockTime *latency)
{
    GstQuery *query = gst_query_new_latency();
    gboolean live = FALSE;

    *latency = 0;
    if (gst_pad_peer_query(sinkpad, query))
        gst_query_parse_latency(query, &live, latency, NULL);
    gst_query_unref(query);
    if (!GST_CLOCK_TIME_IS_VALID(*latency))
        *latency = 0;
    return live;
}

GstClockTime
gst_vigil_element_get_running_time(GstElement *element)
{
    GstClock *clock = gst_element_get_clock(element);
    GstClockTime now;

    if (!clock)
        return GST_CLOCK_TIME_NONE;
    now = gst_clock_get_time(clock);
    gst_object_unref(clock);
    if (!GST_CLOCK_TIME_IS_VALID(now) || now < gst_element_get_base_time(element))
        return GST_CLOCK_TIME_NONE;
    return now - gst_element_get_base_time(element);
}

gint64
gst_vigil_stream_time(const GstSegment *segment, GstBuffer *buffer)
{
    guint64 time;

    if (segment->format != GST_FORMAT_TIME || !GST_BUFFER_PTS_IS_VALID(buffer))
        return -1;
    time = gst_segment_to_stream_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    return time > G_MAXINT64 ? -1 : (gint64)time;
}

void
gst_vigil_install_time(GObjectClass *klass, guint id, const gchar *name, const gchar *nick,
                       const gchar *blurb, gint64 value)
{
    g_object_class_install_property(
        klass, id,
        g_param_spec_int64(name, nick, blurb, 0, G_MAXINT64, value,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
}

gboolean
gst_vigil_propose_allocation(GstPad *srcpad, GstQuery *query)
{
    /* downstream says what it takes; only where there is nothing the frame ends here */
    if (!gst_pad_peer_query(srcpad, query))
        gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
    return TRUE;
}

GstEvent *
gst_vigil_event_new_tracks(guint n_tracks, guint n_resting)
{
    return gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                                gst_structure_new("vigil-tracks", "live", G_TYPE_UINT, n_tracks,
                                                  "resting", G_TYPE_UINT, n_resting, NULL));
}

GstEvent *
gst_vigil_event_new_places(guint n_tracks, guint n_resting, const VigilPlaces *places)
{
    GstEvent *event = gst_vigil_event_new_tracks(n_tracks, n_resting);
    GBytes *bytes = g_bytes_new(places, sizeof *places);

    gst_structure_set(gst_event_writable_structure(event), "places", G_TYPE_BYTES, bytes, NULL);
    g_bytes_unref(bytes);
    return event;
}

gboolean
gst_vigil_event_parse_places(GstEvent *event, VigilPlaces *places)
{
    const GValue *value;
    gconstpointer data;
    gsize size;

    if (GST_EVENT_TYPE(event) != GST_EVENT_CUSTOM_UPSTREAM ||
        !gst_event_has_name(event, "vigil-tracks") ||
        !(value = gst_structure_get_value(gst_event_get_structure(event), "places")) ||
        !G_VALUE_HOLDS(value, G_TYPE_BYTES))
        return FALSE;
    data = g_bytes_get_data(g_value_get_boxed(value), &size);
    if (size != sizeof *places)
        return FALSE;
    memcpy(places, data, sizeof *places);
    return TRUE;
}

gboolean
gst_vigil_event_parse_tracks(GstEvent *event, guint *n_tracks, guint *n_resting)
{
    return GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_UPSTREAM &&
           gst_event_has_name(event, "vigil-tracks") &&
           gst_structure_get(gst_event_get_structure(event), "live", G_TYPE_UINT, n_tracks,
                             "resting", G_TYPE_UINT, n_resting, NULL);
}
