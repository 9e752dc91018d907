/* SPDX-License-Identifier: Apache-2.0 */
#include "configs/demo/world.h"

#include <stddef.h>

#define FAR 1e4f
#define EPSILON 0.002f
#define MAX_STEPS 96

typedef enum {
    SHAPE_GROUND,
    SHAPE_BLOCK,
    SHAPE_TREE,
    SHAPE_PERSON,
    SHAPE_CAR,
} ShapeKind;

typedef struct {
    ShapeKind kind;
    int index;
    float distance;
    Vec3 normal;
    Part part;
} Nearest;

Vec3
world_sky(const World *self, Vec3 d)
{
    const float up = fmaxf(d.y, 0);
    Vec3 sky = mix3(self->horizon, self->zenith, sqrtf(up));

    if (self->clouds > 0 && up > 0.02f) {
        const Vec3 at =
            vec3(d.x / (up + 0.15f) * 1.6f, (float)(self->seed & 1023), d.z / (up + 0.15f) * 1.6f);
        const float cover =
            smoothstep(0.75f - 0.5f * self->clouds, 0.95f - 0.4f * self->clouds, noise_sum(at, 4));
        const float light = 0.6f * (self->horizon.x + self->horizon.y + self->horizon.z) * 0.5f;

        sky = mix3(sky, vec3(light, light, light * 1.03f), cover);
    }
    return sky;
}

/* Enters and leaves a box; FALSE when the ray misses it. */
static bool
slab(Ray ray, Vec3 low, Vec3 high, float *enter, float *leave, Vec3 *normal)
{
    const float o[3] = {ray.origin.x, ray.origin.y, ray.origin.z};
    const float d[3] = {ray.direction.x, ray.direction.y, ray.direction.z};
    const float l[3] = {low.x, low.y, low.z}, h[3] = {high.x, high.y, high.z};
    int axis = 0;

    *enter = -FAR;
    *leave = FAR;
    for (int i = 0; i < 3; i++) {
        const float inverse = 1 / (fabsf(d[i]) < 1e-9f ? 1e-9f : d[i]);
        const float a = (l[i] - o[i]) * inverse, b = (h[i] - o[i]) * inverse;

        if (fminf(a, b) > *enter) {
            *enter = fminf(a, b);
            axis = i;
        }
        *leave = fminf(*leave, fmaxf(a, b));
    }
    if (normal) {
        const float sign = d[axis] > 0 ? -1 : 1;

        *normal = vec3(axis == 0 ? sign : 0, axis == 1 ? sign : 0, axis == 2 ? sign : 0);
    }
    return *enter <= *leave && *leave > 0;
}

static Vec3
at(Ray ray, float distance)
{
    return add(ray.origin, scale(ray.direction, distance));
}

static bool
is_leaf(Vec3 p)
{
    return noise_sum(scale(p, 7), 2) > 0.47f;
}

static float
hit_tree(const Tree *tree, Ray ray, float limit, Vec3 *normal)
{
    const Vec3 to_centre = sub(tree->centre, ray.origin);
    const float along = dot(to_centre, ray.direction);
    float best = limit;

    if (dot(to_centre, to_centre) - along * along > tree->radius * tree->radius)
        return limit;
    for (int i = 0; i < N_BLOBS; i++) {
        const Vec3 oc = sub(tree->blobs[i], ray.origin);
        const float b = dot(oc, ray.direction);
        const float r = tree->blob_radius * (0.7f + 0.6f * cell_noise(i, 3, 1));
        const float h = r * r - (dot(oc, oc) - b * b);
        const float root = h > 0 ? sqrtf(h) : 0;
        const float at_distance[2] = {b - root, b + root};

        for (int k = 0; h > 0 && k < 2; k++) {
            if (at_distance[k] <= EPSILON || at_distance[k] >= best ||
                !is_leaf(at(ray, at_distance[k])))
                continue;
            best = at_distance[k];
            *normal = normalise(sub(at(ray, best), tree->blobs[i]));
            if (k == 1)
                *normal = scale(*normal, -1);
        }
    }
    return best;
}

static float
march_person(const Person *person, Ray ray, float limit, Part *part)
{
    Vec3 low, high;
    float enter, leave;

    person_bounds(person, &low, &high);
    if (!slab(ray, low, high, &enter, &leave, NULL) || enter > limit)
        return limit;
    for (float t = fmaxf(enter, EPSILON), n = 0; t < fminf(leave, limit) && n < MAX_STEPS; n++) {
        const float d = person_distance(person, at(ray, t), part);

        if (d < 0.0012f)
            return t;
        t += fmaxf(d * 0.85f, 0.001f);
    }
    return limit;
}

