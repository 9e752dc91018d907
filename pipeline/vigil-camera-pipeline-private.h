/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-detector.h"
#include "pipeline/vigil-camera-pipeline.h"
#include "pipeline/vigil-file-times.h"
#include "pipeline/vigil-redact.h"
#include "plugins/decode/vigil-decoder-choice.h"

G_BEGIN_DECLS

typedef struct VigilPadTimes VigilPadTimes;

struct VigilCameraPipeline {
    const VigilCameraSettings *settings;
    VigilDecoderFailures *failures; /* (nullable) */
    gboolean live, realtime;
    VigilRedactHold *hold; /* (nullable): secrets that are in files */

    VigilDetector *detector; /* until the start: later only the element holds it */
    GstElement *pipeline;    /* owns all others */
    GstElement *entry;       /* where encoded video goes in: the tee, or what paces it */
    GstElement *tee;
    GstElement
        *detect_tee; /* frames for the detector where they are another stream's; otherwise NULL */
    GstElement *frame_queue; /* decoded frames for the detector */
    GstElement *record;
    GstPad *audio; /* (nullable): the recorder's, for sound */

    GMutex lock;
    gboolean linked;       /* a video stream was taken */
    GString *others;       /* streams that were not, for the message when there is no video */
    guint64 frames;        /* as the next three: counted at the tee */
    gint decoded;          /* atomic */
    gint64 last_frame_us;  /* monotonic; the start to begin with */
    gint64 last_detect_us; /* the latest at detect_tee; 0: none yet */
    gint64 last_pts_ns;
    gint64 file_ns;     /* the latest time in a file, as it says */
    gint64 duration_ns; /* what a file claims; 0: nothing */
    gchar *end_problem; /* (nullable): why it ends before the file does */
    gboolean measured;  /* that is found by looking at its end */
    VigilFileTimes *times;
    VigilPadTimes *pad_times[VIGIL_FILE_TIMES_STREAMS]; /* (nullable) */
    VigilCodec codec,
        next_codec; /* of the video in use, and of the next; demuxer's thread, as the next two */
    GstPad *next_video; /* (nullable): goes on where the video in use ends */
    gboolean all_known; /* streams that come from now on come in the middle of the file */
};

/* vigil-camera-model.c */

/** vigil_camera_get_thresholds: (out): what may begin a track, and what is attached to carry one on. */
void vigil_camera_get_thresholds(const VigilCameraSettings *settings,
                                 const VigilModelSettings *model, gdouble *strong, gdouble *weak);
/** vigil_camera_pipeline_first_model: borrowed: that a new pipeline begins with. */
const VigilModelSettings *vigil_camera_pipeline_first_model(const VigilCameraPipeline *self);
/** vigil_camera_pipeline_make_detect: (transfer floating) (nullable): vigildetect for it. */
GstElement *vigil_camera_pipeline_make_detect(VigilCameraPipeline *self, GError **error);

/* vigil-camera-decoder.c */

/**
 * vigil_camera_pipeline_make_decoder:
 *
 * Returns: (transfer floating) (nullable): what decodes for the detector: the best there is for the camera, and others in its place
 *   when it fails
 */
GstElement *
vigil_camera_pipeline_make_decoder(VigilCameraPipeline *self, VigilCodec codec, GError **error);

/** vigil_camera_pipeline_add: (transfer floating) @element: %FALSE when it is %NULL, @error being set already. */
gboolean vigil_camera_pipeline_add(VigilCameraPipeline *self, GstElement *element);

/** vigil_camera_pipeline_get_held_ns: how far decoding may be behind while nothing moves, in ns; 0 without vigilidle. */
gint64 vigil_camera_pipeline_get_held_ns(const VigilCameraPipeline *self);

/**
 * vigil_camera_pipeline_add_idle:
 * @before: linked to it; gives coded frames to be decoded
 *
 * Returns: (nullable): what the decoder is linked to: vigilidle, or @before where each frame is decoded
 */
GstElement *
vigil_camera_pipeline_add_idle(VigilCameraPipeline *self, GstElement *before, GError **error);

/** vigil_camera_pipeline_add_source: the elements up to where the stream says what it is. */
gboolean vigil_camera_pipeline_add_source(VigilCameraPipeline *self, GError **error);

/** vigil_camera_pipeline_take_detect: the same for the stream that only the detector sees. */
void vigil_camera_pipeline_take_detect(VigilCameraPipeline *self, GstPad *pad, const GstCaps *caps);

/* vigil-camera-rtsp.c */

gboolean vigil_camera_pipeline_add_rtsp(VigilCameraPipeline *self, GError **error);

