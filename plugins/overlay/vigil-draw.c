/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/overlay/vigil-draw.h"

#include <math.h>

#include "plugins/overlay/vigil-glyphs.h"

#define OPAQUE 255
#define GROUND_ALPHA 200
#define FAINT_ALPHA 110

struct VigilDraw {
    guint line_width, font_size; /* as asked, 0: automatic */
    guint glyph_size;            /* of @glyphs */
    VigilGlyphs *glyphs;
};

VigilDraw *
vigil_draw_new(guint line_width, guint font_size)
{
    VigilDraw *self = g_new0(VigilDraw, 1);

    self->line_width = line_width;
    self->font_size = font_size;
    return self;
}

void
vigil_draw_free(VigilDraw *self)
{
    if (!self)
        return;
    vigil_glyphs_free(self->glyphs);
    g_free(self);
}

VigilColour
vigil_draw_get_colour(guint64 number)
{
    static const VigilColour colours[] = {
        {230, 25, 75},  {60, 180, 75},  {255, 225, 25}, {0, 130, 200},  {245, 130, 48},
        {145, 30, 180}, {70, 240, 240}, {240, 50, 230}, {210, 245, 60}, {250, 190, 212},
    };

    return colours[number % G_N_ELEMENTS(colours)];
}

static gint
line_width(const VigilDraw *self, const VigilImage *image)
{
    return self->line_width ? self->line_width : MAX(image->height / 240, 2);
}

static VigilGlyphs *
ensure_glyphs(VigilDraw *self, const VigilImage *image)
{
    const guint size = self->font_size ? self->font_size : MAX(image->height / 30, 10);

    if (self->glyphs && self->glyph_size == size)
        return self->glyphs;
    vigil_glyphs_free(self->glyphs);
    self->glyphs = vigil_glyphs_new(size);
    self->glyph_size = size;
    return self->glyphs;
}

static void
draw_glyph(const VigilImage *image, const VigilGlyph *glyph, gint x, gint baseline, VigilInk ink)
{
    for (gint row = 0; row < glyph->height; row++)
        vigil_canvas_blend_row(image, x + glyph->left, baseline + glyph->top + row, glyph->width,
                               glyph->coverage + (gsize)row * glyph->stride, OPAQUE, ink);
}

/* Black on bright grounds, white on dark ones. */
static VigilColour
text_colour(VigilColour ground)
{
    const guint brightness = (299 * ground.r + 587 * ground.g + 114 * ground.b) / 1000;

    return brightness > 140 ? (VigilColour){0, 0, 0} : (VigilColour){255, 255, 255};
}

static void
draw_text_at(VigilDraw *self, const VigilImage *image, gint x, gint top, const gchar *text,
             VigilColour colour)
{
    VigilGlyphs *glyphs = ensure_glyphs(self, image);
    const gint baseline = top + vigil_glyphs_get_ascent(glyphs);
    const gint margin = line_width(self, image);
    const VigilInk ink = vigil_canvas_ink(image, text_colour(colour));

    vigil_canvas_fill(image, x, top, vigil_glyphs_measure(glyphs, text) + 2 * margin,
                      vigil_glyphs_get_height(glyphs), GROUND_ALPHA,
                      vigil_canvas_ink(image, colour));
    x += margin;
    while (*text) {
        const VigilGlyph *glyph = vigil_glyphs_get(glyphs, vigil_glyphs_next(text, &text));

        draw_glyph(image, glyph, x, baseline, ink);
        x += glyph->advance;
    }
}

/* A place may be anything that a model or a rules file says; within this a gint holds every sum. */
static gint
to_pixels(gfloat part, guint size)
{
    return lrintf(CLAMP(part, -1.0f, 2.0f) * size);
}

void
vigil_draw_text(VigilDraw *self, const VigilImage *image, gfloat x, gfloat y, const gchar *text,
                VigilColour colour)
{
    const gint height = vigil_glyphs_get_height(ensure_glyphs(self, image));

    draw_text_at(self, image, to_pixels(x, image->width),
                 MAX(to_pixels(y, image->height) - height, 0), text, colour);
}

static void
draw_frame(const VigilImage *image, gint x0, gint y0, gint x1, gint y1, gint width, guint8 alpha,
           VigilInk ink)
{
    width = MIN(width, MIN(x1 - x0, y1 - y0));
    vigil_canvas_fill(image, x0, y0, x1 - x0, width, alpha, ink);
    vigil_canvas_fill(image, x0, y1 - width, x1 - x0, width, alpha, ink);
    vigil_canvas_fill(image, x0, y0 + width, width, y1 - y0 - 2 * width, alpha, ink);
    vigil_canvas_fill(image, x1 - width, y0 + width, width, y1 - y0 - 2 * width, alpha, ink);
}

void
vigil_draw_box(VigilDraw *self, const VigilImage *image, const VigilBox *box, const gchar *text,
               VigilColour colour, gboolean faint)
{
    const gint x0 = to_pixels(CLAMP(box->x0, 0.0f, 1.0f), image->width);
    const gint y0 = to_pixels(CLAMP(box->y0, 0.0f, 1.0f), image->height);
    const gint x1 = to_pixels(CLAMP(box->x1, 0.0f, 1.0f), image->width);
    const gint y1 = to_pixels(CLAMP(box->y1, 0.0f, 1.0f), image->height);

    if (x1 <= x0 || y1 <= y0)
        return;
    draw_frame(image, x0, y0, x1, y1, line_width(self, image), faint ? FAINT_ALPHA : OPAQUE,
               vigil_canvas_ink(image, colour));
    if (text && *text) {
        const gint height = vigil_glyphs_get_height(ensure_glyphs(self, image));

        draw_text_at(self, image, x0, y0 >= height ? y0 - height : y0, text, colour);
    }
}

void
vigil_draw_line(VigilDraw *self, const VigilImage *image, gfloat x0, gfloat y0, gfloat x1,
                gfloat y1, VigilColour colour)
{
    const VigilInk ink = vigil_canvas_ink(image, colour);
    const gint width = line_width(self, image);
    const gint ax = to_pixels(x0, image->width), ay = to_pixels(y0, image->height);
    const gint bx = to_pixels(x1, image->width), by = to_pixels(y1, image->height);
    const gint steps = MAX(ABS(bx - ax), ABS(by - ay));

    for (gint i = 0; i <= steps; i++) {
        const gint x = steps ? ax + (gint)lrint((gdouble)(bx - ax) * i / steps) : ax;
        const gint y = steps ? ay + (gint)lrint((gdouble)(by - ay) * i / steps) : ay;

        vigil_canvas_fill(image, x - width / 2, y - width / 2, width, width, OPAQUE, ink);
    }
}
