/* SPDX-License-Identifier: Apache-2.0 */
#include "configs/demo/scenes.h"

#include "configs/demo/scenery.h"

#define LONG_SIDE 416
#define PLACES 40

typedef enum {
    PLACE_STREET,
    PLACE_PARKING,
    PLACE_YARD,
    PLACE_PARK,
    PLACE_COURT,
    PLACE_HALL,
    N_PLACES,
} PlaceKind;

static bool
chance(uint32_t *random, float probability)
{
    return random01(random) < probability;
}

static CoverKind
random_wall(uint32_t *random)
{
    static const CoverKind walls[] = {COVER_BRICK, COVER_PLASTER, COVER_PLASTER, COVER_BOARDS,
                                      COVER_CONCRETE};

    return walls[(int)(random01(random) * 5)];
}

static Vec3
random_wall_colour(uint32_t *random)
{
    static const Vec3 colours[] = {
        {0.34f, 0.15f, 0.10f}, {0.62f, 0.58f, 0.48f}, {0.45f, 0.47f, 0.48f}, {0.55f, 0.42f, 0.27f},
        {0.30f, 0.26f, 0.22f}, {0.70f, 0.70f, 0.68f}, {0.35f, 0.42f, 0.45f}};

    return scale(colours[(int)(random01(random) * 7)], random_in(random, 0.7f, 1.1f));
}

static Vec3
random_leaf(uint32_t *random)
{
    return mix3(vec3(0.05f, 0.10f, 0.03f), vec3(0.13f, 0.14f, 0.04f), random01(random));
}

static void
add_house_row(World *world, float z, uint32_t *random)
{
    for (float x = -45 + random_in(random, 0, 8); x < 45;) {
        const float width = random_in(random, 7, 14), height = chance(random, 0.5f) ? 3.0f : 5.5f;

        if (chance(random, 0.75f))
            scenery_add_house(world, vec3(x, 0, z), vec3(x + width, height, z + 8),
                              random_wall(random), random_wall_colour(random), random);
        else
            world_add_tree(world, vec3(x + width * 0.5f, 0, z + 2), random_in(random, 5, 10),
                           random_leaf(random), random);
        x += width + random_in(random, 1.5f, 7);
    }
}

static void
build_street(World *world, uint32_t *random)
{
    const float near = random_in(random, 4, 10), far = near + random_in(random, 5.5f, 9);

    scenery_add_street(world, near, far, random_in(random, 1.5f, 3.5f), random);
    add_house_row(world, far + random_in(random, 4, 9), random);
    for (int i = 0; i < 4; i++)
        if (chance(random, 0.5f))
            world_add_tree(world, vec3(random_in(random, -22, 22), 0, far + 2.6f),
                           random_in(random, 4, 8), random_leaf(random), random);
    for (float x = -24 + random_in(random, 0, 10); x < 30; x += 18)
        scenery_add_lamp_post(world, x, far + 0.8f, world->zenith.x < 0.15f);
}

static void
build_parking(World *world, uint32_t *random)
{
    const float tone = random_in(random, 0.08f, 0.2f), end = random_in(random, 22, 36);

    world_add_patch(world, -60, -10, 60, end, COVER_ASPHALT, vec3(tone, tone, tone));
    for (float x = -20; x < 20; x += 2.6f)
        world_add_patch(world, x, 9, x + 0.1f, 14, COVER_CONCRETE, vec3(0.6f, 0.6f, 0.58f));
    world_add_block(world, vec3(-50, 0, end), vec3(50, random_in(random, 3, 9), end + 10),
                    random_wall(random), random_wall_colour(random));
    for (int i = 0; i < 3; i++)
        scenery_add_lamp_post(world, random_in(random, -18, 18), 15, world->zenith.x < 0.15f);
}

