/* SPDX-License-Identifier: Apache-2.0 */
/* What vigilrecord can be told, and what it tells. */
#include "plugins/record/gstvigilrecord-private.h"

/* The longest pre-roll people ask for (10 s), with time for a rule to decide (dwell) and an analysis that lags. */
#define DEFAULT_RING_SECONDS 30
/* 30 s of 16 Mbit/s; what is not needed is not allocated. */
#define DEFAULT_RING_BYTES (G_GUINT64_CONSTANT(64) * 1024 * 1024)
/* More than decoders and small queues hold back. */
#define DEFAULT_MAX_LEAD (2 * GST_SECOND)
/* A parked car must not fill the disk with one file. */
#define DEFAULT_MAX_CLIP (600 * GST_SECOND)

enum {
    PROP_0,
    PROP_DATABASE,
    PROP_LOCATION,
    PROP_STORE,
    PROP_CAMERA,
    PROP_RING_SECONDS,
    PROP_RING_LAG,
    PROP_RING_BYTES,
    PROP_MAX_LEAD,
    PROP_MAX_CLIP,
    PROP_ENCODE_JPEG,
    PROP_SEGMENT,
    PROP_WALL_BASE,
    PROP_STATS,
};

static GstStructure *
make_stats(GstVigilRecord *self)
{
    VigilRecorderStats s = {0};

    if (self->recorder)
        s = vigil_recorder_get_stats(self->recorder);
    return gst_structure_new(
        "vigilrecord-stats", "frames", G_TYPE_UINT64, s.frames, "frames-before-key", G_TYPE_UINT64,
        s.frames_before_key, "frames-lost", G_TYPE_UINT64, s.frames_lost, "frames-held",
        G_TYPE_UINT64, s.frames_held, "holds-given-up", G_TYPE_UINT64, s.holds_given_up,
        "ring-frames", G_TYPE_UINT, s.ring.frames, "ring-bytes", G_TYPE_UINT64,
        (guint64)s.ring.bytes, "ring-dropped-space", G_TYPE_UINT64, s.ring.dropped_space,
        "ring-dropped-size", G_TYPE_UINT64, s.ring.dropped_size, "ring-dropped-no-key",
        G_TYPE_UINT64, s.ring.dropped_no_key, "events-committed", G_TYPE_UINT64, s.events_committed,
        "events-known", G_TYPE_UINT64, s.events_known, "events-failed", G_TYPE_UINT64,
        s.events_failed, "events-dropped", G_TYPE_UINT64, s.events_dropped, "events-without-clip",
        G_TYPE_UINT64, s.events_without_clip, "clips-complete", G_TYPE_UINT64, s.clips_complete,
        "clips-failed", G_TYPE_UINT64, s.clips_failed, "clips-broken", G_TYPE_UINT64,
        s.clips_broken, "clips-cut", G_TYPE_UINT64, s.clips_cut, "clips-continued", G_TYPE_UINT64,
        s.clips_continued, "clips-short", G_TYPE_UINT64, s.clips_short, "clips-without-trigger",
        G_TYPE_UINT64, s.clips_without_trigger, "notes-failed", G_TYPE_UINT64, s.notes_failed,
        "audio-frames", G_TYPE_UINT64, s.audio_frames, "audio-dropped", G_TYPE_UINT64,
        s.audio_dropped, "audio-lost", G_TYPE_UINT64, s.audio_lost, "footage-frames", G_TYPE_UINT64,
        s.footage_frames, "footage-lost", G_TYPE_UINT64, s.footage_lost, "segments-complete",
        G_TYPE_UINT64, s.segments_complete, "segments-failed", G_TYPE_UINT64, s.segments_failed,
        NULL);
}

static void
set_string(gchar **field, const GValue *value)
{
    g_free(*field);
    *field = g_value_dup_string(value);
}

