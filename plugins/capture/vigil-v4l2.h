/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plugins/capture/vigil-v4l2-controls.h"
#include "plugins/capture/vigil-v4l2-error.h"
#include "plugins/capture/vigil-v4l2-format.h"
#include "plugins/capture/vigil-v4l2-stream.h"

G_BEGIN_DECLS

/**
 * SECTION:vigil-v4l2
 *
 * Capture from one V4L2 device by mapped buffers: open → set format → controls → start → take, give back, … → close. After an
 * error of the device it is closed and opened anew: what the driver gave before counts no more.
 *
 * Threads: one uses the device; any may give buffers back (vigil_v4l2_stream_give_back()) and read the statistics.
 * No allocation from start to close.
 */
typedef struct VigilV4l2 VigilV4l2;

/** VigilV4l2Card: what the driver says of itself. */
typedef struct {
    gchar driver[32], card[48], bus[48];
} VigilV4l2Card;

/** VigilV4l2Quality: what can be said of a frame without looking at its pixels. */
typedef enum {
    VIGIL_V4L2_GOOD,
    VIGIL_V4L2_CORRUPT,  /* the driver marked it: data were lost on the way */
    VIGIL_V4L2_SHORT,    /* less than a whole frame, or no beginning of a JPEG */
    VIGIL_V4L2_OVERSIZE, /* it claims more than its buffer holds: nothing of it can be used */
} VigilV4l2Quality;

/**
 * VigilV4l2Frame:
 * @index: of its buffer; to be given back
 * @offset: bytes to skip, a plane
 * @size: bytes after these, a plane
 * @time_ns: CLOCK_MONOTONIC, when its first byte came; later than that of the frame before
 * @sequence: the driver's number
 * @lost: frames that the driver dropped just before this one
 * @keyframe: the driver says so
 * @queued: buffers that the driver has left
 */
typedef struct {
    guint index, n_planes;
    gsize offset[VIGIL_V4L2_MAX_PLANES], size[VIGIL_V4L2_MAX_PLANES];
    gint64 time_ns;
    guint32 sequence, lost;
    VigilV4l2Quality quality;
    gboolean keyframe;
    guint queued;
} VigilV4l2Frame;

/** VigilV4l2Stats: since the object was made. @backwards: timestamps not later than the one before; @bad_index: buffers that the driver had not. */
typedef struct {
    guint64 frames, lost, corrupt, too_short, oversize, backwards, bad_index;
} VigilV4l2Stats;

/** vigil_v4l2_new: @system: borrowed, must stay */
VigilV4l2 *vigil_v4l2_new(const VigilV4l2System *system);
void vigil_v4l2_free(VigilV4l2 *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilV4l2, vigil_v4l2_free)

/**
 * vigil_v4l2_open:
 * @path: of the device's node
 *
 * Returns: 0; -errno; -ENOTSUP: no camera that streams (another kind of V4L2 node, or no such at all)
 */
gint vigil_v4l2_open(VigilV4l2 *self, const gchar *path);

/** vigil_v4l2_close: idempotent; stops. Memory of buffers that are not back yet stays until they are. */
void vigil_v4l2_close(VigilV4l2 *self);

/** vigil_v4l2_get_trouble: what the last call that failed was about: "VIDIOC_S_FMT: Device or resource busy". */
const gchar *vigil_v4l2_get_trouble(const VigilV4l2 *self);

const VigilV4l2Card *vigil_v4l2_get_card(const VigilV4l2 *self);
/** vigil_v4l2_get_format: as vigil_v4l2_set_format() left it. */
const VigilV4l2Format *vigil_v4l2_get_format(const VigilV4l2 *self);
VigilV4l2Stats vigil_v4l2_get_stats(VigilV4l2 *self);

/** vigil_v4l2_list_modes: appends to @modes (element-type VigilV4l2Mode). 0 or -errno. */
gint vigil_v4l2_list_modes(VigilV4l2 *self, GArray *modes);

/** vigil_v4l2_list_controls: appends to @controls (element-type VigilV4l2Control). 0 or -errno. */
gint vigil_v4l2_list_controls(VigilV4l2 *self, GArray *controls);

/** vigil_v4l2_describe_control: (transfer full): what it may be, for people, see vigil_v4l2_control_to_string(). */
gchar *vigil_v4l2_describe_control(VigilV4l2 *self, const VigilV4l2Control *control);

/**
 * vigil_v4l2_apply_controls:
 * @settings: (element-type VigilV4l2Setting)
 *
 * Switches and menus first, since they say what of the others counts. Errors: %VIGIL_V4L2_ERROR; the text names control, value
 * and what is allowed. What comes before a mistake is set.
 */
gboolean vigil_v4l2_apply_controls(VigilV4l2 *self, const GPtrArray *settings, GError **error);

/**
 * vigil_v4l2_set_format:
 *
 * Sets size and rate. The driver may give others: see vigil_v4l2_get_format(). Another pixel format than chosen, or
 * frames in two fields, are refused with -EPROTO.
 */
gint vigil_v4l2_set_format(VigilV4l2 *self, const VigilV4l2Choice *choice);

/**
 * vigil_v4l2_start:
 * @n_buffers: 2 to %VIGIL_V4L2_MAX_BUFFERS; the driver may make more or less, at least 2
 * @export: each plane as a DMABUF as well; where the driver cannot, there are none
 *
 * Returns: 0 or -errno: then nothing is left of it
 */
gint vigil_v4l2_start(VigilV4l2 *self, guint n_buffers, gboolean export);

/** vigil_v4l2_get_stream: borrowed: of the last start; %NULL before that and after a close. */
VigilV4l2Stream *vigil_v4l2_get_stream(VigilV4l2 *self);

/**
 * vigil_v4l2_take:
 * @wake_fd: ends the wait when it can be read; -1: none
 * @timeout_ms: for a frame
 * @frame: (out): to be given back, whatever its quality
 *
 * Returns: 0; -ETIMEDOUT; -ECANCELED: woken; -ENODEV and others of vigil_v4l2_is_gone(): the device went; -EPROTO: it gave a buffer
 *   that it had not; others, -EIO among them: start anew
 */
gint vigil_v4l2_take(VigilV4l2 *self, gint wake_fd, gint timeout_ms, VigilV4l2Frame *frame);

G_END_DECLS
