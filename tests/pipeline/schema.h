/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/** schema_load: (transfer full): a JSON Schema of configs/schema; fails the test when it is none. */
JsonNode *schema_load(const gchar *name);

/**
 * schema_check: the keywords type, const, enum, required, properties, items, minItems, maxItems, minimum, maximum,
 * minLength and pattern of JSON Schema; another keyword that would judge fails
 *
 * Returns: (nullable) (transfer full): what is wrong, and where
 */
gchar *schema_check(JsonNode *schema, JsonNode *value);

G_END_DECLS
