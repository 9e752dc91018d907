/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner kernels of every table that this processor has, one by one, against naive loops with 64-bit sums: random
 * sizes, zero points, rules of rounding and edge values. Nothing beyond what a kernel was told may be written.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernels/vigil-isa-private.h"
#include "models/kernels/vigil-kernel-fixed-private.h"

#define ROUNDS 120u
#define MAX_ROWS 40u
#define MAX_CHANNELS 64u
#define MAX_TAPS 25u
#define GUARD 0x5a

static GRand *source;
static const VigilIsa *isa, *tables[16];

static gint32
pick(gint32 lo, gint32 hi)
{
    return g_rand_int_range(source, lo, hi + 1);
}

static gint32
lowest(void)
{
    return isa->is_signed ? -128 : 0;
}

static gint32
value(const guint8 *data, gsize i)
{
    return isa->is_signed ? (gint8)data[i] : data[i];
}

/* Random bytes, some of them nothing but the ends of the range, signed or not. */
static void
fill(guint8 *data, gsize n)
{
    const gint32 kind = pick(0, 5);

    for (gsize i = 0; i < n; i++)
        data[i] = kind == 0   ? 0x80
                  : kind == 1 ? (g_rand_boolean(source) ? 0x80 : 0x7f)
                  : kind == 2 ? 0xff
                              : (guint8)g_rand_int(source);
}

/* @n bytes with room to read beyond them, aligned as arenas are. */
static guint8 *
buffer(gsize n)
{
    guint8 *data = g_aligned_alloc(1, vigil_isa_round_up(n + 2 * VIGIL_ISA_SLACK, 64), 64);

    memset(data, GUARD, n + 2 * VIGIL_ISA_SLACK);
    return data;
}

static VigilRequant
pick_requant(VigilRequantRule rule)
{
    VigilRequant self = {.rule = rule, .zero_point = lowest() + pick(0, 255)};

    self.lo = g_rand_boolean(source) ? lowest() : pick(lowest(), self.zero_point);
    self.hi = g_rand_boolean(source) ? lowest() + 255 : pick(self.zero_point, lowest() + 255);
    self.flip = g_rand_boolean(source) ? 0x80 : 0;
    return self;
}

typedef struct {
    gint32 bias[MAX_CHANNELS], multiplier[MAX_CHANNELS], shift[MAX_CHANNELS];
    gfloat scale[MAX_CHANNELS];
} Constants;

/* Sums of up to @terms products come out in some hundreds, or anywhere. */
static void
pick_constants(Constants *self, guint terms)
{
    const gdouble around = pick(0, 3) == 0 ? 0.9 : MIN(0.9, 0.1 / sqrt((gdouble)terms));

    for (guint c = 0; c < MAX_CHANNELS; c++) {
        const gdouble scale = g_rand_double_range(source, around / 20.0, around);
        const VigilMultiplier fixed = vigil_fixed_from_double(scale);

        self->bias[c] = pick(0, 9) == 0 ? pick(-2000000000, 2000000000) : pick(-40000, 40000);
        self->scale[c] = (gfloat)scale;
        self->multiplier[c] = fixed.multiplier;
        self->shift[c] = fixed.shift;
    }
}

static void
give_constants(const Constants *self, VigilPanel *panel)
{
    panel->bias = self->bias;
    panel->scale = self->scale;
    panel->fixed_multiplier = self->multiplier;
    panel->fixed_shift = self->shift;
}

static guint8
requantize(const VigilRequant *self, gint64 sum, gfloat scale, VigilMultiplier fixed)
{
    const gint32 wrapped = (gint32)(guint32)(guint64)sum;
    gint64 x;

    switch (self->rule) {
    case VIGIL_REQUANT_FLOAT: x = (gint64)nearbyintf((gfloat)wrapped * scale); break;
    case VIGIL_REQUANT_UPWARDS: x = vigil_fixed_multiply_upwards(wrapped, fixed); break;
    default: x = vigil_fixed_multiply(wrapped, fixed); break;
    }
    return (guint8)(CLAMP(x + self->zero_point, self->lo, self->hi)) ^ self->flip;
}

