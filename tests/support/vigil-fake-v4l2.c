/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/vigil-fake-v4l2-private.h"

static FakeNode *
find_node(VigilFakeV4l2 *self, guint number)
{
    for (guint i = 0; i < FAKE_NODES; i++)
        if (self->nodes[i].camera && self->nodes[i].number == number)
            return &self->nodes[i];
    return NULL;
}

static FakeFile *
find_file(VigilFakeV4l2 *self, gint fd)
{
    const gint i = fd - FAKE_FIRST_FD;

    return i >= 0 && i < FAKE_FILES && self->files[i].open && !self->files[i].closed
               ? &self->files[i]
               : NULL;
}

static void
unplug(VigilFakeV4l2 *self, FakeNode *node)
{
    for (guint i = 0; i < FAKE_FILES; i++)
        if (self->files[i].open && self->files[i].node == node)
            self->files[i].gone = TRUE;
    fake_sysfs_remove(self, node->number);
    node->camera = NULL;
}

/* Whether this call is the one that is to fail; if it takes the camera away, so be it. */
static gint
fail(VigilFakeV4l2 *self, FakeNode *node, gboolean interruptible)
{
    self->counts.calls++;
    if (self->fail_at == 0 || --self->fail_at > 0 || (self->fail_error == EINTR && !interruptible))
        return 0;
    if (self->fail_error == ENODEV && node && node->camera)
        unplug(self, node);
    return -self->fail_error;
}

static gint
fake_open(const gchar *path, gint flags, gpointer user_data)
{
    VigilFakeV4l2 *self = user_data;
    g_autofree gchar *folder = g_path_get_dirname(path);
    g_autofree gchar *name = g_path_get_basename(path);
    FakeNode *node = NULL;
    guint i = 0;
    gint result;

    g_mutex_lock(&self->lock);
    if (g_str_equal(folder, self->dev) && g_str_has_prefix(name, "video"))
        node = find_node(self, (guint)g_ascii_strtoull(name + 5, NULL, 10));
    result = fail(self, node, FALSE); /* the table's open() is tried again by itself */
    if (result == 0 && (!node || !node->camera))
        result = -ENOENT;
    if (result == 0 && node->camera->forbidden)
        result = -EACCES;
    if (result == 0 && (flags & (O_NONBLOCK | O_RDWR)) != (O_NONBLOCK | O_RDWR))
        result = -EINVAL;
    while (result == 0 && self->files[i].open)
        g_assert_cmpuint(++i, <, FAKE_FILES);
    if (result == 0) {
        memset(&self->files[i], 0, sizeof self->files[i]);
        self->files[i].open = TRUE;
        self->files[i].node = node;
        self->files[i].interval = (struct v4l2_fract){1, 30};
        self->counts.files++;
        self->counts.opens++;
        result = (gint)i + FAKE_FIRST_FD;
    }
    g_mutex_unlock(&self->lock);
    return result;
}

static gint
fake_close(gint fd, gpointer user_data)
{
    VigilFakeV4l2 *self = user_data;
    FakeFile *file;

    if (fd < FAKE_FIRST_FD)
        return close(fd) < 0 ? -errno : 0; /* a DMABUF */
    g_mutex_lock(&self->lock);
    file = find_file(self, fd);
    g_assert_nonnull(file);
    file->closed = TRUE;
    file->streaming = FALSE;
    if (!fake_driver_is_mapped(file))
        fake_driver_release(self, file);
    self->counts.files--;
    g_mutex_unlock(&self->lock);
    return 0;
}

static gint
fake_ioctl(gint fd, gulong request, gpointer argument, gpointer user_data)
{
    VigilFakeV4l2 *self = user_data;
    FakeFile *file;
    gint result;

    g_mutex_lock(&self->lock);
    file = find_file(self, fd);
    result = file ? fail(self, file->node, TRUE) : -EBADF;
    if (result == 0)
        result = file->gone ? -ENODEV : fake_driver_ioctl(self, file, request, argument);
    g_mutex_unlock(&self->lock);
    return result;
}

