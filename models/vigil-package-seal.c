/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-package-seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "models/vigil-file-private.h"
#include "models/vigil-key-private.h"
#include "models/vigil-model.h"
#include "models/vigil-package-seal-private.h"

void
vigil_sealed_clear(VigilSealed *self)
{
    g_clear_pointer(&self->files, vigil_package_files_unref);
}

static gboolean G_GNUC_PRINTF(2, 3) distrust(GError **error, const gchar *format, ...)
{
    g_autofree gchar *why = NULL;
    va_list args;

    va_start(args, format);
    why = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNTRUSTED, why);
    return FALSE;
}

gboolean
vigil_sealed_judge(VigilSealed *self, const gchar *key, const VigilKeys *keys,
                   VigilPackagePolicy policy, GError **error)
{
    if (!*key) {
        self->trust = VIGIL_PACKAGE_HASHED;
        return policy != VIGIL_PACKAGE_SIGNED ||
               distrust(error, "nobody signed it; --allow-unsigned takes it all the same");
    }
    g_strlcpy(self->key, key, sizeof self->key);
    self->trust = vigil_keys_find_name(keys, key) ? VIGIL_PACKAGE_TRUSTED : VIGIL_PACKAGE_STRANGE;
    if (self->trust == VIGIL_PACKAGE_TRUSTED || policy == VIGIL_PACKAGE_ANY)
        return TRUE;
    return distrust(error,
                    "signed by key %s, which is none of the %u that are trusted here; put its .pub "
                    "file into the directory of the keys if you trust it",
                    key, vigil_keys_get_n(keys));
}

gboolean
vigil_sealed_check_sums(VigilSealed *self, GBytes *sums, GBytes *signature, const VigilKeys *keys,
                        VigilPackagePolicy policy, GError **error)
{
    guint8 bytes[VIGIL_SIGNATURE_BYTES], hash[crypto_hash_sha256_BYTES];
    VigilKeyId key = "";
    gsize size;
    const gchar *text;

    if (signature) {
        text = g_bytes_get_data(signature, &size);
        if (!vigil_package_signature_parse(text, size, key, bytes))
            return distrust(error, "%s is no signature: it was changed or damaged",
                            VIGIL_PACKAGE_SIGNATURE);
        if (!sums)
            return distrust(error, "a signature, but no %s that it signs", VIGIL_PACKAGE_SUMS);
    }
    if (!vigil_sealed_judge(self, key, keys, policy, error))
        return FALSE;
    text = g_bytes_get_data(sums, &size);
    if (self->trust == VIGIL_PACKAGE_TRUSTED &&
        !vigil_keys_verify(keys, key, VIGIL_PACKAGE_SUMS, text, size, bytes))
        return distrust(error, "the signature of key %s (%s) is not one of this %s", key,
                        vigil_keys_find_name(keys, key), VIGIL_PACKAGE_SUMS);
    crypto_hash_sha256(hash, (const guint8 *)text, size);
    vigil_hex_write(hash, sizeof hash, self->id);
    return TRUE;
}

/* --- a directory --- */

static GBytes *
read_file(gint dir_fd, const gchar *name, gsize limit, GError **error)
{
    gchar *content = NULL;
    gsize length = 0;

    if (vigil_file_read_at(dir_fd, name, limit, &content, &length, error))
        return g_bytes_new_take(content, length);
    g_prefix_error(error, "%s: ", name);
    return NULL;
}

static gboolean
is_seal(const gchar *name)
{
    return g_str_equal(name, VIGIL_PACKAGE_SUMS) || g_str_equal(name, VIGIL_PACKAGE_SIGNATURE);
}

/* A file of the seal, if there is one. */
static gboolean
read_seal(gint dir_fd, const gchar *path, const gchar *name, GBytes **content, GError **error)
{
    g_autofree gchar *file = g_build_filename(path, name, NULL);

    *content = NULL;
    /* of a link that leads nowhere, this says no; of another file than is read below, the signature would */
    if (!g_file_test(file, G_FILE_TEST_EXISTS) && !g_file_test(file, G_FILE_TEST_IS_SYMLINK))
        return TRUE;
    *content = read_file(dir_fd, name, VIGIL_PACKAGE_MAX_SUMS, error);
    return *content != NULL;
}

static gboolean
read_listed(VigilSealed *self, gint dir_fd, GBytes *sums, GError **error)
{
    gsize size;
    const gchar *text = g_bytes_get_data(sums, &size);
    g_autoptr(GArray) list = vigil_package_sums_parse(text, size, error);

    for (guint i = 0; list && i < list->len; i++) {
        const VigilPackageSum *sum = &g_array_index(list, VigilPackageSum, i);
        g_autoptr(GBytes) content = read_file(dir_fd, sum->name, sum->size, error);

        if (!content || !vigil_package_sum_check(sum, content, error) ||
            !vigil_package_files_add(self->files, sum->name, content, error))
            return FALSE;
    }
    return list != NULL;
}

static gboolean
refuse_unlisted(const VigilSealed *self, const gchar *path, GError **error)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, error);
    const gchar *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree gchar *shown = NULL;

        if (is_seal(name) || vigil_package_files_get(self->files, name))
            continue;
        shown = g_strescape(name, NULL);
        return distrust(error, "%s is not listed in %s: remove it, or sign the package anew", shown,
                        VIGIL_PACKAGE_SUMS);
    }
    return dir != NULL;
}

