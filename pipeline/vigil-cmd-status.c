/* SPDX-License-Identifier: Apache-2.0 */
#include <json-glib/json-glib.h>
#include <stdio.h>

#include "pipeline/vigil-command.h"
#include "pipeline/vigil-status-socket.h"
#include "pipeline/vigil-status-table.h"
#include "pipeline/vigil-store-place.h"
#include "pipeline/vigil-time.h"
#include "storage/vigil-rebuild.h"

static const gchar *
get_string(JsonObject *object, const gchar *name)
{
    return json_object_get_string_member_with_default(object, name, "");
}

static void
print_model(JsonObject *camera)
{
    JsonObject *model = json_object_has_member(camera, "model")
                            ? json_object_get_object_member(camera, "model")
                            : NULL;
    JsonObject *trial = json_object_has_member(camera, "trial")
                            ? json_object_get_object_member(camera, "trial")
                            : NULL;

    if (model && *get_string(model, "name"))
        printf("  %-16s model %s (%.12s)\n", "", get_string(model, "name"),
               get_string(model, "sha256"));
    if (trial)
        printf("  %-16s trial: %s after %" G_GINT64_FORMAT " frames%s%s\n", "",
               get_string(trial, "verdict"),
               json_object_get_int_member_with_default(trial, "frames", 0),
               *get_string(trial, "reason") ? ": " : "", get_string(trial, "reason"));
}

static gint64
get_int(JsonObject *object, const gchar *name)
{
    return json_object_get_int_member_with_default(object, name, 0);
}

static void
print_times(JsonObject *detection, const gchar *name, const gchar *what)
{
    JsonObject *times = json_object_has_member(detection, name)
                            ? json_object_get_object_member(detection, name)
                            : NULL;

    if (times)
        printf("%s %.1f, %.1f, %.1f ms", what,
               json_object_get_double_member_with_default(times, "p50", 0),
               json_object_get_double_member_with_default(times, "p95", 0),
               json_object_get_double_member_with_default(times, "p99", 0));
}

/* What was looked at and what was not, and why. */
static void
print_detection(JsonObject *camera)
{
    JsonObject *detection = json_object_has_member(camera, "detection")
                                ? json_object_get_object_member(camera, "detection")
                                : NULL;

    if (!detection)
        return;
    printf("  %-16s looked at %" G_GINT64_FORMAT " (%" G_GINT64_FORMAT
           " in part), failed %" G_GINT64_FORMAT ", timed out %" G_GINT64_FORMAT
           "; skipped: %" G_GINT64_FORMAT " by rate, %" G_GINT64_FORMAT
           " without motion, %" G_GINT64_FORMAT " for load (%" G_GINT64_FORMAT
           " late, %" G_GINT64_FORMAT " replaced by newer, %" G_GINT64_FORMAT " too old)\n",
           "", get_int(detection, "inferred"), get_int(detection, "inferred-part"),
           get_int(detection, "failed"), get_int(detection, "timed-out"),
           get_int(detection, "skipped-rate"), get_int(detection, "skipped-no-motion"),
           get_int(detection, "skipped-load"), get_int(detection, "late"),
           get_int(detection, "superseded"), get_int(detection, "too-old"));
    printf("  %-16s weight %" G_GINT64_FORMAT, "", get_int(detection, "weight"));
    print_times(detection, "queue_age_ms", ", age of frames p50, p95, p99:");
    print_times(detection, "inference_ms", "; inference:");
    printf("\n");
}

static void
print_decoder(JsonObject *camera)
{
    JsonObject *decoder = json_object_has_member(camera, "decoder")
                              ? json_object_get_object_member(camera, "decoder")
                              : NULL;

    if (!decoder || !*get_string(decoder, "name"))
        return;
    printf("  %-16s decoded by %s", "", get_string(decoder, "name"));
    if (*get_string(decoder, "failed"))
        printf(", since %s failed (%s)", get_string(decoder, "failed"),
               get_string(decoder, "reason"));
    printf("\n");
}

static void
print_camera(JsonObject *camera)
{
    const gchar *error = get_string(camera, "error");

    printf("  %-16s %-11s since %s, %" G_GINT64_FORMAT " frames, %" G_GINT64_FORMAT
           " events, lost %" G_GINT64_FORMAT " times\n",
           get_string(camera, "name"), get_string(camera, "state"), get_string(camera, "since"),
           get_int(camera, "frames"), get_int(camera, "events"), get_int(camera, "losses"));
    printf("  %-16s %s\n", "", get_string(camera, "source"));
    vigil_status_table_print_details(camera);
    print_decoder(camera);
    print_detection(camera);
    print_model(camera);
    if (*error)
        printf("  %-16s last error: %s\n", "", error);
}

static void
print_disk(JsonObject *root)
{
    JsonObject *disk =
        json_object_has_member(root, "disk") ? json_object_get_object_member(root, "disk") : NULL;

    if (disk && !g_str_equal(get_string(disk, "health"), "ok"))
        printf("%s since %s: %s\n", get_string(disk, "health"), get_string(disk, "since"),
               get_string(disk, "error"));
}

