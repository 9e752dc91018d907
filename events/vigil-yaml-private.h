/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-yaml.h"

#define VIGIL_YAML_MAX_BYTES (1024 * 1024)
#define VIGIL_YAML_MAX_DEPTH 32

/* A node. Children belong to their parent; the root owns the file's name. */
struct VigilYaml {
    VigilYamlKind kind;
    guint
        line; /* from 1; of the key for the value of a mapping, since that is what people look for */
    const VigilYaml *parent; /* NULL for the root */
    guint index;             /* among the parent's children */
    gchar *file;             /* root only */
    gchar *text;             /* scalars; UTF-8 without NUL */
    GPtrArray *keys;         /* mappings: (element-type utf8), as many as children */
    GArray *key_lines;       /* mappings: (element-type guint) */
    GPtrArray *children;     /* sequences and mappings: (element-type VigilYaml) */
};

/* vigil_yaml_printable: (transfer full): @text shortened, without characters that must not reach a terminal. */
gchar *vigil_yaml_printable(const gchar *text);

/*
 * vigil_yaml_keep: takes @one, if it is a mistake, into @all; the message grows by a line a mistake, since someone
 * who corrects a file wants all that is wrong at once.
 *
 * @one: (transfer full) (nullable)
 *
 * Returns: whether there was none
 */
gboolean vigil_yaml_keep(GError **all, GError *one);
