/* SPDX-License-Identifier: Apache-2.0 */
/* Only what moves is rendered for a frame; the rest is the empty yard's film. */
#include "configs/demo/clip.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#define MAX_OBJECTS (MAX_PEOPLE + MAX_CARS)
/* around an object: shade and light that it throws on its surroundings */
#define SURROUNDINGS 0.45f
/* somebody counts as seen from so much of the picture's height on */
#define MIN_SEEN_HEIGHT 0.06f

typedef struct {
    float x0, y0, x1, y1;
} Area;

/* of a pixel, in a frame */
enum {
    UNTOUCHED,
    COVERED,
    DONE,
};

static void
object_bounds(const World *world, int object, Vec3 *low, Vec3 *high)
{
    if (object < world->n_people)
        person_bounds(&world->people[object], low, high);
    else
        car_bounds(&world->cars[object - world->n_people], low, high);
}

static void
include(const Camera *camera, Vec3 point, Area *area)
{
    float x, y;

    if (!camera_project(camera, point, &x, &y)) {
        *area = (Area){0, 0, (float)camera->width, (float)camera->height};
        return;
    }
    *area = (Area){fminf(area->x0, x), fminf(area->y0, y), fmaxf(area->x1, x), fmaxf(area->y1, y)};
}

/* Where an object is seen, with its shadow on the ground if @shadow. */
static Area
object_area(const World *world, const Camera *camera, int object, bool shadow)
{
    const float grown = shadow ? SURROUNDINGS : 0, slope = shadow ? 1 / world->sun_direction.y : 0;
    Area area = {1e6f, 1e6f, -1e6f, -1e6f};
    Vec3 low, high;

    object_bounds(world, object, &low, &high);
    for (int i = 0; i < 8; i++) {
        const Vec3 corner = vec3(i & 1 ? high.x + grown : low.x - grown, i & 2 ? high.y : 0,
                                 i & 4 ? high.z + grown : low.z - grown);
        const Vec3 thrown = vec3(corner.x - world->sun_direction.x * slope * corner.y, 0,
                                 corner.z - world->sun_direction.z * slope * corner.y);

        include(camera, corner, &area);
        if (shadow)
            include(camera, thrown, &area);
    }
    area.x0 = clampf(area.x0, 0, (float)camera->width);
    area.x1 = clampf(area.x1 + 1, 0, (float)camera->width);
    area.y0 = clampf(area.y0, 0, (float)camera->height);
    area.y1 = clampf(area.y1 + 1, 0, (float)camera->height);
    return area;
}

static bool
write_frame(const char *folder, int frame, const uint8_t *rgb, int width, int height)
{
    g_autofree char *name = g_strdup_printf("frame_%04d.ppm", frame);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    const size_t n = (size_t)width * (size_t)height * 3;
    FILE *file = fopen(path, "wb");
    bool good = file && fprintf(file, "P6\n%d %d\n255\n", width, height) > 0 &&
                fwrite(rgb, 1, n, file) == n;

    if (file && fclose(file) != 0)
        good = false;
    if (!good)
        g_printerr("render-demo: cannot write %s\n", path);
    return good;
}

static void
copy_film(const Film *from, Film *to)
{
    const size_t n = (size_t)from->width * (size_t)from->height;

    memcpy(to->light, from->light, 16 * n * sizeof(float));
    memcpy(to->objects, from->objects, n * sizeof(*from->objects));
}

/* Marks the pixels that people and cars cover, and those around them. */
static void
mark_covered(const World *world, const Camera *camera, Area a, uint8_t *covered)
{
    for (int y = (int)a.y0; y < (int)a.y1; y++)
        for (int x = (int)a.x0; x < (int)a.x1; x++)
            if (camera_sees_moving(camera, world, x, y))
                for (int v = MAX(y - 1, 0); v <= MIN(y + 1, camera->height - 1); v++)
                    for (int u = MAX(x - 1, 0); u <= MIN(x + 1, camera->width - 1); u++)
                        covered[v * camera->width + u] = COVERED;
}

static void
expose_moving(const World *world, const Camera *camera, Film *film, uint8_t *state)
{
    const int n = world->n_people + world->n_cars;

    memset(state, 0, (size_t)film->width * (size_t)film->height);
    for (int i = 0; i < n; i++)
        mark_covered(world, camera, object_area(world, camera, i, false), state);
    for (int i = 0; i < n; i++) {
        const Area a = object_area(world, camera, i, true);

        for (int y = (int)a.y0; y < (int)a.y1; y++) {
            for (int x = (int)a.x0; x < (int)a.x1; x++) {
                uint8_t *pixel = &state[y * film->width + x];

                if (*pixel == COVERED)
                    camera_expose(camera, world, film, x, y, x + 1, y + 1);
                else if (*pixel == UNTOUCHED)
                    camera_shade(camera, world, film, x, y, x + 1, y + 1);
                *pixel = DONE;
            }
        }
    }
    for (int i = 0; i < n; i++) {
        const Area a = object_area(world, camera, i, true);

        film_finish(film, (int)a.x0, (int)a.y0, (int)a.x1, (int)a.y1);
    }
}

/* The same people and cars in the same places. */
static bool
is_still(const World *a, const World *b)
{
    return a->n_people == b->n_people && a->n_cars == b->n_cars &&
           memcmp(a->people, b->people, sizeof(a->people)) == 0 &&
           memcmp(a->cars, b->cars, sizeof(a->cars)) == 0;
}

