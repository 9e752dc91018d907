/* SPDX-License-Identifier: Apache-2.0 */
/* Destinations that change while events come: who says so waits for nobody, and what others were told goes with who told it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/upload/vigil-upload-pump.h"
#include "pipeline/vigil-settings.h"
#include "tests/pipeline/broker.h"
#include "tests/pipeline/program.h"
#include "tests/storage/store-test.h"

/* Descriptions and states of so many do not get out at once with QoS 1. */
#define N_CAMERAS 30

static StoreTest t;
static gchar *folder;
static Broker broker;
static VigilUploadPump *pump;

static void
setup(void)
{
    folder = folder_new();
    store_test_init(&t, NULL);
    store_test_open(&t);
}

static void
teardown(void)
{
    g_clear_pointer(&pump, vigil_upload_pump_free);
    broker_clear(&broker);
    store_test_finish(&t);
    folder_remove(folder);
    g_clear_pointer(&folder, g_free);
}

/* @uploads: lines below `uploads:` */
static VigilSettings *
configure(const gchar *uploads)
{
    g_autoptr(GString) cameras = g_string_new(NULL);
    g_autofree gchar *path = NULL;
    g_autoptr(GError) error = NULL;
    VigilSettings *settings;

    for (guint i = 0; i < N_CAMERAS; i++)
        g_string_append_printf(
            cameras, "  - {name: c%u, source: 'file:///x.mp4', rules: [{name: visitor}]}\n", i);
    path = folder_write(folder, "c.yaml", "model: {path: m.tflite}\ncameras:\n%suploads:%s\n",
                        cameras->str, uploads);
    settings = vigil_settings_load(path, &error);
    ck_assert_msg(settings != NULL, "%s", error ? error->message : "");
    return settings;
}

static void
start(const gchar *uploads)
{
    g_autoptr(VigilSettings) settings = configure(uploads);
    VigilUploadPumpOptions options = vigil_upload_pump_options_defaults();

    options.tick_ms = 100;
    pump = vigil_upload_pump_new(t.store, settings->uploads, settings->cameras, &options);
}

static void
set(const gchar *uploads)
{
    g_autoptr(VigilSettings) settings = configure(uploads);

    ck_assert(!vigil_upload_pump_wants(pump, settings->uploads, settings->cameras));
    vigil_upload_pump_set(pump, settings->uploads, settings->cameras);
    ck_assert(vigil_upload_pump_wants(pump, settings->uploads, settings->cameras));
}

static gboolean
is_there(const gchar *name)
{
    VigilOutboxState state;

    return vigil_outbox_get_state(t.store, name, &state, NULL);
}

static void
wait_for(const gchar *name, gboolean there)
{
    for (guint i = 0; i < 3000 && is_there(name) != there; i++)
        g_usleep(10000);
    ck_assert_msg(is_there(name) == there, "%s: %d", name, !there);
}

static void
describe(void)
{
    g_autoptr(JsonBuilder) json = json_builder_new();

    vigil_upload_pump_describe(pump, json);
}

/* As with a disk that is slow: who waited for the store here would wait for ever. */
START_TEST(nobody_waits_for_the_store)
{
    g_autoptr(VigilEvent) event = store_test_event(1, VIGIL_EVENT_BEGIN);
    VigilOutboxState state;

    start(" []");
    g_mutex_lock(&t.store->mutex);
    set(" [{name: a, url: 'http://127.0.0.1:9/'}]");
    describe();
    g_mutex_unlock(&t.store->mutex);
    wait_for("a", TRUE);
    g_mutex_lock(&t.store->mutex);
    set(" [{name: b, url: 'http://127.0.0.1:9/'}]");
    set(" [{name: c, url: 'http://127.0.0.1:9/'}]");
    describe();
    g_mutex_unlock(&t.store->mutex);
    wait_for("c", TRUE);
    wait_for("a", FALSE);
    ck_assert(!is_there("b"));
    ck_assert(vigil_store_commit_event(t.store, event, NULL, NULL));
    ck_assert(vigil_outbox_get_state(t.store, "c", &state, NULL));
    ck_assert_int_eq(state.waiting, 1);
    set(" []");
    wait_for("c", FALSE);
    vigil_upload_pump_settle(pump, 10000);
}
END_TEST

