/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule asks for, frame by frame. The life of what comes of it is in vigil-event-filter-stays.c. */
#include "events/vigil-event-filter-private.h"

VigilEventFilterOptions
vigil_event_filter_options_defaults(void)
{
    return (VigilEventFilterOptions){.camera = "camera",
                                     .update_interval_ns = G_GINT64_CONSTANT(1000000000)};
}

VigilEventFilter *
vigil_event_filter_new(const VigilRules *rules, const VigilEventFilterOptions *options,
                       VigilEventFunc func, gpointer user_data)
{
    VigilEventFilter *self;

    g_return_val_if_fail(rules->rules->len <= VIGIL_RULES_MAX &&
                             rules->zones->len <= VIGIL_ZONES_MAX &&
                             rules->lines->len <= VIGIL_LINES_MAX,
                         NULL);
    self = g_new0(VigilEventFilter, 1);
    self->rules = vigil_rules_copy(rules);
    self->options = options ? *options : vigil_event_filter_options_defaults();
    self->camera = g_intern_string(self->options.camera);
    self->options.camera = self->camera;
    self->func = func;
    self->user_data = user_data;
    self->time_ns = self->ended_ns = self->looked_ns = G_MININT64;
    self->frame_aspect = 1.0f;
    vigil_filter_area_forget(self);
    for (guint i = 0; i < rules->rules->len; i++) {
        const VigilRule *rule = vigil_filter_rule(self, i);

        self->patience_ns = MAX(self->patience_ns, rule->end_after_ns);
        self->keeps_places |= rule->kind == VIGIL_RULE_LEFT || rule->kind == VIGIL_RULE_REMOVED;
        self->cooldown_until_ns[i] = G_MININT64;
    }
    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_SNAPSHOTS; i++)
        self->snapshots[i].stay = VIGIL_NONE;
    return self;
}

void
vigil_event_filter_free(VigilEventFilter *self)
{
    if (!self)
        return;
    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_SNAPSHOTS; i++)
        g_clear_pointer(&self->snapshots[i].jpeg, g_bytes_unref);
    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_STAYS; i++)
        g_clear_pointer(&self->stays[i].path, g_array_unref);
    vigil_rules_free(self->rules);
    g_free(self->notes);
    g_free(self);
}

guint
vigil_event_filter_get_n_open(const VigilEventFilter *self)
{
    return self->n_open;
}

guint64
vigil_event_filter_get_n_overflow(const VigilEventFilter *self)
{
    return self->n_overflow;
}

gint64
vigil_event_filter_get_wanted_ns(const VigilEventFilter *self)
{
    gint64 wanted_ns = self->time_ns;

    for (guint i = 0; i < self->rules->rules->len; i++) {
        const VigilRule *rule = vigil_filter_rule(self, i);

        if (rule->record)
            wanted_ns = MIN(wanted_ns, self->time_ns - rule->pre_ns);
    }
    for (guint i = 0; i < self->n_stays; i++) {
        const VigilFilterStay *stay = &self->stays[self->order[i]];
        const VigilRule *rule = vigil_filter_rule(self, stay->rule);
        /* see tell_removed() */
        const gint64 start_ns = rule->kind == VIGIL_RULE_REMOVED ? stay->last_ns : stay->start_ns;

        if (rule->record && !stay->open)
            wanted_ns = MIN(wanted_ns, start_ns - rule->pre_ns);
    }
    return wanted_ns;
}

static gboolean
meets(const VigilEventFilter *self, guint rule_index, const VigilFilterObject *object)
{
    return object->observed &&
           vigil_filter_judge(self, rule_index, object).reason == VIGIL_REASON_NONE;
}

static gboolean
has_line(const VigilEventFilter *self, guint64 lines, const gchar *name)
{
    for (guint i = 0; i < self->rules->lines->len; i++)
        if (lines >> i & 1 &&
            g_strcmp0(g_array_index(self->rules->lines, VigilLine, i).name, name) == 0)
            return TRUE;
    return FALSE;
}

