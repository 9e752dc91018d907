/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/record/vigil-clip-boxes.h"

#include <string.h>

#define BOX_BYTES 8
/* In a moof: mfhd, then the header of traf, then tfhd: its header, its flags, the track. */
#define MFHD_BYTES 16
#define TFHD_AT (MFHD_BYTES + BOX_BYTES)
#define TRACK_AT (TFHD_AT + BOX_BYTES + 4)

static guint64
read_big_endian(const guint8 *data, guint n)
{
    guint64 value = 0;

    for (guint i = 0; i < n; i++)
        value = value << 8 | data[i];
    return value;
}

static void
write_big_endian(guint8 *data, guint n, guint64 value)
{
    for (guint i = n; i > 0; i--, value >>= 8)
        data[i - 1] = (guint8)value;
}

static void
open_box(VigilClipBoxes *self)
{
    guint64 size = read_big_endian(self->header, 4);
    guint header = BOX_BYTES;

    if (size == 1 && self->header_need == BOX_BYTES) {
        self->header_need = 16;
        return;
    }
    if (size == 1) {
        size = read_big_endian(self->header + 8, 8);
        header = 16;
    }
    self->is_mdat = memcmp(self->header + 4, "mdat", 4) == 0;
    self->is_moof = memcmp(self->header + 4, "moof", 4) == 0;
    if (self->is_moof)
        self->moof_have = 0;
    self->left = size > header ? size - header : 0;
    self->header_have = 0;
    self->header_need = BOX_BYTES;
}

/* GStreamer's muxers give each track fragments of its own. @content: of a moof, its first VIGIL_CLIP_MOOF_HEAD bytes */
static gboolean
is_audio(const guint8 *content)
{
    return memcmp(content + 4, "mfhd", 4) == 0 &&
           memcmp(content + MFHD_BYTES + 4, "traf", 4) == 0 &&
           memcmp(content + TFHD_AT + 4, "tfhd", 4) == 0 &&
           read_big_endian(content + TRACK_AT, 4) == VIGIL_CLIP_AUDIO_TRACK;
}

static gboolean
ends_pictures(const VigilClipBoxes *self)
{
    return self->is_mdat && self->left == 0 &&
           !(self->moof_have == VIGIL_CLIP_MOOF_HEAD && is_audio(self->moof));
}

static void
note_content(VigilClipBoxes *self, const guint8 *data, gsize length)
{
    const gsize n = MIN(length, VIGIL_CLIP_MOOF_HEAD - self->moof_have);

    memcpy(self->moof + self->moof_have, data, n);
    self->moof_have += (guint)n;
}

guint
vigil_clip_boxes_feed(VigilClipBoxes *self, const guint8 *data, gsize length)
{
    guint n_ended = 0;

    while (length > 0) {
        gsize n;

        if (self->left > 0) {
            n = MIN(length, self->left);
            if (self->is_moof)
                note_content(self, data, n);
            self->left -= n;
            n_ended += ends_pictures(self);
        } else {
            n = MIN(length, self->header_need - self->header_have);
            memcpy(self->header + self->header_have, data, n);
            self->header_have += (guint)n;
            if (self->header_have == self->header_need)
                open_box(self);
        }
        data += n;
        length -= n;
    }
    return n_ended;
}

gboolean
vigil_clip_boxes_is_between(const VigilClipBoxes *self)
{
    return self->left == 0 && self->header_have == 0;
}

/* @traf: its content */
static void
shift_track(guint8 *traf, gsize length, guint64 ticks)
{
    gsize at = 0;

    while (length - at >= BOX_BYTES) {
        const guint64 size = read_big_endian(traf + at, 4);
        const guint n =
            length - at > BOX_BYTES && traf[at + BOX_BYTES] ? 8 : 4; /* by its version */
        guint8 *time = traf + at + BOX_BYTES + 4;

        if (size < BOX_BYTES || size > length - at)
            return;
        if (memcmp(traf + at + 4, "tfdt", 4) == 0 && size >= BOX_BYTES + 4 + n) {
            write_big_endian(time, n, read_big_endian(time, n) + ticks);
            return;
        }
        at += (gsize)size;
    }
}

void
vigil_clip_boxes_shift_audio(guint8 *data, gsize length, guint64 ticks)
{
    guint64 size;

    if (length < BOX_BYTES + VIGIL_CLIP_MOOF_HEAD || memcmp(data + 4, "moof", 4) != 0 ||
        !is_audio(data + BOX_BYTES))
        return;
    size = read_big_endian(data + BOX_BYTES + MFHD_BYTES, 4);
    if (size < BOX_BYTES || size > length - BOX_BYTES - MFHD_BYTES)
        return;
    shift_track(data + BOX_BYTES + TFHD_AT, (gsize)size - BOX_BYTES, ticks);
}
