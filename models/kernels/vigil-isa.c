/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-isa-private.h"

#include "models/kernels/vigil-isa-tables-private.h"
#include "models/vigil-model.h"

static gboolean
always(void)
{
    return TRUE;
}

static const VigilIsa vigil_isa_ref = {.name = "ref", .is_supported = always};

/* From the slowest to the fastest. */
static const VigilIsa *const tables[] = {
    &vigil_isa_ref,
#ifdef VIGIL_ISA_X86
    &vigil_isa_avx2,
    /* The same in the encoding of AVX-512, which some processors have alone. */
    &vigil_isa_avxvnni_evex,
    &vigil_isa_avxvnni,
    &vigil_isa_avx512vnni,
#endif
#ifdef VIGIL_ISA_ARM
    &vigil_isa_neon,
    &vigil_isa_neondot,
    &vigil_isa_neoni8mm,
#endif
    NULL,
};

const VigilIsa *const *
vigil_isa_list(void)
{
    return tables;
}

static gchar *
supported_names(void)
{
    GString *names = g_string_new(NULL);

    for (guint i = 0; tables[i] != NULL; i++)
        if (tables[i]->is_supported())
            g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", tables[i]->name);
    return g_string_free(names, FALSE);
}

const VigilIsa *
vigil_isa_select(GError **error)
{
    const gchar *wanted = g_getenv("VIGIL_ISA");
    const gboolean any = wanted == NULL || *wanted == '\0';
    const VigilIsa *found = NULL;

    for (guint i = 0; tables[i] != NULL; i++)
        if ((any || g_str_equal(tables[i]->name, wanted)) && tables[i]->is_supported())
            found = tables[i];
    if (found == NULL) {
        g_autofree gchar *names = supported_names();

        g_set_error(
            error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
            "VIGIL_ISA=%s: this processor does not have it, or there is no such set of kernels; "
            "it has %s",
            wanted, names);
    }
    return found;
}

gsize
vigil_isa_gemm_bytes(const VigilIsa *isa, guint vectors, guint runs, guint run)
{
    return (gsize)vectors * isa->lanes * runs * vigil_isa_round_up(run, isa->k_group) *
           isa->weight_bytes;
}

void
vigil_isa_pack_gemm(const VigilIsa *isa, VigilPanel *panel, guint runs, guint run,
                    VigilIsaWeight weight, gconstpointer data, void *out)
{
    const guint groups = (guint)vigil_isa_round_up(run, isa->k_group) / isa->k_group;
    const guint width = panel->vectors * isa->lanes;

    if (isa->gemm_pack != NULL) {
        isa->gemm_pack(isa, panel, runs, run, weight, data, out);
        return;
    }
    for (guint c = 0; c < panel->n; c++)
        for (guint i = 0; i < runs * run; i++) {
            const guint t = i / run, k = i % run;
            const gsize group = (gsize)t * groups + k / isa->k_group;
            const gsize at = (group * width + c) * isa->k_group + k % isa->k_group;
            const gint32 value = weight(data, panel->first + c, i);

            panel->has_lowest = panel->has_lowest || value == -128;
            if (isa->weight_bytes == 1)
                ((gint8 *)out)[at] = (gint8)value;
            else
                ((gint16 *)out)[at] = (gint16)value;
        }
}
