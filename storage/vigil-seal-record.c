/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the chain as bytes: see vigil-seal.h. */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "storage/vigil-seal-private.h"

G_STATIC_ASSERT(VIGIL_SEAL_DIGEST_BYTES == crypto_generichash_BYTES);
G_STATIC_ASSERT(VIGIL_SEAL_SIGNATURE_BYTES == crypto_sign_BYTES);
G_STATIC_ASSERT(VIGIL_SEAL_KEY_BYTES == crypto_sign_PUBLICKEYBYTES);

#define MAGIC "VGLSEAL1"
#define MAGIC_BYTES 8
#define HEAD_BYTES 93
#define ITEM_HEAD_BYTES 3
#define ITEM_TAIL_BYTES (8 + VIGIL_SEAL_DIGEST_BYTES)
#define BLOCK_BYTES (256 * 1024)
#define PART_BYTES (1024 * 1024 * 1024)

struct VigilSealHash {
    crypto_generichash_state *state; /* by itself: it must lie on a multiple of 64 bytes */
};

static void
add_number(GByteArray *bytes, guint64 value, guint n)
{
    for (guint i = 0; i < n; i++) {
        const guint8 byte = (guint8)(value >> (8 * i));

        g_byte_array_append(bytes, &byte, 1);
    }
}

static guint64
get_number(const guint8 *bytes, guint n)
{
    guint64 value = 0;

    for (guint i = 0; i < n; i++)
        value |= (guint64)bytes[i] << (8 * i);
    return value;
}

VigilSealItems *
vigil_seal_items_new(void)
{
    VigilSealItems *self = g_new0(VigilSealItems, 1);

    self->bytes = g_byte_array_new();
    return self;
}

void
vigil_seal_items_free(VigilSealItems *self)
{
    if (!self)
        return;
    g_byte_array_unref(self->bytes);
    g_free(self);
}

void
vigil_seal_items_add(VigilSealItems *self, VigilSealItemType type, const gchar *name,
                     guint64 number, const guint8 *digest)
{
    static const guint8 zeros[VIGIL_SEAL_DIGEST_BYTES];
    const gsize length = MIN(strlen(name), G_MAXUINT16);

    add_number(self->bytes, type, 1);
    add_number(self->bytes, length, 2);
    g_byte_array_append(self->bytes, (const guint8 *)name, (guint)length);
    add_number(self->bytes, number, 8);
    g_byte_array_append(self->bytes, digest ? digest : zeros, VIGIL_SEAL_DIGEST_BYTES);
    self->n++;
}

GByteArray *
vigil_seal_record_write(const VigilSealRecord *record, const VigilSealItems *items)
{
    GByteArray *body = g_byte_array_new();

    g_byte_array_append(body, (const guint8 *)MAGIC, MAGIC_BYTES);
    add_number(body, record->kind, 1);
    add_number(body, record->seq, 8);
    g_byte_array_append(body, record->previous, VIGIL_SEAL_DIGEST_BYTES);
    add_number(body, (guint64)record->wall_us, 8);
    g_byte_array_append(body, record->key, VIGIL_SEAL_KEY_BYTES);
    add_number(body, items->n, 4);
    g_byte_array_append(body, items->bytes->data, items->bytes->len);
    return body;
}

static gboolean
is_of_checkpoint(VigilSealItemType type)
{
    return type >= VIGIL_SEAL_CLOSED && type <= VIGIL_SEAL_KEPT;
}

gboolean
vigil_seal_record_parse(VigilSealRecord *self, const guint8 *body, gsize length)
{
    VigilSealItem item;
    gsize offset = 0;
    guint32 n = 0;

    if (length < HEAD_BYTES || memcmp(body, MAGIC, MAGIC_BYTES) != 0 ||
        body[8] < VIGIL_SEAL_KIND_FIRST || body[8] > VIGIL_SEAL_KIND_CHECKPOINT)
        return FALSE;
    self->kind = body[8];
    self->seq = get_number(body + 9, 8);
    memcpy(self->previous, body + 17, VIGIL_SEAL_DIGEST_BYTES);
    self->wall_us = (gint64)get_number(body + 49, 8);
    memcpy(self->key, body + 57, VIGIL_SEAL_KEY_BYTES);
    self->n_items = (guint32)get_number(body + 89, 4);
    self->items = body + HEAD_BYTES;
    self->items_length = length - HEAD_BYTES;
    while (vigil_seal_record_next(self, &offset, &item)) {
        if (is_of_checkpoint(item.type) != (self->kind == VIGIL_SEAL_KIND_CHECKPOINT))
            return FALSE;
        n++;
    }
    return offset == self->items_length && n == self->n_items;
}

