/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * vigil_mutate_flatbuffer:
 * @data: a file of FlatBuffers, at least 64 bytes
 * @other: another one, of which pieces may be taken
 * @from: where the mutations begin; the structure of a large model lies at its end
 *
 * Wrong things as a careless or malicious writer does them: flipped bits, other bytes, extreme numbers where a number of 32 bits
 * may stand, offsets and lengths of vectors at and around the limits of what they may be, the file cut short, a piece of it
 * moved or repeated, a piece of another file.
 *
 * Returns: (transfer full): the mutated copy
 */
GByteArray *vigil_mutate_flatbuffer(GRand *rand, const guint8 *data, gsize size,
                                    const guint8 *other, gsize other_size, gsize from);

/**
 * vigil_mutate_text:
 * @text: lines "key = value" and "[group]", as in a manifest; at least one byte
 * @other: another one, of which lines may be taken
 *
 * The same for lines of text: lost, repeated and foreign lines, values that are empty, not numbers, extreme, paths or long, bytes
 * that are no text.
 */
GByteArray *vigil_mutate_text(GRand *rand, const gchar *text, const gchar *other);

G_END_DECLS
