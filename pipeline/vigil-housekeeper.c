/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-housekeeper.h"

#include "storage/vigil-rebuild.h"

struct VigilHousekeeper {
    VigilStore *store;
    gint64 interval_us;
    GThread *thread;
    GMutex lock;
    GCond cond;
    gboolean stopping, hurry;
    VigilPins pins;
    gboolean knows_pins;
    VigilStoreLog log;
    GHashTable *footage; /* (element-type utf8 VigilFootageSum) */
    GArray *limits;      /* (nullable) (element-type VigilStoreFootage) */
    gboolean told;       /* the store that is open now knows them */
};

static gboolean
is_stopping(VigilHousekeeper *self)
{
    gboolean stopping;

    g_mutex_lock(&self->lock);
    stopping = self->stopping;
    g_mutex_unlock(&self->lock);
    return stopping;
}

typedef struct {
    const GArray *limits; /* (element-type VigilStoreFootage) */
    GPtrArray *lines;     /* (element-type utf8) */
} Unrecorded;

/* With the store locked, which is no time to print: whoever reads may be slow. */
static void
note_unrecorded(const gchar *camera, const VigilFootageSum *sum, gpointer user_data)
{
    const Unrecorded *self = user_data;
    g_autofree gchar *size = g_format_size(sum->bytes);

    for (guint i = 0; i < self->limits->len; i++)
        if (g_str_equal(g_array_index(self->limits, VigilStoreFootage, i).camera, camera))
            return;
    g_ptr_array_add(
        self->lines,
        g_strdup_printf("camera %s is not recorded continuously any more: %" G_GUINT64_FORMAT
                        " segments of it (%s) keep the limits that they were recorded with",
                        camera, sum->n_segments, size));
}

/* Who renames a camera, or takes it out, is to know what becomes of its footage. */
static void
tell_unrecorded(VigilStore *store, const GArray *limits)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    Unrecorded unrecorded = {limits, lines};

    vigil_store_sum_all_footage(store, note_unrecorded, &unrecorded, NULL);
    for (guint i = 0; i < lines->len; i++)
        g_message("%s", (const gchar *)lines->pdata[i]);
}

/* Between two steps, too: a round may take minutes, in which nothing is to go that may be kept longer now. */
static void
tell_limits(VigilHousekeeper *self)
{
    g_autoptr(GArray) limits = NULL;

    g_mutex_lock(&self->lock);
    if (!self->told && self->limits)
        limits = g_array_ref(self->limits);
    self->told = TRUE;
    g_mutex_unlock(&self->lock);
    if (!limits)
        return;
    vigil_store_set_footage(self->store, (const VigilStoreFootage *)(gpointer)limits->data,
                            limits->len);
    tell_unrecorded(self->store, limits);
}

static gboolean
keep_min_free(VigilHousekeeper *self, GError **error)
{
    guint step, n_deleted = 0;
    gboolean done = FALSE, ok = TRUE;

    while (ok && !done && !is_stopping(self)) {
        ok = vigil_store_enforce_min_free(self->store, &step, &done, error);
        n_deleted += step;
    }
    if (n_deleted)
        g_message("retention: %u events deleted, as the disk is full: not all that is older is "
                  "known yet",
                  n_deleted);
    return ok;
}

/*
 * What the opening of the store left to do. Before limits are kept, so that the oldest is known; but the disk may not fill up
 * meanwhile, as it takes minutes.
 */
static gboolean
rebuild(VigilHousekeeper *self, GError **error)
{
    gboolean done = FALSE;

    while (!done && !is_stopping(self)) {
        tell_limits(self);
        if (!vigil_store_rebuild_some(self->store, 0, &done, error) ||
            (!done && !keep_min_free(self, error)))
            return FALSE;
    }
    return TRUE;
}

/* Another one was opened with the limits that the failed one had then, be it before they were told. */
static void
renew_store(VigilHousekeeper *self, GError **error)
{
    const VigilStore *before = self->store;

    self->store = vigil_store_renew(self->store, error);
    if (self->store == before)
        return;
    g_mutex_lock(&self->lock);
    self->told = FALSE;
    g_mutex_unlock(&self->lock);
}

/* Step by step: the program may be told to end in the middle of a long clean-up. */
static void
enforce(VigilHousekeeper *self)
{
    g_autoptr(GError) error = NULL;
    guint step = 0, n_deleted = 0;
    gboolean done = FALSE;

    renew_store(self, &error);
    if (!error && !rebuild(self, &error) && !vigil_store_has_failed(self->store)) {
        g_message("not all is made again from the clips yet: %s", error->message);
        g_clear_error(&error);
    }
    do {
        tell_limits(self);
        if (error || !vigil_store_enforce_some(self->store, &step, &done, &error))
            break;
        n_deleted += step;
    } while (!done && !is_stopping(self));
    if (error)
        g_message("retention: %s", error->message);
    if (n_deleted)
        g_message("retention: %u events deleted", n_deleted);
}

