/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

#include "plugins/detect/gstvigildetectconfig.h"

G_BEGIN_DECLS

/**
 * VigilDetectModel:
 * @detector: a reference
 * @id: which one it is
 * @config: what it was opened for
 * @detections: room for what it finds in one frame
 * @capacity: of @detections
 *
 * A model that is ready to look at frames: using it, and putting it in another's place, allocates nothing.
 */
typedef struct {
    VigilDetector *detector;
    VigilModelId id;
    GstVigilDetectConfig config;
    VigilDetection *detections;
    guint capacity;
} VigilDetectModel;

/**
 * vigil_detect_model_open:
 * @config: copied
 * @current: (nullable): what is in use; under an instance id that it shares, another one takes its place
 *
 * Takes long. Errors: %VIGIL_MODEL_ERROR.
 */
VigilDetectModel *
vigil_detect_model_open(const GstVigilDetectConfig *config, VigilDetector *current, GError **error);
void vigil_detect_model_free(VigilDetectModel *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilDetectModel, vigil_detect_model_free)

/**
 * VigilDetectRefused: a model could not be opened. Called from the loader's thread, without a lock.
 * @latest: nothing else was asked for meanwhile
 */
typedef void (*VigilDetectRefused)(GstElement *element, const GstVigilDetectConfig *config,
                                   const GError *error, gboolean latest);

/**
 * VigilDetectLoader:
 *
 * Opens models for a running element, and frees those that it has done with, in a thread of its own, which is made with the
 * first request. Of several requests the latest counts.
 */
typedef struct VigilDetectLoader VigilDetectLoader;

/**
 * vigil_detect_loader_new:
 * @element: not owned; not touched after vigil_detect_loader_free() but for a call of @refused that had begun before
 */
VigilDetectLoader *vigil_detect_loader_new(GstElement *element, VigilDetectRefused refused);
/** vigil_detect_loader_free: does not wait: what is being opened is thrown away when it is there. NULL-safe. */
void vigil_detect_loader_free(VigilDetectLoader *self);

/**
 * vigil_detect_loader_request: any thread.
 * @config: (transfer full): emptied
 * @current: what is in use; a reference is taken
 */
void vigil_detect_loader_request(VigilDetectLoader *self, GstVigilDetectConfig *config,
                                 VigilDetector *current);
/** vigil_detect_loader_take: (transfer full) (nullable): a model that was opened; for each frame: no lock, hardly ever one. */
VigilDetectModel *vigil_detect_loader_take(VigilDetectLoader *self);
/** vigil_detect_loader_bury: (transfer full) @model: freed in the loader's thread, not here. */
void vigil_detect_loader_bury(VigilDetectLoader *self, VigilDetectModel *model);

G_END_DECLS
