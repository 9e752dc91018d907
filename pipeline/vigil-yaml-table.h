/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-yaml.h"

G_BEGIN_DECLS

/**
 * VigilYamlMistakes:
 *
 * Collects what is wrong with a document, so that its writer learns everything at once.
 */
typedef struct {
    GString *text; /* one line a mistake */
    guint n;
} VigilYamlMistakes;

/** vigil_yaml_mistakes_add: (transfer full) @error: may hold several lines; %NULL is no mistake. */
void vigil_yaml_mistakes_add(VigilYamlMistakes *self, GError *error);

typedef struct VigilYamlKey VigilYamlKey;

/** VigilYamlKeyFunc: reads a value that is more than a scalar; adds what is wrong to @mistakes. */
typedef void (*VigilYamlKeyFunc)(const VigilYaml *node, gpointer target,
                                 VigilYamlMistakes *mistakes, gpointer user_data);

typedef enum {
    VIGIL_YAML_KEY_STRING,   /* gchar * */
    VIGIL_YAML_KEY_DOUBLE,   /* gdouble, min..max */
    VIGIL_YAML_KEY_INT,      /* gint64, min..max */
    VIGIL_YAML_KEY_DURATION, /* gint64, ns, min..max */
    VIGIL_YAML_KEY_SIZE,     /* gint64, bytes, min..max */
    VIGIL_YAML_KEY_WORD,     /* gint, index in @words */
    VIGIL_YAML_KEY_CUSTOM,   /* @func reads it; @offset as that function likes */
    VIGIL_YAML_KEY_OTHER,    /* known, read by someone else */
} VigilYamlKeyType;

/**
 * VigilYamlKey: one key of a mapping: where in the target struct its value goes, and what it may be.
 */
struct VigilYamlKey {
    const gchar *name;
    VigilYamlKeyType type;
    gsize offset;
    gdouble min, max;
    const gchar *const *words; /* NULL-terminated */
    VigilYamlKeyFunc func;
};

/**
 * vigil_yaml_table_read:
 * @keys: ended by one without a name
 * @target: holds the defaults; changed for the keys that are there
 * @user_data: for the functions of custom keys
 */
void vigil_yaml_table_read(const VigilYaml *node, const VigilYamlKey *keys, gpointer target,
                           VigilYamlMistakes *mistakes, gpointer user_data);

G_END_DECLS
