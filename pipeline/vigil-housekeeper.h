/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-footage.h"
#include "storage/vigil-pins.h"

G_BEGIN_DECLS

/**
 * VigilHousekeeper:
 *
 * Keeps a store within its limits of age and bytes, in a thread of its own: deleting may take long on an SD card, and
 * no camera is to wait for it. A store whose disk failed is opened again.
 */
typedef struct VigilHousekeeper VigilHousekeeper;

/** vigil_housekeeper_new: @store: a reference is taken. Works at once, then each @interval_s seconds. */
VigilHousekeeper *vigil_housekeeper_new(VigilStore *store, guint interval_s);
/** vigil_housekeeper_free: waits for the step under way. NULL-safe. */
void vigil_housekeeper_free(VigilHousekeeper *self);
/** vigil_housekeeper_hurry: begins the next round now: something changed that limits are about. Any thread. */
void vigil_housekeeper_hurry(VigilHousekeeper *self);
/**
 * vigil_housekeeper_set_footage: other limits of continuous recordings (copied): told to the store before the next step; a round of them
 * follows at once. Never waits for the disk.
 */
void vigil_housekeeper_set_footage(VigilHousekeeper *self, const VigilStoreFootage *limits,
                                   guint n_limits);
/** vigil_housekeeper_get_pins: as its latest round found them; %FALSE: not known. Never waits for the disk. */
gboolean vigil_housekeeper_get_pins(VigilHousekeeper *self, VigilPins *pins);
/** vigil_housekeeper_get_log: in the same way; zeroed: not known. */
void vigil_housekeeper_get_log(VigilHousekeeper *self, VigilStoreLog *log);
/** vigil_housekeeper_get_footage: of that camera, in the same way: zeroed: there was none then. */
void
vigil_housekeeper_get_footage(VigilHousekeeper *self, const gchar *camera, VigilFootageSum *sum);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilHousekeeper, vigil_housekeeper_free)

G_END_DECLS
