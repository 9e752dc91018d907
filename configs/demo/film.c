/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "configs/demo/camera.h"

#define REACH 4

Film
film_new(const Camera *camera)
{
    const size_t n = (size_t)camera->width * (size_t)camera->height;
    float *floats = calloc(16 * n, sizeof(float));
    int16_t *objects = calloc(n, sizeof(int16_t));

    if (!floats || !objects)
        abort();
    return (Film){.width = camera->width,
                  .height = camera->height,
                  .light = floats,
                  .around = floats + 3 * n,
                  .albedo = floats + 6 * n,
                  .sharp = floats + 9 * n,
                  .guide = floats + 12 * n,
                  .objects = objects};
}

void
film_free(Film *self)
{
    free(self->light);
    free(self->objects);
    *self = (Film){0};
}

/* How much a neighbour's light says about this pixel's: same surface, same slope. */
static float
likeness(const Film *self, int a, int b)
{
    const float *p = self->guide + 4 * a, *q = self->guide + 4 * b;
    const float slope = p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
    const float depth = (p[3] - q[3]) / (0.04f * p[3] + 0.02f);

    if (self->objects[a] != self->objects[b] || slope < 0.6f)
        return 0;
    return slope * slope * slope * slope * expf(-depth * depth);
}

static void
finish_pixel(Film *self, int x, int y)
{
    const int at = y * self->width + x;
    float sum[3] = {0}, weight = 0;

    for (int v = y < REACH ? 0 : y - REACH; v <= y + REACH && v < self->height; v++) {
        for (int u = x < REACH ? 0 : x - REACH; u <= x + REACH && u < self->width; u++) {
            const int other = v * self->width + u;
            const float w = other == at ? 1 : likeness(self, at, other);

            weight += w;
            for (int c = 0; c < 3; c++)
                sum[c] += w * self->around[3 * other + c];
        }
    }
    for (int c = 0; c < 3; c++)
        self->light[3 * at + c] =
            sum[c] / weight * self->albedo[3 * at + c] + self->sharp[3 * at + c];
}

void
film_finish(Film *self, int x0, int y0, int x1, int y1)
{
    for (int y = y0 < REACH ? 0 : y0 - REACH; y < y1 + REACH && y < self->height; y++)
        for (int x = x0 < REACH ? 0 : x0 - REACH; x < x1 + REACH && x < self->width; x++)
            finish_pixel(self, x, y);
}
