/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-privacy-mask.h"

G_BEGIN_DECLS

/* A product of two distances in 1/256 pixel stays below 2^49. */
#define VIGIL_MASK_SPANS_MAX_SIZE 65535

/** VigilMaskSpan: columns @begin to @end - 1 of a row. */
typedef struct {
    guint begin, end;
} VigilMaskSpan;

/**
 * VigilMaskSpans:
 * @spans: of all rows, from top to bottom; within a row from left to right, without touching one another
 * @rows: @height + 1 numbers: row y has spans[rows[y]] to spans[rows[y + 1] - 1]
 *
 * Which pixels of a picture a mask covers: every one of which a polygon, corners rounded to 1/256 pixel, covers any part, so that
 * nothing of what is masked shows at the edges. Immutable.
 *
 * Equals, but for the time it takes: covered(x, y) = for any polygon: its outline goes through the pixel's inside, or
 * goes around the pixel's centre.
 */
typedef struct {
    guint width, height;
    VigilMaskSpan *spans;
    guint *rows;
} VigilMaskSpans;

/** vigil_mask_spans_new: (transfer full): @width, @height: 1 to %VIGIL_MASK_SPANS_MAX_SIZE pixels */
VigilMaskSpans *vigil_mask_spans_new(const VigilPrivacyMask *mask, guint width, guint height);

/**
 * vigil_mask_spans_subsample: (transfer full): the same for a plane of which each sample stands for 1 << @shift_x by 1 << @shift_y pixels:
 * covered is each sample that any covered pixel has a part in. The last column and row may stand for less.
 * @fields: the picture may be two fields: a sample's pixels are then of every other row, so that two rows of samples together
 *   stand for twice as many rows of pixels
 */
VigilMaskSpans *vigil_mask_spans_subsample(const VigilMaskSpans *self, guint shift_x, guint shift_y,
                                           gboolean fields);

void vigil_mask_spans_free(VigilMaskSpans *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilMaskSpans, vigil_mask_spans_free)

/**
 * vigil_mask_spans_fill:
 * @data: the sample of column 0, row 0
 * @stride: bytes from a row to the next; may be negative
 * @step: bytes from a sample to the next
 * @value: @size bytes, at most @step, that each covered sample gets
 *
 * Writes nothing but the covered samples: the last byte is at most @data + (height - 1) * @stride + (width - 1) * @step + @size - 1.
 * Threads: any number at a time. Allocates nothing.
 */
void vigil_mask_spans_fill(const VigilMaskSpans *self, guint8 *data, gssize stride, guint step,
                           const guint8 *value, guint size);

G_END_DECLS
