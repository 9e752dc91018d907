/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/vigil-encoder.h"

#include <gst/video/video.h>

#define BITRATE_KBIT 2000

/* The best first: those of the machine's chips, then software. */
static const struct {
    const gchar *factory;
    const gchar *before; /* brings frames into the device's memory */
    const gchar *const *settings;
} encoders[] = {
    {"v4l2h264enc", NULL, NULL},
    {"nvv4l2h264enc", "nvvidconv", (const gchar *const[]){"insert-sps-pps", "true", NULL}},
    {"x264enc", NULL,
     (const gchar *const[]){"tune", "zerolatency", "speed-preset", "superfast", NULL}},
    {"openh264enc", NULL, (const gchar *const[]){"complexity", "low", NULL}},
};

static void
apply(GstElement *encoder, const gchar *const *settings)
{
    for (; settings && settings[0]; settings += 2)
        gst_util_set_object_arg(G_OBJECT(encoder), settings[0], settings[1]);
}

/* One whose device is busy or gone is not there. */
static GstElement *
try_encoder(guint i)
{
    GstElement *encoder = gst_element_factory_make(encoders[i].factory, "encoder");
    gboolean opens;

    if (!encoder)
        return NULL;
    apply(encoder, encoders[i].settings);
    if (g_str_equal(encoders[i].factory, "x264enc"))
        g_object_set(encoder, "bitrate", BITRATE_KBIT, NULL);
    else if (g_str_equal(encoders[i].factory, "openh264enc"))
        g_object_set(encoder, "bitrate", 1000 * BITRATE_KBIT, NULL);
    opens = gst_element_set_state(encoder, GST_STATE_READY) != GST_STATE_CHANGE_FAILURE;
    gst_element_set_state(encoder, GST_STATE_NULL);
    if (opens)
        return encoder;
    gst_object_unref(encoder);
    return NULL;
}

GstElement *
vigil_encoder_make(const gchar **before)
{
    for (guint i = 0; i < G_N_ELEMENTS(encoders); i++) {
        GstElement *encoder = try_encoder(i);

        *before = encoders[i].before;
        if (encoder)
            return encoder;
    }
    return NULL;
}

typedef struct {
    GstClockTime interval, last;
} Keyframes;

static GstPadProbeReturn
ask_for_keyframe(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    Keyframes *self = user_data;
    const GstClockTime pts = GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info));

    if (!GST_CLOCK_TIME_IS_VALID(pts))
        return GST_PAD_PROBE_OK;
    if (!GST_CLOCK_TIME_IS_VALID(self->last)) {
        self->last = pts; /* the first one is a keyframe anyway */
        return GST_PAD_PROBE_OK;
    }
    if (pts >= self->last && pts - self->last < self->interval)
        return GST_PAD_PROBE_OK;
    self->last = pts;
    gst_pad_send_event(pad, gst_video_event_new_downstream_force_key_unit(
                                pts, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, TRUE, 0));
    return GST_PAD_PROBE_OK;
}

void
vigil_encoder_bound_keyframes(GstElement *encoder, GstClockTime interval)
{
    g_autoptr(GstPad) sink = gst_element_get_static_pad(encoder, "sink");
    Keyframes *keyframes = g_new(Keyframes, 1);

    *keyframes = (Keyframes){interval, GST_CLOCK_TIME_NONE};
    gst_pad_add_probe(sink, GST_PAD_PROBE_TYPE_BUFFER, ask_for_keyframe, keyframes, g_free);
}
