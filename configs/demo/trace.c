/* SPDX-License-Identifier: Apache-2.0 */
/* Light along rays: direct light of sun and lamps, one bounce of everything else, mirrored sky in glass and paint. */
#include "configs/demo/camera.h"

#define HORIZON 400.0f

static Vec3
random_around(Vec3 n, uint32_t *random)
{
    const float z = 1 - 2 * random01(random), turn = 2 * PI_F * random01(random);
    const float r = sqrtf(fmaxf(0, 1 - z * z));

    return normalise(add(n, scale(vec3(r * cosf(turn), r * sinf(turn), z), 0.999f)));
}

static Vec3
sun_light(const World *world, Vec3 point, Vec3 normal, uint32_t *random)
{
    const Vec3 spread =
        scale(vec3(random_normal(random), random_normal(random), random_normal(random)),
              world->sun_spread);
    const Vec3 to_sun = normalise(add(world->sun_direction, spread));
    const float facing = dot(normal, to_sun);

    if (facing <= 0 || world->sun_colour.x + world->sun_colour.y <= 0 ||
        world_blocked(world, (Ray){point, to_sun}, HORIZON))
        return vec3(0, 0, 0);
    return scale(world->sun_colour, facing);
}

/* Of one lamp chosen at random, and the more for it: less rays, more grain. */
static Vec3
lamp_light(const World *world, Vec3 point, Vec3 normal, uint32_t *random)
{
    const int n = world->n_lamps;
    const Lamp *lamp;
    Vec3 way, direction;
    float distance, facing, aimed;

    if (n == 0)
        return vec3(0, 0, 0);
    lamp = &world->lamps[(int)(random01(random) * (float)n) % n];
    way = sub(add(lamp->position,
                  scale(vec3(random_normal(random), random_normal(random), random_normal(random)),
                        lamp->radius)),
              point);
    distance = length(way);
    direction = scale(way, 1 / distance);
    facing = dot(normal, direction);
    aimed = lamp->cone <= -1
                ? 1
                : smoothstep(lamp->cone, lamp->cone + 0.12f, -dot(lamp->aim, direction));
    if (facing <= 0 || aimed <= 0 ||
        world_blocked(world, (Ray){point, direction}, distance - 0.05f))
        return vec3(0, 0, 0);
    return scale(lamp->colour, (float)n * facing * aimed / (distance * distance + 0.3f));
}

static Vec3
direct_light(const World *world, const Hit *hit, uint32_t *random)
{
    const Vec3 from = add(hit->point, scale(hit->normal, 0.004f));

    return add(sun_light(world, from, hit->normal, random),
               lamp_light(world, from, hit->normal, random));
}

/* What a ray that left a surface brings back: sky, or another surface lit by sun, lamps and a guess of the rest. */
static Vec3
second_light(const World *world, Ray ray, uint32_t *random)
{
    const Vec3 ambient = scale(add(world->zenith, world->horizon), 0.3f);
    Hit hit;

    if (!world_hit(world, ray, 40, true, &hit))
        return world_sky(world, ray.direction);
    return add(scale(hit.surface.emission, 0.3f),
               mul(hit.surface.albedo, add(ambient, direct_light(world, &hit, random))));
}

/* What comes along a ray, in the parts of Film. */
typedef struct {
    Vec3 around, albedo, sharp, normal;
    float distance;
} Light;

static void
ray_light(const World *world, Ray ray, uint32_t *random, Light *light)
{
    Hit hit;
    Vec3 from;
    float clear, mirrored = 0;

    if (!world_hit(world, ray, HORIZON, false, &hit)) {
        *light = (Light){.sharp = world_sky(world, ray.direction), .distance = HORIZON};
        return;
    }
    from = add(hit.point, scale(hit.normal, 0.004f));
    *light = (Light){.albedo = hit.surface.albedo, .normal = hit.normal, .distance = hit.distance};
    light->around = add(second_light(world, (Ray){from, random_around(hit.normal, random)}, random),
                        lamp_light(world, from, hit.normal, random));
    light->sharp = mul(hit.surface.albedo, sun_light(world, from, hit.normal, random));
    if (hit.surface.mirror > 0) {
        const float facing = clampf(-dot(hit.normal, ray.direction), 0, 1);
        const Vec3 away = sub(ray.direction, scale(hit.normal, 2 * dot(hit.normal, ray.direction)));
        const Vec3 seen = second_light(world, (Ray){from, normalise(away)}, random);

        mirrored = hit.surface.mirror + (1 - hit.surface.mirror) * 0.8f * powf(1 - facing, 5);
        light->sharp = mix3(light->sharp, seen, mirrored);
    }
    light->sharp = add(light->sharp, hit.surface.emission);
    /* haze */
    clear = expf(-hit.distance / 900);
    light->albedo = scale(light->albedo, clear * (1 - mirrored));
    light->sharp = mix3(world->horizon, light->sharp, clear);
}

static Ray
pixel_ray(const Camera *self, float x, float y)
{
    const float wide = tanf(self->field_of_view * 0.5f), pixel = 2 * wide / (float)self->width;
    float u = (x - (float)self->width * 0.5f) * pixel, v = (y - (float)self->height * 0.5f) * pixel;
    const float stretch = 1 + self->distortion * (u * u + v * v);
    const float pitch_cos = cosf(self->pitch), pitch_sin = sinf(self->pitch);
    const float yaw_cos = cosf(self->yaw), yaw_sin = sinf(self->yaw);
    float ahead, up;

    u *= stretch;
    v *= stretch;
    ahead = pitch_cos - v * pitch_sin;
    up = -pitch_sin - v * pitch_cos;
    return (Ray){self->position, normalise(vec3(u * yaw_cos + ahead * yaw_sin, up,
                                                -u * yaw_sin + ahead * yaw_cos))};
}

