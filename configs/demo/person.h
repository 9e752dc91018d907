/* SPDX-License-Identifier: Apache-2.0 */
/* A walking or standing person as a signed distance field. */
#pragma once

#include <stdbool.h>

#include "configs/demo/surface.h"

typedef enum {
    JOINT_PELVIS,
    JOINT_WAIST,
    JOINT_CHEST,
    JOINT_NECK,
    JOINT_HEAD,
    /* pairs: left, then right */
    JOINT_SHOULDER,
    JOINT_ELBOW = JOINT_SHOULDER + 2,
    JOINT_WRIST = JOINT_ELBOW + 2,
    JOINT_HAND = JOINT_WRIST + 2,
    JOINT_HIP = JOINT_HAND + 2,
    JOINT_KNEE = JOINT_HIP + 2,
    JOINT_ANKLE = JOINT_KNEE + 2,
    JOINT_TOE = JOINT_ANKLE + 2,
    N_JOINTS = JOINT_TOE + 2,
} Joint;

typedef enum {
    PART_SKIN,
    PART_HAIR,
    PART_TOP,
    PART_BOTTOM,
    PART_SHOES,
    PART_BAG,
    N_PARTS,
} Part;

typedef enum {
    PATTERN_PLAIN,
    PATTERN_STRIPES,
    PATTERN_CHECKS,
    PATTERN_OPEN_JACKET,
    PATTERN_PRINT,
    N_PATTERNS,
} Pattern;

typedef struct {
    /* where the person stands (y is the ground's), and looks: 0 along +z, growing towards +x */
    Vec3 position;
    float yaw;
    float height;
    /* 1: slim average */
    float girth;
    /* of the walk, a full turn is two steps; @stride 0 stands, 1 walks with long steps */
    float phase, stride;
    /* of the arms from the body, and of the elbows */
    float arm_spread, elbow_bend;
    Vec3 colours[N_PARTS];
    Vec3 second_colour;
    Pattern pattern;
    bool short_sleeves, shorts, long_coat, cap, backpack, hand_bag, long_hair;
    uint32_t seed;
    /* made by person_pose() */
    Vec3 joints[N_JOINTS];
    float unit, yaw_cos, yaw_sin;
} Person;

/* Puts the joints where phase, stride and arms say; after each change of these, of height, position or yaw. */
void person_pose(Person *self);
/* Metres that one full turn of the phase carries a person onwards. */
float person_stride_length(const Person *self);
/* Signed distance in metres from a point of the world, never more than the true one by much; *part: whose surface. */
float person_distance(const Person *self, Vec3 point, Part *part);
Surface person_surface(const Person *self, Vec3 point, Part part);
/* A box in the world that holds the person. */
void person_bounds(const Person *self, Vec3 *low, Vec3 *high);
/* A person of random looks; stands at the origin. */
Person person_random(uint32_t *random);
