/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detections and tracks as regions of interest.
 */
#include <math.h>

#include "events/vigil-tracker.h"
#include "plugins/common/gstvigilanalytics.h"
#include "plugins/common/gstvigilmeta.h"

#define DETECTION "detection"
#define OBJECT_ID "object_id"
#define TRACK "vigil-track"

static guint
count_regions(GstBuffer *buffer)
{
    return gst_buffer_get_n_meta(buffer, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
}

static GstVideoRegionOfInterestMeta *
next_region(GstBuffer *buffer, gpointer *state)
{
    return (gpointer)gst_buffer_iterate_meta_filtered(buffer, state,
                                                      GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
}

GstVideoRectangle
gst_vigil_box_to_pixels(const VigilBox *box, const GstVideoInfo *info)
{
    const gint width = GST_VIDEO_INFO_WIDTH(info), height = GST_VIDEO_INFO_HEIGHT(info);
    const gint x0 = lrintf(CLAMP(box->x0, 0.0f, 1.0f) * width);
    const gint y0 = lrintf(CLAMP(box->y0, 0.0f, 1.0f) * height);
    const gint x1 = lrintf(CLAMP(box->x1, 0.0f, 1.0f) * width);
    const gint y1 = lrintf(CLAMP(box->y1, 0.0f, 1.0f) * height);

    return (GstVideoRectangle){x0, y0, x1 - x0, y1 - y0};
}

static GstVideoRegionOfInterestMeta *
add_region(GstBuffer *buffer, const GstVideoInfo *info, const VigilBox *box, const gchar *label)
{
    const GstVideoRectangle r = gst_vigil_box_to_pixels(box, info);

    return gst_buffer_add_video_region_of_interest_meta(buffer, label, r.x, r.y, r.w, r.h);
}

void
gst_vigil_buffer_add_detections(GstBuffer *buffer, const GstVideoInfo *info,
                                const VigilDetection *detections, guint n_detections)
{
    gint next_id = count_regions(buffer);

    for (guint i = 0; i < n_detections; i++) {
        const VigilDetection *d = &detections[i];
        GstVideoRegionOfInterestMeta *region = add_region(buffer, info, &d->box, d->label);
        GstStructure *param = gst_structure_new(
            DETECTION, "x_min", G_TYPE_DOUBLE, (gdouble)d->box.x0, "x_max", G_TYPE_DOUBLE,
            (gdouble)d->box.x1, "y_min", G_TYPE_DOUBLE, (gdouble)d->box.y0, "y_max", G_TYPE_DOUBLE,
            (gdouble)d->box.y1, "confidence", G_TYPE_DOUBLE, (gdouble)d->score, "label_id",
            G_TYPE_INT, d->label_id, NULL);

        gst_video_region_of_interest_meta_add_param(region, param);
        region->id = gst_vigil_analytics_add_detection(buffer, info, d, next_id);
        region->parent_id = -1;
        next_id = region->id + 1;
    }
}

static gboolean
read_box(const GstStructure *param, VigilBox *box)
{
    gdouble x0, x1, y0, y1;

    if (!gst_structure_get(param, "x_min", G_TYPE_DOUBLE, &x0, "x_max", G_TYPE_DOUBLE, &x1, "y_min",
                           G_TYPE_DOUBLE, &y0, "y_max", G_TYPE_DOUBLE, &y1, NULL))
        return FALSE;
    if (!isfinite(x0) || !isfinite(x1) || !isfinite(y0) || !isfinite(y1) || x1 < x0 || y1 < y0)
        return FALSE;
    *box = (VigilBox){x0, y0, x1, y1};
    return TRUE;
}

static const gchar *
region_label(const GstVideoRegionOfInterestMeta *region)
{
    const gchar *name = g_quark_to_string(region->roi_type);

    return g_intern_string(name ? name : "object");
}

static gboolean
read_detection(GstVideoRegionOfInterestMeta *region, VigilDetection *detection)
{
    const GstStructure *param = gst_video_region_of_interest_meta_get_param(region, DETECTION);
    gdouble score = 0.0;

    *detection = (VigilDetection){.label_id = -1};
    if (!param || !read_box(param, &detection->box) ||
        !gst_structure_get_double(param, "confidence", &score) || !isfinite(score))
        return FALSE;
    gst_structure_get_int(param, "label_id", &detection->label_id);
    detection->score = CLAMP(score, 0.0, 1.0);
    detection->label = region_label(region);
    return TRUE;
}

guint
gst_vigil_buffer_get_detections(GstBuffer *buffer, const GstVideoInfo *info,
                                VigilDetection *detections, guint capacity)
{
    GstVideoRegionOfInterestMeta *region;
    gpointer state = NULL;
    guint n = 0;

    while (n < capacity && (region = next_region(buffer, &state)))
        if (read_detection(region, &detections[n]))
            n++;
    return n > 0 ? n : gst_vigil_analytics_get_detections(buffer, info, detections, capacity);
}

static void
add_track_params(GstVideoRegionOfInterestMeta *region, const VigilTrack *track)
{
    gst_video_region_of_interest_meta_add_param(
        region, gst_structure_new(OBJECT_ID, "id", G_TYPE_INT, (gint)(track->id & G_MAXINT), NULL));
    gst_video_region_of_interest_meta_add_param(
        region,
        gst_structure_new(
            TRACK, "id", G_TYPE_UINT64, track->id, "x_min", G_TYPE_DOUBLE, (gdouble)track->box.x0,
            "x_max", G_TYPE_DOUBLE, (gdouble)track->box.x1, "y_min", G_TYPE_DOUBLE,
            (gdouble)track->box.y0, "y_max", G_TYPE_DOUBLE, (gdouble)track->box.y1, "confidence",
            G_TYPE_DOUBLE, (gdouble)track->score, "label_id", G_TYPE_INT, track->label_id, "label",
            G_TYPE_STRING, track->label, "observed", G_TYPE_BOOLEAN, track->observed, "first_seen",
            G_TYPE_INT64, track->first_ns, "last_seen", G_TYPE_INT64, track->last_ns, NULL));
}

static gboolean
is_marked(const guint64 *marks, guint index)
{
    return (marks[index / 64] >> (index % 64)) & 1;
}

/* Returns the number of regions that are detections. */
static guint
mark_regions(GstBuffer *buffer, const VigilTrack *tracks, guint n_tracks, const gint *matches,
             guint n_detections, guint64 *marks)
{
    GstVideoRegionOfInterestMeta *region;
    VigilDetection ignored;
    gpointer state = NULL;
    guint k = 0;

    while (k < n_detections && (region = next_region(buffer, &state))) {
        const gint match = read_detection(region, &ignored) ? matches[k++] : -1;

        if (match < 0 || (guint)match >= n_tracks)
            continue;
        add_track_params(region, &tracks[match]);
        gst_vigil_analytics_add_track(buffer, region->id, &tracks[match]);
        marks[match / 64] |= G_GUINT64_CONSTANT(1) << (match % 64);
    }
    return k;
}

void
gst_vigil_buffer_set_tracks(GstBuffer *buffer, const GstVideoInfo *info, const VigilTrack *tracks,
                            guint n_tracks, const gint *matches, guint n_detections)
{
    guint64 marks[VIGIL_TRACKER_MAX_TRACKS / 64] = {0};

    n_tracks = MIN(n_tracks, VIGIL_TRACKER_MAX_TRACKS);
    if (matches && mark_regions(buffer, tracks, n_tracks, matches, n_detections, marks) == 0)
        gst_vigil_analytics_add_tracks(buffer, info, tracks, n_tracks, matches, n_detections);
    for (guint i = 0; i < n_tracks; i++) {
        GstVideoRegionOfInterestMeta *region;

        if (is_marked(marks, i))
            continue;
        region = add_region(buffer, info, &tracks[i].box, tracks[i].label);
        region->id = region->parent_id = -1;
        add_track_params(region, &tracks[i]);
    }
}

static gboolean
read_own_track(GstVideoRegionOfInterestMeta *region, VigilTrack *track)
{
    const GstStructure *param = gst_video_region_of_interest_meta_get_param(region, TRACK);
    gdouble score = 0.0;

    if (!param || !read_box(param, &track->box) ||
        !gst_structure_get(param, "id", G_TYPE_UINT64, &track->id, "confidence", G_TYPE_DOUBLE,
                           &score, "label_id", G_TYPE_INT, &track->label_id, "observed",
                           G_TYPE_BOOLEAN, &track->observed, "first_seen", G_TYPE_INT64,
                           &track->first_ns, "last_seen", G_TYPE_INT64, &track->last_ns, NULL) ||
        !isfinite(score))
        return FALSE;
    track->score = CLAMP(score, 0.0, 1.0);
    track->label = g_intern_string(gst_structure_get_string(param, "label"));
    return track->label != NULL;
}

static gboolean
read_track(GstVideoRegionOfInterestMeta *region, const GstVideoInfo *info, VigilTrack *track)
{
    const GstStructure *param = gst_video_region_of_interest_meta_get_param(region, OBJECT_ID);
    const gfloat width = GST_VIDEO_INFO_WIDTH(info), height = GST_VIDEO_INFO_HEIGHT(info);
    VigilDetection detection;
    gint id;

    if (!param || !gst_structure_get_int(param, "id", &id))
        return FALSE;
    if (read_own_track(region, track))
        return TRUE;
    if (!read_detection(region, &detection)) {
        detection.label = region_label(region);
        detection.box =
            (VigilBox){region->x / width, region->y / height, (region->x + region->w) / width,
                       (region->y + region->h) / height};
    }
    *track = (VigilTrack){.id = (guint64)id,
                          .box = detection.box,
                          .score = detection.score,
                          .label_id = detection.label_id,
                          .label = detection.label,
                          .observed = detection.score > 0.0f,
                          .first_ns = -1,
                          .last_ns = -1};
    return TRUE;
}

guint
gst_vigil_buffer_get_tracks(GstBuffer *buffer, const GstVideoInfo *info, VigilTrack *tracks,
                            guint capacity)
{
    GstVideoRegionOfInterestMeta *region;
    gpointer state = NULL;
    guint n = 0;

    while (n < capacity && (region = next_region(buffer, &state)))
        if (read_track(region, info, &tracks[n]))
            n++;
    return n;
}

guint
gst_vigil_buffer_get_untracked(GstBuffer *buffer, VigilDetection *detections, guint capacity)
{
    GstVideoRegionOfInterestMeta *region;
    gpointer state = NULL;
    guint n = 0;

    while (n < capacity && (region = next_region(buffer, &state)))
        if (!gst_video_region_of_interest_meta_get_param(region, OBJECT_ID) &&
            read_detection(region, &detections[n]))
            n++;
    return n;
}
