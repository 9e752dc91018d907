/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/idle/vigil-coded-frame.h"

#define H264_SLICE 1
#define H264_PARTITION_A 2
#define H264_IDR 5
#define H264_B_SLICE 1
#define H265_LAST_TRAILING 15 /* of pictures that are no random access points */
#define H265_FIRST_ACCESS 16
#define H265_LAST_ACCESS 23
#define AVCC_LENGTH 4 /* where the size of lengths is */
#define HVCC_LENGTH 21

gboolean
vigil_coded_format_read(VigilCodedFormat *self, gboolean h265, const guint8 *codec_data, gsize size)
{
    const gsize at = h265 ? HVCC_LENGTH : AVCC_LENGTH;

    *self = (VigilCodedFormat){.h265 = h265};
    if (!codec_data)
        return TRUE;
    if (size <= at)
        return FALSE;
    self->length_size = (codec_data[at] & 3u) + 1;
    return TRUE;
}

/* Where the next NAL unit begins, from @at on; @size: there is none. @end: (out): where it ends, if that is told */
static gsize
find_unit(const VigilCodedFormat *format, const guint8 *data, gsize size, gsize at, gsize *end)
{
    gsize length = 0;

    *end = size;
    if (format->length_size == 0) {
        for (; size - at > 3; at++)
            if (data[at] == 0 && data[at + 1] == 0 && data[at + 2] == 1)
                return at + 3;
        return size;
    }
    if (size - at <= format->length_size)
        return size;
    for (guint i = 0; i < format->length_size; i++)
        length = length << 8 | data[at + i];
    at += format->length_size;
    if (length == 0 || length > size - at)
        return size;
    *end = at + length;
    return at;
}

/* Exp-Golomb, of at most 15 leading zeros; -1: not here. @bit: (inout) */
static gint
read_ue(const guint8 *data, gsize size, gsize *bit)
{
    guint zeros = 0, value = 0;

    for (;; zeros++, ++*bit) {
        if (zeros > 15 || *bit >= size * 8)
            return -1;
        if (data[*bit / 8] >> (7 - *bit % 8) & 1)
            break;
    }
    if (*bit + zeros + 1 > size * 8)
        return -1;
    for (guint i = 0; i <= zeros; i++, ++*bit)
        value = value << 1 | (data[*bit / 8] >> (7 - *bit % 8) & 1u);
    return (gint)value - 1;
}

static gboolean
read_h264(VigilCodedFrame *self, const guint8 *data, gsize size)
{
    const guint type = data[0] & 31u, reference = data[0] >> 5 & 3u;
    gsize bit = 8;

    if (type != H264_SLICE && type != H264_PARTITION_A && type != H264_IDR)
        return FALSE;
    self->key = type == H264_IDR;
    self->kind = reference == 0 ? 1 : 0;
    read_ue(data, size, &bit); /* the first macroblock */
    if (read_ue(data, size, &bit) % 5 == H264_B_SLICE)
        self->kind += 2;
    return TRUE;
}

static gboolean
read_h265(VigilCodedFrame *self, const guint8 *data, gsize size)
{
    const guint type = data[0] >> 1 & 63u;

    if (size < 2 || type > H265_LAST_ACCESS)
        return FALSE;
    self->key = type >= H265_FIRST_ACCESS;
    self->kind = type <= H265_LAST_TRAILING && type % 2 == 0 ? 1 : 0;
    if ((data[1] & 7) > 1)
        self->kind += 2;
    return TRUE;
}

gboolean
vigil_coded_frame_read(VigilCodedFrame *self, const VigilCodedFormat *format, const guint8 *data,
                       gsize size)
{
    gsize at = 0, end;

    *self = (VigilCodedFrame){0};
    while ((at = find_unit(format, data, size, at, &end)) < size) {
        const gboolean found = format->h265 ? read_h265(self, data + at, end - at)
                                            : read_h264(self, data + at, end - at);

        if (found)
            return TRUE;
        if (format->length_size > 0)
            at = end;
    }
    return FALSE;
}