static float
march_car(const Car *car, Ray ray, float limit)
{
    Vec3 low, high;
    float enter, leave;

    car_bounds(car, &low, &high);
    if (!slab(ray, low, high, &enter, &leave, NULL) || enter > limit)
        return limit;
    for (float t = fmaxf(enter, EPSILON), n = 0; t < fminf(leave, limit) && n < MAX_STEPS; n++) {
        const float d = car_distance(car, at(ray, t));

        if (d < 0.0012f)
            return t;
        t += fmaxf(d * 0.8f, 0.0015f);
    }
    return limit;
}

static void
keep(Nearest *best, float distance, ShapeKind kind, int index)
{
    if (distance < best->distance) {
        best->distance = distance;
        best->kind = kind;
        best->index = index;
    }
}

/* At the first block of a group that the ray misses: goes on to its last one. */
static bool
skip_group(const World *self, Ray ray, float limit, int *block, int *group)
{
    const Group *next = &self->groups[*group];
    float enter, leave;

    if (*group == self->n_groups || next->first != *block)
        return false;
    (*group)++;
    if (slab(ray, next->low, next->high, &enter, &leave, NULL) && enter < limit)
        return false;
    *block = next->end - 1;
    return true;
}

static bool
find_nearest(const World *self, Ray ray, float limit, Nearest *best)
{
    Vec3 normal = {0};
    Part part = PART_SKIN;

    *best = (Nearest){.distance = limit, .index = -1};
    if (ray.direction.y < -1e-6f) {
        const float t = -ray.origin.y / ray.direction.y;

        if (t > EPSILON)
            keep(best, t, SHAPE_GROUND, 0);
        best->normal = vec3(0, 1, 0);
    }
    for (int i = 0, group = 0; i < self->n_blocks; i++) {
        float enter, leave;

        if (skip_group(self, ray, best->distance, &i, &group))
            continue;
        if (slab(ray, self->blocks[i].low, self->blocks[i].high, &enter, &leave, &normal) &&
            enter > EPSILON && enter < best->distance) {
            keep(best, enter, SHAPE_BLOCK, i);
            best->normal = normal;
        }
    }
    for (int i = 0; i < self->n_trees; i++) {
        const float t = hit_tree(&self->trees[i], ray, best->distance, &normal);

        if (t < best->distance) {
            keep(best, t, SHAPE_TREE, i);
            best->normal = normal;
        }
    }
    for (int i = 0; i < self->n_cars; i++)
        keep(best, march_car(&self->cars[i], ray, best->distance), SHAPE_CAR, i);
    for (int i = 0; i < self->n_people; i++) {
        const float t = march_person(&self->people[i], ray, best->distance, &part);

        if (t < best->distance) {
            keep(best, t, SHAPE_PERSON, i);
            best->part = part;
        }
    }
    return best->index >= 0;
}

/* The slope of a distance field. */
static Vec3
field_normal(const World *self, const Nearest *nearest, Vec3 p)
{
    static const Vec3 corners[4] = {{1, -1, -1}, {-1, -1, 1}, {-1, 1, -1}, {1, 1, 1}};
    const float step = 0.003f;
    Vec3 n = {0};
    Part part;

    for (int i = 0; i < 4; i++) {
        const Vec3 q = add(p, scale(corners[i], step));
        const float d = nearest->kind == SHAPE_PERSON
                            ? person_distance(&self->people[nearest->index], q, &part)
                            : car_distance(&self->cars[nearest->index], q);

        n = add(n, scale(corners[i], d));
    }
    return normalise(n);
}

/* About what a cover's fine texture comes to. */
static Surface
coarse_surface(const Cover *cover)
{
    return (Surface){.albedo = scale(cover->colour, 0.9f),
                     .emission = cover->kind == COVER_LAMP ? cover->colour : vec3(0, 0, 0)};
}

static const Cover *
ground_cover(const World *self, Vec3 p)
{
    const Cover *cover = &self->ground;

    for (int i = self->n_patches - 1; i >= 0; i--) {
        const Patch *patch = &self->patches[i];

        if (p.x >= patch->x0 && p.x <= patch->x1 && p.z >= patch->z0 && p.z <= patch->z1) {
            cover = &patch->cover;
            break;
        }
    }
    return cover;
}

static const Cover *
find_cover(const World *self, const Nearest *nearest, Vec3 p)
{
    switch (nearest->kind) {
    case SHAPE_BLOCK: return &self->blocks[nearest->index].cover;
    case SHAPE_TREE: return &self->trees[nearest->index].cover;
    default: return ground_cover(self, p);
    }
}

static void
roughen(Hit *hit)
{
    const float k = hit->surface.roughness;
    const Vec3 p = scale(hit->point, 18);

    if (k > 0)
        hit->normal = normalise(
            add(hit->normal, scale(vec3(noise3(p) - 0.5f, noise3(add(p, vec3(31, 0, 0))) - 0.5f,
                                        noise3(add(p, vec3(0, 0, 31))) - 0.5f),
                                   k)));
}

