/* SPDX-License-Identifier: Apache-2.0 */
/* Lengths are those of a person of 1.75 m; the field is scaled for others. Local axes: x to the person's left, z ahead. */
#include "configs/demo/person.h"

#define BODY_HEIGHT 1.75f
#define THIGH 0.43f
#define SHIN 0.42f
#define ANKLE_HEIGHT 0.075f
#define FOOT 0.17f
#define UPPER_ARM 0.29f
#define FOREARM 0.25f
#define HEAD_REACH 0.32f

/* A bone of @length that hangs down from @from, swung ahead by @angle and to the left by @spread. */
static Vec3
bone(Vec3 from, float angle, float spread, float bone_length)
{
    const float down = cosf(angle) * cosf(spread);

    return add(from, scale(vec3(sinf(spread), -down, sinf(angle) * cosf(spread)), bone_length));
}

static void
pose_leg(Person *self, int side, Vec3 pelvis)
{
    const float phase = self->phase + (side ? PI_F : 0), swing = 0.46f * self->stride;
    const float thigh = swing * cosf(phase) + 0.08f * self->stride;
    const float lift = fmaxf(0, -sinf(phase + 0.35f));
    const float knee = 0.06f + self->stride * (0.08f + 0.85f * lift * sqrtf(lift));
    const float x = (side ? -1 : 1) * 0.095f * self->girth, stance = (side ? -1 : 1) * 0.03f;
    const float foot = 0.3f * (thigh - knee);
    Vec3 *j = self->joints;

    j[JOINT_HIP + side] = add(pelvis, vec3(x, -0.04f, 0));
    j[JOINT_KNEE + side] = bone(j[JOINT_HIP + side], thigh, stance, THIGH);
    j[JOINT_ANKLE + side] = bone(j[JOINT_KNEE + side], thigh - knee, stance, SHIN);
    j[JOINT_TOE + side] = add(j[JOINT_ANKLE + side],
                              vec3((side ? -1 : 1) * 0.03f, -0.035f + FOOT * sinf(foot), FOOT));
}

static void
pose_arm(Person *self, int side)
{
    const float out = side ? -1 : 1, phase = self->phase + (side ? 0 : PI_F);
    const float swing = 0.42f * self->stride * cosf(phase) + 0.04f;
    const float bend = self->elbow_bend + 0.25f * self->stride * fmaxf(0, cosf(phase));
    const float spread = out * (0.10f + self->arm_spread);
    Vec3 *j = self->joints;

    j[JOINT_SHOULDER + side] = add(j[JOINT_CHEST], vec3(out * 0.175f * self->girth, 0.13f, -0.01f));
    j[JOINT_ELBOW + side] = bone(j[JOINT_SHOULDER + side], swing, spread, UPPER_ARM);
    j[JOINT_WRIST + side] = bone(j[JOINT_ELBOW + side], swing + bend, spread * 0.3f, FOREARM);
    j[JOINT_HAND + side] = bone(j[JOINT_WRIST + side], swing + bend * 1.1f, 0, 0.10f);
}

void
person_pose(Person *self)
{
    Vec3 *j = self->joints;
    const Vec3 pelvis = vec3(0, 0.95f, 0);
    const float lean = 0.06f * self->stride;
    float lowest;

    self->unit = self->height / BODY_HEIGHT;
    self->yaw_cos = cosf(self->yaw);
    self->yaw_sin = sinf(self->yaw);
    j[JOINT_PELVIS] = pelvis;
    j[JOINT_WAIST] = add(pelvis, vec3(0, 0.14f, lean * 0.15f));
    j[JOINT_CHEST] = add(pelvis, vec3(0, 0.33f, lean * 0.33f));
    j[JOINT_NECK] = add(pelvis, vec3(0, 0.53f, lean * 0.5f));
    j[JOINT_HEAD] = add(pelvis, vec3(0, 0.675f, lean * 0.6f + 0.03f));
    for (int side = 0; side < 2; side++) {
        pose_leg(self, side, pelvis);
        pose_arm(self, side);
    }
    lowest = fminf(fminf(j[JOINT_ANKLE].y, j[JOINT_ANKLE + 1].y) - ANKLE_HEIGHT,
                   fminf(j[JOINT_TOE].y, j[JOINT_TOE + 1].y) - 0.035f);
    for (int i = 0; i < N_JOINTS; i++)
        j[i].y -= lowest;
}

