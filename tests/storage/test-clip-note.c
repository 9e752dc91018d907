/* SPDX-License-Identifier: Apache-2.0 */
/* What a clip says of itself: written, read, cut off, damaged. */
#include <string.h>
#include <sys/mman.h>

#include "storage/vigil-clip-note.h"
#include "tests/storage/store-test.h"

typedef struct {
    GPtrArray *events; /* of VigilEvent */
    GArray *written;   /* of gint64 */
    VigilClipInfo info;
    VigilClipScan scan;
    guint wanted; /* 0: all */
} Found;

static void
found_clear(Found *self)
{
    g_ptr_array_unref(self->events);
    g_array_unref(self->written);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Found, found_clear)

static gboolean
on_note(const VigilClipNote *note, gpointer user_data)
{
    Found *found = user_data;

    if (note->kind == VIGIL_CLIP_NOTE_CLOSED) {
        found->info = note->info;
        return TRUE;
    }
    ck_assert_int_eq(note->kind, VIGIL_CLIP_NOTE_EVENT);
    g_ptr_array_add(found->events, vigil_event_ref(note->event));
    g_array_append_val(found->written, note->written_wall_us);
    return found->events->len != found->wanted;
}

static Found
read_some(const GByteArray *bytes, guint wanted)
{
    const gint fd = memfd_create("note", MFD_CLOEXEC);
    Found found = {
        .events = g_ptr_array_new_with_free_func((GDestroyNotify)vigil_event_unref),
        .written = g_array_new(FALSE, FALSE, sizeof(gint64)),
        .wanted = wanted,
    };

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes->data, bytes->len), bytes->len);
    ck_assert_int_eq(vigil_clip_notes_read(fd, on_note, &found, &found.scan), 0);
    close(fd);
    return found;
}

static Found
read_bytes(const GByteArray *bytes)
{
    return read_some(bytes, 0);
}

/* @note: (transfer full) */
static void
append(GByteArray *file, GBytes *note)
{
    gsize length;
    gconstpointer data = g_bytes_get_data(note, &length);

    g_byte_array_append(file, data, (guint)length);
    g_bytes_unref(note);
}

static void
append_box(GByteArray *file, const gchar *type, guint content)
{
    g_autofree guint8 *box = g_malloc0(8 + content);
    const guint32 size = GUINT32_TO_BE(8 + content);

    memcpy(box, &size, 4);
    memcpy(box + 4, type, 4);
    g_byte_array_append(file, box, 8 + content);
}

static GByteArray *
make_file(void)
{
    GByteArray *file = g_byte_array_new();
    static const VigilEventType types[] = {VIGIL_EVENT_BEGIN, VIGIL_EVENT_UPDATE, VIGIL_EVENT_END};

    append_box(file, "ftyp", 16);
    append_box(file, "moov", 500);
    for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autoptr(VigilEvent) event = store_test_event(4, types[i]);

        append_box(file, "moof", 100);
        append_box(file, "mdat", 3000);
        append(file, vigil_clip_note_event(event, 0, TEST_WALL_US + i));
    }
    append(file, vigil_clip_note_closed(&store_test_info));
    return file;
}

static void
assert_same_event(const VigilEvent *a, const VigilEvent *b)
{
    g_autofree gchar *left = vigil_event_to_json(a, "x"), *right = vigil_event_to_json(b, "x");

    ck_assert_str_eq(left, right);
    ck_assert(a->label_id == b->label_id && a->trigger_ns == b->trigger_ns &&
              a->time_ns == b->time_ns && a->pre_ns == b->pre_ns && a->post_ns == b->post_ns &&
              a->score == b->score && a->top_score == b->top_score && a->record == b->record &&
              a->start_wall_us == b->start_wall_us && a->end_wall_us == b->end_wall_us &&
              a->start_ns == b->start_ns && a->end_ns == b->end_ns &&
              a->frames_seen == b->frames_seen && a->frames_inferred == b->frames_inferred &&
              a->model.name == b->model.name && a->model.sha256 == b->model.sha256);
    ck_assert_int_eq(memcmp(&a->box, &b->box, sizeof a->box), 0);
    ck_assert((a->path == NULL) == (b->path == NULL));
    ck_assert((a->snapshot == NULL) == (b->snapshot == NULL));
    ck_assert(!a->snapshot || g_bytes_equal(a->snapshot, b->snapshot));
}

