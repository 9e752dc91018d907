/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-detector.h"

#include "models/vigil-detector-private.h"

VigilDetectorOptions
vigil_detector_options_defaults(void)
{
    return (VigilDetectorOptions){.threshold = -1.0f, .iou_threshold = -1.0f};
}

guint
vigil_detector_decode(VigilDetector *self, const VigilMapping *mapping, gfloat threshold,
                      VigilDetection *detections, guint capacity)
{
    gconstpointer data[VIGIL_DETECTOR_MAX_OUTPUTS];
    guint n;

    for (guint i = 0; i < vigil_model_get_n_outputs(self->model); i++)
        data[i] = vigil_session_get_output(self->session, i);
    n = vigil_decoder_run(self->decoder, data, threshold, self->candidates);
    n = vigil_nms(self->candidates, n, self->iou_threshold, self->kept,
                  MIN(capacity, self->max_detections));
    for (guint i = 0; i < n; i++) {
        const VigilCandidate *kept = &self->kept[i];

        detections[i] = (VigilDetection){.box = vigil_mapping_apply(mapping, &kept->box),
                                         .score = kept->score,
                                         .label_id = kept->class_id,
                                         .label = vigil_detector_get_label(self, kept->class_id)};
    }
    return n;
}

gint
vigil_detector_run_crop(VigilDetector *self, const VigilImage *image, const VigilCrop *crop,
                        gfloat threshold, VigilDetection *detections, guint capacity)
{
    VigilMapping mapping;
    gint n = -1;

    g_mutex_lock(&self->lock);
    if (vigil_preprocess_run_crop(self->preprocess, image, crop,
                                  vigil_session_get_input(self->session, 0), &mapping) &&
        vigil_session_run(self->session))
        n = (gint)vigil_detector_decode(self, &mapping, MAX(threshold, self->threshold), detections,
                                        capacity);
    g_mutex_unlock(&self->lock);
    return n;
}

gint
vigil_detector_run(VigilDetector *self, const VigilImage *image, gfloat threshold,
                   VigilDetection *detections, guint capacity)
{
    const VigilCrop whole = {0, 0, image->width, image->height};

    return vigil_detector_run_crop(self, image, &whole, threshold, detections, capacity);
}

void
vigil_detector_get_input_size(const VigilDetector *self, guint *width, guint *height)
{
    vigil_preprocess_get_size(self->preprocess, width, height);
}

const gchar *
vigil_detector_get_device(const VigilDetector *self)
{
    return vigil_model_get_device(self->model);
}

gfloat
vigil_detector_get_threshold(const VigilDetector *self)
{
    return self->threshold;
}

guint
vigil_detector_get_max_detections(const VigilDetector *self)
{
    return self->max_detections;
}

const gchar *
vigil_detector_get_name(const VigilDetector *self)
{
    return self->name;
}

const gchar *
vigil_detector_get_sha256(const VigilDetector *self)
{
    return vigil_model_get_sha256(self->model);
}

VigilModelId
vigil_detector_get_id(const VigilDetector *self)
{
    return (VigilModelId){g_intern_string(vigil_detector_get_name(self)),
                          g_intern_string(vigil_detector_get_sha256(self))};
}

guint
vigil_detector_get_n_labels(const VigilDetector *self)
{
    return self->labels->len;
}

const gchar *
vigil_detector_get_label(const VigilDetector *self, gint32 label_id)
{
    gchar name[32];

    if (label_id >= 0 && (guint)label_id < self->labels->len)
        return self->labels->pdata[label_id];
    g_snprintf(name, sizeof name, "class %d", label_id);
    return g_intern_string(name);
}

void
vigil_detector_free(VigilDetector *self)
{
    g_clear_pointer(&self->decoder, vigil_decoder_free);
    g_clear_pointer(&self->preprocess, vigil_preprocess_free);
    g_clear_pointer(&self->session, vigil_session_free);
    g_clear_pointer(&self->model, vigil_model_unref);
    g_clear_pointer(&self->package, vigil_package_free);
    g_clear_pointer(&self->labels, g_ptr_array_unref);
    g_mutex_clear(&self->lock);
    g_free(self->candidates);
    g_free(self->kept);
    g_free(self->name);
    g_free(self->instance_id);
    g_free(self);
}