static void
set_store(GstVigilRecord *self, VigilStore *store)
{
    VigilStore *old;

    GST_OBJECT_LOCK(self);
    old = self->given_store;
    self->given_store = store ? vigil_store_ref(store) : NULL;
    GST_OBJECT_UNLOCK(self);
    if (old)
        vigil_store_unref(old);
}

static void
set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(object);

    /* the last reference closes the store, which takes time */
    if (id == PROP_STORE) {
        set_store(self, g_value_get_pointer(value));
        return;
    }
    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_DATABASE: set_string(&self->database, value); break;
    case PROP_LOCATION: set_string(&self->location, value); break;
    case PROP_CAMERA: set_string(&self->camera, value); break;
    case PROP_RING_SECONDS: self->ring_seconds = g_value_get_uint(value); break;
    case PROP_RING_LAG: self->ring_lag = g_value_get_uint(value); break;
    case PROP_RING_BYTES: self->ring_bytes = g_value_get_uint64(value); break;
    case PROP_MAX_LEAD: self->max_lead = g_value_get_uint64(value); break;
    case PROP_MAX_CLIP: self->max_clip = g_value_get_uint64(value); break;
    case PROP_ENCODE_JPEG: self->encode_jpeg = g_value_get_boolean(value); break;
    case PROP_SEGMENT: self->segment = g_value_get_uint64(value); break;
    case PROP_WALL_BASE: self->wall_base_us = g_value_get_int64(value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(object);

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_DATABASE: g_value_set_string(value, self->database); break;
    case PROP_LOCATION: g_value_set_string(value, self->location); break;
    case PROP_STORE: g_value_set_pointer(value, self->given_store); break;
    case PROP_CAMERA: g_value_set_string(value, self->camera); break;
    case PROP_RING_SECONDS: g_value_set_uint(value, self->ring_seconds); break;
    case PROP_RING_LAG: g_value_set_uint(value, self->ring_lag); break;
    case PROP_RING_BYTES: g_value_set_uint64(value, self->ring_bytes); break;
    case PROP_MAX_LEAD: g_value_set_uint64(value, self->max_lead); break;
    case PROP_MAX_CLIP: g_value_set_uint64(value, self->max_clip); break;
    case PROP_ENCODE_JPEG: g_value_set_boolean(value, self->encode_jpeg); break;
    case PROP_SEGMENT: g_value_set_uint64(value, self->segment); break;
    case PROP_WALL_BASE: g_value_set_int64(value, self->wall_base_us); break;
    case PROP_STATS: g_value_take_boxed(value, make_stats(self)); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
install_store_properties(GObjectClass *klass, GParamFlags flags)
{
    g_object_class_install_property(
        klass, PROP_DATABASE,
        g_param_spec_string(
            "database", "Database",
            "File of the events' database; it and its directory are made when missing. "
            "One process may write to it at a time",
            NULL, flags));
    g_object_class_install_property(
        klass, PROP_LOCATION,
        g_param_spec_string(
            "location", "Location",
            "Directory of the clips, made when missing; not set: \"clips\" beside the "
            "database",
            NULL, flags));
    g_object_class_install_property(
        klass, PROP_STORE,
        g_param_spec_pointer("store", "Store",
                             "For programs: a VigilStore that is open for writing, used instead of "
                             "database and location; a reference is taken",
                             flags));
    g_object_class_install_property(
        klass, PROP_CAMERA,
        g_param_spec_string(
            "camera", "Camera",
            "Name of the camera in this element's warnings, and of what is recorded continuously; "
            "events carry their own. Not set: the element's name",
            NULL, flags));
}

static void
install_segment_properties(GObjectClass *klass, GParamFlags flags)
{
    g_object_class_install_property(
        klass, PROP_SEGMENT,
        g_param_spec_uint64(
            "segment", "Segment",
            "Records all video, whether there are events or not, in files of this length in ns, "
            "each up to the next keyframe; 0: only clips of events",
            0, 24 * 3600 * GST_SECOND, 0, flags));
    g_object_class_install_property(
        klass, PROP_WALL_BASE,
        g_param_spec_int64("wall-base", "Wall base",
                           "Wall time of stream time 0 in µs since 1970, by which segments are "
                           "dated; -1: from the clock (live) or the stream's date",
                           -1, G_MAXINT64, -1, flags));
}

static void
install_limit_properties(GObjectClass *klass, GParamFlags flags)
{
    g_object_class_install_property(
        klass, PROP_RING_SECONDS,
        g_param_spec_uint(
            "ring-seconds", "Ring seconds",
            "Seconds of video kept at most for pre-rolls before the frame that the analysis is "
            "at, beside a group of pictures; less where vigilevents says that less is of use: at "
            "least the "
            "longest pre-roll plus the time that a rule takes to decide (dwell; end_after where "
            "something is removed). ring-bytes may hold less",
            1, 3600, DEFAULT_RING_SECONDS, flags));
    g_object_class_install_property(
        klass, PROP_RING_LAG,
        g_param_spec_uint("ring-lag", "Ring lag",
                          "Seconds that the analysis of live video may be late by: the ring "
                          "reaches back for ring-seconds from where it is, and does not wait for "
                          "it any longer. 0: as ring-seconds",
                          0, 3600, 0, flags));
    g_object_class_install_property(
        klass, PROP_RING_BYTES,
        g_param_spec_uint64(
            "ring-bytes", "Ring bytes",
            "Most bytes of video kept for pre-rolls, of which sound, if any is recorded, has an "
            "eighth; the oldest goes first. Memory is taken as the stream needs it",
            64 * 1024, G_GUINT64_CONSTANT(4) << 30, DEFAULT_RING_BYTES, flags));
    g_object_class_install_property(
        klass, PROP_MAX_LEAD,
        g_param_spec_uint64(
            "max-lead", "Max lead",
            "How far video may be ahead of the analysis in ns, before it waits; 64 frames "
            "always may, since decoders hold frames back. Live pipelines never wait",
            0, G_MAXINT64, DEFAULT_MAX_LEAD, flags));
    g_object_class_install_property(
        klass, PROP_MAX_CLIP,
        g_param_spec_uint64(
            "max-clip", "Max clip",
            "Longest clip in ns; an event that lasts longer goes on in another one, which "
            "begins with the keyframe before",
            GST_SECOND, G_MAXINT64 / 2, DEFAULT_MAX_CLIP, flags));
    g_object_class_install_property(
        klass, PROP_ENCODE_JPEG,
        g_param_spec_boolean(
            "encode-jpeg", "Encode JPEG",
            "Clips of Motion JPEG are encoded to H.264, with the best encoder that is there, while "
            "they are written; "
            "FALSE, and where there is no encoder: the frames are kept as they come",
            FALSE, flags));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed(
            "stats", "Statistics",
            "What was recorded and what was not, counted since the element started: frames, "
            "ring, events, clips",
            GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

void
gst_vigil_record_install_properties(GObjectClass *klass)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

    klass->set_property = set_property;
    klass->get_property = get_property;
    install_store_properties(klass, flags);
    install_limit_properties(klass, flags);
    install_segment_properties(klass, flags);
}

void
gst_vigil_record_init_properties(GstVigilRecord *self)
{
    self->ring_seconds = DEFAULT_RING_SECONDS;
    self->ring_bytes = DEFAULT_RING_BYTES;
    self->max_lead = DEFAULT_MAX_LEAD;
    self->max_clip = DEFAULT_MAX_CLIP;
    self->wall_base_us = -1;
}

void
gst_vigil_record_clear_properties(GstVigilRecord *self)
{
    g_free(self->database);
    g_free(self->location);
    g_free(self->camera);
    g_clear_pointer(&self->given_store, vigil_store_unref);
}
