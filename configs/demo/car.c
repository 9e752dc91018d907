/* SPDX-License-Identifier: Apache-2.0 */
/* Local axes: x ahead, y up, z to the right; the outlines are seen from the side, in metres. */
#include "configs/demo/car.h"

#define MAX_OUTLINE 12

typedef struct {
    int n;
    float at[MAX_OUTLINE][2];
} Outline;

typedef struct {
    /* lower body, and the cabin with its glass on it */
    Outline body, cabin;
    /* side windows: from, to, pillars between them */
    Outline glass;
    float pillars[3];
    float belt, roof, half_width, lean;
    float wheel_front, wheel_rear, wheel_radius;
    float front, rear;
    float lamp_low, lamp_high;
} Shape;

static const Shape SHAPES[N_CAR_KINDS] = {
    [CAR_SEDAN] = {.body = {11,
                            {{-2.25f, 0.34f},
                             {-2.30f, 0.62f},
                             {-2.22f, 0.92f},
                             {-1.65f, 0.98f},
                             {0.95f, 0.95f},
                             {1.75f, 0.86f},
                             {2.16f, 0.72f},
                             {2.26f, 0.56f},
                             {2.24f, 0.30f},
                             {2.05f, 0.20f},
                             {-2.1f, 0.22f}}},
                   .cabin = {6,
                             {{-1.85f, 0.92f},
                              {-1.10f, 1.36f},
                              {-0.55f, 1.43f},
                              {0.05f, 1.42f},
                              {0.40f, 1.34f},
                              {1.20f, 0.90f}}},
                   .glass = {6,
                             {{-1.50f, 0.97f},
                              {-1.02f, 1.31f},
                              {-0.55f, 1.36f},
                              {0.05f, 1.35f},
                              {0.32f, 1.28f},
                              {0.85f, 0.96f}}},
                   .pillars = {-0.25f, -1.08f, 9},
                   .belt = 0.94f,
                   .roof = 1.43f,
                   .half_width = 0.90f,
                   .lean = 0.42f,
                   .wheel_front = 1.38f,
                   .wheel_rear = -1.36f,
                   .wheel_radius = 0.325f,
                   .front = 2.26f,
                   .rear = -2.30f,
                   .lamp_low = 0.60f,
                   .lamp_high = 0.78f},
    [CAR_HATCHBACK] = {.body = {11,
                                {{-1.92f, 0.34f},
                                 {-1.98f, 0.60f},
                                 {-1.95f, 0.95f},
                                 {-1.70f, 1.02f},
                                 {0.95f, 0.98f},
                                 {1.55f, 0.90f},
                                 {1.93f, 0.76f},
                                 {2.02f, 0.58f},
                                 {2.00f, 0.30f},
                                 {1.85f, 0.20f},
                                 {-1.82f, 0.22f}}},
                       .cabin = {6,
                                 {{-1.93f, 0.94f},
                                  {-1.60f, 1.40f},
                                  {-0.85f, 1.49f},
                                  {-0.10f, 1.48f},
                                  {0.30f, 1.39f},
                                  {1.20f, 0.92f}}},
                       .glass = {6,
                                 {{-1.55f, 1.05f},
                                  {-1.38f, 1.34f},
                                  {-0.85f, 1.42f},
                                  {-0.10f, 1.41f},
                                  {0.24f, 1.33f},
                                  {0.85f, 0.99f}}},
                       .pillars = {-0.30f, -1.12f, 9},
                       .belt = 0.96f,
                       .roof = 1.49f,
                       .half_width = 0.87f,
                       .lean = 0.38f,
                       .wheel_front = 1.25f,
                       .wheel_rear = -1.22f,
                       .wheel_radius = 0.315f,
                       .front = 2.02f,
                       .rear = -1.98f,
                       .lamp_low = 0.66f,
                       .lamp_high = 0.86f},
    [CAR_SUV] = {.body = {11,
                          {{-2.20f, 0.40f},
                           {-2.26f, 0.70f},
                           {-2.22f, 1.05f},
                           {-2.00f, 1.12f},
                           {0.90f, 1.10f},
                           {1.80f, 1.02f},
                           {2.17f, 0.88f},
                           {2.26f, 0.66f},
                           {2.24f, 0.38f},
                           {2.05f, 0.27f},
                           {-2.05f, 0.29f}}},
                 .cabin = {6,
                           {{-2.18f, 1.04f},
                            {-1.90f, 1.58f},
                            {-1.20f, 1.68f},
                            {-0.10f, 1.67f},
                            {0.25f, 1.58f},
                            {1.10f, 1.04f}}},
                 .glass = {6,
                           {{-1.90f, 1.15f},
                            {-1.72f, 1.52f},
                            {-1.20f, 1.60f},
                            {-0.10f, 1.59f},
                            {0.20f, 1.51f},
                            {0.75f, 1.12f}}},
                 .pillars = {-0.25f, -1.20f, 9},
                 .belt = 1.08f,
                 .roof = 1.68f,
                 .half_width = 0.94f,
                 .lean = 0.30f,
                 .wheel_front = 1.42f,
                 .wheel_rear = -1.38f,
                 .wheel_radius = 0.365f,
                 .front = 2.26f,
                 .rear = -2.26f,
                 .lamp_low = 0.78f,
                 .lamp_high = 0.98f},
    [CAR_VAN] = {.body = {11,
                          {{-2.45f, 0.40f},
                           {-2.50f, 0.80f},
                           {-2.48f, 1.20f},
                           {-2.40f, 1.24f},
                           {1.60f, 1.20f},
                           {2.20f, 1.10f},
                           {2.42f, 0.95f},
                           {2.50f, 0.70f},
                           {2.48f, 0.36f},
                           {2.3f, 0.26f},
                           {-2.3f, 0.28f}}},
                 .cabin = {6,
                           {{-2.47f, 1.10f},
                            {-2.42f, 1.93f},
                            {-1.6f, 2.02f},
                            {0.70f, 2.02f},
                            {1.05f, 1.92f},
                            {1.95f, 1.08f}}},
                 .glass = {6,
                           {{0.05f, 1.28f},
                            {0.05f, 1.80f},
                            {0.3f, 1.82f},
                            {0.6f, 1.82f},
                            {0.95f, 1.76f},
                            {1.45f, 1.26f}}},
                 .pillars = {9, 9, 9},
                 .belt = 1.2f,
                 .roof = 2.02f,
                 .half_width = 0.97f,
                 .lean = 0.14f,
                 .wheel_front = 1.60f,
                 .wheel_rear = -1.50f,
                 .wheel_radius = 0.345f,
                 .front = 2.50f,
                 .rear = -2.50f,
                 .lamp_low = 0.80f,
                 .lamp_high = 1.02f},
    [CAR_BUS] = {.body = {8,
                          {{-5.4f, 0.45f},
                           {-5.5f, 0.9f},
                           {-5.5f, 1.25f},
                           {-5.3f, 1.3f},
                           {5.3f, 1.3f},
                           {5.5f, 1.2f},
                           {5.52f, 0.5f},
                           {5.3f, 0.32f}}},
                 .cabin = {6,
                           {{-5.48f, 1.15f},
                            {-5.42f, 2.85f},
                            {-5.1f, 3.0f},
                            {5.1f, 3.0f},
                            {5.32f, 2.85f},
                            {5.48f, 1.15f}}},
                 .glass = {4, {{-5.0f, 1.40f}, {-5.0f, 2.45f}, {4.95f, 2.45f}, {4.95f, 1.40f}}},
                 .pillars = {-1.6f, 0.0f, 1.6f},
                 .belt = 1.3f,
                 .roof = 3.0f,
                 .half_width = 1.25f,
                 .lean = 0.06f,
                 .wheel_front = 3.6f,
                 .wheel_rear = -3.0f,
                 .wheel_radius = 0.48f,
                 .front = 5.5f,
                 .rear = -5.5f,
                 .lamp_low = 0.70f,
                 .lamp_high = 0.95f},
};

