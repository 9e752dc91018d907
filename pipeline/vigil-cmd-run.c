/* SPDX-License-Identifier: Apache-2.0 */
#include <glib-unix.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include "pipeline/upload/vigil-upload-pump.h"
#include "pipeline/vigil-canary.h"
#include "pipeline/vigil-command.h"
#include "pipeline/vigil-gst.h"
#include "pipeline/vigil-housekeeper.h"
#include "pipeline/vigil-model-source.h"
#include "pipeline/vigil-notify.h"
#include "pipeline/vigil-pin-socket.h"
#include "pipeline/vigil-reload.h"
#include "pipeline/vigil-settings.h"
#include "pipeline/vigil-status-socket.h"
#include "pipeline/vigil-store-place.h"
#include "pipeline/vigil-supervisor.h"
#include "pipeline/vigil-time.h"
#include "pipeline/vigil-watchdog.h"
#include "vigil-config.h"

/* A dead card is noticed within both together. */
#define CANARY_INTERVAL_MS 15000
#define CANARY_DEADLINE_MS 10000
#define RETENTION_INTERVAL_S 30
/* After SIGTERM; a camera gets 2.5 s to finish its clips, the store the rest of 5 s. */
#define STOP_MS 4200
/* For the ends of what was open to be sent. */
#define SETTLE_MS 300
/* Pictures are larger, what else a frame needs is smaller. */
#define OWN_MAPPING_BYTES (128 * 1024)
#define MAX_ARENAS 2

typedef struct {
    const VigilCommand *command;
    const gchar *path;
    GMainLoop *loop;
    VigilSupervisor *supervisor;
    VigilStore *store;
    VigilUploadPump *pump;
    gchar *store_path;
    gchar *limits;    /* of the store */
    GArray *recorded; /* (element-type VigilStoreFootage): cameras that are recorded continuously */
    VigilCanary *canary;
    VigilHousekeeper *housekeeper;
    gboolean stopping;
    gboolean hung; /* cameras did not end in time */
} Daemon;

static void
on_idle(VigilSupervisor *supervisor, gpointer user_data)
{
    g_main_loop_quit(((Daemon *)user_data)->loop);
}

static gboolean
give_up(gpointer user_data)
{
    Daemon *daemon = user_data;

    daemon->hung = TRUE;
    g_main_loop_quit(daemon->loop);
    return G_SOURCE_REMOVE;
}

static gboolean
on_stop(gpointer user_data)
{
    Daemon *daemon = user_data;

    if (daemon->stopping)
        return G_SOURCE_CONTINUE;
    daemon->stopping = TRUE;
    vigil_notify("STOPPING=1");
    g_message("stopping: open clips are finished");
    g_timeout_add(STOP_MS, give_up, daemon);
    vigil_supervisor_stop(daemon->supervisor);
    return G_SOURCE_CONTINUE;
}

static void
set_footage(Daemon *daemon, const VigilSettings *settings)
{
    vigil_housekeeper_set_footage(daemon->housekeeper,
                                  (const VigilStoreFootage *)(gpointer)settings->footage->data,
                                  settings->footage->len);
    g_clear_pointer(&daemon->recorded, g_array_unref);
    daemon->recorded = g_array_ref(settings->footage);
}

static void
set_uploads(Daemon *daemon, const VigilSettings *settings)
{
    if (!vigil_upload_pump_wants(daemon->pump, settings->uploads, settings->cameras))
        vigil_upload_pump_set(daemon->pump, settings->uploads, settings->cameras);
}

static void
reload(Daemon *daemon)
{
    VigilSettings *settings;
    g_autofree gchar *limits = NULL;
    g_autoptr(GError) error = NULL;

    settings = vigil_reload_settings(daemon->path, daemon->store_path, &error);
    if (!settings) {
        vigil_command_mistakes(error);
        vigil_command_error("the configuration was not read again: all goes on as before");
        return;
    }
    limits = vigil_settings_print_limits(settings);
    if (!g_str_equal(limits, daemon->limits))
        g_message("the change of `store` counts from the next start on");
    g_message("the configuration was read again");
    set_footage(daemon, settings);
    set_uploads(daemon, settings);
    vigil_supervisor_reload(daemon->supervisor, settings);
}

static gboolean
on_reload(gpointer user_data)
{
    Daemon *daemon = user_data;

    if (daemon->stopping)
        return G_SOURCE_CONTINUE;
    vigil_notify_reloading();
    reload(daemon);
    vigil_notify("READY=1");
    return G_SOURCE_CONTINUE;
}

static gboolean
reload_once(gpointer user_data)
{
    on_reload(user_data);
    return G_SOURCE_REMOVE;
}

/* Not from within the supervisor. */
static void
on_models_changed(VigilSupervisor *supervisor, gpointer user_data)
{
    g_idle_add(reload_once, user_data);
}

