/* SPDX-License-Identifier: Apache-2.0 */
/* From light to the 8-bit picture of a cheap camera: metering, blur, sharpening, noise, grey at night. */
#include <stdlib.h>
#include <string.h>

#include "configs/demo/camera.h"

float
camera_meter(const Camera *self, const Film *film)
{
    const int n = film->width * film->height;
    double sum = 0;

    for (int i = 0; i < n; i++) {
        const float *p = film->light + 3 * i;

        sum += logf(1e-4f + 0.3f * p[0] + 0.59f * p[1] + 0.11f * p[2]);
    }
    return (self->infrared ? 0.16f : 0.22f) / (float)exp(sum / n);
}

/* Blurs a row or a column by a Gauss of @sigma; @step: to the next pixel of the line. */
static void
blur_line(float *line, int n, int step, float sigma, float *work)
{
    const int reach = (int)ceilf(sigma * 2.5f);

    for (int i = 0; i < n; i++) {
        float sum = 0, weight = 0;

        for (int k = -reach; k <= reach; k++) {
            const int at = i + k < 0 ? 0 : i + k >= n ? n - 1 : i + k;
            const float w = expf(-0.5f * (float)(k * k) / (sigma * sigma));

            sum += w * line[at * step];
            weight += w;
        }
        work[i] = sum / weight;
    }
    for (int i = 0; i < n; i++)
        line[i * step] = work[i];
}

static void
blur_picture(float *picture, int width, int height, float sigma)
{
    float *work = malloc(sizeof(float) * (size_t)(width > height ? width : height));

    if (sigma < 0.2f || !work) {
        free(work);
        return;
    }
    for (int c = 0; c < 3; c++) {
        for (int y = 0; y < height; y++)
            blur_line(picture + 3 * y * width + c, width, 3, sigma, work);
        for (int x = 0; x < width; x++)
            blur_line(picture + 3 * x + c, height, 3 * width, sigma, work);
    }
    free(work);
}

/* The curve of cameras: a toe, sRGB's gamma, a shoulder before white. */
static float
tone(float light, float contrast)
{
    const float shoulder = light < 0.6f ? light : 0.6f + 0.4f * (1 - expf(-(light - 0.6f) / 0.4f));
    const float v =
        shoulder <= 0.0031308f ? 12.92f * shoulder : 1.055f * powf(shoulder, 1 / 2.4f) - 0.055f;
    const float s = v * v * (3 - 2 * v);

    return mix(v, s, contrast);
}

static void
process_pixel(const Camera *self, const float *light, float fall, float *out, uint32_t *random)
{
    const float grey = self->infrared ? 0.4f * light[0] + 0.35f * light[1] + 0.25f * light[2] : 0;
    const float tint[3] = {self->tint.x, self->tint.y, self->tint.z};
    float v[3], luma;

    for (int c = 0; c < 3; c++)
        v[c] = tone((self->infrared ? grey : light[c] * tint[c]) * self->exposure * fall,
                    self->contrast);
    luma = 0.3f * v[0] + 0.59f * v[1] + 0.11f * v[2];
    for (int c = 0; c < 3; c++)
        out[c] = self->infrared ? luma : mix(luma, v[c], self->saturation);
    /* more in the shadows */
    luma = self->noise * (1.3f - 0.6f * luma) * random_normal(random);
    for (int c = 0; c < 3; c++)
        out[c] += luma + (self->infrared ? 0 : 0.4f * self->noise * random_normal(random));
}

static void
sharpen(const float *picture, const float *smooth, int n, float amount, uint8_t *rgb)
{
    for (int i = 0; i < n; i++) {
        const float v = picture[i] + amount * (picture[i] - smooth[i]);

        rgb[i] = (uint8_t)(clampf(v, 0, 1) * 255 + 0.5f);
    }
}

void
camera_develop(const Camera *self, const Film *film, uint32_t seed, uint8_t *rgb)
{
    const int width = film->width, height = film->height;
    const size_t bytes = sizeof(float) * 3 * (size_t)width * (size_t)height;
    float *picture = malloc(bytes), *smooth = malloc(bytes);
    uint32_t random = hash32(seed);

    if (picture && smooth) {
        memcpy(smooth, film->light, bytes);
        blur_picture(smooth, width, height, self->blur);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                const float u = ((float)x / (float)width - 0.5f) * 2,
                            v = ((float)y / (float)height - 0.5f) * 2;
                const int at = 3 * (y * width + x);

                process_pixel(self, smooth + at, 1 - self->vignetting * (u * u + v * v) * 0.5f,
                              picture + at, &random);
            }
        }
        memcpy(smooth, picture, bytes);
        blur_picture(smooth, width, height, 1.2f);
        sharpen(picture, smooth, 3 * width * height, self->sharpening, rgb);
    }
    free(picture);
    free(smooth);
}
