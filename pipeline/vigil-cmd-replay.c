/* SPDX-License-Identifier: Apache-2.0 */
#include <glib-unix.h>
#include <signal.h>

#include "pipeline/vigil-camera.h"
#include "pipeline/vigil-command.h"
#include "pipeline/vigil-gst.h"
#include "pipeline/vigil-model-check.h"
#include "pipeline/vigil-settings.h"
#include "pipeline/vigil-store-place.h"
#include "vigil-config.h"

#define PROGRESS_INTERVAL_MS 250

typedef struct {
    GMainLoop *loop;
    VigilCamera *camera;
    VigilExit code;
    gboolean stopped; /* by a signal, or since nobody reads: no further camera */
} Replay;

static void
on_event(VigilCamera *camera, VigilEventType type, const gchar *json, gpointer user_data)
{
    Replay *replay = user_data;

    if (replay->stopped || vigil_command_print(json))
        return;
    replay->stopped = TRUE;
    replay->code = VIGIL_EXIT_FAILED;
    vigil_camera_stop(camera);
}

static void
on_changed(VigilCamera *camera, VigilCameraState state, gpointer user_data)
{
    Replay *replay = user_data;
    VigilCameraStatus status;

    if (!vigil_camera_state_is_final(state))
        return;
    vigil_camera_get_status(camera, &status);
    if (state == VIGIL_CAMERA_FAILED || status.unrecorded) {
        vigil_command_error("camera %s: %s", vigil_camera_get_settings(camera)->name,
                            status.error ? status.error : "failed");
        replay->code = VIGIL_EXIT_FAILED;
    }
    vigil_camera_status_clear(&status);
    g_main_loop_quit(replay->loop);
}

static gboolean
on_signal(gpointer user_data)
{
    Replay *replay = user_data;

    if (!replay->stopped)
        vigil_command_error("interrupted: open events are finished");
    replay->stopped = TRUE;
    replay->code = VIGIL_EXIT_FAILED;
    if (replay->camera)
        vigil_camera_stop(replay->camera);
    return G_SOURCE_CONTINUE;
}

static gboolean
show_progress(gpointer user_data)
{
    Replay *replay = user_data;
    g_autofree gchar *text = NULL;
    VigilCameraStatus status;

    if (!replay->camera)
        return G_SOURCE_CONTINUE;
    vigil_camera_get_status(replay->camera, &status);
    if (status.duration_ns > 0)
        text = g_strdup_printf("%s: %3.0f %% of %.0f s, %" G_GUINT64_FORMAT " events",
                               vigil_camera_get_settings(replay->camera)->name,
                               100.0 * (gdouble)status.position_ns / (gdouble)status.duration_ns,
                               (gdouble)status.duration_ns / 1e9, status.events);
    vigil_camera_status_clear(&status);
    vigil_command_progress(text);
    return G_SOURCE_CONTINUE;
}

static void
replay_cameras(Replay *replay, const VigilSettings *settings, const VigilStorePlace *place,
               VigilStore *store)
{
    const VigilCameraOptions options = {.store = store,
                                        .database = place->database,
                                        .clips = place->clips,
                                        .event = on_event,
                                        .changed = on_changed,
                                        .user_data = replay};

    for (guint i = 0; i < settings->cameras->len && !replay->stopped; i++) {
        replay->camera = vigil_camera_new(settings->cameras->pdata[i], &options);
        g_main_loop_run(replay->loop);
        vigil_command_progress(NULL);
        g_clear_pointer(&replay->camera, vigil_camera_free);
    }
}

static VigilStore *
open_store(const VigilSettings *settings, const VigilStorePlace *place, GError **error)
{
    const VigilStoreOptions options = vigil_settings_get_store_options(
        settings, place->database, place->clips, "vigil " VIGIL_VERSION " replay");

    return vigil_store_open(&options, error);
}

static gboolean
check_sources(const VigilSettings *settings)
{
    gboolean ok = TRUE;

    for (guint i = 0; i < settings->cameras->len; i++) {
        const VigilCameraSettings *camera = settings->cameras->pdata[i];

        if (!vigil_source_is_live(camera->source))
            continue;
        vigil_command_error("camera %s: %s is live: only files can be replayed; use vigil run",
                            camera->name, camera->source->display);
        ok = FALSE;
    }
    return ok;
}

static VigilExit
replay_settings(const VigilSettings *settings)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_auto(VigilStorePlace) place = {NULL};
    g_autoptr(VigilStore) store = NULL;
    g_autoptr(GError) error = NULL;
    Replay replay = {.loop = loop, .code = VIGIL_EXIT_OK};

    vigil_store_place_set(&place, settings->store_path);
    store = vigil_gst_init(&error) ? open_store(settings, &place, &error) : NULL;
    if (!store) {
        vigil_command_error("%s", error->message);
        return VIGIL_EXIT_FAILED;
    }
    g_unix_signal_add(SIGINT, on_signal, &replay);
    g_unix_signal_add(SIGTERM, on_signal, &replay);
    g_timeout_add(PROGRESS_INTERVAL_MS, show_progress, &replay);
    replay_cameras(&replay, settings, &place, store);
    if (replay.code == VIGIL_EXIT_OK && !vigil_store_enforce_limits(store, NULL, &error)) {
        vigil_command_error("%s", error->message);
        replay.code = VIGIL_EXIT_FAILED;
    }
    return replay.code;
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_autofree gchar *directory = NULL;
    const GOptionEntry entries[] = {
        {"store", 0, 0, G_OPTION_ARG_FILENAME, &directory,
         "Where events and clips go (default: what the configuration says)", "DIR"},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    g_autoptr(VigilSettings) settings = NULL;
    g_autoptr(GError) error = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 1, 1, &args, &code))
        return code;
    if (directory && !*directory)
        return vigil_command_usage_error(self, "--store names no directory");
    settings = vigil_settings_load(args[0], &error);
    if (settings && directory)
        vigil_settings_set_store(settings, directory); /* where models are installed, too */
    if (!settings || !vigil_model_check(settings, &error))
        return vigil_command_mistakes(error);
    if (!check_sources(settings))
        return VIGIL_EXIT_CONFIG;
    return replay_settings(settings);
}

const VigilCommand vigil_cmd_replay = {
    "replay", "CONFIG", "Run the configuration's files as fast as they go; events as JSON lines",
    "One camera after the other, in the configuration's order. A line is printed once what it says "
    "is\nin the store. The same file, model and rules give the same lines, byte for byte.\n",
    run};
