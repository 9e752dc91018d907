/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "models/vigil-box-list.h"
#include "models/vigil-model.h"
#include "models/vigil-package.h"

static GArray *
load_boxes(const VigilPackage *package, GError **error)
{
    const gchar *path = package->golden_boxes;
    g_autoptr(GBytes) content = vigil_package_read(package, path, VIGIL_BOX_LIST_MAX_BYTES, error);
    g_autoptr(GArray) boxes = NULL;
    gconstpointer text;
    gsize length;

    if (!content) {
        g_prefix_error(error, "cannot read the golden boxes: ");
        return NULL;
    }
    text = g_bytes_get_data(content, &length);
    boxes = vigil_box_list_parse(text ? text : "", length, path, error);
    if (!boxes || boxes->len > 0)
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
