/* SPDX-License-Identifier: Apache-2.0 */
/* Which clips there are, and what they say of their events. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "storage/vigil-clip-span.h"
#include "storage/vigil-rebuild-private.h"

/* Of one clip: more is no clip of ours. */
#define MAX_EVENTS 4096
#define MAX_EVENT_BYTES (64 * 1024 * 1024)
/* Names in all notes of a clip; they are interned, and thus stay. */
#define MAX_NAME_BYTES (16 * 1024 * 1024)

void
vigil_rebuild_free(VigilRebuild *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->days);
    g_ptr_array_unref(self->paths);
    g_clear_pointer(&self->pins, g_hash_table_unref);
    g_free(self);
}

/* --- which files there are ----------------------------------------------------------------------------------- */

static gint
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const gchar *const *)a, *(const gchar *const *)b);
}

/* That there is nothing of ours is known, other than by a card that cannot be read, or without the rights to. */
static gboolean
is_nothing(gint code)
{
    return code == -ENOENT || code == -ENOTDIR || code == -ELOOP || code == -EINVAL;
}

/* Returns: 0 or -errno. @names: (element-type utf8): paths relative to the folder of clips */
static gint
read_folder(VigilStore *self, const gchar *path, GPtrArray *names)
{
    const gint fd =
        *path ? vigil_clip_folder_open_dir(self, path, FALSE)
              : self->ops->open_at(self->clips_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    gint code = fd < 0 ? fd : dir ? 0 : -errno;

    if (!dir && fd >= 0)
        close(fd);
    while (dir) {
        const struct dirent *entry;

        errno = 0;
        entry = readdir(dir);
        if (!entry) {
            code = -errno;
            break;
        }
        if (entry->d_name[0] != '.')
            g_ptr_array_add(names, *path ? g_strdup_printf("%s/%s", path, entry->d_name)
                                         : g_strdup(entry->d_name));
    }
    if (dir)
        closedir(dir);
    return code;
}

/* (element-type utf8): what a folder holds, sorted; as much as can be read. */
static GPtrArray *
list_folder(VigilStore *self, const gchar *path, guint *n_unreadable)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    const gint code = read_folder(self, path, names);

    if (code < 0 && !is_nothing(code)) {
        g_message("%s/%s: cannot be read: %s", self->clips, path, g_strerror(-code));
        (*n_unreadable)++;
    }
    g_ptr_array_sort(names, compare_names);
    return names;
}

static gboolean
is_number(const gchar *path, gsize digits)
{
    const gchar *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

    return strlen(name) == digits && strspn(name, "0123456789") == digits;
}

/* Years, months, days: @depth of them below @path. */
static void
add_days(VigilStore *self, VigilRebuild *rebuild, const gchar *path, guint depth)
{
    g_autoptr(GPtrArray) names = list_folder(self, path, &rebuild->n_unreadable);

    for (guint i = 0; i < names->len; i++) {
        const gchar *name = names->pdata[i];

        if (!is_number(name, depth == 0 ? 4 : 2))
            continue;
        if (depth == 2)
            g_ptr_array_add(rebuild->days, g_strdup(name));
        else
            add_days(self, rebuild, name, depth + 1);
    }
}

/*
 * By when they began, of all cameras: clips are named by their first event, whose id begins with its time. A second file
 * of the same event, ID-2.mp4, is newer than ID.mp4, and ID-10.mp4 than both.
 */
static gint
compare_clips(gconstpointer a, gconstpointer b)
{
    const gchar *left = *(const gchar *const *)a, *right = *(const gchar *const *)b;
    const gchar *left_name = strrchr(left, '/'), *right_name = strrchr(right, '/');
    const gsize length = MAX(strcspn(left_name, "-."), strcspn(right_name, "-."));
    gint order = strncmp(left_name, right_name, length);

    if (order == 0 && strlen(left_name) != strlen(right_name))
        order = strlen(left_name) < strlen(right_name) ? -1 : 1;
    if (order == 0)
        order = strcmp(left_name, right_name);
    return order ? order : strcmp(left, right);
}

static GPtrArray *
list_day(VigilStore *self, const gchar *day, guint *n_unreadable)
{
    g_autoptr(GPtrArray) cameras = list_folder(self, day, n_unreadable);
    GPtrArray *clips = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < cameras->len; i++) {
        g_autoptr(GPtrArray) files = list_folder(self, cameras->pdata[i], n_unreadable);

        for (guint k = 0; k < files->len; k++)
            if (vigil_clip_folder_is_clip(files->pdata[k]))
                g_ptr_array_add(clips, g_strdup(files->pdata[k]));
    }
    g_ptr_array_sort(clips, compare_clips);
    return clips;
}

VigilRebuild *
vigil_rebuild_new(VigilStore *store)
{
    VigilRebuild *self = g_new0(VigilRebuild, 1);

    self->days = g_ptr_array_new_with_free_func(g_free);
    self->paths = g_ptr_array_new_with_free_func(g_free);
    add_days(store, self, "", 0);
    return self;
}