gboolean
vigil_seal_record_next(const VigilSealRecord *self, gsize *offset, VigilSealItem *item)
{
    const guint8 *at = self->items + *offset;
    const gsize left = self->items_length - *offset;

    if (left < ITEM_HEAD_BYTES + ITEM_TAIL_BYTES || at[0] < VIGIL_SEAL_CLIP ||
        at[0] > VIGIL_SEAL_CLIP_ROW)
        return FALSE;
    item->type = at[0];
    item->name_length = (gsize)get_number(at + 1, 2);
    if (left < ITEM_HEAD_BYTES + item->name_length + ITEM_TAIL_BYTES)
        return FALSE;
    item->name = (const gchar *)at + ITEM_HEAD_BYTES;
    if (!g_utf8_validate_len(item->name, item->name_length, NULL))
        return FALSE;
    at += ITEM_HEAD_BYTES + item->name_length;
    item->number = get_number(at, 8);
    item->digest = at + 8;
    *offset += ITEM_HEAD_BYTES + item->name_length + ITEM_TAIL_BYTES;
    return TRUE;
}

void
vigil_seal_digest(gconstpointer data, gsize length, guint8 digest[VIGIL_SEAL_DIGEST_BYTES])
{
    crypto_generichash(digest, VIGIL_SEAL_DIGEST_BYTES, data, length, NULL, 0);
}

void
vigil_seal_link(gconstpointer body, gsize length,
                const guint8 signature[VIGIL_SEAL_SIGNATURE_BYTES],
                guint8 link[VIGIL_SEAL_DIGEST_BYTES])
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, VIGIL_SEAL_DIGEST_BYTES);
    crypto_generichash_update(&state, body, length);
    crypto_generichash_update(&state, signature, VIGIL_SEAL_SIGNATURE_BYTES);
    crypto_generichash_final(&state, link, VIGIL_SEAL_DIGEST_BYTES);
}

gboolean
vigil_seal_check(const guint8 key[VIGIL_SEAL_KEY_BYTES], gconstpointer body, gsize length,
                 const guint8 signature[VIGIL_SEAL_SIGNATURE_BYTES])
{
    return crypto_sign_verify_detached(signature, body, length, key) == 0;
}

VigilSealHash *
vigil_seal_hash_new(void)
{
    VigilSealHash *self = g_new0(VigilSealHash, 1);

    self->state =
        g_aligned_alloc(1, sizeof(crypto_generichash_state), G_ALIGNOF(crypto_generichash_state));
    crypto_generichash_init(self->state, NULL, 0, VIGIL_SEAL_DIGEST_BYTES);
    return self;
}

void
vigil_seal_hash_add(VigilSealHash *self, gconstpointer data, gsize length)
{
    crypto_generichash_update(self->state, data, length);
}

void
vigil_seal_hash_get(const VigilSealHash *self, guint8 digest[VIGIL_SEAL_DIGEST_BYTES])
{
    crypto_generichash_state state;

    memcpy(&state, self->state, sizeof state);
    crypto_generichash_final(&state, digest, VIGIL_SEAL_DIGEST_BYTES);
}

void
vigil_seal_hash_free(VigilSealHash *self)
{
    if (!self)
        return;
    g_aligned_free(self->state);
    g_free(self);
}

gssize
vigil_seal_hash_read(VigilSealHash *self, gint fd, guint64 offset, gsize max)
{
    g_autofree guint8 *block = g_malloc(BLOCK_BYTES);
    gsize done = 0;

    while (done < max) {
        const gssize n = TEMP_FAILURE_RETRY(
            pread(fd, block, MIN(BLOCK_BYTES, max - done), (off_t)(offset + done)));

        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        vigil_seal_hash_add(self, block, (gsize)n);
        done += (gsize)n;
    }
    return (gssize)done;
}

gint
vigil_seal_hash_file(gint fd, guint8 digest[VIGIL_SEAL_DIGEST_BYTES], guint64 *bytes)
{
    g_autoptr(VigilSealHash) hash = vigil_seal_hash_new();
    gssize n;

    *bytes = 0;
    /* in parts: where addresses have 32 bits, a file may have more bytes than one number of them */
    while ((n = vigil_seal_hash_read(hash, fd, *bytes, PART_BYTES)) > 0)
        *bytes += (guint64)n;
    if (n < 0)
        return (gint)n;
    vigil_seal_hash_get(hash, digest);
    return 0;
}
