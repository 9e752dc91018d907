/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-status-table.h"

#include <stdio.h>

/* (nullable): the object at the end of the path */
static JsonObject *
get_object(JsonObject *object, const gchar *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;

    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static gint64
get_int(JsonObject *object, const gchar *name)
{
    return object ? json_object_get_int_member_with_default(object, name, 0) : 0;
}

static gdouble
get_double(JsonObject *object, const gchar *name)
{
    return object ? json_object_get_double_member_with_default(object, name, 0) : 0;
}

static const gchar *
get_string(JsonObject *object, const gchar *name)
{
    return object ? json_object_get_string_member_with_default(object, name, "") : "";
}

static void
print_row(JsonObject *camera)
{
    JsonObject *rates = get_object(camera, "rates");
    JsonObject *detection = get_object(camera, "detection");
    const gchar *decoder = get_string(get_object(camera, "decoder"), "name");

    printf("%-16s %-11s %8.1f %8.1f %8.1f %9.0f %8" G_GINT64_FORMAT " %6" G_GINT64_FORMAT "  %s\n",
           get_string(camera, "name"), get_string(camera, "state"), get_double(rates, "captured"),
           get_double(rates, "decoded"), get_double(rates, "inferred"),
           get_double(get_object(detection, "queue_age_ms"), "p95"),
           get_int(get_object(camera, "dropouts"), "count"), get_int(camera, "events"),
           *decoder ? decoder : "-");
}

void
vigil_status_table_print(JsonArray *cameras)
{
    printf("%-16s %-11s %8s %8s %8s %9s %8s %6s  %s\n", "CAMERA", "STATE", "CAPTURED", "DECODED",
           "INFERRED", "AGE95 ms", "DROPOUTS", "EVENTS", "DECODER");
    for (guint i = 0; i < json_array_get_length(cameras); i++)
        print_row(json_array_get_object_element(cameras, i));
    printf("\n");
}

void
vigil_status_table_print_footage(JsonArray *footage)
{
    for (guint i = 0; i < json_array_get_length(footage); i++) {
        JsonObject *camera = json_array_get_object_element(footage, i);
        const gchar *oldest = get_string(camera, "oldest");

        printf("recorded continuously: %s, %" G_GINT64_FORMAT " segments, %" G_GINT64_FORMAT
               " bytes%s%s\n",
               get_string(camera, "camera"), get_int(camera, "segments"), get_int(camera, "bytes"),
               *oldest ? ", since " : "", oldest);
    }
}

static void
print_upload(JsonObject *upload)
{
    const gchar *error = get_string(upload, "last_error");

    printf("%-16s %-11s %8" G_GINT64_FORMAT " %8" G_GINT64_FORMAT " %8" G_GINT64_FORMAT
           " %8" G_GINT64_FORMAT " %9.0f  %s\n",
           get_string(upload, "name"), get_string(upload, "state"), get_int(upload, "sent"),
           get_int(upload, "waiting"), get_int(upload, "refused"), get_int(upload, "dropped"),
           get_double(upload, "lag_s"), get_string(upload, "url"));
    if (*error)
        printf("  %-16s last error at %s: %s\n", "", get_string(upload, "last_error_at"), error);
}

void
vigil_status_table_print_uploads(JsonArray *uploads)
{
    if (json_array_get_length(uploads) == 0)
        return;
    printf("\n%-16s %-11s %8s %8s %8s %8s %9s  %s\n", "UPLOAD", "STATE", "SENT", "WAITING",
           "REFUSED", "DROPPED", "LAG s", "TO");
    for (guint i = 0; i < json_array_get_length(uploads); i++)
        print_upload(json_array_get_object_element(uploads, i));
}

static void
print_dropouts(JsonObject *dropouts)
{
    if (!dropouts || (get_int(dropouts, "count") == 0 && !*get_string(dropouts, "since")))
        return;
    printf("  %-16s %" G_GINT64_FORMAT " drop-outs, %.0f s in all, the longest %.0f s", "",
           get_int(dropouts, "count"), get_double(dropouts, "total_s"),
           get_double(dropouts, "longest_s"));
    if (*get_string(dropouts, "since"))
        printf("; nothing since %s", get_string(dropouts, "since"));
    printf("\n");
}

static void
print_capture(JsonObject *capture)
{
    if (capture)
        printf("  %-16s captured %" G_GINT64_FORMAT ", lost %" G_GINT64_FORMAT
               "; broken: %" G_GINT64_FORMAT " marked so, %" G_GINT64_FORMAT
               " short, %" G_GINT64_FORMAT " oversize, %" G_GINT64_FORMAT
               " back in time; unplugged %" G_GINT64_FORMAT " times\n",
               "", get_int(capture, "frames"), get_int(capture, "lost"),
               get_int(capture, "corrupt"), get_int(capture, "short"), get_int(capture, "oversize"),
               get_int(capture, "backwards"), get_int(capture, "unplugs"));
}

static void
print_network(const gchar *title, JsonObject *network)
{
    const gdouble lost = get_double(network, "udp_lost_percent");
    g_autofree gchar *why =
        lost > 0 ? g_strdup_printf(" (by UDP %.1f %% of its packets were lost)", lost)
                 : g_strdup("");

    if (network)
        printf("  %-16s %s over %s%s: %" G_GINT64_FORMAT " frames, %" G_GINT64_FORMAT
               " stale, %" G_GINT64_FORMAT " dropped; packets %" G_GINT64_FORMAT
               ", lost %" G_GINT64_FORMAT "; connections tried %" G_GINT64_FORMAT "\n",
               "", title, get_string(network, "transport"), why, get_int(network, "frames"),
               get_int(network, "stale"), get_int(network, "dropped"), get_int(network, "packets"),
               get_int(network, "lost_packets"), get_int(network, "attempts"));
}

static void
print_sound(JsonObject *sound)
{
    if (sound)
        printf("  %-16s its sound: %" G_GINT64_FORMAT " frames, %" G_GINT64_FORMAT
               " stale, %" G_GINT64_FORMAT " dropped, %" G_GINT64_FORMAT
               " missing in clips; packets %" G_GINT64_FORMAT ", lost %" G_GINT64_FORMAT "\n",
               "", get_int(sound, "frames"), get_int(sound, "stale"), get_int(sound, "dropped"),
               get_int(sound, "missing"), get_int(sound, "packets"),
               get_int(sound, "lost_packets"));
}

static void
print_idle(JsonObject *idle)
{
    if (idle)
        printf("  %-16s %s; not decoded: %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
               " frames; woken by size %" G_GINT64_FORMAT " (%" G_GINT64_FORMAT
               " for nothing), by a keyframe %" G_GINT64_FORMAT ", by a track %" G_GINT64_FORMAT
               "\n",
               "", json_object_get_boolean_member(idle, "asleep") ? "idle" : "decoding",
               get_int(idle, "left"), get_int(idle, "frames"), get_int(idle, "woken_by_size"),
               get_int(idle, "false_sizes"), get_int(idle, "woken_by_probe"),
               get_int(idle, "woken_by_track"));
}

static void
print_queues(JsonObject *queues)
{
    static const gchar *const names[] = {"decode", "frames", "record"};

    if (!queues)
        return;
    printf("  %-16s waiting", "");
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        JsonObject *queue = get_object(queues, names[i]);

        printf("%s %s %" G_GINT64_FORMAT " (%.2f s)", i ? "," : ":", names[i],
               get_int(queue, "frames"), get_double(queue, "age_s"));
    }
    printf("\n");
}

