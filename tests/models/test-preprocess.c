/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-preprocess.h"
#include "tests/support/vigil-test-data.h"
#include "tests/support/vigil-test-image.h"

/* The definition in vigil-preprocess.h in double precision, one pixel at a time. */
static double
sample(const guint8 *first, gsize stride, guint step, guint n_x, guint n_y, double x, double y)
{
    const double cx = CLAMP(x, 0, n_x - 1.0), cy = CLAMP(y, 0, n_y - 1.0);
    const guint x0 = (guint)cx, y0 = (guint)cy;
    const guint x1 = MIN(x0 + 1, n_x - 1), y1 = MIN(y0 + 1, n_y - 1);
    const double fx = cx - x0, fy = cy - y0;

    return (first[y0 * stride + x0 * step] * (1 - fx) + first[y0 * stride + x1 * step] * fx) *
               (1 - fy) +
           (first[y1 * stride + x0 * step] * (1 - fx) + first[y1 * stride + x1 * step] * fx) * fy;
}

/* Weight of sample @i in the output from @at to @at + @scale (area), or at its centre (bilinear). */
static double
weight(guint i, guint n, guint at, double scale)
{
    const double centre = CLAMP((at + 0.5) * scale - 0.5, 0, n - 1.0);

    if (scale <= 2)
        return MAX(0, 1 - fabs(i - centre));
    return MAX(0, MIN((at + 1) * scale, i + 1.0) - MAX(at * scale, i)) /
           (MIN((at + 1) * scale, n) - at * scale);
}

static double
resampled(const guint8 *first, gsize stride, guint step, guint n_x, guint n_y, guint x, guint y,
          double sx, double sy)
{
    double sum = 0;

    if (sx <= 2 && sy <= 2)
        return sample(first, stride, step, n_x, n_y, (x + 0.5) * sx - 0.5, (y + 0.5) * sy - 0.5);
    for (guint j = 0; j < n_y; j++) {
        const double wy = weight(j, n_y, y, sy);

        for (guint i = 0; wy > 0 && i < n_x; i++)
            sum += wy * weight(i, n_x, x, sx) * first[j * stride + i * step];
    }
    return sum;
}

static double
chroma(const VigilImage *image, guint which, guint x, guint y, guint w, guint h)
{
    const guint half_w = (image->width + 1) / 2, half_h = (image->height + 1) / 2;
    const double sx = image->width / 2.0 / w, sy = image->height / 2.0 / h;

    switch (image->format) {
    case VIGIL_PIXELS_I420:
        return resampled(image->planes[1 + which], image->strides[1 + which], 1, half_w, half_h, x,
                         y, sx, sy);
    case VIGIL_PIXELS_NV12:
        return resampled(image->planes[1] + which, image->strides[1], 2, half_w, half_h, x, y, sx,
                         sy);
    default:
        return resampled(image->planes[0] + 1 + 2 * which, image->strides[0], 4, half_w,
                         image->height, x, y, sx, (double)image->height / h);
    }
}

static void
reference_yuv(const VigilImage *image, guint x, guint y, guint w, guint h, double rgb[3])
{
    const double kr = image->matrix == VIGIL_YUV_BT709 ? 0.2126 : 0.299;
    const double kb = image->matrix == VIGIL_YUV_BT709 ? 0.0722 : 0.114;
    const double luma_gain = image->full_range ? 1 : 255.0 / 219,
                 gain = image->full_range ? 1 : 255.0 / 224;
    const guint step = image->format == VIGIL_PIXELS_YUY2 ? 2 : 1;
    const double luma =
        luma_gain *
        (resampled(image->planes[0], image->strides[0], step, image->width, image->height, x, y,
                   (double)image->width / w, (double)image->height / h) -
         (image->full_range ? 0 : 16));
    const double cb = gain * (chroma(image, 0, x, y, w, h) - 128),
                 cr = gain * (chroma(image, 1, x, y, w, h) - 128);

    rgb[0] = luma + 2 * (1 - kr) * cr;
    rgb[2] = luma + 2 * (1 - kb) * cb;
    rgb[1] = (luma - kr * rgb[0] - kb * rgb[2]) / (1 - kr - kb);
}

