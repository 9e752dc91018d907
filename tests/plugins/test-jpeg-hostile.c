/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JPEGs that lie, are cut off or damaged. VIGIL_JPEG_MUTATIONS sets how many mutated frames are tried.
 */
#include "tests/plugins/jpeg-picture.h"

#define DEFAULT_MUTATIONS 2000

static void
assert_refused(VigilJpeg *jpeg, const guint8 *data, gsize size, const gchar *why)
{
    VigilJpegHeader header;

    ck_assert(!vigil_jpeg_open(jpeg, data, size, &header));
    ck_assert_msg(strstr(vigil_jpeg_get_problem(jpeg), why) != NULL, "%s",
                  vigil_jpeg_get_problem(jpeg));
}

/* (transfer full): a frame of @size bytes that says to be of another size than it is */
static guint8 *
claim(guint width, guint height, gsize size)
{
    const JpegKind kind = jpeg_kind(160, 120, 2, 2);
    gsize length, at;
    guint8 *small = jpeg_test_make(&kind, 0, &length), *data = g_malloc0(size);

    at = jpeg_test_find(small, length, 0xc0);
    ck_assert_uint_gt(at, 0);
    memcpy(data, small, MIN(length, size));
    free(small);
    data[at + 5] = (guint8)(height >> 8);
    data[at + 6] = (guint8)height;
    data[at + 7] = (guint8)(width >> 8);
    data[at + 8] = (guint8)width;
    return data;
}

START_TEST(a_frame_cannot_claim_any_size)
{
    VigilJpegLimits limits = vigil_jpeg_limits_defaults();
    g_autoptr(VigilJpeg) jpeg = vigil_jpeg_new(NULL), wide = NULL;
    g_autofree guint8 *huge = claim(16384, 16384, 12288);
    g_autofree guint8 *large = claim(8192, 8000, 12288);
    g_autofree guint8 *hd = claim(1920, 1080, 6000);
    g_autofree guint8 *none = claim(0, 1080, 6000);
    gint64 begin = g_get_monotonic_time();

    assert_refused(jpeg, huge, 12288, "it says to be 16384x16384, a side may have 8192 pixels");
    assert_refused(jpeg, large, 12288, "8192x8000, a frame may have 50331648 pixels");
    assert_refused(jpeg, hd, 6000, "1920x1080, which takes more than");
    assert_refused(jpeg, none, 6000, "");
    limits.max_side = 65500;
    limits.max_pixels = G_MAXUINT64;
    wide = vigil_jpeg_new(&limits);
    assert_refused(wide, huge, 12288, "16384x16384, which takes more than");
    /* at once: reading pixels of these takes seconds */
    ck_assert_int_lt(g_get_monotonic_time() - begin, G_USEC_PER_SEC / 2);
}
END_TEST

START_TEST(what_no_camera_sends_is_refused)
{
    g_autoptr(VigilJpeg) jpeg = vigil_jpeg_new(NULL);
    JpegKind kinds[] = {jpeg_kind(64, 48, 1, 1), jpeg_kind(64, 48, 1, 1), jpeg_kind(64, 48, 3, 1),
                        jpeg_kind(64, 48, 2, 2)};
    static const gchar *const why[] = {"components are neither", "components are neither",
                                       "sampled 1x1 of 3x1", "arithmetically"};

    kinds[0].components = 4;
    kinds[1].space = JCS_RGB;
    kinds[3].arithmetic = TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        gsize size;
        guint8 *data = jpeg_test_make(&kinds[i], 0, &size);

        assert_refused(jpeg, data, size, why[i]);
        free(data);
    }
}
END_TEST

