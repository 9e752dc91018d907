/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka sink against librdkafka's mock cluster: three brokers that fail as they are told. */
#include <check.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>
#include <string.h>

#include "events/vigil-event.h"
#include "pipeline/upload/vigil-upload-form.h"
#include "pipeline/upload/vigil-upload-kafka.h"
#include "tests/pipeline/broker.h"

#define PRODUCE 0 /* ApiKey */
#define N_BROKERS 3
#define N_CAMERAS 5
#define TOPIC "vigil"

typedef struct {
    rd_kafka_t *keeper;
    rd_kafka_mock_cluster_t *cluster;
    VigilUploadSettings *settings;
    VigilUploadSink *sink;
    GPtrArray *messages; /* VigilOutboxMessage */
    guint next, batch;
    gboolean waiting;
    VigilUploadOutcome outcome;
    gchar *reason;
    VigilUploadItem items[200];
} Rig;

static Rig rig;

static void
message_free(VigilOutboxMessage *message)
{
    g_free(message->event_id);
    g_free(message->camera);
    g_free(message->key);
    g_free(message->json);
    g_free(message);
}

static VigilOutboxMessage *
make_message(guint number)
{
    VigilOutboxMessage *message = g_new0(VigilOutboxMessage, 1);
    g_autoptr(VigilEvent) event = vigil_event_new();
    g_autofree gchar *camera = g_strdup_printf("camera-%u", number % N_CAMERAS);

    g_snprintf(event->id, sizeof event->id, "01HF%022u", number);
    event->camera = g_intern_string(camera);
    event->rule = "visitor";
    event->label = "person";
    message->sequence = number + 1;
    message->event_id = g_strdup(event->id);
    message->camera = g_steal_pointer(&camera);
    message->key = g_strdup_printf("%s-begin-0", event->id);
    message->json = vigil_event_to_json(event, NULL);
    message->wall_us = G_GINT64_CONSTANT(1700000000000000) + number;
    return message;
}

static void
setup(void)
{
    const VigilUploadSite site = {.source = "test"};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    gchar why[200];

    rig = (Rig){.batch = 100};
    rd_kafka_conf_set(conf, "client.id", "keeper", why, sizeof why);
    rig.keeper = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    ck_assert_msg(rig.keeper != NULL, "%s", why);
    rig.cluster = rd_kafka_mock_cluster_new(rig.keeper, N_BROKERS);
    rd_kafka_mock_topic_create(rig.cluster, TOPIC, 4, N_BROKERS);
    rig.settings = g_new0(VigilUploadSettings, 1);
    g_atomic_ref_count_init(&rig.settings->refs);
    rig.settings->name = g_strdup("central");
    rig.settings->url =
        g_strconcat("kafka://", rd_kafka_mock_cluster_bootstraps(rig.cluster), NULL);
    rig.settings->scheme = VIGIL_UPLOAD_KAFKA;
    rig.settings->topic = g_strdup(TOPIC);
    rig.settings->timeout_ns = 10 * G_GINT64_CONSTANT(1000000000);
    rig.messages = g_ptr_array_new_with_free_func((GDestroyNotify)message_free);
    rig.sink = vigil_upload_kafka_new(rig.settings, &site, NULL);
    ck_assert_ptr_nonnull(rig.sink);
}

static void
teardown(void)
{
    rig.sink->funcs->free(rig.sink);
    rd_kafka_mock_cluster_destroy(rig.cluster);
    rd_kafka_destroy(rig.keeper);
    g_ptr_array_unref(rig.messages);
    vigil_upload_settings_unref(rig.settings);
    g_free(rig.reason);
}

static void
add_messages(guint n)
{
    for (guint i = 0; i < n; i++)
        g_ptr_array_add(rig.messages, make_message(rig.messages->len));
}

static void
on_done(const VigilUploadResult *result, gpointer user_data)
{
    ck_assert(rig.waiting);
    rig.waiting = FALSE;
    rig.outcome = result->outcome;
    g_free(rig.reason);
    rig.reason = g_strdup(result->reason);
    rig.next += result->outcome == VIGIL_UPLOAD_SENT ? MIN(rig.batch, rig.messages->len - rig.next)
                                                     : result->n_sent;
}

static VigilUploadOutcome
try(void)
{
    const guint n = MIN(rig.batch, rig.messages->len - rig.next);

    for (guint i = 0; i < n; i++)
        rig.items[i] = (VigilUploadItem){.message = rig.messages->pdata[rig.next + i]};
    rig.waiting = TRUE;
    rig.sink->funcs->send(rig.sink, rig.items, n, on_done, NULL);
    ck_assert_msg(rig.waiting, "the result came from within send()");
    while (rig.waiting)
        iterate(0.002);
    return rig.outcome;
}

static void
run(gdouble seconds)
{
    const gint64 until = g_get_monotonic_time() + (gint64)(seconds * G_USEC_PER_SEC);

    while (rig.next < rig.messages->len && g_get_monotonic_time() < until)
        if (try() != VIGIL_UPLOAD_SENT)
            iterate(0.1);
    ck_assert_msg(rig.next == rig.messages->len, "%s", rig.reason);
}

