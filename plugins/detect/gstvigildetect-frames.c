/* SPDX-License-Identifier: Apache-2.0 */
/* A frame's way through the element: chosen, put into the stream, looked at by the scheduler's thread, marked, pushed. */
#include "plugins/common/gstvigilmeta.h"
#include "plugins/common/gstvigilstream.h"
#include "plugins/detect/gstvigildetect-private.h"

GST_DEBUG_CATEGORY_EXTERN(vigil_detect_debug);
#define GST_CAT_DEFAULT vigil_detect_debug

/* As often as a person or a supervisor would look. */
#define STATS_INTERVAL_US G_USEC_PER_SEC

struct VigilDetectFrame {
    VigilFrame base;
    VigilDetectRun *run;
    VigilDetectFrame *next; /* that is spare */
    GstBuffer *buffer;
    GstVideoInfo info;
    VigilOutcome outcome; /* if it is not looked at */
    gint64 time_ns;       /* of the stream; -1: unknown */
    gboolean in_part;     /* of it only area was looked at */
    VigilBox area;

    VigilModelId model;
    VigilDetection *detections;
    guint n, capacity;
};

static void
release_frame(VigilFrame *base)
{
    VigilDetectFrame *self = (VigilDetectFrame *)base;

    gst_clear_buffer(&self->buffer);
    g_mutex_lock(&self->run->lock);
    self->next = self->run->spare;
    self->run->spare = self;
    g_mutex_unlock(&self->run->lock);
}

/* A new one only while the stream holds more than it ever did before. */
static VigilDetectFrame *
take_frame(VigilDetectRun *run, const GstVideoInfo *info, GstBuffer *buffer)
{
    VigilDetectFrame *self;

    g_mutex_lock(&run->lock);
    self = run->spare;
    if (self)
        run->spare = self->next;
    g_mutex_unlock(&run->lock);
    if (!self)
        self = g_new0(VigilDetectFrame, 1);
    vigil_frame_init(&self->base, release_frame);
    self->run = run;
    self->buffer = buffer;
    self->info = *info;
    self->n = 0;
    self->in_part = FALSE;
    return self;
}

void
vigil_detect_frames_free(VigilDetectRun *run)
{
    while (run->spare) {
        VigilDetectFrame *frame = run->spare;

        run->spare = frame->next;
        g_free(frame->detections);
        g_free(frame);
    }
}

void
gst_vigil_detect_forget(GstVigilDetect *self)
{
    GST_OBJECT_LOCK(self);
    vigil_frame_gate_reset(&self->config.gate);
    self->places.n = 0;
    self->qos_earliest = GST_CLOCK_TIME_NONE;
    GST_OBJECT_UNLOCK(self);
    self->live_known = FALSE;
    self->catch_up_until = GST_CLOCK_TIME_NONE;
}

VigilStreamOptions
gst_vigil_detect_get_options(const GstVigilDetect *self)
{
    return (VigilStreamOptions){.weight = self->config.weight,
                                .max_age_ns = (gint64)self->config.max_age_ms * GST_MSECOND,
                                .lossless = !self->live};
}

/* --- statistics ------------------------------------------------------------------------------- */

GstStructure *
gst_vigil_detect_stats(GstVigilDetect *self)
{
    if (self->stream)
        vigil_stream_get_stats(self->stream, &self->core_stats);
    return vigil_detect_stats_to_structure(&self->stats, &self->core_stats);
}

void
gst_vigil_detect_post_stats(GstVigilDetect *self)
{
    GstStructure *stats;

    self->stats_posted_us = g_get_monotonic_time();
    GST_OBJECT_LOCK(self);
    stats = gst_vigil_detect_stats(self);
    GST_OBJECT_UNLOCK(self);
    gst_vigil_detect_post(self, stats);
}

/* --- looking: the scheduler's thread ---------------------------------------------------------- */

