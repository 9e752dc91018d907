/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of a camera allocate nothing after the first. What allocates goes through this file, so not under sanitizers,
 * which do the same.
 */
#include <check.h>
#include <stdatomic.h>

#include "plugins/jpeg/vigil-jpeg.h"
#include "tests/plugins/jpeg-test.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

#define WIDTH 320
#define HEIGHT 240

static _Atomic guint n_allocations;

#if defined(__GLIBC__) && !defined(SANITIZED)
#define COUNTS 1

/* glibc's own, under the names that it exports them by. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *
malloc(size_t size)
{
    atomic_fetch_add(&n_allocations, 1);
    return __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
    atomic_fetch_add(&n_allocations, 1);
    return __libc_calloc(n, size);
}

void *
realloc(void *memory, size_t size)
{
    atomic_fetch_add(&n_allocations, 1);
    return __libc_realloc(memory, size);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
    atomic_fetch_add(&n_allocations, 1);
    return __libc_memalign(alignment, size);
}
#else
#define COUNTS 0
#endif

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
    const guint before = atomic_load(&n_allocations);
    void *volatile memory = malloc(10);
    void *volatile aligned = aligned_alloc(64, 64);
    guint counted;

    memory = realloc(memory, 20);
    counted = atomic_load(&n_allocations) - before;
    ck_assert_uint_eq(counted, 3);
    free(memory);
    free(aligned);
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
            before = atomic_load(&n_allocations);
            results[1] = decode(jpeg, second, second_size, formats[i], scale);
            results[2] = decode(jpeg, second, second_size / 2, formats[i], scale);
            results[3] = decode(jpeg, second, 100, formats[i], scale);
            results[0] = decode(jpeg, first, size, formats[i], scale);
            counted = atomic_load(&n_allocations) - before;
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

    if (COUNTS) {
        tcase_add_test(tcase, allocations_are_counted);
        tcase_add_loop_test(tcase, frames_allocate_nothing_after_the_first, 0, 4);
    }
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
