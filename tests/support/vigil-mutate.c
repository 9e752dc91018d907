/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/vigil-mutate.h"

#include <string.h>

#define LONGEST_PIECE 256
/* more than a manifest may have in all */
#define LONG_VALUE (70 * 1024)

static const guint32 extremes[] = {
    0,          1,          2,          3,          4,          0x7f,       0x80,
    0xff,       0x100,      0x7fff,     0x8000,     0xffff,     0x10000,    0x01000000,
    0x10000000, 0x3fffffff, 0x40000000, 0x7ffffffe, 0x7fffffff, 0x80000000, 0xfffffff0,
    0xfffffffc, 0xffffffff, 0x3f800000, 0x7f800000, 0x7fc00000, 0x00000001};

/* 0..@n - 1 */
static gsize
pick(GRand *rand, gsize n)
{
    return n > 1 ? (gsize)g_rand_int_range(rand, 0, (gint32)MIN(n, (gsize)G_MAXINT32)) : 0;
}

static guint32
get_u32(const GByteArray *bytes, gsize at)
{
    guint32 value;

    memcpy(&value, bytes->data + at, sizeof value);
    return value;
}

static void
set_u32(GByteArray *bytes, gsize at, guint32 value)
{
    memcpy(bytes->data + at, &value, sizeof value);
}

/* A place for a number of 32 bits, from @from on; @bytes has room for one. */
static gsize
pick_word(GRand *rand, const GByteArray *bytes, gsize from)
{
    return (from + pick(rand, bytes->len - 3 - from)) / 4 * 4;
}

/* The next place from a random one on that holds what may be an offset: it leads forward, to another place in the file. */
static gsize
find_offset(GRand *rand, const GByteArray *bytes, gsize from)
{
    gsize at = pick_word(rand, bytes, from);

    for (guint tries = 0; tries < 64 && at + 8 <= bytes->len; tries++, at += 4) {
        const guint32 value = get_u32(bytes, at);

        if (value >= 4 && value % 4 == 0 && value < bytes->len - at - 3)
            return at;
    }
    return pick_word(rand, bytes, from);
}

static void
mutate_offset(GRand *rand, GByteArray *bytes, gsize from)
{
    const gsize at = find_offset(rand, bytes, from);
    const guint32 value = get_u32(bytes, at), left = (guint32)(bytes->len - at);
    const guint32 elsewhere = (guint32)(pick_word(rand, bytes, from) - at);
    const guint32 choices[] = {0,         1,         left,      left - 1,   left - 3,   left - 4,
                               left + 1,  value - 4, value + 4, value + 1,  elsewhere,  0x7fffffff,
                               elsewhere, elsewhere, elsewhere, 0x80000000, 0xffffffff, 0u - value};

    set_u32(bytes, at, choices[pick(rand, G_N_ELEMENTS(choices))]);
}

/* The number that an offset leads to: of a vector its length, of a table the way to its fields. */
static void
mutate_length(GRand *rand, GByteArray *bytes, gsize from)
{
    const gsize offset = find_offset(rand, bytes, from), at = offset + get_u32(bytes, offset);
    guint32 value, left;

    if (at > bytes->len - 4)
        return;
    value = get_u32(bytes, at);
    left = (guint32)(bytes->len - at - 4);
    {
        const guint32 choices[] = {0,         value - 1,  value + 1,    value * 2, value / 2,
                                   left,      left + 1,   left / 4,     left / 8,  left / 4 + 1,
                                   value + 4, 0xffffffff, left / 8 + 1, 0x7fffffff};

        set_u32(bytes, at, choices[pick(rand, G_N_ELEMENTS(choices))]);
    }
}

/* A stretch of @source over, or into, @bytes. */
static void
splice(GRand *rand, GByteArray *bytes, gsize from, const guint8 *source, gsize size)
{
    guint8 piece[LONGEST_PIECE];
    const gsize n = 1 + pick(rand, MIN(size, sizeof piece)), first = pick(rand, size - n + 1);
    const gsize at = from + pick(rand, bytes->len - from);

    memcpy(piece, source + first, n);
    if (g_rand_boolean(rand)) {
        memcpy(bytes->data + at, piece, MIN(n, bytes->len - at));
        return;
    }
    g_byte_array_set_size(bytes, (guint)(bytes->len + n));
    memmove(bytes->data + at + n, bytes->data + at, bytes->len - n - at);
    memcpy(bytes->data + at, piece, n);
}

/* The head of one file and the tail of the other. */
static void
join(GRand *rand, GByteArray *bytes, const guint8 *other, gsize size)
{
    const gsize head = 16 + pick(rand, bytes->len - 32), tail = pick(rand, MIN(size, bytes->len));

    g_byte_array_set_size(bytes, (guint)head);
    g_byte_array_append(bytes, other + size - tail, (guint)tail);
}

