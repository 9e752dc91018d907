/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VigilGlyph:
 * @width: pixels, may be 0
 * @height: pixels, may be 0
 * @left: from the pen's place to the first column
 * @top: from the baseline down to the first row, usually negative
 * @advance: to the next pen's place
 * @coverage: 0..255 a pixel, rows of @stride bytes
 */
typedef struct {
    gint width, height, stride;
    gint left, top, advance;
    guint8 *coverage;
} VigilGlyph;

/**
 * VigilGlyphs:
 *
 * Characters of one font and size, each rendered once, so that text which changes with every frame (a score) needs no
 * memory. Not thread-safe.
 */
typedef struct VigilGlyphs VigilGlyphs;

/** vigil_glyphs_new: @size: of the font, pixels */
VigilGlyphs *vigil_glyphs_new(guint size);
void vigil_glyphs_free(VigilGlyphs *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilGlyphs, vigil_glyphs_free)

/** vigil_glyphs_get: borrowed until the next call; empty for a character that no font has. */
const VigilGlyph *vigil_glyphs_get(VigilGlyphs *self, gunichar character);
gint vigil_glyphs_get_ascent(const VigilGlyphs *self);
gint vigil_glyphs_get_height(const VigilGlyphs *self);
/** vigil_glyphs_measure: width of a text in pixels; @text: UTF-8, other bytes are shown as '?'. */
gint vigil_glyphs_measure(VigilGlyphs *self, const gchar *text);
/** vigil_glyphs_next: the character at @text and, in @next, where the one after it begins. */
gunichar vigil_glyphs_next(const gchar *text, const gchar **next);

G_END_DECLS
