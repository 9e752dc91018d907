/* SPDX-License-Identifier: Apache-2.0 */
#include <sodium.h>
#include <string.h>

#include "models/vigil-key-private.h"
#include "models/vigil-model.h"
#include "models/vigil-package-seal-private.h"

#define SUMS_HEAD "vigil-package-sums 1\n"
#define SIGNATURE_HEAD "vigil-package-signature 1\nkey "
#define SIGNATURE_MIDDLE "\nsignature "
#define HASH_DIGITS 64

G_STATIC_ASSERT(sizeof(((VigilPackageSum *)NULL)->hash) == crypto_hash_sha256_BYTES);

static gboolean
is_seal(const gchar *name)
{
    return g_str_equal(name, VIGIL_PACKAGE_SUMS) || g_str_equal(name, VIGIL_PACKAGE_SIGNATURE);
}

/* Decimal digits without zeros before them, and few enough not to overflow. */
static gboolean
parse_size(const gchar **text, const gchar *end, guint64 *size)
{
    const gchar *at = *text;

    if (at < end && *at == '0' && at + 1 < end && g_ascii_isdigit(at[1]))
        return FALSE;
    for (*size = 0; at < end && g_ascii_isdigit(*at) && at - *text < 12; at++)
        *size = *size * 10 + (guint64)(*at - '0');
    if (at == *text)
        return FALSE;
    *text = at;
    return TRUE;
}

/* "HASH SIZE NAME"; @end is where its line end is. */
static gboolean
parse_line(const gchar *line, const gchar *end, VigilPackageSum *sum)
{
    gsize length;

    if (end - line < HASH_DIGITS + 4 || !vigil_hex_read(line, sum->hash, sizeof sum->hash) ||
        line[HASH_DIGITS] != ' ')
        return FALSE;
    line += HASH_DIGITS + 1;
    if (!parse_size(&line, end, &sum->size) || line >= end || *line != ' ')
        return FALSE;
    line++;
    length = (gsize)(end - line);
    if (length > VIGIL_PACKAGE_MAX_NAME || memchr(line, '\0', length))
        return FALSE;
    memcpy(sum->name, line, length);
    sum->name[length] = '\0';
    return vigil_package_files_is_name(sum->name) && !is_seal(sum->name);
}

static GArray *
refuse(VigilModelError code, GError **error, guint line, const gchar *why)
{
    g_set_error(error, VIGIL_MODEL_ERROR, code, "%s:%u: %s", VIGIL_PACKAGE_SUMS, line, why);
    return NULL;
}

GArray *
vigil_package_sums_parse(const gchar *text, gsize length, GError **error)
{
    g_autoptr(GArray) sums = g_array_new(FALSE, TRUE, sizeof(VigilPackageSum));
    const gchar *at = text + strlen(SUMS_HEAD), *const stop = text + length;
    guint64 total = 0;

    if (length < strlen(SUMS_HEAD) || memcmp(text, SUMS_HEAD, strlen(SUMS_HEAD)) != 0)
        return refuse(VIGIL_MODEL_ERROR_INVALID, error, 1,
                      "must begin with the line \"vigil-package-sums 1\"");
    while (at < stop) {
        const gchar *end = memchr(at, '\n', (gsize)(stop - at));
        VigilPackageSum sum = {0};

        if (!end || !parse_line(at, end, &sum))
            return refuse(VIGIL_MODEL_ERROR_INVALID, error, sums->len + 2,
                          "not a line of hash, size and name");
        if (sums->len > 0 &&
            strcmp(g_array_index(sums, VigilPackageSum, sums->len - 1).name, sum.name) >= 0)
            return refuse(VIGIL_MODEL_ERROR_INVALID, error, sums->len + 2,
                          "named twice, or not in the order of names");
        total += sum.size;
        /* two more are the seal itself */
        if (sums->len >= VIGIL_PACKAGE_MAX_FILES - 2)
            return refuse(VIGIL_MODEL_ERROR_TOO_LARGE, error, sums->len + 2,
                          "more than the 64 files that a package may have");
        if (total > VIGIL_PACKAGE_MAX_BYTES)
            return refuse(VIGIL_MODEL_ERROR_TOO_LARGE, error, sums->len + 2,
                          "more than the 128 MiB that a package may have");
        g_array_append_val(sums, sum);
        at = end + 1;
    }
    return g_steal_pointer(&sums);
}

