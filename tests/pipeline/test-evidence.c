/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence by the program: fsck --verify, export, backup. */
#include <archive.h>
#include <archive_entry.h>
#include <glib/gstdio.h>
#include <string.h>

#include "storage/vigil-seal-shorten.h"
#include "tests/pipeline/program.h"
#include "tests/storage/store-test.h"

#define N_EVENTS 5

static StoreTest t;
static gchar *public_key;

static void
set_up(void)
{
    g_autofree gchar *path = NULL;

    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 1; i <= N_EVENTS; i++)
        ck_assert(store_test_whole(t.store, i, 1000 + i, NULL));
    path = g_build_filename(t.dir, "seal.pub", NULL);
    public_key = read_text(path);
}

static void
tear_down(void)
{
    g_clear_pointer(&public_key, g_free);
    store_test_finish(&t);
}

#define assert_says(program, wanted_code, text)                                                  \
    ck_assert_msg((program).code == (wanted_code) && strstr((program).output, text), "%d: %s%s", \
                  (program).code, (program).output, (program).errors)

START_TEST(test_verify)
{
    g_autofree gchar *elsewhere = NULL, *head = NULL;
    const gchar *at;

    set_up();
    elsewhere = folder_write(t.dir, "elsewhere.pub", "%s", public_key);
    g_auto(Program) fine = program_run("fsck", "--verify", "--store", t.dir, NULL);
    assert_says(fine, 0, "5 clips and 5 events verified against 6 records\nhead ");
    ck_assert_ptr_nonnull(strstr(fine.output, "0 found, 0 left\n"));
    at = strstr(fine.output, "head ") + strlen("head ");
    head = g_strndup(at, 64);
    g_auto(Program) with_key = program_run("fsck", "--verify", "--public-key", elsewhere, "--head",
                                           head, "--store", t.dir, NULL);
    assert_says(with_key, 0, "0 found, 0 left\n");
    store_test_exec(&t, "UPDATE events SET label = 'cat' WHERE seq = 2");
    g_auto(Program) altered = program_run("fsck", "--verify", "--store", t.dir, NULL);
    assert_says(altered, 5,
                "event 01KDXTEST00000000000000002: what it says was altered after it was sealed\n");
    ck_assert_ptr_nonnull(strstr(altered.output, "1 found, 1 left\n"));
    g_auto(Program) plain = program_run("fsck", "--store", t.dir, NULL);
    assert_says(plain, 0, "0 found, 0 left\n");
    g_auto(Program) no_head =
        program_run("fsck", "--verify", "--head", "00", "--store", t.dir, NULL);
    assert_says(no_head, 5, "no record has the digest 00");
    ck_assert_ptr_null(strstr(no_head.output, "chain from record"));
    tear_down();
}
END_TEST

/* The head that was printed before is closed, and known to be by its number. */
START_TEST(test_verify_closed)
{
    g_autofree gchar *head = NULL;
    const gchar *at;

    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    store_test_open(&t);
    *vigil_seal_shortener_get_pace(t.store->seal_shortener) =
        (VigilSealPace){.n_open = 4, .n_ended = 1, .n_look = 9, .n_batch = 9, .n_slack = 4};
    for (guint i = 1; i <= 8; i++)
        ck_assert(store_test_whole(t.store, i, 100, NULL));
    ck_assert(vigil_store_set_pinned(t.store, store_test_id(2), TRUE, NULL));
    g_auto(Program) before = program_run("fsck", "--verify", "--store", t.dir, NULL);
    assert_says(before, 0, ":9\n0 found, 0 left\n");
    at = strstr(before.output, "head ") + strlen("head ");
    head = g_strndup(at, strlen("0:9") - 1 + 64);
    store_test_mono_us += 2 * DAY_US;
    store_test_wall_us += 2 * DAY_US;
    for (guint i = 11; i <= 15; i++)
        ck_assert(store_test_whole(t.store, i, 100, NULL));
    ck_assert(vigil_store_enforce_limits(t.store, NULL, NULL));
    g_auto(Program) after = program_run("fsck", "--verify", "--head", head, "--store", t.dir, NULL);
    assert_says(after, 0, "chain from record 10, closed up to there (2026-01-02T03:04:05Z, 42 ");
    assert_says(after, 0, " items) by record 16; 2 records of before are kept\n");
    store_test_finish(&t);
}
END_TEST

