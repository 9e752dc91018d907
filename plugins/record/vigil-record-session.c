/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/record/vigil-record-session.h"

#include <string.h>

/* An event that has begun and not ended. */
typedef struct {
    VigilRecordClip *clip, *first; /* (nullable) */
    guint part;                    /* clips that it had before @clip */
    VigilEvent *last;              /* latest message about it */
    gboolean known;
    gchar *known_path;
} OpenEvent;

struct VigilRecordSession {
    VigilRecordOptions options;
    GHashTable *events; /* id → OpenEvent */
    GPtrArray *clips;   /* of VigilRecordClip: open ones */
    GQueue messages;    /* of VigilRecordMessage */
};

static void
clip_unref(VigilRecordClip *clip)
{
    if (!clip || --clip->refs > 0)
        return;
    g_clear_pointer(&clip->tails, g_ptr_array_unref);
    g_free(clip->path);
    g_free(clip);
}

static VigilRecordClip *
clip_ref(VigilRecordClip *clip)
{
    if (clip)
        clip->refs++;
    return clip;
}

static void
open_event_free(gpointer data)
{
    OpenEvent *open = data;

    clip_unref(open->clip);
    clip_unref(open->first);
    vigil_event_unref(open->last);
    g_free(open->known_path);
    g_free(open);
}

static void
message_free(gpointer data)
{
    VigilRecordMessage *message = data;

    vigil_event_unref(message->event);
    clip_unref(message->clip);
    clip_unref(message->first);
    g_free(message->known_path);
    g_free(message);
}

static void
clip_release(gpointer data)
{
    clip_unref(data);
}

VigilRecordSession *
vigil_record_session_new(const VigilRecordOptions *options)
{
    VigilRecordSession *self = g_new0(VigilRecordSession, 1);

    self->options = *options;
    self->events = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, open_event_free);
    self->clips = g_ptr_array_new_with_free_func(clip_release);
    g_queue_init(&self->messages);
    return self;
}

void
vigil_record_session_free(VigilRecordSession *self)
{
    if (!self)
        return;
    g_queue_clear_full(&self->messages, message_free);
    g_hash_table_unref(self->events);
    g_ptr_array_unref(self->clips);
    g_free(self);
}

static gint64
limit_of(const VigilRecordSession *self, const VigilRecordClip *clip)
{
    return clip->want_ns + self->options.max_clip_ns;
}

/* Whether the longest clip leaves room for the event and its post-roll, or for half a clip where that is more than one. */
static gboolean
has_room(const VigilRecordSession *self, const VigilRecordClip *clip, const VigilEvent *event)
{
    return event->time_ns + MIN(event->post_ns, self->options.max_clip_ns / 2) <=
           limit_of(self, clip);
}

static gboolean
can_share(const VigilRecordSession *self, const VigilRecordClip *clip, const VigilEvent *event)
{
    const gint64 from_ns =
        clip->first_ns == G_MAXINT64 ? clip->want_ns : MIN(clip->first_ns, clip->want_ns);

    return clip->n_active > 0 && !clip->full && from_ns <= event->start_ns - event->pre_ns &&
           has_room(self, clip, event) &&
           !vigil_record_session_clip_is_over(self, clip, event->time_ns);
}

/*
 * The clip that an event which begins now shares, if there is one. Where there are several, the one that may go on for longest: an event
 * that found no room in a clip began another, and if later ones joined it as well, neither would end, and all would be written twice.
 */
static VigilRecordClip *
find_shared_clip(VigilRecordSession *self, const VigilEvent *event)
{
    VigilRecordClip *found = NULL;

    for (guint i = 0; i < self->clips->len; i++) {
        VigilRecordClip *clip = g_ptr_array_index(self->clips, i);

        if (can_share(self, clip, event) &&
            (!found || limit_of(self, clip) > limit_of(self, found)))
            found = clip;
    }
    return found;
}

static VigilRecordClip *
new_clip(VigilRecordSession *self, const VigilEvent *event)
{
    VigilRecordClip *clip = g_new0(VigilRecordClip, 1);

    clip->refs = 1;
    g_strlcpy(clip->name, event->id, sizeof clip->name);
    clip->camera = event->camera;
    clip->start_ns = event->start_ns;
    clip->start_wall_us = event->start_wall_us;
    clip->want_ns = event->start_ns - event->pre_ns;
    clip->first_ns = G_MAXINT64;
    clip->trigger_ns = clip->last_trigger_ns = event->trigger_ns;
    clip->end_ns = G_MININT64;
    g_ptr_array_add(self->clips, clip);
    return clip;
}

