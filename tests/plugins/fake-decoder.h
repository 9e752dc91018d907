/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define FAKE_DECODER_LATER_FRAME 40
#define FAKE_DECODER_LATEST_FRAME 290

/** FakeDecoderFault: when a fake decoder breaks, as drivers do. */
typedef enum {
    FAKE_DECODER_WORKS,
    FAKE_DECODER_OPEN,   /* the device is busy: NULL to READY fails */
    FAKE_DECODER_START,  /* READY to PAUSED fails */
    FAKE_DECODER_FORMAT, /* it refuses the stream's caps */
    FAKE_DECODER_FIRST,  /* an error, posted and returned, for the first frame */
    FAKE_DECODER_MUTE,   /* the same, but only returned */
    FAKE_DECODER_LATER,  /* as FIRST, for frame FAKE_DECODER_LATER_FRAME */
    FAKE_DECODER_BESIDE, /* that frame is taken, and the error comes from a thread of the decoder's own */
    FAKE_DECODER_SILENT, /* it takes frames for ever and gives none */
    FAKE_DECODER_LATEST, /* as FIRST, for frame FAKE_DECODER_LATEST_FRAME */
    FAKE_DECODER_AT_END, /* an error when it is to give its last frames; the end is lost too */
} FakeDecoderFault;

/**
 * fake_decoder_register:
 * @plugin: (nullable): that it belongs to
 *
 * Makes it known as `v4l2h264dec`, a decoder of H.264 that gives a gray picture for each frame. It breaks as fake_decoder_set_fault()
 * says, else as the environment variable VIGIL_FAKE_DECODER does: a number.
 */
gboolean fake_decoder_register(GstPlugin *plugin);

void fake_decoder_set_fault(FakeDecoderFault fault);
/** fake_decoder_get_opened: how often one was opened, or tried to be. */
guint fake_decoder_get_opened(void);

G_END_DECLS
