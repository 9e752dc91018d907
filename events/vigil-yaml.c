/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-yaml-private.h"

#include "events/vigil-suggest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

G_DEFINE_QUARK(vigil_yaml_error_quark, vigil_yaml_error)

/* A collection that is being read. */
typedef struct {
    VigilYaml *node;
    GHashTable *
        seen; /* mappings: key → index + 1; a scan of the keys would be quadratic in hostile files */
    gchar *key; /* mappings: read, waits for its value */
    guint key_line;
} Frame;

typedef struct {
    const gchar *name;
    VigilYaml *root;
    Frame frames[VIGIL_YAML_MAX_DEPTH];
    guint depth;
    guint n_documents;
    gboolean done;
} Reader;

static VigilYaml *
node_new(VigilYamlKind kind, guint line)
{
    VigilYaml *self = g_new0(VigilYaml, 1);

    self->kind = kind;
    self->line = line;
    if (kind != VIGIL_YAML_SCALAR)
        self->children = g_ptr_array_new_with_free_func((GDestroyNotify)vigil_yaml_free);
    if (kind == VIGIL_YAML_MAPPING) {
        self->keys = g_ptr_array_new_with_free_func(g_free);
        self->key_lines = g_array_new(FALSE, FALSE, sizeof(guint));
    }
    return self;
}

void
vigil_yaml_free(VigilYaml *root)
{
    if (!root)
        return;
    g_clear_pointer(&root->children,
                    g_ptr_array_unref); /* recursion as deep as the limit on nesting */
    g_clear_pointer(&root->keys, g_ptr_array_unref);
    g_clear_pointer(&root->key_lines, g_array_unref);
    g_free(root->text);
    g_free(root->file);
    g_free(root);
}

gchar *
vigil_yaml_printable(const gchar *text)
{
    GString *out = g_string_new("");

    for (const gchar *p = text; *p; p = g_utf8_next_char(p)) {
        const gunichar c = g_utf8_get_char(p);

        if (g_utf8_strlen(text, p - text) >= 60) {
            g_string_append(out, "…");
            break;
        }
        if (g_unichar_isprint(c))
            g_string_append_unichar(out, c);
        else
            g_string_append_printf(out, "\\u%04x", c);
    }
    return g_string_free(out, FALSE);
}

static void
append_place(const VigilYaml *self, GString *place)
{
    if (!self->parent)
        return;
    append_place(self->parent, place);
    if (self->parent->kind == VIGIL_YAML_SEQUENCE) {
        g_string_append_printf(place, "[%u]", self->index);
    } else {
        g_autofree gchar *key =
            vigil_yaml_printable(g_ptr_array_index(self->parent->keys, self->index));

        g_string_append_printf(place, "%s%s", place->len ? "." : "", key);
    }
}

static void
set_error_at(const VigilYaml *self, guint line, GError **error, VigilYamlError code,
             const gchar *message)
{
    g_autoptr(GString) place = g_string_new("");
    const VigilYaml *root = self;

    while (root->parent)
        root = root->parent;
    append_place(self, place);
    g_set_error(error, VIGIL_YAML_ERROR, code, "%s:%u: %s%s%s", root->file, line, place->str,
                place->len ? ": " : "", message);
}

gboolean
vigil_yaml_set_error(const VigilYaml *self, GError **error, const gchar *format, ...)
{
    g_autofree gchar *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    set_error_at(self, self->line, error, VIGIL_YAML_ERROR_VALUE, message);
    return FALSE;
}

static gboolean syntax_error(const Reader *reader, guint line, GError **error, const gchar *format,
                             ...) G_GNUC_PRINTF(4, 5);

static gboolean
syntax_error(const Reader *reader, guint line, GError **error, const gchar *format, ...)
{
    g_autofree gchar *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, VIGIL_YAML_ERROR, VIGIL_YAML_ERROR_SYNTAX, "%s:%u: %s", reader->name, line,
                message);
    return FALSE;
}

/* Hangs a finished scalar or a collection that begins where it belongs; the tree owns it from then on. */
static void
attach(Reader *reader, VigilYaml *node)
{
    Frame *frame;

    if (reader->depth == 0) {
        node->file = g_strdup(reader->name);
        reader->root = node;
        return;
    }
    frame = &reader->frames[reader->depth - 1];
    node->parent = frame->node;
    node->index = frame->node->children->len;
    if (frame->node->kind == VIGIL_YAML_MAPPING) {
        node->line = frame->key_line;
        g_ptr_array_add(frame->node->keys, g_steal_pointer(&frame->key));
        g_array_append_val(frame->node->key_lines, frame->key_line);
    }
    g_ptr_array_add(frame->node->children, node);
}