float
person_stride_length(const Person *self)
{
    return 4 * (THIGH + SHIN) * sinf(0.44f * self->stride) * self->height / BODY_HEIGHT;
}

/* A cone with round ends: radius @ra at @a, @rb at @b. */
static float
round_cone(Vec3 p, Vec3 a, Vec3 b, float ra, float rb)
{
    const Vec3 pa = sub(p, a), ba = sub(b, a);
    const float h = clampf(dot(pa, ba) / dot(ba, ba), 0, 1);

    return length(sub(pa, scale(ba, h))) - mix(ra, rb, h);
}

static float
ellipsoid(Vec3 p, Vec3 centre, Vec3 radii)
{
    const Vec3 q = sub(p, centre);
    const Vec3 unit = vec3(q.x / radii.x, q.y / radii.y, q.z / radii.z);
    const Vec3 steep = vec3(unit.x / radii.x, unit.y / radii.y, unit.z / radii.z);
    const float k = length(unit);

    return k < 1e-4f ? -radii.x : k * (k - 1) / length(steep);
}

/* A round cone flattened front to back by @depth. */
static float
flat_cone(Vec3 p, Vec3 a, Vec3 b, float ra, float rb, float depth)
{
    const float k = 1 / depth;

    p.z *= k;
    a.z *= k;
    b.z *= k;
    return round_cone(p, a, b, ra, rb) * depth;
}

static float
torso_distance(const Person *self, Vec3 p)
{
    const Vec3 *j = self->joints;
    const float g = self->girth;
    const float chest = flat_cone(p, j[JOINT_WAIST], add(j[JOINT_CHEST], vec3(0, 0.05f, 0)),
                                  0.145f * g, 0.178f * g, 0.66f);
    const float hips = flat_cone(p, add(j[JOINT_PELVIS], vec3(0, -0.02f, 0)), j[JOINT_WAIST],
                                 0.172f * g, 0.148f * g, 0.72f);
    const float yoke =
        round_cone(p, j[JOINT_SHOULDER], j[JOINT_SHOULDER + 1], 0.062f * g, 0.062f * g);
    const float collar = round_cone(p, add(j[JOINT_NECK], vec3(0, -0.09f, -0.01f)),
                                    add(j[JOINT_NECK], vec3(0, -0.02f, 0)), 0.095f, 0.06f);
    float d = smooth_min(smooth_min(chest, hips, 0.08f), smooth_min(yoke, collar, 0.06f), 0.09f);

    if (self->long_coat) {
        const Vec3 hem = vec3(0, j[JOINT_KNEE].y + 0.12f, j[JOINT_PELVIS].z);

        d = smooth_min(d, flat_cone(p, j[JOINT_PELVIS], hem, 0.175f * g, 0.20f * g, 0.78f), 0.06f);
    }
    return d;
}

static float
head_distance(const Person *self, Vec3 p, Part *part)
{
    const Vec3 head = self->joints[JOINT_HEAD], q = sub(p, head);
    const float skull =
        ellipsoid(p, add(head, vec3(0, 0.025f, -0.012f)), vec3(0.077f, 0.098f, 0.094f));
    const float jaw =
        ellipsoid(p, add(head, vec3(0, -0.055f, 0.022f)), vec3(0.056f, 0.062f, 0.066f));
    const float nose =
        ellipsoid(p, add(head, vec3(0, -0.012f, 0.092f)), vec3(0.014f, 0.024f, 0.02f));
    const float ear =
        ellipsoid(vec3(fabsf(p.x - head.x) + head.x, p.y, p.z),
                  add(head, vec3(0.079f, -0.005f, -0.012f)), vec3(0.012f, 0.03f, 0.02f));
    const float neck = round_cone(p, add(self->joints[JOINT_NECK], vec3(0, -0.04f, 0)),
                                  add(head, vec3(0, -0.06f, -0.01f)), 0.058f, 0.052f);
    float skin = smooth_min(smooth_min(skull, jaw, 0.04f), neck, 0.03f), hair;

    skin = fminf(smooth_min(skin, nose, 0.02f), ear);
    hair = ellipsoid(p, add(head, vec3(0, 0.038f, -0.022f)), vec3(0.088f, 0.102f, 0.100f));
    hair = smooth_max(hair, -(q.y - 0.035f + 1.1f * (-0.05f - q.z)), 0.02f);
    if (hair < 0.03f)
        hair += 0.006f * (noise3(scale(p, 45)) - 0.5f);
    if (self->long_hair)
        hair = smooth_min(hair,
                          flat_cone(p, add(head, vec3(0, 0.03f, -0.07f)),
                                    add(head, vec3(0, -0.2f, -0.095f)), 0.075f, 0.085f, 0.5f),
                          0.04f);
    if (self->cap)
        hair = fminf(hair,
                     ellipsoid(p, add(head, vec3(0, 0.055f, 0.10f)), vec3(0.07f, 0.012f, 0.07f)));
    *part = hair < skin ? PART_HAIR : PART_SKIN;
    return fminf(hair, skin);
}

