/* SPDX-License-Identifier: Apache-2.0 */
/* The program as users meet it: help, exit codes, and what it says about bad input. */
#include <check.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/pipeline/program.h"
#include "tests/pipeline/scene.h"

static Scene scene;
static gchar *folder;

static void
setup(void)
{
    folder = folder_new();
}

static void
teardown(void)
{
    folder_remove(folder);
    g_clear_pointer(&folder, g_free);
}

/* --- help and usage -------------------------------------------------------------------------- */

static const gchar *const commands[] = {"run",     "check", "replay", "events", "clip",
                                        "export",  "fsck",  "status", "detect", "model",
                                        "devices", "purge", "backup", "pin",    "unpin"};

START_TEST(test_help)
{
    g_auto(Program) whole = program_run("--help", NULL);
    const gchar *alone[] = {g_getenv("VIGIL_PROGRAM"), NULL};
    g_auto(Program) bare = program_run_argv(alone);
    g_auto(Program) version = program_run("--version", NULL);
    g_auto(Program) inspect = program_run("model", "inspect", "--help", NULL);

    ck_assert_int_eq(whole.code, 0);
    ck_assert_int_eq(bare.code, 2);
    ck_assert_int_eq(version.code, 0);
    ck_assert(g_str_has_prefix(version.output, "vigil "));
    ck_assert_int_eq(inspect.code, 0);
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_auto(Program) one = program_run(commands[i], "--help", NULL);

        ck_assert_ptr_nonnull(strstr(whole.output, commands[i]));
        ck_assert_int_eq(one.code, 0);
        ck_assert_str_eq(one.errors, "");
        ck_assert_ptr_nonnull(strstr(one.output, "Usage:"));
        ck_assert_ptr_nonnull(strstr(one.output, "Exit codes:"));
    }
}
END_TEST

static const struct {
    const gchar *arguments[5];
    const gchar *what;
} misuses[] = {
    {{"rnu"}, "did you mean \"run\""},
    {{"zzzzzzzz"}, "no command"},
    {{"model", "inspekt", "x"}, "inspect"},
    {{"run", "a", "b"}, "too many"},
    {{"replay"}, "CONFIG is missing"},
    {{"replay", "x.yaml", "--store="}, "no directory"},
    {{"clip"}, "EVENT is missing"},
    {{"events", "--frob"}, "--frob"},
    {{"events", "--since", "noon"}, "no time"},
    {{"events", "--format", "xml"}, "table, json or csv"},
    {{"events", "--limit", "-1"}, "--limit"},
    {{"events", "--area=0.1,0.2,0.3"}, "--area"},
    {{"events", "--area=0.5,0,0.4,1"}, "--area"},
    {{"events", "--area=0,0,1,1.5"}, "--area"},
    {{"events", "--area=0,nan,1,1"}, "--area"},
    {{"events", "--area=0,0,1,1x"}, "--area"},
    {{"purge", "--camera=c"}, "--between"},
    {{"purge", "--camera=c", "--between=2h"}, "comma"},
    {{"purge", "--camera=c", "--between=1h,2h"}, "before the first"},
    {{"detect", "x.png"}, "--model"},
    {{"detect", "x.png", "--model=m", "--threshold=7"}, "0 to 1"},
    {{"detect", "x.png", "--model=m", "--output=x.gif"}, ".png or .jpg"},
    {{"model", "run", "m", "i"}, "-o PREFIX"},
};

START_TEST(test_misuse)
{
    const gchar *const *a = misuses[_i].arguments;
    g_auto(Program) program = program_run(a[0], a[1], a[2], a[3], NULL);

    ck_assert_msg(program.code == 2, "%s", program.errors);
    ck_assert_msg(strstr(program.errors, misuses[_i].what) != NULL, "%s", program.errors);
    ck_assert_ptr_nonnull(strstr(program.errors, "--help"));
    ck_assert_str_eq(program.output, "");
}
END_TEST

START_TEST(test_closed_output)
{
    const gchar *full[] = {"/bin/sh", "-c", "\"$VIGIL_PROGRAM\" --help >/dev/full", NULL};
    const gchar *closed[] = {"/bin/sh", "-c", "\"$VIGIL_PROGRAM\" --help >&-", NULL};
    const gchar *piped[] = {"/bin/sh", "-c", "\"$VIGIL_PROGRAM\" --help | true", NULL};
    g_auto(Program) a = program_run_argv(full);
    g_auto(Program) b = program_run_argv(closed);
    g_auto(Program) c = program_run_argv(piped);

    ck_assert_int_eq(a.code, 1);
    ck_assert_ptr_nonnull(strstr(a.errors, "No space left"));
    ck_assert_int_ge(b.code, 0);
    ck_assert_int_ge(c.code, 0);
    ck_assert_str_eq(c.errors, "");
}
END_TEST

