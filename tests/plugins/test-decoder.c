/* SPDX-License-Identifier: Apache-2.0 */
/* Which decoders are tried, and what becomes of the stream when one breaks. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <gst/video/video-event.h>

#include "plugins/common/gstvigilprobe.h"
#include "plugins/common/gstvigilstream.h"
#include "plugins/decode/vigil-decoder-bin.h"
#include "tests/plugins/fake-decoder.h"

#define FRAMES 120
#define GROUP 30
#define GOES_BACK 60 /* frame, after the one at which the decoder breaks */
#define FRAME_NS (40 * GST_MSECOND)

/* --- the choice -------------------------------------------------------------------------------- */

typedef struct {
    const gchar *present; /* names between spaces */
    const gchar *failed;
} Here;

static gboolean
is_in(const gchar *list, const gchar *name)
{
    g_auto(GStrv) names = g_strsplit(list, " ", -1);

    return g_strv_contains((const gchar *const *)names, name);
}

static gboolean
is_present(const gchar *factory, gpointer user_data)
{
    return is_in(((const Here *)user_data)->present, factory);
}

static gboolean
has_failed(const gchar *factory, gpointer user_data)
{
    return is_in(((const Here *)user_data)->failed, factory);
}

static void
check_choice(VigilCodec codec, const gchar *wanted, gboolean live, const gchar *present,
             const gchar *failed, const gchar *expected)
{
    const VigilDecoderWish wish = {codec, wanted, live};
    Here here = {present, failed};
    VigilDecoderCandidate candidates[VIGIL_DECODER_CANDIDATES];
    const guint n = vigil_decoder_choose(&wish, is_present, has_failed, &here, candidates);
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; i < n; i++)
        g_string_append_printf(names, "%s%s", i ? " " : "", candidates[i].factory);
    ck_assert_str_eq(names->str, expected);
}

#define ALL                                                                                      \
    "v4l2h264dec v4l2slh264dec v4l2slh265dec v4l2h265dec nvv4l2decoder nvvidconv vah264dec "     \
    "vah265dec avdec_h264 avdec_h265 openh264dec libde265dec vigilavdec vigiljpegdec nvjpegdec " \
    "jpegdec"

START_TEST(test_choice)
{
    check_choice(VIGIL_CODEC_H264, NULL, TRUE, ALL, "",
                 "v4l2slh264dec v4l2h264dec nvv4l2decoder vah264dec vigilavdec avdec_h264 "
                 "openh264dec");
    check_choice(VIGIL_CODEC_H265, NULL, TRUE, ALL, "",
                 "v4l2slh265dec v4l2h265dec nvv4l2decoder vah265dec vigilavdec avdec_h265 "
                 "libde265dec");
    check_choice(VIGIL_CODEC_JPEG, NULL, TRUE, ALL, "", "vigiljpegdec");
    /* a file gives the same everywhere */
    check_choice(VIGIL_CODEC_H264, NULL, FALSE, ALL, "", "vigilavdec avdec_h264 openh264dec");
    /* only what is there; a decoder is of no use without what brings its frames to us */
    check_choice(VIGIL_CODEC_H264, NULL, TRUE, "v4l2h264dec avdec_h264", "",
                 "v4l2h264dec avdec_h264");
    check_choice(VIGIL_CODEC_H264, NULL, TRUE, "nvv4l2decoder avdec_h264", "", "avdec_h264");
    check_choice(VIGIL_CODEC_H264, NULL, TRUE, "avdec_h265", "", "");
    /* what was asked for, and nothing else */
    check_choice(VIGIL_CODEC_H264, "software", TRUE, ALL, "", "vigilavdec avdec_h264 openh264dec");
    check_choice(VIGIL_CODEC_H264, "hardware", FALSE, ALL, "",
                 "v4l2slh264dec v4l2h264dec nvv4l2decoder vah264dec");
    check_choice(VIGIL_CODEC_H264, "openh264dec", TRUE, ALL, "openh264dec", "openh264dec");
    check_choice(VIGIL_CODEC_JPEG, "nvjpegdec", TRUE, ALL, "", "nvjpegdec");
    check_choice(VIGIL_CODEC_H264, "nvjpegdec", TRUE, ALL, "", "");
    /* those that failed come last */
    check_choice(VIGIL_CODEC_H264, NULL, TRUE, ALL, "v4l2slh264dec nvv4l2decoder",
                 "v4l2h264dec vah264dec vigilavdec avdec_h264 openh264dec v4l2slh264dec "
                 "nvv4l2decoder");
}
END_TEST

