/* SPDX-License-Identifier: Apache-2.0 */
/* The source against a camera on the network that dies, hangs, changes and does not want us. */
#include <gio/gio.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "tests/plugins/plugin-test.h"
#include "tests/support/vigil-rtsp-camera.h"

/* What the element itself reports is held against what is asked of it; this is only for a test that hangs. */
#define OUTER_S 60
#define NOTICED_NS (5 * GST_SECOND)
#define BACK_US (10 * G_USEC_PER_SEC)
#define SMALL VIGIL_RTSP_PICTURES(160, 120)

static VigilRtspCamera camera;
static GstElement *pipeline, *source;
static GstBus *bus;
static GString *said; /* all that was on the bus */
static gint n_frames, n_disconts, n_backwards, n_with_camera_time;
static GstClockTime last_pts;

static GstPadProbeReturn
on_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);

    if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT))
        g_atomic_int_inc(&n_disconts);
    if (n_frames && GST_BUFFER_PTS(buffer) <= last_pts)
        g_atomic_int_inc(&n_backwards);
    last_pts = GST_BUFFER_PTS(buffer);
    if (gst_buffer_get_reference_timestamp_meta(buffer, NULL))
        g_atomic_int_inc(&n_with_camera_time);
    g_atomic_int_inc(&n_frames);
    return GST_PAD_PROBE_OK;
}

static void
setup(void)
{
    g_autoptr(GstElement) sink = NULL;
    g_autoptr(GstPad) pad = NULL;
    g_autofree gchar *url = NULL;

    camera = (VigilRtspCamera){.port = vigil_rtsp_camera_free_port()};
    n_frames = n_disconts = n_backwards = n_with_camera_time = 0;
    said = g_string_new(NULL);
    pipeline = gst_parse_launch("vigilrtspsrc name=source ! fakesink name=sink", NULL);
    source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
    sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    pad = gst_element_get_static_pad(sink, "sink");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, NULL, NULL);
    bus = gst_element_get_bus(pipeline);
    url = g_strdup_printf("rtsp://127.0.0.1:%u/live", camera.port);
    g_object_set(source, "location", url, NULL);
    gst_util_set_object_arg(G_OBJECT(source), "transport", "tcp");
}

static void
teardown(void)
{
    gst_object_unref(source);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
    vigil_rtsp_camera_kill(&camera);
    g_string_free(said, TRUE);
}

