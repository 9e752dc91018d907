/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in a scene, and where a ray hits it. */
#pragma once

#include "configs/demo/car.h"
#include "configs/demo/person.h"

#define MAX_BLOCKS 400
#define MAX_GROUPS 16
#define MAX_PATCHES 48
#define MAX_TREES 14
#define MAX_PEOPLE 8
#define MAX_CARS 10
#define MAX_LAMPS 8
#define N_BLOBS 26

/* A box along the axes. */
typedef struct {
    Vec3 low, high;
    Cover cover;
} Block;

/* Neighbouring blocks [first, end) within a common box, so that most rays pass them by at once. */
typedef struct {
    int first, end;
    Vec3 low, high;
} Group;

/* A rectangle of the ground; later ones lie over earlier ones. */
typedef struct {
    float x0, z0, x1, z1;
    Cover cover;
} Patch;

/* A ball of leafy balls; the trunk is a block. */
typedef struct {
    Vec3 centre;
    float radius;
    Vec3 blobs[N_BLOBS];
    float blob_radius;
    Cover cover;
} Tree;

typedef struct {
    Vec3 position, colour;
    /* of the lamp itself, for soft shadows */
    float radius;
    /* shines only within the cone around @aim whose cosine is @cone; -1: everywhere */
    Vec3 aim;
    float cone;
} Lamp;

typedef struct {
    Cover ground;
    Patch patches[MAX_PATCHES];
    int n_patches;
    Block blocks[MAX_BLOCKS];
    int n_blocks;
    Group groups[MAX_GROUPS];
    int n_groups;
    Tree trees[MAX_TREES];
    int n_trees;
    Person people[MAX_PEOPLE];
    int n_people;
    Car cars[MAX_CARS];
    int n_cars;
    Lamp lamps[MAX_LAMPS];
    int n_lamps;
    Vec3 sun_direction, sun_colour;
    float sun_spread;
    Vec3 zenith, horizon;
    float clouds;
    uint32_t seed;
} World;

typedef struct {
    Vec3 origin, direction;
} Ray;

#define OBJECT_NONE (-1)

typedef struct {
    float distance;
    Vec3 point, normal;
    /* 0..n_people-1: a person; then the cars; else OBJECT_NONE */
    int object;
    Surface surface;
} Hit;

/* The nearest surface within @limit metres, with what it looks like; FALSE: the sky. @coarse: without the fine texture. */
bool world_hit(const World *self, Ray ray, float limit, bool coarse, Hit *hit);
/* Whether anything is in the way within @limit metres. */
bool world_blocked(const World *self, Ray ray, float limit);
/* The same, by people and cars alone. */
bool world_blocked_by_moving(const World *self, Ray ray, float limit);
Vec3 world_sky(const World *self, Vec3 direction);

void world_add_block(World *self, Vec3 low, Vec3 high, CoverKind kind, Vec3 colour);
/* Makes a group of the blocks from @first on. */
void world_group_blocks(World *self, int first);
void
world_add_patch(World *self, float x0, float z0, float x1, float z1, CoverKind kind, Vec3 colour);
void world_add_tree(World *self, Vec3 foot, float height, Vec3 colour, uint32_t *random);
void world_add_lamp(World *self, Lamp lamp);