/* What limits do not delete; those who hold more than they may are told so. */
static void
describe_pins(Daemon *daemon, JsonBuilder *json)
{
    VigilPins pins = {0};
    const gboolean known = vigil_housekeeper_get_pins(daemon->housekeeper, &pins);

    json_builder_set_member_name(json, "pins");
    json_builder_begin_object(json);
    json_builder_set_member_name(json, "health");
    json_builder_add_string_value(json, !known ? "unknown" : pins.over ? "degraded" : "ok");
    json_builder_set_member_name(json, "events");
    json_builder_add_int_value(json, (gint64)pins.n_events);
    json_builder_set_member_name(json, "clips");
    json_builder_add_int_value(json, (gint64)pins.n_clips);
    json_builder_set_member_name(json, "bytes");
    json_builder_add_int_value(json, (gint64)pins.clip_bytes);
    json_builder_set_member_name(json, "max_bytes");
    json_builder_add_int_value(json, (gint64)pins.max_bytes);
    json_builder_end_object(json);
}

/* How the database's log goes into it. */
static void
describe_log(Daemon *daemon, JsonBuilder *json)
{
    g_autofree gchar *last = NULL;
    VigilStoreLog log;

    vigil_housekeeper_get_log(daemon->housekeeper, &log);
    last = log.last_wall_us ? vigil_time_format(log.last_wall_us) : g_strdup("");
    json_builder_set_member_name(json, "log");
    json_builder_begin_object(json);
    json_builder_set_member_name(json, "bytes");
    json_builder_add_int_value(json, log.bytes);
    json_builder_set_member_name(json, "checkpoints");
    json_builder_add_int_value(json, (gint64)log.n_checkpoints);
    json_builder_set_member_name(json, "last");
    json_builder_add_string_value(json, last);
    json_builder_set_member_name(json, "longest_ms");
    json_builder_add_double_value(json, (gdouble)log.longest_us / 1e3);
    json_builder_end_object(json);
}

