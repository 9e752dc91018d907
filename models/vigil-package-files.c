/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-package-files.h"

#include <string.h>

#include "models/vigil-model.h"

typedef struct {
    gchar *name;
    GBytes *content;
} Item;

struct VigilPackageFiles {
    gatomicrefcount refs;
    GArray *items; /* Item, sorted by name */
    gsize bytes;
};

static void
item_clear(gpointer data)
{
    Item *item = data;

    g_free(item->name);
    g_bytes_unref(item->content);
}

VigilPackageFiles *
vigil_package_files_new(void)
{
    VigilPackageFiles *self = g_new0(VigilPackageFiles, 1);

    g_atomic_ref_count_init(&self->refs);
    self->items = g_array_new(FALSE, FALSE, sizeof(Item));
    g_array_set_clear_func(self->items, item_clear);
    return self;
}

VigilPackageFiles *
vigil_package_files_ref(VigilPackageFiles *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void
vigil_package_files_unref(VigilPackageFiles *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;
    g_array_unref(self->items);
    g_free(self);
}

gboolean
vigil_package_files_is_name(const gchar *name)
{
    const gsize length = strnlen(name, VIGIL_PACKAGE_MAX_NAME + 1);

    if (length == 0 || length > VIGIL_PACKAGE_MAX_NAME || !g_ascii_isalnum(*name))
        return FALSE;
    for (gsize i = 1; i < length; i++) {
        if (!g_ascii_isalnum(name[i]) && !strchr("._-", name[i]))
            return FALSE;
    }
    return TRUE;
}

/* Where @name is, or would be put. */
static guint
find(const VigilPackageFiles *self, const gchar *name, gboolean *found)
{
    guint i = 0;
    gint order = 1;

    while (i < self->items->len &&
           (order = strcmp(g_array_index(self->items, Item, i).name, name)) < 0)
        i++;
    *found = order == 0;
    return i;
}

static gboolean
check(const VigilPackageFiles *self, const gchar *name, gsize others, guint64 size, GError **error)
{
    if (!vigil_package_files_is_name(name)) {
        g_autofree gchar *shown = g_strescape(name, NULL);

        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                    "\"%.*s\": a file of a package is named by 1 to %d letters, digits, \".\", "
                    "\"_\" and \"-\", a letter or digit first; there are no folders in a package",
                    2 * VIGIL_PACKAGE_MAX_NAME, shown, VIGIL_PACKAGE_MAX_NAME);
        return FALSE;
    }
    if (size <= VIGIL_PACKAGE_MAX_BYTES && others + size <= VIGIL_PACKAGE_MAX_BYTES)
        return TRUE;
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE,
                "%s: with its %" G_GUINT64_FORMAT
                " bytes the package has more than the %d MiB that one may have",
                name, size, (gint)(VIGIL_PACKAGE_MAX_BYTES >> 20));
    return FALSE;
}

gboolean
vigil_package_files_check(const VigilPackageFiles *self, const gchar *name, guint64 size,
                          GError **error)
{
    gboolean found;

    if (!check(self, name, self->bytes, size, error))
        return FALSE;
    find(self, name, &found);
    if (found) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                    "%s: the package has two files of this name", name);
        return FALSE;
    }
    if (self->items->len < VIGIL_PACKAGE_MAX_FILES)
        return TRUE;
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE,
                "%s: the package has more than the %d files that one may have", name,
                VIGIL_PACKAGE_MAX_FILES);
    return FALSE;
}

gboolean
vigil_package_files_add(VigilPackageFiles *self, const gchar *name, GBytes *content, GError **error)
{
    Item item;
    gboolean found;

    if (!vigil_package_files_check(self, name, g_bytes_get_size(content), error))
        return FALSE;
    item = (Item){g_strdup(name), g_bytes_ref(content)};
    g_array_insert_val(self->items, find(self, name, &found), item);
    self->bytes += g_bytes_get_size(content);
    return TRUE;
}

gboolean
vigil_package_files_replace(VigilPackageFiles *self, const gchar *name, GBytes *content,
                            GError **error)
{
    gboolean found;
    const guint index = find(self, name, &found);
    Item *item;
    gsize others;

    if (!found)
        return vigil_package_files_add(self, name, content, error);
    item = &g_array_index(self->items, Item, index);
    others = self->bytes - g_bytes_get_size(item->content);
    if (!check(self, name, others, g_bytes_get_size(content), error))
        return FALSE;
    g_bytes_ref(content);
    g_bytes_unref(item->content);
    item->content = content;
    self->bytes = others + g_bytes_get_size(content);
    return TRUE;
}

GBytes *
vigil_package_files_get(const VigilPackageFiles *self, const gchar *name)
{
    gboolean found;
    const guint index = find(self, name, &found);

    return found ? g_array_index(self->items, Item, index).content : NULL;
}

guint
vigil_package_files_get_n(const VigilPackageFiles *self)
{
    return self->items->len;
}

const gchar *
vigil_package_files_get_name(const VigilPackageFiles *self, guint index)
{
    return g_array_index(self->items, Item, index).name;
}

gsize
vigil_package_files_get_bytes(const VigilPackageFiles *self)
{
    return self->bytes;
}
