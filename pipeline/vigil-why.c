/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-why.h"

#include "pipeline/vigil-time.h"

#define MINUTE_US (60 * (gint64)G_USEC_PER_SEC)
/* An event that began earlier is not looked for. */
#define LONGEST_EVENT_US (24 * 60 * MINUTE_US)
/* That a camera is silent is noticed after so long. */
#define NOTICED_US (6 * (gint64)G_USEC_PER_SEC)
/* The outcomes of a minute are written at its end, decisions at the latest a minute later. */
#define WRITTEN_US (2 * MINUTE_US)

static void
event_clear(gpointer data)
{
    g_free(((VigilWhyEvent *)data)->clip);
}

void
vigil_why_free(VigilWhy *self)
{
    if (!self)
        return;
    g_free(self->camera);
    g_free(self->sentence);
    vigil_presence_info_clear(&self->presence);
    g_array_unref(self->events);
    g_array_unref(self->decisions);
    g_free(self);
}

/* --- what the store has -------------------------------------------------------------------------------------- */

static gboolean
take_event(const VigilEventRow *row, gpointer user_data)
{
    VigilWhy *self = user_data;
    const VigilEvent *event = row->event;
    const gboolean open = event->end_reason == VIGIL_END_NONE;
    VigilWhyEvent taken = {.rule = event->rule,
                           .label = event->label,
                           .start_wall_us = event->start_wall_us,
                           .end_wall_us = event->end_wall_us,
                           .open = open,
                           .score = event->score};

    if (event->end_wall_us < self->from_us && !open)
        return TRUE;
    g_strlcpy(taken.id, event->id, sizeof taken.id);
    taken.clip = g_strdup(row->clip);
    g_array_append_val(self->events, taken);
    return TRUE;
}

static gboolean
take_decision(const VigilDecision *decision, gpointer user_data)
{
    VigilWhy *self = user_data;

    if (self->decisions->len < VIGIL_WHY_MAX_DECISIONS)
        g_array_append_val(self->decisions, *decision);
    else
        self->n_left_out++;
    return TRUE;
}

/* A camera that turns out to be silent has been so since before that was noticed. */
static gboolean
read_presence(VigilWhy *self, VigilStore *store, GError **error)
{
    VigilPresenceInfo later;

    if (!vigil_store_get_presence(store, self->camera, self->at_us, &self->presence, error))
        return FALSE;
    if (!self->presence.known || self->presence.presence != VIGIL_PRESENCE_UP ||
        !self->presence.running)
        return TRUE;
    if (!vigil_store_get_presence(store, self->camera, self->at_us + NOTICED_US, &later, error))
        return FALSE;
    if (later.presence == VIGIL_PRESENCE_DOWN) {
        vigil_presence_info_clear(&self->presence);
        self->presence = later;
    } else {
        vigil_presence_info_clear(&later);
    }
    return TRUE;
}

static gboolean
read_store(VigilWhy *self, VigilStore *store, GError **error)
{
    const VigilEventQuery query = {.since_us = self->from_us - LONGEST_EVENT_US,
                                   .until_us = self->to_us + 1,
                                   .camera = self->camera,
                                   .ascending = TRUE};

    if (!read_presence(self, store, error) ||
        !vigil_store_get_outcomes(store, self->camera, self->minute_us, self->until_us,
                                  self->outcomes, error) ||
        !vigil_store_query_events(store, &query, take_event, self, error) ||
        !vigil_store_query_decisions(store, self->camera, self->from_us, self->to_us, take_decision,
                                     self, error))
        return FALSE;
    for (guint i = 0; i < VIGIL_N_OUTCOMES; i++)
        self->n_frames += self->outcomes[i];
    return TRUE;
}

/* --- what follows -------------------------------------------------------------------------------------------- */

/* The nearest to an event of what was seen. That something was seen twice is the last thing to say. */
static const VigilDecision *
find_furthest(const VigilWhy *self)
{
    const VigilDecision *best = NULL;

    for (guint i = 0; i < self->decisions->len; i++) {
        const VigilDecision *decision = &g_array_index(self->decisions, VigilDecision, i);

        if (!best || best->reason == VIGIL_REASON_DOUBLE ||
            (decision->reason != VIGIL_REASON_DOUBLE && decision->reason > best->reason))
            best = decision;
    }
    return best;
}

static void
conclude(VigilWhy *self, const gchar *reason, gchar *sentence)
{
    self->reason = reason;
    self->sentence = sentence;
}

static void
conclude_event(VigilWhy *self)
{
    const VigilWhyEvent *event = &g_array_index(self->events, VigilWhyEvent, 0);

    conclude(self, "event",
             self->events->len == 1
                 ? g_strdup_printf("there is an event: rule %s, %s", event->rule, event->label)
                 : g_strdup_printf("there are %u events", self->events->len));
}

