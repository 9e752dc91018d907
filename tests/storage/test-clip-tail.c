/* SPDX-License-Identifier: Apache-2.0 */
/* Clips that were cut off anywhere: what is whole is kept, the rest is skipped, also when that is interrupted. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/vigil-clip-tail.h"
#include "storage/vigil-mp4-box.h"

#define N_SAMPLES 5
#define N_FRAGMENTS 3

typedef struct {
    GByteArray *bytes;
    GArray *ends; /* (element-type guint64): of the samples, in the file */
} Clip;

static void
clip_clear(Clip *self)
{
    g_byte_array_unref(self->bytes);
    g_array_unref(self->ends);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Clip, clip_clear)

/* --- making files --------------------------------------------------------------------------------------------- */

static void
put(GByteArray *bytes, guint32 value)
{
    const guint32 big = GUINT32_TO_BE(value);

    g_byte_array_append(bytes, (const guint8 *)&big, sizeof big);
}

static guint
open_box(GByteArray *bytes, const gchar *type)
{
    const guint at = bytes->len;

    put(bytes, 0);
    g_byte_array_append(bytes, (const guint8 *)type, 4);
    return at;
}

static void
set(GByteArray *bytes, guint at, guint32 value)
{
    const guint32 big = GUINT32_TO_BE(value);

    memcpy(bytes->data + at, &big, sizeof big);
}

static void
close_box(GByteArray *bytes, guint at)
{
    set(bytes, at, bytes->len - at);
}

static guint
sample_bytes(guint fragment, guint track, guint sample)
{
    return 3 + 7 * fragment + 5 * track + (sample * 11) % 17;
}

/* Returns: where the offset of the run's samples stands */
static guint
put_traf(GByteArray *bytes, guint fragment, guint track, guint32 tfhd_flags, gboolean with_sizes)
{
    const guint traf = open_box(bytes, "traf"), tfhd = open_box(bytes, "tfhd");
    guint trun, offset_at;

    put(bytes, tfhd_flags | (with_sizes ? 0 : 0x10));
    put(bytes, track + 1);
    if (!with_sizes)
        put(bytes, sample_bytes(fragment, track, 0));
    close_box(bytes, tfhd);
    trun = open_box(bytes, "trun");
    put(bytes, with_sizes ? 0x701 : 0x1);
    put(bytes, N_SAMPLES);
    offset_at = bytes->len;
    put(bytes, 0);
    for (guint i = 0; with_sizes && i < N_SAMPLES; i++) {
        put(bytes, 100);
        put(bytes, sample_bytes(fragment, track, i));
        put(bytes, 0x01010000);
    }
    close_box(bytes, trun);
    close_box(bytes, traf);
    return offset_at;
}

static void
put_fragment(Clip *clip, guint fragment, guint n_tracks, guint32 tfhd_flags, gboolean with_sizes)
{
    GByteArray *bytes = clip->bytes;
    const guint moof = open_box(bytes, "moof"), mfhd = open_box(bytes, "mfhd");
    guint offsets[2], mdat;

    put(bytes, 0);
    put(bytes, fragment + 1);
    close_box(bytes, mfhd);
    for (guint track = 0; track < n_tracks; track++)
        offsets[track] = put_traf(bytes, fragment, track, tfhd_flags, with_sizes);
    close_box(bytes, moof);
    mdat = open_box(bytes, "mdat");
    for (guint track = 0; track < n_tracks; track++) {
        set(bytes, offsets[track], bytes->len - moof);
        for (guint i = 0; i < N_SAMPLES; i++) {
            const guint n = sample_bytes(fragment, track, with_sizes ? i : 0);

            for (guint k = 0; k < n; k++) {
                const guint8 byte = (guint8)(fragment * 64 + track * 32 + i + 1);

                g_byte_array_append(bytes, &byte, 1);
            }
            g_array_append_val(clip->ends, (guint64){bytes->len});
        }
    }
    close_box(bytes, mdat);
}

