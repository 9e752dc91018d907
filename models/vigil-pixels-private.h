/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-colour-private.h"
#include "models/vigil-resample-private.h"

G_BEGIN_DECLS

/* Values that the functions below may read and write beyond the rows that the caller keeps (not the frame or the input). */
#define VIGIL_PIXELS_SLACK 96

/**
 * VigilPixels: the inner loops of preprocessing, one table an instruction set; all give the same bytes as the plain C
 * of vigil_pixels_ref, see tests/models/test-pixels.c.
 *
 * @name: as in VIGIL_ISA
 * @rows: one output row from @n_taps rows of bytes: 14-bit weights, 8 + 6 bits out. Reads @n bytes of each row, no more.
 * @pick: out[i] = row[i * step], @step 2, 3 or 4
 * @columns: axis->n_out values of 8 + 6 bits; @axis must be padded
 * @yuv: R', G', B' as bytes
 * @round: samples to the nearest bytes
 * @pack: out[3 * i + c] = planes[c][i] ^ flip; writes 3 * @n bytes, no more
 */
typedef struct {
    const gchar *name;
    void (*rows)(const guint8 *first, gsize stride, const guint16 *weights, guint n_taps, guint n,
                 guint16 *out);
    void (*pick)(const guint16 *row, guint step, guint n, guint16 *out);
    void (*columns)(const VigilResampleAxis *axis, const guint16 *row, gint16 *out);
    void (*yuv)(const VigilColourMatrix *matrix, const gint16 *y, const gint16 *u, const gint16 *v,
                guint n, guint8 *const *rgb);
    void (*round)(const gint16 *samples, guint n, guint8 *out);
    void (*pack)(const guint8 *const *planes, guint n, guint8 flip, guint8 *out);
} VigilPixels;

extern const VigilPixels vigil_pixels_ref;
#ifdef __x86_64__
extern const VigilPixels vigil_pixels_avx2;
#elif defined __aarch64__
extern const VigilPixels vigil_pixels_neon;
#endif

/** vigil_pixels_list: those that this processor can run, slowest first; NULL at the end. */
const VigilPixels *const *vigil_pixels_list(void);

/** vigil_pixels_select: the fastest, or the one that goes with what VIGIL_ISA says. */
const VigilPixels *vigil_pixels_select(void);

G_END_DECLS