START_TEST(test_what_is_written_is_read)
{
    g_autoptr(GByteArray) file = make_file();
    g_auto(Found) found = read_bytes(file);
    g_autoptr(VigilEvent) begin = store_test_event(4, VIGIL_EVENT_BEGIN);
    g_autoptr(VigilEvent) end = store_test_event(4, VIGIL_EVENT_END);
    const VigilEvent *last;
    g_autoptr(GByteArray) a = NULL, b = NULL;
    guint n;

    ck_assert_uint_eq(found.scan.n_notes, 4);
    ck_assert_uint_eq(found.scan.n_fragments, 3);
    ck_assert_uint_eq(found.scan.n_damaged, 0);
    ck_assert_uint_eq(found.scan.bytes, file->len);
    ck_assert(found.scan.complete);
    ck_assert_uint_eq(found.events->len, 3);
    assert_same_event(found.events->pdata[0], begin);
    last = found.events->pdata[2];
    assert_same_event(last, end);
    a = vigil_path_encode(last->path, &n);
    b = vigil_path_encode(end->path, &n);
    ck_assert_uint_eq(a->len, b->len);
    ck_assert_int_eq(memcmp(a->data, b->data, a->len), 0);
    ck_assert_int_eq(g_array_index(found.written, gint64, 2), TEST_WALL_US + 2);
    ck_assert_str_eq(found.info.codec, store_test_info.codec);
    ck_assert(found.info.start_ns == store_test_info.start_ns &&
              found.info.end_ns == store_test_info.end_ns &&
              found.info.start_wall_us == store_test_info.start_wall_us &&
              found.info.end_wall_us == store_test_info.end_wall_us && found.info.width == 640 &&
              found.info.height == 480);
}
END_TEST

START_TEST(test_nothing_is_read_behind_what_is_wanted)
{
    g_autoptr(GByteArray) file = make_file();

    for (guint n = 1; n < 4; n++) {
        g_auto(Found) found = read_some(file, n);

        ck_assert_uint_eq(found.events->len, n);
        ck_assert_uint_eq(found.scan.n_notes, n);
        ck_assert(!found.scan.complete);
    }
}
END_TEST

START_TEST(test_names_of_people_are_kept)
{
    g_autoptr(GByteArray) file = g_byte_array_new();
    g_autoptr(VigilEvent) event = store_test_event(1, VIGIL_EVENT_BEGIN);

    event->camera = g_intern_string("Tür \"Ost\"");
    event->rule = g_intern_string("玄関");
    event->label = g_intern_string("bad \xff byte");
    append_box(file, "mdat", 1);
    append(file, vigil_clip_note_event(event, 0, 0));
    g_auto(Found) found = read_bytes(file);
    ck_assert_uint_eq(found.events->len, 1);
    event->label = g_intern_string("bad \xef\xbf\xbd byte");
    assert_same_event(found.events->pdata[0], event);
}
END_TEST

START_TEST(test_file_that_is_cut_off_tells_what_it_has)
{
    g_autoptr(GByteArray) file = make_file();
    const guint whole = file->len;
    guint n_last = 4;

    for (gint length = (gint)whole - 1; length >= 0; length -= MIN(length, 7) + !length) {
        g_byte_array_set_size(file, (guint)length);
        g_auto(Found) found = read_bytes(file);
        ck_assert_uint_le(found.scan.n_notes, n_last);
        ck_assert_uint_eq(found.scan.n_damaged, 0);
        ck_assert(!found.scan.complete);
        n_last = found.scan.n_notes;
    }
    ck_assert_uint_eq(n_last, 0);
}
END_TEST

