/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SECTION:element-vigiljpegdec
 * @title: vigiljpegdec
 *
 * Decodes a camera's Motion JPEG, one frame a buffer, with libjpeg-turbo. What downstream does not ask for is not computed: where it
 * wants a smaller picture the frame is decoded to 1/2, 1/4 or 1/8 of its size at once, and where it wants GRAY8 only luma is decoded. What
 * remains is to read the frame's codes, more than half of the time of a whole picture (`tests/bench/bench-jpeg`).
 *
 * The size: of these four the smallest that is not smaller than the width and height that downstream fixes (`videoscale` and a fixed
 * size behind it, or that size itself where it is one of them); else the largest that it takes, so that a range limits the picture. Branches
 * behind one `tee` get one size: put the tee before the decoders where they shall differ.
 *
 * A frame that is damaged, or claims what it cannot be, is counted and dropped, and the next is decoded as if nothing had been: no
 * number of them is an error. So is a single frame of another size than those around it. The picture is as late as its frame; nothing is
 * held back.
 *
 * The property `stats`, and once a second and at the end of the stream an element message `vigiljpegdec-stats`, has: `frames`, `decoded`,
 * `damaged` (a part was missing or wrong), `refused` (no picture, or not one of a camera) (all guint64), `scale` (guint: of the last
 * picture, 1, 2, 4 or 8) and `problem` (string: of the last frame that was dropped; empty if none was).
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=30 ! video/x-raw,width=1280,height=720 ! jpegenc ! vigiljpegdec ! videoscale ! video/x-raw,width=320,height=180 ! vigilmotion ! fakesink
 * ]|
 */
#include "plugins/jpeg/gstvigiljpegdec.h"

#include "plugins/jpeg/gstvigiljpegcaps.h"

GST_DEBUG_CATEGORY_STATIC(vigil_jpeg_dec_debug);
#define GST_CAT_DEFAULT vigil_jpeg_dec_debug

#define STATS_INTERVAL_US G_USEC_PER_SEC
#define PROBLEM_LENGTH 200

typedef struct {
    guint64 frames, decoded, damaged, refused;
    guint scale;
    gchar problem[PROBLEM_LENGTH];
} JpegDecStats;

struct _GstVigilJpegDec {
    GstVideoDecoder parent;

    /* object lock */
    JpegDecStats stats;

    /* streaming thread */
    VigilJpeg *jpeg;
    GstVideoCodecState *input;
    VigilJpegHeader header; /* of the stream; width 0: not known yet */
    VigilJpegHeader odd;    /* of the last frame, if that was of another size */
    GstVigilJpegChoice choice;
    gint64 stats_posted_us;
};

enum {
    PROP_0,
    PROP_STATS,
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("image/jpeg"));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(GST_VIGIL_JPEG_FORMATS)));

G_DEFINE_TYPE_WITH_CODE(GstVigilJpegDec, gst_vigil_jpeg_dec, GST_TYPE_VIDEO_DECODER,
                        GST_DEBUG_CATEGORY_INIT(vigil_jpeg_dec_debug, "vigiljpegdec", 0,
                                                "JPEG decoder"))
/* chosen by name: what others autoplug is theirs */
GST_ELEMENT_REGISTER_DEFINE(vigiljpegdec, "vigiljpegdec", GST_RANK_NONE, GST_TYPE_VIGIL_JPEG_DEC)

/* --- stats ------------------------------------------------------------------------------------ */

static GstStructure *
stats_structure(GstVigilJpegDec *self)
{
    JpegDecStats stats;

    GST_OBJECT_LOCK(self);
    stats = self->stats;
    GST_OBJECT_UNLOCK(self);
    return gst_structure_new("vigiljpegdec-stats", "frames", G_TYPE_UINT64, stats.frames, "decoded",
                             G_TYPE_UINT64, stats.decoded, "damaged", G_TYPE_UINT64, stats.damaged,
                             "refused", G_TYPE_UINT64, stats.refused, "scale", G_TYPE_UINT,
                             stats.scale, "problem", G_TYPE_STRING, stats.problem, NULL);
}

static void
post_stats(GstVigilJpegDec *self)
{
    self->stats_posted_us = g_get_monotonic_time();
    gst_element_post_message(GST_ELEMENT(self),
                             gst_message_new_element(GST_OBJECT(self), stats_structure(self)));
}

