/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/capture/vigil-v4l2-format.h"

#include <linux/videodev2.h>
#include <math.h>
#include <string.h>

#include "plugins/capture/vigil-v4l2-error.h"

#define DEFAULT_FPS 30.0

/* SOI, DQT, SOF0, DHT, SOS and EOI of the smallest picture take more. */
#define LEAST_JPEG 125

/*
 * What can be used, of each kind first what is cheapest to look at. rows: how many rows of the first plane's stride a frame
 * has for each row of pixels when all is in one plane; divisors: one plane's rows are height/divisor, by its own stride.
 */
static const struct {
    guint32 fourcc;
    VigilV4l2Kind kind;
    gdouble rows;
    guint n_planes;
    guint8 divisors[VIGIL_V4L2_MAX_PLANES];
} formats[] = {
    {V4L2_PIX_FMT_H264, VIGIL_V4L2_H264, 0, 1, {0}},
    {V4L2_PIX_FMT_HEVC, VIGIL_V4L2_H265, 0, 1, {0}},
    {V4L2_PIX_FMT_MJPEG, VIGIL_V4L2_MJPEG, 0, 1, {0}},
    {V4L2_PIX_FMT_JPEG, VIGIL_V4L2_MJPEG, 0, 1, {0}},
    {V4L2_PIX_FMT_NV12, VIGIL_V4L2_RAW, 1.5, 1, {0}},
    {V4L2_PIX_FMT_NV12M, VIGIL_V4L2_RAW, 0, 2, {1, 2}},
    {V4L2_PIX_FMT_YUV420, VIGIL_V4L2_RAW, 1.5, 1, {0}},
    {V4L2_PIX_FMT_YUV420M, VIGIL_V4L2_RAW, 0, 3, {1, 2, 2}},
    {V4L2_PIX_FMT_YVU420, VIGIL_V4L2_RAW, 1.5, 1, {0}},
    {V4L2_PIX_FMT_YVU420M, VIGIL_V4L2_RAW, 0, 3, {1, 2, 2}},
    {V4L2_PIX_FMT_NV21, VIGIL_V4L2_RAW, 1.5, 1, {0}},
    {V4L2_PIX_FMT_NV21M, VIGIL_V4L2_RAW, 0, 2, {1, 2}},
    {V4L2_PIX_FMT_YUYV, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_UYVY, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_YVYU, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_VYUY, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_YUV422P, VIGIL_V4L2_RAW, 2, 1, {0}},
    {V4L2_PIX_FMT_YUV422M, VIGIL_V4L2_RAW, 0, 3, {1, 1, 1}},
    {V4L2_PIX_FMT_NV16, VIGIL_V4L2_RAW, 2, 1, {0}},
    {V4L2_PIX_FMT_NV16M, VIGIL_V4L2_RAW, 0, 2, {1, 1}},
    {V4L2_PIX_FMT_NV61, VIGIL_V4L2_RAW, 2, 1, {0}},
    {V4L2_PIX_FMT_NV24, VIGIL_V4L2_RAW, 3, 1, {0}},
    {V4L2_PIX_FMT_RGB24, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_BGR24, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_XBGR32, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_XRGB32, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_ABGR32, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_ARGB32, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_RGBX32, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_RGBA32, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_BGR32, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_RGB32, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_RGB565, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_RGB555, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_GREY, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_Y16, VIGIL_V4L2_RAW, 1, 1, {0}},
    {V4L2_PIX_FMT_Y16_BE, VIGIL_V4L2_RAW, 1, 1, {0}},
};

static const gchar *const kind_names[VIGIL_V4L2_N_KINDS] = {"other", "h264", "h265", "mjpeg",
                                                            "raw"};

/* Place in the table, or its length. */
static guint
find(guint32 fourcc)
{
    guint i = 0;

    while (i < G_N_ELEMENTS(formats) && formats[i].fourcc != fourcc)
        i++;
    return i;
}

VigilV4l2Kind
vigil_v4l2_kind_of(guint32 fourcc)
{
    const guint i = find(fourcc);

    return i < G_N_ELEMENTS(formats) ? formats[i].kind : VIGIL_V4L2_OTHER;
}

const gchar *
vigil_v4l2_kind_to_string(VigilV4l2Kind kind)
{
    return kind_names[kind];
}

gboolean
vigil_v4l2_want_set_kinds(VigilV4l2Want *self, const gchar *text, GError **error)
{
    g_auto(GStrv) words = NULL;
    guint seen = 0;

    if (!text || g_str_equal(text, "auto"))
        text = "h264,h265,mjpeg,raw";
    words = g_strsplit(*text ? text : ",", ",", -1);
    self->n_kinds = 0;
    for (gchar **word = words; *word; word++) {
        VigilV4l2Kind kind = VIGIL_V4L2_H264;

        g_strstrip(*word);
        while (kind < VIGIL_V4L2_N_KINDS && !g_str_equal(kind_names[kind], *word))
            kind++;
        if (kind == VIGIL_V4L2_N_KINDS || seen & 1U << kind) {
            g_set_error(error, VIGIL_V4L2_ERROR, VIGIL_V4L2_ERROR_SETTING,
                        "\"%s\" is no list of formats: write h264, h265, mjpeg and raw in the "
                        "order of preference, with commas between them, or auto",
                        text);
            return FALSE;
        }
        seen |= 1U << kind;
        self->kinds[self->n_kinds++] = kind;
    }
    return TRUE;
}

const gchar *
vigil_v4l2_fourcc_to_string(guint32 fourcc, gchar *text)
{
    for (guint i = 0; i < 4; i++) {
        const gchar c = (gchar)(fourcc >> (8 * i) & 0x7f);

        text[i] = g_ascii_isprint(c) ? c : '.';
    }
    text[4] = '\0';
    for (guint i = 3; i > 0 && text[i] == ' '; i--)
        text[i] = '\0';
    if (fourcc & 1U << 31)
        g_strlcat(text, "-BE", 8);
    return text;
}

