/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-rebuild-private.h"

#include <errno.h>

G_DEFINE_QUARK(vigil_store_error_quark, vigil_store_error)

static VigilStoreError
code_from_errno(gint code)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT: return VIGIL_STORE_ERROR_FULL;
    case EROFS:
    case EACCES:
    case EPERM: return VIGIL_STORE_ERROR_READ_ONLY;
    case ENOENT: return VIGIL_STORE_ERROR_NOT_FOUND;
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case EINVAL:
    case ENAMETOOLONG: return VIGIL_STORE_ERROR_INVALID;
    default: return VIGIL_STORE_ERROR_IO;
    }
}

gboolean
vigil_store_set_errno(GError **error, gint code, const gchar *what, const gchar *path)
{
    code = ABS(code);
    g_set_error(error, VIGIL_STORE_ERROR, code_from_errno(code), "%s: %s: %s", path, what,
                g_strerror(code));
    return FALSE;
}

/* SQLite folds every failed system call into SQLITE_IOERR and keeps its errno apart. */
static VigilStoreError
code_from_ioerr(gint rc, gint system_errno)
{
    if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC)
        return VIGIL_STORE_ERROR_IO; /* whatever the cause, nobody knows what is on the disk now */
    if (rc == SQLITE_IOERR_SHMSIZE || system_errno == ENOSPC || system_errno == EDQUOT)
        return VIGIL_STORE_ERROR_FULL;
    if (system_errno == EROFS)
        return VIGIL_STORE_ERROR_READ_ONLY;
    return VIGIL_STORE_ERROR_IO;
}

static VigilStoreError
code_from_sqlite(gint rc, gint system_errno)
{
    switch (rc & 0xff) {
    case SQLITE_FULL: return VIGIL_STORE_ERROR_FULL;
    case SQLITE_IOERR: return code_from_ioerr(rc, system_errno);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN: return VIGIL_STORE_ERROR_READ_ONLY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return VIGIL_STORE_ERROR_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return VIGIL_STORE_ERROR_BUSY;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG: return VIGIL_STORE_ERROR_INVALID;
    default: return VIGIL_STORE_ERROR_IO;
    }
}

gboolean
vigil_store_set_sqlite(VigilStore *self, gint rc, const gchar *what, GError **error)
{
    return vigil_store_set_sqlite_of(self, self->db, rc, what, error);
}

gboolean
vigil_store_set_sqlite_of(VigilStore *self, sqlite3 *db, gint rc, const gchar *what, GError **error)
{
    const gint system_errno = db ? sqlite3_system_errno(db) : 0;
    VigilStoreError code = code_from_sqlite(rc, system_errno);

    /* what this version wrote itself does not fit the SQL that starts it: the schema's own text is damaged */
    if ((rc & 0xff) == SQLITE_ERROR && self->writer && self->current && !self->started)
        code = VIGIL_STORE_ERROR_CORRUPT;

    g_set_error(error, VIGIL_STORE_ERROR, code, "%s: %s: %s%s%s", self->database, what,
                sqlite3_errstr(rc), db ? ": " : "", db ? sqlite3_errmsg(db) : "");
    if (code == VIGIL_STORE_ERROR_IO && self->writer)
        vigil_store_fail(self);
    if (code == VIGIL_STORE_ERROR_CORRUPT && self->writer && self->started)
        vigil_store_note_damage(self);
    return FALSE;
}
