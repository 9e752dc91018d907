/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/avcodec/vigil-avcodec.h"

#include <string.h>

#include "plugins/avcodec/vigil-avcodec-library-private.h"
#include "plugins/avcodec/vigil-picture-memory.h"

#define MAX_PLANES 3
/* 8K; more is claimed only by what is damaged, or means ill */
#define MAX_PIXELS ((gint64)8192 * 4608)
#define MIN_INPUT ((gsize)64 << 10)
/* pictures that it may keep, each of which may turn out to be damaged */
#define MAX_TRIES 32
/* more than a damaged parameter set would make of one group of pictures of most cameras */
#define MANY_STRANGE 64

struct VigilAvcodec {
    const VigilAvcodecApi *api;
    AVCodecContext *context;
    AVFrame *frame;
    AVPacket *packet;
    AVBufferRef *input; /* (nullable): what @packet's data is in */
    guint owner;        /* of its pictures' memory */
    gboolean draining;
    guint n_strange; /* pictures in a row that are of no format that is known here */
};

static const struct {
    enum AVPixelFormat pixels;
    GstVideoFormat format;
} formats[] = {
    {AV_PIX_FMT_YUV420P, GST_VIDEO_FORMAT_I420},
    {AV_PIX_FMT_YUVJ420P, GST_VIDEO_FORMAT_I420},
    {AV_PIX_FMT_YUV422P, GST_VIDEO_FORMAT_Y42B},
    {AV_PIX_FMT_YUVJ422P, GST_VIDEO_FORMAT_Y42B},
    {AV_PIX_FMT_YUV444P, GST_VIDEO_FORMAT_Y444},
    {AV_PIX_FMT_YUVJ444P, GST_VIDEO_FORMAT_Y444},
    {AV_PIX_FMT_GRAY8, GST_VIDEO_FORMAT_GRAY8},
    {AV_PIX_FMT_YUV420P10LE, GST_VIDEO_FORMAT_I420_10LE},
    {AV_PIX_FMT_YUV422P10LE, GST_VIDEO_FORMAT_I422_10LE},
    {AV_PIX_FMT_YUV444P10LE, GST_VIDEO_FORMAT_Y444_10LE},
};

static GstVideoFormat
find_format(gint pixels)
{
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++)
        if (formats[i].pixels == pixels)
            return formats[i].format;
    return GST_VIDEO_FORMAT_UNKNOWN;
}

gboolean
vigil_avcodec_is_there(void)
{
    return vigil_avcodec_library_get(NULL) != NULL;
}

/* --- memory of pictures --------------------------------------------------------------------------- */

static void
free_picture(void *opaque, uint8_t *data)
{
    vigil_picture_memory_give(opaque);
}

/* Rows and planes as avcodec_default_get_buffer2() has them: it may write beyond what is shown. */
static gboolean
lay_out(const VigilAvcodec *self, const AVFrame *frame, gint linesize[4], gsize offset[4],
        gsize *size)
{
    gint width = frame->width, height = frame->height, align[AV_NUM_DATA_POINTERS];
    gboolean aligned;
    ptrdiff_t linesizes[4];
    size_t sizes[4];

    self->api->avcodec_align_dimensions2(self->context, &width, &height, align);
    do {
        if (self->api->av_image_fill_linesizes(linesize, frame->format, width) < 0)
            return FALSE;
        aligned = TRUE;
        for (guint i = 0; i < 4; i++)
            aligned &= linesize[i] % MAX(align[i], 1) == 0;
        width += width & ~(width - 1);
    } while (!aligned);
    for (guint i = 0; i < 4; i++)
        linesizes[i] = linesize[i];
    if (self->api->av_image_fill_plane_sizes(sizes, frame->format, height, linesizes) < 0)
        return FALSE;
    *size = 0;
    for (guint i = 0; i < 4; i++) {
        offset[i] = *size;
        /* vectors read, and write, past the end of the last row */
        if (sizes[i] > 0)
            *size += (sizes[i] + 2 * VIGIL_PICTURE_ALIGN - 1) & ~(gsize)(VIGIL_PICTURE_ALIGN - 1);
    }
    return TRUE;
}

