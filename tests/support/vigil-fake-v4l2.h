/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plugins/capture/vigil-v4l2-format.h"

G_BEGIN_DECLS

/**
 * VigilFakeV4l2:
 *
 * A machine with cameras that do what they are told: its kernel answers as the V4L2 specification says, from a description of
 * each camera, and goes wrong where it is told to. sysfs is a real folder.
 *
 * Time is a number that goes on by a frame whenever somebody waits for one, or the real one, see @real_time of
 * vigil_fake_v4l2_new(). Threads: any.
 */
typedef struct VigilFakeV4l2 VigilFakeV4l2;

/** VigilFakeFrame: how the next frame differs from a good one. */
typedef struct {
    gint64 size;      /* bytes that it claims to have; 0: as many as a good one */
    gboolean empty;   /* none */
    guint32 flags;    /* V4L2_BUF_FLAG_…, beside that of the clock */
    guint32 skip;     /* numbers that were dropped before it */
    gint64 back_ns;   /* its time is so much earlier */
    gboolean garbage; /* does not begin as a JPEG does */
    gboolean wrong_index;
    gint error; /* errno of VIDIOC_DQBUF in its place */
} VigilFakeFrame;

/** VigilFakeControl: @items: (nullable): of a menu, @max + 1 of them, of which some may be %NULL */
typedef struct {
    guint32 id, type, flags;
    const gchar *name;
    gint32 min, max, step, standard;
    const gchar *const *items;
} VigilFakeControl;

/**
 * VigilFakeCamera:
 * @serial: (nullable): of USB
 * @port: USB port, "1.2"
 * @index: of the node among those of the hardware
 * @modes: what VIDIOC_ENUM_* say; sizes are those of the last when the driver is @mute
 * @mute: lists formats but no sizes
 * @no_capture: the node is of another kind (metadata)
 * @forbidden: the node is not ours to open
 * @forced_width: VIDIOC_S_FMT gives this, whatever is asked; 0: what is asked
 * @padding: bytes that are added to each row
 */
typedef struct {
    const gchar *card, *serial, *port;
    guint index;
    const VigilV4l2Mode *modes;
    guint n_modes;
    const VigilFakeControl *controls;
    guint n_controls;
    gboolean multiplanar, mute, no_capture, forbidden, no_export, no_rate, monotonic_unknown;
    guint forced_width, padding, max_buffers;
    guint32 forced_fourcc, forced_field;
} VigilFakeCamera;

/** VigilFakeCounts: what is to be even at the end. */
typedef struct {
    guint calls;                   /* of anything that may fail */
    guint files, mappings, memory; /* open descriptors, mapped planes, and planes that exist */
    guint opens;
} VigilFakeCounts;

/** vigil_fake_v4l2_new: @real_time: the clock is the machine's, and frames come every 2 ms */
VigilFakeV4l2 *vigil_fake_v4l2_new(gboolean real_time);
/** vigil_fake_v4l2_free: returns what was left open or mapped. */
VigilFakeCounts vigil_fake_v4l2_free(VigilFakeV4l2 *self);

const VigilV4l2System *vigil_fake_v4l2_get_system(const VigilFakeV4l2 *self);
VigilFakeCounts vigil_fake_v4l2_get_counts(VigilFakeV4l2 *self);

/** vigil_fake_v4l2_plug: as /dev/video@number; @camera: copied; modes and controls must stay */
void vigil_fake_v4l2_plug(VigilFakeV4l2 *self, guint number, const VigilFakeCamera *camera);
/** vigil_fake_v4l2_unplug: who has it open hears ENODEV from then on. */
void vigil_fake_v4l2_unplug(VigilFakeV4l2 *self, guint number);

/** vigil_fake_v4l2_script: @frames: borrowed: the next ones; good ones follow */
void vigil_fake_v4l2_script(VigilFakeV4l2 *self, guint number, const VigilFakeFrame *frames,
                            guint n_frames);
/** vigil_fake_v4l2_hush: no frame comes any more, until %FALSE is said. */
void vigil_fake_v4l2_hush(VigilFakeV4l2 *self, guint number, gboolean silent);

/**
 * vigil_fake_v4l2_fail:
 * @call: the n-th from now on, 1 is the next; 0: none
 * @error: errno; with ENODEV the camera is unplugged by it
 */
void vigil_fake_v4l2_fail(VigilFakeV4l2 *self, guint call, gint error);

gint32 vigil_fake_v4l2_get_control(VigilFakeV4l2 *self, guint number, guint32 id);

G_END_DECLS
