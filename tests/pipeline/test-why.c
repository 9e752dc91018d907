/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scenes of which is known why there was an event or none, and what `vigil why` says of them: videos that a spot moves
 * through, replayed; live cameras; and what the event filter makes of scripted tracks, by way of a store.
 */
#include <check.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "events/vigil-event-filter.h"
#include "pipeline/vigil-time.h"
#include "storage/vigil-store-decisions.h"
#include "tests/pipeline/program.h"
#include "tests/support/vigil-spot-model.h"

#define MS G_GINT64_CONSTANT(1000000)
/* Of the videos and of the scripted tracks */
#define BEGIN_TEXT "2026-01-02T03:04:00Z"
#define BEGIN_US G_GINT64_CONSTANT(1767323040000000)

static gchar *folder, *store;

static void
setup(void)
{
    folder = folder_new();
    store = g_build_filename(folder, "store", NULL);
}

static void
teardown(void)
{
    folder_remove(folder);
    g_free(folder);
    g_free(store);
}

/* (transfer full) */
static JsonObject *
ask_at(const gchar *camera, const gchar *time, const gchar *around)
{
    g_auto(Program) why = program_run("why", camera, time, "--around", around, "--format", "json",
                                      "--store", store, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) root = NULL;

    ck_assert_msg(why.code == 0, "%s", why.errors);
    root = json_from_string(why.output, &error);
    ck_assert_msg(root != NULL, "%s", why.output);
    g_print("%s", why.output);
    return json_object_ref(json_node_get_object(root));
}

/* That this is the reason, and that the sentence says so. */
static void
assert_why(const gchar *camera, gdouble at_s, const gchar *around, const gchar *reason,
           const gchar *words)
{
    g_autofree gchar *time = vigil_time_format(BEGIN_US + (gint64)(at_s * G_USEC_PER_SEC));
    g_autoptr(JsonObject) answer = ask_at(camera, time, around);

    ck_assert_str_eq(json_object_get_string_member(answer, "camera"), camera);
    ck_assert_str_eq(json_object_get_string_member(answer, "reason"), reason);
    ck_assert_msg(strstr(json_object_get_string_member(answer, "sentence"), words) != NULL,
                  "%s: %s", camera, json_object_get_string_member(answer, "sentence"));
}

/* --- videos -------------------------------------------------------------------------------------------------- */

/* 30 s of black with a square of one cell, which the model sees while @enable holds. */
static gchar *
make_video(const gchar *name, const gchar *colour, const gchar *enable)
{
    gchar *path = g_build_filename(folder, name, NULL);
    g_autofree gchar *square = g_strdup_printf("color=%s:s=16x16:r=10:d=30", colour);
    g_autofree gchar *graph = g_strdup_printf("overlay=x=96:y=32:enable='%s'", enable);
    const gchar *argv[] = {"ffmpeg",
                           "-v",
                           "error",
                           "-y",
                           "-f",
                           "lavfi",
                           "-i",
                           "color=black:s=160x96:r=10:d=30",
                           "-f",
                           "lavfi",
                           "-i",
                           square,
                           "-filter_complex",
                           graph,
                           "-c:v",
                           "libx264",
                           "-qp",
                           "0",
                           "-pix_fmt",
                           "yuv420p",
                           "-g",
                           "20",
                           "-bf",
                           "0",
                           path,
                           NULL};
    g_auto(Program) ffmpeg = program_run_argv(argv);

    ck_assert_msg(ffmpeg.code == 0, "%s", ffmpeg.errors);
    return path;
}

static gchar *
make_model(const gchar *name, guint work)
{
    const VigilSpot spot = {160, 96, VIGIL_SPOT_BRIGHT, 2, work};
    gchar *path = g_build_filename(folder, name, NULL);

    vigil_spot_package(&spot, path, name, "1.0.0", "light\nother\n");
    return path;
}

typedef struct {
    const gchar *camera;
    const gchar *video; /* a letter: see below */
    const gchar *more;  /* of the camera */
    const gchar *rule;  /* beside its name and end_after */
    gdouble at_s;
    const gchar *reason, *words;
} Scene;