bool
world_hit(const World *self, Ray ray, float limit, bool coarse, Hit *hit)
{
    Nearest nearest;

    if (!find_nearest(self, ray, limit, &nearest))
        return false;
    *hit = (Hit){.distance = nearest.distance,
                 .point = at(ray, nearest.distance),
                 .object = OBJECT_NONE,
                 .normal = nearest.normal};
    switch (nearest.kind) {
    case SHAPE_PERSON:
        hit->object = nearest.index;
        hit->normal = field_normal(self, &nearest, hit->point);
        hit->surface = person_surface(&self->people[nearest.index], hit->point, nearest.part);
        break;
    case SHAPE_CAR:
        hit->object = self->n_people + nearest.index;
        hit->normal = field_normal(self, &nearest, hit->point);
        hit->surface = car_surface(&self->cars[nearest.index], hit->point, hit->normal);
        break;
    default: {
        const Cover *cover = find_cover(self, &nearest, hit->point);

        if (nearest.kind == SHAPE_GROUND)
            hit->normal = vec3(0, 1, 0);
        hit->surface =
            coarse ? coarse_surface(cover) : cover_surface(cover, hit->point, hit->normal);
        break;
    }
    }
    roughen(hit);
    return true;
}

bool
world_blocked_by_moving(const World *self, Ray ray, float limit)
{
    Part part;

    for (int i = 0; i < self->n_people; i++)
        if (march_person(&self->people[i], ray, limit, &part) < limit)
            return true;
    for (int i = 0; i < self->n_cars; i++)
        if (march_car(&self->cars[i], ray, limit) < limit)
            return true;
    return false;
}

bool
world_blocked(const World *self, Ray ray, float limit)
{
    Vec3 unused;

    for (int i = 0, group = 0; i < self->n_blocks; i++) {
        float enter, leave;

        if (skip_group(self, ray, limit, &i, &group))
            continue;
        if (self->blocks[i].cover.kind != COVER_LAMP &&
            slab(ray, self->blocks[i].low, self->blocks[i].high, &enter, &leave, NULL) &&
            enter > EPSILON && enter < limit)
            return true;
    }
    if (world_blocked_by_moving(self, ray, limit))
        return true;
    for (int i = 0; i < self->n_trees; i++)
        if (hit_tree(&self->trees[i], ray, limit, &unused) < limit)
            return true;
    return false;
}

void
world_add_block(World *self, Vec3 low, Vec3 high, CoverKind kind, Vec3 colour)
{
    if (self->n_blocks < MAX_BLOCKS)
        self->blocks[self->n_blocks++] = (Block){low, high, {kind, colour}};
}

void
world_group_blocks(World *self, int first)
{
    Group *group = &self->groups[self->n_groups];

    if (self->n_groups == MAX_GROUPS || first >= self->n_blocks)
        return;
    self->n_groups++;
    *group = (Group){first, self->n_blocks, self->blocks[first].low, self->blocks[first].high};
    for (int i = first; i < self->n_blocks; i++) {
        const Vec3 low = self->blocks[i].low, high = self->blocks[i].high;

        group->low = vec3(fminf(group->low.x, low.x), fminf(group->low.y, low.y),
                          fminf(group->low.z, low.z));
        group->high = vec3(fmaxf(group->high.x, high.x), fmaxf(group->high.y, high.y),
                           fmaxf(group->high.z, high.z));
    }
}

void
world_add_patch(World *self, float x0, float z0, float x1, float z1, CoverKind kind, Vec3 colour)
{
    if (self->n_patches < MAX_PATCHES)
        self->patches[self->n_patches++] = (Patch){x0, z0, x1, z1, {kind, colour}};
}

void
world_add_lamp(World *self, Lamp lamp)
{
    if (self->n_lamps < MAX_LAMPS)
        self->lamps[self->n_lamps++] = lamp;
}

void
world_add_tree(World *self, Vec3 foot, float height, Vec3 colour, uint32_t *random)
{
    const float crown = height * 0.36f;
    Tree *tree = &self->trees[self->n_trees];

    if (self->n_trees == MAX_TREES)
        return;
    self->n_trees++;
    tree->centre = add(foot, vec3(0, height * 0.66f, 0));
    tree->radius = crown * 1.5f;
    tree->blob_radius = crown * 0.42f;
    tree->cover = (Cover){COVER_LEAVES, colour};
    for (int i = 0; i < N_BLOBS; i++) {
        const Vec3 out =
            normalise(vec3(random_normal(random), random_normal(random), random_normal(random)));

        tree->blobs[i] = add(tree->centre, scale(out, crown * (0.35f + 0.65f * random01(random))));
    }
    world_add_block(self, add(foot, vec3(-0.04f * height * 0.5f, 0, -0.04f * height * 0.5f)),
                    add(foot, vec3(0.04f * height * 0.5f, height * 0.5f, 0.04f * height * 0.5f)),
                    COVER_BOARDS, vec3(0.12f, 0.085f, 0.06f));
}
