/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-picture.h"

#include <cairo.h>
#include <glib/gstdio.h>
#include <gst/app/gstappsink.h>
#include <string.h>
#include <turbojpeg.h>

#include "pipeline/vigil-gst.h"

/* A picture that takes longer is no picture. */
#define LOAD_TIMEOUT (30 * GST_SECOND)
#define JPEG_QUALITY 92
#define LARGEST_BMP (256 * 1024 * 1024)

typedef enum {
    PICTURE_OTHER,
    PICTURE_PNG,
    PICTURE_JPEG,
} PictureKind;

static void
on_decoded_pad(GstElement *decoder, GstPad *pad, gpointer user_data)
{
    g_autoptr(GstPad) sink = gst_element_get_static_pad(user_data, "sink");

    if (!gst_pad_is_linked(sink))
        gst_pad_link(pad, sink);
}

/* The size of a BMP file, 0 of any other. */
static guint
measure_bmp(const gchar *path)
{
    GStatBuf info;
    gchar magic[2] = "";
    FILE *file = g_fopen(path, "rb");
    const gsize got = file ? fread(magic, 1, sizeof(magic), file) : 0;

    if (file)
        fclose(file);
    if (got != sizeof(magic) || memcmp(magic, "BM", sizeof(magic)) != 0 ||
        g_stat(path, &info) != 0 || info.st_size > LARGEST_BMP)
        return 0;
    return (guint)info.st_size;
}

/* BMP has no parser, and its decoder takes a buffer for the whole picture: the file is read in one piece, and a queue
 * keeps decodebin from pulling small ones itself. */
static gboolean
link_source(GstElement *pipeline, GstElement *source, GstElement *decoder, const gchar *path,
            GError **error)
{
    const guint size = measure_bmp(path);
    GstElement *queue;

    if (size == 0)
        return gst_element_link(source, decoder);
    queue = vigil_gst_make("queue", NULL, error);
    if (!queue)
        return FALSE;
    gst_bin_add(GST_BIN(pipeline), queue);
    g_object_set(source, "blocksize", size, NULL);
    return gst_element_link_many(source, queue, decoder, NULL);
}

/* Still pictures are not camera input, so decodebin may choose. */
static GstElement *
build_reader(const gchar *path, GstElement **sink, GError **error)
{
    static const gchar *const factories[] = {"filesrc", "decodebin", "videoconvert", "appsink"};
    GstElement *parts[G_N_ELEMENTS(factories)];
    g_autoptr(GstCaps) caps = gst_caps_from_string("video/x-raw,format=BGRx");
    g_autoptr(GstElement) pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));

    for (guint i = 0; i < G_N_ELEMENTS(factories); i++) {
        parts[i] = vigil_gst_make(factories[i], NULL, error);
        if (!parts[i])
            return NULL;
        gst_bin_add(GST_BIN(pipeline), parts[i]);
    }
    g_object_set(parts[0], "location", path, NULL);
    g_object_set(parts[3], "caps", caps, "sync", FALSE, "max-buffers", 1, NULL);
    if (!link_source(pipeline, parts[0], parts[1], path, error))
        return NULL;
    gst_element_link(parts[2], parts[3]);
    g_signal_connect(parts[1], "pad-added", G_CALLBACK(on_decoded_pad), parts[2]);
    *sink = parts[3];
    return g_steal_pointer(&pipeline);
}

static GstSample *
pull(GstElement *pipeline, GstElement *sink, const gchar *path, GError **error)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
    g_autoptr(GstMessage) message = NULL;
    GstSample *sample = NULL;

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(
        bus, LOAD_TIMEOUT, GST_MESSAGE_ERROR | GST_MESSAGE_EOS | GST_MESSAGE_ASYNC_DONE);
    if (message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        gst_message_parse_error(message, error, NULL);
        g_prefix_error(error, "%s: ", path);
        return NULL;
    }
    if (message)
        sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), LOAD_TIMEOUT);
    if (!sample)
        g_set_error(error, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE, "%s: no picture in it", path);
    return sample;
}

