/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SECTION:element-vigilavdec
 * @title: vigilavdec
 *
 * Decodes H.264 and H.265 with FFmpeg's libavcodec, as `avdec_h264` and `avdec_h265` of gst-libav do, for less: it gives the memory that was
 * decoded into (theirs copies each picture whose height is not a multiple of 16, as 1080 is not), takes memory for a picture from a stock
 * that all its kind share, runs on the streaming thread alone, and opens libavcodec only, not the libraries of FFmpeg's filters and files.
 * The library is opened when the element is (in state READY); where it is missing that fails with an error.
 *
 * Pictures cannot be written to: the decoder refers to them. Who asks to write gets a copy, as GStreamer's rules have it.
 *
 * A frame that is damaged is counted and passed over, and no number of them is an error; a picture of which only a part was decoded has the
 * flag %GST_BUFFER_FLAG_CORRUPTED.
 *
 * The property `stats` has: `frames`, `pictures`, `damaged` (frames that gave none) (all guint64).
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=30 ! x264enc ! h264parse ! vigilavdec ! vigilmotion ! fakesink
 * ]|
 */
#include "plugins/avcodec/gstvigilavdec.h"

#include "plugins/avcodec/vigil-avcodec.h"

GST_DEBUG_CATEGORY_STATIC(vigil_av_dec_debug);
#define GST_CAT_DEFAULT vigil_av_dec_debug

/* Frames without a picture are forgotten after so many: more than a decoder keeps for their turn. */
#define MAX_PENDING 32

typedef struct {
    guint64 frames, pictures, damaged;
} AvDecStats;

struct _GstVigilAvDec {
    GstVideoDecoder parent;

    /* object lock */
    AvDecStats stats;

    /* streaming thread */
    VigilAvcodec *codec;
    GstVideoCodecState *input;
    GstVideoInfo output; /* format unknown: none yet */
    gboolean full_range;
    gboolean any_strides; /* downstream maps pictures by their GstVideoMeta */
};

enum {
    PROP_0,
    PROP_STATS,
};

#define FORMS(form) "stream-format = (string) " form ", alignment = (string) au"

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("video/x-h264, " FORMS(
        "{ avc, avc3, byte-stream }") "; "
                                      "video/x-h265, " FORMS("{ hvc1, hev1, byte-stream }")));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(VIGIL_AVCODEC_FORMATS)));

G_DEFINE_TYPE_WITH_CODE(GstVigilAvDec, gst_vigil_av_dec, GST_TYPE_VIDEO_DECODER,
                        GST_DEBUG_CATEGORY_INIT(vigil_av_dec_debug, "vigilavdec", 0,
                                                "H.264 and H.265 decoder"))
/* chosen by name: what others autoplug is theirs */
GST_ELEMENT_REGISTER_DEFINE(vigilavdec, "vigilavdec", GST_RANK_NONE, GST_TYPE_VIGIL_AV_DEC)

/* --- life ------------------------------------------------------------------------------------- */

static gboolean
gst_vigil_av_dec_open(GstVideoDecoder *decoder)
{
    if (vigil_avcodec_is_there())
        return TRUE;
    GST_ELEMENT_ERROR(decoder, LIBRARY, INIT,
                      ("FFmpeg's libavcodec is not here, or not of the version that Vigil was "
                       "built with; Debian has it in libavcodec-extra or libavcodec59 and later."),
                      (NULL));
    return FALSE;
}

static void
forget_stream(GstVigilAvDec *self)
{
    g_clear_pointer(&self->codec, vigil_avcodec_free);
    g_clear_pointer(&self->input, gst_video_codec_state_unref);
    gst_video_info_init(&self->output);
}

static gboolean
gst_vigil_av_dec_start(GstVideoDecoder *decoder)
{
    GstVigilAvDec *self = GST_VIGIL_AV_DEC(decoder);

    GST_OBJECT_LOCK(self);
    self->stats = (AvDecStats){0};
    GST_OBJECT_UNLOCK(self);
    return TRUE;
}