static gboolean
wants_key(const Reader *reader)
{
    const Frame *frame = reader->depth ? &reader->frames[reader->depth - 1] : NULL;

    return frame && frame->node->kind == VIGIL_YAML_MAPPING && !frame->key;
}

static gboolean
take_key(Reader *reader, const gchar *text, guint line, GError **error)
{
    Frame *frame = &reader->frames[reader->depth - 1];
    const guint first = GPOINTER_TO_UINT(g_hash_table_lookup(frame->seen, text));

    if (first) {
        g_autofree gchar *key = vigil_yaml_printable(text);
        g_autofree gchar *message =
            g_strdup_printf("the key \"%s\" is given twice, first in line %u", key, first);

        set_error_at(frame->node, line, error, VIGIL_YAML_ERROR_VALUE, message);
        return FALSE;
    }
    frame->key = g_strdup(text);
    frame->key_line = line;
    g_hash_table_insert(frame->seen, g_strdup(text), GUINT_TO_POINTER(line));
    return TRUE;
}

static gboolean
take_scalar(Reader *reader, const yaml_event_t *event, guint line, GError **error)
{
    const gchar *text = (const gchar *)event->data.scalar.value;
    VigilYaml *node;

    if (strlen(text) != event->data.scalar.length)
        return syntax_error(reader, line, error, "a NUL character has no place here");
    if (wants_key(reader))
        return take_key(reader, text, line, error);
    node = node_new(VIGIL_YAML_SCALAR, line);
    node->text = g_strdup(text);
    attach(reader, node);
    return TRUE;
}

static gboolean
open_collection(Reader *reader, VigilYamlKind kind, guint line, GError **error)
{
    VigilYaml *node;
    Frame *frame;

    if (wants_key(reader))
        return syntax_error(reader, line, error,
                            "a key must be a plain word, this is a list or a mapping");
    if (reader->depth == VIGIL_YAML_MAX_DEPTH)
        return syntax_error(reader, line, error, "nested more than %d deep", VIGIL_YAML_MAX_DEPTH);
    node = node_new(kind, line);
    attach(reader, node);
    frame = &reader->frames[reader->depth++];
    *frame = (Frame){.node = node};
    if (kind == VIGIL_YAML_MAPPING)
        frame->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return TRUE;
}

static void
close_collection(Reader *reader)
{
    Frame *frame = &reader->frames[--reader->depth];

    g_clear_pointer(&frame->seen, g_hash_table_unref);
    g_clear_pointer(&frame->key, g_free);
}

static gboolean
has_anchor_or_tag(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT: return event->data.scalar.anchor || event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor || event->data.mapping_start.tag;
    default: return FALSE;
    }
}

static gboolean
take_event(Reader *reader, const yaml_event_t *event, GError **error)
{
    const guint line = event->start_mark.line + 1;

    /* An alias lets a kilobyte stand for gigabytes ("billion laughs"), and a configuration does not need one. */
    if (event->type == YAML_ALIAS_EVENT || has_anchor_or_tag(event))
        return syntax_error(reader, line, error,
                            "anchors (&), aliases (*) and tags (!) are not taken; write it out");
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (reader->n_documents++)
            return syntax_error(reader, line, error,
                                "a second document begins here; one is all there may be");
        return TRUE;
    case YAML_SCALAR_EVENT: return take_scalar(reader, event, line, error);
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(reader, VIGIL_YAML_SEQUENCE, line, error);
    case YAML_MAPPING_START_EVENT: return open_collection(reader, VIGIL_YAML_MAPPING, line, error);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: close_collection(reader); return TRUE;
    case YAML_STREAM_END_EVENT: reader->done = TRUE; return TRUE;
    default: return TRUE;
    }
}

/* libyaml marks mistakes of the encoding by their offset only. */
static gboolean
libyaml_error(const Reader *reader, const yaml_parser_t *parser, const gchar *text, gsize length,
              GError **error)
{
    guint line = parser->problem_mark.line + 1;

    if (parser->error == YAML_READER_ERROR) {
        line = 1;
        for (gsize i = 0; i < MIN(parser->problem_offset, length); i++)
            line += text[i] == '\n';
    }
    return syntax_error(reader, line, error, "not YAML: %s",
                        parser->problem ? parser->problem : "out of memory");
}

