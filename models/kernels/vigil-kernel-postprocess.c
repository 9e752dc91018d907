/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "models/kernels/vigil-flexbuffer-private.h"
#include "models/kernels/vigil-kernel-clones-private.h"
#include "models/kernels/vigil-kernel-postprocess-private.h"
#include "models/kernels/vigil-kernel-private.h"
#include "models/kernels/vigil-kernel-sort-private.h"

/*
 * TFLite_Detection_PostProcess: box encodings [1, N, >= 4] (y, x, h, w), scores [1, N, classes or classes + 1
 * with the background first] and anchors [N, 4] (y, x, h, w) to boxes [1, M, 4], classes [1, M], scores
 * [1, M] and a count [1]; M = max_detections * max_classes_per_detection, places that stay empty are 0.
 *
 *   y = encoding.y / y_scale * anchor.h + anchor.y        h = exp(encoding.h / h_scale) * anchor.h
 *
 * Fast suppression: each anchor stands with its best score, whatever the class, and takes its best classes
 * along. Regular: each class on its own, then the best of all of them.
 */

#define MAX_OUTPUTS 65536
#define INDEX_BYTES(n) ((gsize)(n) * sizeof(guint32))

typedef struct {
    gfloat y0, x0, y1, x1;
} Corners;

typedef struct {
    guint n_boxes, n_columns, n_classes, box_columns;
    guint max_detections, classes_per_detection, per_class;
    gfloat score_threshold, iou_threshold, y_scale, x_scale, h_scale, w_scale;
    gboolean regular;
} Params;

/* Working memory, in the node's scratch. */
typedef struct {
    Corners *boxes;       /* N */
    gfloat *scores;       /* N: of the class, or of each anchor's best */
    guint32 *heap;        /* N + max_detections */
    guint32 *selected;    /* N */
    guint32 *order;       /* max(N + max_detections, classes) */
    guint32 *found;       /* regular: N + max_detections: anchor * classes + class */
    gfloat *found_scores; /* max(N + max_detections, classes) */
} Scratch;

static gsize
scratch_bytes(const Params *p)
{
    const gsize n = p->n_boxes, more = n + p->max_detections;

    return n * (sizeof(Corners) + sizeof(gfloat) + sizeof(guint32)) + 2 * INDEX_BYTES(more) +
           2 * INDEX_BYTES(MAX(more, p->n_columns));
}

static void
place_scratch(const Params *p, guint8 *base, Scratch *scratch)
{
    const gsize n = p->n_boxes, more = n + p->max_detections;
    gsize at = 0;

    scratch->boxes = (Corners *)(base + at);
    at += n * sizeof(Corners);
    scratch->scores = (gfloat *)(base + at);
    at += n * sizeof(gfloat);
    scratch->heap = (guint32 *)(base + at);
    at += INDEX_BYTES(more);
    scratch->selected = (guint32 *)(base + at);
    at += INDEX_BYTES(n);
    scratch->order = (guint32 *)(base + at);
    at += INDEX_BYTES(MAX(more, p->n_columns));
    scratch->found = (guint32 *)(base + at);
    at += INDEX_BYTES(more);
    scratch->found_scores = (gfloat *)(base + at);
}

static gfloat
real_at(const VigilTensor *tensor, const void *data, gsize i)
{
    if (tensor->type == VIGIL_TENSOR_FLOAT32)
        return ((const gfloat *)data)[i];
    return ((gfloat)((const guint8 *)data)[i] - (gfloat)tensor->zero_point) * tensor->scale;
}

static Corners
decode_box(const VigilNode *node, const VigilRun *run, guint index)
{
    const Params *p = node->params;
    const VigilTensor *encoding = vigil_node_input(run->graph, node, 0);
    const VigilTensor *anchor = vigil_node_input(run->graph, node, 2);
    const void *encodings = vigil_run_input(run, node, 0), *anchors = vigil_run_input(run, node, 2);
    gfloat e[4], a[4], y, x, half_h, half_w;

    for (guint k = 0; k < 4; k++) {
        e[k] = real_at(encoding, encodings, (gsize)index * p->box_columns + k);
        a[k] = real_at(anchor, anchors, (gsize)index * 4 + k);
    }
    y = (gfloat)((gdouble)e[0] / p->y_scale * a[2] + a[0]);
    x = (gfloat)((gdouble)e[1] / p->x_scale * a[3] + a[1]);
    half_h = (gfloat)(0.5 * exp((gdouble)e[2] / p->h_scale) * a[2]);
    half_w = (gfloat)(0.5 * exp((gdouble)e[3] / p->w_scale) * a[3]);
    return (Corners){y - half_h, x - half_w, y + half_h, x + half_w};
}

