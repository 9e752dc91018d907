/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/rtsp/vigil-rtsp-timeline.h"

#define SECOND_NS G_GINT64_CONSTANT(1000000000)
/* What came soonest in this or the period before counts: longer than any stall that a connection outlives. */
#define PERIOD_NS (15 * SECOND_NS)
/* By so much of the time that passes the least delay may grow: no quartz is worse than 500 ppm. */
#define DRIFT_DIVISOR 2000
/* Beyond these it is not delay: the sender has begun to count anew. */
#define MOST_LATE_NS (60 * SECOND_NS)
#define MOST_EARLY_NS (5 * SECOND_NS)
/* Two streams of one camera are not further apart: their clocks would be two. */
#define SAME_CLOCK_NS (2 * SECOND_NS)
#define NTP_TO_UNIX_S G_GINT64_CONSTANT(2208988800)
#define N_FRAMES 64

/* The least of the delays, as it was lately. */
typedef struct {
    gboolean valid;
    gint64 value_ns;
    gint64 this_ns, before_ns; /* least of this period and of the one before */
    gint64 since_ns, last_ns;
} Floor;

struct VigilRtspSync {
    gchar *name;
    guint refs; /* under the table's lock */
    GMutex lock;
    Floor floor; /* our clock less the camera's */
};

typedef struct {
    gint64 time_ns, camera_ns;
} Frame;

struct VigilRtspTimeline {
    guint rate;
    VigilRtspSync *sync;

    gboolean begun;
    guint32 last_rtp;
    gint64 ticks;     /* of last_rtp, since the first one, without its wrapping around */
    gint64 newest_ns; /* the largest media time so far */
    gint64 offset_ns; /* what is added to media time */
    Floor floor;      /* our clock less media time */
    guint jumps;

    gboolean reported;
    gint64 report_ns; /* since 1970 */
    guint32 report_rtp;
    Frame frames[N_FRAMES];
    guint n_frames;
};

/* --- the least delay ------------------------------------------------------------------------- */

static void
floor_begin(Floor *self, gint64 delay_ns, gint64 now_ns)
{
    *self = (Floor){TRUE, delay_ns, delay_ns, delay_ns, now_ns, now_ns};
}

static void
floor_add(Floor *self, gint64 delay_ns, gint64 now_ns)
{
    gint64 least_ns;

    if (!self->valid) {
        floor_begin(self, delay_ns, now_ns);
        return;
    }
    if (now_ns - self->since_ns >= PERIOD_NS) {
        self->before_ns = self->this_ns;
        self->this_ns = delay_ns;
        self->since_ns = now_ns;
    }
    self->this_ns = MIN(self->this_ns, delay_ns);
    least_ns = MIN(self->this_ns, self->before_ns);
    if (least_ns > self->value_ns)
        self->value_ns +=
            MIN(least_ns - self->value_ns, MAX(now_ns - self->last_ns, 0) / DRIFT_DIVISOR);
    else
        self->value_ns = least_ns;
    self->last_ns = now_ns;
}

/* --- a camera's clock ------------------------------------------------------------------------ */

static GMutex table_lock;
static GHashTable *table; /* name -> VigilRtspSync, which it does not hold */

VigilRtspSync *
vigil_rtsp_sync_get(const gchar *name)
{
    VigilRtspSync *self;

    g_mutex_lock(&table_lock);
    if (!table)
        table = g_hash_table_new(g_str_hash, g_str_equal);
    self = g_hash_table_lookup(table, name);
    if (!self) {
        self = g_new0(VigilRtspSync, 1);
        self->name = g_strdup(name);
        g_mutex_init(&self->lock);
        g_hash_table_insert(table, self->name, self);
    }
    self->refs++;
    g_mutex_unlock(&table_lock);
    return self;
}

static void
sync_ref(VigilRtspSync *self)
{
    g_mutex_lock(&table_lock);
    self->refs++;
    g_mutex_unlock(&table_lock);
}

void
vigil_rtsp_sync_unref(VigilRtspSync *self)
{
    gboolean last;

    if (!self)
        return;
    g_mutex_lock(&table_lock);
    last = --self->refs == 0;
    if (last)
        g_hash_table_remove(table, self->name);
    if (g_hash_table_size(table) == 0)
        g_clear_pointer(&table, g_hash_table_unref);
    g_mutex_unlock(&table_lock);
    if (!last)
        return;
    g_mutex_clear(&self->lock);
    g_free(self->name);
    g_free(self);
}

/* How far our clock is from the camera's, by all of its streams. */
static gint64
sync_add(VigilRtspSync *self, gint64 delay_ns, gint64 now_ns)
{
    gint64 value_ns;

    g_mutex_lock(&self->lock);
    /* its clock was set: what was known is of no use */
    if (self->floor.valid && ABS(delay_ns - self->floor.value_ns) > MOST_LATE_NS)
        self->floor.valid = FALSE;
    floor_add(&self->floor, delay_ns, now_ns);
    value_ns = self->floor.value_ns;
    g_mutex_unlock(&self->lock);
    return value_ns;
}

