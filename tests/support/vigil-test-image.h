/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-image.h"

G_BEGIN_DECLS

/**
 * vigil_test_image_load:
 * @path: a PNG without transparency or a JPEG
 * @image: (out): RGB; @image->planes[0] is freed by g_free()
 *
 * Returns: %FALSE after a message on stderr when it cannot be read
 */
gboolean vigil_test_image_load(const gchar *path, VigilImage *image);

/**
 * vigil_test_image_noise:
 *
 * A frame of any format: gradients with a pattern and some noise, the same on every run; planes have strides
 * larger than their rows. Freed by vigil_test_image_clear().
 */
VigilImage vigil_test_image_noise(VigilPixelFormat format, guint width, guint height, guint32 seed);
void vigil_test_image_clear(VigilImage *image);

G_END_DECLS