START_TEST(what_is_no_jpeg_is_refused)
{
    static const guint8 starts[][8] = {
        {0xff, 0xd8, 0x27},
        {0xff, 0xd8, 0xff},
        {0xff, 0xd8, 0xff, 0xd9},
        {0xff, 0xd8, 0xff, 0xda, 0x00, 0x00},
        {0xff, 0xd8, 0xff, 0xc0, 0x00, 0x02},
        {0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff},
        {0x89, 'P', 'N', 'G'},
        {0},
    };
    g_autoptr(VigilJpeg) jpeg = vigil_jpeg_new(NULL);
    VigilJpegHeader header;

    ck_assert(!vigil_jpeg_open(jpeg, (const guint8 *)"", 0, &header));
    for (guint i = 0; i < G_N_ELEMENTS(starts); i++)
        for (gsize size = 1; size <= sizeof starts[i]; size++) {
            guint8 *exact = malloc(size);

            memcpy(exact, starts[i], size);
            assert_refused(jpeg, exact, size, "");
            ck_assert_str_ne(vigil_jpeg_get_problem(jpeg), "");
            free(exact);
        }
}
END_TEST

START_TEST(limits_hold_for_progressive_ones)
{
    JpegKind kind = jpeg_kind(320, 240, 2, 2);
    VigilJpegLimits limits = vigil_jpeg_limits_defaults();
    g_autoptr(VigilJpeg) jpeg = NULL, small = NULL;
    Picture picture;
    guint8 *data;
    gsize size;

    kind.progressive = TRUE;
    data = jpeg_test_make(&kind, 0, &size);
    limits.max_scans = 5;
    jpeg = vigil_jpeg_new(&limits);
    ck_assert_int_eq(decode(jpeg, data, size, 1, VIGIL_PIXELS_I420, 0, &picture),
                     VIGIL_JPEG_FAILED);
    ck_assert_str_eq(vigil_jpeg_get_problem(jpeg), "it has more scans than a frame may have");
    picture_finish(&picture);
    /* coefficients of the whole picture, 2 bytes each */
    limits = vigil_jpeg_limits_defaults();
    limits.max_memory = 320 * 240 * 3;
    small = vigil_jpeg_new(&limits);
    ck_assert_int_eq(decode(small, data, size, 1, VIGIL_PIXELS_I420, 0, &picture),
                     VIGIL_JPEG_FAILED);
    ck_assert_str_eq(vigil_jpeg_get_problem(small), "it needs more memory than a frame may have");
    picture_finish(&picture);
    free(data);
}
END_TEST

START_TEST(a_frame_cut_anywhere_is_never_whole)
{
    JpegKind kind = jpeg_kind(48, 32, 2, 2);
    g_autoptr(VigilJpeg) jpeg = vigil_jpeg_new(NULL);
    guint8 *data;
    gsize size;

    kind.restart = _i == 1 ? 2 : 0;
    kind.progressive = _i == 2;
    data = jpeg_test_make(&kind, 0, &size);
    /* without its last three bytes it lacks a part of a code, without two the end marker alone */
    for (gsize length = 0; length + 3 <= size; length++) {
        const VigilPixelFormat format = formats[length % G_N_ELEMENTS(formats)];
        guint8 *exact = malloc(MAX(length, 1));
        VigilJpegHeader header;
        Picture picture;

        memcpy(exact, data, length);
        if (vigil_jpeg_open(jpeg, exact, length, &header)) {
            picture_init(&picture, format, 48, 32, 0);
            ck_assert_int_ne(vigil_jpeg_decode(jpeg, 1, &picture.target), VIGIL_JPEG_WHOLE);
            ck_assert_str_ne(vigil_jpeg_get_problem(jpeg), "");
            picture_finish(&picture);
        }
        free(exact);
        ck_assert_int_eq(decode(jpeg, data, size, 1, format, 0, &picture), VIGIL_JPEG_WHOLE);
        assert_picture(&picture, data, size, 1, FALSE);
        picture_finish(&picture);
    }
    free(data);
}
END_TEST