static int
get_buffer(AVCodecContext *context, AVFrame *frame, int flags)
{
    VigilAvcodec *self = context->opaque;
    VigilPictureMemory *memory;
    gint linesize[4];
    gsize offset[4], size;
    guint8 *data;

    if (find_format(frame->format) == GST_VIDEO_FORMAT_UNKNOWN) {
        self->n_strange++;
        return AVERROR(EINVAL);
    }
    self->n_strange = 0;
    if (!lay_out(self, frame, linesize, offset, &size))
        return AVERROR(EINVAL);
    memory = vigil_picture_memory_take(size, self->owner);
    if (!memory)
        return AVERROR(ENOMEM);
    data = vigil_picture_memory_get_data(memory);
    frame->buf[0] = self->api->av_buffer_create(data, size, free_picture, memory, 0);
    if (!frame->buf[0]) {
        vigil_picture_memory_give(memory);
        return AVERROR(ENOMEM);
    }
    for (guint i = 0; i < MAX_PLANES && linesize[i] > 0; i++) {
        frame->data[i] = data + offset[i];
        frame->linesize[i] = linesize[i];
    }
    frame->extended_data = frame->data;
    return 0;
}

/* --- life ----------------------------------------------------------------------------------------- */

/* The parameter sets of streams that have them beside. */
static gboolean
set_codec_data(VigilAvcodec *self, const GstStructure *structure)
{
    const GValue *value = gst_structure_get_value(structure, "codec_data");
    GstBuffer *data = value ? gst_value_get_buffer(value) : NULL;
    const gsize size = data ? gst_buffer_get_size(data) : 0;

    if (size == 0)
        return TRUE;
    /* the library frees it */
    self->context->extradata = self->api->av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!self->context->extradata || size > G_MAXINT)
        return FALSE;
    self->context->extradata_size =
        (int)gst_buffer_extract(data, 0, self->context->extradata, size);
    return TRUE;
}

static gboolean
open_codec(VigilAvcodec *self, const GstStructure *structure)
{
    const gboolean h265 = gst_structure_has_name(structure, "video/x-h265");
    const AVCodec *codec =
        self->api->avcodec_find_decoder(h265 ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264);

    self->context = codec ? self->api->avcodec_alloc_context3(codec) : NULL;
    self->frame = self->api->av_frame_alloc();
    self->packet = self->api->av_packet_alloc();
    if (!self->context || !self->frame || !self->packet || !set_codec_data(self, structure))
        return FALSE;
    self->context->opaque = self;
    self->context->get_buffer2 = get_buffer;
    /* frame threads would delay each frame by as many frames as there are threads, and cost a tenth more */
    self->context->thread_count = 1;
    self->context->max_pixels = MAX_PIXELS;
    /* a picture with a damaged part still shows who is there */
    self->context->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
    return self->api->avcodec_open2(self->context, codec, NULL) >= 0;
}

VigilAvcodec *
vigil_avcodec_new(const GstCaps *caps, GError **error)
{
    const VigilAvcodecApi *api = vigil_avcodec_library_get(error);
    VigilAvcodec *self;

    if (!api)
        return NULL;
    self = g_new0(VigilAvcodec, 1);
    self->api = api;
    self->owner = vigil_picture_memory_new_owner();
    if (open_codec(self, gst_caps_get_structure(caps, 0)))
        return self;
    g_set_error(error, GST_STREAM_ERROR, GST_STREAM_ERROR_CODEC_NOT_FOUND,
                "libavcodec cannot open its decoder for %s",
                gst_structure_get_name(gst_caps_get_structure(caps, 0)));
    vigil_avcodec_free(self);
    return NULL;
}

void
vigil_avcodec_free(VigilAvcodec *self)
{
    if (!self)
        return;
    self->api->avcodec_free_context(&self->context);
    self->api->av_frame_free(&self->frame);
    self->api->av_packet_free(&self->packet);
    self->api->av_buffer_unref(&self->input);
    g_free(self);
}

/* --- coded frames --------------------------------------------------------------------------------- */

static void
free_input(void *opaque, uint8_t *data)
{
    g_free(data);
}

