/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/capture/vigil-v4l2-identity.h"

#include <stdlib.h>
#include <string.h>

#include "plugins/capture/vigil-v4l2-error.h"

/* sysfs is a tree of a dozen levels; a loop of links in it would be a fault of the kernel. */
#define MOST_LEVELS 64
#define MOST_NODES 256
#define INDEX_MARK "-video-index"

/* --- what is written ------------------------------------------------------------------------- */

static void
take_value(VigilV4l2Identity *self, const gchar *text)
{
    const gchar *mark = g_strrstr(text, INDEX_MARK);
    guint64 index;

    if (mark &&
        g_ascii_string_to_unsigned(mark + strlen(INDEX_MARK), 10, 0, MOST_NODES, &index, NULL)) {
        self->index = (gint)index;
        self->value = g_strndup(text, (gsize)(mark - text));
    } else {
        self->value = g_strdup(text);
    }
}

VigilV4l2Identity *
vigil_v4l2_identity_parse(const gchar *text, GError **error)
{
    g_autoptr(VigilV4l2Identity) self = g_new0(VigilV4l2Identity, 1);

    self->index = -1;
    if (g_str_has_prefix(text, "v4l2:"))
        text += strlen("v4l2:");
    if (g_str_has_prefix(text, "serial=")) {
        self->kind = VIGIL_V4L2_BY_SERIAL;
        take_value(self, text + strlen("serial="));
    } else if (g_str_has_prefix(text, "path=")) {
        self->kind = VIGIL_V4L2_BY_PATH;
        take_value(self, text + strlen("path="));
    } else {
        self->value = g_strdup(text);
    }
    if (*self->value && (self->kind != VIGIL_V4L2_BY_NODE || g_path_is_absolute(self->value)))
        return g_steal_pointer(&self);
    g_set_error(error, VIGIL_V4L2_ERROR, VIGIL_V4L2_ERROR_SETTING,
                "\"%s\" names no camera: write /dev/video0, serial=NUMBER or path=PORT; `vigil "
                "devices` lists what there is",
                text);
    return NULL;
}

void
vigil_v4l2_identity_free(VigilV4l2Identity *self)
{
    if (!self)
        return;
    g_free(self->value);
    g_free(self);
}

/* --- what is there --------------------------------------------------------------------------- */

/* (transfer full) (nullable): content of a file of sysfs, without spaces at its ends; never "" */
static gchar *
read_attribute(const gchar *folder, const gchar *name)
{
    g_autofree gchar *path = g_build_filename(folder, name, NULL);
    g_autofree gchar *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL) || !*g_strstrip(text))
        return NULL;
    return g_steal_pointer(&text);
}

static gchar *
read_subsystem(const gchar *folder)
{
    g_autofree gchar *path = g_build_filename(folder, "subsystem", NULL);
    char *target = realpath(path, NULL);
    gchar *name = target ? g_path_get_basename(target) : g_strdup("");

    free(target);
    return name;
}

static gboolean
go_up(gchar *path)
{
    gchar *slash = strrchr(path, '/');

    if (!slash || slash == path)
        return FALSE;
    *slash = '\0';
    return TRUE;
}

/* Of a USB device's folder itself: other levels have files of that name too. */
static gchar *
find_serial(const gchar *parent)
{
    g_autofree gchar *path = g_strdup(parent);

    for (guint i = 0; i < MOST_LEVELS; i++) {
        g_autofree gchar *vendor = read_attribute(path, "idVendor");

        if (vendor)
            return read_attribute(path, "serial");
        if (!go_up(path))
            break;
    }
    return NULL;
}

/* The name of the level in a path of ports; %NULL: it has none. What is written is udev's (path_id). */
static gchar *
describe_level(const gchar *subsystem, const gchar *name)
{
    const gchar *dash;

    if (g_str_equal(subsystem, "pci") || g_str_equal(subsystem, "platform"))
        return g_strdup_printf("%s-%s", subsystem, name);
    if (!g_str_equal(subsystem, "usb"))
        return NULL;
    /* 1-1.2:1.0: the bus, whose number depends on the order of start, then the ports */
    dash = g_ascii_isdigit(*name) ? strchr(name, '-') : NULL;
    return dash ? g_strdup_printf("usb-0:%s", dash + 1) : NULL;
}

/* Of several levels of one subsystem, one after the other, the lowest counts. */
static gchar *
find_port(const gchar *parent)
{
    g_autofree gchar *path = g_strdup(parent), *last = g_strdup("");
    g_autoptr(GString) port = g_string_new(NULL);

    for (guint i = 0; i < MOST_LEVELS; i++) {
        g_autofree gchar *subsystem = read_subsystem(path);
        g_autofree gchar *name = g_path_get_basename(path);
        g_autofree gchar *part = NULL;

        if (!g_str_equal(subsystem, last))
            part = describe_level(subsystem, name);
        if (part) {
            if (port->len)
                g_string_prepend_c(port, '-');
            g_string_prepend(port, part);
        }
        if (part || *subsystem) {
            g_free(last);
            last = g_strdup(subsystem);
        }
        if (!go_up(path))
            break;
    }
    return port->len ? g_strdup(port->str) : NULL;
}

