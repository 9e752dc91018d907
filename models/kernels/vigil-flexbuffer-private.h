/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * vigil_flexbuffer_get_number:
 * @data: a FlexBuffer whose root is a map, as custom operators keep their options; borrowed
 * @key: of the map
 * @value: (out): integers, floats and booleans alike; unchanged unless found
 *
 * Nothing outside @data is ever read. Source: FlatBuffers internals, section FlexBuffers; fuzzed with models.
 *
 * Returns: whether there is such a number
 */
gboolean
vigil_flexbuffer_get_number(const guint8 *data, gsize size, const gchar *key, gdouble *value);

G_END_DECLS
