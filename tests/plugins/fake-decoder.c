/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/plugins/fake-decoder.h"

#include <stdlib.h>

typedef struct {
    GstElement parent;
    GstPad *sink, *src;
    gint width, height;
    guint n_frames;
} FakeDecoder;

typedef struct {
    GstElementClass parent;
} FakeDecoderClass;

static gint chosen = -1;
static gint opened;
static gint posted;

GType fake_decoder_get_type(void);
G_DEFINE_TYPE(FakeDecoder, fake_decoder, GST_TYPE_ELEMENT)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("video/x-h264, stream-format=(string)byte-stream, alignment=(string)au"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw, format=(string)GRAY8"));

void
fake_decoder_set_fault(FakeDecoderFault fault)
{
    g_atomic_int_set(&chosen, (gint)fault);
    g_atomic_int_set(&opened, 0);
    g_atomic_int_set(&posted, FALSE);
}

guint
fake_decoder_get_opened(void)
{
    return (guint)g_atomic_int_get(&opened);
}

static FakeDecoderFault
get_fault(void)
{
    const gchar *variable = g_getenv("VIGIL_FAKE_DECODER");
    const gint fault = g_atomic_int_get(&chosen);

    if (fault >= 0)
        return (FakeDecoderFault)fault;
    return variable ? (FakeDecoderFault)atoi(variable) : FAKE_DECODER_WORKS;
}

static void
post_error(GstElement *element, gpointer user_data)
{
    GST_ELEMENT_ERROR(element, STREAM, DECODE, ("The fake device broke."), (NULL));
    g_atomic_int_set(&posted, TRUE);
}

/* Frames go on meanwhile, but not so many that it looks as if it were silent. */
static void
wait_for_post(guint n)
{
    while (n > FAKE_DECODER_LATER_FRAME + 8 && !g_atomic_int_get(&posted))
        g_usleep(1000);
}

static GstFlowReturn
give_picture(FakeDecoder *self, GstBuffer *in)
{
    const gsize size = (gsize)(GST_ROUND_UP_4(self->width) * self->height);
    GstBuffer *out = gst_buffer_new_allocate(NULL, size, NULL);

    gst_buffer_memset(out, 0, 128, size);
    GST_BUFFER_PTS(out) = GST_BUFFER_PTS(in);
    GST_BUFFER_DURATION(out) = GST_BUFFER_DURATION(in);
    return gst_pad_push(self->src, out);
}

static GstFlowReturn
chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    FakeDecoder *self = (FakeDecoder *)parent;
    const FakeDecoderFault fault = get_fault();
    const guint n = ++self->n_frames;
    GstFlowReturn flow = GST_FLOW_OK;

    if ((fault == FAKE_DECODER_FIRST && n == 1) ||
        (fault == FAKE_DECODER_LATER && n == FAKE_DECODER_LATER_FRAME) ||
        (fault == FAKE_DECODER_LATEST && n == FAKE_DECODER_LATEST_FRAME)) {
        post_error(GST_ELEMENT(self), NULL);
        flow = GST_FLOW_ERROR;
    } else if (fault == FAKE_DECODER_MUTE) {
        flow = GST_FLOW_NOT_NEGOTIATED;
    } else if (fault == FAKE_DECODER_BESIDE && n == FAKE_DECODER_LATER_FRAME) {
        gst_element_call_async(GST_ELEMENT(self), post_error, NULL, NULL);
    } else if (fault == FAKE_DECODER_BESIDE && n > FAKE_DECODER_LATER_FRAME) {
        wait_for_post(n);
    } else if (fault != FAKE_DECODER_SILENT) {
        flow = give_picture(self, buffer);
    }
    gst_buffer_unref(buffer);
    return flow;
}

static gboolean
take_caps(FakeDecoder *self, GstEvent *event)
{
    const GstStructure *structure;
    g_autoptr(GstCaps) out = NULL;
    GstCaps *caps;

    gst_event_parse_caps(event, &caps);
    structure = gst_caps_get_structure(caps, 0);
    if (get_fault() == FAKE_DECODER_FORMAT ||
        !gst_structure_get_int(structure, "width", &self->width) ||
        !gst_structure_get_int(structure, "height", &self->height))
        return FALSE;
    out = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "GRAY8", "width", G_TYPE_INT,
                              self->width, "height", G_TYPE_INT, self->height, "framerate",
                              GST_TYPE_FRACTION, 0, 1, NULL);
    return gst_pad_set_caps(self->src, out);
}

static gboolean
handle_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    FakeDecoder *self = (FakeDecoder *)parent;
    gboolean ok;

    if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
        ok = take_caps(self, event);
        gst_event_unref(event);
        return ok;
    }
    if (GST_EVENT_TYPE(event) == GST_EVENT_EOS && get_fault() == FAKE_DECODER_AT_END) {
        gst_event_unref(event);
        gst_element_call_async(GST_ELEMENT(self), post_error, NULL, NULL);
        return TRUE;
    }
    return gst_pad_event_default(pad, parent, event);
}

static GstStateChangeReturn
change_state(GstElement *element, GstStateChange transition)
{
    const FakeDecoderFault fault = get_fault();

    if (transition == GST_STATE_CHANGE_NULL_TO_READY) {
        g_atomic_int_inc(&opened);
        if (fault == FAKE_DECODER_OPEN) {
            GST_ELEMENT_ERROR(element, RESOURCE, BUSY, ("The fake device is busy."), (NULL));
            return GST_STATE_CHANGE_FAILURE;
        }
    }
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
        ((FakeDecoder *)element)->n_frames = 0;
        if (fault == FAKE_DECODER_START)
            return GST_STATE_CHANGE_FAILURE;
    }
    return GST_ELEMENT_CLASS(fake_decoder_parent_class)->change_state(element, transition);
}

static void
fake_decoder_init(FakeDecoder *self)
{
    self->sink = gst_pad_new_from_static_template(&sink_template, "sink");
    self->src = gst_pad_new_from_static_template(&src_template, "src");
    gst_pad_set_chain_function(self->sink, chain);
    gst_pad_set_event_function(self->sink, handle_event);
    gst_element_add_pad(GST_ELEMENT(self), self->sink);
    gst_element_add_pad(GST_ELEMENT(self), self->src);
}

static void
fake_decoder_class_init(FakeDecoderClass *klass)
{
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);

    element_class->change_state = change_state;
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(element_class, "Fake decoder",
                                          "Codec/Decoder/Video/Hardware",
                                          "Breaks when it is told to", "The Vigil authors");
}

gboolean
fake_decoder_register(GstPlugin *plugin)
{
    return gst_element_register(plugin, "v4l2h264dec", GST_RANK_PRIMARY + 100,
                                fake_decoder_get_type());
}
