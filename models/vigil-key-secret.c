/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/vigil-key-private.h"
#include "models/vigil-model.h"

struct VigilSecretKey {
    guint8 key[VIGIL_KEY_SECRET_BYTES];
    VigilKeyId id;
};

static gboolean
refuse_io(GError **error, const gchar *path, gint code)
{
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO, "%s: %s", path, g_strerror(code));
    return FALSE;
}

static gboolean
write_all(gint fd, const gchar *text, gsize length)
{
    gsize done = 0;

    while (done < length) {
        const gssize n = write(fd, text + done, length - done);

        if (n < 0 && errno != EINTR)
            return FALSE;
        done += (gsize)MAX(n, 0);
    }
    return fsync(fd) == 0;
}

/* Never over a key that is there: what it signed could not be followed up any more. */
static gboolean
write_key(const gchar *path, mode_t mode, const gchar *head, const guint8 *key, gsize n,
          GError **error)
{
    gchar text[sizeof VIGIL_KEY_SECRET_HEAD + 2 * VIGIL_KEY_SECRET_BYTES + 2] = "";
    const gint fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    gsize length;
    gboolean ok;
    gint code;

    if (fd < 0)
        return refuse_io(error, path, errno);
    g_strlcat(text, head, sizeof text);
    length = strlen(text);
    vigil_hex_write(key, n, text + length);
    length += 2 * n;
    text[length++] = '\n';
    ok = write_all(fd, text, length);
    code = errno;
    sodium_memzero(text, sizeof text);
    close(fd);
    if (ok)
        return TRUE;
    unlink(path);
    return refuse_io(error, path, code);
}

VigilSecretKey *
vigil_secret_key_create(const gchar *path, GError **error)
{
    g_autoptr(VigilSecretKey) self = g_new0(VigilSecretKey, 1);
    g_autofree gchar *public_path = g_strconcat(path, ".pub", NULL);
    guint8 public_key[VIGIL_KEY_BYTES];

    vigil_crypto_init();
    crypto_sign_keypair(public_key, self->key);
    vigil_key_make_id(public_key, self->id);
    if (!write_key(path, 0600, VIGIL_KEY_SECRET_HEAD, self->key, sizeof self->key, error))
        return NULL;
    if (write_key(public_path, 0644, VIGIL_KEY_PUBLIC_HEAD, public_key, sizeof public_key, error))
        return g_steal_pointer(&self);
    unlink(path);
    return NULL;
}

/* Through one descriptor, so that what is read is what was looked at. */
static gboolean
read_private(const gchar *path, gchar *text, gsize capacity, gsize *length, GError **error)
{
    const gint fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat info;
    gssize n = -1;
    gint code = 0;

    if (fd < 0)
        return refuse_io(error, path, errno);
    if (fstat(fd, &info) != 0)
        code = errno;
    else if (!S_ISREG(info.st_mode))
        code = EINVAL;
    else if (info.st_mode & (S_IRWXG | S_IRWXO))
        code = EPERM;
    else if ((n = TEMP_FAILURE_RETRY(read(fd, text, capacity))) < 0)
        code = errno;
    close(fd);
    if (code == EPERM) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNTRUSTED,
                    "%s: others may read this secret key; try chmod 600, or make a new key", path);
        return FALSE;
    }
    if (code)
        return refuse_io(error, path, code);
    *length = (gsize)n;
    return TRUE;
}

VigilSecretKey *
vigil_secret_key_load(const gchar *path, GError **error)
{
    g_autoptr(VigilSecretKey) self = g_new0(VigilSecretKey, 1);
    guint8 public_key[VIGIL_KEY_BYTES], seed[crypto_sign_SEEDBYTES], again[VIGIL_KEY_SECRET_BYTES];
    gchar text[VIGIL_KEY_MAX_FILE];
    gsize length = 0;
    gboolean ok;

    vigil_crypto_init();
    if (!read_private(path, text, sizeof text, &length, error))
        return NULL;
    ok = vigil_key_parse(text, length, VIGIL_KEY_SECRET_HEAD, self->key, sizeof self->key);
    if (ok) {
        /* a damaged key would sign what no public key verifies */
        crypto_sign_ed25519_sk_to_seed(seed, self->key);
        crypto_sign_seed_keypair(public_key, again, seed);
        ok = sodium_memcmp(again, self->key, sizeof again) == 0;
    }
    sodium_memzero(text, sizeof text);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(again, sizeof again);
    if (!ok) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                    "%s: not a secret key of `vigil model sign --new-key`", path);
        return NULL;
    }
    vigil_key_make_id(public_key, self->id);
    return g_steal_pointer(&self);
}

void
vigil_secret_key_free(VigilSecretKey *self)
{
    if (!self)
        return;
    sodium_memzero(self->key, sizeof self->key);
    g_free(self);
}

const gchar *
vigil_secret_key_get_id(const VigilSecretKey *self)
{
    return self->id;
}

void
vigil_secret_key_sign(const VigilSecretKey *self, const gchar *domain, gconstpointer data,
                      gsize size, guint8 signature[VIGIL_SIGNATURE_BYTES])
{
    guint8 digest[VIGIL_KEY_DIGEST_BYTES];

    vigil_key_digest(domain, data, size, digest);
    crypto_sign_detached(signature, NULL, digest, sizeof digest, self->key);
}
