/* SPDX-License-Identifier: Apache-2.0 */
/* The model of an element that runs: opened at the start, exchanged between two frames, on trial, taken back. */
#include "models/vigil-model.h"
#include "plugins/detect/gstvigildetect-private.h"

GST_DEBUG_CATEGORY_EXTERN(vigil_detect_debug);
#define GST_CAT_DEFAULT vigil_detect_debug

/* As often as a person or a supervisor would look. */
#define TRIAL_INTERVAL_US G_USEC_PER_SEC

void
gst_vigil_detect_post(GstVigilDetect *self, GstStructure *structure)
{
    gst_element_post_message(GST_ELEMENT(self),
                             gst_message_new_element(GST_OBJECT(self), structure));
}

static void
post_unless_gone(VigilDetectRun *self, GstStructure *structure)
{
    if (g_atomic_int_get(&self->gone))
        gst_structure_free(structure);
    else
        gst_vigil_detect_post(self->element, structure);
}

static void
post_model(VigilDetectRun *self)
{
    const VigilDetectModel *model = self->model;

    GST_INFO_OBJECT(self->element, "model %s (%s)", model->id.name, model->id.sha256);
    post_unless_gone(self,
                     gst_structure_new("vigildetect-model", "name", G_TYPE_STRING, model->id.name,
                                       "sha256", G_TYPE_STRING, model->id.sha256, "labels",
                                       G_TYPE_UINT, vigil_detector_get_n_labels(model->detector),
                                       "model", G_TYPE_STRING, model->config.model, "threshold",
                                       G_TYPE_DOUBLE, model->config.threshold, "trial-score",
                                       G_TYPE_DOUBLE, model->config.trial_score, NULL));
}

static void
post_trial(VigilDetectRun *self)
{
    self->trial_posted_us = g_get_monotonic_time();
    post_unless_gone(self, vigil_detect_trial_to_structure(self->trial, self->model));
}

static VigilDetectModel *
exchange_model(VigilDetectRun *self, VigilDetectModel *model)
{
    VigilDetectModel *old;

    GST_OBJECT_LOCK(self->element);
    old = self->model;
    self->model = model;
    GST_OBJECT_UNLOCK(self->element);
    return old;
}

/* A model that has a trial of its own to pass is compared with the one that passed last, which is there until then. */
void
vigil_detect_run_adopt(VigilDetectRun *self)
{
    VigilDetectModel *model = vigil_detect_loader_take(self->loader), *before;

    if (!model)
        return;
    before = exchange_model(self, model);
    if (self->trial) {
        vigil_detect_loader_bury(self->loader, before);
        before = vigil_detect_trial_free(g_steal_pointer(&self->trial));
    }
    if (model->config.trial_ns > 0 && model->id.sha256 != before->id.sha256)
        self->trial = vigil_detect_trial_new(before, model);
    else
        vigil_detect_loader_bury(self->loader, before);
    self->trial_posted_us = g_get_monotonic_time();
    post_model(self);
}

/* The model of before is back; the properties say so, unless they have been set anew. */
static void
go_back(VigilDetectRun *self, VigilDetectModel *before)
{
    GstVigilDetect *element = self->element;
    VigilDetectModel *failed = exchange_model(self, before);

    GST_OBJECT_LOCK(element);
    if (element->run == self && !element->wanted &&
        g_strcmp0(element->config.model, failed->config.model) == 0)
        gst_vigil_detect_config_take_model(&element->config, &before->config);
    GST_OBJECT_UNLOCK(element);
    vigil_detect_loader_bury(self->loader, failed);
    post_model(self);
}

void
vigil_detect_run_judge(VigilDetectRun *self)
{
    const VigilTrialVerdict verdict = vigil_detect_trial_judge(self->trial);
    VigilDetectModel *before;

    if (verdict != VIGIL_TRIAL_PENDING ||
        g_get_monotonic_time() - self->trial_posted_us >= TRIAL_INTERVAL_US)
        post_trial(self);
    if (verdict == VIGIL_TRIAL_PENDING)
        return;
    before = vigil_detect_trial_free(g_steal_pointer(&self->trial));
    if (verdict == VIGIL_TRIAL_HEALTHY)
        vigil_detect_loader_bury(self->loader, before);
    else
        go_back(self, before);
}

/* The properties say again what is in use, unless they have been set anew. */
static void
refuse_model(GstElement *element, const GstVigilDetectConfig *config, const GError *error,
             gboolean latest)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(element);

    GST_OBJECT_LOCK(self);
    if (latest && self->run && !self->wanted)
        gst_vigil_detect_config_take_model(&self->config, &self->run->model->config);
    GST_OBJECT_UNLOCK(self);
    gst_vigil_detect_post(self, gst_structure_new("vigildetect-refused", "model", G_TYPE_STRING,
                                                  GST_STR_NULL(config->model), "reason",
                                                  G_TYPE_STRING, error->message, NULL));
    GST_ELEMENT_WARNING(
        self, RESOURCE, SETTINGS, ("The model stays as it was: %s", error->message),
        ("model=%s labels=%s", GST_STR_NULL(config->model), GST_STR_NULL(config->labels)));
}

void
gst_vigil_detect_request_model(GstVigilDetect *self)
{
    GstVigilDetectConfig config = {0};

    GST_OBJECT_LOCK(self);
    if (self->wanted && self->run) {
        self->wanted = FALSE;
        config = gst_vigil_detect_config_copy(&self->config);
        vigil_detect_loader_request(self->run->loader, &config, self->run->model->detector);
    }
    GST_OBJECT_UNLOCK(self);
}

static void
post_open_error(GstVigilDetect *self, const GstVigilDetectConfig *config, const GError *error)
{
    if (g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO))
        GST_ELEMENT_ERROR(
            self, RESOURCE, OPEN_READ, ("%s", error->message),
            ("model=%s labels=%s", GST_STR_NULL(config->model), GST_STR_NULL(config->labels)));
    else
        GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("%s", error->message),
                          ("model=%s labels=%s model-instance-id=%s", GST_STR_NULL(config->model),
                           GST_STR_NULL(config->labels), GST_STR_NULL(config->instance_id)));
}

VigilDetectRun *
vigil_detect_run_open(GstVigilDetect *self)
{
    GstVigilDetectConfig config;
    VigilDetectModel *model;
    VigilDetectRun *run = NULL;
    g_autoptr(GError) error = NULL;

    GST_OBJECT_LOCK(self);
    config = gst_vigil_detect_config_copy(&self->config);
    self->wanted = FALSE;
    GST_OBJECT_UNLOCK(self);
    model = vigil_detect_model_open(&config, NULL, &error);
    if (model) {
        run = g_new0(VigilDetectRun, 1);
        g_mutex_init(&run->lock);
        run->element = gst_object_ref(self);
        run->model = model;
        run->loader = vigil_detect_loader_new(GST_ELEMENT(self), refuse_model);
        post_model(run);
    } else {
        post_open_error(self, &config, error);
    }
    gst_vigil_detect_config_clear(&config);
    return run;
}

void
vigil_detect_run_free(gpointer user_data)
{
    VigilDetectRun *self = user_data;

    vigil_detect_loader_free(self->loader);
    vigil_detect_model_free(vigil_detect_trial_free(g_steal_pointer(&self->trial)));
    vigil_detect_model_free(self->model);
    vigil_detect_frames_free(self);
    g_mutex_clear(&self->lock);
    gst_object_unref(self->element);
    g_free(self);
}
