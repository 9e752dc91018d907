/* SPDX-License-Identifier: Apache-2.0 */
/* An event with all that belongs to it as one archive, for who has no Vigil. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/vigil-command.h"
#include "pipeline/vigil-store-place.h"
#include "pipeline/vigil-time.h"
#include "storage/vigil-seal.h"
#include "vigil-config.h"

#define BLOCK_BYTES (256 * 1024)

typedef struct archive Archive;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_write_free)
typedef struct archive_entry Entry;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Entry, archive_entry_free)

typedef struct {
    VigilStore *store;
    VigilSealProof proof;
    VigilEvent *event; /* with its track */
    GBytes *snapshot;  /* (nullable) */
    Archive *archive;
    GString *sums;
} Export;

static void
export_clear(Export *self)
{
    vigil_seal_proof_clear(&self->proof);
    g_clear_pointer(&self->event, vigil_event_unref);
    g_clear_pointer(&self->snapshot, g_bytes_unref);
    g_clear_pointer(&self->archive, archive_write_free);
    if (self->sums)
        g_string_free(self->sums, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Export, export_clear)

/* --- text -------------------------------------------------------------------------------------- */

static void
add_number(GString *text, const gchar *format, gdouble value)
{
    gchar number[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append(text, g_ascii_formatd(number, sizeof number, format, value));
}

/* The line of `vigil events --format json`, and the track. */
static gchar *
make_json(const VigilEvent *event, const gchar *clip)
{
    g_autofree gchar *line = vigil_event_to_json(event, clip);
    GString *text = g_string_new_len(line, (gssize)strlen(line) - 1); /* without its last brace */

    g_string_append(text, ",\"track\":[");
    for (guint i = 0; event->path && i < event->path->len; i++) {
        const VigilPathPoint *point = &g_array_index(event->path, VigilPathPoint, i);
        const gdouble box[] = {point->box.x0, point->box.y0, point->box.x1, point->box.y1};

        g_string_append(text, i ? ",{\"time_s\":" : "{\"time_s\":");
        add_number(text, "%.9f", (gdouble)point->time_ns / 1e9);
        g_string_append(text, ",\"box\":[");
        for (guint k = 0; k < 4; k++) {
            g_string_append(text, k ? "," : "");
            add_number(text, "%.5f", box[k]);
        }
        g_string_append(text, "],\"score\":");
        add_number(text, "%.3f", point->score);
        g_string_append(text, "}");
    }
    g_string_append(text, "]}\n");
    return g_string_free(text, FALSE);
}

static const gchar readme_seals[] =
    "\n"
    "WHAT WAS SEALED\n"
    "When the event was done, the recorder signed seal.bin. In it stand the BLAKE2b-256 digests of "
    "event.txt (what\n"
    "the recorder's database says of the event), track.bin and snapshot.jpg; clip-seal.bin is the "
    "record with the\n"
    "digest of clip.mp4, often the same one (clip-2-seal.bin: of clip-2.mp4). To check the "
    "signatures, with OpenSSL 3:\n"
    "\n"
    "    openssl pkeyutl -verify -pubin -inkey seal.pub -rawin -in seal.bin -sigfile seal.sig\n"
    "    openssl pkeyutl -verify -pubin -inkey clip-seal.pub -rawin -in clip-seal.bin -sigfile "
    "clip-seal.sig\n"
    "\n"
    "Both must say \"Signature Verified Successfully\". To see that a file is the one that was "
    "sealed, its digest must\n"
    "be found in the signed record; this prints 1 (not 0):\n"
    "\n"
    "    xxd -p clip-seal.bin | tr -d '\\n' | grep -c \"$(b2sum -l 256 clip.mp4 | cut -c 1-64)\"\n"
    "    xxd -p seal.bin | tr -d '\\n' | grep -c \"$(b2sum -l 256 event.txt | cut -c 1-64)\"\n"
    "\n"
    "and so on with track.bin and snapshot.jpg. A signature says who signed: compare seal.pub with "
    "the public key\n"
    "that the recorder's owner published or kept elsewhere; anybody can make a key and sign with "
    "it. The layout of\n"
    "seal.bin is described in Vigil's source, storage/vigil-seal.h.\n";

static gchar *
make_readme(const Export *self)
{
    const VigilEvent *event = self->event;
    g_autofree gchar *start = vigil_time_format(event->start_wall_us);
    g_autofree gchar *end = vigil_time_format(event->end_wall_us);

    return g_strdup_printf(
        "Event %s, written by Vigil " VIGIL_VERSION "\n\n"
        "camera  %s\nrule    %s\nobject  %s\nbegin   %s (UTC)\nend     %s (UTC)\n\n"
        "FILES\n"
        "event.json    the event, with the track of its object\n"
        "event.txt     what the recorder's database says of it, as it was sealed\n"
        "%s%s%s%s"
        "B2SUMS        digests of all other files\n"
        "\n"
        "To see that no file was damaged on its way:\n"
        "\n"
        "    b2sum -c B2SUMS\n"
        "%s",
        event->id, event->camera, event->rule, event->label, start, end,
        self->proof.clips->len ? "clip.mp4      the footage, as it was recorded\n"
                               : "There is no clip of this event.\n",
        self->proof.clips->len > 1
            ? "clip-2.mp4    what follows it, and so on; clips may overlap by a few seconds\n"
            : "",
        self->snapshot ? "snapshot.jpg  the best view of the object\n" : "",
        self->proof.track ? "track.bin     its track, as it was sealed\n" : "",
        self->proof.seal.body
            ? readme_seals
            : "\nThis event was recorded without seals: there is no signature.\n");
}

/* --- the archive ------------------------------------------------------------------------------- */

static gboolean
refuse(Export *self, GError **error)
{
    g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_IO, "cannot write the archive: %s",
                archive_error_string(self->archive));
    return FALSE;
}

static gboolean
begin_file(Export *self, const gchar *name, gint64 bytes, GError **error)
{
    g_autofree gchar *path = g_strdup_printf("%s/%s", self->event->id, name);
    g_autoptr(Entry) entry = archive_entry_new();

    archive_entry_set_pathname(entry, path);
    archive_entry_set_size(entry, bytes);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_mtime(entry, (time_t)(self->event->end_wall_us / G_USEC_PER_SEC), 0);
    return archive_write_header(self->archive, entry) == ARCHIVE_OK || refuse(self, error);
}

static gboolean
add_block(Export *self, gconstpointer data, gsize length, GError **error)
{
    return archive_write_data(self->archive, data, length) == (la_ssize_t)length ||
           refuse(self, error);
}

static void
add_sum(Export *self, const gchar *name, const guint8 digest[VIGIL_SEAL_DIGEST_BYTES])
{
    g_string_append_printf(self->sums, "BLAKE2b-256 (%s) = ", name);
    for (guint i = 0; i < VIGIL_SEAL_DIGEST_BYTES; i++)
        g_string_append_printf(self->sums, "%02x", digest[i]);
    g_string_append_c(self->sums, '\n');
}

static gboolean
add_data(Export *self, const gchar *name, gconstpointer data, gsize length, GError **error)
{
    guint8 digest[VIGIL_SEAL_DIGEST_BYTES];

    vigil_seal_digest(data, length, digest);
    add_sum(self, name, digest);
    return begin_file(self, name, (gint64)length, error) && add_block(self, data, length, error);
}

static gboolean
add_text(Export *self, const gchar *name, const gchar *text, GError **error)
{
    return add_data(self, name, text, strlen(text), error);
}

/* Nothing when there is none. */
static gboolean
add_bytes(Export *self, const gchar *name, GBytes *bytes, GError **error)
{
    gsize length;
    gconstpointer data;

    if (!bytes)
        return TRUE;
    data = g_bytes_get_data(bytes, &length);
    return add_data(self, name, data, length, error);
}

/* Of the clip @number, from 1: "clip.mp4", "clip-2.mp4", … */
static gchar *
name_clip(guint number, const gchar *rest)
{
    return number == 1 ? g_strdup_printf("clip%s", rest)
                       : g_strdup_printf("clip-%u%s", number, rest);
}

/* What is handed on must be what was sealed. */
static gboolean
check_clip(const VigilSealedClip *clip, const guint8 digest[VIGIL_SEAL_DIGEST_BYTES],
           GError **error)
{
    if (!clip->seal.body || memcmp(digest, clip->digest, VIGIL_SEAL_DIGEST_BYTES) == 0)
        return TRUE;
    g_set_error(
        error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_CORRUPT,
        "%s: this clip is not what was sealed: see `vigil fsck --verify`; `vigil clip` copies "
        "it as it is",
        clip->path);
    return FALSE;
}

static gboolean
copy_clip(Export *self, const VigilSealedClip *clip, const gchar *name, gint fd, GError **error)
{
    g_autofree guint8 *block = g_malloc(BLOCK_BYTES);
    g_autoptr(VigilSealHash) hash = vigil_seal_hash_new();
    guint8 digest[VIGIL_SEAL_DIGEST_BYTES];
    const gint64 bytes = lseek(fd, 0, SEEK_END);
    gint64 done = 0;

    if (!begin_file(self, name, bytes, error))
        return FALSE;
    while (done < bytes) {
        const gssize n =
            TEMP_FAILURE_RETRY(pread(fd, block, (gsize)MIN(BLOCK_BYTES, bytes - done), done));

        if (n <= 0) {
            g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_IO, "%s: %s", clip->path,
                        n < 0 ? g_strerror(errno) : "it became shorter");
            return FALSE;
        }
        vigil_seal_hash_add(hash, block, (gsize)n);
        if (!add_block(self, block, (gsize)n, error))
            return FALSE;
        done += n;
    }
    vigil_seal_hash_get(hash, digest);
    add_sum(self, name, digest);
    return check_clip(clip, digest, error);
}