VigilPicture *
vigil_picture_load(const gchar *path, GError **error)
{
    GstElement *sink;
    g_autoptr(GstElement) pipeline = build_reader(path, &sink, error);
    g_autoptr(GstSample) sample = pipeline ? pull(pipeline, sink, path, error) : NULL;
    VigilPicture *self;
    GstVideoInfo info;
    GstBuffer *buffer;

    if (pipeline)
        gst_element_set_state(pipeline, GST_STATE_NULL);
    if (!sample)
        return NULL;
    sample = gst_sample_make_writable(g_steal_pointer(&sample));
    buffer = gst_buffer_copy_deep(gst_sample_get_buffer(sample));
    gst_sample_set_buffer(sample, buffer);
    gst_buffer_unref(buffer);

    self = g_new0(VigilPicture, 1);
    if (!gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
        !gst_video_frame_map(&self->frame, &info, gst_sample_get_buffer(sample),
                             GST_MAP_READWRITE)) {
        g_set_error(error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT, "%s: cannot be mapped", path);
        g_free(self);
        return NULL;
    }
    self->sample = g_steal_pointer(&sample);
    self->image = (VigilImage){.format = VIGIL_PIXELS_BGRX,
                               .width = (guint)GST_VIDEO_INFO_WIDTH(&info),
                               .height = (guint)GST_VIDEO_INFO_HEIGHT(&info),
                               .planes = {GST_VIDEO_FRAME_PLANE_DATA(&self->frame, 0)},
                               .strides = {(guint)GST_VIDEO_FRAME_PLANE_STRIDE(&self->frame, 0)}};
    return self;
}

static gboolean
save_png(const VigilImage *image, const gchar *path, GError **error)
{
    /* CAIRO_FORMAT_RGB24 is a native 32-bit word: B, G, R, x in memory on the little-endian machines we build for */
    cairo_surface_t *surface = cairo_image_surface_create_for_data(
        (unsigned char *)image->planes[0], CAIRO_FORMAT_RGB24, (int)image->width,
        (int)image->height, (int)image->strides[0]);
    const cairo_status_t status = cairo_surface_write_to_png(surface, path);

    cairo_surface_destroy(surface);
    if (status != CAIRO_STATUS_SUCCESS)
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: %s", path,
                    cairo_status_to_string(status));
    return status == CAIRO_STATUS_SUCCESS;
}

static gboolean
save_jpeg(const VigilImage *image, const gchar *path, GError **error)
{
    tjhandle encoder = tjInitCompress();
    unsigned char *data = NULL;
    unsigned long length = 0;
    gboolean ok = FALSE;

    if (encoder && tjCompress2(encoder, image->planes[0], (int)image->width, (int)image->strides[0],
                               (int)image->height, TJPF_BGRX, &data, &length, TJSAMP_420,
                               JPEG_QUALITY, 0) == 0)
        ok = g_file_set_contents(path, (const gchar *)data, (gssize)length, error);
    else
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: cannot be encoded as JPEG: %s",
                    path, tjGetErrorStr2(encoder));
    tjFree(data);
    if (encoder)
        tjDestroy(encoder);
    return ok;
}

static PictureKind
get_kind(const gchar *path)
{
    g_autofree gchar *lower = g_ascii_strdown(path, -1);

    if (g_str_has_suffix(lower, ".png"))
        return PICTURE_PNG;
    if (g_str_has_suffix(lower, ".jpg") || g_str_has_suffix(lower, ".jpeg"))
        return PICTURE_JPEG;
    return PICTURE_OTHER;
}

gboolean
vigil_picture_can_save(const gchar *path)
{
    return get_kind(path) != PICTURE_OTHER;
}

gboolean
vigil_picture_save(const VigilPicture *self, const gchar *path, GError **error)
{
    switch (get_kind(path)) {
    case PICTURE_PNG: return save_png(&self->image, path, error);
    case PICTURE_JPEG: return save_jpeg(&self->image, path, error);
    case PICTURE_OTHER: break;
    }
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                "%s: the name must end in .png, .jpg or .jpeg", path);
    return FALSE;
}

void
vigil_picture_free(VigilPicture *self)
{
    if (!self)
        return;
    gst_video_frame_unmap(&self->frame);
    gst_sample_unref(self->sample);
    g_free(self);
}
