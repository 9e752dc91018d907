/* SPDX-License-Identifier: Apache-2.0 */
/* A package on its way from its maker's key into a store and back, by the commands that users type. Needs no test data. */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/pipeline/program.h"
#include "tests/support/vigil-tiny-package.h"

static gchar *folder, *package, *archive, *keys, *secret, *store;

static gchar *
in_folder(const gchar *name)
{
    return g_build_filename(folder, name, NULL);
}

static void
write_package(const gchar *version, const gchar *extra)
{
    g_autoptr(VigilPackageFiles) files = vigil_tiny_package("yard", version, extra);

    vigil_tiny_package_write(files, package);
}

static void
setup(void)
{
    g_autofree gchar *public_key = NULL, *trusted = NULL;

    folder = folder_new();
    package = in_folder("package");
    archive = in_folder("yard.vigil");
    keys = in_folder("keys");
    secret = in_folder("site.key");
    store = in_folder("store");
    write_package("1.0", "one");
    g_mkdir(keys, 0755);
    {
        g_auto(Program) made = program_run("model", "sign", "--new-key", secret, NULL);

        ck_assert_msg(made.code == 0, "%s", made.errors);
        ck_assert_ptr_nonnull(strstr(made.output, "/etc/vigil/keys"));
    }
    public_key = in_folder("site.key.pub");
    trusted = g_build_filename(keys, "site.pub", NULL);
    ck_assert_int_eq(g_rename(public_key, trusted), 0);
}

static void
teardown(void)
{
    folder_remove(folder);
    g_free(folder);
    g_free(package);
    g_free(archive);
    g_free(keys);
    g_free(secret);
    g_free(store);
}

/* Exit code and a text that must be in the output, or among the errors. */
static void
says(Program program, gint code, const gchar *text)
{
    ck_assert_msg(program.code == code, "code %d: %s%s", program.code, program.output,
                  program.errors);
    ck_assert_msg(strstr(program.output, text) || strstr(program.errors, text),
                  "no \"%s\" in: %s%s", text, program.output, program.errors);
    program_clear(&program);
}

static void
sign(void)
{
    says(program_run("model", "sign", package, "--key", secret, "-o", archive, NULL), 0,
         "signed by key ");
}