static void
print_log(JsonObject *root)
{
    JsonObject *log =
        json_object_has_member(root, "log") ? json_object_get_object_member(root, "log") : NULL;

    if (!log)
        return;
    printf("log of the database: %" G_GINT64_FORMAT " bytes, brought in %" G_GINT64_FORMAT " times",
           get_int(log, "bytes"), get_int(log, "checkpoints"));
    if (get_int(log, "checkpoints") > 0)
        printf(", last at %s, the longest in %.0f ms", get_string(log, "last"),
               json_object_get_double_member_with_default(log, "longest_ms", 0));
    printf("\n");
}

static void
print_pins(JsonObject *root)
{
    JsonObject *pins =
        json_object_has_member(root, "pins") ? json_object_get_object_member(root, "pins") : NULL;

    if (!pins || get_int(pins, "events") == 0)
        return;
    printf("pinned: %" G_GINT64_FORMAT " events, %" G_GINT64_FORMAT " clips, %" G_GINT64_FORMAT
           " bytes\n",
           get_int(pins, "events"), get_int(pins, "clips"), get_int(pins, "bytes"));
    if (g_str_equal(get_string(pins, "health"), "degraded"))
        printf(
            "degraded: they take so much of max_bytes (%" G_GINT64_FORMAT
            ") that a tenth of it beyond them is left to all others: unpin some, or allow more\n",
            get_int(pins, "max_bytes"));
}

static gboolean
print_text(const gchar *document)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    JsonObject *root;
    JsonArray *cameras;

    if (!json_parser_load_from_data(parser, document, -1, NULL) ||
        !JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser)))
        return FALSE;
    root = json_node_get_object(json_parser_get_root(parser));
    printf("vigil %s, process %" G_GINT64_FORMAT ", running since %s\n",
           get_string(root, "version"), json_object_get_int_member_with_default(root, "pid", 0),
           get_string(root, "started"));
    print_disk(root);
    print_log(root);
    print_pins(root);
    if (json_object_has_member(root, "continuous"))
        vigil_status_table_print_footage(json_object_get_array_member(root, "continuous"));
    cameras = json_object_has_member(root, "cameras")
                  ? json_object_get_array_member(root, "cameras")
                  : NULL;
    if (cameras)
        vigil_status_table_print(cameras);
    for (guint i = 0; cameras && i < json_array_get_length(cameras); i++)
        print_camera(json_array_get_object_element(cameras, i));
    if (json_object_has_member(root, "uploads"))
        vigil_status_table_print_uploads(json_object_get_array_member(root, "uploads"));
    return TRUE;
}

/* Whether the database is the one that there always was. */
static void
print_rebuild(const VigilStorePlace *place)
{
    g_autoptr(VigilStore) store = vigil_store_open_reader(place->database, place->clips, NULL);
    g_auto(VigilRebuildInfo) info = {NULL};
    g_autofree gchar *begun = NULL;

    if (!store || !vigil_store_get_rebuild(store, &info, NULL))
        return;
    begun = vigil_time_format(info.begun_wall_us);
    printf("store: made again from its clips at %s%s%s: %" G_GUINT64_FORMAT
           " events of %" G_GUINT64_FORMAT " clips%s\n",
           begun, info.set_aside ? ", damaged one kept as " : "",
           info.set_aside ? info.set_aside : "", info.n_events, info.n_clips,
           info.ended_wall_us ? "" : " so far");
}

/* Without a daemon: what the store knows of the last one. */
static void
print_last_run(VigilStorePlace *place)
{
    g_autoptr(VigilStore) store = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(VigilRunInfo) info = {NULL};
    g_autofree gchar *begun = NULL, *ended = NULL;

    if (!g_file_test(place->database, G_FILE_TEST_EXISTS)) {
        vigil_command_error("there is no store in %s", place->directory);
        return;
    }
    store = vigil_store_open_reader(place->database, place->clips, &error);
    if (!store || !vigil_store_get_last_run(store, &info, &error)) {
        vigil_command_error("%s", error->message);
        return;
    }
    begun = vigil_time_format(info.begun_wall_us);
    ended = info.ended_wall_us ? vigil_time_format(info.ended_wall_us) : NULL;
    printf("last run: %s, from %s to %s, %" G_GUINT64_FORMAT " events\n", info.program, begun,
           ended       ? ended
           : info.died ? "an end that it did not live to note"
                       : "now, or it died",
           info.n_events);
    print_rebuild(place);
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(VigilStorePlace) place = {NULL};
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "The daemon's answer as it is, one JSON document",
         NULL},
        VIGIL_STORE_PLACE_ENTRIES(place),
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    g_autofree gchar *path = NULL, *document = NULL;
    g_autoptr(GError) error = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 0, 0, &args, &code))
        return code;
    if (!vigil_store_place_resolve(&place, &code))
        return code;
    path = g_build_filename(place.directory, VIGIL_STATUS_SOCKET, NULL);
    document = vigil_status_socket_ask(path, &error);
    if (!document) {
        vigil_command_error("no daemon answers for %s: %s", place.directory, error->message);
        if (!json)
            print_last_run(&place);
        return VIGIL_EXIT_NOT_FOUND;
    }
    if (json) {
        puts(document);
    } else if (!print_text(document)) {
        vigil_command_error("%s: the answer is not understood", path);
        return VIGIL_EXIT_FAILED;
    } else {
        print_rebuild(&place);
    }
    return VIGIL_EXIT_OK;
}

const VigilCommand vigil_cmd_status = {"status", "", "What each camera is doing now",
                                       "Asks the daemon that writes to this store.\n", run};
