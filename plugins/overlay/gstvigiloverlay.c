/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SECTION:element-vigiloverlay
 * @title: vigiloverlay
 *
 * Draws what was found on the frame, for people to look at: boxes with label, score and track id, and the zones and lines of
 * a rules file. Once tracks come, only they are drawn; what a tracker only supposes is drawn faintly.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=30 ! video/x-raw,width=640,height=480 ! vigiloverlay rules=rules.yaml ! videoconvert ! fakesink
 * ]|
 */
#include "plugins/overlay/gstvigiloverlay.h"

#include "events/vigil-rules.h"
#include "events/vigil-tracker.h"
#include "plugins/common/gstvigilmeta.h"
#include "plugins/overlay/vigil-draw.h"

GST_DEBUG_CATEGORY_STATIC(vigil_overlay_debug);
#define GST_CAT_DEFAULT vigil_overlay_debug

static const VigilColour zone_colour = {0, 200, 255};
static const VigilColour line_colour = {255, 255, 0};

struct _GstVigilOverlay {
    GstVideoFilter parent;

    /* object lock */
    gchar *rules_path;
    guint line_width, font_size;
    gboolean labels;

    /* streaming thread */
    VigilRules *rules;
    VigilDraw *draw;
    gboolean show_labels;
    gboolean tracked; /* a track was seen in this stream */
    VigilTrack tracks[VIGIL_TRACKER_MAX_TRACKS];
    VigilDetection *detections;
};

enum {
    PROP_0,
    PROP_RULES,
    PROP_LINE_WIDTH,
    PROP_FONT_SIZE,
    PROP_LABELS,
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(GST_VIGIL_VIDEO_FORMATS)));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(GST_VIGIL_VIDEO_FORMATS)));

G_DEFINE_TYPE_WITH_CODE(GstVigilOverlay, gst_vigil_overlay, GST_TYPE_VIDEO_FILTER,
                        GST_DEBUG_CATEGORY_INIT(vigil_overlay_debug, "vigiloverlay", 0,
                                                "drawing of detections"))
GST_ELEMENT_REGISTER_DEFINE(vigiloverlay, "vigiloverlay", GST_RANK_NONE, GST_TYPE_VIGIL_OVERLAY)

static gboolean
gst_vigil_overlay_start(GstBaseTransform *trans)
{
    GstVigilOverlay *self = GST_VIGIL_OVERLAY(trans);
    g_autofree gchar *path = NULL;
    g_autoptr(GError) error = NULL;
    guint line_width, font_size;

    GST_OBJECT_LOCK(self);
    path = g_strdup(self->rules_path);
    line_width = self->line_width;
    font_size = self->font_size;
    self->show_labels = self->labels;
    GST_OBJECT_UNLOCK(self);
    if (path && !(self->rules = vigil_rules_load(path, &error))) {
        GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("%s", error->message), ("rules=%s", path));
        return FALSE;
    }
    self->draw = vigil_draw_new(line_width, font_size);
    self->detections = g_new0(VigilDetection, GST_VIGIL_MAX_DETECTIONS);
    self->tracked = FALSE;
    return TRUE;
}

static gboolean
gst_vigil_overlay_stop(GstBaseTransform *trans)
{
    GstVigilOverlay *self = GST_VIGIL_OVERLAY(trans);

    g_clear_pointer(&self->rules, vigil_rules_free);
    g_clear_pointer(&self->draw, vigil_draw_free);
    g_clear_pointer(&self->detections, g_free);
    return TRUE;
}

static void
draw_rules(GstVigilOverlay *self, const VigilImage *image)
{
    for (guint i = 0; i < self->rules->zones->len; i++) {
        const VigilZone *zone = &g_array_index(self->rules->zones, VigilZone, i);

        for (guint k = 0; k < zone->n_points; k++) {
            const VigilPoint *a = &zone->points[k], *b = &zone->points[(k + 1) % zone->n_points];

            vigil_draw_line(self->draw, image, a->x, a->y, b->x, b->y, zone_colour);
        }
        if (self->show_labels)
            vigil_draw_text(self->draw, image, zone->points[0].x, zone->points[0].y, zone->name,
                            zone_colour);
    }
    for (guint i = 0; i < self->rules->lines->len; i++) {
        const VigilLine *line = &g_array_index(self->rules->lines, VigilLine, i);

        vigil_draw_line(self->draw, image, line->a.x, line->a.y, line->b.x, line->b.y, line_colour);
        if (self->show_labels)
            vigil_draw_text(self->draw, image, line->a.x, line->a.y, line->name, line_colour);
    }
}

static void
draw_track(GstVigilOverlay *self, const VigilImage *image, const VigilTrack *track)
{
    gchar text[96];

    if (track->observed)
        g_snprintf(text, sizeof text, "%s %.2f #%" G_GUINT64_FORMAT, track->label, track->score,
                   track->id);
    else
        g_snprintf(text, sizeof text, "%s #%" G_GUINT64_FORMAT, track->label, track->id);
    vigil_draw_box(self->draw, image, &track->box, self->show_labels ? text : NULL,
                   vigil_draw_get_colour(track->id), !track->observed);
}

