/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "models/kernels/vigil-kernel-postprocess-private.h"
#include "models/vigil-detector-private.h"
#include "models/vigil-labels-private.h"
#include "models/vigil-model-private.h"

#define DEFAULT_THRESHOLD 0.5f
#define DEFAULT_IOU_THRESHOLD 0.45f
#define DEFAULT_MAX_DETECTIONS 100
#define MOST_DETECTIONS 1000

static VigilModel *
load_packaged(const VigilPackage *package, const VigilModelOptions *options, GError **error)
{
    g_autofree gchar *name = g_path_get_basename(package->model_path);
    g_autoptr(GBytes) bytes =
        vigil_package_read(package, package->model_path, VIGIL_MAX_FILE_BYTES, error);

    if (bytes)
        return vigil_model_load_bytes_with(bytes, name, options, error);
    g_prefix_error(error, "cannot read the model ");
    return NULL;
}

/* The model of the package, where there is one, else that of the options. */
static gboolean
load_model(VigilDetector *self, const VigilDetectorOptions *options, GError **error)
{
    const gchar *path = self->package ? self->package->model_path : options->model;
    const VigilModelOptions how = {
        .device = options->device,
        .threads = options->threads,
        .input_width = self->package ? self->package->input_width : 0,
        .input_height = self->package ? self->package->input_height : 0,
    };

    self->name = self->package ? g_strdup(self->package->name) : g_path_get_basename(path);
    self->model = self->package ? load_packaged(self->package, &how, error)
                                : vigil_model_load_with(path, &how, error);
    if (!self->model)
        return FALSE;
    if (self->package && self->package->sha256 &&
        !g_str_equal(self->package->sha256, vigil_model_get_sha256(self->model))) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                    "%s: not the file that the manifest names: its SHA-256 is %s", path,
                    vigil_model_get_sha256(self->model));
        return FALSE;
    }
    if (vigil_model_get_n_inputs(self->model) == 1)
        return TRUE;
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                "%s: a detector takes one image, this model takes %u inputs", path,
                vigil_model_get_n_inputs(self->model));
    return FALSE;
}

/* What the package says, else the defaults. */
static void
set_limits(VigilDetector *self)
{
    const VigilPackage *package = self->package;

    self->threshold = DEFAULT_THRESHOLD;
    self->iou_threshold = DEFAULT_IOU_THRESHOLD;
    self->max_detections = DEFAULT_MAX_DETECTIONS;
    if (package && package->threshold >= 0)
        self->threshold = package->threshold;
    if (package && package->iou_threshold >= 0)
        self->iou_threshold = package->iou_threshold;
    if (package && package->max_detections > 0)
        self->max_detections = package->max_detections;
}

/* What the makers of a kind of detector feed it with, where no manifest says otherwise. */
static void
set_usual_input(VigilPreprocessOptions *options, VigilDecoderKind kind, gboolean floats,
                gboolean rgb, const VigilPackage *package)
{
    const gboolean plain = floats && !options->normalise;
    const gboolean coloured = package && package->has_colour;

    if (kind == VIGIL_DECODER_SSD_POSTPROCESS || kind == VIGIL_DECODER_SSD_ANCHORS)
        return;
    if (!(package && package->has_resize))
        options->resize = VIGIL_RESIZE_LETTERBOX;
    if (kind == VIGIL_DECODER_YOLOX && plain) {
        /* pixels as they are, in OpenCV's order */
        options->normalise = TRUE;
    } else if (kind == VIGIL_DECODER_NANODET && plain) {
        /* ImageNet's, in OpenCV's order */
        const gfloat mean[] = {103.53f, 116.28f, 123.675f}, std[] = {57.375f, 57.12f, 58.395f};

        options->normalise = TRUE;
        memcpy(options->mean, mean, sizeof mean);
        memcpy(options->std, std, sizeof std);
    }
    if ((kind == VIGIL_DECODER_YOLOX || kind == VIGIL_DECODER_NANODET) && !coloured && rgb)
        options->colour = VIGIL_COLOUR_BGR;
}