static gboolean
crosses(const VigilEventFilter *self, const VigilRule *rule, const VigilFilterObject *object)
{
    const guint64 crossed = (rule->direction != VIGIL_DIRECTION_OUT ? object->lines_in : 0) |
                            (rule->direction != VIGIL_DIRECTION_IN ? object->lines_out : 0);

    return has_line(self, crossed, rule->line);
}

/* Until when no event of the rule begins for the object. */
static gint64
cooldown_until(const VigilEventFilter *self, guint rule_index, const VigilFilterObject *object)
{
    const VigilRule *rule = vigil_filter_rule(self, rule_index);

    switch (rule->cooldown_per) {
    case VIGIL_COOLDOWN_TRACK: return object->cooldown_until_ns[rule_index];
    case VIGIL_COOLDOWN_CAMERA:
        return self->ended_ns == G_MININT64 ? G_MININT64 : self->ended_ns + rule->cooldown_ns;
    case VIGIL_COOLDOWN_RULE:
    default: return self->cooldown_until_ns[rule_index];
    }
}

static gboolean
in_cooldown(const VigilEventFilter *self, guint rule, const VigilFilterObject *object)
{
    return self->time_ns < cooldown_until(self, rule, object);
}

/* For how long the rule need not be met: somebody who is lost may be given more time. */
static gint64
wait_of(const VigilEventFilter *self, const VigilFilterStay *stay)
{
    const VigilRule *rule = vigil_filter_rule(self, stay->rule);

    const VigilFilterObject *object = &self->objects[stay->object];

    return object->observed && !object->returned ? rule->end_after_ns
                                                 : MAX(rule->end_after_ns, rule->merge_ns);
}

/* What a rule asks for that is removed still stood there when the rule was no longer met: at another hour, for instance. */
static gboolean
is_refused(const VigilEventFilter *self, const VigilFilterStay *stay)
{
    const VigilRule *rule = vigil_filter_rule(self, stay->rule);
    const gint64 last_ns = self->objects[stay->object].last_ns;

    return rule->kind == VIGIL_RULE_REMOVED && !vigil_filter_place_has_moved(self, stay) &&
           last_ns - MIN(stay->refused_ns, last_ns) >
               MAX(rule->end_after_ns, 2 * VIGIL_FILTER_GRACE_NS);
}

/* Also drops stays that had not become events when their rule's cooldown began: a stay does not begin within it. */
static gboolean
is_over(const VigilEventFilter *self, const VigilFilterStay *stay, gboolean inferred)
{
    const VigilRule *rule = vigil_filter_rule(self, stay->rule);
    const gint64 gap = self->time_ns - stay->last_ns, wait_ns = wait_of(self, stay);

    if (!stay->open && in_cooldown(self, stay->rule, &self->objects[stay->object]))
        return TRUE;
    if (!stay->open && vigil_filter_is_unbroken(rule) && self->scenes[stay->rule].truth == VIGIL_NO)
        return TRUE;
    if (rule->kind == VIGIL_RULE_REMOVED)
        return inferred &&
               (is_refused(self, stay) || vigil_filter_place_is_left(self, stay) != VIGIL_NO);
    if (!stay->open && vigil_filter_place_has_moved(self, stay))
        return TRUE;
    if (gap <= wait_ns)
        return FALSE;
    if (!inferred)
        return gap > wait_ns + VIGIL_EVENT_FILTER_BLIND_NS;
    if (meets(self, stay->rule, &self->objects[stay->object]) && stay->missed_ns == G_MAXINT64)
        return FALSE;
    return self->time_ns - MIN(stay->missed_ns, self->time_ns) >=
           MIN(rule->end_after_ns / 2, VIGIL_FILTER_GRACE_NS);
}

