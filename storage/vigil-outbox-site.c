/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-outbox.h"
#include "storage/vigil-seal-private.h"
#include "storage/vigil-store-private.h"

#define ID_DIGITS 16

/* A key that is made later is added behind the first one, which stays. */
gchar *
vigil_outbox_get_installation(VigilStore *self)
{
    g_autofree gchar *path = vigil_seal_public_path(self), *text = NULL;
    g_autoptr(GByteArray) keys = NULL;
    gchar *id;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    keys = vigil_seal_public_parse(text);
    if (keys->len < VIGIL_SEAL_KEY_BYTES)
        return NULL;
    id = g_compute_checksum_for_data(G_CHECKSUM_SHA256, keys->data, VIGIL_SEAL_KEY_BYTES);
    id[ID_DIGITS] = '\0';
    return id;
}

gboolean
vigil_outbox_get_frame_size(VigilStore *self, const gchar *camera, gint *width, gint *height)
{
    gboolean found = FALSE;

    *width = *height = 0;
    g_mutex_lock(&self->mutex);
    if (self->db) {
        /* of many clips of other cameras no more are looked at than takes no time */
        g_auto(VigilStatement) statement = vigil_statement(
            self, "SELECT width, height FROM (SELECT camera_id, width, height FROM clips ORDER BY "
                  "id DESC LIMIT 1000) WHERE camera_id = (SELECT id FROM cameras WHERE name = "
                  ":camera) AND width > 0 AND height > 0 LIMIT 1");

        vigil_statement_text(&statement, ":camera", camera);
        found = vigil_statement_step(&statement, NULL);
        if (found) {
            *width = (gint)CLAMP(sqlite3_column_int64(statement.stmt, 0), 0, G_MAXINT);
            *height = (gint)CLAMP(sqlite3_column_int64(statement.stmt, 1), 0, G_MAXINT);
        }
    }
    g_mutex_unlock(&self->mutex);
    return found;
}
