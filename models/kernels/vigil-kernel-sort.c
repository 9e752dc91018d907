/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-sort-private.h"

/* A heap of indices with the lowest value on top. Its holes sink to the bottom first and rise from there
 * to where they belong; with equal values that ends elsewhere than stopping on the way down. */
static void
put_in_heap(const gfloat *values, guint32 *heap, guint n, guint hole, guint32 index)
{
    const guint top = hole;

    while (2 * hole + 2 < n) {
        const guint right = 2 * hole + 2;
        const guint child = values[heap[right]] > values[heap[right - 1]] ? right - 1 : right;

        heap[hole] = heap[child];
        hole = child;
    }
    if (2 * hole + 2 == n) {
        heap[hole] = heap[n - 1];
        hole = n - 1;
    }
    while (hole > top && values[heap[(hole - 1) / 2]] > values[index]) {
        heap[hole] = heap[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    heap[hole] = index;
}

void
vigil_kernel_partial_argsort(const gfloat *values, guint n, guint n_sorted, guint32 *indices)
{
    if (n_sorted == 1) {
        indices[0] = 0;
        for (guint i = 1; i < n; i++) {
            if (values[i] > values[indices[0]])
                indices[0] = i;
        }
        return;
    }
    for (guint i = 0; i < n; i++)
        indices[i] = i;
    for (guint i = n_sorted / 2; i-- > 0;)
        put_in_heap(values, indices, n_sorted, i, indices[i]);
    for (guint i = n_sorted; i < n; i++) {
        if (n_sorted > 0 && values[indices[i]] > values[indices[0]]) {
            const guint32 index = indices[i];

            indices[i] = indices[0];
            put_in_heap(values, indices, n_sorted, 0, index);
        }
    }
    for (guint last = n_sorted; last > 1;) {
        const guint32 index = indices[--last];

        indices[last] = indices[0];
        put_in_heap(values, indices, last, 0, index);
    }
}
