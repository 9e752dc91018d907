/* SPDX-License-Identifier: Apache-2.0 */
/* Which frames are sent, held and left. */
#include <gst/video/video-event.h>

#include "plugins/common/gstvigilprobe.h"
#include "plugins/common/gstvigilstream.h"
#include "plugins/idle/gstvigilidle-private.h"
#include "plugins/record/vigil-parameter-sets.h"

GST_DEBUG_CATEGORY_EXTERN(vigil_idle_debug);
#define GST_CAT_DEFAULT vigil_idle_debug

/* While awake: how often it is asked whether one could sleep. */
#define ASK_NS ((gint64)GST_SECOND)
/* What a frame takes beside its bytes, about. */
#define FRAME_BYTES 512
/* Keyframes do not come to the nanosecond. */
#define TOLERANCE_NS ((gint64)(100 * GST_MSECOND))

static void
count(GstVigilIdle *self, guint64 *counter, guint64 n)
{
    GST_OBJECT_LOCK(self);
    *counter += n;
    GST_OBJECT_UNLOCK(self);
}

/* The array keeps its room. */
static void
forget_held(GstVigilIdle *self)
{
    g_ptr_array_set_size(self->held, 0);
    self->held_bytes = 0;
}

static void
let_go(GstVigilIdle *self)
{
    for (guint i = 0; i < self->held->len; i++)
        gst_buffer_unref(self->held->pdata[i]);
    forget_held(self);
}

void
gst_vigil_idle_forget(GstVigilIdle *self)
{
    let_go(self);
    vigil_coded_size_reset(self->sizes);
    self->asleep = self->resting = self->size_in_doubt = FALSE;
    self->asked_ns = self->sent_ns = self->key_ns = -1;
    self->groups_too_long = FALSE;
    self->n_left = 0;
}

static GstFlowReturn
send(GstVigilIdle *self, GstBuffer *buffer)
{
    count(self, &self->stats.passed, 1);
    return gst_pad_push(self->srcpad, buffer);
}

static void
hold(GstVigilIdle *self, GstBuffer *buffer, gint64 time_ns)
{
    if (self->held->len == 0)
        self->held_since_ns = time_ns;
    g_ptr_array_add(self->held, buffer);
    self->held_bytes += gst_buffer_get_size(buffer) + FRAME_BYTES;
}

/* The frames that come are older than those that a live pipeline likes; for these that is no fault. */
static void
announce_catching_up(GstVigilIdle *self)
{
    GstClockTime until = 0;

    for (guint i = 0; i < self->held->len; i++) {
        const GstClockTime running = gst_segment_to_running_time(
            &self->segment, GST_FORMAT_TIME, GST_BUFFER_PTS((GstBuffer *)self->held->pdata[i]));

        if (GST_CLOCK_TIME_IS_VALID(running))
            until = MAX(until, running);
    }
    gst_pad_push_event(self->srcpad, gst_vigil_event_new_catch_up(until));
}

/* (transfer full): what a decoder needs that has seen nothing else of the stream */
static GstBuffer *
with_parameter_sets(GstVigilIdle *self, GstBuffer *key)
{
    GstBuffer *whole;

    if (!self->parameter_sets)
        return gst_buffer_ref(key);
    whole = gst_buffer_copy(key);
    gst_buffer_insert_memory(whole, 0, gst_buffer_get_memory(self->parameter_sets, 0));
    return whole;
}

GstFlowReturn
gst_vigil_idle_wake(GstVigilIdle *self, guint64 *counter)
{
    GstFlowReturn flow = GST_FLOW_OK;

    if (!self->asleep)
        return GST_FLOW_OK;
    GST_DEBUG_OBJECT(self, "awake: %u frames to catch up with", self->held->len);
    /* which may have forgotten all */
    if (self->resting && self->held->len > 0) {
        GstBuffer *key = self->held->pdata[0];

        self->held->pdata[0] = with_parameter_sets(self, key);
        gst_buffer_unref(key);
    }
    self->asleep = self->resting = FALSE;
    count(self, &self->stats.caught_up, self->held->len);
    if (counter)
        count(self, counter, 1);
    if (self->held->len > 0)
        announce_catching_up(self);
    for (guint i = 0; i < self->held->len; i++) {
        GstBuffer *buffer = g_steal_pointer(&self->held->pdata[i]);

        if (flow == GST_FLOW_OK)
            flow = send(self, buffer);
        else
            gst_buffer_unref(buffer);
    }
    forget_held(self);
    return flow;
}

