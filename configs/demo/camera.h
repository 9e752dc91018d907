/* SPDX-License-Identifier: Apache-2.0 */
/* The security camera: light gathered along rays, then lens, sensor and processing. */
#pragma once

#include "configs/demo/world.h"

typedef struct {
    Vec3 position;
    /* 0 looks along +z, growing towards +x; pitch: downwards */
    float yaw, pitch;
    /* across the width */
    float field_of_view;
    /* of the lens: > 0 is a barrel */
    float distortion;
    int width, height;
    /* samples a pixel along each side */
    int samples;
    /* night: infrared lamps at the camera, and a grey picture */
    bool infrared;
    /* of the sensor, as a share of white; and how far the lens smears, in pixels */
    float noise, blur, sharpening, vignetting, saturation, contrast;
    Vec3 tint;
    /* 0: from the picture */
    float exposure;
} Camera;

typedef struct {
    int width, height;
    /* light a pixel, [height][width][3]; made by film_finish() */
    float *light;
    /* what that is made of: light from all around, which is grainy; what of it the surface sends back; all other light */
    float *around, *albedo, *sharp;
    /* the surface's normal and distance, [height][width][4] */
    float *guide;
    /* what is seen in the middle of a pixel: Hit.object */
    int16_t *objects;
} Film;

Film film_new(const Camera *camera);
void film_free(Film *self);
/* Fills the pixels of [x0, x1) x [y0, y1). */
void
camera_expose(const Camera *self, const World *world, Film *film, int x0, int y0, int x1, int y1);
/* Lays the shade of people and cars over pixels that were exposed without them, for those that they do not cover. */
void
camera_shade(const Camera *self, const World *world, Film *film, int x0, int y0, int x1, int y1);
/* Whether a person or a car would be seen in the middle of a pixel, were nothing in front of them. */
bool camera_sees_moving(const Camera *self, const World *world, int x, int y);
/* What is seen in the middle of a pixel, which may lie outside of the picture: Hit.object. */
int camera_identify(const Camera *self, const World *world, int x, int y);
/* Smooths the grain within surfaces, in the same rectangle grown by its reach, and adds up the light. */
void film_finish(Film *self, int x0, int y0, int x1, int y1);
/* The exposure that suits a film, for Camera.exposure. */
float camera_meter(const Camera *self, const Film *film);
/* Makes the 8-bit picture, [height][width][3] RGB; @seed: of the noise. */
void camera_develop(const Camera *self, const Film *film, uint32_t seed, uint8_t *rgb);
/* Where a point of the world is seen; FALSE behind the camera. */
bool camera_project(const Camera *self, Vec3 point, float *x, float *y);
