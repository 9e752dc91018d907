/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plugins/rtsp/gstvigilrtspsession.h"

G_BEGIN_DECLS

/** GstVigilRtspSequence: the packets of a stream, by their numbers; zeroed: none came. */
typedef struct {
    gboolean begun;
    guint16 last;
    guint32 ssrc;
    guint64 packets, lost;
} GstVigilRtspSequence;

/** gst_vigil_rtsp_sequence_note: @header: of a packet */
void gst_vigil_rtsp_sequence_note(GstVigilRtspSequence *self, const guint8 *header);

/** GstVigilRtspSessionAudio: the camera's sound; under the session's lock, but @next_ns, which is its streaming thread's. */
typedef struct {
    gboolean wanted, chosen;
    VigilRtspTimeline *timeline; /* NULL: none yet */
    GstVigilRtspSequence sequence;
    GstElement *bin; /* (nullable): its elements; borrowed */
    GString *others; /* sound that is of no use */
    gint64 next_ns;  /* when the next frame begins, if it does not say so itself */
} GstVigilRtspSessionAudio;

struct GstVigilRtspSession {
    GstElement *pipeline;
    GstElement *source; /* within it */
    GstClock *clock;
    GstClockTime base_time;
    GstVigilRtspSessionFuncs funcs;
    gpointer user_data;

    GMutex lock;
    VigilRtspSync *sync;
    VigilRtspTimeline *timeline; /* NULL: no video yet */
    GObject *manager;            /* rtpbin */
    GString *others;             /* streams that are of no use */
    gboolean linked, lost;
    GstVigilRtspSequence sequence;
    GstVigilRtspSessionAudio audio;
    GstCaps *unix_caps;
};

#define VIGIL_RTP_HEADER_BYTES 12

/** GstVigilRtspNoteFunc: (lock held) @header: of a packet that came at @now_ns. Returns: when its frame was taken */
typedef gint64 (*GstVigilRtspNoteFunc)(GstVigilRtspSession *self, const guint8 *header,
                                       gint64 now_ns);

/** gst_vigil_rtsp_session_stamp: the packets that the probe stands at, one or a list, get the times that @note finds. */
void gst_vigil_rtsp_session_stamp(GstVigilRtspSession *self, GstPadProbeInfo *info,
                                  GstVigilRtspNoteFunc note);

/** gst_vigil_rtsp_session_replace_segment: probe: times are ours, so the server's idea of where in a recording they are would only cut them off. */
GstPadProbeReturn
gst_vigil_rtsp_session_replace_segment(GstPad *pad, GstPadProbeInfo *info, gpointer user_data);

/* gstvigilrtspsession-audio.c */

/** gst_vigil_rtsp_session_choose_audio: whether the stream is the sound that is taken. */
gboolean gst_vigil_rtsp_session_choose_audio(GstVigilRtspSession *self, const GstStructure *stream);
/** gst_vigil_rtsp_session_is_audio: what rtspsrc or an element of the sound's chain gives. */
gboolean gst_vigil_rtsp_session_is_audio(const GstStructure *stream);
/** gst_vigil_rtsp_session_take_audio: puts the chain for it behind @pad. What fails is told, and the video goes on. */
void gst_vigil_rtsp_session_take_audio(GstVigilRtspSession *self, GstPad *pad,
                                       const GstStructure *stream);
/** gst_vigil_rtsp_session_tell_audio: all streams are known: says so where the sound that was asked for is not among them. */
void gst_vigil_rtsp_session_tell_audio(GstVigilRtspSession *self);

G_END_DECLS
