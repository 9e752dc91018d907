/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile models and packages: 10,000 mutations of small models, of the test data's models and of packages, the same on every
 * run. Each is refused with a reason or loads and runs (the sanitizer builds see what is worse); none takes long or much
 * memory. Then sound files that ask for too much: the refusal says the limit. VIGIL_MUTATIONS multiplies the mutations.
 */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "models/vigil-detector.h"
#include "models/vigil-model-private.h"
#include "models/vigil-package.h"
#include "tests/support/vigil-heap-meter.h"
#include "tests/support/vigil-mutate.h"
#include "tests/support/vigil-spot-model.h"
#include "tests/support/vigil-test-data.h"
#include "tests/support/vigil-tflite-writer.h"
#include "tests/support/vigil-tiny-models.h"
#include "tests/support/vigil-tiny-package.h"

#define TINY_MUTATIONS 650
#define SPOT_MUTATIONS 1250
#define PACKAGE_MUTATIONS 1500
#define MEGABYTE ((gsize)1 << 20)
/*
 * What a file may take: some times its own size, and what the limits allow beside it, which is tables and packed weights. Sessions
 * are made of models with a small arena only.
 */
#define SIZE_FACTOR 8
#define SLACK_BYTES (VIGIL_MAX_WEIGHT_BYTES + 48 * MEGABYTE)
/* CPU time of one attempt; sanitizers and emulators are slow, and what hangs takes much longer. */
#define MOST_SECONDS 20.0
/* The structure of a model lies at its end, before it the weights. */
#define STRUCTURE_BYTES 40000u
#define MAX_MACS 20000000u

static const struct {
    const gchar *name;
    guint mutations;
} real_models[] = {
    {"blazeface_128_int8", 250},
    {"person_detect", 200},
    {"mlperf_vww_96_int8", 200},
    {"coral_mobilenet_v1_0.25_128_quant", 100},
    {"mobilenet_v1_0.5_128_quant", 30},
    {"yolov5n-int8", 10},
    {"yolov8n_int8_224", 10},
    {"yolov8n_full_integer_quant_416", 10},
    {"yolov8n_integer_quant_416", 10},
    {"mobilenet_v2_1.0_224_int8_per_tensor", 10},
    {"st_ssd_mobilenet_v2_fpnlite_100_256_int8", 10},
    {"ssd_mobilenet_v1_coco_quant_300", 10},
};

/* What became of a series of attempts. */
typedef struct {
    guint attempts, loaded;
    gsize peak;
    gdouble seconds;
    gdouble begin;
} Tally;

static guint
multiplied(guint n)
{
    const gchar *factor = g_getenv("VIGIL_MUTATIONS");

    return n * (factor != NULL ? (guint)MAX(atoi(factor), 1) : 1);
}

static gdouble
cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (gdouble)now.tv_sec + (gdouble)now.tv_nsec / 1e9;
}

static void
begin_attempt(Tally *tally)
{
    vigil_heap_meter_start();
    tally->begin = cpu_seconds();
}

/* @size: of the file */
static void
end_attempt(Tally *tally, gsize size, gboolean loaded)
{
    const gdouble seconds = cpu_seconds() - tally->begin;
    const gsize peak = vigil_heap_meter_get_peak();

    tally->attempts++;
    tally->loaded += loaded ? 1 : 0;
    tally->peak = MAX(tally->peak, peak);
    tally->seconds = MAX(tally->seconds, seconds);
    ck_assert_msg(peak <= SLACK_BYTES + SIZE_FACTOR * size,
                  "attempt %u: a file of %" G_GSIZE_FORMAT " bytes took %" G_GSIZE_FORMAT,
                  tally->attempts, size, peak);
    ck_assert_msg(seconds <= MOST_SECONDS, "attempt %u took %.1f s", tally->attempts, seconds);
}

/* @strict: some load and some do not, or the mutations are none. */
static void
report(const Tally *tally, const gchar *name, gboolean strict)
{
    g_print("%s: %u mutations: %u loaded, %u refused; at most %.1f MB and %.0f ms each\n", name,
            tally->attempts, tally->loaded, tally->attempts - tally->loaded,
            (gdouble)tally->peak / 1e6, tally->seconds * 1e3);
    ck_assert(!strict || (tally->loaded > 0 && tally->loaded < tally->attempts));
}