static gfloat
overlap(const Corners *a, const Corners *b)
{
    const gfloat area_a = (a->y1 - a->y0) * (a->x1 - a->x0);
    const gfloat area_b = (b->y1 - b->y0) * (b->x1 - b->x0);
    const gfloat height = MIN(a->y1, b->y1) - MAX(a->y0, b->y0);
    const gfloat width = MIN(a->x1, b->x1) - MAX(a->x0, b->x0);
    const gfloat common = MAX(height, 0.0f) * MAX(width, 0.0f);

    if (area_a <= 0 || area_b <= 0)
        return 0;
    return common / (area_a + area_b - common);
}

/* Higher scores first; of equals the lower index. */
static gboolean
goes_first(const gfloat *scores, guint32 a, guint32 b)
{
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
}

static void
sift_down(const gfloat *scores, guint32 *heap, guint n, guint at)
{
    const guint32 moving = heap[at];

    while (2 * at + 1 < n) {
        guint child = 2 * at + 1;

        if (child + 1 < n && goes_first(scores, heap[child + 1], heap[child]))
            child++;
        if (!goes_first(scores, heap[child], moving))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

/* Greedy suppression of the boxes by s->scores; the indices of what stays go to s->selected. Boxes are decoded when it is their turn. */
static guint
suppress(const VigilNode *node, const VigilRun *run, const Scratch *s, guint limit)
{
    const Params *p = node->params;
    guint n = 0, n_selected = 0;

    for (guint i = 0; i < p->n_boxes; i++) {
        if (s->scores[i] >= p->score_threshold)
            s->heap[n++] = i;
    }
    for (guint i = n / 2; i-- > 0;)
        sift_down(s->scores, s->heap, n, i);
    while (n > 0 && n_selected < limit) {
        const guint32 index = s->heap[0];
        guint k = 0;

        s->boxes[index] = decode_box(node, run, index);
        while (k < n_selected &&
               !(overlap(&s->boxes[s->selected[k]], &s->boxes[index]) > p->iou_threshold))
            k++;
        if (k == n_selected)
            s->selected[n_selected++] = index;
        s->heap[0] = s->heap[--n];
        if (n > 0)
            sift_down(s->scores, s->heap, n, 0);
    }
    return n_selected;
}

/* The scores of an anchor's classes, without the background, as real numbers. */
static void
load_scores(const VigilNode *node, const VigilRun *run, guint anchor, gfloat *scores)
{
    const Params *p = node->params;
    const VigilTensor *tensor = vigil_node_input(run->graph, node, 1);
    const void *data = vigil_run_input(run, node, 1);
    const gsize first = (gsize)anchor * p->n_columns + (p->n_columns - p->n_classes);

    for (guint c = 0; c < p->n_classes; c++)
        scores[c] = real_at(tensor, data, first + c);
}

VIGIL_CLONES static guint8
highest_of(const guint8 *data, guint n)
{
    guint8 highest = 0;

    for (guint i = 0; i < n; i++)
        highest = MAX(highest, data[i]);
    return highest;
}

/* Of the anchor's classes. Bytes are in the order of the numbers that they stand for. */
static gfloat
best_score(const VigilNode *node, const VigilRun *run, const Scratch *s, guint anchor)
{
    const Params *p = node->params;
    const VigilTensor *tensor = vigil_node_input(run->graph, node, 1);
    const guint8 *data = vigil_run_input(run, node, 1);
    const gsize first = (gsize)anchor * p->n_columns + (p->n_columns - p->n_classes);

    if (tensor->type == VIGIL_TENSOR_UINT8) {
        const guint8 highest = highest_of(data + first, p->n_classes);

        return real_at(tensor, &highest, 0);
    }
    load_scores(node, run, anchor, s->found_scores);
    vigil_kernel_partial_argsort(s->found_scores, p->n_classes,
                                 MIN(p->classes_per_detection, p->n_classes), s->order);
    return s->found_scores[s->order[0]];
}

static guint
run_fast(const VigilNode *node, const VigilRun *run, const Scratch *s, gfloat *classes,
         gfloat *scores, Corners *boxes)
{
    const Params *p = node->params;
    const guint n_best = MIN(p->classes_per_detection, p->n_classes);
    guint n;

    for (guint i = 0; i < p->n_boxes; i++)
        s->scores[i] = best_score(node, run, s, i);
    n = suppress(node, run, s, p->max_detections);
    for (guint i = 0; i < n; i++) {
        load_scores(node, run, s->selected[i], s->found_scores);
        vigil_kernel_partial_argsort(s->found_scores, p->n_classes, n_best, s->order);
        for (guint k = 0; k < n_best; k++) {
            const gsize at = (gsize)i * p->classes_per_detection + k;

            boxes[at] = s->boxes[s->selected[i]];
            classes[at] = (gfloat)s->order[k];
            scores[at] = s->found_scores[s->order[k]];
        }
    }
    return n;
}

/* Merges what was selected of class @c into the best of the classes before, both best first; of equal scores
 * the new one goes first. Returns: how many there are now, never more than max_detections. */
static guint
merge_class(const Params *p, const Scratch *s, guint n, guint n_selected, guint c, gfloat *scores)
{
    const guint n_merged = MIN(n + n_selected, p->max_detections);
    guint old = 0, new = 0;

    for (guint i = 0; i < n_merged; i++) {
        const gboolean take_new =
            new < n_selected && (old == n || s->scores[s->selected[new]] >= s->found_scores[old]);

        scores[i] = take_new ? s->scores[s->selected[new]] : s->found_scores[old];
        s->order[i] = take_new ? s->selected[new ++] * p->n_classes + c : s->found[old++];
    }
    memcpy(s->found, s->order, INDEX_BYTES(n_merged));
    memcpy(s->found_scores, scores, n_merged * sizeof(gfloat));
    return n_merged;
}

static guint
run_regular(const VigilNode *node, const VigilRun *run, const Scratch *s, gfloat *classes,
            gfloat *scores, Corners *boxes)
{
    const Params *p = node->params;
    const VigilTensor *tensor = vigil_node_input(run->graph, node, 1);
    const void *data = vigil_run_input(run, node, 1);
    guint n = 0;

    for (guint c = 0; c < p->n_classes; c++) {
        const gsize column = c + (p->n_columns - p->n_classes);

        for (guint i = 0; i < p->n_boxes; i++)
            s->scores[i] = real_at(tensor, data, (gsize)i * p->n_columns + column);
        n = merge_class(p, s, n, suppress(node, run, s, MIN(p->per_class, p->max_detections)), c,
                        scores);
    }
    for (guint i = 0; i < n; i++) {
        boxes[i] = s->boxes[s->found[i] / p->n_classes];
        classes[i] = (gfloat)(s->found[i] % p->n_classes);
    }
    return n;
}

static void
postprocess_run(const VigilNode *node, const VigilRun *run)
{
    const Params *p = node->params;
    Corners *boxes = vigil_run_output(run, node, 0);
    gfloat *classes = vigil_run_output(run, node, 1), *scores = vigil_run_output(run, node, 2);
    gfloat *count = vigil_run_output(run, node, 3);
    Scratch scratch;

    for (guint i = 0; i < 3; i++)
        memset(vigil_run_output(run, node, i), 0, vigil_node_output(run->graph, node, i)->bytes);
    place_scratch(p, vigil_run_scratch(run, node), &scratch);
    *count = (gfloat)(p->regular ? run_regular(node, run, &scratch, classes, scores, boxes)
                                 : run_fast(node, run, &scratch, classes, scores, boxes));
}

guint
vigil_kernel_postprocess_n_classes(const VigilGraph *graph)
{
    for (guint i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i].run == postprocess_run)
            return ((const Params *)graph->nodes[i].params)->n_classes;
    }
    return 0;
}