/* What stood there for long enough and does no more is an event now, from when it was last seen there. */
static void
tell_removed(VigilEventFilter *self, VigilFilterStay *stay)
{
    const VigilRule *rule = vigil_filter_rule(self, stay->rule);

    if (rule->kind != VIGIL_RULE_REMOVED || stay->open || is_refused(self, stay) ||
        in_cooldown(self, stay->rule, &self->objects[stay->object]) ||
        vigil_filter_place_is_left(self, stay) != VIGIL_YES ||
        stay->last_ns - stay->start_ns < rule->dwell_ns ||
        vigil_median_get(&self->objects[stay->object].scores) < rule->min_score)
        return;
    stay->start_ns = stay->last_ns;
    vigil_filter_stay_open(self, stay);
}

static void
end_stays(VigilEventFilter *self, gboolean inferred)
{
    guint position = 0;

    while (position < self->n_stays) {
        VigilFilterStay *stay = &self->stays[self->order[position]];

        const gboolean judged = inferred && vigil_filter_area_judges(self, stay);

        if (!is_over(self, stay, judged)) {
            position++;
            continue;
        }
        if (judged)
            tell_removed(self, stay);
        vigil_filter_stay_end(self, position, VIGIL_END_GONE);
    }
}

/* The detected objects by track id, whatever their places are. */
static guint
sort_observed(const VigilEventFilter *self, guint *objects)
{
    guint n = 0;

    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_OBJECTS; i++) {
        guint place = n;

        if (!self->objects[i].used || !self->objects[i].observed)
            continue;
        for (; place > 0 && self->objects[objects[place - 1]].track_id > self->objects[i].track_id;
             place--)
            objects[place] = objects[place - 1];
        objects[place] = i;
        n++;
    }
    return n;
}

static VigilFilterVerdict
cooldown_verdict(const VigilEventFilter *self, guint rule, const VigilFilterObject *object)
{
    return (VigilFilterVerdict){VIGIL_STEP_EVENT, VIGIL_REASON_COOLDOWN,
                                (gfloat)(cooldown_until(self, rule, object) - self->time_ns) / 1e9f,
                                (gfloat)vigil_filter_rule(self, rule)->cooldown_ns / 1e9f};
}

/* Of an object that meets the rule's conditions and has no stay: whether one may begin. */
static VigilFilterVerdict
judge_begin(const VigilEventFilter *self, guint rule_index, const VigilFilterObject *object)
{
    const VigilRule *rule = vigil_filter_rule(self, rule_index);
    const VigilFilterStep step = VIGIL_STEP_BEGIN;

    if (rule->line && !crosses(self, rule, object))
        return (VigilFilterVerdict){step,
                                    has_line(self, object->lines_in | object->lines_out, rule->line)
                                        ? VIGIL_REASON_DIRECTION
                                        : VIGIL_REASON_LINE,
                                    0, 0};
    if (in_cooldown(self, rule_index, object))
        return cooldown_verdict(self, rule_index, object);
    return (VigilFilterVerdict){.reason = VIGIL_REASON_NONE};
}

/* That nobody is there is the rule, and no news. */
static gboolean
is_nobody(const VigilFilterVerdict *verdict)
{
    return verdict->reason == VIGIL_REASON_COUNT && verdict->value < 1.0f;
}

/* What a part of a frame shows is not how many there are. */
static gboolean
is_unknown(const VigilEventFilter *self, guint rule_index)
{
    return self->in_part && vigil_filter_rule(self, rule_index)->count.given &&
           self->scenes[rule_index].truth == VIGIL_MAYBE;
}

