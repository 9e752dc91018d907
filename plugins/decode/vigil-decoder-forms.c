/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/decode/vigil-decoder-forms.h"

/* Of what a candidate takes: kind of stream and its form. */
static GstCaps *
get_forms(const gchar *name)
{
    g_autoptr(GstElementFactory) factory = gst_element_factory_find(name);
    GstCaps *forms = gst_caps_new_empty();
    const GList *item =
        factory ? gst_element_factory_get_static_pad_templates(factory) : (GList *)NULL;

    for (; item; item = item->next) {
        GstStaticPadTemplate *template = item->data;
        g_autoptr(GstCaps) caps = NULL;

        if (template->direction != GST_PAD_SINK)
            continue;
        caps = gst_static_caps_get(&template->static_caps);
        for (guint i = 0; i < gst_caps_get_size(caps); i++) {
            const GstStructure *full = gst_caps_get_structure(caps, i);
            const GValue *format = gst_structure_get_value(full, "stream-format");
            GstStructure *form = gst_structure_new_empty(gst_structure_get_name(full));

            if (format)
                gst_structure_set_value(form, "stream-format", format);
            gst_caps_append_structure(forms, form);
        }
    }
    return forms;
}

GstCaps *
vigil_decoder_get_forms(VigilCodec codec, const VigilDecoderCandidate *candidates, guint n)
{
    static const gchar *const media[VIGIL_N_CODECS] = {"video/x-h264", "video/x-h265",
                                                       "image/jpeg"};
    GstCaps *caps = gst_caps_new_empty_simple(media[codec]);

    for (guint i = 0; i < n; i++) {
        g_autoptr(GstCaps) forms = get_forms(candidates[i].factory);
        GstCaps *both = gst_caps_intersect(caps, forms);

        if (gst_caps_is_empty(both)) {
            gst_caps_unref(both);
        } else {
            gst_caps_unref(caps);
            caps = both;
        }
    }
    if (codec != VIGIL_CODEC_JPEG)
        gst_caps_set_simple(caps, "alignment", G_TYPE_STRING, "au", NULL);
    return caps;
}