static gboolean
open_directory(VigilSealed *self, gint dir_fd, const gchar *path, const VigilKeys *keys,
               VigilPackagePolicy policy, GError **error)
{
    g_autoptr(GBytes) sums = NULL;
    g_autoptr(GBytes) signature = NULL;

    if (!read_seal(dir_fd, path, VIGIL_PACKAGE_SUMS, &sums, error) ||
        !read_seal(dir_fd, path, VIGIL_PACKAGE_SIGNATURE, &signature, error))
        return FALSE;
    if (!sums && !signature) {
        self->trust = VIGIL_PACKAGE_PLAIN;
        return policy != VIGIL_PACKAGE_SIGNED ||
               distrust(error,
                        "it has no %s: nobody signed it; --allow-unsigned takes it all the "
                        "same",
                        VIGIL_PACKAGE_SUMS);
    }
    self->files = vigil_package_files_new();
    return vigil_sealed_check_sums(self, sums, signature, keys, policy, error) &&
           read_listed(self, dir_fd, sums, error) && refuse_unlisted(self, path, error) &&
           vigil_package_files_add(self->files, VIGIL_PACKAGE_SUMS, sums, error) &&
           (!signature ||
            vigil_package_files_add(self->files, VIGIL_PACKAGE_SIGNATURE, signature, error));
}

static gboolean
open_archive(VigilSealed *self, const gchar *path, const VigilKeys *keys, VigilPackagePolicy policy,
             GError **error)
{
    /* a file takes a header and up to a block of padding in the archive */
    const gsize limit = VIGIL_ARCHIVE_HEADER + VIGIL_PACKAGE_MAX_BYTES +
                        (gsize)VIGIL_PACKAGE_MAX_FILES * 1024 + 10240;
    g_autoptr(GBytes) archive = NULL;
    gchar *content = NULL;
    gsize length = 0;

    if (!vigil_file_read(path, limit, &content, &length, error))
        return FALSE;
    archive = g_bytes_new_take(content, length);
    return vigil_archive_open(self, archive, path, keys, policy, error);
}

gboolean
vigil_sealed_open(VigilSealed *self, const gchar *path, const VigilKeys *keys,
                  VigilPackagePolicy policy, GError **error)
{
    const gint fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    gboolean ok;

    vigil_crypto_init();
    if (fd >= 0) {
        ok = open_directory(self, fd, path, keys, policy, error);
        close(fd);
    } else {
        ok = open_archive(self, path, keys, policy, error);
    }
    if (!ok) {
        g_prefix_error(error, "%s: ", path);
        g_clear_pointer(&self->files, vigil_package_files_unref);
    }
    return ok;
}

/* --- files in memory --- */

static gboolean
check_listed(const VigilPackageFiles *files, GBytes *sums, guint n_seal, GError **error)
{
    gsize size;
    const gchar *text = g_bytes_get_data(sums, &size);
    g_autoptr(GArray) list = vigil_package_sums_parse(text, size, error);

    for (guint i = 0; list && i < list->len; i++) {
        const VigilPackageSum *sum = &g_array_index(list, VigilPackageSum, i);
        GBytes *content = vigil_package_files_get(files, sum->name);

        if (!content)
            return distrust(error, "%s is missing", sum->name);
        if (!vigil_package_sum_check(sum, content, error))
            return FALSE;
    }
    if (list && list->len + n_seal != vigil_package_files_get_n(files))
        return distrust(error, "it has files that %s does not list", VIGIL_PACKAGE_SUMS);
    return list != NULL;
}

gboolean
vigil_sealed_check(VigilSealed *self, VigilPackageFiles *files, const gchar *path,
                   const VigilKeys *keys, VigilPackagePolicy policy, GError **error)
{
    GBytes *sums = vigil_package_files_get(files, VIGIL_PACKAGE_SUMS);
    GBytes *signature = vigil_package_files_get(files, VIGIL_PACKAGE_SIGNATURE);

    vigil_crypto_init();
    if ((!sums && !distrust(error, "it has no %s", VIGIL_PACKAGE_SUMS)) ||
        !vigil_sealed_check_sums(self, sums, signature, keys, policy, error) ||
        !check_listed(files, sums, signature ? 2 : 1, error)) {
        g_prefix_error(error, "%s: ", path);
        return FALSE;
    }
    self->files = vigil_package_files_ref(files);
    return TRUE;
}

VigilPackageFiles *
vigil_package_read_directory(const gchar *path, GError **error)
{
    const gint fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autoptr(VigilPackageFiles) files = vigil_package_files_new();
    g_autoptr(GDir) dir = NULL;
    const gchar *name;
    gboolean ok;

    if (fd < 0) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO, "%s: %s", path,
                    g_strerror(errno));
        return NULL;
    }
    dir = g_dir_open(path, 0, error);
    ok = dir != NULL;
    while (ok && (name = g_dir_read_name(dir))) {
        g_autoptr(GBytes) content = NULL;

        if (is_seal(name))
            continue;
        ok = vigil_package_files_check(files, name, 0, error);
        content = ok ? read_file(fd, name, VIGIL_PACKAGE_MAX_BYTES, error) : NULL;
        ok = content && vigil_package_files_add(files, name, content, error);
    }
    close(fd);
    if (ok)
        return g_steal_pointer(&files);
    g_prefix_error(error, "%s: ", path);
    return NULL;
}
