/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/tracking/track-script.h"

#define PERSON_WIDTH 0.05
#define PERSON_HEIGHT 0.25

static TrackObject *
add_object(TrackPlan *plan, const gchar *label, gdouble width, gdouble height)
{
    TrackObject *object = &plan->objects[plan->n_objects++];

    object->label = g_intern_string(label);
    object->width = width;
    object->height = height;
    return object;
}

static TrackObject *
add_person(TrackPlan *plan, GRand *dice)
{
    const gdouble size = g_rand_double_range(dice, 0.85, 1.15);

    return add_object(plan, "person", size * PERSON_WIDTH, size * PERSON_HEIGHT);
}

static void
place(TrackObject *object, gdouble s, gdouble x, gdouble y)
{
    g_assert(object->n_places < TRACK_MAX_PLACES);
    object->places[object->n_places].s = s;
    object->places[object->n_places].x = x;
    object->places[object->n_places].y = y;
    object->n_places++;
}

static void
walk(TrackObject *object, gdouble from_s, gdouble from_x, gdouble to_s, gdouble to_x, gdouble y)
{
    place(object, from_s, from_x, y);
    place(object, to_s, to_x, y);
}

/* Pairs that pass each other at walking pace, one before the other. */
static void
plan_crossings(TrackPlan *plan, GRand *dice)
{
    plan->duration_s = 40.0;
    for (guint i = 0; i < 5; i++) {
        const gdouble s = 8.0 * i, y = g_rand_double_range(dice, 0.4, 0.95);
        const gdouble pace = g_rand_double_range(dice, 0.8, 1.3);

        walk(add_person(plan, dice), s, 0.05, s + 7.0, 0.9, y);
        walk(add_person(plan, dice), s + g_rand_double_range(dice, 0.0, 1.0), 0.95, s + 7.5 * pace,
             0.1, y + g_rand_double_range(dice, 0.01, 0.04));
    }
}

/* People that meet behind a pillar's edge, stand a moment and turn back: constant speed is the wrong guess. */
static void
plan_meetings(TrackPlan *plan, GRand *dice)
{
    plan->duration_s = 40.0;
    for (guint i = 0; i < 4; i++) {
        const gdouble s = 10.0 * i, x = g_rand_double_range(dice, 0.35, 0.65);
        const gdouble y = g_rand_double_range(dice, 0.5, 0.95);
        const gdouble stay = g_rand_double_range(dice, 0.0, 2.0);
        TrackObject *left = add_person(plan, dice), *right = add_person(plan, dice);

        place(left, s, 0.05, y);
        place(left, s + 3.5, x - 0.02, y);
        place(left, s + 3.5 + stay, x - 0.02, y);
        place(left, s + 7.0 + stay, 0.05, y);
        place(right, s, 0.95, y + 0.02);
        place(right, s + 3.5, x + 0.02, y + 0.02);
        place(right, s + 3.5 + stay, x + 0.02, y + 0.02);
        place(right, s + 7.0 + stay, 0.95, y + 0.02);
    }
}

/* Two streams of people through whose way pillars stand, each hiding them for @hidden_s. */
static void
plan_hidden(TrackPlan *plan, GRand *dice, gdouble hidden_s)
{
    const gdouble speed = 0.08;
    const gdouble width = hidden_s * speed + 0.5 * PERSON_WIDTH;

    plan->duration_s = 45.0;
    for (guint i = 0; i < 2; i++) {
        const gdouble x = 0.35 + 0.35 * i;

        plan->pillars[plan->n_pillars++] =
            (VigilBox){(gfloat)(x - width / 2), 0.0f, (gfloat)(x + width / 2), 1.0f};
    }
    for (guint i = 0; i < 10; i++) {
        const gdouble s = 3.0 * i, y = g_rand_double_range(dice, 0.4, 0.95);
        const gdouble pace = g_rand_double_range(dice, 0.8, 1.25) * speed;

        if (i % 2)
            walk(add_person(plan, dice), s, 0.03, s + 0.94 / pace, 0.97, y);
        else
            walk(add_person(plan, dice), s, 0.97, s + 0.94 / pace, 0.03, y);
    }
}

static void
plan_hidden_short(TrackPlan *plan, GRand *dice)
{
    plan_hidden(plan, dice, 0.5);
}

static void
plan_hidden_medium(TrackPlan *plan, GRand *dice)
{
    plan_hidden(plan, dice, 1.2);
}

static void
plan_hidden_long(TrackPlan *plan, GRand *dice)
{
    plan_hidden(plan, dice, 2.5);
}

/* Few people on their ways; what makes it hard is said by the caller. */
static void
plan_passers(TrackPlan *plan, GRand *dice)
{
    plan->duration_s = 40.0;
    for (guint i = 0; i < 8; i++) {
        const gdouble s = 4.0 * i, y = g_rand_double_range(dice, 0.35, 0.98);
        const gdouble seconds = g_rand_double_range(dice, 6.0, 11.0);
        const gboolean to_right = g_rand_boolean(dice);

        walk(add_person(plan, dice), s, to_right ? 0.04 : 0.96, s + seconds, to_right ? 0.96 : 0.04,
             y);
    }
}

static void
plan_misses(TrackPlan *plan, GRand *dice)
{
    plan_passers(plan, dice);
    plan->miss_rate = 0.35;
    plan->false_rate = 0.1;
}

static void
plan_jitter(TrackPlan *plan, GRand *dice)
{
    plan_passers(plan, dice);
    plan->jitter = 0.1;
    plan->miss_rate = 0.1;
}

