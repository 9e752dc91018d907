/* SPDX-License-Identifier: Apache-2.0 */
/* rtsp-server PORT FILE [USER PASSWORD]: a camera: gives an MP4 file at rtsp://127.0.0.1:PORT/live in real time. */
#include <gst/rtsp-server/rtsp-server.h>

static void
require_login(GstRTSPServer *server, GstRTSPMediaFactory *factory, const gchar *user,
              const gchar *password)
{
    g_autoptr(GstRTSPAuth) auth = gst_rtsp_auth_new();
    GstRTSPToken *token =
        gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, "viewer", NULL);
    g_autofree gchar *basic = gst_rtsp_auth_make_basic(user, password);

    gst_rtsp_auth_add_basic(auth, basic, token);
    gst_rtsp_token_unref(token);
    gst_rtsp_server_set_auth(server, auth);
    gst_rtsp_media_factory_add_role(factory, "viewer", GST_RTSP_PERM_MEDIA_FACTORY_ACCESS,
                                    G_TYPE_BOOLEAN, TRUE, GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT,
                                    G_TYPE_BOOLEAN, TRUE, NULL);
}

int
main(int argc, char **argv)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    GstRTSPServer *server;
    GstRTSPMountPoints *mounts;
    GstRTSPMediaFactory *factory;
    g_autofree gchar *launch = NULL;

    gst_init(NULL, NULL);
    if (argc != 3 && argc != 5)
        return 2;
    server = gst_rtsp_server_new();
    gst_rtsp_server_set_address(server, "127.0.0.1");
    gst_rtsp_server_set_service(server, argv[1]);
    factory = gst_rtsp_media_factory_new();
    launch = g_strdup_printf("( filesrc location=\"%s\" ! qtdemux ! h264parse config-interval=-1 ! "
                             "rtph264pay name=pay0 pt=96 )",
                             argv[2]);
    gst_rtsp_media_factory_set_launch(factory, launch);
    if (argc == 5)
        require_login(server, factory, argv[3], argv[4]);
    mounts = gst_rtsp_server_get_mount_points(server);
    gst_rtsp_mount_points_add_factory(mounts, "/live", factory);
    g_object_unref(mounts);
    if (gst_rtsp_server_attach(server, NULL) == 0)
        return 1;
    g_main_loop_run(loop);
    return 0;
}
