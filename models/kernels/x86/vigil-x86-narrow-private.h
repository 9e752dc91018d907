/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/kernels/vigil-isa-private.h"

G_BEGIN_DECLS

/*
 * Matrix products by vpmaddubsw. It saturates its sums of two products at 16 bits, so that weights are laid out such that
 * they cannot get there: a step is two groups of four activations, and in each of its words four products come together,
 * whose positive weights come to at most 128, and so do the negative ones (128 * 255 fits into 16 bits). Groups of one
 * piece are paired so that most do; what is left of the others' weights makes further steps with the same activations.
 * Trained weights are mostly small and take little more than one step for two groups.
 */
#define VIGIL_NARROW_GROUP 4u
#define VIGIL_NARROW_LANES 8u
#define VIGIL_NARROW_SUM 128

/**
 * VigilNarrow: how a panel's packed weights are found in its memory.
 * @counts: [runs] steps of each piece
 * @places: [steps][2] where in the piece the groups of a step begin
 * @weights: [steps][2][vectors * lanes][group], aligned to VIGIL_ALIGN
 */
typedef struct {
    const guint16 *counts, *places;
    const gint8 *weights;
} VigilNarrow;

/** vigil_narrow_open: @runs: of the call. */
static inline VigilNarrow
vigil_narrow_open(const VigilPanel *panel, guint runs)
{
    const guint16 *counts = panel->weights;
    gsize steps = 0;

    for (guint t = 0; t < runs; t++)
        steps += counts[t];
    return (VigilNarrow){
        .counts = counts,
        .places = counts + runs,
        .weights = (const gint8 *)panel->weights +
                   vigil_isa_round_up((runs + 2 * steps) * sizeof(guint16), 64),
    };
}

/** vigil_narrow_pack: see VigilIsa.gemm_pack. */
guint vigil_narrow_pack(const VigilIsa *isa, const VigilPanel *panel, guint runs, guint run,
                        VigilIsaWeight weight, gconstpointer data, void *out);

G_END_DECLS