static void
plan_skips(TrackPlan *plan, GRand *dice)
{
    plan_passers(plan, dice);
    plan->skip_rate = 0.5;
}

static void
plan_dips(TrackPlan *plan, GRand *dice)
{
    plan_passers(plan, dice);
    for (guint i = 0; i < plan->n_objects; i++) {
        TrackObject *object = &plan->objects[i];

        for (object->n_dips = 0; object->n_dips < 3; object->n_dips++) {
            const gdouble from_s =
                object->places[0].s + 1.0 + 2.5 * object->n_dips + g_rand_double(dice);

            object->dips[object->n_dips].from_s = from_s;
            object->dips[object->n_dips].to_s = from_s + g_rand_double_range(dice, 0.5, 1.5);
        }
    }
}

static void
plan_shake(TrackPlan *plan, GRand *dice)
{
    plan_passers(plan, dice);
    plan->shake = 0.02;
    plan->kicks = 0.2;
}

/* Everybody goes about, with others before and behind. */
static void
plan_crowd(TrackPlan *plan, GRand *dice)
{
    plan->duration_s = 40.0;
    plan->miss_rate = 0.1;
    plan->false_rate = 0.2;
    for (guint i = 0; i < 24; i++) {
        TrackObject *object = add_person(plan, dice);
        gdouble s = 0.0, x = g_rand_double_range(dice, 0.05, 0.95);
        gdouble y = g_rand_double_range(dice, 0.3, 0.97);

        object->width *= 0.75;
        object->height *= 0.75;
        place(object, s, x, y);
        while (s < plan->duration_s && object->n_places < TRACK_MAX_PLACES) {
            const gdouble seconds = g_rand_double_range(dice, 2.0, 5.0);

            s += seconds;
            x = CLAMP(x + seconds * g_rand_double_range(dice, -0.08, 0.08), 0.04, 0.96);
            y = CLAMP(y + seconds * g_rand_double_range(dice, -0.03, 0.03), 0.3, 0.98);
            place(object, s, x, y);
        }
    }
}

/* Cars in two lanes, one behind the other, that stop at a light and go on. */
static void
plan_stop_and_go(TrackPlan *plan, GRand *dice)
{
    plan->duration_s = 45.0;
    for (guint i = 0; i < 10; i++) {
        const gboolean near = i % 2 != 0;
        const guint in_lane = i / 2;
        const gdouble size = near ? 0.13 : 0.09, y = near ? 0.8 : 0.55;
        const gdouble s = 2.2 * in_lane + g_rand_double(dice);
        const gdouble stop = 0.7 - 1.25 * size * in_lane;
        const gdouble go = 20.0 + 1.0 * in_lane;
        TrackObject *car = add_object(plan, "vehicle", size, 0.9 * size);
        const gdouble from = near ? -0.02 : 1.02, to = 1.0 - from;
        const gdouble x = near ? stop : 1.0 - stop;

        place(car, s, from, y);
        place(car, s + 1.5, from + 0.6 * (x - from), y);
        place(car, s + 3.0, from + 0.9 * (x - from), y);
        place(car, s + 4.0, x, y);
        place(car, go, x, y);
        place(car, go + 1.0, x + 0.1 * (to - x), y);
        place(car, go + 2.5, x + 0.5 * (to - x), y);
        place(car, go + 3.5, to, y);
    }
}

/* Small and fast: between two frames they leave the place where they were. */
static void
plan_fast(TrackPlan *plan, GRand *dice)
{
    plan->duration_s = 30.0;
    for (guint i = 0; i < 16; i++) {
        const gdouble s = 1.8 * i, y = g_rand_double_range(dice, 0.4, 0.9);
        const gdouble seconds = g_rand_double_range(dice, 2.0, 4.0);
        const gboolean to_right = g_rand_boolean(dice);

        walk(add_object(plan, "vehicle", 0.07, 0.08), s, to_right ? 0.0 : 1.0, s + seconds,
             to_right ? 1.0 : 0.0, y);
    }
}

/* As frames come of a street at dusk: of everything a little. */
static void
plan_dusk(TrackPlan *plan, GRand *dice)
{
    plan_dips(plan, dice);
    plan->pillars[plan->n_pillars++] = (VigilBox){0.45f, 0.0f, 0.53f, 1.0f};
    plan->miss_rate = 0.15;
    plan->false_rate = 0.2;
    plan->jitter = 0.06;
    plan->skip_rate = 0.15;
    plan->shake = 0.01;
}

static const TrackScript scripts[] = {
    {"crossings", plan_crossings},
    {"meetings", plan_meetings},
    {"hidden-0.5s", plan_hidden_short},
    {"hidden-1.2s", plan_hidden_medium},
    {"hidden-2.5s", plan_hidden_long},
    {"misses", plan_misses},
    {"jitter", plan_jitter},
    {"skips", plan_skips},
    {"dips", plan_dips},
    {"shake", plan_shake},
    {"crowd", plan_crowd},
    {"stop-and-go", plan_stop_and_go},
    {"fast", plan_fast},
    {"dusk", plan_dusk},
};

const TrackScript *
track_script_at(guint i)
{
    return i < G_N_ELEMENTS(scripts) ? &scripts[i] : NULL;
}

const TrackScript *
track_script_find(const gchar *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(scripts); i++)
        if (g_str_equal(scripts[i].name, name))
            return &scripts[i];
    return NULL;
}

const gchar *
track_script_get_name(const TrackScript *self)
{
    return self->name;
}