bool
camera_project(const Camera *self, Vec3 point, float *x, float *y)
{
    const Vec3 d = sub(point, self->position);
    const float pitch_cos = cosf(self->pitch), pitch_sin = sinf(self->pitch);
    const float yaw_cos = cosf(self->yaw), yaw_sin = sinf(self->yaw);
    const float flat = d.x * yaw_sin + d.z * yaw_cos, side = d.x * yaw_cos - d.z * yaw_sin;
    const float depth = flat * pitch_cos - d.y * pitch_sin,
                down = -flat * pitch_sin - d.y * pitch_cos;
    const float pixel = 2 * tanf(self->field_of_view * 0.5f) / (float)self->width;
    float u, v, stretch = 1;

    if (depth < 0.1f)
        return false;
    u = side / depth;
    v = down / depth;
    for (int i = 0; i < 8; i++)
        stretch = 1 + self->distortion * (u * u + v * v) / (stretch * stretch);
    *x = u / stretch / pixel + (float)self->width * 0.5f;
    *y = v / stretch / pixel + (float)self->height * 0.5f;
    return true;
}

static void
store3(float *to, Vec3 v, float weight)
{
    to[0] = v.x * weight;
    to[1] = v.y * weight;
    to[2] = v.z * weight;
}

static Vec3
limited(Vec3 v, float limit)
{
    return vec3(fminf(v.x, limit), fminf(v.y, limit), fminf(v.z, limit));
}

static void
expose_pixel(const Camera *self, const World *world, Film *film, int x, int y)
{
    const int n = self->samples, at = y * film->width + x;
    const float weight = 1 / (float)(n * n);
    Light sum = {0};

    for (int i = 0; i < n * n; i++) {
        uint32_t random = hash32((uint32_t)at * 97u + (uint32_t)i + world->seed * 7919u);
        const float dx = ((float)(i % n) + random01(&random)) / (float)n;
        const float dy = ((float)(i / n) + random01(&random)) / (float)n;
        Light light;

        ray_light(world, pixel_ray(self, (float)x + dx, (float)y + dy), &random, &light);
        sum.around = add(sum.around, limited(light.around, 8));
        sum.albedo = add(sum.albedo, light.albedo);
        sum.sharp = add(sum.sharp, limited(light.sharp, 12));
        sum.normal = add(sum.normal, light.normal);
        sum.distance += light.distance;
    }
    store3(film->around + 3 * at, sum.around, weight);
    store3(film->albedo + 3 * at, sum.albedo, weight);
    store3(film->sharp + 3 * at, sum.sharp, weight);
    store3(film->guide + 4 * at, sum.normal, weight);
    film->guide[4 * at + 3] = sum.distance * weight;
}

int
camera_identify(const Camera *self, const World *world, int x, int y)
{
    Hit hit;

    return world_hit(world, pixel_ray(self, (float)x + 0.5f, (float)y + 0.5f), HORIZON, true, &hit)
               ? hit.object
               : OBJECT_NONE;
}

/* What people and cars leave of a pixel's light that was exposed without them. */
static void
shade_pixel(const Camera *self, const World *world, Film *film, int x, int y)
{
    const int n = self->samples * self->samples, at = y * film->width + x;
    const float *guide = film->guide + 4 * at;
    const Vec3 normal = normalise(vec3(guide[0], guide[1], guide[2]));
    const Ray ray = pixel_ray(self, (float)x + 0.5f, (float)y + 0.5f);
    const Vec3 from = add(add(ray.origin, scale(ray.direction, guide[3])), scale(normal, 0.004f));
    float sunny = 0, open = 0;

    if (guide[3] > 0.9f * HORIZON)
        return;
    for (int i = 0; i < n; i++) {
        uint32_t random = hash32((uint32_t)at * 89u + (uint32_t)i);
        const Vec3 spread =
            scale(vec3(random_normal(&random), random_normal(&random), random_normal(&random)),
                  world->sun_spread);
        const Vec3 to_sun = normalise(add(world->sun_direction, spread));

        sunny += !world_blocked_by_moving(world, (Ray){from, to_sun}, HORIZON);
        /* what blocks it sends back some light of its own */
        open += world_blocked_by_moving(world, (Ray){from, random_around(normal, &random)}, 40)
                    ? 0.12f
                    : 1;
    }
    for (int c = 0; c < 3; c++) {
        film->sharp[3 * at + c] *= sunny / (float)n;
        film->around[3 * at + c] *= open / (float)n;
    }
}

bool
camera_sees_moving(const Camera *self, const World *world, int x, int y)
{
    return world_blocked_by_moving(world, pixel_ray(self, (float)x + 0.5f, (float)y + 0.5f),
                                   HORIZON);
}

void
camera_shade(const Camera *self, const World *world, Film *film, int x0, int y0, int x1, int y1)
{
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            shade_pixel(self, world, film, x, y);
}

void
camera_expose(const Camera *self, const World *world, Film *film, int x0, int y0, int x1, int y1)
{
    for (int y = y0; y < y1; y++) {
        for (int x = x0; x < x1; x++) {
            expose_pixel(self, world, film, x, y);
            film->objects[y * film->width + x] = (int16_t)camera_identify(self, world, x, y);
        }
    }
}
