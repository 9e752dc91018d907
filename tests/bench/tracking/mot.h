/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-types.h"

G_BEGIN_DECLS

/**
 * MotBox: where an object is, or where a tracker says that it is, in one frame.
 * @ignored: of an object that cannot be seen: nobody must find it, and who says where it is says nothing wrong
 */
typedef struct {
    guint64 id;
    VigilBox box;
    gboolean ignored;
} MotBox;

/**
 * MotScores:
 * @n_truth: boxes of objects that are not ignored, over all frames
 * @n_hypotheses: boxes of the tracker, without those that say where an ignored object is
 * @n_misses, @n_false, @n_switches: of CLEAR MOT; a switch also where the object was not found for a while in between
 * @n_fragments: how often an object is found again after frames in which it was there and not found
 * @id_true: boxes that agree under the best assignment of whole trajectories
 * @mota: 1 - (misses + false ones + switches) / truth; may be negative
 * @motp: mean overlap of what was matched
 * @idf1: 2 id_true / (truth + hypotheses)
 */
typedef struct {
    guint n_truth, n_hypotheses;
    guint n_misses, n_false, n_switches, n_fragments;
    guint id_true;
    gdouble mota, motp, idf1;
} MotScores;

/**
 * MotEval:
 *
 * How well a tracker's answer fits the truth, frame by frame; boxes match from an overlap (IoU) of 0.5.
 *
 * CLEAR MOT: an object keeps the hypothesis that it had last, where both have nobody else since and still match; the
 * others are matched by optimal assignment (as many as can be, then the greatest overlap).
 * Source: K. Bernardin, R. Stiefelhagen, Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics,
 * EURASIP Journal on Image and Video Processing, 2008.
 *
 * IDF1: each trajectory of the truth is assigned one of the tracker's at most, so that as many boxes as can be agree.
 * Source: E. Ristani, F. Solera, R. Zou, R. Cucchiara, C. Tomasi, Performance Measures and a Data Set for Multi-Target,
 * Multi-Camera Tracking, ECCV workshops, 2016.
 */
typedef struct MotEval MotEval;

MotEval *mot_eval_new(void);
void mot_eval_free(MotEval *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MotEval, mot_eval_free)

/** mot_eval_add_frame: ids are unique within each of the two arrays. */
void mot_eval_add_frame(MotEval *self, const MotBox *truth, guint n_truth, const MotBox *hypotheses,
                        guint n_hypotheses);

/** mot_eval_break: the next frame belongs to another scene: ids mean somebody else from here on. */
void mot_eval_break(MotEval *self);

/** mot_eval_get_scores: of all frames so far. */
MotScores mot_eval_get_scores(const MotEval *self);

/**
 * mot_assign:
 * @weights: shape [n_rows, n_columns], 0 or more; 0: no pair
 * @columns: (out): for each row its column, or -1
 *
 * Pairs with the greatest sum of weights (Hungarian method).
 *
 * Returns: that sum
 */
gint64 mot_assign(const gint64 *weights, guint n_rows, guint n_columns, gint *columns);

G_END_DECLS
