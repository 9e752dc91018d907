/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/upload/vigil-upload-form-private.h"

#include <math.h>
#include <string.h>

#include "pipeline/upload/vigil-upload-json.h"

/*
 * As gvametaconvert writes a frame with one object: the one that the event is about, where it was seen best. What Vigil alone
 * knows is in `tags`, which is the user's there.
 */

static void
write_detection(GString *out, const VigilUploadLine *line)
{
    vigil_upload_json_begin(out, "detection", '{');
    vigil_upload_json_begin(out, "bounding_box", '{');
    vigil_upload_json_number(out, "x_max", line->box[2], 4);
    vigil_upload_json_number(out, "x_min", line->box[0], 4);
    vigil_upload_json_number(out, "y_max", line->box[3], 4);
    vigil_upload_json_number(out, "y_min", line->box[1], 4);
    vigil_upload_json_end(out, '}');
    vigil_upload_json_number(out, "confidence", line->top_score, 4);
    vigil_upload_json_string(out, "label", line->label);
    vigil_upload_json_end(out, '}');
}

static void
write_places(GString *out, const VigilUploadLine *line)
{
    vigil_upload_json_begin(out, "zone_violations", '[');
    for (guint i = 0; line->zones && i < json_array_get_length(line->zones); i++)
        vigil_upload_json_string(out, NULL, json_array_get_string_element(line->zones, i));
    vigil_upload_json_end(out, ']');
    vigil_upload_json_begin(out, "tripwire_crossings", '[');
    for (guint i = 0; line->lines && i < json_array_get_length(line->lines); i++) {
        const gchar *name = json_array_get_string_element(line->lines, i);
        const gchar *colon = strrchr(name, ':');
        g_autofree gchar *wire = colon ? g_strndup(name, (gsize)(colon - name)) : g_strdup(name);

        vigil_upload_json_begin(out, NULL, '{');
        vigil_upload_json_string(out, "tripwire_id", wire);
        vigil_upload_json_int(out, "direction", g_strcmp0(colon, ":out") == 0 ? -1 : 1);
        vigil_upload_json_end(out, '}');
    }
    vigil_upload_json_end(out, ']');
}

static void
write_object(GString *out, const VigilUploadFormInput *input, const VigilUploadLine *line)
{
    vigil_upload_json_begin(out, NULL, '{');
    write_detection(out, line);
    if (input->width > 0 && input->height > 0) {
        const gdouble x = CLAMP(line->box[0], 0.0, 1.0) * input->width;
        const gdouble y = CLAMP(line->box[1], 0.0, 1.0) * input->height;

        vigil_upload_json_int(out, "x", lround(x));
        vigil_upload_json_int(out, "y", lround(y));
        vigil_upload_json_int(out, "w",
                              lround(CLAMP(line->box[2], 0.0, 1.0) * input->width) - lround(x));
        vigil_upload_json_int(out, "h",
                              lround(CLAMP(line->box[3], 0.0, 1.0) * input->height) - lround(y));
    }
    vigil_upload_json_int(out, "id", line->track);
    vigil_upload_json_int(out, "region_id", line->track);
    vigil_upload_json_string(out, "roi_type", line->label);
    write_places(out, line);
    vigil_upload_json_end(out, '}');
}

gchar *
vigil_upload_form_dlstreamer(const VigilUploadFormInput *input, const VigilUploadLine *line)
{
    GString *out = g_string_sized_new(1024);

    vigil_upload_json_begin(out, NULL, '{');
    vigil_upload_json_begin(out, "objects", '[');
    write_object(out, input, line);
    vigil_upload_json_end(out, ']');
    if (input->width > 0 && input->height > 0) {
        vigil_upload_json_begin(out, "resolution", '{');
        vigil_upload_json_int(out, "height", input->height);
        vigil_upload_json_int(out, "width", input->width);
        vigil_upload_json_end(out, '}');
    }
    vigil_upload_json_string(out, "source", line->camera);
    vigil_upload_json_begin(out, "tags", '{');
    vigil_upload_json_string(out, "key", input->key);
    vigil_upload_json_string(out, "event", line->id);
    vigil_upload_json_string(out, "type", vigil_event_type_to_string(line->type));
    vigil_upload_json_string(out, "rule", line->rule);
    vigil_upload_json_string(out, "clip", line->clip);
    vigil_upload_json_end(out, '}');
    vigil_upload_json_int(out, "timestamp", line->end_ns);
    vigil_upload_json_int(out, "system_timestamp", line->end_us * 1000);
    vigil_upload_json_end(out, '}');
    return g_string_free(out, FALSE);
}
