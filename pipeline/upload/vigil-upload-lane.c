/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/upload/vigil-upload-lane.h"

#include <string.h>

#include "pipeline/upload/vigil-upload-form.h"
#include "pipeline/upload/vigil-upload-patience.h"
#include "pipeline/vigil-redact.h"
#include "pipeline/vigil-time.h"

/* Of JSON, and of pictures, in one batch. */
#define MAX_BATCH_BYTES (1024 * 1024)
#define MAX_SNAPSHOT_BYTES (4 * 1024 * 1024)
/* What a sink that does not keep to its own timeout gets. */
#define GRACE_NS (10 * G_GINT64_CONSTANT(1000000000))

typedef enum {
    IDLE,
    SENDING,
    WAITING, /* after a failure */
} Phase;

/* What vigil_upload_lane_describe() tells, of another thread. */
typedef struct {
    GMutex lock;
    Phase phase;
    gchar *error; /* (nullable): of the last failure, redacted */
    gint64 error_wall_us, sent_wall_us, next_wall_us;
    guint n_failures; /* since something arrived */
    guint64 n_attempts, n_refused;
    gboolean lost;          /* the store does not tell how far this destination is */
    VigilOutboxState state; /* as last read: who asks must not wait for a disk that hangs */
} Report;

struct VigilUploadLane {
    VigilUploadSettings *settings;
    const VigilUploadSite *site;
    const VigilUploadPumpOptions *options;
    GRand *random;
    VigilStore *store; /* (nullable): borrowed */

    VigilUploadSink *sink;
    GPtrArray *messages; /* (nullable) (element-type VigilOutboxMessage): under way */
    VigilUploadItem *items;
    guint n_items;
    guint limit;          /* messages in a batch: fewer while one that is refused is looked for */
    gint64 passed;        /* sequence of the last that is done with */
    gboolean placed;      /* @passed is known */
    gboolean ack_unsaved; /* the store does not know of it yet */
    guint n_failures;
    GSource *timer;

    Report report;
};

VigilUploadLane *
vigil_upload_lane_new(VigilUploadSettings *settings, const VigilUploadSite *site,
                      const VigilUploadPumpOptions *options, GRand *random)
{
    VigilUploadLane *self = g_new0(VigilUploadLane, 1);

    self->settings = vigil_upload_settings_ref(settings);
    self->site = site;
    self->options = options;
    self->random = random;
    self->limit = (guint)settings->batch;
    g_mutex_init(&self->report.lock);
    return self;
}

const VigilUploadSettings *
vigil_upload_lane_get_settings(const VigilUploadLane *self)
{
    return self->settings;
}

static void
drop_items(VigilUploadLane *self)
{
    for (guint i = 0; i < self->n_items; i++)
        g_clear_pointer(&self->items[i].snapshot, g_bytes_unref);
    g_clear_pointer(&self->items, g_free);
    g_clear_pointer(&self->messages, g_ptr_array_unref);
    self->n_items = 0;
}

static void
stop_timer(VigilUploadLane *self)
{
    if (!self->timer)
        return;
    g_source_destroy(self->timer);
    g_clear_pointer(&self->timer, g_source_unref);
}

static void
free_sink(VigilUploadLane *self)
{
    if (self->sink)
        self->sink->funcs->free(g_steal_pointer(&self->sink));
}

void
vigil_upload_lane_leave(VigilUploadLane *self, gboolean for_good)
{
    stop_timer(self);
    if (self->sink && self->sink->funcs->leave)
        self->sink->funcs->leave(self->sink, for_good);
}

void
vigil_upload_lane_stop(VigilUploadLane *self)
{
    stop_timer(self);
    free_sink(self);
    drop_items(self);
}

void
vigil_upload_lane_free(VigilUploadLane *self)
{
    vigil_upload_lane_stop(self);
    vigil_upload_settings_unref(self->settings);
    g_free(self->report.error);
    g_mutex_clear(&self->report.lock);
    g_free(self);
}

static void
start_timer(VigilUploadLane *self, gint64 wait_us, GSourceFunc func)
{
    stop_timer(self);
    self->timer = g_timeout_source_new((guint)CLAMP(wait_us / 1000, 0, G_MAXINT));
    g_source_set_callback(self->timer, func, self, NULL);
    g_source_attach(self->timer, g_main_context_get_thread_default());
}

/* --- the store ------------------------------------------------------------------------------- */

/* Ends what is under way; it is sent again. */
static void
abandon(VigilUploadLane *self)
{
    stop_timer(self);
    if (self->sink->funcs->cancel)
        self->sink->funcs->cancel(self->sink);
    else
        free_sink(self);
    drop_items(self);
}

