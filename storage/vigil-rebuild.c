/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-rebuild.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "storage/vigil-clip-note.h"
#include "storage/vigil-rebuild-private.h"

#define STEP_CLIPS 16
#define STEP_BYTES (16 * 1024 * 1024)
/* Events and clips of later are numbered from here on, those of before downwards. */
#define FIRST_SEQ (G_GINT64_CONSTANT(1) << 32)
/* The run that the events of before belong to. */
#define RUN 1
/* Of one clip: more is no clip of ours. */
#define MAX_EVENTS 4096
#define MAX_EVENT_BYTES (64 * 1024 * 1024)
/* Names in all notes of a clip; they are interned, and thus stay. */
#define MAX_NAME_BYTES (16 * 1024 * 1024)

struct VigilRebuild {
    GPtrArray *days;  /* of "YYYY/MM/DD", the newest last */
    GPtrArray *paths; /* of the day that is being looked at, the newest last */
    /* since it began or went on */
    guint n_unknown;    /* files that named no event */
    guint n_unreadable; /* files and folders of which nobody knows what they hold */
};

void
vigil_rebuild_free(VigilRebuild *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->days);
    g_ptr_array_unref(self->paths);
    g_free(self);
}

void
vigil_rebuild_info_clear(VigilRebuildInfo *self)
{
    g_clear_pointer(&self->set_aside, g_free);
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

static VigilRebuild *
rebuild_new(VigilStore *store)
{
    VigilRebuild *self = g_new0(VigilRebuild, 1);

    self->days = g_ptr_array_new_with_free_func(g_free);
    self->paths = g_ptr_array_new_with_free_func(g_free);
    add_days(store, self, "", 0);
    return self;
}

/* (nullable) (transfer full): the newest one that was not looked at. */
static gchar *
next_path(VigilStore *store, VigilRebuild *self)
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
    rebuild = rebuild_new(self);
    path = next_path(self, rebuild);
    *has = path != NULL || rebuild->n_unreadable > 0;
    vigil_rebuild_free(rebuild);
    return TRUE;
}

/* --- what a file says ---------------------------------------------------------------------------------------- */

typedef struct {
    VigilEvent *last;
    gint64 written_wall_us;
} FoundEvent;

static void
found_event_clear(gpointer data)
{
    g_clear_pointer(&((FoundEvent *)data)->last, vigil_event_unref);
}

/* A clip and its events, in the order in which they began. */
typedef struct {
    gchar *path;
    GArray *events; /* of FoundEvent */
    gsize bytes, name_bytes;
    gboolean unreadable;
    VigilClipScan scan;
    VigilClipInfo info;
} FoundClip;

