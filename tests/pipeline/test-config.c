/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-model.h"
#include "pipeline/vigil-settings.h"
#include "tests/pipeline/program.h"

#define HEAD "model: {path: m.tflite}\n"
#define RULES "    rules: [{name: r}]\n"
#define CAMERA "cameras:\n  - name: a\n    source: file:///x.mp4\n"
#define DEVICE "cameras:\n  - name: a\n    source: v4l2:/dev/video0\n"
#define RTSP "cameras:\n  - name: a\n    source: rtsp://u:Geheim77@h/\n"

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

static VigilSettings *
load(const gchar *text, GError **error)
{
    g_autofree gchar *path = folder_write(folder, "c.yaml", "%s", text);

    return vigil_settings_load(path, error);
}

/* What is written, and the pieces that the message must have. */
static const struct {
    const gchar *text, *line, *place, *what;
} mistakes[] = {
    {"", "c.yaml", "", ""},
    {"[1, 2]\n", ":1:", "", "map"},
    {"a: {b\n", "c.yaml:", "", ""},
    {HEAD, ":1:", "", "`cameras` is missing"},
    {HEAD "cameras: []\n", ":2:", "cameras", "list of cameras"},
    {HEAD "cameras: 5\n", ":2:", "cameras", "list of cameras"},
    {HEAD "camera: []\n", ":2:", "camera", "did you mean \"cameras\""},
    {HEAD "cameras: [5]\n", ":2:", "cameras[0]", ""},
    {HEAD CAMERA, ":3:", "cameras[0]", "`rules` is missing"},
    {HEAD CAMERA "    rules: []\n", ":5:", "rules", "no rule"},
    {CAMERA RULES, ":2:", "cameras[0]", "which model"},
    {"model: {labels: x}\n" CAMERA RULES, ":1:", "model", "`path` is missing"},
    {"model: {path: ''}\n" CAMERA RULES, ":1:", "model.path", ""},
    {"model: {path: x, threads: 0}\n" CAMERA RULES, ":1:", "model.threads", "1"},
    {"model: {path: x, device: gpu}\n" CAMERA RULES, ":1:", "model.device", "tensorrt"},
    {"model: {path: x, threshold: 2}\n" CAMERA RULES, ":1:", "model.threshold", "1"},
    {"model: {path: x, labls: y}\n" CAMERA RULES, ":1:", "model", "did you mean \"labels\""},
    {"store: {max_bytes: 5kB}\n" HEAD CAMERA RULES, ":1:", "store.max_bytes", ""},
    {"store: {max_age: 30}\n" HEAD CAMERA RULES, ":1:", "store.max_age", "unit"},
    {"store: {min_free: 1}\n" HEAD CAMERA RULES, ":1:", "store.min_free", ""},
    {"store: {clips_max_age: 1s}\n" HEAD CAMERA RULES, ":1:", "store.clips_max_age", ""},
    {"store: {max_age: 2d, clips_max_age: 3d}\n" HEAD CAMERA RULES, ":1:", "store.clips_max_age",
     "longer"},
    {"store: {keep: 3d}\n" HEAD CAMERA RULES, ":1:", "store.keep", "list"},
    {"store:\n  keep:\n    - {max_age: 3d}\n" HEAD CAMERA RULES, ":3:", "store.keep[0]", "rule"},
    {"store:\n  keep:\n    - {rule: r}\n" HEAD CAMERA RULES, ":3:", "store.keep[0]", "max_age"},
    {"store:\n  keep:\n    - {rule: r, max_age: 3d, clas: x}\n" HEAD CAMERA RULES,
     ":3:", "store.keep[0]", "did you mean \"class\""},
    {"store: {path: []}\n" HEAD CAMERA RULES, ":1:", "store.path", ""},
    {"store: /var\n" HEAD CAMERA RULES, ":1:", "store", ""},
    {"store: {path: /a}\nstore: {path: /b}\n" HEAD CAMERA RULES, ":2:", "store", ""},
    {HEAD "cameras:\n  - source: file:///x\n" RULES, ":3:", "cameras[0]", "`name` is missing"},
    {HEAD "cameras:\n  - name: a\n" RULES, ":3:", "cameras[0]", "`source` is missing"},
    {HEAD "cameras:\n  - name: ../a\n    source: file:///x\n" RULES, ":3:", "cameras[0].name",
     "folder"},
    {HEAD "cameras:\n  - name: .a\n    source: file:///x\n" RULES, ":3:", "cameras[0].name", "dot"},
    {HEAD "cameras:\n  - name: 'a b'\n    source: file:///x\n" RULES, ":3:", "cameras[0].name",
     "letters"},
    {HEAD "cameras:\n  - name: a\n    source: http://u:Geheim77@h/\n" RULES,
     ":4:", "cameras[0].source", "rtsp://"},
    {HEAD "cameras:\n  - name: a\n    source: v4l2:serial=\n" RULES, ":4:", "cameras[0].source",
     "vigil devices"},
    {HEAD CAMERA RULES "    capture: {width: 640}\n", ":6:", "capture", "v4l2: sources"},
    {HEAD DEVICE RULES "    capture: {width: 0}\n", ":6:", "capture.width", "16"},
    {HEAD DEVICE RULES "    capture: {format: h263}\n", ":6:", "capture.format", "mjpeg"},
    {HEAD DEVICE RULES "    capture: {fps: many}\n", ":6:", "capture.fps", "number"},
    {HEAD DEVICE RULES "    capture: {controls: [gain]}\n", ":6:", "capture.controls", "{gain: 30"},
    {HEAD DEVICE RULES "    capture: {controls: {'ga=in': 3}}\n", ":6:", "capture.controls",
     "small letters"},
    {HEAD DEVICE RULES "    capture: {controls: {gain: '1,2'}}\n", ":6:", "capture.controls.gain",
     "no comma"},
    {HEAD DEVICE RULES "    capture: {controls: {gain: ' '}}\n", ":6:", "capture.controls.gain",
     "needs a value"},
    {HEAD DEVICE RULES "    capture: {controls: {gain: [1]}}\n", ":6:", "capture.controls.gain",
     "a text"},
    {HEAD CAMERA RULES "  - name: a\n    source: file:///y\n" RULES, ":6:", "cameras[1]", "line 3"},
    {HEAD CAMERA RULES "    detect_source: rtsp://u:Geheim77@h/\n", ":6:", "detect_source",
     "rtsp:// and rtsps://"},
    {HEAD RTSP RULES "    detect_source: v4l2:/dev/video0\n", ":6:", "detect_source",
     "another stream"},
    {HEAD RTSP RULES "    detect_source: rtsp://u:Geheim77@h/\n    metadata_only: true\n",
     ":6:", "detect_source", "leave `detect_source` out"},
    {HEAD RTSP RULES "    credentials: u:Geheim77\n", ":6:", "credentials", "not the login itself"},
    {HEAD RTSP RULES "    tls: {ca: /nowhere.pem}\n", ":6:", "ca", "no such file"},
    {HEAD CAMERA RULES "    motion: {enabled: perhaps}\n", ":6:", "motion.enabled", "true"},
    {HEAD CAMERA RULES "    motion: {sensitivity: 0}\n", ":6:", "motion.sensitivity", "1"},
    {HEAD CAMERA RULES "    motion: {masks: [[0,0],[1,0],[1,1]]}\n", ":6:", "motion.masks",
     "point"},
    {HEAD CAMERA RULES "    motion: {masks: [[[0,0],[1,0]]]}\n", ":6:", "motion.masks",
     "at least 3 points"},
    {HEAD CAMERA RULES "    motion: {enable: true}\n", ":6:", "motion", "enabled"},
    {HEAD CAMERA RULES "    motion: {enabled: true, regions: 3}\n", ":6:", "motion.regions",
     "true"},
    {HEAD CAMERA RULES "    motion: {regions: true}\n", ":6:", "motion.regions", "enabled: true"},
    {HEAD CAMERA RULES "    masks: [[[0,0],[1,1]]]\n", ":6:", "masks[0]",
     "at least 3 points, this has 2"},
    {HEAD CAMERA RULES "    masks:\n      - [[0,0],[1,0],[1,1]]\n      - [[0,0],[1.2,0],[1,1]]\n",
     ":8:", "masks[1][1][0]", "1.2"},
    {HEAD CAMERA RULES "    masks: [[0,0],[1,0],[1,1]]\n", ":6:", "masks[0]", "at least 3 points"},
    {HEAD CAMERA RULES "    masks: {porch: [[0,0],[1,0],[1,1]]}\n", ":6:", "masks",
     "a list of polygons"},
    {HEAD CAMERA RULES "    mask: []\n", ":6:", "mask", "did you mean \"masks\""},
    {HEAD CAMERA RULES "    audio: loud\n", ":6:", "audio", "true"},
    {HEAD RTSP RULES "    metadata_only: true\n    audio: true\n", ":7:", "audio", "no clips"},
    {HEAD DEVICE RULES "    audio: true\n", ":6:", "audio", "a V4L2 device has no sound"},
    {HEAD CAMERA RULES "    metadata_only: perhaps\n", ":6:", "metadata_only", "true"},
    {HEAD CAMERA "    metadata_only: true\n    rules: [{name: r, record: {pre: 3s}}]\n",
     ":6:", "rules[0].record", "metadata_only"},
    {HEAD CAMERA
     "    rules:\n      - {name: q}\n      - {name: r, record: true}\n    metadata_only: true\n",
     ":7:", "rules[1].record", "no clips"},
    {HEAD CAMERA RULES "    continuous: true\n", ":6:", "continuous", ""},
    {HEAD CAMERA RULES "    continuous: {}\n", ":6:", "continuous",
     "{max_age: 2d, max_bytes: 50GB}"},
    {HEAD CAMERA RULES "    continuous: {segment: 10m}\n", ":6:", "continuous",
     "{max_age: 2d, max_bytes: 50GB}"},
    {HEAD CAMERA RULES "    continuous: {max_age: 2}\n", ":6:", "continuous.max_age", "unit"},
    {HEAD CAMERA RULES "    continuous: {max_age: 1s}\n", ":6:", "continuous.max_age", ""},
    {HEAD CAMERA RULES "    continuous: {max_bytes: 5kB}\n", ":6:", "continuous.max_bytes", ""},
    {HEAD CAMERA RULES "    continuous: {max_age: 2d, segment: 2h}\n", ":6:", "continuous.segment",
     ""},
    {HEAD CAMERA RULES "    continuous: {max_agee: 2d}\n", ":6:", "continuous",
     "did you mean \"max_age\""},
    {HEAD CAMERA RULES "    metadata_only: true\n    continuous: {max_age: 2d}\n",
     ":7:", "continuous", "metadata_only"},
    {HEAD CAMERA RULES "    detect: {fps: fast}\n", ":6:", "detect.fps", "number"},
    {HEAD CAMERA RULES "    detect: {fps: 0}\n", ":6:", "detect.fps", "0.1"},
    {HEAD CAMERA RULES "    detect: {weight: 0}\n", ":6:", "detect.weight", "1"},
    {HEAD CAMERA RULES "    detect: {max_age: soon}\n", ":6:", "detect.max_age", "soon"},
    {HEAD CAMERA RULES "    detect: {treshold: 0.5}\n", ":6:", "detect",
     "did you mean \"threshold\""},
    {HEAD CAMERA RULES "    detect: {model: {labels: x}}\n", ":6:", "detect.model",
     "`path` is missing"},
    {HEAD CAMERA RULES "    start_time: noon\n", ":6:", "start_time", "2026-05-01T12:30:00Z"},
    {HEAD CAMERA RULES "    start_time: 1969-12-31T00:00:00Z\n", ":6:", "start_time", "1970"},
    {HEAD CAMERA RULES "    transport: tcp\n", ":6:", "transport", "rtsp://"},
    {HEAD RTSP RULES "    transport: quic\n", ":6:", "transport", "tcp, udp"},
    {HEAD RTSP RULES "    start_time: 2026-05-01\n", ":6:", "start_time", "files"},
    {HEAD RTSP RULES "    latency: 20\n", ":6:", "latency", "unit"},
    {HEAD CAMERA RULES "    idle: never\n", ":6:", "idle", "auto, keyframes, full"},
    {HEAD CAMERA RULES "    idle: keyframes\n", ":6:", "idle", "motion: {enabled: true}"},
    {HEAD CAMERA RULES "    decoder: gpu\n", ":6:", "decoder", "hardware"},
    {HEAD CAMERA RULES "    max_clip: 10\n", ":6:", "max_clip", "unit"},
    {HEAD CAMERA RULES "    max_clip: 0s\n", ":6:", "max_clip", "1"},
    {HEAD CAMERA RULES "    record: mjpeg\n", ":6:", "record", "copy, h264"},
    {HEAD CAMERA RULES "    decoder: vigilavde\n", ":6:", "decoder", "vigilavdec"},
    {HEAD CAMERA RULES "    zone: {}\n", ":6:", "zone", "did you mean \"zones\""},
    {HEAD CAMERA "    zones: {z: [[0,0],[1,1]]}\n" RULES, ":5:", "zones.z", "at least 3 points"},
    {HEAD CAMERA "    rules: [{name: r, zones: [y]}]\n", ":5:", "rules[0]", "y"},
    {HEAD CAMERA "    rules: [{name: r, dwell: 2}]\n", ":5:", "rules[0].dwell", "unit"},
    {HEAD CAMERA "    rules: [{name: r, min_score: 60}]\n", ":5:", "min_score", "1"},
    {HEAD CAMERA "    rules: [{name: r, record: {pre: 3}}]\n", ":5:", "record.pre", "unit"},
};

