/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/upload/vigil-upload-pump.h"

#include "pipeline/upload/vigil-upload-lane.h"
#include "pipeline/vigil-settings.h"

/* Steps of enforcing bounds at a tick; what is more has time until the next one. */
#define STEPS_A_TICK 64
#define SETTLE_STEP_US 5000
#define DROPS_TOLD_EACH_US (600 * (gint64)G_USEC_PER_SEC)

/* What is wanted: immutable. */
typedef struct {
    GPtrArray *uploads; /* (element-type VigilUploadSettings) */
    GPtrArray *cameras; /* (element-type VigilCameraSettings) */
} Plan;

struct VigilUploadPump {
    Plan wanted; /* last: of the owner's thread */
    VigilUploadPumpOptions options;

    GMutex lock;
    Plan next; /* that the pump's thread has not taken yet; NULLs: it has */
    GPtrArray *
        lanes; /* (element-type VigilUploadLane): others come in the pump's thread, with the lock */

    /* of the pump's thread, while there is one */
    VigilUploadSite site;
    GPtrArray *cameras;  /* of the site */
    gchar *installation; /* (nullable): of the site */
    GRand *random;
    gboolean registered;
    gint64 n_dropped, dropped_told_us; /* as last told, and when (monotonic) */

    VigilStore *store;

    GThread *thread; /* (nullable) */
    GMainContext *context;
    GMainLoop *loop;
    GSource *news;       /* made ready by commits */
    gint n_news, n_seen; /* atomic: how often, and how many of those the lanes know of */
};

VigilUploadPumpOptions
vigil_upload_pump_options_defaults(void)
{
    return (VigilUploadPumpOptions){vigil_upload_sink_new, 1000, 300 * 1000, 5000};
}

static gpointer
ref_upload(gconstpointer upload, gpointer unused)
{
    return vigil_upload_settings_ref((VigilUploadSettings *)upload);
}

static gpointer
ref_camera(gconstpointer camera, gpointer unused)
{
    return vigil_camera_settings_ref((VigilCameraSettings *)camera);
}

static void
plan_set(Plan *self, const GPtrArray *uploads, const GPtrArray *cameras)
{
    GPtrArray *old_uploads = self->uploads, *old_cameras = self->cameras;

    self->uploads = g_ptr_array_copy((GPtrArray *)uploads, ref_upload, NULL);
    g_ptr_array_set_free_func(self->uploads, (GDestroyNotify)vigil_upload_settings_unref);
    self->cameras =
        cameras ? g_ptr_array_copy((GPtrArray *)cameras, ref_camera, NULL) : g_ptr_array_new();
    g_ptr_array_set_free_func(self->cameras, (GDestroyNotify)vigil_camera_settings_unref);
    g_clear_pointer(&old_uploads, g_ptr_array_unref);
    g_clear_pointer(&old_cameras, g_ptr_array_unref);
}

static void
plan_clear(Plan *self)
{
    g_clear_pointer(&self->uploads, g_ptr_array_unref);
    g_clear_pointer(&self->cameras, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plan, plan_clear)

/* --- the store ------------------------------------------------------------------------------- */

static gboolean
set_destinations(VigilUploadPump *self)
{
    g_autofree VigilOutboxDestination *destinations =
        g_new0(VigilOutboxDestination, self->lanes->len + 1);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < self->lanes->len; i++) {
        const VigilUploadSettings *upload = vigil_upload_lane_get_settings(self->lanes->pdata[i]);

        destinations[i] =
            (VigilOutboxDestination){upload->name, upload->max_age_ns / 1000, upload->max_bytes};
    }
    if (vigil_outbox_set_destinations(self->store, destinations, self->lanes->len, &error))
        return TRUE;
    g_message("uploads: destinations could not be written down yet: %s", error->message);
    return FALSE;
}