static guint8
requantize_channel(const VigilRequant *self, const Constants *constants, guint at, gint64 sum)
{
    return requantize(self, sum, constants->scale[at],
                      (VigilMultiplier){constants->multiplier[at], constants->shift[at]});
}

typedef struct {
    guint runs, run, k;
    const gint16 *weights;
    guint8 *rows[MAX_ROWS];
} Product;

static gint32
weight_of(gconstpointer data, guint c, guint i)
{
    const Product *self = data;

    return self->weights[c * self->runs * self->run + i];
}

static gint64
naive_product(const Product *self, guint r, guint c)
{
    gint64 sum = 0;

    for (guint i = 0; i < self->runs * self->run; i++)
        sum += (gint64)value(self->rows[r], i) * weight_of(self, c, i);
    return sum;
}

/* The pieces of all rows as the kernel reads them. */
static const guint8 **
stage_rows(const Product *self, guint n_rows, guint8 flip, GPtrArray *memory)
{
    const guint8 **pieces = g_new0(const guint8 *, (gsize)self->runs *MAX_ROWS);
    g_autofree guint8 *turned = g_malloc(self->run);

    for (guint r = 0; r < n_rows; r++)
        for (guint t = 0; t < self->runs; t++) {
            guint8 *piece = buffer((gsize)self->k * isa->row_bytes);

            for (guint i = 0; i < self->run; i++)
                turned[i] = self->rows[r][t * self->run + i] ^ flip;
            isa->stage(turned, self->run, flip, piece);
            pieces[t * MAX_ROWS + r] = piece;
            g_ptr_array_add(memory, piece);
        }
    g_ptr_array_add(memory, pieces);
    return pieces;
}

static void
free_memory(GPtrArray *memory)
{
    /* the last one is the list of pieces */
    for (guint i = 0; i + 1 < memory->len; i++)
        g_aligned_free(g_ptr_array_index(memory, i));
    g_free(g_ptr_array_index(memory, memory->len - 1));
    g_ptr_array_unref(memory);
}

static void
check_rows(const Product *self, const VigilGemmRows *call, const VigilPanel *panel,
           const Constants *constants, const gint32 *row_sums)
{
    for (guint r = 0; r < call->n_rows; r++)
        for (guint c = 0; c < call->out_stride; c++) {
            const guint8 got = call->out[r * call->out_stride + c];
            guint8 want = GUARD;

            if (c < panel->n)
                want = requantize_channel(call->requant, constants, c,
                                          naive_product(self, r, c) + constants->bias[c] +
                                              (row_sums != NULL ? row_sums[r] : 0));
            ck_assert_msg(got == want,
                          "%s: row %u of %u, channel %u of %u: %d, not %d (%u runs of %u, rule %d)",
                          isa->name, r, call->n_rows, c, panel->n, got, want, self->runs, self->run,
                          call->requant->rule);
        }
}

/* For tables of narrow products mostly small ones, and some anywhere. */
static void
fill_weights(gint16 *weights, gsize n)
{
    const gboolean is_small = isa->gemm_pack != NULL && pick(0, 9) > 0;
    const gint32 most = pick(1, 60), outliers = pick(0, 20);
    g_autofree guint8 *bytes = g_malloc(n);

    fill(bytes, n);
    for (gsize i = 0; i < n; i++) {
        const gint32 size = pick(0, 999) < outliers ? 383 : most;

        weights[i] = is_small ? (gint16)pick(-size, size) : (gint8)bytes[i];
    }
}

