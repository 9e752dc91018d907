/* SPDX-License-Identifier: Apache-2.0 */
/* From one connection to the next. */
#include "plugins/rtsp/gstvigilrtspsrc-private.h"

/* Of a file that was refused: it is read again so often. */
#define LOOK_AGAIN_US (1 * G_USEC_PER_SEC)
/* Cameras that were lost together need not come back together. */
#define JITTER_US 200000
/* What downstream has not taken: some seconds of the best cameras. */
#define MOST_QUEUED_BYTES (64 * 1024 * 1024)
#define MOST_QUEUED_FRAMES 1024

void
gst_vigil_rtsp_src_tell(GstVigilRtspSrc *self, const gchar *state, const gchar *reason)
{
    const gint64 now_us = g_get_monotonic_time();
    const guint64 silence_ns =
        self->last_frame_us ? (guint64)(now_us - self->last_frame_us) * 1000 : 0;
    GstStructure *structure;

    g_mutex_lock(&self->lock);
    self->state = state;
    structure = gst_structure_new("vigilrtspsrc-state", "state", G_TYPE_STRING, state, "location",
                                  G_TYPE_STRING, self->asked.login.location, "transport",
                                  G_TYPE_STRING, self->patience.way.udp ? "udp" : "tcp", "format",
                                  G_TYPE_STRING, self->summary, "reason", G_TYPE_STRING, reason,
                                  "silence", G_TYPE_UINT64, silence_ns, NULL);
    g_mutex_unlock(&self->lock);
    gst_element_post_message(GST_ELEMENT(self),
                             gst_message_new_element(GST_OBJECT(self), structure));
}

/* --- from the session's threads -------------------------------------------------------------- */

static void
on_frame(GstSample *sample, gpointer user_data)
{
    GstVigilRtspSrc *self = user_data;
    const gsize size = gst_buffer_get_size(gst_sample_get_buffer(sample));

    g_mutex_lock(&self->lock);
    vigil_rtsp_patience_note_frame(&self->patience, g_get_monotonic_time());
    if (gst_queue_array_get_length(self->frames) >= MOST_QUEUED_FRAMES ||
        self->queued_bytes + size > MOST_QUEUED_BYTES) {
        self->counts.dropped++;
        self->overrun = TRUE;
        gst_sample_unref(sample);
    } else {
        self->queued_bytes += size;
        gst_queue_array_push_tail(self->frames, sample);
        g_cond_signal(&self->wake);
    }
    g_mutex_unlock(&self->lock);
}

static void
on_lost(VigilRtspLoss loss, const gchar *reason, gpointer user_data)
{
    GstVigilRtspSrc *self = user_data;

    g_mutex_lock(&self->lock);
    self->lost = TRUE;
    self->loss = loss;
    g_free(self->loss_reason);
    self->loss_reason = g_strdup(reason);
    g_cond_signal(&self->wake);
    g_mutex_unlock(&self->lock);
}

/* --- connecting ------------------------------------------------------------------------------ */

static gboolean
read_login(const GstVigilRtspSrc *self, VigilRtspLogin *login, GError **error)
{
    const VigilRtspLogin *asked = &self->asked.login;

    *login = (VigilRtspLogin){g_strdup(asked->location), g_strdup(asked->user),
                              g_strdup(asked->password)};
    return !self->asked.credentials || vigil_rtsp_login_read(login, self->asked.credentials, error);
}

static gboolean
has_other_login(const GstVigilRtspSrc *self)
{
    g_auto(VigilRtspLogin) login = {0};

    return read_login(self, &login, NULL) && (g_strcmp0(login.user, self->login.user) != 0 ||
                                              g_strcmp0(login.password, self->login.password) != 0);
}

static gboolean
connect_now(GstVigilRtspSrc *self, GError **error)
{
    static const GstVigilRtspSessionFuncs funcs = {on_frame, gst_vigil_rtsp_src_take_sound,
                                                   gst_vigil_rtsp_src_miss_sound, on_lost};
    GstVigilRtspSessionOptions options = {
        .login = &self->login,
        .latency_ms = self->asked.latency_ms,
        .timeout_us = (gint64)(self->asked.timeout_ns / 1000),
        .tls_ca = self->asked.tls_ca,
        .tls_verify = self->asked.tls_verify,
        .audio = self->asked.audio,
        .sync = self->sync,
        .clock = self->clock,
        .base_time = gst_element_get_base_time(GST_ELEMENT(self)),
    };
    GstVigilRtspSession *session;

    g_mutex_lock(&self->lock);
    options.udp = vigil_rtsp_patience_begin(&self->patience, g_get_monotonic_time());
    self->counts.attempts++;
    self->lost = self->overrun = FALSE;
    g_mutex_unlock(&self->lock);
    self->fresh = self->need_key = TRUE;
    self->need_key_us = 0;
    vigil_rtsp_login_clear(&self->login);
    if (!read_login(self, &self->login, error))
        return FALSE;
    session = gst_vigil_rtsp_session_new(&options, &funcs, self, error);
    g_mutex_lock(&self->lock);
    self->session = session;
    g_mutex_unlock(&self->lock);
    return session != NULL;
}

