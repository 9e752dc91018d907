/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-settings-private.h"

/* A file that one can still copy and play, and not too many of them. */
#define DEFAULT_SEGMENT_NS (600 * G_GINT64_CONSTANT(1000000000))
#define SHORTEST_SEGMENT_NS 10e9
#define LONGEST_SEGMENT_NS 3600e9
#define SHORTEST_AGE_NS 60e9
#define LONGEST_AGE_NS (100.0 * 365 * 86400 * 1e9)
#define SMALLEST_BYTES 10e6
#define LARGEST_BYTES 9e18

void
vigil_continuous_settings_read(const VigilYaml *node, VigilContinuousSettings *self,
                               VigilYamlMistakes *mistakes)
{
    static const VigilYamlKey keys[] = {
        {.name = "max_age",
         .type = VIGIL_YAML_KEY_DURATION,
         .offset = G_STRUCT_OFFSET(VigilContinuousSettings, max_age_ns),
         .min = SHORTEST_AGE_NS,
         .max = LONGEST_AGE_NS},
        {.name = "max_bytes",
         .type = VIGIL_YAML_KEY_SIZE,
         .offset = G_STRUCT_OFFSET(VigilContinuousSettings, max_bytes),
         .min = SMALLEST_BYTES,
         .max = LARGEST_BYTES},
        {.name = "segment",
         .type = VIGIL_YAML_KEY_DURATION,
         .offset = G_STRUCT_OFFSET(VigilContinuousSettings, segment_ns),
         .min = SHORTEST_SEGMENT_NS,
         .max = LONGEST_SEGMENT_NS},
        {.name = NULL},
    };
    const guint n_mistakes = mistakes->n;
    GError *error = NULL;

    self->segment_ns = DEFAULT_SEGMENT_NS;
    vigil_yaml_table_read(node, keys, self, mistakes, NULL);
    if (mistakes->n != n_mistakes)
        return;
    self->enabled = TRUE;
    if (!self->max_age_ns && !self->max_bytes)
        vigil_yaml_set_error(node, &error,
                             "how much is to be kept? Write `max_age`, `max_bytes` or both, as in "
                             "{max_age: 2d, max_bytes: 50GB}");
    vigil_yaml_mistakes_add(mistakes, error);
}

void
vigil_continuous_settings_check(const VigilYaml *camera, const VigilCameraSettings *self,
                                VigilYamlMistakes *mistakes)
{
    GError *error = NULL;

    if (self->continuous.enabled && self->metadata_only)
        vigil_yaml_set_error(vigil_yaml_get(camera, "continuous"), &error,
                             "`metadata_only: true` of this camera records no pictures: leave one "
                             "of the two out");
    vigil_yaml_mistakes_add(mistakes, error);
}

GArray *
vigil_continuous_settings_list(const GPtrArray *cameras)
{
    GArray *limits = g_array_new(FALSE, FALSE, sizeof(VigilStoreFootage));

    for (guint i = 0; i < cameras->len; i++) {
        const VigilCameraSettings *camera = cameras->pdata[i];
        const VigilStoreFootage limit = {g_intern_string(camera->name),
                                         camera->continuous.max_age_ns / 1000,
                                         camera->continuous.max_bytes};

        if (camera->continuous.enabled)
            g_array_append_val(limits, limit);
    }
    return limits;
}
