/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/bench/tracking/mot.h"

G_BEGIN_DECLS

#define TRACK_SCENE_MAX 64 /* objects, and detections, of a frame */

/** TrackScript: a kind of scene, of which each seed gives another one. */
typedef struct _TrackScript TrackScript;

const TrackScript *track_script_find(const gchar *name);
/** track_script_at: (nullable): NULL from the end on. */
const TrackScript *track_script_at(guint i);
const gchar *track_script_get_name(const TrackScript *self);

/**
 * TrackScene:
 *
 * Objects that walk and drive over a plane before a camera, pillars and each other, and a detector that misses, jitters, doubts and
 * invents. An object is seen as far as nothing that is nearer (whose feet are lower in the picture) covers it: by less than
 * a quarter: neither found nor asked for (ignored); by less than 0.6: found with a low score or not at all. Of two
 * detections that overlap by more than 0.6 the weaker is dropped, as by a detector's non-maximum suppression. The
 * same script, rate and seed give the same frames.
 */
typedef struct TrackScene TrackScene;

TrackScene *track_scene_new(const TrackScript *script, gdouble fps, guint32 seed);
void track_scene_free(TrackScene *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TrackScene, track_scene_free)

/**
 * track_scene_next:
 * @truth, @detections: (out): room for %TRACK_SCENE_MAX each
 *
 * Returns: %FALSE at the end
 */
gboolean track_scene_next(TrackScene *self, gint64 *time_ns, MotBox *truth, guint *n_truth,
                          VigilDetection *detections, guint *n_detections);

/** TrackScores: what Vigil's tracker and the plain one make of the same frames. */
typedef struct {
    MotScores vigil, plain;
} TrackScores;

/** track_scene_score: over scenes of the seeds 1 … @n_seeds. */
TrackScores track_scene_score(const TrackScript *script, gdouble fps, guint n_seeds);

G_END_DECLS