/* FALSE where the table does not take the weights. */
static gboolean
check_gemm(guint vectors, VigilRequantRule rule)
{
    Product self = {.runs = (guint)pick(1, 3), .run = (guint)pick(1, 70)};
    const VigilRequant requant = pick_requant(rule);
    const guint n = vectors * isa->lanes - (guint)pick(0, (gint32)isa->lanes - 1);
    const gsize length = (gsize)self.runs * self.run;
    VigilPanel panel = {.n = n, .vectors = vectors};
    VigilGemmRows call = {.requant = &requant, .runs = self.runs, .row_stride = MAX_ROWS};
    g_autofree gint16 *weights = g_new(gint16, n * length);
    gint32 row_sums[MAX_ROWS];
    GPtrArray *memory;
    guint8 *packed, *out;
    Constants constants;
    gsize packed_bytes;

    self.k = call.k = (guint)vigil_isa_round_up(self.run, isa->k_group);
    self.weights = weights;
    call.n_rows = (guint)pick(1, (gint32)MAX_ROWS);
    fill_weights(weights, n * length);
    if (isa->gemm_pack != NULL &&
        isa->gemm_pack(isa, &panel, self.runs, self.run, weight_of, &self, NULL) == 0)
        return FALSE;
    memory = g_ptr_array_new();
    pick_constants(&constants, (guint)length * 5000);
    give_constants(&constants, &panel);
    packed_bytes = vigil_isa_gemm_bytes(isa, vectors, self.runs, self.run);
    packed = buffer(packed_bytes);
    memset(packed, 0, packed_bytes);
    vigil_isa_pack_gemm(isa, &panel, self.runs, self.run, weight_of, &self, packed);
    for (guint i = 0; i < VIGIL_ISA_SLACK; i++)
        ck_assert_uint_eq(packed[packed_bytes + i], GUARD);
    panel.weights = packed;
    for (guint r = 0; r < call.n_rows; r++) {
        self.rows[r] = g_malloc(length);
        fill(self.rows[r], length);
        row_sums[r] = pick(-100000, 100000);
    }
    call.rows = stage_rows(&self, call.n_rows, g_rand_boolean(source) ? 0x80 : 0, memory);
    call.row_sums = g_rand_boolean(source) ? row_sums : NULL;
    call.out_stride = n + (gsize)pick(0, 9);
    call.out = out = buffer(call.out_stride * call.n_rows);
    isa->gemm(&call, &panel);
    check_rows(&self, &call, &panel, &constants, call.row_sums);
    for (guint r = 0; r < call.n_rows; r++)
        g_free(self.rows[r]);
    free_memory(memory);
    g_aligned_free(packed);
    g_aligned_free(out);
    return TRUE;
}

START_TEST(test_gemm)
{
    guint taken = 0;

    isa = tables[_i];
    if (isa->gemm == NULL)
        return;
    for (guint round = 0; round < ROUNDS; round++)
        taken += check_gemm(1 + round % isa->max_vectors, (VigilRequantRule)(round / 4 % 3));
    ck_assert_uint_gt(taken, ROUNDS / 3);
}
END_TEST

START_TEST(test_sum)
{
    isa = tables[_i];
    if (isa->sum == NULL)
        return;
    for (gsize n = 1; n < 200; n++) {
        g_autofree guint8 *in = g_malloc(n);
        guint8 *row = buffer(n * isa->row_bytes);
        /* one piece, and three of which each is the row again */
        const guint8 *const pieces[] = {row, NULL, row, NULL, row};
        gint64 sum = 0;

        fill(in, n);
        for (gsize i = 0; i < n; i++)
            sum += value(in, i);
        isa->stage(in, n, 0, row);
        ck_assert_int_eq(isa->sum(pieces, 1, 1, n), sum);
        ck_assert_int_eq(isa->sum(pieces, 2, 3, n), 3 * sum);
        g_aligned_free(row);
    }
}
END_TEST