static gboolean
add_clips(Export *self, GError **error)
{
    for (guint i = 0; i < self->proof.clips->len; i++) {
        g_autofree gchar *name = name_clip(i + 1, ".mp4");
        const gint fd = vigil_store_open_clip(self->store, self->event->id, i, error);
        gboolean ok;

        if (fd < 0)
            return FALSE;
        ok =
            copy_clip(self, &g_array_index(self->proof.clips, VigilSealedClip, i), name, fd, error);
        close(fd);
        if (!ok)
            return FALSE;
    }
    return TRUE;
}

/* @number: of a clip; 0: of the event */
static gboolean
add_seal(Export *self, const VigilSealed *seal, guint number, GError **error)
{
    g_autofree gchar *body = number ? name_clip(number, "-seal.bin") : g_strdup("seal.bin");
    g_autofree gchar *signature = number ? name_clip(number, "-seal.sig") : g_strdup("seal.sig");
    g_autofree gchar *key = number ? name_clip(number, "-seal.pub") : g_strdup("seal.pub");

    return !seal->body || (add_bytes(self, body, seal->body, error) &&
                           add_bytes(self, signature, seal->signature, error) &&
                           add_text(self, key, seal->public_key, error));
}

static gboolean
add_seals(Export *self, GError **error)
{
    if (!add_seal(self, &self->proof.seal, 0, error))
        return FALSE;
    for (guint i = 0; i < self->proof.clips->len; i++)
        if (!add_seal(self, &g_array_index(self->proof.clips, VigilSealedClip, i).seal, i + 1,
                      error))
            return FALSE;
    return TRUE;
}

