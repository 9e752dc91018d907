/* SPDX-License-Identifier: Apache-2.0 */
/* Packages in one file: every byte damaged, every length, and archives that were made to do harm. */
#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/vigil-detector.h"
#include "models/vigil-model.h"
#include "models/vigil-package-seal-private.h"
#include "models/vigil-package.h"
#include "tests/support/vigil-tiny-package.h"

static gchar *folder;
static VigilSecretKey *key;
static VigilKeys *keys;

static void
set_up(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *path = NULL;

    folder = g_dir_make_tmp("vigil-archive-XXXXXX", NULL);
    path = g_build_filename(folder, "site", NULL);
    key = vigil_secret_key_create(path, &error);
    g_assert_no_error(error);
    keys = vigil_keys_load(folder, &error);
    g_assert_no_error(error);
}

static void
tear_down(void)
{
    vigil_keys_free(keys);
    vigil_secret_key_free(key);
    vigil_tiny_folder_remove(folder);
    g_free(folder);
}

static GBytes *
pack(const VigilSecretKey *inner, const VigilSecretKey *outer)
{
    g_autoptr(VigilPackageFiles) files = vigil_tiny_package("yard", "1.2", "A test.\n");
    g_autoptr(GError) error = NULL;
    GBytes *archive;

    vigil_package_seal(files, inner, &error);
    g_assert_no_error(error);
    archive = vigil_package_pack(files, outer, &error);
    g_assert_no_error(error);
    return archive;
}

/* NULL, or why not */
static gchar *
open_bytes(const guint8 *data, gsize size, VigilPackagePolicy policy, VigilModelError *code)
{
    g_autoptr(GBytes) archive = g_bytes_new(data, size);
    g_auto(VigilSealed) sealed = {0};
    g_autoptr(GError) error = NULL;

    if (vigil_archive_open(&sealed, archive, "a.vigil", keys, policy, &error))
        return NULL;
    g_assert_nonnull(error);
    ck_assert(g_utf8_validate(error->message, -1, NULL));
    if (code)
        *code = (VigilModelError)error->code;
    return g_strdup(error->message);
}

static void
refuses(GBytes *archive, VigilPackagePolicy policy, VigilModelError code, const gchar *says)
{
    VigilModelError found = 0;
    g_autofree gchar *message =
        open_bytes(g_bytes_get_data(archive, NULL), g_bytes_get_size(archive), policy, &found);

    ck_assert_msg(message && strstr(message, says), "%s, not: %s", message, says);
    ck_assert_int_eq(found, code);
}

START_TEST(test_round)
{
    g_autoptr(GBytes) archive = pack(key, key);
    g_autoptr(GBytes) again = pack(key, key);
    g_autofree gchar *path = g_build_filename(folder, "yard.vigil", NULL);
    const VigilDetectorOptions options = vigil_detector_options_defaults();
    g_autoptr(GError) error = NULL;
    VigilPackage *package;
    g_autoptr(VigilDetector) detector = NULL;

    ck_assert(g_bytes_equal(archive, again));
    ck_assert(g_file_set_contents(path, g_bytes_get_data(archive, NULL),
                                  (gssize)g_bytes_get_size(archive), NULL));
    ck_assert(vigil_package_is_archive(path) && vigil_package_is(path));
    package = vigil_package_open(path, keys, VIGIL_PACKAGE_SIGNED, &error);
    g_assert_no_error(error);
    ck_assert_int_eq(package->sealed.trust, VIGIL_PACKAGE_TRUSTED);
    detector = vigil_detector_open_package(package, &options, &error);
    g_assert_no_error(error);
    ck_assert_str_eq(vigil_detector_get_name(detector), "yard");
}
END_TEST

