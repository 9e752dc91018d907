/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz-replay CORPUS: feeds a fuzz target every file of a folder, and mutations of each that are the same on every run,
 * as an ordinary test. VIGIL_FUZZ_MUTATIONS sets how many mutations a file gets (default 200).
 */
#include <check.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's interface, implemented by each fuzz-*.c */
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

#define DEFAULT_MUTATIONS 200
#define LONGEST_INPUT (4 * 1024 * 1024)

static const gchar *corpus;

/* the target gets memory of exactly the input's size, so that a sanitizer sees every step past its end */
static void
feed(const guint8 *data, gsize size)
{
    guint8 *copy = malloc(size ? size : 1);

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

/* The mutations of a file format's bugs: cut short, flipped bits, extreme values in places where sizes and offsets are, repeated stretches */
static void
mutate(GRand *rand, GByteArray *bytes)
{
    static const guint32 extremes[] = {0,      1,      0x7f,       0x80,       0xff,
                                       0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
    gint rounds = g_rand_int_range(rand, 1, 5);

    while (rounds-- > 0 && bytes->len > 0) {
        guint at = g_rand_int_range(rand, 0, bytes->len);

        switch (g_rand_int_range(rand, 0, 6)) {
        case 0: bytes->data[at] ^= 1u << g_rand_int_range(rand, 0, 8); break;
        case 1: bytes->data[at] = (guint8)g_rand_int(rand); break;
        case 2: g_byte_array_set_size(bytes, at); break;
        case 3: {
            guint32 value = extremes[g_rand_int_range(rand, 0, G_N_ELEMENTS(extremes))];
            memcpy(bytes->data + at, &value, MIN(sizeof(value), bytes->len - at));
            break;
        }
        case 4: {
            const guint length =
                g_rand_int_range(rand, 1, 17); /* not inside of MIN, which would draw twice */
            g_byte_array_remove_range(bytes, at, MIN(bytes->len - at, length));
            break;
        }
        default: {
            guint8 piece[16];
            guint length = MIN(bytes->len - at, sizeof(piece));
            memcpy(piece, bytes->data + at, length);
            g_byte_array_append(bytes, piece, length);
            break;
        }
        }
    }
}

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(const gchar *const *)a, *(const gchar *const *)b);
}

static GPtrArray *
corpus_files(void)
{
    g_autoptr(GDir) dir = g_dir_open(corpus, 0, NULL);
    GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
    const gchar *name;

    ck_assert_msg(dir != NULL, "no corpus in %s", corpus);
    while ((name = g_dir_read_name(dir)))
        g_ptr_array_add(files, g_build_filename(corpus, name, NULL));
    ck_assert_msg(files->len > 0, "no file in %s", corpus);
    g_ptr_array_sort(files, by_name);
    return files;
}

START_TEST(replays_the_corpus)
{
    g_autoptr(GPtrArray) files = corpus_files();

    feed((const guint8 *)"", 0);
    for (guint i = 0; i < files->len; i++) {
        g_autofree gchar *data = NULL;
        gsize size;

        ck_assert(g_file_get_contents(files->pdata[i], &data, &size, NULL));
        feed((const guint8 *)data, size);
    }
}
END_TEST

START_TEST(survives_mutations)
{
    g_autoptr(GPtrArray) files = corpus_files();
    const gchar *asked = g_getenv("VIGIL_FUZZ_MUTATIONS");
    gint count = asked ? atoi(asked) : DEFAULT_MUTATIONS;

    for (guint i = 0; i < files->len; i++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(i + 1);
        g_autofree gchar *data = NULL;
        gsize size;

        ck_assert(g_file_get_contents(files->pdata[i], &data, &size, NULL));
        ck_assert_uint_le(size, LONGEST_INPUT);
        for (gint round = 0; round < count; round++) {
            g_autoptr(GByteArray) bytes = g_byte_array_sized_new(size + 64);

            g_byte_array_append(bytes, (const guint8 *)data, size);
            mutate(rand, bytes);
            feed(bytes->data, bytes->len);
        }
    }
}
END_TEST

int
main(int argc, char **argv)
{
    Suite *suite = suite_create("fuzz-replay");
    TCase *tcase = tcase_create("corpus");
    SRunner *runner;
    int failed;

    if (argc != 2) {
        g_printerr("usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    corpus = argv[1];
    tcase_set_timeout(tcase, 280);
    tcase_add_test(tcase, replays_the_corpus);
    tcase_add_test(tcase, survives_mutations);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