static OpenEvent *
begin_event(VigilRecordSession *self, const VigilEvent *event, gboolean known,
            const gchar *known_path, VigilRecordClip **created)
{
    OpenEvent *open = g_new0(OpenEvent, 1);

    open->known = known;
    open->known_path = g_strdup(known_path);
    if (event->record && !known) {
        VigilRecordClip *clip = find_shared_clip(self, event);

        if (!clip)
            clip = *created = new_clip(self, event);
        clip->last_trigger_ns = MAX(clip->last_trigger_ns, event->trigger_ns);
        clip->n_active++;
        open->clip = clip_ref(clip);
        open->first = clip_ref(clip);
    }
    g_hash_table_replace(self->events, g_strdup(event->id), open);
    return open;
}

/* What was removed was last seen long before it was known to be. */
static gint64
wanted_until(const VigilEvent *end)
{
    return MAX(end->end_ns + end->post_ns, end->trigger_ns);
}

/* A post-roll that does not find room in the clip is for the next one. */
static void
add_tail(const VigilRecordSession *self, VigilRecordClip *clip, VigilEvent *end)
{
    if (wanted_until(end) <= limit_of(self, clip))
        return;
    if (!clip->tails)
        clip->tails = g_ptr_array_new_with_free_func((GDestroyNotify)vigil_event_unref);
    g_ptr_array_add(clip->tails, vigil_event_ref(end));
}

static void
end_event(VigilRecordSession *self, VigilEvent *event, OpenEvent *open)
{
    if (open->clip) {
        open->clip->n_active--;
        open->clip->end_ns = MAX(open->clip->end_ns, wanted_until(event));
        add_tail(self, open->clip, event);
    }
    g_hash_table_remove(self->events, event->id);
}

/* @open: (nullable) */
static void
queue_message(VigilRecordSession *self, VigilEvent *event, OpenEvent *open, gint64 now_us)
{
    VigilRecordMessage *message = g_new0(VigilRecordMessage, 1);

    message->event = vigil_event_ref(event);
    message->queued_us = now_us;
    if (open) {
        vigil_event_unref(open->last);
        open->last = vigil_event_ref(event);
        message->clip = clip_ref(open->clip);
        message->first = clip_ref(open->first);
        message->part = open->part;
        message->known = open->known;
        message->known_path = g_strdup(open->known_path);
        if (message->clip)
            message->clip->n_queued++;
    }
    g_queue_push_tail(&self->messages, message);
}

VigilRecordClip *
vigil_record_session_add(VigilRecordSession *self, VigilEvent *event, gboolean known,
                         const gchar *known_path, gint64 now_us)
{
    OpenEvent *open = g_hash_table_lookup(self->events, event->id);
    VigilRecordClip *created = NULL;

    if (event->type == VIGIL_EVENT_BEGIN && !open)
        open = begin_event(self, event, known, known_path, &created);
    queue_message(self, event, open, now_us);
    if (event->type == VIGIL_EVENT_END && open)
        end_event(self, event, open);
    return created;
}

const VigilRecordMessage *
vigil_record_session_peek(VigilRecordSession *self, gint64 now_us, gboolean force)
{
    const VigilRecordMessage *message = g_queue_peek_head(&self->messages);

    if (message && message->clip && message->clip->state == VIGIL_RECORD_CLIP_WAITING && !force &&
        now_us - message->queued_us < self->options.commit_timeout_us)
        return NULL;
    return message;
}

void
vigil_record_session_pop(VigilRecordSession *self, gboolean committed)
{
    VigilRecordMessage *message = g_queue_pop_head(&self->messages);

    if (!message)
        return;
    if (message->clip) {
        message->clip->n_queued--;
        message->clip->n_committed +=
            committed && message->clip->state == VIGIL_RECORD_CLIP_RECORDING;
    }
    message_free(message);
}

VigilEvent *
vigil_record_session_take_last(VigilRecordSession *self)
{
    VigilRecordMessage *message;
    VigilEvent *event = NULL;

    while (!event && (message = g_queue_pop_tail(&self->messages))) {
        if (!message->goes_on)
            event = vigil_event_ref(message->event);
        if (message->clip)
            message->clip->n_queued--;
        message_free(message);
    }
    return event;
}

guint
vigil_record_session_get_n_queued(const VigilRecordSession *self)
{
    return g_queue_get_length((GQueue *)&self->messages);
}

VigilRecordClip *
vigil_record_session_get_clip(const VigilRecordSession *self, guint i)
{
    return i < self->clips->len ? g_ptr_array_index(self->clips, i) : NULL;
}

void
vigil_record_session_close_clip(VigilRecordSession *self, VigilRecordClip *clip,
                                VigilRecordClipState state)
{
    clip->state = state;
    clip->data = NULL;
    g_ptr_array_remove(self->clips, clip);
}

static gint
compare_begins(gconstpointer a, gconstpointer b)
{
    const VigilEvent *left = ((const OpenEvent *)a)->last, *right = ((const OpenEvent *)b)->last;

    if (left->start_ns != right->start_ns)
        return left->start_ns < right->start_ns ? -1 : 1;
    return strcmp(left->id, right->id);
}

