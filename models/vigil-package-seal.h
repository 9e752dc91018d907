/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-key.h"
#include "models/vigil-package-files.h"

G_BEGIN_DECLS

/*
 * The seal of a package: `package.sums`, a line "vigil-package-sums 1" and a line "SHA-256 SIZE NAME" for each file, by name in
 * the order of their bytes; and `package.sig`, the lines "vigil-package-signature 1", "key ID" and "signature HEX": Ed25519 over
 * package.sums. Both have one way of writing only; anything else is refused.
 */
#define VIGIL_PACKAGE_SUMS "package.sums"
#define VIGIL_PACKAGE_SIGNATURE "package.sig"
#define VIGIL_PACKAGE_MANIFEST "manifest.ini"
#define VIGIL_PACKAGE_MAX_SUMS ((gsize)16 << 10)

/**
 * VigilPackagePolicy:
 * @VIGIL_PACKAGE_ANY: whatever a path names: hashes and signatures that are there must fit, one of a key that is not
 *   trusted counts as none, and nothing need be there
 * @VIGIL_PACKAGE_UNSIGNED: the same, but a signature must be of a trusted key
 * @VIGIL_PACKAGE_SIGNED: by a trusted key
 */
typedef enum {
    VIGIL_PACKAGE_ANY,
    VIGIL_PACKAGE_UNSIGNED,
    VIGIL_PACKAGE_SIGNED,
} VigilPackagePolicy;

/**
 * VigilPackageTrust:
 * @VIGIL_PACKAGE_PLAIN: nothing to compare with
 * @VIGIL_PACKAGE_HASHED: its files are those of its package.sums, which nobody signed
 * @VIGIL_PACKAGE_STRANGE: the same, and signed by a key that is not trusted here
 * @VIGIL_PACKAGE_TRUSTED: signed by a trusted key
 */
typedef enum {
    VIGIL_PACKAGE_PLAIN,
    VIGIL_PACKAGE_HASHED,
    VIGIL_PACKAGE_STRANGE,
    VIGIL_PACKAGE_TRUSTED,
} VigilPackageTrust;

/**
 * VigilSealed:
 * @files: (nullable): all files, compared with their hashes; %NULL when the package is plain
 * @trust: see #VigilPackageTrust
 * @id: SHA-256 of package.sums, lower-case hexadecimal; "" when the package is plain
 * @key: id of the key that signed; "" for none
 */
typedef struct {
    VigilPackageFiles *files;
    VigilPackageTrust trust;
    gchar id[65];
    VigilKeyId key;
} VigilSealed;

void vigil_sealed_clear(VigilSealed *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VigilSealed, vigil_sealed_clear)

/** vigil_package_is_archive: whether the file at @path begins as a `.vigil` archive does. */
gboolean vigil_package_is_archive(const gchar *path);

/**
 * vigil_sealed_open:
 * @path: a package directory or a `.vigil` archive
 * @keys: that are trusted
 * @self: (out): zero-initialised
 *
 * Reads a package. In this order: the signature over package.sums (of an archive: over its header, then the payload's hash), then
 * package.sums, then each file against its hash. No other byte is looked at before. Files that are not listed, links,
 * folders and whatever is beyond the limits are refused.
 *
 * Errors: %VIGIL_MODEL_ERROR_UNTRUSTED, %VIGIL_MODEL_ERROR_INVALID, %VIGIL_MODEL_ERROR_TOO_LARGE, %VIGIL_MODEL_ERROR_IO
 */
gboolean vigil_sealed_open(VigilSealed *self, const gchar *path, const VigilKeys *keys,
                           VigilPackagePolicy policy, GError **error);

/**
 * vigil_sealed_check:
 * @path: for messages
 *
 * The same for files in memory, of which @self takes a reference; the package may be plain only if @policy allows it.
 */
gboolean vigil_sealed_check(VigilSealed *self, VigilPackageFiles *files, const gchar *path,
                            const VigilKeys *keys, VigilPackagePolicy policy, GError **error);

/**
 * vigil_package_read_directory:
 *
 * All files of a directory that is to become a package, without its seal. Errors: as vigil_sealed_open().
 * Returns: (transfer full): the files, or %NULL
 */
VigilPackageFiles *vigil_package_read_directory(const gchar *path, GError **error);

/**
 * vigil_package_seal:
 * @key: (nullable): %NULL: package.sums alone
 *
 * Adds the seal to @files; one that was there is replaced.
 */
gboolean vigil_package_seal(VigilPackageFiles *files, const VigilSecretKey *key, GError **error);

/** vigil_package_pack: (transfer full): sealed files as a `.vigil` archive; the same files give the same bytes. */
GBytes *
vigil_package_pack(const VigilPackageFiles *files, const VigilSecretKey *key, GError **error);

G_END_DECLS
