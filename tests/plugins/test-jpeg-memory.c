/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of a camera allocate nothing after the first.
 */
#include <check.h>
#include <stdlib.h>

#include "plugins/jpeg/vigil-jpeg.h"
#include "tests/plugins/jpeg-test.h"
#include "tests/support/vigil-heap-meter.h"

#define WIDTH 320
#define HEIGHT 240

static guint8 pixels[WIDTH * HEIGHT * 3];

/* Checks nothing by itself, since that allocates. */
static VigilJpegResult
decode(VigilJpeg *jpeg, const guint8 *data, gsize size, VigilPixelFormat format, guint scale)
{
    const guint width = vigil_jpeg_scaled(WIDTH, scale);
    const guint stride = format == VIGIL_PIXELS_RGB ? 3 * width : width;
    guint8 *chroma = pixels + WIDTH * HEIGHT;
    const VigilJpegTarget target = {
        .format = format,
        .width = width,
        .height = vigil_jpeg_scaled(HEIGHT, scale),
        .planes = {pixels, chroma, chroma + WIDTH * HEIGHT},
        .strides = {stride, width, width},
    };
    VigilJpegHeader header;

    if (!vigil_jpeg_open(jpeg, data, size, &header))
        return VIGIL_JPEG_FAILED;
    return vigil_jpeg_decode(jpeg, scale, &target);
}

START_TEST(allocations_are_counted)
{
#if defined(__GLIBC__)
    ck_assert(vigil_heap_meter_works());
#endif
}
END_TEST

/* Other pictures of the same kind and size, whole, damaged and refused, in every format. */
START_TEST(frames_allocate_nothing_after_the_first)
{
    static const VigilPixelFormat formats[] = {VIGIL_PIXELS_I420, VIGIL_PIXELS_NV12,
                                               VIGIL_PIXELS_GRAY8, VIGIL_PIXELS_RGB};
    g_autoptr(VigilJpeg) jpeg = vigil_jpeg_new(NULL);
    JpegKind kind = jpeg_kind(WIDTH, HEIGHT, 2, _i % 2 + 1);
    guint8 *first, *second;
    gsize size, second_size;
    guint counted;

    kind.progressive = _i == 2;
    kind.optimal = _i == 3;
    first = jpeg_test_make(&kind, 0, &size);
    second = jpeg_test_make(&kind, 1, &second_size);
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++)
        for (guint scale = 1; scale <= 8; scale *= 2) {
            VigilJpegResult results[4];
            guint before;

            results[0] = decode(jpeg, first, size, formats[i], scale);
            before = vigil_heap_meter_count();
            results[1] = decode(jpeg, second, second_size, formats[i], scale);
            results[2] = decode(jpeg, second, second_size / 2, formats[i], scale);
            results[3] = decode(jpeg, second, 100, formats[i], scale);
            results[0] = decode(jpeg, first, size, formats[i], scale);
            counted = vigil_heap_meter_count() - before;
            ck_assert_uint_eq(counted, 0);
            ck_assert_int_eq(results[0], VIGIL_JPEG_WHOLE);
            ck_assert_int_eq(results[1], VIGIL_JPEG_WHOLE);
            ck_assert_int_eq(results[2], VIGIL_JPEG_DAMAGED);
            ck_assert_int_eq(results[3], VIGIL_JPEG_FAILED);
        }
    free(first);
    free(second);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("jpeg-memory");
    TCase *tcase = tcase_create("memory");
    SRunner *runner;
    int failed;

    tcase_add_test(tcase, allocations_are_counted);
    if (vigil_heap_meter_works())
        tcase_add_loop_test(tcase, frames_allocate_nothing_after_the_first, 0, 4);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
