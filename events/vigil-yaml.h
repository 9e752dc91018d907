/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define VIGIL_YAML_ERROR (vigil_yaml_error_quark())
GQuark vigil_yaml_error_quark(void);

typedef enum {
    VIGIL_YAML_ERROR_SYNTAX, /* not YAML, or over the limits (1 MiB, depth 32, aliases refused) */
    VIGIL_YAML_ERROR_VALUE,  /* a key or value that the program does not take */
    VIGIL_YAML_ERROR_IO,
} VigilYamlError;

/**
 * VigilYaml:
 *
 * A node of a YAML document that remembers its file, line and place ("cameras[0].zones.porch"), so that every
 * message can say `door.yaml:14: zones.porch: a polygon needs at least 3 points, this has 2`. Nodes are borrowed
 * from their document, which the root owns.
 */
typedef struct VigilYaml VigilYaml;

/** vigil_yaml_load: (transfer full): the root of the file's only document. */
VigilYaml *vigil_yaml_load(const gchar *path, GError **error);
/** vigil_yaml_parse: the same from memory; @name stands for the file in messages. */
VigilYaml *vigil_yaml_parse(const gchar *text, gsize length, const gchar *name, GError **error);
/** vigil_yaml_free: frees a root and all nodes under it. */
void vigil_yaml_free(VigilYaml *root);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilYaml, vigil_yaml_free)

typedef enum {
    VIGIL_YAML_SCALAR,
    VIGIL_YAML_SEQUENCE,
    VIGIL_YAML_MAPPING,
} VigilYamlKind;

VigilYamlKind vigil_yaml_get_kind(const VigilYaml *self);
guint vigil_yaml_get_line(const VigilYaml *self);
/** vigil_yaml_get_n: items of a sequence or pairs of a mapping. */
guint vigil_yaml_get_n(const VigilYaml *self);
const VigilYaml *vigil_yaml_get_item(const VigilYaml *self, guint index);
/** vigil_yaml_get_key: key of pair @index of a mapping. */
const gchar *vigil_yaml_get_key(const VigilYaml *self, guint index);
/** vigil_yaml_get: (nullable): the value of @key. */
const VigilYaml *vigil_yaml_get(const VigilYaml *self, const gchar *key);

/** vigil_yaml_set_error: FILE:LINE: PLACE: the message. Always returns %FALSE. */
gboolean vigil_yaml_set_error(const VigilYaml *self, GError **error, const gchar *format, ...)
    G_GNUC_PRINTF(3, 4);

/**
 * vigil_yaml_set_wrong_kind:
 * @wanted: for instance "a list of names, for instance [person, dog]"
 *
 * The message "wants @wanted, this is ..." with what the node is. Always returns %FALSE.
 */
gboolean vigil_yaml_set_wrong_kind(const VigilYaml *self, GError **error, const gchar *wanted);

/**
 * vigil_yaml_check_keys:
 * @known: NULL-terminated names
 *
 * Refuses a node that is no mapping, and keys that are not in @known, a line each, naming the nearest that is. (A key twice is
 * refused by vigil_yaml_parse() already, in every mapping.)
 */
gboolean vigil_yaml_check_keys(const VigilYaml *self, const gchar *const *known, GError **error);

/* Each reads a scalar; the message says what was found and what is wanted. Ranges are inclusive. */
gboolean
vigil_yaml_read_string(const VigilYaml *self, const gchar **value, GError **error); /* borrowed */
gboolean vigil_yaml_read_bool(const VigilYaml *self, gboolean *value, GError **error);
gboolean vigil_yaml_read_double(const VigilYaml *self, gdouble min, gdouble max, gdouble *value,
                                GError **error);
gboolean
vigil_yaml_read_int(const VigilYaml *self, gint64 min, gint64 max, gint64 *value, GError **error);
/** vigil_yaml_read_duration: "500ms", "2s", "5m", "1h", "30d"; a bare number is refused with the unit it lacks. */
gboolean vigil_yaml_read_duration(const VigilYaml *self, gint64 min_ns, gint64 max_ns,
                                  gint64 *value_ns, GError **error);
/** vigil_yaml_read_size: "500MB", "20GB", "1GiB", plain bytes. */
gboolean
vigil_yaml_read_size(const VigilYaml *self, gint64 min, gint64 max, gint64 *bytes, GError **error);

G_END_DECLS