static gboolean
add_all(Export *self, GError **error)
{
    g_autofree gchar *readme = make_readme(self);
    g_autofree gchar *json = make_json(self->event, self->proof.clips->len ? "clip.mp4" : NULL);

    return add_text(self, "README.txt", readme, error) &&
           add_text(self, "event.json", json, error) &&
           add_text(self, "event.txt", self->proof.statement, error) &&
           add_bytes(self, "track.bin", self->proof.track, error) &&
           add_bytes(self, "snapshot.jpg", self->snapshot, error) && add_clips(self, error) &&
           add_seals(self, error) && begin_file(self, "B2SUMS", (gint64)self->sums->len, error) &&
           add_block(self, self->sums->str, self->sums->len, error);
}

static gboolean
write_archive(Export *self, gint fd, GError **error)
{
    self->archive = archive_write_new();
    self->sums = g_string_new(NULL);
    archive_write_set_format_zip(self->archive);
    archive_write_zip_set_compression_store(self->archive); /* footage gets no smaller */
    if (archive_write_open_fd(self->archive, fd) != ARCHIVE_OK)
        return refuse(self, error);
    return add_all(self, error) &&
           (archive_write_close(self->archive) == ARCHIVE_OK || refuse(self, error));
}

/* The archive takes the place of what is there: not of a device or a link. */
static gboolean
check_output(const gchar *output, GError **error)
{
    struct stat info;

    if (lstat(output, &info) != 0 || S_ISREG(info.st_mode))
        return TRUE;
    g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                "%s: this is there and no ordinary file: it is not replaced", output);
    return FALSE;
}