/* --- configuration and store ----------------------------------------------------------------- */

START_TEST(test_bad_config)
{
    g_autofree gchar *bad = folder_write(folder, "bad.yaml", "cameras: [{nam: x}]\n");
    g_autofree gchar *none = g_build_filename(folder, "none.yaml", NULL);
    static const gchar *const users[] = {"check", "run", "replay"};

    for (guint i = 0; i < G_N_ELEMENTS(users); i++) {
        g_auto(Program) wrong = program_run(users[i], bad, NULL);
        g_auto(Program) missing = program_run(users[i], none, NULL);
        g_auto(Program) directory = program_run(users[i], folder, NULL);

        ck_assert_int_eq(wrong.code, 3);
        ck_assert_ptr_nonnull(strstr(wrong.errors, "bad.yaml:1:"));
        ck_assert_ptr_nonnull(strstr(wrong.errors, "did you mean \"name\""));
        ck_assert_int_eq(missing.code, 3);
        ck_assert_ptr_nonnull(strstr(missing.errors, "No such file"));
        ck_assert_int_eq(directory.code, 3);
    }
}
END_TEST

START_TEST(test_bad_model)
{
    g_autofree gchar *text = folder_write(folder, "text.tflite", "this is no model");
    g_autofree gchar *config =
        folder_write(folder, "c.yaml",
                     "store: {path: s}\nmodel: {path: text.tflite}\ncameras:\n"
                     "  - {name: a, source: x.mp4, rules: [{name: r}]}\n");
    g_autofree gchar *gone = folder_write(folder, "g.yaml",
                                          "store: {path: s}\nmodel: {path: gone.tflite}\ncameras:\n"
                                          "  - {name: a, source: x.mp4, rules: [{name: r}]}\n");
    g_autofree gchar *store = g_build_filename(folder, "s", NULL);
    g_auto(Program) check = program_run("check", config, NULL);
    g_auto(Program) missing = program_run("replay", gone, NULL);
    g_auto(Program) inspect = program_run("model", "inspect", text, NULL);
    g_auto(Program) detect = program_run("detect", "x.png", "--model", text, NULL);

    ck_assert_int_eq(check.code, 3);
    ck_assert_ptr_nonnull(strstr(check.errors, "c.yaml:2: model:"));
    ck_assert_int_eq(missing.code, 3);
    ck_assert_ptr_nonnull(strstr(missing.errors, "gone.tflite"));
    ck_assert(!g_file_test(store, G_FILE_TEST_EXISTS));
    ck_assert_int_eq(inspect.code, 1);
    ck_assert_int_eq(detect.code, 1);
}
END_TEST

START_TEST(test_no_store)
{
    g_autofree gchar *store = g_build_filename(folder, "none", NULL);
    g_auto(Program) events = program_run("events", "--store", store, NULL);
    g_auto(Program) clip = program_run("clip", "X", "--store", store, NULL);
    g_auto(Program) fsck = program_run("fsck", "--store", store, NULL);
    g_auto(Program) repair = program_run("fsck", "--repair", "--store", store, NULL);
    g_auto(Program) status = program_run("status", "--store", store, NULL);

    ck_assert_int_eq(events.code, 1);
    ck_assert_int_eq(clip.code, 1);
    ck_assert_int_eq(fsck.code, 1);
    ck_assert_int_eq(repair.code, 1);
    ck_assert_int_eq(status.code, 4);
    ck_assert(!g_file_test(store, G_FILE_TEST_EXISTS)); /* nobody made it by asking */
}
END_TEST

static Program
replay_source(const gchar *source)
{
    g_autofree gchar *store = g_build_filename(folder, "store", NULL);
    g_autofree gchar *config = scene_config(&scene, "c.yaml", store, source, "");

    return program_run("replay", config, NULL);
}

static guint
count_text_of_events(const gchar *store)
{
    g_auto(Program) events = program_run("events", "--store", store, "--format", "json", NULL);

    ck_assert_int_eq(events.code, 0);
    return count_text(events.output, "\n");
}