static void
set_phase(VigilUploadLane *self, Phase phase)
{
    g_mutex_lock(&self->report.lock);
    self->report.phase = phase;
    g_mutex_unlock(&self->report.lock);
}

/* @error: %NULL: it does again */
static void
note_lost(VigilUploadLane *self, const GError *error)
{
    g_autofree gchar *clean = error ? vigil_redact(error->message) : NULL;
    gboolean news;

    g_mutex_lock(&self->report.lock);
    news = error && !self->report.lost;
    self->report.lost = error != NULL;
    if (error) {
        g_free(self->report.error);
        self->report.error = g_strdup(clean);
        self->report.error_wall_us = g_get_real_time();
    }
    g_mutex_unlock(&self->report.lock);
    if (news)
        g_message("%s: %s", self->settings->name, clean);
}

static void
tell_skipped(VigilUploadLane *self)
{
    if (self->sink && self->sink->funcs->skipped)
        self->sink->funcs->skipped(self->sink);
}

/* The database was set aside, and sequences begin anew in the one that took its place. */
static void
begin_anew(VigilUploadLane *self, gint64 passed)
{
    g_message("%s: the database is another: what it holds is sent from here on",
              self->settings->name);
    if (self->messages) {
        abandon(self);
        set_phase(self, IDLE);
    }
    self->passed = passed;
    self->ack_unsaved = FALSE;
    tell_skipped(self);
}

static gboolean
read_state(VigilUploadLane *self, VigilOutboxState *state)
{
    g_autoptr(GError) error = NULL;

    if (!vigil_outbox_get_state(self->store, self->settings->name, state, &error)) {
        note_lost(self, error);
        return FALSE;
    }
    note_lost(self, NULL);
    g_mutex_lock(&self->report.lock);
    self->report.state = *state;
    g_mutex_unlock(&self->report.lock);
    return TRUE;
}

/* On a disk that fails uploads go on; what was sent is known here until it can be written down. */
static void
save_place(VigilUploadLane *self)
{
    VigilOutboxState state;
    g_autoptr(GError) error = NULL;

    if (!self->store || !self->ack_unsaved)
        return;
    if (!vigil_outbox_acknowledge(self->store, self->settings->name, self->passed, &error)) {
        g_message("%s: what was sent could not be noted yet: %s", self->settings->name,
                  error->message);
        return;
    }
    self->ack_unsaved = FALSE;
    read_state(self, &state);
}

void
vigil_upload_lane_tick(VigilUploadLane *self)
{
    VigilOutboxState state;

    if (!self->store || !read_state(self, &state))
        return;
    if (self->passed > state.passed + state.waiting)
        begin_anew(self, state.passed);
    save_place(self);
    if (self->placed && state.passed > self->passed)
        tell_skipped(self);
    self->passed = MAX(self->passed, state.passed);
    self->placed = TRUE;
}

void
vigil_upload_lane_set_store(VigilUploadLane *self, VigilStore *store)
{
    self->store = store;
    vigil_upload_lane_tick(self);
}

/* --- results --------------------------------------------------------------------------------- */

static gboolean
on_go(gpointer user_data)
{
    VigilUploadLane *self = user_data;

    stop_timer(self);
    vigil_upload_lane_go(self);
    return G_SOURCE_REMOVE;
}

static void
note_failure(VigilUploadLane *self, const gchar *reason, gint64 wait_us)
{
    gchar *clean = vigil_redact(reason ? reason : "it failed");
    const gint64 now = g_get_real_time();

    /* the first is news, later ones are seen in `vigil status` */
    if (self->n_failures == 1)
        g_message("%s: not sent, is tried again: %s", self->settings->name, clean);
    g_mutex_lock(&self->report.lock);
    g_free(self->report.error);
    self->report.error = clean;
    self->report.error_wall_us = now;
    self->report.next_wall_us = now + wait_us;
    self->report.n_failures = self->n_failures;
    self->report.phase = WAITING;
    g_mutex_unlock(&self->report.lock);
}

static void
wait_after_failure(VigilUploadLane *self, const gchar *reason, gint64 asked_us)
{
    gint64 wait_us;

    self->n_failures++;
    wait_us = vigil_upload_patience(self->n_failures, self->options->first_wait_ms,
                                    self->options->longest_wait_ms, asked_us,
                                    g_rand_double(self->random));
    note_failure(self, reason, wait_us);
    start_timer(self, wait_us, on_go);
}

