/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/upload/vigil-upload-form-private.h"

#include <math.h>
#include <string.h>

#include "pipeline/upload/vigil-upload-json.h"

/*
 * Topics and fields as Frigate documents them under "MQTT", for automations that read them. What Vigil does not know is said
 * as Frigate says "not": it has no attributes, sub-labels, regions (the whole frame) and standing objects; `current_zones` are those that the
 * object entered so far, and none once it has gone.
 */

static void
write_seconds(GString *out, const gchar *key, gint64 us)
{
    g_autofree gchar *text = g_strdup_printf("%" G_GINT64_FORMAT ".%06" G_GINT64_FORMAT,
                                             us / G_USEC_PER_SEC, us % G_USEC_PER_SEC);

    vigil_upload_json_raw(out, key, us < 0 ? "0.0" : text);
}

static void
write_names(GString *out, const gchar *key, JsonArray *names)
{
    vigil_upload_json_begin(out, key, '[');
    for (guint i = 0; names && i < json_array_get_length(names); i++)
        vigil_upload_json_string(out, NULL, json_array_get_string_element(names, i));
    vigil_upload_json_end(out, ']');
}

static void
write_ints(GString *out, const gchar *key, const gint64 *values, guint n)
{
    vigil_upload_json_begin(out, key, '[');
    for (guint i = 0; i < n; i++)
        vigil_upload_json_int(out, NULL, values[i]);
    vigil_upload_json_end(out, ']');
}

static void
write_pixels(GString *out, const VigilUploadFormInput *input, const VigilUploadLine *line)
{
    gint64 box[4];
    const gint64 region[4] = {0, 0, input->width, input->height};

    if (input->width <= 0 || input->height <= 0) {
        for (guint i = 0; i < 4; i++) {
            static const gchar *const keys[] = {"box", "area", "ratio", "region"};

            vigil_upload_json_raw(out, keys[i], "null");
        }
        return;
    }
    for (guint i = 0; i < 4; i++)
        box[i] = lround(CLAMP(line->box[i], 0.0, 1.0) * (i % 2 ? input->height : input->width));

    const gint64 width = MAX(box[2] - box[0], 0), height = MAX(box[3] - box[1], 0);

    write_ints(out, "box", box, 4);
    vigil_upload_json_int(out, "area", width * height);
    vigil_upload_json_number(out, "ratio", height > 0 ? (gdouble)width / (gdouble)height : 0.0, 2);
    write_ints(out, "region", region, 4);
}

static void
write_state(GString *out, const gchar *key, const VigilUploadFormInput *input,
            const VigilUploadLine *line)
{
    const gboolean ended = line->type == VIGIL_EVENT_END;

    vigil_upload_json_begin(out, key, '{');
    vigil_upload_json_string(out, "id", line->id);
    vigil_upload_json_string(out, "camera", line->camera);
    write_seconds(out, "frame_time", line->end_us);
    vigil_upload_json_raw(out, "snapshot", "null");
    vigil_upload_json_string(out, "label", line->label);
    vigil_upload_json_raw(out, "sub_label", "null");
    vigil_upload_json_number(out, "top_score", line->top_score, 4);
    vigil_upload_json_raw(out, "false_positive", "false");
    write_seconds(out, "start_time", line->start_us);
    if (ended)
        write_seconds(out, "end_time", line->end_us);
    else
        vigil_upload_json_raw(out, "end_time", "null");
    vigil_upload_json_number(out, "score", line->score, 4);
    write_pixels(out, input, line);
    vigil_upload_json_raw(out, "active", ended ? "false" : "true");
    vigil_upload_json_raw(out, "stationary", "false");
    vigil_upload_json_int(out, "motionless_count", 0);
    vigil_upload_json_int(out, "position_changes", 0);
    write_names(out, "current_zones", ended ? NULL : line->zones);
    write_names(out, "entered_zones", line->zones);
    vigil_upload_json_raw(out, "has_clip", line->clip ? "true" : "false");
    vigil_upload_json_raw(out, "has_snapshot", "false");
    vigil_upload_json_raw(out, "attributes", "{}");
    vigil_upload_json_raw(out, "current_attributes", "[]");
    vigil_upload_json_end(out, '}');
}

static const gchar *
name_type(VigilEventType type)
{
    return type == VIGIL_EVENT_BEGIN ? "new" : type == VIGIL_EVENT_END ? "end" : "update";
}