static void
play(void)
{
    fail_if(gst_element_set_state(pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE);
}

/* At the end of each test: GStreamer's check waits for all tasks before it takes down what was set up. */
static void
stop(void)
{
    gst_element_set_state(pipeline, GST_STATE_NULL);
}

/* Until the element says that it is in this state; its message. Anything that ends a pipeline is a failure. */
static GstMessage *
await(const gchar *state)
{
    const gint64 deadline_us = g_get_monotonic_time() + OUTER_S * G_USEC_PER_SEC;

    while (g_get_monotonic_time() < deadline_us) {
        GstMessage *message = gst_bus_timed_pop(bus, 100 * GST_MSECOND);
        const GstStructure *s = message ? gst_message_get_structure(message) : NULL;
        g_autofree gchar *text = s ? gst_structure_to_string(s) : NULL;

        if (text)
            g_string_append_printf(said, "%s\n", text);
        fail_if(message && (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR ||
                            GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS),
                "%s", said->str);
        if (s && gst_structure_has_name(s, "vigilrtspsrc-state") &&
            g_str_equal(gst_structure_get_string(s, "state"), state))
            return message;
        g_clear_pointer(&message, gst_message_unref);
    }
    g_critical("it is not %s after %d s; %s", state, OUTER_S, said->str);
    return NULL;
}

static void
await_streaming(void)
{
    const gint64 begin_us = g_get_monotonic_time();
    g_autoptr(GstMessage) message = await("streaming");

    g_print("streaming after %.1f s: %s\n", (gdouble)(g_get_monotonic_time() - begin_us) / 1e6,
            gst_structure_get_string(gst_message_get_structure(message), "format"));
    fail_unless(g_get_monotonic_time() - begin_us <= 2 * BACK_US);
}

/* @part: of the reason. Returns: ns since the latest frame */
static guint64
await_loss(const gchar *part)
{
    g_autoptr(GstMessage) message = await("waiting");
    const GstStructure *s = gst_message_get_structure(message);
    guint64 silence_ns = 0;

    gst_structure_get_uint64(s, "silence", &silence_ns);
    fail_unless(strstr(gst_structure_get_string(s, "reason"), part) != NULL, "%s", said->str);
    g_print("noticed %.2f s after the latest frame: %s\n", (gdouble)silence_ns / 1e9,
            gst_structure_get_string(s, "reason"));
    return silence_ns;
}

static guint64
get_count(const gchar *name)
{
    g_autoptr(GstStructure) stats = NULL;
    guint64 count = G_MAXUINT64;

    g_object_get(source, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint64(stats, name, &count), "%s", name);
    return count;
}

static void
await_frames(gint n)
{
    const gint64 deadline_us = g_get_monotonic_time() + OUTER_S * G_USEC_PER_SEC;
    const gint before = g_atomic_int_get(&n_frames);

    while (g_atomic_int_get(&n_frames) < before + n) {
        fail_unless(g_get_monotonic_time() < deadline_us, "no %d frames", n);
        g_usleep(10000);
    }
}

/* --- servers --------------------------------------------------------------------------------- */

GST_START_TEST(test_killed)
{
    vigil_rtsp_camera_start(&camera, "live=" SMALL, NULL);
    play();
    await_streaming();
    await_frames(25);
    fail_unless_equals_int(n_disconts, 1); /* that every stream begins with */
    vigil_rtsp_camera_kill(&camera);
    fail_unless(await_loss("") <= NOTICED_NS);
    vigil_rtsp_camera_start(&camera, "live=" SMALL, NULL);
    await_streaming();
    await_frames(25);
    fail_unless_equals_int(n_disconts, 2);
    fail_unless_equals_int(n_backwards, 0);
    fail_unless_equals_uint64(get_count("drop-outs"), 1);
    stop();
}
GST_END_TEST;

GST_START_TEST(test_frozen_in_mid_stream)
{
    guint64 silence_ns;

    vigil_rtsp_camera_start(&camera, "live=" SMALL, NULL);
    play();
    await_streaming();
    await_frames(25);
    vigil_rtsp_camera_freeze(&camera);
    silence_ns = await_loss("no frame for 4 s");
    fail_unless(silence_ns >= 4 * GST_SECOND && silence_ns <= NOTICED_NS);
    /* one more that hangs where it connects */
    while (get_count("attempts") < 3)
        g_usleep(10000);
    vigil_rtsp_camera_thaw(&camera);
    await_streaming();
    fail_unless_equals_int(n_backwards, 0);
    stop();
}
GST_END_TEST;

GST_START_TEST(test_frozen_at_connect)
{
    const gint64 begin_us = g_get_monotonic_time();

    vigil_rtsp_camera_start(&camera, "live=" SMALL, NULL);
    vigil_rtsp_camera_freeze(&camera);
    play();
    await_loss("no frame for 4 s");
    g_print("noticed after %.1f s\n", (gdouble)(g_get_monotonic_time() - begin_us) / 1e6);
    vigil_rtsp_camera_thaw(&camera);
    await_streaming();
    stop();
}
GST_END_TEST;

/* Answers OPTIONS, and nothing after it. */
static gpointer
answer_options(gpointer user_data)
{
    g_autoptr(GSocketConnection) connection = g_socket_listener_accept(user_data, NULL, NULL, NULL);
    GInputStream *input = g_io_stream_get_input_stream(G_IO_STREAM(connection));
    GOutputStream *output = g_io_stream_get_output_stream(G_IO_STREAM(connection));
    static const gchar answer[] =
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY\r\n\r\n";
    gchar buffer[4096];

    g_input_stream_read(input, buffer, sizeof buffer, NULL, NULL);
    g_output_stream_write_all(output, answer, sizeof answer - 1, NULL, NULL, NULL);
    while (g_input_stream_read(input, buffer, sizeof buffer, NULL, NULL) > 0)
        ;
    return NULL;
}

GST_START_TEST(test_frozen_at_describe)
{
    GSocketListener *listener = g_socket_listener_new();
    const gint64 begin_us = g_get_monotonic_time();
    GThread *thread;

    g_socket_listener_add_inet_port(listener, (guint16)camera.port, NULL, NULL);
    thread = g_thread_new("describe", answer_options, listener);
    play();
    await_loss("no frame for 4 s");
    g_print("noticed after %.1f s\n", (gdouble)(g_get_monotonic_time() - begin_us) / 1e6);
    g_thread_join(thread); /* the connection was closed */
    g_socket_listener_close(listener);
    g_object_unref(listener);
    vigil_rtsp_camera_start(&camera, "live=" SMALL, NULL);
    await_streaming();
    stop();
}
GST_END_TEST;

GST_START_TEST(test_end_is_a_loss)
{
    vigil_rtsp_camera_start(
        &camera,
        "live=( videotestsrc num-buffers=60 ! video/x-raw,width=160,height=120,framerate=25/1 ! "
        "x264enc tune=zerolatency key-int-max=25 ! rtph264pay name=pay0 pt=96 )",
        NULL);
    play();
    await_streaming();
    await_loss("the stream ended");
    await_streaming();
    fail_unless_equals_int(n_backwards, 0);
    stop();
}
GST_END_TEST;

static void
check_caps(const gchar *wanted)
{
    g_autoptr(GstPad) pad = gst_element_get_static_pad(source, "src");
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    g_autoptr(GstCaps) other = gst_caps_from_string(wanted);

    fail_unless(gst_caps_can_intersect(caps, other), "%" GST_PTR_FORMAT, caps);
}

GST_START_TEST(test_other_size_and_codec)
{
    static const gchar *const mounts[] = {"live=" SMALL, "live=" VIGIL_RTSP_PICTURES(320, 240),
                                          "live=" VIGIL_RTSP_PICTURES_H265(160, 120)};
    static const gchar *const caps[] = {"video/x-h264,width=160,height=120",
                                        "video/x-h264,width=320,height=240",
                                        "video/x-h265,width=160,height=120"};

    for (guint i = 0; i < G_N_ELEMENTS(mounts); i++) {
        vigil_rtsp_camera_start(&camera, mounts[i], NULL);
        if (i == 0)
            play();
        await_streaming();
        await_frames(10);
        check_caps(caps[i]);
        vigil_rtsp_camera_kill(&camera);
        await_loss("");
    }
    fail_unless_equals_int(n_backwards, 0);
    stop();
}
GST_END_TEST;

/* A stall that the connection outlives: what comes then is old. */
GST_START_TEST(test_stale_burst)
{
    guint64 frames;

    g_object_set(source, "timeout", 20 * GST_SECOND, "max-age", GST_SECOND, NULL);
    vigil_rtsp_camera_start(
        &camera,
        "live=( videotestsrc ! video/x-raw,width=160,height=120,framerate=25/1 "
        "! x264enc tune=zerolatency key-int-max=10 ! rtph264pay name=pay0 pt=96 )",
        NULL);
    play();
    await_streaming();
    await_frames(50);
    fail_unless_equals_uint64(get_count("stale"), 0);
    vigil_rtsp_camera_freeze(&camera);
    g_usleep(4 * G_USEC_PER_SEC);
    frames = get_count("frames");
    vigil_rtsp_camera_thaw(&camera);
    await_frames(50);
    g_print("%" G_GUINT64_FORMAT " stale, %" G_GUINT64_FORMAT " before a keyframe\n",
            get_count("stale"), get_count("before-key"));
    fail_unless(get_count("stale") >= 30 && get_count("stale") <= 150);
    fail_unless(get_count("frames") >= frames + 50);
    fail_unless_equals_uint64(get_count("drop-outs"), 0);
    fail_unless(n_disconts >= 2);
    fail_unless_equals_int(n_backwards, 0);
    stop();
}
GST_END_TEST;

/* The one link of this thread's network. */
static gboolean
set_link(gboolean up)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = up ? IFF_UP | IFF_RUNNING : 0};
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const gboolean ok = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;

    close(fd);
    return ok;
}

