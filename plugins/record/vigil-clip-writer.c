/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/vigil-encoder.h"
#include "plugins/record/vigil-clip-writer-private.h"

#define FRAGMENT_MS 1000 /* what a cut of the power may cost at most */
#define FINISH_TIMEOUT_US (5 * G_USEC_PER_SEC)
/* A small computer may take so long for a second of large pictures. */
#define FINISH_ENCODING_TIMEOUT_US (20 * G_USEC_PER_SEC)
/* Coded frames that wait for the encoder: the ring keeps the others. */
#define ENCODE_BYTES (4 * 1024 * 1024)
/* In the place of the name of an element. */
#define ENCODER "(encoder)"

static GstBusSyncReply
on_bus_message(GstBus *bus, GstMessage *message, gpointer user_data)
{
    VigilClipWriter *self = user_data;

    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        g_mutex_lock(&self->lock);
        if (!self->bus_error)
            gst_message_parse_error(message, &self->bus_error, NULL);
        g_mutex_unlock(&self->lock);
        self->wake_func(self->user_data);
    }
    gst_message_unref(message); /* what GST_BUS_DROP leaves to us */
    return GST_BUS_DROP;
}

static GstFlowReturn
on_new_sample(GstAppSink *sink, gpointer user_data)
{
    VigilClipWriter *self = user_data;

    self->wake_func(self->user_data);
    return GST_FLOW_OK;
}

static void
on_need_data(GstAppSrc *source, guint length, gpointer user_data)
{
    VigilClipWriter *self = user_data;

    self->wake_func(self->user_data);
}

static void
on_eos(GstAppSink *sink, gpointer user_data)
{
    on_new_sample(sink, user_data);
}

/* What each kind of stream goes through. */
typedef struct {
    const gchar *media;
    const gchar *parser;
    const gchar *timestamper; /* works out decoding times; %NULL: they are those of showing */
    const gchar *format;      /* the muxer's form of the stream */
    const gchar *muxer;
    const gchar *codec; /* for people */
} Form;

static const Form forms[] = {
    {"video/x-h264", "h264parse", "h264timestamper", "avc", "mp4mux", "h264"},
    {"video/x-h265", "h265parse", "h265timestamper", "hvc1", "mp4mux", "h265"},
    {"image/jpeg", "jpegparse", NULL, NULL, "qtmux", "jpeg"},
};

static const Form *
find_form(const GstStructure *s)
{
    for (guint i = 0; i < G_N_ELEMENTS(forms); i++)
        if (gst_structure_has_name(s, forms[i].media))
            return &forms[i];
    return NULL;
}

/* The muxer wants length-prefixed units with their parameter sets in the caps. */
static gboolean
needs_parser(const Form *form, const GstStructure *s)
{
    const gchar *format = gst_structure_get_string(s, "stream-format");
    gint width, height;

    return (form->format && (!format || g_str_equal(format, "byte-stream") ||
                             !gst_structure_has_field(s, "codec_data"))) ||
           !gst_structure_get_int(s, "width", &width) ||
           !gst_structure_get_int(s, "height", &height);
}

#define LONGEST_CHAIN 8

/* The elements of a writer, from the frames to the bytes. */
typedef struct {
    const gchar *names[LONGEST_CHAIN];
    guint n;
    const gchar *codec;  /* of the file */
    GstElement *encoder; /* (nullable): made already */
    GstCaps *filter;     /* (nullable): what "capsfilter" asks for */
} Chain;

static void
append(Chain *chain, const gchar *name)
{
    chain->names[chain->n++] = name;
}

/* Frames of Motion JPEG that are to become H.264. */
static void
append_encoding(Chain *chain, const gchar *before, const gchar *muxer)
{
    chain->codec = "h264";
    chain->filter = gst_caps_from_string(VIGIL_ENCODER_FORMATS);
    append(chain, "appsrc");
    append(chain, "vigiljpegdec");
    append(chain, before ? before : "videoconvert");
    append(chain, "capsfilter");
    append(chain, ENCODER);
    append(chain, "h264parse");
    append(chain, muxer);
    append(chain, "appsink");
}

static void
append_copying(Chain *chain, const Form *form, const GstStructure *s, gboolean reorders,
               const gchar *muxer)
{
    chain->codec = form->codec;
    append(chain, "appsrc");
    if (needs_parser(form, s) || reorders)
        append(chain, form->parser);
    if (reorders) {
        /* the next one does not tell the parser which form the muxer wants */
        chain->filter = gst_caps_new_simple(form->media, "stream-format", G_TYPE_STRING,
                                            form->format, "alignment", G_TYPE_STRING, "au", NULL);
        append(chain, "capsfilter");
        append(chain, form->timestamper);
    }
    append(chain, muxer);
    append(chain, "appsink");
}

