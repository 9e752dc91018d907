/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "models/vigil-labels-private.h"
#include "models/vigil-model.h"
#include "models/vigil-zip-private.h"

/* Places that look like the key and are not; a text made of them must not take its time. */
#define MAX_TRIES 16

typedef struct {
    const gchar *at, *end;
} Cursor;

static void
skip_blanks(Cursor *cursor)
{
    while (cursor->at < cursor->end && g_ascii_isspace(*cursor->at))
        cursor->at++;
}

static gboolean
accept(Cursor *cursor, gchar wanted)
{
    skip_blanks(cursor);
    if (cursor->at >= cursor->end || *cursor->at != wanted)
        return FALSE;
    cursor->at++;
    return TRUE;
}

/* A string in either quotes; a backslash takes the next character as it is. */
static gboolean
read_string(Cursor *cursor, GString *text)
{
    gchar quote;

    g_string_truncate(text, 0);
    if (accept(cursor, '\''))
        quote = '\'';
    else if (accept(cursor, '"'))
        quote = '"';
    else
        return FALSE;
    while (cursor->at < cursor->end && *cursor->at != quote) {
        if (*cursor->at == '\\' && ++cursor->at >= cursor->end)
            return FALSE;
        g_string_append_c(text, *cursor->at++);
    }
    return accept(cursor, quote) && text->len <= VIGIL_LABELS_MAX_LENGTH &&
           g_utf8_validate(text->str, (gssize)text->len, NULL);
}

/* 17, '17' or "17" */
static gboolean
read_key(Cursor *cursor, GString *text, guint64 *key)
{
    skip_blanks(cursor);
    if (cursor->at < cursor->end && g_ascii_isdigit(*cursor->at)) {
        g_string_truncate(text, 0);
        while (cursor->at < cursor->end && g_ascii_isdigit(*cursor->at))
            g_string_append_c(text, *cursor->at++);
    } else if (!read_string(cursor, text)) {
        return FALSE;
    }
    return g_ascii_string_to_unsigned(text->str, 10, 0, VIGIL_LABELS_MAX - 1, key, NULL);
}

static gboolean
read_names(Cursor *cursor, GPtrArray *labels)
{
    const gboolean numbered = accept(cursor, '{');
    g_autoptr(GString) text = g_string_new(NULL);

    if (!numbered && !accept(cursor, '['))
        return FALSE;
    while (!accept(cursor, numbered ? '}' : ']')) {
        guint64 key = labels->len;

        if (numbered && (!read_key(cursor, text, &key) || !accept(cursor, ':')))
            return FALSE;
        if (!read_string(cursor, text) || !vigil_labels_set(labels, key, text->str, text->len))
            return FALSE;
        accept(cursor, ',');
    }
    return labels->len > 0;
}

GPtrArray *
vigil_labels_parse_names(const gchar *text, gsize length)
{
    guint tries = 0;

    for (gsize i = 0; i + 7 <= length && tries < MAX_TRIES; i++) {
        g_autoptr(GPtrArray) labels = NULL;
        const gchar *at = text + i;
        Cursor cursor = {at + 7, text + length};

        if (memcmp(at, "'names'", 7) != 0 && memcmp(at, "\"names\"", 7) != 0)
            continue;
        tries++;
        labels = g_ptr_array_new();
        if (accept(&cursor, ':') && read_names(&cursor, labels))
            return g_steal_pointer(&labels);
    }
    return NULL;
}

typedef struct {
    VigilZipEntry named, only; /* a file whose name says labels; the first other text file */
    guint n_texts;
    GPtrArray *names;
} Search;

static gboolean
look_at(const VigilZipEntry *entry, gpointer user_data)
{
    Search *search = user_data;
    g_autofree gchar *name = g_ascii_strdown(entry->name, (gssize)entry->name_length);

    if (entry->size > VIGIL_LABELS_MAX_BYTES ||
        !(g_str_has_suffix(name, ".txt") || g_str_has_suffix(name, ".json")))
        return TRUE;
    if (entry->data && strstr(name, "meta"))
        search->names = vigil_labels_parse_names((const gchar *)entry->data, entry->size);
    if (search->names)
        return FALSE;
    if (!g_str_has_suffix(name, ".txt"))
        return TRUE;
    if (!search->named.name && strstr(name, "label"))
        search->named = *entry;
    if (search->n_texts++ == 0)
        search->only = *entry;
    return TRUE;
}

GPtrArray *
vigil_labels_from_metadata(GBytes *model, GError **error)
{
    gsize size;
    const guint8 *data = g_bytes_get_data(model, &size);
    Search search = {0};
    const VigilZipEntry *entry;

    vigil_zip_foreach(data, size, look_at, &search);
    if (search.names)
        return search.names;
    if (!search.named.name && search.n_texts != 1)
        return NULL;
    entry = search.named.name ? &search.named : &search.only;
    if (!entry->data) {
        g_set_error_literal(
            error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
            "the labels inside the model are compressed, which is not usual and not read; give "
            "a labels file");
        return NULL;
    }
    return vigil_labels_parse((const gchar *)entry->data, entry->size, "labels inside the model",
                              error);
}