static void
print_privacy(JsonObject *privacy)
{
    const gint64 masks = get_int(privacy, "masks");

    if (masks > 0)
        printf("  %-16s %" G_GINT64_FORMAT " privacy mask%s\n", "", masks, masks == 1 ? "" : "s");
    if (privacy && json_object_get_boolean_member_with_default(privacy, "metadata_only", FALSE))
        printf("  %-16s only events are kept, no pictures\n", "");
}

static void
print_day(JsonObject *day)
{
    if (get_int(day, "minutes") > 0)
        printf("  %-16s last 24 h: frames in %" G_GINT64_FORMAT
               " minutes; looked at %.1f %% of them\n",
               "", get_int(day, "minutes"), 100.0 * get_double(day, "coverage"));
}

void
vigil_status_table_print_details(JsonObject *camera)
{
    print_dropouts(get_object(camera, "dropouts"));
    print_capture(get_object(camera, "capture"));
    print_network("its stream", get_object(camera, "network"));
    print_network("the stream looked at", get_object(camera, "detect_network"));
    print_sound(get_object(camera, "sound"));
    print_idle(get_object(camera, "idle"));
    print_queues(get_object(camera, "queues"));
    print_privacy(get_object(camera, "privacy"));
    print_day(get_object(camera, "day"));
}