/* %FALSE: all of it is to be looked at, and @crop is that */
static gboolean
choose_part(VigilDetectRun *run, const VigilDetectFrame *self, VigilCrop *crop)
{
    VigilLookSizes sizes = {.frame_width = (guint)GST_VIDEO_INFO_WIDTH(&self->info),
                            .frame_height = (guint)GST_VIDEO_INFO_HEIGHT(&self->info)};
    VigilPlaces places;
    gboolean regions;

    *crop = (VigilCrop){0, 0, sizes.frame_width, sizes.frame_height};
    GST_OBJECT_LOCK(run->element);
    regions = run->element->config.regions;
    run->planner.whole_ns = run->element->config.whole_ns;
    places = run->element->places;
    GST_OBJECT_UNLOCK(run->element);
    if (!regions || self->time_ns < 0)
        return FALSE;
    vigil_detector_get_input_size(run->model->detector, &sizes.input_width, &sizes.input_height);
    return vigil_look_planner_choose(&run->planner, self->time_ns,
                                     gst_vigil_buffer_get_motion(self->buffer), &places, &sizes,
                                     crop);
}

static VigilBox
area_of(const VigilCrop *crop, const VigilImage *image)
{
    const gfloat width = (gfloat)image->width, height = (gfloat)image->height;

    return (VigilBox){(gfloat)crop->x / width, (gfloat)crop->y / height,
                      (gfloat)(crop->x + crop->width) / width,
                      (gfloat)(crop->y + crop->height) / height};
}

/* Of the whole image, or of a part of it. */
static gint
run_model(VigilDetectRun *run, VigilDetectFrame *self, const VigilImage *image, VigilCrop *crop)
{
    VigilDetectModel *model = run->model;

    self->in_part = choose_part(run, self, crop);
    if (!self->in_part)
        return vigil_detector_run(model->detector, image, -1.0f, model->detections,
                                  model->capacity);
    self->area = area_of(crop, image);
    return vigil_detector_run_crop(model->detector, image, crop, -1.0f, model->detections,
                                   model->capacity);
}

static gint
drop_cut(VigilDetectRun *run, VigilDetectFrame *self, guint n)
{
    const guint kept =
        vigil_look_planner_drop_cut(&run->planner, &self->area, run->model->detections, n);

    GST_LOG_OBJECT(run->element, "%" GST_TIME_FORMAT " from %.3f,%.3f to %.3f,%.3f: %u, %u cut",
                   GST_TIME_ARGS(self->time_ns), self->area.x0, self->area.y0, self->area.x1,
                   self->area.y1, kept, n - kept);
    return (gint)kept;
}

