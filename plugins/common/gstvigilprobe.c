/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/gstvigilprobe.h"

/* A number that GStreamer, which counts up from small ones, does not use. */
#define QUERY_PROBE                           \
    ((GstQueryType)GST_QUERY_MAKE_TYPE(0x561, \
                                       GST_QUERY_TYPE_DOWNSTREAM | GST_QUERY_TYPE_SERIALIZED))

GstQuery *
gst_vigil_query_new_probe(GstClockTime time, GstSample *sample, guint n_left)
{
    return gst_query_new_custom(
        QUERY_PROBE, gst_structure_new("vigil-probe", "time", G_TYPE_UINT64, time, "sample",
                                       GST_TYPE_SAMPLE, sample, "left", G_TYPE_UINT, n_left,
                                       "quiet", G_TYPE_BOOLEAN, FALSE, NULL));
}

gboolean
gst_vigil_query_parse_probe(GstQuery *query, GstClockTime *time, GstSample **sample, guint *n_left)
{
    const GstStructure *structure = gst_query_get_structure(query);

    if (GST_QUERY_TYPE(query) != QUERY_PROBE ||
        !gst_structure_get(structure, "time", G_TYPE_UINT64, time, "left", G_TYPE_UINT, n_left,
                           NULL))
        return FALSE;
    *sample = gst_value_get_sample(gst_structure_get_value(structure, "sample"));
    return TRUE;
}

void
gst_vigil_query_set_quiet(GstQuery *query, gboolean quiet)
{
    gst_structure_set(gst_query_writable_structure(query), "quiet", G_TYPE_BOOLEAN, quiet, NULL);
}

gboolean
gst_vigil_query_get_quiet(GstQuery *query)
{
    gboolean quiet = FALSE;

    gst_structure_get_boolean(gst_query_get_structure(query), "quiet", &quiet);
    return quiet;
}

GstEvent *
gst_vigil_event_new_left(GstClockTime pts, guint n_left)
{
    GstEvent *event = gst_event_new_gap(pts, GST_CLOCK_TIME_NONE);

    gst_structure_set(gst_event_writable_structure(event), "vigil-left", G_TYPE_UINT, n_left, NULL);
    return event;
}

guint
gst_vigil_event_parse_left(GstEvent *event)
{
    guint n_left = 0;

    if (GST_EVENT_TYPE(event) == GST_EVENT_GAP)
        gst_structure_get_uint(gst_event_get_structure(event), "vigil-left", &n_left);
    return n_left;
}

GstEvent *
gst_vigil_event_new_catch_up(GstClockTime until)
{
    return gst_event_new_custom(
        GST_EVENT_CUSTOM_DOWNSTREAM,
        gst_structure_new("vigil-catch-up", "until", G_TYPE_UINT64, until, NULL));
}

gboolean
gst_vigil_event_parse_catch_up(GstEvent *event, GstClockTime *until)
{
    return GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM &&
           gst_event_has_name(event, "vigil-catch-up") &&
           gst_structure_get_uint64(gst_event_get_structure(event), "until", until);
}

GstEvent *
gst_vigil_event_new_rest(void)
{
    return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty("vigil-rest"));
}

gboolean
gst_vigil_event_is_rest(GstEvent *event)
{
    return GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM &&
           gst_event_has_name(event, "vigil-rest");
}