static VigilV4l2Node *
read_node(const VigilV4l2System *system, const gchar *name, guint number)
{
    g_autofree gchar *folder = g_build_filename(system->sys, "class", "video4linux", name, NULL);
    g_autofree gchar *link = g_build_filename(folder, "device", NULL);
    g_autofree gchar *index = read_attribute(folder, "index");
    VigilV4l2Node *self = g_new0(VigilV4l2Node, 1);
    char *parent = realpath(link, NULL);

    self->name = g_strdup(name);
    self->number = number;
    self->device = g_build_filename(system->dev, name, NULL);
    self->card = read_attribute(folder, "name");
    self->index = index ? (gint)g_ascii_strtoll(index, NULL, 10) : 0;
    self->parent = g_strdup(parent ? parent : folder);
    if (parent) {
        self->serial = find_serial(parent);
        self->port = find_port(parent);
    }
    if (!self->card)
        self->card = g_strdup("");
    free(parent);
    return self;
}

static void
node_free(gpointer data)
{
    VigilV4l2Node *self = data;

    g_free(self->name);
    g_free(self->device);
    g_free(self->card);
    g_free(self->serial);
    g_free(self->port);
    g_free(self->parent);
    g_free(self);
}

static gint
compare_nodes(gconstpointer a, gconstpointer b)
{
    const VigilV4l2Node *first = *(VigilV4l2Node *const *)a, *second = *(VigilV4l2Node *const *)b;

    return (first->number > second->number) - (first->number < second->number);
}

GPtrArray *
vigil_v4l2_list_nodes(const VigilV4l2System *system)
{
    g_autofree gchar *folder = g_build_filename(system->sys, "class", "video4linux", NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    GPtrArray *nodes = g_ptr_array_new_with_free_func(node_free);
    const gchar *name;

    while (dir && (name = g_dir_read_name(dir)) && nodes->len < MOST_NODES) {
        guint64 number;

        if (g_str_has_prefix(name, "video") &&
            g_ascii_string_to_unsigned(name + strlen("video"), 10, 0, G_MAXUINT, &number, NULL))
            g_ptr_array_add(nodes, read_node(system, name, (guint)number));
    }
    g_ptr_array_sort(nodes, compare_nodes);
    return nodes;
}

/* --- which one is meant ---------------------------------------------------------------------- */

static gboolean
matches(const VigilV4l2Identity *self, const VigilV4l2Node *node)
{
    const gchar *has = self->kind == VIGIL_V4L2_BY_SERIAL ? node->serial : node->port;

    return g_strcmp0(has, self->value) == 0 && (self->index < 0 || self->index == node->index);
}

static gint
compare_index(gconstpointer a, gconstpointer b)
{
    const VigilV4l2Node *first = *(VigilV4l2Node *const *)a, *second = *(VigilV4l2Node *const *)b;

    return first->index != second->index ? first->index - second->index : compare_nodes(a, b);
}

static GPtrArray *
list_paths(const GPtrArray *found)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < found->len; i++)
        g_ptr_array_add(paths, g_strdup(((VigilV4l2Node *)found->pdata[i])->device));
    return paths;
}

/* USB: the interfaces of one device are siblings; two cameras of one serial number are not. */
static gboolean
is_same_hardware(const VigilV4l2Node *a, const VigilV4l2Node *b)
{
    g_autofree gchar *first = g_path_get_dirname(a->parent);
    g_autofree gchar *second = g_path_get_dirname(b->parent);

    return g_str_equal(first, second);
}

GPtrArray *
vigil_v4l2_identity_find(const VigilV4l2Identity *self, const VigilV4l2System *system,
                         GError **error)
{
    g_autoptr(GPtrArray) nodes = NULL, found = g_ptr_array_new();

    if (self->kind == VIGIL_V4L2_BY_NODE) {
        GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);

        g_ptr_array_add(paths, g_strdup(self->value));
        return paths;
    }
    nodes = vigil_v4l2_list_nodes(system);
    for (guint i = 0; i < nodes->len; i++)
        if (matches(self, nodes->pdata[i]))
            g_ptr_array_add(found, nodes->pdata[i]);
    g_ptr_array_sort(found, compare_index);
    for (guint i = 1; self->kind == VIGIL_V4L2_BY_SERIAL && i < found->len; i++) {
        if (!is_same_hardware(found->pdata[0], found->pdata[i])) {
            g_set_error(error, VIGIL_V4L2_ERROR, VIGIL_V4L2_ERROR_SETTING,
                        "several cameras have the serial number %s: say by path= which; `vigil "
                        "devices` lists them",
                        self->value);
            return NULL;
        }
    }
    return list_paths(found);
}

static gboolean
is_unique(const VigilV4l2Node *self, const GPtrArray *nodes, VigilV4l2IdentityKind kind,
          const gchar *value)
{
    const VigilV4l2Identity identity = {kind, (gchar *)value, self->index};

    for (guint i = 0; i < nodes->len; i++)
        if (nodes->pdata[i] != self && matches(&identity, nodes->pdata[i]))
            return FALSE;
    return value != NULL;
}

gchar *
vigil_v4l2_node_get_name(const VigilV4l2Node *self, const GPtrArray *nodes)
{
    const gchar *kind = NULL, *value = NULL;

    if (is_unique(self, nodes, VIGIL_V4L2_BY_SERIAL, self->serial)) {
        kind = "serial";
        value = self->serial;
    } else if (is_unique(self, nodes, VIGIL_V4L2_BY_PATH, self->port)) {
        kind = "path";
        value = self->port;
    }
    if (!kind)
        return g_strdup(self->device);
    if (self->index == 0)
        return g_strdup_printf("%s=%s", kind, value);
    return g_strdup_printf("%s=%s" INDEX_MARK "%d", kind, value, self->index);
}
