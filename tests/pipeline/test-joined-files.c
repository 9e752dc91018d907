/* SPDX-License-Identifier: Apache-2.0 */
/* Files of which each half was a recording of its own: times, formats and streams change in the middle of them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pipeline/program.h"
#include "tests/pipeline/scene.h"

/* Somebody comes after 2 s and stays to the end, in each half. */
#define HALF_S "14"
#define HALF_FRAMES 140
#define JUMP_S "3600"

static Scene scene;

static gchar *
in_folder(const gchar *name)
{
    return g_build_filename(scene.folder, name, NULL);
}

/* (transfer full): a half, made by ffmpeg with these words more, the last being the name of the file. */
static gchar *
make(const gchar *length, const gchar *words)
{
    g_auto(GStrv) more = g_strsplit(words, " ", -1);
    const guint n = g_strv_length(more);
    gchar *path = in_folder(more[n - 1]);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    const gchar *const first[] = {"ffmpeg",  "-v",        "error",    "-y",   "-ss", "4",
                                  "-i",      scene.video, "-t",       length, "-an", "-c:v",
                                  "libx264", "-preset",   "veryfast", "-g",   "24"};
    g_auto(Program) ffmpeg = {0};

    for (guint i = 0; i < G_N_ELEMENTS(first); i++)
        g_ptr_array_add(argv, (gpointer)first[i]);
    for (guint i = 0; i + 1 < n; i++)
        g_ptr_array_add(argv, more[i]);
    g_ptr_array_add(argv, path);
    g_ptr_array_add(argv, NULL);
    ffmpeg = program_run_argv((const gchar *const *)argv->pdata);
    ck_assert_msg(ffmpeg.code == 0, "%s", ffmpeg.errors);
    return path;
}

static GByteArray *
read_bytes(const gchar *path)
{
    gchar *bytes = NULL;
    gsize length = 0;

    ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
    return g_byte_array_new_take((guint8 *)bytes, length);
}

/* (transfer full): @first and, behind it, what is in @second from @from on. */
static gchar *
join(const gchar *first, const gchar *second, gsize from, const gchar *name)
{
    g_autoptr(GByteArray) whole = read_bytes(first), more = read_bytes(second);
    gchar *path = in_folder(name);

    ck_assert_uint_lt(from, more->len);
    g_byte_array_append(whole, more->data + from, more->len - (guint)from);
    ck_assert(g_file_set_contents(path, (gchar *)whole->data, whole->len, NULL));
    return path;
}

/* Where the first of these four bytes is. */
static gsize
find(const gchar *path, const gchar *four)
{
    g_autoptr(GByteArray) bytes = read_bytes(path);
    const guint8 *found = memmem(bytes->data, bytes->len, four, 4);

    ck_assert_ptr_nonnull(found);
    return (gsize)(found - bytes->data);
}

/* Matroska as it is written while one records: without an index, and of no known length. */
static gchar *
join_matroska(const gchar *length, const gchar *first_at, const gchar *second_at)
{
    g_autofree gchar *one = g_strdup_printf("-output_ts_offset %s -live 1 a.mkv", first_at);
    g_autofree gchar *two = g_strdup_printf("-output_ts_offset %s -live 1 b.mkv", second_at);
    g_autofree gchar *a = make(length, one), *b = make(length, two);

    return join(a, b, find(b, "\x1f\x43\xb6\x75"), "joined.mkv");
}

static gchar *
join_fragments(void)
{
    const gchar *words = "-movflags frag_keyframe+empty_moov+default_base_moof a.mp4";
    g_autofree gchar *a = make(HALF_S, words);

    return join(a, a, find(a, "moof") - 4, "joined.mp4");
}

static gchar *
join_transport(const gchar *first, const gchar *second)
{
    g_autofree gchar *a = make(HALF_S, first), *b = make(HALF_S, second);

    return join(a, b, 0, "joined.ts");
}

static gchar *
join_back(void)
{
    return join_matroska(HALF_S, "0", "0");
}

static gchar *
join_far_back(void)
{
    return join_matroska(HALF_S, JUMP_S, "0");
}

static gchar *
join_far_ahead(void)
{
    return join_matroska(HALF_S, "0", JUMP_S);
}

static gchar *
join_clock_set(void)
{
    return join_transport("a.ts", "-output_ts_offset 36000 b.ts");
}

static gchar *
join_other_stream(void)
{
    return join_transport("a.ts", "-mpegts_start_pid 0x200 b.ts");
}

static gchar *
join_other_size(void)
{
    return join_transport("a.ts", "-vf scale=512:288 b.ts");
}

static gchar *
join_other_stream_and_size(void)
{
    return join_transport("a.ts", "-mpegts_start_pid 0x200 -vf scale=512:288 b.ts");
}

/* The bare stream, with its parameter sets once, at the start. */
static gchar *
join_sets_and_rest(void)
{
    g_autofree gchar *whole = make(HALF_S, "w.mp4");
    g_autofree gchar *sets = in_folder("sets.h264"), *rest = in_folder("rest.h264");
    const gchar *argv[] = {"ffmpeg",
                           "-v",
                           "error",
                           "-y",
                           "-i",
                           whole,
                           "-c",
                           "copy",
                           "-frames:v",
                           "1",
                           "-bsf:v",
                           "h264_mp4toannexb,filter_units=pass_types=7-8",
                           sets,
                           "-c",
                           "copy",
                           "-bsf:v",
                           "h264_mp4toannexb,filter_units=remove_types=6-9",
                           rest,
                           NULL};
    g_auto(Program) ffmpeg = program_run_argv(argv);

    ck_assert_msg(ffmpeg.code == 0, "%s", ffmpeg.errors);
    return join(sets, rest, 0, "joined.h264");
}

