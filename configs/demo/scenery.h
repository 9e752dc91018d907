/* SPDX-License-Identifier: Apache-2.0 */
/* Houses, streets, fences: what scenes are put together from. */
#pragma once

#include "configs/demo/world.h"

/* A house with windows and a door towards smaller z, from @low (y is the ground's) to @high, under a roof. */
void
scenery_add_house(World *world, Vec3 low, Vec3 high, CoverKind wall, Vec3 colour, uint32_t *random);
/* A street along x between z0 and z1, with pavements of @walk metres on both sides and a dashed line. */
void scenery_add_street(World *world, float z0, float z1, float walk, uint32_t *random);
/* Boards or a hedge from one corner to the other, along x or z. */
void scenery_add_fence(World *world, float x0, float z0, float x1, float z1, float height,
                       CoverKind kind, Vec3 colour);
void scenery_add_lamp_post(World *world, float x, float z, bool on);
typedef enum {
    LIGHT_SUN,
    LIGHT_OVERCAST,
    LIGHT_DUSK,
    LIGHT_NIGHT,
    N_LIGHTS,
} LightKind;

/* Sun and sky; the sun stands where chance puts it. */
void scenery_set_light(World *world, LightKind kind, uint32_t *random);
