/* SPDX-License-Identifier: Apache-2.0 */
/* `vigil pin` and `vigil unpin`, by the socket of who has the store, and without. */
#include "pipeline/vigil-pin-socket.h"

#include <gio/gunixsocketaddress.h>
#include <string.h>

#include "storage/vigil-pins.h"
#include "tests/pipeline/program.h"
#include "tests/storage/store-test.h"

static StoreTest t;
static gchar *path;

/* The part of the daemon that matters here: its main loop, in a thread. */
typedef struct {
    GMainLoop *loop;
    GThread *thread;
    VigilHousekeeper *housekeeper;
    VigilPinSocket *socket;
} Daemon;

static void
set_up(void)
{
    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 0; i < 5; i++)
        ck_assert(store_test_whole(t.store, i, 1000, NULL));
    path = g_build_filename(t.dir, VIGIL_PIN_SOCKET, NULL);
}

static void
tear_down(void)
{
    store_test_finish(&t);
    g_clear_pointer(&path, g_free);
}

static gpointer
run_loop(gpointer loop)
{
    g_main_loop_run(loop);
    return NULL;
}

static void
daemon_start(Daemon *self)
{
    g_autoptr(GError) error = NULL;

    self->loop = g_main_loop_new(NULL, FALSE);
    self->housekeeper = vigil_housekeeper_new(t.store, 3600);
    self->socket = vigil_pin_socket_open(path, t.store, self->housekeeper, &error);
    ck_assert_msg(self->socket, "%s", error ? error->message : "");
    self->thread = g_thread_new("daemon", run_loop, self->loop);
}

static void
daemon_stop(Daemon *self)
{
    g_main_loop_quit(self->loop);
    g_thread_join(self->thread);
    vigil_pin_socket_close(self->socket);
    vigil_housekeeper_free(self->housekeeper);
    g_main_loop_unref(self->loop);
}

static Program
run(const gchar *command, guint number)
{
    return program_run(command, store_test_id(number), "--store", t.dir, NULL);
}

static gint64
is_pinned(guint number)
{
    g_autofree gchar *sql =
        g_strdup_printf("SELECT pinned FROM events WHERE id = '%s'", store_test_id(number));

    return store_test_int(&t, sql);
}

/* What the housekeeper knows: it looks anew after each change. */
static gboolean
await_pins(Daemon *daemon, guint64 n)
{
    VigilPins pins = {0};

    for (guint i = 0; i < 600; i++) {
        if (vigil_housekeeper_get_pins(daemon->housekeeper, &pins) && pins.n_events == n)
            return TRUE;
        g_usleep(100000);
    }
    return FALSE;
}

static void
check_commands(void)
{
    g_auto(Program) pinned = run("pin", 2), again = run("pin", 2), other = run("pin", 4);
    g_auto(Program) unknown = run("pin", 77);
    g_auto(Program) listed = {0}, csv = {0}, unpinned = {0}, none = {0};

    ck_assert_msg(pinned.code == 0, "%s", pinned.errors);
    ck_assert_ptr_nonnull(strstr(pinned.output, store_test_id(2)));
    ck_assert_int_eq(again.code, 0);
    ck_assert_int_eq(other.code, 0);
    ck_assert_int_eq(is_pinned(2), 1);
    ck_assert_int_eq(is_pinned(1), 0);
    ck_assert_int_eq(unknown.code, 4);
    ck_assert_ptr_nonnull(strstr(unknown.errors, "no such event"));
    listed = program_run("events", "--pinned", "--store", t.dir, NULL);
    ck_assert_ptr_nonnull(strstr(listed.output, "all pins: 2 events, 2 clips, "));
    ck_assert_uint_eq(count_text(listed.output, "\n"), 4);
    csv = program_run("events", "--pinned", "--store", t.dir, "--format", "csv", NULL);
    ck_assert_uint_eq(count_text(csv.output, ",yes,"), 2);
    ck_assert_uint_eq(count_text(csv.output, "\n"), 3);
    unpinned = run("unpin", 2);
    ck_assert_int_eq(unpinned.code, 0);
    ck_assert_int_eq(is_pinned(2), 0);
    none = run("unpin", 78);
    ck_assert_int_eq(none.code, 4);
}