static const struct {
    const gchar *name;
    gchar *(*make)(void);
    guint n_events,
        least_frames; /* in all clips together; at most twice as many, for what two clips show */
} files[] = {
    {"times back, Matroska", join_back, 2, 2 * HALF_FRAMES},
    {"times back by an hour", join_far_back, 2, 2 * HALF_FRAMES},
    {"times forward by an hour", join_far_ahead, 2, 2 * HALF_FRAMES},
    {"times back, fragmented MP4", join_fragments, 2, 2 * HALF_FRAMES},
    {"clock set, transport stream", join_clock_set, 2, 2 * HALF_FRAMES},
    {"another stream", join_other_stream, 2, 2 * HALF_FRAMES},
    {"another size", join_other_size, 2, 2 * HALF_FRAMES},
    {"another stream and size", join_other_stream_and_size, 2, 2 * HALF_FRAMES},
    {"parameter sets at the start", join_sets_and_rest, 1, HALF_FRAMES},
};

static Program
replay(const gchar *video, const gchar *store)
{
    g_autofree gchar *config = scene_config(&scene, "joined.yaml", store, video, "");

    return program_run("replay", config, NULL);
}

/* That can be decoded, in all clips. */
static guint
count_frames(const gchar *store)
{
    static const gchar script[] =
        "find \"$0/clips\" -name '*.mp4' -exec ffprobe -v error -count_frames -select_streams v "
        "-show_entries stream=nb_read_frames -of csv=p=0 {} ';' | awk '{ n += $1 } END { print n "
        "}'";
    const gchar *argv[] = {"sh", "-c", script, store, NULL};
    g_auto(Program) probe = program_run_argv(argv);

    ck_assert_msg(probe.code == 0 && !*probe.errors, "%s", probe.errors);
    return (guint)g_ascii_strtoull(probe.output, NULL, 10);
}

START_TEST(test_replay)
{
    g_autofree gchar *video = files[_i].make();
    g_autofree gchar *store = g_strdup_printf("%s/store-%d", scene.folder, _i);
    g_auto(Program) run = replay(video, store);
    guint frames;

    ck_assert_msg(run.code == 0, "%s: %s", files[_i].name, run.errors);
    ck_assert_msg(count_text(run.output, "\"type\":\"begin\"") == files[_i].n_events, "%s: %.1000s",
                  files[_i].name, run.output);
    ck_assert_msg(count_text(run.output, "\"clip\":\"") == count_text(run.output, "\n"),
                  "%s: %.1000s", files[_i].name, run.output);
    frames = count_frames(store);
    ck_assert_msg(frames >= files[_i].least_frames && frames <= 2 * files[_i].least_frames,
                  "%s: %u frames", files[_i].name, frames);
}
END_TEST

/* What cannot go on says where it ends; what was before that is kept. */
START_TEST(test_other_codec)
{
    g_autofree gchar *video =
        join_transport("a.ts", "-c:v libx265 -x265-params log-level=error b.ts");
    g_autofree gchar *store = in_folder("store-codec");
    g_auto(Program) run = replay(video, store);

    ck_assert_int_eq(run.code, 1);
    ck_assert_msg(strstr(run.errors, "joined.ts: in the middle of it its video becomes H.265"),
                  "%s", run.errors);
    ck_assert_uint_eq(count_text(run.output, "\"type\":\"end\""), 1);
    ck_assert_uint_eq(count_frames(store), HALF_FRAMES);
}
END_TEST

/* At the speed of time nobody waits for an hour. */
START_TEST(test_run)
{
    g_autofree gchar *video = join_matroska("3", "0", JUMP_S);
    g_autofree gchar *store = in_folder("store-run"), *errors = in_folder("errors.txt");
    g_autofree gchar *config = scene_config(&scene, "run.yaml", store, video, "");
    g_autoptr(GSubprocess) daemon = program_start(NULL, errors, "run", config, NULL);
    const gint code = program_wait_exit(daemon, 120.0);
    g_autofree gchar *log = read_text(errors);

    ck_assert_msg(code == 0, "%d: %s", code, log);
    ck_assert_msg(strstr(log, "joined.mkv: its times jump forward by 3597"), "%s", log);
    ck_assert_msg(strstr(log, "camera hall: ended"), "%s", log);
    ck_assert_ptr_null(strstr(log, "missing"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("joined-files");
    TCase *tcase = tcase_create("joined-files");
    SRunner *runner = srunner_create(suite);
    int failed = 0;

    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, test_replay, 0, G_N_ELEMENTS(files));
    tcase_add_test(tcase, test_other_codec);
    tcase_add_test(tcase, test_run);
    suite_add_tcase(suite, tcase);
    if (scene_open(&scene)) {
        srunner_run_all(runner, CK_NORMAL);
        failed = srunner_ntests_failed(runner);
    }
    scene_close(&scene);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
