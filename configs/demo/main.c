/* SPDX-License-Identifier: Apache-2.0 */
/* render-demo: the sample clip, and scenes for training. See README.md in this folder. */
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <turbojpeg.h>

#include "configs/demo/clip.h"
#include "configs/demo/scenes.h"

/* smaller ones, or such of which less is seen, are neither wanted nor punished */
#define MIN_BOX_HEIGHT 0.035f
#define MIN_SEEN 0.3f

typedef struct {
    int x0, y0, x1, y1, n_pixels;
} Extent;

static Extent
find_extent(const Film *film, int object)
{
    Extent e = {film->width, film->height, 0, 0, 0};

    for (int y = 0; y < film->height; y++) {
        for (int x = 0; x < film->width; x++) {
            if (film->objects[y * film->width + x] != object)
                continue;
            e.x0 = MIN(e.x0, x);
            e.y0 = MIN(e.y0, y);
            e.x1 = MAX(e.x1, x + 1);
            e.y1 = MAX(e.y1, y + 1);
            e.n_pixels++;
        }
    }
    return e;
}

/* Pixels that an object would fill, were nothing in front of it and the picture larger. */
static int
count_unhidden(const World *world, const Camera *camera, int object)
{
    g_autofree World *alone = g_new0(World, 1);
    int n = 0;

    alone->ground.kind = COVER_LAMP;
    if (object < world->n_people)
        alone->people[alone->n_people++] = world->people[object];
    else
        alone->cars[alone->n_cars++] = world->cars[object - world->n_people];
    for (int y = -camera->height / 2; y < camera->height * 3 / 2; y += 2)
        for (int x = -camera->width / 2; x < camera->width * 3 / 2; x += 2)
            n += camera_identify(camera, alone, x, y) == 0 ? 4 : 0;
    return n;
}

static const char *
object_class(const World *world, int object)
{
    static const char *const cars[N_CAR_KINDS] = {"car", "car", "car", "car", "bus"};

    return object < world->n_people ? "person" : cars[world->cars[object - world->n_people].kind];
}

static void
describe_boxes(const World *world, const Camera *camera, const Film *film, GString *boxes,
               GString *ignore)
{
    for (int i = 0; i < world->n_people + world->n_cars; i++) {
        const Extent e = find_extent(film, i);
        const float w = (float)film->width, h = (float)film->height;
        GString *to = boxes;

        if (e.n_pixels < 6)
            continue;
        if ((float)(e.y1 - e.y0) < MIN_BOX_HEIGHT * h ||
            (float)e.n_pixels < MIN_SEEN * (float)count_unhidden(world, camera, i))
            to = ignore;
        g_string_append_printf(to, "%s[\"%s\", %.5f, %.5f, %.5f, %.5f]", to->len ? ", " : "",
                               object_class(world, i), (double)((float)e.x0 / w),
                               (double)((float)e.y0 / h), (double)((float)e.x1 / w),
                               (double)((float)e.y1 / h));
    }
}

static bool
write_jpeg(const char *path, const uint8_t *rgb, int width, int height, int quality)
{
    tjhandle jpeg = tjInitCompress();
    unsigned char *data = NULL;
    unsigned long size = 0;
    bool good = jpeg &&
                tjCompress2(jpeg, rgb, width, 0, height, TJPF_RGB, &data, &size, TJSAMP_420,
                            quality, 0) == 0 &&
                g_file_set_contents(path, (const char *)data, (gssize)size, NULL);

    tjFree(data);
    if (jpeg)
        tjDestroy(jpeg);
    if (!good)
        g_printerr("render-demo: cannot write %s\n", path);
    return good;
}

static bool
render_scene(uint32_t number, const char *folder, FILE *annotations)
{
    g_autofree World *world = g_new0(World, 1);
    g_autofree char *name = g_strdup_printf("images/rendered_%04u.jpg", number);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autoptr(GString) boxes = g_string_new(NULL);
    g_autoptr(GString) ignore = g_string_new(NULL);
    g_autofree uint8_t *rgb = NULL;
    uint32_t random = number * 31 + 5;
    Camera camera;
    Film film;
    bool good;

    scenes_build(number, world, &camera);
    film = film_new(&camera);
    rgb = g_malloc((size_t)film.width * (size_t)film.height * 3);
    camera_expose(&camera, world, &film, 0, 0, film.width, film.height);
    film_finish(&film, 0, 0, film.width, film.height);
    camera.exposure = camera_meter(&camera, &film) * random_in(&random, 0.75f, 1.35f);
    camera_develop(&camera, &film, number, rgb);
    describe_boxes(world, &camera, &film, boxes, ignore);
    good = write_jpeg(path, rgb, film.width, film.height, (int)random_in(&random, 50, 92));
    if (good) {
        fprintf(
            annotations,
            "{\"file\": \"%s\", \"width\": %d, \"height\": %d, \"source\": \"rendered\", "
            "\"scene\": %u, \"licence\": \"Apache-2.0\", "
            "\"labelled\": [\"person\", \"vehicle\", \"two_wheeler\", \"animal\"], \"boxes\": [%s]",
            name, film.width, film.height, number, boxes->str);
        fprintf(annotations, ignore->len ? ", \"ignore\": [%s]}\n" : "%s}\n", ignore->str);
        good = fflush(annotations) == 0;
    }
    film_free(&film);
    return good;
}

static int
render_scenes(const char *folder, uint32_t first, uint32_t n)
{
    g_autofree char *images = g_build_filename(folder, "images", NULL);
    g_autofree char *list = g_build_filename(folder, "annotations.jsonl", NULL);
    FILE *annotations;
    bool good = true;

    g_mkdir_with_parents(images, 0777);
    annotations = fopen(list, "a");
    if (!annotations) {
        g_printerr("render-demo: cannot write %s\n", list);
        return 1;
    }
    for (uint32_t i = 0; i < n && good; i++)
        good = render_scene(first + i, folder, annotations);
    return fclose(annotations) == 0 && good ? 0 : 1;
}

int
main(int argc, char **argv)
{
    if (argc == 5 && g_str_equal(argv[1], "scenes"))
        return render_scenes(argv[2], (uint32_t)strtoul(argv[3], NULL, 10),
                             (uint32_t)strtoul(argv[4], NULL, 10));
    if (argc == 5 && g_str_equal(argv[1], "frames"))
        return clip_render(argv[2], atoi(argv[3]), atoi(argv[4]));
    if (argc == 2 && g_str_equal(argv[1], "visits"))
        return clip_print_visits();
    g_printerr("usage: render-demo frames FOLDER FIRST END\n"
               "       render-demo visits\n"
               "       render-demo scenes FOLDER FIRST NUMBER\n");
    return 2;
}