START_TEST(test_with_daemon)
{
    Daemon daemon;

    set_up();
    daemon_start(&daemon);
    check_commands();
    ck_assert(await_pins(&daemon, 1));
    daemon_stop(&daemon);
    ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
    tear_down();
}
END_TEST

START_TEST(test_without_daemon)
{
    g_auto(Program) nowhere =
        program_run("pin", store_test_id(1), "--store", "/nonexistent/store", NULL);

    ck_assert_int_ne(nowhere.code, 0);
    ck_assert_ptr_nonnull(strstr(nowhere.errors, "no store"));
    set_up();
    store_test_close(&t);
    check_commands();
    tear_down();
}
END_TEST

/* Who has the store and does not listen: it is said that the store is in use, and nothing changes. */
START_TEST(test_store_in_use)
{
    g_auto(Program) refused = {0};

    set_up();
    refused = run("pin", 1);
    ck_assert_int_eq(refused.code, 1);
    ck_assert_str_ne(refused.errors, "");
    ck_assert_int_eq(is_pinned(1), 0);
    tear_down();
}
END_TEST

/* Sends bytes as they are; gives what comes back. */
static gchar *
send_raw(const gchar *bytes, gsize length)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, NULL);
    gchar answer[256] = "";
    gsize got = 0;

    ck_assert_ptr_nonnull(connection);
    g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection)), bytes, length,
                              NULL, NULL, NULL);
    g_socket_shutdown(g_socket_connection_get_socket(connection), FALSE, TRUE, NULL);
    g_input_stream_read_all(g_io_stream_get_input_stream(G_IO_STREAM(connection)), answer,
                            sizeof answer - 1, &got, NULL, NULL);
    return g_strdup(answer);
}

START_TEST(test_hostile_lines)
{
    static const gchar *const lines[] = {
        "\n",
        "pin\n",
        "pin \n",
        "pin ../../../etc/passwd\n",
        "pin 00000000000000000000000001 \n",
        "pin 0000000000000000000000000' \n",
        "unpin\t00000000000000000000000001\n",
        "PIN 00000000000000000000000001\n",
        "pin 000000000000000000000000\x81\x81\n",
    };
    g_autofree gchar *flood = g_strnfill(100000, 'p');
    g_autofree gchar *flooded = NULL, *cut = NULL, *good = NULL, *line = NULL;
    Daemon daemon;

    set_up();
    daemon_start(&daemon);
    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree gchar *answer = send_raw(lines[i], strlen(lines[i]));

        ck_assert_msg(g_str_has_prefix(answer, "failed "), "%s: %s", lines[i], answer);
    }
    flooded = send_raw(flood, 100000);
    ck_assert_str_eq(flooded, "");
    cut = send_raw("pin 0000", 8);
    ck_assert_str_eq(cut, "");
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events WHERE pinned <> 0"), 0);
    line = g_strdup_printf("pin %s\n", store_test_id(1));
    good = send_raw(line, strlen(line));
    ck_assert_str_eq(good, "ok\n");
    ck_assert_int_eq(is_pinned(1), 1);
    daemon_stop(&daemon);
    tear_down();
}
END_TEST

/* Somebody connects and says nothing: the daemon ends all the same, at once, and lets go of the store. */
START_TEST(test_end_beside_a_silent_client)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = NULL;
    g_autoptr(GSocketConnection) connection = NULL;
    g_auto(Program) after = {0};
    Daemon daemon;

    set_up();
    daemon_start(&daemon);
    address = g_unix_socket_address_new(path);
    connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, NULL);
    ck_assert_ptr_nonnull(connection);
    g_usleep(200000);
    daemon_stop(&daemon);
    store_test_close(&t);
    after = run("pin", 3);
    ck_assert_msg(after.code == 0, "%s", after.errors);
    tear_down();
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {test_with_daemon, test_without_daemon, test_store_in_use,
                                  test_hostile_lines, test_end_beside_a_silent_client};

    return store_test_main("pin", tests, G_N_ELEMENTS(tests));
}
