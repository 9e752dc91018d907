/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation by which models are installed and rolled back fails, is the last before kill -9, or before a power cut. */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/vigil-detector.h"
#include "models/vigil-package-seal.h"
#include "tests/support/vigil-disk-model.h"
#include "tests/support/vigil-tiny-package.h"

#define MAX_OPERATIONS 200

static gchar *folder, *root, *saved;
static gchar *packages[5]; /* of version 1 to 4 */

/* --- what is done --- */

static gboolean
install(VigilModelStore *store, guint version, GError **error)
{
    const VigilModelInstall how = {.allow_unsigned = TRUE, .keys = folder};
    g_autoptr(VigilModelSlot) slot =
        vigil_model_store_install(store, packages[version], &how, error);

    return slot != NULL;
}

static gboolean
work_install_1(VigilModelStore *store, GError **error)
{
    return install(store, 1, error);
}

static gboolean
work_install_2(VigilModelStore *store, GError **error)
{
    return install(store, 2, error);
}

static gboolean
work_install_3(VigilModelStore *store, GError **error)
{
    return install(store, 3, error);
}

static gboolean
work_rollback(VigilModelStore *store, GError **error)
{
    g_autoptr(VigilModelSlot) slot =
        vigil_model_store_rollback(store, "yard", NULL, "a test", error);

    return slot != NULL;
}

static gboolean
work_judge(VigilModelStore *store, GError **error)
{
    g_autoptr(VigilModelSlot) slot = vigil_model_store_current(store, "yard", error);
    guint tries;

    return slot && vigil_model_store_begin_try(store, "yard", slot->id, &tries, error) &&
           vigil_model_store_mark_healthy(store, "yard", slot->id, error);
}

typedef struct {
    guint installed;           /* versions 1 to this one before */
    gboolean half_rolled_back; /* and then a rollback that ended before its switch */
    gboolean (*work)(VigilModelStore *store, GError **error);
    const gchar *before, *after; /* versions that may be current; "": none */
    const gchar *also;           /* (nullable): one on the way */
} Scene;

static const Scene scenes[] = {
    {0, FALSE, work_install_1, "", "1", NULL},  {1, FALSE, work_install_2, "1", "2", NULL},
    {2, FALSE, work_install_3, "2", "3", NULL}, {2, FALSE, work_rollback, "2", "1", NULL},
    {2, FALSE, work_judge, "2", "2", NULL},     {2, TRUE, work_install_3, "2", "3", "1"},
    {2, TRUE, work_rollback, "2", "1", NULL},
};

/* --- around it --- */

static void
set_up(void)
{
    /* in memory where possible: thousands of renames over files make a disk write each of them */
    folder = g_strdup("/dev/shm/vigil-faults-XXXXXX");
    if (!g_mkdtemp(folder)) {
        g_free(folder);
        folder = g_dir_make_tmp("vigil-faults-XXXXXX", NULL);
    }
    root = g_build_filename(folder, "store", NULL);
    saved = g_build_filename(folder, "saved", NULL);
    for (guint i = 1; i < G_N_ELEMENTS(packages); i++) {
        g_autofree gchar *version = g_strdup_printf("%u", i);
        g_autoptr(VigilPackageFiles) files = vigil_tiny_package("yard", version, version);

        packages[i] = g_build_filename(folder, version, NULL);
        ck_assert(vigil_package_seal(files, NULL, NULL));
        vigil_tiny_package_write(files, packages[i]);
    }
}

static void
tear_down(void)
{
    vigil_tiny_folder_remove(folder);
    for (guint i = 1; i < G_N_ELEMENTS(packages); i++)
        g_free(packages[i]);
    g_free(folder);
    g_free(root);
    g_free(saved);
}

static void
prepare(const Scene *scene)
{
    g_autoptr(VigilModelStore) store = vigil_model_store_open_with(root, &disk_model_ops);
    g_autofree gchar *link = g_build_filename(root, "models", "yard", "current", NULL);
    g_autoptr(GError) error = NULL;

    vigil_tiny_folder_remove(root);
    vigil_tiny_folder_remove(saved);
    g_mkdir(root, 0755);
    g_mkdir(saved, 0755);
    disk_model_arm(DISK_FINE, 0, TRUE, saved);
    for (guint i = 1; i <= scene->installed; i++)
        ck_assert(install(store, i, &error));
    if (scene->half_rolled_back) {
        ck_assert(work_rollback(store, &error));
        ck_assert_int_eq(g_unlink(link), 0);
        ck_assert_int_eq(symlink("b", link), 0);
    }
    vigil_tiny_folder_remove(saved);
    g_mkdir(saved, 0755);
}

