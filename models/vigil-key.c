/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-key.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "models/vigil-file-private.h"
#include "models/vigil-key-private.h"
#include "models/vigil-model.h"

G_STATIC_ASSERT(VIGIL_KEY_BYTES == crypto_sign_PUBLICKEYBYTES);
G_STATIC_ASSERT(VIGIL_KEY_SECRET_BYTES == crypto_sign_SECRETKEYBYTES);
G_STATIC_ASSERT(VIGIL_SIGNATURE_BYTES == crypto_sign_BYTES);
G_STATIC_ASSERT(VIGIL_KEY_DIGEST_BYTES <= crypto_generichash_BYTES_MAX);

#define MAX_KEYS 64

typedef struct {
    guint8 key[VIGIL_KEY_BYTES];
    VigilKeyId id;
    gchar *name;
} Key;

struct VigilKeys {
    GArray *keys; /* Key */
};

void
vigil_crypto_init(void)
{
    /* 1: was ready already; it locks by itself */
    g_assert(sodium_init() >= 0);
}

gboolean
vigil_hex_read(const gchar *text, guint8 *bytes, gsize n)
{
    for (gsize i = 0; i < 2 * n; i++) {
        if (!g_ascii_isdigit(text[i]) && !(text[i] >= 'a' && text[i] <= 'f'))
            return FALSE;
    }
    for (gsize i = 0; i < n; i++)
        bytes[i] = (guint8)(g_ascii_xdigit_value(text[2 * i]) << 4 |
                            g_ascii_xdigit_value(text[2 * i + 1]));
    return TRUE;
}

void
vigil_hex_write(const guint8 *bytes, gsize n, gchar *text)
{
    static const gchar digits[] = "0123456789abcdef";

    for (gsize i = 0; i < n; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * n] = '\0';
}

void
vigil_key_make_id(const guint8 key[VIGIL_KEY_BYTES], VigilKeyId id)
{
    guint8 hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(hash, key, VIGIL_KEY_BYTES);
    vigil_hex_write(hash, VIGIL_KEY_ID_BYTES, id);
}

gboolean
vigil_key_parse(const gchar *text, gsize length, const gchar *head, guint8 *key, gsize n)
{
    const gsize head_length = strlen(head);
    gsize at = head_length + 2 * n;

    if (length < at + 1 || memcmp(text, head, head_length) != 0 ||
        !vigil_hex_read(text + head_length, key, n) || text[at] != '\n')
        return FALSE;
    for (at++; at < length;) {
        const gchar *end = memchr(text + at, '\n', length - at);

        if (text[at] != '#' || !end)
            return FALSE;
        at = (gsize)(end - text) + 1;
    }
    return TRUE;
}

void
vigil_key_digest(const gchar *domain, gconstpointer data, gsize size,
                 guint8 digest[VIGIL_KEY_DIGEST_BYTES])
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, VIGIL_KEY_DIGEST_BYTES);
    crypto_generichash_update(&state, (const guint8 *)domain, strlen(domain) + 1);
    crypto_generichash_update(&state, data, size);
    crypto_generichash_final(&state, digest, VIGIL_KEY_DIGEST_BYTES);
}

static void
key_clear(gpointer data)
{
    g_free(((Key *)data)->name);
}

/* Whoever can write here says what is trusted. */
static gboolean
check_mode(const gchar *path, GError **error)
{
    struct stat info;

    if (stat(path, &info) != 0) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO, "%s: %s", path,
                    g_strerror(errno));
        return FALSE;
    }
    if (!(info.st_mode & S_IWOTH))
        return TRUE;
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNTRUSTED,
                "%s: everybody may write to it, so it cannot say which keys are trusted; try "
                "chmod o-w",
                path);
    return FALSE;
}

static gboolean
load_key(VigilKeys *self, const gchar *path, const gchar *name, GError **error)
{
    g_autofree gchar *text = NULL;
    gsize length = 0;
    Key key = {0};

    if (!check_mode(path, error))
        return FALSE;
    if (!vigil_file_read(path, VIGIL_KEY_MAX_FILE, &text, &length, error)) {
        g_prefix_error(error, "cannot read the key %s: ", path);
        return FALSE;
    }
    if (!vigil_key_parse(text, length, VIGIL_KEY_PUBLIC_HEAD, key.key, sizeof key.key) ||
        self->keys->len >= MAX_KEYS) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNTRUSTED,
                    self->keys->len >= MAX_KEYS ? "%s: one key too many, at most 64 are read"
                                                : "%s: not a public key of `vigil model sign`",
                    path);
        return FALSE;
    }
    vigil_key_make_id(key.key, key.id);
    key.name = g_strdup(name);
    g_array_append_val(self->keys, key);
    return TRUE;
}

VigilKeys *
vigil_keys_load(const gchar *directory, GError **error)
{
    const gchar *path = directory ? directory : VIGIL_KEYS_DEFAULT_DIR;
    g_autoptr(VigilKeys) self = g_new0(VigilKeys, 1);
    g_autoptr(GError) why = NULL;
    g_autoptr(GDir) dir = NULL;
    const gchar *name;

    vigil_crypto_init();
    self->keys = g_array_new(FALSE, FALSE, sizeof(Key));
    g_array_set_clear_func(self->keys, key_clear);
    dir = g_dir_open(path, 0, &why);
    if (g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return g_steal_pointer(&self);
    if (why) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO,
                    "cannot read the trusted keys in %s: %s", path, why->message);
        return NULL;
    }
    if (!check_mode(path, error))
        return NULL;
    while ((name = g_dir_read_name(dir))) {
        g_autofree gchar *file = g_build_filename(path, name, NULL);

        if (g_str_has_suffix(name, ".pub") && !load_key(self, file, name, error))
            return NULL;
    }
    return g_steal_pointer(&self);
}

void
vigil_keys_free(VigilKeys *self)
{
    if (!self)
        return;
    g_array_unref(self->keys);
    g_free(self);
}

guint
vigil_keys_get_n(const VigilKeys *self)
{
    return self ? self->keys->len : 0;
}

static const Key *
find(const VigilKeys *self, const gchar *id)
{
    for (guint i = 0; self && i < self->keys->len; i++) {
        const Key *key = &g_array_index(self->keys, Key, i);

        if (g_str_equal(key->id, id))
            return key;
    }
    return NULL;
}

const gchar *
vigil_keys_find_name(const VigilKeys *self, const gchar *id)
{
    const Key *key = find(self, id);

    return key ? key->name : NULL;
}

gboolean
vigil_keys_verify(const VigilKeys *self, const gchar *id, const gchar *domain, gconstpointer data,
                  gsize size, const guint8 signature[VIGIL_SIGNATURE_BYTES])
{
    const Key *key = find(self, id);
    guint8 digest[VIGIL_KEY_DIGEST_BYTES];

    if (!key)
        return FALSE;
    vigil_key_digest(domain, data, size, digest);
    return crypto_sign_verify_detached(signature, digest, sizeof digest, key->key) == 0;
}
