/* SPDX-License-Identifier: Apache-2.0 */
/* Every table of pixel loops against plain C, byte by byte: random sizes, formats, strides and crops, in frames that end
 * where the memory does. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "models/vigil-pixels-private.h"
#include "models/vigil-preprocess.h"

#define ROUNDS 400

/* Memory that ends at a page that cannot be read. */
typedef struct {
    guint8 *pages, *data;
    gsize mapped;
} Fenced;

static Fenced
fenced_new(gsize bytes)
{
    const gsize page = (gsize)sysconf(_SC_PAGESIZE);
    const gsize used = (bytes + page - 1) / page * page;
    Fenced self = {.mapped = used + page};

    self.pages =
        mmap(NULL, self.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(self.pages, MAP_FAILED);
    ck_assert_int_eq(mprotect(self.pages + used, page, PROT_NONE), 0);
    self.data = self.pages + used - bytes;
    return self;
}

static void
fenced_free(Fenced *self)
{
    munmap(self->pages, self->mapped);
}

static guint
random_to(GRand *rand, guint low, guint high)
{
    return (guint)g_rand_int_range(rand, (gint32)low, (gint32)high + 1);
}

/* Noise, or the extremes, where sums are largest. */
static void
fill(GRand *rand, guint8 *data, gsize n)
{
    const guint kind = random_to(rand, 0, 3);

    for (gsize i = 0; i < n; i++)
        data[i] = kind == 0   ? 255
                  : kind == 1 ? (guint8)(random_to(rand, 0, 1) * 255)
                              : (guint8)random_to(rand, 0, 255);
}

/* --- frames -------------------------------------------------------------------------------------------------- */

typedef struct {
    VigilImage image;
    Fenced planes[3];
} Frame;

/* Each plane in memory of its own, rows of any length, the last one no longer than it must be. */
static Frame
frame_new(GRand *rand, VigilPixelFormat format, guint width, guint height)
{
    const guint half_w = (width + 1) / 2, half_h = (height + 1) / 2;
    const guint bytes[][3] = {
        [VIGIL_PIXELS_I420] = {width, half_w, half_w}, [VIGIL_PIXELS_NV12] = {width, 2 * half_w, 0},
        [VIGIL_PIXELS_YUY2] = {4 * half_w, 0, 0},      [VIGIL_PIXELS_RGB] = {3 * width, 0, 0},
        [VIGIL_PIXELS_BGR] = {3 * width, 0, 0},        [VIGIL_PIXELS_RGBX] = {4 * width, 0, 0},
        [VIGIL_PIXELS_BGRX] = {4 * width, 0, 0},       [VIGIL_PIXELS_GRAY8] = {width, 0, 0},
    };
    Frame self = {.image = {.format = format,
                            .width = width,
                            .height = height,
                            .matrix = random_to(rand, 0, 1) ? VIGIL_YUV_BT709 : VIGIL_YUV_BT601,
                            .full_range = (gboolean)random_to(rand, 0, 1)}};

    for (guint p = 0; p < 3 && bytes[format][p] > 0; p++) {
        const guint stride = bytes[format][p] + random_to(rand, 0, 40);
        const gsize rows = p > 0 ? half_h : height;
        const gsize length = (rows - 1) * stride + bytes[format][p];

        self.planes[p] = fenced_new(length);
        fill(rand, self.planes[p].data, length);
        self.image.planes[p] = self.planes[p].data;
        self.image.strides[p] = stride;
    }
    return self;
}

static void
frame_free(Frame *self)
{
    for (guint p = 0; p < 3 && self->planes[p].pages; p++)
        fenced_free(&self->planes[p]);
}

static VigilTensorInfo
input_of(VigilTensorType type, guint width, guint height, guint channels)
{
    const gsize element = type == VIGIL_TENSOR_FLOAT32 ? 4 : 1;

    return (VigilTensorInfo){.name = "in",
                             .type = type,
                             .n_dims = 4,
                             .dims = {1, (gint32)height, (gint32)width, (gint32)channels},
                             .bytes = (gsize)width * height * channels * element,
                             .scale = 1 / 64.0f,
                             .zero_point = 3};
}

/* --- the loops ----------------------------------------------------------------------------------------------- */

START_TEST(test_rows)
{
    const VigilPixels *pixels = vigil_pixels_list()[_i];
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    for (guint round = 0; round < ROUNDS; round++) {
        const guint n = random_to(rand, 1, 300), stride = n + random_to(rand, 0, 9);
        const guint n_in = random_to(rand, 1, 90), n_out = random_to(rand, 1, 60);
        Fenced in = fenced_new((gsize)stride * (n_in - 1) + n);
        g_autofree guint16 *a = g_new0(guint16, n + VIGIL_PIXELS_SLACK);
        g_autofree guint16 *b = g_new0(guint16, n + VIGIL_PIXELS_SLACK);
        VigilResampleAxis axis = {0};

        fill(rand, in.data, (gsize)stride * (n_in - 1) + n);
        vigil_resample_axis_init(&axis, n_in, 0, n_in, n_out);
        for (guint y = 0; y < n_out; y++) {
            const guint8 *first = in.data + (gsize)axis.first[y] * stride;
            const guint16 *weights = axis.weights + (gsize)y * axis.n_taps;

            vigil_pixels_ref.rows(first, stride, weights, axis.n_taps, n, a);
            pixels->rows(first, stride, weights, axis.n_taps, n, b);
            ck_assert_mem_eq(a, b, n * sizeof *a);
        }
        vigil_resample_axis_finish(&axis);
        fenced_free(&in);
    }
}
END_TEST

START_TEST(test_columns)
{
    const VigilPixels *pixels = vigil_pixels_list()[_i];
    g_autoptr(GRand) rand = g_rand_new_with_seed(2);
    VigilResampleAxis axis = {0};

    for (guint round = 0; round < 4 * ROUNDS; round++) {
        const guint n_in = random_to(rand, 1, round % 2 ? 400 : 40),
                    n_out = random_to(rand, 1, 100);
        g_autofree guint16 *row = g_new(guint16, n_in + VIGIL_PIXELS_SLACK);
        g_autofree gint16 *a = g_new0(gint16, n_out + VIGIL_PIXELS_SLACK);
        g_autofree gint16 *b = g_new0(gint16, n_out + VIGIL_PIXELS_SLACK);

        /* what lies behind the row is anything */
        for (guint i = 0; i < n_in + VIGIL_PIXELS_SLACK; i++)
            row[i] = (guint16)(i < n_in ? random_to(rand, 0, 255 << 6) : 0xffff);
        vigil_resample_axis_init(&axis, n_in, random_to(rand, 0, 1) / 2.0,
                                 n_in - random_to(rand, 0, 1) / 2.0, n_out);
        vigil_resample_axis_pad(&axis);
        vigil_pixels_ref.columns(&axis, row, a);
        pixels->columns(&axis, row, b);
        ck_assert_mem_eq(a, b, n_out * sizeof *a);
    }
    vigil_resample_axis_finish(&axis);
}
END_TEST

START_TEST(test_pick)
{
    const VigilPixels *pixels = vigil_pixels_list()[_i];
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);

    for (guint n = 1; n < 100; n++) {
        for (guint step = 2; step <= 4; step++) {
            g_autofree guint16 *row = g_new(guint16, n * step + VIGIL_PIXELS_SLACK);
            guint16 a[100 + VIGIL_PIXELS_SLACK], b[100 + VIGIL_PIXELS_SLACK];

            for (guint i = 0; i < n * step + VIGIL_PIXELS_SLACK; i++)
                row[i] = (guint16)random_to(rand, 0, 255 << 6);
            vigil_pixels_ref.pick(row, step, n, a);
            pixels->pick(row, step, n, b);
            ck_assert_mem_eq(a, b, n * sizeof *a);
        }
    }
}
END_TEST