/* In a network of the test's own, which threads and the camera that come later have, too. By TCP and by UDP. */
GST_START_TEST(test_link_down)
{
    static const gchar *const transports[] = {"tcp", "udp"};
    gint64 begin_us;

    if (unshare(CLONE_NEWNET) != 0 || !set_link(TRUE)) {
        g_print("skipped: no network of its own: %s\n", g_strerror(errno));
        return;
    }
    gst_util_set_object_arg(G_OBJECT(source), "transport", transports[__i__]);
    vigil_rtsp_camera_start(&camera, "live=" SMALL, NULL);
    play();
    await_streaming();
    await_frames(25);
    begin_us = g_get_monotonic_time();
    fail_unless(set_link(FALSE));
    fail_unless(await_loss("") <= NOTICED_NS);
    while (g_get_monotonic_time() - begin_us < 6 * G_USEC_PER_SEC)
        g_usleep(10000);
    fail_unless(set_link(TRUE));
    begin_us = g_get_monotonic_time();
    await_streaming();
    g_print("back %.1f s after the link\n", (gdouble)(g_get_monotonic_time() - begin_us) / 1e6);
    await_frames(25);
    fail_unless_equals_int(n_backwards, 0);
    stop();
}
GST_END_TEST;

GST_START_TEST(test_no_video)
{
    GstMessage *message;
    g_autoptr(GError) error = NULL;

    vigil_rtsp_camera_start(
        &camera, "live=( audiotestsrc is-live=true ! mulawenc ! rtppcmupay name=pay0 )", NULL);
    play();
    message = gst_bus_timed_pop_filtered(bus, OUTER_S * GST_SECOND, GST_MESSAGE_ERROR);
    fail_unless(message != NULL);
    gst_message_parse_error(message, &error, NULL);
    fail_unless(g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE));
    fail_unless(strstr(error->message, "only: PCMU") != NULL, "%s", error->message);
    gst_message_unref(message);
    stop();
}
GST_END_TEST;