START_TEST(test_purge)
{
    g_autofree gchar *store = g_build_filename(folder, "store", NULL);
    g_auto(Program) made = replay_source(scene.video);
    const guint n_events = count_text_of_events(store);
    g_auto(Program) other = program_run("purge", "--store", store, "--camera", "nobody",
                                        "--between", "1970-01-01,2100-01-01", "--yes", NULL);
    g_auto(Program) asked = program_run("purge", "--store", store, "--camera", "hall", "--between",
                                        "1970-01-01,2100-01-01", NULL);
    g_auto(Program) log = {0}, done = {0};

    ck_assert_int_eq(made.code, 0);
    ck_assert_uint_gt(n_events, 0);
    ck_assert_int_eq(other.code, 0);
    ck_assert_ptr_nonnull(strstr(other.output, "deleted: 0 events, 0 clips"));
    ck_assert_int_eq(asked.code, 0);
    ck_assert_ptr_nonnull(strstr(asked.output, "--yes"));
    ck_assert_uint_eq(count_text_of_events(store), n_events);
    done = program_run("purge", "--store", store, "--camera", "hall", "--between",
                       "1970-01-01,2100-01-01", "--yes", NULL);
    ck_assert_int_eq(done.code, 0);
    ck_assert_uint_eq(count_text_of_events(store), 0);
    log = program_run("purge", "--store", store, "--log", NULL);
    ck_assert_int_eq(log.code, 0);
    ck_assert_uint_eq(count_text(log.output, "\n"), 2);
    ck_assert_ptr_nonnull(strstr(log.output, "camera hall from 1970-01-01"));
}
END_TEST