/* With the store's lock held, in the thread that commits. */
static void
on_news(gpointer user_data)
{
    VigilUploadPump *self = user_data;

    g_atomic_int_inc(&self->n_news);
    g_source_set_ready_time(self->news, 0);
}

static void
renew_store(VigilUploadPump *self)
{
    g_autoptr(GError) error = NULL;
    VigilStore *store = self->store, *renewed;

    if (!vigil_store_has_failed(store))
        return;
    renewed = vigil_store_renew(vigil_store_ref(store), &error);
    if (renewed == store) {
        vigil_store_unref(store);
        return;
    }
    self->store = renewed;
    vigil_outbox_set_notify(store, NULL, NULL);
    vigil_outbox_set_notify(renewed, on_news, self);
    /* it may be another database, which has no destinations */
    self->registered = FALSE;
    for (guint i = 0; i < self->lanes->len; i++)
        vigil_upload_lane_set_store(self->lanes->pdata[i], NULL);
    vigil_store_unref(store);
}

/* The first at once; a backend that is away for long shall not fill the log. */
static void
tell_drops(VigilUploadPump *self)
{
    const gint64 now = g_get_monotonic_time();
    gint64 n = 0;

    for (guint i = 0; i < self->lanes->len; i++) {
        const VigilUploadSettings *upload = vigil_upload_lane_get_settings(self->lanes->pdata[i]);
        VigilOutboxState state;

        if (vigil_outbox_get_state(self->store, upload->name, &state, NULL))
            n += state.dropped;
    }
    if (self->n_dropped >= 0 && n > self->n_dropped) {
        if (self->dropped_told_us && now - self->dropped_told_us < DROPS_TOLD_EACH_US)
            return;
        g_message("uploads: %" G_GINT64_FORMAT " messages were dropped: too old, or too many wait",
                  n - self->n_dropped);
        self->dropped_told_us = now;
    }
    self->n_dropped = n;
}

static void
enforce_bounds(VigilUploadPump *self)
{
    g_autoptr(GError) error = NULL;
    guint n_changed = 1;

    for (guint i = 0; n_changed > 0 && i < STEPS_A_TICK; i++) {
        if (!vigil_outbox_enforce(self->store, &n_changed, &error)) {
            g_message("uploads: %s", error->message);
            return;
        }
    }
    tell_drops(self);
}

static gboolean
on_tick(gpointer user_data)
{
    VigilUploadPump *self = user_data;

    renew_store(self);
    if (!self->registered)
        self->registered = set_destinations(self);
    if (!self->registered)
        return G_SOURCE_CONTINUE;
    enforce_bounds(self);
    for (guint i = 0; i < self->lanes->len; i++) {
        vigil_upload_lane_set_store(self->lanes->pdata[i], self->store);
        vigil_upload_lane_go(self->lanes->pdata[i]);
    }
    return G_SOURCE_CONTINUE;
}

/* --- the plan -------------------------------------------------------------------------------- */

/* Without one that goes on under whatever name, nobody takes away later what it described to others. */
static gboolean
is_described_by(const Plan *plan, const VigilUploadSettings *upload)
{
    for (guint i = 0; i < plan->uploads->len; i++) {
        const VigilUploadSettings *other = plan->uploads->pdata[i];

        if (other->discovery && g_str_equal(other->url, upload->url) &&
            g_strcmp0(other->source, upload->source) == 0)
            return TRUE;
    }
    return FALSE;
}

/* What was under way is sent again, with the same keys. */
static void
stop_lanes(VigilUploadPump *self, const Plan *next)
{
    for (guint i = 0; i < self->lanes->len; i++) {
        VigilUploadLane *lane = self->lanes->pdata[i];

        vigil_upload_lane_leave(
            lane, next && !is_described_by(next, vigil_upload_lane_get_settings(lane)));
    }
    for (guint i = 0; i < self->lanes->len; i++)
        vigil_upload_lane_stop(self->lanes->pdata[i]);
}

