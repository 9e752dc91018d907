/* SPDX-License-Identifier: Apache-2.0 */
/* Which elements decode a camera's stream for the detector. */
#include "pipeline/vigil-camera-pipeline-private.h"
#include "pipeline/vigil-gst.h"
#include "plugins/decode/vigil-decoder-bin.h"

static gboolean
is_present(const gchar *factory, gpointer user_data)
{
    return vigil_gst_has(factory);
}

static gboolean
has_failed(const gchar *factory, gpointer user_data)
{
    const VigilCameraPipeline *self = user_data;

    return self->failures &&
           vigil_decoder_failures_has(self->failures, factory, g_get_monotonic_time());
}

static void
set_none_error(const VigilCameraPipeline *self, VigilCodec codec, GError **error)
{
    const gchar *wanted = self->settings->decoder;
    const gchar *name = vigil_codec_to_string(codec);

    /* ours in software are always there */
    if (g_strcmp0(wanted, "hardware") == 0)
        g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
                    "there is no hardware decoder for %s here: write decoder: auto", name);
    else
        g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
                    "the decoder %s is not here, or is not for %s: write decoder: auto", wanted,
                    name);
}

GstElement *
vigil_camera_pipeline_make_decoder(VigilCameraPipeline *self, VigilCodec codec, GError **error)
{
    const VigilDecoderWish wish = {codec, self->settings->decoder, self->live};
    VigilDecoderCandidate candidates[VIGIL_DECODER_CANDIDATES];
    const guint n = vigil_decoder_choose(&wish, is_present, has_failed, self, candidates);

    if (n > 0)
        return vigil_decoder_bin_new("decoder", codec, candidates, n, self->failures);
    set_none_error(self, codec, error);
    return NULL;
}
