/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-clip-note.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/vigil-mp4-box.h"
#include "storage/vigil-store-private.h"

#define FORMAT_VERSION 1
#define UUID_BYTES 16
#define CHECK_BYTES 8
#define BOX_BYTES 8 /* size and type */
#define NOTE_BYTES (BOX_BYTES + UUID_BYTES + 2 + CHECK_BYTES)
#define MAX_SNAPSHOT_BYTES (512 * 1024)
/* A day of fragments of a second, with a note each, is a tenth of this: more is no clip. */
#define MAX_BOXES (1 << 21)
#define MAX_NAMES 32
#define MAX_TEXT_BYTES 256

static const guint8 box_type[4] = {'u', 'u', 'i', 'd'};
static const guint8 note_uuid[UUID_BYTES] = {0x6b, 0x3c, 0x1f, 0x0e, 0x58, 0xa4, 0x4d, 0x0b,
                                             0x9c, 0x57, 0x76, 0x69, 0x67, 0x6c, 0x6e, 0x31};

/* --- writing ------------------------------------------------------------------------------------------------- */

static void
compute_check(const guint8 *head, const guint8 *body, gsize length, guint8 check[CHECK_BYTES])
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 digest[32];
    gsize n = sizeof digest;

    g_checksum_update(sum, head, 2);
    g_checksum_update(sum, body, (gssize)length);
    g_checksum_get_digest(sum, digest, &n);
    memcpy(check, digest, CHECK_BYTES);
}

/* From this machine's order of bytes, or to it. @value: (transfer full) */
static GVariant *
to_little_endian(GVariant *value)
{
    GVariant *swapped;

    if (G_BYTE_ORDER == G_LITTLE_ENDIAN)
        return value;
    swapped = g_variant_byteswap(value);
    g_variant_unref(value);
    return swapped;
}

/* @body: (transfer floating) */
static GBytes *
make_box(VigilClipNoteKind kind, GVariant *body)
{
    g_autoptr(GVariant) value = to_little_endian(g_variant_ref_sink(body));
    const gsize length = g_variant_get_size(value), size = NOTE_BYTES + length;
    guint8 *box = g_malloc(size), *at = box;
    const guint32 size_be = GUINT32_TO_BE((guint32)size);

    memcpy(at, &size_be, 4);
    memcpy(at + 4, box_type, sizeof box_type);
    memcpy(at + BOX_BYTES, note_uuid, UUID_BYTES);
    at += BOX_BYTES + UUID_BYTES;
    at[0] = FORMAT_VERSION;
    at[1] = (guint8)kind;
    memcpy(box + NOTE_BYTES, g_variant_get_data(value), length);
    compute_check(at, box + NOTE_BYTES, length, at + 2);
    return g_bytes_new_take(box, size);
}

static void
add(GVariantBuilder *body, const gchar *key, GVariant *value)
{
    g_variant_builder_add(body, "{sv}", key, value);
}

static void
add_text(GVariantBuilder *body, const gchar *key, const gchar *text)
{
    add(body, key, g_variant_new_take_string(g_utf8_make_valid(text ? text : "", -1)));
}

static void
add_time(GVariantBuilder *body, const gchar *key, gint64 time)
{
    add(body, key, g_variant_new_int64(time));
}

static void
add_names(GVariantBuilder *body, const gchar *key, const gchar *const *names)
{
    GVariantBuilder list;

    if (!names)
        return;
    g_variant_builder_init(&list, G_VARIANT_TYPE_STRING_ARRAY);
    for (guint i = 0; i < MAX_NAMES && names[i]; i++)
        g_variant_builder_add_value(&list,
                                    g_variant_new_take_string(g_utf8_make_valid(names[i], -1)));
    add(body, key, g_variant_builder_end(&list));
}

static void
add_bytes(GVariantBuilder *body, const gchar *key, gconstpointer data, gsize length)
{
    add(body, key, g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, data, length, 1));
}

