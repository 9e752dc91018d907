/* SPDX-License-Identifier: Apache-2.0 */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "models/vigil-key-private.h"
#include "models/vigil-model.h"
#include "models/vigil-package-seal-private.h"

#define MAGIC_BYTES 8
/* no string: without its end */
static const gchar archive_magic[MAGIC_BYTES] = {'V', 'I', 'G', 'I', 'L', 'P', 'K', 'G'};
#define DOMAIN "vigil-archive"

typedef struct archive TarReader;
typedef struct archive TarWriter;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarReader, archive_read_free)
typedef struct archive_entry TarEntry;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarEntry, archive_entry_free)

static gboolean
refuse(VigilModelError code, GError **error, const gchar *why)
{
    g_set_error_literal(error, VIGIL_MODEL_ERROR, code, why);
    return FALSE;
}

gboolean
vigil_package_is_archive(const gchar *path)
{
    const gint fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    gchar magic[MAGIC_BYTES];
    gboolean is;

    if (fd < 0)
        return FALSE;
    is = pread(fd, magic, sizeof magic, 0) == sizeof magic &&
         memcmp(magic, archive_magic, sizeof magic) == 0;
    close(fd);
    return is;
}

static guint64
read_le(const guint8 *data, guint n)
{
    guint64 value = 0;

    for (guint i = n; i > 0; i--)
        value = value << 8 | data[i - 1];
    return value;
}

static void
write_le(guint8 *data, guint n, guint64 value)
{
    for (guint i = 0; i < n; i++, value >>= 8)
        data[i] = (guint8)value;
}

gboolean
vigil_archive_header_parse(VigilArchiveHeader *self, const guint8 *data, gsize size, GError **error)
{
    gboolean has_key, has_signature;

    if (size < VIGIL_ARCHIVE_HEADER || memcmp(data, archive_magic, MAGIC_BYTES) != 0)
        return refuse(VIGIL_MODEL_ERROR_INVALID, error, "not a .vigil archive");
    if (read_le(data + 8, 4) != 1 || read_le(data + 12, 4) != 0)
        return refuse(VIGIL_MODEL_ERROR_UNSUPPORTED, error,
                      "an archive of a version that this program does not know");
    has_key = !sodium_is_zero(data + 16, VIGIL_KEY_ID_BYTES);
    has_signature = !sodium_is_zero(data + 64, VIGIL_SIGNATURE_BYTES);
    self->payload = read_le(data + 24, 8);
    if (self->payload != size - VIGIL_ARCHIVE_HEADER)
        return refuse(VIGIL_MODEL_ERROR_INVALID, error,
                      "its length is not the one in its header: it was cut off or changed");
    if (has_key != has_signature)
        return refuse(VIGIL_MODEL_ERROR_UNTRUSTED, error,
                      "half a signature: it was changed or damaged");
    memset(self->key, 0, sizeof self->key);
    if (has_key)
        vigil_hex_write(data + 16, VIGIL_KEY_ID_BYTES, self->key);
    memcpy(self->hash, data + 32, sizeof self->hash);
    memcpy(self->signature, data + 64, sizeof self->signature);
    return TRUE;
}

/* --- reading --- */

static gboolean
check_entry(TarEntry *entry, const VigilPackageFiles *files, GError **error)
{
    const gchar *name = archive_entry_pathname(entry);

    if (!name || !vigil_package_files_is_name(name))
        return vigil_package_files_check(files, name ? name : "", 0, error);
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) ||
        archive_entry_symlink(entry) || archive_entry_sparse_count(entry) > 0 ||
        !archive_entry_size_is_set(entry) || archive_entry_size(entry) < 0) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                    "%s: a package holds ordinary files only: no folders, links, devices, or files "
                    "with holes",
                    name);
        return FALSE;
    }
    return vigil_package_files_check(files, name, (guint64)archive_entry_size(entry), error);
}

static gboolean
read_entry(TarReader *tar, TarEntry *entry, VigilPackageFiles *files, GError **error)
{
    const gchar *name = archive_entry_pathname(entry);
    const gsize size = (gsize)archive_entry_size(entry);
    g_autoptr(GBytes) content = NULL;
    g_autofree gchar *data = g_try_malloc(size + 1);
    gsize done = 0;

    if (!data)
        return refuse(VIGIL_MODEL_ERROR_TOO_LARGE, error, "no memory for its files");
    while (done < size) {
        const la_ssize_t n = archive_read_data(tar, data + done, size - done);

        if (n <= 0)
            return refuse(VIGIL_MODEL_ERROR_INVALID, error, "a file in it ends too early");
        done += (gsize)n;
    }
    content = g_bytes_new_take(g_steal_pointer(&data), size);
    return vigil_package_files_add(files, name, content, error);
}