static void
meet_rule(VigilEventFilter *self, guint rule_index, guint object_index)
{
    const VigilFilterObject *object = &self->objects[object_index];
    VigilFilterVerdict verdict = vigil_filter_judge(self, rule_index, object);
    guint stay;

    if (verdict.reason != VIGIL_REASON_NONE && !self->notes)
        return;
    stay = vigil_filter_stay_find(self, rule_index, object_index);
    if (stay != VIGIL_NONE && verdict.reason == VIGIL_REASON_NONE &&
        vigil_filter_place_has_moved(self, &self->stays[stay]))
        verdict = (VigilFilterVerdict){VIGIL_STEP_EVENT, VIGIL_REASON_MOVED, 0, 0};
    if (verdict.reason == VIGIL_REASON_NONE && stay == VIGIL_NONE) {
        verdict = judge_begin(self, rule_index, object);
        if (verdict.reason == VIGIL_REASON_NONE &&
            (stay = vigil_filter_stay_begin(self, rule_index, object_index)) == VIGIL_NONE)
            verdict = (VigilFilterVerdict){VIGIL_STEP_EVENT, VIGIL_REASON_NO_ROOM, 0, 0};
    }
    if (verdict.reason == VIGIL_REASON_NONE)
        vigil_filter_stay_meet(self, &self->stays[stay]);
    else if ((stay == VIGIL_NONE || !self->stays[stay].open) && !is_nobody(&verdict) &&
             !is_unknown(self, rule_index))
        vigil_filter_note(self, rule_index, object_index, &verdict);
}

/* Of an object that met the rule in this frame: whether its event begins. */
static VigilFilterVerdict
judge_event(const VigilEventFilter *self, const VigilFilterStay *stay)
{
    const VigilRule *rule = vigil_filter_rule(self, stay->rule);
    const gint64 stayed_ns = self->time_ns - stay->start_ns;
    const gint64 dwell_ns = vigil_filter_is_unbroken(rule)
                                ? MAX(rule->dwell_ns, VIGIL_FILTER_GRACE_NS)
                                : rule->dwell_ns;
    const gfloat score = vigil_median_get(&self->objects[stay->object].scores);
    const VigilFilterStep step = VIGIL_STEP_EVENT;

    if (stayed_ns < dwell_ns)
        return (VigilFilterVerdict){step, VIGIL_REASON_DWELL, (gfloat)stayed_ns / 1e9f,
                                    (gfloat)dwell_ns / 1e9f};
    if (in_cooldown(self, stay->rule, &self->objects[stay->object]))
        return cooldown_verdict(self, stay->rule, &self->objects[stay->object]);
    if (!rule->count.given && score < rule->min_score)
        return (VigilFilterVerdict){step, VIGIL_REASON_SCORE, score, rule->min_score};
    if (rule->kind == VIGIL_RULE_REMOVED)
        return (VigilFilterVerdict){step, VIGIL_REASON_STAYED, 0, 0};
    return (VigilFilterVerdict){.reason = VIGIL_REASON_NONE};
}

static void
say_news_of(VigilEventFilter *self, VigilFilterStay *stay)
{
    const VigilFilterVerdict verdict = judge_event(self, stay);

    if (verdict.reason == VIGIL_REASON_NONE)
        vigil_filter_stay_open(self, stay);
    else
        vigil_filter_note(self, stay->rule, stay->object, &verdict);
}

/* A weak score is no sign that it stood there, nor that the rule was not met. */
static void
note_missed(VigilEventFilter *self, VigilFilterStay *stay)
{
    const VigilFilterObject *object = &self->objects[stay->object];

    stay->missed_ns = MIN(stay->missed_ns, self->time_ns);
    if (object->observed && !vigil_filter_place_has_moved(self, stay) &&
        vigil_filter_judge(self, stay->rule, object).reason != VIGIL_REASON_SCORE)
        stay->refused_ns = MIN(stay->refused_ns, self->time_ns);
}

/* Begins events, tells what is new, and remembers who was not seen. */
static void
say_news(VigilEventFilter *self)
{
    for (guint i = 0; i < self->n_stays; i++) {
        VigilFilterStay *stay = &self->stays[self->order[i]];

        if (stay->last_ns != self->time_ns) {
            if (vigil_filter_area_judges(self, stay))
                note_missed(self, stay);
        } else if (stay->open) {
            vigil_filter_stay_update(self, stay);
        } else {
            say_news_of(self, stay);
        }
    }
}

static void
read_schedules(VigilEventFilter *self)
{
    self->wall_us = self->options.wall_base_us + self->time_ns / 1000 + self->skew_us;
    self->off_schedule = 0;
    for (guint i = 0; i < self->rules->rules->len; i++) {
        const VigilSchedule *schedule = vigil_filter_rule(self, i)->schedule;

        if (schedule && !vigil_schedule_contains(schedule, self->wall_us))
            self->off_schedule |= G_GUINT64_CONSTANT(1) << i;
    }
}

