/* SPDX-License-Identifier: Apache-2.0 */
/* From a camera's name to frames: which node, which of its formats, and what of that the pipeline takes. */
#include <errno.h>

#include "plugins/capture/gstvigilv4l2caps.h"
#include "plugins/capture/gstvigilv4l2src-private.h"

/* Before one more attempt could help, somebody must do something. */
static VigilV4l2Error
classify(gint result)
{
    if (vigil_v4l2_is_gone(result))
        return VIGIL_V4L2_ERROR_GONE;
    if (result == -EACCES || result == -EPERM)
        return VIGIL_V4L2_ERROR_FORBIDDEN;
    return result == -ENOTSUP || result == -EISDIR ? VIGIL_V4L2_ERROR_SETTING
                                                   : VIGIL_V4L2_ERROR_DEVICE;
}

static void
take_error(GstVigilV4l2Src *self, gint result, GError **error)
{
    const gchar *hint = "";

    if (result == -EACCES || result == -EPERM)
        hint = ": it is not yours to use (group video?)";
    else if (result == -EBUSY)
        hint = ": another program has it";
    else if (result == -ENOTSUP)
        hint = ": this is no camera";
    g_set_error(error, VIGIL_V4L2_ERROR, (gint)classify(result), "%s: %s%s", self->asked.device,
                vigil_v4l2_get_trouble(self->v4l2), hint);
}

/* The first of the nodes that is a camera. */
static gboolean
open_node(GstVigilV4l2Src *self, GError **error)
{
    g_autoptr(GPtrArray) paths =
        vigil_v4l2_identity_find(self->identity, vigil_v4l2_system(), error);
    gint result = -ENODEV;

    if (!paths)
        return FALSE;
    for (guint i = 0; i < paths->len; i++) {
        result = vigil_v4l2_open(self->v4l2, paths->pdata[i]);
        if (result == -ENOTSUP)
            continue;
        if (result < 0)
            break;
        GST_OBJECT_LOCK(self);
        g_free(self->path);
        self->path = g_strdup(paths->pdata[i]);
        GST_OBJECT_UNLOCK(self);
        return TRUE;
    }
    if (paths->len)
        take_error(self, result, error);
    else
        g_set_error(error, VIGIL_V4L2_ERROR, VIGIL_V4L2_ERROR_GONE, "%s: no such camera is there",
                    self->asked.device);
    return FALSE;
}

static gboolean
choose(GstVigilV4l2Src *self, VigilV4l2Choice *choice, GError **error)
{
    GstPad *pad = GST_BASE_SRC_PAD(self);
    g_autoptr(GArray) modes = g_array_new(FALSE, FALSE, sizeof(VigilV4l2Mode));
    g_autoptr(GArray) left = g_array_new(FALSE, FALSE, sizeof(VigilV4l2Mode));
    g_autoptr(GstCaps) all = gst_pad_get_pad_template_caps(pad);
    g_autoptr(GstCaps) allowed = gst_pad_peer_query_caps(pad, all);
    const gint result = vigil_v4l2_list_modes(self->v4l2, modes);

    if (result < 0) {
        take_error(self, result, error);
        return FALSE;
    }
    for (guint i = 0; i < modes->len; i++) {
        VigilV4l2Mode narrowed;

        if (gst_vigil_v4l2_mode_narrow(&g_array_index(modes, VigilV4l2Mode, i), allowed, &narrowed))
            g_array_append_val(left, narrowed);
    }
    if (vigil_v4l2_choose((const VigilV4l2Mode *)left->data, left->len, &self->want, choice))
        return TRUE;
    g_set_error(error, VIGIL_V4L2_ERROR, VIGIL_V4L2_ERROR_SETTING,
                "%s: none of its %u formats and sizes is one of \"%s\" that the pipeline takes; "
                "`vigil devices` lists them",
                self->asked.device, modes->len, self->asked.format ? self->asked.format : "auto");
    return FALSE;
}

/* Whether downstream takes pixels where the driver puts them. */
static void
ask_downstream(GstVigilV4l2Src *self, GstCaps *caps)
{
    g_autoptr(GstQuery) query = gst_query_new_allocation(caps, FALSE);

    self->video_meta = gst_pad_peer_query(GST_BASE_SRC_PAD(self), query) &&
                       gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
}

static gboolean
take_format(GstVigilV4l2Src *self, GError **error)
{
    const VigilV4l2Format *format = vigil_v4l2_get_format(self->v4l2);
    g_autoptr(GstCaps) caps = gst_vigil_v4l2_caps_of_format(format);
    const gsize sizes[VIGIL_V4L2_MAX_PLANES] = {format->size[0], format->size[1], format->size[2],
                                                format->size[3]};
    gsize offsets[GST_VIDEO_MAX_PLANES];
    gint strides[GST_VIDEO_MAX_PLANES];

    self->raw = vigil_v4l2_kind_of(format->fourcc) == VIGIL_V4L2_RAW;
    if (self->raw) {
        if (!gst_video_info_from_caps(&self->info, caps)) {
            g_set_error(error, VIGIL_V4L2_ERROR, VIGIL_V4L2_ERROR_DEVICE,
                        "%s: its format %" GST_PTR_FORMAT " cannot be", self->asked.device, caps);
            return FALSE;
        }
        if (!gst_vigil_v4l2_layout_fits(format, &self->info)) {
            g_set_error(error, VIGIL_V4L2_ERROR, VIGIL_V4L2_ERROR_DEVICE,
                        "%s: its rows of %u bytes do not fit into the %u bytes of its frames",
                        self->asked.device, format->stride[0], format->size[0]);
            return FALSE;
        }
        self->usual_layout = gst_vigil_v4l2_lay_out(format, &self->info, sizes, offsets, strides);
    }
    if (!gst_base_src_set_caps(GST_BASE_SRC(self), caps)) {
        g_set_error(error, VIGIL_V4L2_ERROR, VIGIL_V4L2_ERROR_SETTING,
                    "%s: the pipeline does not take %" GST_PTR_FORMAT, self->asked.device, caps);
        return FALSE;
    }
    if (self->raw)
        ask_downstream(self, caps);
    return TRUE;
}