static void
count_frame(GstVigilJpegDec *self, VigilJpegResult result, const gchar *problem)
{
    GST_OBJECT_LOCK(self);
    self->stats.frames++;
    self->stats.decoded += result == VIGIL_JPEG_WHOLE ? 1 : 0;
    self->stats.damaged += result == VIGIL_JPEG_DAMAGED ? 1 : 0;
    self->stats.refused += result == VIGIL_JPEG_FAILED ? 1 : 0;
    self->stats.scale = self->choice.scale;
    if (result != VIGIL_JPEG_WHOLE)
        g_strlcpy(self->stats.problem, problem, sizeof self->stats.problem);
    GST_OBJECT_UNLOCK(self);
    if (result != VIGIL_JPEG_WHOLE)
        GST_LOG_OBJECT(self, "a frame is dropped: %s", problem);
    if (g_get_monotonic_time() - self->stats_posted_us >= STATS_INTERVAL_US)
        post_stats(self);
}

/* Not gst_video_decoder_drop_frame(), which would post a message a frame. */
static GstFlowReturn
drop(GstVigilJpegDec *self, GstVideoCodecFrame *frame, VigilJpegResult result, const gchar *problem)
{
    count_frame(self, result, problem);
    gst_video_decoder_release_frame(GST_VIDEO_DECODER(self), frame);
    return GST_FLOW_OK;
}

/* --- life ------------------------------------------------------------------------------------- */

static gboolean
gst_vigil_jpeg_dec_start(GstVideoDecoder *decoder)
{
    GstVigilJpegDec *self = GST_VIGIL_JPEG_DEC(decoder);

    self->jpeg = vigil_jpeg_new(NULL);
    self->header = self->odd = (VigilJpegHeader){0};
    self->choice = (GstVigilJpegChoice){0};
    self->stats_posted_us = g_get_monotonic_time();
    GST_OBJECT_LOCK(self);
    self->stats = (JpegDecStats){0};
    GST_OBJECT_UNLOCK(self);
    return TRUE;
}

static gboolean
gst_vigil_jpeg_dec_stop(GstVideoDecoder *decoder)
{
    GstVigilJpegDec *self = GST_VIGIL_JPEG_DEC(decoder);

    g_clear_pointer(&self->jpeg, vigil_jpeg_free);
    g_clear_pointer(&self->input, gst_video_codec_state_unref);
    return TRUE;
}

/* --- caps ------------------------------------------------------------------------------------- */

static gboolean
gst_vigil_jpeg_dec_set_format(GstVideoDecoder *decoder, GstVideoCodecState *state)
{
    GstVigilJpegDec *self = GST_VIGIL_JPEG_DEC(decoder);

    g_clear_pointer(&self->input, gst_video_codec_state_unref);
    self->input = gst_video_codec_state_ref(state);
    /* another size is no surprise now */
    self->header = self->odd = (VigilJpegHeader){0};
    return TRUE;
}

/* What downstream wants of the rate is the camera's affair, but not of the size: that is ours. */
static GstCaps *
gst_vigil_jpeg_dec_getcaps(GstVideoDecoder *decoder, GstCaps *filter)
{
    GstCaps *caps = gst_video_decoder_proxy_getcaps(decoder, NULL, NULL), *all;

    if (!gst_caps_is_any(caps) && !gst_caps_is_empty(caps)) {
        caps = gst_caps_make_writable(caps);
        for (guint i = 0; i < gst_caps_get_size(caps); i++)
            gst_structure_remove_fields(gst_caps_get_structure(caps, i), "width", "height", NULL);
    }
    if (!filter)
        return caps;
    all = gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref(caps);
    return all;
}

static gboolean
is_same_size(const VigilJpegHeader *a, const VigilJpegHeader *b)
{
    return a->width == b->width && a->height == b->height;
}

/*
 * A broken header often says another size, and one such frame would have the whole pipeline set up anew, twice. So another size
 * is believed when two frames in a row have it.
 */
static gboolean
is_believed(GstVigilJpegDec *self, const VigilJpegHeader *header)
{
    const gboolean seen = is_same_size(header, &self->odd);

    self->odd = *header;
    return self->header.width == 0 || is_same_size(header, &self->header) || seen;
}

