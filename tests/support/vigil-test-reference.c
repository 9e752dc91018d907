/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/vigil-test-reference.h"

#include <json-glib/json-glib.h>

static void
reference_free(gpointer data)
{
    VigilTestReference *reference = data;

    g_free(reference->file);
    g_array_unref(reference->detections);
    g_free(reference);
}

static VigilTestReference *
reference_new(GPtrArray *list, gchar *file)
{
    VigilTestReference *reference = g_new0(VigilTestReference, 1);

    reference->file = file;
    reference->detections = g_array_new(FALSE, TRUE, sizeof(VigilDetection));
    g_ptr_array_add(list, reference);
    return reference;
}

static void
read_line(GPtrArray *list, JsonObject *line)
{
    VigilTestReference *reference =
        reference_new(list, g_strdup(json_object_get_string_member(line, "file")));
    JsonArray *detections = json_object_get_array_member(line, "detections");

    for (guint i = 0; i < json_array_get_length(detections); i++) {
        JsonObject *object = json_array_get_object_element(detections, i);
        JsonArray *box = json_object_get_array_member(object, "box_ymin_xmin_ymax_xmax");
        const VigilDetection detection = {
            .box = {(gfloat)json_array_get_double_element(box, 1),
                    (gfloat)json_array_get_double_element(box, 0),
                    (gfloat)json_array_get_double_element(box, 3),
                    (gfloat)json_array_get_double_element(box, 2)},
            .score = (gfloat)json_object_get_double_member(object, "score"),
            .label_id = (gint32)json_object_get_int_member(object, "cls"),
            .label = g_intern_string(json_object_get_string_member(object, "label")),
        };

        g_array_append_val(reference->detections, detection);
    }
}

GPtrArray *
vigil_test_reference_load(const gchar *path)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(reference_free);
    g_autofree gchar *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return list;
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        g_autoptr(JsonParser) parser = json_parser_new();

        if (*lines[i] && json_parser_load_from_data(parser, lines[i], -1, NULL))
            read_line(list, json_node_get_object(json_parser_get_root(parser)));
    }
    return list;
}

static const gchar *
category_name(JsonArray *categories, gint64 id)
{
    for (guint i = 0; i < json_array_get_length(categories); i++) {
        JsonObject *category = json_array_get_object_element(categories, i);

        if (json_object_get_int_member(category, "id") == id)
            return g_intern_string(json_object_get_string_member(category, "name"));
    }
    return g_intern_static_string("?");
}

static void
read_image(GPtrArray *list, JsonObject *root, JsonObject *image)
{
    JsonArray *annotations = json_object_get_array_member(root, "annotations");
    const gdouble width = json_object_get_double_member(image, "width");
    const gdouble height = json_object_get_double_member(image, "height");
    VigilTestReference *reference = reference_new(
        list, g_build_filename("images", "coco", json_object_get_string_member(image, "file_name"),
                               NULL));

    for (guint i = 0; i < json_array_get_length(annotations); i++) {
        JsonObject *object = json_array_get_object_element(annotations, i);
        JsonArray *box = json_object_get_array_member(object, "bbox");
        VigilDetection detection = {.score = 1};
        gdouble x, y;

        if (json_object_get_int_member(object, "image_id") !=
            json_object_get_int_member(image, "id"))
            continue;
        x = json_array_get_double_element(box, 0);
        y = json_array_get_double_element(box, 1);
        detection.box = (VigilBox){(gfloat)(x / width), (gfloat)(y / height),
                                   (gfloat)((x + json_array_get_double_element(box, 2)) / width),
                                   (gfloat)((y + json_array_get_double_element(box, 3)) / height)};
        detection.label = category_name(json_object_get_array_member(root, "categories"),
                                        json_object_get_int_member(object, "category_id"));
        g_array_append_val(reference->detections, detection);
    }
}

GPtrArray *
vigil_test_reference_load_coco(const gchar *path)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(reference_free);
    g_autoptr(JsonParser) parser = json_parser_new();
    JsonObject *root;
    JsonArray *images;

    if (!json_parser_load_from_file(parser, path, NULL))
        return list;
    root = json_node_get_object(json_parser_get_root(parser));
    images = json_object_get_array_member(root, "images");
    for (guint i = 0; i < json_array_get_length(images); i++)
        read_image(list, root, json_array_get_object_element(images, i));
    return list;
}