/* --- a stream -------------------------------------------------------------------------------- */

VigilRtspTimeline *
vigil_rtsp_timeline_new(guint rate, VigilRtspSync *sync)
{
    VigilRtspTimeline *self = g_new0(VigilRtspTimeline, 1);

    self->rate = rate;
    self->sync = sync;
    if (sync)
        sync_ref(sync);
    return self;
}

void
vigil_rtsp_timeline_free(VigilRtspTimeline *self)
{
    if (!self)
        return;
    vigil_rtsp_sync_unref(self->sync);
    g_free(self);
}

static gint64
to_ns(const VigilRtspTimeline *self, gint64 ticks)
{
    const gint64 rate = self->rate;

    return ticks / rate * SECOND_NS + ticks % rate * SECOND_NS / rate;
}

void
vigil_rtsp_timeline_set_report(VigilRtspTimeline *self, guint64 ntp, guint32 rtp)
{
    self->report_ns = ((gint64)(ntp >> 32) - NTP_TO_UNIX_S) * SECOND_NS +
                      (gint64)(((ntp & G_MAXUINT32) * (guint64)SECOND_NS) >> 32);
    self->report_rtp = rtp;
    self->reported = TRUE;
}

static gint64
camera_ns_of(const VigilRtspTimeline *self, guint32 rtp)
{
    return self->report_ns + to_ns(self, (gint32)(rtp - self->report_rtp));
}

static void
begin(VigilRtspTimeline *self, guint32 rtp, gint64 now_ns)
{
    self->begun = TRUE;
    self->last_rtp = rtp;
    self->ticks = self->newest_ns = 0;
    self->offset_ns = now_ns;
    floor_begin(&self->floor, now_ns, now_ns);
}

/* What media time should be moved by. */
static gint64
find_offset(VigilRtspTimeline *self, guint32 rtp, gint64 media_ns, gint64 now_ns)
{
    gint64 camera_ns, offset_ns;

    floor_add(&self->floor, now_ns - media_ns, now_ns);
    if (!self->sync || !self->reported)
        return self->floor.value_ns;
    camera_ns = camera_ns_of(self, rtp);
    offset_ns = sync_add(self->sync, now_ns - camera_ns, now_ns) + camera_ns - media_ns;
    return ABS(offset_ns - self->floor.value_ns) < SAME_CLOCK_NS ? offset_ns : self->floor.value_ns;
}

static void
note_frame(VigilRtspTimeline *self, gint64 time_ns, guint32 rtp)
{
    self->frames[self->n_frames++ % N_FRAMES] = (Frame){time_ns, camera_ns_of(self, rtp)};
}

gint64
vigil_rtsp_timeline_add(VigilRtspTimeline *self, guint32 rtp, gint64 now_ns)
{
    gint64 media_ns, time_ns, late_ns, offset_ns, step_ns;
    const gboolean same_frame = self->begun && rtp == self->last_rtp;

    if (!self->begun)
        begin(self, rtp, now_ns);
    self->ticks += (gint32)(rtp - self->last_rtp);
    self->last_rtp = rtp;
    media_ns = to_ns(self, self->ticks);
    late_ns = now_ns - media_ns - self->floor.value_ns;
    if (late_ns > MOST_LATE_NS || late_ns < -MOST_EARLY_NS) {
        self->jumps++;
        begin(self, rtp, now_ns);
        media_ns = 0;
    }
    offset_ns = find_offset(self, rtp, media_ns, now_ns);
    /* not at once: time goes on, at half or one and a half times its speed */
    if (media_ns > self->newest_ns) {
        step_ns = (media_ns - self->newest_ns) / 2;
        self->offset_ns += CLAMP(offset_ns - self->offset_ns, -step_ns, step_ns);
        self->newest_ns = media_ns;
    }
    time_ns = MAX(media_ns + self->offset_ns, 0);
    if (self->reported && !same_frame)
        note_frame(self, time_ns, rtp);
    return time_ns;
}

gint64
vigil_rtsp_timeline_get_camera_ns(const VigilRtspTimeline *self, gint64 time_ns)
{
    const guint n = MIN(self->n_frames, N_FRAMES);

    for (guint i = 1; i <= n; i++) {
        const Frame *frame = &self->frames[(self->n_frames - i) % N_FRAMES];

        if (frame->time_ns == time_ns)
            return frame->camera_ns;
    }
    return VIGIL_RTSP_TIME_NONE;
}

guint
vigil_rtsp_timeline_get_jumps(const VigilRtspTimeline *self)
{
    return self->jumps;
}