/* A picture that is wrong from its middle on is right above it. */
START_TEST(damage_is_seen_and_spares_what_was_before)
{
    const JpegKind kind = jpeg_kind(160, 160, 2, 2);
    g_autoptr(VigilJpeg) jpeg = vigil_jpeg_new(NULL);
    gsize size;
    guint8 *data = jpeg_test_make(&kind, 0, &size);
    Picture good, bad;

    ck_assert_int_eq(decode(jpeg, data, size, 1, VIGIL_PIXELS_GRAY8, 0, &good), VIGIL_JPEG_WHOLE);
    memset(data + size * 3 / 4, 0xff, size / 8);
    ck_assert_int_eq(decode(jpeg, data, size, 1, VIGIL_PIXELS_GRAY8, 0, &bad), VIGIL_JPEG_DAMAGED);
    ck_assert_str_ne(vigil_jpeg_get_problem(jpeg), "");
    ck_assert_mem_eq(good.target.planes[0], bad.target.planes[0], 160 * 80);
    ck_assert_int_ne(memcmp(good.target.planes[0], bad.target.planes[0], 160 * 160), 0);
    picture_finish(&good);
    picture_finish(&bad);
    free(data);
}
END_TEST

/* As a driver hands them out that has missed a frame's end; or that has lost a packet in the middle. */
START_TEST(frames_that_run_into_one_another_are_not_whole)
{
    const JpegKind kind = jpeg_kind(160, 120, 2, 1);
    g_autoptr(VigilJpeg) jpeg = vigil_jpeg_new(NULL);
    gsize first_size, second_size;
    guint8 *first = jpeg_test_make(&kind, 0, &first_size);
    guint8 *second = jpeg_test_make(&kind, 1, &second_size);

    for (guint i = 0; i < 2; i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        Picture picture;

        g_byte_array_append(bytes, first, (guint)first_size * 2 / 3);
        if (i == 0)
            g_byte_array_append(bytes, second, (guint)second_size);
        else
            g_byte_array_append(bytes, first + first_size * 3 / 4,
                                (guint)(first_size - first_size * 3 / 4));
        ck_assert_int_eq(decode(jpeg, bytes->data, bytes->len, 1, VIGIL_PIXELS_I420, 0, &picture),
                         VIGIL_JPEG_DAMAGED);
        picture_finish(&picture);
    }
    free(first);
    free(second);
}
END_TEST

/* --- mutations -------------------------------------------------------------------------------- */

static void
mutate(GRand *rand, GByteArray *bytes)
{
    static const guint8 markers[] = {0xc0, 0xc1, 0xc2, 0xc4, 0xd0, 0xd8, 0xd9,
                                     0xda, 0xdb, 0xdc, 0xdd, 0xee, 0xff, 0x00};
    gint rounds = g_rand_int_range(rand, 1, 6);

    while (rounds-- > 0 && bytes->len > 0) {
        /* half of them in the header, where it hurts */
        const guint reach = g_rand_boolean(rand) ? bytes->len : MIN(bytes->len, 640);
        const guint at = (guint)g_rand_int_range(rand, 0, (gint)reach);

        switch (g_rand_int_range(rand, 0, 6)) {
        case 0: bytes->data[at] ^= (guint8)(1u << g_rand_int_range(rand, 0, 8)); break;
        case 1: bytes->data[at] = (guint8)g_rand_int(rand); break;
        case 2:
            if (g_rand_int_range(rand, 0, 4) == 0)
                g_byte_array_set_size(bytes, at);
            break;
        case 3: {
            const guint length = (guint)g_rand_int_range(rand, 1, 33);

            g_byte_array_remove_range(bytes, at, MIN(length, bytes->len - at));
            break;
        }
        case 4:
            if (at + 2 <= bytes->len) {
                bytes->data[at] = 0xff;
                bytes->data[at + 1 < bytes->len ? at + 1 : at] =
                    markers[g_rand_int_range(rand, 0, G_N_ELEMENTS(markers))];
            }
            break;
        default: memset(bytes->data + at, (gint)g_rand_int(rand) & 0xff, MIN(bytes->len - at, 16));
        }
    }
}

