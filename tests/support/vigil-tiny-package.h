/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-package-files.h"

G_BEGIN_DECLS

/**
 * vigil_tiny_package:
 * @extra: content of its file `card.md`, to tell packages apart
 *
 * Returns: (transfer full): a package without a seal, whose model does nothing: a RESHAPE turns the image, 14x8 RGB, into the head of
 *   a YOLO with the classes cat, dog and person. With golden boxes. About 3 kB.
 */
VigilPackageFiles *vigil_tiny_package(const gchar *name, const gchar *version, const gchar *extra);

/** vigil_tiny_package_write: into a folder that is made; files of the same names are replaced. Aborts when it cannot. */
void vigil_tiny_package_write(const VigilPackageFiles *files, const gchar *folder);

/** vigil_tiny_folder_remove: a folder with all that is in it; never outside of the system's folders for temporary files. */
void vigil_tiny_folder_remove(const gchar *folder);

G_END_DECLS