/* Lines of an image with @channels channels; a kernel of one panel sees those from @first on. */
typedef struct {
    guint k_h, k_w, stride, in_h, in_w, out_w, channels, first, n, n_lines;
    gint32 pad_x, y, zero_point;
    gboolean together; /* the pixels, with nothing between them */
    guint8 *image, *padding;
    gint16 weights[MAX_TAPS * MAX_CHANNELS];
    const guint8 *lines[16];
    gsize steps[16];
} Image;

static void
pick_image(Image *self)
{
    self->in_h = (guint)pick(1, 9);
    self->in_w = (guint)pick(1, 24);
    self->pad_x = pick(0, (gint32)self->k_w - 1);
    if (self->in_w + (guint)self->pad_x < self->k_w)
        self->in_w = self->k_w;
    self->out_w = (self->in_w + (guint)self->pad_x - self->k_w) / self->stride + 1;
    /* and padding on the right */
    self->out_w += (guint)pick(0, 1);
    self->y = pick(-(gint32)self->k_h + 1, (gint32)self->in_h - 1);
    self->n = (guint)(pick(0, 1) ? pick(1, (gint32)isa->depthwise_channels)
                                 : (gint32)isa->depthwise_channels);
    if (pick(0, 3) == 0)
        self->n = MIN(4u << pick(0, 3), isa->depthwise_channels);
    self->together = g_rand_boolean(source);
    self->first = self->together ? 0 : (guint)pick(0, 3);
    self->channels = self->first + self->n + (self->together ? 0 : (guint)pick(0, 3));
    self->n_lines =
        (guint)pick(1, (gint32)isa->depthwise_lines(self->k_h, self->k_w, self->stride));
    self->zero_point = lowest() + pick(0, 255);
    self->image = buffer((gsize)self->in_h * self->in_w * self->channels);
    self->padding = buffer(self->channels);
    fill(self->image, (gsize)self->in_h * self->in_w * self->channels);
    memset(self->padding, self->zero_point, self->channels);
}

/* Weights of 8 bits, of up to 9, or of nothing but the ends. */
static void
pick_weights(Image *self)
{
    const gint32 reach = pick(0, 2) == 0 ? 254 : 127;
    const gboolean ends = pick(0, 4) == 0;

    memset(self->weights, 0, sizeof self->weights);
    for (guint t = 0; t < self->k_h * self->k_w; t++)
        for (guint c = 0; c < self->n; c++)
            self->weights[t * isa->depthwise_channels + c] =
                (gint16)(ends ? (g_rand_boolean(source) ? reach : -reach) : pick(-reach, reach));
    if (pick(0, 7) == 0)
        self->weights[0] = -128;
}

static void
point_at_lines(Image *self)
{
    for (guint i = 0; i < self->k_h + self->stride * (self->n_lines - 1); i++) {
        const gint32 y = self->y + (gint32)i;
        const gboolean inside = y >= 0 && y < (gint32)self->in_h;

        self->steps[i] = inside ? self->channels : 0;
        self->lines[i] =
            (inside ? self->image + (gsize)y * self->in_w * self->channels : self->padding) +
            self->first;
    }
}

static gint64
naive_window(const Image *self, guint line, guint out_x, guint c)
{
    gint64 sum = 0;

    for (guint ky = 0; ky < self->k_h; ky++)
        for (guint kx = 0; kx < self->k_w; kx++) {
            const gint32 x = (gint32)(out_x * self->stride + kx) - self->pad_x;
            const guint at = line * self->stride + ky;
            const gint16 weight =
                self->weights[(ky * self->k_w + kx) * isa->depthwise_channels + c];
            gint32 in = self->zero_point;

            if (x >= 0 && x < (gint32)self->in_w)
                in = value(self->lines[at] + (gsize)x * self->steps[at], c);
            sum += (gint64)in * weight;
        }
    return sum;
}