START_TEST(test_colours)
{
    const VigilPixels *pixels = vigil_pixels_list()[_i];
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);
    gint16 in[3][200 + VIGIL_PIXELS_SLACK];
    guint8 bytes[2][3][200 + VIGIL_PIXELS_SLACK], packed[2][601];

    for (guint round = 0; round < ROUNDS; round++) {
        const guint n = random_to(rand, 1, 200);
        const guint8 flip = (guint8)(random_to(rand, 0, 1) * 0x80);
        const VigilColourMatrix matrix =
            vigil_colour_matrix((VigilYuvMatrix)(round % 2), round / 2 % 2);

        for (guint c = 0; c < 3; c++)
            for (guint i = 0; i < n + VIGIL_PIXELS_SLACK; i++)
                in[c][i] = (gint16)(round < 40 ? (255 << 6) * random_to(rand, 0, 1)
                                               : random_to(rand, 0, 255 << 6));
        for (guint k = 0; k < 2; k++) {
            const VigilPixels *one = k ? pixels : &vigil_pixels_ref;
            guint8 *out[] = {bytes[k][0], bytes[k][1], bytes[k][2]};
            const guint8 *const from[] = {out[0], out[1], out[2]};

            one->yuv(&matrix, in[0], in[1], in[2], n, out);
            packed[k][3 * n] = 0xcd;
            one->pack(from, n, flip, packed[k]);
            ck_assert_uint_eq(packed[k][3 * n], 0xcd);
        }
        for (guint c = 0; c < 3; c++)
            ck_assert_mem_eq(bytes[0][c], bytes[1][c], n);
        ck_assert_mem_eq(packed[0], packed[1], 3 * n);
        vigil_pixels_ref.round(in[0], n, bytes[0][0]);
        pixels->round(in[0], n, bytes[1][0]);
        ck_assert_mem_eq(bytes[0][0], bytes[1][0], n);
    }
}
END_TEST

