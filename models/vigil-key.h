/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Where the keys lie whose packages are taken, unless another directory is named. */
#define VIGIL_KEYS_DEFAULT_DIR "/etc/vigil/keys"

/** Sizes of Ed25519 (RFC 8032), and of what a key is called by: the first bytes of the SHA-256 of the public key. */
#define VIGIL_KEY_BYTES 32
#define VIGIL_KEY_SECRET_BYTES 64
#define VIGIL_KEY_ID_BYTES 8
#define VIGIL_SIGNATURE_BYTES 64

/** VigilKeyId: a key's id as text: 16 lower-case hexadecimal digits; "" for none. */
typedef gchar VigilKeyId[2 * VIGIL_KEY_ID_BYTES + 1];

/**
 * VigilKeys:
 *
 * Public keys that are trusted: the files `*.pub` of a directory, each a line "vigil-public-key 1" and a line with the key in
 * hexadecimal digits; more lines are comments that begin with "#". %NULL is a set without keys.
 */
typedef struct VigilKeys VigilKeys;

/**
 * vigil_keys_load:
 * @directory: (nullable): %NULL: %VIGIL_KEYS_DEFAULT_DIR; one that is not there holds no keys
 *
 * Errors: %VIGIL_MODEL_ERROR_UNTRUSTED when others than its owner's group may write into the directory or to a key, or
 * when a file is no key; %VIGIL_MODEL_ERROR_IO
 */
VigilKeys *vigil_keys_load(const gchar *directory, GError **error);
void vigil_keys_free(VigilKeys *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilKeys, vigil_keys_free)
guint vigil_keys_get_n(const VigilKeys *self);

/** vigil_keys_find_name: (nullable): base name of the file with the key of this id; borrowed. */
const gchar *vigil_keys_find_name(const VigilKeys *self, const gchar *id);

/**
 * vigil_keys_verify:
 * @id: whose signature it is said to be; must be among the keys
 * @domain: what kind of thing was signed, so that a signature of one kind is none of another
 *
 * Returns: whether @signature is that key's over @domain and @data
 */
gboolean
vigil_keys_verify(const VigilKeys *self, const gchar *id, const gchar *domain, gconstpointer data,
                  gsize size, const guint8 signature[VIGIL_SIGNATURE_BYTES]);

/**
 * VigilSecretKey:
 *
 * What signs. Its file has the line "vigil-secret-key 1" and one with the key in hexadecimal digits, mode 0600.
 */
typedef struct VigilSecretKey VigilSecretKey;

/**
 * vigil_secret_key_create:
 * @path: of the secret key; the public one becomes @path with ".pub" behind; neither may be there
 *
 * Errors: %VIGIL_MODEL_ERROR_IO
 */
VigilSecretKey *vigil_secret_key_create(const gchar *path, GError **error);

/** vigil_secret_key_load: Errors: %VIGIL_MODEL_ERROR_UNTRUSTED when others may read it; %VIGIL_MODEL_ERROR_INVALID, %VIGIL_MODEL_ERROR_IO. */
VigilSecretKey *vigil_secret_key_load(const gchar *path, GError **error);

/** vigil_secret_key_free: wipes it from memory. */
void vigil_secret_key_free(VigilSecretKey *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilSecretKey, vigil_secret_key_free)

/** vigil_secret_key_get_id: borrowed. */
const gchar *vigil_secret_key_get_id(const VigilSecretKey *self);

/** vigil_secret_key_sign: see vigil_keys_verify(). */
void vigil_secret_key_sign(const VigilSecretKey *self, const gchar *domain, gconstpointer data,
                           gsize size, guint8 signature[VIGIL_SIGNATURE_BYTES]);

G_END_DECLS