static gint
fake_map(gint fd, gsize length, gint64 offset, gpointer *address, gpointer user_data)
{
    VigilFakeV4l2 *self = user_data;
    const guint index = (guint)(offset >> 16), plane = (guint)(offset >> 12 & 15);
    FakeFile *file;
    gint result;

    g_mutex_lock(&self->lock);
    file = find_file(self, fd);
    result = file ? fail(self, file->node, FALSE) : -EBADF;
    if (result == 0 && file->gone)
        result = -ENODEV;
    if (result == 0 && (index >= file->n_buffers || plane >= file->n_planes ||
                        file->buffers[index].planes[plane]->size != length))
        result = -EINVAL;
    if (result == 0) {
        FakeMemory *memory = file->buffers[index].planes[plane];

        memory->refs++;
        g_ptr_array_add(self->mappings, memory);
        *address = memory->data;
    }
    g_mutex_unlock(&self->lock);
    return result;
}

static void
fake_unmap(gpointer address, gsize length, gpointer user_data)
{
    VigilFakeV4l2 *self = user_data;
    FakeMemory *found = NULL;

    g_mutex_lock(&self->lock);
    for (guint i = 0; i < self->mappings->len && !found; i++) {
        FakeMemory *memory = self->mappings->pdata[i];

        if (memory->data == address)
            found = memory;
    }
    g_assert_nonnull(found);
    g_assert_cmpuint(found->size, ==, length);
    g_ptr_array_remove_fast(self->mappings, found);
    fake_memory_unref(self, found);
    for (guint i = 0; i < FAKE_FILES; i++)
        if (self->files[i].closed && !fake_driver_is_mapped(&self->files[i]))
            fake_driver_release(self, &self->files[i]);
    g_mutex_unlock(&self->lock);
}

/* What a poll of the device says now; 0: nothing. */
static gshort
look(VigilFakeV4l2 *self, FakeFile *file)
{
    if (!file->open)
        return POLLNVAL;
    if (file->gone)
        return POLLERR | POLLHUP;
    if (!file->streaming)
        return POLLERR;
    if (!self->real_time && !file->node->silent)
        self->now_ns = MAX(self->now_ns, file->next_ns);
    return fake_driver_has_frame(self, file) ? POLLIN : 0;
}

static gint
fake_poll(struct pollfd *fds, guint n_fds, gint timeout_ms, gpointer user_data)
{
    VigilFakeV4l2 *self = user_data;
    const gint64 end_us = g_get_monotonic_time() + timeout_ms * G_GINT64_CONSTANT(1000);
    gint result;

    for (;;) {
        FakeFile *file;

        g_mutex_lock(&self->lock);
        file = &self->files[fds[0].fd - FAKE_FIRST_FD];
        result = fail(self, file->node, TRUE);
        fds[0].revents = look(self, file);
        g_mutex_unlock(&self->lock);
        if (result < 0)
            return result;
        result = fds[0].revents != 0;
        fds[1].revents = 0;
        if (fds[1].fd >= 0)
            result += poll(fds + 1, 1, result || !self->real_time ? 0 : 1) > 0;
        if (result)
            return result;
        if (!self->real_time) {
            g_mutex_lock(&self->lock);
            self->now_ns += timeout_ms * G_GINT64_CONSTANT(1000000);
            g_mutex_unlock(&self->lock);
            return 0;
        }
        if (g_get_monotonic_time() >= end_us)
            return 0;
        if (fds[1].fd < 0)
            g_usleep(1000);
    }
}

static gint64
fake_get_time(gpointer user_data)
{
    VigilFakeV4l2 *self = user_data;
    gint64 now_ns;

    g_mutex_lock(&self->lock);
    now_ns = fake_now(self);
    g_mutex_unlock(&self->lock);
    return now_ns;
}