/* --- the whole ----------------------------------------------------------------------------------------------- */

static VigilCrop
random_crop(GRand *rand, guint width, guint height)
{
    VigilCrop crop = {.x = random_to(rand, 0, width - 1), .y = random_to(rand, 0, height - 1)};

    crop.width = random_to(rand, 1, width - crop.x);
    crop.height = random_to(rand, 1, height - crop.y);
    return crop;
}

static VigilPreprocess *
new_with(const gchar *isa, const VigilTensorInfo *info, const VigilPreprocessOptions *options)
{
    g_autoptr(GError) error = NULL;
    VigilPreprocess *self;

    g_setenv("VIGIL_ISA", isa, TRUE);
    self = vigil_preprocess_new(info, options, &error);
    g_assert_no_error(error);
    return self;
}

START_TEST(test_whole)
{
    static const VigilTensorType types[] = {VIGIL_TENSOR_UINT8, VIGIL_TENSOR_INT8,
                                            VIGIL_TENSOR_FLOAT32};
    const VigilPixels *pixels = vigil_pixels_list()[_i];
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);

    for (guint round = 0; round < ROUNDS; round++) {
        const VigilTensorInfo info =
            input_of(types[random_to(rand, 0, 2)], random_to(rand, 1, 80), random_to(rand, 1, 60),
                     random_to(rand, 0, 3) ? 3 : 1);
        VigilPreprocessOptions options = vigil_preprocess_options_defaults();
        g_autoptr(VigilPreprocess) plain = NULL, fast = NULL;
        g_autofree guint8 *a = g_malloc(info.bytes);
        Fenced b = fenced_new(info.bytes);

        options.resize = (VigilResize)random_to(rand, 0, 1);
        options.normalise = random_to(rand, 0, 3) == 0;
        if (info.dims[3] == 3)
            options.colour = (VigilColour)random_to(rand, 0, 1);
        plain = new_with("ref", &info, &options);
        fast = new_with(pixels->name, &info, &options);
        for (guint k = 0; k < 8; k++) {
            Frame frame = frame_new(rand, (VigilPixelFormat)random_to(rand, 0, VIGIL_PIXELS_GRAY8),
                                    random_to(rand, 1, 300), random_to(rand, 1, 200));
            const VigilCrop crop = random_crop(rand, frame.image.width, frame.image.height);
            VigilMapping mapping;

            ck_assert(vigil_preprocess_run_crop(plain, &frame.image, &crop, a, &mapping));
            ck_assert(vigil_preprocess_run_crop(fast, &frame.image, &crop, b.data, &mapping));
            ck_assert_msg(memcmp(a, b.data, info.bytes) == 0,
                          "%s: format %d, %ux%u+%u+%u of %ux%u to %dx%dx%d of type %d",
                          pixels->name, frame.image.format, crop.width, crop.height, crop.x, crop.y,
                          frame.image.width, frame.image.height, info.dims[2], info.dims[1],
                          info.dims[3], info.type);
            frame_free(&frame);
        }
        fenced_free(&b);
    }
    g_unsetenv("VIGIL_ISA");
}
END_TEST