/* Nobody looked, or there was nothing to look at: the camera or the program was away. */
static gboolean
conclude_absence(VigilWhy *self)
{
    const VigilPresenceInfo *info = &self->presence;
    g_autofree gchar *since = vigil_time_format(info->since_us);
    g_autofree gchar *ended = vigil_time_format(info->run_ended_us);

    if (!info->running && self->n_frames == 0) {
        conclude(self, "not-running",
                 info->run_ended_us ? g_strdup_printf("Vigil had ended at %s", ended)
                                    : g_strdup("Vigil had not run yet"));
        return TRUE;
    }
    if (info->died && self->n_frames == 0 && self->decisions->len == 0) {
        conclude(self, "not-running", g_strdup("the program that had run last had died"));
        return TRUE;
    }
    if (!info->known || info->presence == VIGIL_PRESENCE_UP || !info->running)
        return FALSE;
    if (info->presence == VIGIL_PRESENCE_OFF)
        conclude(self, "not-running",
                 g_strdup_printf("Vigil had been told to leave the camera alone at %s", since));
    else
        conclude(self, "camera-down",
                 g_strdup_printf("the camera was down from %s on%s%s", since,
                                 info->reason ? ": " : "", info->reason ? info->reason : ""));
    return TRUE;
}

/* Half of the frames that were to be looked at decide. @faint: (nullable): the most that was seen */
static void
conclude_frames(VigilWhy *self, const VigilDecision *faint)
{
    const guint64 *n = self->outcomes;
    const guint64 wanted = self->n_frames - n[VIGIL_OUTCOME_SKIPPED_RATE];
    const guint64 still = n[VIGIL_OUTCOME_SKIPPED_NO_MOTION];
    const guint64 late = n[VIGIL_OUTCOME_SKIPPED_LOAD] + n[VIGIL_OUTCOME_TIMED_OUT];

    if (wanted > 0 && 2 * still >= wanted)
        conclude(self, "no-motion",
                 g_strdup_printf("nothing moved in %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                                 " frames",
                                 still, wanted));
    else if (wanted > 0 && 2 * late >= wanted)
        conclude(self, "load",
                 g_strdup_printf("the machine was too busy to look at %" G_GUINT64_FORMAT
                                 " of %" G_GUINT64_FORMAT " frames",
                                 late, wanted));
    else if (wanted > 0 && 2 * n[VIGIL_OUTCOME_FAILED] >= wanted)
        conclude(self, "failed",
                 g_strdup_printf("the detector failed on %" G_GUINT64_FORMAT
                                 " of %" G_GUINT64_FORMAT " frames",
                                 n[VIGIL_OUTCOME_FAILED], wanted));
    else if (faint)
        conclude(self, vigil_reason_to_string(faint->reason), vigil_decision_describe(faint));
    else if (2 * n[VIGIL_OUTCOME_INFERRED_PART] > n[VIGIL_OUTCOME_INFERRED])
        conclude(
            self, "not-looked-at",
            g_strdup_printf("%" G_GUINT64_FORMAT " of the %" G_GUINT64_FORMAT
                            " frames that were looked at were so in part only, where something "
                            "moved: what was small and elsewhere may not have been seen",
                            n[VIGIL_OUTCOME_INFERRED_PART], n[VIGIL_OUTCOME_INFERRED]));
    else
        conclude(self, "nothing-found",
                 g_strdup_printf("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                                 " frames were looked at, and no object was found",
                                 n[VIGIL_OUTCOME_INFERRED], self->n_frames));
}

static void
judge(VigilWhy *self, gint64 now_us)
{
    const VigilDecision *furthest = find_furthest(self);

    if (self->events->len > 0) {
        conclude_event(self);
        return;
    }
    if (conclude_absence(self))
        return;
    if (furthest && furthest->reason == VIGIL_REASON_FIRED)
        conclude(self, "event", g_strdup("there was an event, which was deleted since"));
    else if (furthest && (furthest->reason != VIGIL_REASON_FAINT || self->n_frames == 0))
        conclude(self, vigil_reason_to_string(furthest->reason), vigil_decision_describe(furthest));
    else if (self->n_frames > 0)
        conclude_frames(self, furthest);
    else if (self->to_us > now_us - WRITTEN_US)
        conclude(self, "unknown", g_strdup("what became of this minute is not written yet"));
    else
        conclude(self, "unknown", g_strdup("the store knows nothing of this minute"));
}

static gint64
begin_of_minute(gint64 us)
{
    return us - ((us % MINUTE_US) + MINUTE_US) % MINUTE_US;
}

VigilWhy *
vigil_why_ask(VigilStore *store, const gchar *camera, gint64 at_us, gint64 around_us, gint64 now_us,
              GError **error)
{
    g_autoptr(VigilWhy) self = g_new0(VigilWhy, 1);

    self->camera = g_strdup(camera);
    self->at_us = at_us;
    self->from_us = at_us - around_us;
    self->to_us = at_us + around_us;
    self->minute_us = begin_of_minute(at_us);
    self->until_us = self->minute_us + MINUTE_US;
    self->events = g_array_new(FALSE, FALSE, sizeof(VigilWhyEvent));
    g_array_set_clear_func(self->events, event_clear);
    self->decisions = g_array_new(FALSE, FALSE, sizeof(VigilDecision));
    if (!read_store(self, store, error))
        return NULL;
    judge(self, now_us);
    return g_steal_pointer(&self);
}
