/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Databases that were damaged and set aside: what can still be read in them is as private as what is in the store. They are
 * kept for who wants to look into what happened, but not for ever: see vigil-set-aside.h.
 */
#include "storage/vigil-set-aside.h"
#include "storage/vigil-retention-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define MARK ".corrupt-"
#define TIME_LENGTH 16 /* 20260102T030405Z */
#define MAX_KEPT 3
#define MAX_AGE_US (30 * 86400 * (gint64)G_USEC_PER_SEC)

static const gchar *const parts[] = {"-wal", "-shm", "-journal"};

static void
entry_clear(gpointer data)
{
    g_free(((VigilSetAside *)data)->path);
}

/* The time behind the mark, or 0 when it is no name of ours: nothing else is ever deleted. */
static gint64
read_time(const gchar *text)
{
    static const gchar digits[] = "00000000T000000Z";
    gint value[6];

    for (guint i = 0; i < TIME_LENGTH; i++)
        if (digits[i] == '0' ? !g_ascii_isdigit(text[i]) : text[i] != digits[i])
            return 0;
    for (guint i = 0, at = 0; i < 6; i++) {
        const guint n = i == 0 ? 4 : 2;

        value[i] = 0;
        for (guint k = 0; k < n; k++)
            value[i] = 10 * value[i] + (text[at++] - '0');
        at += i == 2; /* the T */
    }
    g_autoptr(GDateTime) time =
        g_date_time_new_utc(value[0], value[1], value[2], value[3], value[4], value[5]);

    return time ? g_date_time_to_unix(time) * G_USEC_PER_SEC : 0;
}

/* "" or "-2" … "-99" behind the time, and nothing more. */
static gboolean
is_number(const gchar *text)
{
    return *text == '\0' || (*text == '-' && g_ascii_isdigit(text[1]) &&
                             (text[2] == '\0' || (g_ascii_isdigit(text[2]) && text[3] == '\0')));
}

static gint64
file_bytes(const gchar *path)
{
    struct stat info;

    return lstat(path, &info) == 0 && S_ISREG(info.st_mode) ? (gint64)info.st_size : 0;
}

static void
take_name(const VigilStore *self, const gchar *dir, const gchar *name, GArray *found)
{
    g_autofree gchar *base = g_path_get_basename(self->database);
    const gsize length = strlen(base);
    VigilSetAside entry = {0};

    if (strncmp(name, base, length) != 0 || !g_str_has_prefix(name + length, MARK))
        return;
    name += length + strlen(MARK);
    if (strlen(name) < TIME_LENGTH)
        return;
    entry.wall_us = read_time(name);
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
        if (g_str_has_suffix(name, parts[i]))
            entry.is_part = TRUE;
    if (!entry.wall_us || (!entry.is_part && !is_number(name + TIME_LENGTH)))
        return;
    entry.path = g_build_filename(dir, name - length - strlen(MARK), NULL);
    entry.bytes = file_bytes(entry.path);
    g_array_append_val(found, entry);
}

static gint
compare_newest_first(gconstpointer a, gconstpointer b)
{
    const VigilSetAside *left = a, *right = b;

    if (left->wall_us != right->wall_us)
        return left->wall_us < right->wall_us ? 1 : -1;
    return strcmp(left->path, right->path);
}

GArray *
vigil_set_aside_list(const VigilStore *self)
{
    GArray *found = g_array_new(FALSE, FALSE, sizeof(VigilSetAside));
    g_autofree gchar *folder = g_path_get_dirname(self->database);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const gchar *name;

    g_array_set_clear_func(found, entry_clear);
    while (dir && (name = g_dir_read_name(dir)))
        take_name(self, folder, name, found);
    g_array_sort(found, compare_newest_first);
    return found;
}

void
vigil_set_aside_look(VigilStore *self)
{
    GArray *found = vigil_set_aside_list(self);

    g_mutex_lock(&self->mutex);
    g_clear_pointer(&self->retention->set_aside, g_array_unref);
    self->retention->set_aside = found;
    g_mutex_unlock(&self->mutex);
}

gint64
vigil_set_aside_bytes(const VigilStore *self)
{
    const GArray *found = self->retention->set_aside;
    gint64 bytes = 0;

    for (guint i = 0; found && i < found->len; i++)
        bytes += g_array_index(found, VigilSetAside, i).bytes;
    return bytes;
}