static Clip
make_clip(guint n_tracks, guint32 tfhd_flags, gboolean with_sizes)
{
    Clip clip = {g_byte_array_new(), g_array_new(FALSE, FALSE, sizeof(guint64))};
    guint box = open_box(clip.bytes, "ftyp");

    put(clip.bytes, 0x69736f6d);
    close_box(clip.bytes, box);
    box = open_box(clip.bytes, "moov");
    put(clip.bytes, 1);
    close_box(clip.bytes, box);
    for (guint fragment = 0; fragment < N_FRAGMENTS; fragment++) {
        put_fragment(&clip, fragment, n_tracks, tfhd_flags, with_sizes);
        if (fragment == 1) {
            box = open_box(clip.bytes, "uuid");
            put(clip.bytes, 2);
            close_box(clip.bytes, box);
        }
    }
    return clip;
}

static gint
make_file(const Clip *clip, guint length)
{
    const gint fd = memfd_create("clip", MFD_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, clip->bytes->data, length, 0), length);
    return fd;
}

static GBytes *
read_file(gint fd)
{
    struct stat info;
    guint8 *data;

    ck_assert_int_eq(fstat(fd, &info), 0);
    data = g_malloc((gsize)info.st_size);
    ck_assert_int_eq(vigil_mp4_read(fd, data, (gsize)info.st_size, 0), info.st_size);
    return g_bytes_new_take(data, (gsize)info.st_size);
}

/* --- reading them --------------------------------------------------------------------------------------------- */

static guint
count_in(gint fd, guint64 from, guint64 to)
{
    guint n = 0;

    while (from < to) {
        VigilMp4Box box;
        guint8 count[4];

        ck_assert_int_eq(vigil_mp4_read_box(fd, from, to, &box), 1);
        if (memcmp(box.type, "traf", 4) == 0)
            n += count_in(fd, from + 8, from + box.size);
        if (memcmp(box.type, "trun", 4) == 0) {
            ck_assert_int_eq(vigil_mp4_read(fd, count, sizeof count, from + 12), 4);
            n += (guint)vigil_mp4_number(count, 4);
        }
        from += box.size;
    }
    return n;
}

/* All boxes are whole, and each moof is followed by its mdat. Returns: how many samples they say they have */
static guint
count_samples(gint fd)
{
    struct stat info;
    guint64 offset = 0;
    gboolean open = FALSE;
    guint n = 0;

    ck_assert_int_eq(fstat(fd, &info), 0);
    while (offset < (guint64)info.st_size) {
        VigilMp4Box box;

        ck_assert_int_eq(vigil_mp4_read_box(fd, offset, (guint64)info.st_size, &box), 1);
        ck_assert_int_eq(memcmp(box.type, "mdat", 4) == 0, open);
        open = memcmp(box.type, "moof", 4) == 0;
        if (open)
            n += count_in(fd, offset + 8, offset + box.size);
        offset += box.size;
    }
    ck_assert(!open);
    return n;
}

static guint
count_whole(const Clip *clip, guint length)
{
    guint n = 0;

    while (n < clip->ends->len && g_array_index(clip->ends, guint64, n) <= length)
        n++;
    return n;
}

/* Shorter files have no fragment to be shown. */
static guint
first_length(const Clip *clip)
{
    return (guint)g_array_index(clip->ends, guint64, 0);
}

static void
check_closed(gint fd, const Clip *clip, guint length)
{
    g_autoptr(GBytes) after = read_file(fd);
    const guint8 *data = g_bytes_get_data(after, NULL);
    const guint whole = count_whole(clip, length);
    const guint64 kept = g_array_index(clip->ends, guint64, whole - 1);

    ck_assert_uint_ge(g_bytes_get_size(after), length);
    ck_assert_uint_lt(g_bytes_get_size(after), length + 8);
    ck_assert_uint_eq(count_samples(fd), whole);
    /* the last sample that counts is what it was */
    ck_assert_uint_eq(data[kept - 1], clip->bytes->data[kept - 1]);
}

/* --- tests ---------------------------------------------------------------------------------------------------- */

static const struct {
    guint n_tracks;
    guint32 tfhd_flags;
    gboolean with_sizes;
} kinds[] = {{1, 0, TRUE}, {1, 0x020000, FALSE}, {2, 0x020000, TRUE}};

