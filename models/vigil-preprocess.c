/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-preprocess.h"

#include <math.h>
#include <string.h>

#include "models/vigil-preprocess-plan-private.h"

/* Cameras that share a detector seldom differ in more sizes than this. */
#define MAX_PLANS 8

struct VigilPreprocess {
    VigilTensorType type;
    guint width, height, n_channels;
    gsize plane, step; /* elements from a channel to the next, from a pixel to the next */
    VigilPreprocessOptions options;
    guint8 table8[3][256];
    gfloat table_float[3][256];
    gboolean plain; /* table8 is a pixel ^ flip for all channels */
    guint8 flip;
    const VigilPixels *pixels;
    guint8 *bytes[3];    /* a row of each channel */
    gint16 *channels[3]; /* the same, 8 + 6 bits */
    guint16 *row;        /* a row between the two passes, for the widest crop so far */
    guint16 *picked;     /* one channel of it */
    guint row_capacity;
    guint8 *margin; /* a row of the input that is all gray; planar: of each channel */
    gsize element;  /* bytes of an element of the input */
    VigilPreprocessPlan *plans[MAX_PLANS];
    guint64 n_runs;
};

VigilPreprocessOptions
vigil_preprocess_options_defaults(void)
{
    return (VigilPreprocessOptions){.std = {1, 1, 1}, .pad = 114};
}

gboolean
vigil_input_shape(const VigilTensorInfo *input, VigilInputShape *shape)
{
    const gint32 *dims = input->dims;
    const gboolean planar = dims[3] != 1 && dims[3] != 3;
    const gint32 *sides = planar ? &dims[2] : &dims[1];
    const gint32 n_channels = dims[planar ? 1 : 3];

    if (input->n_dims != 4 || dims[0] != 1 || (n_channels != 1 && n_channels != 3) ||
        sides[0] < 1 || sides[1] < 1 || sides[0] > VIGIL_PREPROCESS_MAX_SIDE ||
        sides[1] > VIGIL_PREPROCESS_MAX_SIDE)
        return FALSE;
    *shape = (VigilInputShape){(guint)sides[1], (guint)sides[0], (guint)n_channels, planar};
    return TRUE;
}

static gboolean
check_input(const VigilTensorInfo *input, const VigilPreprocessOptions *options,
            VigilInputShape *shape, GError **error)
{
    const gboolean known = input->type == VIGIL_TENSOR_UINT8 || input->type == VIGIL_TENSOR_INT8 ||
                           input->type == VIGIL_TENSOR_FLOAT32;

    if (!vigil_input_shape(input, shape) || !known) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "input \"%s\" is no image: it must be uint8, int8 or float32 of shape "
                    "[1, height, width, 3 or 1] or [1, 3 or 1, height, width]",
                    input->name ? input->name : "");
        return FALSE;
    }
    if (shape->n_channels == 1 ? options->colour == VIGIL_COLOUR_BGR
                               : options->colour == VIGIL_COLOUR_GRAY) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "input \"%s\" has %u channel(s), which does not fit the colour asked for",
                    input->name ? input->name : "", shape->n_channels);
        return FALSE;
    }
    if (options->normalise && input->type != VIGIL_TENSOR_FLOAT32 && !(input->scale > 0)) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "input \"%s\" has no quantization, so mean and std cannot be applied",
                    input->name ? input->name : "");
        return FALSE;
    }
    return TRUE;
}

static void
fill_tables(VigilPreprocess *self, const VigilTensorInfo *input)
{
    const gint low = input->type == VIGIL_TENSOR_INT8 ? -128 : 0;

    for (guint c = 0; c < 3; c++) {
        for (gint p = 0; p < 256; p++) {
            const gdouble real = (p - (gdouble)self->options.mean[c]) / self->options.std[c];
            gint q = p + low;

            if (self->options.normalise && input->type != VIGIL_TENSOR_FLOAT32)
                q = (gint)lrint(CLAMP(real / input->scale + input->zero_point, low, low + 255));
            self->table8[c][p] = (guint8)q;
            self->table_float[c][p] = self->options.normalise ? (gfloat)real : p / 255.0f;
        }
    }

    self->flip = (guint8)(low & 0x80);
    self->plain = self->type != VIGIL_TENSOR_FLOAT32;
    for (guint i = 0; i < 3 * 256; i++)
        self->plain &= self->table8[i / 256][i % 256] == ((i % 256) ^ self->flip);
}