/* Signed distance to a closed outline. */
static float
outline_distance(const Outline *outline, float x, float y)
{
    float nearest = 1e9f;
    bool inside = false;

    for (int i = 0, k = outline->n - 1; i < outline->n; k = i++) {
        const float *a = outline->at[i], *b = outline->at[k];
        const float ex = b[0] - a[0], ey = b[1] - a[1], wx = x - a[0], wy = y - a[1];
        const float t = clampf((wx * ex + wy * ey) / (ex * ex + ey * ey), 0, 1);
        const float dx = wx - ex * t, dy = wy - ey * t;

        nearest = fminf(nearest, dx * dx + dy * dy);
        if ((a[1] > y) != (b[1] > y) && wx < ex * wy / ey)
            inside = !inside;
    }
    return inside ? -sqrtf(nearest) : sqrtf(nearest);
}

void
car_pose(Car *self)
{
    self->yaw_cos = cosf(self->yaw);
    self->yaw_sin = sinf(self->yaw);
}

Vec3
car_to_local(const Car *self, Vec3 point)
{
    const Vec3 q = scale(sub(point, self->position), 1 / self->size);

    return vec3(q.x * self->yaw_cos - q.z * self->yaw_sin, q.y,
                q.x * self->yaw_sin + q.z * self->yaw_cos);
}