/* Returns: whether the header was taken */
static gboolean
try_mutated(VigilJpeg *jpeg, GRand *rand, const guint8 *data, gsize size, VigilJpegResult *result)
{
    guint8 *exact = malloc(MAX(size, 1));
    const guint scale = scales[g_rand_int_range(rand, 0, G_N_ELEMENTS(scales))];
    const VigilPixelFormat format = formats[g_rand_int_range(rand, 0, G_N_ELEMENTS(formats))];
    const guint padding = g_rand_boolean(rand) ? 0 : 24;
    VigilJpegHeader header;
    gboolean taken;

    memcpy(exact, data, size);
    taken = vigil_jpeg_open(jpeg, exact, size, &header);
    if (taken) {
        Picture picture;

        ck_assert_uint_le(header.width, 8192);
        ck_assert_uint_le(header.height, 8192);
        picture_init(&picture, format, vigil_jpeg_scaled(header.width, scale),
                     vigil_jpeg_scaled(header.height, scale), padding);
        *result = vigil_jpeg_decode(jpeg, scale, &picture.target);
        picture_finish(&picture);
    }
    ck_assert(taken || *vigil_jpeg_get_problem(jpeg));
    free(exact);
    return taken;
}

START_TEST(mutated_frames_do_no_harm)
{
    const gchar *asked = g_getenv("VIGIL_JPEG_MUTATIONS");
    const gint count = (asked ? atoi(asked) : DEFAULT_MUTATIONS) / 5;
    JpegKind kind = jpeg_kind(72, 40, 2, _i % 2 + 1);
    g_autoptr(VigilJpeg) jpeg = vigil_jpeg_new(NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed((guint)_i + 1);
    guint n_refused = 0, n_results[3] = {0};
    guint8 *data;
    gsize size;

    kind.restart = _i == 1 ? 3 : 0;
    kind.progressive = _i == 2;
    kind.optimal = _i == 3;
    kind.components = _i == 4 ? 1 : 3;
    data = jpeg_test_make(&kind, 0, &size);
    for (gint i = 0; i < count; i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_sized_new((guint)size);
        VigilJpegResult result = VIGIL_JPEG_FAILED;

        g_byte_array_append(bytes, data, (guint)size);
        mutate(rand, bytes);
        if (try_mutated(jpeg, rand, bytes->data, bytes->len, &result))
            n_results[result]++;
        else
            n_refused++;
        if (i % 16 == 0) { /* the next frame is as good as ever */
            Picture picture;

            ck_assert_int_eq(decode(jpeg, data, size, 1, VIGIL_PIXELS_I420, 0, &picture),
                             VIGIL_JPEG_WHOLE);
            assert_picture(&picture, data, size, 1, kind.components == 1);
            picture_finish(&picture);
        }
    }
    g_print("kind %d: %d mutated frames: %u refused, %u failed, %u damaged, %u whole\n", _i, count,
            n_refused, n_results[VIGIL_JPEG_FAILED], n_results[VIGIL_JPEG_DAMAGED],
            n_results[VIGIL_JPEG_WHOLE]);
    free(data);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("jpeg-hostile");
    TCase *tcase = tcase_create("jpeg-hostile");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, g_getenv("VIGIL_JPEG_MUTATIONS") ? 3600 : 120);
    tcase_add_test(tcase, a_frame_cannot_claim_any_size);
    tcase_add_test(tcase, what_no_camera_sends_is_refused);
    tcase_add_test(tcase, what_is_no_jpeg_is_refused);
    tcase_add_test(tcase, limits_hold_for_progressive_ones);
    tcase_add_loop_test(tcase, a_frame_cut_anywhere_is_never_whole, 0, 3);
    tcase_add_test(tcase, damage_is_seen_and_spares_what_was_before);
    tcase_add_test(tcase, frames_that_run_into_one_another_are_not_whole);
    tcase_add_loop_test(tcase, mutated_frames_do_no_harm, 0, 5);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
