/* SPDX-License-Identifier: Apache-2.0 */
/* Folders and links as the kernel makes them for a USB camera at a controller on PCI. */
#include <glib/gstdio.h>
#include <unistd.h>

#include "tests/support/vigil-fake-v4l2-private.h"

#define CONTROLLER "devices/pci0000:00/0000:00:14.0"

static void
write_file(const gchar *folder, const gchar *name, const gchar *text)
{
    g_autofree gchar *path = g_build_filename(folder, name, NULL);

    /* without the fsync of g_file_set_contents() */
    g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0644, NULL));
}

static void
link_to(const gchar *folder, const gchar *name, const gchar *target)
{
    g_autofree gchar *path = g_build_filename(folder, name, NULL);

    g_unlink(path);
    g_assert_cmpint(symlink(target, path), ==, 0);
}

static void
remove_tree(const gchar *path)
{
    GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    const gchar *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree gchar *child = g_build_filename(path, name, NULL);

        remove_tree(child);
    }
    if (dir)
        g_dir_close(dir);
    g_remove(path);
}

static void
make_subsystem(const VigilFakeV4l2 *self, const gchar *folder, const gchar *name)
{
    g_autofree gchar *bus = g_build_filename(self->sys, "bus", name, NULL);

    g_mkdir_with_parents(bus, 0755);
    link_to(folder, "subsystem", bus);
}

void
fake_sysfs_add(const VigilFakeV4l2 *self, guint number, const VigilFakeCamera *camera)
{
    g_autofree gchar *node = g_strdup_printf("video%u", number);
    g_autofree gchar *plug = g_strdup_printf("1-%s", camera->port ? camera->port : "9");
    g_autofree gchar *interface = g_strdup_printf("%s:1.0", plug);
    g_autofree gchar *controller = g_build_filename(self->sys, CONTROLLER, NULL);
    g_autofree gchar *hub = g_build_filename(controller, "usb1", NULL);
    g_autofree gchar *device = g_build_filename(hub, plug, NULL);
    g_autofree gchar *parent = g_build_filename(device, interface, NULL);
    g_autofree gchar *folder = g_build_filename(parent, "video4linux", node, NULL);
    g_autofree gchar *index = g_strdup_printf("%u\n", camera->index);
    g_autofree gchar *classes = g_build_filename(self->sys, "class", "video4linux", NULL);

    g_mkdir_with_parents(folder, 0755);
    make_subsystem(self, controller, "pci");
    make_subsystem(self, hub, "usb");
    make_subsystem(self, device, "usb");
    make_subsystem(self, parent, "usb");
    write_file(hub, "idVendor", "1d6b\n");
    write_file(hub, "serial", "0000:00:14.0\n");
    write_file(device, "idVendor", "046d\n");
    if (camera->serial)
        write_file(device, "serial", camera->serial);
    write_file(folder, "name", camera->card);
    write_file(folder, "index", index);
    link_to(folder, "device", parent);
    link_to(classes, node, folder);
}

void
fake_sysfs_remove(const VigilFakeV4l2 *self, guint number)
{
    g_autofree gchar *node = g_strdup_printf("video%u", number);
    g_autofree gchar *link = g_build_filename(self->sys, "class", "video4linux", node, NULL);
    g_autofree gchar *folder = g_file_read_link(link, NULL);

    g_unlink(link);
    if (folder) {
        g_autofree gchar *videos = g_path_get_dirname(folder);
        g_autofree gchar *interface = g_path_get_dirname(videos);
        g_autofree gchar *device = g_path_get_dirname(interface);

        remove_tree(folder);
        if (g_rmdir(videos) == 0) /* the last node of the camera */
            remove_tree(device);
    }
}

void
fake_sysfs_clear(const VigilFakeV4l2 *self)
{
    remove_tree(self->folder);
}