static gboolean
is_quiet(GstVigilIdle *self, gint64 time_ns, GstSample *sample)
{
    GstQuery *query = gst_vigil_query_new_probe((GstClockTime)time_ns, sample, self->n_left);
    gboolean quiet = FALSE;

    if (gst_pad_peer_query(self->srcpad, query)) {
        quiet = gst_vigil_query_get_quiet(query);
        self->n_left = 0;
    }
    gst_query_unref(query);
    self->asked_ns = time_ns;
    return quiet && g_atomic_int_get(&self->n_tracks) == 0;
}

/* Frames that the decoder keeps for reordering may show something yet: what is still makes it give them. */
static gboolean
may_sleep(GstVigilIdle *self, gint64 time_ns)
{
    return is_quiet(self, time_ns, NULL) &&
           gst_pad_push_event(self->srcpad, gst_video_event_new_still_frame(TRUE)) &&
           is_quiet(self, time_ns, NULL);
}

static void
settle(GstVigilIdle *self, gboolean quiet)
{
    if (self->size_in_doubt) {
        vigil_coded_size_judge(self->sizes, !quiet);
        count(self, &self->stats.false_sizes, quiet ? 1 : 0);
    }
    self->size_in_doubt = FALSE;
    vigil_coded_size_settle(self->sizes, quiet);
}

/* --- where frames are made from others ------------------------------------------------------- */

static GstFlowReturn
take_awake(GstVigilIdle *self, GstBuffer *buffer, gboolean key, gint64 time_ns)
{
    gboolean quiet;

    if (!key || (self->asked_ns >= 0 && time_ns < self->asked_ns + ASK_NS - TOLERANCE_NS))
        return send(self, buffer);
    quiet = self->groups_too_long ? is_quiet(self, time_ns, NULL) : may_sleep(self, time_ns);
    settle(self, quiet);
    if (!quiet || self->groups_too_long)
        return send(self, buffer);
    GST_DEBUG_OBJECT(self, "asleep at %" GST_TIME_FORMAT, GST_TIME_ARGS(time_ns));
    self->asleep = TRUE;
    count(self, &self->stats.sleeps, 1);
    hold(self, buffer, time_ns);
    self->first_seen = FALSE;
    return GST_FLOW_OK;
}

/* The keyframe with which the last probe was done is held for those behind it only. */
static guint
count_unseen(const GstVigilIdle *self)
{
    return self->held->len - (self->held->len > 0 && self->first_seen ? 1 : 0);
}

/* The decoder is made for each: its pictures are many megabytes, and it is made in no time. */
static GstSample *
decode_key(GstVigilIdle *self, GstBuffer *key)
{
    VigilKeyDecoder *decoder = vigil_key_decoder_new(self->caps);
    GstBuffer *whole;
    GstSample *sample;

    if (!decoder)
        return NULL;
    whole = with_parameter_sets(self, key);
    sample = vigil_key_decoder_run(decoder, whole);
    gst_buffer_unref(whole);
    vigil_key_decoder_free(decoder);
    return sample;
}

static gboolean
probe(GstVigilIdle *self, GstBuffer *key, gint64 time_ns)
{
    GstSample *sample = decode_key(self, key);
    gboolean quiet;

    if (!sample)
        return FALSE;
    count(self, &self->stats.probes, 1);
    self->n_left = count_unseen(self);
    quiet = is_quiet(self, time_ns, sample);
    gst_sample_unref(sample);
    return quiet;
}

static GstFlowReturn
take_key_asleep(GstVigilIdle *self, GstBuffer *buffer, gint64 time_ns)
{
    gint64 check_ns;
    guint n_left;

    GST_OBJECT_LOCK(self);
    check_ns = self->check_ns;
    GST_OBJECT_UNLOCK(self);
    if (time_ns < self->asked_ns + check_ns - TOLERANCE_NS) {
        hold(self, buffer, time_ns);
        return GST_FLOW_OK;
    }
    n_left = count_unseen(self);
    if (!probe(self, buffer, time_ns)) {
        settle(self, FALSE);
        hold(self, buffer, time_ns);
        return gst_vigil_idle_wake(self, &self->stats.woken_by_probe);
    }
    settle(self, TRUE);
    count(self, &self->stats.left, n_left);
    let_go(self);
    /* not as soon as it falls asleep: in some scenes it is awake again in a moment; and each time, since some event may have woken the decoder */
    gst_pad_push_event(self->srcpad, gst_vigil_event_new_rest());
    self->resting = TRUE;
    hold(self, buffer, time_ns);
    self->first_seen = TRUE;
    return GST_FLOW_OK;
}

static gboolean
is_too_much(GstVigilIdle *self, gsize bytes, gint64 time_ns)
{
    const gboolean blind = !vigil_coded_size_can_tell(self->sizes);
    gboolean much;

    GST_OBJECT_LOCK(self);
    much = bytes > self->held_max_bytes || time_ns > self->held_max_ns ||
           (blind && time_ns > self->blind_max_ns);
    GST_OBJECT_UNLOCK(self);
    return much;
}