static void
add_times(GVariantBuilder *body, const VigilEvent *event)
{
    add_time(body, "start_ns", event->start_ns);
    add_time(body, "trigger_ns", event->trigger_ns);
    add_time(body, "end_ns", event->end_ns);
    add_time(body, "time_ns", event->time_ns);
    add_time(body, "start_us", event->start_wall_us);
    add_time(body, "end_us", event->end_wall_us);
    add_time(body, "pre_ns", event->pre_ns);
    add_time(body, "post_ns", event->post_ns);
}

static void
add_what_was_seen(GVariantBuilder *body, const VigilEvent *event)
{
    const VigilBox *box = &event->box;

    add(body, "score", g_variant_new_double(event->score));
    add(body, "top_score", g_variant_new_double(event->top_score));
    add(body, "box",
        g_variant_new("(dddd)", (gdouble)box->x0, (gdouble)box->y0, (gdouble)box->x1,
                      (gdouble)box->y1));
    add_names(body, "zones", (const gchar *const *)event->zones);
    add_names(body, "lines", (const gchar *const *)event->lines);
    add(body, "frames", g_variant_new("(uu)", event->frames_seen, event->frames_inferred));
    if (event->model.sha256) {
        add_text(body, "model", event->model.name);
        add_text(body, "model_sha256", event->model.sha256);
    }
}

static void
add_path_and_snapshot(GVariantBuilder *body, const VigilEvent *event)
{
    if (event->path) {
        guint n_points;
        g_autoptr(GByteArray) path = vigil_path_encode(event->path, &n_points);

        add_bytes(body, "path", path->data, path->len);
    }
    if (event->snapshot && g_bytes_get_size(event->snapshot) <= MAX_SNAPSHOT_BYTES) {
        gsize length;
        gconstpointer data = g_bytes_get_data(event->snapshot, &length);

        add_bytes(body, "snapshot", data, length);
    }
}

GBytes *
vigil_clip_note_event(const VigilEvent *event, guint part, gint64 written_wall_us)
{
    GVariantBuilder body;

    g_variant_builder_init(&body, G_VARIANT_TYPE_VARDICT);
    add_text(&body, "id", event->id);
    add_text(&body, "type", vigil_event_type_to_string(event->type));
    if (event->type == VIGIL_EVENT_END)
        add_text(&body, "end_reason", vigil_end_reason_to_string(event->end_reason));
    add_text(&body, "camera", event->camera);
    add_text(&body, "rule", event->rule);
    add_text(&body, "label", event->label);
    add(&body, "label_id", g_variant_new_int32(event->label_id));
    add(&body, "track", g_variant_new_uint64(event->track_id));
    add(&body, "record", g_variant_new_boolean(event->record));
    if (part > 0)
        add(&body, "part", g_variant_new_uint32(part));
    add_time(&body, "written_us", written_wall_us);
    add_times(&body, event);
    add_what_was_seen(&body, event);
    add_path_and_snapshot(&body, event);
    return make_box(VIGIL_CLIP_NOTE_EVENT, g_variant_builder_end(&body));
}

GBytes *
vigil_clip_note_footage(const gchar *camera, gint64 start_wall_us, gint64 written_wall_us)
{
    GVariantBuilder body;

    g_variant_builder_init(&body, G_VARIANT_TYPE_VARDICT);
    add_text(&body, "camera", camera);
    add_time(&body, "start_us", start_wall_us);
    add_time(&body, "written_us", written_wall_us);
    return make_box(VIGIL_CLIP_NOTE_FOOTAGE, g_variant_builder_end(&body));
}