static void
attack(Tally *tally, GRand *rand, GBytes *model, GBytes *other, gsize from)
{
    gsize size, other_size;
    const guint8 *data = g_bytes_get_data(model, &size);
    const guint8 *other_data = g_bytes_get_data(other, &other_size);
    g_autoptr(GByteArray) bytes =
        vigil_mutate_flatbuffer(rand, data, size, other_data, other_size, from);

    begin_attempt(tally);
    end_attempt(tally, bytes->len, vigil_exercise_model(bytes->data, bytes->len));
}

START_TEST(test_tiny_models)
{
    const guint index = (guint)_i;
    GRand *rand = g_rand_new_with_seed(1000 + index);
    g_autoptr(GBytes) model = vigil_tiny_model(index);
    Tally tally = {0};

    for (guint i = 0; i < multiplied(TINY_MUTATIONS); i++) {
        g_autoptr(GBytes) other = vigil_tiny_model((index + 1 + i) % VIGIL_N_TINY_MODELS);

        attack(&tally, rand, model, other, 0);
    }
    g_rand_free(rand);
    report(&tally, vigil_tiny_model_name(index), TRUE);
}
END_TEST

START_TEST(test_spot_model)
{
    const VigilSpot spot = {32, 32, VIGIL_SPOT_BRIGHT, 3, 1},
                    large = {64, 48, VIGIL_SPOT_FLOOD, 2, 0};
    GRand *rand = g_rand_new_with_seed(2000);
    g_autoptr(GBytes) model = vigil_spot_model(&spot);
    g_autoptr(GBytes) other = vigil_spot_model(&large);
    Tally tally = {0};

    for (guint i = 0; i < multiplied(SPOT_MUTATIONS); i++)
        attack(&tally, rand, model, other, 0);
    g_rand_free(rand);
    report(&tally, "spot", TRUE);
}
END_TEST

START_TEST(test_real_models)
{
    g_autofree gchar *relative = g_strdup_printf("models/%s.tflite", real_models[_i].name);
    g_autofree gchar *path = vigil_test_data_path(relative);
    g_autoptr(GBytes) model = NULL, other = vigil_tiny_model((guint)_i % VIGIL_N_TINY_MODELS);
    GRand *rand;
    gchar *content;
    gsize size;
    Tally tally = {0};

    if (!path)
        return;
    ck_assert(g_file_get_contents(path, &content, &size, NULL));
    model = g_bytes_new_take(content, size);
    rand = g_rand_new_with_seed(3000 + (guint32)_i);
    for (guint i = 0; i < multiplied(real_models[_i].mutations); i++)
        attack(&tally, rand, model, other,
               i % 5 == 4 ? 0 : size - MIN(size, (gsize)STRUCTURE_BYTES));
    g_rand_free(rand);
    report(&tally, real_models[_i].name, FALSE);
}
END_TEST

/* --- packages ---------------------------------------------------------------------------------------------------- */

static const gchar manifest[] =
    "[model]\nname = cat\nversion = 1.2\nfile = m.tflite\nlabels = labels.txt\nlicence = CC0-1.0\n"
    "provenance = made\ndecoder = yolov8\ncoordinates = normalised\n"
    "[input]\nresize = letterbox\ncolour = bgr\nmean = 0, 0, 0\nstd = 1\npad = 114\nwidth = 14\n"
    "height = 8\n[detect]\nthreshold = 0.5\niou_threshold = 0.45\nmax_detections = 100\n"
    "[golden]\ninput = image.raw\nboxes = boxes.tsv\n";
static const gchar spot_manifest[] =
    "[model]\nname = spot\nversion = 2\nfile = m.tflite\nlabels = labels.txt\nlicence = CC0-1.0\n"
    "decoder = anchor-free\n[input]\nresize = stretch\n[detect]\nthreshold = 0.1\n"
    "max_detections = 1000\n";
static const gchar other_manifest[] =
    "[model]\nname=other\nfile=image.raw\nlabels=boxes.tsv\ndecoder=ssd-anchors\nsha256=00\n"
    "[input]\nmean=1e6\nstd=0\nwidth=1000000\n[detect]\nmax_detections=1000\n[golden]\n"
    "boxes=labels.txt\n[extra]\nkey=value\n";

