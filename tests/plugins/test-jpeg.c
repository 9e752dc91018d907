/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding of JPEGs against libjpeg's own. */
#include "tests/plugins/jpeg-picture.h"

static const guint sizes[][2] = {{64, 48}, {65, 49}, {17, 33}, {1, 1}, {16, 16}, {131, 7}, {2, 95}};

START_TEST(pictures_are_those_of_libjpeg)
{
    static const gint samplings[][2] = {{1, 1}, {2, 1}, {2, 2}, {1, 2}, {4, 1}, {4, 2}, {2, 4}};
    g_autoptr(VigilJpeg) jpeg = vigil_jpeg_new(NULL);

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        JpegKind kind =
            jpeg_kind(sizes[i][0], sizes[i][1], samplings[_i / 4][0], samplings[_i / 4][1]);
        guint8 *data;
        gsize size;

        kind.restart = _i % 4 == 1 ? 2 : 0;
        kind.progressive = _i % 4 == 2;
        kind.optimal = _i % 4 == 3;
        data = jpeg_test_make(&kind, i, &size);
        assert_all_ways(jpeg, data, size, FALSE);
        free(data);
    }
}
END_TEST

START_TEST(gray_pictures_too)
{
    g_autoptr(VigilJpeg) jpeg = vigil_jpeg_new(NULL);

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        JpegKind kind = jpeg_kind(sizes[i][0], sizes[i][1], _i % 2 + 1, _i % 2 + 1);
        guint8 *data;
        gsize size;

        kind.components = 1;
        kind.progressive = _i / 2;
        data = jpeg_test_make(&kind, i, &size);
        assert_all_ways(jpeg, data, size, TRUE);
        free(data);
    }
}
END_TEST

/* Between the rows' ends and the strides' nothing may matter; of the planes' last byte a sanitizer knows. */
START_TEST(a_row_without_room_is_not_overrun)
{
    const JpegKind kind = jpeg_kind(67, 35, 2, 2);
    g_autoptr(VigilJpeg) jpeg = vigil_jpeg_new(NULL);
    gsize size;
    guint8 *data = jpeg_test_make(&kind, 0, &size);

    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        Picture picture;

        decode(jpeg, data, size, 1, formats[i], 1, &picture);
        for (guint y = 0; y < picture.rows[0]; y++)
            ck_assert_uint_eq(picture.target.planes[0][(y + 1) * picture.target.strides[0] - 1],
                              GUARD);
        picture_finish(&picture);
    }
    free(data);
}
END_TEST

START_TEST(the_scale_is_the_nearest_above)
{
    const VigilJpegHeader hd = {.width = 1920, .height = 1080};
    const VigilJpegHeader odd = {.width = 1001, .height = 7};

    ck_assert_uint_eq(vigil_jpeg_choose_scale(&hd, 0, 0), 8);
    ck_assert_uint_eq(vigil_jpeg_choose_scale(&hd, 240, 135), 8);
    ck_assert_uint_eq(vigil_jpeg_choose_scale(&hd, 241, 0), 4);
    ck_assert_uint_eq(vigil_jpeg_choose_scale(&hd, 0, 136), 4);
    ck_assert_uint_eq(vigil_jpeg_choose_scale(&hd, 320, 192), 4);
    ck_assert_uint_eq(vigil_jpeg_choose_scale(&hd, 481, 270), 2);
    ck_assert_uint_eq(vigil_jpeg_choose_scale(&hd, 960, 540), 2);
    ck_assert_uint_eq(vigil_jpeg_choose_scale(&hd, 961, 540), 1);
    ck_assert_uint_eq(vigil_jpeg_choose_scale(&hd, 3840, 2160), 1);
    ck_assert_uint_eq(vigil_jpeg_choose_scale(&odd, 126, 1), 8);
    ck_assert_uint_eq(vigil_jpeg_choose_scale(&odd, 127, 1), 4);
    ck_assert_uint_eq(vigil_jpeg_scaled(1001, 8), 126);
    ck_assert_uint_eq(vigil_jpeg_scaled(G_MAXUINT, 2), 0x80000000u);
}
END_TEST

