/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an event: begin, update, end. */
#include "events/vigil-event-filter-private.h"

#include "events/vigil-event-id.h"

#include <math.h>
#include <string.h>

#define NOTABLE_SCORE 0.00999f /* a hundredth, with room for rounding */

static guint
bits(guint64 set)
{
    return (guint)__builtin_popcountll(set);
}

static const gchar **
zone_names(const VigilEventFilter *self, guint64 zones)
{
    const gchar **names = NULL;
    guint n = 0;

    if (!zones)
        return NULL;
    names = g_new0(const gchar *, bits(zones) + 1);
    for (guint i = 0; i < self->rules->zones->len; i++)
        if (zones >> i & 1)
            names[n++] = g_array_index(self->rules->zones, VigilZone, i).name;
    return names;
}

static const gchar *
crossing_name(const VigilEventFilter *self, guint line, const gchar *way)
{
    g_autofree gchar *text =
        g_strdup_printf("%s:%s", g_array_index(self->rules->lines, VigilLine, line).name, way);

    return g_intern_string(text);
}

static const gchar **
line_names(const VigilEventFilter *self, guint64 in, guint64 out)
{
    const gchar **names = NULL;
    guint n = 0;

    if (!in && !out)
        return NULL;
    names = g_new0(const gchar *, bits(in) + bits(out) + 1);
    for (guint i = 0; i < self->rules->lines->len; i++) {
        if (in >> i & 1)
            names[n++] = crossing_name(self, i, "in");
        if (out >> i & 1)
            names[n++] = crossing_name(self, i, "out");
    }
    return names;
}

static VigilEvent *
make_event(const VigilEventFilter *self, const VigilFilterStay *stay, VigilEventType type)
{
    const VigilRule *rule = vigil_filter_rule(self, stay->rule);
    VigilEvent *event = vigil_event_new();

    memcpy(event->id, stay->id, sizeof event->id);
    event->type = type;
    event->camera = self->camera;
    event->rule = rule->name;
    event->label = stay->label;
    event->label_id = stay->label_id;
    event->track_id = stay->track_id;
    event->start_ns = stay->start_ns;
    event->trigger_ns = stay->trigger_ns;
    event->end_ns = stay->last_ns;
    event->time_ns = self->time_ns;
    event->model = stay->model;
    event->start_wall_us = self->options.wall_base_us + stay->start_ns / 1000;
    event->end_wall_us = self->options.wall_base_us + stay->last_ns / 1000;
    event->score = vigil_median_get(&stay->scores);
    event->top_score = stay->top_score;
    event->box = stay->top_box;
    event->zones = zone_names(self, stay->zones);
    event->lines = line_names(self, stay->lines_in, stay->lines_out);
    event->frames_seen = stay->seen_last;
    event->frames_inferred = stay->inferred_last;
    event->record = rule->record;
    event->unreported = rule->unreported;
    event->pre_ns = rule->pre_ns;
    event->post_ns = rule->post_ns;
    return event;
}

static void
say(VigilEventFilter *self, VigilFilterStay *stay, VigilEvent *event)
{
    stay->said_ns = self->time_ns;
    stay->said_score = event->score;
    stay->said_zones = stay->zones;
    stay->said_lines_in = stay->lines_in;
    stay->said_lines_out = stay->lines_out;
    self->func(event, self->user_data);
    vigil_event_unref(event);
}

guint
vigil_filter_stay_find(const VigilEventFilter *self, guint rule, guint object)
{
    for (guint i = 0; i < self->n_stays; i++) {
        const VigilFilterStay *stay = &self->stays[self->order[i]];

        if (stay->rule == rule && stay->object == object)
            return self->order[i];
    }
    return VIGIL_NONE;
}

guint
vigil_filter_stay_begin(VigilEventFilter *self, guint rule, guint object)
{
    guint index = 0;
    VigilFilterStay *stay;
    GArray *path;

    while (index < VIGIL_EVENT_FILTER_MAX_STAYS && self->stays[index].used)
        index++;
    if (index == VIGIL_EVENT_FILTER_MAX_STAYS) {
        self->n_overflow++;
        return VIGIL_NONE;
    }
    stay = &self->stays[index];
    path = stay->path ? stay->path : g_array_new(FALSE, FALSE, sizeof(VigilPathPoint));
    g_array_set_size(path, 0);
    *stay = (VigilFilterStay){.used = TRUE,
                              .rule = rule,
                              .object = object,
                              .start_ns = self->time_ns,
                              .last_ns = self->time_ns,
                              .seen = 1,
                              .inferred = 1,
                              .top_score = -1.0f,
                              .path = path,
                              .asked_ns = G_MININT64};
    self->objects[object].n_stays++;
    self->order[self->n_stays++] = index;
    return index;
}