static GBytes *
mutate_file(GRand *rand, GBytes *content, gboolean text)
{
    g_autoptr(GBytes) other = vigil_tiny_model(2);
    gsize size, other_size;
    const gchar *data = g_bytes_get_data(content, &size);
    const guint8 *other_data = g_bytes_get_data(other, &other_size);
    g_autofree gchar *line = g_strndup(data, size);
    GByteArray *bytes =
        text ? vigil_mutate_text(rand, line, other_manifest)
             : vigil_mutate_flatbuffer(rand, (const guint8 *)data, size, other_data, other_size, 0);

    return g_byte_array_free_to_bytes(bytes);
}

static void
replace(VigilPackageFiles *files, const gchar *name, GBytes *content)
{
    if (!vigil_package_files_replace(files, name, content, NULL))
        ck_abort_msg("%s cannot be replaced", name);
    g_bytes_unref(content);
}

/* One with golden boxes, and one with heads of another kind. */
static VigilPackageFiles *
make_package(gboolean spot)
{
    static const VigilSpot how = {32, 32, VIGIL_SPOT_BRIGHT, 3, 0};
    VigilPackageFiles *files = vigil_tiny_package("tiny", "1", "card");
    const gchar *text = spot ? spot_manifest : manifest;

    replace(files, "manifest.ini", g_bytes_new_static(text, strlen(text)));
    if (spot)
        replace(files, "m.tflite", vigil_spot_model(&how));
    return files;
}

/* Whether a run of it is worth the time; what does not load is. */
static gboolean
is_light(GBytes *file)
{
    g_autoptr(VigilModel) model = vigil_model_load_bytes(file, "m.tflite", NULL);
    guint64 macs = 0;

    for (guint i = 0; model && i < vigil_model_get_n_operators(model); i++)
        macs += vigil_model_get_operator_info(model, i).macs;
    return macs <= MAX_MACS;
}

/* Opened as a detector, which runs it on its golden input, and then run on a picture. */
static gboolean
use_package(VigilPackageFiles *files)
{
    guint8 pixels[20 * 10 * 3];
    const VigilImage image = {
        .format = VIGIL_PIXELS_RGB, .width = 20, .height = 10, .planes = {pixels}, .strides = {60}};
    const VigilDetectorOptions options = vigil_detector_options_defaults();
    g_autoptr(VigilDetector) detector = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(VigilSealed) sealed = {.files = vigil_package_files_ref(files)};
    VigilPackage *package = vigil_package_new(&sealed, "hostile.vigil", &error);

    memset(pixels, 0xff, sizeof pixels);
    if (package)
        detector = vigil_detector_open_package(package, &options, &error);
    if (!detector) {
        ck_assert_ptr_nonnull(error);
        ck_assert_int_eq(error->domain, VIGIL_MODEL_ERROR);
        ck_assert_uint_gt(strlen(error->message), 10);
        ck_assert(g_utf8_validate(error->message, -1, NULL));
        return FALSE;
    }
    VigilDetection detections[1000];
    const gint n = vigil_detector_run(detector, &image, -1, detections, G_N_ELEMENTS(detections));

    ck_assert_int_ge(n, 0);
    ck_assert_int_le(n, (gint)vigil_detector_get_max_detections(detector));
    return TRUE;
}

START_TEST(test_packages)
{
    static const gchar *const names[] = {"manifest.ini", "labels.txt", "boxes.tsv", "m.tflite"};
    /* of ten attempts, which file is changed */
    static const guint turns[2][10] = {{0, 0, 0, 0, 0, 0, 0, 1, 2, 3},
                                       {0, 0, 0, 0, 1, 3, 3, 3, 3, 3}};
    GRand *rand = g_rand_new_with_seed(4000 + (guint32)_i);
    Tally tally = {0};

    for (guint i = 0; i < multiplied(PACKAGE_MUTATIONS); i++) {
        const guint which = turns[_i][i % 10];
        g_autoptr(VigilPackageFiles) files = make_package(_i == 1);
        GBytes *changed =
            mutate_file(rand, vigil_package_files_get(files, names[which]), which != 3);
        const gsize size = g_bytes_get_size(changed);

        replace(files, names[which], changed);
        if (!is_light(vigil_package_files_get(files, "m.tflite")))
            continue;
        begin_attempt(&tally);
        end_attempt(&tally, size, use_package(files));
    }
    g_rand_free(rand);
    report(&tally, _i == 1 ? "packages, anchor-free" : "packages, golden", TRUE);
}
END_TEST

/* --- files that are sound and too large -------------------------------------------------------------------------- */