/* As many UVC cameras send them. A frame before with tables of its own must not lend it these. */
START_TEST(frames_without_huffman_tables_get_the_standard_ones)
{
    const JpegKind kind = jpeg_kind(100, 60, 2, 1);
    JpegKind other = kind;
    g_autoptr(VigilJpeg) jpeg = vigil_jpeg_new(NULL);
    guint8 *whole, *bare, *optimal;
    gsize size, bare_size, optimal_size;
    Picture picture;

    whole = jpeg_test_make(&kind, 0, &size);
    bare = jpeg_test_make(&kind, 0, &bare_size);
    bare_size = jpeg_test_strip(bare, bare_size, 0xc4);
    ck_assert_uint_lt(bare_size, size);
    other.optimal = TRUE;
    optimal = jpeg_test_make(&other, 1, &optimal_size);
    for (guint i = 0; i < 3; i++) {
        if (i == 1) {
            ck_assert_int_eq(decode(jpeg, optimal, optimal_size, 1, VIGIL_PIXELS_I420, 0, &picture),
                             VIGIL_JPEG_WHOLE);
            picture_finish(&picture);
        }
        ck_assert_int_eq(decode(jpeg, bare, bare_size, 1, VIGIL_PIXELS_I420, 0, &picture),
                         VIGIL_JPEG_WHOLE);
        assert_picture(&picture, whole, size, 1, FALSE);
        picture_finish(&picture);
    }
    free(whole);
    free(bare);
    free(optimal);
}
END_TEST

/* nor may it lend its quantization */
START_TEST(a_frame_without_quantization_is_broken_after_any_other)
{
    const JpegKind kind = jpeg_kind(64, 48, 2, 2);
    g_autoptr(VigilJpeg) jpeg = vigil_jpeg_new(NULL);
    gsize size, bare_size;
    guint8 *whole = jpeg_test_make(&kind, 0, &size), *bare = jpeg_test_make(&kind, 0, &bare_size);
    Picture picture;

    bare_size = jpeg_test_strip(bare, bare_size, 0xdb);
    for (guint i = 0; i < 2; i++) {
        ck_assert_int_eq(decode(jpeg, bare, bare_size, 1, VIGIL_PIXELS_I420, 0, &picture),
                         VIGIL_JPEG_FAILED);
        picture_finish(&picture);
        ck_assert_int_eq(decode(jpeg, whole, size, 1, VIGIL_PIXELS_I420, 0, &picture),
                         VIGIL_JPEG_WHOLE);
        picture_finish(&picture);
    }
    free(whole);
    free(bare);
}
END_TEST

START_TEST(what_stands_behind_the_picture_does_not_matter)
{
    const JpegKind kind = jpeg_kind(64, 48, 2, 1);
    g_autoptr(VigilJpeg) jpeg = vigil_jpeg_new(NULL);
    gsize size;
    guint8 *data = jpeg_test_make(&kind, 0, &size);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    Picture picture;

    /* without an end marker; with zeros before it; with anything behind it */
    for (guint i = 0; i < 3; i++) {
        static const guint8 rest[] = {0, 0, 0, 0, 0xff, 0xd9, 'A', 'V', 'I', 'X', 0xff, 0xd8, 0xff};

        g_byte_array_set_size(bytes, 0);
        g_byte_array_append(bytes, data, size - (i == 2 ? 0 : 2));
        if (i > 0)
            g_byte_array_append(bytes, rest, sizeof rest);
        ck_assert_int_eq(decode(jpeg, bytes->data, bytes->len, 1, VIGIL_PIXELS_I420, 0, &picture),
                         VIGIL_JPEG_WHOLE);
        assert_picture(&picture, data, size, 1, FALSE);
        picture_finish(&picture);
    }
    free(data);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("jpeg");
    TCase *tcase = tcase_create("jpeg");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, pictures_are_those_of_libjpeg, 0, 7 * 4);
    tcase_add_loop_test(tcase, gray_pictures_too, 0, 4);
    tcase_add_test(tcase, a_row_without_room_is_not_overrun);
    tcase_add_test(tcase, the_scale_is_the_nearest_above);
    tcase_add_test(tcase, frames_without_huffman_tables_get_the_standard_ones);
    tcase_add_test(tcase, a_frame_without_quantization_is_broken_after_any_other);
    tcase_add_test(tcase, what_stands_behind_the_picture_does_not_matter);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
