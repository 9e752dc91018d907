/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-condition.h"

const gchar **
vigil_names_copy(const gchar **names)
{
    const guint n = names ? g_strv_length((gchar **)names) : 0;

    return names ? g_memdup2(names, (n + 1) * sizeof *names) : NULL;
}

static gboolean
names_equal(const gchar *const *a, const gchar *const *b)
{
    return a && b ? g_strv_equal(a, b) : a == b;
}

VigilObjectFilter *
vigil_object_filter_new(gfloat min_score)
{
    const VigilObjectFilter filter = {
        .min_score = min_score, .max_size = 1.0f, .max_aspect = G_MAXFLOAT};

    return g_memdup2(&filter, sizeof filter);
}

VigilObjectFilter *
vigil_object_filter_copy(const VigilObjectFilter *self)
{
    VigilObjectFilter *copy = g_memdup2(self, sizeof *self);

    if (!copy)
        return NULL;
    copy->classes = vigil_names_copy(copy->classes);
    copy->zones = vigil_names_copy(copy->zones);
    return copy;
}

void
vigil_object_filter_free(VigilObjectFilter *self)
{
    if (!self)
        return;
    g_free(self->classes); /* the names are interned */
    g_free(self->zones);
    g_free(self);
}

gboolean
vigil_object_filter_equal(const VigilObjectFilter *a, const VigilObjectFilter *b)
{
    if (!a || !b)
        return a == b;
    return names_equal((const gchar *const *)a->classes, (const gchar *const *)b->classes) &&
           names_equal((const gchar *const *)a->zones, (const gchar *const *)b->zones) &&
           a->min_score == b->min_score && a->min_size == b->min_size &&
           a->max_size == b->max_size && a->min_aspect == b->min_aspect &&
           a->max_aspect == b->max_aspect;
}

gboolean
vigil_count_equal(const VigilCount *a, const VigilCount *b)
{
    return a->given == b->given && a->min == b->min && a->max == b->max && a->differs == b->differs;
}

static void
condition_clear(gpointer data)
{
    VigilCondition *self = data;

    vigil_object_filter_free(self->filter);
    vigil_schedule_unref(self->schedule);
}

GArray *
vigil_conditions_new(void)
{
    GArray *self = g_array_new(FALSE, TRUE, sizeof(VigilCondition));

    g_array_set_clear_func(self, condition_clear);
    return self;
}

GArray *
vigil_conditions_copy(const GArray *self)
{
    GArray *copy;

    if (!self)
        return NULL;
    copy = vigil_conditions_new();
    g_array_append_vals(copy, self->data, self->len);
    for (guint i = 0; i < copy->len; i++) {
        VigilCondition *node = &g_array_index(copy, VigilCondition, i);

        node->filter = vigil_object_filter_copy(node->filter);
        vigil_schedule_ref(node->schedule);
    }
    return copy;
}

static gboolean
condition_equal(const VigilCondition *a, const VigilCondition *b)
{
    return a->kind == b->kind && a->size == b->size && a->rule == b->rule &&
           vigil_object_filter_equal(a->filter, b->filter) &&
           vigil_count_equal(&a->count, &b->count) &&
           vigil_schedule_equal(a->schedule, b->schedule);
}

gboolean
vigil_conditions_equal(const GArray *a, const GArray *b)
{
    if (!a || !b || a->len != b->len)
        return a == b;
    for (guint i = 0; i < a->len; i++)
        if (!condition_equal(&g_array_index(a, VigilCondition, i),
                             &g_array_index(b, VigilCondition, i)))
            return FALSE;
    return TRUE;
}