/* One number of the custom options, in a range; @value keeps its default when it may be left out and is. */
static gboolean
get_option(const VigilGraph *graph, const VigilNode *node, const gchar *key, gboolean needed,
           gdouble low, gdouble high, gdouble *value, GError **error)
{
    if (!vigil_flexbuffer_get_number(node->custom, node->custom_bytes, key, value) && needed)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "option %s is missing", key);
    if (*value >= low && *value <= high)
        return TRUE;
    return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                           "option %s is %g, not %g to %g", key, *value, low, high);
}

static gboolean
read_options(const VigilGraph *graph, const VigilNode *node, Params *p, GError **error)
{
    static const gchar *const scale_keys[] = {"y_scale", "x_scale", "h_scale", "w_scale"};
    gfloat *const scales[] = {&p->y_scale, &p->x_scale, &p->h_scale, &p->w_scale};
    gdouble max_detections = 0, classes_per_detection = 0, per_class = 100, n_classes = 0,
            regular = 0;
    gdouble score_threshold = 0, iou_threshold = 0;

    if (!get_option(graph, node, "max_detections", TRUE, 1, MAX_OUTPUTS, &max_detections, error) ||
        !get_option(graph, node, "max_classes_per_detection", TRUE, 1, 1024, &classes_per_detection,
                    error) ||
        !get_option(graph, node, "detections_per_class", FALSE, 1, MAX_OUTPUTS, &per_class,
                    error) ||
        !get_option(graph, node, "use_regular_nms", FALSE, 0, 1, &regular, error) ||
        !get_option(graph, node, "num_classes", TRUE, 1, 65535, &n_classes, error) ||
        !get_option(graph, node, "nms_score_threshold", TRUE, -G_MAXFLOAT, G_MAXFLOAT,
                    &score_threshold, error) ||
        !get_option(graph, node, "nms_iou_threshold", TRUE, G_MINFLOAT, 1, &iou_threshold, error))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(scales); i++) {
        gdouble scale = 0;

        if (!get_option(graph, node, scale_keys[i], TRUE, G_MINFLOAT, G_MAXFLOAT, &scale, error))
            return FALSE;
        *scales[i] = (gfloat)scale;
    }
    if (max_detections * classes_per_detection > MAX_OUTPUTS)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_TOO_LARGE,
                               "more than %d detections", MAX_OUTPUTS);
    p->max_detections = (guint)max_detections;
    p->classes_per_detection = (guint)classes_per_detection;
    p->per_class = (guint)per_class;
    p->n_classes = (guint)n_classes;
    p->regular = regular != 0;
    p->score_threshold = (gfloat)score_threshold;
    p->iou_threshold = (gfloat)iou_threshold;
    return TRUE;
}