/* A new name lasts once its folder is on disk. Returns 0 or errno. */
static gint
sync_folder_of(const gchar *output)
{
    g_autofree gchar *folder = g_path_get_dirname(output);
    const gint fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    gint code;

    if (fd < 0)
        return errno;
    /* EINVAL: there is no such thing on this file system */
    code = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    close(fd);
    return code;
}

/* Under another name until it is whole and on disk. For its owner alone: it is footage. */
static gboolean
write_file(Export *self, const gchar *output, GError **error)
{
    g_autofree gchar *part = g_strdup_printf("%s.part.XXXXXX", output);
    gint fd, code = 0;

    if (!check_output(output, error))
        return FALSE;
    fd = g_mkstemp_full(part, O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_IO, "%s: %s", output,
                    g_strerror(errno));
        return FALSE;
    }
    if (!write_archive(self, fd, error)) {
        close(fd);
        unlink(part);
        return FALSE;
    }
    if (fsync(fd) != 0)
        code = errno;
    if (close(fd) != 0 && code == 0)
        code = errno;
    if (code == 0 && rename(part, output) != 0)
        code = errno;
    if (code != 0)
        unlink(part);
    else
        code = sync_folder_of(output);
    if (code == 0)
        return TRUE;
    g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_IO, "%s: %s", output, g_strerror(code));
    return FALSE;
}

/* --- */

static gboolean
take_event(const VigilEventRow *row, gpointer user_data)
{
    *(VigilEvent **)user_data = vigil_event_ref((VigilEvent *)row->event);
    return FALSE;
}

static gboolean
export_event(Export *self, const gchar *id, const gchar *output, GError **error)
{
    const VigilEventQuery query = {.id = id, .with_path = TRUE};
    g_autoptr(GError) none = NULL;

    if (!vigil_store_get_proof(self->store, id, &self->proof, error) ||
        !vigil_store_query_events(self->store, &query, take_event, &self->event, error))
        return FALSE;
    if (!self->event) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND, "%s: no such event", id);
        return FALSE;
    }
    self->snapshot = vigil_store_get_snapshot(self->store, id, &none);
    if (none && !g_error_matches(none, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&none));
        return FALSE;
    }
    return write_file(self, output, error);
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(VigilStorePlace) place = {NULL};
    g_autofree gchar *output = NULL;
    const GOptionEntry entries[] = {
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "Where to (default: EVENT.zip here)",
         "FILE"},
        VIGIL_STORE_PLACE_ENTRIES(place),
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    g_autoptr(VigilStore) store = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(Export) export = {NULL};
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 1, 1, &args, &code))
        return code;
    store = vigil_store_place_open_reader(&place, &code);
    if (!store)
        return code;
    if (!output)
        output = g_strdup_printf("%s.zip", args[0]);
    export.store = store;
    if (export_event(&export, args[0], output, &error))
        return VIGIL_EXIT_OK;
    vigil_command_error("%s", error->message);
    return g_error_matches(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND)
               ? VIGIL_EXIT_NOT_FOUND
               : VIGIL_EXIT_FAILED;
}

const VigilCommand vigil_cmd_export = {
    "export", "EVENT", "Write an event, its clip and what proves them into one ZIP archive",
    "In it lie the clip, the snapshot, the event with its track, digests, signatures and the "
    "public key, and a\n"
    "README.txt that says how to check them with common tools.\n",
    run};