static void
check_lines(const Image *self, const VigilDepthwiseLines *call, const VigilPanel *panel,
            const Constants *constants)
{
    for (guint l = 0; l < self->n_lines; l++)
        for (guint x = 0; x < self->out_w; x++)
            for (guint p = 0; p < isa->depthwise_channels; p++) {
                const guint c = isa->depthwise_channel(panel, p);
                const guint8 got = call->out[l * call->out_line + x * call->out_step + c];
                guint8 want;

                if (c >= self->n)
                    continue;
                want = requantize_channel(call->requant, constants, p,
                                          naive_window(self, l, x, c) + constants->bias[p]);
                ck_assert_msg(got == want,
                              "%s: line %u, pixel %u of %u, channel %u of %u: %d, not %d (%ux%u, "
                              "stride %u, rule %d)",
                              isa->name, l, x, self->out_w, c, self->n, got, want, self->k_h,
                              self->k_w, self->stride, call->requant->rule);
            }
}

/* A channel that is there several times has the same constants each time. */
static void
repeat_constants(Constants *self, const VigilPanel *panel)
{
    for (guint p = 0; p < isa->depthwise_channels; p++)
        for (guint first = 0; first < p; first++)
            if (isa->depthwise_channel(panel, first) == isa->depthwise_channel(panel, p)) {
                self->bias[p] = self->bias[first];
                self->scale[p] = self->scale[first];
                self->multiplier[p] = self->multiplier[first];
                self->shift[p] = self->shift[first];
                break;
            }
}

static void
check_depthwise(guint k_h, guint k_w, guint stride, VigilRequantRule rule)
{
    const VigilRequant requant = pick_requant(rule);
    Image self = {.k_h = k_h, .k_w = k_w, .stride = stride};
    VigilPanel panel = {.vectors = 1};
    VigilDepthwiseLines call;
    guint8 *packed, *out;
    Constants constants;
    gsize pixels, out_step;

    pick_image(&self);
    pick_weights(&self);
    point_at_lines(&self);
    pick_constants(&constants, k_h * k_w * 100);
    give_constants(&constants, &panel);
    panel.n = self.n;
    packed = buffer(isa->depthwise_bytes(k_h, k_w));
    memset(packed, 0, isa->depthwise_bytes(k_h, k_w));
    panel.weights = packed;
    isa->depthwise_pack(&panel, k_h, k_w, self.weights, packed);
    repeat_constants(&constants, &panel);
    pixels = (gsize)self.out_w * self.n_lines;
    out_step = self.n + (self.together ? 0 : 3);
    out = buffer(pixels * out_step);
    call = (VigilDepthwiseLines){
        .requant = &requant,
        .k_h = k_h,
        .k_w = k_w,
        .stride = stride,
        .pad_x = self.pad_x,
        .in_w = (gint32)self.in_w,
        .out_w = (gint32)self.out_w,
        .lines = self.lines,
        .steps = self.steps,
        .zero_point = self.zero_point,
        .n_lines = self.n_lines,
        .out = out,
        .out_step = out_step,
        .out_line = out_step * self.out_w,
    };
    isa->depthwise(&call, &panel);
    check_lines(&self, &call, &panel, &constants);
    for (gsize i = 0; i < pixels * call.out_step + VIGIL_ISA_SLACK; i++)
        if (i >= pixels * call.out_step || i % call.out_step >= self.n)
            ck_assert_uint_eq(out[i], GUARD);
    g_aligned_free(self.image);
    g_aligned_free(self.padding);
    g_aligned_free(packed);
    g_aligned_free(out);
}

START_TEST(test_depthwise)
{
    static const guint windows[][3] = {{3, 3, 1}, {3, 3, 2}, {5, 5, 1}, {5, 5, 2},
                                       {1, 1, 1}, {2, 3, 1}, {5, 2, 3}, {4, 4, 2}};

    isa = tables[_i];
    if (isa->depthwise == NULL)
        return;
    for (guint i = 0; i < G_N_ELEMENTS(windows); i++) {
        const guint *w = windows[i];

        for (guint round = 0; round < ROUNDS / 2 && isa->depthwise_supports(w[0], w[1], w[2]);
             round++)
            check_depthwise(w[0], w[1], w[2], (VigilRequantRule)(round % 4 % 3));
    }
}
END_TEST