static void
reference_pixel(const VigilImage *image, guint x, guint y, guint w, guint h, gboolean gray,
                double rgb[3])
{
    static const guint8 steps[] = {0, 0, 0, 3, 3, 4, 4, 1};
    const gboolean blue_first =
        image->format == VIGIL_PIXELS_BGR || image->format == VIGIL_PIXELS_BGRX;
    const double sx = (double)image->width / w, sy = (double)image->height / h;

    if (image->format <= VIGIL_PIXELS_YUY2) {
        reference_yuv(image, x, y, w, h, rgb);
        if (gray) {
            VigilImage colourless = *image;
            const double kr = image->matrix == VIGIL_YUV_BT709 ? 0.2126 : 0.299;
            const double kb = image->matrix == VIGIL_YUV_BT709 ? 0.0722 : 0.114;

            reference_yuv(&colourless, x, y, w, h, rgb);
            rgb[0] = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2];
        }
        return;
    }
    for (guint c = 0; c < 3; c++) {
        const guint from = image->format == VIGIL_PIXELS_GRAY8 ? 0 : blue_first ? 2 - c : c;

        rgb[c] = resampled(image->planes[0] + from, image->strides[0], steps[image->format],
                           image->width, image->height, x, y, sx, sy);
    }
    if (gray)
        rgb[0] = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
}

static VigilTensorInfo
input_of(VigilTensorType type, gint32 width, gint32 height, gint32 channels, gfloat scale,
         gint32 zero_point)
{
    const gsize element = type == VIGIL_TENSOR_FLOAT32 ? 4 : 1;

    return (VigilTensorInfo){.name = "in",
                             .type = type,
                             .n_dims = 4,
                             .dims = {1, height, width, channels},
                             .bytes = (gsize)(width * height * channels) * element,
                             .scale = scale,
                             .zero_point = zero_point};
}

/* Runs one frame stretched into uint8 and compares every byte: no further off than rounding explains. */
static void
compare(const VigilImage *image, guint w, guint h, gboolean gray)
{
    const VigilTensorInfo info =
        input_of(VIGIL_TENSOR_UINT8, (gint32)w, (gint32)h, gray ? 1 : 3, 1, 0);
    VigilPreprocessOptions options = vigil_preprocess_options_defaults();
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilPreprocess) preprocess = vigil_preprocess_new(&info, &options, &error);
    g_autofree guint8 *out = g_malloc(info.bytes);
    const guint n = gray ? 1 : 3;
    VigilMapping mapping;

    g_assert_no_error(error);
    ck_assert(vigil_preprocess_run(preprocess, image, out, &mapping));
    for (guint y = 0; y < h; y++) {
        for (guint x = 0; x < w; x++) {
            double rgb[3];

            reference_pixel(image, x, y, w, h, gray, rgb);
            for (guint c = 0; c < n; c++) {
                const double wanted = CLAMP(rgb[c], 0, 255);

                ck_assert_msg(fabs(out[(y * w + x) * n + c] - wanted) <= 0.56,
                              "format %d %ux%u -> %ux%u at %u,%u,%u: %d, not %.3f", image->format,
                              image->width, image->height, w, h, x, y, c, out[(y * w + x) * n + c],
                              wanted);
            }
        }
    }
}

START_TEST(test_against_reference)
{
    static const guint sizes[][4] = {
        {40, 30, 40, 30}, {64, 48, 41, 37}, {33, 27, 50, 61}, {97, 61, 20, 16},
        {31, 90, 29, 17}, {1, 1, 5, 4},     {3, 2, 1, 1},
    };

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        VigilImage image =
            vigil_test_image_noise((VigilPixelFormat)_i, sizes[i][0], sizes[i][1], 7 + i);

        for (guint variant = 0; variant < (_i <= VIGIL_PIXELS_YUY2 ? 4 : 1); variant++) {
            image.matrix = variant & 1 ? VIGIL_YUV_BT709 : VIGIL_YUV_BT601;
            image.full_range = variant & 2;
            compare(&image, sizes[i][2], sizes[i][3], FALSE);
            compare(&image, sizes[i][2], sizes[i][3], TRUE);
        }
        vigil_test_image_clear(&image);
    }
}
END_TEST