static void
draw_detection(GstVigilOverlay *self, const VigilImage *image, const VigilDetection *detection)
{
    gchar text[96];

    g_snprintf(text, sizeof text, "%s %.2f", detection->label, detection->score);
    vigil_draw_box(self->draw, image, &detection->box, self->show_labels ? text : NULL,
                   vigil_draw_get_colour(g_str_hash(detection->label)), FALSE);
}

static GstFlowReturn
gst_vigil_overlay_transform_frame_ip(GstVideoFilter *filter, GstVideoFrame *frame)
{
    GstVigilOverlay *self = GST_VIGIL_OVERLAY(filter);
    const guint n_tracks = gst_vigil_buffer_get_tracks(frame->buffer, &frame->info, self->tracks,
                                                       G_N_ELEMENTS(self->tracks));
    guint n_detections = 0;
    VigilImage image;

    if (!gst_vigil_image_from_frame(frame, &image)) {
        GST_DEBUG_OBJECT(self, "this frame's layout cannot be drawn on");
        return GST_FLOW_OK;
    }
    if (self->rules)
        draw_rules(self, &image);
    self->tracked |= n_tracks > 0;
    if (!self->tracked)
        n_detections = gst_vigil_buffer_get_detections(frame->buffer, &frame->info,
                                                       self->detections, GST_VIGIL_MAX_DETECTIONS);
    for (guint i = 0; i < n_tracks; i++)
        draw_track(self, &image, &self->tracks[i]);
    for (guint i = 0; i < n_detections; i++)
        draw_detection(self, &image, &self->detections[i]);
    return GST_FLOW_OK;
}

static void
set_path(gchar **path, const GValue *value)
{
    g_free(*path);
    *path = g_value_dup_string(value);
}

static void
gst_vigil_overlay_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    GstVigilOverlay *self = GST_VIGIL_OVERLAY(object);

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_RULES: set_path(&self->rules_path, value); break;
    case PROP_LINE_WIDTH: self->line_width = g_value_get_uint(value); break;
    case PROP_FONT_SIZE: self->font_size = g_value_get_uint(value); break;
    case PROP_LABELS: self->labels = g_value_get_boolean(value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_overlay_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstVigilOverlay *self = GST_VIGIL_OVERLAY(object);

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_RULES: g_value_set_string(value, self->rules_path); break;
    case PROP_LINE_WIDTH: g_value_set_uint(value, self->line_width); break;
    case PROP_FONT_SIZE: g_value_set_uint(value, self->font_size); break;
    case PROP_LABELS: g_value_set_boolean(value, self->labels); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_overlay_finalize(GObject *object)
{
    g_free(GST_VIGIL_OVERLAY(object)->rules_path);
    G_OBJECT_CLASS(gst_vigil_overlay_parent_class)->finalize(object);
}

static void
install_properties(GObjectClass *klass)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

    g_object_class_install_property(
        klass, PROP_RULES,
        g_param_spec_string(
            "rules", "Rules",
            "YAML file whose zones and lines are drawn, as vigilevents takes it; not set: none",
            NULL, flags));
    g_object_class_install_property(
        klass, PROP_LINE_WIDTH,
        g_param_spec_uint("line-width", "Line width",
                          "Width of lines in pixels; 0: a 240th of the frame's height, at least 2",
                          0, 100, 0, flags));
    g_object_class_install_property(
        klass, PROP_FONT_SIZE,
        g_param_spec_uint("font-size", "Font size",
                          "Size of text in pixels; 0: a 30th of the frame's height, at least 10", 0,
                          500, 0, flags));
    g_object_class_install_property(
        klass, PROP_LABELS,
        g_param_spec_boolean("labels", "Labels",
                             "Whether text is drawn: labels, scores, track ids, names of zones",
                             TRUE, flags));
}

static void
gst_vigil_overlay_class_init(GstVigilOverlayClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);

    object_class->set_property = gst_vigil_overlay_set_property;
    object_class->get_property = gst_vigil_overlay_get_property;
    object_class->finalize = gst_vigil_overlay_finalize;
    install_properties(object_class);

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "Vigil overlay", "Filter/Effect/Video",
        "Draws detections, tracks, zones and lines on video frames", "The Vigil authors");
    GST_BASE_TRANSFORM_CLASS(klass)->start = gst_vigil_overlay_start;
    GST_BASE_TRANSFORM_CLASS(klass)->stop = gst_vigil_overlay_stop;
    GST_VIDEO_FILTER_CLASS(klass)->transform_frame_ip = gst_vigil_overlay_transform_frame_ip;
}

static void
gst_vigil_overlay_init(GstVigilOverlay *self)
{
    self->labels = TRUE;
}
