/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed packages as directories: what is refused, and that nothing else is. */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/vigil-detector.h"
#include "models/vigil-model.h"
#include "models/vigil-package-seal-private.h"
#include "models/vigil-package.h"
#include "tests/support/vigil-tiny-package.h"

static gchar *folder, *package, *keys_dir;
static VigilSecretKey *key;
static VigilKeys *keys;

static gchar *
in_folder(const gchar *name)
{
    return g_build_filename(folder, name, NULL);
}

static void
set_up(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *secret = NULL, *public_key = NULL, *trusted = NULL;

    folder = g_dir_make_tmp("vigil-seal-XXXXXX", NULL);
    package = in_folder("package");
    keys_dir = in_folder("keys");
    secret = in_folder("site");
    public_key = in_folder("site.pub");
    trusted = g_build_filename(keys_dir, "site.pub", NULL);
    key = vigil_secret_key_create(secret, &error);
    g_assert_no_error(error);
    g_mkdir(keys_dir, 0755);
    ck_assert_int_eq(g_rename(public_key, trusted), 0);
    keys = vigil_keys_load(keys_dir, &error);
    g_assert_no_error(error);
    ck_assert_uint_eq(vigil_keys_get_n(keys), 1);
}

static void
tear_down(void)
{
    g_clear_pointer(&keys, vigil_keys_free);
    g_clear_pointer(&key, vigil_secret_key_free);
    vigil_tiny_folder_remove(folder);
    g_free(package);
    g_free(keys_dir);
    g_free(folder);
}

/* A package in `package`; @with: NULL for hashes alone */
static VigilPackageFiles *
write_package(const VigilSecretKey *with)
{
    VigilPackageFiles *files = vigil_tiny_package("yard", "1.2", "A test.\n");
    g_autoptr(GError) error = NULL;

    vigil_package_seal(files, with, &error);
    g_assert_no_error(error);
    vigil_tiny_package_write(files, package);
    return files;
}

/* NULL, or why not */
static gchar *
open_sealed(VigilPackagePolicy policy, VigilPackageTrust *trust)
{
    g_auto(VigilSealed) sealed = {0};
    g_autoptr(GError) error = NULL;

    if (!vigil_sealed_open(&sealed, package, keys, policy, &error)) {
        ck_assert_ptr_null(sealed.files);
        ck_assert_msg(g_str_has_prefix(error->message, package), "%s", error->message);
        return g_strdup(error->message);
    }
    if (trust)
        *trust = sealed.trust;
    return NULL;
}

static void
refuses(VigilPackagePolicy policy, const gchar *says)
{
    g_autofree gchar *message = open_sealed(policy, NULL);

    ck_assert_msg(message && strstr(message, says), "%s, not: %s", message, says);
}

static void
accepts(VigilPackagePolicy policy, VigilPackageTrust expected)
{
    VigilPackageTrust trust = VIGIL_PACKAGE_PLAIN;
    g_autofree gchar *message = open_sealed(policy, &trust);

    ck_assert_msg(!message, "%s", message);
    ck_assert_int_eq(trust, expected);
}

static void
write_text(const gchar *name, const gchar *text)
{
    g_autofree gchar *path = g_build_filename(package, name, NULL);

    ck_assert(g_file_set_contents(path, text, -1, NULL));
}

START_TEST(test_signed)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilPackage) opened = NULL;
    const VigilDetectorOptions options = vigil_detector_options_defaults();
    g_autoptr(VigilDetector) detector = NULL;

    vigil_package_files_unref(write_package(key));
    opened = vigil_package_open(package, keys, VIGIL_PACKAGE_SIGNED, &error);
    g_assert_no_error(error);
    ck_assert_str_eq(opened->version, "1.2");
    ck_assert_str_eq(opened->sealed.key, vigil_secret_key_get_id(key));
    ck_assert_uint_eq(strlen(opened->sealed.id), 64);
    /* what was verified is what is used: the folder is not looked at any more */
    vigil_tiny_folder_remove(package);
    detector = vigil_detector_open_package(g_steal_pointer(&opened), &options, &error);
    g_assert_no_error(error);
    ck_assert_str_eq(vigil_detector_get_label(detector, 2), "person");
}
END_TEST

START_TEST(test_policies)
{
    g_autoptr(VigilPackageFiles) files = write_package(key);
    g_autoptr(VigilPackageFiles) plain = vigil_tiny_package("yard", "1.2", "A test.\n");

    for (guint policy = VIGIL_PACKAGE_ANY; policy <= VIGIL_PACKAGE_SIGNED; policy++)
        accepts((VigilPackagePolicy)policy, VIGIL_PACKAGE_TRUSTED);

    g_clear_pointer(&keys, vigil_keys_free);
    refuses(VIGIL_PACKAGE_SIGNED, "none of the 0 that are trusted here");
    refuses(VIGIL_PACKAGE_UNSIGNED, "none of the 0 that are trusted here");
    accepts(VIGIL_PACKAGE_ANY, VIGIL_PACKAGE_STRANGE);

    vigil_tiny_folder_remove(package);
    g_clear_pointer(&files, vigil_package_files_unref);
    files = write_package(NULL);
    refuses(VIGIL_PACKAGE_SIGNED, "nobody signed it; --allow-unsigned");
    accepts(VIGIL_PACKAGE_UNSIGNED, VIGIL_PACKAGE_HASHED);
    accepts(VIGIL_PACKAGE_ANY, VIGIL_PACKAGE_HASHED);

    vigil_tiny_folder_remove(package);
    vigil_tiny_package_write(plain, package);
    refuses(VIGIL_PACKAGE_SIGNED, "it has no package.sums: nobody signed it");
    accepts(VIGIL_PACKAGE_UNSIGNED, VIGIL_PACKAGE_PLAIN);
}
END_TEST

