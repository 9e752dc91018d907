/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/decode/vigil-decoder-failures.h"

struct VigilDecoderFailures {
    gatomicrefcount refs;
    GMutex lock;
    GHashTable *times; /* under lock: element's name → gint64, when it failed last */
};

VigilDecoderFailures *
vigil_decoder_failures_new(void)
{
    VigilDecoderFailures *self = g_new0(VigilDecoderFailures, 1);

    g_atomic_ref_count_init(&self->refs);
    g_mutex_init(&self->lock);
    self->times = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return self;
}

VigilDecoderFailures *
vigil_decoder_failures_ref(VigilDecoderFailures *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void
vigil_decoder_failures_unref(VigilDecoderFailures *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;
    g_hash_table_unref(self->times);
    g_mutex_clear(&self->lock);
    g_free(self);
}

void
vigil_decoder_failures_add(VigilDecoderFailures *self, const gchar *factory, gint64 now_us)
{
    g_mutex_lock(&self->lock);
    g_hash_table_replace(self->times, g_strdup(factory), g_memdup2(&now_us, sizeof now_us));
    g_mutex_unlock(&self->lock);
}

gboolean
vigil_decoder_failures_has(VigilDecoderFailures *self, const gchar *factory, gint64 now_us)
{
    const gint64 *since_us;
    gboolean has;

    g_mutex_lock(&self->lock);
    since_us = g_hash_table_lookup(self->times, factory);
    has = since_us && now_us - *since_us < VIGIL_DECODER_FAILURE_US;
    g_mutex_unlock(&self->lock);
    return has;
}
