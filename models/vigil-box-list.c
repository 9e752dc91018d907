/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-box-list.h"

#include <math.h>
#include <string.h>

#include "models/vigil-model.h"

#define MAX_FIELDS 6

static gboolean
parse_number(const gchar *text, gfloat *number)
{
    gchar *end;

    *number = (gfloat)g_ascii_strtod(text, &end);
    return end != text && !*end && isfinite(*number);
}

static gboolean
check_box(const VigilBox *box)
{
    return box->x1 > box->x0 && box->y1 > box->y0;
}

static gboolean
parse_line(const gchar *line, VigilDetection *box)
{
    g_auto(GStrv) fields = g_strsplit(line, "\t", -1);
    gfloat numbers[MAX_FIELDS - 1];

    if (g_strv_length(fields) != MAX_FIELDS)
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (!parse_number(g_strstrip(fields[i + 1]), &numbers[i]))
            return FALSE;
    }
    box->label = g_intern_string(g_strstrip(fields[0]));
    box->score = numbers[0];
    box->box = (VigilBox){numbers[1], numbers[2], numbers[3], numbers[4]};
    return check_box(&box->box);
}

static gboolean
parse_yolo_line(const gchar *line, const gchar *const *labels, guint n_labels, VigilDetection *box)
{
    g_auto(GStrv) fields = g_strsplit_set(line, " \t", -1);
    gfloat numbers[MAX_FIELDS - 1];
    guint n = 0;

    for (guint i = 0; fields[i]; i++) {
        /* several spaces in a row are one */
        if (!*fields[i])
            continue;
        if (n == G_N_ELEMENTS(numbers) || !parse_number(fields[i], &numbers[n++]))
            return FALSE;
    }
    if (n != G_N_ELEMENTS(numbers) || numbers[0] < 0 || numbers[0] >= (gfloat)n_labels ||
        numbers[0] != floorf(numbers[0]))
        return FALSE;
    box->label_id = (gint32)numbers[0];
    box->label = labels[box->label_id];
    box->score = 1;
    box->box = (VigilBox){numbers[1] - numbers[3] / 2, numbers[2] - numbers[4] / 2,
                          numbers[1] + numbers[3] / 2, numbers[2] + numbers[4] / 2};
    return check_box(&box->box);
}

/* @labels: NULL: the form with names */
static GArray *
parse(const gchar *text, gsize length, const gchar *name, const gchar *const *labels,
      guint n_labels, GError **error)
{
    g_autoptr(GArray) boxes = g_array_new(FALSE, TRUE, sizeof(VigilDetection));
    g_autofree gchar *copy = g_strndup(text, length);
    g_auto(GStrv) lines =
        g_strsplit(g_utf8_validate(text, (gssize)length, NULL) ? copy : "?", "\n", -1);

    for (guint i = 0; lines[i]; i++) {
        VigilDetection box = {0};

        if (!*g_strstrip(lines[i]) || *lines[i] == '#')
            continue;
        if (boxes->len < VIGIL_BOX_LIST_MAX &&
            (labels ? parse_yolo_line(lines[i], labels, n_labels, &box)
                    : parse_line(lines[i], &box))) {
            g_array_append_val(boxes, box);
            continue;
        }
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                    labels ? "%s:%u: a box is a line of class number, x, y, width, height in parts "
                             "of the picture, with a class that the model has; at most %d"
                           : "%s:%u: a box is a line of label, score, x0, y0, x1, y1 with tabs "
                             "between, at most %d",
                    name, i + 1, VIGIL_BOX_LIST_MAX);
        return NULL;
    }
    return g_steal_pointer(&boxes);
}

GArray *
vigil_box_list_parse(const gchar *text, gsize length, const gchar *name, GError **error)
{
    return parse(text, length, name, NULL, 0, error);
}

GArray *
vigil_box_list_parse_yolo(const gchar *text, gsize length, const gchar *name,
                          const gchar *const *labels, guint n_labels, GError **error)
{
    return parse(text, length, name, labels, n_labels, error);
}

void
vigil_box_match_add(VigilBoxMatch *self, const VigilDetection *reference, guint n_reference,
                    const VigilDetection *boxes, guint n_boxes, gfloat min_iou)
{
    g_autofree gboolean *taken = g_new0(gboolean, n_boxes + 1);
    guint matched = 0;

    for (guint r = 0; r < n_reference; r++) {
        guint best = n_boxes;
        gfloat best_iou = min_iou;

        for (guint i = 0; i < n_boxes; i++) {
            const gfloat iou = vigil_box_iou(&reference[r].box, &boxes[i].box);

            if (taken[i] || boxes[i].label != reference[r].label || iou < best_iou ||
                (best < n_boxes && iou == best_iou))
                continue;
            best = i;
            best_iou = iou;
        }
        if (best == n_boxes)
            continue;
        taken[best] = TRUE;
        matched++;
        self->overlap += (gdouble)best_iou;
        self->score_difference += fabs((gdouble)reference[r].score - (gdouble)boxes[best].score);
    }
    self->matched += matched;
    self->missed += n_reference - matched;
    self->extra += n_boxes - matched;
}
