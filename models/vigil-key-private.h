/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-key.h"

G_BEGIN_DECLS

#define VIGIL_KEY_PUBLIC_HEAD "vigil-public-key 1\n"
#define VIGIL_KEY_SECRET_HEAD "vigil-secret-key 1\n"
/** Most bytes of a key's file. */
#define VIGIL_KEY_MAX_FILE 4096

/** vigil_crypto_init: libsodium is ready; aborts when the system has no random numbers. Any thread. */
void vigil_crypto_init(void);

/** vigil_hex_read: exactly @n bytes from 2 @n lower-case digits; nothing is said about what follows them. */
gboolean vigil_hex_read(const gchar *text, guint8 *bytes, gsize n);
/** vigil_hex_write: 2 @n digits and a NUL. */
void vigil_hex_write(const guint8 *bytes, gsize n, gchar *text);

/** vigil_key_make_id: of a public key. */
void vigil_key_make_id(const guint8 key[VIGIL_KEY_BYTES], VigilKeyId id);

/** vigil_key_parse: the text of a key's file with this first line. */
gboolean vigil_key_parse(const gchar *text, gsize length, const gchar *head, guint8 *key, gsize n);

/** vigil_key_digest: what is really signed: BLAKE2b of the domain, a NUL and the data. */
#define VIGIL_KEY_DIGEST_BYTES 64
void vigil_key_digest(const gchar *domain, gconstpointer data, gsize size,
                      guint8 digest[VIGIL_KEY_DIGEST_BYTES]);

G_END_DECLS
