/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plugins/record/gstvigilrecord.h"
#include "plugins/record/vigil-recorder.h"
#include "storage/vigil-store.h"

G_BEGIN_DECLS

typedef struct {
    GstPad *pad;
    GstSegment segment; /* its streaming thread */
    gboolean flushing;  /* state_lock */
} RecordPad;

struct _GstVigilRecord {
    GstElement parent;
    RecordPad video, events;
    RecordPad
        audio; /* its pad: (nullable): requested and released below PAUSED, released above, too */

    /* object lock */
    gchar *database, *location;
    gchar *camera;
    VigilStore *given_store;
    guint ring_seconds, ring_lag;
    guint64 ring_bytes, max_lead, max_clip;
    gboolean encode_jpeg;
    guint64 segment;     /* ns; 0: no continuous recording */
    gint64 wall_base_us; /* -1: find out */

    VigilStore *store; /* READY and above */
    /* PAUSED and above; set and cleared while no pad is active, and under object lock */
    VigilRecorder *recorder;
    gboolean live_known,
        has_caps;            /* video's streaming thread; the events' where there is no video */
    gint live;               /* atomic */
    gint64 last_pts_ns;      /* video's streaming thread */
    gboolean has_audio_caps; /* the audio's */
    gint64 tag_wall_us;      /* video's streaming thread; -1: no date in the tags */
    guint32 eos_seqnum;

    GMutex state_lock;
    GCond state_cond;
    /* under state_lock */
    gboolean playing, stopping;
    gboolean async;       /* the first data make the change to PAUSED complete */
    gboolean eos_pending; /* all is done, but EOS is only told in PLAYING */

    /* recorder's thread */
    gint64 last_warning_us[2];
    gboolean disk_failed; /* and it was said */
};

/** gst_vigil_record_note_wall_base: of a keyframe: what a segment that begins with it is dated by. Video's streaming thread. */
void gst_vigil_record_note_wall_base(GstVigilRecord *self, GstBuffer *buffer,
                                     const VigilRingFrame *frame);
/** gst_vigil_record_install_properties: and the functions that set and get them. */
void gst_vigil_record_install_properties(GObjectClass *klass);
/** gst_vigil_record_init_properties: to their defaults. */
void gst_vigil_record_init_properties(GstVigilRecord *self);
void gst_vigil_record_clear_properties(GstVigilRecord *self);

/** gst_vigil_record_wait_for_playing: as every sink, it takes data in PLAYING only. */
GstFlowReturn gst_vigil_record_wait_for_playing(GstVigilRecord *self, RecordPad *pad);
/** gst_vigil_record_to_stream_time: Returns: %VIGIL_RING_TIME_NONE for no time */
gint64 gst_vigil_record_to_stream_time(const GstSegment *segment, GstClockTime time);
gboolean gst_vigil_record_event(GstPad *gstpad, GstObject *parent, GstEvent *event);

/* gstvigilrecord-audio.c */

/** gst_vigil_record_install_audio: the pad for sound. */
void gst_vigil_record_install_audio(GstElementClass *klass);

G_END_DECLS