static void
note_arrival(VigilUploadLane *self, gint64 sequence)
{
    if (self->n_failures > 0)
        g_message("%s: messages are sent again", self->settings->name);
    self->n_failures = 0;
    self->passed = MAX(self->passed, sequence);
    self->ack_unsaved = TRUE;
    g_mutex_lock(&self->report.lock);
    self->report.sent_wall_us = g_get_real_time();
    self->report.n_failures = 0;
    g_mutex_unlock(&self->report.lock);
    save_place(self);
}

/* %FALSE: could not be written down; then it stays where it is */
static gboolean
set_aside(VigilUploadLane *self, const VigilOutboxMessage *message, const gchar *reason)
{
    g_autofree gchar *clean = vigil_redact(reason ? reason : "refused");
    VigilOutboxState state;
    g_autoptr(GError) error = NULL;

    if (!self->store) {
        wait_after_failure(self, "the store is opened again", 0);
        return FALSE;
    }
    if (!vigil_outbox_refuse(self->store, self->settings->name, message->sequence, clean, &error)) {
        wait_after_failure(self, error->message, 0);
        return FALSE;
    }
    g_message("%s: message %s was refused and set aside: %s", self->settings->name, message->key,
              clean);
    self->passed = MAX(self->passed, message->sequence);
    self->ack_unsaved = FALSE;
    g_mutex_lock(&self->report.lock);
    g_free(self->report.error);
    self->report.error = g_steal_pointer(&clean);
    self->report.error_wall_us = g_get_real_time();
    self->report.n_refused++;
    g_mutex_unlock(&self->report.lock);
    read_state(self, &state);
    return TRUE;
}

/* Of several messages any may be the one: the first half is tried alone, and so on. */
static gboolean
judge_refusal(VigilUploadLane *self, guint n_sent, const gchar *reason)
{
    const guint rest = self->n_items - n_sent;

    if (rest > 1) {
        self->limit = rest / 2;
        return TRUE;
    }
    return rest == 0 || set_aside(self, self->items[n_sent].message, reason);
}

/* What nothing of got through may be too much for the line within the time there is; it grows again by what arrives. */
static void
send_less(VigilUploadLane *self)
{
    if (self->n_items > 1)
        self->limit = self->n_items / 2;
}

static void
on_done(const VigilUploadResult *result, gpointer user_data)
{
    VigilUploadLane *self = user_data;
    const guint n_sent =
        result->outcome == VIGIL_UPLOAD_SENT ? self->n_items : MIN(result->n_sent, self->n_items);
    gboolean go = TRUE;

    stop_timer(self);
    set_phase(self, IDLE);
    if (n_sent > 0)
        note_arrival(self, self->items[n_sent - 1].message->sequence);
    switch (result->outcome) {
    case VIGIL_UPLOAD_SENT: self->limit = MIN(self->limit * 2, (guint)self->settings->batch); break;
    case VIGIL_UPLOAD_RETRY:
        if (n_sent == 0)
            send_less(self);
        wait_after_failure(self, result->reason, result->retry_after_us);
        go = FALSE;
        break;
    case VIGIL_UPLOAD_REFUSED: go = judge_refusal(self, n_sent, result->reason); break;
    }
    drop_items(self);
    if (go)
        start_timer(self, 0, on_go); /* after other destinations had their turn */
}

/* --- sending --------------------------------------------------------------------------------- */

static gboolean
on_hung(gpointer user_data)
{
    VigilUploadLane *self = user_data;

    send_less(self);
    abandon(self);
    wait_after_failure(self, "no answer in time", 0);
    return G_SOURCE_REMOVE;
}

static GBytes *
get_snapshot(VigilUploadLane *self, const VigilOutboxMessage *message)
{
    if (!self->settings->snapshots || message->type != VIGIL_EVENT_END)
        return NULL;
    /* it may be deleted by now, or there was none */
    return vigil_store_get_snapshot(self->store, message->event_id, NULL);
}

static void
fill_items(VigilUploadLane *self)
{
    gsize bytes = 0;

    self->items = g_new0(VigilUploadItem, self->messages->len);
    for (self->n_items = 0; self->n_items < self->messages->len; self->n_items++) {
        VigilUploadItem *item = &self->items[self->n_items];

        item->message = self->messages->pdata[self->n_items];
        item->snapshot = get_snapshot(self, item->message);
        if (self->settings->form != VIGIL_UPLOAD_FORM_VIGIL)
            vigil_outbox_get_frame_size(self->store, item->message->camera, &item->width,
                                        &item->height);
        bytes += item->snapshot ? g_bytes_get_size(item->snapshot) : 0;
        if (bytes > MAX_SNAPSHOT_BYTES && self->n_items > 0) {
            g_clear_pointer(&item->snapshot, g_bytes_unref);
            break;
        }
    }
}

