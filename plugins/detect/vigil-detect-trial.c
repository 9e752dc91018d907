/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/detect/vigil-detect-trial.h"

/* Ten minutes make a day. */
#define LONGEST_TIMES 144

struct VigilDetectTrial {
    VigilTrial *trial;
    VigilDetectModel *before;
    VigilTrialVerdict verdict;
    gchar reason[200];
};

static gint64
now_ns(void)
{
    return g_get_monotonic_time() * 1000;
}

static gboolean
has_label(const VigilDetector *detector, const gchar *label)
{
    for (guint i = 0; i < vigil_detector_get_n_labels(detector); i++)
        if (vigil_detector_get_label(detector, (gint32)i) == label)
            return TRUE;
    return FALSE;
}

static GPtrArray *
common_labels(const VigilDetector *a, const VigilDetector *b)
{
    GPtrArray *labels = g_ptr_array_new();

    for (guint i = 0; i < vigil_detector_get_n_labels(a); i++) {
        const gchar *label = vigil_detector_get_label(a, (gint32)i);

        if (has_label(b, label))
            g_ptr_array_add(labels, (gpointer)label);
    }
    return labels;
}

static gfloat
strong_score(const VigilDetectModel *model)
{
    return model->config.trial_score >= 0 ? (gfloat)model->config.trial_score
                                          : vigil_detector_get_threshold(model->detector);
}

VigilDetectTrial *
vigil_detect_trial_new(VigilDetectModel *before, const VigilDetectModel *model)
{
    VigilDetectTrial *self = g_new0(VigilDetectTrial, 1);
    VigilTrialOptions options = vigil_trial_options_defaults();
    g_autoptr(GPtrArray) labels = common_labels(model->detector, before->detector);

    options.duration_ns = (gint64)model->config.trial_ns;
    options.longest_ns = LONGEST_TIMES * options.duration_ns;
    options.min_frames = model->config.trial_frames;
    options.interval_ns = model->config.fps > 0 ? (gint64)(1e9 / model->config.fps) : 0;
    self->before = before;
    self->trial =
        vigil_trial_new(&options, (const gchar *const *)labels->pdata, labels->len, now_ns());
    return self;
}

VigilDetectModel *
vigil_detect_trial_free(VigilDetectTrial *self)
{
    VigilDetectModel *before = self ? self->before : NULL;

    if (self)
        vigil_trial_free(self->trial);
    g_free(self);
    return before;
}

const VigilDetectModel *
vigil_detect_trial_get_before(const VigilDetectTrial *self)
{
    return self->before;
}

void
vigil_detect_trial_look(VigilDetectTrial *self, const VigilDetectModel *model,
                        const VigilImage *image, const VigilCrop *crop, guint n, gint64 took_us)
{
    const gint64 now = now_ns();
    const VigilTrialSide fresh = {model->detections, n, strong_score(model), took_us * 1000};
    VigilTrialSide old = {.detections = self->before->detections,
                          .strong = strong_score(self->before)};
    gint found;

    vigil_trial_add_frame(self->trial, now, fresh.took_ns, TRUE);
    if (!vigil_trial_wants_sample(self->trial, now))
        return;
    found = vigil_detector_run_crop(self->before->detector, image, crop, -1.0f,
                                    self->before->detections, self->before->capacity);
    if (found < 0) /* nothing to compare with */
        return;
    old.n = (guint)found;
    old.took_ns = now_ns() - now;
    vigil_trial_add_sample(self->trial, now, &fresh, &old);
}

void
vigil_detect_trial_fail(VigilDetectTrial *self)
{
    vigil_trial_add_frame(self->trial, now_ns(), 0, FALSE);
}

VigilTrialVerdict
vigil_detect_trial_judge(VigilDetectTrial *self)
{
    self->verdict = vigil_trial_judge(self->trial, now_ns(), self->reason, sizeof self->reason);
    return self->verdict;
}

GstStructure *
vigil_detect_trial_to_structure(const VigilDetectTrial *self, const VigilDetectModel *model)
{
    VigilTrialCounts c;

    vigil_trial_get_counts(self->trial, &c);
    return gst_structure_new("vigildetect-trial", "name", G_TYPE_STRING, model->id.name, "sha256",
                             G_TYPE_STRING, model->id.sha256, "model", G_TYPE_STRING,
                             model->config.model, "before", G_TYPE_STRING, self->before->id.sha256,
                             "verdict", G_TYPE_STRING, vigil_trial_verdict_to_string(self->verdict),
                             "reason", G_TYPE_STRING, self->reason, "frames", G_TYPE_UINT64,
                             c.frames, "errors", G_TYPE_UINT64, c.errors, "samples", G_TYPE_UINT64,
                             c.samples, "old-objects", G_TYPE_UINT64, c.old_objects, "found",
                             G_TYPE_UINT64, c.found, "new-objects", G_TYPE_UINT64, c.new_objects,
                             "old-median", G_TYPE_UINT64, (guint64)c.old_median_ns, "new-median",
                             G_TYPE_UINT64, (guint64)c.new_median_ns, NULL);
}