START_TEST(test_mistake)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSettings) settings = load(mistakes[_i].text, &error);

    ck_assert_msg(settings == NULL, "taken: %s", mistakes[_i].text);
    ck_assert_int_eq(error->domain, VIGIL_SETTINGS_ERROR);
    ck_assert_int_eq(error->code, VIGIL_SETTINGS_ERROR_WRONG);
    ck_assert_msg(strstr(error->message, "c.yaml") && strstr(error->message, mistakes[_i].line) &&
                      strstr(error->message, mistakes[_i].place) &&
                      strstr(error->message, mistakes[_i].what),
                  "%s\ngave: %s", mistakes[_i].text, error->message);
    ck_assert_ptr_null(strstr(error->message, "Geheim77"));
}
END_TEST

START_TEST(test_all_mistakes_at_once)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSettings) settings = load(
        "stor: {}\n"
        "model: {path: x, threads: none}\n"
        "cameras:\n"
        "  - name: a\n    source: ftp://x\n    transport: 5\n    rules: [{name: r, classs: [x]}]\n"
        "  - name: a\n    source: file:///x\n    decoder: no\n    rules: [{name: r}]\n",
        &error);

    ck_assert_ptr_null(settings);
    ck_assert_uint_eq(count_text(error->message, "c.yaml:"), 7);
    for (guint line = 1; line <= 10; line++) {
        g_autofree gchar *mark = g_strdup_printf("c.yaml:%u:", line);
        const gboolean wrong = line != 3 && line != 4 && line != 9;

        ck_assert_msg((strstr(error->message, mark) != NULL) == wrong, "line %u: %s", line,
                      error->message);
    }
}
END_TEST

