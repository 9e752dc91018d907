/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model that is just about to see something changes its mind for little: so, beside what it sees without the loop filter, what it
 * sees in the whole picture with luma of one level more or less, at random.
 */
#include "tests/bench/bench-loop-filter.h"

#include "models/vigil-detector.h"
#include "tests/support/vigil-test-data.h"

#define MAX_DETECTIONS 100
#define NOISY BENCH_N_WAYS
#define N_WAYS (NOISY + 1)

static const struct {
    const gchar *name, *file, *labels;
    gfloat score; /* from which on something is taken for sure */
} models[] = {
    {"default", NULL, NULL, 0.4f},
    {"SSD MobileNet v1", "models/ssd_mobilenet_v1_coco_quant_300.tflite",
     "labels/coco_labels_90_coral.txt", 0.5f},
};

typedef struct {
    VigilDetection detections[MAX_DETECTIONS];
    guint n; /* down to half the score */
} Look;

/* Beside what was seen in whole pictures. */
typedef struct {
    guint n, found, lost, gone, new; /* gone: of those lost, not there with half the score either */
    gdouble scores;
} Seen;

struct BenchLooks {
    VigilDetector *detectors[G_N_ELEMENTS(models)];
    guint8 *noisy; /* luma */
    guint64 random;
    Seen seen[G_N_ELEMENTS(models)][N_WAYS];
};

static gboolean
is_same(const VigilDetection *a, const VigilDetection *b)
{
    return a->label == b->label && vigil_box_iou(&a->box, &b->box) >= 0.5f;
}

/* Returns: the index of one that is the same and not @taken, or -1 */
static gint
find_same(const VigilDetection *wanted, const Look *look, gfloat score, const gboolean *taken)
{
    for (guint i = 0; i < look->n; i++)
        if (look->detections[i].score >= score && (!taken || !taken[i]) &&
            is_same(wanted, &look->detections[i]))
            return (gint)i;
    return -1;
}

static void
count_seen(Seen *self, const Look *whole, const Look *other, gfloat score)
{
    gboolean taken[MAX_DETECTIONS] = {FALSE};

    for (guint i = 0; i < other->n; i++) {
        self->n += other->detections[i].score >= score ? 1 : 0;
        self->scores +=
            other->detections[i].score >= score ? (gdouble)other->detections[i].score : 0.0;
    }
    for (guint i = 0; i < whole->n; i++) {
        const gint same = find_same(&whole->detections[i], other, score, taken);

        if (whole->detections[i].score < score)
            continue;
        if (same >= 0) {
            taken[same] = TRUE;
            self->found++;
            continue;
        }
        self->lost++;
        self->gone += find_same(&whole->detections[i], other, 0.0f, NULL) < 0 ? 1 : 0;
    }
    self->new = self->n - self->found;
}

static void
add_noise(BenchLooks *self, VigilImage *image)
{
    for (guint y = 0; y < image->height; y++) {
        const guint8 *from = image->planes[0] + (gsize)y * image->strides[0];
        guint8 *to = self->noisy + (gsize)y * image->width;

        for (guint x = 0; x < image->width; x++) {
            self->random = self->random * 6364136223846793005u + 1442695040888963407u;
            to[x] = (guint8)CLAMP(
                from[x] + (gint)(self->random >> 63) - (gint)(self->random >> 62 & 1), 0, 255);
        }
    }
    image->planes[0] = self->noisy;
    image->strides[0] = image->width;
}

void
bench_looks_add(BenchLooks *self, const VigilImage images[BENCH_N_WAYS])
{
    VigilImage noisy = images[BENCH_WHOLE];
    const VigilImage *const ways[N_WAYS] = {&images[BENCH_WHOLE], &images[BENCH_SKIPPED], &noisy};
    static Look looks[N_WAYS];

    add_noise(self, &noisy);
    for (guint m = 0; m < G_N_ELEMENTS(models); m++)
        for (guint w = 0; w < N_WAYS; w++) {
            const gint n = vigil_detector_run(self->detectors[m], ways[w], -1.0f,
                                              looks[w].detections, MAX_DETECTIONS);

            g_assert_cmpint(n, >=, 0);
            looks[w].n = (guint)n;
            count_seen(&self->seen[m][w], &looks[BENCH_WHOLE], &looks[w], models[m].score);
        }
}

static VigilDetector *
open_model(guint index)
{
    VigilDetectorOptions options = vigil_detector_options_defaults();
    g_autofree gchar *file =
        models[index].file ? vigil_test_data_path(models[index].file) : g_strdup("default");
    g_autofree gchar *labels =
        models[index].labels ? vigil_test_data_path(models[index].labels) : NULL;

    options.model = file;
    options.labels = labels;
    options.threshold = 0.5f * models[index].score;
    options.max_detections = MAX_DETECTIONS;
    return file ? vigil_detector_open(&options, NULL) : NULL;
}

BenchLooks *
bench_looks_new(guint width, guint height)
{
    g_autoptr(BenchLooks) self = g_new0(BenchLooks, 1);

    self->noisy = g_malloc((gsize)width * height);
    self->random = 1;
    for (guint m = 0; m < G_N_ELEMENTS(models); m++)
        if (!(self->detectors[m] = open_model(m)))
            return NULL;
    return g_steal_pointer(&self);
}

void
bench_looks_free(BenchLooks *self)
{
    for (guint m = 0; m < G_N_ELEMENTS(models); m++)
        g_clear_pointer(&self->detectors[m], vigil_detector_unref);
    g_free(self->noisy);
    g_free(self);
}

void
bench_looks_print_head(void)
{
    for (guint m = 0; m < G_N_ELEMENTS(models); m++)
        g_print(" %s: detections | lost (gone), new | scores | by noise: lost (gone), new |",
                models[m].name);
}

void
bench_looks_print(const BenchLooks *self)
{
    for (guint m = 0; m < G_N_ELEMENTS(models); m++) {
        const Seen *whole = &self->seen[m][BENCH_WHOLE], *skipped = &self->seen[m][BENCH_SKIPPED],
                   *noisy = &self->seen[m][NOISY];

        g_print(" %u | %u (%u), %u | %.3f, %.3f | %u (%u), %u |", whole->n, skipped->lost,
                skipped->gone, skipped->new, whole->scores / MAX(whole->n, 1),
                skipped->scores / MAX(skipped->n, 1), noisy->lost, noisy->gone, noisy->new);
    }
}