/* Another key's signature under the name of ours, and a key that is not ours. */
START_TEST(test_other_keys)
{
    g_autofree gchar *path = in_folder("other"), *text = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSecretKey) other = vigil_secret_key_create(path, &error);
    g_autofree gchar *signature = g_build_filename(package, "package.sig", NULL);
    gchar *id;

    vigil_package_files_unref(write_package(other));
    g_assert_no_error(error);
    refuses(VIGIL_PACKAGE_SIGNED, "none of the 1 that are trusted here");
    ck_assert(g_file_get_contents(signature, &text, NULL, NULL));
    id = strstr(text, vigil_secret_key_get_id(other));
    memcpy(id, vigil_secret_key_get_id(key), 16);
    ck_assert(g_file_set_contents(signature, text, -1, NULL));
    refuses(VIGIL_PACKAGE_SIGNED, "is not one of this package.sums");
    refuses(VIGIL_PACKAGE_ANY, "is not one of this package.sums");
    g_unlink(signature);
    refuses(VIGIL_PACKAGE_SIGNED, "nobody signed it");
}
END_TEST

/* Every byte of every file, the seal's too; then every length of it. */
START_TEST(test_damage)
{
    g_autoptr(VigilPackageFiles) files = write_package(key);

    for (guint i = 0; i < vigil_package_files_get_n(files); i++) {
        const gchar *name = vigil_package_files_get_name(files, i);
        GBytes *content = vigil_package_files_get(files, name);
        const gsize size = g_bytes_get_size(content);
        g_autofree gchar *path = g_build_filename(package, name, NULL);
        g_autofree gchar *data = g_memdup2(g_bytes_get_data(content, NULL), size);

        for (gsize at = 0; at < size; at++) {
            g_autofree gchar *flipped = NULL, *cut = NULL;

            data[at] ^= (gchar)(1 << at % 8);
            ck_assert(g_file_set_contents_full(path, data, (gssize)size, G_FILE_SET_CONTENTS_NONE,
                                               0644, NULL));
            flipped = open_sealed(VIGIL_PACKAGE_SIGNED, NULL);
            ck_assert_msg(flipped != NULL, "%s: byte %zu", name, at);
            data[at] ^= (gchar)(1 << at % 8);
            ck_assert(g_file_set_contents_full(path, data, (gssize)at, G_FILE_SET_CONTENTS_NONE,
                                               0644, NULL));
            cut = open_sealed(VIGIL_PACKAGE_SIGNED, NULL);
            ck_assert_msg(cut != NULL, "%s: cut at %zu", name, at);
        }
        ck_assert(g_file_set_contents(path, data, (gssize)size, NULL));
    }
    accepts(VIGIL_PACKAGE_SIGNED, VIGIL_PACKAGE_TRUSTED);
}
END_TEST

START_TEST(test_folder_entries)
{
    g_autofree gchar *extra = g_build_filename(package, "extra", NULL);
    g_autofree gchar *labels = g_build_filename(package, "labels.txt", NULL);
    g_autofree gchar *away = in_folder("labels.txt");

    vigil_package_files_unref(write_package(key));
    write_text("extra", "x");
    refuses(VIGIL_PACKAGE_SIGNED, "extra is not listed in package.sums");
    g_unlink(extra);
    g_mkdir(extra, 0755);
    refuses(VIGIL_PACKAGE_SIGNED, "extra is not listed");
    g_rmdir(extra);
    write_text(".hidden", "x");
    refuses(VIGIL_PACKAGE_SIGNED, ".hidden is not listed");
    g_free(extra);
    extra = g_build_filename(package, ".hidden", NULL);
    g_unlink(extra);
    accepts(VIGIL_PACKAGE_SIGNED, VIGIL_PACKAGE_TRUSTED);
    /* the same bytes behind a link: where it leads can change after the check */
    ck_assert_int_eq(g_rename(labels, away), 0);
    refuses(VIGIL_PACKAGE_SIGNED, "labels.txt: ");
    ck_assert_int_eq(symlink(away, labels), 0);
    refuses(VIGIL_PACKAGE_SIGNED, "labels.txt: it is a symbolic link");
    g_unlink(labels);
    ck_assert_int_eq(mkfifo(labels, 0644), 0);
    refuses(VIGIL_PACKAGE_SIGNED, "labels.txt: it is no ordinary file");
}
END_TEST

#define H "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD "vigil-package-sums 1\n"