static void
nearer(float *best, Part *part, float d, Part candidate)
{
    if (d < *best) {
        *best = d;
        *part = candidate;
    }
}

static void
legs_distance(const Person *self, Vec3 p, float *best, Part *part)
{
    const Vec3 *j = self->joints;
    const float g = self->girth, wide = self->shorts ? 1.0f : 1.18f;
    float trousers = flat_cone(p, j[JOINT_PELVIS], add(j[JOINT_PELVIS], vec3(0, -0.05f, 0)),
                               0.16f * g, 0.15f * g, 0.74f);

    for (int side = 0; side < 2; side++) {
        const Vec3 hip = j[JOINT_HIP + side], knee = j[JOINT_KNEE + side];
        const Vec3 ankle = j[JOINT_ANKLE + side], toe = j[JOINT_TOE + side];
        const Vec3 heel = add(ankle, vec3(0, -0.035f, -0.045f));
        const float thigh = round_cone(p, hip, knee, 0.085f * g, 0.058f * g * wide);
        const float shin = round_cone(p, knee, add(ankle, vec3(0, 0.02f, 0)), 0.056f * g * wide,
                                      self->shorts ? 0.038f : 0.056f);
        const float shoe = smooth_min(round_cone(p, heel, toe, 0.042f, 0.036f),
                                      round_cone(p, ankle, heel, 0.045f, 0.042f), 0.04f);

        trousers = smooth_min(trousers, thigh, 0.05f);
        if (self->shorts)
            nearer(best, part, shin, PART_SKIN);
        else
            trousers = smooth_min(trousers, shin, 0.03f);
        nearer(best, part, shoe, PART_SHOES);
    }
    nearer(best, part, trousers, PART_BOTTOM);
}

static void
arms_distance(const Person *self, Vec3 p, float *top, float *best, Part *part)
{
    const Vec3 *j = self->joints;
    const float g = self->girth;

    for (int side = 0; side < 2; side++) {
        const Vec3 elbow = j[JOINT_ELBOW + side], wrist = j[JOINT_WRIST + side];
        const float sleeve = round_cone(p, j[JOINT_SHOULDER + side], elbow, 0.064f * g, 0.047f * g);
        const float lower =
            round_cone(p, elbow, wrist, 0.045f * g, self->short_sleeves ? 0.029f : 0.038f);
        const float hand = flat_cone(p, wrist, j[JOINT_HAND + side], 0.032f, 0.036f, 0.9f);

        *top = smooth_min(*top, sleeve, 0.04f);
        if (self->short_sleeves)
            nearer(best, part, lower, PART_SKIN);
        else
            *top = smooth_min(*top, lower, 0.02f);
        nearer(best, part, hand, PART_SKIN);
    }
}

static void
bags_distance(const Person *self, Vec3 p, float *best, Part *part)
{
    const Vec3 *j = self->joints;

    if (self->backpack)
        nearer(
            best, part,
            ellipsoid(p, add(j[JOINT_CHEST], vec3(0, -0.03f, -0.19f)), vec3(0.14f, 0.22f, 0.10f)),
            PART_BAG);
    if (self->hand_bag)
        nearer(best, part,
               ellipsoid(p, add(j[JOINT_HAND], vec3(0.02f, -0.2f, 0)), vec3(0.05f, 0.14f, 0.16f)),
               PART_BAG);
}