/* Two operands and a result of @n bytes each. */
typedef struct {
    gsize n;
    guint8 *a, *b, *out;
} Line;

static Line
pick_line(void)
{
    Line self = {.n = (gsize)pick(1, 150)};

    self.a = buffer(self.n);
    self.b = buffer(self.n);
    self.out = buffer(self.n);
    fill(self.a, self.n);
    fill(self.b, self.n);
    return self;
}

static void
clear_line(Line *self)
{
    for (gsize i = 0; i < VIGIL_ISA_SLACK; i++)
        ck_assert_uint_eq(self->out[self->n + i], GUARD);
    g_aligned_free(self->a);
    g_aligned_free(self->b);
    g_aligned_free(self->out);
}

static gint32
turned(const guint8 *data, gsize i, guint8 flip)
{
    const guint8 byte = data[i] ^ flip;

    return value(&byte, 0);
}

static void
check_add(void)
{
    const VigilRequant range = pick_requant(VIGIL_REQUANT_FLOAT);
    Line line = pick_line();
    VigilAddLine add = {
        .a_multiplier = pick(-(1 << 21), 1 << 21),
        .b_multiplier = pick(-(1 << 21), 1 << 21),
        .shift = (guint)pick(13, 30),
        .zero_point = range.zero_point,
        .lo = range.lo,
        .hi = range.hi,
        .a_flip = g_rand_boolean(source) ? 0x80 : 0,
        .b_flip = g_rand_boolean(source) ? 0x80 : 0,
        .out_flip = range.flip,
    };

    add.bias = 1 << (add.shift - 1);
    isa->add(&add, line.a, line.b, line.out, line.n);
    for (gsize i = 0; i < line.n; i++) {
        const gint64 sum = ((gint64)turned(line.a, i, add.a_flip) * add.a_multiplier +
                            (gint64)turned(line.b, i, add.b_flip) * add.b_multiplier + add.bias) >>
                           add.shift;

        ck_assert_uint_eq(line.out[i],
                          (guint8)CLAMP(sum + add.zero_point, add.lo, add.hi) ^ add.out_flip);
    }
    clear_line(&line);
}

static void
check_mul(VigilRequantRule rule)
{
    const gdouble scale = g_rand_double_range(source, 0.0001, 0.9);
    const VigilMulLine mul = {
        .requant = pick_requant(rule),
        .a_zero_point = lowest() + pick(0, 255),
        .b_zero_point = lowest() + pick(0, 255),
        .scale = (gfloat)scale,
        .fixed = vigil_fixed_from_double(scale),
        .a_flip = g_rand_boolean(source) ? 0x80 : 0,
        .b_flip = g_rand_boolean(source) ? 0x80 : 0,
    };
    Line line = pick_line();

    isa->mul(&mul, line.a, line.b, line.out, line.n);
    for (gsize i = 0; i < line.n; i++) {
        const gint64 product = (gint64)(turned(line.a, i, mul.a_flip) - mul.a_zero_point) *
                               (turned(line.b, i, mul.b_flip) - mul.b_zero_point);

        ck_assert_uint_eq(line.out[i], requantize(&mul.requant, product, mul.scale, mul.fixed));
    }
    clear_line(&line);
}

START_TEST(test_add_and_mul)
{
    isa = tables[_i];
    for (guint round = 0; round < ROUNDS; round++) {
        if (isa->add != NULL)
            check_add();
        if (isa->mul != NULL)
            check_mul((VigilRequantRule)(round % 3));
    }
}
END_TEST