START_TEST(test_failures)
{
    g_autoptr(VigilDecoderFailures) failures = vigil_decoder_failures_new();

    ck_assert(!vigil_decoder_failures_has(failures, "x", 0));
    vigil_decoder_failures_add(failures, "x", 1000);
    ck_assert(vigil_decoder_failures_has(failures, "x", 1000));
    ck_assert(!vigil_decoder_failures_has(failures, "y", 1000));
    ck_assert(vigil_decoder_failures_has(failures, "x", 999 + VIGIL_DECODER_FAILURE_US));
    ck_assert(!vigil_decoder_failures_has(failures, "x", 1000 + VIGIL_DECODER_FAILURE_US));
    vigil_decoder_failures_add(failures, "x", 2000);
    ck_assert(vigil_decoder_failures_has(failures, "x", 1000 + VIGIL_DECODER_FAILURE_US));
}
END_TEST

/* --- exchange ------------------------------------------------------------------------------------ */

typedef struct {
    GstElement *pipeline, *bin, *sink;
    GArray *times;    /* of the pictures that came out */
    guint n_starts;   /* stream-start events behind the decoder */
    guint n_messages; /* vigil-decoder */
    gchar *decoder, *failed, *reason, *error;
    gboolean eos;
} Run;

static void
on_picture(GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer user_data)
{
    const GstClockTime time = GST_BUFFER_PTS(buffer);

    g_array_append_val(((Run *)user_data)->times, time);
}

static GstPadProbeReturn
on_event(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    ((Run *)user_data)->n_starts +=
        GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_STREAM_START;
    return GST_PAD_PROBE_OK;
}

static GstElement *
add(Run *self, const gchar *factory)
{
    GstElement *element = gst_element_factory_make(factory, NULL);

    ck_assert_msg(element && gst_bin_add(GST_BIN(self->pipeline), element), "no %s", factory);
    return element;
}

static void
build(Run *self, const VigilDecoderCandidate *candidates, guint n, VigilDecoderFailures *failures,
      guint frames, guint group)
{
    GstElement *source, *rate, *encoder, *parser;
    g_autoptr(GstCaps) caps =
        gst_caps_from_string("video/x-raw,format=I420,width=64,height=48,framerate=25/1");
    g_autoptr(GstPad) pad = NULL;

    memset(self, 0, sizeof *self);
    self->times = g_array_new(FALSE, FALSE, sizeof(GstClockTime));
    self->pipeline = gst_pipeline_new(NULL);
    source = add(self, "videotestsrc");
    rate = add(self, "capsfilter");
    encoder = add(self, "x264enc");
    parser = add(self, "h264parse");
    self->bin = vigil_decoder_bin_new("decoder", VIGIL_CODEC_H264, candidates, n, failures);
    gst_bin_add(GST_BIN(self->pipeline), self->bin);
    self->sink = add(self, "fakesink");
    g_object_set(source, "num-buffers", frames, NULL);
    g_object_set(rate, "caps", caps, NULL);
    g_object_set(encoder, "key-int-max", group, "threads", 1, NULL);
    gst_util_set_object_arg(G_OBJECT(encoder), "tune", "zerolatency");
    gst_util_set_object_arg(G_OBJECT(encoder), "speed-preset", "ultrafast");
    g_object_set(self->sink, "signal-handoffs", TRUE, "sync", FALSE, NULL);
    g_signal_connect(self->sink, "handoff", G_CALLBACK(on_picture), self);
    ck_assert(gst_element_link_many(source, rate, encoder, parser, self->bin, self->sink, NULL));
    pad = gst_element_get_static_pad(self->sink, "sink");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event, self, NULL);
}