static gboolean
gst_vigil_av_dec_stop(GstVideoDecoder *decoder)
{
    forget_stream(GST_VIGIL_AV_DEC(decoder));
    return TRUE;
}

/* --- pictures --------------------------------------------------------------------------------- */

static void
set_latency(GstVigilAvDec *self)
{
    const GstVideoInfo *info = &self->input->info;
    GstClockTime latency;

    if (info->fps_n <= 0 || info->fps_d <= 0)
        return;
    latency = gst_util_uint64_scale(vigil_avcodec_get_delay(self->codec) * GST_SECOND,
                                    (guint64)info->fps_d, (guint64)info->fps_n);
    gst_video_decoder_set_latency(GST_VIDEO_DECODER(self), latency, latency);
}

static GstFlowReturn
negotiate(GstVigilAvDec *self, const VigilAvcodecPicture *picture)
{
    GstVideoDecoder *decoder = GST_VIDEO_DECODER(self);
    GstPad *src = GST_VIDEO_DECODER_SRC_PAD(decoder);
    const gboolean same = GST_VIDEO_INFO_FORMAT(&self->output) == picture->format &&
                          (guint)GST_VIDEO_INFO_WIDTH(&self->output) == picture->width &&
                          (guint)GST_VIDEO_INFO_HEIGHT(&self->output) == picture->height &&
                          self->full_range == picture->full_range;
    GstVideoCodecState *state;

    if (same && !gst_pad_check_reconfigure(src))
        return GST_FLOW_OK;
    state = gst_video_decoder_set_output_state(decoder, picture->format, picture->width,
                                               picture->height, self->input);
    if (picture->full_range)
        state->info.colorimetry.range = GST_VIDEO_COLOR_RANGE_0_255;
    self->output = state->info;
    self->full_range = picture->full_range;
    gst_video_codec_state_unref(state);
    GST_INFO_OBJECT(self, "pictures of %ux%u %s", picture->width, picture->height,
                    gst_video_format_to_string(picture->format));
    set_latency(self);
    if (gst_video_decoder_negotiate(decoder))
        return GST_FLOW_OK;
    gst_video_info_init(&self->output);
    gst_pad_mark_reconfigure(src);
    return GST_PAD_IS_FLUSHING(src) ? GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
}

/* For who takes pictures only in the usual strides. */
static GstFlowReturn
copy(GstVigilAvDec *self, GstVideoCodecFrame *frame, GstBuffer *picture)
{
    GstFlowReturn flow = gst_video_decoder_allocate_output_frame(GST_VIDEO_DECODER(self), frame);
    GstVideoFrame from, to;

    if (flow != GST_FLOW_OK)
        return flow;
    if (!gst_video_frame_map(&from, &self->output, picture, GST_MAP_READ))
        return GST_FLOW_ERROR;
    if (gst_video_frame_map(&to, &self->output, frame->output_buffer, GST_MAP_WRITE)) {
        gst_video_frame_copy(&to, &from);
        gst_video_frame_unmap(&to);
    } else {
        flow = GST_FLOW_ERROR;
    }
    gst_video_frame_unmap(&from);
    return flow;
}

static GstFlowReturn
finish_picture(GstVigilAvDec *self, GstVideoCodecFrame *frame, VigilAvcodecPicture *picture)
{
    GstVideoDecoder *decoder = GST_VIDEO_DECODER(self);
    g_autoptr(GstBuffer) buffer = g_steal_pointer(&picture->buffer);
    GstFlowReturn flow = negotiate(self, picture);

    if (flow == GST_FLOW_OK && self->any_strides)
        frame->output_buffer = g_steal_pointer(&buffer);
    else if (flow == GST_FLOW_OK)
        flow = copy(self, frame, buffer);
    if (flow != GST_FLOW_OK) {
        gst_video_decoder_release_frame(decoder, frame);
        return flow;
    }
    if (picture->damaged)
        GST_BUFFER_FLAG_SET(frame->output_buffer, GST_BUFFER_FLAG_CORRUPTED);
    return gst_video_decoder_finish_frame(decoder, frame);
}