static gint
infer(VigilDetectRun *run, VigilDetectFrame *self)
{
    const gint64 begin_us = g_get_monotonic_time();
    VigilDetectModel *model = run->model;
    GstVideoFrame frame;
    VigilImage image;
    VigilCrop crop;
    gint64 took_us;
    gint n = -1;

    if (!gst_video_frame_map(&frame, &self->info, self->buffer,
                             GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
        return -1;
    if (gst_vigil_image_from_frame(&frame, &image))
        n = run_model(run, self, &image, &crop);
    took_us = g_get_monotonic_time() - begin_us;
    if (n >= 0 && run->trial)
        vigil_detect_trial_look(run->trial, model, &image, &crop, (guint)n, took_us);
    gst_video_frame_unmap(&frame);
    if (n < 0)
        return -1;
    if (self->in_part)
        n = drop_cut(run, self, (guint)n);
    GST_OBJECT_LOCK(run->element);
    if (run->element->run == run)
        vigil_detect_stats_add_inference(&run->element->stats, took_us, (guint)n);
    GST_OBJECT_UNLOCK(run->element);
    return n;
}

gboolean
vigil_detect_look(VigilFrame *frame, gpointer user_data)
{
    VigilDetectRun *run = user_data;
    VigilDetectFrame *self = (VigilDetectFrame *)frame;
    gint n;

    vigil_detect_run_adopt(run);
    if (self->capacity < run->model->capacity) {
        self->capacity = run->model->capacity;
        self->detections = g_renew(VigilDetection, self->detections, self->capacity);
    }
    n = infer(run, self);
    self->n = (guint)MAX(n, 0);
    self->model = run->model->id;
    memcpy(self->detections, run->model->detections, self->n * sizeof self->detections[0]);
    if (run->trial && n < 0)
        vigil_detect_trial_fail(run->trial);
    if (run->trial)
        vigil_detect_run_judge(run);
    return n >= 0;
}

/* --- coming out ------------------------------------------------------------------------------- */

static VigilOutcome
get_outcome(const VigilDetectFrame *self, VigilFrameFate fate)
{
    switch (fate) {
    case VIGIL_FRAME_INFERRED: return VIGIL_OUTCOME_INFERRED;
    case VIGIL_FRAME_REPLACED: return VIGIL_OUTCOME_SKIPPED_RATE;
    case VIGIL_FRAME_SUPERSEDED:
    case VIGIL_FRAME_TOO_OLD: return VIGIL_OUTCOME_SKIPPED_LOAD;
    case VIGIL_FRAME_STUCK: return VIGIL_OUTCOME_TIMED_OUT;
    case VIGIL_FRAME_FAILED: return VIGIL_OUTCOME_FAILED;
    default: return self->outcome;
    }
}

static GstFlowReturn
push(GstVigilDetect *self, VigilFrame *base, VigilFrameFate fate)
{
    VigilDetectFrame *frame = (VigilDetectFrame *)base;
    const VigilOutcome outcome = get_outcome(frame, fate);
    const gboolean in_part = fate == VIGIL_FRAME_INFERRED && frame->in_part;
    /* what is stuck may still be read */
    GstBuffer *buffer =
        fate == VIGIL_FRAME_STUCK ? gst_buffer_ref(frame->buffer) : g_steal_pointer(&frame->buffer);
    gboolean regions;

    GST_OBJECT_LOCK(self);
    regions = self->config.regions;
    self->stats.outcomes[outcome]++;
    self->stats.parts += in_part ? 1 : 0;
    GST_OBJECT_UNLOCK(self);
    buffer = gst_buffer_make_writable(buffer);
    if (fate == VIGIL_FRAME_INFERRED) {
        gst_vigil_buffer_add_detections(buffer, &frame->info, frame->detections, frame->n);
        gst_vigil_buffer_set_model(buffer, frame->model);
        gst_vigil_buffer_set_area(buffer, frame->in_part ? &frame->area : NULL);
        gst_vigil_buffer_set_wants_places(buffer, regions);
    }
    gst_vigil_buffer_set_outcome(buffer, outcome);
    vigil_frame_unref(base);
    GST_LOG_OBJECT(self, "%" GST_TIME_FORMAT " %s", GST_TIME_ARGS(GST_BUFFER_PTS(buffer)),
                   vigil_outcome_to_string(outcome));
    if (g_get_monotonic_time() - self->stats_posted_us >= STATS_INTERVAL_US)
        gst_vigil_detect_post_stats(self);
    return gst_pad_push(self->srcpad, buffer);
}

/* The source pad's task, in live pipelines. */
static void
push_next(gpointer user_data)
{
    GstVigilDetect *self = user_data;
    VigilFrameFate fate;
    VigilFrame *frame = vigil_stream_take(self->stream, &fate);
    GstFlowReturn flow;

    if (!frame) {
        gst_pad_pause_task(self->srcpad);
        return;
    }
    flow = push(self, frame, fate);
    if (flow == GST_FLOW_OK)
        return;
    GST_OBJECT_LOCK(self);
    if (self->flow == GST_FLOW_OK)
        self->flow = flow;
    GST_OBJECT_UNLOCK(self);
    vigil_stream_set_flushing(self->stream, TRUE);
    gst_pad_pause_task(self->srcpad);
}

/* --- coming in -------------------------------------------------------------------------------- */

/* How late a frame is, with the object lock held: by the clock, after the time at which upstream's latency lets us
 * expect it, or for a sink downstream. */
static gint64
get_lateness(const GstVigilDetect *self, GstClockTime running, GstClockTime now)
{
    if (GST_CLOCK_TIME_IS_VALID(self->qos_earliest) && self->qos_earliest > running)
        return G_MAXINT64;
    return (gint64)(now - running - self->latency);
}

/* @age_ns: (out): by when it was taken; 0 for one that is to be looked at in spite of it */
static VigilOutcome
decide(GstVigilDetect *self, GstBuffer *buffer, gint64 *age_ns)
{
    const gint64 stream_ns = gst_vigil_stream_time(&self->segment, buffer);
    const GstClockTime running =
        gst_segment_to_running_time(&self->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    GstClockTime now = GST_CLOCK_TIME_NONE;
    gint64 lateness = 0;
    VigilOutcome outcome;

    if (GST_CLOCK_TIME_IS_VALID(running) && GST_CLOCK_TIME_IS_VALID(self->catch_up_until) &&
        running > self->catch_up_until)
        self->catch_up_until = GST_CLOCK_TIME_NONE;
    if (self->live && GST_CLOCK_TIME_IS_VALID(running) &&
        !GST_CLOCK_TIME_IS_VALID(self->catch_up_until))
        now = gst_vigil_element_get_running_time(GST_ELEMENT(self));
    GST_OBJECT_LOCK(self);
    if (GST_CLOCK_TIME_IS_VALID(now))
        lateness = get_lateness(self, running, now);
    outcome = vigil_frame_gate_decide(&self->config.gate, stream_ns, (gint64)now, lateness);
    *age_ns = lateness > self->config.gate.max_lateness_ns ? 0 : MAX(lateness, 0);
    if (outcome == VIGIL_OUTCOME_SKIPPED_LOAD)
        self->stats.late++;
    GST_OBJECT_UNLOCK(self);
    return outcome;
}

static VigilFrameWish
get_wish(const GstVigilDetect *self, VigilOutcome outcome)
{
    if (outcome == VIGIL_OUTCOME_INFERRED)
        return VIGIL_FRAME_WANTED;
    return self->live && outcome == VIGIL_OUTCOME_SKIPPED_RATE ? VIGIL_FRAME_SPARE
                                                               : VIGIL_FRAME_PASS;
}

/* In a live pipeline frames are pushed by a task, so that one that waits can be left for a fresher one. */
static void
learn_whether_live(GstVigilDetect *self)
{
    const gboolean was_live = self->live;
    VigilStreamOptions options;

    self->live = gst_vigil_pad_is_live(self->sinkpad, &self->latency);
    self->live_known = TRUE;
    GST_OBJECT_LOCK(self);
    options = gst_vigil_detect_get_options(self);
    GST_OBJECT_UNLOCK(self);
    if (was_live && !self->live) {
        vigil_stream_set_flushing(self->stream, TRUE);
        gst_pad_stop_task(self->srcpad);
        vigil_stream_set_flushing(self->stream, FALSE);
    }
    vigil_stream_set_options(self->stream, &options);
    if (self->live)
        gst_pad_start_task(self->srcpad, push_next, self, NULL);
}

static GstFlowReturn
get_flow(GstVigilDetect *self)
{
    GstFlowReturn flow;

    GST_OBJECT_LOCK(self);
    flow = self->flow;
    GST_OBJECT_UNLOCK(self);
    return flow;
}

static GstFlowReturn
put(GstVigilDetect *self, VigilDetectFrame *frame, VigilFrameWish wish, gint64 age_ns)
{
    VigilFrameFate fate;
    VigilFrame *done;

    if (!vigil_stream_put(self->stream, &frame->base, wish,
                          g_get_monotonic_time() * 1000 - age_ns)) {
        const GstFlowReturn flow = get_flow(self);

        return flow == GST_FLOW_OK ? GST_FLOW_FLUSHING : flow;
    }
    if (self->live)
        return GST_FLOW_OK;
    done = vigil_stream_take(self->stream, &fate);
    return done ? push(self, done, fate) : GST_FLOW_FLUSHING;
}

GstFlowReturn
gst_vigil_detect_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(parent);
    const GstFlowReturn flow = get_flow(self);
    VigilDetectFrame *frame;
    gint64 age_ns = 0;

    if (flow != GST_FLOW_OK || GST_VIDEO_INFO_FORMAT(&self->info) == GST_VIDEO_FORMAT_UNKNOWN) {
        gst_buffer_unref(buffer);
        return flow != GST_FLOW_OK ? flow : GST_FLOW_NOT_NEGOTIATED;
    }
    if (!self->live_known)
        learn_whether_live(self);
    frame = take_frame(self->run, &self->info, buffer);
    frame->time_ns = gst_vigil_stream_time(&self->segment, buffer);
    /* a motion gate upstream may have found that there is nothing to look at */
    frame->outcome = gst_vigil_buffer_get_outcome(buffer);
    if (frame->outcome == VIGIL_OUTCOME_INFERRED)
        frame->outcome = decide(self, buffer, &age_ns);
    return put(self, frame, get_wish(self, frame->outcome), age_ns);
}
