/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** VigilSpotKind: what a spot model makes of a picture. */
typedef enum {
    VIGIL_SPOT_BRIGHT, /* a box where a cell of 16 × 16 pixels is bright */
    VIGIL_SPOT_BLIND,  /* nothing, whatever there is */
    VIGIL_SPOT_FLOOD,  /* a box where a cell is not bright */
} VigilSpotKind;

/**
 * VigilSpot:
 * @width: of the input, a multiple of 16
 * @height: likewise
 * @kind: see #VigilSpotKind
 * @n_classes: of its head; the box is always of the first
 * @work: convolutions more, each of width × height × 225 multiplications, to make it slow
 *
 * A detector so small that a test knows what it gives: boxes of two cells' size around the middle of each cell.
 */
typedef struct {
    gint32 width, height;
    VigilSpotKind kind;
    gint32 n_classes;
    guint work;
} VigilSpot;

/** vigil_spot_model: Returns: (transfer full): the `.tflite` file. */
GBytes *vigil_spot_model(const VigilSpot *spot);

/**
 * vigil_spot_package:
 * @folder: made when missing; what it holds is overwritten
 * @labels: lines of the labels file
 *
 * Writes a whole package: manifest, model, labels.
 */
void vigil_spot_package(const VigilSpot *spot, const gchar *folder, const gchar *name,
                        const gchar *version, const gchar *labels);

G_END_DECLS
