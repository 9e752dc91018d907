/* SPDX-License-Identifier: Apache-2.0 */
/* The N-th operation on the disk fails, the store's own and SQLite's, counted together; or the N-th allocation of SQLite's. */
#include "tests/storage/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

static struct {
    FaultKind kind;
    guint nth, count;
    gboolean sticky, sync_failed;
    guint syncs_after;
    gchar trace[4096];
} armed;

void
faults_arm(FaultKind kind, guint nth, gboolean sticky)
{
    memset(&armed, 0, sizeof armed);
    armed.kind = kind;
    armed.nth = nth;
    armed.sticky = sticky;
}

guint
faults_get_count(void)
{
    return armed.count;
}

guint
faults_get_syncs_after(void)
{
    return armed.syncs_after;
}

const gchar *
faults_get_trace(void)
{
    return armed.trace;
}

static gboolean
is_due(void)
{
    return armed.sticky ? armed.count >= armed.nth : armed.count == armed.nth;
}

/* Returns 0 or the errno that the operation shall fail with. */
static gint
step(gchar letter)
{
    const gboolean is_sync = letter == 's' || letter == 'S';

    if (armed.kind == FAULT_NO_MEMORY)
        return 0;
    if (armed.count < sizeof armed.trace - 1)
        armed.trace[armed.count] = letter;
    armed.count++;
    if (is_sync && armed.sync_failed)
        armed.syncs_after++;
    if (armed.kind == FAULT_NONE || !is_due())
        return 0;
    if (armed.kind == FAULT_DIE)
        _exit(9);
    armed.sync_failed |= is_sync;
    return armed.kind == FAULT_EIO ? EIO : ENOSPC;
}

/* --- the store's own --- */

static gint
fault_open_at(gint dir_fd, const gchar *name, gint flags, mode_t mode)
{
    const gint code = flags & O_CREAT ? step('o') : 0;

    return code ? -code : vigil_file_ops_system.open_at(dir_fd, name, flags, mode);
}

static gint
fault_mkdir_at(gint dir_fd, const gchar *name, mode_t mode)
{
    const gint code = step('m');

    return code ? -code : vigil_file_ops_system.mkdir_at(dir_fd, name, mode);
}

static gssize
fault_write_at(gint fd, gconstpointer data, gsize length, gint64 offset)
{
    const gint code = step('w');

    if (!code)
        return vigil_file_ops_system.write_at(fd, data, length, offset);
    /* what fails may have been written in part */
    vigil_file_ops_system.write_at(fd, data, length / 2, offset);
    return -code;
}

static gint
fault_truncate(gint fd, gint64 length)
{
    const gint code = step('t');

    return code ? -code : vigil_file_ops_system.truncate(fd, length);
}

static gint
fault_sync(gint fd)
{
    const gint code = step('s');

    return code ? -code : vigil_file_ops_system.sync(fd);
}

static gint
fault_unlink_at(gint dir_fd, const gchar *name, gint flags)
{
    const gint code = step('u');

    return code ? -code : vigil_file_ops_system.unlink_at(dir_fd, name, flags);
}

static gint
fault_rename_at(gint from_fd, const gchar *from, gint to_fd, const gchar *to)
{
    const gint code = step('r');

    return code ? -code : vigil_file_ops_system.rename_at(from_fd, from, to_fd, to);
}

static gint64
fault_free_bytes(gint fd)
{
    return vigil_file_ops_system.free_bytes(fd);
}

const VigilFileOps faults_file_ops = {
    .open_at = fault_open_at,
    .mkdir_at = fault_mkdir_at,
    .write_at = fault_write_at,
    .truncate = fault_truncate,
    .sync = fault_sync,
    .unlink_at = fault_unlink_at,
    .rename_at = fault_rename_at,
    .free_bytes = fault_free_bytes,
};

/* --- SQLite's: a VFS around the ordinary one --- */

typedef struct {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct */
} FaultFile;

static sqlite3_vfs fault_vfs;

#define REAL(file) (((FaultFile *)(file))->real)
#define PASS(file, method, ...) REAL(file)->pMethods->method(REAL(file), ##__VA_ARGS__)

static gint
vfs_close(sqlite3_file *file)
{
    return REAL(file)->pMethods ? PASS(file, xClose) : SQLITE_OK;
}

