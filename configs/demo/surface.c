/* SPDX-License-Identifier: Apache-2.0 */
#include "configs/demo/surface.h"

static Vec3
stained(Vec3 colour, Vec3 point, float amount)
{
    const float large = noise_sum(scale(point, 0.35f), 3), fine = noise_sum(scale(point, 6), 2);

    return scale(colour, 1 + amount * (large - 0.5f) * 1.4f + amount * (fine - 0.5f));
}

/* 1 on the lines between cells of @size, 0 inside. */
static float
joint_lines(float a, float b, float width_a, float width_b, float line)
{
    const float da = fabsf(a / width_a - roundf(a / width_a)) * width_a;
    const float db = fabsf(b / width_b - roundf(b / width_b)) * width_b;

    return 1 - smoothstep(line * 0.5f, line, fminf(da, db));
}

static Vec3
asphalt(Vec3 colour, Vec3 p)
{
    const float grain = noise3(scale(p, 55)) - 0.5f;
    const float crack = fabsf(noise_sum(add(scale(p, 0.6f), vec3(5, 0, 2)), 4) - 0.5f);
    const float patch = smoothstep(0.6f, 0.62f, noise_sum(scale(p, 0.25f), 2));
    Vec3 c = stained(colour, p, 0.35f);

    c = scale(c, 1 + 0.35f * grain - 0.15f * patch);
    return scale(c, 1 - 0.45f * (1 - smoothstep(0.002f, 0.008f, crack)));
}

static Vec3
bricks(Vec3 colour, Vec3 p, Vec3 normal)
{
    const float along = fabsf(normal.x) > 0.5f ? p.z : p.x;
    const int row = (int)floorf(p.y / 0.075f);
    const float shifted = along + (row & 1 ? 0.11f : 0);
    const int column = (int)floorf(shifted / 0.22f);
    const float dx = fabsf(shifted / 0.22f - roundf(shifted / 0.22f)) * 0.22f;
    const float dy = fabsf(p.y / 0.075f - roundf(p.y / 0.075f)) * 0.075f;
    const float mortar = 1 - smoothstep(0.004f, 0.009f, fminf(dx, dy));
    const Vec3 brick = scale(stained(colour, p, 0.3f), 0.75f + 0.5f * cell_noise(row, column, 7));

    return mix3(brick, vec3(0.45f, 0.43f, 0.40f), mortar);
}

static Vec3
pavers(Vec3 colour, Vec3 p)
{
    const int row = (int)floorf(p.z / 0.2f);
    const float x = p.x + (row & 1 ? 0.2f : 0);
    const float tone = 0.85f + 0.3f * cell_noise(row, (int)floorf(x / 0.4f), 3);
    const float line = joint_lines(x, p.z, 0.4f, 0.2f, 0.012f);

    return scale(stained(colour, p, 0.3f), tone * (1 - 0.4f * line));
}

static Vec3
grass(Vec3 colour, Vec3 p)
{
    const float blades = noise_sum(scale(p, 28), 2), patches = noise_sum(scale(p, 0.8f), 3);
    const Vec3 dry = vec3(0.30f, 0.26f, 0.13f);
    const Vec3 c = mix3(colour, dry, smoothstep(0.45f, 0.8f, patches));

    return scale(c, 0.35f + 1.2f * blades);
}

static Vec3
boards(Vec3 colour, Vec3 p, Vec3 normal)
{
    const float along = fabsf(normal.x) > 0.5f ? p.z : p.x;
    const int board = (int)floorf(along / 0.14f);
    const float edge = fabsf(along / 0.14f - roundf(along / 0.14f)) * 0.14f;
    const float grain = noise_sum(vec3(along * 30, p.y * 1.5f, (float)board), 2);
    const float tone = 0.8f + 0.35f * cell_noise(board, 1, 5) + 0.3f * (grain - 0.5f);

    return scale(colour, tone * (1 - 0.7f * (1 - smoothstep(0.003f, 0.009f, edge))));
}

Surface
cover_surface(const Cover *cover, Vec3 p, Vec3 normal)
{
    Surface s = {.albedo = cover->colour};

    switch (cover->kind) {
    case COVER_ASPHALT: s.albedo = asphalt(cover->colour, p); break;
    case COVER_CONCRETE: {
        const float line = joint_lines(p.x, p.z, 2.4f, 2.4f, 0.02f) * fabsf(normal.y);

        s.albedo = scale(stained(cover->colour, p, 0.35f), 1 - 0.4f * line);
        break;
    }
    case COVER_PAVERS: s.albedo = pavers(cover->colour, p); break;
    case COVER_GRASS:
        s.albedo = grass(cover->colour, p);
        s.roughness = 0.5f;
        break;
    case COVER_GRAVEL:
        s.albedo = scale(stained(cover->colour, p, 0.3f), 0.6f + 0.8f * noise3(scale(p, 40)));
        s.roughness = 0.3f;
        break;
    case COVER_BRICK: s.albedo = bricks(cover->colour, p, normal); break;
    case COVER_PLASTER: {
        const float soot = smoothstep(0.6f, 0, p.y) * 0.3f;

        s.albedo = scale(stained(cover->colour, p, 0.18f), 1 - soot);
        break;
    }
    case COVER_BOARDS: s.albedo = boards(cover->colour, p, normal); break;
    case COVER_RIDGES:
        s.albedo = scale(cover->colour, 0.8f + 0.25f * smoothstep(0, 0.25f, fmodf(p.y, 0.5f)));
        s.mirror = 0.02f;
        break;
    case COVER_WINDOW: s.mirror = 0.12f; break;
    case COVER_LEAVES:
        s.albedo = scale(cover->colour, 0.3f + 1.4f * noise_sum(scale(p, 9), 3));
        s.roughness = 1.0f;
        break;
    case COVER_LAMP:
        s.emission = cover->colour;
        s.albedo = vec3(0.8f, 0.8f, 0.8f);
        break;
    default: s.albedo = stained(cover->colour, p, 0.12f); break;
    }
    return s;
}