/* The lanes of before were stopped. */
static void
begin(VigilUploadPump *self, const Plan *plan)
{
    GPtrArray *lanes = g_ptr_array_new_with_free_func((GDestroyNotify)vigil_upload_lane_free), *old;

    g_clear_pointer(&self->cameras, g_ptr_array_unref);
    g_free(self->installation);
    self->cameras = g_ptr_array_ref(plan->cameras);
    self->installation = vigil_outbox_get_installation(self->store);
    self->site = (VigilUploadSite){g_get_host_name(), self->cameras, self->installation};
    for (guint i = 0; i < plan->uploads->len; i++)
        g_ptr_array_add(lanes, vigil_upload_lane_new(plan->uploads->pdata[i], &self->site,
                                                     &self->options, self->random));
    g_mutex_lock(&self->lock);
    old = self->lanes;
    self->lanes = lanes;
    g_mutex_unlock(&self->lock);
    g_clear_pointer(&old, g_ptr_array_unref);
    self->n_dropped = -1;
    self->registered = set_destinations(self);
}

static gboolean
take_next(VigilUploadPump *self)
{
    g_auto(Plan) next = {NULL};

    g_mutex_lock(&self->lock);
    next = self->next;
    self->next = (Plan){NULL};
    g_mutex_unlock(&self->lock);
    if (!next.uploads)
        return FALSE;
    stop_lanes(self, &next);
    begin(self, &next);
    return TRUE;
}

/* --- the thread ------------------------------------------------------------------------------ */