static void
make_margin(VigilPreprocess *self)
{
    const gboolean floats = self->type == VIGIL_TENSOR_FLOAT32;
    const guint n = self->width * self->n_channels;

    self->element = floats ? sizeof(gfloat) : 1;
    self->margin = g_malloc(n * self->element);
    for (guint i = 0; i < n; i++) {
        const guint c = self->step == 1 ? i / self->width : i % self->n_channels;

        if (floats)
            memcpy(self->margin + i * sizeof(gfloat), &self->table_float[c][self->options.pad],
                   sizeof(gfloat));
        else
            self->margin[i] = self->table8[c][self->options.pad];
    }
}

VigilPreprocess *
vigil_preprocess_new(const VigilTensorInfo *input, const VigilPreprocessOptions *options,
                     GError **error)
{
    VigilPreprocess *self;
    VigilInputShape shape;

    if (!check_input(input, options, &shape, error))
        return NULL;
    self = g_new0(VigilPreprocess, 1);
    self->type = input->type;
    self->height = shape.height;
    self->width = shape.width;
    self->n_channels = shape.n_channels;
    self->plane = shape.planar ? (gsize)shape.width * shape.height : 1;
    self->step = shape.planar ? 1 : shape.n_channels;
    self->options = *options;
    self->pixels = vigil_pixels_select();
    if (self->n_channels == 1)
        self->options.colour = VIGIL_COLOUR_GRAY;
    for (guint c = 0; c < 3; c++) {
        self->channels[c] = g_new0(gint16, self->width + VIGIL_PIXELS_SLACK);
        self->bytes[c] = g_new0(guint8, self->width + VIGIL_PIXELS_SLACK);
    }
    fill_tables(self, input);
    make_margin(self);
    return self;
}

void
vigil_preprocess_free(VigilPreprocess *self)
{
    if (!self)
        return;
    for (guint i = 0; i < MAX_PLANS; i++)
        vigil_preprocess_plan_free(self->plans[i]);
    for (guint c = 0; c < 3; c++) {
        g_free(self->channels[c]);
        g_free(self->bytes[c]);
    }
    g_free(self->row);
    g_free(self->picked);
    g_free(self->margin);
    g_free(self);
}

/* The plan of this crop; made in the place of the one that was used longest ago. */
static VigilPreprocessPlan *
find_plan(VigilPreprocess *self, const VigilImage *image, const VigilCrop *crop)
{
    guint oldest = 0, row_bytes;
    VigilPreprocessPlan *plan;

    for (guint i = 0; i < MAX_PLANS; i++) {
        plan = self->plans[i];
        if (plan && vigil_preprocess_plan_fits(plan, image, crop))
            return plan;
        if (!plan || (self->plans[oldest] && plan->last_used < self->plans[oldest]->last_used))
            oldest = i;
    }
    if (!self->plans[oldest])
        self->plans[oldest] = g_new0(VigilPreprocessPlan, 1);
    plan = self->plans[oldest];
    vigil_preprocess_plan_set(plan, image, crop, self->options.resize, self->width, self->height);
    row_bytes = MAX(plan->row_bytes[0], MAX(plan->row_bytes[1], plan->row_bytes[2]));
    if (row_bytes > self->row_capacity) {
        g_free(self->row);
        g_free(self->picked);
        self->row_capacity = row_bytes;
        self->row = g_new0(guint16, row_bytes + VIGIL_PIXELS_SLACK);
        self->picked = g_new0(guint16, row_bytes + VIGIL_PIXELS_SLACK);
    }
    return plan;
}

