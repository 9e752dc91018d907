/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-event-id.h"

#include <string.h>

/* A byte order of our own, so that every machine gives the same id. */
static void
hash_int(GChecksum *checksum, guint64 value)
{
    guchar bytes[8];

    for (guint i = 0; i < 8; i++)
        bytes[i] = (guchar)(value >> (8 * i));
    g_checksum_update(checksum, bytes, sizeof bytes);
}

static void
hash_float(GChecksum *checksum, gfloat value)
{
    union {
        gfloat f;
        guint32 bits;
    } number = {.f = value};

    hash_int(checksum, number.bits);
}

/* With its final NUL, so that no two lists of strings give the same bytes; NULL differs from "". */
static void
hash_string(GChecksum *checksum, const gchar *text)
{
    hash_int(checksum, text != NULL);
    if (text)
        g_checksum_update(checksum, (const guchar *)text, (gssize)strlen(text) + 1);
}

static void
hash_strings(GChecksum *checksum, const gchar *const *texts)
{
    for (guint i = 0; texts && texts[i]; i++)
        hash_string(checksum, texts[i]);
    hash_string(checksum, NULL);
}

static void
hash_rule(GChecksum *checksum, const VigilRule *rule)
{
    hash_string(checksum, rule->name);
    hash_strings(checksum, (const gchar *const *)rule->classes);
    hash_strings(checksum, (const gchar *const *)rule->zones);
    hash_string(checksum, rule->line);
    hash_int(checksum, rule->direction);
    hash_float(checksum, rule->min_score);
    hash_float(checksum, rule->min_size);
    hash_float(checksum, rule->max_size);
    hash_int(checksum, (guint64)rule->dwell_ns);
    hash_int(checksum, (guint64)rule->cooldown_ns);
    hash_int(checksum, (guint64)rule->end_after_ns);
    hash_int(checksum, rule->record != FALSE);
    hash_int(checksum, (guint64)rule->pre_ns);
    hash_int(checksum, (guint64)rule->post_ns);
}

static void
hash_point(GChecksum *checksum, const VigilPoint *point)
{
    hash_float(checksum, point->x);
    hash_float(checksum, point->y);
}

/* Rules name zones and lines, and every event says which it touched: all of them count, with where they lie. */
static void
hash_places(GChecksum *checksum, const VigilRules *rules)
{
    hash_int(checksum, rules->zones->len);
    for (guint i = 0; i < rules->zones->len; i++) {
        const VigilZone *zone = &g_array_index(rules->zones, VigilZone, i);

        hash_string(checksum, zone->name);
        hash_int(checksum, zone->n_points);
        for (guint k = 0; k < zone->n_points; k++)
            hash_point(checksum, &zone->points[k]);
    }
    hash_int(checksum, rules->lines->len);
    for (guint i = 0; i < rules->lines->len; i++) {
        const VigilLine *line = &g_array_index(rules->lines, VigilLine, i);

        hash_string(checksum, line->name);
        hash_point(checksum, &line->a);
        hash_point(checksum, &line->b);
    }
}

static void
hash_filter(GChecksum *checksum, const VigilObjectFilter *filter)
{
    hash_strings(checksum, (const gchar *const *)filter->classes);
    hash_strings(checksum, (const gchar *const *)filter->zones);
    hash_float(checksum, filter->min_score);
    hash_float(checksum, filter->min_size);
    hash_float(checksum, filter->max_size);
    hash_float(checksum, filter->min_aspect);
    hash_float(checksum, filter->max_aspect);
}

static void
hash_schedule(GChecksum *checksum, const VigilSchedule *schedule)
{
    hash_string(checksum, "schedule");
    hash_int(checksum, schedule->n_spans);
    for (guint i = 0; i < schedule->n_spans; i++) {
        const VigilScheduleSpan *span = &schedule->spans[i];

        hash_int(checksum, span->days);
        hash_int(checksum, span->from_s);
        hash_int(checksum, span->to_s);
        hash_string(checksum, span->timezone);
    }
}

static void
hash_count(GChecksum *checksum, const VigilCount *count)
{
    hash_string(checksum, "count");
    hash_int(checksum, count->min);
    hash_int(checksum, count->max);
    hash_int(checksum, count->differs != FALSE);
}

