/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/decode/vigil-decoder-choice.h"

typedef enum {
    KIND_SOFTWARE,
    KIND_HARDWARE,
    KIND_NAMED_SOFTWARE, /* these two only where somebody asks for them by name */
    KIND_NAMED_HARDWARE,
} DecoderKind;

/* In the order in which they are tried. */
static const struct {
    VigilCodec codec;
    DecoderKind kind;
    const gchar *factory, *after;
} known[] = {
    {VIGIL_CODEC_H264, KIND_HARDWARE, "v4l2slh264dec", NULL},
    {VIGIL_CODEC_H264, KIND_HARDWARE, "v4l2h264dec", NULL},
    {VIGIL_CODEC_H264, KIND_HARDWARE, "nvv4l2decoder", "nvvidconv"},
    {VIGIL_CODEC_H264, KIND_HARDWARE, "vah264dec", NULL},
    {VIGIL_CODEC_H264, KIND_SOFTWARE, "vigilavdec", NULL},
    {VIGIL_CODEC_H264, KIND_SOFTWARE, "avdec_h264", NULL},
    {VIGIL_CODEC_H264, KIND_SOFTWARE, "openh264dec", NULL},
    {VIGIL_CODEC_H264, KIND_NAMED_HARDWARE, "vaapih264dec", NULL},
    {VIGIL_CODEC_H264, KIND_NAMED_HARDWARE, "nvh264dec", NULL},
    {VIGIL_CODEC_H264, KIND_NAMED_HARDWARE, "qsvh264dec", NULL},
    {VIGIL_CODEC_H264, KIND_NAMED_HARDWARE, "mppvideodec", NULL},

    {VIGIL_CODEC_H265, KIND_HARDWARE, "v4l2slh265dec", NULL},
    {VIGIL_CODEC_H265, KIND_HARDWARE, "v4l2h265dec", NULL},
    {VIGIL_CODEC_H265, KIND_HARDWARE, "nvv4l2decoder", "nvvidconv"},
    {VIGIL_CODEC_H265, KIND_HARDWARE, "vah265dec", NULL},
    {VIGIL_CODEC_H265, KIND_SOFTWARE, "vigilavdec", NULL},
    {VIGIL_CODEC_H265, KIND_SOFTWARE, "avdec_h265", NULL},
    {VIGIL_CODEC_H265, KIND_SOFTWARE, "libde265dec", NULL},
    {VIGIL_CODEC_H265, KIND_NAMED_HARDWARE, "vaapih265dec", NULL},
    {VIGIL_CODEC_H265, KIND_NAMED_HARDWARE, "nvh265dec", NULL},
    {VIGIL_CODEC_H265, KIND_NAMED_HARDWARE, "qsvh265dec", NULL},
    {VIGIL_CODEC_H265, KIND_NAMED_HARDWARE, "mppvideodec", NULL},

    /* ours gives the detector small frames at once, which no device does */
    {VIGIL_CODEC_JPEG, KIND_SOFTWARE, "vigiljpegdec", NULL},
    {VIGIL_CODEC_JPEG, KIND_NAMED_HARDWARE, "nvjpegdec", NULL},
    {VIGIL_CODEC_JPEG, KIND_NAMED_HARDWARE, "v4l2jpegdec", NULL},
    {VIGIL_CODEC_JPEG, KIND_NAMED_SOFTWARE, "jpegdec", NULL},
};

const gchar *
vigil_codec_to_string(VigilCodec codec)
{
    static const gchar *const names[VIGIL_N_CODECS] = {"H.264", "H.265", "JPEG"};

    return names[codec];
}

static gboolean
is_hardware(DecoderKind kind)
{
    return kind == KIND_HARDWARE || kind == KIND_NAMED_HARDWARE;
}

static gboolean
is_wanted(const VigilDecoderWish *wish, guint i)
{
    if (!wish->wanted)
        return known[i].kind == KIND_SOFTWARE || (known[i].kind == KIND_HARDWARE && wish->live);
    if (g_str_equal(wish->wanted, "software"))
        return known[i].kind == KIND_SOFTWARE;
    if (g_str_equal(wish->wanted, "hardware"))
        return known[i].kind == KIND_HARDWARE;
    return g_str_equal(wish->wanted, known[i].factory);
}

guint
vigil_decoder_choose(const VigilDecoderWish *wish, VigilDecoderTest is_present,
                     VigilDecoderTest has_failed, gpointer user_data,
                     VigilDecoderCandidate *candidates)
{
    guint n = 0;

    for (guint late = 0; late < 2; late++) {
        for (guint i = 0; i < G_N_ELEMENTS(known) && n < VIGIL_DECODER_CANDIDATES; i++) {
            const gchar *factory = known[i].factory;

            if (known[i].codec != wish->codec || !is_wanted(wish, i) ||
                (has_failed && has_failed(factory, user_data)) != (late == 1) ||
                !is_present(factory, user_data) ||
                (known[i].after && !is_present(known[i].after, user_data)))
                continue;
            candidates[n++] =
                (VigilDecoderCandidate){factory, known[i].after, is_hardware(known[i].kind)};
        }
    }
    return n;
}

gboolean
vigil_decoder_is_wish(const gchar *text)
{
    if (g_str_equal(text, "auto") || g_str_equal(text, "software") || g_str_equal(text, "hardware"))
        return TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(known); i++)
        if (g_str_equal(text, known[i].factory))
            return TRUE;
    return FALSE;
}

gchar *
vigil_decoder_get_names(void)
{
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < G_N_ELEMENTS(known); i++)
        if (g_hash_table_add(seen, (gpointer)known[i].factory))
            g_string_append_printf(names, "%s%s", names->len ? ", " : "", known[i].factory);
    return g_string_free(g_steal_pointer(&names), FALSE);
}
