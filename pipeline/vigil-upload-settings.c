/* SPDX-License-Identifier: Apache-2.0 */
/* The key `uploads`: where events are sent. */
#include "pipeline/vigil-upload-settings.h"

#include <gio/gio.h>
#include <string.h>

#include "pipeline/upload/vigil-upload-form.h"
#include "pipeline/vigil-settings-private.h"
#include "vigil-config.h"

#define LONGEST_NAME 64
#define LONGEST_TOPIC 200
#define LONGEST_SOURCE 200
#define DAY_NS (86400 * G_GINT64_CONSTANT(1000000000))

static const gchar *const schemes[] = {"http", "https", "mqtt", "mqtts", "kafka", NULL};
static const gchar *const forms[] = {"vigil", "frigate", "dlstreamer", NULL};

/* --- the value ------------------------------------------------------------------------------- */

static VigilUploadSettings *
settings_new(void)
{
    VigilUploadSettings *self = g_new0(VigilUploadSettings, 1);

    g_atomic_ref_count_init(&self->refs);
    self->batch = 100;
    self->max_age_ns = 7 * DAY_NS;
    self->max_bytes = 100 * 1000 * 1000;
    self->timeout_ns = 30 * G_GINT64_CONSTANT(1000000000);
    return self;
}

VigilUploadSettings *
vigil_upload_settings_ref(VigilUploadSettings *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void
vigil_upload_settings_unref(VigilUploadSettings *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;
    g_free(self->name);
    g_free(self->url);
    g_free(self->source);
    g_free(self->token);
    g_free(self->credentials);
    g_free(self->topic);
    g_free(self->tls_ca);
    g_free(self->tls_cert);
    g_free(self->tls_key);
    g_free(self);
}

gboolean
vigil_upload_settings_equal(const VigilUploadSettings *a, const VigilUploadSettings *b)
{
    return g_strcmp0(a->name, b->name) == 0 && g_strcmp0(a->url, b->url) == 0 &&
           g_strcmp0(a->source, b->source) == 0 && a->form == b->form &&
           g_strcmp0(a->token, b->token) == 0 && g_strcmp0(a->credentials, b->credentials) == 0 &&
           g_strcmp0(a->topic, b->topic) == 0 && a->discovery == b->discovery &&
           a->snapshots == b->snapshots && a->batch == b->batch && a->max_age_ns == b->max_age_ns &&
           a->max_bytes == b->max_bytes && a->timeout_ns == b->timeout_ns && a->tls == b->tls &&
           g_strcmp0(a->tls_ca, b->tls_ca) == 0 && g_strcmp0(a->tls_cert, b->tls_cert) == 0 &&
           g_strcmp0(a->tls_key, b->tls_key) == 0;
}

static gboolean
is_http(const VigilUploadSettings *self)
{
    return self->scheme == VIGIL_UPLOAD_HTTP || self->scheme == VIGIL_UPLOAD_HTTPS;
}

static gboolean
is_mqtt(const VigilUploadSettings *self)
{
    return self->scheme == VIGIL_UPLOAD_MQTT || self->scheme == VIGIL_UPLOAD_MQTTS;
}

/* --- single keys ----------------------------------------------------------------------------- */

static void
read_name(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    VigilUploadSettings *self = target;
    const gchar *text = NULL;
    GError *error = NULL;

    if (vigil_yaml_read_string(node, &text, &error)) {
        const gsize good = strspn(text, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "-_.");

        if (!*text || text[good] || strlen(text) > LONGEST_NAME)
            vigil_yaml_set_error(node, &error,
                                 "\"%s\" cannot be a destination's name: 1 to %d letters, digits, "
                                 "`-`, `_` or `.`",
                                 text, LONGEST_NAME);
        else
            self->name = g_strdup(text);
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

static gint
find_word(const gchar *const *words, const gchar *word)
{
    for (gint i = 0; words[i]; i++)
        if (g_strcmp0(words[i], word) == 0)
            return i;
    return -1;
}

/* HOST:PORT,HOST:PORT,…: brokers of one cluster */
static gboolean
is_broker_list(const gchar *text)
{
    g_auto(GStrv) brokers = g_strsplit(text, ",", -1);

    for (guint i = 0; brokers[i]; i++) {
        g_autofree gchar *single = g_strconcat("kafka://", brokers[i], NULL);
        g_autoptr(GUri) uri = g_uri_parse(single, G_URI_FLAGS_NONE, NULL);

        if (!uri || !g_uri_get_host(uri) || !*g_uri_get_host(uri) || *g_uri_get_path(uri))
            return FALSE;
    }
    return brokers[0] != NULL;
}

/* What is wrong with an address behind kafka://. */
static const gchar *
judge_brokers(const gchar *text)
{
    if (!is_broker_list(text))
        return "write kafka://HOST:PORT, or several with commas";
#ifdef HAVE_RDKAFKA
    return NULL;
#else
    return "this program was built without librdkafka, so it cannot send to Kafka: build it with "
           "-Dkafka=enabled";
#endif
}

/* What is wrong with an address, as a sentence that holds nothing of it; %NULL: nothing. */
static const gchar *
judge_url(const gchar *text, gint *scheme)
{
    g_autofree gchar *word = g_uri_parse_scheme(text);
    const gchar *rest = strstr(text, "://");
    g_autoptr(GUri) uri = NULL;

    *scheme = find_word(schemes, word);
    if (*scheme < 0 || !rest)
        return "an address of a destination begins http://, https://, mqtt://, mqtts:// or "
               "kafka://";
    rest += strlen("://");
    if (memchr(rest, '@', strcspn(rest, "/?#")))
        return "an address holds no login: name a file with `token` or `credentials`";
    if (*scheme == VIGIL_UPLOAD_KAFKA)
        return judge_brokers(rest);
    uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
    if (!uri || !g_uri_get_host(uri) || !*g_uri_get_host(uri))
        return "this is no address: write https://HOST/PATH or mqtt://HOST:PORT";
    if (g_uri_get_fragment(uri))
        return "an address has no part behind `#` here";
    if ((*scheme == VIGIL_UPLOAD_MQTT || *scheme == VIGIL_UPLOAD_MQTTS) &&
        (g_uri_get_query(uri) || strlen(g_uri_get_path(uri)) > 1))
        return "an MQTT broker has a host and a port only; say with `topic` what topics begin with";
    return NULL;
}

static void
read_url(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    VigilUploadSettings *self = target;
    const gchar *text = NULL, *wrong;
    GError *error = NULL;

    if (vigil_yaml_read_string(node, &text, &error)) {
        wrong = judge_url(text, &self->scheme);
        if (wrong)
            vigil_yaml_set_error(node, &error, "%s", wrong);
        else
            self->url = g_strdup(text);
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_source(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    VigilUploadSettings *self = target;
    const gchar *text = NULL;
    GError *error = NULL;

    if (vigil_yaml_read_string(node, &text, &error)) {
        if (!*text || strlen(text) > LONGEST_SOURCE)
            vigil_yaml_set_error(node, &error, "a name of 1 to %d bytes is wanted", LONGEST_SOURCE);
        else
            self->source = g_strdup(text);
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

/* The name of a file with a secret in it, or, without a `/`, of a credential that systemd passes. */
static void
read_secret_name(const VigilYaml *node, const gchar *base, const gchar *holds, gchar **place,
                 VigilYamlMistakes *mistakes)
{
    const gchar *text = NULL;
    GError *error = NULL;

    if (vigil_yaml_read_string(node, &text, &error)) {
        if (!*text || strchr(text, ':') || (!strchr(text, '/') && strchr(text, ' ')))
            vigil_yaml_set_error(node, &error,
                                 "this is the name of a file that holds %s, or of a credential "
                                 "that systemd passes, not what is in it",
                                 holds);
        else
            *place = strchr(text, '/') ? g_canonicalize_filename(text, base) : g_strdup(text);
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_token(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    read_secret_name(node, user_data, "a token", &((VigilUploadSettings *)target)->token, mistakes);
}

static void
read_credentials(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
                 gpointer user_data)
{
    read_secret_name(node, user_data, "user:password",
                     &((VigilUploadSettings *)target)->credentials, mistakes);
}

static void
read_topic(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    VigilUploadSettings *self = target;
    const gchar *text = NULL;
    GError *error = NULL;

    if (vigil_yaml_read_string(node, &text, &error)) {
        const gsize good = strspn(text, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "-_./");

        if (!*text || text[good] || *text == '/' || g_str_has_suffix(text, "/") ||
            strlen(text) > LONGEST_TOPIC)
            vigil_yaml_set_error(node, &error,
                                 "a topic is 1 to %d letters, digits, `-`, `_`, `.` and `/`, the "
                                 "last neither first nor last",
                                 LONGEST_TOPIC);
        else
            self->topic = g_strdup(text);
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_discovery(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
               gpointer user_data)
{
    const gchar *text = NULL;
    GError *error = NULL;

    if (vigil_yaml_read_string(node, &text, &error)) {
        if (g_str_equal(text, "homeassistant"))
            ((VigilUploadSettings *)target)->discovery = TRUE;
        else
            vigil_yaml_set_error(node, &error, "\"%s\" is not known: write homeassistant", text);
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_snapshots(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
               gpointer user_data)
{
    GError *error = NULL;

    vigil_yaml_read_bool(node, &((VigilUploadSettings *)target)->snapshots, &error);
    vigil_yaml_mistakes_add(mistakes, error);
}

/* --- tls ------------------------------------------------------------------------------------- */

static void
read_existing(const VigilYaml *node, const gchar *base, gchar **place, VigilYamlMistakes *mistakes)
{
    GError *error = NULL;

    vigil_settings_read_path(node, base, place, mistakes);
    if (*place && !g_file_test(*place, G_FILE_TEST_IS_REGULAR))
        vigil_yaml_set_error(node, &error, "%s: no such file", *place);
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_ca(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    read_existing(node, user_data, &((VigilUploadSettings *)target)->tls_ca, mistakes);
}

static void
read_cert(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    read_existing(node, user_data, &((VigilUploadSettings *)target)->tls_cert, mistakes);
}

static void
read_key(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    read_existing(node, user_data, &((VigilUploadSettings *)target)->tls_key, mistakes);
}

static void
read_tls(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    static const VigilYamlKey keys[] = {
        {.name = "ca", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_ca},
        {.name = "cert", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_cert},
        {.name = "key", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_key},
        {.name = NULL},
    };
    VigilUploadSettings *self = target;
    GError *error = NULL;

    self->tls = vigil_yaml_get_kind(node) == VIGIL_YAML_MAPPING;
    vigil_yaml_table_read(node, keys, target, mistakes, user_data);
    if (vigil_yaml_get_kind(node) == VIGIL_YAML_MAPPING && !self->tls_cert != !self->tls_key)
        vigil_yaml_set_error(node, &error, "a client's certificate needs both `cert` and `key`");
    vigil_yaml_mistakes_add(mistakes, error);
}

/* --- what goes together ---------------------------------------------------------------------- */

static gboolean
is_loopback(const gchar *url)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
    const gchar *host = uri ? g_uri_get_host(uri) : "";
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);

    return address ? g_inet_address_get_is_loopback(address) : g_str_equal(host, "localhost");
}

static void
refuse_key(const VigilYaml *node, const gchar *key, gboolean wrong, const gchar *why,
           VigilYamlMistakes *mistakes)
{
    const VigilYaml *value = vigil_yaml_get(node, key);
    GError *error = NULL;

    if (value && wrong)
        vigil_yaml_set_error(value, &error, "%s", why);
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
check_together(const VigilYaml *node, const VigilUploadSettings *self, VigilYamlMistakes *mistakes)
{
    const gboolean plain = self->scheme == VIGIL_UPLOAD_HTTP || self->scheme == VIGIL_UPLOAD_MQTT;

    refuse_key(node, "token", !is_http(self),
               "only for http: and https:; others have `credentials`", mistakes);
    refuse_key(node, "token", self->scheme == VIGIL_UPLOAD_HTTP && !is_loopback(self->url),
               "by http: everybody on the way could read it: use https:", mistakes);
    refuse_key(node, "credentials", is_http(self), "only for mqtt: and kafka:; http: has `token`",
               mistakes);
    refuse_key(node, "topic", is_http(self), "only for mqtt: and kafka:", mistakes);
    refuse_key(node, "topic",
               self->scheme == VIGIL_UPLOAD_KAFKA && self->topic && strchr(self->topic, '/'),
               "a topic of Kafka's has no `/`", mistakes);
    refuse_key(node, "discovery", !is_mqtt(self), "only for mqtt:", mistakes);
    refuse_key(node, "tls", plain, "only for https:, mqtts: and kafka:", mistakes);
}

static void
set_defaults(VigilUploadSettings *self)
{
    if (!self->topic)
        self->topic = g_strdup(self->form == VIGIL_UPLOAD_FORM_FRIGATE ? "frigate" : "vigil");
}

/* (transfer full): never %NULL; half filled when there are mistakes */
static VigilUploadSettings *
read_one(const VigilYaml *node, const gchar *base, VigilYamlMistakes *mistakes)
{
    static const VigilYamlKey keys[] = {
        {.name = "name", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_name},
        {.name = "url", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_url},
        {.name = "source", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_source},
        {.name = "form",
         .type = VIGIL_YAML_KEY_WORD,
         .offset = G_STRUCT_OFFSET(VigilUploadSettings, form),
         .words = forms},
        {.name = "token", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_token},
        {.name = "credentials", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_credentials},
        {.name = "topic", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_topic},
        {.name = "discovery", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_discovery},
        {.name = "snapshots", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_snapshots},
        {.name = "batch",
         .type = VIGIL_YAML_KEY_INT,
         .offset = G_STRUCT_OFFSET(VigilUploadSettings, batch),
         .min = 1,
         .max = 1000},
        {.name = "max_age",
         .type = VIGIL_YAML_KEY_DURATION,
         .offset = G_STRUCT_OFFSET(VigilUploadSettings, max_age_ns),
         .min = 60e9,
         .max = 3650.0 * DAY_NS},
        {.name = "max_bytes",
         .type = VIGIL_YAML_KEY_SIZE,
         .offset = G_STRUCT_OFFSET(VigilUploadSettings, max_bytes),
         .min = 100e3,
         .max = 1e12},
        {.name = "timeout",
         .type = VIGIL_YAML_KEY_DURATION,
         .offset = G_STRUCT_OFFSET(VigilUploadSettings, timeout_ns),
         .min = 1e9,
         .max = 600e9},
        {.name = "tls", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_tls},
        {.name = NULL},
    };
    VigilUploadSettings *self = settings_new();
    GError *error = NULL;

    vigil_yaml_table_read(node, keys, self, mistakes, (gpointer)base);
    if (vigil_yaml_get_kind(node) != VIGIL_YAML_MAPPING)
        return self;
    if (!vigil_yaml_get(node, "name"))
        vigil_yaml_set_error(node, &error, "`name` is missing: what this destination is called");
    vigil_yaml_mistakes_add(mistakes, g_steal_pointer(&error));
    if (!vigil_yaml_get(node, "url"))
        vigil_yaml_set_error(node, &error, "`url` is missing: where events are sent");
    vigil_yaml_mistakes_add(mistakes, error);
    if (self->url)
        check_together(node, self, mistakes);
    set_defaults(self);
    return self;
}

void
vigil_upload_settings_read(const VigilYaml *node, GPtrArray *uploads, const gchar *base,
                           VigilYamlMistakes *mistakes)
{
    g_autoptr(GHashTable) lines = g_hash_table_new(g_str_hash, g_str_equal);
    GError *error = NULL;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE) {
        vigil_yaml_set_error(node, &error,
                             "a list of destinations is wanted, each beginning `- name: …`");
        vigil_yaml_mistakes_add(mistakes, error);
        return;
    }
    for (guint i = 0; i < vigil_yaml_get_n(node); i++) {
        const VigilYaml *item = vigil_yaml_get_item(node, i);
        VigilUploadSettings *upload = read_one(item, base, mistakes);
        gpointer earlier;

        g_ptr_array_add(uploads, upload);
        if (!upload->name)
            continue;
        earlier = g_hash_table_lookup(lines, upload->name);
        if (earlier)
            vigil_yaml_set_error(
                item, &error,
                "a destination named \"%s\" is already in line %u; each needs its own name",
                upload->name, GPOINTER_TO_UINT(earlier));
        vigil_yaml_mistakes_add(mistakes, g_steal_pointer(&error));
        g_hash_table_insert(lines, upload->name, GUINT_TO_POINTER(vigil_yaml_get_line(item)));
    }
}