START_TEST(test_defaults)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSettings) settings = load(HEAD CAMERA RULES, &error);
    g_autofree gchar *model = g_build_filename(folder, "m.tflite", NULL);
    const VigilCameraSettings *camera;

    ck_assert_msg(settings != NULL, "%s", error ? error->message : "");
    ck_assert_str_eq(settings->store_path, "/var/lib/vigil");
    ck_assert_int_eq(settings->max_bytes, 0);
    ck_assert_int_eq(settings->max_age_ns, 0);
    ck_assert_uint_eq(settings->cameras->len, 1);
    camera = settings->cameras->pdata[0];
    ck_assert_str_eq(camera->model->path, model);
    ck_assert(camera->fps == 0 && camera->threshold < 0);
    ck_assert(camera->weight == 1 && camera->max_age_ns == 1000000000);
    ck_assert_int_eq(camera->transport, VIGIL_TRANSPORT_TCP);
    ck_assert_ptr_null(camera->decoder);
    ck_assert_int_eq(camera->start_time_us, G_MININT64);
    ck_assert_int_eq(camera->latency_ns, 200000000);
    ck_assert_int_eq(camera->max_clip_ns, G_GINT64_CONSTANT(600000000000));
}
END_TEST

/* A word that is no file here is the name of a model. */
START_TEST(test_named_models)
{
    static const struct {
        const gchar *yaml, *name;
    } cases[] = {
        {"model: default\n", "default"},       {"model: {path: default, threads: 2}\n", "default"},
        {"model: {path: tiny}\n", "tiny"},     {"model: yard-2\n", "yard-2"},
        {"model: ./yard-2\n", NULL},           {"model: yard.tflite\n", NULL},
        {"model: {path: yard.vigil}\n", NULL}, {"model: yard.onnx\n", NULL},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree gchar *text = g_strconcat(cases[i].yaml, CAMERA RULES, NULL);
        g_autoptr(GError) error = NULL;
        g_autoptr(VigilSettings) settings = load(text, &error);
        const VigilModelSettings *model;

        ck_assert_msg(settings != NULL, "%s: %s", text, error ? error->message : "");
        model = ((const VigilCameraSettings *)settings->cameras->pdata[0])->model;
        ck_assert_msg(g_strcmp0(model->name, cases[i].name) == 0, "%s", cases[i].yaml);
        ck_assert(cases[i].name ? g_str_equal(model->path, model->name)
                                : g_path_is_absolute(model->path));
        ck_assert_int_eq(model->threads, i == 1 ? 2 : 0);
        ck_assert_int_eq(model->trial_ns, 600 * G_GINT64_CONSTANT(1000000000));
    }
}
END_TEST