/* Sleeps until the next try is due. Returns: FALSE when the thread is wanted back */
static gboolean
pause_until_due(GstVigilRtspSrc *self)
{
    gboolean flushing;

    g_mutex_lock(&self->lock);
    while (!self->flushing && g_get_monotonic_time() < self->next_try_us) {
        const gboolean look = self->refused && self->asked.credentials;
        const gint64 look_us = g_get_monotonic_time() + LOOK_AGAIN_US;

        g_cond_wait_until(&self->wake, &self->lock,
                          look ? MIN(look_us, self->next_try_us) : self->next_try_us);
        g_mutex_unlock(&self->lock);
        if (look && has_other_login(self))
            self->next_try_us = 0;
        g_mutex_lock(&self->lock);
    }
    flushing = self->flushing;
    g_mutex_unlock(&self->lock);
    return !flushing;
}

GstFlowReturn
gst_vigil_rtsp_src_connect_or_wait(GstVigilRtspSrc *self)
{
    g_autoptr(GError) error = NULL;

    if (!pause_until_due(self))
        return GST_FLOW_FLUSHING;
    if (!self->clock)
        self->clock = gst_element_get_clock(GST_ELEMENT(self));
    if (!self->clock) {
        GST_ELEMENT_ERROR(self, CORE, CLOCK, ("The pipeline has no clock."), (NULL));
        return GST_FLOW_ERROR;
    }
    if (connect_now(self, &error))
        return GST_FLOW_OK;
    if (error->domain != GST_CORE_ERROR)
        return gst_vigil_rtsp_src_lose(self, VIGIL_RTSP_AWAY, error->message);
    GST_ELEMENT_ERROR(self, CORE, MISSING_PLUGIN, ("%s", error->message), (NULL));
    return GST_FLOW_ERROR;
}

void
gst_vigil_rtsp_src_disconnect(GstVigilRtspSrc *self)
{
    GstVigilRtspSession *session;
    GstVigilRtspSessionStats stats;
    GstSample *sample;

    g_mutex_lock(&self->lock);
    session = g_steal_pointer(&self->session);
    g_mutex_unlock(&self->lock);
    if (session) {
        stats = gst_vigil_rtsp_session_get_stats(session);
        gst_vigil_rtsp_session_free(session);
        g_mutex_lock(&self->lock);
        self->counts.session.packets += stats.packets;
        self->counts.session.lost += stats.lost;
        self->counts.session.sound_packets += stats.sound_packets;
        self->counts.session.sound_lost += stats.sound_lost;
        self->counts.session.jumps += stats.jumps;
        g_mutex_unlock(&self->lock);
    }
    while ((sample = gst_queue_array_pop_head(self->frames)))
        gst_sample_unref(sample);
    self->queued_bytes = 0;
    g_mutex_lock(&self->lock);
    gst_vigil_rtsp_src_forget_sound(self);
    g_mutex_unlock(&self->lock);
}

GstFlowReturn
gst_vigil_rtsp_src_lose(GstVigilRtspSrc *self, VigilRtspLoss loss, const gchar *reason)
{
    const gint64 now_us = g_get_monotonic_time();
    gint64 pause_us;

    g_mutex_lock(&self->lock);
    if (self->patience.frame_us)
        self->last_frame_us = self->patience.frame_us;
    self->counts.drop_outs += !self->fresh;
    pause_us = vigil_rtsp_patience_end(&self->patience, loss, now_us);
    g_mutex_unlock(&self->lock);
    self->refused = loss == VIGIL_RTSP_REFUSED;
    if (loss == VIGIL_RTSP_USELESS && !self->ever) {
        GST_ELEMENT_ERROR(self, STREAM, WRONG_TYPE, ("%s: %s", self->asked.login.location, reason),
                          (NULL));
        return GST_FLOW_ERROR;
    }
    if (!self->fresh || g_strcmp0(reason, self->reason) != 0) {
        GST_WARNING_OBJECT(self, "waiting: %s", reason);
        gst_vigil_rtsp_src_tell(self, "waiting", reason);
        g_free(self->reason);
        self->reason = g_strdup(reason);
    }
    gst_vigil_rtsp_src_disconnect(self);
    self->discont = TRUE;
    self->next_try_us = g_get_monotonic_time() + pause_us +
                        g_random_int_range(0, (gint32)MIN(JITTER_US, pause_us + 1));
    return GST_FLOW_OK;
}