static void
build_yard(World *world, uint32_t *random)
{
    const float x = random_in(random, -5, 1), wide = random_in(random, 3, 6);
    const CoverKind cover = chance(random, 0.4f)   ? COVER_CONCRETE
                            : chance(random, 0.5f) ? COVER_GRAVEL
                                                   : COVER_PAVERS;
    const CoverKind fence = chance(random, 0.5f) ? COVER_LEAVES : COVER_BOARDS;
    const Vec3 colour = fence == COVER_LEAVES ? random_leaf(random) : random_wall_colour(random);
    const float end = random_in(random, 9, 18), height = random_in(random, 0.8f, 2);

    world_add_patch(world, x, 0, x + wide, end + 2, cover,
                    scale(vec3(0.3f, 0.28f, 0.26f), random_in(random, 0.7f, 1.3f)));
    scenery_add_fence(world, x - random_in(random, 1, 5), 1, x - random_in(random, 1, 5), end,
                      height, fence, colour);
    world->blocks[world->n_blocks - 1].high.x = world->blocks[world->n_blocks - 1].low.x + 0.5f;
    scenery_add_fence(world, x + wide + 3, 1, x + wide + 3, end, height, fence, colour);
    if (chance(random, 0.5f))
        scenery_add_house(world, vec3(x + wide + 4, 0, 3), vec3(x + wide + 14, 3.2f, 12),
                          random_wall(random), random_wall_colour(random), random);
    if (chance(random, 0.7f))
        scenery_add_street(world, end + 2, end + 8, 1.5f, random);
    add_house_row(world, end + 13, random);
    for (int i = 0; i < 3; i++)
        world_add_tree(world, vec3(random_in(random, -12, 12), 0, end + random_in(random, 0, 1)),
                       random_in(random, 3, 7), random_leaf(random), random);
}

static void
build_park(World *world, uint32_t *random)
{
    const float z = random_in(random, 5, 10);

    world_add_patch(world, -60, z, 60, z + random_in(random, 2, 4),
                    chance(random, 0.5f) ? COVER_GRAVEL : COVER_ASPHALT, vec3(0.25f, 0.23f, 0.2f));
    world_add_patch(world, -1, -5, 1.5f, z + 1, COVER_PAVERS, vec3(0.28f, 0.25f, 0.22f));
    for (int i = 0; i < 10; i++)
        world_add_tree(world, vec3(random_in(random, -25, 25), 0, z + random_in(random, 6, 35)),
                       random_in(random, 4, 11), random_leaf(random), random);
    if (chance(random, 0.5f))
        add_house_row(world, 42, random);
}

static void
build_court(World *world, uint32_t *random)
{
    const float half = random_in(random, 5, 12), end = random_in(random, 10, 22),
                height = random_in(random, 2.2f, 8);
    const CoverKind wall = random_wall(random);
    const Vec3 colour = random_wall_colour(random);
    const float tone = random_in(random, 0.12f, 0.35f);

    world_add_patch(world, -half, -5, half, end,
                    chance(random, 0.5f) ? COVER_CONCRETE : COVER_PAVERS,
                    vec3(tone, tone, tone * 0.95f));
    world_add_block(world, vec3(-half - 1, 0, -5), vec3(-half, height, end), wall, colour);
    world_add_block(world, vec3(half, 0, -5), vec3(half + 1, height, end), wall, colour);
    world_add_block(world, vec3(-half, 0, end), vec3(half, height, end + 1), wall, colour);
    world_add_block(world, vec3(-1.4f, 0, end - 0.06f), vec3(1.4f, 2.3f, end), COVER_RIDGES,
                    scale(random_wall_colour(random), 0.8f));
    for (int i = 0; i < 5; i++) {
        const float x = random_in(random, -half, half), size = random_in(random, 0.4f, 1.1f);

        world_add_block(world, vec3(x, 0, end - 1.2f), vec3(x + size, size, end - 0.2f),
                        COVER_PLAIN, random_wall_colour(random));
    }
}

