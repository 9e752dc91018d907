/* SPDX-License-Identifier: Apache-2.0 */
/* What a surface looks like at a point. */
#pragma once

#include "configs/demo/vec.h"

typedef struct {
    Vec3 albedo;
    Vec3 emission;
    /* share of light mirrored when looked at straight on; 0 is matt */
    float mirror;
    /* metres by which noise roughens the normal's slope */
    float roughness;
} Surface;

/* What covers a block, a patch of ground or a plant. */
typedef enum {
    COVER_PLAIN,
    COVER_ASPHALT,
    COVER_CONCRETE,
    COVER_PAVERS,
    COVER_GRASS,
    COVER_GRAVEL,
    COVER_BRICK,
    COVER_PLASTER,
    COVER_BOARDS,
    COVER_RIDGES,
    COVER_WINDOW,
    COVER_LEAVES,
    COVER_LAMP,
    N_COVERS,
} CoverKind;

typedef struct {
    CoverKind kind;
    Vec3 colour;
} Cover;

/* The surface of a cover at a point of the world; @normal tells walls from roofs. */
Surface cover_surface(const Cover *cover, Vec3 point, Vec3 normal);
