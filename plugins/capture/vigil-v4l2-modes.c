/* SPDX-License-Identifier: Apache-2.0 */
/* What a device says of its formats, sizes and rates. Drivers say much and not all of it is right: everything is bounded. */
#include <errno.h>
#include <linux/videodev2.h>
#include <string.h>

#include "plugins/capture/vigil-v4l2-format.h"

/* A driver that never ends its list is not asked for ever. */
#define MOST_FORMATS 128
#define MOST_SIZES 256

typedef struct {
    const VigilV4l2System *system;
    gint fd;
    guint32 buffer_type;
    GArray *modes;
} Reader;

/* From the time between frames, which the driver gives. */
static gboolean
take_rate(VigilV4l2Mode *mode, struct v4l2_fract interval)
{
    if (interval.numerator == 0 || interval.denominator == 0 ||
        mode->n_rates == G_N_ELEMENTS(mode->rates))
        return FALSE;
    mode->rates[mode->n_rates++] = (VigilV4l2Rate){interval.denominator, interval.numerator};
    return TRUE;
}

static gint
read_rates(const Reader *self, VigilV4l2Mode *mode)
{
    for (guint i = 0; i < VIGIL_V4L2_MAX_RATES; i++) {
        struct v4l2_frmivalenum request = {.index = i,
                                           .pixel_format = mode->fourcc,
                                           .width = mode->max_width,
                                           .height = mode->max_height};
        const gint result =
            vigil_v4l2_ioctl(self->system, self->fd, VIDIOC_ENUM_FRAMEINTERVALS, &request);

        if (result < 0)
            return vigil_v4l2_is_gone(result) ? result : 0;
        if (request.type == V4L2_FRMIVAL_TYPE_DISCRETE) {
            take_rate(mode, request.discrete);
            continue;
        }
        mode->any_rate = take_rate(mode, request.stepwise.max) &&
                         take_rate(mode, request.stepwise.min) && mode->n_rates == 2;
        return 0;
    }
    return 0;
}

static gint
add_mode(const Reader *self, VigilV4l2Mode *mode)
{
    const gint result = read_rates(self, mode);

    if (mode->min_width == 0 || mode->min_height == 0 || mode->min_width > mode->max_width ||
        mode->min_height > mode->max_height)
        return result;
    mode->max_width = MIN(mode->max_width, VIGIL_V4L2_LARGEST);
    mode->max_height = MIN(mode->max_height, VIGIL_V4L2_LARGEST);
    mode->step_width = MAX(mode->step_width, 1);
    mode->step_height = MAX(mode->step_height, 1);
    if (mode->min_width <= VIGIL_V4L2_LARGEST && mode->min_height <= VIGIL_V4L2_LARGEST)
        g_array_append_val(self->modes, *mode);
    return result;
}

static gint
try_size(const Reader *self, guint32 fourcc, guint side, guint *width, guint *height)
{
    struct v4l2_format format = {.type = self->buffer_type};
    gint result;

    if (V4L2_TYPE_IS_MULTIPLANAR(self->buffer_type)) {
        format.fmt.pix_mp.pixelformat = fourcc;
        format.fmt.pix_mp.width = format.fmt.pix_mp.height = side;
    } else {
        format.fmt.pix.pixelformat = fourcc;
        format.fmt.pix.width = format.fmt.pix.height = side;
    }
    result = vigil_v4l2_ioctl(self->system, self->fd, VIDIOC_TRY_FMT, &format);
    if (V4L2_TYPE_IS_MULTIPLANAR(self->buffer_type)) {
        *width = format.fmt.pix_mp.width;
        *height = format.fmt.pix_mp.height;
    } else {
        *width = format.fmt.pix.width;
        *height = format.fmt.pix.height;
    }
    return result;
}

/* A driver that lists no sizes still says which it would give for the smallest and the largest. */
static gint
read_unlisted(const Reader *self, guint32 fourcc)
{
    VigilV4l2Mode mode = {.fourcc = fourcc, .step_width = 2, .step_height = 2};
    gint result = try_size(self, fourcc, 1, &mode.min_width, &mode.min_height);

    if (result == 0)
        result = try_size(self, fourcc, VIGIL_V4L2_LARGEST, &mode.max_width, &mode.max_height);
    if (result < 0)
        return vigil_v4l2_is_gone(result) ? result : 0;
    return add_mode(self, &mode);
}

static gint
read_sizes(const Reader *self, guint32 fourcc)
{
    for (guint i = 0; i < MOST_SIZES; i++) {
        struct v4l2_frmsizeenum request = {.index = i, .pixel_format = fourcc};
        VigilV4l2Mode mode = {.fourcc = fourcc};
        gint result = vigil_v4l2_ioctl(self->system, self->fd, VIDIOC_ENUM_FRAMESIZES, &request);

        if (vigil_v4l2_is_gone(result))
            return result;
        if (result < 0)
            return i == 0 ? read_unlisted(self, fourcc) : 0;
        if (request.type == V4L2_FRMSIZE_TYPE_DISCRETE) {
            mode.min_width = mode.max_width = request.discrete.width;
            mode.min_height = mode.max_height = request.discrete.height;
        } else {
            mode.min_width = request.stepwise.min_width;
            mode.max_width = request.stepwise.max_width;
            mode.step_width = request.stepwise.step_width;
            mode.min_height = request.stepwise.min_height;
            mode.max_height = request.stepwise.max_height;
            mode.step_height = request.stepwise.step_height;
        }
        result = add_mode(self, &mode);
        if (result < 0 || request.type != V4L2_FRMSIZE_TYPE_DISCRETE)
            return result;
    }
    return 0;
}

gint
vigil_v4l2_read_modes(const VigilV4l2System *system, gint fd, guint32 buffer_type, GArray *modes)
{
    const Reader self = {system, fd, buffer_type, modes};

    for (guint i = 0; i < MOST_FORMATS; i++) {
        struct v4l2_fmtdesc request = {.index = i, .type = buffer_type};
        gint result = vigil_v4l2_ioctl(system, fd, VIDIOC_ENUM_FMT, &request);

        if (result < 0)
            return result == -EINVAL ? 0 : result;
        result = read_sizes(&self, request.pixelformat);
        if (result < 0)
            return result;
    }
    return 0;
}
