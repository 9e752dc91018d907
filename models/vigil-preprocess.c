/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-preprocess.h"

#include <math.h>
#include <string.h>

#include "models/vigil-colour-private.h"
#include "models/vigil-resample-private.h"

/* Cameras that share a detector seldom differ in more sizes than this. */
#define MAX_PLANS 8

/* One channel of a pixel layout: where its samples lie. */
typedef struct {
    guint8 plane, offset, step;
    gboolean halved_x, halved_y;
} Channel;

typedef struct {
    guint n_planes, n_channels;
    gboolean yuv;
    Channel channels[3]; /* Y, U, V or R, G, B or Y alone */
} Layout;

static const Layout layouts[] = {
    [VIGIL_PIXELS_I420] = {3, 3, TRUE, {{0, 0, 1, 0, 0}, {1, 0, 1, 1, 1}, {2, 0, 1, 1, 1}}},
    [VIGIL_PIXELS_NV12] = {2, 3, TRUE, {{0, 0, 1, 0, 0}, {1, 0, 2, 1, 1}, {1, 1, 2, 1, 1}}},
    [VIGIL_PIXELS_YUY2] = {1, 3, TRUE, {{0, 0, 2, 0, 0}, {0, 1, 4, 1, 0}, {0, 3, 4, 1, 0}}},
    [VIGIL_PIXELS_RGB] = {1, 3, FALSE, {{0, 0, 3, 0, 0}, {0, 1, 3, 0, 0}, {0, 2, 3, 0, 0}}},
    [VIGIL_PIXELS_BGR] = {1, 3, FALSE, {{0, 2, 3, 0, 0}, {0, 1, 3, 0, 0}, {0, 0, 3, 0, 0}}},
    [VIGIL_PIXELS_RGBX] = {1, 3, FALSE, {{0, 0, 4, 0, 0}, {0, 1, 4, 0, 0}, {0, 2, 4, 0, 0}}},
    [VIGIL_PIXELS_BGRX] = {1, 3, FALSE, {{0, 2, 4, 0, 0}, {0, 1, 4, 0, 0}, {0, 0, 4, 0, 0}}},
    [VIGIL_PIXELS_GRAY8] = {1, 1, FALSE, {{0, 0, 1, 0, 0}}},
};

/* The tables of one (size, format): full and halved axes, and where the frame lies in the input. */
typedef struct {
    VigilPixelFormat format;
    guint width, height;
    guint64 last_used;
    guint left, top, out_width, out_height;
    guint row_bytes[3];
    VigilResampleAxis x_full, x_half, y_full, y_half;
    VigilMapping mapping;
} Plan;

struct VigilPreprocess {
    VigilTensorType type;
    guint width, height, n_channels;
    VigilPreprocessOptions options;
    guint8 table8[3][256];
    gfloat table_float[3][256];
    gint16 *channels[3]; /* a row of each channel, 8 + 6 bits */
    guint16 *row;        /* a row between the two passes, for the widest frame so far */
    guint32 *sums;
    guint row_capacity;
    Plan *plans[MAX_PLANS];
    guint64 n_runs;
};

VigilPreprocessOptions
vigil_preprocess_options_defaults(void)
{
    return (VigilPreprocessOptions){.std = {1, 1, 1}, .pad = 114};
}

static gboolean
check_input(const VigilTensorInfo *input, const VigilPreprocessOptions *options, GError **error)
{
    const gboolean known = input->type == VIGIL_TENSOR_UINT8 || input->type == VIGIL_TENSOR_INT8 ||
                           input->type == VIGIL_TENSOR_FLOAT32;

    if (input->n_dims != 4 || input->dims[0] != 1 || (input->dims[3] != 1 && input->dims[3] != 3) ||
        input->dims[1] < 1 || input->dims[2] < 1 || input->dims[1] > VIGIL_PREPROCESS_MAX_SIDE ||
        input->dims[2] > VIGIL_PREPROCESS_MAX_SIDE || !known) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "input \"%s\" is no image: it must be uint8, int8 or float32 of shape "
                    "[1, height, width, 3 or 1]",
                    input->name ? input->name : "");
        return FALSE;
    }
    if (input->dims[3] == 1 ? options->colour == VIGIL_COLOUR_BGR
                            : options->colour == VIGIL_COLOUR_GRAY) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "input \"%s\" has %d channel(s), which does not fit the colour asked for",
                    input->name ? input->name : "", input->dims[3]);
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
}

