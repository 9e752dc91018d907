/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-labels.h"

#include <string.h>

#include "models/vigil-file-private.h"
#include "models/vigil-labels-private.h"
#include "models/vigil-model.h"

static gboolean
refuse(GError **error, const gchar *name, guint line, const gchar *why)
{
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID, "%s:%u: %s", name, line, why);
    return FALSE;
}

gboolean
vigil_labels_set(GPtrArray *labels, guint64 id, const gchar *name, gsize length)
{
    g_autofree gchar *copy = NULL;

    if (id >= VIGIL_LABELS_MAX)
        return FALSE;
    if (id >= labels->len)
        g_ptr_array_set_size(labels, (gint)id + 1);
    if (labels->pdata[id])
        return FALSE;
    if (length > 0) {
        copy = g_strndup(name, length);
        labels->pdata[id] = (gpointer)g_intern_string(copy);
    }
    return TRUE;
}

/* Cuts the next line off, without the blanks around it. */
static gboolean
next_line(const gchar **text, const gchar *end, const gchar **line, gsize *length)
{
    const gchar *newline, *stop;

    if (*text >= end)
        return FALSE;
    newline = memchr(*text, '\n', (gsize)(end - *text));
    stop = newline ? newline : end;
    for (*line = *text; *line < stop && g_ascii_isspace(**line);)
        (*line)++;
    *text = newline ? newline + 1 : end;
    while (stop > *line && g_ascii_isspace(stop[-1]))
        stop--;
    *length = (gsize)(stop - *line);
    return TRUE;
}

/* "17  cat" or "17: cat": the number, and where the label begins. */
static gboolean
split_number(const gchar *line, gsize length, guint64 *id, gsize *label)
{
    gsize i = 0;

    *id = 0;
    for (; i < length && g_ascii_isdigit(line[i]) && i < 9; i++)
        *id = *id * 10 + (guint64)(line[i] - '0');
    if (i == 0)
        return FALSE;
    *label = i;
    if (i < length && line[i] == ':')
        i++;
    while (i < length && g_ascii_isspace(line[i]))
        i++;
    if (i == *label || i == length)
        return FALSE;
    *label = i;
    return TRUE;
}

static gboolean
all_numbered(const gchar *text, const gchar *end)
{
    const gchar *line;
    gsize length, label;
    guint64 id;
    gboolean any = FALSE;

    while (next_line(&text, end, &line, &length)) {
        if (length > 0 && !split_number(line, length, &id, &label))
            return FALSE;
        any = any || length > 0;
    }
    return any;
}

static gboolean
parse_lines(GPtrArray *labels, const gchar *text, const gchar *end, const gchar *name,
            GError **error)
{
    const gboolean numbered = all_numbered(text, end);
    const gchar *line;
    gsize length;

    for (guint n = 0; next_line(&text, end, &line, &length); n++) {
        guint64 id = n;
        gsize begin = 0;

        if (length == 0)
            continue;
        if (numbered)
            split_number(line, length, &id, &begin);
        if (length - begin > VIGIL_LABELS_MAX_LENGTH)
            return refuse(error, name, n + 1,
                          "a label may have 256 bytes at most; is this a labels file?");
        if (!vigil_labels_set(labels, id, line + begin, length - begin))
            return refuse(error, name, n + 1,
                          numbered ? "this number is too large or was given before"
                                   : "there may be 65536 labels at most");
    }
    return TRUE;
}

static gboolean
parse_text(GPtrArray *labels, const gchar *text, const gchar *end, const gchar *name,
           GError **error)
{
    const gchar *bad;

    if (end - text >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    if (!g_utf8_validate_len(text, (gsize)(end - text), &bad)) {
        guint line = 1;

        for (const gchar *p = text; p < bad; p++)
            line += *p == '\n';
        return refuse(error, name, line, "not UTF-8 text; a labels file holds one label a line");
    }
    return parse_lines(labels, text, end, name, error);
}

GPtrArray *
vigil_labels_parse(const gchar *text, gsize length, const gchar *name, GError **error)
{
    g_autoptr(GPtrArray) labels = g_ptr_array_new();

    /* an empty file has no memory */
    if (length > 0 && !parse_text(labels, text, text + length, name, error))
        return NULL;
    if (labels->len > 0)
        return g_steal_pointer(&labels);
    refuse(error, name, 1, "no labels in it; a labels file holds one label a line");
    return NULL;
}

GPtrArray *
vigil_labels_load(const gchar *path, GError **error)
{
    g_autofree gchar *text = NULL;
    gsize length = 0;

    if (vigil_file_read(path, VIGIL_LABELS_MAX_BYTES, &text, &length, error))
        return vigil_labels_parse(text, length, path, error);
    g_prefix_error(error, "%s: cannot read the labels: ", path);
    return NULL;
}

static gboolean
is_background(const gchar *label)
{
    static const gchar *const names[] = {"???",       "background", "__background__",
                                         "unlabeled", "none",       "n/a"};

    for (guint i = 0; label && i < G_N_ELEMENTS(names); i++) {
        if (g_ascii_strcasecmp(label, names[i]) == 0)
            return TRUE;
    }
    return FALSE;
}

/* The lists of COCO's classes are what people mix up. */
static const gchar *
hint_for(guint n_classes)
{
    switch (n_classes) {
    case 80: return "; of COCO's lists it takes the one with 80 labels and without gaps";
    case 90:
        return "; of COCO's lists it takes the one with 90 labels, where 10 stand for numbers "
               "without class";
    default: return "";
    }
}

gboolean
vigil_labels_fit(GPtrArray *labels, guint n_classes, const gchar *name, GError **error)
{
    const gboolean background = is_background(labels->pdata[0]) || !labels->pdata[0];

    if (background && (n_classes ? labels->len == n_classes + 1 : labels->len > 1))
        g_ptr_array_remove_index(labels, 0);
    if (n_classes == 0 || labels->len == n_classes)
        return TRUE;
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                "%s has %u labels, but the model tells %u classes apart%s", name, labels->len,
                n_classes, hint_for(n_classes));
    return FALSE;
}
