/* SPDX-License-Identifier: Apache-2.0 */
/* Installed models: slots, versions, rollback, what readers see. */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/vigil-detector.h"
#include "models/vigil-model-store-private.h"
#include "models/vigil-package-seal.h"
#include "models/vigil-version.h"
#include "tests/support/vigil-tiny-package.h"

static gchar *folder, *keys_dir;
static VigilSecretKey *key;
static VigilModelStore *store;
static VigilModelInstall how;

static void
set_up(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *secret = NULL, *path = NULL;

    folder = g_dir_make_tmp("vigil-store-XXXXXX", NULL);
    keys_dir = g_build_filename(folder, "keys", NULL);
    secret = g_build_filename(keys_dir, "site", NULL);
    path = g_build_filename(folder, "store", NULL);
    g_mkdir(keys_dir, 0755);
    key = vigil_secret_key_create(secret, &error);
    g_assert_no_error(error);
    store = vigil_model_store_open(path);
    how = (VigilModelInstall){.keys = keys_dir};
}

static void
tear_down(void)
{
    vigil_model_store_free(store);
    vigil_secret_key_free(key);
    vigil_tiny_folder_remove(folder);
    g_free(keys_dir);
    g_free(folder);
}

/* A package in a folder of its own, and its path. */
static gchar *
make_package(const gchar *version, const gchar *extra, const VigilSecretKey *with)
{
    g_autoptr(VigilPackageFiles) files = vigil_tiny_package("yard", version, extra);
    g_autofree gchar *name = g_strconcat("package-", version, "-", extra, NULL);
    gchar *path = g_build_filename(folder, name, NULL);

    ck_assert(vigil_package_seal(files, with, NULL));
    vigil_tiny_package_write(files, path);
    return path;
}

/* NULL, or why not */
static gchar *
install(const gchar *version, const gchar *extra)
{
    g_autofree gchar *path = make_package(version, extra, key);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModelSlot) slot = vigil_model_store_install(store, path, &how, &error);

    if (!slot)
        return g_strdup(error->message);
    ck_assert_str_eq(slot->version, version);
    return NULL;
}

static void
installs(const gchar *version, const gchar *extra)
{
    g_autofree gchar *message = install(version, extra);

    ck_assert_msg(!message, "%s", message);
}

static void
refuses(const gchar *version, const gchar *extra, const gchar *says)
{
    g_autofree gchar *message = install(version, extra);

    ck_assert_msg(message && strstr(message, says), "%s, not: %s", message, says);
}

static VigilModelSlot *
current(void)
{
    g_autoptr(GError) error = NULL;
    VigilModelSlot *slot = vigil_model_store_current(store, "yard", &error);

    g_assert_no_error(error);
    return slot;
}

static void
is_current(const gchar *version, VigilModelHealth health)
{
    g_autoptr(VigilModelSlot) slot = current();
    VigilDetectorOptions options = vigil_detector_options_defaults();
    g_autoptr(VigilDetector) detector = NULL;
    g_autoptr(GError) error = NULL;

    ck_assert_str_eq(slot->version, version);
    ck_assert_str_eq(vigil_model_health_get_name(slot->health),
                     vigil_model_health_get_name(health));
    options.model = slot->path;
    detector = vigil_detector_open(&options, &error);
    g_assert_no_error(error);
}