/* Indoors: the sky is what the ceiling's lamps make of it. */
static void
build_hall(World *world, uint32_t *random)
{
    const float half = random_in(random, 2.2f, 6), end = random_in(random, 8, 18),
                tone = random_in(random, 0.15f, 0.5f);
    const Vec3 colour = random_wall_colour(random);

    world->sun_colour = vec3(0, 0, 0);
    world->zenith = world->horizon = vec3(0.3f, 0.3f, 0.29f);
    world->clouds = 0;
    world->ground = (Cover){chance(random, 0.5f) ? COVER_CONCRETE : COVER_PLAIN,
                            vec3(tone, tone * 0.96f, tone * 0.9f)};
    world_add_block(world, vec3(-half - 1, 0, -4), vec3(-half, 4.6f, end), COVER_PLASTER, colour);
    world_add_block(world, vec3(half, 0, -4), vec3(half + 1, 4.6f, end), COVER_PLASTER, colour);
    world_add_block(world, vec3(-half, 0, end), vec3(half, 4.6f, end + 1), COVER_PLASTER,
                    scale(colour, 0.9f));
    world_add_block(world, vec3(-0.6f, 0, end - 0.05f), vec3(0.6f, 2.1f, end), COVER_BOARDS,
                    vec3(0.25f, 0.16f, 0.09f));
    world_add_block(world, vec3(-half, 4.6f, -4), vec3(half, 4.7f, end), COVER_PLASTER,
                    vec3(0.7f, 0.7f, 0.7f));
    for (int i = 0; i < 4; i++) {
        const float z = 2 + (float)i * end / 4;

        world_add_lamp(world, (Lamp){.position = {0, 4.4f, z},
                                     .colour = {2.5f, 2.4f, 2.2f},
                                     .radius = 0.4f,
                                     .cone = -2});
        world_add_block(
            world, vec3(-half + 0.1f, 0, z),
            vec3(-half + 0.6f, random_in(random, 0.5f, 2), z + random_in(random, 0.5f, 1.5f)),
            COVER_PLAIN, random_wall_colour(random));
    }
}

static bool
is_free(const World *world, Vec3 at, float room)
{
    for (int i = 0; i < world->n_blocks; i++) {
        const Block *b = &world->blocks[i];

        if (at.x > b->low.x - room && at.x < b->high.x + room && at.z > b->low.z - room &&
            at.z < b->high.z + room && b->low.y < 2)
            return false;
    }
    for (int i = 0; i < world->n_cars; i++)
        if (hypotf(at.x - world->cars[i].position.x, at.z - world->cars[i].position.z) <
            car_half_size(&world->cars[i]).x + room * 0.8f)
            return false;
    for (int i = 0; i < world->n_people; i++)
        if (hypotf(at.x - world->people[i].position.x, at.z - world->people[i].position.z) < 0.7f)
            return false;
    return true;
}

/* A point of the ground that the camera sees, further away the rarer. */
static Vec3
random_spot(const Camera *camera, float nearest, float furthest, uint32_t *random)
{
    const float distance = nearest * powf(furthest / nearest, random01(random));
    const float bearing = camera->yaw + random_in(random, -0.5f, 0.5f) * camera->field_of_view;

    return add(vec3(camera->position.x, 0, camera->position.z),
               vec3(sinf(bearing) * distance, 0, cosf(bearing) * distance));
}

static void
add_cars(World *world, const Camera *camera, int n, bool parked, uint32_t *random)
{
    for (int i = 0; i < n && world->n_cars < MAX_CARS; i++) {
        Car car = car_random(random);

        for (int attempt = 0; attempt < PLACES; attempt++) {
            car.position = random_spot(camera, 5, 26, random);
            if (parked)
                car.position.z = chance(random, 0.5f) ? 11.5f : random_in(random, 5, 20);
            if (!is_free(world, car.position, car_half_size(&car).x * 0.85f))
                continue;
            car.yaw = chance(random, 0.3f)
                          ? random_in(random, 0, 2 * PI_F)
                          : (chance(random, 0.5f) ? 0 : PI_F) + (parked ? PI_F / 2 : 0) +
                                0.1f * random_normal(random);
            car.lights_on = world->zenith.x < 0.12f && chance(random, 0.5f);
            car.braking = chance(random, 0.15f);
            car_pose(&car);
            world->cars[world->n_cars++] = car;
            break;
        }
    }
}

static void
add_people(World *world, const Camera *camera, int n, uint32_t *random)
{
    for (int i = 0; i < n && world->n_people < MAX_PEOPLE; i++) {
        Person person = person_random(random);

        for (int attempt = 0; attempt < PLACES; attempt++) {
            person.position = random_spot(camera, 2.2f, 15, random);
            if (!is_free(world, person.position, 0.45f))
                continue;
            person.yaw = random_in(random, 0, 2 * PI_F);
            person_pose(&person);
            world->people[world->n_people++] = person;
            break;
        }
    }
}