static Vec3
turn_back(const Car *self, Vec3 q)
{
    return vec3(q.x * self->yaw_cos + q.z * self->yaw_sin, q.y,
                -q.x * self->yaw_sin + q.z * self->yaw_cos);
}

Vec3
car_to_world(const Car *self, Vec3 local)
{
    return add(self->position, scale(turn_back(self, local), self->size));
}

static Vec3
normal_to_local(const Car *self, Vec3 n)
{
    return vec3(n.x * self->yaw_cos - n.z * self->yaw_sin, n.y,
                n.x * self->yaw_sin + n.z * self->yaw_cos);
}

Vec3
car_half_size(const Car *self)
{
    const Shape *shape = &SHAPES[self->kind];

    return scale(vec3(shape->front, shape->roof * 0.5f, shape->half_width), self->size);
}

/* Half of the width at a height, without mirrors: the sides bulge, the cabin leans in, both ends are drawn in. */
static float
side_at(const Shape *shape, float x, float y)
{
    const float end = clampf(fabsf(x) / shape->front, 0, 1.1f), e2 = end * end;
    const float bulge = (y - shape->belt * 0.72f) / shape->belt;
    float side = shape->half_width * (1 - 0.13f * e2 * e2 * e2) - 0.10f * bulge * bulge;

    if (y > shape->belt)
        side -= shape->lean * (y - shape->belt) + 0.02f;
    return side;
}

static float
wheels_distance(const Shape *shape, Vec3 p)
{
    const float centre = p.x > 0 ? shape->wheel_front : shape->wheel_rear;
    const float round = hypotf(p.x - centre, p.y - shape->wheel_radius) - shape->wheel_radius;
    const float wide = fabsf(fabsf(p.z) - (shape->half_width - 0.13f)) - 0.10f;

    return smooth_max(round, wide, 0.03f);
}

static float
arches_distance(const Shape *shape, Vec3 p)
{
    const float centre = p.x > 0 ? shape->wheel_front : shape->wheel_rear;
    const float round =
        hypotf(p.x - centre, p.y - shape->wheel_radius) - shape->wheel_radius - 0.055f;

    return fmaxf(round, shape->half_width - 0.30f - fabsf(p.z));
}

float
car_distance(const Car *self, Vec3 point)
{
    const Shape *shape = &SHAPES[self->kind];
    const Vec3 p = car_to_local(self, point);
    const float width = fabsf(p.z) - side_at(shape, p.x, p.y);
    const float body = outline_distance(&shape->body, p.x, p.y) - 0.015f;
    const float cabin = outline_distance(&shape->cabin, p.x, p.y) - 0.01f;
    const float profile = smooth_min(body, cabin, 0.06f);
    float d = smooth_max(profile, width, 0.12f);

    d = fmaxf(d, -arches_distance(shape, p));
    d = fminf(d, wheels_distance(shape, p));
    if (self->kind != CAR_BUS) {
        const Vec3 mirror =
            sub(vec3(p.x, p.y, fabsf(p.z)), vec3(shape->glass.at[shape->glass.n - 1][0] - 0.1f,
                                                 shape->belt + 0.07f, shape->half_width + 0.03f));

        d = fminf(d, length(mul(mirror, vec3(1, 0.9f, 0.75f))) - 0.085f);
    }
    return d * self->size;
}