static gint
vfs_read(sqlite3_file *file, void *data, int length, sqlite3_int64 offset)
{
    return PASS(file, xRead, data, length, offset);
}

static gint
vfs_write(sqlite3_file *file, const void *data, int length, sqlite3_int64 offset)
{
    const gint code = step('W');

    if (!code)
        return PASS(file, xWrite, data, length, offset);
    return code == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static gint
vfs_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return step('T') ? SQLITE_IOERR_TRUNCATE : PASS(file, xTruncate, size);
}

static gint
vfs_sync(sqlite3_file *file, int flags)
{
    return step('S') ? SQLITE_IOERR_FSYNC : PASS(file, xSync, flags);
}

static gint
vfs_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return PASS(file, xFileSize, size);
}

static gint
vfs_lock(sqlite3_file *file, int level)
{
    return PASS(file, xLock, level);
}

static gint
vfs_unlock(sqlite3_file *file, int level)
{
    return PASS(file, xUnlock, level);
}

static gint
vfs_check_lock(sqlite3_file *file, int *out)
{
    return PASS(file, xCheckReservedLock, out);
}

static gint
vfs_control(sqlite3_file *file, int op, void *arg)
{
    return PASS(file, xFileControl, op, arg);
}

static gint
vfs_sector_size(sqlite3_file *file)
{
    return PASS(file, xSectorSize);
}

static gint
vfs_characteristics(sqlite3_file *file)
{
    return PASS(file, xDeviceCharacteristics);
}

static gint
vfs_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return PASS(file, xShmMap, page, size, extend, out);
}

static gint
vfs_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return PASS(file, xShmLock, offset, n, flags);
}

static void
vfs_shm_barrier(sqlite3_file *file)
{
    PASS(file, xShmBarrier);
}

static gint
vfs_shm_unmap(sqlite3_file *file, int remove)
{
    return PASS(file, xShmUnmap, remove);
}

static const sqlite3_io_methods fault_methods = {
    .iVersion = 2,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_file_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_check_lock,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector_size,
    .xDeviceCharacteristics = vfs_characteristics,
    .xShmMap = vfs_shm_map,
    .xShmLock = vfs_shm_lock,
    .xShmBarrier = vfs_shm_barrier,
    .xShmUnmap = vfs_shm_unmap,
};

static sqlite3_vfs *
real_vfs(void)
{
    return fault_vfs.pAppData;
}

static gint
vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    FaultFile *self = (FaultFile *)file;
    gint rc;

    self->real = (sqlite3_file *)(self + 1);
    rc = real_vfs()->xOpen(real_vfs(), name, self->real, flags, out_flags);
    self->base.pMethods = self->real->pMethods ? &fault_methods : NULL;
    return rc;
}

static gint
vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    return step('D') ? SQLITE_IOERR_DELETE : real_vfs()->xDelete(real_vfs(), name, sync_dir);
}

/* --- SQLite's memory; GLib's own allocations end the process when they fail, as it is made, which is FAULT_DIE --- */

static sqlite3_mem_methods real_memory;

static gboolean
is_out_of_memory(void)
{
    if (armed.kind != FAULT_NO_MEMORY)
        return FALSE;
    armed.count++;
    return is_due();
}

static void *
fault_malloc(int size)
{
    return is_out_of_memory() ? NULL : real_memory.xMalloc(size);
}

static void *
fault_realloc(void *memory, int size)
{
    return is_out_of_memory() ? NULL : real_memory.xRealloc(memory, size);
}

static void
install_memory(void)
{
    sqlite3_mem_methods methods;

    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
    methods = real_memory;
    methods.xMalloc = fault_malloc;
    methods.xRealloc = fault_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

void
faults_install(void)
{
    sqlite3_vfs *real;

    if (fault_vfs.pAppData)
        return;
    /* only before SQLite's first use */
    install_memory();
    real = sqlite3_vfs_find(NULL);
    fault_vfs = *real;
    fault_vfs.zName = "fault";
    fault_vfs.szOsFile = (gint)sizeof(FaultFile) + real->szOsFile;
    fault_vfs.pAppData = real;
    fault_vfs.xOpen = vfs_open;
    fault_vfs.xDelete = vfs_delete;
    sqlite3_vfs_register(&fault_vfs, 1);
}