/* In a process of its own. Returns: 0: it worked, 1: it failed with an error, 9: it died */
static gint
run(const Scene *scene, DiskFault fault, guint nth, gboolean honest)
{
    gint status;
    pid_t child;

    prepare(scene);
    disk_model_arm(fault, nth, honest, saved);
    child = fork();
    if (child == 0) {
        g_autoptr(VigilModelStore) store = vigil_model_store_open_with(root, &disk_model_ops);
        g_autoptr(GError) error = NULL;
        const gboolean ok = scene->work(store, &error);

        _exit(ok ? 0 : error ? 1 : 2);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* NULL, or what is wrong with the model in use */
static gchar *
judge(const Scene *scene, gboolean done)
{
    g_autoptr(VigilModelStore) store = vigil_model_store_open(root);
    VigilDetectorOptions options = vigil_detector_options_defaults();
    g_autoptr(VigilDetector) detector = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModelSlot) slot = vigil_model_store_current(store, "yard", &error);
    const gchar *version = slot ? slot->version : "";
    g_auto(VigilSealed) sealed = {0};

    if (!slot && !g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_NOT_FOUND))
        return g_strdup(error->message);
    g_clear_error(&error);
    if (!g_str_equal(version, scene->after) &&
        (done || (!g_str_equal(version, scene->before) && g_strcmp0(version, scene->also) != 0)))
        return g_strdup_printf("version \"%s\" is current", version);
    if (!slot)
        return NULL;
    options.model = slot->path;
    if (!vigil_sealed_open(&sealed, slot->path, NULL, VIGIL_PACKAGE_ANY, &error) ||
        !(detector = vigil_detector_open(&options, &error)))
        return g_strdup(error->message);
    return g_str_equal(sealed.id, slot->id) ? NULL : g_strdup("not the package of the state");
}

/* Whatever was left behind holds up nobody: another version installs, and can be left again if there was one before. */
static void
goes_on(const Scene *scene, guint nth)
{
    static const gchar *const leftovers[] = {"incoming", "outgoing", "current.new", "state.new"};
    g_autoptr(VigilModelStore) store = vigil_model_store_open_with(root, &disk_model_ops);
    g_autoptr(VigilModelSlot) before = vigil_model_store_current(store, "yard", NULL);
    g_autoptr(VigilModelSlot) slot = NULL;
    g_autoptr(GError) error = NULL;

    vigil_tiny_folder_remove(saved);
    g_mkdir(saved, 0755);
    disk_model_arm(DISK_FINE, 0, TRUE, saved);
    ck_assert_msg(install(store, 4, &error), "%u: %s", nth, error ? error->message : "");
    slot = vigil_model_store_current(store, "yard", &error);
    g_assert_no_error(error);
    ck_assert_str_eq(slot->version, "4");
    for (guint i = 0; i < G_N_ELEMENTS(leftovers); i++) {
        g_autofree gchar *path = g_build_filename(root, "models", "yard", leftovers[i], NULL);

        ck_assert_msg(!g_file_test(path, G_FILE_TEST_EXISTS), "%u: %s", nth, path);
    }
    if (before && before->health != VIGIL_MODEL_HEALTH_BAD) {
        ck_assert_msg(work_rollback(store, &error), "%u: %s", nth, error ? error->message : "");
        g_clear_pointer(&slot, vigil_model_slot_free);
        slot = vigil_model_store_current(store, "yard", &error);
        ck_assert_str_eq(slot->version, before->version);
    }
}

static void
fail_each(DiskFault fault)
{
    for (guint s = 0; s < G_N_ELEMENTS(scenes); s++) {
        for (guint nth = 1;; nth++) {
            const gint code = run(&scenes[s], fault, nth, TRUE);
            const guint count = disk_model_get_count();
            g_autofree gchar *wrong = judge(&scenes[s], code == 0);

            ck_assert_msg(!wrong, "scene %u, operation %u: %s", s, nth, wrong);
            ck_assert_int_eq(code == 0 || code == 1 || code == 9, TRUE);
            goes_on(&scenes[s], nth);
            if (code == 0 && count < nth) {
                ck_assert_uint_gt(nth, 4);
                break;
            }
            ck_assert_uint_lt(nth, MAX_OPERATIONS);
        }
    }
}

START_TEST(test_faults)
{
    fail_each((DiskFault)_i);
}
END_TEST

/* The power goes before each operation and after the last; then any number of the latest changes that were not synced is lost. */
static guint
cut_each(const Scene *scene, gboolean honest)
{
    guint n_wrong = 0;

    for (guint nth = 1;; nth++) {
        gint code = 0;
        guint n_loose = 0;

        for (guint lost = 0; lost <= n_loose; lost++) {
            g_autofree gchar *wrong = NULL;

            code = run(scene, DISK_DIE, nth, honest);
            n_loose = disk_model_get_n_loose();
            disk_model_cut(root, lost);
            wrong = judge(scene, code == 0);
            n_wrong += wrong != NULL;
            if (!honest)
                continue;
            ck_assert_msg(!wrong, "before operation %u, %u of %u changes lost: %s", nth, lost,
                          n_loose, wrong);
            goes_on(scene, nth);
        }
        if (code == 0)
            return n_wrong;
        ck_assert_uint_lt(nth, MAX_OPERATIONS);
    }
}

START_TEST(test_power_cuts)
{
    ck_assert_uint_eq(cut_each(&scenes[_i], TRUE), 0);
}
END_TEST

/* The test above would notice a sync that is missing. */
START_TEST(test_notices)
{
    ck_assert_uint_gt(cut_each(&scenes[1], FALSE), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("model-store-faults");
    TCase *tcase = tcase_create("faults");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 280);
    tcase_add_loop_test(tcase, test_faults, DISK_DIE, DISK_DEAD + 1);
    tcase_add_loop_test(tcase, test_power_cuts, 0, G_N_ELEMENTS(scenes));
    tcase_add_test(tcase, test_notices);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