/* Video a: a white spot from 5 s to 8 s; b: a gray one; c: a white one also from 14 s to 17 s. */
static const Scene scenes[] = {
    {"event", "a", "", "classes: [light]", 6, "event", "rule r, light"},
    {"class", "a", "", "classes: [other]", 6, "class", "the rule wants other"},
    {"score", "b", "", "min_score: 0.8", 6, "score", "the rule wants 0.80"},
    {"faint", "b", "    detect: {fps: 10, threshold: 0.7}\n", "classes: [light]", 6, "faint",
     "light, seen with score 0.55 at most"},
    {"large", "a", "", "min_size: 0.5", 6, "size", "at least 0.5"},
    {"small", "a", "", "max_size: 0.2", 6, "size", "at most 0.2"},
    {"zone", "a", "", "zones: [left]", 6, "zone", "not in left"},
    {"dwell", "a", "", "dwell: 10s", 6, "dwell", "the rule wants 10.0 s"},
    {"line", "a", "", "line: gate", 6, "line", "did not cross gate"},
    {"schedule", "a", "", "schedule: {days: [mon], timezone: UTC}", 6, "schedule",
     "schedule"}, /* it is a Friday */
    {"cooldown", "c", "", "cooldown: 1m", 15.5, "cooldown", "cooldown"},
    {"first", "c", "", "cooldown: 1m", 6, "event", "rule r"},
    {"empty", "a", "", "classes: [light]", 25, "nothing-found", "no object was found"},
    {"still", "a", "    motion: {enabled: true}\n", "classes: [light]", 25, "no-motion",
     "nothing moved"},
};

static gchar *
write_scenes(void)
{
    g_autofree gchar *a = make_video("a.mp4", "white", "between(t,5,8)");
    g_autofree gchar *b = make_video("b.mp4", "0xC4C4C4", "between(t,5,8)");
    g_autofree gchar *c = make_video("c.mp4", "white", "between(t,5,8)+between(t,14,17)");
    g_autofree gchar *model = make_model("spot", 0);
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_printf(text, "store: {path: '%s'}\nmodel: {path: '%s'}\ncameras:\n", store,
                           model);
    for (guint i = 0; i < G_N_ELEMENTS(scenes); i++) {
        const gchar *video = *scenes[i].video == 'a' ? a : *scenes[i].video == 'b' ? b : c;
        const gchar *fps = strstr(scenes[i].more, "detect:") ? "" : "    detect: {fps: 10}\n";

        g_string_append_printf(text,
                               "  - name: %s\n    source: '%s'\n    start_time: %s\n%s%s"
                               "    zones: {left: [[0, 0], [0.4, 0], [0.4, 1], [0, 1]]}\n"
                               "    lines: {gate: [[0.2, 0], [0.2, 1]]}\n"
                               "    rules: [{name: r, end_after: 1s, %s}]\n",
                               scenes[i].camera, video, BEGIN_TEXT, scenes[i].more, fps,
                               scenes[i].rule);
    }
    return folder_write(folder, "scenes.yaml", "%s", text->str);
}

START_TEST(test_videos)
{
    g_autofree gchar *config = write_scenes();
    g_auto(Program) replay = program_run("replay", config, NULL);

    ck_assert_msg(replay.code == 0, "%s", replay.errors);
    for (guint i = 0; i < G_N_ELEMENTS(scenes); i++)
        assert_why(scenes[i].camera, scenes[i].at_s, "1", scenes[i].reason, scenes[i].words);
}
END_TEST

