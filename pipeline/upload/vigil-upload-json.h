/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * JSON text, a value after the other, in the order of the calls: equal calls make equal bytes. Commas are set by what stands
 * before. @key is %NULL in arrays and for the outermost value.
 */

void vigil_upload_json_begin(GString *out, const gchar *key, gchar bracket);
/** vigil_upload_json_end: @bracket is the closing one. */
void vigil_upload_json_end(GString *out, gchar bracket);
/** vigil_upload_json_string: @text: (nullable): null; what is not UTF-8 is replaced. */
void vigil_upload_json_string(GString *out, const gchar *key, const gchar *text);
/** vigil_upload_json_number: with @digits (0..9) after the point, in any locale; not finite: 0. */
void vigil_upload_json_number(GString *out, const gchar *key, gdouble value, guint digits);
void vigil_upload_json_int(GString *out, const gchar *key, gint64 value);
/** vigil_upload_json_raw: @text is JSON already, as "null" or "true". */
void vigil_upload_json_raw(GString *out, const gchar *key, const gchar *text);

G_END_DECLS
