/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors, random numbers and noise of the demo renderer. Metres, y upwards; angles in radians. */
#pragma once

#include <math.h>
#include <stdint.h>

#define PI_F 3.14159265f

typedef struct {
    float x, y, z;
} Vec3;

static inline Vec3
vec3(float x, float y, float z)
{
    return (Vec3){x, y, z};
}

static inline Vec3
add(Vec3 a, Vec3 b)
{
    return vec3(a.x + b.x, a.y + b.y, a.z + b.z);
}

static inline Vec3
sub(Vec3 a, Vec3 b)
{
    return vec3(a.x - b.x, a.y - b.y, a.z - b.z);
}

static inline Vec3
mul(Vec3 a, Vec3 b)
{
    return vec3(a.x * b.x, a.y * b.y, a.z * b.z);
}

static inline Vec3
scale(Vec3 a, float k)
{
    return vec3(a.x * k, a.y * k, a.z * k);
}

static inline float
dot(Vec3 a, Vec3 b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline Vec3
cross(Vec3 a, Vec3 b)
{
    return vec3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
}

static inline float
length(Vec3 a)
{
    return sqrtf(dot(a, a));
}

static inline Vec3
normalise(Vec3 a)
{
    return scale(a, 1.0f / (length(a) + 1e-12f));
}

static inline float
mix(float a, float b, float k)
{
    return a + (b - a) * k;
}

static inline Vec3
mix3(Vec3 a, Vec3 b, float k)
{
    return add(a, scale(sub(b, a), k));
}

static inline float
clampf(float a, float low, float high)
{
    return a < low ? low : a > high ? high : a;
}

static inline float
smoothstep(float from, float to, float a)
{
    const float k = clampf((a - from) / (to - from), 0, 1);

    return k * k * (3 - 2 * k);
}

/* Union of two distances whose edge is rounded over about @k metres. */
static inline float
smooth_min(float a, float b, float k)
{
    const float h = fmaxf(k - fabsf(a - b), 0) / k;

    return fminf(a, b) - h * h * k * 0.25f;
}

static inline float
smooth_max(float a, float b, float k)
{
    return -smooth_min(-a, -b, k);
}

static inline uint32_t
hash32(uint32_t a)
{
    a ^= a >> 16;
    a *= 0x7feb352du;
    a ^= a >> 15;
    a *= 0x846ca68bu;
    return a ^ (a >> 16);
}

/* The next of a sequence of random numbers in [0, 1). */
static inline float
random01(uint32_t *state)
{
    *state = *state * 747796405u + 2891336453u;
    return (float)(hash32(*state) >> 8) * (1.0f / 16777216.0f);
}

static inline float
random_in(uint32_t *state, float low, float high)
{
    return mix(low, high, random01(state));
}

/* A normal variate, near enough: the sum of three uniform ones. */
static inline float
random_normal(uint32_t *state)
{
    return (random01(state) + random01(state) + random01(state) - 1.5f) * 2.0f;
}

/* Smooth value noise in 0..1, one value a unit of length; noise_sum() adds octaves of it. */
float noise3(Vec3 p);
float noise_sum(Vec3 p, int n_octaves);
/* One value in 0..1 a cell of the integer grid. */
float cell_noise(int x, int y, int z);
