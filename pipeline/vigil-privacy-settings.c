/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-privacy-mask.h"
#include "pipeline/vigil-settings-private.h"

void
vigil_privacy_settings_read_masks(const VigilYaml *node, gchar **masks, VigilYamlMistakes *mistakes)
{
    GError *error = NULL;
    g_autoptr(VigilPrivacyMask) mask = vigil_privacy_mask_from_yaml(node, &error);

    if (mask && vigil_privacy_mask_get_n(mask) > 0)
        *masks = vigil_privacy_mask_to_text(mask);
    vigil_yaml_mistakes_add(mistakes, error);
}

void
vigil_privacy_settings_read_metadata_only(const VigilYaml *node, gboolean *metadata_only,
                                          VigilYamlMistakes *mistakes)
{
    GError *error = NULL;

    vigil_yaml_read_bool(node, metadata_only, &error);
    vigil_yaml_mistakes_add(mistakes, error);
}

/* Someone who asks for clips is told that there will be none. */
static void
check_rule(const VigilYaml *rule, const VigilRule *read, VigilYamlMistakes *mistakes)
{
    const VigilYaml *record = vigil_yaml_get(rule, "record");
    GError *error = NULL;

    if (record && read->record)
        vigil_yaml_set_error(record, &error,
                             "`metadata_only: true` of this camera records no pictures, so there "
                             "are no clips: leave one of the two out");
    vigil_yaml_mistakes_add(mistakes, error);
}

void
vigil_privacy_settings_forbid_clips(const VigilYaml *camera, VigilRules *rules,
                                    VigilYamlMistakes *mistakes)
{
    const VigilYaml *list = vigil_yaml_get(camera, "rules");

    for (guint i = 0; i < rules->rules->len; i++) {
        VigilRule *rule = &g_array_index(rules->rules, VigilRule, i);

        check_rule(vigil_yaml_get_item(list, i), rule, mistakes);
        rule->record = FALSE;
    }
}
