/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * vigil_gst_init:
 *
 * Starts GStreamer. Vigil's own elements are part of the program: it shares the store and the models with them, of which
 * there must be one each in a process, and it works wherever its plugin lies. GStreamer's log goes through vigil_redact().
 */
gboolean vigil_gst_init(GError **error);

/**
 * vigil_gst_make:
 * @name: (nullable): of the element in its bin
 *
 * Errors: %GST_CORE_ERROR_MISSING_PLUGIN, naming the element and, where it is known, the Debian package that has it.
 *
 * Returns: (transfer floating): the element, or %NULL
 */
GstElement *vigil_gst_make(const gchar *factory, const gchar *name, GError **error);

/** vigil_gst_has: this element can be made. */
gboolean vigil_gst_has(const gchar *factory);

G_END_DECLS