START_TEST(test_verify_usage)
{
    g_autofree gchar *other = NULL;

    set_up();
    other = folder_write(t.dir, "other.pub", "nothing of a key\n");
    g_auto(Program) alone = program_run("fsck", "--head", "00", "--store", t.dir, NULL);
    g_auto(Program) no_key =
        program_run("fsck", "--verify", "--public-key", other, "--store", t.dir, NULL);
    g_auto(Program) no_file =
        program_run("fsck", "--verify", "--public-key", "/nowhere", "--store", t.dir, NULL);

    ck_assert_int_eq(alone.code, 2);
    ck_assert_int_eq(no_key.code, 1);
    ck_assert_ptr_nonnull(strstr(no_key.errors, "no public key"));
    ck_assert_int_eq(no_file.code, 1);
    ck_assert_ptr_nonnull(strstr(no_file.errors, "/nowhere"));
    tear_down();
}
END_TEST

/* --- export --- */

/* Into a folder of its own. */
static gchar *
unpack(const gchar *file)
{
    struct archive *zip = archive_read_new();
    struct archive_entry *entry;
    gchar *folder = g_build_filename(t.dir, "unpacked", NULL);

    g_mkdir(folder, 0700);
    archive_read_support_format_zip(zip);
    ck_assert_int_eq(archive_read_open_filename(zip, file, 65536), ARCHIVE_OK);
    while (archive_read_next_header(zip, &entry) == ARCHIVE_OK) {
        const gsize size = (gsize)archive_entry_size(entry);
        g_autofree gchar *data = g_malloc(size + 1);
        g_autofree gchar *name = g_path_get_basename(archive_entry_pathname(entry));
        g_autofree gchar *path = g_build_filename(folder, name, NULL);

        ck_assert(g_str_has_prefix(archive_entry_pathname(entry), "01KDXTEST"));
        ck_assert_int_eq(archive_read_data(zip, data, size), size);
        ck_assert(g_file_set_contents(path, data, (gssize)size, NULL));
    }
    archive_read_free(zip);
    return folder;
}

static gchar *
read_in(const gchar *folder, const gchar *name)
{
    g_autofree gchar *path = g_build_filename(folder, name, NULL);

    return read_text(path);
}