GBytes *
vigil_clip_note_closed(const VigilClipInfo *info)
{
    GVariantBuilder body;

    g_variant_builder_init(&body, G_VARIANT_TYPE_VARDICT);
    add_time(&body, "start_ns", info->start_ns);
    add_time(&body, "end_ns", info->end_ns);
    add_time(&body, "start_us", info->start_wall_us);
    add_time(&body, "end_us", info->end_wall_us);
    add(&body, "size", g_variant_new("(uu)", info->width, info->height));
    add_text(&body, "codec", info->codec);
    return make_box(VIGIL_CLIP_NOTE_CLOSED, g_variant_builder_end(&body));
}

/* --- reading ------------------------------------------------------------------------------------------------- */

static gboolean
is_id(const gchar *text)
{
    gsize n = 0;

    for (; text[n]; n++)
        if (!g_ascii_isalnum(text[n]))
            return FALSE;
    return n > 0 && n <= VIGIL_EVENT_ID_LENGTH;
}

static const gchar *
read_text(GVariant *body, const gchar *key)
{
    const gchar *text;

    if (!g_variant_lookup(body, key, "&s", &text) || strlen(text) > MAX_TEXT_BYTES)
        return NULL;
    return g_intern_string(text); /* stays for ever: hence the limits */
}

static gboolean
read_names(GVariant *body, const gchar *key, const gchar ***names)
{
    g_autofree const gchar **list = NULL;
    gsize n;
    g_autoptr(GVariant) value = g_variant_lookup_value(body, key, G_VARIANT_TYPE_STRING_ARRAY);

    if (!value)
        return TRUE;
    if (g_variant_n_children(value) > MAX_NAMES)
        return FALSE;
    list = g_variant_get_strv(value, &n);
    for (gsize i = 0; i < n; i++) {
        if (strlen(list[i]) > MAX_TEXT_BYTES)
            return FALSE;
        list[i] = g_intern_string(list[i]);
    }
    *names = g_steal_pointer(&list);
    return TRUE;
}

static gboolean
read_number(GVariant *body, const gchar *key, gfloat *value)
{
    gdouble number;

    if (!g_variant_lookup(body, key, "d", &number) || !isfinite(number))
        return FALSE;
    *value = (gfloat)number;
    return isfinite(*value);
}

static gboolean
read_box(GVariant *body, VigilBox *box)
{
    gdouble x0, y0, x1, y1;

    if (!g_variant_lookup(body, "box", "(dddd)", &x0, &y0, &x1, &y1))
        return FALSE;
    *box = (VigilBox){(gfloat)x0, (gfloat)y0, (gfloat)x1, (gfloat)y1};
    return isfinite(box->x0) && isfinite(box->y0) && isfinite(box->x1) && isfinite(box->y1);
}

static gboolean
read_times(GVariant *body, VigilEvent *event)
{
    return g_variant_lookup(body, "start_ns", "x", &event->start_ns) &&
           g_variant_lookup(body, "trigger_ns", "x", &event->trigger_ns) &&
           g_variant_lookup(body, "end_ns", "x", &event->end_ns) &&
           g_variant_lookup(body, "time_ns", "x", &event->time_ns) &&
           g_variant_lookup(body, "start_us", "x", &event->start_wall_us) &&
           g_variant_lookup(body, "end_us", "x", &event->end_wall_us) &&
           g_variant_lookup(body, "pre_ns", "x", &event->pre_ns) &&
           g_variant_lookup(body, "post_ns", "x", &event->post_ns);
}

static gboolean
read_type(GVariant *body, VigilEvent *event)
{
    const gchar *type, *reason;

    if (!g_variant_lookup(body, "type", "&s", &type))
        return FALSE;
    for (event->type = VIGIL_EVENT_BEGIN; event->type < VIGIL_EVENT_END; event->type++)
        if (g_str_equal(type, vigil_event_type_to_string(event->type)))
            return TRUE;
    if (!g_str_equal(type, vigil_event_type_to_string(VIGIL_EVENT_END)) ||
        !g_variant_lookup(body, "end_reason", "&s", &reason))
        return FALSE;
    event->end_reason = vigil_end_reason_from_string(reason);
    return event->end_reason != VIGIL_END_NONE;
}