GST_START_TEST(test_udp)
{
    gst_util_set_object_arg(G_OBJECT(source), "transport", "udp");
    vigil_rtsp_camera_start(&camera, "live=" SMALL, NULL);
    play();
    await_streaming();
    await_frames(50);
    vigil_rtsp_camera_freeze(&camera);
    fail_unless(await_loss("no frame for 4 s") <= NOTICED_NS);
    vigil_rtsp_camera_thaw(&camera);
    await_streaming();
    await_frames(25);
    stop();
}
GST_END_TEST;

static GstPadProbeReturn
count_picture(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    g_atomic_int_inc((gint *)user_data);
    return GST_PAD_PROBE_OK;
}

/* Puts a decoder behind the source. */
static void
add_decoder(gint *n_pictures)
{
    GstElement *parser = gst_element_factory_make("h264parse", NULL);
    GstElement *decoder = gst_element_factory_make("avdec_h264", NULL);
    g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    g_autoptr(GstPad) pad = gst_element_get_static_pad(decoder, "src");

    gst_bin_add_many(GST_BIN(pipeline), parser, decoder, NULL);
    gst_element_unlink(source, sink);
    fail_unless(gst_element_link_many(source, parser, decoder, sink, NULL));
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, count_picture, n_pictures, NULL);
}

/* One packet of ten is lost by UDP, all the time: frames are broken; who asked for UDP has it, and keeps the connection. */
GST_START_TEST(test_lossy_udp)
{
    const gint64 begin_us = g_get_monotonic_time();
    gint n_pictures = 0, before;
    guint64 lost, packets;

    add_decoder(&n_pictures);
    gst_util_set_object_arg(G_OBJECT(source), "transport", "udp");
    vigil_rtsp_camera_start(&camera, "--loss=100", "live=" VIGIL_RTSP_PICTURES(640, 360), NULL);
    play();
    await_streaming();
    /* longer than it takes `auto` to have enough of it */
    for (guint i = 0; i < 8; i++) {
        before = g_atomic_int_get(&n_pictures);
        await_frames(50);
        fail_unless(g_atomic_int_get(&n_pictures) > before);
    }
    packets = get_count("packets");
    lost = get_count("lost-packets");
    g_print("%" G_GUINT64_FORMAT " packets came, %" G_GUINT64_FORMAT
            " were lost; %d frames, %d pictures in %.0f s\n",
            packets, lost, g_atomic_int_get(&n_frames), g_atomic_int_get(&n_pictures),
            (gdouble)(g_get_monotonic_time() - begin_us) / 1e6);
    /* a busy machine loses more */
    fail_unless(lost * 20 >= packets + lost && lost * 2 <= packets + lost);
    fail_unless_equals_uint64(get_count("drop-outs"), 0);
    fail_unless_equals_uint64(get_count("attempts"), 1);
    fail_unless_equals_int(n_backwards, 0);
    stop();
}
GST_END_TEST;