static void
take_message(Run *self, GstMessage *message)
{
    const GstStructure *structure = gst_message_get_structure(message);
    g_autoptr(GError) error = NULL;

    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        gst_message_parse_error(message, &error, NULL);
        self->error = g_strdup(error->message);
    } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
        self->eos = TRUE;
    } else if (gst_structure_has_name(structure, "vigil-decoder")) {
        self->n_messages++;
        g_free(self->decoder);
        self->decoder = g_strdup(gst_structure_get_string(structure, "decoder"));
        g_free(self->failed);
        self->failed = g_strdup(gst_structure_get_string(structure, "failed"));
        g_free(self->reason);
        self->reason = g_strdup(gst_structure_get_string(structure, "reason"));
    }
}

/* To its end, or until it breaks. */
static void
play(Run *self)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(self->pipeline);

    gst_element_set_state(self->pipeline, GST_STATE_PLAYING);
    while (!self->eos && !self->error) {
        g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(
            bus, 30 * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS | GST_MESSAGE_ELEMENT);

        ck_assert_msg(message != NULL, "it hangs after %u pictures", self->times->len);
        take_message(self, message);
    }
    gst_element_set_state(self->pipeline, GST_STATE_NULL);
}

static void
clear(Run *self)
{
    gst_object_unref(self->pipeline);
    g_array_unref(self->times);
    g_free(self->decoder);
    g_free(self->failed);
    g_free(self->reason);
    g_free(self->error);
}

/* Each picture once, in order. */
static void
check_times(const Run *self, guint n)
{
    const GstClockTime first = n > 0 ? g_array_index(self->times, GstClockTime, 0) : 0;

    ck_assert_uint_eq(self->times->len, n);
    for (guint i = 0; i < n; i++)
        ck_assert_uint_eq(g_array_index(self->times, GstClockTime, i), first + i * FRAME_NS);
}

static const VigilDecoderCandidate both[] = {{"v4l2h264dec", NULL, TRUE},
                                             {"vigilavdec", NULL, FALSE}};

START_TEST(test_one_that_works)
{
    Run run;

    fake_decoder_set_fault(FAKE_DECODER_WORKS);
    build(&run, both, 2, NULL, FRAMES, GROUP);
    play(&run);
    ck_assert_ptr_null(run.error);
    ck_assert_str_eq(run.decoder, "v4l2h264dec");
    ck_assert_ptr_null(run.failed);
    ck_assert_uint_eq(run.n_messages, 1);
    check_times(&run, FRAMES);
    clear(&run);
}
END_TEST

static const struct {
    FakeDecoderFault fault;
    const gchar *reason;
} faults[] = {
    {FAKE_DECODER_OPEN, "busy"},     {FAKE_DECODER_START, "started"},
    {FAKE_DECODER_FORMAT, "format"}, {FAKE_DECODER_FIRST, "broke"},
    {FAKE_DECODER_MUTE, "format"},   {FAKE_DECODER_LATER, "broke"},
    {FAKE_DECODER_BESIDE, "broke"},  {FAKE_DECODER_SILENT, "no picture"},
};

/* Whenever it breaks, no picture is lost, none comes twice, and nobody else notices. */
START_TEST(test_one_that_breaks)
{
    g_autoptr(VigilDecoderFailures) failures = vigil_decoder_failures_new();
    Run run;

    fake_decoder_set_fault(faults[_i].fault);
    /* one group for the one that is silent for 64 frames, and for an error that may come late on a busy machine */
    build(&run, both, 2, failures, FRAMES,
          faults[_i].fault == FAKE_DECODER_SILENT || faults[_i].fault == FAKE_DECODER_BESIDE
              ? FRAMES
              : GROUP);
    play(&run);
    ck_assert_msg(!run.error, "%s", run.error);
    ck_assert_str_eq(run.decoder, "vigilavdec");
    ck_assert_str_eq(run.failed, "v4l2h264dec");
    ck_assert_msg(strstr(run.reason, faults[_i].reason), "%s", run.reason);
    ck_assert_uint_le(run.n_messages, 2);
    ck_assert_uint_eq(run.n_starts, 1);
    ck_assert_uint_eq(fake_decoder_get_opened(), 1);
    ck_assert(vigil_decoder_failures_has(failures, "v4l2h264dec", g_get_monotonic_time()));
    ck_assert(!vigil_decoder_failures_has(failures, "vigilavdec", g_get_monotonic_time()));
    check_times(&run, FRAMES);
    clear(&run);
}
END_TEST