VigilPreprocess *
vigil_preprocess_new(const VigilTensorInfo *input, const VigilPreprocessOptions *options,
                     GError **error)
{
    VigilPreprocess *self;

    if (!check_input(input, options, error))
        return NULL;
    self = g_new0(VigilPreprocess, 1);
    self->type = input->type;
    self->height = (guint)input->dims[1];
    self->width = (guint)input->dims[2];
    self->n_channels = (guint)input->dims[3];
    self->options = *options;
    if (self->n_channels == 1)
        self->options.colour = VIGIL_COLOUR_GRAY;
    for (guint c = 0; c < 3; c++)
        self->channels[c] = g_new0(gint16, self->width);
    fill_tables(self, input);
    return self;
}

static void
plan_free(Plan *plan)
{
    if (!plan)
        return;
    vigil_resample_axis_finish(&plan->x_full);
    vigil_resample_axis_finish(&plan->x_half);
    vigil_resample_axis_finish(&plan->y_full);
    vigil_resample_axis_finish(&plan->y_half);
    g_free(plan);
}

void
vigil_preprocess_free(VigilPreprocess *self)
{
    if (!self)
        return;
    for (guint i = 0; i < MAX_PLANS; i++)
        plan_free(self->plans[i]);
    for (guint c = 0; c < 3; c++)
        g_free(self->channels[c]);
    g_free(self->row);
    g_free(self->sums);
    g_free(self);
}

static void
place(const VigilPreprocess *self, Plan *plan)
{
    plan->out_width = self->width;
    plan->out_height = self->height;
    if (self->options.resize == VIGIL_RESIZE_LETTERBOX) {
        const gdouble scale =
            MIN((gdouble)self->width / plan->width, (gdouble)self->height / plan->height);

        plan->out_width = (guint)CLAMP(lrint(plan->width * scale), 1, (glong)self->width);
        plan->out_height = (guint)CLAMP(lrint(plan->height * scale), 1, (glong)self->height);
    }
    plan->left = (self->width - plan->out_width) / 2;
    plan->top = (self->height - plan->out_height) / 2;
    plan->mapping = (VigilMapping){
        .x_scale = (gfloat)self->width / plan->out_width,
        .x_offset = -(gfloat)plan->left / plan->out_width,
        .y_scale = (gfloat)self->height / plan->out_height,
        .y_offset = -(gfloat)plan->top / plan->out_height,
    };
}

static guint
row_bytes(const Layout *layout, guint plane, guint width)
{
    guint bytes = 0;

    for (guint c = 0; c < layout->n_channels; c++) {
        const Channel *channel = &layout->channels[c];
        const guint n = channel->halved_x ? (width + 1) / 2 : width;

        if (channel->plane == plane)
            bytes = MAX(bytes, (n - 1) * channel->step + channel->offset + 1);
    }
    return bytes;
}

static Plan *
plan_new(const VigilPreprocess *self, const VigilImage *image)
{
    const Layout *layout = &layouts[image->format];
    const guint width = image->width, height = image->height;
    Plan *plan = g_new0(Plan, 1);

    plan->format = image->format;
    plan->width = width;
    plan->height = height;
    place(self, plan);
    vigil_resample_axis_init(&plan->x_full, width, width, plan->out_width);
    vigil_resample_axis_init(&plan->y_full, height, height, plan->out_height);
    vigil_resample_axis_init(&plan->x_half, (width + 1) / 2, width / 2.0, plan->out_width);
    vigil_resample_axis_init(&plan->y_half, (height + 1) / 2, height / 2.0, plan->out_height);
    for (guint p = 0; p < layout->n_planes; p++)
        plan->row_bytes[p] = row_bytes(layout, p, width);
    return plan;
}

/* The plan of this size and format; made in the place of the one that was used longest ago. */
static Plan *
find_plan(VigilPreprocess *self, const VigilImage *image)
{
    guint oldest = 0;
    Plan *plan;

    for (guint i = 0; i < MAX_PLANS; i++) {
        plan = self->plans[i];
        if (plan && plan->format == image->format && plan->width == image->width &&
            plan->height == image->height)
            return plan;
        if (!plan || (self->plans[oldest] && plan->last_used < self->plans[oldest]->last_used))
            oldest = i;
    }
    plan_free(self->plans[oldest]);
    plan = self->plans[oldest] = plan_new(self, image);
    for (guint p = 0; p < layouts[image->format].n_planes; p++) {
        if (plan->row_bytes[p] > self->row_capacity) {
            self->row_capacity = plan->row_bytes[p];
            self->row = g_renew(guint16, self->row, self->row_capacity);
            self->sums = g_renew(guint32, self->sums, self->row_capacity);
        }
    }
    return plan;
}

static gboolean
image_is_valid(const VigilImage *image)
{
    const Layout *layout;

    if ((guint)image->format >= G_N_ELEMENTS(layouts) || image->width < 1 || image->height < 1 ||
        image->width > VIGIL_PREPROCESS_MAX_SIDE || image->height > VIGIL_PREPROCESS_MAX_SIDE)
        return FALSE;
    layout = &layouts[image->format];
    for (guint p = 0; p < layout->n_planes; p++) {
        if (!image->planes[p] || image->strides[p] < row_bytes(layout, p, image->width))
            return FALSE;
    }
    return TRUE;
}

