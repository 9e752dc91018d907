/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** The muxer numbers its tracks in the order in which they were asked for: pictures first. */
#define VIGIL_CLIP_AUDIO_TRACK 2

#define VIGIL_CLIP_MOOF_HEAD 40

/** VigilClipBoxes: how far into the boxes of a file the bytes handed out so far reach; all 0 but @header_need, which is 8. */
typedef struct {
    guint8 header[16];
    guint header_have, header_need;
    guint64 left; /* of the box's content */
    gboolean is_mdat, is_moof;
    guint8 moof[VIGIL_CLIP_MOOF_HEAD]; /* how the content of the latest one begins */
    guint moof_have;
} VigilClipBoxes;

/**
 * vigil_clip_boxes_feed:
 *
 * Returns: number of fragments of pictures that ended within these bytes: those of sound alone do not count
 */
guint vigil_clip_boxes_feed(VigilClipBoxes *self, const guint8 *data, gsize length);
/** vigil_clip_boxes_is_between: nothing has come yet, or the latest box is whole. */
gboolean vigil_clip_boxes_is_between(const VigilClipBoxes *self);

/**
 * vigil_clip_boxes_shift_audio:
 * @data: begins with a whole moof, or with anything else, which stays as it is
 * @ticks: of the track's clock
 *
 * Puts the sound of the fragment that much later (ISO/IEC 14496-12, 8.8.12: tfdt).
 */
void vigil_clip_boxes_shift_audio(guint8 *data, gsize length, guint64 ticks);

G_END_DECLS