static void
place_camera(Camera *camera, PlaceKind place, bool infrared, uint32_t *random)
{
    static const float shapes[] = {9.0f / 16, 9.0f / 16, 3.0f / 4, 2.0f / 3};
    const float height = random_in(random, 2.2f, place == PLACE_HALL ? 3.2f : 5);

    *camera = (Camera){
        .position = {0, height, 0}, .width = LONG_SIDE, .samples = 2, .infrared = infrared};
    camera->height = (int)(LONG_SIDE * shapes[(int)(random01(random) * 4)]);
    camera->yaw =
        place == PLACE_STREET ? random_in(random, -1.15f, 1.15f) : random_in(random, -0.4f, 0.4f);
    camera->pitch = random_in(random, 0.1f, 0.22f) + 0.06f * height;
    camera->field_of_view = random_in(random, 0.85f, 1.75f);
    camera->distortion = random_in(random, 0, 0.12f);
    camera->noise = random_in(random, 0.005f, 0.025f) * (infrared ? 1.6f : 1);
    camera->blur = random_in(random, 0.4f, 1.0f);
    camera->sharpening = random_in(random, 0, 0.8f);
    camera->vignetting = random_in(random, 0, 0.4f);
    camera->saturation = random_in(random, 0.55f, 1.1f);
    camera->contrast = random_in(random, 0.1f, 0.7f);
    camera->tint = vec3(random_in(random, 0.9f, 1.1f), 1, random_in(random, 0.88f, 1.12f));
}

static void
light_by_camera(World *world, const Camera *camera)
{
    const Vec3 ahead = vec3(sinf(camera->yaw) * cosf(camera->pitch), -sinf(camera->pitch),
                            cosf(camera->yaw) * cosf(camera->pitch));

    world->n_lamps = 0;
    world_add_lamp(world, (Lamp){.position = add(camera->position, vec3(0, 0.08f, 0)),
                                 .colour = {30, 30, 30},
                                 .radius = 0.03f,
                                 .aim = ahead,
                                 .cone = 0.5f});
}

void
scenes_build(uint32_t number, World *world, Camera *camera)
{
    static void (*const builders[N_PLACES])(World *, uint32_t *) = {
        build_street, build_parking, build_yard, build_park, build_court, build_hall};
    uint32_t random = hash32(number * 2654435761u + 99);
    const PlaceKind place = (PlaceKind)(random01(&random) * N_PLACES);
    const float hour = random01(&random);
    const LightKind light = hour < 0.45f   ? LIGHT_SUN
                            : hour < 0.68f ? LIGHT_OVERCAST
                            : hour < 0.78f ? LIGHT_DUSK
                                           : LIGHT_NIGHT;
    const bool infrared = light == LIGHT_NIGHT &&
                          (place == PLACE_PARK || place == PLACE_COURT || chance(&random, 0.6f));
    const bool empty = chance(&random, 0.06f);
    const Vec3 lawn = mix3(vec3(0.07f, 0.13f, 0.035f), vec3(0.2f, 0.18f, 0.08f), random01(&random));

    *world = (World){.ground = {COVER_GRASS, lawn}, .seed = number};
    scenery_set_light(world, light, &random);
    builders[place](world, &random);
    place_camera(camera, place, infrared, &random);
    if (infrared)
        light_by_camera(world, camera);
    else if (light == LIGHT_NIGHT && place != PLACE_HALL && world->n_lamps == 0)
        scenery_add_lamp_post(world, random_in(&random, -5, 5), random_in(&random, 8, 12), true);
    if (empty)
        return;
    if (place != PLACE_HALL && place != PLACE_PARK)
        add_cars(world, camera, (int)random_in(&random, 0, place == PLACE_PARKING ? 9 : 4),
                 place == PLACE_PARKING, &random);
    add_people(world, camera, (int)random_in(&random, place == PLACE_HALL ? 1 : 0.5f, 5), &random);
}