/* A file that nobody can open, as its name is too long, stands for one that the disk does not give back. */
START_TEST(test_clip_that_cannot_be_read)
{
    g_autofree gchar *store = g_build_filename(folder, "store", NULL);
    g_autofree gchar *database = g_build_filename(store, "events.db", NULL);
    sqlite3 *db = NULL;
    g_auto(Program) made = replay_source(scene.video);
    g_auto(Program) fsck = {0}, other = {0};

    ck_assert_int_eq(made.code, 0);
    ck_assert_int_eq(sqlite3_open(database, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db,
                                  "UPDATE clips SET state = 'open', path = replace(path, '.mp4', "
                                  "printf('%0300d.mp4', 0)) WHERE id = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    fsck = program_run("fsck", "--repair", "--store", store, NULL);
    other = program_run("purge", "--store", store, "--camera", "nobody", "--between",
                        "1970-01-01,2100-01-01", "--yes", NULL);
    ck_assert_int_eq(fsck.code, 5);
    ck_assert_uint_eq(count_text(fsck.output, "File name too long\n"), 1);
    ck_assert_msg(other.code == 5, "%d %s", other.code, other.errors);
    ck_assert_ptr_nonnull(strstr(other.output, "deleted: 0 events"));
    ck_assert_uint_eq(count_text(other.errors, "File name too long"), 1);
    ck_assert_ptr_nonnull(strstr(other.errors, "1 other clips"));
}
END_TEST

START_TEST(test_newer_database)
{
    g_autofree gchar *store = g_build_filename(folder, "store", NULL);
    g_autofree gchar *database = g_build_filename(store, "events.db", NULL);
    g_autofree gchar *config = scene_config(&scene, "c.yaml", store, scene.video, "");
    g_autofree gchar *before = NULL, *after = NULL;
    gsize before_length, after_length;
    sqlite3 *db = NULL;
    g_auto(Program) made = replay_source("/dev/null/none.mp4");
    g_auto(Program) replay = {0}, events = {0};

    ck_assert_int_eq(made.code, 1);
    ck_assert_int_eq(sqlite3_open(database, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "PRAGMA user_version = 9999", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    ck_assert(g_file_get_contents(database, &before, &before_length, NULL));
    replay = program_run("replay", config, NULL);
    events = program_run("events", "--store", store, NULL);
    ck_assert_int_eq(replay.code, 1);
    ck_assert_msg(strstr(replay.errors, "newer") != NULL, "%s", replay.errors);
    ck_assert_int_eq(events.code, 1);
    ck_assert(g_file_get_contents(database, &after, &after_length, NULL));
    ck_assert(before_length == after_length && memcmp(before, after, before_length) == 0);
}
END_TEST

START_TEST(test_unwritable_store)
{
    /* root may write anywhere, so: a directory that cannot be made since a file is in its place */
    g_autofree gchar *file = folder_write(folder, "file", "x");
    g_autofree gchar *store = g_build_filename(file, "store", NULL);
    g_autofree gchar *config = scene_config(&scene, "c.yaml", store, scene.video, "");
    g_auto(Program) replay = program_run("replay", config, NULL);
    g_auto(Program) run = program_run("run", config, NULL);

    ck_assert_int_eq(replay.code, 1);
    ck_assert_ptr_nonnull(strstr(replay.errors, "store"));
    ck_assert_int_eq(run.code, 1);
    ck_assert_ptr_nonnull(strstr(run.errors, "store"));
}
END_TEST

/* --- sources --------------------------------------------------------------------------------- */

static gchar *
make_media(const gchar *name, const gchar *arguments)
{
    gchar *path = g_build_filename(folder, name, NULL);
    g_auto(GStrv) middle = g_strsplit(arguments, " ", -1);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_auto(GStrv) argv = NULL;

    g_strv_builder_add_many(builder, "ffmpeg", "-v", "error", "-y", NULL);
    g_strv_builder_addv(builder, (const gchar **)middle);
    g_strv_builder_add(builder, path);
    argv = g_strv_builder_end(builder);
    g_auto(Program) ffmpeg = program_run_argv((const gchar *const *)argv);
    ck_assert_msg(ffmpeg.code == 0, "%s", ffmpeg.errors);
    return path;
}

static void
assert_refused(const gchar *source, const gchar *what)
{
    g_auto(Program) replay = replay_source(source);
    g_autofree gchar *base = g_path_get_basename(source);
    g_autofree gchar *store = g_build_filename(folder, "store", NULL);
    g_auto(Program) fsck = program_run("fsck", "--store", store, NULL);

    ck_assert_msg(replay.code == 1, "%s: code %d, %s", source, replay.code, replay.errors);
    ck_assert_msg(strstr(replay.errors, base) && strstr(replay.errors, what), "%s", replay.errors);
    ck_assert_uint_eq(count_text(replay.errors, "\n"), 1);
    ck_assert_str_eq(replay.output, "");
    ck_assert_int_eq(fsck.code, 0);
}

START_TEST(test_bad_sources)
{
    g_autofree gchar *zero = folder_write(folder, "zero.mp4", "%s", "");
    g_autofree gchar *text = folder_write(folder, "text.mp4", "<html>no video</html>\n");
    g_autofree gchar *short_text = folder_write(folder, "short.mp4", "x");
    g_autofree gchar *audio = make_media("audio.mp4", "-f lavfi -i sine=d=1 -c:a aac");
    g_autofree gchar *wave = make_media("sound.wav", "-f lavfi -i sine=d=1");
    g_autofree gchar *other = make_media("other.mp4", "-f lavfi -i testsrc=d=1 -c:v mpeg4");
    g_autofree gchar *picture = make_media("picture.png", "-f lavfi -i testsrc=d=1 -frames:v 1");
    g_autofree gchar *none = g_build_filename(folder, "none.mp4", NULL);

    assert_refused(zero, "empty");
    assert_refused(text, "no video");
    assert_refused(short_text, "no video");
    assert_refused(audio, "audio/mpeg");
    assert_refused(wave, "audio/x-wav");
    assert_refused(other, "video/mpeg");
    assert_refused(picture, "image/png");
    assert_refused(none, "No such file");
    assert_refused(folder, "directory");
}
END_TEST

/* What was in it before the cut is kept; that it was cut is said. */
START_TEST(test_truncated)
{
    g_autofree gchar *whole = g_build_filename(folder, "whole.mp4", NULL);
    g_autofree gchar *cut = g_build_filename(folder, "cut.mp4", NULL);
    g_autofree gchar *headless = g_build_filename(folder, "headless.mp4", NULL);
    const gchar *argv[] = {"ffmpeg", "-v", "error", "-y",        "-i",         scene.video, "-t",
                           "20",     "-c", "copy",  "-movflags", "+faststart", whole,       NULL};
    g_auto(Program) ffmpeg = program_run_argv(argv);
    g_autofree gchar *data = NULL;
    gsize length;
    g_auto(Program) replay = {0};

    ck_assert_int_eq(ffmpeg.code, 0);
    ck_assert(g_file_get_contents(whole, &data, &length, NULL));
    ck_assert(g_file_set_contents(cut, data, (gssize)length / 2, NULL));
    replay = replay_source(cut);
    ck_assert_int_eq(replay.code, 1);
    ck_assert_msg(strstr(replay.errors, "cut off") != NULL, "%s", replay.errors);
    ck_assert_uint_eq(count_text(replay.output, "\"type\":\"end\""), 1);
    /* the table at the end of the file is missing: nothing can be read */
    ck_assert(g_file_set_contents(headless, data, 24, NULL));
    assert_refused(headless, "headless.mp4");
}
END_TEST

/* AVI gives its frames no presentation times; a whole file is no cut one for that. */
START_TEST(test_avi)
{
    g_autofree gchar *arguments =
        g_strdup_printf("-ss 12 -t 4 -i %s -an -c:v libx264 -preset ultrafast", scene.video);
    g_autofree gchar *avi = make_media("whole.avi", arguments);
    g_auto(Program) replay = replay_source(avi);

    ck_assert_msg(replay.code == 0, "%s", replay.errors);
    ck_assert_uint_eq(count_text(replay.output, "\"type\":\"end\""), 1);
}
END_TEST

START_TEST(test_live_replay)
{
    g_auto(Program) replay = replay_source("rtsp://user:Geheim77@127.0.0.1:1/x");

    ck_assert_int_eq(replay.code, 3);
    ck_assert_ptr_nonnull(strstr(replay.errors, "vigil run"));
    ck_assert_ptr_null(strstr(replay.errors, "Geheim77"));
}
END_TEST

START_TEST(test_unknown_class)
{
    g_autofree gchar *config =
        folder_write(folder, "c.yaml",
                     "model: {path: '%s', labels: '%s'}\ncameras:\n"
                     "  - {name: a, source: x.mp4, rules: [{name: r, classes: [persn]}]}\n",
                     scene.model, scene.labels);
    g_auto(Program) check = program_run("check", config, NULL);

    ck_assert_int_eq(check.code, 3);
    ck_assert_msg(strstr(check.errors, "did you mean \"person\"") != NULL, "%s", check.errors);
    ck_assert_msg(strstr(check.errors, "c.yaml:3: ") != NULL, "%s", check.errors);
}
END_TEST

/* The threshold that a package brings is the one that counts, unless the configuration has one. */
START_TEST(test_package_threshold)
{
    g_autofree gchar *package = g_build_filename(folder, "package", NULL);
    g_autofree gchar *manifest = NULL, *config = NULL, *strict = NULL;
    g_autofree gchar *video = scene_cut(&scene, "piece.mp4", 5, 8);
    g_autofree gchar *link = g_build_filename(package, "m.tflite", NULL);
    g_autofree gchar *names = g_build_filename(package, "labels.txt", NULL);
    g_auto(Program) none = {0}, some = {0};

    ck_assert_int_eq(g_mkdir(package, 0700), 0);
    ck_assert_int_eq(symlink(scene.model, link), 0);
    ck_assert_int_eq(symlink(scene.labels, names), 0);
    manifest = folder_write(package, "manifest.ini",
                            "[model]\nname=strict\nversion=1\nfile=m.tflite\nlabels=labels.txt\n"
                            "licence=x\nprovenance=x\ndecoder=ssd-postprocess\n"
                            "[input]\nresize=stretch\ncolour=rgb\n[detect]\nthreshold=0.97\n");
    strict = folder_write(folder, "strict.yaml",
                          "store: {path: '%s/s-%s'}\nmodel: {path: '%s'%s}\ncameras:\n"
                          "  - {name: a, source: '%s', rules: [{name: r, classes: [person], "
                          "min_score: 0.1}]}\n",
                          folder, "a", package, "", video);
    config = folder_write(folder, "loose.yaml",
                          "store: {path: '%s/s-%s'}\nmodel: {path: '%s'%s}\ncameras:\n"
                          "  - {name: a, source: '%s', rules: [{name: r, classes: [person], "
                          "min_score: 0.1}]}\n",
                          folder, "b", package, ", threshold: 0.5", video);
    none = program_run("replay", strict, NULL);
    some = program_run("replay", config, NULL);
    ck_assert_msg(none.code == 0, "%s", none.errors);
    ck_assert_str_eq(none.output, "");
    ck_assert_msg(some.code == 0, "%s", some.errors);
    ck_assert_uint_eq(count_text(some.output, "\"begin\""), 1);
}
END_TEST

/* --- detect and model ------------------------------------------------------------------------ */

START_TEST(test_detect)
{
    g_autofree gchar *arguments = g_strdup_printf("-ss 12 -i %s -frames:v 1", scene.video);
    g_autofree gchar *image = make_media("frame.png", arguments);
    g_autofree gchar *drawn = g_build_filename(folder, "drawn.jpg", NULL);
    g_autofree gchar *none = g_build_filename(folder, "none.png", NULL);
    g_auto(Program) one = program_run("detect", image, "--model", scene.model, "--labels",
                                      scene.labels, "-o", drawn, NULL);
    g_auto(Program) two = program_run("detect", none, image, "--model", scene.model, NULL);
    GStatBuf info;

    ck_assert_msg(one.code == 0, "%s", one.errors);
    ck_assert_ptr_nonnull(strstr(one.output, "\"label\":\"person\""));
    ck_assert_uint_eq(count_text(one.output, "\n"), 1);
    ck_assert_int_eq(g_stat(drawn, &info), 0);
    ck_assert_int_gt(info.st_size, 1000);
    ck_assert_int_eq(two.code, 1);
    ck_assert_ptr_nonnull(strstr(two.errors, "none.png"));
    ck_assert_uint_eq(count_text(two.output, "\n"), 1); /* the other one is done all the same */
}
END_TEST

/* What --help promises; BMP both with and without a palette. */
START_TEST(test_detect_kinds)
{
    static const struct {
        const gchar *name, *format;
    } kinds[] = {{"frame.jpg", "yuvj420p"},
                 {"frame.bmp", "bgr24"},
                 {"palette.bmp", "gray"},
                 {"four words.png", "rgb24"}};
    g_autofree gchar *arguments =
        g_strdup_printf("-ss 12 -i %s -frames:v 1 -pix_fmt %s", scene.video, kinds[_i].format);
    g_autofree gchar *image = make_media(kinds[_i].name, arguments);
    g_auto(Program) detect =
        program_run("detect", image, "--model", scene.model, "--labels", scene.labels, NULL);

    ck_assert_msg(detect.code == 0, "%s", detect.errors);
    ck_assert_msg(strstr(detect.output, "\"label\":\"person\"") != NULL, "%s", detect.output);
}
END_TEST

START_TEST(test_model)
{
    g_autofree gchar *wrong = folder_write(folder, "in.raw", "too short");
    g_autofree gchar *prefix = g_build_filename(folder, "out", NULL);
    g_autofree gchar *input = g_build_filename(folder, "right.raw", NULL);
    g_autofree gchar *zeros = g_malloc0(300 * 300 * 3);
    g_autofree gchar *first = g_strconcat(prefix, ".out0.raw", NULL);
    g_auto(Program) inspect = program_run("model", "inspect", scene.model, NULL);
    g_auto(Program) bad = program_run("model", "run", scene.model, wrong, "-o", prefix, NULL);
    g_auto(Program) good = {0};

    ck_assert(g_file_set_contents(input, zeros, 300 * 300 * 3, NULL));
    good = program_run("model", "run", scene.model, input, "-o", prefix, NULL);
    ck_assert_int_eq(inspect.code, 0);
    ck_assert_ptr_nonnull(strstr(inspect.output, "CONV_2D"));
    ck_assert_int_eq(bad.code, 1);
    ck_assert_ptr_nonnull(strstr(bad.errors, "270000"));
    ck_assert_msg(good.code == 0, "%s", good.errors);
    ck_assert(g_file_test(first, G_FILE_TEST_EXISTS));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("commands");
    TCase *tcase = tcase_create("commands");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_help);
    tcase_add_loop_test(tcase, test_misuse, 0, G_N_ELEMENTS(misuses));
    tcase_add_test(tcase, test_closed_output);
    tcase_add_test(tcase, test_bad_config);
    tcase_add_test(tcase, test_bad_model);
    tcase_add_test(tcase, test_no_store);
    if (scene_open(&scene)) {
        tcase_add_test(tcase, test_purge);
        tcase_add_test(tcase, test_clip_that_cannot_be_read);
        tcase_add_test(tcase, test_newer_database);
        tcase_add_test(tcase, test_unwritable_store);
        tcase_add_test(tcase, test_bad_sources);
        tcase_add_test(tcase, test_truncated);
        tcase_add_test(tcase, test_avi);
        tcase_add_test(tcase, test_live_replay);
        tcase_add_test(tcase, test_unknown_class);
        tcase_add_test(tcase, test_package_threshold);
        tcase_add_test(tcase, test_detect);
        tcase_add_loop_test(tcase, test_detect_kinds, 0, 4);
        tcase_add_test(tcase, test_model);
    }
    suite_add_tcase(suite, tcase);
    /* GLib waits for processes in a thread, which a fork would lose */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    scene_close(&scene);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
