/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/upload/vigil-upload-form.h"
#include "pipeline/vigil-settings.h"
#include "tests/pipeline/program.h"
#include "vigil-config.h"

#define HEAD \
    "model: {path: m.tflite}\ncameras: [{name: a, source: 'file:///x.mp4', rules: [{name: r}]}]\n"
#define ONE(rest) HEAD "uploads:\n  - name: b\n" rest
#define HTTP "    url: https://h/e\n"
#define MQTT "    url: mqtt://h\n"

static gchar *folder;

static void
setup(void)
{
    folder = folder_new();
}

static void
teardown(void)
{
    folder_remove(folder);
    g_clear_pointer(&folder, g_free);
}

static VigilSettings *
load(const gchar *text, GError **error)
{
    g_autofree gchar *path = folder_write(folder, "c.yaml", "%s", text);

    return vigil_settings_load(path, error);
}

/* What is written, and the pieces that the message must have. */
static const struct {
    const gchar *text, *line, *place, *what;
} mistakes[] = {
    {HEAD "uploads: {}\n", ":3:", "uploads", "a list of destinations"},
    {HEAD "uploads: [5]\n", ":3:", "uploads[0]", ""},
    {HEAD "uploads: [{name: b}]\n", ":3:", "uploads[0]", "`url` is missing"},
    {HEAD "uploads: [{url: 'http://h'}]\n", ":3:", "uploads[0]", "`name` is missing"},
    {HEAD "uploads: [{name: 'a b', url: 'http://h'}]\n", ":3:", "uploads[0].name", "letters"},
    {HEAD "upload: []\n", ":3:", "upload", "did you mean \"uploads\""},
    {ONE("    url: ftp://h/\n"), ":5:", "uploads[0].url", "kafka://"},
    {ONE("    url: nonsense\n"), ":5:", "uploads[0].url", "begins http://"},
    {ONE("    url: https://u:Geheim77@h/\n"), ":5:", "uploads[0].url", "holds no login"},
    {ONE("    url: https:///e\n"), ":5:", "uploads[0].url", "no address"},
    {ONE("    url: https://h/#x\n"), ":5:", "uploads[0].url", "`#`"},
    {ONE("    url: mqtt://h/vigil\n"), ":5:", "uploads[0].url", "`topic`"},
    {ONE("    url: kafka://h/vigil\n"), ":5:", "uploads[0].url", "commas"},
    {ONE("    url: kafka://h:9,,i:9\n"), ":5:", "uploads[0].url", "commas"},
    {ONE(HTTP "    form: xml\n"), ":6:", "uploads[0].form", "vigil, frigate, dlstreamer"},
    {ONE(HTTP "    token: 'Bearer Geheim77'\n"), ":6:", "uploads[0].token", "name of a file"},
    {ONE(MQTT "    token: ./t\n"), ":6:", "uploads[0].token", "`credentials`"},
    {ONE("    url: http://h/e\n    token: ./t\n"), ":6:", "uploads[0].token", "use https:"},
    {ONE(HTTP "    credentials: ./t\n"), ":6:", "uploads[0].credentials", "`token`"},
    {ONE(MQTT "    credentials: u:Geheim77\n"), ":6:", "uploads[0].credentials", "user:password"},
    {ONE(HTTP "    topic: x\n"), ":6:", "uploads[0].topic", "mqtt"},
    {ONE(MQTT "    topic: 'a/#'\n"), ":6:", "uploads[0].topic", "letters"},
    {ONE(MQTT "    topic: /a\n"), ":6:", "uploads[0].topic", "neither first nor last"},
#ifdef HAVE_RDKAFKA
    {ONE("    url: kafka://h:9092\n    topic: a/b\n"), ":6:", "uploads[0].topic", "no `/`"},
#else
    {ONE("    url: kafka://h:9092\n"), ":5:", "uploads[0].url", "built without librdkafka"},
#endif
    {ONE(HTTP "    discovery: homeassistant\n"), ":6:", "uploads[0].discovery", "mqtt"},
    {ONE(MQTT "    discovery: yes\n"), ":6:", "uploads[0].discovery", "homeassistant"},
    {ONE(HTTP "    snapshots: some\n"), ":6:", "uploads[0].snapshots", "true"},
    {ONE(HTTP "    batch: 0\n"), ":6:", "uploads[0].batch", "1"},
    {ONE(HTTP "    max_age: 7\n"), ":6:", "uploads[0].max_age", "unit"},
    {ONE(HTTP "    max_bytes: 1kB\n"), ":6:", "uploads[0].max_bytes", ""},
    {ONE(HTTP "    timeout: 1ms\n"), ":6:", "uploads[0].timeout", ""},
    {ONE(HTTP "    source: ''\n"), ":6:", "uploads[0].source", "text"},
    {ONE(MQTT "    tls: {ca: ./ca.pem}\n"), ":6:", "uploads[0].tls", "mqtts"},
    {ONE(HTTP "    tls: {ca: /nowhere.pem}\n"), ":6:", "uploads[0].tls.ca", "no such file"},
    {ONE(HTTP "    tls: {cert: c.yaml}\n"), ":6:", "uploads[0].tls", "both"},
    {ONE(HTTP "    tls: {verify: false}\n"), ":6:", "uploads[0].tls", "verify"},
    {ONE(HTTP "    tokn: ./t\n"), ":6:", "uploads[0]", "did you mean \"token\""},
    {ONE(HTTP "  - name: b\n    url: mqtt://h\n"), ":6:", "uploads[1]", "line 4"},
};