static void
note_format(GstVigilV4l2Src *self)
{
    const VigilV4l2Format *format = vigil_v4l2_get_format(self->v4l2);
    const guint n = vigil_v4l2_stream_get_n_buffers(vigil_v4l2_get_stream(self->v4l2));
    const GstClockTime duration =
        format->rate.d && format->rate.n
            ? gst_util_uint64_scale(GST_SECOND, format->rate.d, format->rate.n)
            : GST_CLOCK_TIME_NONE;
    gboolean changed;

    GST_OBJECT_LOCK(self);
    changed = self->frame_duration != duration || self->n_buffers != n;
    self->frame_duration = duration;
    self->n_buffers = n;
    g_free(self->summary);
    self->summary = vigil_v4l2_format_to_string(format);
    GST_OBJECT_UNLOCK(self);
    if (changed)
        gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
}

static void
tell_difference(GstVigilV4l2Src *self)
{
    const VigilV4l2Format *format = vigil_v4l2_get_format(self->v4l2);
    const gdouble fps = vigil_v4l2_rate_to_fps(format->rate);
    const GstVigilV4l2Options *asked = &self->asked;

    if ((!asked->width || asked->width == format->width) &&
        (!asked->height || asked->height == format->height) &&
        (!(asked->fps > 0) || fps == 0 || ABS(fps / asked->fps - 1) < 0.01))
        return;
    GST_ELEMENT_INFO(self, RESOURCE, SETTINGS,
                     ("%s does not have %ux%u at %.4g frames a second: it gives %s", asked->device,
                      asked->width, asked->height, asked->fps, self->summary),
                     ("0 stands for any"));
}

static gboolean
set_up(GstVigilV4l2Src *self, GError **error)
{
    VigilV4l2Choice choice;
    gint result;

    if (!vigil_v4l2_apply_controls(self->v4l2, self->settings, error)) {
        g_prefix_error(error, "%s: ", self->asked.device);
        return FALSE;
    }
    if (!choose(self, &choice, error))
        return FALSE;
    result = vigil_v4l2_set_format(self->v4l2, &choice);
    if (result < 0) {
        take_error(self, result, error);
        return FALSE;
    }
    if (!take_format(self, error))
        return FALSE;
    result = vigil_v4l2_start(self->v4l2, self->asked.buffers, self->asked.dmabuf);
    if (result < 0)
        take_error(self, result, error);
    return result == 0;
}

/* Bytes of the largest copy of a frame: as the driver has it, or as everybody expects it. */
static gsize
get_copy_size(const GstVigilV4l2Src *self)
{
    const VigilV4l2Stream *stream = vigil_v4l2_get_stream(self->v4l2);
    const guint n_planes = vigil_v4l2_stream_get_n_planes(stream);
    gsize size = 0;

    if (self->raw && !self->usual_layout && !self->video_meta)
        return GST_VIDEO_INFO_SIZE(&self->info);
    for (guint p = 0; p < n_planes; p++)
        size += vigil_v4l2_stream_get_plane(stream, 0, p)->size;
    return size;
}

gboolean
gst_vigil_v4l2_src_connect(GstVigilV4l2Src *self, GError **error)
{
    if (!open_node(self, error) || !set_up(self, error)) {
        gst_vigil_v4l2_src_disconnect(self);
        return FALSE;
    }
    self->wrapped = gst_vigil_v4l2_buffers_new(vigil_v4l2_get_stream(self->v4l2),
                                               self->asked.dmabuf, get_copy_size(self));
    self->frames_here = 0;
    note_format(self);
    if (!self->ever)
        tell_difference(self);
    self->ever = TRUE;
    g_clear_pointer(&self->reason, g_free);
    gst_vigil_v4l2_src_tell(self, "streaming", NULL);
    return TRUE;
}

void
gst_vigil_v4l2_src_disconnect(GstVigilV4l2Src *self)
{
    vigil_v4l2_close(self->v4l2);
    g_clear_pointer(&self->wrapped, gst_vigil_v4l2_buffers_close);
}

void
gst_vigil_v4l2_src_tell(GstVigilV4l2Src *self, const gchar *state, const gchar *reason)
{
    GstStructure *structure;

    GST_OBJECT_LOCK(self);
    structure = gst_structure_new("vigilv4l2src-state", "state", G_TYPE_STRING, state, "device",
                                  G_TYPE_STRING, self->asked.device, "node", G_TYPE_STRING,
                                  self->path, "format", G_TYPE_STRING, self->summary, "reason",
                                  G_TYPE_STRING, reason, NULL);
    GST_OBJECT_UNLOCK(self);
    gst_element_post_message(GST_ELEMENT(self),
                             gst_message_new_element(GST_OBJECT(self), structure));
}
