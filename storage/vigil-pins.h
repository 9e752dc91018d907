/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store.h"

G_BEGIN_DECLS

/**
 * VigilPins: what no limit deletes.
 * @n_events: pinned ones
 * @n_clips, @clip_bytes: that stay with them
 * @max_bytes: the store's limit; 0: none, or a reader asked
 * @over: the clips alone take more of @max_bytes than may be: #VIGIL_PINS_REST of it is left to other events all the same
 */
typedef struct {
    guint64 n_events, n_clips, clip_bytes, max_bytes;
    gboolean over;
} VigilPins;

/** VIGIL_PINS_REST: this part of the limit in bytes is for events that are not pinned, whatever those that are take. */
#define VIGIL_PINS_REST 10

/** vigil_store_get_pins: a reader can do it. */
gboolean vigil_store_get_pins(VigilStore *self, VigilPins *pins, GError **error);

G_END_DECLS