START_TEST(test_policies)
{
    g_autoptr(GBytes) signed_one = pack(key, key);
    g_autoptr(GBytes) unsigned_one = pack(NULL, NULL);
    g_autoptr(GBytes) stripped = pack(key, NULL);
    g_autoptr(GBytes) dressed = pack(NULL, key);

    refuses(unsigned_one, VIGIL_PACKAGE_SIGNED, VIGIL_MODEL_ERROR_UNTRUSTED, "nobody signed it");
    ck_assert_ptr_null(open_bytes(g_bytes_get_data(unsigned_one, NULL),
                                  g_bytes_get_size(unsigned_one), VIGIL_PACKAGE_UNSIGNED, NULL));
    refuses(stripped, VIGIL_PACKAGE_SIGNED, VIGIL_MODEL_ERROR_UNTRUSTED, "nobody signed it");
    refuses(stripped, VIGIL_PACKAGE_UNSIGNED, VIGIL_MODEL_ERROR_UNTRUSTED, "the same key");
    refuses(dressed, VIGIL_PACKAGE_UNSIGNED, VIGIL_MODEL_ERROR_UNTRUSTED, "the same key");
    refuses(dressed, VIGIL_PACKAGE_SIGNED, VIGIL_MODEL_ERROR_UNTRUSTED, "nobody signed it");
    g_clear_pointer(&keys, vigil_keys_free);
    refuses(signed_one, VIGIL_PACKAGE_SIGNED, VIGIL_MODEL_ERROR_UNTRUSTED, "none of the 0");
    refuses(signed_one, VIGIL_PACKAGE_UNSIGNED, VIGIL_MODEL_ERROR_UNTRUSTED, "none of the 0");
}
END_TEST

/* With a signature nothing but the header is read of what was damaged; without one, the hash says no. */
START_TEST(test_damage)
{
    const VigilSecretKey *const by[] = {key, NULL};
    const VigilPackagePolicy policy = _i == 0 ? VIGIL_PACKAGE_SIGNED : VIGIL_PACKAGE_UNSIGNED;
    g_autoptr(GBytes) archive = pack(by[_i], by[_i]);
    gsize size;
    const guint8 *data = g_bytes_get_data(archive, &size);
    g_autofree guint8 *copy = g_memdup2(data, size);

    for (gsize at = 0; at < size; at++) {
        g_autofree gchar *flipped = NULL, *cut = NULL;

        copy[at] ^= (guint8)(1 << at % 8);
        flipped = open_bytes(copy, size, policy, NULL);
        ck_assert_msg(flipped != NULL, "byte %zu", at);
        copy[at] = data[at];
        cut = open_bytes(copy, at, policy, NULL);
        ck_assert_msg(cut != NULL, "cut at %zu", at);
    }
    ck_assert_ptr_null(open_bytes(copy, size, policy, NULL));
}
END_TEST

/* --- archives that were made to do harm: signed, so that only their form can be refused --- */

typedef struct {
    const gchar *name;
    guint type; /* 0: AE_IFREG */
    const gchar *symlink, *hardlink;
    gint64 hole; /* a sparse entry of this size */
} Entry;

/* Closes the archive with a header of our own key. */
static GBytes *
wrap(const guint8 *payload, gsize size)
{
    guint8 *data = g_malloc(VIGIL_ARCHIVE_HEADER + size);

    memcpy(data + VIGIL_ARCHIVE_HEADER, payload, size);
    vigil_archive_header_write(data, size, key);
    return g_bytes_new_take(data, VIGIL_ARCHIVE_HEADER + size);
}

static GBytes *
make_tar(const Entry *entries, guint n, gboolean compress)
{
    static guint8 buffer[1 << 20];
    struct archive *tar = archive_write_new();
    size_t used = 0;

    archive_write_set_format_pax(tar);
    if (compress)
        archive_write_add_filter_gzip(tar);
    ck_assert_int_eq(archive_write_open_memory(tar, buffer, sizeof buffer, &used), ARCHIVE_OK);
    for (guint i = 0; i < n; i++) {
        struct archive_entry *entry = archive_entry_new();

        archive_entry_set_pathname(entry, entries[i].name);
        archive_entry_set_filetype(entry, entries[i].type ? entries[i].type : AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, entries[i].hole ? entries[i].hole : 4);
        if (entries[i].symlink)
            archive_entry_set_symlink(entry, entries[i].symlink);
        if (entries[i].hardlink)
            archive_entry_set_hardlink(entry, entries[i].hardlink);
        if (entries[i].hole)
            archive_entry_sparse_add_entry(entry, entries[i].hole - 4, 4);
        ck_assert_int_ge(archive_write_header(tar, entry), ARCHIVE_WARN);
        archive_write_data(tar, "data", 4);
        archive_entry_free(entry);
    }
    ck_assert_int_eq(archive_write_close(tar), ARCHIVE_OK);
    archive_write_free(tar);
    return wrap(buffer, used);
}