static gboolean
read_identity(GVariant *body, VigilEvent *event)
{
    const gchar *id;

    if (!g_variant_lookup(body, "id", "&s", &id) || !is_id(id) || !read_type(body, event))
        return FALSE;
    g_strlcpy(event->id, id, sizeof event->id);
    event->camera = read_text(body, "camera");
    event->rule = read_text(body, "rule");
    event->label = read_text(body, "label");
    g_variant_lookup(body, "label_id", "i", &event->label_id);
    g_variant_lookup(body, "track", "t", &event->track_id);
    g_variant_lookup(body, "record", "b", &event->record);
    return event->camera && event->rule && event->label;
}

static gboolean
read_path_and_snapshot(GVariant *body, VigilEvent *event)
{
    g_autoptr(GVariant) path = g_variant_lookup_value(body, "path", G_VARIANT_TYPE_BYTESTRING);
    g_autoptr(GVariant) jpeg = g_variant_lookup_value(body, "snapshot", G_VARIANT_TYPE_BYTESTRING);
    gconstpointer data;
    gsize length;

    if (path) {
        data = g_variant_get_fixed_array(path, &length, 1);
        event->path = vigil_path_decode(data, length);
        if (!event->path)
            return FALSE;
    }
    if (jpeg)
        event->snapshot = g_variant_get_data_as_bytes(jpeg);
    return TRUE;
}

static VigilEvent *
read_event(GVariant *body)
{
    g_autoptr(VigilEvent) event = vigil_event_new();
    if (!read_identity(body, event) || !read_times(body, event) ||
        !read_number(body, "score", &event->score) ||
        !read_number(body, "top_score", &event->top_score) || !read_box(body, &event->box) ||
        !read_names(body, "zones", &event->zones) || !read_names(body, "lines", &event->lines) ||
        !read_path_and_snapshot(body, event))
        return NULL;
    g_variant_lookup(body, "frames", "(uu)", &event->frames_seen, &event->frames_inferred);
    event->model.name = read_text(body, "model");
    event->model.sha256 = read_text(body, "model_sha256");
    if (!event->model.name || !event->model.sha256)
        event->model.name = event->model.sha256 = NULL; /* one says nothing without the other */
    return g_steal_pointer(&event);
}

static gboolean
read_info(GVariant *body, VigilClipInfo *info)
{
    info->codec = read_text(body, "codec");
    return info->codec && g_variant_lookup(body, "start_ns", "x", &info->start_ns) &&
           g_variant_lookup(body, "end_ns", "x", &info->end_ns) &&
           g_variant_lookup(body, "start_us", "x", &info->start_wall_us) &&
           g_variant_lookup(body, "end_us", "x", &info->end_wall_us) &&
           g_variant_lookup(body, "size", "(uu)", &info->width, &info->height);
}

static gboolean
read_footage(GVariant *body, VigilClipNote *note)
{
    note->camera = read_text(body, "camera");
    return note->camera && *note->camera &&
           g_variant_lookup(body, "start_us", "x", &note->start_wall_us) &&
           g_variant_lookup(body, "written_us", "x", &note->written_wall_us);
}

static GVariant *
read_body(const guint8 *data, gsize length)
{
    /* copied, since values of 64 bits must lie aligned */
    g_autoptr(GBytes) bytes = g_bytes_new(data, length);
    g_autoptr(GVariant) raw =
        g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE_VARDICT, bytes, FALSE));

    if (!g_variant_is_normal_form(raw))
        return NULL;
    return to_little_endian(g_steal_pointer(&raw));
}

