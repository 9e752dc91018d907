/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/video/video.h>

#include "models/vigil-image.h"

G_BEGIN_DECLS

/**
 * VigilPicture:
 * @image: a writable view of its pixels, BGRx
 *
 * A still picture from a file.
 */
typedef struct {
    VigilImage image;
    /*< private >*/
    GstSample *sample;
    GstVideoFrame frame;
} VigilPicture;

/**
 * vigil_picture_load:
 *
 * Reads whatever GStreamer can decode: JPEG, PNG, BMP … Errors: those of GStreamer, with the file's name.
 *
 * Returns: (transfer full): the picture, or %NULL
 */
VigilPicture *vigil_picture_load(const gchar *path, GError **error);

/** vigil_picture_can_save: whether the ending of @path is one that vigil_picture_save() knows. */
gboolean vigil_picture_can_save(const gchar *path);
/** vigil_picture_save: as PNG or JPEG, by the ending of @path. Errors: %G_FILE_ERROR. */
gboolean vigil_picture_save(const VigilPicture *self, const gchar *path, GError **error);

void vigil_picture_free(VigilPicture *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilPicture, vigil_picture_free)

G_END_DECLS
