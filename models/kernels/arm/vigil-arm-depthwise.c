/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolution of 16 channels at a time.
 *
 * Weights in -127..127: the products of two taps fit into 16 bits together (SMULL, SMLAL on bytes), and are then added to
 * the 32-bit sums. Others, such as those of UINT8 models less their zero point: SMLAL on 16 bits.
 *
 * Where sums are known to stay within 22 bits and results within 16, they turn into floats and back by adding and taking
 * off 1.5 * 2^23, and are narrowed by dropping bits: conversions are slow on these cores, and half of the work here.
 */
#include <math.h>
#include <string.h>

#include "models/kernels/arm/vigil-arm-private.h"

#define CHANNELS VIGIL_ARM_DEPTHWISE_CHANNELS
#define MAX_TAPS 49u
#define MAGIC 12582912.0f
#define MAGIC_BITS 0x4b400000
#define PIXELS _Pragma("GCC unroll 2") for (guint i = 0; i < pixels; i++)

/**
 * Packed: a panel's weights.
 * @reach: no channel's sum, less its bias, is larger
 * @narrow: weights are int8 [taps][16], else int16
 */
typedef struct {
    gint32 reach;
    gint32 narrow;
    gint32 reserved[2];
    gint16 weights[];
} Packed;

/* @quick: the quick way from sums to bytes is exact for all channels; @start: what sums begin with */
typedef struct {
    const VigilDepthwiseLines *lines;
    const VigilPanel *panel;
    const Packed *packed;
    gboolean quick;
    int32x4_t start[4];
    float32x4_t scale[4];
    VigilArmBytes bytes;
} Call;

/* Where a window begins in each of its lines, and the bytes from pixel to pixel. */
typedef struct {
    const guint8 *begin[MAX_TAPS];
    gsize step[MAX_TAPS];
} Window;

typedef struct {
    int32x4_t v[4];
} Sums;

gboolean
vigil_arm_depthwise_supports(guint k_h, guint k_w, guint stride)
{
    return k_h <= MAX_TAPS && k_w <= MAX_TAPS && k_h * k_w <= MAX_TAPS && stride >= 1;
}

gsize
vigil_arm_depthwise_bytes(guint k_h, guint k_w)
{
    return sizeof(Packed) + (gsize)k_h * k_w * CHANNELS * sizeof(gint16);
}

guint
vigil_arm_depthwise_channel(const VigilPanel *panel, guint position)
{
    return position;
}

guint
vigil_arm_depthwise_lines(guint k_h, guint k_w, guint stride)
{
    return 1;
}

void
vigil_arm_depthwise_pack(VigilPanel *panel, guint k_h, guint k_w, const gint16 *weights,
                         void *packed)
{
    Packed *self = packed;
    const guint n = k_h * k_w * CHANNELS;
    gint32 reach[CHANNELS] = {0};

    self->narrow = TRUE;
    for (guint i = 0; i < n; i++) {
        self->narrow = self->narrow && ABS(weights[i]) <= 127;
        reach[i % CHANNELS] += ABS(weights[i]) * 128;
    }
    for (guint c = 0; c < CHANNELS; c++)
        self->reach = MAX(self->reach, reach[c]);
    for (guint i = 0; i < n; i++) {
        if (self->narrow)
            ((gint8 *)self->weights)[i] = (gint8)weights[i];
        else
            self->weights[i] = weights[i];
    }
    panel->weights = packed;
}

/* Whether the quick way from sums to bytes is exact for all channels of the panel. */
static gboolean
is_quick(const VigilPanel *panel, const Packed *packed, const VigilRequant *requant)
{
    gint64 largest = 0;
    gfloat scale = 0.0f;

    if (requant->rule != VIGIL_REQUANT_FLOAT)
        return FALSE;
    for (guint c = 0; c < CHANNELS; c++) {
        largest = MAX(largest, ABS((gint64)panel->bias[c]));
        scale = fmaxf(scale, fabsf(panel->scale[c]));
    }
    largest += packed->reach;
    return largest < 1 << 22 && (gfloat)largest * scale < 32000.0f;
}

static void
init_sums(Call *self)
{
    const VigilPanel *panel = self->panel;

    self->quick = is_quick(panel, self->packed, self->lines->requant);
    for (guint i = 0; i < 4; i++) {
        self->start[i] =
            vaddq_s32(vld1q_s32(panel->bias + 4 * i), vdupq_n_s32(self->quick ? MAGIC_BITS : 0));
        self->scale[i] = vld1q_f32(panel->scale + 4 * i);
    }
}

