/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/vigil-wall-base.h"
#include "tests/plugins/plugin-test.h"

static gint64
from_tag(const gchar *text)
{
    GstDateTime *date = gst_date_time_new_from_iso8601_string(text);
    GstTagList *tags = gst_tag_list_new(GST_TAG_DATE_TIME, date, NULL);
    const gint64 us = vigil_wall_base_from_tags(tags);

    gst_date_time_unref(date);
    gst_tag_list_unref(tags);
    return us;
}

GST_START_TEST(dates_of_tags)
{
    GstTagList *empty = gst_tag_list_new_empty();

    fail_unless(from_tag("1970-01-01T00:00:01Z") == 1000000);
    fail_unless(from_tag("2024-05-06T09:08:09+02:00") == G_GINT64_CONSTANT(1714979289000000));
    /* a day without a time is its midnight, a year alone is no date */
    fail_unless(from_tag("2024-05-06") == G_GINT64_CONSTANT(1714953600000000));
    fail_unless(from_tag("2024") == -1);
    /* some writers leave an epoch of 1904 */
    fail_unless(from_tag("1904-01-01T00:00:00Z") == -1);
    fail_unless(vigil_wall_base_from_tags(empty) == -1);
    gst_tag_list_unref(empty);
}
GST_END_TEST

GST_START_TEST(a_live_frame_was_taken_when_its_clock_says)
{
    const gint64 now_us = G_GINT64_CONSTANT(1700000000000000);

    /* taken 2 s ago, 10 s into the stream */
    fail_unless(vigil_wall_base_live(now_us, 7 * GST_SECOND, 5 * GST_SECOND, 10 * GST_SECOND) ==
                now_us - 12000000);
    /* no clock, or a frame from the future: taken just now */
    fail_unless(vigil_wall_base_live(now_us, GST_CLOCK_TIME_NONE, 5 * GST_SECOND, GST_SECOND) ==
                now_us - 1000000);
    fail_unless(vigil_wall_base_live(now_us, GST_SECOND, 5 * GST_SECOND, GST_SECOND) ==
                now_us - 1000000);
}
GST_END_TEST

static Suite *
vigil_wall_base_suite(void)
{
    Suite *suite = suite_create("vigil-wall-base");
    TCase *tcase = tcase_create("wall-base");

    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, dates_of_tags);
    tcase_add_test(tcase, a_live_frame_was_taken_when_its_clock_says);
    return suite;
}

GST_CHECK_MAIN(vigil_wall_base)
