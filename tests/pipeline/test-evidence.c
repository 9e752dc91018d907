/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence by the program: fsck --verify. */
#include <glib/gstdio.h>
#include <string.h>

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
    tear_down();
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

int
main(void)
{
    const TTest *const tests[] = {test_verify, test_verify_usage};

    return store_test_main("evidence", tests, G_N_ELEMENTS(tests));
}