static GstFlowReturn
negotiate(GstVigilJpegDec *self, const VigilJpegHeader *header)
{
    GstVideoDecoder *decoder = GST_VIDEO_DECODER(self);
    g_autoptr(GstCaps) downstream =
        gst_pad_peer_query_caps(GST_VIDEO_DECODER_SRC_PAD(decoder), NULL);
    GstVigilJpegChoice choice;
    GstVideoCodecState *state;

    if (!gst_vigil_jpeg_choose(header, downstream, &choice)) {
        GST_ELEMENT_ERROR(self, CORE, NEGOTIATION,
                          ("A picture of %ux%u cannot be made as what follows takes it.",
                           header->width, header->height),
                          ("downstream takes %" GST_PTR_FORMAT, downstream));
        return GST_FLOW_NOT_NEGOTIATED;
    }
    if (self->header.width && choice.format == self->choice.format &&
        choice.scale == self->choice.scale && is_same_size(header, &self->header))
        return GST_FLOW_OK;
    self->header = *header;
    self->choice = choice;
    state = gst_video_decoder_set_output_state(decoder, choice.format, choice.width, choice.height,
                                               self->input);
    /* JFIF */
    if (GST_VIDEO_INFO_IS_YUV(&state->info)) {
        state->info.colorimetry.range = GST_VIDEO_COLOR_RANGE_0_255;
        state->info.colorimetry.matrix = GST_VIDEO_COLOR_MATRIX_BT601;
        state->info.colorimetry.transfer = GST_VIDEO_TRANSFER_UNKNOWN;
        state->info.colorimetry.primaries = GST_VIDEO_COLOR_PRIMARIES_UNKNOWN;
    }
    gst_video_codec_state_unref(state);
    GST_INFO_OBJECT(self, "frames of %ux%u are decoded to %ux%u %s", header->width, header->height,
                    choice.width, choice.height, gst_video_format_to_string(choice.format));
    if (gst_video_decoder_negotiate(decoder))
        return GST_FLOW_OK;
    self->header = (VigilJpegHeader){0};
    return GST_PAD_IS_FLUSHING(GST_VIDEO_DECODER_SRC_PAD(decoder)) ? GST_FLOW_FLUSHING
                                                                   : GST_FLOW_NOT_NEGOTIATED;
}

static gboolean
gst_vigil_jpeg_dec_decide_allocation(GstVideoDecoder *decoder, GstQuery *query)
{
    GstBufferPool *pool = NULL;
    GstStructure *config;

    if (!GST_VIDEO_DECODER_CLASS(gst_vigil_jpeg_dec_parent_class)
             ->decide_allocation(decoder, query))
        return FALSE;
    gst_query_parse_nth_allocation_pool(query, 0, &pool, NULL, NULL, NULL);
    config = gst_buffer_pool_get_config(pool);
    /* rows of any length then */
    if (gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL))
        gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
    gst_buffer_pool_set_config(pool, config);
    gst_object_unref(pool);
    return TRUE;
}

/* --- frames ----------------------------------------------------------------------------------- */

/* @result: (out): set when the flow is OK */
static GstFlowReturn
decode(GstVigilJpegDec *self, GstVideoCodecFrame *frame, VigilJpegResult *result)
{
    GstVideoDecoder *decoder = GST_VIDEO_DECODER(self);
    GstFlowReturn flow = gst_video_decoder_allocate_output_frame(decoder, frame);
    GstVideoCodecState *state;
    VigilJpegTarget target;
    GstVideoFrame picture;
    gboolean mapped;

    if (flow != GST_FLOW_OK)
        return flow;
    state = gst_video_decoder_get_output_state(decoder);
    mapped = gst_video_frame_map(&picture, &state->info, frame->output_buffer, GST_MAP_WRITE);
    gst_video_codec_state_unref(state);
    if (!mapped)
        return GST_FLOW_ERROR;
    if (gst_vigil_jpeg_target(&picture, &target))
        *result = vigil_jpeg_decode(self->jpeg, self->choice.scale, &target);
    else
        flow = GST_FLOW_ERROR;
    gst_video_frame_unmap(&picture);
    return flow;
}

