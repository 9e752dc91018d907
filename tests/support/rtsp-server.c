/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A camera. rtsp-server PORT FILE [USER PASSWORD]: gives an MP4 file at rtsp://127.0.0.1:PORT/live in real time.
 * rtsp-server --port=PORT [OPTION…] MOUNT=LAUNCH…: gives what the launch lines make at rtsp://ADDRESS:PORT/MOUNT.
 */
#include <gst/rtsp-server/rtsp-server.h>
#include <string.h>

#define MARK_PERIOD_US 2000000
#define WHITE 235
#define BLACK 16

/* The same packets each time. */
#define LOSS_SEED 20240229

static gchar *port, *address, *login, *certificate;
static gint loss;
static gboolean udp_only;

static const GOptionEntry entries[] = {
    {"port", 0, 0, G_OPTION_ARG_STRING, &port, "TCP port", "PORT"},
    {"address", 0, 0, G_OPTION_ARG_STRING, &address, "to listen at", "ADDRESS"},
    {"login", 0, 0, G_OPTION_ARG_STRING, &login, "that is asked for", "USER:PASSWORD"},
    {"certificate", 0, 0, G_OPTION_ARG_STRING, &certificate, "with its key: rtsps", "PEM"},
    {"loss", 0, 0, G_OPTION_ARG_INT, &loss, "of so many of 1000 packets", "N"},
    {"udp-only", 0, 0, G_OPTION_ARG_NONE, &udp_only, "what comes by TCP is whole", NULL},
    {NULL},
};

static void
require_login(GstRTSPAuth *auth)
{
    g_auto(GStrv) pair = g_strsplit(login, ":", 2);
    GstRTSPToken *token =
        gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, "viewer", NULL);
    g_autofree gchar *basic = gst_rtsp_auth_make_basic(pair[0], pair[1]);

    gst_rtsp_auth_add_basic(auth, basic, token);
    gst_rtsp_token_unref(token);
}

static void
open_to(GstRTSPMediaFactory *factory, const gchar *role)
{
    gst_rtsp_media_factory_add_role(factory, role, GST_RTSP_PERM_MEDIA_FACTORY_ACCESS,
                                    G_TYPE_BOOLEAN, TRUE, GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT,
                                    G_TYPE_BOOLEAN, TRUE, NULL);
}

static void
set_auth(GstRTSPServer *server)
{
    g_autoptr(GstRTSPAuth) auth = gst_rtsp_auth_new();
    g_autoptr(GTlsCertificate) tls =
        certificate ? g_tls_certificate_new_from_file(certificate, NULL) : NULL;

    if (login) {
        require_login(auth);
    } else {
        GstRTSPToken *token =
            gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, "viewer", NULL);

        gst_rtsp_auth_set_default_token(auth, token);
        gst_rtsp_token_unref(token);
    }
    if (tls)
        gst_rtsp_auth_set_tls_certificate(auth, tls);
    gst_rtsp_server_set_auth(server, auth);
}

/* Pictures that come through an element `mark` are white in the first half of every other second by the wall clock. */
static GstPadProbeReturn
mark_picture(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    const gboolean white = g_get_real_time() % MARK_PERIOD_US < MARK_PERIOD_US / 2;

    gst_buffer_memset(buffer, 0, white ? WHITE : BLACK, gst_buffer_get_size(buffer) * 2 / 3);
    gst_buffer_memset(buffer, gst_buffer_get_size(buffer) * 2 / 3, 128, G_MAXSIZE);
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    return GST_PAD_PROBE_OK;
}

/* Sound that comes through an element `beep` is heard while pictures are white, and silent otherwise. */
static GstPadProbeReturn
mark_sound(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    const gboolean loud = g_get_real_time() % MARK_PERIOD_US < MARK_PERIOD_US / 2;

    if (!loud)
        gst_buffer_memset(buffer, 0, 0, G_MAXSIZE);
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    return GST_PAD_PROBE_OK;
}

static gboolean
lose_listed(GstBuffer **buffer, guint index, gpointer user_data)
{
    if (g_rand_int_range(user_data, 0, 1000) < loss)
        gst_clear_buffer(buffer);
    return TRUE;
}

static GstPadProbeReturn
lose_packets(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    GstBufferList *list;

    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER)
        return g_rand_int_range(user_data, 0, 1000) < loss ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
    list = gst_buffer_list_make_writable(GST_PAD_PROBE_INFO_BUFFER_LIST(info));
    gst_buffer_list_foreach(list, lose_listed, user_data);
    GST_PAD_PROBE_INFO_DATA(info) = list;
    return gst_buffer_list_length(list) ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