START_TEST(test_known_colours)
{
    /* BT.601 limited: red is 81, 90, 240; GRAY8 is full range */
    guint8 y[16], u[4], v[4], out[3 * 4];
    VigilImage image = {VIGIL_PIXELS_I420, 4, 4, {y, u, v}, {4, 2, 2}, VIGIL_YUV_BT601, FALSE};
    const VigilTensorInfo info = input_of(VIGIL_TENSOR_UINT8, 2, 2, 3, 1, 0);
    VigilPreprocessOptions options = vigil_preprocess_options_defaults();
    g_autoptr(VigilPreprocess) preprocess = vigil_preprocess_new(&info, &options, NULL);
    VigilMapping mapping;

    memset(y, 81, sizeof y);
    memset(u, 90, sizeof u);
    memset(v, 240, sizeof v);
    ck_assert(vigil_preprocess_run(preprocess, &image, out, &mapping));
    ck_assert_uint_ge(out[0], 253);
    ck_assert_uint_le(out[1], 1);
    ck_assert_uint_le(out[2], 1);
    image = (VigilImage){
        .format = VIGIL_PIXELS_GRAY8, .width = 4, .height = 4, .planes = {y}, .strides = {4}};
    ck_assert(vigil_preprocess_run(preprocess, &image, out, &mapping));
    for (guint i = 0; i < 12; i++)
        ck_assert_uint_eq(out[i], 81);
}
END_TEST

/* One red-only pixel value into each kind of input. */
static void
quantized(VigilTensorType type, gfloat scale, gint32 zero_point,
          const VigilPreprocessOptions *options, gpointer out)
{
    static const guint8 pixel[3] = {200, 100, 0};
    const VigilImage image = {
        .format = VIGIL_PIXELS_RGB, .width = 1, .height = 1, .planes = {pixel}, .strides = {3}};
    const VigilTensorInfo info = input_of(type, 1, 1, 3, scale, zero_point);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilPreprocess) preprocess = vigil_preprocess_new(&info, options, &error);
    VigilMapping mapping;

    g_assert_no_error(error);
    ck_assert(vigil_preprocess_run(preprocess, &image, out, &mapping));
}

START_TEST(test_quantize)
{
    VigilPreprocessOptions options = vigil_preprocess_options_defaults();
    guint8 bytes[3];
    gint8 levels[3];
    gfloat reals[3];

    quantized(VIGIL_TENSOR_UINT8, 0.0078f, 127, &options, bytes);
    ck_assert_uint_eq(bytes[0], 200);
    ck_assert_uint_eq(bytes[2], 0);
    quantized(VIGIL_TENSOR_INT8, 0.0039f, -128, &options, levels);
    ck_assert_int_eq(levels[0], 72);
    ck_assert_int_eq(levels[2], -128);
    quantized(VIGIL_TENSOR_FLOAT32, 0, 0, &options, reals);
    ck_assert_float_eq_tol(reals[1], 100 / 255.0f, 1e-6);

    options.normalise = TRUE;
    for (guint c = 0; c < 3; c++) {
        options.mean[c] = 127.5f;
        options.std[c] = 127.5f;
    }
    quantized(VIGIL_TENSOR_INT8, 1 / 64.0f, 3, &options, levels);
    ck_assert_int_eq(levels[0], (gint)lrint((200 - 127.5) / 127.5 * 64) + 3);
    ck_assert_int_eq(levels[2], 3 - 64);
    quantized(VIGIL_TENSOR_INT8, 1 / 1024.0f, 0, &options, levels);
    ck_assert_int_eq(levels[0], 127);
    ck_assert_int_eq(levels[2], -128);
    options.colour = VIGIL_COLOUR_BGR;
    options.mean[0] = 0;
    quantized(VIGIL_TENSOR_FLOAT32, 0, 0, &options, reals);
    ck_assert_float_eq_tol(reals[0], 0, 1e-6);
    ck_assert_float_eq_tol(reals[2], (200 - 127.5) / 127.5, 1e-6);
}
END_TEST