static gint
shell(const gchar *folder, const gchar *command)
{
    const gchar *argv[] = {"/bin/sh", "-c", command, NULL};
    gint status = -1;

    ck_assert(g_spawn_sync(folder, (gchar **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                           NULL, NULL, &status, NULL));
    return status;
}

#define VERIFY(name)                                                                            \
    "openssl pkeyutl -verify -pubin -inkey " name ".pub -rawin -in " name ".bin -sigfile " name \
    ".sig"
#define HOLDS(seal, file)                                                         \
    "test \"$(xxd -p " seal ".bin | tr -d '\\n' | grep -c \"$(b2sum -l 256 " file \
    " | cut -c 1-64)\")\" = 1"

START_TEST(test_export)
{
    g_autofree gchar *file = NULL, *folder = NULL, *json = NULL, *clip = NULL, *pub = NULL;
    g_autofree gchar *statement = NULL, *readme = NULL;
    GStatBuf info;

    set_up();
    file = g_build_filename(t.dir, "out.zip", NULL);
    g_auto(Program) export =
        program_run("export", store_test_id(3), "-o", file, "--store", t.dir, NULL);
    ck_assert_msg(export.code == 0, "%s", export.errors);
    ck_assert(g_stat(file, &info) == 0 && (info.st_mode & 0777) == 0600);
    folder = unpack(file);
    json = read_in(folder, "event.json");
    ck_assert(g_str_has_prefix(json, "{\"id\":\"01KDXTEST00000000000000003\""));
    ck_assert_ptr_nonnull(strstr(json, ",\"track\":[{\"time_s\":6.000000000,\"box\":["));
    ck_assert(g_str_has_suffix(json, "]}\n"));
    ck_assert_uint_eq(count_text(json, "\"time_s\""), 20);
    clip = read_in(folder, "clip.mp4");
    ck_assert_uint_eq(strlen(clip), 1003);
    ck_assert_uint_eq(strspn(clip, "d"), 1003);
    statement = read_in(folder, "event.txt");
    ck_assert(g_str_has_prefix(statement, "vigil-event 1\nid 01KDXTEST00000000000000003\n"));
    pub = read_in(folder, "seal.pub");
    ck_assert_str_eq(pub, public_key);
    readme = read_in(folder, "README.txt");
    ck_assert_ptr_nonnull(strstr(readme, VERIFY("seal") "\n"));
    /* just as README.txt says */
    ck_assert_int_eq(shell(folder, "b2sum -c B2SUMS"), 0);
    ck_assert_int_eq(shell(folder, "test $(ls | grep -v B2SUMS | wc -l) = $(wc -l < B2SUMS)"), 0);
    if (shell(folder, "command -v openssl && command -v xxd") == 0) {
        ck_assert_int_eq(shell(folder, VERIFY("seal")), 0);
        ck_assert_int_eq(shell(folder, VERIFY("clip-seal")), 0);
        ck_assert_int_eq(shell(folder, HOLDS("clip-seal", "clip.mp4")), 0);
        ck_assert_int_eq(shell(folder, HOLDS("seal", "event.txt")), 0);
        ck_assert_int_eq(shell(folder, HOLDS("seal", "track.bin")), 0);
        ck_assert_int_eq(shell(folder, HOLDS("seal", "snapshot.jpg")), 0);
        ck_assert_int_ne(shell(folder, "printf x >> seal.bin;" VERIFY("seal")), 0);
        ck_assert_int_ne(shell(folder, "printf x >> clip.mp4;" HOLDS("clip-seal", "clip.mp4")), 0);
    }
    tear_down();
}
END_TEST

/* An event with two clips: both are given out, each by itself. */
START_TEST(test_parts)
{
    g_autofree gchar *file = NULL, *copy = NULL, *folder = NULL, *clip = NULL, *part = NULL;
    g_autofree gchar *one = NULL;
    VigilClip *first, *second;

    set_up();
    first = store_test_begin(t.store, 9, 900, NULL);
    second = store_test_continue(t.store, 9, 90, NULL);
    ck_assert(first && second);
    ck_assert(vigil_store_finish_clip(t.store, first, &store_test_info, NULL));
    ck_assert(store_test_end(t.store, 9, second, NULL));
    file = g_build_filename(t.dir, "out.zip", NULL);
    g_auto(Program) export =
        program_run("export", store_test_id(9), "-o", file, "--store", t.dir, NULL);
    ck_assert_msg(export.code == 0, "%s", export.errors);
    folder = unpack(file);
    clip = read_in(folder, "clip.mp4");
    ck_assert_uint_eq(strspn(clip, "j"), 900);
    part = read_in(folder, "clip-2.mp4");
    ck_assert_uint_eq(strspn(part, "J"), 90);
    ck_assert_int_eq(shell(folder, "b2sum -c B2SUMS"), 0);
    ck_assert_int_eq(shell(folder, "test $(ls | grep -v B2SUMS | wc -l) = $(wc -l < B2SUMS)"), 0);
    if (shell(folder, "command -v openssl && command -v xxd") == 0) {
        ck_assert_int_eq(shell(folder, VERIFY("clip-2-seal")), 0);
        ck_assert_int_eq(shell(folder, HOLDS("clip-2-seal", "clip-2.mp4")), 0);
    }
    copy = g_build_filename(t.dir, "copy.mp4", NULL);
    g_auto(Program) both =
        program_run("clip", store_test_id(9), "-o", copy, "--store", t.dir, NULL);
    ck_assert_msg(both.code == 0, "%s", both.errors);
    ck_assert_int_eq(shell(t.dir, "test $(wc -c < copy.mp4) = 900"), 0);
    ck_assert_int_eq(shell(t.dir, "test $(wc -c < copy-2.mp4) = 90"), 0);
    ck_assert_int_eq(shell(t.dir, "test ! -e copy-3.mp4"), 0);
    one = g_build_filename(t.dir, "one.mp4", NULL);
    g_auto(Program) second_only =
        program_run("clip", store_test_id(9), "--part", "2", "-o", one, "--store", t.dir, NULL);
    ck_assert_int_eq(second_only.code, 0);
    ck_assert_int_eq(shell(t.dir, "cmp one.mp4 copy-2.mp4"), 0);
    g_auto(Program) third =
        program_run("clip", store_test_id(9), "--part", "3", "-o", one, "--store", t.dir, NULL);
    assert_says(third, 4, "");
    ck_assert_ptr_nonnull(strstr(third.errors, "no more than 2 clips"));
    g_auto(Program) out = program_run("clip", store_test_id(9), "-o", "-", "--store", t.dir, NULL);
    ck_assert_uint_eq(strlen(out.output), 900);
    ck_assert_ptr_nonnull(strstr(out.errors, "--part"));
    g_auto(Program) events = program_run("events", "--format", "json", "--store", t.dir, NULL);
    assert_says(events, 0,
                ",\"clip_parts\":[\"2026/01/02/door/01KDXTEST00000000000000009-p1.mp4\"]}\n");
    tear_down();
}
END_TEST

/* What cannot be exported leaves no archive, and none that was there is touched. */
START_TEST(test_export_refused)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *file = NULL, *clip_path = NULL, *clip = NULL, *before = NULL;
    VigilClip *open;

    set_up();
    file = folder_write(t.dir, "out.zip", "an older one");
    open = store_test_begin(t.store, 9, 100, &error);
    g_auto(Program) none = program_run("export", "NOTHING", "-o", file, "--store", t.dir, NULL);
    g_auto(Program) active =
        program_run("export", store_test_id(9), "-o", file, "--store", t.dir, NULL);
    ck_assert(store_test_end(t.store, 9, open, &error));
    ck_assert(vigil_store_has_event(t.store, store_test_id(2), &clip_path));
    clip = g_build_filename(t.clips, clip_path, NULL);
    ck_assert(g_file_set_contents(clip, "something else", -1, NULL));
    g_auto(Program) altered =
        program_run("export", store_test_id(2), "-o", file, "--store", t.dir, NULL);
    g_auto(Program) nowhere =
        program_run("export", store_test_id(1), "-o", "/nowhere/a.zip", "--store", t.dir, NULL);

    ck_assert_int_eq(shell(t.dir, "ln -s out.zip link.zip"), 0);
    g_autofree gchar *other_name = g_build_filename(t.dir, "link.zip", NULL);
    g_auto(Program) linked =
        program_run("export", store_test_id(1), "-o", other_name, "--store", t.dir, NULL);

    ck_assert_int_eq(linked.code, 1);
    ck_assert_ptr_nonnull(strstr(linked.errors, "no ordinary file"));
    ck_assert_int_eq(none.code, 4);
    ck_assert_int_eq(active.code, 1);
    ck_assert_ptr_nonnull(strstr(active.errors, "try again later"));
    ck_assert_int_eq(altered.code, 1);
    ck_assert_ptr_nonnull(strstr(altered.errors, "is not what was sealed"));
    ck_assert_int_eq(nowhere.code, 1);
    before = read_text(file);
    ck_assert_str_eq(before, "an older one");
    ck_assert_int_ne(shell(t.dir, "ls | grep part"), 0);
    tear_down();
}
END_TEST

/* --- backup --- */

START_TEST(test_backup)
{
    g_autofree gchar *copy = NULL;

    set_up();
    copy = g_build_filename(t.dir, "copy", NULL);
    g_auto(Program) backup = program_run("backup", copy, "--clips", "--store", t.dir, NULL);
    assert_says(backup, 0, "5 events and 5 clips (");
    g_auto(Program) again = program_run("backup", copy, "--clips", "--store", t.dir, NULL);
    ck_assert_int_eq(again.code, 1);
    ck_assert_ptr_nonnull(strstr(again.errors, "something is there already"));
    g_auto(Program) here = program_run("events", "--format", "json", "--store", t.dir, NULL);
    g_auto(Program) there = program_run("events", "--format", "json", "--store", copy, NULL);
    ck_assert_str_eq(here.output, there.output);
    ck_assert_uint_eq(count_text(there.output, "\n"), 5);
    g_auto(Program) verify = program_run("fsck", "--verify", "--store", copy, NULL);
    assert_says(verify, 0, "5 clips and 5 events verified");
    tear_down();
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {test_verify, test_verify_closed,  test_verify_usage, test_export,
                                  test_parts,  test_export_refused, test_backup};

    return store_test_main("evidence", tests, G_N_ELEMENTS(tests));
}
