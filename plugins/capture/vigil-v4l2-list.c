/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/capture/vigil-v4l2-list.h"

#include <errno.h>

static void
camera_free(gpointer data)
{
    VigilV4l2Camera *self = data;

    g_free(self->source);
    g_free(self->device);
    g_free(self->serial);
    g_free(self->port);
    g_free(self->trouble);
    g_array_unref(self->modes);
    g_array_unref(self->controls);
    g_ptr_array_unref(self->allowed);
    g_free(self);
}

static VigilV4l2Camera *
camera_new(const VigilV4l2Node *node, const GPtrArray *nodes)
{
    VigilV4l2Camera *self = g_new0(VigilV4l2Camera, 1);
    g_autofree gchar *name = vigil_v4l2_node_get_name(node, nodes);

    self->source = g_strconcat("v4l2:", name, NULL);
    self->device = g_strdup(node->device);
    self->serial = g_strdup(node->serial);
    self->port = g_strdup(node->port);
    self->modes = g_array_new(FALSE, FALSE, sizeof(VigilV4l2Mode));
    self->controls = g_array_new(FALSE, FALSE, sizeof(VigilV4l2Control));
    self->allowed = g_ptr_array_new_with_free_func(g_free);
    g_strlcpy(self->card.card, node->card, sizeof self->card.card);
    return self;
}

static gint
ask(VigilV4l2Camera *self, VigilV4l2 *device)
{
    gint result = vigil_v4l2_open(device, self->device);

    if (result == 0) {
        self->card = *vigil_v4l2_get_card(device);
        result = vigil_v4l2_list_modes(device, self->modes);
    }
    if (result == 0)
        result = vigil_v4l2_list_controls(device, self->controls);
    for (guint i = 0; result == 0 && i < self->controls->len; i++)
        g_ptr_array_add(self->allowed,
                        vigil_v4l2_describe_control(
                            device, &g_array_index(self->controls, VigilV4l2Control, i)));
    if (result < 0) {
        self->trouble = g_strdup(vigil_v4l2_get_trouble(device));
        g_array_set_size(self->modes, 0);
        g_array_set_size(self->controls, 0);
    }
    return result;
}

GPtrArray *
vigil_v4l2_list_cameras(const VigilV4l2System *system)
{
    g_autoptr(GPtrArray) nodes = vigil_v4l2_list_nodes(system);
    g_autoptr(VigilV4l2) device = vigil_v4l2_new(system);
    GPtrArray *cameras = g_ptr_array_new_with_free_func(camera_free);

    for (guint i = 0; i < nodes->len; i++) {
        VigilV4l2Camera *camera = camera_new(nodes->pdata[i], nodes);
        const gint result = ask(camera, device);

        /* what went while it was asked is no camera any more */
        if (result == -ENOTSUP || vigil_v4l2_is_gone(result))
            camera_free(camera);
        else
            g_ptr_array_add(cameras, camera);
        vigil_v4l2_close(device);
    }
    return cameras;
}
