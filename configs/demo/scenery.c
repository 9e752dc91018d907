/* SPDX-License-Identifier: Apache-2.0 */
#include "configs/demo/scenery.h"

#define ROOF_STEPS 9

static void
add_window(World *world, Vec3 low, Vec3 high, Vec3 frame)
{
    const Vec3 out =
        high.x - low.x > high.z - low.z ? vec3(0.07f, 0.07f, -0.02f) : vec3(-0.02f, 0.07f, 0.07f);
    const bool lit = noise3(scale(low, 3.7f)) > 0.8f && world->zenith.z < 0.1f;

    world_add_block(world, sub(low, out), add(high, out), COVER_PLAIN, frame);
    world_add_block(world, low, high, COVER_WINDOW,
                    lit ? vec3(0.5f, 0.4f, 0.2f) : vec3(0.02f, 0.025f, 0.03f));
}

static void
add_facade(World *world, Vec3 low, Vec3 high, float z, Vec3 frame, uint32_t *random)
{
    const float width = high.x - low.x;
    const int n = (int)clampf(width / 2.6f, 1, 5), door = (int)(random01(random) * (float)n);
    const int n_storeys = high.y - low.y > 4.5f ? 2 : 1;

    for (int storey = 0; storey < n_storeys; storey++) {
        for (int i = 0; i < n; i++) {
            const float x = low.x + width * ((float)i + 0.5f) / (float)n, y = (float)storey * 2.7f;

            if (storey == 0 && i == door) {
                world_add_block(world, vec3(x - 0.5f, 0, z - 0.05f),
                                vec3(x + 0.5f, 2.1f, z + 0.05f), COVER_BOARDS, scale(frame, 0.3f));
                continue;
            }
            add_window(world, vec3(x - 0.55f, y + 0.95f, z - 0.035f),
                       vec3(x + 0.55f, y + 2.15f, z + 0.035f), frame);
        }
    }
}

void
scenery_add_house(World *world, Vec3 low, Vec3 high, CoverKind wall, Vec3 colour, uint32_t *random)
{
    const float depth = high.z - low.z, rise = depth * random_in(random, 0.25f, 0.45f);
    const int first = world->n_blocks;
    const Vec3 tiles = mix3(vec3(0.22f, 0.09f, 0.06f), vec3(0.09f, 0.09f, 0.10f), random01(random));

    world_add_block(world, low, high, wall, colour);
    world_add_block(world, low, vec3(high.x + 0.02f, 0.35f, high.z + 0.02f), COVER_CONCRETE,
                    vec3(0.25f, 0.25f, 0.24f));
    for (int i = 0; i < ROOF_STEPS; i++) {
        const float k = (float)i / ROOF_STEPS, inset = depth * 0.5f * k - 0.35f * (1 - k);

        world_add_block(
            world, vec3(low.x - 0.3f, high.y + rise * k, low.z + inset),
            vec3(high.x + 0.3f, high.y + rise * (k + 1.0f / ROOF_STEPS), high.z - inset),
            COVER_BRICK, tiles);
    }
    add_facade(world, low, high, low.z, vec3(0.7f, 0.7f, 0.68f), random);
    for (int side = 0; side < 2; side++) {
        const float x = side ? high.x : low.x, z = (low.z + high.z) * 0.5f;

        add_window(world, vec3(x - 0.035f, 0.95f, z - 0.6f), vec3(x + 0.035f, 2.15f, z + 0.6f),
                   vec3(0.7f, 0.7f, 0.68f));
    }
    world_group_blocks(world, first);
}