VigilPackageFiles *
vigil_archive_unpack(const guint8 *data, gsize size, GError **error)
{
    g_autoptr(TarReader) tar = archive_read_new();
    g_autoptr(VigilPackageFiles) files = vigil_package_files_new();
    TarEntry *entry;
    gint status;

    /* no filter: what is compressed is not tar to it */
    if (!tar || archive_read_support_format_tar(tar) != ARCHIVE_OK ||
        archive_read_open_memory(tar, data, size) != ARCHIVE_OK) {
        refuse(VIGIL_MODEL_ERROR_INVALID, error, "no tar archive behind the header");
        return NULL;
    }
    while ((status = archive_read_next_header(tar, &entry)) == ARCHIVE_OK) {
        if (!check_entry(entry, files, error) || !read_entry(tar, entry, files, error))
            return NULL;
    }
    if (status == ARCHIVE_EOF)
        return g_steal_pointer(&files);
    refuse(VIGIL_MODEL_ERROR_INVALID, error, "the tar archive behind the header is damaged");
    return NULL;
}

gboolean
vigil_archive_open(VigilSealed *self, GBytes *archive, const gchar *path, const VigilKeys *keys,
                   VigilPackagePolicy policy, GError **error)
{
    gsize size;
    const guint8 *data = g_bytes_get_data(archive, &size);
    VigilSealed outer = {0}; /* holds no files */
    guint8 hash[crypto_hash_sha256_BYTES];
    VigilArchiveHeader header;
    g_autoptr(VigilPackageFiles) files = NULL;

    if (!vigil_archive_header_parse(&header, data, size, error) ||
        !vigil_sealed_judge(&outer, header.key, keys, policy, error))
        return FALSE;
    if (outer.trust == VIGIL_PACKAGE_TRUSTED &&
        !vigil_keys_verify(keys, header.key, DOMAIN, data, VIGIL_ARCHIVE_SIGNED, header.signature))
        return refuse(VIGIL_MODEL_ERROR_UNTRUSTED, error,
                      "the signature is not one of this archive: it was changed or damaged");
    crypto_hash_sha256(hash, data + VIGIL_ARCHIVE_HEADER, size - VIGIL_ARCHIVE_HEADER);
    if (memcmp(hash, header.hash, sizeof hash) != 0)
        return refuse(VIGIL_MODEL_ERROR_UNTRUSTED, error,
                      "the content is not that of its header: it was changed or damaged");
    files = vigil_archive_unpack(data + VIGIL_ARCHIVE_HEADER, size - VIGIL_ARCHIVE_HEADER, error);
    if (!files || !vigil_sealed_check(self, files, "inside", keys, policy, error))
        return FALSE;
    if (g_str_equal(self->key, header.key))
        return TRUE;
    return refuse(VIGIL_MODEL_ERROR_UNTRUSTED, error,
                  "the archive and the package in it are not signed by the same key");
}

/* --- writing --- */

static gboolean
pack_files(TarWriter *tar, const VigilPackageFiles *files)
{
    gboolean ok = TRUE;

    for (guint i = 0; ok && i < vigil_package_files_get_n(files); i++) {
        const gchar *name = vigil_package_files_get_name(files, i);
        g_autoptr(TarEntry) entry = archive_entry_new();
        gsize size;
        gconstpointer data = g_bytes_get_data(vigil_package_files_get(files, name), &size);

        archive_entry_set_pathname(entry, name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, (la_int64_t)size);
        archive_entry_set_mtime(entry, 0, 0);
        ok = archive_write_header(tar, entry) == ARCHIVE_OK &&
             (size == 0 || archive_write_data(tar, data, size) == (la_ssize_t)size);
    }
    return ok;
}

void
vigil_archive_header_write(guint8 *data, gsize payload, const VigilSecretKey *key)
{
    memset(data, 0, VIGIL_ARCHIVE_HEADER);
    memcpy(data, archive_magic, MAGIC_BYTES);
    write_le(data + 8, 4, 1);
    write_le(data + 24, 8, payload);
    crypto_hash_sha256(data + 32, data + VIGIL_ARCHIVE_HEADER, payload);
    if (!key)
        return;
    vigil_hex_read(vigil_secret_key_get_id(key), data + 16, VIGIL_KEY_ID_BYTES);
    vigil_secret_key_sign(key, DOMAIN, data, VIGIL_ARCHIVE_SIGNED, data + 64);
}

GBytes *
vigil_package_pack(const VigilPackageFiles *files, const VigilSecretKey *key, GError **error)
{
    const gsize capacity = vigil_package_files_get_bytes(files) +
                           (gsize)vigil_package_files_get_n(files) * 1024 + 1024;
    g_autofree guint8 *data = g_malloc0(VIGIL_ARCHIVE_HEADER + capacity);
    TarWriter *tar = archive_write_new();
    size_t used = 0;
    gboolean ok;

    vigil_crypto_init();
    ok = archive_write_set_format_ustar(tar) == ARCHIVE_OK &&
         archive_write_set_bytes_per_block(tar, 512) == ARCHIVE_OK &&
         archive_write_open_memory(tar, data + VIGIL_ARCHIVE_HEADER, capacity, &used) ==
             ARCHIVE_OK &&
         pack_files(tar, files) && archive_write_close(tar) == ARCHIVE_OK;
    if (!ok)
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO, "cannot pack: %s",
                    archive_error_string(tar) ? archive_error_string(tar) : "no memory");
    archive_write_free(tar);
    if (!ok)
        return NULL;
    vigil_archive_header_write(data, used, key);
    return g_bytes_new_take(g_steal_pointer(&data), VIGIL_ARCHIVE_HEADER + used);
}
