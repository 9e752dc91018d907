/* SPDX-License-Identifier: Apache-2.0 */
/* A car or van as a signed distance field. */
#pragma once

#include <stdbool.h>

#include "configs/demo/surface.h"

typedef enum {
    CAR_SEDAN,
    CAR_HATCHBACK,
    CAR_SUV,
    CAR_VAN,
    CAR_BUS,
    N_CAR_KINDS,
} CarKind;

typedef struct {
    CarKind kind;
    /* centre of the car on the ground; yaw 0 drives along +x, growing towards -z */
    Vec3 position;
    float yaw;
    /* 1: as the kind's outline */
    float size;
    Vec3 paint;
    bool lights_on, braking;
    /* turn of the wheels */
    float roll;
    uint32_t seed;
    float yaw_cos, yaw_sin;
} Car;

/* After a change of yaw. */
void car_pose(Car *self);
/* Signed distance in metres from a point of the world. */
float car_distance(const Car *self, Vec3 point);
/* @normal: the surface's there, in the world. */
Surface car_surface(const Car *self, Vec3 point, Vec3 normal);
void car_bounds(const Car *self, Vec3 *low, Vec3 *high);
/* Half of length, height and width. */
Vec3 car_half_size(const Car *self);
Vec3 car_to_local(const Car *self, Vec3 point);
Vec3 car_to_world(const Car *self, Vec3 local);
Car car_random(uint32_t *random);
