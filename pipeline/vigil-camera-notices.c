/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-camera-private.h"
#include "pipeline/vigil-redact.h"
#include "storage/vigil-store-decisions.h"

typedef struct {
    VigilCamera *camera;
    enum {
        NOTICE_STATE,
        NOTICE_EVENT,
        NOTICE_MODEL
    } kind;
    VigilCameraState state;
    VigilEventType type;
    VigilCameraNews news;
    gchar *text; /* of an event: its line; of a model: its path */
    gchar *reason;
} Notice;

static void
notice_free(gpointer data)
{
    Notice *notice = data;

    vigil_camera_unref(notice->camera);
    g_free(notice->text);
    g_free(notice->reason);
    g_free(notice);
}

static gboolean
deliver(gpointer data)
{
    const Notice *notice = data;
    VigilCamera *self = notice->camera;
    gboolean orphaned;

    g_mutex_lock(&self->lock);
    orphaned = self->orphaned;
    g_mutex_unlock(&self->lock);
    if (orphaned)
        return G_SOURCE_REMOVE;
    if (notice->kind == NOTICE_EVENT && self->options.event)
        self->options.event(self, notice->type, notice->text, self->options.user_data);
    else if (notice->kind == NOTICE_MODEL && self->options.model)
        self->options.model(self, notice->news, notice->text, notice->reason,
                            self->options.user_data);
    else if (notice->kind == NOTICE_STATE && self->options.changed)
        self->options.changed(self, notice->state, self->options.user_data);
    return G_SOURCE_REMOVE;
}

static void
notify(VigilCamera *self, const Notice *content)
{
    g_autoptr(GSource) source = g_idle_source_new();
    Notice *notice = g_memdup2(content, sizeof *content);

    g_atomic_ref_count_inc(&self->refs);
    notice->camera = self;
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, deliver, notice, notice_free);
    g_source_attach(source, self->owner_context);
}

void
vigil_camera_notify_event(VigilCamera *self, const gchar *json, VigilEventType type)
{
    notify(self, &(Notice){.kind = NOTICE_EVENT, .type = type, .text = g_strdup(json)});
}

void
vigil_camera_notify_model(VigilCamera *self, VigilCameraNews news, const gchar *path,
                          const gchar *reason)
{
    notify(self, &(Notice){.kind = NOTICE_MODEL,
                           .news = news,
                           .text = g_strdup(path),
                           .reason = g_strdup(reason)});
}

/* (lock held) */
static void
note_dropout(VigilCamera *self, VigilCameraState before, VigilCameraState state)
{
    VigilCameraDropouts *dropouts = &self->status.dropouts;
    const gint64 now_us = g_get_real_time();
    gint64 lasted_us;

    if (state == VIGIL_CAMERA_RUNNING) {
        /* a clock that was set back in between says nothing */
        lasted_us = MAX(now_us - dropouts->since_us, 0);
        dropouts->total_us += lasted_us;
        dropouts->longest_us = MAX(dropouts->longest_us, lasted_us);
        dropouts->since_us = 0;
    } else if (before == VIGIL_CAMERA_RUNNING) {
        dropouts->count += !vigil_camera_state_is_final(state);
        dropouts->since_us = now_us;
    }
}

static VigilCameraPresence
presence_of(VigilCameraState state)
{
    switch (state) {
    case VIGIL_CAMERA_RUNNING: return VIGIL_PRESENCE_UP;
    case VIGIL_CAMERA_STOPPED:
    case VIGIL_CAMERA_ENDED: return VIGIL_PRESENCE_OFF;
    default: return VIGIL_PRESENCE_DOWN;
    }
}

/* For who asks later why there is no event. A replay's times are not those of the clock. */
static void
note_presence(VigilCamera *self, VigilCameraState state)
{
    const VigilCameraPresence presence = presence_of(state);
    g_autoptr(GError) error = NULL;
    g_autofree gchar *reason = NULL;

    if (!self->options.realtime || !vigil_source_is_live(self->settings->source))
        return;
    g_mutex_lock(&self->lock);
    if (presence == VIGIL_PRESENCE_DOWN)
        reason = g_strdup(self->status.error);
    g_mutex_unlock(&self->lock);
    self->options.store = vigil_store_renew(self->options.store, &error);
    if (error || !vigil_store_note_presence(self->options.store, self->settings->name, presence,
                                            reason, &error))
        g_message("camera %s: %s", self->settings->name, error->message);
}

void
vigil_camera_set_state(VigilCamera *self, VigilCameraState state)
{
    gboolean changed;

    g_mutex_lock(&self->lock);
    changed = self->status.state != state;
    if (changed)
        note_dropout(self, self->status.state, state);
    self->status.state = state;
    if (changed)
        self->status.since_us = g_get_real_time();
    if (state == VIGIL_CAMERA_WAITING)
        self->status.losses++;
    g_mutex_unlock(&self->lock);
    if (changed)
        note_presence(self, state);
    if (changed)
        notify(self, &(Notice){.kind = NOTICE_STATE, .state = state});
}

/* A replay says by itself what becomes of its one camera. */
void
vigil_camera_log(VigilCamera *self, const gchar *text)
{
    g_log(G_LOG_DOMAIN, self->options.realtime ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_INFO,
          "camera %s: %s", self->settings->name, text);
}

void
vigil_camera_set_error(VigilCamera *self, const gchar *text)
{
    g_autofree gchar *safe = vigil_redact(text);

    vigil_camera_log(self, safe);
    g_mutex_lock(&self->lock);
    g_free(self->status.error);
    self->status.error = g_steal_pointer(&safe);
    g_mutex_unlock(&self->lock);
}
