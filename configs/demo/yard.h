/* SPDX-License-Identifier: Apache-2.0 */
/* The sample clip: a yard, its camera, and who comes when. */
#pragma once

#include "configs/demo/camera.h"

#define YARD_RATE 10
#define YARD_SECONDS 66
#define YARD_N_CORNERS 4

typedef enum {
    YARD_COURIER,
    YARD_GUEST,
    YARD_OTHER_GUEST,
    YARD_CAR,
    YARD_VAN,
    YARD_N_VISITORS,
} YardVisitor;

/* On the ground; the zone of the demo's rules. */
extern const Vec3 YARD_CORNERS[YARD_N_CORNERS];
extern const char *const YARD_NAMES[YARD_N_VISITORS];

/* Without people and cars. */
void yard_build(World *world, Camera *camera);
/* Puts in place who is there at @seconds; @visitors: who that is, people first, as Hit.object counts. */
int yard_populate(World *world, float seconds, YardVisitor *visitors);