static GstFlowReturn
take_asleep(GstVigilIdle *self, GstBuffer *buffer, gboolean key, gboolean alarm, gint64 time_ns)
{
    if (key)
        return take_key_asleep(self, buffer, time_ns);
    hold(self, buffer, time_ns);
    if (alarm) {
        self->size_in_doubt = TRUE;
        return gst_vigil_idle_wake(self, &self->stats.woken_by_size);
    }
    if (is_too_much(self, self->held_bytes, time_ns - self->held_since_ns))
        return gst_vigil_idle_wake(self, &self->stats.woken_by_limit);
    return GST_FLOW_OK;
}

/* --- where each frame is a keyframe ---------------------------------------------------------- */

static GstFlowReturn
take_intra(GstVigilIdle *self, GstBuffer *buffer, gint64 time_ns)
{
    gint64 look_ns;

    GST_OBJECT_LOCK(self);
    look_ns = self->look_ns;
    GST_OBJECT_UNLOCK(self);
    if (self->asleep && time_ns < self->sent_ns + look_ns) {
        self->n_left++;
        count(self, &self->stats.left, 1);
        gst_buffer_unref(buffer);
        return GST_FLOW_OK;
    }
    if (self->asleep || self->asked_ns < 0 || time_ns >= self->asked_ns + ASK_NS) {
        const gboolean quiet = is_quiet(self, time_ns, NULL);

        if (quiet && !self->asleep)
            count(self, &self->stats.sleeps, 1);
        if (!quiet && self->asleep)
            count(self, &self->stats.woken_by_probe, 1);
        self->asleep = quiet;
    }
    self->sent_ns = time_ns;
    return send(self, buffer);
}

/* --------------------------------------------------------------------------------------------- */

static void
note_parameter_sets(GstVigilIdle *self, const guint8 *data, gsize size)
{
    GBytes *sets = vigil_parameter_sets_find(data, size, self->format.h265);

    if (!sets)
        return;
    gst_buffer_replace(&self->parameter_sets, NULL);
    self->parameter_sets = gst_buffer_new_wrapped_bytes(sets);
    g_bytes_unref(sets);
}

static gboolean
read_frame(GstVigilIdle *self, GstBuffer *buffer, VigilCodedFrame *frame)
{
    GstMapInfo map;
    gboolean ok;

    if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
        return FALSE;
    ok = vigil_coded_frame_read(frame, &self->format, map.data, map.size);
    if (ok && frame->key && self->format.length_size == 0)
        note_parameter_sets(self, map.data, map.size);
    gst_buffer_unmap(buffer, &map);
    return ok;
}

static GstFlowReturn
send_as_it_is(GstVigilIdle *self, GstBuffer *buffer)
{
    const GstFlowReturn flow = gst_vigil_idle_wake(self, NULL);

    if (flow == GST_FLOW_OK)
        return send(self, buffer);
    gst_buffer_unref(buffer);
    return flow;
}

/* Who sleeps through groups of pictures that are too long to hold wakes in each of them, and late. */
static void
begin_group(GstVigilIdle *self, gint64 time_ns)
{
    self->groups_too_long =
        self->key_ns >= 0 && is_too_much(self, self->group_bytes, time_ns - self->key_ns);
    self->key_ns = time_ns;
    self->group_bytes = 0;
    vigil_coded_size_begin_group(self->sizes);
}

GstFlowReturn
gst_vigil_idle_take(GstVigilIdle *self, GstBuffer *buffer)
{
    const gint64 time_ns = gst_vigil_stream_time(&self->segment, buffer);
    VigilCodedFrame frame;
    gboolean alarm = FALSE;

    count(self, &self->stats.frames, 1);
    if (!self->usable || time_ns < 0)
        return send_as_it_is(self, buffer);
    if (self->asked_ns > time_ns + (gint64)GST_SECOND) /* the stream went back */
        self->asked_ns = -1;
    if (self->intra)
        return take_intra(self, buffer, time_ns);
    if (!read_frame(self, buffer, &frame))
        return send_as_it_is(self, buffer);
    if (frame.key)
        begin_group(self, time_ns);
    else
        alarm = vigil_coded_size_add(self->sizes, frame.kind, gst_buffer_get_size(buffer));
    self->group_bytes += gst_buffer_get_size(buffer) + FRAME_BYTES;
    if (self->asleep && g_atomic_int_get(&self->n_tracks) > 0) {
        hold(self, buffer, time_ns);
        return gst_vigil_idle_wake(self, &self->stats.woken_by_track);
    }
    return self->asleep ? take_asleep(self, buffer, frame.key, alarm, time_ns)
                        : take_awake(self, buffer, frame.key, time_ns);
}
