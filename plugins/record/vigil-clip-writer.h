/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

#include "plugins/record/vigil-ring.h"

G_BEGIN_DECLS

/** VigilClipWriteFunc: takes bytes of the file, in order; called only from within the writer's functions. */
typedef gboolean (*VigilClipWriteFunc)(gconstpointer data, gsize length, gpointer user_data,
                                       GError **error);
/** VigilClipWakeFunc: there is something for vigil_clip_writer_pump() to do; called from any thread; must only signal. */
typedef void (*VigilClipWakeFunc)(gpointer user_data);

/**
 * VigilClipWriter:
 *
 * Encoded frames of one video → the bytes of a fragmented MP4, without transcoding, unless that is asked for. The file begins at its first
 * keyframe with time 0 and is playable from its first fragment on, wherever it is cut off; a fragment is 1 s.
 * The muxer is GStreamer's mp4mux (qtmux for Motion JPEG and G.711, which the other does not take); it has threads of its own, but every function here belongs to one thread.
 *
 * A file may have a second track, of sound, as it comes, too. The muxer waits for either track: who writes says with
 * vigil_clip_writer_skip_audio() what will not come. Each track has fragments of its own.
 */
typedef struct VigilClipWriter VigilClipWriter;

/**
 * VigilClipWriterFlags:
 * @VIGIL_CLIP_WRITER_REORDERS: decoding times are missing and frames may be out of order: they are worked out from the stream
 * @VIGIL_CLIP_WRITER_ENCODE: Motion JPEG is decoded, and encoded to H.264 with the best encoder that is there; without meaning
 *   for others
 */
typedef enum {
    VIGIL_CLIP_WRITER_REORDERS = 1 << 0,
    VIGIL_CLIP_WRITER_ENCODE = 1 << 1,
} VigilClipWriterFlags;

/**
 * vigil_clip_writer_new:
 * @caps: video/x-h264 or video/x-h265, alignment au, any stream-format; or image/jpeg
 * @flags: how they are to be written
 *
 * Errors: GST_CORE_ERROR_MISSING_PLUGIN names the element that is missing.
 */
VigilClipWriter *
vigil_clip_writer_new(GstCaps *caps, VigilClipWriterFlags flags, VigilClipWriteFunc write_func,
                      VigilClipWakeFunc wake_func, gpointer user_data, GError **error);
/**
 * vigil_clip_writer_new_with_audio:
 * @audio_caps: (nullable): audio/mpeg (version 4, stream-format raw, with its codec_data), audio/x-opus, audio/x-alaw or
 *   audio/x-mulaw: the file has a track for it
 *
 * Otherwise as vigil_clip_writer_new().
 */
VigilClipWriter *
vigil_clip_writer_new_with_audio(GstCaps *caps, GstCaps *audio_caps, VigilClipWriterFlags flags,
                                 VigilClipWriteFunc write_func, VigilClipWakeFunc wake_func,
                                 gpointer user_data, GError **error);
/** vigil_clip_writer_free: without finish, the bytes that are still in the muxer are lost. */
void vigil_clip_writer_free(VigilClipWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilClipWriter, vigil_clip_writer_free)

/**
 * vigil_clip_writer_push:
 * @frame: in decoding order; the first one a keyframe
 * @buffer: (transfer full): its bytes; nobody else has a reference
 *
 * Pictures that are shown before the first keyframe cannot be decoded and are left out. Does not block.
 */
gboolean vigil_clip_writer_push(VigilClipWriter *self, const VigilRingFrame *frame,
                                GstBuffer *buffer, GError **error);
/** vigil_clip_writer_takes_audio: it has a track for it, which has not ended, and the file's time is known: two pictures were pushed. */
gboolean vigil_clip_writer_takes_audio(const VigilClipWriter *self);
/**
 * vigil_clip_writer_push_audio: where it takes some
 * @frame: later than the one before; what is before the file's first picture, or what was skipped, is left out
 * @buffer: (transfer full): its bytes; nobody else has a reference
 */
gboolean vigil_clip_writer_push_audio(VigilClipWriter *self, const VigilRingFrame *frame,
                                      GstBuffer *buffer, GError **error);
/** vigil_clip_writer_skip_audio: no sound will come up to @until_ns of stream time; where it takes some. */
gboolean vigil_clip_writer_skip_audio(VigilClipWriter *self, gint64 until_ns, GError **error);
/** vigil_clip_writer_end_audio: no more sound will come; idempotent. */
void vigil_clip_writer_end_audio(VigilClipWriter *self);
/**
 * vigil_clip_writer_is_full: so much waits for the encoder that no more frames should be pushed now; the wake function is called when it has
 * taken that. Never without %VIGIL_CLIP_WRITER_ENCODE.
 */
gboolean vigil_clip_writer_is_full(const VigilClipWriter *self);
/** vigil_clip_writer_pump: hands what the muxer has ready to the write function. Never waits. */
gboolean vigil_clip_writer_pump(VigilClipWriter *self, GError **error);
/** vigil_clip_writer_finish: writes everything that is left. Waits for as long as bytes come, 5 s from one piece to the next (20 s where
 * frames are encoded). */
gboolean vigil_clip_writer_finish(VigilClipWriter *self, GError **error);

/**
 * vigil_clip_writer_add_note:
 * @note: a whole box that players skip; a reference is taken
 *
 * Writes it between two fragments: now where that is possible, else behind the one that is being written. After
 * vigil_clip_writer_finish(): at the end. When that fails it is tried again with the next fragment or note.
 */
gboolean vigil_clip_writer_add_note(VigilClipWriter *self, GBytes *note, GError **error);

/** vigil_clip_writer_get_codec: what the file holds: "h264", "h265" or "jpeg". */
const gchar *vigil_clip_writer_get_codec(const VigilClipWriter *self);

/**
 * VigilClipWriterInfo:
 * @start_ns: stream time of the first frame
 * @end_ns: stream time of the end of what is shown last
 * @n_audio: frames of sound
 * @n_fragments: fragments of pictures that the write function has taken whole
 * @n_notes: notes that it has taken
 * @n_pending: notes that it has not
 */
typedef struct {
    gint64 start_ns, end_ns;
    guint64 n_frames;
    guint64 n_audio;
    guint64 n_leading; /* left out: shown before the first keyframe */
    guint n_fragments, n_notes, n_pending;
    guint64 bytes;
} VigilClipWriterInfo;
VigilClipWriterInfo vigil_clip_writer_get_info(const VigilClipWriter *self);

G_END_DECLS