START_TEST(test_cut_anywhere)
{
    g_auto(Clip) clip = make_clip(kinds[_i].n_tracks, kinds[_i].tfhd_flags, kinds[_i].with_sizes);

    for (guint length = first_length(&clip); length <= clip.bytes->len; length++) {
        const gint fd = make_file(&clip, length);
        gint sync_code;

        ck_assert_int_ge(vigil_clip_tail_close(fd, &vigil_file_ops_system, &sync_code), 0);
        check_closed(fd, &clip, length);
        ck_assert_int_eq(vigil_clip_tail_close(fd, &vigil_file_ops_system, &sync_code), 0);
        ck_assert_int_eq(sync_code, 0);
        close(fd);
    }
}
END_TEST

START_TEST(test_nothing_to_do)
{
    g_auto(Clip) clip = make_clip(1, 0, TRUE);
    /* whole; no fragment yet; nothing at all */
    const guint lengths[] = {clip.bytes->len, 24, 30, 3, 0};
    const gint fd = make_file(&clip, lengths[_i]);
    g_autoptr(GBytes) before = read_file(fd);
    g_autoptr(GBytes) after = NULL;
    gint sync_code;

    ck_assert_int_eq(vigil_clip_tail_close(fd, &vigil_file_ops_system, &sync_code), 0);
    after = read_file(fd);
    ck_assert(g_bytes_equal(before, after));
    close(fd);
}
END_TEST

/* A second track without a base of its own begins where the first one's samples end, which a cut file does not say. */
START_TEST(test_track_without_base)
{
    g_auto(Clip) clip = make_clip(2, 0, TRUE);
    const guint length = clip.bytes->len - 1;
    const gint fd = make_file(&clip, length);
    gint sync_code;

    ck_assert_int_eq(vigil_clip_tail_close(fd, &vigil_file_ops_system, &sync_code), 1);
    ck_assert_uint_eq(count_samples(fd), 2 * N_SAMPLES * (N_FRAGMENTS - 1));
    close(fd);
}
END_TEST

/* --- interrupted ---------------------------------------------------------------------------------------------- */

static guint steps_left;

static gssize
write_or_fail(gint fd, gconstpointer data, gsize length, gint64 offset)
{
    return steps_left-- == 0 ? -ENOSPC : vigil_file_ops_system.write_at(fd, data, length, offset);
}

static gint
sync_or_fail(gint fd)
{
    return steps_left-- == 0 ? -EIO : 0;
}

static const VigilFileOps failing_ops = {.write_at = write_or_fail, .sync = sync_or_fail};

START_TEST(test_interrupted)
{
    g_auto(Clip) clip = make_clip(kinds[_i].n_tracks, kinds[_i].tfhd_flags, kinds[_i].with_sizes);
    guint n_failed = 0;

    for (guint length = first_length(&clip); length < clip.bytes->len; length++) {
        gint code = -1;

        for (guint step = 0; code < 0; step++) {
            const gint fd = make_file(&clip, length);
            gint sync_code;

            steps_left = step;
            code = vigil_clip_tail_close(fd, &failing_ops, &sync_code);
            if (code < 0) {
                n_failed++;
                ck_assert_int_eq(code, sync_code < 0 ? -EIO : -ENOSPC);
                ck_assert_int_ge(vigil_clip_tail_close(fd, &vigil_file_ops_system, &sync_code), 0);
            }
            check_closed(fd, &clip, length);
            close(fd);
        }
    }
    ck_assert_uint_gt(n_failed, 2 * (clip.bytes->len - first_length(&clip)) / 2);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("clip-tail");
    TCase *tcase = tcase_create("clip-tail");
    SRunner *runner = srunner_create(suite);

    tcase_add_loop_test(tcase, test_cut_anywhere, 0, G_N_ELEMENTS(kinds));
    tcase_add_loop_test(tcase, test_nothing_to_do, 0, 5);
    tcase_add_test(tcase, test_track_without_base);
    tcase_add_loop_test(tcase, test_interrupted, 0, G_N_ELEMENTS(kinds));
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