static GstFlowReturn
give_pictures(GstVigilAvDec *self)
{
    GstVideoDecoder *decoder = GST_VIDEO_DECODER(self);
    GstFlowReturn flow = GST_FLOW_OK;
    guint n_pictures = 0, n_damaged = 0;
    VigilAvcodecPicture picture;

    while (vigil_avcodec_pull(self->codec, &picture, &n_damaged)) {
        GstVideoCodecFrame *frame =
            flow == GST_FLOW_OK ? gst_video_decoder_get_frame(decoder, (int)picture.number) : NULL;

        n_pictures++;
        if (frame)
            flow = finish_picture(self, frame, &picture);
        else
            gst_buffer_unref(picture.buffer);
    }
    GST_OBJECT_LOCK(self);
    self->stats.pictures += n_pictures;
    self->stats.damaged += n_damaged;
    GST_OBJECT_UNLOCK(self);
    return flow;
}

/* --- frames ----------------------------------------------------------------------------------- */

/* Those that gave no picture, such as the second one of two fields. */
static void
forget_old_frames(GstVigilAvDec *self, guint32 number)
{
    GstVideoDecoder *decoder = GST_VIDEO_DECODER(self);
    GstVideoCodecFrame *frame;

    while ((frame = gst_video_decoder_get_oldest_frame(decoder))) {
        if (number - frame->system_frame_number < MAX_PENDING) {
            gst_video_codec_frame_unref(frame);
            return;
        }
        gst_video_decoder_release_frame(decoder, frame);
    }
}

static gboolean
push(GstVigilAvDec *self, GstVideoCodecFrame *frame)
{
    gboolean ok = FALSE;
    GstMapInfo map;

    if (gst_buffer_map(frame->input_buffer, &map, GST_MAP_READ)) {
        ok = vigil_avcodec_push(self->codec, map.data, map.size, frame->system_frame_number);
        gst_buffer_unmap(frame->input_buffer, &map);
    }
    GST_OBJECT_LOCK(self);
    self->stats.frames++;
    self->stats.damaged += ok ? 0 : 1;
    GST_OBJECT_UNLOCK(self);
    return ok;
}

static GstFlowReturn
gst_vigil_av_dec_handle_frame(GstVideoDecoder *decoder, GstVideoCodecFrame *frame)
{
    GstVigilAvDec *self = GST_VIGIL_AV_DEC(decoder);
    const guint32 number = frame->system_frame_number;
    GstFlowReturn flow;

    if (push(self, frame))
        gst_video_codec_frame_unref(frame);
    else
        gst_video_decoder_release_frame(decoder, frame);
    forget_old_frames(self, number);
    flow = give_pictures(self);
    if (flow != GST_FLOW_OK || !vigil_avcodec_is_strange(self->codec))
        return flow;
    GST_ELEMENT_ERROR(self, STREAM, FORMAT,
                      ("The stream's pictures are of a form that is not known here (more than 10 "
                       "bits, or no Y'CbCr)."),
                      (NULL));
    return GST_FLOW_NOT_NEGOTIATED;
}

static GstFlowReturn
gst_vigil_av_dec_drain(GstVideoDecoder *decoder)
{
    GstVigilAvDec *self = GST_VIGIL_AV_DEC(decoder);

    if (!self->codec)
        return GST_FLOW_OK;
    vigil_avcodec_drain(self->codec);
    return give_pictures(self);
}

static gboolean
gst_vigil_av_dec_flush(GstVideoDecoder *decoder)
{
    GstVigilAvDec *self = GST_VIGIL_AV_DEC(decoder);

    if (self->codec)
        vigil_avcodec_flush(self->codec);
    return TRUE;
}

/* --- caps ------------------------------------------------------------------------------------- */

static gboolean
is_same_value(const GstStructure *a, const GstStructure *b, const gchar *name)
{
    const GValue *va = gst_structure_get_value(a, name), *vb = gst_structure_get_value(b, name);

    return va && vb ? gst_value_compare(va, vb) == GST_VALUE_EQUAL : va == vb;
}