/* A store whose disk failed meanwhile is opened again for those who come. */
START_TEST(the_store_failed_meanwhile)
{
    start(" []");
    vigil_store_fail(t.store);
    set(" [{name: a, url: 'http://127.0.0.1:9/'}]");
    for (guint i = 0; i < 3000 && vigil_store_has_failed(t.store); i++) {
        g_usleep(10000);
        t.store = vigil_store_renew(t.store, NULL);
    }
    wait_for("a", TRUE);
}
END_TEST

/* The latest of each topic that has @part. @all: (out): how many topics. Returns: how many are not empty */
static guint
count_left(Listener *listener, const gchar *part, guint *all)
{
    g_autoptr(GHashTable) last = g_hash_table_new(g_str_hash, g_str_equal);
    GHashTableIter iter;
    gpointer payload;
    guint n = 0;

    for (guint i = 0; i < listener_count(listener); i++) {
        const Heard *heard = listener_get(listener, i);

        if (strstr(heard->topic, part))
            g_hash_table_insert(last, heard->topic, heard->payload);
    }
    g_hash_table_iter_init(&iter, last);
    while (g_hash_table_iter_next(&iter, NULL, &payload))
        n += *(gchar *)payload != '\0';
    *all = g_hash_table_size(last);
    return n;
}

static void
wait_for_left(Listener *listener, const gchar *part, guint n)
{
    guint all, left = count_left(listener, part, &all);

    for (guint i = 0; i < 3000 && left != n; i++) {
        iterate(0.01);
        left = count_left(listener, part, &all);
    }
    ck_assert_msg(left == n, "%s: %u of %u, not %u", part, left, all, n);
}

static guint
count_empty(Listener *listener)
{
    guint n = 0;

    for (guint i = 0; i < listener_count(listener); i++)
        n += *listener_get(listener, i)->payload == '\0';
    return n;
}

#define HOME "{name: %s, url: 'mqtt://127.0.0.1:%u', discovery: homeassistant}"

START_TEST(descriptions_go_with_their_destination)
{
    g_autofree gchar *home = NULL, *other = NULL;
    Listener *listener;

    if (!broker_prepare(&broker, folder, "allow_anonymous true\n"))
        return;
    broker_start(&broker);
    listener = listener_new(broker.port, "#");
    home = g_strdup_printf(" [" HOME "]", "home", broker.port);
    other = g_strdup_printf(" [" HOME "]", "other", broker.port);
    start(home);
    wait_for_left(listener, "__visitor/config", 2 * N_CAMERAS);
    wait_for_left(listener, "/rules/", N_CAMERAS);
    /* another name is no farewell, nor is an end */
    set(other);
    wait_for("other", TRUE);
    vigil_upload_pump_free(pump);
    start(other);
    iterate(0.5);
    ck_assert_uint_eq(count_empty(listener), 0);
    set(" []");
    wait_for_left(listener, "__visitor/config", 0);
    wait_for_left(listener, "/rules/", 0);
    listener_free(listener);
    /* what is left for who comes later */
    wait_for("other", FALSE);
    listener = listener_new(broker.port, "#");
    for (guint i = 0; i < 3000 && listener_count(listener) == 0; i++)
        iterate(0.01);
    iterate(0.5);
    /* what the first one did not hear any more comes, too, but is not retained */
    for (guint i = 0; i < listener_count(listener); i++) {
        const Heard *heard = listener_get(listener, i);

        ck_assert_msg(!heard->retained || g_str_equal(heard->payload, "offline"), "%s: %s",
                      heard->topic, heard->payload);
    }
    listener_free(listener);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("upload-reload");
    TCase *tests = tcase_create("upload-reload");
    SRunner *runner;
    int n_failed;

    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, nobody_waits_for_the_store);
    tcase_add_test(tests, the_store_failed_meanwhile);
    tcase_add_test(tests, descriptions_go_with_their_destination);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