/* Until the frame's bytes are of no more use. */
static GstFlowReturn
look_at(GstVigilJpegDec *self, GstVideoCodecFrame *frame, const GstMapInfo *map,
        VigilJpegResult *result, const gchar **problem)
{
    GstPad *src = GST_VIDEO_DECODER_SRC_PAD(self);
    VigilJpegHeader header;
    GstFlowReturn flow = GST_FLOW_OK;

    *result = VIGIL_JPEG_FAILED;
    *problem = vigil_jpeg_get_problem(self->jpeg);
    if (!vigil_jpeg_open(self->jpeg, map->data, map->size, &header))
        return GST_FLOW_OK;
    if (!is_believed(self, &header)) {
        *problem = "it has another size than the frames before";
        return GST_FLOW_OK;
    }
    if (!is_same_size(&header, &self->header) || gst_pad_needs_reconfigure(src))
        flow = negotiate(self, &header);
    return flow == GST_FLOW_OK ? decode(self, frame, result) : flow;
}

static GstFlowReturn
gst_vigil_jpeg_dec_handle_frame(GstVideoDecoder *decoder, GstVideoCodecFrame *frame)
{
    GstVigilJpegDec *self = GST_VIGIL_JPEG_DEC(decoder);
    VigilJpegResult result;
    const gchar *problem;
    GstFlowReturn flow;
    GstMapInfo map;

    if (!gst_buffer_map(frame->input_buffer, &map, GST_MAP_READ))
        return drop(self, frame, VIGIL_JPEG_FAILED, "it cannot be read");
    flow = look_at(self, frame, &map, &result, &problem);
    gst_buffer_unmap(frame->input_buffer, &map);
    if (flow != GST_FLOW_OK) {
        gst_video_decoder_release_frame(decoder, frame);
        if (flow == GST_FLOW_ERROR)
            GST_ELEMENT_ERROR(self, RESOURCE, WRITE, ("A picture's memory cannot be written."),
                              (NULL));
        return flow;
    }
    if (result != VIGIL_JPEG_WHOLE)
        return drop(self, frame, result, problem);
    count_frame(self, result, NULL);
    return gst_video_decoder_finish_frame(decoder, frame);
}

static GstFlowReturn
gst_vigil_jpeg_dec_finish(GstVideoDecoder *decoder)
{
    post_stats(GST_VIGIL_JPEG_DEC(decoder));
    return GST_FLOW_OK;
}

/* --- class ------------------------------------------------------------------------------------ */

static void
gst_vigil_jpeg_dec_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    if (id == PROP_STATS)
        g_value_take_boxed(value, stats_structure(GST_VIGIL_JPEG_DEC(object)));
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void
gst_vigil_jpeg_dec_class_init(GstVigilJpegDecClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstVideoDecoderClass *decoder_class = GST_VIDEO_DECODER_CLASS(klass);

    object_class->get_property = gst_vigil_jpeg_dec_get_property;
    g_object_class_install_property(
        object_class, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "Since the start: frames, decoded, damaged and refused; the scale that "
                           "the last picture was decoded "
                           "at; what was wrong with the last frame that was dropped",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "Vigil JPEG decoder", "Codec/Decoder/Video",
        "Decodes Motion JPEG straight to the size that is asked for, and drops damaged frames",
        "The Vigil authors");

    decoder_class->start = gst_vigil_jpeg_dec_start;
    decoder_class->stop = gst_vigil_jpeg_dec_stop;
    decoder_class->set_format = gst_vigil_jpeg_dec_set_format;
    decoder_class->getcaps = gst_vigil_jpeg_dec_getcaps;
    decoder_class->decide_allocation = gst_vigil_jpeg_dec_decide_allocation;
    decoder_class->handle_frame = gst_vigil_jpeg_dec_handle_frame;
    decoder_class->finish = gst_vigil_jpeg_dec_finish;
}

static void
gst_vigil_jpeg_dec_init(GstVigilJpegDec *self)
{
    gst_video_decoder_set_packetized(GST_VIDEO_DECODER(self), TRUE);
    gst_video_decoder_set_use_default_pad_acceptcaps(GST_VIDEO_DECODER(self), TRUE);
    GST_PAD_SET_ACCEPT_TEMPLATE(GST_VIDEO_DECODER_SINK_PAD(self));
}