START_TEST(test_install)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModelSlot) none = vigil_model_store_current(store, "yard", &error);
    g_auto(GStrv) before = vigil_model_store_list(store);
    g_auto(GStrv) after = NULL;
    g_autoptr(VigilModelSlot) slot = NULL;

    ck_assert_ptr_null(none);
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_NOT_FOUND);
    g_clear_error(&error);
    ck_assert_uint_eq(g_strv_length(before), 0);
    installs("1.0", "one");
    is_current("1.0", VIGIL_MODEL_HEALTH_NEW);
    slot = current();
    ck_assert_str_eq(slot->name, "yard");
    ck_assert_str_eq(slot->key, vigil_secret_key_get_id(key));
    ck_assert(g_str_has_suffix(slot->path, "/store/models/yard/a"));
    ck_assert_int_gt(slot->since_us, 0);
    after = vigil_model_store_list(store);
    ck_assert_uint_eq(g_strv_length(after), 1);
    ck_assert_str_eq(after[0], "yard");
    ck_assert_ptr_null(vigil_model_store_previous(store, "yard", &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(error->message, "no version before"));
    /* the same again is no error and changes nothing */
    installs("1.0", "one");
    ck_assert_ptr_null(vigil_model_store_previous(store, "yard", NULL));
    installs("1.1", "two");
    is_current("1.1", VIGIL_MODEL_HEALTH_NEW);
    installs("1.2", "three");
    is_current("1.2", VIGIL_MODEL_HEALTH_NEW);
}
END_TEST

START_TEST(test_versions)
{
    installs("1.10", "one");
    refuses("1.9", "two", "yard 1.10 is installed, 1.9 is not higher; --allow-downgrade");
    refuses("1.10", "changed", "1.10 is not higher");
    refuses("1.10.0", "two", "not higher");
    refuses("v2", "two", "needs a version of 1 to 4 numbers");
    is_current("1.10", VIGIL_MODEL_HEALTH_NEW);
    installs("1.10.0.1", "two");
    how.allow_downgrade = TRUE;
    installs("0.9", "two");
    is_current("0.9", VIGIL_MODEL_HEALTH_NEW);
}
END_TEST

START_TEST(test_rollback)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModelSlot) first = NULL, second = NULL, third = NULL, previous = NULL;
    guint tries = 0;

    installs("1", "one");
    first = current();
    ck_assert(vigil_model_store_mark_healthy(store, "yard", first->id, &error));
    is_current("1", VIGIL_MODEL_HEALTH_GOOD);
    installs("2", "two");
    second = current();
    previous = vigil_model_store_previous(store, "yard", &error);
    g_assert_no_error(error);
    ck_assert_str_eq(previous->id, first->id);
    ck_assert_int_eq(previous->health, VIGIL_MODEL_HEALTH_GOOD);
    for (guint i = 1; i <= 3; i++) {
        ck_assert(vigil_model_store_begin_try(store, "yard", second->id, &tries, &error));
        ck_assert_uint_eq(tries, i);
    }
    g_clear_pointer(&previous, vigil_model_slot_free);
    previous =
        vigil_model_store_rollback(store, "yard", second->id, "no boxes\nfor an hour ", &error);
    g_assert_no_error(error);
    ck_assert_str_eq(previous->id, first->id);
    is_current("1", VIGIL_MODEL_HEALTH_GOOD);

    /* whoever comes second does not go back further, and marks nothing */
    ck_assert_ptr_null(vigil_model_store_rollback(store, "yard", second->id, "late", &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_NOT_FOUND);
    g_clear_error(&error);
    ck_assert(!vigil_model_store_mark_healthy(store, "yard", second->id, &error));
    g_clear_error(&error);
    ck_assert(!vigil_model_store_begin_try(store, "yard", second->id, &tries, &error));
    g_clear_error(&error);
    ck_assert_ptr_null(vigil_model_store_rollback(store, "yard", NULL, "again", &error));
    ck_assert_ptr_nonnull(strstr(error->message, "left because of: no boxes for an hour"));
    g_clear_error(&error);

    /* what was bad is not taken again by itself; the next version is */
    refuses("2", "two", "was rolled back here because of: no boxes for an hour");
    installs("3", "three");
    is_current("3", VIGIL_MODEL_HEALTH_NEW);
    third = current();
    ck_assert(vigil_model_store_begin_try(store, "yard", third->id, &tries, &error));
    ck_assert_uint_eq(tries, 1);
}
END_TEST

