/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SECTION:element-vigilmask
 * @title: vigilmask
 *
 * Paints over the parts of the picture that nobody may see, for all that comes after it: motion, detection, snapshots,
 * recording. It belongs right behind the decoder or the camera. `masks` is a list of polygons as in the configuration's `masks:`, with
 * their corners in parts of the frame, so that it holds for every size that the camera may change to. All of a pixel is painted of
 * which a polygon covers any part, and all that the outline of a polygon that crosses itself goes around.
 *
 * Frames are painted where they are, unless someone else holds their memory or a device owns it: then in a copy. A frame that cannot
 * be painted is an error; it never goes on as it was.
 *
 * The property `masks` of vigilmotion is something else: it hides motion from the analysis and nothing from people.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 filesrc location=camera.mp4 ! qtdemux ! h264parse ! vigilavdec ! vigilmask masks="[[[0, 0], [0.3, 0], [0.3, 0.5]]]" ! vigildetect model=model.tflite labels=labels.txt fps=2 ! vigiltrack ! vigiloverlay ! fakesink
 * ]|
 */
#include "plugins/mask/gstvigilmask.h"

#include "plugins/common/gstvigilprobe.h"
#include "plugins/common/gstvigilstream.h"
#include "plugins/mask/vigil-mask-painter.h"

GST_DEBUG_CATEGORY_STATIC(vigil_mask_debug);
#define GST_CAT_DEFAULT vigil_mask_debug

struct _GstVigilMask {
    GstBaseTransform parent;

    /* object lock */
    gchar *masks;
    guint colour;
    gboolean changed; /* one of them, since the last frame */

    /* streaming thread, or nobody streams */
    VigilPrivacyMask *mask;
    VigilMaskPainter *painter;
    GstVideoInfo info;
    GstBufferPool *pool; /* for copies; made at the first one */
};

enum {
    PROP_0,
    PROP_MASKS,
    PROP_COLOR,
};

#define FORMATS                                                                                   \
    "{ I420, NV12, GRAY8, YUY2, RGB, BGR, RGBx, BGRx, YV12, NV21, Y42B, Y444, Y41B, UYVY, YVYU, " \
    "xRGB, xBGR, RGBA, BGRA, ARGB, ABGR }"

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(FORMATS)));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(FORMATS)));

G_DEFINE_TYPE_WITH_CODE(GstVigilMask, gst_vigil_mask, GST_TYPE_BASE_TRANSFORM,
                        GST_DEBUG_CATEGORY_INIT(vigil_mask_debug, "vigilmask", 0, "privacy masks"))
GST_ELEMENT_REGISTER_DEFINE(vigilmask, "vigilmask", GST_RANK_NONE, GST_TYPE_VIGIL_MASK)

/* What is asked for now. Without it there is no mask, and then no frame passes. */
static gboolean
read_masks(GstVigilMask *self)
{
    g_autofree gchar *masks = NULL;
    g_autoptr(GError) error = NULL;

    GST_OBJECT_LOCK(self);
    masks = g_strdup(self->masks);
    self->changed = FALSE;
    GST_OBJECT_UNLOCK(self);
    vigil_privacy_mask_free(self->mask);
    self->mask = vigil_privacy_mask_parse(masks, &error);
    if (!self->mask)
        GST_ELEMENT_ERROR(self, LIBRARY, SETTINGS, ("%s.", error->message), (NULL));
    gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self),
                                       self->mask && vigil_privacy_mask_get_n(self->mask) == 0);
    return self->mask != NULL;
}

static gboolean
gst_vigil_mask_start(GstBaseTransform *trans)
{
    return read_masks(GST_VIGIL_MASK(trans));
}

static void
drop_pool(GstVigilMask *self)
{
    if (!self->pool)
        return;
    gst_buffer_pool_set_active(self->pool, FALSE);
    g_clear_object(&self->pool);
}

static gboolean
gst_vigil_mask_stop(GstBaseTransform *trans)
{
    GstVigilMask *self = GST_VIGIL_MASK(trans);

    drop_pool(self);
    g_clear_pointer(&self->painter, vigil_mask_painter_free);
    g_clear_pointer(&self->mask, vigil_privacy_mask_free);
    return TRUE;
}

static gboolean
make_painter(GstVigilMask *self)
{
    guint colour;

    GST_OBJECT_LOCK(self);
    colour = self->colour;
    GST_OBJECT_UNLOCK(self);
    g_clear_pointer(&self->painter, vigil_mask_painter_free);
    if (self->mask)
        self->painter = vigil_mask_painter_new(self->mask, &self->info, colour);
    return self->painter != NULL;
}

static gboolean
gst_vigil_mask_set_caps(GstBaseTransform *trans, GstCaps *incaps, GstCaps *outcaps)
{
    GstVigilMask *self = GST_VIGIL_MASK(trans);

    drop_pool(self);
    if (gst_video_info_from_caps(&self->info, incaps) && make_painter(self))
        return TRUE;
    GST_WARNING_OBJECT(self, "cannot mask %" GST_PTR_FORMAT, incaps);
    return FALSE;
}

