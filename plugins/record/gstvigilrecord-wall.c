/* SPDX-License-Identifier: Apache-2.0 */
/* What time it is where a segment of a continuous recording begins. */
#include "plugins/common/gstvigilstream.h"
#include "plugins/common/vigil-wall-base.h"
#include "plugins/record/gstvigilrecord-private.h"

void
gst_vigil_record_note_wall_base(GstVigilRecord *self, GstBuffer *buffer,
                                const VigilRingFrame *frame)
{
    gint64 base_us = self->wall_base_us;

    if (!frame->key || self->segment == 0)
        return;
    if (base_us < 0 && g_atomic_int_get(&self->live))
        base_us = vigil_wall_base_live(
            g_get_real_time(), gst_vigil_element_get_running_time(GST_ELEMENT(self)),
            gst_segment_to_running_time(&self->video.segment, GST_FORMAT_TIME,
                                        GST_BUFFER_PTS(buffer)),
            frame->pts_ns);
    else if (base_us < 0)
        base_us = MAX(self->tag_wall_us, 0);
    vigil_recorder_set_wall_base(self->recorder, base_us);
}
