/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that forgets: what a folder's sync has not made durable can be taken back, as a power cut does. The record is in memory
 * that child processes share.
 */
#include "tests/support/vigil-disk-model.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_CHANGES 256
#define MAX_FILES 128
#define LONGEST 512

typedef enum {
    CREATED,
    MADE,
    LINKED,
    REMOVED,
    REMOVED_FOLDER,
    RENAMED
} Kind;

typedef struct {
    Kind kind;
    gboolean durable, replaced;
    gchar folder[LONGEST], name[64], to[64];
} Change;

typedef struct {
    DiskFault fault;
    guint nth, count;
    gboolean honest;
    gchar saved[LONGEST];
    guint n_changes, n_files;
    Change changes[MAX_CHANGES];
    struct {
        ino_t inode;
        gboolean synced;
    } files[MAX_FILES];
} Record;

static Record *record;

void
disk_model_arm(DiskFault fault, guint nth, gboolean honest, const gchar *saved)
{
    if (!record)
        record =
            mmap(NULL, sizeof *record, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    g_assert(record != MAP_FAILED);
    memset(record, 0, sizeof *record);
    record->fault = fault;
    record->nth = nth;
    record->honest = honest;
    g_strlcpy(record->saved, saved, sizeof record->saved);
}

guint
disk_model_get_count(void)
{
    return record->count;
}

/* 0, or what the operation fails with; does not return when the process is to die */
static gint
step(gboolean needs_space)
{
    const guint count = ++record->count;

    switch (record->fault) {
    case DISK_DIE:
        if (count == record->nth)
            _exit(9);
        return 0;
    case DISK_EIO: return count == record->nth ? -EIO : 0;
    case DISK_DEAD: return count >= record->nth ? -EIO : 0;
    case DISK_ENOSPC: return count >= record->nth && needs_space ? -ENOSPC : 0;
    default: return 0;
    }
}

/* --- the record --- */

static void
path_of(gint fd, gchar path[LONGEST])
{
    g_autofree gchar *link = g_strdup_printf("/proc/self/fd/%d", fd);
    const gssize n = readlink(link, path, LONGEST - 1);

    g_assert_cmpint(n, >, 0);
    path[n] = '\0';
}

static gchar *
saved_path(const Change *change)
{
    return g_strdup_printf("%s/%u", record->saved, (guint)(change - record->changes));
}

/* Before the operation: what is there under @name is kept by another link. */
static Change *
begin(Kind kind, gint dir_fd, const gchar *name, const gchar *to)
{
    Change *change = &record->changes[record->n_changes];
    const gchar *const victim = kind == RENAMED ? to : name;
    g_autofree gchar *saved = saved_path(change);

    g_assert_cmpuint(record->n_changes, <, MAX_CHANGES);
    change->kind = kind;
    g_strlcpy(change->name, name, sizeof change->name);
    g_strlcpy(change->to, to ? to : "", sizeof change->to);
    path_of(dir_fd, change->folder);
    if (kind == REMOVED || kind == RENAMED)
        change->replaced = linkat(dir_fd, victim, AT_FDCWD, saved, 0) == 0;
    return change;
}

static gint
finish(gint code)
{
    if (code >= 0)
        record->n_changes++;
    return code;
}

static void
note_file(gint fd)
{
    struct stat info;

    g_assert_cmpint(fstat(fd, &info), ==, 0);
    g_assert_cmpuint(record->n_files, <, MAX_FILES);
    record->files[record->n_files].inode = info.st_ino;
    record->files[record->n_files++].synced = FALSE;
}

static void
note_sync(gint fd)
{
    struct stat info;
    gchar path[LONGEST];

    g_assert_cmpint(fstat(fd, &info), ==, 0);
    if (!record->honest)
        return;
    for (guint i = 0; i < record->n_files; i++)
        record->files[i].synced |= record->files[i].inode == info.st_ino;
    if (!S_ISDIR(info.st_mode))
        return;
    path_of(fd, path);
    for (guint i = 0; i < record->n_changes; i++)
        record->changes[i].durable |= g_str_equal(record->changes[i].folder, path);
}

/* --- the operations --- */

static gint
model_open_at(gint dir_fd, const gchar *name, gint flags, mode_t mode)
{
    gint code = step(TRUE);

    if (code)
        return code;
    begin(CREATED, dir_fd, name, NULL);
    code = finish(vigil_model_store_ops_system.open_at(dir_fd, name, flags, mode));
    if (code >= 0)
        note_file(code);
    return code;
}

static gint
model_mkdir_at(gint dir_fd, const gchar *name, mode_t mode)
{
    const gint code = step(TRUE);

    if (code)
        return code;
    begin(MADE, dir_fd, name, NULL);
    return finish(vigil_model_store_ops_system.mkdir_at(dir_fd, name, mode));
}

static gssize
model_write(gint fd, gconstpointer data, gsize length)
{
    gint code;

    /* half of it may be written when the process dies */
    if (record->fault == DISK_DIE && record->count + 1 == record->nth)
        vigil_model_store_ops_system.write(fd, data, length / 2);
    code = step(TRUE);
    return code ? code : vigil_model_store_ops_system.write(fd, data, length);
}

static gint
model_sync(gint fd)
{
    const gint code = step(FALSE);

    if (code == 0)
        note_sync(fd);
    return code;
}

static gint
model_unlink_at(gint dir_fd, const gchar *name, gint flags)
{
    const gint code = step(FALSE);

    if (code)
        return code;
    begin(flags & AT_REMOVEDIR ? REMOVED_FOLDER : REMOVED, dir_fd, name, NULL);
    return finish(vigil_model_store_ops_system.unlink_at(dir_fd, name, flags));
}

static gint
model_rename_at(gint dir_fd, const gchar *from, const gchar *to)
{
    const gint code = step(FALSE);

    if (code)
        return code;
    begin(RENAMED, dir_fd, from, to);
    return finish(vigil_model_store_ops_system.rename_at(dir_fd, from, to));
}

static gint
model_symlink_at(const gchar *target, gint dir_fd, const gchar *name)
{
    const gint code = step(TRUE);

    if (code)
        return code;
    begin(LINKED, dir_fd, name, NULL);
    return finish(vigil_model_store_ops_system.symlink_at(target, dir_fd, name));
}

const VigilModelStoreOps disk_model_ops = {
    .open_at = model_open_at,
    .mkdir_at = model_mkdir_at,
    .write = model_write,
    .sync = model_sync,
    .unlink_at = model_unlink_at,
    .rename_at = model_rename_at,
    .symlink_at = model_symlink_at,
};

/* --- the power cut --- */

guint
disk_model_get_n_loose(void)
{
    guint n = 0;

    for (guint i = 0; i < record->n_changes; i++)
        n += !record->changes[i].durable;
    return n;
}

static gint
empty_unsynced(const gchar *path, const struct stat *info, gint type, struct FTW *walk)
{
    for (guint i = 0; type == FTW_F && i < record->n_files; i++) {
        if (record->files[i].inode == info->st_ino && !record->files[i].synced)
            g_assert_cmpint(truncate(path, 0), ==, 0);
    }
    return 0;
}

static gint
remove_entry(const gchar *path, const struct stat *info, gint type, struct FTW *walk)
{
    return g_remove(path);
}

static void
undo(const Change *change)
{
    g_autofree gchar *name = g_build_filename(change->folder, change->name, NULL);
    g_autofree gchar *to = g_build_filename(change->folder, change->to, NULL);
    g_autofree gchar *saved = saved_path(change);

    switch (change->kind) {
    case CREATED:
    case LINKED: g_unlink(name); break;
    case MADE: nftw(name, remove_entry, 16, FTW_DEPTH | FTW_PHYS); break;
    case REMOVED_FOLDER: g_mkdir(name, 0755); break;
    case REMOVED: g_assert_cmpint(link(saved, name), ==, 0); break;
    case RENAMED:
        g_assert_cmpint(g_rename(to, name), ==, 0);
        if (change->replaced)
            g_assert_cmpint(link(saved, to), ==, 0);
        break;
    }
}

void
disk_model_cut(const gchar *root, guint lost)
{
    nftw(root, empty_unsynced, 16, FTW_PHYS);
    for (guint i = record->n_changes; i > 0 && lost > 0; i--) {
        if (record->changes[i - 1].durable)
            continue;
        undo(&record->changes[i - 1]);
        lost--;
    }
}