static gboolean
dispatch_news(GSource *source, GSourceFunc callback, gpointer user_data)
{
    VigilUploadPump *self = user_data;
    gint n_news;

    g_source_set_ready_time(source, -1);
    n_news = g_atomic_int_get(&self->n_news);
    if (take_next(self))
        on_tick(self);
    for (guint i = 0; i < self->lanes->len; i++)
        vigil_upload_lane_go(self->lanes->pdata[i]);
    g_atomic_int_set(&self->n_seen, n_news);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs news_funcs = {NULL, NULL, dispatch_news, NULL, NULL, NULL};

static gboolean
do_nothing(gpointer user_data)
{
    return G_SOURCE_CONTINUE;
}

static gpointer
run(gpointer user_data)
{
    VigilUploadPump *self = user_data;
    GSource *tick = g_timeout_source_new(self->options.tick_ms);

    g_main_context_push_thread_default(self->context);
    g_source_set_callback(tick, on_tick, self, NULL);
    g_source_attach(tick, self->context);
    vigil_outbox_set_notify(self->store, on_news, self);
    take_next(self);
    on_tick(self);
    g_main_loop_run(self->loop);
    /* the owner waits for this thread: nobody sets others now */
    stop_lanes(self, self->next.uploads ? &self->next : NULL);
    vigil_outbox_set_notify(self->store, NULL, NULL);
    g_source_destroy(tick);
    g_source_unref(tick);
    g_source_destroy(self->news);
    /* what sinks have cancelled ends in the context */
    while (g_main_context_iteration(self->context, FALSE))
        ;
    g_main_context_pop_thread_default(self->context);
    return NULL;
}

static gboolean
quit(gpointer user_data)
{
    g_main_loop_quit(user_data);
    return G_SOURCE_REMOVE;
}

static void
start(VigilUploadPump *self)
{
    self->context = g_main_context_new();
    self->loop = g_main_loop_new(self->context, FALSE);
    self->news = g_source_new(&news_funcs, sizeof(GSource));
    g_source_set_callback(self->news, do_nothing, self, NULL);
    g_source_attach(self->news, self->context);
    self->thread = g_thread_new("uploads", run, self);
}

static void
stop(VigilUploadPump *self)
{
    g_autoptr(GSource) source = g_idle_source_new();

    /* in the loop: it may not run yet */
    g_source_set_priority(source, G_PRIORITY_HIGH);
    g_source_set_callback(source, quit, self->loop, NULL);
    g_source_attach(source, self->context);
    g_thread_join(self->thread);
    g_source_unref(self->news);
    g_main_loop_unref(self->loop);
    g_main_context_unref(self->context);
}

/* --- the whole ------------------------------------------------------------------------------- */

VigilUploadPump *
vigil_upload_pump_new(VigilStore *store, const GPtrArray *uploads, const GPtrArray *cameras,
                      const VigilUploadPumpOptions *options)
{
    VigilUploadPump *self = g_new0(VigilUploadPump, 1);

    self->store = vigil_store_ref(store);
    plan_set(&self->wanted, uploads, cameras);
    self->options = *options;
    g_mutex_init(&self->lock);
    self->random = g_rand_new();
    begin(self, &self->wanted);
    /* without destinations it may still have to write down that there are none: messages for nobody would heap up */
    if (self->lanes->len > 0 || !self->registered)
        start(self);
    else
        enforce_bounds(self); /* what is left of destinations that are no more */
    return self;
}

void
vigil_upload_pump_set(VigilUploadPump *self, const GPtrArray *uploads, const GPtrArray *cameras)
{
    plan_set(&self->wanted, uploads, cameras);
    if (!self->thread && uploads->len == 0)
        return;
    g_mutex_lock(&self->lock);
    plan_set(&self->next, uploads, cameras);
    g_mutex_unlock(&self->lock);
    if (self->thread)
        g_source_set_ready_time(self->news, 0);
    else
        start(self);
}

static gboolean
is_flowing(VigilUploadPump *self)
{
    gboolean flowing = g_atomic_int_get(&self->n_news) != g_atomic_int_get(&self->n_seen);

    g_mutex_lock(&self->lock);
    flowing = flowing || self->next.uploads;
    for (guint i = 0; !flowing && i < self->lanes->len; i++)
        flowing = vigil_upload_lane_is_flowing(self->lanes->pdata[i]);
    g_mutex_unlock(&self->lock);
    return flowing;
}

void
vigil_upload_pump_settle(VigilUploadPump *self, guint max_ms)
{
    const gint64 until = g_get_monotonic_time() + (gint64)max_ms * 1000;

    while (is_flowing(self) && g_get_monotonic_time() < until)
        g_usleep(SETTLE_STEP_US);
}

void
vigil_upload_pump_free(VigilUploadPump *self)
{
    if (!self)
        return;
    if (self->thread)
        stop(self);
    g_ptr_array_unref(self->lanes);
    plan_clear(&self->wanted);
    plan_clear(&self->next);
    g_ptr_array_unref(self->cameras);
    g_free(self->installation);
    g_mutex_clear(&self->lock);
    g_rand_free(self->random);
    vigil_store_unref(self->store);
    g_free(self);
}

gboolean
vigil_upload_pump_wants(const VigilUploadPump *self, const GPtrArray *uploads,
                        const GPtrArray *cameras)
{
    const Plan *wanted = &self->wanted;

    if (wanted->uploads->len != uploads->len || wanted->cameras->len != cameras->len)
        return FALSE;
    for (guint i = 0; i < uploads->len; i++)
        if (!vigil_upload_settings_equal(wanted->uploads->pdata[i], uploads->pdata[i]))
            return FALSE;
    for (guint i = 0; uploads->len > 0 && i < cameras->len; i++)
        if (!vigil_camera_settings_equal_but_model(wanted->cameras->pdata[i], cameras->pdata[i]))
            return FALSE;
    return TRUE;
}

void
vigil_upload_pump_describe(VigilUploadPump *self, JsonBuilder *json)
{
    json_builder_begin_array(json);
    g_mutex_lock(&self->lock);
    for (guint i = 0; i < self->lanes->len; i++)
        vigil_upload_lane_describe(self->lanes->pdata[i], json);
    g_mutex_unlock(&self->lock);
    json_builder_end_array(json);
}