/* The preprocessing and the decoder: what the package says, else what the model's tensors tell. */
static gboolean
set_up_stages(VigilDetector *self, GError **error)
{
    const VigilPackage *package = self->package;
    const VigilTensorInfo *input = vigil_model_get_input_info(self->model, 0);
    VigilPreprocessOptions options =
        package ? package->preprocess : vigil_preprocess_options_defaults();
    const VigilTensorInfo *outputs[VIGIL_DETECTOR_MAX_OUTPUTS + 1];
    guint n_outputs = MIN(vigil_model_get_n_outputs(self->model), VIGIL_DETECTOR_MAX_OUTPUTS + 1);
    VigilInputShape shape = {0};

    for (guint i = 0; i < n_outputs; i++)
        outputs[i] = vigil_model_get_output_info(self->model, i);
    if (vigil_input_shape(input, &shape)) {
        self->decoder =
            vigil_decoder_new(outputs, n_outputs, package ? package->decoder : VIGIL_DECODER_GUESS,
                              package ? package->coordinates : VIGIL_COORDINATES_GUESS, shape.width,
                              shape.height, error);
        if (!self->decoder)
            return FALSE;
        set_usual_input(&options, vigil_decoder_get_kind(self->decoder),
                        input->type == VIGIL_TENSOR_FLOAT32, shape.n_channels == 3, package);
    }
    if (shape.n_channels == 1 && !package)
        options.colour = VIGIL_COLOUR_GRAY;
    self->preprocess = vigil_preprocess_new(input, &options, error); /* refuses what is no image */
    if (!self->preprocess)
        return FALSE;
    self->candidates = g_new(VigilCandidate, vigil_decoder_get_capacity(self->decoder));
    self->kept = g_new(VigilCandidate, MOST_DETECTIONS);
    return TRUE;
}

/* A list in the package, else a file. */
static GPtrArray *
load_labels(const VigilDetector *self, const gchar *path, GError **error)
{
    g_autoptr(GBytes) content = NULL;
    gconstpointer text;
    gsize length;

    if (!self->package || path != self->package->labels_path)
        return vigil_labels_load(path, error);
    content = vigil_package_read(self->package, path, VIGIL_LABELS_MAX_BYTES, error);
    if (!content) {
        g_prefix_error(error, "cannot read the labels ");
        return NULL;
    }
    text = g_bytes_get_data(content, &length);
    return vigil_labels_parse(text ? text : "", length, path, error);
}

/* Of a model that another backend runs. */
static GPtrArray *
find_names(const VigilDetector *self)
{
    gpointer foreign;
    const VigilBackend *backend = vigil_model_get_foreign(self->model, &foreign);
    g_autofree gchar *names = backend->names(foreign);
    g_autofree gchar *text = names ? g_strdup_printf("{\"names\": %s}", names) : NULL;

    return text ? vigil_labels_parse_names(text, strlen(text)) : NULL;
}

/* Labels, from the first place that has them; classes without a name get one. */
static gboolean
set_labels(VigilDetector *self, const gchar *path, GError **error)
{
    guint n_classes = vigil_decoder_get_n_classes(self->decoder);

    GBytes *file = vigil_model_get_file_bytes(self->model);

    if (file && vigil_decoder_get_kind(self->decoder) == VIGIL_DECODER_SSD_POSTPROCESS)
        n_classes = vigil_kernel_postprocess_n_classes(vigil_model_get_graph(self->model));
    g_clear_pointer(&self->labels, g_ptr_array_unref);
    if (path && *path) {
        self->labels = load_labels(self, path, error);
        if (!self->labels || !vigil_labels_fit(self->labels, n_classes, path, error))
            return FALSE;
    } else {
        g_autoptr(GError) why = NULL;

        self->labels = file ? vigil_labels_from_metadata(file, &why) : find_names(self);
        if (why)
            g_info("%s: %s; its classes go by number", self->name, why->message);
        /* a model that has other classes than its outputs is not what its outputs look like */
        if (self->labels &&
            !vigil_labels_fit(self->labels, n_classes, "the list inside the model", error))
            return FALSE;
    }
    if (!self->labels)
        self->labels = g_ptr_array_new();
    if (n_classes > self->labels->len)
        g_ptr_array_set_size(self->labels, (gint)n_classes);
    for (guint i = 0; i < self->labels->len; i++) {
        g_autofree gchar *name = g_strdup_printf("class %u", i);

        if (!self->labels->pdata[i])
            self->labels->pdata[i] = (gpointer)g_intern_string(name);
    }
    return TRUE;
}