START_TEST(test_letterbox)
{
    static const guint sizes[][2] = {{160, 90}, {90, 160}, {64, 64}, {63, 20}, {7, 500}};
    const VigilTensorInfo info = input_of(VIGIL_TENSOR_UINT8, 64, 64, 3, 1, 0);
    VigilPreprocessOptions options = vigil_preprocess_options_defaults();
    g_autofree guint8 *out = g_malloc(info.bytes);

    options.resize = VIGIL_RESIZE_LETTERBOX;
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(VigilPreprocess) preprocess = vigil_preprocess_new(&info, &options, NULL);
        const guint w = sizes[i][0], h = sizes[i][1];
        g_autofree guint8 *pixels = g_malloc0((gsize)w * h * 3);
        const VigilImage image = {.format = VIGIL_PIXELS_RGB,
                                  .width = w,
                                  .height = h,
                                  .planes = {pixels},
                                  .strides = {w * 3}};
        guint x0 = 64, y0 = 64, x1 = 0, y1 = 0;
        VigilMapping mapping;
        VigilBox box;

        memset(pixels, 250, (gsize)w * h * 3);
        ck_assert(vigil_preprocess_run(preprocess, &image, out, &mapping));
        for (guint p = 0; p < 64 * 64; p++) {
            ck_assert(out[p * 3] == 250 || out[p * 3] == 114);
            if (out[p * 3] == 114)
                continue;
            x0 = MIN(x0, p % 64);
            y0 = MIN(y0, p / 64);
            x1 = MAX(x1, p % 64 + 1);
            y1 = MAX(y1, p / 64 + 1);
        }
        ck_assert_uint_eq(MAX(x1 - x0, y1 - y0), 64);
        /* where the frame was drawn is the whole frame again */
        box = vigil_mapping_apply(&mapping,
                                  &(VigilBox){x0 / 64.0f, y0 / 64.0f, x1 / 64.0f, y1 / 64.0f});
        ck_assert_float_eq_tol(box.x0, 0, 1e-5);
        ck_assert_float_eq_tol(box.y0, 0, 1e-5);
        ck_assert_float_eq_tol(box.x1, 1, 1e-5);
        ck_assert_float_eq_tol(box.y1, 1, 1e-5);
    }
}
END_TEST

/* Sizes and formats that alternate keep their tables apart, also when there are more than are kept. */
START_TEST(test_alternating_sizes)
{
    const VigilTensorInfo info = input_of(VIGIL_TENSOR_UINT8, 16, 16, 3, 1, 0);
    VigilPreprocessOptions options = vigil_preprocess_options_defaults();
    g_autoptr(VigilPreprocess) shared = vigil_preprocess_new(&info, &options, NULL);

    for (guint round = 0; round < 3; round++) {
        for (guint i = 0; i < 12; i++) {
            VigilImage image =
                vigil_test_image_noise((VigilPixelFormat)(i % 8), 20 + 9 * i, 50 - 3 * i, i);
            g_autoptr(VigilPreprocess) own = vigil_preprocess_new(&info, &options, NULL);
            guint8 a[16 * 16 * 3], b[16 * 16 * 3];
            VigilMapping mapping;

            ck_assert(vigil_preprocess_run(shared, &image, a, &mapping));
            ck_assert(vigil_preprocess_run(own, &image, b, &mapping));
            ck_assert_mem_eq(a, b, sizeof a);
            vigil_test_image_clear(&image);
        }
    }
}
END_TEST

/* A plane a channel holds what the pixels hold, margins and all; in bytes and in floats, in colour and in gray. */
START_TEST(test_planar)
{
    static const VigilTensorType types[] = {VIGIL_TENSOR_UINT8, VIGIL_TENSOR_INT8,
                                            VIGIL_TENSOR_FLOAT32};
    const guint width = 36, height = 20, n_channels = _i % 2 ? 1 : 3;
    const VigilTensorType type = types[_i / 2];
    const gsize element = type == VIGIL_TENSOR_FLOAT32 ? 4 : 1, n = (gsize)width * height;
    const VigilTensorInfo planar = {
        .type = type, .n_dims = 4, .dims = {1, (gint32)n_channels, height, width}};
    const VigilTensorInfo packed = {
        .type = type, .n_dims = 4, .dims = {1, height, width, (gint32)n_channels}};
    VigilPreprocessOptions options = vigil_preprocess_options_defaults();
    g_autofree guint8 *planes = g_malloc0(n * n_channels * element);
    g_autofree guint8 *pixels = g_malloc0(n * n_channels * element);
    VigilImage image = vigil_test_image_noise(VIGIL_PIXELS_I420, 50, 60, 3);
    VigilInputShape shape;
    VigilMapping mapping;

    ck_assert(vigil_input_shape(&planar, &shape) && shape.planar == TRUE && shape.width == width &&
              shape.height == height && shape.n_channels == n_channels);
    options.resize = VIGIL_RESIZE_LETTERBOX;
    if (type == VIGIL_TENSOR_FLOAT32) {
        options.normalise = TRUE;
        for (guint c = 0; c < 3; c++) {
            options.mean[c] = 10.0f * (gfloat)c;
            options.std[c] = 50;
        }
    }
    g_autoptr(VigilPreprocess) to_planes = vigil_preprocess_new(&planar, &options, NULL);
    g_autoptr(VigilPreprocess) to_pixels = vigil_preprocess_new(&packed, &options, NULL);

    ck_assert(vigil_preprocess_run(to_planes, &image, planes, &mapping));
    ck_assert(vigil_preprocess_run(to_pixels, &image, pixels, &mapping));
    for (gsize i = 0; i < n; i++) {
        for (gsize c = 0; c < n_channels; c++)
            ck_assert_mem_eq(planes + (c * n + i) * element,
                             pixels + (i * n_channels + c) * element, element);
    }
    vigil_test_image_clear(&image);
}
END_TEST