static void
hash_conditions(GChecksum *checksum, const GArray *when)
{
    hash_string(checksum, "when");
    for (guint i = 0; i < when->len; i++) {
        const VigilCondition *node = &g_array_index(when, VigilCondition, i);

        hash_int(checksum, node->kind);
        hash_int(checksum, node->size);
        if (node->filter)
            hash_filter(checksum, node->filter);
        if (node->count.given)
            hash_count(checksum, &node->count);
        if (node->rule)
            hash_string(checksum, node->rule);
        if (node->schedule)
            hash_schedule(checksum, node->schedule);
    }
}

/* What a rule may ask for beside the rest. Nothing is hashed of what it leaves out, so that the ids of rules without it
 * stay. */
static void
hash_extras(GChecksum *checksum, const VigilRule *rule)
{
    if (rule->min_aspect > 0 || rule->max_aspect < G_MAXFLOAT) {
        hash_string(checksum, "aspect");
        hash_float(checksum, rule->min_aspect);
        hash_float(checksum, rule->max_aspect);
    }
    if (rule->cooldown_per != VIGIL_COOLDOWN_RULE) {
        hash_string(checksum, "cooldown_per");
        hash_int(checksum, rule->cooldown_per);
    }
    if (rule->schedule)
        hash_schedule(checksum, rule->schedule);
    if (rule->kind != VIGIL_RULE_OBJECT) {
        hash_string(checksum, "kind");
        hash_int(checksum, rule->kind);
    }
    if (rule->unreported) {
        hash_string(checksum, "on");
        hash_int(checksum, rule->unreported);
    }
    if (rule->merge_ns > 0) {
        hash_string(checksum, "merge");
        hash_int(checksum, (guint64)rule->merge_ns);
    }
    if (rule->count.given)
        hash_count(checksum, &rule->count);
    if (rule->when)
        hash_conditions(checksum, rule->when);
}

static void
hash_zone_filters(GChecksum *checksum, const VigilRules *rules)
{
    for (guint i = 0; i < rules->zones->len; i++) {
        const VigilZone *zone = &g_array_index(rules->zones, VigilZone, i);

        if (!zone->filter)
            continue;
        hash_string(checksum, "zone");
        hash_int(checksum, i);
        hash_filter(checksum, zone->filter);
    }
}

/* 128 bits, big endian, as 26 digits of 5 bits; the first digit has 3. */
static void
to_base32(gchar *id, const guchar bytes[16])
{
    static const gchar digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    for (guint i = 0; i < VIGIL_EVENT_ID_LENGTH; i++) {
        guint value = 0;

        for (guint b = 0; b < 5; b++) {
            const gint bit = (gint)(i * 5 + b) - 2; /* two zero bits come first */

            value = value << 1 | (bit < 0 ? 0 : bytes[bit / 8] >> (7 - bit % 8) & 1);
        }
        id[i] = digits[value];
    }
    id[VIGIL_EVENT_ID_LENGTH] = '\0';
}

void
vigil_event_id(gchar *id, gint64 start_wall_us, const gchar *camera, const VigilRules *rules,
               guint rule, guint64 track_id, gint64 start_ns, guint64 run_nonce)
{
    const guint64 ms = (guint64)CLAMP(start_wall_us / 1000, 0, (G_GINT64_CONSTANT(1) << 48) - 1);
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    guchar digest[32], bytes[16];
    gsize length = sizeof digest;

    hash_string(checksum, camera);
    hash_rule(checksum, &g_array_index(rules->rules, VigilRule, rule));
    hash_places(checksum, rules);
    hash_int(checksum, track_id);
    hash_int(checksum, (guint64)start_ns);
    hash_int(checksum, run_nonce);
    hash_zone_filters(checksum, rules);
    hash_extras(checksum, &g_array_index(rules->rules, VigilRule, rule));
    g_checksum_get_digest(checksum, digest, &length);
    for (guint i = 0; i < 6; i++)
        bytes[i] = (guchar)(ms >> (40 - 8 * i));
    memcpy(bytes + 6, digest, 10);
    to_base32(id, bytes);
}