/* Its pins are still asked for while a rebuild goes on. */
static gboolean
is_in_use(VigilStore *self, gboolean *in_use, GError **error)
{
    gint64 n;

    if (!vigil_store_read_int(self, "SELECT count(*) FROM rebuild WHERE ended_wall_us IS NULL", &n,
                              error))
        return FALSE;
    *in_use = n > 0;
    return TRUE;
}

static gboolean
remove_file(VigilStore *self, const VigilSetAside *entry, GError **error)
{
    const gint code = self->ops->unlink_at(AT_FDCWD, entry->path, 0);

    if (code == 0 || code == -ENOENT)
        return TRUE;
    return vigil_store_set_errno(error, code, "cannot remove the damaged database", entry->path);
}

static gboolean
is_due(VigilStore *self, const VigilSetAside *entry, guint n_newer)
{
    const gint64 now_us = vigil_store_clock_trusted(&self->clock);
    const gint64 max_age_us = self->max_age_us > 0 ? MIN(self->max_age_us, MAX_AGE_US) : MAX_AGE_US;

    return n_newer >= MAX_KEPT || entry->wall_us < now_us - max_age_us;
}

gboolean
vigil_set_aside_choose(VigilStore *self, gboolean for_space, gboolean *chosen, GError **error)
{
    GArray *found = self->retention->set_aside;
    guint n_newer = 0;
    gboolean in_use;

    *chosen = FALSE;
    if (!found || found->len == 0)
        return TRUE;
    if (!is_in_use(self, &in_use, error))
        return FALSE;
    for (guint i = 0; !in_use && i < found->len; i++) {
        VigilSetAside *entry = &g_array_index(found, VigilSetAside, i);
        const guint before = entry->is_part && n_newer > 0 ? n_newer - 1 : n_newer;

        /* what cannot be removed is no reason to keep all else as well */
        entry->is_chosen = !entry->is_stuck && (for_space || is_due(self, entry, before));
        *chosen = *chosen || entry->is_chosen;
        n_newer += !entry->is_part;
    }
    self->retention->set_aside_for_space = for_space;
    return TRUE;
}

static void
say_removed(const VigilStore *self, guint n, gboolean for_space)
{
    if (n > 0)
        g_message("%s: %u damaged databases that were set aside are deleted: %s", self->database, n,
                  for_space ? "space is wanted" : "they are old, or too many");
}

/* A round of one who looked before may have been ended by a purge, which takes all: then it is gone from the list. */
static void
note_removed(VigilStore *self, const gchar *path, gboolean gone)
{
    GArray *found = self->retention->set_aside;

    for (guint i = 0; found && i < found->len; i++) {
        VigilSetAside *entry = &g_array_index(found, VigilSetAside, i);

        if (!g_str_equal(entry->path, path))
            continue;
        entry->is_chosen = FALSE;
        entry->is_stuck = !gone;
        if (gone)
            g_array_remove_index(found, i);
        return;
    }
}

static VigilSetAside
take_chosen(VigilStore *self)
{
    const GArray *found = self->retention->set_aside;

    for (guint i = 0; found && i < found->len; i++) {
        VigilSetAside entry = g_array_index(found, VigilSetAside, i);

        if (!entry.is_chosen)
            continue;
        entry.path = g_strdup(entry.path);
        return entry;
    }
    return (VigilSetAside){0};
}

void
vigil_set_aside_remove_chosen(VigilStore *self)
{
    VigilSetAside entry;
    guint n_removed = 0;

    g_mutex_lock(&self->mutex);
    while ((entry = take_chosen(self)).path) {
        gboolean gone;

        g_mutex_unlock(&self->mutex);
        gone = remove_file(self, &entry, NULL);
        g_mutex_lock(&self->mutex);
        note_removed(self, entry.path, gone);
        n_removed += gone && !entry.is_part;
        g_free(entry.path);
    }
    say_removed(self, n_removed, self->retention->set_aside_for_space);
    g_mutex_unlock(&self->mutex);
}

gboolean
vigil_set_aside_remove_all(VigilStore *self, guint64 *n_removed, GError **error)
{
    g_autoptr(GArray) found = vigil_set_aside_list(self);

    for (guint i = 0; i < found->len; i++) {
        const VigilSetAside *entry = &g_array_index(found, VigilSetAside, i);

        if (!remove_file(self, entry, error))
            return FALSE;
        *n_removed += !entry->is_part;
    }
    g_clear_pointer(&self->retention->set_aside, g_array_unref);
    return TRUE;
}
