/* SPDX-License-Identifier: Apache-2.0 */
#include "configs/demo/yard.h"

#include "configs/demo/scenery.h"

#define YARD_SEED 20240611u
#define STEP_S 0.05f
/* people do not turn on the spot, nor start at full speed */
#define SMOOTHING_S 0.35f
#define N_SMOOTHING 9

/* When somebody is where, on the ground. */
typedef struct {
    float seconds, x, z;
} Way;

const Vec3 YARD_CORNERS[YARD_N_CORNERS] = {
    {-6, 0, 11.3f}, {5.2f, 0, 11.3f}, {3.2f, 0, 3}, {-3.2f, 0, 3}};
const char *const YARD_NAMES[YARD_N_VISITORS] = {"courier", "guest", "other guest", "car", "van"};

static const Way COURIER[] = {{2, 10.5f, 12.4f},   {8.5f, 2.1f, 12.2f},  {13.9f, 2.0f, 5.3f},
                              {16.5f, 2.0f, 5.2f}, {21.9f, 2.1f, 12.2f}, {28.4f, 10.5f, 12.4f}};
static const Way GUEST[] = {{47.5f, 10.5f, 12.1f}, {54.2f, 1.7f, 12.0f}, {62.4f, 1.55f, 1.4f}};
static const Way OTHER_GUEST[] = {
    {48.5f, -10.5f, 12.5f}, {54.8f, -2.4f, 12.4f}, {63.3f, -2.3f, 1.4f}};
static const Way VAN[] = {{26.5f, 18, 17.3f}, {30.5f, -18, 17.3f}};
/* x: metres driven along the street and into the drive */
static const Way CAR_IN[] = {
    {29, 0, 0}, {31.8f, 13, 0}, {35.8f, 22.4f, 0}, {40.8f, 22.4f, 0}, {45.2f, 13, 0}};
static const Way CAR_ON[] = {{45.2f, 13, 0}, {45.9f, 13, 0}, {50.5f, 43, 0}};

#define STREET_X (-20.0f)
#define STREET_Z 14.7f
#define TURN_AT 13.0f
#define TURN_RADIUS 3.8f

void
yard_build(World *world, Camera *camera)
{
    const Vec3 leaves = vec3(0.05f, 0.10f, 0.03f), bricks = vec3(0.30f, 0.22f, 0.18f);
    uint32_t random = YARD_SEED;

    *world = (World){.ground = {COVER_GRASS, {0.09f, 0.15f, 0.04f}}, .seed = YARD_SEED};
    scenery_set_light(world, LIGHT_SUN, &random);
    world->sun_direction = normalise(vec3(-0.62f, 0.75f, -0.35f));
    world->clouds = 0.35f;
    scenery_add_street(world, 13.3f, 19, 1.8f, &random);
    world_add_patch(world, -5.4f, 1, -1.0f, 11.6f, COVER_CONCRETE, vec3(0.30f, 0.29f, 0.27f));
    world_add_patch(world, 1.2f, 1, 2.9f, 11.6f, COVER_PAVERS, bricks);
    world_add_patch(world, -1.0f, 1, 1.2f, 4.6f, COVER_PAVERS, bricks);
    scenery_add_fence(world, -6.6f, 2, -6.6f, 11.3f, 1.6f, COVER_BOARDS, vec3(0.26f, 0.17f, 0.10f));
    scenery_add_fence(world, 6.2f, 3, 6.2f, 11, 1.4f, COVER_LEAVES, leaves);
    scenery_add_house(world, vec3(-19, 0, 25), vec3(-6, 5.4f, 33), COVER_BRICK,
                      vec3(0.32f, 0.15f, 0.10f), &random);
    scenery_add_house(world, vec3(0, 0, 27), vec3(10, 3.1f, 35), COVER_PLASTER,
                      vec3(0.62f, 0.57f, 0.47f), &random);
    scenery_add_house(world, vec3(15, 0, 26), vec3(26, 5.6f, 34), COVER_PLASTER,
                      vec3(0.50f, 0.52f, 0.53f), &random);
    scenery_add_fence(world, -4, 22.5f, 16, 22.5f, 1.0f, COVER_LEAVES, scale(leaves, 1.15f));
    world_add_tree(world, vec3(-3, 0, 24), 7, vec3(0.07f, 0.13f, 0.03f), &random);
    world_add_tree(world, vec3(12.5f, 0, 24.5f), 8.5f, vec3(0.09f, 0.14f, 0.04f), &random);
    for (int i = 0; i < 3; i++)
        world_add_tree(world, vec3(5.3f, 0, 6.5f + 1.3f * (float)i), 0.9f,
                       vec3(0.10f, 0.16f, 0.05f), &random);
    scenery_add_lamp_post(world, -5.6f, 12.9f, false);
    *camera = (Camera){.position = {0, 3.0f, 0},
                       .yaw = -0.03f,
                       .pitch = 0.25f,
                       .field_of_view = 1.1f,
                       .distortion = 0.05f,
                       .width = 640,
                       .height = 360,
                       .samples = 2,
                       .noise = 0.007f,
                       .blur = 0.55f,
                       .sharpening = 0.5f,
                       .vignetting = 0.22f,
                       .saturation = 0.9f,
                       .contrast = 0.45f,
                       .tint = {1, 0.98f, 0.95f}};
}

