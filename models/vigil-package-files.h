/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Limits of a package: files, bytes of all of them together, bytes of a name. */
#define VIGIL_PACKAGE_MAX_FILES 64
#define VIGIL_PACKAGE_MAX_BYTES ((gsize)128 << 20)
#define VIGIL_PACKAGE_MAX_NAME 64

/**
 * VigilPackageFiles:
 *
 * The content of a model package in memory: files by name, within the limits above. There are no folders, links or
 * duplicates in it by construction. Reference counted; not changed any more once it is shared.
 */
typedef struct VigilPackageFiles VigilPackageFiles;

VigilPackageFiles *vigil_package_files_new(void);
VigilPackageFiles *vigil_package_files_ref(VigilPackageFiles *self);
void vigil_package_files_unref(VigilPackageFiles *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilPackageFiles, vigil_package_files_unref)

/** vigil_package_files_is_name: 1 to %VIGIL_PACKAGE_MAX_NAME of `A-Z a-z 0-9 . _ -`, a letter or digit first. */
gboolean vigil_package_files_is_name(const gchar *name);

/**
 * vigil_package_files_check:
 *
 * Whether a file @name of @size bytes can be added, before its content is read. Errors: %VIGIL_MODEL_ERROR_TOO_LARGE,
 * which names the limit; %VIGIL_MODEL_ERROR_INVALID for the name, or when there is a file of that name.
 */
gboolean vigil_package_files_check(const VigilPackageFiles *self, const gchar *name, guint64 size,
                                   GError **error);

/** vigil_package_files_add: keeps a reference of @content. Errors: as vigil_package_files_check(). */
gboolean vigil_package_files_add(VigilPackageFiles *self, const gchar *name, GBytes *content,
                                 GError **error);

/** vigil_package_files_replace: the same, but a file of that name is replaced. */
gboolean vigil_package_files_replace(VigilPackageFiles *self, const gchar *name, GBytes *content,
                                     GError **error);

/** vigil_package_files_get: (nullable): borrowed; %NULL when there is none of that name. */
GBytes *vigil_package_files_get(const VigilPackageFiles *self, const gchar *name);
guint vigil_package_files_get_n(const VigilPackageFiles *self);
/** vigil_package_files_get_name: of file @index in the order of names by their bytes; borrowed. */
const gchar *vigil_package_files_get_name(const VigilPackageFiles *self, guint index);
/** vigil_package_files_get_bytes: of all files together. */
gsize vigil_package_files_get_bytes(const VigilPackageFiles *self);

G_END_DECLS
