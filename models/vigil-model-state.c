/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "models/vigil-model-store-private.h"
#include "models/vigil-version.h"

#define HEAD "vigil-model-state "
#define VERSION "1"
#define N_FIELDS 8

static const gchar *const health_names[] = {"staged", "new", "good", "bad", NULL};

const gchar *
vigil_model_health_get_name(VigilModelHealth health)
{
    return health_names[health];
}

void
vigil_model_slot_free(VigilModelSlot *self)
{
    if (!self)
        return;
    g_free(self->name);
    g_free(self->path);
    g_free(self->version);
    g_free(self->id);
    g_free(self->key);
    g_free(self->reason);
    g_free(self);
}

VigilModelSlot *
vigil_model_slot_copy(const VigilModelSlot *self)
{
    VigilModelSlot *copy = g_new(VigilModelSlot, 1);

    *copy = *self;
    copy->name = g_strdup(self->name);
    copy->path = g_strdup(self->path);
    copy->version = g_strdup(self->version);
    copy->id = g_strdup(self->id);
    copy->key = g_strdup(self->key);
    copy->reason = g_strdup(self->reason);
    return copy;
}

void
vigil_model_state_clear(VigilModelState *self)
{
    for (guint i = 0; i < G_N_ELEMENTS(self->slots); i++)
        g_clear_pointer(&self->slots[i], vigil_model_slot_free);
}

static gboolean
is_hex(const gchar *text, gsize n)
{
    return strlen(text) == n && strspn(text, "0123456789abcdef") == n;
}

static VigilModelSlot *
parse_slot(gchar **fields)
{
    g_autoptr(VigilModelSlot) slot = g_new0(VigilModelSlot, 1);
    guint64 tries, since;
    guint health = 0;

    while (health_names[health] && !g_str_equal(health_names[health], fields[3]))
        health++;
    if (!is_hex(fields[1], 64) || (!g_str_equal(fields[2], "-") && !is_hex(fields[2], 16)) ||
        !health_names[health] ||
        !g_ascii_string_to_unsigned(fields[4], 10, 0, G_MAXUINT, &tries, NULL) ||
        !g_ascii_string_to_unsigned(fields[5], 10, 0, G_MAXINT64, &since, NULL) ||
        !vigil_version_is(fields[6]) || !g_utf8_validate(fields[7], -1, NULL))
        return NULL;
    slot->id = g_strdup(fields[1]);
    slot->key = g_str_equal(fields[2], "-") ? NULL : g_strdup(fields[2]);
    slot->health = (VigilModelHealth)health;
    slot->tries = (guint)tries;
    slot->since_us = (gint64)since;
    slot->version = g_strdup(fields[6]);
    slot->reason = *fields[7] ? g_strdup(fields[7]) : NULL;
    return g_steal_pointer(&slot);
}

static gboolean
refuse(VigilModelError code, GError **error, guint line)
{
    g_set_error(error, VIGIL_MODEL_ERROR, code, "state:%u: %s", line,
                code == VIGIL_MODEL_ERROR_UNSUPPORTED ? "written by a later version of Vigil"
                                                      : "damaged");
    return FALSE;
}

gboolean
vigil_model_state_parse(VigilModelState *self, const gchar *text, gsize length, GError **error)
{
    g_autofree gchar *copy = g_strndup(text, length);
    g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
    guint n = g_strv_length(lines);

    /* the last line has its end, so that one that was cut off shows */
    if (strlen(copy) != length || n < 2 || *lines[n - 1] || !g_str_has_prefix(lines[0], HEAD))
        return refuse(VIGIL_MODEL_ERROR_INVALID, error, 1);
    if (!g_str_equal(lines[0] + strlen(HEAD), VERSION))
        return refuse(VIGIL_MODEL_ERROR_UNSUPPORTED, error, 1);
    for (guint i = 1; i < n - 1; i++) {
        g_auto(GStrv) fields = g_strsplit(lines[i], " ", N_FIELDS);
        const gint slot = g_str_equal(lines[i], "") ? -1 : *lines[i] - 'a';

        if (g_strv_length(fields) != N_FIELDS || strlen(fields[0]) != 1 || slot < 0 || slot > 1 ||
            self->slots[slot] || !(self->slots[slot] = parse_slot(fields))) {
            vigil_model_state_clear(self);
            return refuse(VIGIL_MODEL_ERROR_INVALID, error, i + 1);
        }
    }
    return TRUE;
}

/* One line of text that a file can hold. */
static gchar *
make_line(const gchar *reason)
{
    g_autofree gchar *valid = g_utf8_make_valid(reason, -1);
    gchar *end;

    if (strlen(valid) > VIGIL_MODEL_REASON_MAX) {
        end = g_utf8_find_prev_char(valid, valid + VIGIL_MODEL_REASON_MAX + 1);
        *end = '\0';
    }
    for (gchar *at = valid; *at; at++) {
        if (g_ascii_iscntrl(*at))
            *at = ' ';
    }
    return g_strdup(g_strstrip(valid));
}

gchar *
vigil_model_state_write(const VigilModelState *self)
{
    GString *text = g_string_new(HEAD VERSION "\n");

    for (guint i = 0; i < G_N_ELEMENTS(self->slots); i++) {
        const VigilModelSlot *slot = self->slots[i];
        g_autofree gchar *reason = slot ? make_line(slot->reason ? slot->reason : "") : NULL;

        if (slot)
            g_string_append_printf(text, "%c %s %s %s %u %" G_GINT64_FORMAT " %s %s\n", 'a' + i,
                                   slot->id, slot->key ? slot->key : "-",
                                   health_names[slot->health], slot->tries, MAX(slot->since_us, 0),
                                   slot->version, reason);
    }
    return g_string_free(text, FALSE);
}