static bool
is_side_glass(const Shape *shape, Vec3 p, bool *frame)
{
    const float d = outline_distance(&shape->glass, p.x, p.y);
    bool pillar = false;

    for (int i = 0; i < 3; i++)
        pillar = pillar || fabsf(p.x - shape->pillars[i]) < 0.035f;
    *frame = d < 0.03f && (d > 0 || pillar);
    return d < 0 && !pillar;
}

static Surface
wheel_surface(const Car *self, const Shape *shape, Vec3 p)
{
    const float centre = p.x > 0 ? shape->wheel_front : shape->wheel_rear;
    const float dx = p.x - centre, dy = p.y - shape->wheel_radius,
                r = hypotf(dx, dy) / shape->wheel_radius;
    const float spoke = cosf(5 * (atan2f(dy, dx) + self->roll));
    Surface s = {.albedo = {0.018f, 0.018f, 0.02f}};

    if (r < 0.66f && fabsf(p.z) > shape->half_width - 0.2f) {
        const bool metal = r > 0.58f || r < 0.15f || spoke > -0.1f;

        s.albedo = metal ? vec3(0.42f, 0.43f, 0.45f) : vec3(0.03f, 0.03f, 0.03f);
        s.mirror = metal ? 0.15f : 0;
    }
    return s;
}

static Surface
end_surface(const Car *self, const Shape *shape, Vec3 p, bool front, Surface paint)
{
    const float z = fabsf(p.z), w = shape->half_width;
    const bool lamp_height = p.y > shape->lamp_low && p.y < shape->lamp_high;
    Surface s = paint;

    if (lamp_height && z > w * (front ? 0.52f : 0.58f) && z < w * 0.96f) {
        s.mirror = 0.1f;
        if (front) {
            const bool bulb = fabsf(z - w * 0.74f) < 0.1f;

            s.albedo = bulb ? vec3(0.85f, 0.85f, 0.85f) : vec3(0.4f, 0.4f, 0.42f);
            if (self->lights_on)
                s.emission = scale(vec3(1.0f, 0.93f, 0.8f), bulb ? 14 : 3);
        } else {
            s.albedo = vec3(0.42f, 0.015f, 0.012f);
            if (self->lights_on || self->braking)
                s.emission = scale(vec3(1.0f, 0.03f, 0.02f), self->braking ? 4 : 1.2f);
        }
    } else if (z < 0.27f &&
               fabsf(p.y - (front ? shape->lamp_low - 0.17f : shape->lamp_low - 0.02f)) < 0.06f) {
        s.albedo = vec3(0.75f, 0.75f, 0.72f);
        s.mirror = 0.02f;
    } else if (front && z < w * 0.5f && p.y > shape->lamp_low - 0.03f &&
               p.y < shape->lamp_high - 0.04f) {
        s.albedo = vec3(0.02f, 0.02f, 0.02f);
    } else if (p.y < shape->lamp_low - 0.25f) {
        s.albedo = vec3(0.03f, 0.03f, 0.032f);
        s.mirror = 0.02f;
    }
    return s;
}

static bool
is_seam(const Shape *shape, Vec3 p)
{
    const float doors[] = {shape->pillars[0], shape->wheel_front - 0.42f, shape->wheel_rear + 0.3f};

    if (p.y > shape->belt || p.y < 0.36f)
        return false;
    for (int i = 0; i < 3; i++)
        if (fabsf(p.x - doors[i]) < 0.009f)
            return true;
    return false;
}

