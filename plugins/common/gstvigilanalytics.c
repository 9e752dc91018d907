/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/gstvigilanalytics.h"

#include "vigil-config.h"

#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>

static GstAnalyticsRelationMeta *
ensure_relation_meta(GstBuffer *buffer)
{
    GstAnalyticsRelationMeta *meta = gst_buffer_get_analytics_relation_meta(buffer);

    return meta ? meta : gst_buffer_add_analytics_relation_meta(buffer);
}

gint
gst_vigil_analytics_add_detection(GstBuffer *buffer, const GstVideoInfo *info,
                                  const VigilDetection *detection, gint fallback_id)
{
    const GstVideoRectangle r = gst_vigil_box_to_pixels(&detection->box, info);
    GstAnalyticsODMtd mtd;

    if (!gst_analytics_relation_meta_add_od_mtd(ensure_relation_meta(buffer),
                                                g_quark_from_string(detection->label), r.x, r.y,
                                                r.w, r.h, detection->score, &mtd))
        return fallback_id;
    return mtd.id;
}

/* FALSE for values that are no box or no score. */
static gboolean
read_mtd(const GstAnalyticsMtd *mtd, const GstVideoInfo *info, VigilDetection *detection)
{
    const gchar *label = g_quark_to_string(gst_analytics_od_mtd_get_obj_type(mtd));
    const gfloat width = GST_VIDEO_INFO_WIDTH(info), height = GST_VIDEO_INFO_HEIGHT(info);
    gint x, y, w, h;
    gfloat score;

    if (!gst_analytics_od_mtd_get_location(mtd, &x, &y, &w, &h, &score) || w < 0 || h < 0 ||
        !(score >= 0.0f))
        return FALSE;
    *detection = (VigilDetection){
        .box = {x / width, y / height, (x + w) / width, (y + h) / height},
        .score = MIN(score, 1.0f),
        .label_id = -1,
        .label = g_intern_string(label ? label : "object"),
    };
    return TRUE;
}

static gboolean
next_detection(GstAnalyticsRelationMeta *meta, gpointer *state, GstAnalyticsMtd *mtd)
{
    return gst_analytics_relation_meta_iterate(meta, state, gst_analytics_od_mtd_get_mtd_type(),
                                               mtd);
}

guint
gst_vigil_analytics_get_detections(GstBuffer *buffer, const GstVideoInfo *info,
                                   VigilDetection *detections, guint capacity)
{
    GstAnalyticsRelationMeta *meta = gst_buffer_get_analytics_relation_meta(buffer);
    GstAnalyticsMtd mtd;
    gpointer state = NULL;
    guint n = 0;

    while (meta && n < capacity && next_detection(meta, &state, &mtd))
        if (read_mtd(&mtd, info, &detections[n]))
            n++;
    return n;
}

static void
add_tracking(GstAnalyticsRelationMeta *meta, guint detection_id, const VigilTrack *track)
{
    GstAnalyticsTrackingMtd tracking;

    if (!gst_analytics_relation_meta_add_tracking_mtd(meta, track->id, track->first_ns, &tracking))
        return;
    gst_analytics_tracking_mtd_update_last_seen(&tracking, track->last_ns);
    gst_analytics_relation_meta_set_relation(meta, GST_ANALYTICS_REL_TYPE_RELATE_TO, detection_id,
                                             tracking.id);
}

void
gst_vigil_analytics_add_track(GstBuffer *buffer, gint detection_id, const VigilTrack *track)
{
    GstAnalyticsRelationMeta *meta = gst_buffer_get_analytics_relation_meta(buffer);
    GstAnalyticsODMtd detection;

    if (meta && detection_id >= 0 &&
        gst_analytics_relation_meta_get_od_mtd(meta, detection_id, &detection))
        add_tracking(meta, detection.id, track);
}

void
gst_vigil_analytics_add_tracks(GstBuffer *buffer, const GstVideoInfo *info,
                               const VigilTrack *tracks, guint n_tracks, const gint *matches,
                               guint n_detections)
{
    GstAnalyticsRelationMeta *meta = gst_buffer_get_analytics_relation_meta(buffer);
    VigilDetection ignored;
    GstAnalyticsMtd mtd;
    gpointer state = NULL;
    guint k = 0;

    while (meta && k < n_detections && next_detection(meta, &state, &mtd)) {
        const gint match = read_mtd(&mtd, info, &ignored) ? matches[k++] : -1;

        if (match >= 0 && (guint)match < n_tracks)
            add_tracking(meta, mtd.id, &tracks[match]);
    }
}

#else

gint
gst_vigil_analytics_add_detection(GstBuffer *buffer, const GstVideoInfo *info,
                                  const VigilDetection *detection, gint fallback_id)
{
    return fallback_id;
}

guint
gst_vigil_analytics_get_detections(GstBuffer *buffer, const GstVideoInfo *info,
                                   VigilDetection *detections, guint capacity)
{
    return 0;
}

void
gst_vigil_analytics_add_track(GstBuffer *buffer, gint detection_id, const VigilTrack *track)
{
}

void
gst_vigil_analytics_add_tracks(GstBuffer *buffer, const GstVideoInfo *info,
                               const VigilTrack *tracks, guint n_tracks, const gint *matches,
                               guint n_detections)
{
}

#endif