/* Shared detectors by id. An entry does not hold a reference: it goes with the last one. */
typedef struct {
    VigilDetector *detector;
    VigilDetectorOptions options;
    gchar *model, *labels;
} Shared;

static GMutex registry_lock;
static GHashTable *registry;

static void
shared_free(gpointer data)
{
    Shared *shared = data;

    g_free(shared->model);
    g_free(shared->labels);
    g_free(shared);
}

static gboolean
same_options(const Shared *shared, const VigilDetectorOptions *options)
{
    return g_strcmp0(shared->model, options->model) == 0 &&
           g_strcmp0(shared->labels, options->labels) == 0 &&
           shared->options.threshold == options->threshold &&
           shared->options.iou_threshold == options->iou_threshold &&
           shared->options.max_detections == options->max_detections &&
           shared->options.threads == options->threads && shared->options.device == options->device;
}

/* A new one, which is what the id stands for from now on. */
static VigilDetector *
open_locked(const gchar *instance_id, const VigilDetectorOptions *options, GError **error)
{
    VigilDetector *self = vigil_detector_open(options, error);
    Shared *shared;

    if (!self)
        return NULL;
    self->instance_id = g_strdup(instance_id);
    shared = g_new0(Shared, 1);
    *shared = (Shared){self, *options, g_strdup(options->model), g_strdup(options->labels)};
    g_hash_table_replace(registry, self->instance_id, shared);
    return self;
}

static Shared *
find_locked(const gchar *instance_id)
{
    if (!registry)
        registry = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, shared_free);
    return g_hash_table_lookup(registry, instance_id);
}

VigilDetector *
vigil_detector_open_shared(const gchar *instance_id, const VigilDetectorOptions *options,
                           GError **error)
{
    VigilDetector *self = NULL;
    const Shared *shared;

    g_mutex_lock(&registry_lock);
    shared = find_locked(instance_id);
    if (!shared)
        self = open_locked(instance_id, options, error);
    else if (same_options(shared, options))
        self = vigil_detector_ref(shared->detector);
    else
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                    "model instance \"%s\" is in use with other options (model %s): use another "
                    "id, or the same "
                    "model, labels, thresholds, threads and device",
                    instance_id, shared->model);
    g_mutex_unlock(&registry_lock);
    return self;
}

VigilDetector *
vigil_detector_replace_shared(const gchar *instance_id, const VigilDetectorOptions *options,
                              const VigilDetector *current, GError **error)
{
    VigilDetector *self;
    const Shared *shared;

    g_mutex_lock(&registry_lock);
    shared = find_locked(instance_id);
    self = shared && shared->detector != current && same_options(shared, options)
               ? vigil_detector_ref(shared->detector)
               : open_locked(instance_id, options, error);
    g_mutex_unlock(&registry_lock);
    return self;
}

VigilDetector *
vigil_detector_ref(VigilDetector *self)
{
    g_atomic_int_inc(&self->refs);
    return self;
}

/* Another one may have taken its id over. */
static void
unregister_locked(VigilDetector *self)
{
    const Shared *shared = registry ? g_hash_table_lookup(registry, self->instance_id) : NULL;

    if (!shared || shared->detector != self)
        return;
    g_hash_table_remove(registry, self->instance_id);
    if (g_hash_table_size(registry) == 0)
        g_clear_pointer(&registry, g_hash_table_unref);
}

void
vigil_detector_unref(VigilDetector *self)
{
    gboolean last;

    if (!self)
        return;
    if (!self->instance_id) {
        last = g_atomic_int_dec_and_test(&self->refs);
    } else {
        /* nobody may find it in the registry between its last reference and its removal */
        g_mutex_lock(&registry_lock);
        last = g_atomic_int_dec_and_test(&self->refs);
        if (last)
            unregister_locked(self);
        g_mutex_unlock(&registry_lock);
    }
    if (last)
        vigil_detector_free(self);
}
