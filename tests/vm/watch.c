/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch: runs pipelines by commands on its input, a line each, and prints what happens in them, a line each:
 *
 *   play LAUNCH LINE   with elements named "source" and "sink"; "played" or "error TEXT"
 *   stop               "stopped"
 *   stats              "stats STRUCTURE" of the source
 *   own                what the process has: "own files N threads N: FILE... THREAD..."
 *
 * Meanwhile: "caps CAPS", "state STATE REASON-OR-NODE", "error TEXT", "note TEXT" and, for each frame,
 * "frame pts=NS size=BYTES discont=0|1 corrupt=0|1 dmabuf=0|1", then for RGB "colours=RRGGBB,…": the middles of eight bars,
 * and for what is encoded "sum=MD5".
 */
#include <glib-unix.h>
#include <gst/gst.h>
#include <stdio.h>
#include <string.h>

#define N_BARS 8

typedef struct {
    GMainLoop *loop;
    GstElement *pipeline;
    GstElement *source;
    gboolean encoded;
    gint rgb_width, rgb_height; /* 0: not RGB */
} Watch;

/* --- what goes by ---------------------------------------------------------------------------- */

static void
print_colours(const Watch *self, const GstMapInfo *map)
{
    const gsize stride = (gsize)(self->rgb_width * 3 + 3) / 4 * 4;
    const gsize row = stride * (gsize)(self->rgb_height / 2);

    for (gint i = 0; i < N_BARS; i++) {
        const gsize at = row + (gsize)(self->rgb_width * (2 * i + 1) / (2 * N_BARS)) * 3;

        if (at + 3 <= map->size)
            printf("%s%02x%02x%02x", i ? "," : " colours=", map->data[at], map->data[at + 1],
                   map->data[at + 2]);
    }
}

static void
print_frame(const Watch *self, GstBuffer *buffer)
{
    const gboolean dmabuf = gst_buffer_n_memory(buffer) > 0 &&
                            gst_memory_is_type(gst_buffer_peek_memory(buffer, 0), "dmabuf");
    GstMapInfo map;

    flockfile(stdout);
    printf("frame pts=%" G_GUINT64_FORMAT " size=%" G_GSIZE_FORMAT
           " discont=%d corrupt=%d dmabuf=%d",
           GST_BUFFER_PTS(buffer), gst_buffer_get_size(buffer),
           GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT),
           GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_CORRUPTED), dmabuf);
    if ((self->rgb_width || self->encoded) && gst_buffer_map(buffer, &map, GST_MAP_READ)) {
        g_autofree gchar *sum =
            self->encoded ? g_compute_checksum_for_data(G_CHECKSUM_MD5, map.data, map.size) : NULL;

        if (sum)
            printf(" sum=%s", sum);
        else
            print_colours(self, &map);
        gst_buffer_unmap(buffer, &map);
    }
    putchar('\n');
    funlockfile(stdout);
}

static void
take_caps(Watch *self, GstEvent *event)
{
    g_autofree gchar *text = NULL;
    const GstStructure *structure;
    GstCaps *caps;

    gst_event_parse_caps(event, &caps);
    structure = gst_caps_get_structure(caps, 0);
    text = gst_caps_to_string(caps);
    printf("caps %s\n", text);
    self->encoded = !gst_structure_has_name(structure, "video/x-raw");
    self->rgb_width = self->rgb_height = 0;
    if (g_strcmp0(gst_structure_get_string(structure, "format"), "RGB") == 0) {
        gst_structure_get_int(structure, "width", &self->rgb_width);
        gst_structure_get_int(structure, "height", &self->rgb_height);
    }
}

static GstPadProbeReturn
on_data(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
        print_frame(user_data, GST_PAD_PROBE_INFO_BUFFER(info));
    else if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_CAPS)
        take_caps(user_data, GST_PAD_PROBE_INFO_EVENT(info));
    return GST_PAD_PROBE_OK;
}

static void
print_state(const GstStructure *structure)
{
    const gchar *reason = gst_structure_get_string(structure, "reason");

    printf("state %s %s\n", gst_structure_get_string(structure, "state"),
           reason ? reason : gst_structure_get_string(structure, "node"));
}