static const struct {
    Entry entries[2];
    VigilModelError code;
    const gchar *says;
} evil[] = {
    {{{"../a"}}, VIGIL_MODEL_ERROR_INVALID, "\"../a\": a file of a package is named"},
    {{{"/etc/passwd"}}, VIGIL_MODEL_ERROR_INVALID, "named by"},
    {{{"a/b"}}, VIGIL_MODEL_ERROR_INVALID, "there are no folders"},
    {{{"./a"}}, VIGIL_MODEL_ERROR_INVALID, "named by"},
    {{{".."}}, VIGIL_MODEL_ERROR_INVALID, "named by"},
    {{{"-rf"}}, VIGIL_MODEL_ERROR_INVALID, "named by"},
    {{{"a\nb"}}, VIGIL_MODEL_ERROR_INVALID, "a\\nb"},
    {{{"a", AE_IFDIR}}, VIGIL_MODEL_ERROR_INVALID, "named by"}, /* its name ends in "/" */
    {{{"a", AE_IFLNK, "/etc/passwd"}}, VIGIL_MODEL_ERROR_INVALID, "ordinary files only"},
    {{{"a", 0, NULL, "b"}}, VIGIL_MODEL_ERROR_INVALID, "ordinary files only"},
    {{{"a", AE_IFIFO}}, VIGIL_MODEL_ERROR_INVALID, "ordinary files only"},
    {{{"a", AE_IFCHR}}, VIGIL_MODEL_ERROR_INVALID, "ordinary files only"},
    {{{"a", AE_IFBLK}}, VIGIL_MODEL_ERROR_INVALID, "ordinary files only"},
    {{{"a"}, {"a"}}, VIGIL_MODEL_ERROR_INVALID, "two files of this name"},
    {{{"a", 0, NULL, NULL, 1 << 20}}, VIGIL_MODEL_ERROR_INVALID, "with holes"},
    {{{"a", 0, NULL, NULL, (gint64)1 << 40}}, VIGIL_MODEL_ERROR_INVALID, "with holes"},
    {{{"a"}, {"b"}}, VIGIL_MODEL_ERROR_UNTRUSTED, "it has no package.sums"},
};

START_TEST(test_evil)
{
    const guint n = evil[_i].entries[1].name ? 2 : 1;
    g_autoptr(GBytes) archive = make_tar(evil[_i].entries, n, FALSE);

    refuses(archive, VIGIL_PACKAGE_SIGNED, evil[_i].code, evil[_i].says);
}
END_TEST