gchar *
vigil_upload_form_frigate_event(const VigilUploadFormInput *input, const VigilUploadLine *line,
                                const VigilUploadLine *before)
{
    GString *out = g_string_sized_new(2048);

    vigil_upload_json_begin(out, NULL, '{');
    vigil_upload_json_string(out, "type", name_type(line->type));
    write_state(out, "before", input, before ? before : line);
    write_state(out, "after", input, line);
    vigil_upload_json_string(out, "key", input->key);
    vigil_upload_json_string(out, "rule", line->rule);
    vigil_upload_json_end(out, '}');
    return g_string_free(out, FALSE);
}

static void
write_review(GString *out, const gchar *key, const VigilUploadLine *line)
{
    vigil_upload_json_begin(out, key, '{');
    vigil_upload_json_string(out, "id", line->id);
    vigil_upload_json_string(out, "camera", line->camera);
    write_seconds(out, "start_time", line->start_us);
    if (line->type == VIGIL_EVENT_END)
        write_seconds(out, "end_time", line->end_us);
    else
        vigil_upload_json_raw(out, "end_time", "null");
    vigil_upload_json_string(out, "severity", "alert");
    vigil_upload_json_string(out, "thumb_path", NULL);
    vigil_upload_json_begin(out, "data", '{');
    vigil_upload_json_begin(out, "detections", '[');
    vigil_upload_json_string(out, NULL, line->id);
    vigil_upload_json_end(out, ']');
    vigil_upload_json_begin(out, "objects", '[');
    if (line->label)
        vigil_upload_json_string(out, NULL, line->label);
    vigil_upload_json_end(out, ']');
    vigil_upload_json_raw(out, "sub_labels", "[]");
    write_names(out, "zones", line->zones);
    vigil_upload_json_raw(out, "audio", "[]");
    vigil_upload_json_end(out, '}');
    vigil_upload_json_end(out, '}');
}

gchar *
vigil_upload_form_frigate_review(const VigilUploadLine *line, const VigilUploadLine *before)
{
    GString *out = g_string_sized_new(1024);

    vigil_upload_json_begin(out, NULL, '{');
    vigil_upload_json_string(out, "type", name_type(line->type));
    write_review(out, "before", before ? before : line);
    write_review(out, "after", line);
    vigil_upload_json_end(out, '}');
    return g_string_free(out, FALSE);
}

/* PREFIX/PLACE/LABEL and the same with /active: objects that have an open event are those that are there, and they are active. */
static void
add_count(GPtrArray *pieces, const gchar *prefix, const gchar *place, const gchar *label,
          guint count)
{
    g_autofree gchar *place_level = vigil_upload_form_level(place);
    g_autofree gchar *label_level = vigil_upload_form_level(label);
    gchar *topic = g_strdup_printf("%s/%s/%s", prefix, place_level, label_level);

    g_ptr_array_add(pieces, vigil_upload_piece_new(g_strconcat(topic, "/active", NULL),
                                                   g_strdup_printf("%u", count), FALSE));
    g_ptr_array_add(pieces, vigil_upload_piece_new(topic, g_strdup_printf("%u", count), FALSE));
}

GPtrArray *
vigil_upload_form_frigate_places(const VigilUploadLine *line, const VigilUploadLine *before)
{
    const gboolean same_camera = before && line->type == VIGIL_EVENT_UPDATE;
    GPtrArray *places = g_ptr_array_new_with_free_func(g_free);

    if (!same_camera)
        g_ptr_array_add(places, NULL);
    for (guint i = 0; line->zones && i < json_array_get_length(line->zones); i++) {
        const gchar *zone = json_array_get_string_element(line->zones, i);

        /* one that is called as its camera has that one's topics */
        if (!g_str_equal(zone, line->camera) &&
            !(same_camera && vigil_upload_line_has_zone(before, zone)))
            g_ptr_array_add(places, g_strdup(zone));
    }
    return places;
}

void
vigil_upload_form_frigate_counts(GPtrArray *pieces, const gchar *prefix,
                                 const VigilUploadLine *line, const GPtrArray *places,
                                 const VigilUploadScene *scene)
{
    for (guint i = 0; i < places->len; i++) {
        const gchar *zone = places->pdata[i];
        const gchar *camera = zone ? NULL : line->camera;
        const gchar *name = zone ? zone : line->camera;

        if (line->label)
            add_count(pieces, prefix, name, line->label,
                      vigil_upload_scene_count(scene, camera, zone, line->label, NULL));
        add_count(pieces, prefix, name, "all",
                  vigil_upload_scene_count(scene, camera, zone, NULL, NULL));
    }
}
