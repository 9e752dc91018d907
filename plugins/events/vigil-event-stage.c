/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/events/vigil-event-stage.h"

#include "plugins/common/gstvigilmeta.h"

void
vigil_event_stage_init(VigilEventStage *self)
{
    self->events = g_ptr_array_new_with_free_func((GDestroyNotify)vigil_event_unref);
}

void
vigil_event_stage_finish(VigilEventStage *self)
{
    vigil_event_stage_stop(self);
    vigil_decision_batch_clear(&self->decisions);
    g_clear_pointer(&self->events, g_ptr_array_unref);
}

void
vigil_event_stage_start(VigilEventStage *self, guint snapshot_width)
{
    if (snapshot_width > 0)
        self->snapshot = vigil_snapshot_new(snapshot_width);
    gst_video_info_init(&self->info);
    self->last_ns = -1;
    self->broken = FALSE;
}

void
vigil_event_stage_stop(VigilEventStage *self)
{
    g_clear_pointer(&self->filter, vigil_event_filter_free);
    g_clear_pointer(&self->snapshot, vigil_snapshot_free);
    g_clear_pointer(&self->rules, vigil_rules_free);
}

void
vigil_event_stage_close(VigilEventStage *self, VigilEndReason reason)
{
    if (self->filter)
        vigil_event_filter_finish(self->filter, reason);
    g_clear_pointer(&self->filter, vigil_event_filter_free);
}

void
vigil_event_stage_set_rules(VigilEventStage *self, VigilRules *rules)
{
    if (self->rules && vigil_rules_equal(self->rules, rules)) {
        vigil_rules_free(rules);
        return;
    }
    vigil_event_stage_close(self, VIGIL_END_STOPPED);
    vigil_rules_free(self->rules);
    self->rules = rules;
}

void
vigil_event_stage_break(VigilEventStage *self)
{
    self->broken = self->filter != NULL;
}

gboolean
vigil_event_stage_takes(const VigilEventStage *self, gint64 time_ns)
{
    return time_ns >= 0 && (time_ns != self->last_ns || self->broken);
}

static void
keep_event(VigilEvent *event, gpointer user_data)
{
    g_ptr_array_add(((VigilEventStage *)user_data)->events, vigil_event_ref(event));
}

static void
keep_decision(const VigilDecision *decision, gpointer user_data)
{
    vigil_decision_batch_add(&((VigilEventStage *)user_data)->decisions, decision);
}

static void
make_filter(VigilEventStage *self)
{
    self->filter = vigil_event_filter_new(self->rules, &self->options, keep_event, self);
    vigil_event_filter_set_decision_func(self->filter, keep_decision, self);
}

static GBytes *
take_snapshot(VigilEventStage *self, GstBuffer *buffer)
{
    GstVideoFrame frame;
    VigilImage image;
    GBytes *jpeg = NULL;

    if (!gst_video_frame_map(&frame, &self->info, buffer,
                             GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
        return NULL;
    if (gst_vigil_image_from_frame(&frame, &image))
        jpeg = vigil_snapshot_encode(self->snapshot, &image);
    gst_video_frame_unmap(&frame);
    return jpeg;
}

static void
take_snapshots(VigilEventStage *self, GstBuffer *buffer)
{
    g_autoptr(GBytes) jpeg = NULL;
    guint slot;

    /* all events that want this frame get the same bytes */
    while (self->snapshot && vigil_event_filter_wants_snapshot(self->filter, &slot)) {
        if (!jpeg && !(jpeg = take_snapshot(self, buffer)))
            return;
        vigil_event_filter_set_snapshot(self->filter, slot, jpeg);
    }
}

/* As the picture is seen: pixels need not be square. */
static gfloat
aspect_of(const GstVideoInfo *info)
{
    return (gfloat)GST_VIDEO_INFO_WIDTH(info) * (gfloat)GST_VIDEO_INFO_PAR_N(info) /
           ((gfloat)GST_VIDEO_INFO_HEIGHT(info) * (gfloat)GST_VIDEO_INFO_PAR_D(info));
}

/* What begins no track makes no event, and who asks why wants to know of it. */
static void
see_faint(VigilEventStage *self, GstBuffer *buffer)
{
    const guint n =
        gst_vigil_buffer_get_untracked(buffer, self->untracked, G_N_ELEMENTS(self->untracked));

    for (guint i = 0; i < n; i++)
        vigil_event_filter_see_faint(self->filter, self->untracked[i].label,
                                     self->untracked[i].score);
}

GstStructure *
vigil_event_stage_process(VigilEventStage *self, GstBuffer *buffer, gint64 time_ns)
{
    const VigilOutcome outcome = gst_vigil_buffer_get_outcome(buffer);
    const VigilBox *area = gst_vigil_buffer_get_area(buffer);
    const guint n =
        gst_vigil_buffer_get_tracks(buffer, &self->info, self->tracks, G_N_ELEMENTS(self->tracks));

    if (self->broken || time_ns < self->last_ns)
        vigil_event_stage_close(self, VIGIL_END_STREAM);
    self->broken = FALSE;
    self->last_ns = time_ns;
    if (!self->filter)
        make_filter(self);
    /* another project's tracker does not say when it saw an object */
    for (guint i = 0; i < n; i++)
        if (self->tracks[i].first_ns < 0)
            self->tracks[i].first_ns = self->tracks[i].last_ns = time_ns;
    vigil_event_filter_set_clock_skew(self->filter, self->skew_us);
    vigil_event_filter_set_frame_aspect(self->filter, aspect_of(&self->info));
    if (outcome == VIGIL_OUTCOME_INFERRED)
        vigil_event_filter_set_model(self->filter, gst_vigil_buffer_get_model(buffer));
    vigil_event_filter_set_area(self->filter, area);
    vigil_event_filter_update(self->filter, time_ns, outcome, self->tracks, n);
    if (outcome == VIGIL_OUTCOME_INFERRED)
        see_faint(self, buffer);
    take_snapshots(self, buffer);
    return vigil_outcome_minutes_add(&self->minutes, self->options.camera,
                                     self->options.wall_base_us + time_ns / 1000, outcome,
                                     area != NULL);
}

gint64
vigil_event_stage_get_wanted_ns(const VigilEventStage *self)
{
    return vigil_event_filter_get_wanted_ns(self->filter);
}

void
vigil_event_stage_leave(VigilEventStage *self, guint n_frames)
{
    self->minutes.counts[VIGIL_OUTCOME_SKIPPED_NO_MOTION] += n_frames;
}