static void
add_operator(VigilTfliteWriter *w, gint32 code, const gint32 *inputs, guint n, gint32 output)
{
    vigil_tflite_writer_operator(w, code, inputs, n, &output, 1);
}

static gint32
add_tensor(VigilTfliteWriter *w, gint32 a, gint32 b, gint32 c, gint32 d)
{
    const gint32 dims[] = {a, b, c, d};

    return vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 4, dims, NULL, 0, 1.0f, 0);
}

/* One tensor of 4 GB. */
static void
make_large_tensor(VigilTfliteWriter *w)
{
    const gint32 in = add_tensor(w, 1, 65536, 65536, 1), out = add_tensor(w, 1, 1, 1, 1);

    add_operator(w, 28, &in, 1, out);
    vigil_tflite_writer_interface(w, &in, 1, &out, 1);
}

/* Many of 256 MB each, which are all there at once. */
static void
make_large_arena(VigilTfliteWriter *w)
{
    gint32 t[12];

    for (guint i = 0; i < G_N_ELEMENTS(t); i++)
        t[i] = add_tensor(w, 1, 16384, 16384, 1);
    for (guint i = 1; i < G_N_ELEMENTS(t); i++)
        add_operator(w, 28, &t[0], 1, t[i]);
    vigil_tflite_writer_interface(w, &t[0], 1, &t[1], G_N_ELEMENTS(t) - 1);
}

/* An image that a resize makes larger than any tensor may be. */
static void
make_large_resize(VigilTfliteWriter *w)
{
    static const gint32 size[] = {60000, 60000};
    const gint32 in = add_tensor(w, 1, 2, 2, 3), out = add_tensor(w, 1, 2, 2, 3);
    const gint32 inputs[] = {in, vigil_tflite_writer_ints(w, size, 2)};

    add_operator(w, 97, inputs, 2, out);
    vigil_tflite_writer_interface(w, &in, 1, &out, 1);
}

/* A convolution whose window has 16 MB: each thread would hold the windows of many pixels. */
static void
make_large_scratch(VigilTfliteWriter *w)
{
    const gint32 dims[] = {1, 4, 4, 1 << 20}, one = 1, none = 0;
    g_autofree gint8 *weights = g_malloc0(16 * MEGABYTE);
    const gint32 in = add_tensor(w, 1, 6, 6, 1 << 20), out = add_tensor(w, 1, 6, 6, 1);
    const gint32 inputs[] = {
        in,
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 4, dims, weights, 16 * MEGABYTE, 0.5f, 0),
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 1, &one, &none, sizeof none, 0.5f, 0)};

    add_operator(w, 3, inputs, 3, out);
    vigil_tflite_writer_option_i8(w, 0, 0);
    vigil_tflite_writer_option_i32(w, 1, 1);
    vigil_tflite_writer_option_i32(w, 2, 1);
    vigil_tflite_writer_interface(w, &in, 1, &out, 1);
}

/* A depthwise convolution of one channel with a window of 4096 by 4096. */
static void
make_large_window(VigilTfliteWriter *w)
{
    const gint32 dims[] = {1, 4096, 4096, 1}, one = 1, none = 0;
    g_autofree gint8 *weights = g_malloc0(16 * MEGABYTE);
    const gint32 in = add_tensor(w, 1, 4096, 4096, 1), out = add_tensor(w, 1, 1, 1, 1);
    const gint32 inputs[] = {
        in,
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 4, dims, weights, 16 * MEGABYTE, 0.5f, 0),
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 1, &one, &none, sizeof none, 0.5f, 0)};

    add_operator(w, 4, inputs, 3, out);
    vigil_tflite_writer_option_i8(w, 0, 1);
    vigil_tflite_writer_option_i32(w, 1, 1);
    vigil_tflite_writer_option_i32(w, 2, 1);
    vigil_tflite_writer_option_i32(w, 3, 1);
    vigil_tflite_writer_interface(w, &in, 1, &out, 1);
}

static const struct {
    const gchar *name;
    void (*make)(VigilTfliteWriter *w);
    gsize limit;  /* what the refusal says; 0: it may load */
    guint factor; /* times the file's size that it may take, beside a little */
} demands[] = {
    {"tensor", make_large_tensor, VIGIL_MAX_TENSOR_BYTES, 1},
    {"arena", make_large_arena, VIGIL_MAX_ARENA_BYTES, 1},
    {"resize", make_large_resize, VIGIL_MAX_TENSOR_BYTES, 1},
    {"scratch", make_large_scratch, VIGIL_MAX_THREAD_BYTES, 64},
    {"window", make_large_window, 0, SIZE_FACTOR},
};

