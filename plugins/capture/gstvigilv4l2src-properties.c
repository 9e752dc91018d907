/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/capture/gstvigilv4l2src-private.h"

enum {
    PROP_0,
    PROP_DEVICE,
    PROP_FORMAT,
    PROP_WIDTH,
    PROP_HEIGHT,
    PROP_FPS,
    PROP_CONTROLS,
    PROP_BUFFERS,
    PROP_DMABUF,
    PROP_TIMEOUT,
    PROP_STATS,
};

void
gst_vigil_v4l2_options_copy(GstVigilV4l2Options *to, const GstVigilV4l2Options *from)
{
    *to = *from;
    to->device = g_strdup(from->device);
    to->format = g_strdup(from->format);
    to->controls = g_strdup(from->controls);
}

void
gst_vigil_v4l2_options_clear(GstVigilV4l2Options *self)
{
    g_clear_pointer(&self->device, g_free);
    g_clear_pointer(&self->format, g_free);
    g_clear_pointer(&self->controls, g_free);
}

/* Under the object lock. */
static GstStructure *
make_stats(const GstVigilV4l2Src *self)
{
    const VigilV4l2Stats stats =
        self->v4l2 ? vigil_v4l2_get_stats(self->v4l2) : (VigilV4l2Stats){0};

    return gst_structure_new(
        "vigilv4l2src-stats", "frames", G_TYPE_UINT64, stats.frames, "lost", G_TYPE_UINT64,
        stats.lost, "corrupt", G_TYPE_UINT64, stats.corrupt, "short", G_TYPE_UINT64,
        stats.too_short, "oversize", G_TYPE_UINT64, stats.oversize, "backwards", G_TYPE_UINT64,
        stats.backwards, "bad-index", G_TYPE_UINT64, stats.bad_index, "dropped", G_TYPE_UINT64,
        self->dropped, "copied", G_TYPE_UINT64, self->copied, "restarts", G_TYPE_UINT64,
        self->restarts, "unplugs", G_TYPE_UINT64, self->unplugs, "node", G_TYPE_STRING, self->path,
        "format", G_TYPE_STRING, self->summary, NULL);
}

static void
set_string(gchar **place, const GValue *value)
{
    g_free(*place);
    *place = g_value_dup_string(value);
}

static void
set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    GstVigilV4l2Src *self = GST_VIGIL_V4L2_SRC(object);
    GstVigilV4l2Options *options = &self->options;

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_DEVICE: set_string(&options->device, value); break;
    case PROP_FORMAT: set_string(&options->format, value); break;
    case PROP_WIDTH: options->width = g_value_get_uint(value); break;
    case PROP_HEIGHT: options->height = g_value_get_uint(value); break;
    case PROP_FPS: options->fps = g_value_get_double(value); break;
    case PROP_CONTROLS: set_string(&options->controls, value); break;
    case PROP_BUFFERS: options->buffers = g_value_get_uint(value); break;
    case PROP_DMABUF: options->dmabuf = g_value_get_boolean(value); break;
    case PROP_TIMEOUT: options->timeout_ns = g_value_get_uint64(value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstVigilV4l2Src *self = GST_VIGIL_V4L2_SRC(object);
    const GstVigilV4l2Options *options = &self->options;

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_DEVICE: g_value_set_string(value, options->device); break;
    case PROP_FORMAT: g_value_set_string(value, options->format); break;
    case PROP_WIDTH: g_value_set_uint(value, options->width); break;
    case PROP_HEIGHT: g_value_set_uint(value, options->height); break;
    case PROP_FPS: g_value_set_double(value, options->fps); break;
    case PROP_CONTROLS: g_value_set_string(value, options->controls); break;
    case PROP_BUFFERS: g_value_set_uint(value, options->buffers); break;
    case PROP_DMABUF: g_value_set_boolean(value, options->dmabuf); break;
    case PROP_TIMEOUT: g_value_set_uint64(value, options->timeout_ns); break;
    case PROP_STATS: g_value_take_boxed(value, make_stats(self)); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)

static void
install_wishes(GObjectClass *klass)
{
    g_object_class_install_property(
        klass, PROP_DEVICE,
        g_param_spec_string(
            "device", "Device",
            "Which camera: /dev/video0, serial=NUMBER (its USB serial number, wherever "
            "it is plugged in) or path=PORT (what is plugged in there); `vigil devices` "
            "lists them",
            "/dev/video0", FLAGS));
    g_object_class_install_property(
        klass, PROP_FORMAT,
        g_param_spec_string(
            "format", "Formats",
            "Which formats may be taken, in the order of preference, of h264, h265, "
            "mjpeg and raw with commas between them; auto: all, in this order",
            "auto", FLAGS));
    g_object_class_install_property(
        klass, PROP_WIDTH,
        g_param_spec_uint(
            "width", "Width",
            "Wanted width in pixels; the nearest size that the camera has is taken; 0: "
            "1920 for encoded video, 1280 for raw frames (what USB 2 carries)",
            0, 32768, 0, FLAGS));
    g_object_class_install_property(
        klass, PROP_HEIGHT,
        g_param_spec_uint("height", "Height",
                          "Wanted height in pixels; 0: 1080 for encoded video, 720 for raw frames",
                          0, 32768, 0, FLAGS));
    g_object_class_install_property(
        klass, PROP_FPS,
        g_param_spec_double(
            "fps", "Frame rate",
            "Wanted frames a second; the nearest rate that the camera has at that size "
            "is taken; 0: 30",
            0, 1000, 0, FLAGS));
    g_object_class_install_property(
        klass, PROP_CONTROLS,
        g_param_spec_string(
            "controls", "Controls",
            "What the camera is set to, by name: gain=30,auto_exposure=manual_mode,"
            "exposure=100; `vigil devices` lists names and ranges; not set: as it is",
            NULL, FLAGS));
}

void
gst_vigil_v4l2_src_install_properties(GObjectClass *klass)
{
    klass->set_property = set_property;
    klass->get_property = get_property;
    install_wishes(klass);
    g_object_class_install_property(
        klass, PROP_BUFFERS,
        g_param_spec_uint(
            "buffers", "Buffers",
            "Buffers that are shared with the driver; when fewer than two of them are "
            "left to it, frames are copied",
            2, VIGIL_V4L2_MAX_BUFFERS, 4, FLAGS));
    g_object_class_install_property(
        klass, PROP_DMABUF,
        g_param_spec_boolean(
            "dmabuf", "DMABUF",
            "Frames as DMABUFs, for elements that take them into hardware without a "
            "copy; others can map them as well",
            FALSE, FLAGS));
    g_object_class_install_property(
        klass, PROP_TIMEOUT,
        g_param_spec_uint64(
            "timeout", "Timeout",
            "A camera that gives no frame for so long, in ns, and for four frames, is "
            "opened anew; 0: never",
            0, G_MAXUINT64, 3 * GST_SECOND, FLAGS));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed(
            "stats", "Statistics",
            "Since the element was started: frames, those that were lost, corrupt, short, "
            "oversize, dropped (of these), copied; restarts of the stream, unplugs; node "
            "and format at the moment",
            GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}