/* Cameras that are recorded continuously: what there is of them, as the housekeeper saw it last. */
static void
describe_footage(Daemon *daemon, JsonBuilder *json)
{
    json_builder_set_member_name(json, "continuous");
    json_builder_begin_array(json);
    for (guint i = 0; i < daemon->recorded->len; i++) {
        const VigilStoreFootage *limit = &g_array_index(daemon->recorded, VigilStoreFootage, i);
        g_autofree gchar *oldest = NULL;
        VigilFootageSum sum;

        vigil_housekeeper_get_footage(daemon->housekeeper, limit->camera, &sum);
        json_builder_begin_object(json);
        json_builder_set_member_name(json, "camera");
        json_builder_add_string_value(json, limit->camera);
        json_builder_set_member_name(json, "segments");
        json_builder_add_int_value(json, (gint64)sum.n_segments);
        json_builder_set_member_name(json, "bytes");
        json_builder_add_int_value(json, (gint64)sum.bytes);
        json_builder_set_member_name(json, "oldest");
        oldest = sum.oldest_us ? vigil_time_format(sum.oldest_us) : g_strdup("");
        json_builder_add_string_value(json, oldest);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void
describe_more(JsonBuilder *json, gpointer user_data)
{
    json_builder_set_member_name(json, "disk");
    vigil_canary_describe(((Daemon *)user_data)->canary, json);
    json_builder_set_member_name(json, "uploads");
    vigil_upload_pump_describe(((Daemon *)user_data)->pump, json);
    describe_log(user_data, json);
    describe_pins(user_data, json);
    describe_footage(user_data, json);
}

static gchar *
describe(gpointer user_data)
{
    return vigil_supervisor_describe(((Daemon *)user_data)->supervisor, describe_more, user_data);
}

static VigilStatusSocket *
open_socket(Daemon *daemon, const VigilStorePlace *place)
{
    g_autofree gchar *path = g_build_filename(place->directory, VIGIL_STATUS_SOCKET, NULL);
    g_autoptr(GError) error = NULL;
    VigilStatusSocket *status = vigil_status_socket_open(path, describe, daemon, &error);

    if (!status)
        g_message("no answers to `vigil status`: %s", error->message);
    return status;
}

static VigilPinSocket *
open_pin_socket(Daemon *daemon, const VigilStorePlace *place)
{
    g_autofree gchar *path = g_build_filename(place->directory, VIGIL_PIN_SOCKET, NULL);
    g_autoptr(GError) error = NULL;
    VigilPinSocket *pins = vigil_pin_socket_open(path, daemon->store, daemon->housekeeper, &error);

    if (!pins)
        g_message("no answers to `vigil pin`: %s", error->message);
    return pins;
}

/* (transfer full) @settings */
static VigilExit
run_daemon(Daemon *daemon, VigilSettings *settings, const VigilStorePlace *place, VigilStore *store)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(VigilHousekeeper) housekeeper = NULL;
    VigilStatusSocket *status;
    VigilPinSocket *pins;
    VigilWatchdog *watchdog;
    const VigilSupervisorFuncs funcs = {on_idle, on_models_changed};
    const VigilUploadPumpOptions uploads = vigil_upload_pump_options_defaults();
    guint n_failed;

    daemon->loop = loop;
    daemon->store_path = g_strdup(settings->store_path);
    daemon->limits = vigil_settings_print_limits(settings);
    g_unix_signal_add(SIGTERM, on_stop, daemon);
    g_unix_signal_add(SIGINT, on_stop, daemon);
    g_unix_signal_add(SIGHUP, on_reload, daemon);
    housekeeper = daemon->housekeeper = vigil_housekeeper_new(store, RETENTION_INTERVAL_S);
    daemon->store = store;
    set_footage(daemon, settings);
    /* before the first event */
    daemon->pump = vigil_upload_pump_new(store, settings->uploads, settings->cameras, &uploads);
    g_message("vigil %s watches %u cameras", VIGIL_VERSION, settings->cameras->len);
    daemon->supervisor = vigil_supervisor_new(settings, store, &funcs, daemon);
    daemon->canary = vigil_canary_new(store, CANARY_INTERVAL_MS, CANARY_DEADLINE_MS);
    status = open_socket(daemon, place);
    pins = open_pin_socket(daemon, place);
    watchdog = vigil_watchdog_new(daemon->supervisor);
    vigil_notify("READY=1");

    g_main_loop_run(loop);
    vigil_watchdog_free(watchdog);
    vigil_pin_socket_close(pins);
    vigil_status_socket_close(status);
    vigil_canary_free(daemon->canary);
    n_failed = daemon->stopping ? 0 : vigil_supervisor_get_n_failed(daemon->supervisor);
    if (daemon->hung) {
        g_message("a camera did not end in time; its clip is finished at the next start");
        _exit(VIGIL_EXIT_OK); /* its thread uses all that would be freed now */
    }
    vigil_supervisor_free(daemon->supervisor);
    vigil_upload_pump_settle(daemon->pump, SETTLE_MS);
    vigil_upload_pump_free(daemon->pump);
    g_free(daemon->store_path);
    g_free(daemon->limits);
    g_array_unref(daemon->recorded);
    if (n_failed)
        vigil_command_error("nothing is left to watch: %u cameras were given up", n_failed);
    return n_failed ? VIGIL_EXIT_FAILED : VIGIL_EXIT_OK;
}

/* Whether the last run on this store ended without a word. */
static gboolean
has_died(const VigilStorePlace *place)
{
    g_autoptr(VigilStore) store = vigil_store_open_reader(place->database, place->clips, NULL);
    g_auto(VigilRunInfo) info = {NULL};

    return store && vigil_store_get_last_run(store, &info, NULL) && info.ended_wall_us == 0;
}

static VigilStore *
open_store(const VigilSettings *settings, const VigilStorePlace *place, GError **error)
{
    const VigilStoreOptions options = vigil_settings_get_store_options(
        settings, place->database, place->clips, "vigil " VIGIL_VERSION " run");

    return vigil_gst_init(error) ? vigil_store_open(&options, error) : NULL;
}

/*
 * A camera has a dozen threads. With an arena for each few of them, and pictures in them, what one has free is of no use to the others, and
 * is never given back: eight cameras then need half as much again.
 */
static void
bound_heap(void)
{
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, MAX_ARENAS);
    mallopt(M_MMAP_THRESHOLD, OWN_MAPPING_BYTES);
#endif
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(GStrv) args = NULL;
    g_auto(VigilStorePlace) place = {NULL};
    g_autoptr(VigilSettings) settings = NULL, checked = NULL;
    g_autoptr(VigilStore) store = NULL;
    g_autoptr(GError) error = NULL;
    Daemon daemon = {.command = self};
    gboolean died;
    VigilExit code;

    if (!vigil_command_parse(self, NULL, argc, argv, 0, 1, &args, &code))
        return code;
    bound_heap();
    daemon.path = args[0] ? args[0] : VIGIL_SETTINGS_DEFAULT_PATH;
    settings = vigil_settings_load(daemon.path, &error);
    if (!settings)
        return vigil_command_mistakes(error);
    vigil_store_place_set(&place, settings->store_path);
    died = has_died(&place);
    store = open_store(settings, &place, &error);
    if (!store) {
        vigil_command_error("%s", error->message);
        return VIGIL_EXIT_FAILED;
    }
    /* with the store's lock, and before a model is opened that may be the end of this program */
    vigil_model_source_begin(settings, died);
    checked = vigil_reload_settings(daemon.path, settings->store_path, &error);
    if (!checked)
        return vigil_command_mistakes(error);
    return run_daemon(&daemon, g_steal_pointer(&checked), &place, store);
}

const VigilCommand vigil_cmd_run = {
    "run", "[CONFIG]", "Watch the cameras: the daemon, in the foreground",
    "CONFIG is /etc/vigil/vigil.yaml when not given.\n"
    "SIGTERM and SIGINT finish what is open and end it; SIGHUP reads the configuration again and\n"
    "touches only cameras that changed; another model takes over without a restart. A file is "
    "played once, at its own speed; when files are "
    "all\n"
    "there is, it ends with them.\n",
    run};
