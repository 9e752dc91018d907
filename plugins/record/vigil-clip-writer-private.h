/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>

#include "plugins/record/vigil-clip-boxes.h"
#include "plugins/record/vigil-clip-writer.h"

G_BEGIN_DECLS

/**
 * VigilClipWriterAudio:
 * @source: (nullable): the file has no track for it; borrowed
 * @rate: ticks of its track a second
 * @shift: ticks that it begins after the file's time 0, which the muxer leaves out
 * @last_ns: file's time of what was given last; -1: nothing yet
 */
typedef struct {
    GstAppSrc *source;
    guint rate;
    guint64 shift;
    gint64 last_ns;
    gboolean begun, over;
} VigilClipWriterAudio;

struct VigilClipWriter {
    GstElement *pipeline;
    GstAppSrc *source;
    GstAppSink *sink;
    VigilClipWriteFunc write_func;
    VigilClipWakeFunc wake_func;
    gpointer user_data;
    const gchar *codec;
    gboolean encodes;

    gboolean started;
    VigilRingFrame first_frame;
    GstBuffer *first; /* (nullable): not sent yet */
    gint64 base_ns;   /* stream time of the file's time 0 */
    gint64 last_dts_ns, last_duration_ns;
    VigilClipWriterAudio audio;
    VigilClipBoxes boxes;
    GQueue notes; /* of GBytes: not written yet */
    VigilClipWriterInfo info;

    GMutex lock;
    GError *bus_error; /* under lock: the first error of the muxer */
};

/** vigil_clip_writer_check_bus: whether the muxer works. */
gboolean vigil_clip_writer_check_bus(VigilClipWriter *self, GError **error);

/* vigil-clip-writer-audio.c */

/** vigil_clip_writer_get_muxer_for: the muxer that takes @audio_caps, (nullable), too. */
const gchar *vigil_clip_writer_get_muxer_for(const GstCaps *audio_caps, const gchar *muxer);
/** vigil_clip_writer_add_audio: a track beside that of the pictures, which is linked already. */
gboolean vigil_clip_writer_add_audio(VigilClipWriter *self, GstCaps *audio_caps, GstElement *muxer,
                                     GError **error);
/** vigil_clip_writer_place_audio: (transfer full) @buffer: where it begins with a fragment of sound, at its time */
GstBuffer *vigil_clip_writer_place_audio(VigilClipWriter *self, GstBuffer *buffer);

G_END_DECLS