/* A parser that learns the frame rate, or more, says so by new caps; what is decoded by is the same. */
static gboolean
is_same_stream(const GstCaps *a, const GstCaps *b)
{
    const GstStructure *sa = gst_caps_get_structure(a, 0), *sb = gst_caps_get_structure(b, 0);

    return gst_structure_has_name(sa, gst_structure_get_name(sb)) &&
           is_same_value(sa, sb, "stream-format") && is_same_value(sa, sb, "codec_data");
}

static gboolean
gst_vigil_av_dec_set_format(GstVideoDecoder *decoder, GstVideoCodecState *state)
{
    GstVigilAvDec *self = GST_VIGIL_AV_DEC(decoder);
    g_autoptr(GError) error = NULL;
    VigilAvcodec *codec;

    if (self->codec && is_same_stream(self->input->caps, state->caps)) {
        gst_video_codec_state_unref(self->input);
        self->input = gst_video_codec_state_ref(state);
        gst_video_info_init(&self->output);
        return TRUE;
    }
    codec = vigil_avcodec_new(state->caps, &error);
    if (!codec) {
        /* what was before goes on: it may be that the next caps are those again, of which the base class says nothing */
        GST_ELEMENT_ERROR(self, STREAM, DECODE, ("%s", error->message), (NULL));
        return FALSE;
    }
    gst_vigil_av_dec_drain(decoder);
    forget_stream(self);
    self->codec = codec;
    self->input = gst_video_codec_state_ref(state);
    return TRUE;
}

static gboolean
gst_vigil_av_dec_decide_allocation(GstVideoDecoder *decoder, GstQuery *query)
{
    GST_VIGIL_AV_DEC(decoder)->any_strides =
        gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
    return GST_VIDEO_DECODER_CLASS(gst_vigil_av_dec_parent_class)
        ->decide_allocation(decoder, query);
}

/* --- the making of it ------------------------------------------------------------------------- */

static void
gst_vigil_av_dec_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstVigilAvDec *self = GST_VIGIL_AV_DEC(object);

    GST_OBJECT_LOCK(self);
    if (id == PROP_STATS)
        g_value_take_boxed(value, gst_structure_new("vigilavdec-stats", "frames", G_TYPE_UINT64,
                                                    self->stats.frames, "pictures", G_TYPE_UINT64,
                                                    self->stats.pictures, "damaged", G_TYPE_UINT64,
                                                    self->stats.damaged, NULL));
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_av_dec_class_init(GstVigilAvDecClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstVideoDecoderClass *decoder_class = GST_VIDEO_DECODER_CLASS(klass);

    object_class->get_property = gst_vigil_av_dec_get_property;
    decoder_class->open = gst_vigil_av_dec_open;
    decoder_class->start = gst_vigil_av_dec_start;
    decoder_class->stop = gst_vigil_av_dec_stop;
    decoder_class->set_format = gst_vigil_av_dec_set_format;
    decoder_class->handle_frame = gst_vigil_av_dec_handle_frame;
    decoder_class->drain = gst_vigil_av_dec_drain;
    decoder_class->finish = gst_vigil_av_dec_drain;
    decoder_class->flush = gst_vigil_av_dec_flush;
    decoder_class->decide_allocation = gst_vigil_av_dec_decide_allocation;

    g_object_class_install_property(
        object_class, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics", "Frames, pictures and damaged frames",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "Vigil H.264 and H.265 decoder", "Codec/Decoder/Video",
        "Decodes H.264 and H.265 with libavcodec, without copies", "The Vigil authors");
}

static void
gst_vigil_av_dec_init(GstVigilAvDec *self)
{
    gst_video_info_init(&self->output);
    gst_video_decoder_set_packetized(GST_VIDEO_DECODER(self), TRUE);
    gst_video_decoder_set_needs_format(GST_VIDEO_DECODER(self), TRUE);
}
