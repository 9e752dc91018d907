/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plugins/capture/vigil-v4l2-system.h"

G_BEGIN_DECLS

#define VIGIL_V4L2_MAX_PLANES 4
#define VIGIL_V4L2_MAX_RATES 32
/* A larger width or height is no camera's. */
#define VIGIL_V4L2_LARGEST 32768

/** VigilV4l2Kind: families of pixel formats, which branches of a pipeline ask for. */
typedef enum {
    VIGIL_V4L2_OTHER, /* nothing that anyone here can use */
    VIGIL_V4L2_H264,
    VIGIL_V4L2_H265,
    VIGIL_V4L2_MJPEG,
    VIGIL_V4L2_RAW,
    VIGIL_V4L2_N_KINDS,
} VigilV4l2Kind;

/** VigilV4l2Rate: frames a second, @n / @d; @d is 0 where nobody knows. */
typedef struct {
    guint32 n, d;
} VigilV4l2Rate;

/**
 * VigilV4l2Mode:
 * @fourcc: V4L2_PIX_FMT_…
 * @min_width: pixels; as @max_width for one size
 * @step_width: from one width to the next; at least 1
 * @any_rate: every rate from the first (slowest) to the second (fastest) of @rates, not only these
 * @n_rates: 0: the driver does not say
 *
 * One size, or one range of sizes, of one format.
 */
typedef struct {
    guint32 fourcc;
    guint min_width, max_width, step_width;
    guint min_height, max_height, step_height;
    gboolean any_rate;
    guint n_rates;
    VigilV4l2Rate rates[VIGIL_V4L2_MAX_RATES];
} VigilV4l2Mode;

/**
 * VigilV4l2Want:
 * @kinds: in the order of preference
 * @width: 0: as the kind has it: 1920x1080 for encoded video, 1280x720 for raw frames (what USB 2 carries)
 * @fps: 0: 30
 */
typedef struct {
    VigilV4l2Kind kinds[VIGIL_V4L2_N_KINDS];
    guint n_kinds;
    guint width, height;
    gdouble fps;
} VigilV4l2Want;

/** VigilV4l2Choice: @exact: size and rate are what was asked for, as far as something was. */
typedef struct {
    guint32 fourcc;
    guint width, height;
    VigilV4l2Rate rate;
    gboolean exact;
} VigilV4l2Choice;

/**
 * VigilV4l2Format:
 * @n_planes: pieces of memory of one frame
 * @stride: bytes from one row to the next, 0 for encoded video
 * @size: bytes that the driver reserves for the plane
 * @least: fewer bytes are no whole frame
 * @field: V4L2_FIELD_…
 *
 * What the driver gave.
 */
typedef struct {
    guint32 fourcc;
    guint width, height;
    VigilV4l2Rate rate;
    guint n_planes;
    guint stride[VIGIL_V4L2_MAX_PLANES];
    guint size[VIGIL_V4L2_MAX_PLANES];
    guint least[VIGIL_V4L2_MAX_PLANES];
    guint32 field, colorspace, ycbcr_enc, quantization, xfer_func;
} VigilV4l2Format;

VigilV4l2Kind vigil_v4l2_kind_of(guint32 fourcc);
/** vigil_v4l2_kind_to_string: "h264", "h265", "mjpeg", "raw", "other". */
const gchar *vigil_v4l2_kind_to_string(VigilV4l2Kind kind);

/**
 * vigil_v4l2_want_set_kinds:
 * @text: names as above in the order of preference, with commas between them; "auto": h264,h265,mjpeg,raw
 */
gboolean vigil_v4l2_want_set_kinds(VigilV4l2Want *self, const gchar *text, GError **error);

/** vigil_v4l2_fourcc_to_string: @text: of at least 8 bytes. Returns: @text */
const gchar *vigil_v4l2_fourcc_to_string(guint32 fourcc, gchar *text);

gdouble vigil_v4l2_rate_to_fps(VigilV4l2Rate rate);

/**
 * vigil_v4l2_choose:
 * @choice: (out)
 *
 * The first wanted kind that is among @modes decides; of its sizes and rates the nearest is taken, by the logarithms of
 * their ratios to what is wanted: of the area, twice of the aspect, and half of the rate, where too slow counts and too fast
 * only a little. Of equals the format that costs least to look at (NV12, I420, …), then the first.
 *
 * Returns: %FALSE when there is none of the wanted kinds
 * Threads: re-entrant; no input or output.
 */
gboolean vigil_v4l2_choose(const VigilV4l2Mode *modes, guint n_modes, const VigilV4l2Want *want,
                           VigilV4l2Choice *choice);

/**
 * vigil_v4l2_format_compute_least:
 *
 * Fills in @least of a format from its size and strides: what a whole raw frame has; for JPEG, what its headers alone take;
 * 1 for other encoded video.
 */
void vigil_v4l2_format_compute_least(VigilV4l2Format *self);

/** vigil_v4l2_format_to_string: (transfer full): "MJPG 1280x720 at 30 frames a second". */
gchar *vigil_v4l2_format_to_string(const VigilV4l2Format *self);

/** vigil_v4l2_read_modes: of an open device; appends to @modes (element-type VigilV4l2Mode). 0 or -errno. */
gint
vigil_v4l2_read_modes(const VigilV4l2System *system, gint fd, guint32 buffer_type, GArray *modes);

G_END_DECLS
