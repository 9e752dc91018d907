/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-redact.h"

#include <stdio.h>
#include <string.h>

#define HIDDEN "***"
#define SHORTEST_SECRET 4

#define MAX_HELD 8       /* of one hold */
#define MAX_RELEASED 256 /* that nobody holds any more */

typedef struct {
    gchar *text;
    gsize length;
    guint holds;
} Secret;

static GMutex secrets_lock;
static GPtrArray *
    secrets; /* (element-type Secret), longest first, so that one that holds another is replaced whole */
static GPtrArray *released; /* (element-type Secret), borrowed: without a hold, the latest last */

static void
secret_free(gpointer data)
{
    g_free(((Secret *)data)->text);
    g_free(data);
}

static gint
compare_longest_first(gconstpointer a, gconstpointer b)
{
    const Secret *left = *(const Secret *const *)a, *right = *(const Secret *const *)b;

    return left->length < right->length ? 1 : left->length > right->length ? -1 : 0;
}

static Secret *
find_secret(const gchar *text)
{
    for (guint i = 0; i < secrets->len; i++) {
        Secret *secret = g_ptr_array_index(secrets, i);

        if (g_str_equal(secret->text, text))
            return secret;
    }
    return NULL;
}

static void
take(const gchar *text)
{
    Secret *secret;

    if (!secrets) {
        secrets = g_ptr_array_new_with_free_func(secret_free);
        released = g_ptr_array_new();
    }
    secret = find_secret(text);
    if (!secret) {
        secret = g_new0(Secret, 1);
        secret->text = g_strdup(text);
        secret->length = strlen(text);
        g_ptr_array_add(secrets, secret);
        g_ptr_array_sort(secrets, compare_longest_first);
    }
    if (secret->holds++ == 0)
        g_ptr_array_remove(released, secret);
}

static void
give_back(const gchar *text)
{
    Secret *secret = find_secret(text);

    if (--secret->holds > 0)
        return;
    g_ptr_array_add(released, secret);
    if (released->len > MAX_RELEASED)
        g_ptr_array_remove(secrets, g_ptr_array_steal_index(released, 0));
}

void
vigil_redact_hold(VigilRedactHold **hold, const gchar *secret)
{
    if (!secret || strlen(secret) < SHORTEST_SECRET)
        return;
    if (!*hold)
        *hold = g_ptr_array_new_with_free_func(g_free);
    if (g_ptr_array_find_with_equal_func(*hold, secret, g_str_equal, NULL))
        return;
    g_mutex_lock(&secrets_lock);
    take(secret);
    g_ptr_array_add(*hold, g_strdup(secret));
    if ((*hold)->len > MAX_HELD) {
        give_back(g_ptr_array_index(*hold, 0));
        g_ptr_array_remove_index(*hold, 0);
    }
    g_mutex_unlock(&secrets_lock);
}

void
vigil_redact_release(VigilRedactHold **hold)
{
    if (!*hold)
        return;
    g_mutex_lock(&secrets_lock);
    for (guint i = 0; i < (*hold)->len; i++)
        give_back(g_ptr_array_index(*hold, i));
    g_mutex_unlock(&secrets_lock);
    g_clear_pointer(hold, g_ptr_array_unref);
}

/* Where a URL ends in running text. */
static gboolean
ends_url(gchar c)
{
    return c == '\0' || g_ascii_isspace(c) || strchr("\"'<>`", c) != NULL;
}

/* Of a parameter, in lower case: what it may have in it, or end in. Makers of cameras agree on none of them. */
static const struct {
    const gchar *text;
    gboolean at_end;
    gboolean
        is_held; /* its value is no word that means anything else, and is hidden wherever it is said */
} secret_names[] = {
    {"pass", FALSE, TRUE},   {"pwd", FALSE, TRUE},         {"psw", FALSE, TRUE},
    {"token", FALSE, TRUE},  {"secret", FALSE, TRUE},      {"jwt", FALSE, TRUE},
    {"apikey", FALSE, TRUE}, {"pas", TRUE, TRUE},          {"pw", TRUE, TRUE},
    {"auth", FALSE, FALSE},  {"session", FALSE, FALSE},    {"signature", FALSE, FALSE},
    {"key", TRUE, FALSE},    {"credential", FALSE, FALSE}, {"sig", TRUE, FALSE},
    {"sid", TRUE, FALSE},    {"pin", TRUE, FALSE},         {"login", TRUE, FALSE},
};

#define LONGEST_NAME 64 /* bytes: of a longer one its end */

/*
 * @equals: what ends the name, which begins after what separates parameters, also those that are written into a path
 * @held_only: not those whose values are hidden in addresses only
 */
static gboolean
is_secret_name(const gchar *begin, const gchar *equals, gboolean held_only)
{
    const gchar *from = equals;
    g_autofree gchar *plain = NULL, *name = NULL;

    while (from > begin && equals - from < LONGEST_NAME && !strchr("/?&;,#=", from[-1]))
        from--;
    plain = g_uri_unescape_segment(from, equals, NULL);
    name = plain ? g_ascii_strdown(plain, -1) : g_ascii_strdown(from, equals - from);
    for (guint i = 0; i < G_N_ELEMENTS(secret_names); i++)
        if ((secret_names[i].is_held || !held_only) &&
            (secret_names[i].at_end ? g_str_has_suffix(name, secret_names[i].text)
                                    : strstr(name, secret_names[i].text) != NULL))
            return TRUE;
    return FALSE;
}

