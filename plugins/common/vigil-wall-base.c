/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/vigil-wall-base.h"

gint64
vigil_wall_base_from_tags(const GstTagList *tags)
{
    GstDateTime *tag = NULL;
    g_autoptr(GDateTime) time = NULL;
    gint64 us = -1;

    if (!gst_tag_list_get_date_time(tags, GST_TAG_DATE_TIME, &tag))
        return -1;
    if (gst_date_time_has_time(tag))
        time = gst_date_time_to_g_date_time(tag);
    else if (gst_date_time_has_day(tag))
        time = g_date_time_new_utc(gst_date_time_get_year(tag), gst_date_time_get_month(tag),
                                   gst_date_time_get_day(tag), 0, 0, 0);
    gst_date_time_unref(tag);
    if (time)
        us = g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time);
    return MAX(us, -1);
}

void
vigil_wall_base_note_tags(GstEvent *event, gint64 *wall_us)
{
    GstTagList *tags;
    gint64 told_us;

    gst_event_parse_tag(event, &tags);
    told_us = vigil_wall_base_from_tags(tags);
    if (told_us >= 0)
        *wall_us = told_us;
}

gint64
vigil_wall_base_live(gint64 real_us, GstClockTime now, GstClockTime running, gint64 stream_ns)
{
    gint64 age_ns = 0;

    if (GST_CLOCK_TIME_IS_VALID(now) && GST_CLOCK_TIME_IS_VALID(running) && now > running)
        age_ns = now - running;
    return real_us - (age_ns + stream_ns) / 1000;
}