static void
check_limits(const VigilSettings *settings)
{
    const gint64 day_us = G_GINT64_CONSTANT(86400000000);
    const VigilStoreOptions options =
        vigil_settings_get_store_options(settings, "events.db", "clips", "test");

    ck_assert_int_eq(options.max_age_us, 30 * day_us);
    ck_assert_int_eq(options.clips_max_age_us, 7 * day_us);
    ck_assert_int_eq(options.min_free_bytes, 1000000000);
    ck_assert_uint_eq(options.n_keep, 2);
    ck_assert_str_eq(options.keep[0].rule, "visitor");
    ck_assert_ptr_null(options.keep[0].label);
    ck_assert_int_eq(options.keep[0].max_age_us, 90 * day_us);
    ck_assert_str_eq(options.keep[1].label, "dog");
    ck_assert_str_eq(options.keep[1].camera, "door");
}

static void
check_door(const VigilCameraSettings *door)
{
    ck_assert_str_eq(door->source->password, "secret");
    ck_assert_int_eq(door->transport, VIGIL_TRANSPORT_UDP);
    ck_assert_int_eq(door->latency_ns, 500000000);
    ck_assert_int_eq(door->max_clip_ns, G_GINT64_CONSTANT(300000000000));
    ck_assert_str_eq(door->decoder, "software");
    ck_assert_int_eq(door->idle, VIGIL_IDLE_FULL);
    ck_assert(door->fps == 5 && door->threshold == 0.5);
    ck_assert(door->weight == 4 && door->max_age_ns == 300000000);
    ck_assert_str_eq(door->model->path, "/other.tflite");
    ck_assert_ptr_null(door->model->labels);
    ck_assert_str_eq(door->masks, "[[[0, 0], [0.200000003, 0], [0.200000003, 0.200000003]], "
                                  "[[0.5, 0], [1, 0], [1, 0.25]]]");
    ck_assert(!door->metadata_only && vigil_camera_settings_records(door));
    ck_assert_uint_eq(door->rules->zones->len, 1);
    ck_assert_uint_eq(door->rules->lines->len, 1);
    ck_assert_uint_eq(door->rules->rules->len, 1);
}