/* Samples of the channels to the bytes they mean; the result lies where the samples were. */
static void
convert(VigilPreprocess *self, const Layout *layout, const VigilColourMatrix *matrix, guint n)
{
    gint16 *const *channels = self->channels;

    if (self->n_channels == 1 && layout->yuv)
        vigil_colour_luma_to_gray(matrix, channels[0], n);
    else if (self->n_channels == 1 && layout->n_channels == 3)
        vigil_colour_rgb_to_gray(channels[0], channels[1], channels[2], n);
    else if (layout->yuv)
        vigil_colour_yuv_to_rgb(matrix, channels[0], channels[1], channels[2], n);
    else
        for (guint c = 0; c < layout->n_channels; c++)
            vigil_colour_round(channels[c], n);
    if (self->n_channels == 3 && layout->n_channels == 1) {
        memcpy(channels[1], channels[0], n * sizeof(gint16));
        memcpy(channels[2], channels[0], n * sizeof(gint16));
    }
}

static void
resample_row(VigilPreprocess *self, const Plan *plan, const VigilImage *image, guint y)
{
    const Layout *layout = &layouts[image->format];
    const guint n_channels = layout->yuv && self->n_channels == 1 ? 1 : layout->n_channels;

    for (guint c = 0; c < n_channels; c++) {
        const Channel *channel = &layout->channels[c];
        const guint p = channel->plane;

        /* channels that share a plane share its rows */
        if (c == 0 || layout->channels[c - 1].plane != p)
            vigil_resample_rows(channel->halved_y ? &plan->y_half : &plan->y_full, y,
                                image->planes[p], image->strides[p], plan->row_bytes[p], self->sums,
                                self->row);
        vigil_resample_columns(channel->halved_x ? &plan->x_half : &plan->x_full,
                               self->row + channel->offset, channel->step, self->channels[c]);
    }
}

static void
write_pixels(const VigilPreprocess *self, gpointer input, gsize at, guint n)
{
    const guint n_channels = self->n_channels;

    for (guint c = 0; c < n_channels; c++) {
        const guint from = self->options.colour == VIGIL_COLOUR_BGR ? 2 - c : c;
        const gint16 *row = self->channels[from];

        if (self->type == VIGIL_TENSOR_FLOAT32) {
            gfloat *out = (gfloat *)input + at * n_channels + c;

            for (guint i = 0; i < n; i++)
                out[(gsize)i * n_channels] = self->table_float[c][row[i]];
        } else {
            guint8 *out = (guint8 *)input + at * n_channels + c;

            for (guint i = 0; i < n; i++)
                out[(gsize)i * n_channels] = self->table8[c][row[i]];
        }
    }
}

static void
fill_gray(const VigilPreprocess *self, gpointer input, gsize at, gsize n)
{
    for (gsize i = at * self->n_channels; i < (at + n) * self->n_channels; i++) {
        const guint c = (guint)(i % self->n_channels);

        if (self->type == VIGIL_TENSOR_FLOAT32)
            ((gfloat *)input)[i] = self->table_float[c][self->options.pad];
        else
            ((guint8 *)input)[i] = self->table8[c][self->options.pad];
    }
}

static void
fill_margins(const VigilPreprocess *self, const Plan *plan, gpointer input)
{
    const gsize width = self->width;
    const guint right = plan->left + plan->out_width, bottom = plan->top + plan->out_height;

    fill_gray(self, input, 0, plan->top * width);
    fill_gray(self, input, bottom * width, (self->height - bottom) * width);
    for (guint y = plan->top; y < bottom; y++) {
        fill_gray(self, input, y * width, plan->left);
        fill_gray(self, input, y * width + right, self->width - right);
    }
}

gboolean
vigil_preprocess_run(VigilPreprocess *self, const VigilImage *image, gpointer input,
                     VigilMapping *mapping)
{
    const Layout *layout;
    VigilColourMatrix matrix;
    Plan *plan;

    if (!image_is_valid(image))
        return FALSE;
    layout = &layouts[image->format];
    plan = find_plan(self, image);
    plan->last_used = ++self->n_runs;
    matrix = vigil_colour_matrix(image->matrix, image->full_range);
    fill_margins(self, plan, input);
    for (guint y = 0; y < plan->out_height; y++) {
        resample_row(self, plan, image, y);
        convert(self, layout, &matrix, plan->out_width);
        write_pixels(self, input, (gsize)(plan->top + y) * self->width + plan->left,
                     plan->out_width);
    }
    *mapping = plan->mapping;
    return TRUE;
}