static gboolean
read_document(Reader *reader, const gchar *text, gsize length, GError **error)
{
    yaml_parser_t parser;
    gboolean ok = TRUE;

    if (!yaml_parser_initialize(&parser))
        return syntax_error(reader, 1, error, "out of memory");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const guchar *)text, length);
    while (ok && !reader->done) {
        yaml_event_t event;

        if (!yaml_parser_parse(&parser, &event)) {
            ok = libyaml_error(reader, &parser, text, length, error);
            break;
        }
        ok = take_event(reader, &event, error);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    while (reader->depth)
        close_collection(reader);
    return ok;
}

VigilYaml *
vigil_yaml_parse(const gchar *text, gsize length, const gchar *name, GError **error)
{
    Reader reader = {.name = name};

    if (length > VIGIL_YAML_MAX_BYTES) {
        syntax_error(&reader, 1, error, "larger than 1 MiB; this is no configuration");
        return NULL;
    }
    if (!read_document(&reader, text, length, error)) {
        vigil_yaml_free(reader.root);
        return NULL;
    }
    if (!reader.root)
        syntax_error(&reader, 1, error, "there is nothing in it");
    return reader.root;
}

static void
io_error(const gchar *path, gint code, GError **error)
{
    g_set_error(error, VIGIL_YAML_ERROR, VIGIL_YAML_ERROR_IO, "%s: %s", path, g_strerror(code));
}

VigilYaml *
vigil_yaml_load(const gchar *path, GError **error)
{
    /* not g_file_get_contents(), which would first read all of a device or a film given by mistake */
    FILE *file = fopen(path, "re");
    g_autofree gchar *text = NULL;
    gsize length;
    gint code;

    if (!file) {
        io_error(path, errno, error);
        return NULL;
    }
    text = g_malloc(VIGIL_YAML_MAX_BYTES + 1);
    errno = 0;
    length = fread(text, 1, VIGIL_YAML_MAX_BYTES + 1, file);
    code = ferror(file) ? (errno ? errno : EIO) : 0;
    fclose(file);
    if (code) {
        io_error(path, code, error);
        return NULL;
    }
    return vigil_yaml_parse(text, length, path, error);
}

VigilYamlKind
vigil_yaml_get_kind(const VigilYaml *self)
{
    return self->kind;
}

guint
vigil_yaml_get_line(const VigilYaml *self)
{
    return self->line;
}

guint
vigil_yaml_get_n(const VigilYaml *self)
{
    return self->children ? self->children->len : 0;
}

const VigilYaml *
vigil_yaml_get_item(const VigilYaml *self, guint index)
{
    g_return_val_if_fail(index < vigil_yaml_get_n(self), NULL);
    return g_ptr_array_index(self->children, index);
}

const gchar *
vigil_yaml_get_key(const VigilYaml *self, guint index)
{
    g_return_val_if_fail(self->keys && index < self->keys->len, NULL);
    return g_ptr_array_index(self->keys, index);
}

const VigilYaml *
vigil_yaml_get(const VigilYaml *self, const gchar *key)
{
    for (guint i = 0; self->keys && i < self->keys->len; i++)
        if (g_str_equal(g_ptr_array_index(self->keys, i), key))
            return g_ptr_array_index(self->children, i);
    return NULL;
}

gboolean
vigil_yaml_keep(GError **all, GError *one)
{
    gchar *text;

    if (!one)
        return TRUE;
    if (!all || !*all) {
        g_propagate_error(all, one);
        return FALSE;
    }
    text = g_strdup_printf("%s\n%s", (*all)->message, one->message);
    g_free((*all)->message);
    (*all)->message = text;
    g_error_free(one);
    return FALSE;
}

gboolean
vigil_yaml_check_keys(const VigilYaml *self, const gchar *const *known, GError **error)
{
    gboolean ok = TRUE;

    if (self->kind != VIGIL_YAML_MAPPING)
        return vigil_yaml_set_wrong_kind(self, error, "a mapping (key: value)");
    for (guint i = 0; i < self->keys->len; i++) {
        const gchar *key = g_ptr_array_index(self->keys, i);
        g_autofree gchar *shown = NULL, *all = NULL, *message = NULL;
        const gchar *nearest;
        GError *one = NULL;

        if (g_strv_contains(known, key))
            continue;
        nearest = vigil_suggest(key, known);
        shown = vigil_yaml_printable(key);
        all = g_strjoinv(", ", (gchar **)known);
        message = nearest
                      ? g_strdup_printf("unknown key \"%s\"; did you mean \"%s\"?", shown, nearest)
                      : g_strdup_printf("unknown key \"%s\"; known are: %s", shown, all);
        set_error_at(self, g_array_index(self->key_lines, guint, i), &one, VIGIL_YAML_ERROR_VALUE,
                     message);
        ok &= vigil_yaml_keep(error, one);
    }
    return ok;
}
