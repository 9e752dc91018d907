/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** VIGIL_ASSIGN_FORBIDDEN: cost of a pair that must not be made; every other cost is far below it. */
#define VIGIL_ASSIGN_FORBIDDEN 1e6f

/**
 * VigilAssign:
 *
 * Optimal assignment (Hungarian method with shortest augmenting paths, as Jonker and Volgenant have it): as many
 * allowed pairs as can be, and of those sets one with the least sum of costs. Equal input, equal output. Allocates only
 * in new. Time: smaller side squared times the larger.
 */
typedef struct VigilAssign VigilAssign;

VigilAssign *vigil_assign_new(guint max_rows, guint max_columns);
void vigil_assign_free(VigilAssign *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilAssign, vigil_assign_free)

/** vigil_assign_set: cost of a pair: 0 … 1000, or %VIGIL_ASSIGN_FORBIDDEN. */
void vigil_assign_set(VigilAssign *self, guint row, guint column, gfloat cost);

/**
 * vigil_assign_solve:
 * @n_rows: rows in use, up to max_rows; each pair of the used rows and columns was set before
 * @columns: (out): for each row its column, or -1
 *
 * Returns: number of pairs made
 */
guint vigil_assign_solve(VigilAssign *self, guint n_rows, guint n_columns, gint *columns);

G_END_DECLS