static void
choose_elements(Chain *chain, const Form *form, const GstStructure *s, const GstCaps *audio_caps,
                VigilClipWriterFlags flags)
{
    const gchar *before = NULL;

    if ((flags & VIGIL_CLIP_WRITER_ENCODE) && gst_structure_has_name(s, "image/jpeg"))
        chain->encoder = vigil_encoder_make(&before);
    /* as it comes is better than not at all */
    if (chain->encoder)
        append_encoding(chain, before, vigil_clip_writer_get_muxer_for(audio_caps, "mp4mux"));
    else
        append_copying(chain, form, s, (flags & VIGIL_CLIP_WRITER_REORDERS) && form->timestamper,
                       vigil_clip_writer_get_muxer_for(audio_caps, form->muxer));
}

static GstElement *
add_element(GstBin *bin, Chain *chain, guint i, GError **error)
{
    const gchar *name = chain->names[i];
    GstElement *element = g_str_equal(name, ENCODER) ? g_steal_pointer(&chain->encoder)
                                                     : gst_element_factory_make(name, NULL);

    if (!element) {
        g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
                    "GStreamer element %s is missing", name);
        return NULL;
    }
    gst_bin_add(bin, element);
    if (g_str_equal(name, "capsfilter"))
        g_object_set(element, "caps", chain->filter, NULL);
    if (g_str_equal(name, ENCODER))
        vigil_encoder_bound_keyframes(element, FRAGMENT_MS * GST_MSECOND);
    return element;
}

static gboolean
link_chain(VigilClipWriter *self, Chain *chain, GstElement **elements, GError **error)
{
    for (guint i = 0; i < chain->n; i++) {
        elements[i] = add_element(GST_BIN(self->pipeline), chain, i, error);
        if (!elements[i])
            return FALSE;
        if (i > 0 && !gst_element_link_pads(elements[i - 1], "src", elements[i],
                                            i + 2 == chain->n ? "video_%u" : "sink")) {
            g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION, "%s does not link to %s",
                        chain->names[i - 1], chain->names[i]);
            return FALSE;
        }
    }
    return TRUE;
}

/* Source, what brings the stream into the muxer's form, muxer, sink. */
static gboolean
build_pipeline(VigilClipWriter *self, GstCaps *caps, GstCaps *audio_caps,
               VigilClipWriterFlags flags, GError **error)
{
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    const Form *form = find_form(s);
    GstElement *elements[LONGEST_CHAIN];
    Chain chain = {.n = 0};
    gboolean ok;

    if (!form) {
        g_set_error(error, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE, "%s cannot be recorded",
                    gst_structure_get_name(s));
        return FALSE;
    }
    choose_elements(&chain, form, s, audio_caps, flags);
    self->codec = chain.codec;
    self->encodes = chain.encoder != NULL;
    ok = link_chain(self, &chain, elements, error);
    gst_clear_caps(&chain.filter);
    gst_clear_object(&chain.encoder);
    if (!ok)
        return FALSE;
    self->source = GST_APP_SRC(elements[0]);
    self->sink = GST_APP_SINK(elements[chain.n - 1]);
    /* streamable: bytes only ever go to the end, as the store takes them */
    g_object_set(elements[chain.n - 2], "fragment-duration", FRAGMENT_MS, "streamable", TRUE, NULL);
    g_object_set(self->source, "format", GST_FORMAT_TIME, "caps", caps, "max-bytes",
                 (guint64)(self->encodes ? ENCODE_BYTES : 0), "min-percent", 50, NULL);
    g_object_set(self->sink, "sync", FALSE, NULL);
    return !audio_caps ||
           vigil_clip_writer_add_audio(self, audio_caps, elements[chain.n - 2], error);
}

VigilClipWriter *
vigil_clip_writer_new(GstCaps *caps, VigilClipWriterFlags flags, VigilClipWriteFunc write_func,
                      VigilClipWakeFunc wake_func, gpointer user_data, GError **error)
{
    return vigil_clip_writer_new_with_audio(caps, NULL, flags, write_func, wake_func, user_data,
                                            error);
}

