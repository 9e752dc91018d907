/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-reload.h"

#include <json-glib/json-glib.h>
#include <signal.h>

#include "pipeline/vigil-model-check.h"
#include "pipeline/vigil-model-source.h"
#include "pipeline/vigil-status-socket.h"

static VigilSettings *
load(const gchar *path, const gchar *store, gboolean avoid_new, GError **error)
{
    g_autoptr(VigilSettings) settings = vigil_settings_load(path, error);

    if (!settings)
        return NULL;
    if (!g_str_equal(settings->store_path, store))
        g_message("the change of `store` counts from the next start on");
    vigil_settings_set_store(settings, store);
    settings->avoid_new = avoid_new;
    return vigil_model_check(settings, error) ? g_steal_pointer(&settings) : NULL;
}

/* Whether the mistakes are those of a package on trial, which is gone then. */
static gboolean
send_back(const gchar *path, const gchar *store, const gchar *reason)
{
    g_autoptr(VigilSettings) without = load(path, store, TRUE, NULL);

    if (!without)
        return FALSE;
    without->avoid_new = FALSE;
    return vigil_model_source_resolve(without, NULL) &&
           vigil_model_source_fail(without, NULL, reason);
}

VigilSettings *
vigil_reload_settings(const gchar *path, const gchar *store, GError **error)
{
    g_autoptr(GError) reason = NULL;
    VigilSettings *settings = load(path, store, FALSE, &reason);

    if (settings)
        return settings;
    if (send_back(path, store, reason->message))
        return load(path, store, FALSE, error);
    g_propagate_error(error, g_steal_pointer(&reason));
    return NULL;
}

gboolean
vigil_reload_daemon(const gchar *store)
{
    g_autofree gchar *path = g_build_filename(store, VIGIL_STATUS_SOCKET, NULL);
    g_autofree gchar *document = vigil_status_socket_ask(path, NULL);
    g_autoptr(JsonNode) root = document ? json_from_string(document, NULL) : NULL;
    gint64 pid = 0;

    if (root && JSON_NODE_HOLDS_OBJECT(root))
        pid = json_object_get_int_member_with_default(json_node_get_object(root), "pid", 0);
    return pid > 1 && kill((pid_t)pid, SIGHUP) == 0;
}