/* --- a transport that is chosen ---------------------------------------------------------------- */

static void
check_transport(const gchar *wanted)
{
    g_autoptr(GstStructure) stats = NULL;

    g_object_get(source, "stats", &stats, NULL);
    assert_equals_string(gst_structure_get_string(stats, "transport"), wanted);
}

/* A camera that hangs while it is asked to send by TCP is asked to send by UDP next. */
static void
play_auto_by_udp(const gchar *loss)
{
    gst_util_set_object_arg(G_OBJECT(source), "transport", "auto");
    vigil_rtsp_camera_start(&camera, "--udp-only", loss, "live=" VIGIL_RTSP_PICTURES(640, 360),
                            NULL);
    vigil_rtsp_camera_freeze(&camera);
    play();
    await_loss("no frame for 4 s");
    vigil_rtsp_camera_thaw(&camera);
}

/* What it has learnt outlives the element: the next one, which a camera that is built anew has, begins where this one ended. */
GST_START_TEST(test_lossy_udp_is_left_for_tcp)
{
    g_autoptr(GstStructure) stats = NULL;
    guint permille = 0;

    play_auto_by_udp("--loss=100");
    await_streaming();
    check_transport("udp");
    await_loss("of its packets by UDP were lost");
    await_streaming();
    check_transport("tcp");
    g_object_get(source, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint(stats, "udp-lost-permille", &permille));
    fail_unless(permille >= 50 && permille <= 500, "%u", permille);
    await_frames(50);
    fail_unless_equals_uint64(get_count("attempts"), 3);
    fail_unless_equals_uint64(get_count("drop-outs"), 1);
    fail_unless_equals_int(n_backwards, 0);
    /* it works, so that a camera that hangs once more is not asked for the other */
    vigil_rtsp_camera_freeze(&camera);
    while (get_count("attempts") < 5)
        g_usleep(10000);
    vigil_rtsp_camera_thaw(&camera);
    await_streaming();
    check_transport("tcp");
    gst_element_set_state(pipeline, GST_STATE_NULL);
    vigil_rtsp_camera_freeze(&camera);
    play();
    while (get_count("attempts") < 2)
        g_usleep(10000);
    check_transport("tcp");
    stop();
}
GST_END_TEST;

GST_START_TEST(test_udp_that_works_stays)
{
    const gint64 begin_us = g_get_monotonic_time();

    play_auto_by_udp("--loss=0");
    await_streaming();
    while (g_get_monotonic_time() - begin_us < 20 * G_USEC_PER_SEC)
        g_usleep(100000);
    check_transport("udp");
    fail_unless_equals_uint64(get_count("attempts"), 2);
    /* what works is where the next one begins */
    gst_element_set_state(pipeline, GST_STATE_NULL);
    play();
    await_streaming();
    check_transport("udp");
    fail_unless_equals_uint64(get_count("attempts"), 1);
    stop();
}
GST_END_TEST;

/* Somebody in between lets no UDP through. */
GST_START_TEST(test_udp_without_a_packet)
{
    play_auto_by_udp("--loss=1000");
    while (get_count("attempts") < 2)
        g_usleep(10000);
    check_transport("udp");
    await_streaming();
    check_transport("tcp");
    fail_unless_equals_uint64(get_count("attempts"), 3);
    stop();
}
GST_END_TEST;

/* RTCP comes within some seconds. */
GST_START_TEST(test_camera_clock)
{
    const gint64 deadline_us = g_get_monotonic_time() + OUTER_S * G_USEC_PER_SEC;

    vigil_rtsp_camera_start(&camera, "live=" SMALL, NULL);
    play();
    while (g_atomic_int_get(&n_with_camera_time) < 10) {
        fail_unless(g_get_monotonic_time() < deadline_us);
        g_usleep(10000);
    }
    stop();
}
GST_END_TEST;

