/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "models/vigil-file-private.h"
#include "models/vigil-model-store-private.h"
#include "models/vigil-package.h"
#include "models/vigil-version.h"

#define LINK "current"
#define NEW_LINK "current.new"
#define STATE "state"
#define NEW_STATE "state.new"
/* a package being written, and one on its way out */
#define INCOMING "incoming"
#define OUTGOING "outgoing"

static const gchar *const slot_names[] = {"a", "b"};

static gboolean
fail(const VigilModelFolder *self, const gchar *name, gint code, GError **error)
{
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO, "%s%s%s: %s", self->path,
                name ? "/" : "", name ? name : "", g_strerror(-code));
    return FALSE;
}

void
vigil_model_folder_clear(VigilModelFolder *self)
{
    vigil_model_state_clear(&self->state);
    /* 0 is what a structure holds that was never opened; standard input is open always */
    if (self->fd > 0)
        close(self->fd);
    if (self->lock_fd > 0)
        close(self->lock_fd);
    g_free(self->name);
    g_free(self->path);
}

/* --- reading ------------------------------------------------------------------------------------ */

static gint
read_link(const VigilModelFolder *self)
{
    gchar target[8] = "";

    if (readlinkat(self->fd, LINK, target, sizeof target - 1) == 1) {
        for (gint i = 0; i < (gint)G_N_ELEMENTS(slot_names); i++) {
            if (g_str_equal(target, slot_names[i]))
                return i;
        }
    }
    return -1;
}

/* Of a slot whose line of the state is lost: what its package says of itself. */
static VigilModelSlot *
learn_slot(const VigilModelFolder *self, gint index)
{
    g_autofree gchar *path = g_build_filename(self->path, slot_names[index], NULL);
    g_autoptr(VigilPackage) package = vigil_package_open(path, NULL, VIGIL_PACKAGE_ANY, NULL);
    VigilModelSlot *slot;

    if (!package || !*package->sealed.id || !package->version ||
        !vigil_version_is(package->version))
        return NULL;
    slot = g_new0(VigilModelSlot, 1);
    slot->id = g_strdup(package->sealed.id);
    slot->key = *package->sealed.key ? g_strdup(package->sealed.key) : NULL;
    slot->version = g_strdup(package->version);
    slot->health = VIGIL_MODEL_HEALTH_NEW;
    return slot;
}

static gboolean
read_state(VigilModelFolder *self, GError **error)
{
    g_autofree gchar *text = NULL;
    g_autoptr(GError) why = NULL;
    gsize length = 0;

    if (vigil_file_read_at(self->fd, STATE, VIGIL_MODEL_STATE_MAX_BYTES, &text, &length, &why))
        vigil_model_state_parse(&self->state, text, length, &why);
    if (g_error_matches(why, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED)) {
        g_propagate_prefixed_error(error, g_steal_pointer(&why), "%s: ", self->path);
        return FALSE;
    }
    for (gint i = 0; why && i < (gint)G_N_ELEMENTS(slot_names); i++)
        self->state.slots[i] = learn_slot(self, i);
    return TRUE;
}

static gboolean
read_all(VigilModelFolder *self, GError **error)
{
    VigilModelSlot *current;

    self->current = read_link(self);
    if (!read_state(self, error))
        return FALSE;
    if (self->current < 0)
        return TRUE;
    current = self->state.slots[self->current];
    if (!current) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                    "%s: what is installed there is damaged; install it again", self->path);
        return FALSE;
    }
    /* the installation ended after the switch, before it could say so */
    if (current->health == VIGIL_MODEL_HEALTH_STAGED)
        current->health = VIGIL_MODEL_HEALTH_NEW;
    return TRUE;
}

static gboolean
refuse_missing(const gchar *name, GError **error)
{
    g_autofree gchar *shown = g_strescape(name, NULL);

    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_NOT_FOUND,
                "no model \"%s\" is installed", shown);
    return FALSE;
}