VigilClipWriter *
vigil_clip_writer_new_with_audio(GstCaps *caps, GstCaps *audio_caps, VigilClipWriterFlags flags,
                                 VigilClipWriteFunc write_func, VigilClipWakeFunc wake_func,
                                 gpointer user_data, GError **error)
{
    g_autoptr(VigilClipWriter) self = g_new0(VigilClipWriter, 1);
    GstAppSinkCallbacks callbacks = {.new_sample = on_new_sample, .eos = on_eos};
    GstAppSrcCallbacks feed = {.need_data = on_need_data};
    g_autoptr(GstBus) bus = NULL;

    g_mutex_init(&self->lock);
    self->write_func = write_func;
    self->wake_func = wake_func;
    self->user_data = user_data;
    self->boxes.header_need = 8;
    g_queue_init(&self->notes);
    self->pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
    if (!build_pipeline(self, caps, audio_caps, flags, error))
        return NULL;
    if (self->encodes)
        gst_app_src_set_callbacks(self->source, &feed, self, NULL);
    gst_app_sink_set_callbacks(self->sink, &callbacks, self, NULL);
    bus = gst_pipeline_get_bus(GST_PIPELINE(self->pipeline));
    gst_bus_set_sync_handler(bus, on_bus_message, self, NULL);
    if (gst_element_set_state(self->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
        g_set_error_literal(error, GST_CORE_ERROR, GST_CORE_ERROR_STATE_CHANGE,
                            "The MP4 muxer does not start");
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
vigil_clip_writer_free(VigilClipWriter *self)
{
    if (!self)
        return;
    gst_element_set_state(self->pipeline, GST_STATE_NULL);
    gst_object_unref(self->pipeline);
    gst_clear_buffer(&self->first);
    g_queue_clear_full(&self->notes, (GDestroyNotify)g_bytes_unref);
    g_clear_error(&self->bus_error);
    g_mutex_clear(&self->lock);
    g_free(self);
}

gboolean
vigil_clip_writer_check_bus(VigilClipWriter *self, GError **error)
{
    gboolean ok;

    g_mutex_lock(&self->lock);
    ok = self->bus_error == NULL;
    if (!ok)
        g_propagate_error(error, g_error_copy(self->bus_error));
    g_mutex_unlock(&self->lock);
    return ok;
}

/*
 * The file's time 0 is when its first frame is decoded; where pictures are reordered, it is shown that much later:
 * the muxer knows no times before 0. Decoding times must rise.
 */
static void
stamp(VigilClipWriter *self, const VigilRingFrame *frame, GstBuffer *buffer)
{
    gint64 duration_ns = frame->duration_ns, dts_ns;

    GST_BUFFER_PTS(buffer) = frame->pts_ns - self->base_ns;
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    if (frame->dts_ns != VIGIL_RING_TIME_NONE) {
        dts_ns = MAX(frame->dts_ns - self->base_ns, self->last_dts_ns + 1);
        dts_ns = MIN(dts_ns, frame->pts_ns - self->base_ns);
        if (duration_ns <= 0 && self->info.n_frames > 0)
            duration_ns = dts_ns - self->last_dts_ns;
        GST_BUFFER_DTS(buffer) = dts_ns;
        self->last_dts_ns = dts_ns;
    }
    if (duration_ns <= 0)
        duration_ns = self->last_duration_ns;
    self->last_duration_ns = duration_ns;
    GST_BUFFER_DURATION(buffer) = duration_ns > 0 ? (GstClockTime)duration_ns : GST_CLOCK_TIME_NONE;
    if (frame->key)
        GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    else
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
}

static gboolean
send(VigilClipWriter *self, const VigilRingFrame *frame, GstBuffer *buffer, GError **error)
{
    stamp(self, frame, buffer);
    self->info.n_frames++;
    self->info.end_ns = MAX(self->info.end_ns, frame->pts_ns + MAX(self->last_duration_ns, 0));
    if (gst_app_src_push_buffer(self->source, buffer) == GST_FLOW_OK)
        return TRUE;
    if (vigil_clip_writer_check_bus(self, error))
        g_set_error_literal(error, GST_STREAM_ERROR, GST_STREAM_ERROR_MUX,
                            "The MP4 muxer takes no more frames");
    return FALSE;
}

/*
 * The first keyframe waits until it is known how many pictures after it are left out: it is decoded that much later, so
 * that no hole is in the time line.
 */
static gboolean
send_first(VigilClipWriter *self, const VigilRingFrame *next, GError **error)
{
    VigilRingFrame *first = &self->first_frame;

    if (!self->first)
        return TRUE;
    if (next && first->dts_ns != VIGIL_RING_TIME_NONE && next->dts_ns > first->dts_ns)
        first->dts_ns =
            next->dts_ns - (next->dts_ns - first->dts_ns) / (gint64)(self->info.n_leading + 1);
    self->base_ns =
        first->dts_ns == VIGIL_RING_TIME_NONE ? first->pts_ns : MIN(first->dts_ns, first->pts_ns);
    self->last_dts_ns = -1;
    return send(self, first, g_steal_pointer(&self->first), error);
}

gboolean
vigil_clip_writer_push(VigilClipWriter *self, const VigilRingFrame *frame, GstBuffer *buffer,
                       GError **error)
{
    if (!vigil_clip_writer_check_bus(self, error)) {
        gst_buffer_unref(buffer);
        return FALSE;
    }
    if (!self->started) {
        self->started = TRUE;
        self->info.start_ns = self->info.end_ns = frame->pts_ns;
        self->first_frame = *frame;
        self->first = buffer;
        return TRUE;
    }
    if (frame->pts_ns < self->info.start_ns) {
        self->info.n_leading++;
        gst_buffer_unref(buffer);
        return TRUE;
    }
    if (send_first(self, frame, error))
        return send(self, frame, buffer, error);
    gst_buffer_unref(buffer);
    return FALSE;
}

/*
 * Behind a whole fragment. Not before the first one, which players want to find at once, nor between the two boxes of one,
 * whose distance is written in them.
 */
static gboolean
is_between_fragments(const VigilClipWriter *self)
{
    return self->info.n_fragments > 0 && self->boxes.is_mdat &&
           vigil_clip_boxes_is_between(&self->boxes);
}

static gboolean
write_notes(VigilClipWriter *self, GError **error)
{
    GBytes *note;

    while (is_between_fragments(self) && (note = g_queue_peek_head(&self->notes))) {
        gsize length;
        gconstpointer data = g_bytes_get_data(note, &length);

        if (!self->write_func(data, length, self->user_data, error))
            return FALSE;
        self->info.bytes += length;
        self->info.n_notes++;
        g_bytes_unref(g_queue_pop_head(&self->notes));
    }
    return TRUE;
}

gboolean
vigil_clip_writer_add_note(VigilClipWriter *self, GBytes *note, GError **error)
{
    g_queue_push_tail(&self->notes, g_bytes_ref(note));
    return write_notes(self, error);
}

static gboolean
write_sample(VigilClipWriter *self, GstSample *sample, GError **error)
{
    GstBuffer *given = gst_sample_get_buffer(sample);
    g_autoptr(GstBuffer) buffer =
        given ? vigil_clip_writer_place_audio(self, gst_buffer_ref(given)) : NULL;
    GstMapInfo map;
    gboolean ok;

    if (!buffer || !gst_buffer_map(buffer, &map, GST_MAP_READ)) {
        g_set_error_literal(error, GST_STREAM_ERROR, GST_STREAM_ERROR_MUX,
                            "The MP4 muxer gave no bytes");
        return FALSE;
    }
    ok = self->write_func(map.data, map.size, self->user_data, error);
    if (ok) {
        self->info.bytes += map.size;
        self->info.n_fragments += vigil_clip_boxes_feed(&self->boxes, map.data, map.size);
    }
    gst_buffer_unmap(buffer, &map);
    return ok && write_notes(self, error);
}

gboolean
vigil_clip_writer_pump(VigilClipWriter *self, GError **error)
{
    if (!vigil_clip_writer_check_bus(self, error))
        return FALSE;
    for (;;) {
        g_autoptr(GstSample) sample = gst_app_sink_try_pull_sample(self->sink, 0);

        if (!sample)
            return TRUE;
        if (!write_sample(self, sample, error))
            return FALSE;
    }
}

gboolean
vigil_clip_writer_finish(VigilClipWriter *self, GError **error)
{
    const gint64 patience_us = self->encodes ? FINISH_ENCODING_TIMEOUT_US : FINISH_TIMEOUT_US;
    gint64 deadline = g_get_monotonic_time() + patience_us;

    if (!send_first(self, NULL, error))
        return FALSE;
    gst_app_src_end_of_stream(self->source);
    vigil_clip_writer_end_audio(self);
    for (;;) {
        g_autoptr(GstSample) sample = gst_app_sink_try_pull_sample(self->sink, 50 * GST_MSECOND);

        if (sample && !write_sample(self, sample, error))
            return FALSE;
        if (sample) {
            deadline = g_get_monotonic_time() + patience_us;
            continue;
        }
        if (!vigil_clip_writer_check_bus(self, error))
            return FALSE;
        if (gst_app_sink_is_eos(self->sink))
            return TRUE;
        if (g_get_monotonic_time() > deadline) {
            g_set_error_literal(error, GST_STREAM_ERROR, GST_STREAM_ERROR_MUX,
                                "The MP4 muxer does not finish");
            return FALSE;
        }
    }
}

VigilClipWriterInfo
vigil_clip_writer_get_info(const VigilClipWriter *self)
{
    VigilClipWriterInfo info = self->info;

    info.n_pending = g_queue_get_length((GQueue *)&self->notes);
    return info;
}

gboolean
vigil_clip_writer_is_full(const VigilClipWriter *self)
{
    return self->encodes && gst_app_src_get_current_level_bytes(self->source) >= ENCODE_BYTES;
}

const gchar *
vigil_clip_writer_get_codec(const VigilClipWriter *self)
{
    return self->codec;
}
