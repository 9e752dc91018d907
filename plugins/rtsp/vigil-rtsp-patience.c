/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/rtsp/vigil-rtsp-patience.h"

/* A connection that held for so long was a good one. */
#define GOOD_US (10 * G_USEC_PER_SEC)
#define FIRST_PAUSE_US (500 * 1000)
#define REFUSED_PAUSE_US (5 * G_USEC_PER_SEC)
#define MOST_REFUSED_PAUSE_US (60 * G_USEC_PER_SEC)
/* So many are for somebody who is changing the password right now. */
#define PATIENT_REFUSALS 4
/* Decoders hide a packet lost now and then; from some of a hundred on pictures are broken most of the time. */
#define WINDOW_US (5 * G_USEC_PER_SEC)
#define LOSSY_PERMILLE 20
#define LEAST_LOST 3
/* Then what was known of the way is no longer so: bad pictures are better than none. */
#define MOST_IN_VAIN 10

/* --- what is known of the way -------------------------------------------------------------------- */

static GMutex ways_lock;
static GHashTable *ways; /* of VigilRtspWay, by location: as many as configurations have named */

void
vigil_rtsp_way_keep(const gchar *location, const VigilRtspWay *way)
{
    g_mutex_lock(&ways_lock);
    if (!ways)
        ways = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_replace(ways, g_strdup(location), g_memdup2(way, sizeof *way));
    g_mutex_unlock(&ways_lock);
}

gboolean
vigil_rtsp_way_recall(const gchar *location, VigilRtspWay *way)
{
    const VigilRtspWay *known;

    g_mutex_lock(&ways_lock);
    known = ways ? g_hash_table_lookup(ways, location) : NULL;
    if (known)
        *way = *known;
    g_mutex_unlock(&ways_lock);
    return known != NULL;
}

/* --- when to try again --------------------------------------------------------------------------- */

void
vigil_rtsp_patience_init(VigilRtspPatience *self, VigilRtspTransport asked, gint64 most_us)
{
    *self =
        (VigilRtspPatience){.most_us = most_us, .asked = asked, .way.udp = asked == VIGIL_RTSP_UDP};
}

gboolean
vigil_rtsp_patience_begin(VigilRtspPatience *self, gint64 now_us)
{
    self->begun_us = now_us;
    self->frame_us = 0;
    self->window_us = now_us;
    self->window_packets = self->window_lost = 0;
    self->window_bad = FALSE;
    self->by_udp = self->way.udp;
    return self->by_udp;
}

void
vigil_rtsp_patience_note_frame(VigilRtspPatience *self, gint64 now_us)
{
    self->frame_us = now_us;
    self->refusals = self->in_vain = 0;
    self->way.tcp_works |= !self->by_udp;
}

gboolean
vigil_rtsp_patience_wants_packets(const VigilRtspPatience *self, gint64 now_us)
{
    return self->asked == VIGIL_RTSP_AUTO && self->way.udp && !self->way.lossy &&
           now_us - self->window_us >= WINDOW_US;
}

gboolean
vigil_rtsp_patience_note_packets(VigilRtspPatience *self, guint64 packets, guint64 lost,
                                 gint64 now_us)
{
    guint64 n, n_lost;
    gboolean bad, before = self->window_bad;

    if (!vigil_rtsp_patience_wants_packets(self, now_us))
        return FALSE;
    n_lost = lost - self->window_lost;
    n = packets - self->window_packets + n_lost;
    bad = n_lost >= LEAST_LOST && n_lost * 1000 >= n * LOSSY_PERMILLE;
    self->window_us = now_us;
    self->window_packets = packets;
    self->window_lost = lost;
    self->window_bad = bad;
    if (!bad || !before)
        return FALSE;
    self->way.lost_permille = (guint)(n_lost * 1000 / n);
    return TRUE;
}

gint64
vigil_rtsp_patience_get_deadline(const VigilRtspPatience *self, gint64 timeout_us)
{
    const gint64 since_us = MAX(self->begun_us, self->frame_us);

    return timeout_us <= 0 || since_us > G_MAXINT64 - timeout_us ? G_MAXINT64
                                                                 : since_us + timeout_us;
}

/* It was tried and gave nothing. */
static void
change_way(VigilRtspPatience *self)
{
    /* a bad one is no help where the good one is known to work */
    if (!(self->way.lossy && self->way.tcp_works))
        self->way.udp = !self->way.udp;
    else if (++self->in_vain >= MOST_IN_VAIN)
        self->way = (VigilRtspWay){.udp = TRUE};
}

gint64
vigil_rtsp_patience_end(VigilRtspPatience *self, VigilRtspLoss loss, gint64 now_us)
{
    gint64 pause_us;

    if (self->frame_us && self->frame_us - self->begun_us >= GOOD_US)
        self->tries = 0;
    if (loss == VIGIL_RTSP_REFUSED) {
        pause_us = REFUSED_PAUSE_US
                   << MIN(self->refusals / PATIENT_REFUSALS, 4); /* 5 s four times, then 10 … */
        self->refusals++;
        return MIN(pause_us, MOST_REFUSED_PAUSE_US);
    }
    if (loss == VIGIL_RTSP_LOSSY) {
        self->way.lossy = TRUE;
        self->way.udp = FALSE;
        return 0;
    }
    /* where nobody is there, the way is not at fault */
    if (self->asked == VIGIL_RTSP_AUTO && !self->frame_us && loss == VIGIL_RTSP_LOST)
        change_way(self);
    pause_us = FIRST_PAUSE_US << MIN(self->tries, 10);
    self->tries++;
    return MIN(pause_us, self->most_us);
}