gdouble
vigil_v4l2_rate_to_fps(VigilV4l2Rate rate)
{
    return rate.d ? (gdouble)rate.n / rate.d : 0.0;
}

/* --- the choice ------------------------------------------------------------------------------ */

static guint
nearest_in_range(guint wanted, guint min, guint max, guint step)
{
    guint steps;

    if (wanted <= min)
        return min;
    if (wanted >= max)
        return max;
    steps = (wanted - min + step / 2) / step;
    return MIN(min + steps * step, max);
}

static gdouble
rate_cost(gdouble fps, gdouble wanted)
{
    const gdouble ratio = fps > 0 ? log2(wanted / fps) : 0.0;

    return ratio > 0 ? 0.5 * ratio : -0.05 * ratio;
}

static VigilV4l2Rate
nearest_rate(const VigilV4l2Mode *mode, gdouble wanted)
{
    VigilV4l2Rate best = mode->n_rates ? mode->rates[0] : (VigilV4l2Rate){0, 0};

    if (mode->any_rate && mode->n_rates == 2) {
        if (wanted >= vigil_v4l2_rate_to_fps(mode->rates[1]))
            return mode->rates[1];
        if (wanted <= vigil_v4l2_rate_to_fps(mode->rates[0]))
            return mode->rates[0];
        return (VigilV4l2Rate){(guint32)lround(wanted * 1000), 1000};
    }
    for (guint i = 1; i < mode->n_rates; i++)
        if (rate_cost(vigil_v4l2_rate_to_fps(mode->rates[i]), wanted) <
            rate_cost(vigil_v4l2_rate_to_fps(best), wanted))
            best = mode->rates[i];
    return best;
}

static gdouble
judge(const VigilV4l2Mode *mode, const VigilV4l2Want *want, VigilV4l2Choice *choice)
{
    const gboolean raw = vigil_v4l2_kind_of(mode->fourcc) == VIGIL_V4L2_RAW;
    const guint width = want->width ? want->width : raw ? 1280 : 1920;
    const guint height = want->height ? want->height : raw ? 720 : 1080;
    const gdouble fps = want->fps > 0 ? want->fps : DEFAULT_FPS;
    gdouble across, down, reached;

    choice->fourcc = mode->fourcc;
    choice->width =
        nearest_in_range(width, mode->min_width, mode->max_width, MAX(mode->step_width, 1));
    choice->height =
        nearest_in_range(height, mode->min_height, mode->max_height, MAX(mode->step_height, 1));
    choice->rate = nearest_rate(mode, fps);
    reached = vigil_v4l2_rate_to_fps(choice->rate);
    choice->exact = (!want->width || choice->width == want->width) &&
                    (!want->height || choice->height == want->height) &&
                    (!(want->fps > 0) || reached == 0 || fabs(reached / want->fps - 1) < 0.01);
    across = log2((gdouble)choice->width / width);
    down = log2((gdouble)choice->height / height);
    return fabs(across + down) + 2 * fabs(across - down) + rate_cost(reached, fps);
}

gboolean
vigil_v4l2_choose(const VigilV4l2Mode *modes, guint n_modes, const VigilV4l2Want *want,
                  VigilV4l2Choice *choice)
{
    for (guint k = 0; k < want->n_kinds; k++) {
        gdouble best = INFINITY;
        guint best_place = 0;

        for (guint i = 0; i < n_modes; i++) {
            const guint place = find(modes[i].fourcc);
            VigilV4l2Choice candidate;
            gdouble cost;

            if (vigil_v4l2_kind_of(modes[i].fourcc) != want->kinds[k] || modes[i].max_width == 0 ||
                modes[i].max_height == 0)
                continue;
            cost = judge(&modes[i], want, &candidate);
            if (cost < best || (cost == best && place < best_place)) {
                best = cost;
                best_place = place;
                *choice = candidate;
            }
        }
        if (best < INFINITY)
            return TRUE;
    }
    return FALSE;
}

/* --- what the driver gave -------------------------------------------------------------------- */

void
vigil_v4l2_format_compute_least(VigilV4l2Format *self)
{
    const guint i = find(self->fourcc);
    const VigilV4l2Kind kind = vigil_v4l2_kind_of(self->fourcc);

    for (guint plane = 0; plane < VIGIL_V4L2_MAX_PLANES; plane++)
        self->least[plane] = kind == VIGIL_V4L2_MJPEG ? LEAST_JPEG : 1;
    if (kind != VIGIL_V4L2_RAW)
        return;
    for (guint plane = 0; plane < self->n_planes; plane++) {
        guint64 bytes = (guint64)(self->stride[plane] * (gdouble)self->height * formats[i].rows);

        if (formats[i].divisors[plane])
            bytes = (guint64)self->stride[plane] *
                    ((self->height + formats[i].divisors[plane] - 1) / formats[i].divisors[plane]);
        /* where strides are not as the table has them, the driver's own word */
        self->least[plane] = (guint)MIN(bytes, self->size[plane]);
    }
}

gchar *
vigil_v4l2_format_to_string(const VigilV4l2Format *self)
{
    gchar fourcc[8];

    vigil_v4l2_fourcc_to_string(self->fourcc, fourcc);
    if (!self->rate.d)
        return g_strdup_printf("%s %ux%u", fourcc, self->width, self->height);
    return g_strdup_printf("%s %ux%u at %.4g frames a second", fourcc, self->width, self->height,
                           vigil_v4l2_rate_to_fps(self->rate));
}