static void
look_at_pins(VigilHousekeeper *self)
{
    VigilPins pins;
    const gboolean knows = vigil_store_get_pins(self->store, &pins, NULL);

    g_mutex_lock(&self->lock);
    self->knows_pins = knows;
    if (knows)
        self->pins = pins;
    g_mutex_unlock(&self->lock);
}

static void
look_at_log(VigilHousekeeper *self)
{
    VigilStoreLog log;

    vigil_store_get_log(self->store, &log);
    g_mutex_lock(&self->lock);
    self->log = log;
    g_mutex_unlock(&self->lock);
}

static void
note_footage(const gchar *camera, const VigilFootageSum *sum, gpointer user_data)
{
    g_hash_table_insert(user_data, g_strdup(camera), g_memdup2(sum, sizeof *sum));
}

static void
look_at_footage(VigilHousekeeper *self)
{
    GHashTable *footage = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free), *old;

    vigil_store_sum_all_footage(self->store, note_footage, footage, NULL);
    g_mutex_lock(&self->lock);
    old = self->footage;
    self->footage = footage;
    g_mutex_unlock(&self->lock);
    g_hash_table_unref(old);
}

static gpointer
run(gpointer user_data)
{
    VigilHousekeeper *self = user_data;

    g_mutex_lock(&self->lock);
    while (!self->stopping) {
        gint64 next_us;

        g_mutex_unlock(&self->lock);
        look_at_pins(self); /* enforcing may take long */
        look_at_footage(self);
        look_at_log(self);
        enforce(self);
        g_mutex_lock(&self->lock);
        next_us = g_get_monotonic_time() + self->interval_us;
        while (!self->stopping && !self->hurry &&
               g_cond_wait_until(&self->cond, &self->lock, next_us))
            ;
        self->hurry = FALSE;
    }
    g_mutex_unlock(&self->lock);
    return NULL;
}

VigilHousekeeper *
vigil_housekeeper_new(VigilStore *store, guint interval_s)
{
    VigilHousekeeper *self = g_new0(VigilHousekeeper, 1);

    self->store = vigil_store_ref(store);
    self->footage = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->interval_us = interval_s * G_USEC_PER_SEC;
    g_mutex_init(&self->lock);
    g_cond_init(&self->cond);
    self->thread = g_thread_new("retention", run, self);
    return self;
}

void
vigil_housekeeper_set_footage(VigilHousekeeper *self, const VigilStoreFootage *limits,
                              guint n_limits)
{
    GArray *copy = g_array_new(FALSE, FALSE, sizeof *limits), *old;

    g_array_append_vals(copy, limits, n_limits);
    for (guint i = 0; i < n_limits; i++)
        g_array_index(copy, VigilStoreFootage, i).camera = g_intern_string(limits[i].camera);
    g_mutex_lock(&self->lock);
    old = self->limits;
    self->limits = copy;
    self->told = FALSE;
    self->hurry = TRUE;
    g_cond_signal(&self->cond);
    g_mutex_unlock(&self->lock);
    g_clear_pointer(&old, g_array_unref);
}

void
vigil_housekeeper_hurry(VigilHousekeeper *self)
{
    g_mutex_lock(&self->lock);
    self->hurry = TRUE;
    g_cond_signal(&self->cond);
    g_mutex_unlock(&self->lock);
}

gboolean
vigil_housekeeper_get_pins(VigilHousekeeper *self, VigilPins *pins)
{
    gboolean knows;

    g_mutex_lock(&self->lock);
    knows = self->knows_pins;
    if (knows)
        *pins = self->pins;
    g_mutex_unlock(&self->lock);
    return knows;
}

void
vigil_housekeeper_get_log(VigilHousekeeper *self, VigilStoreLog *log)
{
    g_mutex_lock(&self->lock);
    *log = self->log;
    g_mutex_unlock(&self->lock);
}

void
vigil_housekeeper_get_footage(VigilHousekeeper *self, const gchar *camera, VigilFootageSum *sum)
{
    const VigilFootageSum *found;

    g_mutex_lock(&self->lock);
    found = g_hash_table_lookup(self->footage, camera);
    *sum = found ? *found : (VigilFootageSum){0};
    g_mutex_unlock(&self->lock);
}

void
vigil_housekeeper_free(VigilHousekeeper *self)
{
    if (!self)
        return;
    g_mutex_lock(&self->lock);
    self->stopping = TRUE;
    g_cond_signal(&self->cond);
    g_mutex_unlock(&self->lock);
    g_thread_join(self->thread);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->cond);
    g_hash_table_unref(self->footage);
    g_clear_pointer(&self->limits, g_array_unref);
    vigil_store_unref(self->store);
    g_free(self);
}
