/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/vigil-tiny-package.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <string.h>

#include "models/vigil-model.h"
#include "tests/support/vigil-tflite-writer.h"

#define WIDTH 14
#define HEIGHT 8
#define N_BOXES 48

static GBytes *
make_model(void)
{
    static const gint32 image_dims[] = {1, HEIGHT, WIDTH, 3}, head_dims[] = {1, 7, N_BOXES};
    g_autoptr(VigilTfliteWriter) writer = vigil_tflite_writer_new();
    const gint32 in = vigil_tflite_writer_tensor(writer, VIGIL_TENSOR_UINT8, 4, image_dims, NULL, 0,
                                                 1 / 128.0f, 0);
    const gint32 out = vigil_tflite_writer_tensor(writer, VIGIL_TENSOR_UINT8, 3, head_dims, NULL, 0,
                                                  1 / 128.0f, 0);
    const gint32 inputs[] = {in, vigil_tflite_writer_ints(writer, head_dims, 3)};

    vigil_tflite_writer_operator(writer, 22, inputs, 2, &out, 1);
    vigil_tflite_writer_interface(writer, &in, 1, &out, 1);
    return vigil_tflite_writer_finish(writer);
}

/* A person in the middle; see boxes.tsv. */
static GBytes *
make_image(void)
{
    static const guint8 box[] = {64, 64, 32, 64, 0, 0, 115};
    guint8 *pixels = g_malloc0(WIDTH * HEIGHT * 3);

    for (guint i = 0; i < G_N_ELEMENTS(box); i++)
        pixels[i * N_BOXES + 5] = box[i];
    return g_bytes_new_take(pixels, WIDTH * HEIGHT * 3);
}

static void
add(VigilPackageFiles *files, const gchar *name, GBytes *content)
{
    g_autoptr(GError) error = NULL;

    vigil_package_files_add(files, name, content, &error);
    g_assert_no_error(error);
    g_bytes_unref(content);
}

static void
add_text(VigilPackageFiles *files, const gchar *name, const gchar *text)
{
    add(files, name, g_bytes_new(text, strlen(text)));
}

VigilPackageFiles *
vigil_tiny_package(const gchar *name, const gchar *version, const gchar *extra)
{
    VigilPackageFiles *files = vigil_package_files_new();
    g_autofree gchar *manifest = g_strdup_printf(
        "[model]\nname = %s\nversion = %s\nfile = m.tflite\nlabels = labels.txt\n"
        "licence = Apache-2.0\ndecoder = yolov8\n[golden]\ninput = image.raw\nboxes = boxes.tsv\n",
        name, version);

    add_text(files, "manifest.ini", manifest);
    add_text(files, "labels.txt", "cat\ndog\nperson\n");
    add_text(files, "boxes.tsv", "person\t0.898\t0.375\t0.25\t0.625\t0.75\n");
    add_text(files, "card.md", extra);
    add(files, "image.raw", make_image());
    add(files, "m.tflite", make_model());
    return files;
}

void
vigil_tiny_package_write(const VigilPackageFiles *files, const gchar *folder)
{
    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    for (guint i = 0; i < vigil_package_files_get_n(files); i++) {
        const gchar *name = vigil_package_files_get_name(files, i);
        GBytes *content = vigil_package_files_get(files, name);
        g_autofree gchar *path = g_build_filename(folder, name, NULL);
        g_autoptr(GError) error = NULL;

        g_file_set_contents(path, g_bytes_get_data(content, NULL),
                            (gssize)g_bytes_get_size(content), &error);
        g_assert_no_error(error);
    }
}

static gint
remove_entry(const gchar *path, const struct stat *info, gint type, struct FTW *walk)
{
    return g_remove(path);
}

void
vigil_tiny_folder_remove(const gchar *folder)
{
    g_assert_true(g_str_has_prefix(folder, g_get_tmp_dir()) ||
                  g_str_has_prefix(folder, "/dev/shm/"));
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
