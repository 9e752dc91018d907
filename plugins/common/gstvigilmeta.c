/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own metas (what became of a frame; the event a buffer carries) and the view of a mapped frame.
 *
 * This file is linked into the plugin and into programs beside it, which may be one process: a type that
 * is there already is used, not registered again.
 */
#include "plugins/common/gstvigilmeta.h"

typedef struct {
    GstMeta meta;
    VigilOutcome outcome;
    VigilModelId model;
    gboolean in_part; /* only of area was looked at */
    gboolean wants_places;
    VigilBox area;
} GstVigilOutcomeMeta;

typedef struct {
    GstMeta meta;
    VigilEvent *event;
} GstVigilEventMeta;

typedef struct {
    GstMeta meta;
    VigilMotionResult motion;
} GstVigilMotionMeta;

static GType
take_api(gsize *once, const gchar *name)
{
    static const gchar *no_tags[] = {NULL};

    if (g_once_init_enter(once)) {
        const GType type = g_type_from_name(name);

        g_once_init_leave(once, type ? type : gst_meta_api_type_register(name, no_tags));
    }
    return *once;
}

static const GstMetaInfo *
take_info(gsize *once, GType api, const gchar *name, gsize size, GstMetaInitFunction init,
          GstMetaFreeFunction free, GstMetaTransformFunction transform)
{
    if (g_once_init_enter(once)) {
        const GstMetaInfo *info = gst_meta_get_info(name);

        if (!info)
            info = gst_meta_register(api, name, size, init, free, transform);
        g_once_init_leave(once, (gsize)info);
    }
    return (const GstMetaInfo *)*once;
}

static gboolean
outcome_meta_init(GstMeta *meta, gpointer params, GstBuffer *buffer)
{
    ((GstVigilOutcomeMeta *)meta)->outcome = VIGIL_OUTCOME_INFERRED;
    ((GstVigilOutcomeMeta *)meta)->model = (VigilModelId){NULL, NULL};
    ((GstVigilOutcomeMeta *)meta)->in_part = FALSE;
    ((GstVigilOutcomeMeta *)meta)->wants_places = FALSE;
    return TRUE;
}

/* The outcome stays true however the picture is scaled or converted, and so does the area, but for a frame that was cut. */
static gboolean
outcome_meta_transform(GstBuffer *to, GstMeta *meta, GstBuffer *from, GQuark type, gpointer data)
{
    const GstVigilOutcomeMeta *known = (GstVigilOutcomeMeta *)meta;

    gst_vigil_buffer_set_outcome(to, known->outcome);
    gst_vigil_buffer_set_model(to, known->model);
    gst_vigil_buffer_set_area(to, known->in_part ? &known->area : NULL);
    gst_vigil_buffer_set_wants_places(to, known->wants_places);
    return TRUE;
}

static GType
outcome_meta_api(void)
{
    static gsize type = 0;

    return take_api(&type, "GstVigilOutcomeMetaAPI");
}

static const GstMetaInfo *
outcome_meta_info(void)
{
    static gsize info = 0;

    return take_info(&info, outcome_meta_api(), "GstVigilOutcomeMeta", sizeof(GstVigilOutcomeMeta),
                     outcome_meta_init, NULL, outcome_meta_transform);
}

static GstVigilOutcomeMeta *
get_outcome_meta(GstBuffer *buffer)
{
    return (gpointer)gst_buffer_get_meta(buffer, outcome_meta_api());
}

static GstVigilOutcomeMeta *
take_outcome_meta(GstBuffer *buffer)
{
    GstVigilOutcomeMeta *meta = get_outcome_meta(buffer);

    return meta ? meta : (gpointer)gst_buffer_add_meta(buffer, outcome_meta_info(), NULL);
}

void
gst_vigil_buffer_set_outcome(GstBuffer *buffer, VigilOutcome outcome)
{
    take_outcome_meta(buffer)->outcome = outcome;
}

VigilOutcome
gst_vigil_buffer_get_outcome(GstBuffer *buffer)
{
    const GstVigilOutcomeMeta *meta = get_outcome_meta(buffer);

    return meta ? meta->outcome : VIGIL_OUTCOME_INFERRED;
}