/* What was asked for overrules the package, once its golden boxes have come out as it says. */
static gboolean
apply_options(VigilDetector *self, const VigilDetectorOptions *options, GError **error)
{
    if (options->threshold >= 0)
        self->threshold = options->threshold;
    if (options->iou_threshold >= 0)
        self->iou_threshold = options->iou_threshold;
    if (options->max_detections > 0)
        self->max_detections = MIN(options->max_detections, MOST_DETECTIONS);
    return !self->package || !options->labels || set_labels(self, options->labels, error);
}

static gboolean
run_once(VigilDetector *self, GError **error)
{
    if (vigil_session_run(self->session))
        return TRUE;
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                "%s: the model's first inference failed", self->name);
    return FALSE;
}

/* One run on an even gray, where the decoder must see values to know what the outputs are. */
static gboolean
probe(VigilDetector *self, GError **error)
{
    const VigilTensorInfo *input = vigil_model_get_input_info(self->model, 0);
    gpointer data = vigil_session_get_input(self->session, 0);
    gconstpointer outputs[VIGIL_DETECTOR_MAX_OUTPUTS];

    if (!vigil_decoder_needs_probe(self->decoder))
        return TRUE;
    if (input->type == VIGIL_TENSOR_FLOAT32) {
        for (gsize i = 0; i < input->bytes / sizeof(gfloat); i++)
            ((gfloat *)data)[i] = 0.5f;
    } else {
        memset(data, input->type == VIGIL_TENSOR_INT8 ? 0 : 128, input->bytes);
    }
    if (!run_once(self, error))
        return FALSE;
    for (guint i = 0; i < vigil_model_get_n_outputs(self->model); i++)
        outputs[i] = vigil_session_get_output(self->session, i);
    return vigil_decoder_probe(self->decoder, outputs, error);
}

static gboolean
check_golden(VigilDetector *self, GError **error)
{
    const VigilMapping whole = {1, 0, 1, 0};
    const VigilTensorInfo *input = vigil_model_get_input_info(self->model, 0);
    const VigilPackage *package = self->package;
    g_autofree VigilDetection *detections = NULL;
    g_autoptr(GBytes) golden = NULL;
    g_autoptr(GError) why = NULL;
    guint n;

    if (!package || !package->golden_input)
        return TRUE;
    golden = vigil_package_read(package, package->golden_input, input->bytes, &why);
    if (!golden || g_bytes_get_size(golden) != input->bytes) {
        g_set_error(error, VIGIL_MODEL_ERROR,
                    why ? VIGIL_MODEL_ERROR_IO : VIGIL_MODEL_ERROR_INVALID,
                    "%s: the golden input must be readable and as long as the input tensor, "
                    "%" G_GSIZE_FORMAT " bytes%s%s",
                    package->golden_input, input->bytes, why ? ": " : "", why ? why->message : "");
        return FALSE;
    }
    detections = g_new0(VigilDetection, self->max_detections);
    memcpy(vigil_session_get_input(self->session, 0), g_bytes_get_data(golden, NULL), input->bytes);
    if (!run_once(self, error))
        return FALSE;
    n = vigil_detector_decode(self, &whole, self->threshold, detections, self->max_detections);
    if (vigil_package_check_golden(package, detections, n, self->threshold, error))
        return TRUE;
    g_prefix_error(error, "%s: ", self->name);
    return FALSE;
}

VigilDetector *
vigil_detector_open_package(VigilPackage *package, const VigilDetectorOptions *options,
                            GError **error)
{
    g_autoptr(VigilDetector) self = g_new0(VigilDetector, 1);

    self->refs = 1;
    self->package = package;
    g_mutex_init(&self->lock);
    if (!load_model(self, options, error))
        return NULL;
    set_limits(self);
    if (!set_up_stages(self, error)) {
        g_prefix_error(error, "%s: ", self->name);
        return NULL;
    }
    self->session = vigil_session_new(self->model, options->threads, error);
    if (!self->session || !probe(self, error) ||
        !set_labels(self, self->package ? self->package->labels_path : options->labels, error) ||
        !check_golden(self, error) || !apply_options(self, options, error))
        return NULL;
    return g_steal_pointer(&self);
}

VigilDetector *
vigil_detector_open(const VigilDetectorOptions *options, GError **error)
{
    VigilPackage *package = NULL;

    if (!options->model || !*options->model) {
        g_set_error_literal(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO,
                            "no model given: it takes a .tflite or .onnx file or a model package");
        return NULL;
    }
    if (vigil_package_is(options->model)) {
        package = vigil_package_load(options->model, error);
        if (!package)
            return NULL;
    }
    return vigil_detector_open_package(package, options, error);
}