/* What follows the clip, from where it ends. */
static VigilRecordClip *
new_part(VigilRecordSession *self, const VigilRecordClip *clip)
{
    const gint64 from_ns = limit_of(self, clip);
    VigilRecordClip *part = g_new0(VigilRecordClip, 1);

    part->refs = 1;
    part->part = clip->part + 1;
    g_snprintf(part->name, sizeof part->name, "%.*s-p%u", (gint)strcspn(clip->name, "-"),
               clip->name, part->part);
    part->camera = clip->camera;
    part->start_ns = part->want_ns = from_ns;
    part->trigger_ns = G_MAXINT64; /* in an earlier clip */
    part->start_wall_us = clip->start_wall_us + (from_ns - clip->start_ns) / 1000;
    part->first_ns = G_MAXINT64;
    part->last_trigger_ns = clip->last_trigger_ns > from_ns ? clip->last_trigger_ns : G_MININT64;
    part->end_ns = clip->end_ns;
    g_ptr_array_add(self->clips, part);
    return part;
}

static void
queue_continuation(VigilRecordSession *self, OpenEvent *open, gint64 now_us)
{
    VigilRecordMessage *message;

    queue_message(self, open->last, open, now_us);
    message = g_queue_peek_tail(&self->messages);
    message->goes_on = TRUE;
}

static void
move_active_events(VigilRecordSession *self, VigilRecordClip *clip, VigilRecordClip *next,
                   gint64 now_us)
{
    GList *events = g_list_sort(g_hash_table_get_values(self->events), compare_begins);

    for (GList *item = events; item; item = item->next) {
        OpenEvent *open = item->data;

        if (open->clip != clip)
            continue;
        clip_unref(open->clip);
        open->clip = clip_ref(next);
        open->part++;
        clip->n_active--;
        next->n_active++;
        queue_continuation(self, open, now_us);
    }
    g_list_free(events);
}

/* Their ends are committed, or wait for that. */
static void
move_tails(VigilRecordSession *self, const VigilRecordClip *clip, VigilRecordClip *next,
           gint64 now_us)
{
    for (guint i = 0; clip->tails && i < clip->tails->len; i++) {
        VigilEvent *end = clip->tails->pdata[i];
        OpenEvent ended = {.clip = next, .part = next->part, .last = vigil_event_ref(end)};

        queue_continuation(self, &ended, now_us);
        vigil_event_unref(ended.last);
        add_tail(self, next, end);
    }
}

VigilRecordClip *
vigil_record_session_continue_clip(VigilRecordSession *self, VigilRecordClip *clip, gint64 now_us)
{
    const gint64 limit_ns = limit_of(self, clip);
    VigilRecordClip *next;

    clip->full = TRUE;
    if (clip->n_active == 0 && !clip->tails)
        return NULL;
    next = new_part(self, clip);
    move_active_events(self, clip, next, now_us);
    move_tails(self, clip, next, now_us);
    /* what comes later is the next one's */
    clip->trigger_ns = MIN(clip->trigger_ns, limit_ns);
    clip->last_trigger_ns = MIN(clip->last_trigger_ns, limit_ns);
    clip->end_ns = MIN(clip->end_ns, limit_ns);
    return next;
}

void
vigil_record_session_close_all_events(VigilRecordSession *self, VigilEndReason reason,
                                      gint64 now_us)
{
    GList *events = g_list_sort(g_hash_table_get_values(self->events), compare_begins);

    for (GList *item = events; item; item = item->next) {
        OpenEvent *open = item->data;
        g_autoptr(VigilEvent) end = NULL;

        /* the store has the whole of a known one */
        if (open->known)
            continue;
        end = vigil_event_new_end(open->last, reason);
        queue_message(self, end, open, now_us);
    }
    g_list_free(events);
    g_hash_table_remove_all(self->events);
    for (guint i = 0; i < self->clips->len; i++) {
        VigilRecordClip *clip = g_ptr_array_index(self->clips, i);

        if (clip->n_active > 0)
            clip->end_ns = G_MAXINT64;
        clip->n_active = 0;
    }
}

gint64
vigil_record_session_get_clip_limit(const VigilRecordSession *self, const VigilRecordClip *clip,
                                    gint64 front_ns)
{
    return MIN(limit_of(self, clip), clip->n_active > 0 ? front_ns : clip->end_ns);
}

gboolean
vigil_record_session_clip_is_full(const VigilRecordSession *self, const VigilRecordClip *clip,
                                  gint64 time_ns)
{
    return time_ns > limit_of(self, clip);
}

gboolean
vigil_record_session_clip_is_over(const VigilRecordSession *self, const VigilRecordClip *clip,
                                  gint64 time_ns)
{
    return vigil_record_session_clip_is_full(self, clip, time_ns) ||
           (clip->n_active == 0 && time_ns > clip->end_ns);
}
