/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/detect/vigil-detect-loader.h"

#include "plugins/common/gstvigilmeta.h"

/* More cannot wait: the one in use, the one of before, and one that is given up at the same time. */
#define MAX_BURIED 8

struct VigilDetectLoader {
    gatomicrefcount refs; /* the owner, the thread */
    VigilDetectRefused refused;
    VigilDetectModel *ready; /* atomic */

    GMutex lock;
    GCond wake;
    GstElement *element; /* NULL: the owner is gone */
    gboolean has_thread;
    gboolean asked;
    GstVigilDetectConfig config;
    VigilDetector *current;
    VigilDetectModel *buried[MAX_BURIED];
    guint n_buried;
};

VigilDetectModel *
vigil_detect_model_open(const GstVigilDetectConfig *config, VigilDetector *current, GError **error)
{
    VigilDetector *detector = gst_vigil_detect_config_open(config, current, error);
    VigilDetectModel *self;

    if (!detector)
        return NULL;
    self = g_new0(VigilDetectModel, 1);
    self->detector = detector;
    self->id = vigil_detector_get_id(detector);
    self->config = gst_vigil_detect_config_copy(config);
    self->capacity = MIN(vigil_detector_get_max_detections(detector), GST_VIGIL_MAX_DETECTIONS);
    self->detections = g_new0(VigilDetection, self->capacity);
    return self;
}

void
vigil_detect_model_free(VigilDetectModel *self)
{
    if (!self)
        return;
    vigil_detector_unref(self->detector);
    gst_vigil_detect_config_clear(&self->config);
    g_free(self->detections);
    g_free(self);
}

static void
loader_unref(VigilDetectLoader *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    vigil_detect_model_free(self->ready);
    for (guint i = 0; i < self->n_buried; i++)
        vigil_detect_model_free(self->buried[i]);
    gst_vigil_detect_config_clear(&self->config);
    g_clear_pointer(&self->current, vigil_detector_unref);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->wake);
    g_free(self);
}

static VigilDetectModel *
exchange_ready(VigilDetectLoader *self, VigilDetectModel *model)
{
    VigilDetectModel *old;

    do
        old = g_atomic_pointer_get(&self->ready);
    while (!g_atomic_pointer_compare_and_exchange(&self->ready, old, model));
    return old;
}

/* Without the lock, which the streaming thread takes when it buries a model. */
static void
open_one(VigilDetectLoader *self, const GstVigilDetectConfig *config, VigilDetector *current)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilDetectModel) model = vigil_detect_model_open(config, current, &error);
    g_autoptr(GstElement) element = NULL;
    gboolean latest;

    g_mutex_lock(&self->lock);
    latest = !self->asked;
    element = self->element ? gst_object_ref(self->element) : NULL;
    g_mutex_unlock(&self->lock);
    if (!element)
        return;
    if (!model)
        self->refused(element, config, error, latest);
    else if (latest)
        vigil_detect_model_free(exchange_ready(self, g_steal_pointer(&model)));
}

static void
free_buried(VigilDetectLoader *self)
{
    VigilDetectModel *models[MAX_BURIED];
    const guint n = self->n_buried;

    memcpy(models, self->buried, n * sizeof models[0]);
    self->n_buried = 0;
    g_mutex_unlock(&self->lock);
    for (guint i = 0; i < n; i++)
        vigil_detect_model_free(models[i]);
    g_mutex_lock(&self->lock);
}

static gpointer
run_thread(gpointer user_data)
{
    VigilDetectLoader *self = user_data;

    g_mutex_lock(&self->lock);
    while (self->element) {
        if (self->n_buried > 0) {
            free_buried(self);
        } else if (self->asked) {
            GstVigilDetectConfig config = self->config;
            VigilDetector *current = g_steal_pointer(&self->current);

            self->config = (GstVigilDetectConfig){0};
            self->asked = FALSE;
            g_mutex_unlock(&self->lock);
            open_one(self, &config, current);
            vigil_detector_unref(current);
            gst_vigil_detect_config_clear(&config);
            g_mutex_lock(&self->lock);
        } else {
            g_cond_wait(&self->wake, &self->lock);
        }
    }
    g_mutex_unlock(&self->lock);
    loader_unref(self);
    return NULL;
}

VigilDetectLoader *
vigil_detect_loader_new(GstElement *element, VigilDetectRefused refused)
{
    VigilDetectLoader *self = g_new0(VigilDetectLoader, 1);

    g_atomic_ref_count_init(&self->refs);
    g_mutex_init(&self->lock);
    g_cond_init(&self->wake);
    self->element = element;
    self->refused = refused;
    return self;
}

void
vigil_detect_loader_free(VigilDetectLoader *self)
{
    if (!self)
        return;
    g_mutex_lock(&self->lock);
    self->element = NULL;
    g_cond_signal(&self->wake);
    g_mutex_unlock(&self->lock);
    loader_unref(self);
}

void
vigil_detect_loader_request(VigilDetectLoader *self, GstVigilDetectConfig *config,
                            VigilDetector *current)
{
    g_mutex_lock(&self->lock);
    gst_vigil_detect_config_clear(&self->config);
    self->config = *config;
    *config = (GstVigilDetectConfig){0};
    vigil_detector_unref(self->current);
    self->current = vigil_detector_ref(current);
    self->asked = TRUE;
    if (!self->has_thread) {
        self->has_thread = TRUE;
        g_atomic_ref_count_inc(&self->refs);
        g_thread_unref(g_thread_new("vigil-loader", run_thread, self));
    }
    g_cond_signal(&self->wake);
    g_mutex_unlock(&self->lock);
}

VigilDetectModel *
vigil_detect_loader_take(VigilDetectLoader *self)
{
    return g_atomic_pointer_get(&self->ready) ? exchange_ready(self, NULL) : NULL;
}

void
vigil_detect_loader_bury(VigilDetectLoader *self, VigilDetectModel *model)
{
    g_mutex_lock(&self->lock);
    if (model && self->n_buried < MAX_BURIED)
        self->buried[self->n_buried++] = g_steal_pointer(&model);
    g_cond_signal(&self->wake);
    g_mutex_unlock(&self->lock);
    vigil_detect_model_free(model);
}