/* --- logins ---------------------------------------------------------------------------------- */

static void
check_secret(const gchar *secret)
{
    g_autofree gchar *location = NULL;
    g_autoptr(GstStructure) stats = NULL;
    g_autofree gchar *text = NULL;

    g_object_get(source, "location", &location, "stats", &stats, NULL);
    text = gst_structure_to_string(stats);
    fail_if(strstr(location, secret) || strstr(text, secret));
    fail_if(strstr(said->str, secret) != NULL, "%s", said->str);
}

GST_START_TEST(test_wrong_then_right_password)
{
    g_autofree gchar *path = test_write_file("user:Falsch-99y\n");
    gint64 begin_us;

    vigil_rtsp_camera_start(&camera, "--login=user:Geheim-77x", "live=" SMALL, NULL);
    g_object_set(source, "credentials", path, NULL);
    play();
    await_loss("nauthorized");
    check_secret("Falsch-99y");
    g_file_set_contents(path, "user:Geheim-77x\n", -1, NULL);
    begin_us = g_get_monotonic_time();
    await_streaming();
    fail_unless(g_get_monotonic_time() - begin_us <= BACK_US);
    check_secret("Geheim-77x");
    g_unlink(path);
    stop();
}
GST_END_TEST;

GST_START_TEST(test_login_in_location)
{
    g_autofree gchar *url =
        g_strdup_printf("rtsp://user:Geheim%%2D77x@127.0.0.1:%u/live", camera.port);

    vigil_rtsp_camera_start(&camera, "--login=user:Geheim-77x", "live=" SMALL, NULL);
    g_object_set(source, "location", url, NULL);
    play();
    await_streaming();
    check_secret("77x");
    stop();
}
GST_END_TEST;

static gchar *
make_certificate(void)
{
    g_autofree gchar *path = test_write_file("");
    const gchar *argv[] = {"openssl",  "req",    "-x509",   "-newkey",
                           "rsa:2048", "-nodes", "-keyout", path,
                           "-out",     path,     "-days",   "30",
                           "-subj",    "/CN=c",  "-addext", "subjectAltName=IP:127.0.0.1",
                           NULL};
    g_autoptr(GSubprocess) process =
        g_subprocess_newv(argv, G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL);

    if (process && g_subprocess_wait_check(process, NULL, NULL))
        return g_steal_pointer(&path);
    g_print("skipped: openssl makes no certificate here\n");
    return NULL;
}

GST_START_TEST(test_rtsps)
{
    g_autofree gchar *certificate = make_certificate();
    g_autofree gchar *option = g_strdup_printf("--certificate=%s", certificate);
    g_autofree gchar *url = g_strdup_printf("rtsps://127.0.0.1:%u/live", camera.port);

    if (!certificate || !g_tls_backend_supports_tls(g_tls_backend_get_default()))
        return;
    vigil_rtsp_camera_start(&camera, option, "live=" SMALL, NULL);
    g_object_set(source, "location", url, NULL);
    play();
    await_loss("");
    gst_element_set_state(pipeline, GST_STATE_NULL);
    g_object_set(source, "tls-ca", certificate, NULL);
    play();
    await_streaming();
    gst_element_set_state(pipeline, GST_STATE_NULL);
    g_object_set(source, "tls-ca", NULL, "tls-verify", FALSE, NULL);
    play();
    await_streaming();
    g_unlink(certificate);
    stop();
}
GST_END_TEST;

