/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of clips against what was sealed of them. */
#include <string.h>

#include "storage/vigil-seal-private.h"

/* (transfer full) (element-type utf8 utf8): columns; what is not in it was NULL. */
static GHashTable *
read_columns(const gchar *statement)
{
    GHashTable *columns = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) lines = g_strsplit(statement, "\n", -1);

    for (guint i = 0; lines[i]; i++) {
        const gchar *space = strchr(lines[i], ' ');

        if (space)
            g_hash_table_insert(columns, g_strndup(lines[i], (gsize)(space - lines[i])),
                                g_strdup(space + 1));
    }
    return columns;
}

static void
add_difference(GString *text, const gchar *name, const gchar *sealed, const gchar *now)
{
    g_string_append_printf(text, "%s%s was sealed as %s and is %s now", text->len ? ", " : "", name,
                           sealed ? sealed : "none", now ? now : "none");
}

gchar *
vigil_seal_row_compare(const gchar *sealed, const gchar *now)
{
    g_autoptr(GHashTable) was = NULL, is = NULL;
    g_autoptr(GList) names = NULL;
    g_autoptr(GString) text = NULL;
    GHashTableIter iter;
    gpointer name, value;

    if (g_str_equal(sealed, now))
        return NULL;
    was = read_columns(sealed);
    is = read_columns(now);
    text = g_string_new(NULL);
    g_hash_table_iter_init(&iter, is);
    while (g_hash_table_iter_next(&iter, &name, &value))
        if (!g_hash_table_contains(was, name))
            g_hash_table_insert(was, g_strdup(name), NULL);
    names = g_list_sort(g_hash_table_get_keys(was), (GCompareFunc)strcmp);
    for (const GList *at = names; at; at = at->next) {
        const gchar *before = g_hash_table_lookup(was, at->data);
        const gchar *after = g_hash_table_lookup(is, at->data);

        if (g_strcmp0(before, after) != 0)
            add_difference(text, at->data, before, after);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

gboolean
vigil_seal_row_find(const VigilSealRecord *record, const gchar *path, gchar **row)
{
    gboolean found = FALSE, here = FALSE;
    VigilSealItem item;
    gsize offset = 0;

    *row = NULL;
    while (vigil_seal_record_next(record, &offset, &item)) {
        if (item.type == VIGIL_SEAL_CLIP || item.type == VIGIL_SEAL_LINK)
            here = item.type == VIGIL_SEAL_CLIP && item.name_length == strlen(path) &&
                   memcmp(item.name, path, item.name_length) == 0;
        found |= here;
        if (here && item.type == VIGIL_SEAL_CLIP_ROW && !*row)
            *row = g_strndup(item.name, item.name_length);
    }
    return found;
}

/* @row: (out) (transfer full) (nullable) */
static gboolean
read_sealed(VigilStore *self, gint64 clip_id, gboolean *found, gchar **path, gchar **row,
            GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(
        self, "SELECT c.path, s.body FROM clips c JOIN seals s ON s.seq = c.seal_seq "
              "WHERE c.id = :id");
    VigilSealRecord record;

    *found = FALSE;
    vigil_statement_int(&find, ":id", clip_id);
    if (vigil_statement_step(&find, &local)) {
        *path = g_strdup(vigil_statement_need_text(&find, 0));
        *found = vigil_seal_record_parse(&record, sqlite3_column_blob(find.stmt, 1),
                                         (gsize)sqlite3_column_bytes(find.stmt, 1)) &&
                 record.kind == VIGIL_SEAL_KIND_SEAL && vigil_seal_row_find(&record, *path, row);
    }
    return vigil_seal_take_error(&local, error);
}

gboolean
vigil_seal_row_check(VigilStore *self, gint64 clip_id, gboolean *same, GError **error)
{
    g_autofree gchar *path = NULL, *sealed = NULL, *now = NULL, *difference = NULL;

    if (!read_sealed(self, clip_id, same, &path, &sealed, error))
        return FALSE;
    if (!*same || !sealed)
        return TRUE;
    now = vigil_seal_clip_statement(self, clip_id, error);
    if (!now)
        return FALSE;
    difference = vigil_seal_row_compare(sealed, now);
    *same = difference == NULL;
    if (difference)
        g_message("%s: clip %s: what its row says was altered: %s: that it goes is not signed",
                  self->database, path, difference);
    return TRUE;
}