/* --- crops --------------------------------------------------------------------------------------------------- */

/* A crop that begins at a whole block gives what its pixels alone would give. */
START_TEST(test_crop_is_cut_out)
{
    static const gfloat tolerance = 1e-6f;
    g_autoptr(GRand) rand = g_rand_new_with_seed(6);
    const VigilTensorInfo info = input_of(VIGIL_TENSOR_UINT8, 24, 18, 3);
    VigilPreprocessOptions options = vigil_preprocess_options_defaults();
    g_autoptr(VigilPreprocess) preprocess = NULL;

    options.resize = VIGIL_RESIZE_LETTERBOX;
    preprocess = vigil_preprocess_new(&info, &options, NULL);
    for (guint round = 0; round < ROUNDS; round++) {
        const VigilPixelFormat format = (VigilPixelFormat)(round % (VIGIL_PIXELS_GRAY8 + 1));
        static const guint steps[][3] = {{1, 1, 1}, {1, 2, 0}, {2, 0, 0}, {3, 0, 0},
                                         {3, 0, 0}, {4, 0, 0}, {4, 0, 0}, {1, 0, 0}};
        Frame frame = frame_new(rand, format, random_to(rand, 2, 90), random_to(rand, 2, 70));
        const VigilImage *image = &frame.image;
        VigilCrop crop = random_crop(rand, image->width, image->height);
        VigilImage cut = *image;
        guint8 a[24 * 18 * 3], b[24 * 18 * 3];
        VigilMapping of_crop, of_cut;
        VigilBox whole;

        if (format <= VIGIL_PIXELS_YUY2) {
            crop.x &= ~1u;
            crop.y &= ~1u;
        }
        cut.width = crop.width;
        cut.height = crop.height;
        for (guint p = 0; p < 3 && image->planes[p]; p++)
            cut.planes[p] += (gsize)(p ? crop.y / 2 : crop.y) * cut.strides[p] +
                             (gsize)(p ? crop.x / 2 : crop.x) * steps[format][p];
        ck_assert(vigil_preprocess_run_crop(preprocess, image, &crop, a, &of_crop));
        ck_assert(vigil_preprocess_run(preprocess, &cut, b, &of_cut));
        ck_assert_mem_eq(a, b, sizeof a);
        /* the whole of the cut is the crop in the frame */
        whole = vigil_mapping_apply(&of_crop, &(VigilBox){-of_cut.x_offset / of_cut.x_scale,
                                                          -of_cut.y_offset / of_cut.y_scale,
                                                          (1 - of_cut.x_offset) / of_cut.x_scale,
                                                          (1 - of_cut.y_offset) / of_cut.y_scale});
        ck_assert_float_eq_tol(whole.x0, (gfloat)crop.x / image->width, tolerance);
        ck_assert_float_eq_tol(whole.y1, (gfloat)(crop.y + crop.height) / image->height, tolerance);
        frame_free(&frame);
    }
}
END_TEST