int
clip_render(const char *folder, int first, int end)
{
    g_autofree World *world = g_new0(World, 1), *shown = g_new0(World, 1);
    g_autofree uint8_t *rgb = NULL, *state = NULL;
    YardVisitor visitors[MAX_OBJECTS];
    Camera camera;
    Film empty, film;
    bool good = true;

    yard_build(world, &camera);
    empty = film_new(&camera);
    film = film_new(&camera);
    state = g_malloc((size_t)film.width * (size_t)film.height);
    rgb = g_malloc((size_t)film.width * (size_t)film.height * 3);
    camera_expose(&camera, world, &empty, 0, 0, film.width, film.height);
    film_finish(&empty, 0, 0, film.width, film.height);
    camera.exposure = camera_meter(&camera, &empty);
    for (int frame = first; frame < end && good; frame++) {
        yard_populate(world, (float)frame / YARD_RATE, visitors);
        if (frame == first || !is_still(world, shown)) {
            copy_film(&empty, &film);
            expose_moving(world, &camera, &film, state);
            *shown = *world;
        }
        camera_develop(&camera, &film, (uint32_t)frame + 1, rgb);
        good = write_frame(folder, frame, rgb, film.width, film.height);
    }
    film_free(&empty);
    film_free(&film);
    return good ? 0 : 1;
}

/* The box of what is seen of an object, in pixels; FALSE: nothing, or little. */
static bool
find_box(const World *world, const Camera *camera, int object, Area *box)
{
    const Area a = object_area(world, camera, object, false);

    *box = (Area){1e6f, 1e6f, -1, -1};
    for (int y = (int)a.y0; y < (int)a.y1; y++)
        for (int x = (int)a.x0; x < (int)a.x1; x++)
            if (camera_identify(camera, world, x, y) == object)
                *box = (Area){fminf(box->x0, (float)x), fminf(box->y0, (float)y),
                              fmaxf(box->x1, (float)x + 1), fmaxf(box->y1, (float)y + 1)};
    return box->y1 - box->y0 > MIN_SEEN_HEIGHT * (float)camera->height;
}

static void
project_zone(const Camera *camera, float zone[YARD_N_CORNERS][2])
{
    for (int i = 0; i < YARD_N_CORNERS; i++) {
        camera_project(camera, YARD_CORNERS[i], &zone[i][0], &zone[i][1]);
        zone[i][0] = clampf(zone[i][0], 0, (float)camera->width);
        zone[i][1] = clampf(zone[i][1], 0, (float)camera->height);
    }
}

static bool
is_in_zone(float zone[YARD_N_CORNERS][2], float x, float y)
{
    bool inside = false;

    for (int i = 0, k = YARD_N_CORNERS - 1; i < YARD_N_CORNERS; k = i++)
        if ((zone[i][1] > y) != (zone[k][1] > y) &&
            x < (zone[k][0] - zone[i][0]) * (y - zone[i][1]) / (zone[k][1] - zone[i][1]) +
                    zone[i][0])
            inside = !inside;
    return inside;
}

/* Frames, -1: never. */
typedef struct {
    int seen_first, seen_last, zone_first, zone_last;
} Stay;

static void
note(int frame, int *first, int *last)
{
    *last = frame;
    if (*first < 0)
        *first = frame;
}

static void
print_visits(const Camera *camera, float zone[YARD_N_CORNERS][2], const Stay *stays)
{
    static const char *const labels[YARD_N_VISITORS] = {"person", "person", "person", "vehicle",
                                                        "vehicle"};

    printf("{\n  \"rate\": %d,\n  \"seconds\": %d,\n  \"zone\": [", YARD_RATE, YARD_SECONDS);
    for (int i = 0; i < YARD_N_CORNERS; i++)
        printf("%s[%.3f, %.3f]", i ? ", " : "", (double)(zone[i][0] / (float)camera->width),
               (double)(zone[i][1] / (float)camera->height));
    printf("],\n  \"visits\": [\n");
    for (int i = 0; i < YARD_N_VISITORS; i++) {
        const Stay *s = &stays[i];

        printf("    {\"name\": \"%s\", \"label\": \"%s\", \"seen\": [%.1f, %.1f]", YARD_NAMES[i],
               labels[i], (double)s->seen_first / YARD_RATE, (double)s->seen_last / YARD_RATE);
        if (s->zone_first >= 0)
            printf(", \"in_zone\": [%.1f, %.1f]", (double)s->zone_first / YARD_RATE,
                   (double)s->zone_last / YARD_RATE);
        printf("}%s\n", i + 1 < YARD_N_VISITORS ? "," : "");
    }
    printf("  ]\n}\n");
}

int
clip_print_visits(void)
{
    g_autofree World *world = g_new0(World, 1);
    YardVisitor visitors[MAX_OBJECTS];
    Stay stays[YARD_N_VISITORS];
    float zone[YARD_N_CORNERS][2];
    Camera camera;
    Area box;

    memset(stays, -1, sizeof(stays));
    yard_build(world, &camera);
    project_zone(&camera, zone);
    for (int frame = 0; frame < YARD_RATE * YARD_SECONDS; frame++) {
        const int n = yard_populate(world, (float)frame / YARD_RATE, visitors);

        for (int i = 0; i < n; i++) {
            Stay *s = &stays[visitors[i]];

            if (!find_box(world, &camera, i, &box))
                continue;
            note(frame, &s->seen_first, &s->seen_last);
            if (is_in_zone(zone, (box.x0 + box.x1) * 0.5f,
                           fminf(box.y1, (float)camera.height - 0.5f)))
                note(frame, &s->zone_first, &s->zone_last);
        }
    }
    print_visits(&camera, zone, stays);
    return 0;
}
