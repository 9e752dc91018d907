/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** VigilFault: what to do about an error of a camera. */
typedef enum {
    VIGIL_FAULT_SKIP,  /* one frame or one clip is lost: go on */
    VIGIL_FAULT_RETRY, /* the source went away: connect again, soon and for ever */
    VIGIL_FAULT_LATER, /* it does not want us (wrong password): try again, but seldom, or it locks us out */
    VIGIL_FAULT_RESTART, /* something of ours broke: build the camera's pipeline anew */
    VIGIL_FAULT_STOP,    /* it can never work like this: give this camera up and say so */
} VigilFault;

/**
 * vigil_fault_classify:
 * @error: of any domain
 * @live: the source is a camera; what a file lacks does not come back
 */
VigilFault vigil_fault_classify(const GError *error, gboolean live);

G_END_DECLS