START_TEST(test_demands)
{
    g_autoptr(VigilTfliteWriter) writer = vigil_tflite_writer_new();
    g_autofree gchar *limit = g_strdup_printf("%" G_GSIZE_FORMAT " bytes", demands[_i].limit);
    g_autoptr(GBytes) file = NULL;
    g_autoptr(VigilModel) model = NULL;
    g_autoptr(GError) error = NULL;
    gsize size, peak;

    demands[_i].make(writer);
    file = vigil_tflite_writer_finish(writer);
    size = g_bytes_get_size(file);
    vigil_heap_meter_start();
    model = vigil_model_load_bytes(file, "large.tflite", &error);
    peak = vigil_heap_meter_get_peak();
    g_print("%s: %.1f MB for a file of %.1f MB: %s\n", demands[_i].name, (gdouble)peak / 1e6,
            (gdouble)size / 1e6, error ? error->message : "loaded");
    ck_assert_uint_le(peak, MEGABYTE + demands[_i].factor * size);
    if (demands[_i].limit == 0)
        return;
    ck_assert_msg(!model, "%s loaded", demands[_i].name);
    ck_assert_int_eq(error->code, VIGIL_MODEL_ERROR_TOO_LARGE);
    ck_assert_msg(strstr(error->message, limit) != NULL, "%s", error->message);
}
END_TEST

/* Packed weights, counted over all operators. */
START_TEST(test_weights)
{
    g_autofree gchar *limit = g_strdup_printf("%" G_GSIZE_FORMAT " bytes", VIGIL_MAX_WEIGHT_BYTES);
    g_autoptr(GError) error = NULL;
    gchar name[] = "m.tflite", op[] = "CONV_2D";
    VigilGraph graph = {.name = name, .weight_bytes = VIGIL_MAX_WEIGHT_BYTES - 1000};
    VigilNode node = {.name = op};

    ck_assert_ptr_nonnull(vigil_node_pack(&graph, &node, 1000, &error));
    free(node.packed);
    ck_assert_ptr_null(vigil_node_pack(&graph, &node, 1, &error));
    ck_assert_int_eq(error->code, VIGIL_MODEL_ERROR_TOO_LARGE);
    ck_assert_msg(strstr(error->message, limit) != NULL, "%s", error->message);
}
END_TEST

/* A file that only says that it is large; nothing of it is read. */
START_TEST(test_large_file)
{
    g_autofree gchar *path = NULL;
    g_autofree gchar *limit = g_strdup_printf("%" G_GSIZE_FORMAT, VIGIL_MAX_FILE_BYTES);
    g_autoptr(GError) error = NULL;
    const gint fd = g_file_open_tmp("vigil-test-XXXXXX.tflite", &path, &error);

    g_assert_no_error(error);
    ck_assert_int_eq(ftruncate(fd, (off_t)16 << 30), 0);
    close(fd);
    vigil_heap_meter_start();
    ck_assert_ptr_null(vigil_model_load(path, &error));
    unlink(path);
    ck_assert_uint_le(vigil_heap_meter_get_peak(), MEGABYTE);
    ck_assert_int_eq(error->code, VIGIL_MODEL_ERROR_TOO_LARGE);
    ck_assert_msg(strstr(error->message, limit) != NULL, "%s", error->message);
}
END_TEST

START_TEST(test_meter)
{
    if (!vigil_heap_meter_works())
        g_printerr("SKIP: memory is not counted here\n");
#if defined(__GLIBC__)
    ck_assert(vigil_heap_meter_works());
#endif
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("hostile");
    TCase *tcase = tcase_create("hostile");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 280);
    tcase_add_test(tcase, test_meter);
    tcase_add_loop_test(tcase, test_tiny_models, 0, VIGIL_N_TINY_MODELS);
    tcase_add_test(tcase, test_spot_model);
    tcase_add_loop_test(tcase, test_real_models, 0, G_N_ELEMENTS(real_models));
    tcase_add_loop_test(tcase, test_packages, 0, 2);
    tcase_add_loop_test(tcase, test_demands, 0, G_N_ELEMENTS(demands));
    tcase_add_test(tcase, test_weights);
    tcase_add_test(tcase, test_large_file);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