static Vec3
way_point(const Way *ways, int n, float seconds)
{
    int i = 0;

    while (i < n - 2 && seconds > ways[i + 1].seconds)
        i++;
    {
        const float k =
            clampf((seconds - ways[i].seconds) / (ways[i + 1].seconds - ways[i].seconds), 0, 1);

        return vec3(mix(ways[i].x, ways[i + 1].x, k), 0, mix(ways[i].z, ways[i + 1].z, k));
    }
}

static Vec3
smooth_point(const Way *ways, int n, float seconds)
{
    Vec3 sum = {0};

    for (int i = 0; i < N_SMOOTHING; i++) {
        const float shift = SMOOTHING_S * (2.0f * (float)i / (N_SMOOTHING - 1) - 1);

        sum = add(sum, way_point(ways, n, seconds + shift));
    }
    return scale(sum, 1.0f / N_SMOOTHING);
}

/* From the first step on, so that feet stay where they are put down. */
static void
walk(Person *person, const Way *ways, int n, float seconds)
{
    const float fastest = 1.3f;
    Vec3 from = smooth_point(ways, n, ways[0].seconds);

    person->stride = 0.9f;
    for (float t = ways[0].seconds; t < seconds; t += STEP_S) {
        const Vec3 to = smooth_point(ways, n, t + STEP_S), way = sub(to, from);
        const float moved = length(way);

        person->stride = 0.9f * clampf(moved / STEP_S / fastest, 0, 1);
        if (moved > 0.02f * STEP_S)
            person->yaw = atan2f(way.x, way.z);
        if (person->stride > 0.05f)
            person->phase += 2 * PI_F * moved / person_stride_length(person);
        from = to;
    }
    person->position = from;
    person_pose(person);
}