static gboolean
on_message(GstBus *bus, GstMessage *message, gpointer user_data)
{
    const GstStructure *structure = gst_message_get_structure(message);
    g_autoptr(GError) error = NULL;

    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        gst_message_parse_error(message, &error, NULL);
        printf("error %s\n", error->message);
    } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_INFO) {
        gst_message_parse_info(message, &error, NULL);
        printf("note %s\n", error->message);
    } else if (structure && gst_structure_has_name(structure, "vigilv4l2src-state")) {
        print_state(structure);
    }
    return G_SOURCE_CONTINUE;
}

/* --- commands -------------------------------------------------------------------------------- */

static void
stop(Watch *self)
{
    g_autoptr(GstBus) bus = NULL;

    if (!self->pipeline)
        return;
    bus = gst_element_get_bus(self->pipeline);
    gst_element_set_state(self->pipeline, GST_STATE_NULL);
    gst_bus_remove_watch(bus);
    gst_clear_object(&self->source);
    gst_clear_object(&self->pipeline);
}

static void
play(Watch *self, const gchar *line)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GstElement) sink = NULL;
    g_autoptr(GstBus) bus = NULL;
    g_autoptr(GstPad) pad = NULL;

    stop(self);
    self->pipeline = gst_parse_launch(line, &error);
    if (!self->pipeline) {
        printf("error %s\n", error->message);
        return;
    }
    gst_object_ref_sink(self->pipeline);
    self->source = gst_bin_get_by_name(GST_BIN(self->pipeline), "source");
    sink = gst_bin_get_by_name(GST_BIN(self->pipeline), "sink");
    pad = gst_element_get_static_pad(sink, "sink");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_data,
                      self, NULL);
    bus = gst_element_get_bus(self->pipeline);
    gst_bus_add_watch(bus, on_message, self);
    gst_element_set_state(self->pipeline, GST_STATE_PLAYING);
    puts("played");
}

static void
print_stats(const Watch *self)
{
    g_autoptr(GstStructure) stats = NULL;
    g_autofree gchar *text = NULL;

    if (!self->source)
        return;
    g_object_get(self->source, "stats", &stats, NULL);
    text = gst_structure_to_string(stats);
    printf("stats %s\n", text);
}

/* Appends what the entries of a folder of the process are; returns their number. */
static guint
list_own(const gchar *path, const gchar *file, GString *text)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const gchar *name;
    guint n = 0;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree gchar *entry = g_build_filename(path, name, file, NULL);
        g_autofree gchar *what = NULL;

        n++;
        if (file)
            g_file_get_contents(entry, &what, NULL, NULL);
        else
            what = g_file_read_link(entry, NULL);
        g_string_append_printf(text, " %s", what ? g_strstrip(what) : "?");
    }
    return n;
}

static void
print_own(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const guint files = list_own("/proc/self/fd", NULL, text);
    const guint threads = list_own("/proc/self/task", "comm", text);

    printf("own files %u threads %u:%s\n", files, threads, text->str);
}

static gboolean
on_command(GIOChannel *channel, GIOCondition condition, gpointer user_data)
{
    Watch *self = user_data;
    g_autofree gchar *line = NULL;

    if (g_io_channel_read_line(channel, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
        g_main_loop_quit(self->loop);
        return G_SOURCE_REMOVE;
    }
    g_strchomp(line);
    if (g_str_has_prefix(line, "play ")) {
        play(self, line + strlen("play "));
    } else if (g_str_equal(line, "stop")) {
        stop(self);
        puts("stopped");
    } else if (g_str_equal(line, "stats")) {
        print_stats(self);
    } else if (g_str_equal(line, "own")) {
        print_own();
    }
    return G_SOURCE_CONTINUE;
}

int
main(int argc, char **argv)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GIOChannel) input = g_io_channel_unix_new(0);
    Watch self = {.loop = loop};

    gst_init(&argc, &argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    g_io_add_watch(input, G_IO_IN | G_IO_HUP, on_command, &self);
    puts("ready");
    g_main_loop_run(loop);
    stop(&self);
    return 0;
}