GBytes *
vigil_package_sums_write(const VigilPackageFiles *files)
{
    GString *text = g_string_new(SUMS_HEAD);

    for (guint i = 0; i < vigil_package_files_get_n(files); i++) {
        const gchar *name = vigil_package_files_get_name(files, i);
        gsize size;
        const guint8 *data = g_bytes_get_data(vigil_package_files_get(files, name), &size);
        guint8 hash[crypto_hash_sha256_BYTES];
        gchar digits[HASH_DIGITS + 1];

        if (is_seal(name))
            continue;
        crypto_hash_sha256(hash, data, size);
        vigil_hex_write(hash, sizeof hash, digits);
        g_string_append_printf(text, "%s %" G_GSIZE_FORMAT " %s\n", digits, size, name);
    }
    return g_string_free_to_bytes(text);
}

gboolean
vigil_package_sum_check(const VigilPackageSum *self, GBytes *content, GError **error)
{
    gsize size;
    const guint8 *data = g_bytes_get_data(content, &size);
    guint8 hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(hash, data, size);
    if (size == self->size && memcmp(hash, self->hash, sizeof hash) == 0)
        return TRUE;
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNTRUSTED,
                "%s is not the file that %s lists: it was changed or damaged", self->name,
                VIGIL_PACKAGE_SUMS);
    return FALSE;
}

gboolean
vigil_package_signature_parse(const gchar *text, gsize length, VigilKeyId key,
                              guint8 signature[VIGIL_SIGNATURE_BYTES])
{
    const gsize key_at = strlen(SIGNATURE_HEAD), key_length = sizeof(VigilKeyId) - 1;
    const gsize middle_at = key_at + key_length, middle_length = strlen(SIGNATURE_MIDDLE);
    const gsize at = middle_at + middle_length;
    guint8 id[VIGIL_KEY_ID_BYTES];

    if (length != at + 2 * VIGIL_SIGNATURE_BYTES + 1 || memcmp(text, SIGNATURE_HEAD, key_at) != 0 ||
        !vigil_hex_read(text + key_at, id, sizeof id) ||
        memcmp(text + middle_at, SIGNATURE_MIDDLE, middle_length) != 0 ||
        !vigil_hex_read(text + at, signature, VIGIL_SIGNATURE_BYTES) || text[length - 1] != '\n')
        return FALSE;
    vigil_hex_write(id, sizeof id, key);
    return TRUE;
}

gboolean
vigil_package_seal(VigilPackageFiles *files, const VigilSecretKey *key, GError **error)
{
    g_autoptr(GBytes) sums = NULL;
    g_autoptr(GBytes) signature = NULL;
    guint8 bytes[VIGIL_SIGNATURE_BYTES];
    gchar digits[2 * VIGIL_SIGNATURE_BYTES + 1];
    gchar *text;

    vigil_crypto_init();
    sums = vigil_package_sums_write(files);
    if (!vigil_package_files_replace(files, VIGIL_PACKAGE_SUMS, sums, error))
        return FALSE;
    if (!key)
        return TRUE;
    vigil_secret_key_sign(key, VIGIL_PACKAGE_SUMS, g_bytes_get_data(sums, NULL),
                          g_bytes_get_size(sums), bytes);
    vigil_hex_write(bytes, sizeof bytes, digits);
    text = g_strconcat(SIGNATURE_HEAD, vigil_secret_key_get_id(key), SIGNATURE_MIDDLE, digits, "\n",
                       NULL);
    signature = g_bytes_new_take(text, strlen(text));
    return vigil_package_files_replace(files, VIGIL_PACKAGE_SIGNATURE, signature, error);
}