/* The text for people says the same; an unknown camera and a wrong time are told apart. */
START_TEST(test_command)
{
    g_autofree gchar *config = write_scenes();
    g_auto(Program) replay = program_run("replay", config, NULL);
    g_auto(Program) why =
        program_run("why", "dwell", "2026-01-02T03:04:06Z", "--store", store, NULL);
    g_auto(Program) nobody = program_run("why", "attic", "1h", "--store", store, NULL);
    g_auto(Program) wrong = program_run("why", "dwell", "soon", "--store", store, NULL);
    g_auto(Program) before =
        program_run("why", "dwell", "2025-01-02T03:04:06Z", "--store", store, NULL);

    ck_assert_int_eq(replay.code, 0);
    ck_assert_int_eq(why.code, 0);
    ck_assert_msg(g_str_has_prefix(why.output, "dwell, 2026-01-02T03:04:06.000Z: dwell: light, "),
                  "%s", why.output);
    ck_assert_ptr_nonnull(strstr(why.output, "\nFrames of the minute from 2026-01-02T03:04:00"));
    ck_assert_ptr_nonnull(strstr(why.output, "\nObjects and rules:\n  2026-01-02T03:04:05"));
    ck_assert_int_eq(nobody.code, 4);
    ck_assert_ptr_nonnull(strstr(nobody.errors, "attic"));
    ck_assert_int_eq(wrong.code, 2);
    ck_assert_int_eq(before.code, 0);
    ck_assert_ptr_nonnull(strstr(before.output, "not-running"));
}
END_TEST

/* The same rules, tried on another video than the camera's: no store is made. */
START_TEST(test_rules_test)
{
    g_autofree gchar *config = write_scenes();
    g_autofree gchar *video = g_build_filename(folder, "c.mp4", NULL);
    g_auto(Program) dwell = program_run("rules", "test", config, video, "--camera", "dwell", NULL);
    g_auto(Program) event =
        program_run("rules", "test", config, video, "--camera", "cooldown", NULL);
    g_auto(Program) json =
        program_run("rules", "test", config, video, "--camera", "zone", "--format", "json", NULL);
    g_auto(Program) which = program_run("rules", "test", config, video, NULL);
    g_auto(Program) missing =
        program_run("rules", "test", config, "/nowhere.mp4", "--camera", "dwell", NULL);
    g_autoptr(JsonNode) root = NULL;
    g_auto(GStrv) lines = NULL;

    ck_assert_msg(dwell.code == 0, "%s", dwell.errors);
    ck_assert_str_eq(dwell.output,
                     "     5.1 s to      8.0 s  light, track 1, rule r: stayed for 2.9 s, the "
                     "rule wants 10.0 s\n"
                     "    14.1 s to     17.0 s  light, track 2, rule r: stayed for 2.9 s, the "
                     "rule wants 10.0 s\n"
                     "rule r: fired 0, dwell 2\n"
                     "frames: inferred 300\n");
    ck_assert_int_eq(event.code, 0);
    ck_assert_ptr_nonnull(strstr(
        event.output, "     5.1 s to      8.0 s  light, track 1, rule r: fired with score 0.98"));
    ck_assert_ptr_nonnull(strstr(event.output, "rule r: fired 1, cooldown 1\n"));
    ck_assert_int_eq(json.code, 0);
    lines = g_strsplit(json.output, "\n", -1);
    ck_assert_uint_eq(g_strv_length(lines), 3); /* two, and nothing behind the last newline */
    root = json_from_string(lines[0], NULL);
    ck_assert_ptr_nonnull(root);
    ck_assert_str_eq(json_object_get_string_member(json_node_get_object(root), "reason"), "zone");
    ck_assert_double_eq_tol(json_object_get_double_member(json_node_get_object(root), "start_s"),
                            5.1, 1e-6);
    ck_assert_int_eq(which.code, 2);
    ck_assert_ptr_nonnull(strstr(which.errors, "--camera"));
    ck_assert_int_eq(missing.code, 1);
    ck_assert_ptr_nonnull(strstr(missing.errors, "/nowhere.mp4"));
    ck_assert(!g_file_test(store, G_FILE_TEST_EXISTS));
}
END_TEST

/* --- live cameras -------------------------------------------------------------------------------------------- */

static guint16
free_port(void)
{
    g_autoptr(GSocketListener) listener = g_socket_listener_new();

    return g_socket_listener_add_any_inet_port(listener, NULL, NULL);
}