/* @data: what follows the UUID. Returns: FALSE when it is damaged. */
static gboolean
read_note(const guint8 *data, gsize length, VigilClipNote *note)
{
    g_autoptr(GVariant) body = NULL;
    guint8 check[CHECK_BYTES];

    if (length < 2 + CHECK_BYTES || data[0] != FORMAT_VERSION)
        return FALSE;
    compute_check(data, data + 2 + CHECK_BYTES, length - 2 - CHECK_BYTES, check);
    if (memcmp(check, data + 2, CHECK_BYTES) != 0)
        return FALSE;
    body = read_body(data + 2 + CHECK_BYTES, length - 2 - CHECK_BYTES);
    if (!body)
        return FALSE;
    note->kind = data[1];
    if (note->kind == VIGIL_CLIP_NOTE_EVENT) {
        g_variant_lookup(body, "written_us", "x", &note->written_wall_us);
        g_variant_lookup(body, "part", "u", &note->part);
        note->event = read_event(body);
        return note->event != NULL;
    }
    if (note->kind == VIGIL_CLIP_NOTE_FOOTAGE)
        return read_footage(body, note);
    return note->kind != VIGIL_CLIP_NOTE_CLOSED || read_info(body, &note->info);
}

typedef struct {
    gint fd;
    VigilClipNoteFunc func;
    gpointer user_data;
    VigilClipScan *scan;
    guint64 offset;
} Walk;

/* Returns: 1, 0 when the caller wants no more, or -errno. */
static gint
take_note(Walk *walk, guint64 offset, gsize length)
{
    gboolean more = TRUE;
    g_autofree guint8 *data = g_malloc(length);
    const gssize n = vigil_mp4_read(walk->fd, data, length, offset);
    VigilClipNote note = {0};

    walk->scan->complete = FALSE;
    if (n != (gssize)length || length < UUID_BYTES || memcmp(data, note_uuid, UUID_BYTES) != 0)
        return n < 0 ? (gint)n : 1;
    if (!read_note(data + UUID_BYTES, length - UUID_BYTES, &note)) {
        walk->scan->n_damaged++;
        return 1;
    }
    walk->scan->complete = note.kind == VIGIL_CLIP_NOTE_CLOSED;
    if (note.kind >= VIGIL_CLIP_NOTE_EVENT && note.kind <= VIGIL_CLIP_NOTE_FOOTAGE) {
        walk->scan->n_notes++;
        more = walk->func(&note, walk->user_data);
    }
    g_clear_pointer(&note.event, vigil_event_unref);
    return more ? 1 : 0;
}

/* Returns: 1 when there is another box behind it, 0 at the end or where no box is, or -errno. */
static gint
take_box(Walk *walk)
{
    VigilMp4Box box;
    gint code = vigil_mp4_read_box(walk->fd, walk->offset, walk->scan->bytes, &box);

    if (code <= 0) {
        walk->scan->complete = FALSE; /* cut off, or no box */
        return code;
    }
    if (memcmp(box.type, box_type, sizeof box_type) == 0 &&
        box.size - box.header <= VIGIL_CLIP_NOTE_MAX_BYTES) {
        code = take_note(walk, walk->offset + box.header, (gsize)(box.size - box.header));
        if (code <= 0)
            return code;
    } else {
        walk->scan->n_fragments += memcmp(box.type, "mdat", 4) == 0;
        walk->scan->complete = FALSE;
    }
    walk->offset += box.size;
    return walk->offset < walk->scan->bytes;
}

gint
vigil_clip_notes_read(gint fd, VigilClipNoteFunc func, gpointer user_data, VigilClipScan *scan)
{
    Walk walk = {fd, func, user_data, scan, 0};
    struct stat info;
    gint code = 1;

    *scan = (VigilClipScan){0};
    if (fstat(fd, &info) < 0)
        return -errno;
    scan->bytes = (guint64)MAX(info.st_size, 0);
    for (guint i = 0; code > 0 && i < MAX_BOXES && walk.offset < scan->bytes; i++)
        code = take_box(&walk);
    if (walk.offset != scan->bytes)
        scan->complete = FALSE;
    return code < 0 ? code : 0;
}