static Vec3
to_local(const Person *self, Vec3 point)
{
    const Vec3 q = scale(sub(point, self->position), 1 / self->unit);

    return vec3(q.x * self->yaw_cos - q.z * self->yaw_sin, q.y,
                q.x * self->yaw_sin + q.z * self->yaw_cos);
}

float
person_distance(const Person *self, Vec3 point, Part *part)
{
    const Vec3 p = to_local(self, point);
    const float around = round_cone(p, vec3(0, 0.3f, 0), vec3(0, 1.5f, 0), 0.75f, 0.75f);
    float best = 1e3f, top, head;
    Part head_part = PART_SKIN;

    if (around > 0.3f)
        return around * self->unit;
    top = torso_distance(self, p);
    arms_distance(self, p, &top, &best, part);
    if (top < 0.03f)
        top += 0.012f *
               (noise_sum(add(scale(p, 13), vec3((float)(self->seed & 255), 0, 0)), 2) - 0.5f);
    nearer(&best, part, top, PART_TOP);
    /* what is further away than that need not be looked at */
    if (p.y - self->joints[JOINT_PELVIS].y - 0.14f < best)
        legs_distance(self, p, &best, part);
    if (length(sub(p, self->joints[JOINT_HEAD])) - HEAD_REACH < best) {
        head = head_distance(self, p, &head_part);
        nearer(&best, part, head, head_part);
    }
    bags_distance(self, p, &best, part);
    return best * self->unit;
}

static Vec3
top_colour(const Person *self, Vec3 p)
{
    const Vec3 plain = self->colours[PART_TOP], second = self->second_colour;

    switch (self->pattern) {
    case PATTERN_STRIPES: return fmodf(p.y, 0.1f) < 0.05f ? plain : second;
    case PATTERN_CHECKS: {
        const float tone = (fmodf(p.y, 0.12f) < 0.06f) + (fmodf(fabsf(p.x + p.z), 0.12f) < 0.06f);

        return mix3(plain, second, tone * 0.5f);
    }
    case PATTERN_OPEN_JACKET:
        return p.z > 0 && fabsf(p.x) < 0.05f + 0.03f * (p.y - 1) ? second : plain;
    case PATTERN_PRINT:
        return p.z > 0 && fabsf(p.x) < 0.10f && fabsf(p.y - 1.28f) < 0.07f &&
                       noise3(scale(p, 25)) > 0.45f
                   ? second
                   : plain;
    default: return plain;
    }
}

static Vec3
face_colour(const Person *self, Vec3 p)
{
    const Vec3 q = sub(p, self->joints[JOINT_HEAD]), skin = self->colours[PART_SKIN];
    const float eye = hypotf((fabsf(q.x) - 0.031f) * 0.7f, q.y - 0.018f);
    const float brow = hypotf((fabsf(q.x) - 0.031f) * 0.4f, q.y - 0.038f);
    const float mouth = hypotf(q.x * 0.4f, q.y + 0.062f);

    if (q.z < 0.03f || fabsf(q.y) > 0.13f)
        return skin;
    if (eye < 0.011f || brow < 0.007f)
        return scale(skin, 0.25f);
    if (mouth < 0.008f)
        return mul(skin, vec3(0.75f, 0.45f, 0.45f));
    return skin;
}

Surface
person_surface(const Person *self, Vec3 point, Part part)
{
    const Vec3 p = to_local(self, point);
    const float worn =
        0.85f + 0.3f * noise_sum(add(scale(p, 7), vec3(0, (float)(self->seed & 63), 0)), 3);
    Surface s = {.albedo = self->colours[part]};

    switch (part) {
    case PART_SKIN:
        s.albedo = face_colour(self, p);
        s.mirror = 0.015f;
        break;
    case PART_TOP: s.albedo = scale(top_colour(self, p), worn); break;
    case PART_BOTTOM:
        s.albedo = scale(s.albedo, worn * (1 - 0.5f * (fabsf(p.y - 0.99f) < 0.015f)));
        break;
    case PART_SHOES:
        if (p.y < 0.022f)
            s.albedo = vec3(0.5f, 0.5f, 0.48f);
        s.mirror = 0.02f;
        break;
    case PART_HAIR: s.mirror = 0.03f; break;
    default: s.albedo = scale(s.albedo, worn); break;
    }
    return s;
}

