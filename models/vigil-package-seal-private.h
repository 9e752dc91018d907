/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-package-seal.h"

G_BEGIN_DECLS

/** VigilPackageSum: a line of package.sums. */
typedef struct {
    gchar name[VIGIL_PACKAGE_MAX_NAME + 1];
    guint64 size;
    guint8 hash[32];
} VigilPackageSum;

/**
 * vigil_package_sums_parse:
 *
 * Returns: (transfer full) (element-type VigilPackageSum): the lines, or %NULL with %VIGIL_MODEL_ERROR_INVALID or
 *   %VIGIL_MODEL_ERROR_TOO_LARGE
 */
GArray *vigil_package_sums_parse(const gchar *text, gsize length, GError **error);
/** vigil_package_sums_write: (transfer full): of all files but the seal. */
GBytes *vigil_package_sums_write(const VigilPackageFiles *files);
/** vigil_package_sum_check: %VIGIL_MODEL_ERROR_UNTRUSTED when it is not the content that was listed. */
gboolean vigil_package_sum_check(const VigilPackageSum *self, GBytes *content, GError **error);

/** vigil_package_signature_parse: %FALSE when it is none. */
gboolean vigil_package_signature_parse(const gchar *text, gsize length, VigilKeyId key,
                                       guint8 signature[VIGIL_SIGNATURE_BYTES]);

/**
 * vigil_sealed_check_sums:
 * @sums: (nullable): content of package.sums
 * @signature: (nullable): content of package.sig
 *
 * Trust, id and key; @sums has been given to no parser when this fails.
 */
gboolean vigil_sealed_check_sums(VigilSealed *self, GBytes *sums, GBytes *signature,
                                 const VigilKeys *keys, VigilPackagePolicy policy, GError **error);

/** vigil_sealed_judge: whether @policy lets a signature of @key pass, "" for none; sets trust and key. */
gboolean vigil_sealed_judge(VigilSealed *self, const gchar *key, const VigilKeys *keys,
                            VigilPackagePolicy policy, GError **error);

/*
 * A `.vigil` archive: a header of 128 bytes, then a tar archive. Numbers are little-endian.
 *
 *     0   8  "VIGILPKG"
 *     8   4  version: 1
 *    12   4  0
 *    16   8  key id; zeros: not signed
 *    24   8  bytes of the payload
 *    32  32  SHA-256 of the payload
 *    64  64  signature over the 64 bytes before; zeros: not signed
 */
#define VIGIL_ARCHIVE_HEADER 128
#define VIGIL_ARCHIVE_SIGNED 64

/** VigilArchiveHeader: @key is "" when the archive is not signed. */
typedef struct {
    VigilKeyId key;
    guint64 payload;
    guint8 hash[32];
    guint8 signature[VIGIL_SIGNATURE_BYTES];
} VigilArchiveHeader;

/** vigil_archive_header_parse: of @size bytes in all. Errors: %VIGIL_MODEL_ERROR_INVALID. */
gboolean vigil_archive_header_parse(VigilArchiveHeader *self, const guint8 *data, gsize size,
                                    GError **error);
/** vigil_archive_header_write: the header for @payload bytes that lie behind it at @data already. @key: (nullable) */
void vigil_archive_header_write(guint8 *data, gsize payload, const VigilSecretKey *key);
/** vigil_archive_open: checks header, signature and hash, then unpacks. For messages: @path. */
gboolean vigil_archive_open(VigilSealed *self, GBytes *archive, const gchar *path,
                            const VigilKeys *keys, VigilPackagePolicy policy, GError **error);
/** vigil_archive_unpack: (transfer full): files of a tar archive whose bytes are what they should be. */
VigilPackageFiles *vigil_archive_unpack(const guint8 *tar, gsize size, GError **error);

G_END_DECLS