static void
check_desk(const VigilCameraSettings *desk)
{
    ck_assert_int_eq(desk->capture.width, 1280);
    ck_assert_int_eq(desk->capture.height, 720);
    ck_assert(desk->capture.fps == 12.5);
    ck_assert_str_eq(desk->capture.format, "mjpeg,raw");
    ck_assert_str_eq(desk->capture.controls, "auto_exposure=Manual Mode,gain=30");
}

static void
check_tape(const VigilCameraSettings *tape)
{
    g_autofree gchar *path = g_build_filename(folder, "tape.mp4", NULL);

    ck_assert_int_eq(tape->idle, VIGIL_IDLE_AUTO);
    ck_assert_ptr_null(tape->masks);
    ck_assert(tape->metadata_only && !vigil_camera_settings_records(tape));
    ck_assert_str_eq(tape->source->location, path);
    ck_assert_int_eq(tape->start_time_us / G_USEC_PER_SEC, 1777629600);
    ck_assert_str_eq(tape->model->labels, "/l.txt");
    ck_assert_int_eq(tape->model->threads, 2);
    ck_assert_int_eq(tape->model->device, VIGIL_DEVICE_CUDA);
    ck_assert_int_eq(tape->model->max_detections, 50);
    ck_assert(tape->model->iou_threshold == 0.6);
}