static GstPadProbeReturn
set_back(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    guint *n = user_data;

    (*n)++;
    if (*n > FAKE_DECODER_LATER_FRAME)
        fake_decoder_set_fault(FAKE_DECODER_WORKS);
    if (*n > GOES_BACK) {
        GST_BUFFER_PTS(buffer) -= (GOES_BACK - 1) * FRAME_NS;
        GST_BUFFER_DTS(buffer) = GST_BUFFER_PTS(buffer);
    }
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    return GST_PAD_PROBE_OK;
}

/*
 * A camera whose times go back after the exchange, without a new segment, to before it: those pictures are new all the same. (The second
 * one works and gives times as they are; avdec_h264 gives none that go back.)
 */
START_TEST(test_times_that_go_back)
{
    const VigilDecoderCandidate twice[] = {both[0], both[0]};
    guint n = 0;
    g_autoptr(GstPad) pad = NULL;
    Run run;

    fake_decoder_set_fault(FAKE_DECODER_LATER);
    build(&run, twice, 2, NULL, FRAMES, GROUP);
    pad = gst_element_get_static_pad(run.bin, "sink");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, set_back, &n, NULL);
    play(&run);
    ck_assert_msg(!run.error, "%s", run.error);
    ck_assert_uint_eq(run.n_messages, 2);
    ck_assert_uint_eq(run.times->len, FRAMES);
    clear(&run);
}
END_TEST

/* It had given all its pictures: only the end must not be lost. */
START_TEST(test_one_that_breaks_at_the_end)
{
    Run run;

    fake_decoder_set_fault(FAKE_DECODER_AT_END);
    build(&run, both, 2, NULL, FRAMES, GROUP);
    play(&run);
    ck_assert(run.eos);
    check_times(&run, FRAMES);
    clear(&run);
}
END_TEST

/* Two break, one after the other. */
START_TEST(test_two_that_break)
{
    const VigilDecoderCandidate three[] = {both[0], both[0], both[1]};
    Run run;

    fake_decoder_set_fault(FAKE_DECODER_LATER);
    build(&run, three, 3, NULL, FRAMES, GROUP);
    play(&run);
    /* it breaks at frame 40, the next fake one 40 frames after the keyframe at 30 */
    ck_assert_msg(!run.error, "%s", run.error);
    ck_assert_str_eq(run.decoder, "vigilavdec");
    ck_assert_uint_eq(fake_decoder_get_opened(), 2);
    check_times(&run, FRAMES);
    clear(&run);
}
END_TEST

/* A group that is too long to be kept: the next decoder begins at the next keyframe. */
START_TEST(test_long_group)
{
    const guint before = FAKE_DECODER_LATEST_FRAME - 1, group = 300;
    GstClockTime first, last, next;
    Run run;

    fake_decoder_set_fault(FAKE_DECODER_LATEST);
    build(&run, both, 2, NULL, 2 * group, group);
    play(&run);
    ck_assert_msg(!run.error, "%s", run.error);
    ck_assert_str_eq(run.decoder, "vigilavdec");
    ck_assert_uint_eq(run.times->len, before + group);
    first = g_array_index(run.times, GstClockTime, 0);
    last = g_array_index(run.times, GstClockTime, before - 1);
    next = g_array_index(run.times, GstClockTime, before);
    ck_assert_uint_eq(last - first, (before - 1) * FRAME_NS);
    ck_assert_uint_eq(next - first, group * FRAME_NS);
    clear(&run);
}
END_TEST