void
scenery_add_street(World *world, float z0, float z1, float walk, uint32_t *random)
{
    const float tone = random_in(random, 0.07f, 0.16f), middle = (z0 + z1) * 0.5f;

    world_add_patch(world, -200, z0 - walk, 200, z1 + walk, COVER_CONCRETE,
                    vec3(0.32f, 0.31f, 0.29f));
    world_add_patch(world, -200, z0 - 0.15f, 200, z1 + 0.15f, COVER_PLAIN,
                    vec3(0.40f, 0.40f, 0.38f));
    world_add_patch(world, -200, z0, 200, z1, COVER_ASPHALT, vec3(tone, tone, tone * 1.03f));
    for (float x = -36; x < 36; x += 6)
        world_add_patch(world, x, middle - 0.07f, x + 3, middle + 0.07f, COVER_CONCRETE,
                        vec3(0.6f, 0.6f, 0.57f));
}

void
scenery_add_fence(World *world, float x0, float z0, float x1, float z1, float height,
                  CoverKind kind, Vec3 colour)
{
    const float half = kind == COVER_LEAVES ? 0.45f : 0.03f;
    const Vec3 thick = x1 - x0 > z1 - z0 ? vec3(0, 0, half) : vec3(half, 0, 0);

    world_add_block(world, sub(vec3(x0, 0, z0), thick), add(vec3(x1, height, z1), thick), kind,
                    colour);
}

void
scenery_add_lamp_post(World *world, float x, float z, bool on)
{
    world_add_block(world, vec3(x - 0.06f, 0, z - 0.06f), vec3(x + 0.06f, 5, z + 0.06f),
                    COVER_PLAIN, vec3(0.15f, 0.16f, 0.16f));
    world_add_block(world, vec3(x - 0.5f, 5, z - 0.12f), vec3(x + 0.1f, 5.1f, z + 0.12f),
                    COVER_PLAIN, vec3(0.15f, 0.16f, 0.16f));
    if (!on)
        return;
    world_add_block(world, vec3(x - 0.45f, 4.95f, z - 0.1f), vec3(x - 0.1f, 5, z + 0.1f),
                    COVER_LAMP, vec3(14, 10, 6));
    world_add_lamp(world, (Lamp){.position = vec3(x - 0.28f, 4.9f, z),
                                 .colour = vec3(22, 15, 8),
                                 .radius = 0.1f,
                                 .aim = vec3(0, -1, 0),
                                 .cone = 0.1f});
}

void
scenery_set_light(World *world, LightKind kind, uint32_t *random)
{
    const float turn = random_in(random, 0, 2 * PI_F);
    const float up =
        kind == LIGHT_DUSK ? random_in(random, 0.08f, 0.2f) : random_in(random, 0.35f, 1.1f);

    world->sun_direction = vec3(cosf(turn) * cosf(up), sinf(up), sinf(turn) * cosf(up));
    world->sun_spread = 0.008f;
    switch (kind) {
    case LIGHT_SUN:
        world->sun_colour = vec3(3.1f, 2.85f, 2.5f);
        world->zenith = vec3(0.25f, 0.42f, 0.85f);
        world->horizon = vec3(0.75f, 0.85f, 1.0f);
        world->clouds = random_in(random, 0.1f, 0.6f);
        break;
    case LIGHT_OVERCAST:
        world->sun_colour = scale(vec3(0.5f, 0.5f, 0.48f), random01(random));
        world->sun_spread = 0.15f;
        world->zenith = vec3(0.85f, 0.88f, 0.95f);
        world->horizon = vec3(0.95f, 0.96f, 1.0f);
        world->clouds = 0.5f;
        break;
    case LIGHT_DUSK:
        world->sun_colour = scale(vec3(1.2f, 0.65f, 0.3f), random01(random));
        world->zenith = vec3(0.10f, 0.14f, 0.30f);
        world->horizon = vec3(0.55f, 0.38f, 0.28f);
        world->clouds = random_in(random, 0.2f, 0.6f);
        break;
    default:
        world->sun_colour = vec3(0, 0, 0);
        world->zenith = vec3(0.004f, 0.005f, 0.008f);
        world->horizon = vec3(0.015f, 0.013f, 0.012f);
        world->clouds = 0;
        break;
    }
}
