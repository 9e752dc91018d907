/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-tracker.h"

G_BEGIN_DECLS

/**
 * IouTracker:
 *
 * The plain tracker that others are measured by: no motion, no weak detections, no optimal assignment. Each track stays
 * where it was last seen; pairs of one class are made by falling overlap, from 0.2 on. Scores, number of detections before a
 * track is reported and the time after which it is dropped are those of #VigilTrackerOptions.
 */
typedef struct IouTracker IouTracker;

IouTracker *iou_tracker_new(const VigilTrackerOptions *options);
void iou_tracker_free(IouTracker *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IouTracker, iou_tracker_free)

/** iou_tracker_update: as vigil_tracker_update(). */
guint iou_tracker_update(IouTracker *self, gint64 time_ns, const VigilDetection *detections,
                         guint n_detections, VigilTrack *tracks, guint capacity);

G_END_DECLS