GST_START_TEST(test_bad_location)
{
    g_object_set(source, "location", "http://u:geheim@h/", NULL);
    fail_unless(gst_element_set_state(pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE);
    stop();
}
GST_END_TEST;

/* --- what stays behind ----------------------------------------------------------------------- */

static guint
count_entries(const gchar *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    guint n = 0;

    while (g_dir_read_name(dir))
        n++;
    g_dir_close(dir);
    return n;
}

/* Threads of before end a little later. */
static guint
settle(const gchar *path, guint most)
{
    guint n = count_entries(path);

    for (guint i = 0; i < 500 && n > most; i++) {
        g_usleep(10000);
        n = count_entries(path);
    }
    return n;
}

/* $VIGIL_RTSP_CYCLES for more. */
/* What was learnt of the camera of before is not that of one that there is not. */
GST_START_TEST(test_bad_location_after_a_good_one)
{
    gst_util_set_object_arg(G_OBJECT(source), "transport", "auto");
    vigil_rtsp_camera_start(&camera, "live=" SMALL, NULL);
    play();
    await_streaming();
    gst_element_set_state(pipeline, GST_STATE_NULL);
    g_object_set(source, "location", "nonsense", NULL);
    fail_unless_equals_int(gst_element_set_state(pipeline, GST_STATE_PLAYING),
                           GST_STATE_CHANGE_FAILURE);
    stop();
}
GST_END_TEST;

GST_START_TEST(test_cycles_leave_nothing)
{
    const gchar *text = g_getenv("VIGIL_RTSP_CYCLES");
    const guint n = text ? (guint)g_ascii_strtoull(text, NULL, 10) : 12;
    guint descriptors = 0, threads = 0;

    g_object_set(source, "max-pause", 100 * GST_MSECOND, NULL);
    for (guint i = 0; i < n; i++) {
        vigil_rtsp_camera_start(&camera, "live=" SMALL, NULL);
        if (i == 0)
            play();
        gst_message_unref(await("streaming"));
        if (i == 1) { /* what is made once is made by now */
            descriptors = count_entries("/proc/self/fd");
            threads = count_entries("/proc/self/task");
        }
        if (i == n - 1)
            break;
        vigil_rtsp_camera_kill(&camera);
        gst_message_unref(await("waiting"));
    }
    g_print("%u cycles: %u descriptors, %u threads\n", n, settle("/proc/self/fd", descriptors),
            settle("/proc/self/task", threads));
    fail_unless(settle("/proc/self/fd", descriptors) <= descriptors);
    fail_unless(settle("/proc/self/task", threads) <= threads);
    fail_unless_equals_uint64(get_count("drop-outs"), n - 1);
    stop();
}
GST_END_TEST;

/* Whatever it is doing, it stops at once. */
GST_START_TEST(test_stops_while_it_hangs)
{
    gint64 begin_us;

    vigil_rtsp_camera_start(&camera, "live=" SMALL, NULL);
    vigil_rtsp_camera_freeze(&camera);
    for (guint i = 0; i < 5; i++) {
        play();
        g_usleep(i * 400000);
        begin_us = g_get_monotonic_time();
        gst_element_set_state(pipeline, GST_STATE_NULL);
        fail_unless(g_get_monotonic_time() - begin_us < 3 * G_USEC_PER_SEC);
    }
    stop();
}
GST_END_TEST;

static Suite *
vigilrtspsrc_suite(void)
{
    Suite *suite = suite_create("vigilrtspsrc");
    TCase *tcase = tcase_create("vigilrtspsrc");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_killed);
    tcase_add_test(tcase, test_frozen_in_mid_stream);
    tcase_add_test(tcase, test_frozen_at_connect);
    tcase_add_test(tcase, test_frozen_at_describe);
    tcase_add_test(tcase, test_end_is_a_loss);
    tcase_add_test(tcase, test_other_size_and_codec);
    tcase_add_test(tcase, test_stale_burst);
    tcase_add_loop_test(tcase, test_link_down, 0, 2);
    tcase_add_test(tcase, test_no_video);
    tcase_add_test(tcase, test_udp);
    tcase_add_test(tcase, test_lossy_udp);
    tcase_add_test(tcase, test_lossy_udp_is_left_for_tcp);
    tcase_add_test(tcase, test_udp_that_works_stays);
    tcase_add_test(tcase, test_udp_without_a_packet);
    tcase_add_test(tcase, test_camera_clock);
    tcase_add_test(tcase, test_wrong_then_right_password);
    tcase_add_test(tcase, test_login_in_location);
    tcase_add_test(tcase, test_rtsps);
    tcase_add_test(tcase, test_bad_location);
    tcase_add_test(tcase, test_bad_location_after_a_good_one);
    tcase_add_test(tcase, test_cycles_leave_nothing);
    tcase_add_test(tcase, test_stops_while_it_hangs);
    suite_add_tcase(suite, tcase);
    return suite;
}

GST_CHECK_MAIN(vigilrtspsrc)