/* A crop that begins within a block takes the chroma from where it is: here it rises from left to right, or down. */
START_TEST(test_odd_crop)
{
    guint8 y[32 * 32], u[16 * 16], v[16 * 16], out[20 * 20 * 3];
    const VigilImage image = {VIGIL_PIXELS_I420, 32,  32, {y, u, v}, {32, 16, 16},
                              VIGIL_YUV_BT601,   TRUE};
    const VigilTensorInfo info = input_of(VIGIL_TENSOR_UINT8, 20, 20, 3);
    const VigilPreprocessOptions options = vigil_preprocess_options_defaults();
    g_autoptr(VigilPreprocess) preprocess = vigil_preprocess_new(&info, &options, NULL);
    const VigilCrop crop = {5, 7, 20, 20};
    VigilMapping mapping;

    memset(y, 128, sizeof y);
    memset(v, 128, sizeof v);
    for (guint down = 0; down < 2; down++) {
        for (guint i = 0; i < sizeof u; i++)
            u[i] = (guint8)(90 + 4 * (down ? i / 16 : i % 16));
        ck_assert(vigil_preprocess_run_crop(preprocess, &image, &crop, out, &mapping));
        /* away from the crop's own border */
        for (guint at = 1; at < 18; at++) {
            const gdouble place = ((down ? crop.y : crop.x) + at + 0.5) / 2 - 0.5;
            const gdouble blue = 128 + 1.772 * (90 + 4 * place - 128);

            ck_assert_double_eq_tol(out[(down ? at * 20 + 3 : 3 * 20 + at) * 3 + 2], blue, 0.6);
        }
    }
}
END_TEST

START_TEST(test_crop_refused)
{
    static const VigilCrop crops[] = {{0, 0, 0, 4}, {0, 0, 4, 0},         {8, 0, 1, 1},
                                      {0, 8, 1, 1}, {4, 0, 5, 1},         {0, 4, 1, 5},
                                      {4, 4, 4, 5}, {1, 0, G_MAXUINT, 1}, {0, G_MAXUINT, 1, 2}};
    static const guint8 bytes[64];
    const VigilImage image = {
        .format = VIGIL_PIXELS_GRAY8, .width = 8, .height = 8, .planes = {bytes}, .strides = {8}};
    const VigilTensorInfo info = input_of(VIGIL_TENSOR_UINT8, 4, 4, 3);
    const VigilPreprocessOptions options = vigil_preprocess_options_defaults();
    g_autoptr(VigilPreprocess) preprocess = vigil_preprocess_new(&info, &options, NULL);
    VigilMapping mapping;
    guint8 out[48];

    for (guint i = 0; i < G_N_ELEMENTS(crops); i++)
        ck_assert(!vigil_preprocess_run_crop(preprocess, &image, &crops[i], out, &mapping));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("pixels");
    TCase *tests = tcase_create("all");
    SRunner *runner;
    int failed, n = 0;

    while (vigil_pixels_list()[n])
        g_print("%s ", vigil_pixels_list()[n++]->name);
    g_print("\n");
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, test_rows, 0, n);
    tcase_add_loop_test(tests, test_columns, 0, n);
    tcase_add_loop_test(tests, test_pick, 0, n);
    tcase_add_loop_test(tests, test_colours, 0, n);
    tcase_add_loop_test(tests, test_whole, 0, n);
    tcase_add_test(tests, test_crop_is_cut_out);
    tcase_add_test(tests, test_odd_crop);
    tcase_add_test(tests, test_crop_refused);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
