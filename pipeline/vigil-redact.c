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

/*
 * `scheme://who@host…`: everything up to the last @ of the word is hidden. A password may hold any character, even `/`, when
 * someone forgot to escape it; an @ in a path hides the host, which is the lesser evil.
 */
static void
hide_logins(GString *text)
{
    gsize from = 0;

    for (;;) {
        const gchar *mark = strstr(text->str + from, "://");
        gsize begin, end, at = 0;

        if (!mark)
            return;
        begin = (gsize)(mark - text->str) + 3;
        for (end = begin; !ends_url(text->str[end]); end++)
            if (text->str[end] == '@')
                at = end;
        from = end;
        if (at) {
            g_string_erase(text, (gssize)begin, (gssize)(at - begin));
            g_string_insert(text, (gssize)begin, HIDDEN);
            from = begin + strlen(HIDDEN);
        }
    }
}

/* Values of parameters, headers and digests that let someone in: `password=…`, `Authorization: Basic …`. */
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
    g_autofree gchar *valid = NULL;

    if (!text)
        return NULL;
    valid = g_utf8_make_valid(text, -1);
    work = g_string_new(valid);

    g_mutex_lock(&secrets_lock);
    for (guint i = 0; secrets && i < secrets->len; i++)
        g_string_replace(work, ((const Secret *)g_ptr_array_index(secrets, i))->text, HIDDEN, 0);
    g_mutex_unlock(&secrets_lock);

    hide_logins(work);
    return hide_parameters(work->str);
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