static void
add_point(VigilFilterStay *stay, const VigilPathPoint *point)
{
    stay->last_point = *point;
    if (stay->n_points++ & ((1u << stay->path_shift) - 1))
        return;
    if (stay->path->len == VIGIL_EVENT_FILTER_MAX_PATH) {
        for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_PATH / 2; i++)
            g_array_index(stay->path, VigilPathPoint, i) =
                g_array_index(stay->path, VigilPathPoint, 2 * i);
        g_array_set_size(stay->path, VIGIL_EVENT_FILTER_MAX_PATH / 2);
        stay->path_shift = MIN(stay->path_shift + 1, 30);
    }
    g_array_append_val(stay->path, *point);
}

void
vigil_filter_stay_meet(VigilEventFilter *self, VigilFilterStay *stay)
{
    const VigilFilterObject *object = &self->objects[stay->object];
    const VigilPathPoint point = {self->time_ns, object->box, object->score};

    stay->last_ns = self->time_ns;
    stay->missed_ns = stay->refused_ns = G_MAXINT64;
    stay->seen_last = stay->seen;
    stay->inferred_last = stay->inferred;
    stay->zones |= object->zones;
    stay->lines_in |= object->lines_in;
    stay->lines_out |= object->lines_out;
    vigil_median_add(&stay->scores, object->score);
    if (object->score > stay->top_score) {
        stay->top_score = object->score;
        stay->top_box = object->box;
    }
    add_point(stay, &point);
}

void
vigil_filter_stay_open(VigilEventFilter *self, VigilFilterStay *stay)
{
    const VigilFilterObject *object = &self->objects[stay->object];

    stay->open = TRUE;
    stay->label = object->label;
    stay->label_id = object->label_id;
    stay->track_id = object->track_id;
    stay->trigger_ns = self->time_ns;
    stay->model = self->model;
    vigil_event_id(stay->id, self->options.wall_base_us + stay->start_ns / 1000, self->camera,
                   self->rules, stay->rule, stay->track_id, stay->start_ns,
                   self->options.run_nonce);
    self->n_open++;
    vigil_filter_note_fired(self, stay);
    say(self, stay, make_event(self, stay, VIGIL_EVENT_BEGIN));
}

void
vigil_filter_stay_update(VigilEventFilter *self, VigilFilterStay *stay)
{
    const gboolean is_time = self->options.update_interval_ns > 0 &&
                             self->time_ns - stay->said_ns >= self->options.update_interval_ns;

    if (!is_time || (stay->zones == stay->said_zones && stay->lines_in == stay->said_lines_in &&
                     stay->lines_out == stay->said_lines_out &&
                     fabsf(vigil_median_get(&stay->scores) - stay->said_score) < NOTABLE_SCORE))
        return;
    say(self, stay, make_event(self, stay, VIGIL_EVENT_UPDATE));
}

static void
say_end(VigilEventFilter *self, VigilFilterStay *stay, GBytes *snapshot, VigilEndReason reason)
{
    VigilEvent *event = make_event(self, stay, VIGIL_EVENT_END);

    event->end_reason = reason;
    event->snapshot = snapshot;
    event->path = g_array_sized_new(FALSE, FALSE, sizeof(VigilPathPoint), stay->path->len + 1);
    g_array_append_vals(event->path, stay->path->data, stay->path->len);
    if (g_array_index(stay->path, VigilPathPoint, stay->path->len - 1).time_ns !=
        stay->last_point.time_ns)
        g_array_append_val(event->path, stay->last_point);
    say(self, stay, event);
}

static void
count_cooldown(VigilEventFilter *self, const VigilFilterStay *stay)
{
    const gint64 until_ns = stay->last_ns + vigil_filter_rule(self, stay->rule)->cooldown_ns;

    self->cooldown_until_ns[stay->rule] = until_ns;
    self->objects[stay->object].cooldown_until_ns[stay->rule] = until_ns;
    self->ended_ns = MAX(self->ended_ns, stay->last_ns);
}

void
vigil_filter_stay_end(VigilEventFilter *self, guint position, VigilEndReason reason)
{
    const guint index = self->order[position];
    VigilFilterStay *stay = &self->stays[index];
    GBytes *snapshot = vigil_filter_snapshot_take(self, index);

    self->n_stays--;
    memmove(&self->order[position], &self->order[position + 1],
            (self->n_stays - position) * sizeof self->order[0]);
    self->objects[stay->object].n_stays--;
    stay->used = FALSE;
    if (!stay->open) {
        g_clear_pointer(&snapshot, g_bytes_unref);
        return;
    }
    self->n_open--;
    count_cooldown(self, stay);
    say_end(self, stay, snapshot, reason);
}