gboolean
vigil_model_folder_read(VigilModelFolder *self, const gchar *models, const gchar *name,
                        GError **error)
{
    if (!vigil_model_store_is_name(name))
        return refuse_missing(name, error);
    self->name = g_strdup(name);
    self->path = g_build_filename(models, name, NULL);
    self->fd = open(self->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (self->fd < 0)
        return errno == ENOENT ? refuse_missing(name, error) : fail(self, NULL, -errno, error);
    return read_all(self, error) && (self->current >= 0 || refuse_missing(name, error));
}

VigilModelSlot *
vigil_model_folder_describe(const VigilModelFolder *self, gint slot)
{
    VigilModelSlot *copy = vigil_model_slot_copy(self->state.slots[slot]);

    copy->name = g_strdup(self->name);
    copy->path = g_build_filename(self->path, slot_names[slot], NULL);
    return copy;
}

/* --- writing ------------------------------------------------------------------------------------ */

/* A folder of files; one that is not there is gone as well. */
static gint
remove_folder(const VigilModelFolder *self, const gchar *name)
{
    const gint fd = openat(self->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    gint code = 0;

    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    while (code == 0 && (entry = readdir(dir))) {
        if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
            code = self->ops->unlink_at(fd, entry->d_name, 0);
    }
    closedir(dir);
    return code ? code : self->ops->unlink_at(self->fd, name, AT_REMOVEDIR);
}

static gint
remove_file(const VigilModelFolder *self, const gchar *name)
{
    const gint code = faccessat(self->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0
                          ? self->ops->unlink_at(self->fd, name, 0)
                          : 0;

    return code == -ENOENT ? 0 : code;
}

/* What one who was cut off left behind. */
static gboolean
clear_away(const VigilModelFolder *self, GError **error)
{
    static const gchar *const folders[] = {INCOMING, OUTGOING}, *const files[] = {NEW_LINK,
                                                                                  NEW_STATE};
    gint code = 0;

    for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
        code = remove_folder(self, folders[i]);
        if (code)
            return fail(self, folders[i], code, error);
    }
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        code = remove_file(self, files[i]);
        if (code)
            return fail(self, files[i], code, error);
    }
    return TRUE;
}

void
vigil_model_folder_tidy(const VigilModelFolder *self)
{
    remove_folder(self, OUTGOING);
}

/* A folder below @parent, there for good once this returns a descriptor; -errno otherwise. */
static gint
make_folder(const VigilModelFolder *self, gint parent, const gchar *name, gboolean create)
{
    gint code = create ? self->ops->mkdir_at(parent, name, 0755) : -EEXIST;
    gint fd;

    if (code == 0)
        code = self->ops->sync(parent);
    if (code && code != -EEXIST)
        return code;
    fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static gint
open_folder(VigilModelFolder *self, const gchar *store, gboolean create)
{
    const gint top = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    gint models, code;

    if (top < 0)
        return -errno;
    models = make_folder(self, top, "models", create);
    code = models < 0 ? models : make_folder(self, models, self->name, create);
    if (models >= 0)
        close(models);
    close(top);
    self->fd = MAX(code, -1);
    return MIN(code, 0);
}

gboolean
vigil_model_folder_lock(VigilModelFolder *self, const VigilModelStoreOps *ops, const gchar *store,
                        const gchar *name, gboolean create, GError **error)
{
    gint code;

    if (!vigil_model_store_is_name(name))
        return refuse_missing(name, error);
    self->ops = ops;
    self->name = g_strdup(name);
    self->path = g_build_filename(store, "models", name, NULL);
    code = open_folder(self, store, create);
    if (code == -ENOENT && !create)
        return refuse_missing(name, error);
    if (code)
        return fail(self, NULL, code, error);
    self->lock_fd =
        openat(self->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, (mode_t)0644);
    if (self->lock_fd < 0 || TEMP_FAILURE_RETRY(flock(self->lock_fd, LOCK_EX)) != 0)
        return fail(self, "lock", -errno, error);
    return clear_away(self, error) && read_all(self, error) &&
           (create || self->current >= 0 || refuse_missing(name, error));
}

/* A new file with this content, on disk when this returns 0. */
static gint
write_file(const VigilModelFolder *self, gint dir_fd, const gchar *name, const gchar *data,
           gsize length)
{
    const gint fd = self->ops->open_at(dir_fd, name,
                                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    gint code = MIN(fd, 0);
    gsize done = 0;

    while (code == 0 && done < length) {
        const gssize n = self->ops->write(fd, data + done, length - done);

        code = n < 0 ? (gint)n : 0;
        done += (gsize)MAX(n, 0);
    }
    if (code == 0)
        code = self->ops->sync(fd);
    if (fd >= 0)
        close(fd);
    return code;
}

gboolean
vigil_model_folder_write_state(VigilModelFolder *self, GError **error)
{
    g_autofree gchar *text = vigil_model_state_write(&self->state);
    gint code = write_file(self, self->fd, NEW_STATE, text, strlen(text));

    if (code == 0)
        code = self->ops->rename_at(self->fd, NEW_STATE, STATE);
    if (code == 0)
        code = self->ops->sync(self->fd);
    return code == 0 || fail(self, STATE, code, error);
}

static gint
write_package(const VigilModelFolder *self, const VigilPackageFiles *files)
{
    gint code = self->ops->mkdir_at(self->fd, INCOMING, 0755);
    const gint fd = code ? -1 : openat(self->fd, INCOMING, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (code)
        return code;
    if (fd < 0)
        return -errno;
    for (guint i = 0; code == 0 && i < vigil_package_files_get_n(files); i++) {
        const gchar *name = vigil_package_files_get_name(files, i);
        GBytes *content = vigil_package_files_get(files, name);

        code =
            write_file(self, fd, name, g_bytes_get_data(content, NULL), g_bytes_get_size(content));
    }
    if (code == 0)
        code = self->ops->sync(fd);
    close(fd);
    return code;
}

gboolean
vigil_model_folder_fill(VigilModelFolder *self, gint slot, const VigilPackageFiles *files,
                        GError **error)
{
    gint code = write_package(self, files);

    if (code)
        return fail(self, INCOMING, code, error);
    code = self->ops->rename_at(self->fd, slot_names[slot], OUTGOING);
    if (code == 0 || code == -ENOENT)
        code = self->ops->rename_at(self->fd, INCOMING, slot_names[slot]);
    if (code == 0)
        code = self->ops->sync(self->fd);
    return code == 0 || fail(self, slot_names[slot], code, error);
}

gboolean
vigil_model_folder_switch(VigilModelFolder *self, gint slot, GError **error)
{
    gint code = self->ops->symlink_at(slot_names[slot], self->fd, NEW_LINK);

    if (code == 0)
        code = self->ops->rename_at(self->fd, NEW_LINK, LINK);
    if (code == 0)
        code = self->ops->sync(self->fd);
    if (code)
        return fail(self, LINK, code, error);
    self->current = slot;
    return TRUE;
}
