/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-canary.h"

#include "pipeline/vigil-time.h"

/* Shared by owner and thread: a thread in a write that hangs outlives its owner. */
struct VigilCanary {
    VigilStore *store;
    gint64 interval_us, deadline_us;
    GThread *thread;
    GMutex lock; /* guards all below */
    GCond cond;
    gboolean stopping;
    gint64 begun_us;   /* monotonic, of the write that is going on; 0: none */
    gchar *error;      /* (nullable): of the last write that ended */
    gboolean was_well; /* as was last said */
    gint64 since_us;   /* wall clock */
};

static void
clear(gpointer data)
{
    VigilCanary *self = data;

    vigil_store_unref(self->store);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->cond);
    g_free(self->error);
}

static gboolean
hangs(const VigilCanary *self)
{
    return self->begun_us && g_get_monotonic_time() - self->begun_us > self->deadline_us;
}

/* Lock held. Whoever comes first notices: status while the thread hangs, else the thread. */
static gboolean
judge(VigilCanary *self)
{
    const gboolean well = !self->error && !hangs(self);

    if (well == self->was_well)
        return well;
    self->was_well = well;
    self->since_us = g_get_real_time();
    if (well)
        g_message("the store's disk can be written again");
    else
        g_message("degraded: %s: events and clips cannot be kept until that is mended; detection "
                  "goes on",
                  self->error ? self->error : "the store's disk does not answer");
    return well;
}

static void
try_disk(VigilCanary *self)
{
    g_autoptr(GError) error = NULL;

    g_mutex_lock(&self->lock);
    self->begun_us = g_get_monotonic_time();
    g_mutex_unlock(&self->lock);
    vigil_store_try_disk(self->store, &error);
    g_mutex_lock(&self->lock);
    self->begun_us = 0;
    g_free(self->error);
    self->error = error ? g_strdup(error->message) : NULL;
    judge(self);
    g_mutex_unlock(&self->lock);
}

static gpointer
run(gpointer data)
{
    VigilCanary *self = data;

    g_mutex_lock(&self->lock);
    while (!self->stopping) {
        gint64 next_us;

        g_mutex_unlock(&self->lock);
        try_disk(self);
        g_mutex_lock(&self->lock);
        next_us = g_get_monotonic_time() + self->interval_us;
        while (!self->stopping && g_cond_wait_until(&self->cond, &self->lock, next_us))
            ;
    }
    g_mutex_unlock(&self->lock);
    g_atomic_rc_box_release_full(self, clear);
    return NULL;
}

VigilCanary *
vigil_canary_new(VigilStore *store, guint interval_ms, guint deadline_ms)
{
    VigilCanary *self = g_atomic_rc_box_new0(VigilCanary);

    self->store = vigil_store_ref(store);
    self->interval_us = interval_ms * G_GINT64_CONSTANT(1000);
    self->deadline_us = deadline_ms * G_GINT64_CONSTANT(1000);
    self->was_well = TRUE;
    self->since_us = g_get_real_time();
    g_mutex_init(&self->lock);
    g_cond_init(&self->cond);
    self->thread = g_thread_new("canary", run, g_atomic_rc_box_acquire(self));
    return self;
}

void
vigil_canary_free(VigilCanary *self)
{
    GThread *thread;
    gboolean hung;

    if (!self)
        return;
    thread = self->thread;
    g_mutex_lock(&self->lock);
    self->stopping = TRUE;
    hung = hangs(self);
    g_cond_signal(&self->cond);
    g_mutex_unlock(&self->lock);
    if (hung)
        g_thread_unref(thread);
    else
        g_thread_join(thread);
    g_atomic_rc_box_release_full(self, clear);
}

gboolean
vigil_canary_is_well(VigilCanary *self, gchar **reason)
{
    gboolean well;

    g_mutex_lock(&self->lock);
    well = judge(self);
    if (reason)
        *reason =
            well ? NULL : g_strdup(self->error ? self->error : "the store's disk does not answer");
    g_mutex_unlock(&self->lock);
    return well;
}

static void
add_string(JsonBuilder *json, const gchar *name, const gchar *value)
{
    json_builder_set_member_name(json, name);
    json_builder_add_string_value(json, value);
}

void
vigil_canary_describe(VigilCanary *self, JsonBuilder *json)
{
    g_autofree gchar *reason = NULL, *since = NULL;
    const gboolean well = vigil_canary_is_well(self, &reason);

    g_mutex_lock(&self->lock);
    since = vigil_time_format(self->since_us);
    g_mutex_unlock(&self->lock);
    json_builder_begin_object(json);
    add_string(json, "health", well ? "ok" : "degraded");
    add_string(json, "since", since);
    if (reason)
        add_string(json, "error", reason);
    json_builder_end_object(json);
}