/* Nobody is left: one error that says it all. */
START_TEST(test_all_break)
{
    Run run;

    fake_decoder_set_fault(FAKE_DECODER_FIRST);
    build(&run, both, 1, NULL, FRAMES, GROUP);
    play(&run);
    ck_assert_msg(run.error && strstr(run.error, "No decoder works for this H.264 stream") &&
                      strstr(run.error, "v4l2h264dec: The fake device broke"),
                  "%s", run.error);
    clear(&run);
    fake_decoder_set_fault(FAKE_DECODER_OPEN);
    build(&run, both, 1, NULL, FRAMES, GROUP);
    play(&run);
    ck_assert_msg(run.error && strstr(run.error, "busy"), "%s", run.error);
    clear(&run);
}
END_TEST

/* --- rest ---------------------------------------------------------------------------------------- */

typedef struct {
    GstPad *in, *out; /* sink pads of the decoder and of what is behind it */
    GstEvent *also;   /* (nullable): sent to each that rests */
    gboolean pause;   /* and no more than PAUSED from then on */
    guint n, n_elements;
    guint n_asked, n_told; /* past the decoder that is not there: downstream, upstream */
} Rest;

static GstPadProbeReturn
on_question(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    g_autoptr(GstSample) none = NULL;
    GstClockTime time;
    guint n_left;

    if (!gst_vigil_query_parse_probe(GST_PAD_PROBE_INFO_QUERY(info), &time, &none, &n_left))
        return GST_PAD_PROBE_OK;
    ((Rest *)user_data)->n_asked++;
    return GST_PAD_PROBE_HANDLED;
}

static GstPadProbeReturn
on_word(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    guint n_tracks, n_resting;

    ((Rest *)user_data)->n_told +=
        gst_vigil_event_parse_tracks(GST_PAD_PROBE_INFO_EVENT(info), &n_tracks, &n_resting);
    return GST_PAD_PROBE_OK;
}

/* Before each keyframe but the first the decoder is told to rest. */
static GstPadProbeReturn
on_frame(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    Rest *self = user_data;
    GstQuery *query, *latency;
    GstElement *bin;

    if (self->n++ % GROUP != 0 || self->n == 1)
        return GST_PAD_PROBE_OK;
    ck_assert(gst_pad_send_event(pad, gst_video_event_new_still_frame(TRUE)));
    ck_assert(gst_pad_send_event(pad, gst_vigil_event_new_rest()));
    bin = GST_PAD_PARENT(self->in);
    self->n_elements += (guint)GST_BIN_NUMCHILDREN(bin);
    query = gst_vigil_query_new_probe(0, NULL, 0);
    gst_pad_query(self->in, query);
    gst_query_unref(query);
    gst_pad_push_event(self->out, gst_vigil_event_new_tracks(1, 0));
    latency = gst_query_new_latency();
    ck_assert(gst_pad_peer_query(self->out, latency));
    gst_query_unref(latency);
    if (self->also)
        ck_assert(gst_pad_send_event(pad, gst_event_ref(self->also)));
    if (self->pause)
        ck_assert_int_eq(gst_element_set_state(bin, GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS);
    return GST_PAD_PROBE_OK;
}

static void
play_with_rests(Run *run, Rest *self, GstEvent *also)
{
    self->also = also;
    self->in = gst_element_get_static_pad(run->bin, "sink");
    self->out = gst_element_get_static_pad(run->sink, "sink");
    gst_pad_add_probe(self->in, GST_PAD_PROBE_TYPE_BUFFER, on_frame, self, NULL);
    gst_pad_add_probe(self->in, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_word, self, NULL);
    gst_pad_add_probe(self->out, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PUSH,
                      on_question, self, NULL);
    play(run);
    gst_object_unref(self->in);
    gst_object_unref(self->out);
    gst_clear_event(&self->also);
    ck_assert_msg(!run->error, "%s", run->error);
    ck_assert_uint_eq(self->n_asked, FRAMES / GROUP - 1);
    ck_assert_uint_eq(self->n_told, FRAMES / GROUP - 1);
}

/* It goes, and comes back for the next frame: no picture is lost, and it is no news. */
START_TEST(test_rest)
{
    Rest rest = {0};
    Run run;

    build(&run, &both[1], 1, NULL, FRAMES, GROUP);
    play_with_rests(&run, &rest, NULL);
    ck_assert_uint_eq(rest.n_elements, 0);
    ck_assert_uint_eq(run.n_messages, 1);
    ck_assert_uint_eq(run.n_starts, 1);
    check_times(&run, FRAMES);
    clear(&run);
}
END_TEST

/* What was under way when the pipeline is paused finds a decoder: a thread that were told to stop would not begin again. */
START_TEST(test_pause_at_rest)
{
    Rest rest = {.pause = TRUE};
    Run run;

    build(&run, &both[1], 1, NULL, FRAMES, GROUP);
    play_with_rests(&run, &rest, NULL);
    check_times(&run, FRAMES);
    clear(&run);
}
END_TEST

/* What has its place among the pictures comes through, too, and a tag of the stream does not wake it. */
START_TEST(test_events_at_rest)
{
    Rest rest = {0};
    Run run;

    build(&run, &both[1], 1, NULL, FRAMES, GROUP);
    play_with_rests(&run, &rest, gst_event_new_tag(gst_tag_list_new_empty()));
    check_times(&run, FRAMES);
    clear(&run);
    rest = (Rest){0};
    build(&run, &both[1], 1, NULL, FRAMES, GROUP);
    play_with_rests(&run, &rest, gst_event_new_gap(0, GST_CLOCK_TIME_NONE));
    check_times(&run, FRAMES);
    clear(&run);
}
END_TEST

/* Who knows who would have the device then. */
START_TEST(test_hardware_does_not_rest)
{
    Rest rest = {0};
    Run run;

    fake_decoder_set_fault(FAKE_DECODER_WORKS);
    build(&run, both, 2, NULL, FRAMES, GROUP);
    play_with_rests(&run, &rest, NULL);
    ck_assert_uint_eq(rest.n_elements, FRAMES / GROUP - 1);
    ck_assert_uint_eq(fake_decoder_get_opened(), 1);
    check_times(&run, FRAMES);
    clear(&run);
}
END_TEST

static GstPadProbeReturn
rest_before_end(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) != GST_EVENT_EOS)
        return GST_PAD_PROBE_OK;
    ck_assert(gst_pad_send_event(pad, gst_video_event_new_still_frame(TRUE)));
    ck_assert(gst_pad_send_event(pad, gst_vigil_event_new_rest()));
    ck_assert_int_eq(GST_BIN_NUMCHILDREN(GST_PAD_PARENT(pad)), 0);
    return GST_PAD_PROBE_OK;
}