/* No bit of a note can change unnoticed; what changes elsewhere loses what is behind it at most. */
START_TEST(test_damage_is_noticed)
{
    g_autoptr(GByteArray) file = make_file();

    const guint step = g_getenv("ASAN_OPTIONS") ? 331 : 23; /* a sanitizer is slow */

    for (guint bit = 0; bit < file->len * 8; bit += step) {
        file->data[bit / 8] ^= 1 << bit % 8;
        g_auto(Found) found = read_bytes(file);
        for (guint i = 0; i < found.events->len; i++)
            ck_assert_str_eq(((VigilEvent *)found.events->pdata[i])->id, store_test_id(4));
        ck_assert_uint_le(found.scan.n_notes, 4);
        file->data[bit / 8] ^= 1 << bit % 8;
    }
}
END_TEST

/* The first event of the file with one key of another kind or value. */
static GByteArray *
make_strange_note(const gchar *key, GVariant *value)
{
    g_autoptr(VigilEvent) event = store_test_event(4, VIGIL_EVENT_END);
    g_autoptr(GBytes) box = vigil_clip_note_event(event, 0, 0);
    g_autoptr(GVariant) body = NULL, changed = NULL, unset = g_variant_ref_sink(value);
    g_autoptr(GBytes) tail = g_bytes_new_from_bytes(box, 34, g_bytes_get_size(box) - 34);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_auto(GVariantDict) dict;
    GByteArray *file = g_byte_array_new();
    guint8 digest[32];
    gsize n = sizeof digest;
    guint32 size;

    body = g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE_VARDICT, tail, FALSE));
    g_variant_dict_init(&dict, body);
    g_variant_dict_insert_value(&dict, key, unset);
    changed = g_variant_ref_sink(g_variant_dict_end(&dict));
    g_byte_array_append(file, g_bytes_get_data(box, NULL), 34);
    g_byte_array_append(file, g_variant_get_data(changed), (guint)g_variant_get_size(changed));
    size = GUINT32_TO_BE(file->len);
    memcpy(file->data, &size, 4);
    g_checksum_update(sum, file->data + 24, 2);
    g_checksum_update(sum, file->data + 34, file->len - 34);
    g_checksum_get_digest(sum, digest, &n);
    memcpy(file->data + 26, digest, 8);
    return file;
}

START_TEST(test_values_that_cannot_be_are_refused)
{
    g_autofree gchar *endless = g_strnfill(300, 'x');
    const struct {
        const gchar *key;
        GVariant *value;
        gboolean fine;
    } cases[] = {
        {"rule", g_variant_new_string("another"), TRUE},
        {"unheard", g_variant_new_string("of"), TRUE},
        {"model_sha256", g_variant_new_string("of no model"), TRUE},
        {"model", g_variant_new_string("without a hash"), TRUE},
        {"id", g_variant_new_string("../../etc/passwd"), FALSE},
        {"id", g_variant_new_string(""), FALSE},
        {"id", g_variant_new_string("0123456789012345678901234567"), FALSE},
        {"id", g_variant_new_int32(1), FALSE},
        {"type", g_variant_new_string("unknown"), FALSE},
        {"end_reason", g_variant_new_string("none"), FALSE},
        {"camera", g_variant_new_string(endless), FALSE},
        {"score", g_variant_new_double(NAN), FALSE},
        {"top_score", g_variant_new_double(1e300), FALSE},
        {"box", g_variant_new("(dddd)", 0.0, INFINITY, 1.0, 1.0), FALSE},
        {"path", g_variant_new_bytestring("no path"), FALSE},
        {"start_ns", g_variant_new_string("soon"), FALSE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) file = make_strange_note(cases[i].key, cases[i].value);
        g_auto(Found) found = read_bytes(file);

        ck_assert_msg((found.events->len == 1) == cases[i].fine, "%u: %s", i, cases[i].key);
        ck_assert_uint_eq(found.scan.n_damaged, !cases[i].fine);
        for (guint k = 0; k < found.events->len; k++) {
            const VigilEvent *event = found.events->pdata[k];

            ck_assert(!event->model.name && !event->model.sha256);
        }
    }
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_what_is_written_is_read,  test_nothing_is_read_behind_what_is_wanted,
        test_names_of_people_are_kept, test_file_that_is_cut_off_tells_what_it_has,
        test_damage_is_noticed,        test_values_that_cannot_be_are_refused,
    };

    return store_test_main("clip-note", tests, G_N_ELEMENTS(tests));
}