VIGIL_ARM_INLINE float32x4_t
scale_quickly(int32x4_t sum, float32x4_t scale)
{
    const float32x4_t magic = vdupq_n_f32(MAGIC);
    const float32x4_t x = vsubq_f32(vreinterpretq_f32_s32(sum), magic);

    return vaddq_f32(vmulq_f32(x, scale), magic);
}

VIGIL_ARM_INLINE int16x8_t
narrow_quickly(float32x4_t a, float32x4_t b)
{
    return vmovn_high_s32(vmovn_s32(vreinterpretq_s32_f32(a)), vreinterpretq_s32_f32(b));
}

/* @full: all bytes are in the output's range, and their signs stay */
VIGIL_ARM_INLINE int8x16_t
sums_quickly(const Sums *self, const Call *call, const gboolean full)
{
    const float32x4_t *scale = call->scale;
    const int16x8_t zero_point = call->bytes.zero_point;
    const int16x8_t low =
        narrow_quickly(scale_quickly(self->v[0], scale[0]), scale_quickly(self->v[1], scale[1]));
    const int16x8_t high =
        narrow_quickly(scale_quickly(self->v[2], scale[2]), scale_quickly(self->v[3], scale[3]));
    const int16x8_t x = vqaddq_s16(low, zero_point), y = vqaddq_s16(high, zero_point);

    return full ? vqmovn_high_s16(vqmovn_s16(x), y) : vigil_arm_bytes_clamp(&call->bytes, x, y);
}

static int8x16_t
sums_exactly(const Sums *self, const Call *call)
{
    const VigilRequantRule rule = call->lines->requant->rule;
    const VigilPanel *panel = call->panel;

    return vigil_arm_bytes_pack(&call->bytes, vigil_arm_rule(rule, self->v[0], panel, 0),
                                vigil_arm_rule(rule, self->v[1], panel, 4),
                                vigil_arm_rule(rule, self->v[2], panel, 8),
                                vigil_arm_rule(rule, self->v[3], panel, 12));
}

VIGIL_ARM_INLINE void
sums_add(Sums *self, int16x8_t low, int16x8_t high)
{
    self->v[0] = vaddw_s16(self->v[0], vget_low_s16(low));
    self->v[1] = vaddw_high_s16(self->v[1], low);
    self->v[2] = vaddw_s16(self->v[2], vget_low_s16(high));
    self->v[3] = vaddw_high_s16(self->v[3], high);
}

VIGIL_ARM_INLINE int8x16_t
load(const Window *window, guint ky, guint kx)
{
    return vld1q_s8((const gint8 *)window->begin[ky] + kx * window->step[ky]);
}

/* One line of the windows of @pixels outputs side by side; weights in 8 bits. */
VIGIL_ARM_INLINE void
narrow_line(const guint k_w, const guint stride, const guint pixels, const Window *window, guint ky,
            const gint8 *weights, Sums *sums)
{
    guint kx = 0;

    _Pragma("GCC unroll 4") for (; kx + 2 <= k_w; kx += 2)
    {
        const int8x16_t w0 = vld1q_s8(weights + kx * CHANNELS);
        const int8x16_t w1 = vld1q_s8(weights + (kx + 1) * CHANNELS);

        PIXELS
        {
            const int8x16_t x0 = load(window, ky, kx + i * stride);
            const int8x16_t x1 = load(window, ky, kx + 1 + i * stride);
            const int16x8_t low = vmull_s8(vget_low_s8(x0), vget_low_s8(w0));
            const int16x8_t high = vmull_high_s8(x0, w0);

            sums_add(&sums[i], vmlal_s8(low, vget_low_s8(x1), vget_low_s8(w1)),
                     vmlal_high_s8(high, x1, w1));
        }
    }
    if (kx == k_w)
        return;
    const int8x16_t w = vld1q_s8(weights + kx * CHANNELS);

    PIXELS
    {
        const int8x16_t x = load(window, ky, kx + i * stride);

        sums_add(&sums[i], vmull_s8(vget_low_s8(x), vget_low_s8(w)), vmull_high_s8(x, w));
    }
}