START_TEST(test_everything)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSettings) settings =
        load("store: {path: data, max_bytes: 20GB, max_age: 30d, clips_max_age: 7d, min_free: 1GB, "
             "keep: [{rule: visitor, max_age: 90d}, {class: dog, camera: door, max_age: 2d}]}\n"
             "model: {path: m.tflite, labels: /l.txt, threads: 2, device: cuda, threshold: 0.4, "
             "iou_threshold: "
             "0.6, max_detections: 50}\n"
             "cameras:\n"
             "  - name: door\n"
             "    source: rtsp://user:secret@10.0.0.5/main\n"
             "    transport: udp\n"
             "    latency: 500ms\n"
             "    max_clip: 5m\n"
             "    decoder: software\n"
             "    idle: full\n"
             "    detect: {fps: 5, weight: 4, max_age: 300ms, threshold: 0.5, model: {path: "
             "/other.tflite}}\n"
             "    motion: {enabled: false}\n"
             "    masks: [[[0.0, 0.0], [0.2, 0.0], [0.2, 0.2]], [[0.5, 0], [1, 0], [1, 0.25]]]\n"
             "    zones: {porch: [[0.1, 0.4], [0.6, 0.4], [0.6, 1.0], [0.1, 1.0]]}\n"
             "    lines: {gate: [[0.2, 0.5], [0.8, 0.5]]}\n"
             "    rules:\n"
             "      - {name: visitor, classes: [person], zones: [porch], min_score: 0.6, dwell: "
             "2s, cooldown: 10s,\n"
             "         record: {pre: 5s, post: 10s}}\n"
             "  - name: desk\n"
             "    source: v4l2:serial=A1\n"
             "    capture: {width: 1280, height: 720, fps: 12.5, format: 'mjpeg,raw', controls: "
             "{auto_exposure: Manual Mode, gain: 30}}\n"
             "    rules: [{name: r}]\n"
             "  - name: tape\n"
             "    source: tape.mp4\n"
             "    start_time: 2026-05-01T12:00:00+02:00\n"
             "    metadata_only: true\n"
             "    masks: []\n"
             "    rules: [{name: r}]\n",
             &error);
    g_autofree gchar *store = g_build_filename(folder, "data", NULL);

    ck_assert_msg(settings != NULL, "%s", error ? error->message : "");
    ck_assert_str_eq(settings->store_path, store);
    ck_assert_int_eq(settings->max_bytes, 20 * G_GINT64_CONSTANT(1000000000));
    ck_assert_int_eq(settings->max_age_ns / 1000000000, 30 * 86400);
    check_limits(settings);
    check_door(settings->cameras->pdata[0]);
    check_desk(settings->cameras->pdata[1]);
    check_tape(settings->cameras->pdata[2]);
}
END_TEST