static Person
dress(YardVisitor who)
{
    Person p = {.height = 1.80f,
                .girth = 1.08f,
                .arm_spread = 0.05f,
                .elbow_bend = 0.25f,
                .seed = 40 + who,
                .colours = {[PART_SKIN] = {0.55f, 0.36f, 0.26f},
                            [PART_HAIR] = {0.03f, 0.02f, 0.015f},
                            [PART_TOP] = {0.03f, 0.06f, 0.20f},
                            [PART_BOTTOM] = {0.05f, 0.05f, 0.055f},
                            [PART_SHOES] = {0.03f, 0.03f, 0.03f},
                            [PART_BAG] = {0.35f, 0.22f, 0.08f}},
                .second_colour = {0.6f, 0.6f, 0.6f}};

    if (who == YARD_COURIER) {
        p.cap = p.hand_bag = true;
    } else if (who == YARD_GUEST) {
        p.height = 1.68f;
        p.girth = 0.98f;
        p.long_hair = true;
        p.colours[PART_TOP] = vec3(0.42f, 0.05f, 0.045f);
        p.colours[PART_BOTTOM] = vec3(0.07f, 0.10f, 0.19f);
    } else {
        p.height = 1.83f;
        p.backpack = p.short_sleeves = true;
        p.colours[PART_SKIN] = vec3(0.25f, 0.14f, 0.09f);
        p.colours[PART_TOP] = vec3(0.62f, 0.62f, 0.60f);
        p.colours[PART_BOTTOM] = vec3(0.20f, 0.18f, 0.13f);
        p.colours[PART_BAG] = vec3(0.05f, 0.12f, 0.10f);
        p.phase = 2;
    }
    return p;
}

static void
drive(Car *car, float metres)
{
    const float angle = clampf((metres - TURN_AT) / TURN_RADIUS, 0, PI_F / 2);
    const float rest = fmaxf(metres - TURN_AT - TURN_RADIUS * PI_F / 2, 0);

    car->position = vec3(STREET_X + fminf(metres, TURN_AT) + TURN_RADIUS * sinf(angle), 0,
                         STREET_Z - TURN_RADIUS * (1 - cosf(angle)) - rest);
    car->yaw = angle;
    car->roll = -metres / 0.315f;
}

static void
place_car(Car *car, float seconds)
{
    const float turned = CAR_ON[0].seconds;
    const float now =
        seconds < turned ? smooth_point(CAR_IN, 5, seconds).x : smooth_point(CAR_ON, 3, seconds).x;
    const float before = smooth_point(CAR_IN, 5, seconds - 0.4f).x;

    *car = (Car){.kind = CAR_HATCHBACK, .size = 1, .paint = {0.30f, 0.02f, 0.02f}};
    if (seconds < turned) {
        drive(car, now);
        car->braking = now < before + 2.2f && now > 14;
    } else {
        car->position = vec3(STREET_X + now, 0, STREET_Z);
        car->roll = -now / 0.315f;
    }
    car_pose(car);
}

static bool
is_during(const Way *ways, int n, float seconds)
{
    return seconds >= ways[0].seconds && seconds <= ways[n - 1].seconds;
}

static void
add_person(World *world, YardVisitor who, const Way *ways, int n, float seconds,
           YardVisitor *visitors)
{
    Person person;

    if (!is_during(ways, n, seconds))
        return;
    person = dress(who);
    walk(&person, ways, n, seconds);
    visitors[world->n_people] = who;
    world->people[world->n_people++] = person;
}

int
yard_populate(World *world, float seconds, YardVisitor *visitors)
{
    world->n_people = world->n_cars = 0;
    add_person(world, YARD_COURIER, COURIER, 6, seconds, visitors);
    add_person(world, YARD_GUEST, GUEST, 3, seconds, visitors);
    add_person(world, YARD_OTHER_GUEST, OTHER_GUEST, 3, seconds, visitors);
    if (seconds >= CAR_IN[0].seconds && seconds <= CAR_ON[2].seconds) {
        visitors[world->n_people + world->n_cars] = YARD_CAR;
        place_car(&world->cars[world->n_cars++], seconds);
    }
    if (is_during(VAN, 2, seconds)) {
        Car *van = &world->cars[world->n_cars];

        visitors[world->n_people + world->n_cars++] = YARD_VAN;
        *van = (Car){.kind = CAR_VAN,
                     .size = 1,
                     .paint = {0.68f, 0.68f, 0.67f},
                     .yaw = PI_F,
                     .position = way_point(VAN, 2, seconds)};
        van->roll = van->position.x / 0.345f;
        car_pose(van);
    }
    return world->n_people + world->n_cars;
}