Surface
car_surface(const Car *self, Vec3 point, Vec3 normal)
{
    const Shape *shape = &SHAPES[self->kind];
    const Vec3 p = car_to_local(self, point), n = normal_to_local(self, normal);
    const Surface glass = {.albedo = {0.012f, 0.014f, 0.016f}, .mirror = 0.09f};
    const Surface trim = {.albedo = {0.02f, 0.02f, 0.02f}, .mirror = 0.03f};
    Surface paint = {.albedo = self->paint, .mirror = 0.05f};
    bool frame;

    if (wheels_distance(shape, p) < 0.006f)
        return wheel_surface(self, shape, p);
    if (arches_distance(shape, p) < 0.01f)
        return trim;
    if (p.y > shape->belt && fabsf(n.z) > 0.6f) {
        if (is_side_glass(shape, p, &frame))
            return glass;
        if (frame)
            return trim;
    }
    if (p.y > shape->belt + 0.06f && p.y < shape->roof - 0.10f && fabsf(n.x) > 0.3f &&
        fabsf(p.z) < side_at(shape, p.x, p.y) - 0.07f && (self->kind != CAR_VAN || p.x > 0))
        return glass;
    if (p.y < 0.33f || (fabsf(n.z) > 0.5f && p.y < 0.40f && self->kind == CAR_SUV))
        return trim;
    if (p.x > shape->front - 0.42f && n.x > 0.25f)
        return end_surface(self, shape, p, true, paint);
    if (p.x < shape->rear + 0.35f && n.x < -0.25f)
        return end_surface(self, shape, p, false, paint);
    if (is_seam(shape, p) && fabsf(n.z) > 0.6f)
        return trim;
    if (fabsf(n.z) > 0.5f && fabsf(p.y - shape->belt + 0.10f) < 0.02f &&
        fabsf(fmodf(fabsf(p.x + 0.4f), 1.0f) - 0.1f) < 0.09f && self->kind != CAR_BUS)
        paint.albedo = scale(paint.albedo, 0.5f);
    /* dust */
    paint.albedo = mix3(paint.albedo, vec3(0.3f, 0.28f, 0.25f),
                        0.25f * smoothstep(0.7f, 0.25f, p.y) * noise_sum(scale(p, 5), 2));
    return paint;
}

void
car_bounds(const Car *self, Vec3 *low, Vec3 *high)
{
    const Shape *shape = &SHAPES[self->kind];
    const float half = shape->half_width + 0.14f, c = fabsf(self->yaw_cos),
                s = fabsf(self->yaw_sin);
    const float lengthwise = fmaxf(shape->front, -shape->rear) + 0.05f;
    const float x = (lengthwise * c + half * s) * self->size,
                z = (lengthwise * s + half * c) * self->size;

    *low = add(self->position, vec3(-x, 0, -z));
    *high = add(self->position, vec3(x, (shape->roof + 0.05f) * self->size, z));
}

Car
car_random(uint32_t *random)
{
    static const Vec3 paints[] = {
        {0.70f, 0.70f, 0.70f},   {0.015f, 0.015f, 0.018f}, {0.28f, 0.29f, 0.31f},
        {0.10f, 0.105f, 0.115f}, {0.30f, 0.02f, 0.02f},    {0.03f, 0.06f, 0.20f},
        {0.08f, 0.20f, 0.38f},   {0.42f, 0.42f, 0.40f},    {0.35f, 0.28f, 0.18f},
        {0.05f, 0.14f, 0.07f},   {0.55f, 0.40f, 0.05f},    {0.12f, 0.07f, 0.05f}};
    const float kind = random01(random);
    Car car = {.size = random_in(random, 0.95f, 1.07f)};

    car.kind = kind < 0.3f    ? CAR_SEDAN
               : kind < 0.58f ? CAR_HATCHBACK
               : kind < 0.8f  ? CAR_SUV
               : kind < 0.95f ? CAR_VAN
                              : CAR_BUS;
    car.paint = scale(paints[(int)(random01(random) * 12)], random_in(random, 0.85f, 1.15f));
    if (car.kind == CAR_VAN && random01(random) < 0.6f)
        car.paint = vec3(0.7f, 0.7f, 0.69f);
    car.roll = random_in(random, 0, 6);
    car.seed = (uint32_t)(random01(random) * 1e6f);
    return car;
}