/* Clips of a camera with masks are made of its decoded frames; without clips one stream is enough. */
START_TEST(test_one_stream_is_enough)
{
    static const struct {
        const gchar *camera, *source;
        gboolean two;
    } cases[] = {
        {"    rules: [{name: r}]\n", "rtsp://h/main", TRUE},
        {"    rules: [{name: r}]\n    masks: [[[0, 0], [0.2, 0], [0.2, 0.2]]]\n", "rtsp://h/main",
         FALSE},
        {"    rules: [{name: r, record: false}]\n", "rtsp://h/sub", FALSE},
        {"    rules: [{name: r, record: false}]\n    masks: [[[0, 0], [0.2, 0], [0.2, 0.2]]]\n",
         "rtsp://h/sub", FALSE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree gchar *text =
            g_strdup_printf(HEAD "cameras:\n  - name: a\n    source: rtsp://h/main\n"
                                 "    detect_source: rtsp://h/sub\n%s",
                            cases[i].camera);
        g_autoptr(GError) error = NULL;
        g_autoptr(VigilSettings) settings = load(text, &error);
        const VigilCameraSettings *camera;

        ck_assert_msg(settings != NULL, "%s", error ? error->message : "");
        camera = settings->cameras->pdata[0];
        ck_assert_str_eq(camera->source->location, cases[i].source);
        ck_assert_int_eq(camera->detect_source != NULL, cases[i].two);
    }
}
END_TEST

/* Each change of a camera is one that a reload sees; the same text again is none. */
START_TEST(test_continuous)
{
    static const gchar text[] = HEAD CAMERA RULES
        "    continuous: {max_age: 2d, max_bytes: 50GB}\n"
        "  - name: b\n    source: file:///b.mp4\n" RULES
        "    continuous: {max_bytes: 1GB, segment: 30s}\n"
        "  - name: c\n    source: file:///c.mp4\n    rules: [{name: r, record: false}]\n";
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSettings) settings = load(text, &error), other = NULL;
    const VigilCameraSettings *first, *second;
    VigilStoreOptions options;

    ck_assert_msg(settings != NULL, "%s", error ? error->message : "");
    first = settings->cameras->pdata[0];
    second = settings->cameras->pdata[1];
    ck_assert(first->continuous.enabled && second->continuous.enabled);
    ck_assert_int_eq(first->continuous.segment_ns / 1000000000, 600);
    ck_assert_int_eq(second->continuous.segment_ns / 1000000000, 30);
    ck_assert(!vigil_camera_settings_records(settings->cameras->pdata[2]));
    options = vigil_settings_get_store_options(settings, "d", "c", "p");
    ck_assert_uint_eq(options.n_footage, 2);
    ck_assert_str_eq(options.footage[0].camera, first->name);
    ck_assert_int_eq(options.footage[0].max_age_us, 2 * 86400 * G_GINT64_CONSTANT(1000000));
    ck_assert_int_eq(options.footage[0].max_bytes, 50 * G_GINT64_CONSTANT(1000000000));
    ck_assert_int_eq(options.footage[1].max_age_us, 0);
    /* other limits are no reason to begin a camera anew, another length is */
    other = load(HEAD CAMERA RULES "    continuous: {max_age: 3d}\n", NULL);
    ck_assert(vigil_camera_settings_equal(first, other->cameras->pdata[0]));
    g_clear_pointer(&other, vigil_settings_free);
    other = load(HEAD CAMERA RULES "    continuous: {max_age: 2d, segment: 1m}\n", NULL);
    ck_assert(!vigil_camera_settings_equal(first, other->cameras->pdata[0]));
}
END_TEST