START_TEST(test_verify)
{
    g_autofree gchar *labels = g_build_filename(package, "labels.txt", NULL);
    g_autofree gchar *model = g_build_filename(package, "m.tflite", NULL);
    struct stat info;

    ck_assert_int_eq(stat(secret, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0600);
    says(program_run("model", "verify", package, "--keys", keys, NULL), 1, "nobody signed it");
    says(program_run("model", "verify", package, "--keys", keys, "--allow-unsigned", NULL), 0,
         "signature  none");
    sign();
    says(program_run("model", "verify", package, "--keys", keys, NULL), 0,
         "signature  good, of key");
    says(program_run("model", "verify", archive, "--keys", keys, NULL), 0, "golden     good");
    says(program_run("model", "verify", archive, "--keys", folder, NULL), 1,
         "none of the 0 that are trusted");
    says(program_run("model", "verify", model, NULL), 0, "a bare model");
    ck_assert(g_file_set_contents(labels, "dog\ncat\nperson\n", -1, NULL));
    says(program_run("model", "verify", package, "--keys", keys, NULL), 1,
         "labels.txt is not the file that package.sums lists");
    /* signing it anew is what mends it, with hashes only as well */
    says(program_run("model", "sign", package, "--no-key", NULL), 0, "not signed");
    says(program_run("model", "verify", package, "--keys", keys, "--allow-unsigned", NULL), 0,
         "hashes     good");
}
END_TEST

START_TEST(test_sign_refuses)
{
    g_autofree gchar *boxes = g_build_filename(package, "boxes.tsv", NULL);
    g_autofree gchar *sums = g_build_filename(package, "package.sums", NULL);

    says(program_run("model", "sign", package, NULL), 2, "give one of --key");
    says(program_run("model", "sign", package, "--key", secret, "--no-key", NULL), 2,
         "give one of --key");
    says(program_run("model", "sign", "--key", secret, NULL), 2, "name the directory");
    says(program_run("model", "sign", package, "--new-key", secret, NULL), 1, "File exists");
    g_chmod(secret, 0644);
    says(program_run("model", "sign", package, "--key", secret, NULL), 1, "others may read");
    g_chmod(secret, 0600);
    ck_assert(g_file_set_contents(boxes, "cat\t0.898\t0.375\t0.25\t0.625\t0.75\n", -1, NULL));
    says(program_run("model", "sign", package, "--key", secret, NULL), 1,
         "golden boxes do not come out");
    ck_assert(!g_file_test(sums, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST(test_install)
{
    says(program_run("model", "rollback", "--store", store, NULL), 4, "no model is installed");
    says(program_run("model", "install", package, "--store", store, "--keys", keys, NULL), 1,
         "nobody signed it");
    sign();
    says(program_run("model", "install", archive, "--store", store, "--keys", keys, NULL), 0,
         "yard 1.0 is in ");
    write_package("0.9", "old");
    sign();
    says(program_run("model", "install", archive, "--store", store, "--keys", keys, NULL), 1,
         "0.9 is not higher");
    write_package("1.1", "two");
    sign();
    says(program_run("model", "install", archive, "--store", store, "--keys", keys, NULL), 0,
         "yard 1.1 is in ");
    says(program_run("model", "rollback", "--store", store, "--reason", "saw ghosts", NULL), 0,
         "yard 1.0 is in use again");
    says(program_run("model", "list", "--store", store, NULL), 0, "saw ghosts");
    says(program_run("model", "rollback", "yard", "--store", store, NULL), 4,
         "nothing to go back to");
    says(program_run("model", "rollback", "gate", "--store", store, NULL), 4, "no model \"gate\"");
    says(program_run("model", "install", archive, "--store", store, "--keys", keys, NULL), 1,
         "was rolled back here because of: saw ghosts");
    says(program_run("model", "install", archive, "--store", store, "--keys", keys,
                     "--allow-downgrade", NULL),
         0, "yard 1.1 is in ");
}
END_TEST

/* A picture that the tiny model sees a person in: its pixels are the head of the network. */
static void
write_picture(const gchar *images, const gchar *name)
{
    enum {
        WIDTH = 14,
        HEIGHT = 8,
        STRIDE = 44,
        HEAD = 54
    };
    guint8 file[HEAD + STRIDE * HEIGHT] = {
        'B', 'M', [10] = HEAD, [14] = 40, [18] = WIDTH, [22] = HEIGHT, [26] = 1, [28] = 24};
    static const guint8 box[] = {64, 64, 32, 64, 0, 0, 115};
    g_autofree gchar *path = g_build_filename(images, name, NULL);

    file[2] = (guint8)(sizeof file & 255);
    file[3] = (guint8)(sizeof file >> 8);
    for (guint i = 0; i < G_N_ELEMENTS(box); i++) {
        const guint at = i * 48 + 5, row = at / (WIDTH * 3), column = at % (WIDTH * 3) / 3;

        /* rows from below, BGR */
        file[HEAD + (HEIGHT - 1 - row) * STRIDE + column * 3 + 2 - at % 3] = box[i];
    }
    ck_assert(g_file_set_contents(path, (const gchar *)file, sizeof file, NULL));
}

START_TEST(test_compare)
{
    g_autofree gchar *images = in_folder("images"), *empty = in_folder("empty");
    g_autofree gchar *tsv = g_build_filename(images, "a.tsv", NULL);
    g_autofree gchar *txt = g_build_filename(images, "b.txt", NULL);

    g_mkdir(images, 0755);
    g_mkdir(empty, 0755);
    sign();
    write_picture(images, "a.bmp");
    says(program_run("model", "verify", package, "--keys", keys, "--images", empty, NULL), 1,
         "no pictures in it");
    says(program_run("model", "verify", package, "--keys", keys, "--images", images, NULL), 1,
         "no picture has its boxes beside it");
    says(program_run("model", "verify", package, "--keys", keys, "--against", package, NULL), 2,
         "--against needs --images");
    write_picture(images, "b.bmp");
    write_picture(images, "c.bmp");
    ck_assert(g_file_set_contents(tsv, "person\t0.9\t0.375\t0.25\t0.625\t0.75\n", -1, NULL));
    ck_assert(g_file_set_contents(txt, "2 0.5 0.5 0.25 0.5\n", -1, NULL));
    says(program_run("model", "verify", package, "--keys", keys, "--images", images, "--agree", "1",
                     NULL),
         0, "2 matched, 0 missed, 0 extra");
    says(program_run("model", "verify", package, "--keys", keys, "--images", images, NULL), 0,
         "1 left out, without boxes beside them");
    says(program_run("model", "verify", package, "--keys", keys, "--images", images, "--against",
                     package, NULL),
         0, "agreement  1.000, asked for 0.900: good");
    ck_assert(g_file_set_contents(txt, "1 0.5 0.5 0.25 0.5\n", -1, NULL));
    says(program_run("model", "verify", package, "--keys", keys, "--images", images, "--agree",
                     "0.9", NULL),
         5, "1 matched, 1 missed, 1 extra");
    ck_assert(g_file_set_contents(txt, "rubbish\n", -1, NULL));
    says(program_run("model", "verify", package, "--keys", keys, "--images", images, NULL), 1,
         "b.txt:1: a box is a line of class number");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("model-commands");
    TCase *tcase = tcase_create("packages");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_verify);
    tcase_add_test(tcase, test_sign_refuses);
    tcase_add_test(tcase, test_install);
    tcase_add_test(tcase, test_compare);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