static gboolean
open_sink(VigilUploadLane *self)
{
    g_autoptr(GError) error = NULL;

    if (!self->sink)
        self->sink = self->options->sink_new(self->settings, self->site, &error);
    if (self->sink)
        return TRUE;
    wait_after_failure(self, error ? error->message : NULL, 0);
    return FALSE;
}

void
vigil_upload_lane_go(VigilUploadLane *self)
{
    VigilOutboxState state;
    g_autoptr(GError) error = NULL;

    /* a sink is made before there is something to send: it may want to be connected */
    if (!self->store || self->timer || self->messages || !self->placed || !open_sink(self))
        return;
    self->messages =
        vigil_outbox_read(self->store, self->passed, self->limit, MAX_BATCH_BYTES, &error);
    if (!self->messages) {
        wait_after_failure(self, error->message, 0);
        return;
    }
    if (self->messages->len == 0) {
        drop_items(self);
        return;
    }
    fill_items(self);
    read_state(self, &state);
    g_mutex_lock(&self->report.lock);
    self->report.phase = SENDING;
    self->report.n_attempts++;
    g_mutex_unlock(&self->report.lock);
    start_timer(self, (self->settings->timeout_ns + GRACE_NS) / 1000, on_hung);
    self->sink->funcs->send(self->sink, self->items, self->n_items, on_done, self);
}

/* --- what is known --------------------------------------------------------------------------- */

static void
add_int(JsonBuilder *json, const gchar *name, gint64 value)
{
    json_builder_set_member_name(json, name);
    json_builder_add_int_value(json, value);
}

static void
add_string(JsonBuilder *json, const gchar *name, const gchar *value)
{
    json_builder_set_member_name(json, name);
    json_builder_add_string_value(json, value);
}

static void
add_time(JsonBuilder *json, const gchar *name, gint64 wall_us)
{
    g_autofree gchar *text = wall_us ? vigil_time_format(wall_us) : NULL;

    if (text)
        add_string(json, name, text);
}

static void
add_report(VigilUploadLane *self, VigilOutboxState *state, JsonBuilder *json)
{
    Report *report = &self->report;

    g_mutex_lock(&report->lock);
    *state = report->state;
    add_string(json, "state",
               report->n_failures > 0 || report->lost ? "failing"
               : state->waiting > 0                   ? "sending"
                                                      : "idle");
    add_time(json, "last_sent", report->sent_wall_us);
    if (report->error) {
        add_string(json, "last_error", report->error);
        add_time(json, "last_error_at", report->error_wall_us);
    }
    add_int(json, "failures", report->n_failures);
    add_int(json, "attempts", (gint64)report->n_attempts);
    if (report->phase == WAITING)
        add_time(json, "next_attempt", report->next_wall_us);
    g_mutex_unlock(&report->lock);
}

gboolean
vigil_upload_lane_is_flowing(VigilUploadLane *self)
{
    gboolean flowing;

    g_mutex_lock(&self->report.lock);
    flowing = self->report.n_failures == 0 && !self->report.lost && self->report.state.waiting > 0;
    g_mutex_unlock(&self->report.lock);
    return flowing;
}

/* Without path and query, which may hold what is nobody's business. */
static gchar *
get_address(const gchar *url)
{
    const gchar *mark = strstr(url, "://");
    const gsize begin = mark ? (gsize)(mark - url) + strlen("://") : 0;

    return g_strndup(url, begin + strcspn(url + begin, "/?#"));
}

void
vigil_upload_lane_describe(VigilUploadLane *self, JsonBuilder *json)
{
    g_autofree gchar *address = get_address(self->settings->url);
    g_autofree gchar *url = vigil_redact(address);
    VigilOutboxState state;
    gint64 lag_us = 0;

    json_builder_begin_object(json);
    add_string(json, "name", self->settings->name);
    add_string(json, "url", url);
    add_report(self, &state, json);
    if (state.oldest_wall_us)
        lag_us = MAX(g_get_real_time() - state.oldest_wall_us, 0);
    add_int(json, "sent", state.sent);
    add_int(json, "refused", state.refused);
    add_int(json, "dropped", state.dropped);
    add_int(json, "waiting", state.waiting);
    add_int(json, "waiting_bytes", state.waiting_bytes);
    add_time(json, "oldest", state.oldest_wall_us);
    json_builder_set_member_name(json, "lag_s");
    json_builder_add_double_value(json, (gdouble)lag_us / 1e6);
    json_builder_end_object(json);
}
