/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-graph-private.h"

G_BEGIN_DECLS

/**
 * VigilPlanItem:
 * @bytes: size
 * @first: first moment it is alive
 * @last: last moment it is alive, inclusive, not before @first
 * @offset: (out): multiple of %VIGIL_ALIGN
 */
typedef struct {
    gsize bytes;
    guint first, last;
    gsize offset;
} VigilPlanItem;

/**
 * vigil_plan_items:
 * @items: (inout): get their offsets; two that are alive at one moment never overlap
 * @total: (out): bytes that hold them all
 *
 * Largest first, each at the lowest offset that is free over its whole lifetime. Deterministic.
 *
 * Returns: %FALSE when @total would be larger than @limit
 * Checked by tests/models/test-plan.c against brute force.
 */
gboolean vigil_plan_items(VigilPlanItem *items, guint n, gsize limit, gsize *total);

/**
 * vigil_plan_graph: lifetimes and offsets of every tensor and scratch area of @graph, once all nodes
 * are prepared and its flow is known. Moment 0 is before the first node, moment i + 1 is node i, the last is after
 * them all. Where only the plan for several threads is too large, its @arena_bytes is 0.
 */
gboolean vigil_plan_graph(VigilGraph *graph, GError **error);

G_END_DECLS
