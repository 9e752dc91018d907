/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-nms.h"

static gboolean
is_better(const VigilCandidate *a, const VigilCandidate *b)
{
    if (a->score != b->score)
        return a->score > b->score;
    if (a->index != b->index)
        return a->index < b->index;
    return a->class_id < b->class_id;
}

/* Lets the entry at @at sink until no child is better: the heap has the best on top. */
static void
sift_down(VigilCandidate *heap, guint n, guint at)
{
    const VigilCandidate moving = heap[at];

    while (2 * at + 1 < n) {
        guint child = 2 * at + 1;

        if (child + 1 < n && is_better(&heap[child + 1], &heap[child]))
            child++;
        if (!is_better(&heap[child], &moving))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

static gboolean
is_suppressed(const VigilCandidate *candidate, gfloat iou_threshold, const VigilCandidate *kept,
              guint n_kept)
{
    for (guint i = 0; i < n_kept; i++) {
        if (kept[i].class_id == candidate->class_id &&
            vigil_box_iou(&kept[i].box, &candidate->box) > iou_threshold)
            return TRUE;
    }
    return FALSE;
}

guint
vigil_nms(VigilCandidate *candidates, guint n, gfloat iou_threshold, VigilCandidate *kept,
          guint capacity)
{
    guint n_kept = 0;

    for (guint i = n / 2; i-- > 0;)
        sift_down(candidates, n, i);
    while (n > 0 && n_kept < capacity) {
        if (!is_suppressed(&candidates[0], iou_threshold, kept, n_kept))
            kept[n_kept++] = candidates[0];
        candidates[0] = candidates[--n];
        if (n > 0)
            sift_down(candidates, n, 0);
    }
    return n_kept;
}
