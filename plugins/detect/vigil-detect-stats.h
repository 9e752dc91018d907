/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

#include "events/vigil-outcome.h"
#include "models/vigil-core.h"

G_BEGIN_DECLS

/**
 * VigilDetectStats:
 * @outcomes: frames by what became of them
 * @late: of those skipped for load, that came too late
 * @parts: of those inferred, of which a part was looked at
 * @detections: attached in all
 * @inferences: of which times are known
 * @last_us: time of the latest inference with preprocessing and box decoding, microseconds
 * @sum_us: of all
 * @max_us: longest
 *
 * Counters of one detector element; zeroed to begin with.
 */
typedef struct {
    guint64 outcomes[VIGIL_N_OUTCOMES];
    guint64 late;
    guint64 parts;
    guint64 detections;
    guint64 inferences;
    gint64 last_us, sum_us, max_us;
} VigilDetectStats;

static inline void
vigil_detect_stats_add_inference(VigilDetectStats *self, gint64 took_us, guint n_detections)
{
    self->inferences++;
    self->detections += n_detections;
    self->last_us = took_us;
    self->sum_us += took_us;
    self->max_us = MAX(self->max_us, took_us);
}

/* `NAME-p50`, `-p95` and `-p99`. */
static inline void
vigil_detect_stats_add_histogram(GstStructure *structure, const gchar *name,
                                 const VigilHistogram *histogram)
{
    static const guint percents[] = {50, 95, 99};

    for (guint i = 0; i < G_N_ELEMENTS(percents); i++) {
        const gint64 ns = vigil_histogram_get(histogram, percents[i] / 100.0);
        gchar field[64];

        g_snprintf(field, sizeof field, "%s-p%u", name, percents[i]);
        gst_structure_set(structure, field, G_TYPE_UINT64, (guint64)ns, NULL);
    }
}

/**
 * vigil_detect_stats_to_structure:
 * @core: of the element's stream
 *
 * Returns: (transfer full): "vigildetect-stats" with, all of them guint64, `frames`, one field for each outcome by its
 *   name (inferred, skipped-rate, …); of those inferred `inferred-part`, of which a part was looked at; of those skipped for load `late`, `superseded` and `too-old`; `detections`;
 *   in ns `inference-time-last`, `-mean` and `-max`, and `-p50`, `-p95` and `-p99` (these with the trial's share), and
 *   `queue-age-p50`, `-p95`, `-p99` and `-max`: age of frames when their inference began
 */
static inline GstStructure *
vigil_detect_stats_to_structure(const VigilDetectStats *self, const VigilCoreStats *core)
{
    const guint64 mean_us = self->inferences ? self->sum_us / self->inferences : 0;
    GstStructure *structure = gst_structure_new_empty("vigildetect-stats");
    guint64 frames = 0;

    for (guint i = 0; i < VIGIL_N_OUTCOMES; i++) {
        frames += self->outcomes[i];
        gst_structure_set(structure, vigil_outcome_to_string(i), G_TYPE_UINT64, self->outcomes[i],
                          NULL);
    }
    gst_structure_set(structure, "frames", G_TYPE_UINT64, frames, "late", G_TYPE_UINT64, self->late,
                      "superseded", G_TYPE_UINT64, core->outcomes[VIGIL_CORE_SUPERSEDED], "too-old",
                      G_TYPE_UINT64, core->outcomes[VIGIL_CORE_TOO_OLD], "inferred-part",
                      G_TYPE_UINT64, self->parts, "detections", G_TYPE_UINT64, self->detections,
                      "inference-time-last", G_TYPE_UINT64, (guint64)self->last_us * 1000,
                      "inference-time-mean", G_TYPE_UINT64, mean_us * 1000, "inference-time-max",
                      G_TYPE_UINT64, (guint64)self->max_us * 1000, "queue-age-max", G_TYPE_UINT64,
                      (guint64)MAX(core->queue_age.max_ns, 0), NULL);
    vigil_detect_stats_add_histogram(structure, "inference-time", &core->inference);
    vigil_detect_stats_add_histogram(structure, "queue-age", &core->queue_age);
    return structure;
}

G_END_DECLS
