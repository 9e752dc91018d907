/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>

#include "pipeline/upload/vigil-upload-pump.h"

G_BEGIN_DECLS

/**
 * VigilUploadLane: the way to one destination: its sink, the batch that is under way, and its patience. Lives in the thread of uploads, but for
 * vigil_upload_lane_describe().
 */
typedef struct VigilUploadLane VigilUploadLane;

/** vigil_upload_lane_new: all but @settings is borrowed and outlives it. */
VigilUploadLane *vigil_upload_lane_new(VigilUploadSettings *settings, const VigilUploadSite *site,
                                       const VigilUploadPumpOptions *options, GRand *random);
void vigil_upload_lane_free(VigilUploadLane *self);

const VigilUploadSettings *vigil_upload_lane_get_settings(const VigilUploadLane *self);

/** vigil_upload_lane_set_store: (nullable) @store: borrowed until the next call; with another one what could not be noted yet is noted. */
void vigil_upload_lane_set_store(VigilUploadLane *self, VigilStore *store);

/** vigil_upload_lane_go: sends what there is, unless it is already at it or waits. */
void vigil_upload_lane_go(VigilUploadLane *self);

/** vigil_upload_lane_tick: looks how far the store is: messages may have been dropped. */
void vigil_upload_lane_tick(VigilUploadLane *self);

/**
 * vigil_upload_lane_leave: ends what is under way, and lets the sink begin its farewell; vigil_upload_lane_stop() waits for that.
 * @for_good: nobody takes the place of this destination
 */
void vigil_upload_lane_leave(VigilUploadLane *self, gboolean for_good);

/** vigil_upload_lane_stop: ends what is under way, and the sink; to be called in the lane's thread. */
void vigil_upload_lane_stop(VigilUploadLane *self);

/** vigil_upload_lane_is_flowing: something waits, and nothing speaks against its arrival soon. Threads: any. */
gboolean vigil_upload_lane_is_flowing(VigilUploadLane *self);

/** vigil_upload_lane_describe: adds an object, with what the lane last read in the store, for which it does not wait. Threads: any. */
void vigil_upload_lane_describe(VigilUploadLane *self, JsonBuilder *json);

G_END_DECLS
