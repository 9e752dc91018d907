/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/kernels/vigil-kernel-private.h"

G_BEGIN_DECLS

/**
 * VigilSlice: a regular part of a tensor. Everything in elements.
 * @start: first element
 * @n_dims: loops, outermost first; @size: their lengths; @step: may be negative
 */
typedef struct {
    gsize start;
    guint n_dims;
    gint32 size[VIGIL_MAX_DIMS];
    gssize step[VIGIL_MAX_DIMS];
} VigilSlice;

/** vigil_slice_copy: the slice of @in, dense, to @out; @element: bytes of an element (1, 2, 4 or 8). */
void vigil_slice_copy(const VigilSlice *self, const guint8 *in, guint8 *out, gsize element);

G_END_DECLS