/* What is compressed may be as small as it likes: it is not undone. */
START_TEST(test_bombs)
{
    const Entry entry = {"a"};
    g_autoptr(GBytes) compressed = make_tar(&entry, 1, TRUE);
    g_autofree Entry *many = g_new0(Entry, VIGIL_PACKAGE_MAX_FILES + 1);
    g_autofree gchar *path = g_build_filename(folder, "huge.vigil", NULL);
    g_auto(VigilSealed) sealed = {0};
    g_autoptr(GBytes) crowd = NULL;
    g_autoptr(GError) error = NULL;

    refuses(compressed, VIGIL_PACKAGE_SIGNED, VIGIL_MODEL_ERROR_INVALID, "tar archive");
    for (guint i = 0; i <= VIGIL_PACKAGE_MAX_FILES; i++)
        many[i].name = g_intern_string((gchar[]){'f', '0' + i / 10, '0' + i % 10, '\0'});
    crowd = make_tar(many, VIGIL_PACKAGE_MAX_FILES + 1, FALSE);
    refuses(crowd, VIGIL_PACKAGE_SIGNED, VIGIL_MODEL_ERROR_TOO_LARGE, "more than the 64 files");
    /* a file of a terabyte is refused before it is read */
    ck_assert(g_file_set_contents(path, "VIGILPKG", 8, NULL));
    ck_assert_int_eq(truncate(path, (off_t)1 << 40), 0);
    ck_assert(!vigil_sealed_open(&sealed, path, keys, VIGIL_PACKAGE_SIGNED, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE);
}
END_TEST

/* A header of tar says 100 MiB and a GiB, and behind it is next to nothing. */
START_TEST(test_claims)
{
    static const gchar *const sizes[] = {"00640000000", "10000000000", "77777777777"};

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        guint8 block[1536] = "a";
        guint sum = 0;
        g_autoptr(GBytes) archive = NULL;
        g_autofree gchar *message = NULL;

        memcpy(block + 100, "0000644", 8);
        memcpy(block + 124, sizes[i], 12);
        memcpy(block + 257, "ustar\00000", 8);
        block[156] = '0';
        memset(block + 148, ' ', 8);
        for (guint k = 0; k < 512; k++)
            sum += block[k];
        g_snprintf((gchar *)block + 148, 8, "%06o", sum);
        archive = wrap(block, sizeof block);
        message = open_bytes(g_bytes_get_data(archive, NULL), g_bytes_get_size(archive),
                             VIGIL_PACKAGE_SIGNED, NULL);
        ck_assert_msg(message && (strstr(message, "ends too early") || strstr(message, "128 MiB")),
                      "%s", message);
    }
}
END_TEST

START_TEST(test_keys)
{
    static const gchar *const texts[] = {
        "",
        "vigil-public-key 1\n",
        "vigil-public-key 1\n00\n",
        "vigil-public-key 2\n"
        "0000000000000000000000000000000000000000000000000000000000000000\n",
        "vigil-public-key 1\n"
        "0000000000000000000000000000000000000000000000000000000000000000\nmore\n",
        "vigil-public-key 1\n"
        "0000000000000000000000000000000000000000000000000000000000000000",
    };
    g_autofree gchar *path = g_build_filename(folder, "bad.pub", NULL);
    g_autofree gchar *secret = g_build_filename(folder, "site", NULL), *text = NULL;
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        ck_assert(g_file_set_contents(path, texts[i], -1, NULL));
        ck_assert_ptr_null(vigil_keys_load(folder, &error));
        g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNTRUSTED);
        g_clear_error(&error);
    }
    g_unlink(path);
    /* who can write a key decides what is trusted */
    ck_assert_int_eq(g_chmod(folder, 0777), 0);
    ck_assert_ptr_null(vigil_keys_load(folder, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "everybody may write"));
    g_clear_error(&error);
    g_chmod(folder, 0755);
    /* a secret key: never overwritten, never read when others could, never used when damaged */
    ck_assert_ptr_null(vigil_secret_key_create(secret, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO);
    g_clear_error(&error);
    g_chmod(secret, 0640);
    ck_assert_ptr_null(vigil_secret_key_load(secret, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNTRUSTED);
    g_clear_error(&error);
    g_chmod(secret, 0600);
    vigil_secret_key_free(vigil_secret_key_load(secret, &error));
    g_assert_no_error(error);
    ck_assert(g_file_get_contents(secret, &text, NULL, NULL));
    text[30] = text[30] == '0' ? '1' : '0';
    ck_assert(g_file_set_contents_full(secret, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    g_chmod(secret, 0600);
    ck_assert_ptr_null(vigil_secret_key_load(secret, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("package-archive");
    TCase *tcase = tcase_create("archives");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_round);
    tcase_add_test(tcase, test_policies);
    tcase_add_loop_test(tcase, test_damage, 0, 2);
    tcase_add_loop_test(tcase, test_evil, 0, G_N_ELEMENTS(evil));
    tcase_add_test(tcase, test_bombs);
    tcase_add_test(tcase, test_claims);
    tcase_add_test(tcase, test_keys);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