static const struct {
    const gchar *sums, *says;
} sums_cases[] = {
    {"", ":1: must begin"},
    {"vigil-package-sums 2\n", ":1: must begin"},
    {HEAD, NULL},
    {HEAD H " 1 a\n", NULL},
    {HEAD H " 0 a\n" H " 7 b\n", NULL},
    {HEAD H " 1 a", ":2: not a line"},
    {HEAD "\n", ":2: not a line"},
    {HEAD H " 1 b\n" H " 1 a\n", ":3: named twice, or not in the order"},
    {HEAD H " 1 a\n" H " 1 a\n", ":3: named twice"},
    {HEAD H " 01 a\n", ":2: not a line"},
    {HEAD H "  1 a\n", ":2: not a line"},
    {HEAD H " -1 a\n", ":2: not a line"},
    {HEAD H " 1  a\n", ":2: not a line"},
    {HEAD H " 1 a \n", ":2: not a line"},
    {HEAD H " 1 a\r\n", ":2: not a line"},
    {HEAD H " 1\n", ":2: not a line"},
    {HEAD H " 1 \n", ":2: not a line"},
    {HEAD H " 1 ../a\n", ":2: not a line"},
    {HEAD H " 1 a/b\n", ":2: not a line"},
    {HEAD H " 1 /a\n", ":2: not a line"},
    {HEAD H " 1 .a\n", ":2: not a line"},
    {HEAD H " 1 package.sig\n", ":2: not a line"},
    {HEAD H " 1 package.sums\n", ":2: not a line"},
    {HEAD "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef 1 a\n", ":2: not a"},
    {HEAD H " 134217728 a\n", NULL},
    {HEAD H " 134217729 a\n", ":2: more than the 128 MiB"},
    {HEAD H " 134217728 a\n" H " 1 b\n", ":3: more than the 128 MiB"},
    {HEAD H " 9999999999999 a\n", ":2: not a line"},
    {HEAD H " 1 a123456789012345678901234567890123456789012345678901234567890123\n", NULL},
    {HEAD H " 1 a1234567890123456789012345678901234567890123456789012345678901234\n",
     ":2: not a line"},
};

START_TEST(test_sums)
{
    const gsize length = strlen(sums_cases[_i].sums);
    g_autofree gchar *exact = g_memdup2(sums_cases[_i].sums, length); /* no NUL behind it */
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) list = vigil_package_sums_parse(exact ? exact : "", length, &error);

    if (!sums_cases[_i].says) {
        g_assert_no_error(error);
        ck_assert_ptr_nonnull(list);
        return;
    }
    ck_assert_ptr_null(list);
    ck_assert_msg(strstr(error->message, sums_cases[_i].says) != NULL, "%s", error->message);
}
END_TEST

START_TEST(test_limits)
{
    g_autoptr(VigilPackageFiles) files = vigil_package_files_new();
    g_autoptr(GString) sums = g_string_new(HEAD);
    g_autoptr(GBytes) nothing = g_bytes_new_static("", 0);
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) list = NULL;

    for (guint i = 0; i < VIGIL_PACKAGE_MAX_FILES; i++) {
        g_autofree gchar *name = g_strdup_printf("f%02u", i);

        ck_assert(vigil_package_files_add(files, name, nothing, &error));
        g_string_append_printf(sums, H " 1 %s\n", name);
    }
    ck_assert(!vigil_package_files_add(files, "more", nothing, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(error->message, "64 files"));
    g_clear_error(&error);
    list = vigil_package_sums_parse(sums->str, sums->len, &error);
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE);
    g_clear_error(&error);
    ck_assert(!vigil_package_files_check(files, "f00", 1, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID);
    g_clear_error(&error);
    ck_assert(!vigil_package_files_check(files, "big", G_MAXUINT64, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "128 MiB"));
    g_clear_error(&error);
    ck_assert(!vigil_package_files_check(files, "a\nb", 1, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "a\\nb"));
}
END_TEST

/* A file that is larger than listed is not read to find that out. */
START_TEST(test_oversized)
{
    g_autofree gchar *path = g_build_filename(package, "card.md", NULL);
    g_autofree gchar *seal = g_build_filename(package, "package.sums", NULL);

    vigil_package_files_unref(write_package(key));
    ck_assert_int_eq(truncate(path, (off_t)1 << 40), 0);
    refuses(VIGIL_PACKAGE_SIGNED, "at most 8 are read");
    ck_assert_int_eq(truncate(path, 8), 0);
    ck_assert_int_eq(truncate(seal, (off_t)1 << 40), 0);
    refuses(VIGIL_PACKAGE_SIGNED, "at most 16384 are read");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("package-seal");
    TCase *tcase = tcase_create("directories");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_signed);
    tcase_add_test(tcase, test_policies);
    tcase_add_test(tcase, test_other_keys);
    tcase_add_test(tcase, test_damage);
    tcase_add_test(tcase, test_folder_entries);
    tcase_add_loop_test(tcase, test_sums, 0, G_N_ELEMENTS(sums_cases));
    tcase_add_test(tcase, test_limits);
    tcase_add_test(tcase, test_oversized);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