static void
gst_vigil_mask_before_transform(GstBaseTransform *trans, GstBuffer *buffer)
{
    GstVigilMask *self = GST_VIGIL_MASK(trans);
    gboolean changed;

    GST_OBJECT_LOCK(self);
    changed = self->changed;
    GST_OBJECT_UNLOCK(self);
    if (!changed)
        return;
    read_masks(self);
    make_painter(self);
}

static gboolean
gst_vigil_mask_propose_allocation(GstBaseTransform *trans, GstQuery *decide, GstQuery *query)
{
    return gst_vigil_propose_allocation(GST_BASE_TRANSFORM_SRC_PAD(trans), query);
}

/* --- frames ---------------------------------------------------------------------------------- */

/* What a device owns may still be read by it, a decoder's frame as a reference for the next ones. */
static gboolean
is_ours_to_paint(GstBuffer *buffer)
{
    if (!gst_buffer_is_writable(buffer))
        return FALSE;
    for (guint i = 0; i < gst_buffer_n_memory(buffer); i++) {
        GstMemory *memory = gst_buffer_peek_memory(buffer, i);

        if (!gst_memory_is_writable(memory) || !gst_memory_is_type(memory, GST_ALLOCATOR_SYSMEM))
            return FALSE;
    }
    return TRUE;
}

static GstFlowReturn
acquire(GstVigilMask *self, GstBuffer **buffer)
{
    if (!self->pool) {
        g_autoptr(GstCaps) caps = gst_video_info_to_caps(&self->info);
        GstStructure *config;

        self->pool = gst_video_buffer_pool_new();
        config = gst_buffer_pool_get_config(self->pool);
        gst_buffer_pool_config_set_params(config, caps, (guint)GST_VIDEO_INFO_SIZE(&self->info), 0,
                                          0);
        gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
        if (!gst_buffer_pool_set_config(self->pool, config) ||
            !gst_buffer_pool_set_active(self->pool, TRUE)) {
            g_clear_object(&self->pool);
            return GST_FLOW_ERROR;
        }
    }
    return gst_buffer_pool_acquire_buffer(self->pool, buffer, NULL);
}

