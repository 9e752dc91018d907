/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plugins/capture/vigil-v4l2-system.h"

G_BEGIN_DECLS

/** VigilV4l2IdentityKind: what a camera is known by. */
typedef enum {
    VIGIL_V4L2_BY_NODE, /* /dev/videoN, or a link to it: another camera after it is plugged in anew, perhaps */
    VIGIL_V4L2_BY_SERIAL, /* its USB serial number, wherever it is plugged in */
    VIGIL_V4L2_BY_PATH,   /* where it is plugged in, as udev's ID_PATH says it */
} VigilV4l2IdentityKind;

/**
 * VigilV4l2Identity:
 * @value: absolute path, serial number, or path of the port
 * @index: of the node among those of the camera, as in "…-video-index1"; -1: the first that captures
 */
typedef struct {
    VigilV4l2IdentityKind kind;
    gchar *value;
    gint index;
} VigilV4l2Identity;

/**
 * vigil_v4l2_identity_parse:
 * @text: "/dev/video0", "serial=1A2B3C", "path=pci-0000:00:14.0-usb-0:1:1.0"; each also after "v4l2:", the last two also
 *   followed by "-video-indexN" as the links in /dev/v4l are
 *
 * Returns: (transfer full): %NULL with %VIGIL_V4L2_ERROR_SETTING
 */
VigilV4l2Identity *vigil_v4l2_identity_parse(const gchar *text, GError **error);
void vigil_v4l2_identity_free(VigilV4l2Identity *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilV4l2Identity, vigil_v4l2_identity_free)

/**
 * VigilV4l2Node:
 * @name: "video0"
 * @number: 0
 * @device: path of its node
 * @card: the name that the driver gives it
 * @serial: (nullable): of the USB device
 * @port: (nullable): where it is plugged in, as udev's ID_PATH
 * @parent: identifies the hardware that several nodes may belong to
 * @index: among the nodes of that
 */
typedef struct {
    gchar *name, *device, *card, *serial, *port, *parent;
    guint number;
    gint index;
} VigilV4l2Node;

/**
 * vigil_v4l2_list_nodes:
 *
 * All V4L2 nodes that sysfs knows, capture or not, by their numbers.
 *
 * Returns: (transfer full) (element-type VigilV4l2Node)
 */
GPtrArray *vigil_v4l2_list_nodes(const VigilV4l2System *system);

/**
 * vigil_v4l2_identity_find:
 *
 * The nodes that may be the camera, the likeliest first. A node that is there need not be one that captures: what cannot be
 * opened as a camera is left for the next.
 *
 * Returns: (transfer full) (element-type utf8): paths of device nodes, none when it is not there; %NULL with
 *   %VIGIL_V4L2_ERROR_SETTING when several cameras have the serial number
 */
GPtrArray *vigil_v4l2_identity_find(const VigilV4l2Identity *self, const VigilV4l2System *system,
                                    GError **error);

/**
 * vigil_v4l2_node_get_name:
 * @nodes: all, to know what is unique
 *
 * Returns: (transfer full): the most stable of the names that `device` takes: by serial number, by port, by node
 */
gchar *vigil_v4l2_node_get_name(const VigilV4l2Node *self, const GPtrArray *nodes);

G_END_DECLS