VigilFakeV4l2 *
vigil_fake_v4l2_new(gboolean real_time)
{
    VigilFakeV4l2 *self = g_new0(VigilFakeV4l2, 1);
    g_autofree gchar *classes = NULL;

    g_mutex_init(&self->lock);
    self->real_time = real_time;
    self->now_ns = G_GINT64_CONSTANT(1000000000000);
    self->mappings = g_ptr_array_new();
    self->folder = g_dir_make_tmp("vigil-v4l2-XXXXXX", NULL);
    self->dev = g_build_filename(self->folder, "dev", NULL);
    self->sys = g_build_filename(self->folder, "sys", NULL);
    classes = g_build_filename(self->sys, "class", "video4linux", NULL);
    g_mkdir_with_parents(classes, 0755);
    self->system = (VigilV4l2System){.open = fake_open,
                                     .close = fake_close,
                                     .ioctl = fake_ioctl,
                                     .map = fake_map,
                                     .unmap = fake_unmap,
                                     .poll = fake_poll,
                                     .get_time_ns = fake_get_time,
                                     .dev = self->dev,
                                     .sys = self->sys,
                                     .user_data = self};
    return self;
}

VigilFakeCounts
vigil_fake_v4l2_free(VigilFakeV4l2 *self)
{
    const VigilFakeCounts counts = vigil_fake_v4l2_get_counts(self);

    fake_sysfs_clear(self);
    g_ptr_array_unref(self->mappings);
    g_free(self->folder);
    g_free(self->dev);
    g_free(self->sys);
    g_mutex_clear(&self->lock);
    g_free(self);
    return counts;
}

const VigilV4l2System *
vigil_fake_v4l2_get_system(const VigilFakeV4l2 *self)
{
    return &self->system;
}

VigilFakeCounts
vigil_fake_v4l2_get_counts(VigilFakeV4l2 *self)
{
    VigilFakeCounts counts;

    g_mutex_lock(&self->lock);
    counts = self->counts;
    counts.mappings = self->mappings->len;
    g_mutex_unlock(&self->lock);
    return counts;
}

/* A node that someone still has open stays what it was. */
static gboolean
is_in_use(const VigilFakeV4l2 *self, const FakeNode *node)
{
    for (guint i = 0; i < FAKE_FILES; i++)
        if (self->files[i].open && self->files[i].node == node)
            return TRUE;
    return node->camera != NULL;
}

void
vigil_fake_v4l2_plug(VigilFakeV4l2 *self, guint number, const VigilFakeCamera *camera)
{
    guint i = 0;

    g_mutex_lock(&self->lock);
    while (is_in_use(self, &self->nodes[i]))
        g_assert_cmpuint(++i, <, FAKE_NODES);
    self->nodes[i] = (FakeNode){.number = number, .description = *camera};
    self->nodes[i].camera = &self->nodes[i].description;
    for (guint c = 0; c < camera->n_controls; c++)
        self->nodes[i].values[c] = camera->controls[c].standard;
    fake_sysfs_add(self, number, camera);
    g_mutex_unlock(&self->lock);
}

void
vigil_fake_v4l2_unplug(VigilFakeV4l2 *self, guint number)
{
    FakeNode *node;

    g_mutex_lock(&self->lock);
    node = find_node(self, number);
    g_assert_nonnull(node);
    unplug(self, node);
    g_mutex_unlock(&self->lock);
}

void
vigil_fake_v4l2_script(VigilFakeV4l2 *self, guint number, const VigilFakeFrame *frames,
                       guint n_frames)
{
    g_mutex_lock(&self->lock);
    find_node(self, number)->script = frames;
    find_node(self, number)->n_script = n_frames;
    g_mutex_unlock(&self->lock);
}

void
vigil_fake_v4l2_hush(VigilFakeV4l2 *self, guint number, gboolean silent)
{
    g_mutex_lock(&self->lock);
    find_node(self, number)->silent = silent;
    g_mutex_unlock(&self->lock);
}

void
vigil_fake_v4l2_fail(VigilFakeV4l2 *self, guint call, gint error)
{
    g_mutex_lock(&self->lock);
    self->fail_at = call;
    self->fail_error = error;
    g_mutex_unlock(&self->lock);
}

gint32
vigil_fake_v4l2_get_control(VigilFakeV4l2 *self, guint number, guint32 id)
{
    gint32 value = G_MININT32;
    FakeNode *node;

    g_mutex_lock(&self->lock);
    node = find_node(self, number);
    for (guint i = 0; node && i < node->camera->n_controls; i++)
        if (node->camera->controls[i].id == id)
            value = node->values[i];
    g_mutex_unlock(&self->lock);
    return value;
}
