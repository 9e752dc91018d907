/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/decode/vigil-decoder-group.h"

void
vigil_decoder_group_add(VigilDecoderGroup *self, GstBuffer *frame)
{
    const gboolean key = !GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_DELTA_UNIT);
    const gsize bytes = gst_buffer_get_size(frame);

    if (key)
        vigil_decoder_group_clear(self);
    else if (self->n == 0)
        return;
    if (self->n == VIGIL_DECODER_GROUP_MAX_FRAMES ||
        bytes > VIGIL_DECODER_GROUP_MAX_BYTES - self->bytes) {
        vigil_decoder_group_clear(self);
        return;
    }
    self->frames[self->n++] = gst_buffer_ref(frame);
    self->bytes += bytes;
}

void
vigil_decoder_group_clear(VigilDecoderGroup *self)
{
    for (guint i = 0; i < self->n; i++)
        gst_buffer_unref(self->frames[i]);
    self->n = 0;
    self->bytes = 0;
}
