/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/vigil-spot-model.h"

#include <glib/gstdio.h>

#include "tests/support/vigil-tflite-writer.h"

#define CELL 16
#define PATCH (CELL * CELL * 3)
/* Pixels as int8 / 128: black is -1, white almost 1. */
#define INPUT_SCALE (1.0f / 128)
/* A logit is GAIN * (mean of the cell) plus an offset. */
#define GAIN 8.0f
#define OFFSET -4.0f

static gint
map_tensor(VigilTfliteWriter *w, gint32 height, gint32 width, gint32 channels, gfloat scale,
           gint32 zero_point)
{
    const gint32 dims[] = {1, height, width, channels};

    return vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 4, dims, NULL, 0, scale, zero_point);
}

/* @weights: channels × kernel × kernel × 3, of @scale; @bias: in units of the sums */
static gint
add_conv(VigilTfliteWriter *w, gint in, gint out, gint32 channels, gint32 kernel,
         const gint8 *weights, gfloat scale, const gint32 *bias, gint8 activation)
{
    const gint32 dims[] = {channels, kernel, kernel, 3};
    const gint filter = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 4, dims, weights,
                                                   (gsize)channels * kernel * kernel * 3, scale, 0);
    const gint sums =
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 1, &channels, bias,
                                   (gsize)channels * sizeof *bias, INPUT_SCALE * scale, 0);

    vigil_tflite_writer_operator(w, 3, (gint32[]){in, filter, sums}, 3, &out, 1);
    vigil_tflite_writer_option_i8(w, 0, 0); /* same padding */
    vigil_tflite_writer_option_i32(w, 1, kernel == CELL ? CELL : 1);
    vigil_tflite_writer_option_i32(w, 2, kernel == CELL ? CELL : 1);
    vigil_tflite_writer_option_i8(w, 3, activation);
    return out;
}

/* The picture as it is, after some work. */
static gint
add_work(VigilTfliteWriter *w, gint in, const VigilSpot *spot)
{
    static const gint32 none[3];
    gint8 weights[3 * 25 * 3] = {0};

    for (guint c = 0; c < 3; c++)
        weights[c * 75 + 12 * 3 + c] = 127;
    for (guint i = 0; i < spot->work; i++)
        in = add_conv(w, in, map_tensor(w, spot->height, spot->width, 3, INPUT_SCALE, 0), 3, 5,
                      weights, 1.0f / 127, none, 0);
    return in;
}

static gint
add_scores(VigilTfliteWriter *w, gint in, const VigilSpot *spot, gint32 height, gint32 width)
{
    const gint8 level = spot->kind == VIGIL_SPOT_BRIGHT  ? 127
                        : spot->kind == VIGIL_SPOT_FLOOD ? -127
                                                         : 0;
    const gfloat scale = GAIN / PATCH / 127;
    g_autofree gint8 *weights = g_new0(gint8, (gsize)spot->n_classes * PATCH);
    g_autofree gint32 *bias = g_new0(gint32, spot->n_classes);

    for (guint i = 0; i < PATCH; i++)
        weights[i] = level;
    for (gint32 i = 0; i < spot->n_classes; i++)
        bias[i] = (gint32)((i == 0 && level ? OFFSET : 2 * OFFSET) / (INPUT_SCALE * scale));
    return add_conv(w, in, map_tensor(w, height, width, spot->n_classes, 0.1f, 0), spot->n_classes,
                    CELL, weights, scale, bias, 0);
}

static gint
add_distances(VigilTfliteWriter *w, gint in, gint32 height, gint32 width)
{
    const gfloat scale = 0.01f;
    const gint32 one = (gint32)(1.0f / (INPUT_SCALE * scale)), bias[] = {one, one, one, one};
    g_autofree gint8 *weights = g_new0(gint8, 4 * PATCH);

    return add_conv(w, in, map_tensor(w, height, width, 4, 0.05f, -128), 4, CELL, weights, scale,
                    bias, 1);
}

GBytes *
vigil_spot_model(const VigilSpot *spot)
{
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    const gint32 height = spot->height / CELL, width = spot->width / CELL;
    const gint in = map_tensor(w, spot->height, spot->width, 3, INPUT_SCALE, 0);
    const gint picture = add_work(w, in, spot);
    const gint32 outputs[] = {add_scores(w, picture, spot, height, width),
                              add_distances(w, picture, height, width)};

    vigil_tflite_writer_interface(w, &in, 1, outputs, 2);
    return vigil_tflite_writer_finish(w);
}

static void
write_file(const gchar *folder, const gchar *name, gconstpointer data, gssize length)
{
    g_autofree gchar *path = g_build_filename(folder, name, NULL);
    g_autoptr(GError) error = NULL;

    g_file_set_contents(path, data, length, &error);
    g_assert_no_error(error);
}

void
vigil_spot_package(const VigilSpot *spot, const gchar *folder, const gchar *name,
                   const gchar *version, const gchar *labels)
{
    g_autoptr(GBytes) model = vigil_spot_model(spot);
    g_autofree gchar *manifest = g_strdup_printf("[model]\nname=%s\nversion=%s\nfile=model.tflite\n"
                                                 "labels=labels.txt\nlicence=none\n"
                                                 "decoder=anchor-free\n"
                                                 "[input]\nresize=stretch\n"
                                                 "[detect]\nthreshold=0.5\n",
                                                 name, version);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    write_file(folder, "manifest.ini", manifest, -1);
    write_file(folder, "labels.txt", labels, -1);
    write_file(folder, "model.tflite", g_bytes_get_data(model, NULL),
               (gssize)g_bytes_get_size(model));
}