/* The same memory for each frame, unless the library still has the one before. */
static gboolean
ensure_input(VigilAvcodec *self, gsize size)
{
    const gsize needed = size + AV_INPUT_BUFFER_PADDING_SIZE;
    gsize room = MIN_INPUT;
    guint8 *data;

    if (self->input && (gsize)self->input->size >= needed &&
        self->api->av_buffer_is_writable(self->input))
        return TRUE;
    self->api->av_buffer_unref(&self->input);
    while (room < needed)
        room *= 2;
    data = g_try_malloc(room);
    self->input = data ? self->api->av_buffer_create(data, room, free_input, NULL, 0) : NULL;
    if (!self->input)
        g_free(data);
    return self->input != NULL;
}

gboolean
vigil_avcodec_push(VigilAvcodec *self, const guint8 *data, gsize size, gint64 number)
{
    gint result;

    /* nothing would mean that the stream ends */
    if (size == 0 || size > G_MAXINT / 4 || !ensure_input(self, size))
        return FALSE;
    memcpy(self->input->data, data, size);
    memset(self->input->data + size, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    self->packet->buf = self->api->av_buffer_ref(self->input);
    self->packet->data = self->input->data;
    self->packet->size = (int)size;
    self->packet->pts = self->packet->dts = number;
    result = self->packet->buf ? self->api->avcodec_send_packet(self->context, self->packet)
                               : AVERROR(ENOMEM);
    self->api->av_packet_unref(self->packet);
    return result >= 0;
}

void
vigil_avcodec_drain(VigilAvcodec *self)
{
    self->draining = TRUE;
    self->api->avcodec_send_packet(self->context, NULL);
}

void
vigil_avcodec_flush(VigilAvcodec *self)
{
    self->draining = FALSE;
    self->api->avcodec_flush_buffers(self->context);
}

gboolean
vigil_avcodec_is_strange(const VigilAvcodec *self)
{
    return self->n_strange >= MANY_STRANGE;
}

guint
vigil_avcodec_get_delay(const VigilAvcodec *self)
{
    return (guint)MAX(self->context->has_b_frames, 0);
}

/* --- pictures ------------------------------------------------------------------------------------- */

static void
unref_memory(gpointer data)
{
    AVBufferRef *memory = data;

    /* it was opened, or there would be no picture */
    vigil_avcodec_library_get(NULL)->av_buffer_unref(&memory);
}

static gboolean
take_picture(VigilAvcodec *self, VigilAvcodecPicture *picture)
{
    const AVFrame *frame = self->frame;
    const GstVideoFormat format = find_format(frame->format);
    AVBufferRef *memory = self->api->av_buffer_ref(frame->buf[0]);
    gsize offset[GST_VIDEO_MAX_PLANES] = {0};
    gint stride[GST_VIDEO_MAX_PLANES] = {0};
    guint n = 0;

    if (!memory)
        return FALSE;
    for (; n < MAX_PLANES && frame->data[n]; n++) {
        /* what is cut off above and to the left is left out here */
        offset[n] = (gsize)(frame->data[n] - memory->data);
        stride[n] = frame->linesize[n];
    }
    *picture = (VigilAvcodecPicture){
        .buffer = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, memory->data, memory->size,
                                              0, memory->size, memory, unref_memory),
        .format = format,
        .width = (guint)frame->width,
        .height = (guint)frame->height,
        .number = frame->pts,
        .damaged = (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0,
        .full_range = frame->color_range == AVCOL_RANGE_JPEG,
    };
    gst_buffer_add_video_meta_full(picture->buffer, GST_VIDEO_FRAME_FLAG_NONE, format,
                                   picture->width, picture->height, n, offset, stride);
    return TRUE;
}

gboolean
vigil_avcodec_pull(VigilAvcodec *self, VigilAvcodecPicture *picture, guint *n_damaged)
{
    gboolean have = FALSE;
    guint n_tries = 0;
    gint result;

    do {
        result = self->api->avcodec_receive_frame(self->context, self->frame);
        if (result >= 0)
            have = take_picture(self, picture);
        else if (result != AVERROR(EAGAIN) && result != AVERROR_EOF)
            ++*n_damaged;
        self->api->av_frame_unref(self->frame);
        /* what is damaged is over with the next call */
    } while (!have && result != AVERROR(EAGAIN) && result != AVERROR_EOF && ++n_tries < MAX_TRIES);
    if (!have && self->draining)
        vigil_avcodec_flush(self);
    return have;
}