void
gst_vigil_buffer_set_model(GstBuffer *buffer, VigilModelId model)
{
    take_outcome_meta(buffer)->model = model;
}

VigilModelId
gst_vigil_buffer_get_model(GstBuffer *buffer)
{
    const GstVigilOutcomeMeta *meta = get_outcome_meta(buffer);

    return meta ? meta->model : (VigilModelId){NULL, NULL};
}

void
gst_vigil_buffer_set_area(GstBuffer *buffer, const VigilBox *area)
{
    GstVigilOutcomeMeta *meta = take_outcome_meta(buffer);

    meta->in_part = area != NULL;
    if (area)
        meta->area = *area;
}

const VigilBox *
gst_vigil_buffer_get_area(GstBuffer *buffer)
{
    const GstVigilOutcomeMeta *meta = get_outcome_meta(buffer);

    return meta && meta->in_part ? &meta->area : NULL;
}

void
gst_vigil_buffer_set_wants_places(GstBuffer *buffer, gboolean wants)
{
    take_outcome_meta(buffer)->wants_places = wants;
}

gboolean
gst_vigil_buffer_get_wants_places(GstBuffer *buffer)
{
    const GstVigilOutcomeMeta *meta = get_outcome_meta(buffer);

    return meta && meta->wants_places;
}

static gboolean
event_meta_init(GstMeta *meta, gpointer params, GstBuffer *buffer)
{
    ((GstVigilEventMeta *)meta)->event = NULL;
    return TRUE;
}

static void
event_meta_free(GstMeta *meta, GstBuffer *buffer)
{
    g_clear_pointer(&((GstVigilEventMeta *)meta)->event, vigil_event_unref);
}

static const GstMetaInfo *event_meta_info(void);

static gboolean
event_meta_transform(GstBuffer *to, GstMeta *meta, GstBuffer *from, GQuark type, gpointer data)
{
    GstVigilEventMeta *copy = (gpointer)gst_buffer_add_meta(to, event_meta_info(), NULL);

    copy->event = vigil_event_ref(((GstVigilEventMeta *)meta)->event);
    return TRUE;
}

static GType
event_meta_api(void)
{
    static gsize type = 0;

    return take_api(&type, "GstVigilEventMetaAPI");
}

static const GstMetaInfo *
event_meta_info(void)
{
    static gsize info = 0;

    return take_info(&info, event_meta_api(), "GstVigilEventMeta", sizeof(GstVigilEventMeta),
                     event_meta_init, event_meta_free, event_meta_transform);
}

GstBuffer *
gst_vigil_event_buffer_new(VigilEvent *event, GstClockTime pts)
{
    gchar *json = vigil_event_to_json(event, NULL);
    gchar *line = g_strconcat(json, "\n", NULL);
    GstBuffer *buffer = gst_buffer_new_wrapped(line, strlen(line));
    GstVigilEventMeta *meta = (gpointer)gst_buffer_add_meta(buffer, event_meta_info(), NULL);

    g_free(json);
    meta->event = vigil_event_ref(event);
    GST_BUFFER_PTS(buffer) = pts;
    return buffer;
}

VigilEvent *
gst_vigil_buffer_get_event(GstBuffer *buffer)
{
    const GstVigilEventMeta *meta = (gpointer)gst_buffer_get_meta(buffer, event_meta_api());

    return meta ? meta->event : NULL;
}

GstEvent *
gst_vigil_event_new_nothing(GstClockTime pts, GstClockTime duration, gint64 wanted_ns)
{
    GstEvent *event = gst_event_new_gap(pts, duration);

    gst_structure_set(gst_event_writable_structure(event), "vigil-wanted", G_TYPE_INT64, wanted_ns,
                      NULL);
    return event;
}

gboolean
gst_vigil_event_parse_wanted(GstEvent *event, gint64 *wanted_ns)
{
    return GST_EVENT_TYPE(event) == GST_EVENT_GAP &&
           gst_structure_get_int64(gst_event_get_structure(event), "vigil-wanted", wanted_ns);
}

