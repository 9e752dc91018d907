/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/record/vigil-parameter-sets.h"

/* Types of units: ITU-T H.264 table 7-1, H.265 table 7-1. */
enum {
    H264_PICTURE_FIRST = 1,
    H264_PICTURE_LAST = 5,
    H264_SPS = 7,
    H264_PPS = 8,
    H264_SPS_EXTENSION = 13,
    H264_SUBSET_SPS = 15,
    H265_PICTURE_LAST = 31,
    H265_VPS = 32,
    H265_SPS = 33,
    H265_PPS = 34,
};

typedef enum {
    UNIT_OTHER,
    UNIT_PICTURE,
    UNIT_SPS,
    UNIT_PARAMETERS
} UnitKind;

static UnitKind
kind_of_unit(guint8 header, gboolean h265)
{
    const guint type = h265 ? (header >> 1) & 0x3f : header & 0x1f;

    if (h265 ? type <= H265_PICTURE_LAST : type >= H264_PICTURE_FIRST && type <= H264_PICTURE_LAST)
        return UNIT_PICTURE;
    if (type == (h265 ? H265_SPS : H264_SPS))
        return UNIT_SPS;
    if (h265 ? type == H265_VPS || type == H265_PPS
             : type == H264_PPS || type == H264_SPS_EXTENSION || type == H264_SUBSET_SPS)
        return UNIT_PARAMETERS;
    return UNIT_OTHER;
}

/* Returns: where the next 00 00 01 begins, or @size. */
static gsize
find_start_code(const guint8 *data, gsize size, gsize from)
{
    for (gsize i = from; i + 3 <= size; i++)
        if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1)
            return i;
    return size;
}

GBytes *
vigil_parameter_sets_find(const guint8 *data, gsize size, gboolean h265)
{
    static const guint8 start_code[] = {0, 0, 0, 1};
    GByteArray *sets = NULL;
    gboolean has_sps = FALSE;
    gsize start = find_start_code(data, size, 0);

    while (start + 3 < size) {
        const gsize unit = start + 3;
        const UnitKind kind = kind_of_unit(data[unit], h265);
        gsize end;

        if (kind == UNIT_PICTURE)
            break;
        start = end = find_start_code(data, size, unit);
        /* zeros before a start code belong to it */
        while (end > unit && data[end - 1] == 0)
            end--;
        if (kind == UNIT_OTHER)
            continue;
        if (!sets)
            sets = g_byte_array_new();
        g_byte_array_append(sets, start_code, sizeof start_code);
        g_byte_array_append(sets, data + unit, (guint)(end - unit));
        has_sps |= kind == UNIT_SPS;
    }
    if (!has_sps) {
        g_clear_pointer(&sets, g_byte_array_unref);
        return NULL;
    }
    return g_byte_array_free_to_bytes(sets);
}