START_TEST(test_mistake)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSettings) settings = load(mistakes[_i].text, &error);

    ck_assert_msg(settings == NULL, "taken: %s", mistakes[_i].text);
    ck_assert_int_eq(error->domain, VIGIL_SETTINGS_ERROR);
    ck_assert_msg(strstr(error->message, "c.yaml") && strstr(error->message, mistakes[_i].line) &&
                      strstr(error->message, mistakes[_i].place) &&
                      strstr(error->message, mistakes[_i].what),
                  "%s\ngave: %s", mistakes[_i].text, error->message);
    ck_assert_ptr_null(strstr(error->message, "Geheim77"));
}
END_TEST

START_TEST(test_nothing_is_sent_unless_asked)
{
    g_autoptr(VigilSettings) settings = load(HEAD, NULL);

    ck_assert_uint_eq(settings->uploads->len, 0);
}
END_TEST

START_TEST(test_defaults)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSettings) settings = load(ONE(HTTP), &error);
    const VigilUploadSettings *upload;

    ck_assert_msg(settings != NULL, "%s", error ? error->message : "");
    upload = settings->uploads->pdata[0];
    ck_assert_str_eq(upload->name, "b");
    ck_assert_str_eq(upload->url, "https://h/e");
    ck_assert_int_eq(upload->scheme, VIGIL_UPLOAD_HTTPS);
    ck_assert_int_eq(upload->form, VIGIL_UPLOAD_FORM_VIGIL);
    ck_assert(!upload->snapshots && !upload->discovery);
    ck_assert_ptr_null(upload->token);
    ck_assert_ptr_null(upload->source);
    ck_assert_int_eq(upload->batch, 100);
    ck_assert_int_eq(upload->max_age_ns / 1000000000, 7 * 86400);
    ck_assert_int_eq(upload->max_bytes, 100000000);
    ck_assert_int_eq(upload->timeout_ns / 1000000000, 30);
}
END_TEST

/* Of a program that cannot send to Kafka, an MQTT broker stands in their places. */
#ifdef HAVE_RDKAFKA
#define BUS "kafka://a:9092,b:9092"
#define SAFE "kafka://a:9092"
#define BUS_SCHEME VIGIL_UPLOAD_KAFKA
#else
#define BUS "mqtt://a:9092"
#define SAFE "mqtts://a:9092"
#define BUS_SCHEME VIGIL_UPLOAD_MQTT
#endif

START_TEST(test_everything)
{
    g_autofree gchar *pem = folder_write(folder, "a.pem", "x");
    g_autofree gchar *token = g_build_filename(folder, "backend.token", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSettings) settings =
        load(HEAD "uploads:\n"
                  "  - {name: backend, url: 'https://example.org/events?x=1', form: vigil, "
                  "token: ./backend.token, batch: 7, max_age: 1d, max_bytes: 1MB, snapshots: true, "
                  "timeout: 5s, source: hut, tls: {ca: a.pem}}\n"
                  "  - {name: home, url: 'mqtts://10.0.0.2:8883', credentials: mqtt-login, topic: "
                  "site/vigil, form: frigate, discovery: homeassistant, "
                  "tls: {ca: a.pem, cert: a.pem, key: a.pem}}\n"
                  "  - {name: local, url: 'http://127.0.0.1:8080/', token: t}\n"
                  "  - {name: bus, url: '" BUS "', form: dlstreamer}\n"
                  "  - {name: f, url: 'mqtt://[::1]', form: frigate}\n"
                  "  - {name: safe, url: '" SAFE "', tls: {}}\n"
                  "  - {name: safe2, url: '" SAFE "'}\n",
             &error);
    const VigilUploadSettings *upload;

    ck_assert_msg(settings != NULL, "%s", error ? error->message : "");
    ck_assert_uint_eq(settings->uploads->len, 7);
    upload = settings->uploads->pdata[0];
    ck_assert_str_eq(upload->token, token);
    ck_assert_str_eq(upload->source, "hut");
    ck_assert_str_eq(upload->tls_ca, pem);
    ck_assert_ptr_null(upload->tls_key);
    ck_assert(upload->snapshots);
    ck_assert_int_eq(upload->batch, 7);
    upload = settings->uploads->pdata[1];
    ck_assert_int_eq(upload->scheme, VIGIL_UPLOAD_MQTTS);
    ck_assert_str_eq(upload->credentials, "mqtt-login");
    ck_assert_str_eq(upload->topic, "site/vigil");
    ck_assert_str_eq(upload->tls_key, pem);
    ck_assert(upload->discovery);
    upload = settings->uploads->pdata[2];
    ck_assert_str_eq(upload->token, "t");
    upload = settings->uploads->pdata[3];
    ck_assert_int_eq(upload->scheme, BUS_SCHEME);
    ck_assert_int_eq(upload->form, VIGIL_UPLOAD_FORM_DLSTREAMER);
    ck_assert_str_eq(upload->topic, "vigil");
    ck_assert(!upload->tls);
    upload = settings->uploads->pdata[4];
    ck_assert_str_eq(upload->topic, "frigate");
    upload = settings->uploads->pdata[5];
    ck_assert(upload->tls && !upload->tls_ca);
    ck_assert(vigil_upload_settings_equal(upload, upload));
    ck_assert(!vigil_upload_settings_equal(upload, settings->uploads->pdata[1]));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("upload-settings");
    TCase *tests = tcase_create("keys");
    SRunner *runner;
    int n_failed;

    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, test_mistake, 0, G_N_ELEMENTS(mistakes));
    tcase_add_test(tests, test_nothing_is_sent_unless_asked);
    tcase_add_test(tests, test_defaults);
    tcase_add_test(tests, test_everything);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