static rd_kafka_t *
make_consumer(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(4);
    rd_kafka_t *consumer;
    gchar why[200];

    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(rig.cluster), why,
                      sizeof why);
    rd_kafka_conf_set(conf, "group.id", "backend", why, sizeof why);
    rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", why, sizeof why);
    consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    ck_assert_msg(consumer != NULL, "%s", why);
    rd_kafka_poll_set_consumer(consumer);
    for (gint i = 0; i < 4; i++) {
        rd_kafka_topic_partition_t *partition = rd_kafka_topic_partition_list_add(topics, TOPIC, i);

        partition->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_assign(consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return consumer;
}

/*
 * Everything is there, each camera in one partition and in its order. @may_repeat: an attempt may have taken too long, as on a busy machine:
 * then another producer sends all of it again, with the same keys.
 */
static void
judge(gboolean may_repeat)
{
    rd_kafka_t *consumer = make_consumer();
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) partitions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) last = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    const gint64 until = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

    while (g_hash_table_size(seen) < rig.messages->len && g_get_monotonic_time() < until) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 200);
        rd_kafka_headers_t *headers = NULL;
        const void *value = NULL;
        size_t size = 0;

        if (!message)
            continue;
        ck_assert_msg(!message->err, "%s", rd_kafka_message_errstr(message));
        ck_assert(!rd_kafka_message_headers(message, &headers));
        ck_assert(!rd_kafka_header_get_last(headers, "key", &value, &size));

        g_autofree gchar *camera = g_strndup(message->key, message->key_len);
        gchar *key = g_strndup(value, size);
        g_autofree gchar *payload = g_strndup(message->payload, message->len);
        const gchar *before = g_hash_table_lookup(last, camera);
        gpointer partition;

        ck_assert_ptr_nonnull(strstr(payload, key));
        if (may_repeat && g_hash_table_contains(seen, key)) {
            g_free(key);
            rd_kafka_message_destroy(message);
            continue;
        }
        ck_assert_msg(!before || strcmp(before, key) < 0, "%s after %s", key, before);
        g_hash_table_insert(last, g_strdup(camera), g_strdup(key));
        if (g_hash_table_lookup_extended(partitions, camera, NULL, &partition))
            ck_assert_int_eq(GPOINTER_TO_INT(partition), message->partition);
        else
            g_hash_table_insert(partitions, g_strdup(camera), GINT_TO_POINTER(message->partition));
        ck_assert_msg(g_hash_table_add(seen, key), "%s came twice", key);
        rd_kafka_message_destroy(message);
    }
    ck_assert_uint_eq(g_hash_table_size(seen), rig.messages->len);
    ck_assert_uint_eq(g_hash_table_size(partitions), N_CAMERAS);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
}

START_TEST(test_all_arrive)
{
    add_messages(1000);
    run(60.0);
    judge(FALSE);
}
END_TEST

/* Connections that break and brokers that say no for a while: the idempotent producer sends again, and nothing is lost. */
START_TEST(test_errors)
{
    add_messages(300);
    for (guint round = 0; round < 3; round++) {
        rd_kafka_mock_push_request_errors(rig.cluster, PRODUCE, 3, RD_KAFKA_RESP_ERR__TRANSPORT,
                                          RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                          RD_KAFKA_RESP_ERR__TRANSPORT);
        try();
    }
    run(60.0);
    judge(TRUE);
}
END_TEST

START_TEST(test_brokers_away)
{
    add_messages(100);
    rig.settings->timeout_ns = G_GINT64_CONSTANT(1500000000);
    for (gint i = 1; i <= N_BROKERS; i++)
        rd_kafka_mock_broker_set_down(rig.cluster, i);
    ck_assert_int_eq(try(), VIGIL_UPLOAD_RETRY);
    ck_assert_uint_eq(rig.next, 0);
    ck_assert_ptr_nonnull(rig.reason);
    g_print("away: %s\n", rig.reason);
    for (gint i = 1; i <= N_BROKERS; i++)
        rd_kafka_mock_broker_set_up(rig.cluster, i);
    rig.settings->timeout_ns = 10 * G_GINT64_CONSTANT(1000000000);
    run(60.0);
    judge(TRUE);
}
END_TEST

/* Nothing goes out in plain text where `tls: {}` stands: this broker speaks no other. */
START_TEST(test_tls_is_meant)
{
    add_messages(10);
    rig.settings->timeout_ns = G_GINT64_CONSTANT(1500000000);
    rig.settings->tls = TRUE;
    ck_assert_int_eq(try(), VIGIL_UPLOAD_RETRY);
    ck_assert_uint_eq(rig.next, 0);
    g_print("no TLS there: %s\n", rig.reason);
    rig.settings->tls = FALSE;
    run(60.0);
}
END_TEST

START_TEST(test_refused)
{
    VigilOutboxMessage *bad;

    add_messages(20);
    bad = rig.messages->pdata[7];
    g_free(bad->json);
    bad->json = g_strdup("[]");
    ck_assert_int_eq(try(), VIGIL_UPLOAD_REFUSED);
    ck_assert_uint_eq(rig.next, 7);
    rig.batch = 1;
    ck_assert_int_eq(try(), VIGIL_UPLOAD_REFUSED);
    ck_assert_uint_eq(rig.next, 7);
}
END_TEST

/* In the midst of a batch: whatever comes of it belongs to nobody. */
START_TEST(test_cancel)
{
    add_messages(100);
    for (guint i = 0; i < 5; i++) {
        for (guint k = 0; k < rig.messages->len; k++)
            rig.items[k] = (VigilUploadItem){.message = rig.messages->pdata[k]};
        rig.waiting = TRUE;
        rig.sink->funcs->send(rig.sink, rig.items, rig.messages->len, on_done, NULL);
        iterate(0.005 * i);
        rig.sink->funcs->cancel(rig.sink);
        rig.waiting = FALSE;
        iterate(0.05);
        rig.next = 0;
    }
    run(30.0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("upload-kafka");
    TCase *tcase = tcase_create("upload-kafka");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_all_arrive);
    tcase_add_test(tcase, test_errors);
    tcase_add_test(tcase, test_brokers_away);
    tcase_add_test(tcase, test_tls_is_meant);
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_cancel);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
