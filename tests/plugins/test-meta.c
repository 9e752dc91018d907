/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "tests/plugins/plugin-test.h"
#include "vigil-config.h"

#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

static GstVideoInfo info;

static void
setup(void)
{
    info = test_video_info(GST_VIDEO_FORMAT_I420, 640, 480);
}

static GstBuffer *
frame_new(void)
{
    return test_frame_new(&info, 0, GST_SECOND);
}

static const VigilDetection two[] = {
    {{0.1f, 0.2f, 0.3f, 0.7f}, 0.91f, 0, "person"},
    {{-0.01f, 0.5f, 0.25f, 1.02f}, 0.4f, 17, "dog"},
};

static void
assert_box_eq(const VigilBox *a, const VigilBox *b)
{
    fail_unless(a->x0 == b->x0 && a->y0 == b->y0 && a->x1 == b->x1 && a->y1 == b->y1);
}

GST_START_TEST(outcome_is_inferred_until_somebody_says_otherwise)
{
    GstBuffer *buffer = frame_new(), *copy;

    assert_equals_int(gst_vigil_buffer_get_outcome(buffer), VIGIL_OUTCOME_INFERRED);
    gst_vigil_buffer_set_outcome(buffer, VIGIL_OUTCOME_SKIPPED_LOAD);
    gst_vigil_buffer_set_outcome(buffer, VIGIL_OUTCOME_TIMED_OUT);
    assert_equals_int(gst_vigil_buffer_get_outcome(buffer), VIGIL_OUTCOME_TIMED_OUT);
    copy = gst_buffer_copy(buffer);
    assert_equals_int(gst_vigil_buffer_get_outcome(copy), VIGIL_OUTCOME_TIMED_OUT);
    gst_buffer_unref(copy);
    gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(all_of_a_frame_was_looked_at_until_somebody_says_otherwise)
{
    const VigilBox area = {0.25f, 0.5f, 0.75f, 1.0f};
    GstBuffer *buffer = frame_new();

    fail_unless(gst_vigil_buffer_get_area(buffer) == NULL);
    gst_vigil_buffer_set_outcome(buffer, VIGIL_OUTCOME_INFERRED);
    fail_unless(gst_vigil_buffer_get_area(buffer) == NULL);
    gst_vigil_buffer_set_area(buffer, &area);
    assert_box_eq(gst_vigil_buffer_get_area(buffer), &area);
    assert_equals_int(gst_vigil_buffer_get_outcome(buffer), VIGIL_OUTCOME_INFERRED);
    gst_vigil_buffer_set_area(buffer, NULL);
    fail_unless(gst_vigil_buffer_get_area(buffer) == NULL);
    gst_buffer_unref(buffer);
}
GST_END_TEST

/* as videoscale and videoconvert copy metas */
GST_START_TEST(outcome_survives_scaling)
{
    GstBuffer *buffer = frame_new(), *scaled = frame_new();
    GstVideoInfo small = test_video_info(GST_VIDEO_FORMAT_I420, 320, 240);
    GstVideoMetaTransform transform = {&info, &small};
    const VigilBox area = {0.25f, 0.5f, 0.75f, 1.0f};
    gpointer state = NULL;
    GstMeta *meta;

    gst_vigil_buffer_set_outcome(buffer, VIGIL_OUTCOME_SKIPPED_RATE);
    gst_vigil_buffer_set_area(buffer, &area);
    while ((meta = gst_buffer_iterate_meta(buffer, &state)))
        if (meta->info->transform_func)
            fail_unless(meta->info->transform_func(
                scaled, meta, buffer, gst_video_meta_transform_scale_get_quark(), &transform));
    assert_equals_int(gst_vigil_buffer_get_outcome(scaled), VIGIL_OUTCOME_SKIPPED_RATE);
    assert_box_eq(gst_vigil_buffer_get_area(scaled), &area);
    gst_buffer_unref(scaled);
    gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(detections_come_back_as_they_went_in)
{
    GstBuffer *buffer = frame_new();
    VigilDetection back[8];

    gst_vigil_buffer_add_detections(buffer, &info, two, G_N_ELEMENTS(two));
    assert_equals_int(gst_vigil_buffer_get_detections(buffer, &info, back, G_N_ELEMENTS(back)), 2);
    for (guint i = 0; i < 2; i++) {
        assert_box_eq(&back[i].box, &two[i].box);
        fail_unless(back[i].score == two[i].score);
        assert_equals_int(back[i].label_id, two[i].label_id);
        fail_unless(back[i].label == g_intern_string(two[i].label));
    }
    assert_equals_int(gst_vigil_buffer_get_detections(buffer, &info, back, 1), 1);
    gst_buffer_unref(buffer);
}
GST_END_TEST

/* what an element of another project reads */
GST_START_TEST(regions_are_what_others_expect)
{
    GstBuffer *buffer = frame_new();
    gpointer state = NULL;
    GstVideoRegionOfInterestMeta *region;
    GstStructure *param;
    gdouble x_min, confidence;
    gint label_id;

    gst_vigil_buffer_add_detections(buffer, &info, two, G_N_ELEMENTS(two));
    region = (gpointer)gst_buffer_iterate_meta_filtered(buffer, &state,
                                                        GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
    fail_unless(region != NULL);
    assert_equals_string(g_quark_to_string(region->roi_type), "person");
    assert_equals_int(region->x, 64);
    assert_equals_int(region->y, 96);
    assert_equals_int(region->w, 128);
    assert_equals_int(region->h, 240);
    param = gst_video_region_of_interest_meta_get_param(region, "detection");
    fail_unless(gst_structure_get(param, "x_min", G_TYPE_DOUBLE, &x_min, "confidence",
                                  G_TYPE_DOUBLE, &confidence, "label_id", G_TYPE_INT, &label_id,
                                  NULL));
    fail_unless(fabs(x_min - 0.1) < 1e-6 && fabs(confidence - 0.91) < 1e-6 && label_id == 0);
    region = (gpointer)gst_buffer_iterate_meta_filtered(buffer, &state,
                                                        GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
    /* the second reaches over the edges: pixels are clamped, parts are not */
    assert_equals_int(region->x, 0);
    assert_equals_int(region->w, 160);
    assert_equals_int(region->y + region->h, 480);
    gst_buffer_unref(buffer);
}
GST_END_TEST

static void
add_foreign(GstBuffer *buffer, const gchar *label, GstStructure *param)
{
    GstVideoRegionOfInterestMeta *region =
        gst_buffer_add_video_region_of_interest_meta(buffer, label, 64, 48, 320, 240);

    if (param)
        gst_video_region_of_interest_meta_add_param(region, param);
}

static GstStructure *
detection_new(gdouble x_min, gdouble x_max, gdouble confidence)
{
    return gst_structure_new("detection", "x_min", G_TYPE_DOUBLE, x_min, "x_max", G_TYPE_DOUBLE,
                             x_max, "y_min", G_TYPE_DOUBLE, 0.1, "y_max", G_TYPE_DOUBLE, 0.6,
                             "confidence", G_TYPE_DOUBLE, confidence, NULL);
}

GST_START_TEST(detections_of_others_are_read_and_nonsense_is_not)
{
    GstBuffer *buffer = frame_new();
    VigilDetection back[8];

    add_foreign(buffer, "face", NULL);
    add_foreign(buffer, "cat", detection_new(0.1, 0.6, 1.5));
    add_foreign(buffer, "nan", detection_new(NAN, 0.6, 0.5));
    add_foreign(buffer, "inside-out", detection_new(0.6, 0.1, 0.5));
    add_foreign(buffer, "no-score", detection_new(0.1, 0.6, INFINITY));
    add_foreign(buffer, "untyped",
                gst_structure_new("detection", "x_min", G_TYPE_STRING, "0.1", NULL));
    assert_equals_int(gst_vigil_buffer_get_detections(buffer, &info, back, G_N_ELEMENTS(back)), 1);
    assert_equals_string(back[0].label, "cat");
    assert_equals_int(back[0].label_id, -1);
    fail_unless(back[0].score == 1.0f);
    gst_buffer_unref(buffer);
}
GST_END_TEST

static const VigilTrack tracks[] = {
    {.id = G_GUINT64_CONSTANT(0x100000007),
     .box = {0.11f, 0.21f, 0.31f, 0.71f},
     .score = 0.91f,
     .label = "person",
     .observed = TRUE,
     .first_ns = 5,
     .last_ns = 1000},
    {.id = 8,
     .box = {0.5f, 0.5f, 0.6f, 0.6f},
     .label_id = 2,
     .label = "car",
     .first_ns = 7,
     .last_ns = 900},
};

GST_START_TEST(tracks_come_back_as_they_went_in)
{
    GstBuffer *buffer = frame_new();
    const gint matches[] = {0, -1};
    VigilDetection detections[8];
    VigilTrack back[8];

    gst_vigil_buffer_add_detections(buffer, &info, two, G_N_ELEMENTS(two));
    gst_vigil_buffer_set_tracks(buffer, &info, tracks, 2, matches, 2);
    assert_equals_int(gst_vigil_buffer_get_tracks(buffer, &info, back, G_N_ELEMENTS(back)), 2);
    for (guint i = 0; i < 2; i++) {
        fail_unless(back[i].id == tracks[i].id);
        assert_box_eq(&back[i].box, &tracks[i].box);
        fail_unless(back[i].score == tracks[i].score);
        assert_equals_int(back[i].label_id, tracks[i].label_id);
        assert_equals_string(back[i].label, tracks[i].label);
        assert_equals_int(back[i].observed, tracks[i].observed);
        fail_unless(back[i].first_ns == tracks[i].first_ns && back[i].last_ns == tracks[i].last_ns);
    }
    /* a place that is only supposed is no detection */
    assert_equals_int(
        gst_vigil_buffer_get_detections(buffer, &info, detections, G_N_ELEMENTS(detections)), 2);
    assert_equals_int(gst_buffer_get_n_meta(buffer, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE), 3);
    gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(track_of_another_tracker)
{
    GstBuffer *buffer = frame_new();
    VigilTrack back[8];

    add_foreign(buffer, "car", gst_structure_new("object_id", "id", G_TYPE_INT, 42, NULL));
    assert_equals_int(gst_vigil_buffer_get_tracks(buffer, &info, back, G_N_ELEMENTS(back)), 1);
    fail_unless(back[0].id == 42 && back[0].first_ns == -1 && !back[0].observed);
    assert_box_eq(&back[0].box, &(VigilBox){0.1f, 0.1f, 0.6f, 0.6f});
    gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(event_buffer_carries_line_and_event)
{
    VigilEvent *event = vigil_event_new();
    GstBuffer *buffer, *copy;
    GstMapInfo map;
    gchar *json;

    event->camera = event->rule = event->label = g_intern_static_string("door");
    g_strlcpy(event->id, "01ARZ3NDEKTSV4RRFFQ69G5FAV", sizeof event->id);
    buffer = gst_vigil_event_buffer_new(event, 3 * GST_SECOND);
    fail_unless(GST_BUFFER_PTS(buffer) == 3 * GST_SECOND);
    fail_unless(gst_vigil_buffer_get_event(buffer) == event);
    json = vigil_event_to_json(event, NULL);
    fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
    assert_equals_int(map.size, strlen(json) + 1);
    fail_unless(memcmp(map.data, json, map.size - 1) == 0 && map.data[map.size - 1] == '\n');
    gst_buffer_unmap(buffer, &map);
    g_free(json);
    copy = gst_buffer_copy(buffer);
    gst_buffer_unref(buffer);
    vigil_event_unref(event);
    /* the copy holds it */
    assert_equals_string(gst_vigil_buffer_get_event(copy)->camera, "door");
    gst_buffer_unref(copy);
    buffer = frame_new();
    fail_unless(gst_vigil_buffer_get_event(buffer) == NULL);
    gst_buffer_unref(buffer);
}
GST_END_TEST

static const struct {
    GstVideoFormat format;
    VigilPixelFormat pixels;
} formats[] = {
    {GST_VIDEO_FORMAT_I420, VIGIL_PIXELS_I420}, {GST_VIDEO_FORMAT_NV12, VIGIL_PIXELS_NV12},
    {GST_VIDEO_FORMAT_YUY2, VIGIL_PIXELS_YUY2}, {GST_VIDEO_FORMAT_RGB, VIGIL_PIXELS_RGB},
    {GST_VIDEO_FORMAT_BGR, VIGIL_PIXELS_BGR},   {GST_VIDEO_FORMAT_RGBx, VIGIL_PIXELS_RGBX},
    {GST_VIDEO_FORMAT_BGRx, VIGIL_PIXELS_BGRX}, {GST_VIDEO_FORMAT_GRAY8, VIGIL_PIXELS_GRAY8},
};

GST_START_TEST(frames_are_seen_as_they_lie)
{
    GstVideoInfo odd = test_video_info(formats[__i__].format, 35, 17);
    GstBuffer *buffer = test_frame_new(&odd, 0, 0);
    GstVideoFrame frame;
    VigilImage image;

    fail_unless(gst_video_frame_map(&frame, &odd, buffer, GST_MAP_READ));
    fail_unless(gst_vigil_image_from_frame(&frame, &image));
    assert_equals_int(image.format, formats[__i__].pixels);
    assert_equals_int(image.width, 35);
    assert_equals_int(image.height, 17);
    for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(&frame); plane++) {
        fail_unless(image.planes[plane] == GST_VIDEO_FRAME_PLANE_DATA(&frame, plane));
        assert_equals_int(image.strides[plane], GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane));
    }
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(format_that_the_core_does_not_take)
{
    GstVideoInfo ten_bit = test_video_info(GST_VIDEO_FORMAT_I420_10LE, 32, 16);
    GstBuffer *buffer = test_frame_new(&ten_bit, 0, 0);
    GstVideoFrame frame;
    VigilImage image;

    fail_unless(gst_video_frame_map(&frame, &ten_bit, buffer, GST_MAP_READ));
    fail_if(gst_vigil_image_from_frame(&frame, &image));
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(buffer);
}
GST_END_TEST

#ifdef HAVE_GST_ANALYTICS
GST_START_TEST(analytics_metadata_says_the_same)
{
    GstBuffer *buffer = frame_new();
    const gint matches[] = {0, -1};
    GstAnalyticsRelationMeta *meta;
    GstAnalyticsODMtd od;
    GstAnalyticsTrackingMtd tracking;
    GstVideoRegionOfInterestMeta *region;
    gpointer state = NULL;
    gint x, y, w, h;
    gfloat score;
    guint64 id;
    GstClockTime first_seen, last_seen;
    gboolean lost;

    gst_vigil_buffer_add_detections(buffer, &info, two, G_N_ELEMENTS(two));
    gst_vigil_buffer_set_tracks(buffer, &info, tracks, 2, matches, 2);
    meta = gst_buffer_get_analytics_relation_meta(buffer);
    fail_unless(meta != NULL);
    region = (gpointer)gst_buffer_iterate_meta_filtered(buffer, &state,
                                                        GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
    fail_unless(gst_analytics_relation_meta_get_od_mtd(meta, region->id, &od));
    fail_unless(gst_analytics_od_mtd_get_location(&od, &x, &y, &w, &h, &score));
    fail_unless(x == 64 && y == 96 && w == 128 && h == 240 && score == 0.91f);
    assert_equals_string(g_quark_to_string(gst_analytics_od_mtd_get_obj_type(&od)), "person");
    state = NULL;
    fail_unless(gst_analytics_relation_meta_get_direct_related(
        meta, od.id, GST_ANALYTICS_REL_TYPE_RELATE_TO, gst_analytics_tracking_mtd_get_mtd_type(),
        &state, &tracking));
    fail_unless(
        gst_analytics_tracking_mtd_get_info(&tracking, &id, &first_seen, &last_seen, &lost));
    fail_unless(id == tracks[0].id && first_seen == 5 && last_seen == 1000 && !lost);
    gst_buffer_unref(buffer);
}
GST_END_TEST

static gboolean
is_tracked(GstAnalyticsRelationMeta *meta, guint detection_id, guint64 track_id)
{
    GstAnalyticsTrackingMtd tracking;
    gpointer state = NULL;
    guint64 id;
    GstClockTime first_seen, last_seen;
    gboolean lost;

    return gst_analytics_relation_meta_get_direct_related(
               meta, detection_id, GST_ANALYTICS_REL_TYPE_RELATE_TO,
               gst_analytics_tracking_mtd_get_mtd_type(), &state, &tracking) &&
           gst_analytics_tracking_mtd_get_info(&tracking, &id, &first_seen, &last_seen, &lost) &&
           id == track_id;
}

GST_START_TEST(analytics_metadata_of_others_is_read)
{
    GstBuffer *buffer = frame_new();
    GstAnalyticsRelationMeta *meta = gst_buffer_add_analytics_relation_meta(buffer);
    GstAnalyticsODMtd bird, fish;
    const gint matches[] = {-1, 0};
    VigilDetection back[4];
    VigilTrack back_tracks[4];

    fail_unless(gst_analytics_relation_meta_add_od_mtd(meta, g_quark_from_string("bird"), 64, 48,
                                                       320, 240, 0.75f, &bird));
    fail_unless(gst_analytics_relation_meta_add_od_mtd(meta, g_quark_from_string("fish"), 0, 0, 320,
                                                       240, 0.5f, &fish));
    assert_equals_int(gst_vigil_buffer_get_detections(buffer, &info, back, G_N_ELEMENTS(back)), 2);
    assert_equals_string(back[0].label, "bird");
    assert_box_eq(&back[0].box, &(VigilBox){0.1f, 0.1f, 0.6f, 0.6f});
    gst_vigil_buffer_set_tracks(buffer, &info, tracks, 1, matches, 2);
    fail_unless(is_tracked(meta, fish.id, tracks[0].id));
    fail_if(is_tracked(meta, bird.id, tracks[0].id));
    assert_equals_int(
        gst_vigil_buffer_get_tracks(buffer, &info, back_tracks, G_N_ELEMENTS(back_tracks)), 1);
    gst_buffer_unref(buffer);
}
GST_END_TEST
#endif

static Suite *
vigil_meta_suite(void)
{
    Suite *suite = suite_create("vigil-meta");
    TCase *tcase = tcase_create("meta");

    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, outcome_is_inferred_until_somebody_says_otherwise);
    tcase_add_test(tcase, all_of_a_frame_was_looked_at_until_somebody_says_otherwise);
    tcase_add_test(tcase, outcome_survives_scaling);
    tcase_add_test(tcase, detections_come_back_as_they_went_in);
    tcase_add_test(tcase, regions_are_what_others_expect);
    tcase_add_test(tcase, detections_of_others_are_read_and_nonsense_is_not);
    tcase_add_test(tcase, tracks_come_back_as_they_went_in);
    tcase_add_test(tcase, track_of_another_tracker);
    tcase_add_test(tcase, event_buffer_carries_line_and_event);
    tcase_add_loop_test(tcase, frames_are_seen_as_they_lie, 0, G_N_ELEMENTS(formats));
    tcase_add_test(tcase, format_that_the_core_does_not_take);
#ifdef HAVE_GST_ANALYTICS
    tcase_add_test(tcase, analytics_metadata_says_the_same);
    tcase_add_test(tcase, analytics_metadata_of_others_is_read);
#endif
    return suite;
}

GST_CHECK_MAIN(vigil_meta)