START_TEST(test_equal)
{
    static const gchar *const others[] = {
        HEAD CAMERA "    rules: [{name: r, dwell: 1s}]\n",
        HEAD CAMERA RULES "    detect: {fps: 2}\n",
        HEAD CAMERA RULES "    detect: {threshold: 0.3}\n",
        HEAD CAMERA RULES "    start_time: 2026-05-01\n",
        HEAD CAMERA RULES "    audio: true\n",
        HEAD CAMERA RULES "    decoder: software\n",
        HEAD CAMERA RULES "    idle: full\n",
        HEAD CAMERA RULES "    motion: {enabled: true}\n",
        HEAD CAMERA RULES "    motion: {enabled: true, regions: true}\n",
        HEAD CAMERA RULES "    motion: {sensitivity: 60}\n",
        HEAD CAMERA RULES "    motion: {masks: [[[0, 0], [1, 0], [1, 1]]]}\n",
        HEAD CAMERA RULES "    masks: [[[0, 0], [1, 0], [1, 1]]]\n",
        HEAD CAMERA RULES "    metadata_only: true\n",
        HEAD CAMERA RULES "    continuous: {max_age: 2d}\n",
        HEAD CAMERA "    zones: {z: [[0,0],[1,0],[1,1]]}\n" RULES,
        HEAD "cameras:\n  - name: a\n    source: file:///y.mp4\n" RULES,
        "model: {path: n.tflite}\n" CAMERA RULES,
        "model: {path: m.tflite, threads: 3}\n" CAMERA RULES,
    };
    g_autoptr(VigilSettings) first = load(HEAD CAMERA RULES, NULL);
    g_autoptr(VigilSettings) same = load("# the same\n" HEAD CAMERA RULES, NULL);
    g_autoptr(VigilSettings) replaced = NULL;

    ck_assert(vigil_camera_settings_equal(first->cameras->pdata[0], same->cameras->pdata[0]));
    for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(VigilSettings) other = load(others[i], &error);

        ck_assert_msg(other != NULL, "%s", error ? error->message : "");
        ck_assert_msg(
            !vigil_camera_settings_equal(first->cameras->pdata[0], other->cameras->pdata[0]),
            "no change seen: %s", others[i]);
    }
    g_free(folder_write(folder, "m.tflite", "%s", "a new model under the old name"));
    replaced = load(HEAD CAMERA RULES, NULL);
    ck_assert(!vigil_camera_settings_equal(first->cameras->pdata[0], replaced->cameras->pdata[0]));
}
END_TEST

START_TEST(test_unreadable)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *path = g_build_filename(folder, "none.yaml", NULL);

    ck_assert_ptr_null(vigil_settings_load(path, &error));
    ck_assert(g_error_matches(error, VIGIL_SETTINGS_ERROR, VIGIL_SETTINGS_ERROR_IO));
    g_clear_error(&error);
    ck_assert_ptr_null(vigil_settings_load(folder, &error));
    ck_assert(error->domain == VIGIL_SETTINGS_ERROR);
}
END_TEST

START_TEST(test_sample)
{
    g_autofree gchar *path =
        g_build_filename(g_getenv("VIGIL_SOURCE_ROOT"), "configs", "vigil.yaml", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSettings) settings = vigil_settings_load(path, &error);

    ck_assert_msg(settings != NULL, "%s", error ? error->message : "");
    ck_assert_uint_ge(settings->cameras->len, 2);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("config");
    TCase *tcase = tcase_create("config");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_mistake, 0, G_N_ELEMENTS(mistakes));
    tcase_add_test(tcase, test_all_mistakes_at_once);
    tcase_add_test(tcase, test_defaults);
    tcase_add_test(tcase, test_named_models);
    tcase_add_test(tcase, test_everything);
    tcase_add_test(tcase, test_one_stream_is_enough);
    tcase_add_test(tcase, test_continuous);
    tcase_add_test(tcase, test_equal);
    tcase_add_test(tcase, test_unreadable);
    tcase_add_test(tcase, test_sample);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
