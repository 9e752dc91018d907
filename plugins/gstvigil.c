/* SPDX-License-Identifier: Apache-2.0 */
#include <gst/gst.h>

#include "vigil-config.h"

static gboolean
plugin_init(GstPlugin *plugin)
{
    return TRUE;
}

#define PACKAGE "vigil"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, vigil,
                  "Camera detection, event filter and recorder", plugin_init, VIGIL_VERSION,
                  "Apache 2.0", "vigil", "https://vigil.invalid/")
