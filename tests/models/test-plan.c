/* SPDX-License-Identifier: Apache-2.0 */
/* The arena: what is alive at one moment never overlaps, by brute force over random lifetimes and over whole models. */
#include <check.h>
#include <stdlib.h>

#include "models/vigil-model-private.h"
#include "models/vigil-plan-private.h"
#include "tests/support/vigil-test-data.h"
#include "tests/support/vigil-tiny-models.h"

#define MAX_ITEMS 60
#define ROUNDS 400

static gboolean
alive_together(const VigilPlanItem *a, const VigilPlanItem *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static gboolean
overlap(const VigilPlanItem *a, const VigilPlanItem *b)
{
    return a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static void
check_plan(const VigilPlanItem *items, guint n, gsize total)
{
    for (guint i = 0; i < n; i++) {
        ck_assert_uint_eq(items[i].offset % VIGIL_ALIGN, 0);
        ck_assert_uint_le(items[i].offset + items[i].bytes, total);
        for (guint j = 0; j < i; j++)
            if (alive_together(&items[i], &items[j]))
                ck_assert_msg(!overlap(&items[i], &items[j]), "items %u and %u overlap", i, j);
    }
}

/* The most that is alive at one moment: no plan can do with less. */
static gsize
lower_bound(const VigilPlanItem *items, guint n, guint moments)
{
    gsize most = 0;

    for (guint t = 0; t < moments; t++) {
        gsize sum = 0;

        for (guint i = 0; i < n; i++)
            sum += items[i].first <= t && t <= items[i].last ? items[i].bytes : 0;
        most = MAX(most, sum);
    }
    return most;
}

START_TEST(test_random)
{
    GRand *rand = g_rand_new_with_seed(5);

    for (guint round = 0; round < ROUNDS; round++) {
        VigilPlanItem items[MAX_ITEMS];
        const guint n = (guint)g_rand_int_range(rand, 1, MAX_ITEMS);
        gsize total, sum = 0;

        for (guint i = 0; i < n; i++) {
            items[i].first = (guint)g_rand_int_range(rand, 0, 30);
            items[i].last = items[i].first + (guint)g_rand_int_range(rand, 0, 10);
            items[i].bytes = (gsize)g_rand_int_range(rand, 0, 5000);
            sum += items[i].bytes + VIGIL_ALIGN;
        }
        ck_assert(vigil_plan_items(items, n, G_MAXSIZE / 2, &total));
        check_plan(items, n, total);
        ck_assert_uint_ge(total, lower_bound(items, n, 40));
        ck_assert_uint_le(total, sum);
    }
    g_rand_free(rand);
}
END_TEST

/* A chain, of which two links at a time are alive, needs two places and no more. */
START_TEST(test_chain)
{
    VigilPlanItem items[20];
    gsize total;

    for (guint i = 0; i < 20; i++)
        items[i] = (VigilPlanItem){640, i, i + 1, 0};
    ck_assert(vigil_plan_items(items, 20, 100000, &total));
    check_plan(items, 20, total);
    ck_assert_uint_eq(total, 1280);
}
END_TEST

START_TEST(test_limit)
{
    VigilPlanItem items[] = {{1000, 0, 1, 0}, {1000, 1, 2, 0}};
    gsize total;

    ck_assert(!vigil_plan_items(items, 2, 1500, &total));
    ck_assert(vigil_plan_items(items, 2, 2048, &total));
    ck_assert_uint_eq(total, 2048);
}
END_TEST

static gint32
storage_of(const VigilGraph *graph, gint32 index)
{
    while (graph->tensors[index].view_of >= 0)
        index = graph->tensors[index].view_of;
    return index;
}

static gboolean
is_listed(const VigilGraph *graph, const gint32 *indices, guint n, gint32 tensor)
{
    for (guint i = 0; i < n; i++)
        if (indices[i] >= 0 && storage_of(graph, indices[i]) == tensor)
            return TRUE;
    return FALSE;
}

static void
extend(VigilPlanItem *item, guint moment)
{
    item->first = MIN(item->first, moment);
    item->last = MAX(item->last, moment);
}

/* The moment after which what @node uses may be overwritten: several threads are at what follows in the next step too. */
static guint
last_of(const VigilGraph *graph, guint node, VigilPlanKind plan)
{
    guint end = 0, next_end = 0;

    for (guint i = 0; i < graph->n_steps && plan == VIGIL_PLAN_FLOW; i++) {
        const VigilStep *step = &graph->steps[i];

        if (end == 0 && node >= step->node && node < step->end)
            end = next_end = step->end;
        else if (end != 0 && step->node >= end && next_end == end)
            next_end = step->end;
    }
    return MAX(next_end, node + 1);
}

/* When @tensor is alive, found anew from the nodes. */
static VigilPlanItem
lifetime_of(const VigilGraph *graph, gint32 tensor, VigilPlanKind plan)
{
    VigilPlanItem item = {graph->tensors[tensor].bytes, G_MAXUINT, 0,
                          graph->tensors[tensor].offset[plan]};

    if (is_listed(graph, graph->inputs, graph->n_inputs, tensor))
        extend(&item, 0);
    for (guint i = 0; i < graph->n_nodes; i++) {
        const VigilNode *node = &graph->nodes[i];

        if (!node->folded && !node->fused &&
            (is_listed(graph, node->inputs, node->n_inputs, tensor) ||
             is_listed(graph, node->outputs, node->n_outputs, tensor))) {
            extend(&item, i + 1);
            extend(&item, last_of(graph, i, plan));
        }
    }
    if (is_listed(graph, graph->outputs, graph->n_outputs, tensor))
        extend(&item, graph->n_nodes + 1);
    return item;
}

static void
check_arena(const VigilGraph *graph, VigilPlanKind plan)
{
    g_autofree VigilPlanItem *items = g_new0(VigilPlanItem, graph->n_tensors + graph->n_nodes);
    guint n = 0;

    for (guint t = 0; t < graph->n_tensors; t++) {
        const VigilPlanItem item = lifetime_of(graph, (gint32)t, plan);

        if (graph->tensors[t].data == NULL && graph->tensors[t].view_of < 0 &&
            item.first <= item.last)
            items[n++] = item;
    }
    for (guint i = 0; i < graph->n_nodes; i++) {
        const VigilNode *node = &graph->nodes[i];

        if (node->scratch_bytes > 0 && !node->folded && !node->fused)
            items[n++] = (VigilPlanItem){node->scratch_bytes, i + 1, last_of(graph, i, plan),
                                         node->scratch_offset[plan]};
    }
    ck_assert_uint_ge(n, 1);
    check_plan(items, n, graph->arena_bytes[plan]);
}

static void
check_graph(const VigilGraph *graph)
{
    check_arena(graph, VIGIL_PLAN_ALONE);
    check_arena(graph, VIGIL_PLAN_FLOW);
}

START_TEST(test_tiny)
{
    g_autoptr(GBytes) bytes = vigil_tiny_model((guint)_i);
    g_autoptr(VigilModel) model = vigil_model_load_bytes(bytes, "tiny", NULL);

    ck_assert_ptr_nonnull(model);
    check_graph(vigil_model_get_graph(model));
}
END_TEST

START_TEST(test_real)
{
    static const gchar *const names[] = {"models/ssd_mobilenet_v1_coco_quant_300.tflite",
                                         "models/st_ssd_mobilenet_v2_fpnlite_100_256_int8.tflite",
                                         "models/yolov5n-int8.tflite"};
    g_autofree gchar *path = vigil_test_data_path(names[_i]);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModel) model = NULL;

    if (path == NULL)
        return;
    model = vigil_model_load(path, &error);
    ck_assert_msg(model != NULL, "%s", error ? error->message : "");
    check_graph(vigil_model_get_graph(model));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("plan");
    TCase *tcase = tcase_create("plan");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_random);
    tcase_add_test(tcase, test_chain);
    tcase_add_test(tcase, test_limit);
    tcase_add_loop_test(tcase, test_tiny, 0, VIGIL_N_TINY_MODELS);
    tcase_add_loop_test(tcase, test_real, 0, 3);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
