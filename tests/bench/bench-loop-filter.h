/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-image.h"

G_BEGIN_DECLS

/** How a video is decoded. */
typedef enum {
    BENCH_WHOLE,
    BENCH_SKIPPED, /* without the loop filter */
    BENCH_N_WAYS,
} BenchWay;

/** BenchLooks: what two models see in the pictures of one video, decoded both ways. */
typedef struct BenchLooks BenchLooks;

/** bench_looks_new: @width, @height: of the pictures. Returns: (nullable): %NULL: the models are not here */
BenchLooks *bench_looks_new(guint width, guint height);
void bench_looks_free(BenchLooks *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BenchLooks, bench_looks_free)

/** bench_looks_add: @images: the same picture both ways, I420 */
void bench_looks_add(BenchLooks *self, const VigilImage images[BENCH_N_WAYS]);

/** bench_looks_print_head: the columns of bench_looks_print(). */
void bench_looks_print_head(void);
void bench_looks_print(const BenchLooks *self);

G_END_DECLS