static void
add_loss(GstElement *element, const gchar *name)
{
    g_autoptr(GstPad) pad = gst_element_get_static_pad(element, name);

    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, lose_packets,
                      g_rand_new_with_seed(LOSS_SEED), (GDestroyNotify)g_rand_free);
}

static void
on_udp_sink(GstBin *bin, GstBin *sub, GstElement *element, gpointer user_data)
{
    if (g_str_equal(GST_OBJECT_NAME(gst_element_get_factory(element)), "multiudpsink"))
        add_loss(element, "sink");
}

/* Its RTCP tells when pictures were taken, as that of cameras does, and not when they were sent. */
static void
on_bin_added(GstBin *bin, GstBin *sub, GstElement *element, gpointer user_data)
{
    if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), "rtcp-sync-send-time"))
        g_object_set(element, "rtcp-sync-send-time", FALSE, NULL);
}

static void
on_media(GstRTSPMediaFactory *factory, GstRTSPMedia *media, gpointer user_data)
{
    g_autoptr(GstElement) element = gst_rtsp_media_get_element(media);
    g_autoptr(GstElement) mark = gst_bin_get_by_name(GST_BIN(element), "mark");
    g_autoptr(GstElement) beep = gst_bin_get_by_name(GST_BIN(element), "beep");
    g_autoptr(GstObject) pipeline = gst_object_get_parent(GST_OBJECT(element));
    g_autoptr(GstPad) pad = NULL;

    if (loss > 0 && !udp_only) {
        g_autoptr(GstElement) payloader = gst_bin_get_by_name(GST_BIN(element), "pay0");

        add_loss(payloader, "src");
    }
    if (loss > 0 && udp_only && pipeline)
        g_signal_connect(pipeline, "deep-element-added", G_CALLBACK(on_udp_sink), NULL);
    if (beep) {
        g_autoptr(GstPad) beep_pad = gst_element_get_static_pad(beep, "src");

        gst_pad_add_probe(beep_pad, GST_PAD_PROBE_TYPE_BUFFER, mark_sound, NULL, NULL);
    }
    if (!mark || !pipeline)
        return;
    pad = gst_element_get_static_pad(mark, "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, mark_picture, NULL, NULL);
    g_signal_connect(pipeline, "deep-element-added", G_CALLBACK(on_bin_added), NULL);
}

static void
add_mount(GstRTSPMountPoints *mounts, const gchar *argument)
{
    g_auto(GStrv) pair = g_strsplit(argument, "=", 2);
    g_autofree gchar *path = g_strconcat("/", pair[0], NULL);
    GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();

    gst_rtsp_media_factory_set_launch(factory, pair[1]);
    g_signal_connect(factory, "media-configure", G_CALLBACK(on_media), NULL);
    if (login || certificate)
        open_to(factory, "viewer");
    gst_rtsp_mount_points_add_factory(mounts, path, factory);
}

static void
add_file(GstRTSPMountPoints *mounts, const gchar *file)
{
    g_autofree gchar *argument =
        g_strdup_printf("live=( filesrc location=\"%s\" ! qtdemux ! h264parse config-interval=-1 ! "
                        "rtph264pay name=pay0 pt=96 )",
                        file);

    add_mount(mounts, argument);
}

int
main(int argc, char **argv)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GOptionContext) context = g_option_context_new("MOUNT=LAUNCH…");
    GstRTSPServer *server;
    GstRTSPMountPoints *mounts;
    const gchar *file = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, NULL) || argc < 2)
        return 2;
    if (!port && (argc == 3 || argc == 5)) {
        port = g_strdup(argv[1]);
        login = argc == 5 ? g_strdup_printf("%s:%s", argv[3], argv[4]) : NULL;
        file = argv[2];
    } else if (!port) {
        return 2;
    }
    gst_init(NULL, NULL);
    server = gst_rtsp_server_new();
    gst_rtsp_server_set_address(server, address ? address : "127.0.0.1");
    gst_rtsp_server_set_service(server, port);
    if (login || certificate)
        set_auth(server);
    mounts = gst_rtsp_server_get_mount_points(server);
    if (file)
        add_file(mounts, file);
    for (gint i = 1; i < argc && !file; i++)
        add_mount(mounts, argv[i]);
    g_object_unref(mounts);
    if (gst_rtsp_server_attach(server, NULL) == 0)
        return 1;
    g_main_loop_run(loop);
    return 0;
}