static void
found_clip_free(gpointer data)
{
    FoundClip *self = data;

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

static FoundEvent *
find_event(FoundClip *clip, const gchar *id)
{
    for (guint i = clip->events->len; i > 0; i--) {
        FoundEvent *found = &g_array_index(clip->events, FoundEvent, i - 1);

        if (g_str_equal(found->last->id, id))
            return found;
    }
    return NULL;
}

static gboolean
on_note(const VigilClipNote *note, gpointer user_data)
{
    FoundClip *clip = user_data;
    FoundEvent *known, found;

    if (note->kind == VIGIL_CLIP_NOTE_CLOSED)
        clip->info = note->info;
    if (note->kind != VIGIL_CLIP_NOTE_EVENT)
        return TRUE;
    known = find_event(clip, note->event->id);
    clip->name_bytes += size_of_names(note->event);
    clip->bytes += size_of_event(note->event);
    clip->bytes -= known ? size_of_event(known->last) : 0;
    if (clip->bytes > MAX_EVENT_BYTES || clip->name_bytes > MAX_NAME_BYTES ||
        (!known && clip->events->len == MAX_EVENTS))
        return FALSE;
    found = (FoundEvent){vigil_event_ref(note->event), note->written_wall_us};
    if (known) {
        found_event_clear(known);
        *known = found;
    } else {
        g_array_append_val(clip->events, found);
    }
    return TRUE;
}

/* Without the lock: a card may need its time. */
static FoundClip *
read_clip(VigilStore *self, const gchar *path)
{
    FoundClip *clip = g_new0(FoundClip, 1);
    const gint fd = vigil_clip_folder_open(self, path);
    gint code = fd;

    clip->path = g_strdup(path);
    clip->events = g_array_new(FALSE, FALSE, sizeof(FoundEvent));
    g_array_set_clear_func(clip->events, found_event_clear);
    if (fd >= 0) {
        code = vigil_clip_notes_read(fd, on_note, clip, &clip->scan);
        close(fd);
    }
    if (code < 0)
        g_message("%s: cannot be read: %s", path, g_strerror(-code));
    /* what is known of a file with a bad sector is known */
    clip->unreadable = code < 0 && !is_nothing(code) && clip->events->len == 0;
    return clip;
}

/* --- into the database --------------------------------------------------------------------------------------- */

typedef struct {
    GPtrArray *clips; /* of FoundClip */
    guint n_clips, n_events, n_unknown, n_unreadable;
    guint n_unknown_before;
    gboolean done;  /* no file is left */
    gboolean ended; /* … and none has to be looked at again */
} Step;

/* One that is there already, is being written or waits to be deleted. */
static gboolean
is_known(VigilStore *self, const gchar *path, gboolean *known, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT 1 FROM clips WHERE path = :path UNION ALL "
                              "SELECT 1 FROM garbage WHERE path = :path");

    vigil_statement_text(&find, ":path", path);
    *known = vigil_statement_step(&find, &local);
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
insert_clip(VigilStore *self, const FoundClip *clip, gint64 *clip_id, GError **error)
{
    const VigilEvent *first = g_array_index(clip->events, FoundEvent, 0).last;
    const gboolean complete = clip->scan.complete;
    gint64 camera_id;

    if (!vigil_store_camera_id(self, first->camera, &camera_id, error))
        return FALSE;
    if (!vigil_store_read_int(self, "SELECT coalesce(min(id), 4294967296) FROM clips", clip_id,
                              error))
        return FALSE;
    *clip_id = MIN(*clip_id, FIRST_SEQ) - 1;
    g_auto(VigilStatement) insert = vigil_statement(
        self,
        "INSERT INTO clips (id, camera_id, run_id, path, state, bytes, codec, width, height, "
        "start_ns, end_ns, start_wall_us, end_wall_us) VALUES (:id, :camera, 1, :path, :state, "
        ":bytes, :codec, :width, :height, :start_ns, :end_ns, :start_us, :end_us)");
    vigil_statement_int(&insert, ":id", *clip_id);
    vigil_statement_int(&insert, ":camera", camera_id);
    vigil_statement_text(&insert, ":path", clip->path);
    vigil_statement_text(&insert, ":state", complete ? "complete" : "cut");
    vigil_statement_int(&insert, ":bytes", (gint64)clip->scan.bytes);
    if (complete) {
        vigil_statement_text(&insert, ":codec", clip->info.codec);
        vigil_statement_int(&insert, ":width", clip->info.width);
        vigil_statement_int(&insert, ":height", clip->info.height);
        vigil_statement_int(&insert, ":start_ns", clip->info.start_ns);
        vigil_statement_int(&insert, ":end_ns", clip->info.end_ns);
        vigil_statement_int(&insert, ":start_us", clip->info.start_wall_us);
        vigil_statement_int(&insert, ":end_us", clip->info.end_wall_us);
    }
    return vigil_statement_run(&insert, error);
}

/* What nobody ended was cut off, as at any start. */
static VigilEvent *
end_of(const FoundEvent *found)
{
    return found->last->type == VIGIL_EVENT_END
               ? vigil_event_ref(found->last)
               : vigil_event_new_end(found->last, VIGIL_END_INTERRUPTED);
}

/* @n: (out): how many of them were not there already. */
static gboolean
restore_events(VigilStore *self, const FoundClip *clip, gint64 clip_id, guint *n, GError **error)
{
    gint64 seq;

    *n = 0;
    if (!vigil_store_read_int(self, "SELECT coalesce(min(seq), 4294967296) FROM events", &seq,
                              error))
        return FALSE;
    seq = MIN(seq, FIRST_SEQ);
    for (guint i = clip->events->len; i > 0; i--) {
        const FoundEvent *found = &g_array_index(clip->events, FoundEvent, i - 1);
        g_autoptr(VigilEvent) event = end_of(found);
        const VigilRestore restore = {.event = event,
                                      .clip_id = clip_id,
                                      .run_id = RUN,
                                      .seq = --seq,
                                      .committed_wall_us = found->written_wall_us};
        gboolean restored;

        if (!vigil_store_restore_event(self, &restore, &restored, error))
            return FALSE;
        *n += restored;
    }
    return TRUE;
}

static gboolean
forget_clip(VigilStore *self, gint64 clip_id, GError **error)
{
    g_auto(VigilStatement) forget = vigil_statement(self, "DELETE FROM clips WHERE id = :id");

    vigil_statement_int(&forget, ":id", clip_id);
    return vigil_statement_run(&forget, error);
}

static gboolean
restore_clip(VigilStore *self, const FoundClip *clip, Step *step, GError **error)
{
    gint64 clip_id;
    gboolean known;
    guint n;

    if (!is_known(self, clip->path, &known, error))
        return FALSE;
    if (known)
        return TRUE;
    if (clip->unreadable) {
        step->n_unreadable++;
        return TRUE;
    }
    if (clip->events->len == 0 || clip->scan.n_fragments == 0) {
        step->n_unknown++;
        return TRUE;
    }
    if (!insert_clip(self, clip, &clip_id, error) ||
        !restore_events(self, clip, clip_id, &n, error))
        return FALSE;
    /* a clip goes with its last event: one without any would stay for ever */
    if (n == 0) {
        step->n_unknown++;
        return forget_clip(self, clip_id, error);
    }
    step->n_events += n;
    step->n_clips++;
    return TRUE;
}

/* What one file says may be what the database does not take: that is no reason to leave out the others. */
static gboolean
try_clip(VigilStore *self, const FoundClip *clip, Step *step, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (!vigil_store_exec(self, "SAVEPOINT clip", error))
        return FALSE;
    if (restore_clip(self, clip, step, &local))
        return vigil_store_exec(self, "RELEASE clip", error);
    if (!g_error_matches(local, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    g_message("%s: what it says of events is not taken: %s", clip->path, local->message);
    step->n_unknown++;
    return vigil_store_exec(self, "ROLLBACK TO clip; RELEASE clip", error);
}

static gboolean
note_step(VigilStore *self, const Step *step, GError **error)
{
    g_auto(VigilStatement) update = vigil_statement(
        self, "UPDATE rebuild SET clips = clips + :clips, events = events + :events, "
              "unknown = :unknown, ended_wall_us = :ended");

    vigil_statement_int(&update, ":clips", step->n_clips);
    vigil_statement_int(&update, ":events", step->n_events);
    vigil_statement_int(&update, ":unknown", step->n_unknown_before + step->n_unknown);
    if (step->ended)
        vigil_statement_int(&update, ":ended", vigil_store_clock_wall(&self->clock));
    return vigil_statement_run(&update, error);
}

static gboolean
restore_step(VigilStore *self, gpointer data, GError **error)
{
    Step *step = data;

    step->n_clips = step->n_events = step->n_unknown = step->n_unreadable = 0;
    for (guint i = 0; i < step->clips->len; i++)
        if (!try_clip(self, step->clips->pdata[i], step, error))
            return FALSE;
    step->ended = step->done && self->rebuild->n_unreadable + step->n_unreadable == 0;
    return note_step(self, step, error);
}

static void
tell_end(VigilStore *self, guint n_unreadable)
{
    g_auto(VigilRebuildInfo) info = {0};

    if (vigil_store_get_rebuild(self, &info, NULL))
        g_message("%s: made again from the clips: %" G_GUINT64_FORMAT
                  " events of %" G_GUINT64_FORMAT " clips; %" G_GUINT64_FORMAT
                  " files say nothing of events",
                  self->database, info.n_events, info.n_clips, info.n_unknown);
    if (n_unreadable > 0)
        g_message("%s: %u files or folders of clips could not be read: the next start looks again",
                  self->database, n_unreadable);
}

/* Without looking into the file: when it goes on, most are. */
static gboolean
was_restored(VigilStore *self, const gchar *path)
{
    gboolean known = FALSE;

    g_mutex_lock(&self->mutex);
    if (!self->db || !is_known(self, path, &known, NULL))
        known = FALSE;
    g_mutex_unlock(&self->mutex);
    return known;
}

static void
fill_step(VigilStore *self, Step *step)
{
    gsize bytes = 0;

    while (step->clips->len < STEP_CLIPS && bytes < STEP_BYTES) {
        g_autofree gchar *path = next_path(self, self->rebuild);
        FoundClip *clip;

        step->done = path == NULL;
        if (!path)
            return;
        if (was_restored(self, path))
            continue;
        clip = read_clip(self, path);
        bytes += clip->bytes;
        g_ptr_array_add(step->clips, clip);
    }
}

/* (rebuild's lock held) */
static gboolean
take_step(VigilStore *self, GError **error)
{
    Step step = {.clips = g_ptr_array_new_with_free_func(found_clip_free),
                 .n_unknown_before = self->rebuild->n_unknown};
    gboolean ok;

    fill_step(self, &step);
    g_mutex_lock(&self->mutex);
    ok = vigil_store_write(self, restore_step, &step, error);
    g_mutex_unlock(&self->mutex);
    g_ptr_array_unref(step.clips);
    self->rebuild->n_unknown += step.n_unknown;
    self->rebuild->n_unreadable += step.n_unreadable;
    if (ok && step.done) {
        tell_end(self, self->rebuild->n_unreadable);
        g_clear_pointer(&self->rebuild, vigil_rebuild_free);
    }
    return ok;
}

gboolean
vigil_store_rebuild_some(VigilStore *self, gint64 for_us, gboolean *done, GError **error)
{
    const gint64 until_us = g_get_monotonic_time() + for_us;
    gboolean ok = TRUE;

    g_mutex_lock(&self->rebuild_lock);
    while (ok && self->rebuild) {
        ok = take_step(self, error);
        if (g_get_monotonic_time() >= until_us)
            break;
    }
    *done = self->rebuild == NULL;
    /* what was read and not written is looked at again */
    if (!ok) {
        vigil_rebuild_free(self->rebuild);
        self->rebuild = rebuild_new(self);
    }
    g_mutex_unlock(&self->rebuild_lock);
    return ok;
}

/* The run of the events of before has the wall clock of their commits, and is of no boot. It is the first one. */
gboolean
vigil_rebuild_begin(VigilStore *self, const gchar *set_aside, GError **error)
{
    const gint64 now = vigil_store_clock_wall(&self->clock);
    g_auto(VigilStatement) insert = vigil_statement(
        self, "INSERT INTO rebuild (id, set_aside, begun_wall_us) VALUES (0, :name, :now)");
    g_auto(VigilStatement) run = vigil_statement(
        self, "INSERT INTO runs (id, program, boot_id, begun_wall_us, begun_mono_us, "
              "wall_offset_us, ended_wall_us, how) VALUES (:run, 'rebuild', '', :now, 0, 0, :now, "
              "'closed')");

    vigil_statement_text(&insert, ":name", set_aside);
    vigil_statement_int(&insert, ":now", now);
    vigil_statement_int(&run, ":run", RUN);
    vigil_statement_int(&run, ":now", now);
    return vigil_statement_run(&insert, error) && vigil_statement_run(&run, error) &&
           vigil_store_exec(
               self,
               "INSERT INTO sqlite_sequence (name, seq) VALUES ('events', 4294967296), "
               "('clips', 4294967296);"
               /* the old chain of seals is lost, and the new one cannot vouch for what was before */
               "UPDATE seal_begin SET clip_id = 4294967296, event_seq = 4294967296",
               error);
}

gboolean
vigil_rebuild_prepare(VigilStore *self, GError **error)
{
    gint64 unfinished;

    if (!vigil_store_read_int(self, "SELECT count(*) FROM rebuild WHERE ended_wall_us IS NULL",
                              &unfinished, error))
        return FALSE;
    if (unfinished)
        self->rebuild = rebuild_new(self);
    return TRUE;
}

static gboolean
read_info(VigilStore *self, VigilRebuildInfo *info, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(
        self,
        "SELECT set_aside, begun_wall_us, ended_wall_us, clips, events, unknown FROM rebuild");

    if (!vigil_statement_step(&find, &local)) {
        if (local)
            g_propagate_error(error, g_steal_pointer(&local));
        else
            g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND,
                        "%s: was never made again", self->database);
        return FALSE;
    }
    info->set_aside = g_strdup(vigil_statement_get_text(&find, 0));
    info->begun_wall_us = sqlite3_column_int64(find.stmt, 1);
    info->ended_wall_us = sqlite3_column_int64(find.stmt, 2);
    info->n_clips = (guint64)sqlite3_column_int64(find.stmt, 3);
    info->n_events = (guint64)sqlite3_column_int64(find.stmt, 4);
    info->n_unknown = (guint64)sqlite3_column_int64(find.stmt, 5);
    return TRUE;
}

gboolean
vigil_store_get_rebuild(VigilStore *self, VigilRebuildInfo *info, GError **error)
{
    gboolean ok;

    *info = (VigilRebuildInfo){0};
    g_mutex_lock(&self->mutex);
    ok = (self->db || vigil_store_check_writable(self, error)) && read_info(self, info, error);
    g_mutex_unlock(&self->mutex);
    return ok;
}