/* And once more from the begin. */
START_TEST(test_end_at_rest)
{
    GstPad *pad;
    Run run;

    build(&run, &both[1], 1, NULL, FRAMES, GROUP);
    pad = gst_element_get_static_pad(run.bin, "sink");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, rest_before_end, NULL, NULL);
    for (guint i = 0; i < 2; i++) {
        play(&run);
        ck_assert(run.eos && !run.error);
        check_times(&run, FRAMES);
        g_array_set_size(run.times, 0);
        run.eos = FALSE;
    }
    gst_object_unref(pad);
    clear(&run);
}
END_TEST

int
main(int argc, char **argv)
{
    Suite *suite = suite_create("decoder");
    TCase *tcase = tcase_create("decoder");
    SRunner *runner = srunner_create(suite);

    gst_init(&argc, &argv);
    fake_decoder_register(NULL);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_choice);
    tcase_add_test(tcase, test_failures);
    tcase_add_test(tcase, test_one_that_works);
    tcase_add_loop_test(tcase, test_one_that_breaks, 0, G_N_ELEMENTS(faults));
    tcase_add_test(tcase, test_times_that_go_back);
    tcase_add_test(tcase, test_one_that_breaks_at_the_end);
    tcase_add_test(tcase, test_two_that_break);
    tcase_add_test(tcase, test_long_group);
    tcase_add_test(tcase, test_all_break);
    tcase_add_test(tcase, test_rest);
    tcase_add_test(tcase, test_pause_at_rest);
    tcase_add_test(tcase, test_events_at_rest);
    tcase_add_test(tcase, test_hardware_does_not_rest);
    tcase_add_test(tcase, test_end_at_rest);
    suite_add_tcase(suite, tcase);
    /* a fork would lose GLib's threads */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
