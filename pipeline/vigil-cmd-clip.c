/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/vigil-command.h"
#include "pipeline/vigil-store-place.h"

#define BLOCK_BYTES (256 * 1024)

static gboolean
write_all(int fd, const guint8 *data, gsize length)
{
    while (length > 0) {
        const ssize_t written = write(fd, data, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return FALSE;
        data += written;
        length -= (gsize)written;
    }
    return TRUE;
}

/* Returns 0 or -errno. */
static int
copy(int from, int to)
{
    g_autofree guint8 *block = g_malloc(BLOCK_BYTES);

    for (;;) {
        const ssize_t got = read(from, block, BLOCK_BYTES);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            return 0;
        if (!write_all(to, block, (gsize)got))
            return -errno;
    }
}

/* A file that is there is not overwritten by half a clip: it is written beside it and takes its name when whole. */
static int
copy_to_file(int from, const gchar *path)
{
    g_autofree gchar *part = g_strdup_printf("%s.part.XXXXXX", path);
    int result;
    const int to = g_mkstemp_full(part, O_WRONLY | O_CLOEXEC, 0644);

    if (to < 0)
        return -errno;
    result = copy(from, to);
    if (close(to) != 0 && result == 0)
        result = -errno;
    if (result == 0 && rename(part, path) != 0)
        result = -errno;
    if (result != 0)
        unlink(part);
    return result;
}

/* What the store says, as an exit code. */
static VigilExit
report(const GError *error)
{
    vigil_command_error("%s", error->message);
    return g_error_matches(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND)
               ? VIGIL_EXIT_NOT_FOUND
               : VIGIL_EXIT_FAILED;
}

/* FILE.mp4 → FILE-2.mp4 */
static gchar *
name_part(const gchar *output, guint number)
{
    const gchar *slash = strrchr(output, '/'), *name = slash ? slash + 1 : output;
    const gchar *dot = strrchr(name, '.');
    const gsize length = dot && dot > name ? (gsize)(dot - output) : strlen(output);

    return g_strdup_printf("%.*s-%u%s", (int)length, output, number, output + length);
}

/* @fd is closed. */
static VigilExit
write_clip(int fd, const gchar *output)
{
    const int result =
        g_str_equal(output, "-") ? copy(fd, STDOUT_FILENO) : copy_to_file(fd, output);

    close(fd);
    if (result != 0 && !(result == -EPIPE && g_str_equal(output, "-")))
        vigil_command_error("%s: %s", output, g_strerror(-result));
    return result == 0 ? VIGIL_EXIT_OK : VIGIL_EXIT_FAILED;
}

/* @part: from 1; 0: all, each into a file of its own. */
static VigilExit
give_clip(VigilStore *store, const gchar *event, guint part, const gchar *output)
{
    g_autoptr(GError) error = NULL;
    guint number = part ? part : 1;
    int fd = vigil_store_open_clip(store, event, number - 1, &error);
    VigilExit code;

    if (fd < 0)
        return report(error);
    code = write_clip(fd, output);
    while (code == VIGIL_EXIT_OK && !part) {
        g_autofree gchar *name = name_part(output, ++number);

        fd = vigil_store_open_clip(store, event, number - 1, &error);
        if (fd < 0)
            return g_error_matches(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND)
                       ? VIGIL_EXIT_OK
                       : report(error);
        if (g_str_equal(output, "-")) {
            close(fd);
            g_printerr("%s: this is the first of several clips: see --part\n", event);
            return VIGIL_EXIT_OK;
        }
        code = write_clip(fd, name);
    }
    return code;
}

static VigilExit
give_snapshot(VigilStore *store, const gchar *event, const gchar *output)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) jpeg = vigil_store_get_snapshot(store, event, &error);
    gconstpointer data;
    gsize length;

    if (!jpeg && error)
        return report(error);
    if (!jpeg) {
        vigil_command_error("%s: there is no snapshot of this event", event);
        return VIGIL_EXIT_NOT_FOUND;
    }
    data = g_bytes_get_data(jpeg, &length);
    if (g_str_equal(output, "-"))
        return write_all(STDOUT_FILENO, data, length) ? VIGIL_EXIT_OK : VIGIL_EXIT_FAILED;
    if (!g_file_set_contents(output, data, (gssize)length, &error))
        return report(error);
    return VIGIL_EXIT_OK;
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(VigilStorePlace) place = {NULL};
    g_autofree gchar *output = NULL;
    gboolean snapshot = FALSE;
    gint part = 0;
    const GOptionEntry entries[] = {
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
         "Where to (default: EVENT.mp4 or EVENT.jpg here; - for stdout)", "FILE"},
        {"part", 0, 0, G_OPTION_ARG_INT, &part,
         "Of an event with several clips this one, from 1 (default: all)", "N"},
        {"snapshot", 0, 0, G_OPTION_ARG_NONE, &snapshot,
         "The picture of the best moment instead, a JPEG", NULL},
        VIGIL_STORE_PLACE_ENTRIES(place),
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    g_autoptr(VigilStore) store = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 1, 1, &args, &code))
        return code;
    if (part < 0)
        return vigil_command_usage_error(self, "--part %d: clips are counted from 1", part);
    store = vigil_store_place_open_reader(&place, &code);
    if (!store)
        return code;
    if (!output)
        output = g_strdup_printf("%s.%s", args[0], snapshot ? "jpg" : "mp4");
    return snapshot ? give_snapshot(store, args[0], output)
                    : give_clip(store, args[0], (guint)part, output);
}

const VigilCommand vigil_cmd_clip = {
    "clip", "EVENT", "Copy the clip of an event, or its snapshot, out of the store",
    "An event that lasts longer than the longest clip has several: they become FILE.mp4, "
    "FILE-2.mp4 "
    "and so on, each\n"
    "with what follows the one before; they may overlap by a few seconds.\n",
    run};