/* Runs the daemon until its log has said @text, and @more_s longer. Returns: when it had been said. */
static gint64
run_until(const gchar *config, const gchar *text, gdouble more_s)
{
    g_autofree gchar *errors = g_build_filename(folder, "errors", NULL);
    g_autofree gchar *output = g_build_filename(folder, "output", NULL);
    g_autoptr(GSubprocess) daemon = program_start(output, errors, "run", config, NULL);
    const gboolean said = wait_for_text(errors, text, 1, 30);
    const gint64 said_us = g_get_real_time();
    g_autofree gchar *log = NULL;

    g_usleep((gulong)(more_s * G_USEC_PER_SEC));
    g_subprocess_send_signal(daemon, SIGTERM);
    ck_assert_int_eq(program_wait_exit(daemon, 20), 0);
    log = read_text(errors);
    ck_assert_msg(said, "%s", log);
    return said_us;
}

static void
assert_why_then(gint64 at_us, const gchar *reason, const gchar *words)
{
    g_autofree gchar *time = vigil_time_format(at_us);
    g_autoptr(JsonObject) answer = ask_at("gate", time, "1");

    ck_assert_str_eq(json_object_get_string_member(answer, "reason"), reason);
    ck_assert_msg(strstr(json_object_get_string_member(answer, "sentence"), words) != NULL, "%s",
                  json_object_get_string_member(answer, "sentence"));
}

START_TEST(test_camera_down)
{
    g_autofree gchar *model = make_model("spot", 0);
    g_autofree gchar *config =
        folder_write(folder, "down.yaml",
                     "store: {path: '%s'}\nmodel: {path: '%s'}\ncameras:\n  - name: gate\n"
                     "    source: 'rtsp://127.0.0.1:%u/live'\n    rules: [{name: r}]\n",
                     store, model, free_port());
    const gint64 before_us = g_get_real_time() - G_USEC_PER_SEC;
    const gint64 down_us = run_until(config, "camera gate: waiting", 1.5);

    assert_why_then(before_us, "not-running", "had not run yet");
    assert_why_then(down_us + G_USEC_PER_SEC, "camera-down", "the camera was down from");
    g_usleep(G_USEC_PER_SEC / 2);
    assert_why_then(g_get_real_time(), "not-running", "had ended at");
}
END_TEST

/* A model that takes longer for a frame than the rate leaves. */
START_TEST(test_load)
{
    g_autofree gchar *video = make_video("load.mp4", "white", "between(t,500,501)");
    g_autofree gchar *model = make_model("slow", 1500);
    g_autofree gchar *port = g_strdup_printf("%u", free_port());
    const gchar *argv[] = {g_getenv("VIGIL_RTSP_SERVER"), port, video, NULL};
    g_autofree gchar *config =
        folder_write(folder, "load.yaml",
                     "store: {path: '%s'}\nmodel: {path: '%s'}\ncameras:\n  - name: gate\n"
                     "    source: 'rtsp://127.0.0.1:%s/live'\n    detect: {fps: 10}\n"
                     "    rules: [{name: r}]\n",
                     store, model, port);
    g_autoptr(GSubprocess) server = NULL;
    gint64 at_us;

    if (!argv[0]) {
        g_printerr("SKIP: there is no RTSP server\n");
        return;
    }
    server = program_start_argv(NULL, NULL, argv);
    g_usleep(G_USEC_PER_SEC / 2);
    at_us = run_until(config, "camera gate: running", 8);
    g_subprocess_force_exit(server);
    g_subprocess_wait(server, NULL, NULL);
    assert_why_then(at_us + 4 * G_USEC_PER_SEC, "load", "too busy");
}
END_TEST

/* --- scripted tracks ----------------------------------------------------------------------------------------- */

static GArray *decisions; /* (element-type VigilDecision) */

static void
keep_decision(const VigilDecision *decision, gpointer user_data)
{
    g_array_append_val((GArray *)user_data, *decision);
}

static void
drop_event(VigilEvent *event, gpointer user_data)
{
    ck_assert_ptr_eq(user_data, decisions);
    ck_assert_str_eq(event->camera, "gate");
}

static VigilEventFilter *
make_filter(const gchar *yaml)
{
    VigilEventFilterOptions options = vigil_event_filter_options_defaults();
    g_autoptr(VigilYaml) root = vigil_yaml_parse(yaml, strlen(yaml), "r.yaml", NULL);
    g_autoptr(VigilRules) rules = root ? vigil_rules_from_yaml(root, NULL) : NULL;
    VigilEventFilter *filter;

    ck_assert_msg(rules != NULL, "%s", yaml);
    options.camera = "gate";
    options.wall_base_us = BEGIN_US;
    filter = vigil_event_filter_new(rules, &options, drop_event, decisions);
    vigil_event_filter_set_decision_func(filter, keep_decision, decisions);
    return filter;
}