START_TEST(test_bad_again_when_asked)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModelSlot) slot = NULL;

    installs("1", "one");
    installs("2", "two");
    slot = vigil_model_store_rollback(store, "yard", NULL, "by hand", &error);
    g_assert_no_error(error);
    how.allow_downgrade = TRUE;
    installs("2", "two");
    is_current("2", VIGIL_MODEL_HEALTH_NEW);
}
END_TEST

START_TEST(test_trust)
{
    g_autofree gchar *plain = make_package("2", "plain", NULL), *path = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModelSlot) slot = NULL;
    g_autofree gchar *sums = g_build_filename(plain, "package.sums", NULL);
    g_autofree gchar *broken = NULL;

    installs("1", "one");
    ck_assert_ptr_null(vigil_model_store_install(store, plain, &how, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNTRUSTED);
    g_clear_error(&error);
    how.allow_unsigned = TRUE;
    slot = vigil_model_store_install(store, plain, &how, &error);
    g_assert_no_error(error);
    ck_assert_ptr_null(slot->key);
    /* one without any seal is given its hashes, so that damage shows */
    g_clear_pointer(&slot, vigil_model_slot_free);
    path = make_package("3", "bare", NULL);
    g_free(sums);
    sums = g_build_filename(path, "package.sums", NULL);
    ck_assert_int_eq(g_unlink(sums), 0);
    slot = vigil_model_store_install(store, path, &how, &error);
    g_assert_no_error(error);
    broken = g_build_filename(slot->path, "labels.txt", NULL);
    ck_assert(g_file_set_contents(broken, "dog\ncat\nperson\n", -1, NULL));
    g_clear_pointer(&slot, vigil_model_slot_free);
    /* and damage of what is to be gone back to is seen before, not after */
    installs("4", "four");
    ck_assert_ptr_null(vigil_model_store_rollback(store, "yard", NULL, "x", &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNTRUSTED);
    is_current("4", VIGIL_MODEL_HEALTH_NEW);
}
END_TEST

#define WRONG "cat\t0.898\t0.375\t0.25\t0.625\t0.75\n"

/* A package that is signed but does not do what its golden boxes say, or whose name would lead elsewhere. */
START_TEST(test_unfit)
{
    static const gchar *const names[] = {"Yard", "../yard",   ".yard",
                                         "a/b",  "yard yard", "current\xff"};

    for (guint i = 0; i <= G_N_ELEMENTS(names); i++) {
        const gboolean named = i < G_N_ELEMENTS(names);
        g_autoptr(VigilPackageFiles) files = vigil_tiny_package(named ? names[i] : "yard", "1", "");
        g_autoptr(GBytes) boxes = g_bytes_new_static(WRONG, strlen(WRONG));
        g_autofree gchar *path = g_build_filename(folder, "unfit", NULL);
        g_autoptr(GError) error = NULL;

        if (!named)
            ck_assert(vigil_package_files_replace(files, "boxes.tsv", boxes, NULL));
        ck_assert(vigil_package_seal(files, key, NULL));
        vigil_tiny_package_write(files, path);
        ck_assert_ptr_null(vigil_model_store_install(store, path, &how, &error));
        g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID);
        if (!named)
            ck_assert_ptr_nonnull(strstr(error->message, "golden boxes do not come out"));
        vigil_tiny_folder_remove(path);
    }
    ck_assert(!vigil_model_store_is_name(""));
    ck_assert_ptr_null(vigil_model_store_current(store, "../store/models/yard", NULL));
}
END_TEST