static gboolean
motion_meta_init(GstMeta *meta, gpointer params, GstBuffer *buffer)
{
    ((GstVigilMotionMeta *)meta)->motion = (VigilMotionResult){.state = VIGIL_MOTION_LEARNING};
    return TRUE;
}

/* Regions are in parts of the frame: scaling changes nothing, but of a frame that was cut they may say something else. */
static gboolean
motion_meta_transform(GstBuffer *to, GstMeta *meta, GstBuffer *from, GQuark type, gpointer data)
{
    gst_vigil_buffer_set_motion(to, &((GstVigilMotionMeta *)meta)->motion);
    return TRUE;
}

static GType
motion_meta_api(void)
{
    static gsize type = 0;

    return take_api(&type, "GstVigilMotionMetaAPI");
}

static const GstMetaInfo *
motion_meta_info(void)
{
    static gsize info = 0;

    return take_info(&info, motion_meta_api(), "GstVigilMotionMeta", sizeof(GstVigilMotionMeta),
                     motion_meta_init, NULL, motion_meta_transform);
}

void
gst_vigil_buffer_set_motion(GstBuffer *buffer, const VigilMotionResult *motion)
{
    GstVigilMotionMeta *meta = (gpointer)gst_buffer_get_meta(buffer, motion_meta_api());

    if (!meta)
        meta = (gpointer)gst_buffer_add_meta(buffer, motion_meta_info(), NULL);
    meta->motion = *motion;
}

const VigilMotionResult *
gst_vigil_buffer_get_motion(GstBuffer *buffer)
{
    const GstVigilMotionMeta *meta = (gpointer)gst_buffer_get_meta(buffer, motion_meta_api());

    return meta ? &meta->motion : NULL;
}

static gboolean
pixel_format(GstVideoFormat format, VigilPixelFormat *pixels)
{
    switch (format) {
    case GST_VIDEO_FORMAT_I420: *pixels = VIGIL_PIXELS_I420; return TRUE;
    case GST_VIDEO_FORMAT_NV12: *pixels = VIGIL_PIXELS_NV12; return TRUE;
    case GST_VIDEO_FORMAT_YUY2: *pixels = VIGIL_PIXELS_YUY2; return TRUE;
    case GST_VIDEO_FORMAT_RGB: *pixels = VIGIL_PIXELS_RGB; return TRUE;
    case GST_VIDEO_FORMAT_BGR: *pixels = VIGIL_PIXELS_BGR; return TRUE;
    case GST_VIDEO_FORMAT_RGBx: *pixels = VIGIL_PIXELS_RGBX; return TRUE;
    case GST_VIDEO_FORMAT_BGRx: *pixels = VIGIL_PIXELS_BGRX; return TRUE;
    case GST_VIDEO_FORMAT_GRAY8: *pixels = VIGIL_PIXELS_GRAY8; return TRUE;
    default: return FALSE;
    }
}

gboolean
gst_vigil_image_from_frame(const GstVideoFrame *frame, VigilImage *image)
{
    const GstVideoColorimetry *colorimetry = &frame->info.colorimetry;

    *image = (VigilImage){
        .width = GST_VIDEO_FRAME_WIDTH(frame),
        .height = GST_VIDEO_FRAME_HEIGHT(frame),
        .matrix =
            colorimetry->matrix == GST_VIDEO_COLOR_MATRIX_BT709 ? VIGIL_YUV_BT709 : VIGIL_YUV_BT601,
        .full_range = colorimetry->range == GST_VIDEO_COLOR_RANGE_0_255,
    };
    if (!pixel_format(GST_VIDEO_FRAME_FORMAT(frame), &image->format))
        return FALSE;
    for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(frame); plane++) {
        /* a picture stored bottom up has a negative stride, which the core does not take */
        if (GST_VIDEO_FRAME_PLANE_STRIDE(frame, plane) <= 0)
            return FALSE;
        image->planes[plane] = GST_VIDEO_FRAME_PLANE_DATA(frame, plane);
        image->strides[plane] = GST_VIDEO_FRAME_PLANE_STRIDE(frame, plane);
    }
    return TRUE;
}
