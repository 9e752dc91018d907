/* SPDX-License-Identifier: Apache-2.0 */
#include <gst/gst.h>

#include "plugins/avcodec/gstvigilavdec.h"
#include "plugins/capture/gstvigilv4l2src.h"
#include "plugins/detect/gstvigildetect.h"
#include "plugins/events/gstvigilevents.h"
#include "plugins/idle/gstvigilidle.h"
#include "plugins/jpeg/gstvigiljpegdec.h"
#include "plugins/mask/gstvigilmask.h"
#include "plugins/motion/gstvigilmotion.h"
#include "plugins/overlay/gstvigiloverlay.h"
#include "plugins/record/gstvigilrecord.h"
#include "plugins/rtsp/gstvigilrtspsrc.h"
#include "plugins/track/gstvigiltrack.h"
#include "vigil-config.h"

static gboolean
plugin_init(GstPlugin *plugin)
{
    gboolean ok = TRUE;

    ok &= GST_ELEMENT_REGISTER(vigilavdec, plugin);
    ok &= GST_ELEMENT_REGISTER(vigildetect, plugin);
    ok &= GST_ELEMENT_REGISTER(vigilevents, plugin);
    ok &= GST_ELEMENT_REGISTER(vigilidle, plugin);
    ok &= GST_ELEMENT_REGISTER(vigiljpegdec, plugin);
    ok &= GST_ELEMENT_REGISTER(vigilmask, plugin);
    ok &= GST_ELEMENT_REGISTER(vigilmotion, plugin);
    ok &= GST_ELEMENT_REGISTER(vigilrecord, plugin);
    ok &= GST_ELEMENT_REGISTER(vigilrtspsrc, plugin);
    ok &= GST_ELEMENT_REGISTER(vigiltrack, plugin);
    ok &= GST_ELEMENT_REGISTER(vigiloverlay, plugin);
    ok &= GST_ELEMENT_REGISTER(vigilv4l2src, plugin);
    return ok;
}

#define PACKAGE "vigil"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, vigil,
                  "Camera detection, event filter and recorder", plugin_init, VIGIL_VERSION,
                  "Apache 2.0", "vigil", "https://vigil.invalid/")