static gboolean
copy_pixels(GstVigilMask *self, GstBuffer *from, GstBuffer *to)
{
    GstVideoFrame in, out;
    gboolean ok;

    if (!gst_video_frame_map(&in, &self->info, from,
                             GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
        return FALSE;
    if (!gst_video_frame_map(&out, &self->info, to,
                             GST_MAP_WRITE | GST_VIDEO_FRAME_MAP_FLAG_NO_REF)) {
        gst_video_frame_unmap(&in);
        return FALSE;
    }
    ok = GST_VIDEO_FRAME_WIDTH(&in) == GST_VIDEO_FRAME_WIDTH(&out) &&
         GST_VIDEO_FRAME_HEIGHT(&in) == GST_VIDEO_FRAME_HEIGHT(&out) &&
         gst_video_frame_copy(&out, &in);
    gst_video_frame_unmap(&out);
    gst_video_frame_unmap(&in);
    return ok;
}

static GstFlowReturn
gst_vigil_mask_prepare_output_buffer(GstBaseTransform *trans, GstBuffer *in, GstBuffer **out)
{
    GstVigilMask *self = GST_VIGIL_MASK(trans);
    GstFlowReturn flow;

    if (gst_base_transform_is_passthrough(trans) || is_ours_to_paint(in)) {
        *out = in;
        return GST_FLOW_OK;
    }
    if (!self->painter)
        return GST_FLOW_ERROR; /* and it was said why */
    flow = acquire(self, out);
    if (flow != GST_FLOW_OK)
        return flow;
    if (!copy_pixels(self, in, *out) ||
        !gst_buffer_copy_into(*out, in, GST_BUFFER_COPY_METADATA, 0, -1)) {
        g_clear_pointer(out, gst_buffer_unref);
        GST_ELEMENT_ERROR(self, STREAM, FAILED, ("A frame could not be copied to be masked."),
                          (NULL));
        return GST_FLOW_ERROR;
    }
    return GST_FLOW_OK;
}

static GstFlowReturn
gst_vigil_mask_transform_ip(GstBaseTransform *trans, GstBuffer *buffer)
{
    GstVigilMask *self = GST_VIGIL_MASK(trans);
    GstVideoFrame frame;
    gboolean ok;

    if (gst_base_transform_is_passthrough(trans))
        return GST_FLOW_OK;
    if (!self->painter)
        return GST_FLOW_ERROR; /* and it was said why */
    ok = gst_video_frame_map(&frame, &self->info, buffer,
                             GST_MAP_READWRITE | GST_VIDEO_FRAME_MAP_FLAG_NO_REF);
    if (ok) {
        ok = vigil_mask_painter_paint(self->painter, &frame);
        gst_video_frame_unmap(&frame);
    }
    if (ok)
        return GST_FLOW_OK;
    GST_ELEMENT_ERROR(self, STREAM, FAILED,
                      ("A frame could not be masked, and is not shown to anybody."),
                      ("it is not what its caps say: %" GST_PTR_FORMAT, buffer));
    return GST_FLOW_ERROR;
}

/* --- keyframes that vigilidle has looked at -------------------------------------------------- */

static GstSample *
paint_sample(GstVigilMask *self, GstSample *sample)
{
    GstBuffer *picture = gst_sample_get_buffer(sample), *painted = NULL;
    GstVideoInfo info;
    GstSample *result = NULL;

    if (gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) &&
        GST_VIDEO_INFO_FORMAT(&info) == GST_VIDEO_INFO_FORMAT(&self->info) &&
        acquire(self, &painted) == GST_FLOW_OK && copy_pixels(self, picture, painted) &&
        gst_buffer_copy_into(painted, picture, GST_BUFFER_COPY_TIMESTAMPS, 0, -1) &&
        gst_vigil_mask_transform_ip(GST_BASE_TRANSFORM(self), painted) == GST_FLOW_OK)
        result = gst_sample_new(painted, gst_sample_get_caps(sample), NULL, NULL);
    gst_clear_buffer(&painted);
    return result;
}

/* What is behind must not see more of a keyframe than of a frame. Who is not answered decodes everything. */
static gboolean
gst_vigil_mask_query(GstBaseTransform *trans, GstPadDirection direction, GstQuery *query)
{
    GstVigilMask *self = GST_VIGIL_MASK(trans);
    GstSample *sample = NULL, *painted;
    GstClockTime time;
    GstQuery *masked;
    guint n_left;
    gboolean ok;

    if (gst_vigil_query_parse_probe(query, &time, &sample, &n_left) && sample)
        gst_vigil_mask_before_transform(trans, NULL);
    if (!sample || gst_base_transform_is_passthrough(trans))
        return GST_BASE_TRANSFORM_CLASS(gst_vigil_mask_parent_class)
            ->query(trans, direction, query);
    painted = self->painter ? paint_sample(self, sample) : NULL;
    if (!painted)
        return FALSE;
    masked = gst_vigil_query_new_probe(time, painted, n_left);
    gst_sample_unref(painted);
    ok = gst_pad_peer_query(GST_BASE_TRANSFORM_SRC_PAD(trans), masked);
    gst_vigil_query_set_quiet(query, ok && gst_vigil_query_get_quiet(masked));
    gst_query_unref(masked);
    return ok;
}

/* --- properties ------------------------------------------------------------------------------ */

static void
gst_vigil_mask_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    GstVigilMask *self = GST_VIGIL_MASK(object);

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_MASKS:
        g_free(self->masks);
        self->masks = g_value_dup_string(value);
        self->changed = TRUE;
        break;
    case PROP_COLOR:
        self->colour = g_value_get_uint(value);
        self->changed = TRUE;
        break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_mask_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstVigilMask *self = GST_VIGIL_MASK(object);

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_MASKS: g_value_set_string(value, self->masks); break;
    case PROP_COLOR: g_value_set_uint(value, self->colour); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_mask_finalize(GObject *object)
{
    g_free(GST_VIGIL_MASK(object)->masks);
    G_OBJECT_CLASS(gst_vigil_mask_parent_class)->finalize(object);
}

static void
gst_vigil_mask_class_init(GstVigilMaskClass *klass)
{
    const GParamFlags flags =
        G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

    object_class->set_property = gst_vigil_mask_set_property;
    object_class->get_property = gst_vigil_mask_get_property;
    object_class->finalize = gst_vigil_mask_finalize;
    g_object_class_install_property(
        object_class, PROP_MASKS,
        g_param_spec_string("masks", "Masks",
                            "What is painted over: a list of polygons, their corners in parts of "
                            "the frame: \"[[[0, 0], [0.2, 0], [0.2, 0.2]]]\". None or \"[]\": "
                            "frames pass as they are. A change holds from the next frame on",
                            NULL, flags));
    g_object_class_install_property(
        object_class, PROP_COLOR,
        g_param_spec_uint("color", "Color",
                          "What it is painted with, as 0xRRGGBB; in gray frames its brightness", 0,
                          0xffffff, 0, flags));

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(element_class, "Vigil privacy mask",
                                          "Filter/Effect/Video", "Paints over what nobody may see",
                                          "The Vigil authors");

    transform_class->start = gst_vigil_mask_start;
    transform_class->stop = gst_vigil_mask_stop;
    transform_class->set_caps = gst_vigil_mask_set_caps;
    transform_class->before_transform = gst_vigil_mask_before_transform;
    transform_class->propose_allocation = gst_vigil_mask_propose_allocation;
    transform_class->prepare_output_buffer = gst_vigil_mask_prepare_output_buffer;
    transform_class->query = gst_vigil_mask_query;
    transform_class->transform_ip = gst_vigil_mask_transform_ip;
}

static void
gst_vigil_mask_init(GstVigilMask *self)
{
    gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}