START_TEST(test_refused)
{
    static const guint8 pixels[64];
    VigilPreprocessOptions options = vigil_preprocess_options_defaults();
    VigilTensorInfo info = input_of(VIGIL_TENSOR_UINT8, 4, 4, 3, 1, 0);
    VigilImage image = {
        .format = VIGIL_PIXELS_RGB, .width = 4, .height = 4, .planes = {pixels}, .strides = {12}};
    g_autoptr(VigilPreprocess) preprocess = vigil_preprocess_new(&info, &options, NULL);
    guint8 out[48];
    VigilMapping mapping;
    GError *error = NULL;

    ck_assert(vigil_preprocess_run(preprocess, &image, out, &mapping));
    image.strides[0] = 11;
    ck_assert(!vigil_preprocess_run(preprocess, &image, out, &mapping));
    image.strides[0] = 12;
    image.height = 0;
    ck_assert(!vigil_preprocess_run(preprocess, &image, out, &mapping));
    image.height = 4;
    image.planes[0] = NULL;
    ck_assert(!vigil_preprocess_run(preprocess, &image, out, &mapping));

    info.dims[3] = 4;
    ck_assert_ptr_null(vigil_preprocess_new(&info, &options, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED);
    g_clear_error(&error);
    info.dims[3] = 1;
    options.colour = VIGIL_COLOUR_BGR;
    ck_assert_ptr_null(vigil_preprocess_new(&info, &options, &error));
    g_clear_error(&error);
    info = input_of(VIGIL_TENSOR_UINT8, 4, 4, 3, 0, 0);
    options = vigil_preprocess_options_defaults();
    options.normalise = TRUE;
    ck_assert_ptr_null(vigil_preprocess_new(&info, &options, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED);
    g_clear_error(&error);
}
END_TEST

/* The golden inputs come from another program, whose bilinear filter also smooths a little when shrinking;
 * a channel, row or range out of place is far beyond that. */
START_TEST(test_golden_input)
{
    g_autofree gchar *image_path = vigil_test_data_path("images/dls_pedestrians.jpg");
    g_autofree gchar *raw_path =
        vigil_test_data_path("golden/yolov8n_full_integer_quant_416__dls_pedestrians.in.raw");
    const VigilTensorInfo info = input_of(VIGIL_TENSOR_INT8, 416, 416, 3, 1 / 255.0f, -128);
    VigilPreprocessOptions options = vigil_preprocess_options_defaults();
    g_autoptr(VigilPreprocess) preprocess = vigil_preprocess_new(&info, &options, NULL);
    g_autofree gint8 *out = g_malloc(info.bytes);
    g_autofree gchar *raw = NULL;
    gsize bytes;
    double sum = 0;
    VigilImage image;
    VigilMapping mapping;

    if (!image_path || !raw_path)
        return;
    ck_assert(vigil_test_image_load(image_path, &image));
    ck_assert(g_file_get_contents(raw_path, &raw, &bytes, NULL));
    ck_assert_uint_eq(bytes, info.bytes);
    ck_assert(vigil_preprocess_run(preprocess, &image, out, &mapping));
    for (gsize i = 0; i < bytes; i++)
        sum += abs(out[i] - (gint8)raw[i]);
    ck_assert_msg(sum / bytes < 3.5, "mean difference %.2f levels", sum / bytes);
    vigil_test_image_clear(&image);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("preprocess");
    TCase *tests = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, test_against_reference, 0, VIGIL_PIXELS_GRAY8 + 1);
    tcase_add_test(tests, test_known_colours);
    tcase_add_test(tests, test_quantize);
    tcase_add_test(tests, test_letterbox);
    tcase_add_test(tests, test_alternating_sizes);
    tcase_add_loop_test(tests, test_planar, 0, 6);
    tcase_add_test(tests, test_refused);
    tcase_add_test(tests, test_golden_input);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