/*
 * The next value from @from on that lets someone in. Only & ends it: in a password that nobody escaped there may be any other mark.
 * @stop: (out): where it ends. Returns: where it begins, or NULL
 */
static const gchar *
find_secret_value(const gchar *begin, const gchar *from, const gchar *end, gboolean held_only,
                  const gchar **stop)
{
    for (const gchar *at = from; at < end; at++) {
        if (*at != '=' || !is_secret_name(begin, at, held_only))
            continue;
        *stop = memchr(at, '&', (gsize)(end - at));
        if (!*stop)
            *stop = end;
        return at + 1;
    }
    return NULL;
}

void
vigil_redact_hold_url(VigilRedactHold **hold, const gchar *url)
{
    const gchar *end = url + strlen(url), *stop = url, *value;

    while ((value = find_secret_value(url, stop, end, TRUE, &stop))) {
        g_autofree gchar *raw = g_strndup(value, (gsize)(stop - value));
        g_autofree gchar *plain = g_uri_unescape_string(raw, NULL);

        vigil_redact_hold(hold, raw);
        vigil_redact_hold(hold, plain);
    }
}

/*
 * `who@host…?password=…`: everything up to the last @ is hidden. A password may hold any character, even `/`, when someone forgot
 * to escape it; an @ in a path hides the host, which is the lesser evil.
 */
static void
append_url(GString *safe, const gchar *begin, const gchar *end)
{
    const gchar *at = g_strrstr_len(begin, end - begin, "@");
    const gchar *from = at ? at : begin, *stop = begin, *value;

    if (at)
        g_string_append(safe, HIDDEN);
    while ((value = find_secret_value(begin, stop, end, FALSE, &stop))) {
        if (stop <= from)
            continue;
        if (value > from) {
            g_string_append_len(safe, from, value - from);
            g_string_append(safe, HIDDEN);
        }
        from = stop; /* with an @ in the value all of it is behind what stands for the login */
    }
    g_string_append_len(safe, from, end - from);
}

static gchar *
hide_in_urls(const gchar *text)
{
    GString *safe = g_string_sized_new(strlen(text));
    const gchar *from = text, *mark;

    while ((mark = strstr(from, "://"))) {
        const gchar *begin = mark + strlen("://"), *end = begin;

        while (!ends_url(*end))
            end++;
        g_string_append_len(safe, from, begin - from);
        append_url(safe, begin, end);
        from = end;
    }
    g_string_append(safe, from);
    return g_string_free(safe, FALSE);
}

/* The same in other text, and headers and digests that let someone in: `password=…`, `Authorization: Basic …`. */
static gchar *
hide_parameters(const gchar *text)
{
    static GRegex *regex;
    static gsize once;
    gchar *result;

    if (g_once_init_enter(&once)) {
        regex = g_regex_new(
            "((?:pass|passwd|password|passphrase|pwd|user-pw|user_pw|token|secret|api_?key|"
            "signature|auth)\\s*[=:]\\s*|authorization:\\s*(?:basic|digest|bearer)\\s+)"
            "[^&;/?#\\s\"'<>]+",
            G_REGEX_CASELESS | G_REGEX_OPTIMIZE, 0, NULL);
        g_assert(regex);
        g_once_init_leave(&once, 1);
    }
    result = g_regex_replace(regex, text, -1, 0, "\\1" HIDDEN, 0, NULL);
    return result ? result : g_strdup(HIDDEN); /* cannot be matched: hide all of it */
}

gchar *
vigil_redact(const gchar *text)
{
    g_autoptr(GString) work = NULL;
    g_autofree gchar *valid = NULL, *no_urls = NULL;

    if (!text)
        return NULL;
    valid = g_utf8_make_valid(text, -1);
    work = g_string_new(valid);

    g_mutex_lock(&secrets_lock);
    for (guint i = 0; secrets && i < secrets->len; i++)
        g_string_replace(work, ((const Secret *)g_ptr_array_index(secrets, i))->text, HIDDEN, 0);
    g_mutex_unlock(&secrets_lock);

    no_urls = hide_in_urls(work->str);
    return hide_parameters(no_urls);
}

static GLogWriterOutput
write_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
    g_autofree GLogField *copy = g_new(GLogField, n_fields);
    g_autofree gchar *message = NULL;

    memcpy(copy, fields, n_fields * sizeof *copy);
    for (gsize i = 0; i < n_fields; i++) {
        if (message || strcmp(copy[i].key, "MESSAGE") != 0)
            continue;
        if (copy[i].length < 0) {
            message = vigil_redact(copy[i].value);
        } else {
            g_autofree gchar *text = g_strndup(copy[i].value, (gsize)copy[i].length);
            message = vigil_redact(text);
        }
        copy[i].value = message;
        copy[i].length = -1;
    }
    return g_log_writer_default(level, copy, n_fields, user_data);
}

void
vigil_redact_install_logs(void)
{
    g_log_writer_default_set_use_stderr(TRUE); /* stdout is for results */
    g_log_set_writer_func(write_log, NULL, NULL);
}
