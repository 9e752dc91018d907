/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-types.h"

G_BEGIN_DECLS

/** VigilKalmanAxis: one coordinate and its speed, with their covariance. */
typedef struct {
    gdouble position, speed;  /* parts of the frame; … a second */
    gdouble p_pp, p_ps, p_ss; /* covariance: symmetric 2×2 */
} VigilKalmanAxis;

/**
 * VigilKalman:
 *
 * Where a box is and how it moves: centre and size, each with constant speed and white acceleration, one 2-state filter
 * a coordinate (the noises are independent, so this equals the 8-state filter of SORT and ByteTrack). Time steps are
 * the real ones between frames, in seconds, so that skipped frames do no harm. All noises scale with the box's size.
 */
typedef struct {
    VigilKalmanAxis x, y; /* centre */
    VigilKalmanAxis width, height;
} VigilKalman;

void vigil_kalman_init(VigilKalman *self, const VigilBox *box);
/** vigil_kalman_predict: moves on by @dt seconds, 0 or more. */
void vigil_kalman_predict(VigilKalman *self, gdouble dt);
/** vigil_kalman_correct: takes in a measured box. */
void vigil_kalman_correct(VigilKalman *self, const VigilBox *box);
VigilBox vigil_kalman_get_box(const VigilKalman *self);

G_END_DECLS
