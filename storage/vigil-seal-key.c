/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The installation's key. Both files are what OpenSSL reads and writes: RFC 8410 has the bytes in front of the key, always
 * the same ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "storage/vigil-seal-private.h"

#define KEY_NAME "seal.key"
#define PUBLIC_NAME "seal.pub"
#define MAX_FILE_BYTES (64 * 1024)

static const guint8 secret_prefix[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                       0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
static const guint8 public_prefix[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                       0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
#define MAX_DER_BYTES (sizeof secret_prefix + crypto_sign_SEEDBYTES)

struct VigilSealKey {
    guint8 secret[crypto_sign_SECRETKEYBYTES];
    guint8 public[VIGIL_SEAL_KEY_BYTES];
    GByteArray *earlier; /* (nullable): all of seal.pub, as it was when this was opened */
};

void
vigil_seal_key_free(VigilSealKey *self)
{
    if (!self)
        return;
    g_clear_pointer(&self->earlier, g_byte_array_unref);
    sodium_memzero(self, sizeof *self);
    g_free(self);
}

gboolean
vigil_seal_key_knows(const VigilSealKey *self, const guint8 key[VIGIL_SEAL_KEY_BYTES])
{
    for (guint i = 0; i < self->earlier->len; i += VIGIL_SEAL_KEY_BYTES)
        if (memcmp(self->earlier->data + i, key, VIGIL_SEAL_KEY_BYTES) == 0)
            return TRUE;
    return memcmp(self->public, key, VIGIL_SEAL_KEY_BYTES) == 0;
}

const guint8 *
vigil_seal_key_get_public(const VigilSealKey *self)
{
    return self->public;
}

void
vigil_seal_key_sign(const VigilSealKey *self, gconstpointer body, gsize length,
                    guint8 signature[VIGIL_SEAL_SIGNATURE_BYTES])
{
    crypto_sign_detached(signature, NULL, body, length, self->secret);
}

/* --- PEM --- */

static void
wipe(gchar *text)
{
    if (text)
        sodium_memzero(text, strlen(text));
    g_free(text);
}

static gchar *
write_pem(const gchar *label, const guint8 *prefix, gsize prefix_length, const guint8 *key)
{
    guint8 der[MAX_DER_BYTES];
    gchar *base64, *pem;

    memcpy(der, prefix, prefix_length);
    memcpy(der + prefix_length, key, VIGIL_SEAL_KEY_BYTES);
    base64 = g_base64_encode(der, prefix_length + VIGIL_SEAL_KEY_BYTES);
    pem = g_strdup_printf("-----BEGIN %s-----\n%s\n-----END %s-----\n", label, base64, label);
    sodium_memzero(der, sizeof der);
    wipe(base64);
    return pem;
}

/* The next block of @label from *@text on; *@text goes behind its first line, so that half a block hides no other. */
static gboolean
read_pem(const gchar **text, const gchar *label, const guint8 *prefix, gsize prefix_length,
         guint8 *key)
{
    g_autofree gchar *begin = g_strdup_printf("-----BEGIN %s-----", label);
    g_autofree gchar *end = g_strdup_printf("-----END %s-----", label);
    const gsize length = prefix_length + VIGIL_SEAL_KEY_BYTES;

    while ((*text = strstr(*text, begin))) {
        const gchar *stop;
        guint8 *der;
        gchar *base64;
        gsize n;
        gboolean found;

        *text += strlen(begin);
        stop = strstr(*text, end);
        if (!stop || stop - *text > 4 * (gssize)MAX_DER_BYTES)
            continue;
        base64 = g_strndup(*text, (gsize)(stop - *text));
        der = g_base64_decode(base64, &n);
        found = n == length && memcmp(der, prefix, prefix_length) == 0;
        if (found)
            memcpy(key, der + prefix_length, VIGIL_SEAL_KEY_BYTES);
        if (der)
            sodium_memzero(der, n);
        g_free(der);
        wipe(base64);
        if (found)
            return TRUE;
    }
    return FALSE;
}

gchar *
vigil_seal_public_write(const guint8 key[VIGIL_SEAL_KEY_BYTES])
{
    return write_pem("PUBLIC KEY", public_prefix, sizeof public_prefix, key);
}

GByteArray *
vigil_seal_public_parse(const gchar *text)
{
    GByteArray *keys = g_byte_array_new();
    guint8 key[VIGIL_SEAL_KEY_BYTES];

    while (read_pem(&text, "PUBLIC KEY", public_prefix, sizeof public_prefix, key))
        g_byte_array_append(keys, key, sizeof key);
    return keys;
}

/* --- files --- */

static gchar *
beside(const VigilStore *self, const gchar *name)
{
    g_autofree gchar *dir = g_path_get_dirname(self->database);

    return g_build_filename(dir, name, NULL);
}

gchar *
vigil_seal_public_path(const VigilStore *self)
{
    return beside(self, PUBLIC_NAME);
}

/* (out) @text: terminated; %NULL when there is no such file. Returns 0 or -errno. */
static gint
read_file(VigilStore *self, const gchar *path, gchar **text)
{
    const gint fd =
        self->ops->open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0);
    gssize n;

    *text = NULL;
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    *text = g_malloc0(MAX_FILE_BYTES + 1);
    n = TEMP_FAILURE_RETRY(read(fd, *text, MAX_FILE_BYTES));
    n = n < 0 ? -errno : n;
    close(fd);
    if (n < 0)
        g_clear_pointer(text, g_free);
    return n < 0 ? (gint)n : 0;
}

static gint
sync_dir(VigilStore *self)
{
    g_autofree gchar *dir = g_path_get_dirname(self->database);
    const gint fd = self->ops->open_at(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    gint code;

    if (fd < 0)
        return fd;
    code = vigil_store_sync(self, fd);
    close(fd);
    return code;
}

/* Appends @text and syncs the file. */
static gint
write_file(VigilStore *self, const gchar *path, gint flags, mode_t mode, const gchar *text)
{
    const gint fd = self->ops->open_at(AT_FDCWD, path,
                                       O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | flags, mode);
    const gsize length = strlen(text);
    struct stat info;
    gsize done = 0;
    gint code = fd < 0 ? fd : fstat(fd, &info) < 0 ? -errno : 0;

    while (code == 0 && done < length) {
        const gssize n =
            self->ops->write_at(fd, text + done, length - done, info.st_size + (gint64)done);

        code = n < 0 ? (gint)n : n == 0 ? -EIO : 0;
        done += n > 0 ? (gsize)n : 0;
    }
    if (code == 0)
        code = vigil_store_sync(self, fd);
    if (fd >= 0)
        close(fd);
    return code;
}

/* Under a name of this process's own first, so that nobody ever sees half a key; never over one that is there. */
static gint
write_secret(VigilStore *self, const gchar *path, const guint8 *seed)
{
    g_autofree gchar *fresh = g_strdup_printf("%s.%d", path, (gint)getpid());
    gchar *pem = write_pem("PRIVATE KEY", secret_prefix, sizeof secret_prefix, seed);
    gint code = self->ops->unlink_at(AT_FDCWD, fresh, 0);

    if (code == 0 || code == -ENOENT)
        code = write_file(self, fresh, O_EXCL, 0600, pem);
    wipe(pem);
    if (code == 0)
        code = self->ops->rename_at(AT_FDCWD, fresh, AT_FDCWD, path);
    if (code < 0)
        self->ops->unlink_at(AT_FDCWD, fresh, 0);
    return code < 0 ? code : sync_dir(self);
}

static gint
make_secret(VigilStore *self, const gchar *path, guint8 seed[crypto_sign_SEEDBYTES])
{
    randombytes_buf(seed, crypto_sign_SEEDBYTES);
    return write_secret(self, path, seed);
}

static gint
read_secret(VigilStore *self, const gchar *path, guint8 seed[crypto_sign_SEEDBYTES])
{
    g_autofree gchar *aside = NULL;
    const gchar *at;
    gchar *text;
    gboolean found;
    gint code = read_file(self, path, &text);

    if (code < 0)
        return code;
    if (!text)
        return make_secret(self, path, seed);
    at = text;
    found = read_pem(&at, "PRIVATE KEY", secret_prefix, sizeof secret_prefix, seed);
    wipe(text);
    if (found)
        return 0;
    aside = g_strdup_printf("%s.damaged-%" G_GINT64_FORMAT, path,
                            vigil_store_clock_wall(&self->clock) / G_USEC_PER_SEC);
    g_message("%s: not a key; it is kept as %s", path, aside);
    code = self->ops->rename_at(AT_FDCWD, path, AT_FDCWD, aside);
    return code < 0 ? code : make_secret(self, path, seed);
}

/* Keys of earlier times stay in it: what they signed is checked with them. */
static gint
ensure_public(VigilStore *self, VigilSealKey *key, const gchar *path)
{
    g_autofree gchar *text = NULL, *pem = vigil_seal_public_write(key->public);
    g_autofree gchar *line = NULL;
    gint code = read_file(self, path, &text);

    if (code < 0)
        return code;
    key->earlier = vigil_seal_public_parse(text ? text : "");
    for (guint i = 0; i < key->earlier->len; i += VIGIL_SEAL_KEY_BYTES)
        if (memcmp(key->earlier->data + i, key->public, VIGIL_SEAL_KEY_BYTES) == 0)
            return 0;
    if (key->earlier->len > 0)
        g_message("%s: the key that sealed so far is gone; another one seals from now on", path);
    /* a new line first: the last one may have been cut by a crash */
    line = g_strconcat(text && *text ? "\n" : "", pem, NULL);
    code = write_file(self, path, 0, 0644, line);
    return code < 0 ? code : sync_dir(self);
}

VigilSealKey *
vigil_seal_key_open(VigilStore *self, GError **error)
{
    g_autofree gchar *path = beside(self, KEY_NAME), *public_path = beside(self, PUBLIC_NAME);
    g_autoptr(VigilSealKey) key = g_new0(VigilSealKey, 1);
    guint8 seed[crypto_sign_SEEDBYTES];
    gint code;

    code = read_secret(self, path, seed);
    if (code == -EEXIST) /* another program with a database in this directory was faster */
        code = read_secret(self, path, seed);
    if (code == 0)
        crypto_sign_seed_keypair(key->public, key->secret, seed);
    sodium_memzero(seed, sizeof seed);
    if (code < 0) {
        vigil_store_set_errno(error, code, "cannot use the key that seals clips", path);
        return NULL;
    }
    code = ensure_public(self, key, public_path);
    if (code < 0) {
        vigil_store_set_errno(error, code, "cannot note the public key", public_path);
        return NULL;
    }
    return g_steal_pointer(&key);
}
