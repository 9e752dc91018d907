/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/overlay/vigil-glyphs.h"

#include <cairo.h>
#include <math.h>
#include <string.h>

/* Labels of all the world's scripts at once are unlikely; memory stays bounded all the same. */
#define MAX_GLYPHS 1024

struct VigilGlyphs {
    cairo_t *measure; /* on a surface of one pixel */
    guint size;
    gint ascent, descent;
    GHashTable *glyphs; /* gunichar -> VigilGlyph */
};

static void
free_glyph(gpointer data)
{
    VigilGlyph *glyph = data;

    g_free(glyph->coverage);
    g_free(glyph);
}

static void
select_font(const VigilGlyphs *self, cairo_t *cairo)
{
    cairo_select_font_face(cairo, "sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    cairo_set_font_size(cairo, self->size);
}

VigilGlyphs *
vigil_glyphs_new(guint size)
{
    VigilGlyphs *self = g_new0(VigilGlyphs, 1);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    cairo_font_extents_t extents;

    self->size = CLAMP(size, 4, 500);
    self->measure = cairo_create(surface);
    cairo_surface_destroy(surface);
    select_font(self, self->measure);
    cairo_font_extents(self->measure, &extents);
    self->ascent = ceil(extents.ascent);
    self->descent = ceil(extents.descent);
    self->glyphs = g_hash_table_new_full(NULL, NULL, NULL, free_glyph);
    return self;
}

void
vigil_glyphs_free(VigilGlyphs *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->glyphs);
    cairo_destroy(self->measure);
    g_free(self);
}

static void
render(const VigilGlyphs *self, const gchar *text, VigilGlyph *glyph)
{
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_A8, glyph->width, glyph->height);
    cairo_t *cairo = cairo_create(surface);

    select_font(self, cairo);
    cairo_move_to(cairo, -glyph->left, -glyph->top);
    cairo_show_text(cairo, text);
    cairo_surface_flush(surface);
    if (cairo_status(cairo) == CAIRO_STATUS_SUCCESS) {
        glyph->stride = cairo_image_surface_get_stride(surface);
        glyph->coverage =
            g_memdup2(cairo_image_surface_get_data(surface), (gsize)glyph->stride * glyph->height);
    }
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
}

static VigilGlyph *
make_glyph(const VigilGlyphs *self, gunichar character)
{
    VigilGlyph *glyph = g_new0(VigilGlyph, 1);
    cairo_text_extents_t extents;
    gchar text[8] = {0};

    g_unichar_to_utf8(character, text);
    cairo_text_extents(self->measure, text, &extents);
    glyph->left = floor(extents.x_bearing);
    glyph->top = floor(extents.y_bearing);
    glyph->width = ceil(extents.x_bearing + extents.width) - glyph->left;
    glyph->height = ceil(extents.y_bearing + extents.height) - glyph->top;
    glyph->advance = lrint(extents.x_advance);
    if (glyph->width > 0 && glyph->height > 0)
        render(self, text, glyph);
    if (!glyph->coverage)
        glyph->width = glyph->height = 0;
    return glyph;
}

const VigilGlyph *
vigil_glyphs_get(VigilGlyphs *self, gunichar character)
{
    VigilGlyph *glyph = g_hash_table_lookup(self->glyphs, GUINT_TO_POINTER(character));

    if (glyph)
        return glyph;
    if (g_hash_table_size(self->glyphs) >= MAX_GLYPHS)
        g_hash_table_remove_all(self->glyphs);
    glyph = make_glyph(self, character);
    g_hash_table_insert(self->glyphs, GUINT_TO_POINTER(character), glyph);
    return glyph;
}

gint
vigil_glyphs_get_ascent(const VigilGlyphs *self)
{
    return self->ascent;
}

gint
vigil_glyphs_get_height(const VigilGlyphs *self)
{
    return self->ascent + self->descent;
}

gunichar
vigil_glyphs_next(const gchar *text, const gchar **next)
{
    const gunichar character = g_utf8_get_char_validated(text, -1);

    if (character == (gunichar)-1 || character == (gunichar)-2) {
        *next = text + 1;
        return '?';
    }
    *next = g_utf8_next_char(text);
    return character;
}

gint
vigil_glyphs_measure(VigilGlyphs *self, const gchar *text)
{
    gint width = 0;

    while (*text)
        width += vigil_glyphs_get(self, vigil_glyphs_next(text, &text))->advance;
    return width;
}
