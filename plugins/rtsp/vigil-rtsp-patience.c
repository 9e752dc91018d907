/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/rtsp/vigil-rtsp-patience.h"

/* A connection that held for so long was a good one. */
#define GOOD_US (10 * G_USEC_PER_SEC)
#define FIRST_PAUSE_US (500 * 1000)
#define REFUSED_PAUSE_US (5 * G_USEC_PER_SEC)
#define MOST_REFUSED_PAUSE_US (60 * G_USEC_PER_SEC)
/* So many are for somebody who is changing the password right now. */
#define PATIENT_REFUSALS 4

void
vigil_rtsp_patience_init(VigilRtspPatience *self, VigilRtspTransport asked, gint64 most_us)
{
    *self = (VigilRtspPatience){.most_us = most_us, .asked = asked, .udp = asked == VIGIL_RTSP_UDP};
}

gboolean
vigil_rtsp_patience_begin(VigilRtspPatience *self, gint64 now_us)
{
    self->begun_us = now_us;
    self->frame_us = 0;
    return self->udp;
}

void
vigil_rtsp_patience_note_frame(VigilRtspPatience *self, gint64 now_us)
{
    self->frame_us = now_us;
    self->refusals = 0;
}

gint64
vigil_rtsp_patience_get_deadline(const VigilRtspPatience *self, gint64 timeout_us)
{
    const gint64 since_us = MAX(self->begun_us, self->frame_us);

    return timeout_us <= 0 || since_us > G_MAXINT64 - timeout_us ? G_MAXINT64
                                                                 : since_us + timeout_us;
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
    /* where nobody is there, the way is not at fault */
    if (self->asked == VIGIL_RTSP_AUTO && !self->frame_us && loss == VIGIL_RTSP_LOST)
        self->udp = !self->udp;
    pause_us = FIRST_PAUSE_US << MIN(self->tries, 10);
    self->tries++;
    return MIN(pause_us, self->most_us);
}