static gboolean
image_is_valid(const VigilImage *image)
{
    const VigilPixelLayout *layout = vigil_pixel_layout(image->format);

    if (!layout || image->width < 1 || image->height < 1 ||
        image->width > VIGIL_PREPROCESS_MAX_SIDE || image->height > VIGIL_PREPROCESS_MAX_SIDE)
        return FALSE;
    for (guint p = 0; p < layout->n_planes; p++) {
        if (!image->planes[p] || image->strides[p] < vigil_pixel_row_bytes(layout, p, image->width))
            return FALSE;
    }
    return TRUE;
}

/* Samples of the channels to the bytes they mean. */
static void
convert(VigilPreprocess *self, const VigilPixelLayout *layout, const VigilColourMatrix *matrix,
        guint n)
{
    gint16 *const *in = self->channels;
    guint8 *const *out = self->bytes;

    if (self->n_channels == 1 && layout->yuv)
        vigil_colour_luma_to_gray(matrix, in[0], n, out[0]);
    else if (self->n_channels == 1 && layout->n_channels == 3)
        vigil_colour_rgb_to_gray(in[0], in[1], in[2], n, out[0]);
    else if (layout->yuv)
        self->pixels->yuv(matrix, in[0], in[1], in[2], n, out);
    else
        for (guint c = 0; c < layout->n_channels; c++)
            self->pixels->round(in[c], n, out[c]);
    if (self->n_channels == 3 && layout->n_channels == 1) {
        memcpy(out[1], out[0], n);
        memcpy(out[2], out[0], n);
    }
}

/* First byte of the plane's rows that the crop touches. */
static const guint8 *
crop_plane(const VigilImage *image, const VigilPreprocessPlan *plan, const VigilCrop *crop,
           const VigilPixelChannel *channel)
{
    const guint x = crop->x - plan->odd_x;
    const guint y = channel->halved_y ? crop->y / 2 : crop->y;
    /* a packed pair of pixels shares its chroma; else each plane has its own step */
    const gsize column = (gsize)(channel->halved_x ? x / 2 : x) * channel->step;

    return image->planes[channel->plane] + (gsize)y * image->strides[channel->plane] + column;
}

static void
resample_row(VigilPreprocess *self, const VigilPreprocessPlan *plan, const VigilImage *image,
             const VigilCrop *crop, guint y)
{
    const VigilPixelLayout *layout = vigil_pixel_layout(image->format);
    const guint n_channels = layout->yuv && self->n_channels == 1 ? 1 : layout->n_channels;

    for (guint c = 0; c < n_channels; c++) {
        const VigilPixelChannel *channel = &layout->channels[c];
        const VigilResampleAxis *down = channel->halved_y ? &plan->y_half : &plan->y_full;
        const VigilResampleAxis *across = channel->halved_x ? &plan->x_half : &plan->x_full;
        const guint p = channel->plane;
        /* luma of a crop that begins within a block of pixels */
        const guint skip = channel->halved_x ? 0 : plan->odd_x;
        const guint16 *row = self->row + channel->offset + skip * channel->step;

        /* channels that share a plane share its rows */
        if (c == 0 || layout->channels[c - 1].plane != p)
            self->pixels->rows(crop_plane(image, plan, crop, channel) +
                                   (gsize)down->first[y] * image->strides[p],
                               image->strides[p], &down->weights[(gsize)y * down->n_taps],
                               down->n_taps, plan->row_bytes[p], self->row);
        if (channel->step > 1) {
            const guint n = channel->halved_x ? (plan->odd_x + plan->width + 1) / 2 : plan->width;

            self->pixels->pick(row, channel->step, n, self->picked);
            row = self->picked;
        }
        self->pixels->columns(across, row, self->channels[c]);
    }
}