void
person_bounds(const Person *self, Vec3 *low, Vec3 *high)
{
    const float reach = 0.72f * self->unit;

    *low = add(self->position, vec3(-reach, 0, -reach));
    *high = add(self->position, vec3(reach, self->height + 0.06f, reach));
}

static Vec3
cloth_colour(uint32_t *random)
{
    static const Vec3 usual[] = {
        {0.02f, 0.02f, 0.025f}, {0.05f, 0.05f, 0.06f}, {0.03f, 0.045f, 0.11f},
        {0.10f, 0.14f, 0.25f},  {0.25f, 0.25f, 0.26f}, {0.75f, 0.75f, 0.73f},
        {0.45f, 0.06f, 0.05f},  {0.07f, 0.18f, 0.09f}, {0.38f, 0.30f, 0.19f},
        {0.12f, 0.28f, 0.50f},  {0.60f, 0.45f, 0.08f}, {0.22f, 0.12f, 0.08f},
        {0.50f, 0.20f, 0.28f},  {0.55f, 0.58f, 0.62f}, {0.30f, 0.09f, 0.30f},
        {0.75f, 0.30f, 0.05f},
    };
    const Vec3 c = usual[(int)(random01(random) * 16)];

    return scale(c, random_in(random, 0.75f, 1.2f));
}

Person
person_random(uint32_t *random)
{
    static const Vec3 trousers[] = {
        {0.03f, 0.03f, 0.035f}, {0.06f, 0.09f, 0.18f}, {0.10f, 0.15f, 0.27f}, {0.30f, 0.26f, 0.18f},
        {0.14f, 0.14f, 0.15f},  {0.02f, 0.02f, 0.03f}, {0.45f, 0.43f, 0.40f}, {0.12f, 0.10f, 0.07f},
    };
    static const Vec3 hairs[] = {{0.015f, 0.012f, 0.01f},
                                 {0.05f, 0.03f, 0.02f},
                                 {0.12f, 0.07f, 0.035f},
                                 {0.35f, 0.25f, 0.12f},
                                 {0.4f, 0.4f, 0.4f}};
    const float tone = random01(random);
    Person p = {.height = random_in(random, 1.55f, 1.9f), .girth = random_in(random, 0.9f, 1.22f)};

    p.phase = random_in(random, 0, 2 * PI_F);
    p.stride = random01(random) < 0.75f ? random_in(random, 0.6f, 1.0f) : 0;
    p.arm_spread = random_in(random, 0, 0.12f);
    p.elbow_bend =
        random01(random) < 0.25f ? random_in(random, 0.8f, 1.8f) : random_in(random, 0.15f, 0.4f);
    p.colours[PART_SKIN] = mix3(vec3(0.62f, 0.40f, 0.29f), vec3(0.12f, 0.06f, 0.035f), tone * tone);
    p.colours[PART_HAIR] = hairs[(int)(random01(random) * 5)];
    p.colours[PART_TOP] = cloth_colour(random);
    p.colours[PART_BOTTOM] =
        scale(trousers[(int)(random01(random) * 8)], random_in(random, 0.8f, 1.2f));
    p.colours[PART_SHOES] =
        random01(random) < 0.6f ? vec3(0.03f, 0.03f, 0.03f) : vec3(0.6f, 0.6f, 0.6f);
    p.colours[PART_BAG] = cloth_colour(random);
    p.second_colour = cloth_colour(random);
    p.pattern = random01(random) < 0.5f ? PATTERN_PLAIN : (Pattern)(random01(random) * N_PATTERNS);
    p.short_sleeves = random01(random) < 0.35f;
    p.shorts = p.short_sleeves && random01(random) < 0.3f;
    p.long_coat = !p.short_sleeves && random01(random) < 0.15f;
    p.cap = random01(random) < 0.15f;
    p.backpack = random01(random) < 0.15f;
    p.hand_bag = random01(random) < 0.12f;
    p.long_hair = random01(random) < 0.3f;
    p.seed = (uint32_t)(random01(random) * 1e6f);
    return p;
}
