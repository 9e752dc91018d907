/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of rules share. Mistakes as in vigil_rules_from_yaml(). */
#pragma once

#include "events/vigil-rules.h"

G_BEGIN_DECLS

gboolean
vigil_rules_check_name(const VigilYaml *node, const gchar *name, const gchar *what, GError **error);
gboolean
vigil_rules_check_count(const VigilYaml *node, guint max, const gchar *what, GError **error);

/* A list of names, at least one, none twice: (out) (transfer container) */
gboolean vigil_rules_read_names(const VigilYaml *node, guint max, const gchar *what,
                                const gchar ***names, GError **error);

/* Where a rule stands. */
typedef struct {
    const VigilRules *rules;     /* zones and lines are read */
    const VigilYaml *rules_node; /* the list of them */
    guint rule_index;
} VigilRulesContext;

/* vigil-rules-yaml-when.c */

gboolean vigil_rules_read_count(const VigilYaml *node, VigilCount *count, GError **error);
/* (transfer full): NULL with the mistakes in @error */
GArray *
vigil_rules_read_when(const VigilRulesContext *context, const VigilYaml *node, GError **error);

/* vigil-rules-yaml-places.c */

gboolean vigil_rules_read_zones(VigilRules *self, const VigilYaml *node, GError **error);
gboolean vigil_rules_read_lines(VigilRules *self, const VigilYaml *node, GError **error);
/* Names of zones that there are; of a line. */
gboolean vigil_rules_read_zone_names(const VigilRules *self, const VigilYaml *node,
                                     const gchar ***names, GError **error);
gboolean vigil_rules_read_line_name(const VigilRules *self, const VigilYaml *node,
                                    const gchar **name, GError **error);

/* vigil-rules-yaml-objects.c */

/* min_score, min_size, max_size, min_aspect, max_aspect of the mapping @node, as far as they are there. */
gboolean vigil_rules_read_limits(const VigilYaml *node, VigilObjectFilter *filter, GError **error);

G_END_DECLS
