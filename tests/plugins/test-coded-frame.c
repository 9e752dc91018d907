/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/idle/vigil-coded-frame.h"

#include <check.h>
#include <string.h>

static const VigilCodedFormat h264_stream = {FALSE, 0}, h264_avc = {FALSE, 4},
                              h265_stream = {TRUE, 0};

static void
assert_frame(const VigilCodedFormat *format, const guint8 *data, gsize size, gboolean key,
             guint kind)
{
    VigilCodedFrame frame;

    ck_assert(vigil_coded_frame_read(&frame, format, data, size));
    ck_assert_int_eq(frame.key, key);
    ck_assert_uint_eq(frame.kind, kind);
}

#define ASSERT_FRAME(format, key, kind, ...)                  \
    do {                                                      \
        static const guint8 bytes[] = {__VA_ARGS__};          \
        assert_frame(format, bytes, sizeof bytes, key, kind); \
    } while (0)

START_TEST(test_h264_pictures)
{
    /* access unit delimiter and SEI first; then slices: first macroblock 0 (1), slice type 0 (1), 1 (010), 5 (00110), 7 (0001000) */
    ASSERT_FRAME(&h264_stream, FALSE, 0, 0, 0, 0, 1, 0x09, 0xf0, 0, 0, 1, 0x06, 5, 1, 7, 0, 0, 1,
                 0x41, 0xc0);
    ASSERT_FRAME(&h264_stream, FALSE, 0, 0, 0, 1, 0x61, 0x98, 0x80);
    ASSERT_FRAME(&h264_stream, FALSE, 2, 0, 0, 1, 0x41, 0xa0);
    ASSERT_FRAME(&h264_stream, FALSE, 3, 0, 0, 1, 0x01, 0xa0);
    ASSERT_FRAME(&h264_stream, FALSE, 1, 0, 0, 1, 0x01, 0xc0);
    /* parameter sets, then an IDR picture */
    ASSERT_FRAME(&h264_stream, TRUE, 0, 0, 0, 0, 1, 0x67, 0x64, 0, 0x1f, 0, 0, 0, 1, 0x68, 0xee, 0,
                 0, 1, 0x65, 0x88, 0x80);
    /* an I picture that is no IDR is none where decoding can begin */
    ASSERT_FRAME(&h264_stream, FALSE, 0, 0, 0, 1, 0x41, 0x88, 0x80);
    ASSERT_FRAME(&h264_avc, TRUE, 0, 0, 0, 0, 2, 0x09, 0xf0, 0, 0, 0, 3, 0x65, 0x88, 0x80);
    ASSERT_FRAME(&h264_avc, FALSE, 3, 0, 0, 0, 2, 0x01, 0xa0);
}
END_TEST

START_TEST(test_h265_pictures)
{
    ASSERT_FRAME(&h265_stream, FALSE, 0, 0, 0, 1, 0x02, 0x01, 0xd0);            /* TRAIL_R */
    ASSERT_FRAME(&h265_stream, FALSE, 1, 0, 0, 1, 0x00, 0x01, 0xd0);            /* TRAIL_N */
    ASSERT_FRAME(&h265_stream, FALSE, 2, 0, 0, 1, 0x02, 0x02, 0xd0);            /* layer 1 */
    ASSERT_FRAME(&h265_stream, FALSE, 1, 0, 0, 1, 0x10, 0x01, 0xd0);            /* RASL_N */
    ASSERT_FRAME(&h265_stream, TRUE, 0, 0, 0, 1, 0x26, 0x01, 0xaf);             /* IDR_W_RADL */
    ASSERT_FRAME(&h265_stream, TRUE, 0, 0, 0, 1, 0x40, 1, 0, 0, 1, 0x2a, 1, 2); /* VPS, CRA */
}
END_TEST

START_TEST(test_formats)
{
    const guint8 avcc[] = {1, 0x64, 0, 0x1f, 0xff, 0xe1}, short_lengths[] = {1, 0x64, 0, 31, 0xfd};
    guint8 hvcc[22] = {0};
    VigilCodedFormat format;

    hvcc[21] = 3;
    ck_assert(vigil_coded_format_read(&format, FALSE, NULL, 0) && format.length_size == 0);
    ck_assert(vigil_coded_format_read(&format, FALSE, avcc, sizeof avcc) &&
              format.length_size == 4);
    ck_assert(vigil_coded_format_read(&format, FALSE, short_lengths, sizeof short_lengths) &&
              format.length_size == 2);
    ck_assert(vigil_coded_format_read(&format, TRUE, hvcc, sizeof hvcc) && format.h265 &&
              format.length_size == 4);
    ck_assert(!vigil_coded_format_read(&format, TRUE, hvcc, 21));
    ck_assert(!vigil_coded_format_read(&format, FALSE, avcc, 4));
}
END_TEST

/* Each case in a block of its own size, so that a sanitizer sees a byte too far. */
static void
read_copy(const VigilCodedFormat *format, const guint8 *data, gsize size)
{
    guint8 *copy = g_memdup2(data, size);
    VigilCodedFrame frame;

    if (vigil_coded_frame_read(&frame, format, copy, size))
        ck_assert_uint_lt(frame.kind, 4);
    g_free(copy);
}

START_TEST(test_any_bytes_are_read)
{
    const VigilCodedFormat formats[] = {h264_stream, h264_avc,  h265_stream,
                                        {TRUE, 4},   {TRUE, 1}, {FALSE, 3}};
    GRand *rand = g_rand_new_with_seed(3);
    guint8 data[48];
    VigilCodedFrame frame;

    ck_assert(!vigil_coded_frame_read(&frame, &h264_stream, NULL, 0));
    ck_assert(!vigil_coded_frame_read(&frame, &h264_avc, (const guint8 *)"\0\0\0\1", 4));
    ck_assert(!vigil_coded_frame_read(&frame, &h264_avc, (const guint8 *)"\0\0\0\7\x41\x80", 6));
    ck_assert(!vigil_coded_frame_read(&frame, &h264_stream, (const guint8 *)"\0\0\1", 3));
    for (guint i = 0; i < 200000; i++) {
        const gsize size = (gsize)g_rand_int_range(rand, 0, sizeof data + 1);

        for (gsize k = 0; k < size; k++)
            data[k] = (guint8)(g_rand_int(rand) % (k % 3 ? 256 : 3));
        if (i % 2 && size > 4)
            memcpy(data, "\0\0\1", 3);
        read_copy(&formats[i % G_N_ELEMENTS(formats)], data, size);
    }
    g_rand_free(rand);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("coded-frame");
    TCase *tcase = tcase_create("headers");
    SRunner *runner;
    int failed;

    tcase_add_test(tcase, test_h264_pictures);
    tcase_add_test(tcase, test_h265_pictures);
    tcase_add_test(tcase, test_formats);
    tcase_add_test(tcase, test_any_bytes_are_read);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
