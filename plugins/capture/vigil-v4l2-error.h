/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define VIGIL_V4L2_ERROR (vigil_v4l2_error_quark())
GQuark vigil_v4l2_error_quark(void);

/** VigilV4l2Error: by what can be done about it. */
typedef enum {
    VIGIL_V4L2_ERROR_SETTING, /* what was asked for is wrong, and stays so: ask for something else */
    VIGIL_V4L2_ERROR_FORBIDDEN, /* it is not ours to use: somebody must allow it */
    VIGIL_V4L2_ERROR_GONE,      /* no such device now: wait until it comes */
    VIGIL_V4L2_ERROR_DEVICE,    /* the device refuses: try again later */
} VigilV4l2Error;

G_END_DECLS