static gboolean
check_inputs(const VigilGraph *graph, const VigilNode *node, Params *p, GError **error)
{
    const VigilTensor *encodings = vigil_node_input(graph, node, 0);
    const VigilTensor *scores = vigil_node_input(graph, node, 1);
    const VigilTensor *anchors = vigil_node_input(graph, node, 2);

    for (guint i = 0; i < 3; i++) {
        const VigilTensor *tensor = vigil_node_input(graph, node, i);

        if (tensor->type != VIGIL_TENSOR_FLOAT32 &&
            (tensor->type != VIGIL_TENSOR_UINT8 || tensor->n_scales != 1))
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                                   "input %u must be FLOAT32, or UINT8 with one scale", i);
    }
    if (encodings->type != anchors->type)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "box encodings and anchors must have the same type");
    if (encodings->n_dims != 3 || encodings->dims[0] != 1 || encodings->dims[1] < 1 ||
        encodings->dims[2] < 4 || scores->n_dims != 3 || scores->dims[0] != 1 ||
        scores->dims[1] != encodings->dims[1] || anchors->n_dims != 2 ||
        anchors->dims[0] != encodings->dims[1] || anchors->dims[1] != 4)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "shapes must be [1, N, 4], [1, N, classes] and [N, 4]");
    p->n_boxes = (guint)encodings->dims[1];
    p->box_columns = (guint)encodings->dims[2];
    p->n_columns = (guint)scores->dims[2];
    if (p->n_columns == p->n_classes || p->n_columns == p->n_classes + 1)
        return TRUE;
    return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                           "%u columns of scores do not fit %u classes", p->n_columns,
                           p->n_classes);
}

/* Of boxes with boxes that were selected before them. */
static guint64
most_comparisons(const Params *p)
{
    const guint limit = p->regular ? MIN(p->per_class, p->max_detections) : p->max_detections;

    return (guint64)p->n_boxes * MIN(limit, p->n_boxes) * (p->regular ? p->n_classes : 1u);
}

static gboolean
postprocess_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    Params *p;
    gint32 n;

    if (!vigil_node_check_arity(graph, node, 3, 3, 4, error))
        return FALSE;
    p = vigil_node_params(node, sizeof *p);
    if (!read_options(graph, node, p, error) || !check_inputs(graph, node, p, error))
        return FALSE;
    for (guint i = 0; i < 4; i++) {
        if (vigil_node_output(graph, node, i)->type != VIGIL_TENSOR_FLOAT32)
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                                   "output %u must be FLOAT32", i);
    }
    n = (gint32)(p->max_detections * p->classes_per_detection);
    node->scratch_bytes = scratch_bytes(p);
    node->work = most_comparisons(p);
    return vigil_node_set_output(graph, node, 0, 3, (const gint32[]){1, n, 4}, error) &&
           vigil_node_set_output(graph, node, 1, 2, (const gint32[]){1, n}, error) &&
           vigil_node_set_output(graph, node, 2, 2, (const gint32[]){1, n}, error) &&
           vigil_node_set_output(graph, node, 3, 1, (const gint32[]){1}, error);
}

const VigilOp vigil_ops_postprocess[] = {
    {VIGIL_OP_CUSTOM, "TFLite_Detection_PostProcess", "TFLite_Detection_PostProcess",
     postprocess_prepare, postprocess_run},
    {0},
};