gchar *
vigil_rebuild_next_path(VigilStore *store, VigilRebuild *self)
{
    while (self->paths->len == 0 && self->days->len > 0) {
        g_autofree gchar *day = g_ptr_array_steal_index(self->days, self->days->len - 1);

        g_ptr_array_unref(self->paths);
        self->paths = list_day(store, day, &self->n_unreadable);
    }
    return self->paths->len ? g_ptr_array_steal_index(self->paths, self->paths->len - 1) : NULL;
}

gboolean
vigil_rebuild_has_clips(VigilStore *self, gboolean *has, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const gint code = read_folder(self, "", names);
    VigilRebuild *rebuild;
    g_autofree gchar *path = NULL;

    if (code < 0)
        return vigil_store_set_errno(error, code, "cannot look for clips", self->clips);
    rebuild = vigil_rebuild_new(self);
    path = vigil_rebuild_next_path(self, rebuild);
    *has = path != NULL || rebuild->n_unreadable > 0;
    vigil_rebuild_free(rebuild);
    return TRUE;
}

/* --- what a file says ---------------------------------------------------------------------------------------- */

static void
found_event_clear(gpointer data)
{
    g_clear_pointer(&((VigilFoundEvent *)data)->last, vigil_event_unref);
}

void
vigil_found_clip_free(gpointer data)
{
    VigilFoundClip *self = data;

    g_free(self->path);
    g_array_unref(self->events);
    g_free(self);
}

static gsize
size_of_event(const VigilEvent *event)
{
    return 1024 + (event->path ? event->path->len * sizeof(VigilPathPoint) : 0) +
           (event->snapshot ? g_bytes_get_size(event->snapshot) : 0);
}

static gsize
size_of_names(const VigilEvent *event)
{
    const gchar *const *const lists[] = {(const gchar *const *)event->zones,
                                         (const gchar *const *)event->lines};
    gsize bytes = strlen(event->camera) + strlen(event->rule) + strlen(event->label);

    if (event->model.sha256)
        bytes += strlen(event->model.name) + strlen(event->model.sha256);
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
        for (guint k = 0; lists[i] && lists[i][k]; k++)
            bytes += strlen(lists[i][k]);
    return bytes;
}

static VigilFoundEvent *
find_event(VigilFoundClip *clip, const gchar *id)
{
    for (guint i = clip->events->len; i > 0; i--) {
        VigilFoundEvent *found = &g_array_index(clip->events, VigilFoundEvent, i - 1);

        if (g_str_equal(found->last->id, id))
            return found;
    }
    return NULL;
}

/* A file of ours says so once. */
static gboolean
take_footage(VigilFoundClip *clip, const VigilClipNote *note)
{
    clip->name_bytes += strlen(note->camera);
    if (clip->camera || clip->name_bytes > MAX_NAME_BYTES)
        return FALSE;
    clip->camera = note->camera;
    clip->start_wall_us = note->start_wall_us;
    return TRUE;
}

static gboolean
on_note(const VigilClipNote *note, gpointer user_data)
{
    VigilFoundClip *clip = user_data;
    VigilFoundEvent *known, found;

    if (note->kind == VIGIL_CLIP_NOTE_CLOSED)
        clip->info = note->info;
    if (note->kind == VIGIL_CLIP_NOTE_FOOTAGE)
        return take_footage(clip, note);
    if (note->kind != VIGIL_CLIP_NOTE_EVENT)
        return TRUE;
    known = find_event(clip, note->event->id);
    clip->name_bytes += size_of_names(note->event);
    clip->bytes += size_of_event(note->event);
    clip->bytes -= known ? size_of_event(known->last) : 0;
    if (clip->bytes > MAX_EVENT_BYTES || clip->name_bytes > MAX_NAME_BYTES ||
        (!known && clip->events->len == MAX_EVENTS))
        return FALSE;
    found = (VigilFoundEvent){vigil_event_ref(note->event), note->written_wall_us, note->part};
    if (known) {
        found_event_clear(known);
        *known = found;
    } else {
        g_array_append_val(clip->events, found);
    }
    return TRUE;
}

VigilFoundClip *
vigil_found_clip_read(VigilStore *self, const gchar *path)
{
    VigilFoundClip *clip = g_new0(VigilFoundClip, 1);
    const gint fd = vigil_clip_folder_open(self, path);
    gint code = fd;

    clip->path = g_strdup(path);
    clip->events = g_array_new(FALSE, FALSE, sizeof(VigilFoundEvent));
    g_array_set_clear_func(clip->events, found_event_clear);
    if (fd >= 0) {
        code = vigil_clip_notes_read(fd, on_note, clip, &clip->scan);
        if (code == 0 && clip->camera && !clip->scan.complete &&
            vigil_clip_span_read(fd, &clip->duration_us) < 0)
            clip->duration_us = 0;
        close(fd);
    }
    if (code < 0)
        g_message("%s: cannot be read: %s", path, g_strerror(-code));
    /* what is known of a file with a bad sector is known */
    clip->unreadable = code < 0 && !is_nothing(code) && clip->events->len == 0 && !clip->camera;
    return clip;
}
