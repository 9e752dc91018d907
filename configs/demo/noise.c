/* SPDX-License-Identifier: Apache-2.0 */
#include "configs/demo/vec.h"

float
cell_noise(int x, int y, int z)
{
    const uint32_t key =
        (uint32_t)x * 0x8da6b343u ^ (uint32_t)y * 0xd8163841u ^ (uint32_t)z * 0xcb1ab31fu;

    return (float)(hash32(key) >> 8) * (1.0f / 16777216.0f);
}

float
noise3(Vec3 p)
{
    const float fx = floorf(p.x), fy = floorf(p.y), fz = floorf(p.z);
    const int x = (int)fx, y = (int)fy, z = (int)fz;
    const float u = smoothstep(0, 1, p.x - fx);
    const float v = smoothstep(0, 1, p.y - fy);
    const float w = smoothstep(0, 1, p.z - fz);
    float level[2];

    for (int k = 0; k < 2; k++) {
        const float low = mix(cell_noise(x, y, z + k), cell_noise(x + 1, y, z + k), u);
        const float high = mix(cell_noise(x, y + 1, z + k), cell_noise(x + 1, y + 1, z + k), u);

        level[k] = mix(low, high, v);
    }
    return mix(level[0], level[1], w);
}

float
noise_sum(Vec3 p, int n_octaves)
{
    float sum = 0, weight = 0.5f;

    for (int i = 0; i < n_octaves; i++) {
        sum += weight * noise3(p);
        p = add(scale(p, 2.03f), vec3(17.1f, 3.7f, 9.2f));
        weight *= 0.5f;
    }
    return sum / (1 - 2 * weight);
}
