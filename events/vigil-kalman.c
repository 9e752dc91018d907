/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-kalman.h"

#include <math.h>

/* In parts of the box's size (mean of width and height). Detectors of 8 bits jitter by about 5 % of the box; people and
 * cars change their speed by up to about two of their sizes a second each second. */
#define MEASUREMENT 0.05
#define ACCELERATION 2.0
#define FIRST_SPEED 3.0       /* spread of the speed of a box seen once, sizes a second */
#define SIZE_ACCELERATION 0.3 /* sizes change slowly: through perspective only */
#define SIZE_FIRST_SPEED 0.3
#define SIZE_SPEED_DECAY \
    0.5 /* seconds: the growth of a lost box dies out, or it would soon fill the frame */
#define SMALLEST \
    0.002 /* of the frame: below a pixel or two there is nothing to scale noises with */

static gdouble
scale_of(const VigilKalman *self)
{
    return MAX(0.5 * (self->width.position + self->height.position), SMALLEST);
}

static void
axis_init(VigilKalmanAxis *axis, gdouble position, gdouble noise, gdouble speed_noise)
{
    *axis = (VigilKalmanAxis){
        .position = position, .p_pp = noise * noise, .p_ss = speed_noise * speed_noise};
}

static void
axis_predict(VigilKalmanAxis *axis, gdouble dt, gdouble acceleration)
{
    const gdouble q = acceleration * acceleration;

    axis->position += axis->speed * dt;
    axis->p_pp += dt * (2.0 * axis->p_ps + dt * axis->p_ss) + q * dt * dt * dt * dt / 4.0;
    axis->p_ps += dt * axis->p_ss + q * dt * dt * dt / 2.0;
    axis->p_ss += q * dt * dt;
}

static void
axis_correct(VigilKalmanAxis *axis, gdouble measured, gdouble noise)
{
    const gdouble innovation = measured - axis->position;
    const gdouble total = axis->p_pp + noise * noise;
    const gdouble gain_p = axis->p_pp / total;
    const gdouble gain_s = axis->p_ps / total;

    axis->position += gain_p * innovation;
    axis->speed += gain_s * innovation;
    axis->p_ss -= gain_s * axis->p_ps;
    axis->p_ps -= gain_p * axis->p_ps;
    axis->p_pp -= gain_p * axis->p_pp;
}

void
vigil_kalman_init(VigilKalman *self, const VigilBox *box)
{
    const gdouble width = MAX((gdouble)box->x1 - box->x0, SMALLEST);
    const gdouble height = MAX((gdouble)box->y1 - box->y0, SMALLEST);
    const gdouble scale = 0.5 * (width + height);

    axis_init(&self->x, 0.5 * ((gdouble)box->x0 + box->x1), MEASUREMENT * scale,
              FIRST_SPEED * scale);
    axis_init(&self->y, 0.5 * ((gdouble)box->y0 + box->y1), MEASUREMENT * scale,
              FIRST_SPEED * scale);
    axis_init(&self->width, width, MEASUREMENT * scale, SIZE_FIRST_SPEED * scale);
    axis_init(&self->height, height, MEASUREMENT * scale, SIZE_FIRST_SPEED * scale);
}

void
vigil_kalman_predict(VigilKalman *self, gdouble dt)
{
    const gdouble scale = scale_of(self);
    const gdouble decay = exp(-dt / SIZE_SPEED_DECAY);

    axis_predict(&self->x, dt, ACCELERATION * scale);
    axis_predict(&self->y, dt, ACCELERATION * scale);
    axis_predict(&self->width, dt, SIZE_ACCELERATION * scale);
    axis_predict(&self->height, dt, SIZE_ACCELERATION * scale);
    self->width.speed *= decay;
    self->height.speed *= decay;
    self->width.position = MAX(self->width.position, SMALLEST);
    self->height.position = MAX(self->height.position, SMALLEST);
}

void
vigil_kalman_correct(VigilKalman *self, const VigilBox *box)
{
    const gdouble noise = MEASUREMENT * scale_of(self);

    axis_correct(&self->x, 0.5 * ((gdouble)box->x0 + box->x1), noise);
    axis_correct(&self->y, 0.5 * ((gdouble)box->y0 + box->y1), noise);
    axis_correct(&self->width, (gdouble)box->x1 - box->x0, noise);
    axis_correct(&self->height, (gdouble)box->y1 - box->y0, noise);
    self->width.position = MAX(self->width.position, SMALLEST);
    self->height.position = MAX(self->height.position, SMALLEST);
}

VigilBox
vigil_kalman_get_box(const VigilKalman *self)
{
    return (VigilBox){.x0 = (gfloat)(self->x.position - 0.5 * self->width.position),
                      .y0 = (gfloat)(self->y.position - 0.5 * self->height.position),
                      .x1 = (gfloat)(self->x.position + 0.5 * self->width.position),
                      .y1 = (gfloat)(self->y.position + 0.5 * self->height.position)};
}