/* A box whose feet go from @from to @to in the time from @begin_s to @end_s. */
typedef struct {
    guint64 id;
    gdouble begin_s, end_s;
    VigilPoint from, to;
    gfloat score;
} Walk;

static VigilTrack
track_of(const Walk *walk, gdouble now_s)
{
    const gfloat part = (gfloat)((now_s - walk->begin_s) / (walk->end_s - walk->begin_s));
    const gfloat x = walk->from.x + part * (walk->to.x - walk->from.x);
    const gfloat y = walk->from.y + part * (walk->to.y - walk->from.y);

    return (VigilTrack){.id = walk->id,
                        .box = {x - 0.1f, y - 0.4f, x + 0.1f, y},
                        .score = walk->score,
                        .label = g_intern_static_string("person"),
                        .observed = TRUE};
}

typedef struct {
    const gchar *rules;
    Walk walks[3]; /* until one without an id */
    gdouble at_s;
    const gchar *reason, *words;
} Script;

static const Script scripts[] = {
    /* to the right, which is out: from the top of the line, seen downwards, the right side is on its left */
    {"lines: {gate: [[0.5, 0], [0.5, 1]]}\nrules: [{name: r, line: gate, direction: in}]",
     {{1, 2, 6, {0.3f, 0.8f}, {0.7f, 0.8f}, 0.9f}},
     5,
     "direction",
     "the rule wants gate:in"},
    {"lines: {gate: [[0.5, 0], [0.5, 1]]}\nrules: [{name: r, line: gate, direction: out}]",
     {{1, 2, 6, {0.3f, 0.8f}, {0.7f, 0.8f}, 0.9f}},
     4,
     "event",
     "deleted since"},
    /* not for the cooldown: too short without it, too */
    {"rules: [{name: r, dwell: 1s, cooldown: 20s, end_after: 1s}]",
     {{1, 1, 3, {0.2f, 0.8f}, {0.2f, 0.8f}, 0.9f}, {2, 10, 10.5, {0.8f, 0.8f}, {0.8f, 0.8f}, 0.9f}},
     10.2,
     "dwell",
     "track 2, rule r: stayed for 0.5 s"},
    {"rules: [{name: r, dwell: 1s, cooldown: 20s, end_after: 1s}]",
     {{1, 1, 3, {0.2f, 0.8f}, {0.2f, 0.8f}, 0.9f}, {2, 10, 13, {0.8f, 0.8f}, {0.8f, 0.8f}, 0.9f}},
     12,
     "cooldown",
     "s of 20.0 s left"},
    /* a weak detection in the zone says less than a zone that was never reached */
    {"zones: {left: [[0, 0], [0.4, 0], [0.4, 1], [0, 1]]}\n"
     "rules: [{name: r, zones: [left], min_score: 0.6}]",
     {{1, 2, 6, {0.2f, 0.8f}, {0.3f, 0.8f}, 0.42f}, {2, 2, 6, {0.8f, 0.8f}, {0.8f, 0.8f}, 0.9f}},
     4,
     "score",
     "track 1, rule r: score 0.42, the rule wants 0.60"},
    /* a zone is reached by the feet */
    {"zones: {top: [[0, 0], [1, 0], [1, 0.6], [0, 0.6]]}\nrules: [{name: r, zones: [top]}]",
     {{1, 2, 6, {0.5f, 0.9f}, {0.5f, 0.7f}, 0.9f}},
     4,
     "zone",
     "not in top"},
    /* two rules: what came further */
    {"rules: [{name: pets, classes: [cat]}, {name: waits, dwell: 30s}]",
     {{1, 2, 6, {0.5f, 0.9f}, {0.5f, 0.7f}, 0.9f}},
     4,
     "dwell",
     "rule waits"},
};