static void
check_bytes(void)
{
    Line line = pick_line();
    guint8 table[256];

    fill(table, sizeof table);
    if (isa->lookup != NULL) {
        isa->lookup(table, line.a, line.out, line.n);
        for (gsize i = 0; i < line.n; i++)
            ck_assert_uint_eq(line.out[i], table[line.a[i]]);
    }
    if (isa->lookup_floats != NULL) {
        g_autofree gfloat *floats = g_new(gfloat, line.n + 1);
        gfloat numbers[256];

        for (guint i = 0; i < 256; i++)
            numbers[i] = (gfloat)g_rand_double(source);
        floats[line.n] = -1.0f;
        isa->lookup_floats(numbers, line.a, floats, line.n);
        for (gsize i = 0; i < line.n; i++)
            ck_assert_float_eq(floats[i], numbers[line.a[i]]);
        ck_assert_float_eq(floats[line.n], -1.0f);
    }
    if (isa->flip != NULL) {
        isa->flip(line.a, line.out, line.n);
        for (gsize i = 0; i < line.n; i++)
            ck_assert_uint_eq(line.out[i], line.a[i] ^ 0x80);
    }
    if (isa->max != NULL) {
        memcpy(line.out, line.b, line.n);
        isa->max(line.a, line.out, line.n);
        for (gsize i = 0; i < line.n; i++)
            ck_assert_int_eq(value(line.out, i), MAX(value(line.a, i), value(line.b, i)));
    }
    clear_line(&line);
}

START_TEST(test_bytes)
{
    isa = tables[_i];
    for (guint round = 0; round < ROUNDS; round++)
        check_bytes();
}
END_TEST

START_TEST(test_dequantize)
{
    isa = tables[_i];
    if (isa->dequantize == NULL)
        return;
    for (guint round = 0; round < ROUNDS; round++) {
        Line line = pick_line();
        guint8 *memory = buffer(line.n * sizeof(gfloat));
        const gfloat *out = (const gfloat *)(const void *)memory;
        const gfloat scale = (gfloat)g_rand_double_range(source, 0.0001, 2.0);
        const gint32 zero_point = lowest() + pick(0, 255);

        isa->dequantize(line.a, zero_point, scale, (gfloat *)(void *)memory, line.n);
        for (gsize i = 0; i < line.n; i++)
            ck_assert(out[i] == (gfloat)(value(line.a, i) - zero_point) * scale);
        ck_assert_uint_eq(memory[line.n * sizeof(gfloat)], GUARD);
        g_aligned_free(memory);
        clear_line(&line);
    }
}
END_TEST

/* The same seed for each table. */
static void
setup(void)
{
    source = g_rand_new_with_seed(1965);
}

static void
teardown(void)
{
    g_rand_free(source);
}

int
main(void)
{
    const VigilIsa *const *all = vigil_isa_list();
    Suite *suite = suite_create("isa-kernels");
    TCase *tcase = tcase_create("isa-kernels");
    SRunner *runner = srunner_create(suite);
    gint n = 0;
    int failed;

    /* "ref" has no kernels */
    for (guint i = 0; all[i] != NULL && n + 1 < (gint)G_N_ELEMENTS(tables); i++)
        if (all[i]->is_supported() && all[i]->gemm != NULL) {
            g_print("%s\n", all[i]->name);
            tables[n++] = all[i];
            if (all[i]->narrow != NULL)
                tables[n++] = all[i]->narrow;
        }
    if (n == 0)
        g_print("SKIP: no table of kernels for this processor\n");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_gemm, 0, n);
    tcase_add_loop_test(tcase, test_sum, 0, n);
    tcase_add_loop_test(tcase, test_depthwise, 0, n);
    tcase_add_loop_test(tcase, test_add_and_mul, 0, n);
    tcase_add_loop_test(tcase, test_bytes, 0, n);
    tcase_add_loop_test(tcase, test_dequantize, 0, n);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