static void
write_pixels(const VigilPreprocess *self, gpointer input, gsize at, guint n)
{
    const gboolean turned = self->options.colour == VIGIL_COLOUR_BGR;
    const guint8 *const planes[] = {self->bytes[turned ? 2 : 0], self->bytes[1],
                                    self->bytes[turned ? 0 : 2]};
    const guint n_channels = MIN(self->n_channels, G_N_ELEMENTS(planes));

    if (self->plain && self->step == 3) {
        self->pixels->pack(planes, n, self->flip, (guint8 *)input + at * 3);
        return;
    }
    for (guint c = 0; c < n_channels; c++) {
        const guint8 *row = planes[c];

        if (self->type == VIGIL_TENSOR_FLOAT32) {
            gfloat *out = (gfloat *)input + at * self->step + c * self->plane;

            for (guint i = 0; i < n; i++)
                out[i * self->step] = self->table_float[c][row[i]];
        } else {
            guint8 *out = (guint8 *)input + at * self->step + c * self->plane;

            for (guint i = 0; i < n; i++)
                out[i * self->step] = self->table8[c][row[i]];
        }
    }
}

/* Of one plane, or of all channels where they are together. */
static void
fill_margins_of(const VigilPreprocess *self, const VigilPreprocessPlan *plan, guint8 *input,
                const guint8 *margin)
{
    const gsize width = self->width, left = plan->left, pixel = self->step * self->element;
    const gsize right = left + plan->out_width, bottom = plan->top + plan->out_height;

    for (gsize y = 0; y < self->height; y++) {
        guint8 *row = input + y * width * pixel;

        if (y < plan->top || y >= bottom) {
            memcpy(row, margin, width * pixel);
        } else if (plan->out_width < width) {
            memcpy(row, margin, left * pixel);
            memcpy(row + right * pixel, margin, (width - right) * pixel);
        }
    }
}

static void
fill_margins(const VigilPreprocess *self, const VigilPreprocessPlan *plan, guint8 *input)
{
    const guint n_planes = self->step == 1 ? self->n_channels : 1;

    for (gsize c = 0; c < n_planes; c++)
        fill_margins_of(self, plan, input + c * self->plane * self->element,
                        self->margin + c * self->width * self->element);
}

/* From parts of the crop to parts of the frame. */
static VigilMapping
map_crop(const VigilMapping *mapping, const VigilImage *image, const VigilCrop *crop)
{
    const gfloat width = (gfloat)crop->width / image->width;
    const gfloat height = (gfloat)crop->height / image->height;

    return (VigilMapping){
        .x_scale = mapping->x_scale * width,
        .x_offset = mapping->x_offset * width + (gfloat)crop->x / image->width,
        .y_scale = mapping->y_scale * height,
        .y_offset = mapping->y_offset * height + (gfloat)crop->y / image->height,
    };
}

gboolean
vigil_preprocess_run_crop(VigilPreprocess *self, const VigilImage *image, const VigilCrop *crop,
                          gpointer input, VigilMapping *mapping)
{
    const VigilPixelLayout *layout;
    VigilColourMatrix matrix;
    VigilPreprocessPlan *plan;

    if (!image_is_valid(image) || crop->width < 1 || crop->height < 1 || crop->x >= image->width ||
        crop->width > image->width - crop->x || crop->y >= image->height ||
        crop->height > image->height - crop->y)
        return FALSE;
    layout = vigil_pixel_layout(image->format);
    plan = find_plan(self, image, crop);
    plan->last_used = ++self->n_runs;
    matrix = vigil_colour_matrix(image->matrix, image->full_range);
    fill_margins(self, plan, input);
    for (guint y = 0; y < plan->out_height; y++) {
        resample_row(self, plan, image, crop, y);
        convert(self, layout, &matrix, plan->out_width);
        write_pixels(self, input, (gsize)(plan->top + y) * self->width + plan->left,
                     plan->out_width);
    }
    *mapping = map_crop(&plan->mapping, image, crop);
    return TRUE;
}

void
vigil_preprocess_get_size(const VigilPreprocess *self, guint *width, guint *height)
{
    *width = self->width;
    *height = self->height;
}

gboolean
vigil_preprocess_run(VigilPreprocess *self, const VigilImage *image, gpointer input,
                     VigilMapping *mapping)
{
    const VigilCrop whole = {0, 0, image->width, image->height};

    return vigil_preprocess_run_crop(self, image, &whole, input, mapping);
}
