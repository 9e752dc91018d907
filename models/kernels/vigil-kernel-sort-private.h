/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * vigil_kernel_partial_argsort:
 * @values: @n of them
 * @n_sorted: at most @n
 * @indices: (out): room for @n; the first @n_sorted are those of the highest values, highest first
 *
 * Which of equal values comes first is not by index but as a heap of the first @n_sorted leaves it: the
 * order that std::partial_sort() gives in libstdc++, on which TensorFlow Lite's results rest.
 * For one value it is the first of the highest, as there. Checked by tests/models/test-postprocess.c.
 */
void vigil_kernel_partial_argsort(const gfloat *values, guint n, guint n_sorted, guint32 *indices);

G_END_DECLS
