/* SPDX-License-Identifier: Apache-2.0 */
/* What stands around a model: archives, their header and the tar behind it, sums, signatures, keys, the state of slots. */
#include <string.h>

#include "models/vigil-key-private.h"
#include "models/vigil-model-store-private.h"
#include "models/vigil-package-seal-private.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* As an archive with any header, and as the payload of one that is what its header says. */
static void
unpack(const guint8 *data, gsize size)
{
    g_autoptr(GBytes) archive = g_bytes_new_static(data, size);
    VigilPackageFiles *files = vigil_archive_unpack(data, size, NULL);
    VigilArchiveHeader header;
    g_auto(VigilSealed) sealed = {0};

    g_clear_pointer(&files, vigil_package_files_unref);
    vigil_archive_header_parse(&header, data, size, NULL);
    vigil_archive_open(&sealed, archive, "fuzz.vigil", NULL, VIGIL_PACKAGE_ANY, NULL);
    if (size > VIGIL_ARCHIVE_HEADER) {
        g_autofree guint8 *whole = g_memdup2(data, size);
        g_autoptr(GBytes) right = NULL;
        g_auto(VigilSealed) again = {0};

        vigil_archive_header_write(whole, size - VIGIL_ARCHIVE_HEADER, NULL);
        right = g_bytes_new_static(whole, size);
        vigil_archive_open(&again, right, "fuzz.vigil", NULL, VIGIL_PACKAGE_ANY, NULL);
    }
}

static void
read_text(const gchar *text, gsize size)
{
    GArray *sums = vigil_package_sums_parse(text, size, NULL);
    g_auto(VigilModelState) state = {0};
    guint8 bytes[VIGIL_SIGNATURE_BYTES];
    VigilKeyId key;

    g_clear_pointer(&sums, g_array_unref);
    vigil_package_signature_parse(text, size, key, bytes);
    vigil_key_parse(text, size, VIGIL_KEY_PUBLIC_HEAD, bytes, VIGIL_KEY_BYTES);
    vigil_key_parse(text, size, VIGIL_KEY_SECRET_HEAD, bytes, VIGIL_KEY_SECRET_BYTES);
    if (vigil_model_state_parse(&state, text, size, NULL)) {
        g_autofree gchar *written = vigil_model_state_write(&state);
        g_auto(VigilModelState) again = {0};

        g_assert_true(vigil_model_state_parse(&again, written, strlen(written), NULL));
    }
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    vigil_crypto_init();
    unpack(data, size);
    read_text((const gchar *)data, size);
    return 0;
}