static void
mutate_once(GRand *rand, GByteArray *bytes, gsize from, const guint8 *other, gsize other_size)
{
    const gsize at = from + pick(rand, bytes->len - from);
    gsize word;

    switch (g_rand_int_range(rand, 0, 32)) {
    case 0: g_byte_array_set_size(bytes, (guint)MAX(at, 64u)); break;
    case 1: splice(rand, bytes, from, bytes->data, bytes->len); break;
    case 2: splice(rand, bytes, from, other, other_size); break;
    case 3: join(rand, bytes, other, other_size); break;
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
    case 9: mutate_offset(rand, bytes, from); break;
    case 10:
    case 11:
    case 12:
    case 13: mutate_length(rand, bytes, from); break;
    case 14:
    case 15:
    case 16:
    case 17: bytes->data[at] = (guint8)(bytes->data[at] + g_rand_int_range(rand, -4, 5)); break;
    case 18:
    case 19:
    case 20:
    case 21: bytes->data[at] = (guint8)g_rand_int(rand); break;
    case 22:
    case 23:
    case 24:
    case 25:
    case 26:
        word = pick_word(rand, bytes, from);
        set_u32(bytes, word, extremes[pick(rand, G_N_ELEMENTS(extremes))]);
        break;
    default: bytes->data[at] ^= (guint8)(1u << g_rand_int_range(rand, 0, 8)); break;
    }
}

GByteArray *
vigil_mutate_flatbuffer(GRand *rand, const guint8 *data, gsize size, const guint8 *other,
                        gsize other_size, gsize from)
{
    GByteArray *bytes = g_byte_array_sized_new((guint)size + LONGEST_PIECE);
    gint n = g_rand_int_range(rand, 1, 4);

    g_assert_cmpuint(size, >=, 64);
    g_byte_array_append(bytes, data, (guint)size);
    /* what a cut leaves is mutated from its beginning on */
    while (n-- > 0)
        mutate_once(rand, bytes, from + 64 < bytes->len ? from : 0, other, other_size);
    return bytes;
}

/* A line that is not empty, or NULL. */
static const gchar *
pick_line(GRand *rand, GPtrArray *lines)
{
    return lines->len ? lines->pdata[pick(rand, lines->len)] : NULL;
}

static GPtrArray *
split_lines(const gchar *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "\n", -1);
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; parts[i]; i++)
        g_ptr_array_add(lines, g_strdup(parts[i]));
    return lines;
}

static void
set_value(GRand *rand, gchar **line)
{
    static const gchar *const values[] = {"",           "nan",
                                          "inf",        "-inf",
                                          "1e999",      "-1",
                                          "0",          "1e-320",
                                          "0x10",       "4294967296",
                                          "2147483648", "-2147483649",
                                          "0.5",        "1000",
                                          "1,2",        "1,2,3",
                                          "1,0,3",      ",,",
                                          "../x",       "/etc/passwd",
                                          "a/../../b",  "m.tflite",
                                          ".",          "./m.tflite/",
                                          "yolov5",     "ssd-anchors",
                                          "nanodet",    "yolox",
                                          "normalised", "cells",
                                          "gray",       "bgr",
                                          "letterbox",  "stretch",
                                          "\\s\\n\\t",  "\\",
                                          "%s%n%d",     "ssd-postprocess",
                                          "\xc3\xa9",   "\xed\xa0\x80",
                                          "image.raw",  "labels.txt"};
    const gsize key = strcspn(*line, "=");
    g_autofree gchar *filler = g_strnfill(LONG_VALUE, '7');
    const gsize n = pick(rand, G_N_ELEMENTS(values) + 1);
    const gchar *value = n < G_N_ELEMENTS(values) ? values[n] : filler;
    gchar *changed = g_strdup_printf("%.*s=%s", (int)key, *line, value);

    g_free(*line);
    *line = changed;
}

static void
mutate_lines(GRand *rand, GPtrArray *lines, GPtrArray *others)
{
    const guint at = (guint)pick(rand, lines->len);

    switch (g_rand_int_range(rand, 0, 5)) {
    case 0:
        if (lines->len > 1)
            g_ptr_array_remove_index(lines, at);
        break;
    case 1: g_ptr_array_insert(lines, (gint)at, g_strdup(pick_line(rand, lines))); break;
    case 2: g_ptr_array_insert(lines, (gint)at, g_strdup(pick_line(rand, others))); break;
    default: set_value(rand, (gchar **)&lines->pdata[at]); break;
    }
}

GByteArray *
vigil_mutate_text(GRand *rand, const gchar *text, const gchar *other)
{
    g_autoptr(GPtrArray) lines = split_lines(text), others = split_lines(other);
    GByteArray *bytes = g_byte_array_new();

    for (gint n = g_rand_int_range(rand, 0, 4); n > 0; n--)
        mutate_lines(rand, lines, others);
    for (guint i = 0; i < lines->len; i++) {
        const gchar *line = lines->pdata[i];

        g_byte_array_append(bytes, (const guint8 *)line, (guint)strlen(line));
        g_byte_array_append(bytes, (const guint8 *)"\n", 1);
    }
    for (gint n = g_rand_int_range(rand, 0, 3); n > 0; n--) {
        const gsize at = pick(rand, bytes->len);

        if (g_rand_int_range(rand, 0, 6) == 0)
            g_byte_array_set_size(bytes, (guint)MAX(at, 1u));
        else
            bytes->data[at] = (guint8)g_rand_int(rand);
    }
    return bytes;
}