/**
 * vigil_camera_pipeline_take_video:
 * @pad: gives H.264, H.265 or JPEG as its @caps say; a second one is left alone
 *
 * Puts in parser and decoder and links the stream to the tee. Streaming thread; trouble is posted on the bus.
 */
void vigil_camera_pipeline_take_video(VigilCameraPipeline *self, GstPad *pad, const GstCaps *caps);

/**
 * vigil_camera_pipeline_take_raw:
 *
 * The same for a source of raw frames: puts in an encoder. On the thread of the source; trouble comes back.
 */
gboolean
vigil_camera_pipeline_take_raw(VigilCameraPipeline *self, GstElement *source, GError **error);

/* vigil-camera-audio.c */

/** vigil_camera_pipeline_records_audio: whether clips are to have sound. */
gboolean vigil_camera_pipeline_records_audio(const VigilCameraPipeline *self);
/** vigil_camera_pipeline_expect_audio: the recorder, which does not run yet, is to get sound, if it is wanted. */
gboolean vigil_camera_pipeline_expect_audio(VigilCameraPipeline *self);
/**
 * vigil_camera_pipeline_take_audio: of a file.
 * Returns: FALSE when @caps are not those of sound that is wanted and can be taken
 */
gboolean
vigil_camera_pipeline_take_audio(VigilCameraPipeline *self, GstPad *pad, const GstCaps *caps);
/** vigil_camera_pipeline_no_more_audio: all streams of a file are known. */
void vigil_camera_pipeline_no_more_audio(VigilCameraPipeline *self);
/** vigil_camera_pipeline_add_rtsp_audio: @source: vigilrtspsrc that gives what is recorded */
void vigil_camera_pipeline_add_rtsp_audio(VigilCameraPipeline *self, GstElement *source);

/* vigil-camera-times.c */

/**
 * vigil_camera_pipeline_follow_times:
 * @pad: of the demuxer of a file, before anything else looks at what it gives
 * @stream: 0: pictures, 1: sound
 *
 * Its frames go on in time where the times in the file jump: back by more than a second, or, at the speed of time, forward by more than
 * a minute. The log says so.
 */
void vigil_camera_pipeline_follow_times(VigilCameraPipeline *self, GstPad *pad, guint stream);
/** vigil_camera_pipeline_note_position: a frame of a file has this time in it. */
void vigil_camera_pipeline_note_position(VigilCameraPipeline *self, GstClockTime time);

/* vigil-camera-splice.c */

/**
 * vigil_camera_pipeline_watch_end:
 * @pad: of the demuxer of a file; is linked, or will be
 *
 * When its stream ends, the video that vigil_camera_pipeline_expect_next() was told of takes its place.
 */
void vigil_camera_pipeline_watch_end(VigilCameraPipeline *self, GstPad *pad);
/** vigil_camera_pipeline_expect_next: @pad: another video of the file, besides the one in use. Demuxer's thread. */
void vigil_camera_pipeline_expect_next(VigilCameraPipeline *self, GstPad *pad, VigilCodec codec);

/* vigil-camera-mask.c */

/** vigil_camera_pipeline_records_masked: whether clips are made of frames that are masked and encoded anew, all of which must be decoded for it. */
gboolean vigil_camera_pipeline_records_masked(const VigilCameraPipeline *self);
/**
 * vigil_camera_pipeline_link_frames:
 * @convert: gives decoded frames
 *
 * Links it to the queue of the detector, by way of the masks, if there are any: behind these the recorder gets its frames.
 */
gboolean
vigil_camera_pipeline_link_frames(VigilCameraPipeline *self, GstElement *convert, GError **error);

/* vigil-camera-encoder.c */

/**
 * vigil_camera_pipeline_add_encoder: (transfer none) (nullable): what takes raw frames, encodes them as H.264 with the best encoder that
 * is there, a keyframe every 2 s at least, and gives them to the recorder. In a live pipeline it never blocks: what the encoder does not
 * take in time is left out.
 */
GstElement *vigil_camera_pipeline_add_encoder(VigilCameraPipeline *self, GError **error);

/** vigil_camera_pipeline_note_other: remembers a stream that is of no use. */
void vigil_camera_pipeline_note_other(VigilCameraPipeline *self, const GstCaps *caps);

/** vigil_camera_pipeline_no_more_streams: posts an error when no video was among them. */
void vigil_camera_pipeline_no_more_streams(VigilCameraPipeline *self);

/** vigil_camera_pipeline_post: an error of the whole pipeline, with one text for people. */
void vigil_camera_pipeline_post(VigilCameraPipeline *self, GQuark domain, gint code,
                                const gchar *format, ...) G_GNUC_PRINTF(4, 5);

G_END_DECLS