/* The same for windows of known size: all taps in one row, so that only the last of all may be left without another. */
VIGIL_ARM_INLINE void
narrow_window(const guint k_h, const guint k_w, const guint stride, const guint pixels,
              const Window *window, const gint8 *weights, Sums *sums)
{
    const guint last = k_h * k_w - 1;

    _Pragma("GCC unroll 16") for (guint t = 0; t < last; t += 2)
    {
        const int8x16_t w0 = vld1q_s8(weights + t * CHANNELS);
        const int8x16_t w1 = vld1q_s8(weights + (t + 1) * CHANNELS);

        PIXELS
        {
            const int8x16_t x0 = load(window, t / k_w, t % k_w + i * stride);
            const int8x16_t x1 = load(window, (t + 1) / k_w, (t + 1) % k_w + i * stride);
            const int16x8_t low = vmull_s8(vget_low_s8(x0), vget_low_s8(w0));
            const int16x8_t high = vmull_high_s8(x0, w0);

            sums_add(&sums[i], vmlal_s8(low, vget_low_s8(x1), vget_low_s8(w1)),
                     vmlal_high_s8(high, x1, w1));
        }
    }
    if (last % 2 != 0)
        return;
    const int8x16_t w = vld1q_s8(weights + last * CHANNELS);

    PIXELS
    {
        const int8x16_t x = load(window, k_h - 1, k_w - 1 + i * stride);

        sums_add(&sums[i], vmull_s8(vget_low_s8(x), vget_low_s8(w)), vmull_high_s8(x, w));
    }
}

VIGIL_ARM_INLINE void
wide_line(const guint k_w, const guint stride, const guint pixels, const Window *window, guint ky,
          const gint16 *weights, Sums *sums)
{
    _Pragma("GCC unroll 1") for (guint kx = 0; kx < k_w; kx++, weights += CHANNELS)
    {
        const int16x8_t w0 = vld1q_s16(weights), w1 = vld1q_s16(weights + 8);

        PIXELS
        {
            const int8x16_t x = load(window, ky, kx + i * stride);
            const int16x8_t x0 = vmovl_s8(vget_low_s8(x)), x1 = vmovl_high_s8(x);

            sums[i].v[0] = vmlal_s16(sums[i].v[0], vget_low_s16(x0), vget_low_s16(w0));
            sums[i].v[1] = vmlal_high_s16(sums[i].v[1], x0, w0);
            sums[i].v[2] = vmlal_s16(sums[i].v[2], vget_low_s16(x1), vget_low_s16(w1));
            sums[i].v[3] = vmlal_high_s16(sums[i].v[3], x1, w1);
        }
    }
}

/*
 * @pixels outputs side by side, whose windows lie @stride pixels apart from @window on.
 * @direct: the quick way, all 16 channels are there, and so is the whole range of bytes
 */
VIGIL_ARM_INLINE void
compute(const guint k_h, const guint k_w, const guint stride, const gboolean narrow,
        const guint pixels, const gboolean direct, const Call *call, const Window *window,
        guint8 *out)
{
    const gboolean known = __builtin_constant_p(k_h) && __builtin_constant_p(k_w);
    const guint line = k_w * CHANNELS;
    Sums sums[2];

    PIXELS for (guint v = 0; v < 4; v++) sums[i].v[v] = call->start[v];
    if (narrow && known) {
        narrow_window(k_h, k_w, stride, pixels, window, (const gint8 *)call->packed->weights, sums);
    } else {
        _Pragma("GCC unroll 1") for (guint ky = 0; ky < k_h; ky++)
        {
            if (narrow)
                narrow_line(k_w, stride, pixels, window, ky,
                            (const gint8 *)call->packed->weights + ky * line, sums);
            else
                wide_line(k_w, stride, pixels, window, ky, call->packed->weights + ky * line, sums);
        }
    }
    PIXELS
    {
        guint8 *to = out + i * call->lines->out_step;

        if (direct)
            vst1q_s8((gint8 *)to, sums_quickly(&sums[i], call, TRUE));
        else if (call->quick)
            vigil_arm_bytes_store(to, call->panel->n, sums_quickly(&sums[i], call, FALSE));
        else
            vigil_arm_bytes_store(to, call->panel->n, sums_exactly(&sums[i], call));
    }
}

/* The window of an output at the left or right end, with padding, as an image of its own. */
static void
copy_window(const VigilDepthwiseLines *lines, gint32 x, guint8 *copy, Window *window)
{
    for (guint ky = 0; ky < lines->k_h; ky++) {
        window->begin[ky] = copy;
        window->step[ky] = CHANNELS;
        for (guint kx = 0; kx < lines->k_w; kx++, copy += CHANNELS) {
            const gint32 at = x + (gint32)kx;

            if (at >= 0 && at < lines->in_w)
                memcpy(copy, lines->lines[ky] + (gsize)at * lines->steps[ky], CHANNELS);
            else
                memset(copy, lines->zero_point, CHANNELS);
        }
    }
}

static void
point_inside(const VigilDepthwiseLines *lines, gint32 x, Window *window)
{
    for (guint ky = 0; ky < lines->k_h; ky++) {
        window->step[ky] = lines->steps[ky];
        window->begin[ky] = lines->lines[ky] + (gsize)x * window->step[ky];
    }
}

