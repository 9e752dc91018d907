/* SPDX-License-Identifier: Apache-2.0 */
/* What a camera says of its sound, and rtspsrc is not to hear of. */
#include <gst/check/gstcheck.h>

#include "plugins/rtsp/gstvigilrtspsession-private.h"

static void
ignore_sample(GstSample *sample, gpointer user_data)
{
    gst_sample_unref(sample);
}

static void
ignore_reason(const gchar *reason, gpointer user_data)
{
}

static void
ignore_loss(VigilRtspLoss loss, const gchar *reason, gpointer user_data)
{
}

/* A format that its elements refuse, for want of "streamtype", is the sound's affair: rtspsrc would end all streams. */
GST_START_TEST(refused_format_is_not_heard_of)
{
    static const GstVigilRtspSessionFuncs funcs = {ignore_sample, ignore_sample, ignore_reason,
                                                   ignore_loss};
    const VigilRtspLogin login = {.location = (gchar *)"rtsp://127.0.0.1:1/"};
    g_autoptr(GstClock) clock = gst_system_clock_obtain();
    const GstVigilRtspSessionOptions options = {
        .login = &login, .timeout_us = G_USEC_PER_SEC, .audio = TRUE, .clock = clock};
    GstVigilRtspSession *session = gst_vigil_rtsp_session_new(&options, &funcs, NULL, NULL);
    g_autoptr(GstCaps) caps = gst_caps_from_string(
        "application/x-rtp,media=audio,clock-rate=16000,encoding-name=MPEG4-GENERIC,payload=97");
    GstPad *pad = gst_object_ref_sink(gst_pad_new("recv", GST_PAD_SRC));
    GstSegment segment;

    fail_unless(session != NULL);
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_set_active(pad, TRUE);
    gst_pad_push_event(pad, gst_event_new_stream_start("sound"));
    gst_pad_push_event(pad, gst_event_new_caps(caps));
    gst_pad_push_event(pad, gst_event_new_segment(&segment));
    gst_vigil_rtsp_session_take_audio(session, pad, gst_caps_get_structure(caps, 0));
    fail_unless(gst_pad_is_linked(pad));
    for (guint i = 0; i < 3; i++)
        assert_equals_string(gst_flow_get_name(gst_pad_push(pad, gst_buffer_new_and_alloc(100))),
                             "ok");
    gst_pad_set_active(pad, FALSE);
    gst_vigil_rtsp_session_free(session);
    gst_object_unref(pad);
}
GST_END_TEST

static Suite *
rtsp_session_audio_suite(void)
{
    Suite *suite = suite_create("rtsp-session-audio");
    TCase *tcase = tcase_create("rtsp-session-audio");

    tcase_add_test(tcase, refused_format_is_not_heard_of);
    suite_add_tcase(suite, tcase);
    return suite;
}

GST_CHECK_MAIN(rtsp_session_audio)
