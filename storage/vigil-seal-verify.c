/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking the chain, and rows and files against it. The chain and the rows are read in one transaction, so that a writer
 * beside changes nothing in between; clips are read afterwards, and one that does not fit is looked up again, as it may have
 * been deleted meanwhile.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "storage/vigil-clip-parts.h"
#include "storage/vigil-seal-verify-private.h"

static void
sealed_event_free(gpointer data)
{
    g_free(((VigilVerifyEvent *)data)->clip);
    g_free(data);
}

void
vigil_verify_report(VigilVerify *self, const gchar *format, ...)
{
    va_list args;
    g_autofree gchar *text = NULL;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    self->n_found++;
    if (self->func)
        self->func(text, FALSE, self->user_data);
}

static gboolean
read_rows(VigilVerify *self, GError **error)
{
    gboolean ok;

    if (!vigil_store_exec(self->store, "BEGIN", error))
        return FALSE;
    ok = vigil_verify_chain(self, error) && vigil_verify_rows(self, error);
    sqlite3_exec(self->store->db, "ROLLBACK", NULL, NULL, NULL); /* nothing was written */
    return ok;
}

/* --- files --- */

static gboolean
has_row(VigilStore *store, gint64 id, gboolean *has, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(store, "SELECT 1 FROM clips WHERE id = :id");

    vigil_statement_int(&find, ":id", id);
    *has = vigil_statement_step(&find, &local);
    return vigil_seal_take_error(&local, error);
}

/* (transfer full) (nullable): what is wrong with the file. */
static gchar *
examine_file(VigilVerify *self, const gchar *path, const VigilVerifyClip *clip)
{
    guint8 digest[VIGIL_SEAL_DIGEST_BYTES];
    guint64 bytes;
    const gint fd = vigil_clip_folder_open(self->store, path);
    gint code;

    if (fd == -ENOENT)
        return g_strdup_printf("clip %s: its file is missing", path);
    code = fd < 0 ? fd : vigil_seal_hash_file(fd, digest, &bytes);
    if (fd >= 0)
        close(fd);
    if (code < 0)
        return g_strdup_printf("clip %s: it cannot be read: %s", path, g_strerror(-code));
    if (bytes != clip->bytes)
        return g_strdup_printf("clip %s: it was sealed with %" G_GUINT64_FORMAT
                               " bytes and has %" G_GUINT64_FORMAT " now",
                               path, clip->bytes, bytes);
    if (memcmp(digest, clip->digest, sizeof digest) != 0)
        return g_strdup_printf("clip %s: its content was altered after it was sealed", path);
    return NULL;
}

static gboolean
check_clips(VigilVerify *self, GError **error)
{
    GHashTableIter iter;
    gpointer path, value;

    if (self->store->clips_fd < 0)
        return TRUE;
    g_hash_table_iter_init(&iter, self->clips);
    while (g_hash_table_iter_next(&iter, &path, &value)) {
        const VigilVerifyClip *clip = value;
        g_autofree gchar *finding = NULL;
        gboolean there;

        if (!clip->row_id)
            continue;
        self->summary->n_clips++;
        finding = examine_file(self, path, clip);
        if (!finding)
            continue;
        if (!has_row(self->store, clip->row_id, &there, error))
            return FALSE;
        if (there)
            vigil_verify_report(self, "%s", finding);
    }
    return TRUE;
}

/* --- */

/* (transfer full) (nullable) */
static GByteArray *
read_keys(VigilStore *self, const gchar *public_keys, GError **error)
{
    g_autofree gchar *path = vigil_seal_public_path(self), *text = NULL;
    g_autoptr(GByteArray) keys = NULL;

    if (!public_keys && g_file_get_contents(path, &text, NULL, NULL))
        public_keys = text;
    keys = vigil_seal_public_parse(public_keys ? public_keys : "");
    if (keys->len > 0)
        return g_steal_pointer(&keys);
    g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                "%s: no public key to check seals with", text || !public_keys ? path : "given");
    return NULL;
}

/* DIGEST or DIGEST:NUMBER. @seq: (out): 0: none */
static gchar *
split_head(const gchar *head, guint64 *seq)
{
    const gchar *colon = head ? strchr(head, ':') : NULL;

    *seq = colon ? g_ascii_strtoull(colon + 1, NULL, 10) : 0;
    return colon ? g_strndup(head, (gsize)(colon - head)) : g_strdup(head);
}

gboolean
vigil_store_verify(VigilStore *self, const gchar *public_keys, const gchar *head,
                   VigilFsckFunc func, gpointer user_data, VigilSealSummary *summary,
                   guint *n_found, GError **error)
{
    g_autoptr(GByteArray) keys = read_keys(self, public_keys, error);
    g_autoptr(GHashTable) clips = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GHashTable) events =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, sealed_event_free);
    g_autoptr(GHashTable) parts =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref);
    VigilVerify verify = {.store = self,
                          .keys = keys,
                          .func = func,
                          .user_data = user_data,
                          .summary = summary,
                          .clips = clips,
                          .events = events,
                          .parts = parts};
    g_autofree gchar *digest = split_head(head, &verify.head_seq);
    gboolean ok;

    *summary = (VigilSealSummary){0};
    *n_found = 0;
    if (!keys)
        return FALSE;
    verify.head = digest;
    g_mutex_lock(&self->mutex);
    ok = self->db || vigil_store_check_writable(self, error);
    if (ok && self->schema < VIGIL_SEAL_SCHEMA) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                    "%s: it is older than seals; open it once for writing", self->database);
        ok = FALSE;
    }
    ok = ok && read_rows(&verify, error) && check_clips(&verify, error);
    g_mutex_unlock(&self->mutex);
    *n_found = verify.n_found;
    return ok;
}