/* Pairs of outputs whose windows lie in the line. */
VIGIL_ARM_INLINE void
run_pairs(const guint k_h, const guint k_w, const guint stride, const gboolean narrow,
          const gboolean direct, const Call *call, gint32 x, guint pairs, guint8 *out)
{
    /* a copy: what is written to @out cannot change it */
    const Call constants = *call;
    const gsize step = 2 * call->lines->out_step;
    Window window;

    point_inside(call->lines, x, &window);
    _Pragma("GCC unroll 1") for (; pairs > 0; pairs--, out += step)
    {
        compute(k_h, k_w, stride, narrow, 2, direct, &constants, &window, out);
        _Pragma("GCC unroll 5") for (guint ky = 0; ky < k_h; ky++) window.begin[ky] +=
            2 * stride * window.step[ky];
    }
}

/* One output, anywhere. */
static void
run_one(const Call *call, gint32 x, guint8 *out)
{
    const VigilDepthwiseLines *lines = call->lines;
    guint8 copy[MAX_TAPS * CHANNELS];
    Window window;

    if (x >= 0 && x + (gint32)lines->k_w <= lines->in_w)
        point_inside(lines, x, &window);
    else
        copy_window(lines, x, copy, &window);
    compute(lines->k_h, lines->k_w, 1, call->packed->narrow, 1, FALSE, call, &window, out);
}

typedef void (*Pairs)(const Call *call, gint32 x, guint pairs, guint8 *out);

#define DEFINE_PAIRS(NAME, K_H, K_W, STRIDE, NARROW, DIRECT)                            \
    static __attribute__((noinline)) void NAME(const Call *call, gint32 x, guint pairs, \
                                               guint8 *out)                             \
    {                                                                                   \
        run_pairs(K_H, K_W, STRIDE, NARROW, DIRECT, call, x, pairs, out);               \
    }

DEFINE_PAIRS(depthwise_3x3_1, 3, 3, 1, TRUE, TRUE)
DEFINE_PAIRS(depthwise_3x3_2, 3, 3, 2, TRUE, TRUE)
DEFINE_PAIRS(depthwise_5x5_1, 5, 5, 1, TRUE, TRUE)
DEFINE_PAIRS(depthwise_5x5_2, 5, 5, 2, TRUE, TRUE)
DEFINE_PAIRS(depthwise_3x3_1_wide, 3, 3, 1, FALSE, TRUE)
DEFINE_PAIRS(depthwise_3x3_2_wide, 3, 3, 2, FALSE, TRUE)
DEFINE_PAIRS(depthwise_any, call->lines->k_h, call->lines->k_w, call->lines->stride, TRUE, FALSE)
DEFINE_PAIRS(depthwise_any_wide, call->lines->k_h, call->lines->k_w, call->lines->stride, FALSE,
             FALSE)

static Pairs
find_pairs(const Call *call)
{
    const VigilDepthwiseLines *lines = call->lines;
    const VigilRequant *requant = lines->requant;
    const guint size = lines->k_h == lines->k_w ? lines->k_h : 0, stride = lines->stride;

    if (call->quick && call->panel->n == CHANNELS && requant->lo == -128 && requant->hi == 127 &&
        requant->flip == 0 && stride <= 2) {
        if (size == 3 && call->packed->narrow)
            return stride == 1 ? depthwise_3x3_1 : depthwise_3x3_2;
        if (size == 3)
            return stride == 1 ? depthwise_3x3_1_wide : depthwise_3x3_2_wide;
        if (size == 5 && call->packed->narrow)
            return stride == 1 ? depthwise_5x5_1 : depthwise_5x5_2;
    }
    return call->packed->narrow ? depthwise_any : depthwise_any_wide;
}

void
vigil_arm_depthwise(const VigilDepthwiseLines *lines, const VigilPanel *panel)
{
    const gint32 stride = (gint32)lines->stride, last = lines->in_w - (gint32)lines->k_w;
    guint8 *out = lines->out;
    gint32 x = -lines->pad_x;
    Call call = {
        .lines = lines,
        .panel = panel,
        .packed = panel->weights,
        .bytes = vigil_arm_bytes_init(lines->requant),
    };
    Pairs pairs;

    init_sums(&call);
    pairs = find_pairs(&call);
    for (gint32 i = 0; i < lines->out_w;) {
        const gint32 inside =
            x < 0 || x > last ? 0 : MIN((last - x) / stride + 1, lines->out_w - i);
        const gint32 n = MAX(inside / 2 * 2, 1);

        if (inside >= 2)
            pairs(&call, x, (guint)inside / 2, out);
        else
            run_one(&call, x, out);
        i += n;
        x += n * stride;
        out += (gsize)n * lines->out_step;
    }
}