/* Of a look at another part of the frame a stay's coverage knows nothing. */
static void
count_inferred(VigilEventFilter *self)
{
    for (guint i = 0; i < self->n_stays; i++) {
        VigilFilterStay *stay = &self->stays[self->order[i]];

        stay->inferred += vigil_filter_area_judges(self, stay) ? 1 : 0;
    }
}

static void
look_at(VigilEventFilter *self, const VigilTrack *tracks, guint n_tracks)
{
    guint objects[VIGIL_EVENT_FILTER_MAX_OBJECTS];
    guint n;

    if (self->looked_ns == G_MININT64 || self->time_ns <= self->looked_ns ||
        self->time_ns - self->looked_ns > self->patience_ns + VIGIL_EVENT_FILTER_BLIND_NS)
        self->looking_since_ns = self->time_ns;
    self->looked_ns = self->time_ns;
    read_schedules(self);
    vigil_filter_area_begin(self);
    vigil_filter_objects_update(self, tracks, n_tracks);
    vigil_filter_scenes_update(self);
    count_inferred(self);
    end_stays(self, TRUE);
    n = sort_observed(self, objects);
    for (guint rule = 0; rule < self->rules->rules->len; rule++) {
        if (vigil_filter_rule(self, rule)->count.given)
            meet_rule(self, rule, vigil_filter_scene_object(rule));
        else
            for (guint i = 0; i < n; i++)
                meet_rule(self, rule, objects[i]);
    }
    say_news(self);
    vigil_filter_scene_notes_update(self);
    vigil_filter_faints_update(self, FALSE);
}

/* A stream that begins anew: earlier times mean nothing in it. */
static void
forget_cooldowns(VigilEventFilter *self)
{
    self->ended_ns = G_MININT64;
    for (guint i = 0; i < self->rules->rules->len; i++)
        self->cooldown_until_ns[i] = G_MININT64;
}

static void
take_frame(VigilEventFilter *self, gint64 time_ns, VigilOutcome outcome, const VigilTrack *tracks,
           guint n_tracks)
{
    if (time_ns <= self->time_ns)
        forget_cooldowns(self);
    self->finished = FALSE;
    self->time_ns = time_ns;
    for (guint i = 0; i < self->n_stays; i++)
        self->stays[self->order[i]].seen++;
    if (outcome == VIGIL_OUTCOME_INFERRED)
        look_at(self, tracks, n_tracks);
    else
        end_stays(self, FALSE);
    vigil_filter_objects_expire(self);
}

void
vigil_event_filter_update(VigilEventFilter *self, gint64 time_ns, VigilOutcome outcome,
                          const VigilTrack *tracks, guint n_tracks)
{
    if (time_ns > self->time_ns || self->finished)
        take_frame(self, time_ns, outcome, tracks, n_tracks);
    self->in_part = FALSE;
}

void
vigil_event_filter_set_model(VigilEventFilter *self, VigilModelId model)
{
    self->model = model;
}

void
vigil_event_filter_set_clock_skew(VigilEventFilter *self, gint64 skew_us)
{
    self->skew_us = skew_us;
}

void
vigil_event_filter_set_frame_aspect(VigilEventFilter *self, gfloat aspect)
{
    if (aspect > 0.0f)
        self->frame_aspect = aspect;
}

void
vigil_event_filter_finish(VigilEventFilter *self, VigilEndReason reason)
{
    while (self->n_stays > 0)
        vigil_filter_stay_end(self, 0, reason);
    for (guint i = 0; i < G_N_ELEMENTS(self->objects); i++)
        vigil_filter_object_forget(self, i);
    vigil_filter_faints_update(self, TRUE);
    self->finished = TRUE;
    self->looked_ns = G_MININT64;
    vigil_filter_area_forget(self);
}