/* The file `state` lost, damaged or of a later version. */
START_TEST(test_state_lost)
{
    g_autoptr(VigilModelSlot) slot = NULL;
    g_autofree gchar *path = g_build_filename(folder, "store", "models", "yard", "state", NULL);
    g_autoptr(GError) error = NULL;

    installs("1", "one");
    installs("2", "two");
    ck_assert(g_file_set_contents(path, "vigil-model-state 1\nb rubbish\n", -1, NULL));
    is_current("2", VIGIL_MODEL_HEALTH_NEW);
    ck_assert_int_eq(g_unlink(path), 0);
    is_current("2", VIGIL_MODEL_HEALTH_NEW);
    slot = vigil_model_store_rollback(store, "yard", NULL, "x", &error);
    g_assert_no_error(error);
    is_current("1", VIGIL_MODEL_HEALTH_NEW);
    ck_assert(g_file_set_contents(path, "vigil-model-state 2\nsomething else\n", -1, NULL));
    ck_assert_ptr_null(vigil_model_store_current(store, "yard", &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED);
}
END_TEST

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD "vigil-model-state 1\n"

START_TEST(test_state_form)
{
    static const struct {
        const gchar *text;
        gboolean good;
    } cases[] = {
        {HEAD, TRUE},
        {HEAD "a " ID " - new 0 0 1.0 \n", TRUE},
        {HEAD "b " ID " 0123456789abcdef bad 3 99 1.0 because of that\n", TRUE},
        {"", FALSE},
        {"vigil-model-state 1", FALSE},
        {HEAD "a " ID " - new 0 0 1.0 ", FALSE},
        {HEAD "a " ID " - new 0 0 1.0\n", FALSE},
        {HEAD "c " ID " - new 0 0 1.0 \n", FALSE},
        {HEAD "ab " ID " - new 0 0 1.0 \n", FALSE},
        {HEAD "a x - new 0 0 1.0 \n", FALSE},
        {HEAD "a " ID " x new 0 0 1.0 \n", FALSE},
        {HEAD "a " ID " - old 0 0 1.0 \n", FALSE},
        {HEAD "a " ID " - new -1 0 1.0 \n", FALSE},
        {HEAD "a " ID " - new 0 99999999999999999999 1.0 \n", FALSE},
        {HEAD "a " ID " - new 0 0 one \n", FALSE},
        {HEAD "a " ID " - new 0 0 1 \xff\n", FALSE},
        {HEAD "\n", FALSE},
        {HEAD "a " ID " - new 0 0 1.0 \na " ID " - new 0 0 1.0 \n", FALSE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(VigilModelState) state = {0};
        g_autofree gchar *again = NULL;
        const gboolean good =
            vigil_model_state_parse(&state, cases[i].text, strlen(cases[i].text), NULL);

        ck_assert_msg(good == cases[i].good, "%u", i);
        if (!good)
            continue;
        again = vigil_model_state_write(&state);
        ck_assert_str_eq(again, cases[i].text);
    }
}
END_TEST

START_TEST(test_compare_versions)
{
    static const gchar *const ascending[] = {"0", "0.0.0.1", "0.9",      "0.10",
                                             "1", "1.0.1",   "999999999"};
    static const gchar *const none[] = {"",   ".",  "1.", ".1", "1..2",      "1.2.3.4.5",
                                        "1a", "v1", "-1", "1 ", "9999999999"};

    for (guint i = 0; i < G_N_ELEMENTS(ascending); i++) {
        ck_assert(vigil_version_is(ascending[i]));
        for (guint j = 0; j < G_N_ELEMENTS(ascending); j++) {
            const gint order = vigil_version_compare(ascending[i], ascending[j]);

            ck_assert_int_eq(order, (i > j) - (i < j));
        }
    }
    ck_assert_int_eq(vigil_version_compare("1.0", "1"), 0);
    for (guint i = 0; i < G_N_ELEMENTS(none); i++)
        ck_assert_msg(!vigil_version_is(none[i]), "%s", none[i]);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_install, test_versions,   test_rollback,   test_bad_again_when_asked, test_trust,
        test_unfit,   test_state_lost, test_state_form, test_compare_versions,
    };
    Suite *suite = suite_create("model-store");
    TCase *tcase = tcase_create("slots");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