static void
play(VigilEventFilter *filter, const Walk *walks)
{
    for (guint i = 0; i < 300; i++) {
        const gdouble now_s = i / 10.0;
        VigilTrack tracks[3];
        guint n = 0;

        for (guint w = 0; w < 3 && walks[w].id; w++)
            if (now_s >= walks[w].begin_s && now_s <= walks[w].end_s)
                tracks[n++] = track_of(&walks[w], now_s);
        vigil_event_filter_update(filter, i * 100 * MS, VIGIL_OUTCOME_INFERRED, tracks, n);
    }
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
}

static VigilStore *
open_store(void)
{
    g_autofree gchar *database = g_build_filename(store, "events.db", NULL);
    g_autofree gchar *clips = g_build_filename(store, "clips", NULL);
    const VigilStoreOptions options = {.database = database, .clips = clips, .program = "test"};
    g_autoptr(GError) error = NULL;
    VigilStore *self = vigil_store_open(&options, &error);

    ck_assert_msg(self != NULL, "%s", error ? error->message : "");
    return self;
}

START_TEST(test_scripts)
{
    const Script *script = &scripts[_i];
    const guint32 counts[VIGIL_N_OUTCOME_COUNTS] = {300};
    VigilStore *self = open_store();
    VigilEventFilter *filter;

    decisions = g_array_new(FALSE, FALSE, sizeof(VigilDecision));
    filter = make_filter(script->rules);
    play(filter, script->walks);
    ck_assert(vigil_store_add_outcomes(self, "gate", BEGIN_US, counts, NULL));
    ck_assert(vigil_store_add_decisions(self, (const VigilDecision *)(gpointer)decisions->data,
                                        decisions->len, NULL));
    vigil_store_unref(self);
    assert_why("gate", script->at_s, "1", script->reason, script->words);
    vigil_event_filter_free(filter);
    g_array_unref(decisions);
}
END_TEST

/* --- what became of frames ----------------------------------------------------------------------------------- */

typedef struct {
    guint32 counts
        [VIGIL_N_OUTCOME_COUNTS]; /* inferred, rate, no motion, load, timed out, failed; in part */
    const gchar *reason, *words;
} Minute;

static const Minute minutes[] = {
    {{10, 900, 10, 580, 0, 0}, "load", "580 of 600 frames"},
    {{10, 900, 0, 0, 590, 0}, "load", "590 of 600 frames"},
    {{0, 0, 0, 0, 0, 300}, "failed", "300 of 300 frames"},
    {{20, 0, 1480, 0, 0, 0}, "no-motion", "1480 of 1500 frames"},
    {{290, 1200, 5, 5, 0, 0}, "nothing-found", "290 of 1500 frames were looked at"},
    {{290, 1200, 5, 5, 0, 0, 250}, "not-looked-at", "250 of the 290 frames"},
    {{290, 1200, 5, 5, 0, 0, 20}, "nothing-found", "290 of 1500 frames were looked at"},
};

START_TEST(test_minutes)
{
    VigilStore *self = open_store();
    g_autofree gchar *time = vigil_time_format(BEGIN_US + 30 * G_USEC_PER_SEC);
    g_autofree gchar *part = g_strdup_printf("290 looked at (%u in part only)",
                                             minutes[_i].counts[VIGIL_OUTCOME_INFERRED_PART]);
    g_auto(Program) text = {0};

    ck_assert(vigil_store_add_outcomes(self, "gate", BEGIN_US, minutes[_i].counts, NULL));
    vigil_store_unref(self);
    assert_why("gate", 30, "10", minutes[_i].reason, minutes[_i].words);
    text = program_run("why", "gate", time, "--store", store, NULL);
    ck_assert_int_eq(strstr(text.output, part) != NULL,
                     minutes[_i].counts[VIGIL_OUTCOME_INFERRED_PART] > 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("why");
    TCase *tcase = tcase_create("why");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, test_videos);
    tcase_add_test(tcase, test_command);
    tcase_add_test(tcase, test_rules_test);
    tcase_add_test(tcase, test_camera_down);
    tcase_add_test(tcase, test_load);
    tcase_add_loop_test(tcase, test_scripts, 0, G_N_ELEMENTS(scripts));
    tcase_add_loop_test(tcase, test_minutes, 0, G_N_ELEMENTS(minutes));
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
