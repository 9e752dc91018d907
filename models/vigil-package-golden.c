/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "models/vigil-model.h"
#include "models/vigil-package.h"

#define MAX_GOLDEN 1000
#define MAX_BYTES (1u << 20)

static gboolean
parse_line(const gchar *line, VigilDetection *golden)
{
    g_auto(GStrv) fields = g_strsplit(line, "\t", -1);
    gfloat numbers[5];

    if (g_strv_length(fields) != 6)
        return FALSE;
    for (guint i = 0; i < 5; i++) {
        gchar *end;

        numbers[i] = (gfloat)g_ascii_strtod(g_strstrip(fields[i + 1]), &end);
        if (end == fields[i + 1] || *end || !isfinite(numbers[i]))
            return FALSE;
    }
    golden->label = g_intern_string(g_strstrip(fields[0]));
    golden->score = numbers[0];
    golden->box = (VigilBox){numbers[1], numbers[2], numbers[3], numbers[4]};
    return golden->box.x1 > golden->box.x0 && golden->box.y1 > golden->box.y0;
}

static GArray *
load_boxes(const VigilPackage *package, GError **error)
{
    const gchar *path = package->golden_boxes;
    g_autoptr(GArray) boxes = g_array_new(FALSE, TRUE, sizeof(VigilDetection));
    g_autoptr(GBytes) content = vigil_package_read(package, path, MAX_BYTES, error);
    g_autofree gchar *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!content) {
        g_prefix_error(error, "cannot read the golden boxes: ");
        return NULL;
    }
    text = g_strndup(g_bytes_get_data(content, NULL), g_bytes_get_size(content));
    lines = g_strsplit(g_utf8_validate(text, (gssize)g_bytes_get_size(content), NULL) ? text : "?",
                       "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        VigilDetection golden = {0};

        if (!*g_strstrip(lines[i]) || *lines[i] == '#')
            continue;
        if (!parse_line(lines[i], &golden) || boxes->len >= MAX_GOLDEN) {
            g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                        "%s:%u: a golden box is a line of label, score, x0, y0, x1, y1 with tabs "
                        "between, at most %d",
                        path, i + 1, MAX_GOLDEN);
            return NULL;
        }
        g_array_append_val(boxes, golden);
    }
    if (boxes->len > 0)
        return g_steal_pointer(&boxes);
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                "%s: no golden boxes in it; a golden input must show something", path);
    return NULL;
}

static gboolean
is_same(const VigilDetection *golden, const VigilDetection *found)
{
    return golden->label == found->label &&
           fabsf(golden->score - found->score) <= VIGIL_GOLDEN_SCORE &&
           vigil_box_iou(&golden->box, &found->box) >= VIGIL_GOLDEN_IOU;
}

static gboolean
refuse(const gchar *what, const VigilDetection *box, guint n_golden, guint n, GError **error)
{
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                "the golden boxes do not come out: %s \"%s\" %.3f at %.3f,%.3f-%.3f,%.3f (%u boxes "
                "expected, %u "
                "found); the model was converted wrongly or the manifest does not fit it",
                what, box->label, box->score, box->box.x0, box->box.y0, box->box.x1, box->box.y1,
                n_golden, n);
    return FALSE;
}

gboolean
vigil_package_check_golden(const VigilPackage *self, const VigilDetection *detections, guint n,
                           gfloat threshold, GError **error)
{
    g_autoptr(GArray) boxes = load_boxes(self, error);
    g_autofree gboolean *taken = g_new0(gboolean, n + 1);

    if (!boxes)
        return FALSE;
    for (guint g = 0; g < boxes->len; g++) {
        const VigilDetection *golden = &g_array_index(boxes, VigilDetection, g);
        guint i = 0;

        while (i < n && (taken[i] || !is_same(golden, &detections[i])))
            i++;
        if (i < n)
            taken[i] = TRUE;
        else if (golden->score > threshold + VIGIL_GOLDEN_SCORE)
            return refuse("missing is", golden, boxes->len, n, error);
    }
    for (guint i = 0; i < n; i++) {
        if (!taken[i] && detections[i].score > threshold + VIGIL_GOLDEN_SCORE)
            return refuse("not expected was", &detections[i], boxes->len, n, error);
    }
    return TRUE;
}
