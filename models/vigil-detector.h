/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-image.h"
#include "models/vigil-model.h"
#include "models/vigil-types.h"

G_BEGIN_DECLS

/* models/vigil-package.h */
typedef struct VigilPackage VigilPackage;

/**
 * VigilDetectorOptions:
 * @model: path of a `.tflite` or `.onnx` file or of a model package (a directory with a manifest, or a signed `.vigil` archive); borrowed
 * @labels: (nullable): path of a labels file that overrules the package's or the model's own; borrowed
 * @threshold: lowest score, 0..1; negative: what the package says, else 0.5
 * @iou_threshold: boxes of one class that overlap more are one object, 0..1; negative: what the package says, else 0.45
 * @max_detections: most boxes a frame, 1..1000; 0: what the package says, else 100
 * @threads: that one inference is spread over, see vigil_session_new(); 0: one
 * @device: that the model is to run on, see #VigilModelOptions
 */
typedef struct {
    const gchar *model;
    const gchar *labels;
    gfloat threshold;
    gfloat iou_threshold;
    guint max_detections;
    guint threads;
    VigilDevice device;
} VigilDetectorOptions;

/** vigil_detector_options_defaults: no model, everything else "what the package says". */
VigilDetectorOptions vigil_detector_options_defaults(void);

/**
 * VigilDetector:
 *
 * A model with its preprocessing, box decoder and labels: an image goes in, boxes come out. Reference
 * counted. vigil_detector_run() may be called from several threads; calls on one detector wait for each other.
 */
typedef struct VigilDetector VigilDetector;

/**
 * vigil_detector_open:
 *
 * Errors: %VIGIL_MODEL_ERROR, with a sentence that says what about the model, its outputs or its labels
 * does not fit and what would.
 *
 * Returns: (transfer full): a new detector, or %NULL
 */
VigilDetector *vigil_detector_open(const VigilDetectorOptions *options, GError **error);

/**
 * vigil_detector_open_package:
 * @package: (transfer full) (nullable): taken also when it fails; %NULL: the model of @options is a bare file
 * @options: its model is not looked at when there is a package
 *
 * As vigil_detector_open() for a package that is open already.
 */
VigilDetector *vigil_detector_open_package(VigilPackage *package,
                                           const VigilDetectorOptions *options, GError **error);

/**
 * vigil_detector_open_shared:
 * @instance_id: detectors opened with the same id are one, as long as anyone holds it
 *
 * Errors: as vigil_detector_open(); also when the id is in use with other options.
 */
VigilDetector *vigil_detector_open_shared(const gchar *instance_id,
                                          const VigilDetectorOptions *options, GError **error);

/**
 * vigil_detector_replace_shared:
 * @current: what the caller uses under this id, or used under another
 *
 * For models that change in a running program. As vigil_detector_open_shared(), but what is shared under the id is only
 * taken when it is not @current and has the same options (somebody else changed to it first); else a new detector takes
 * the id over, and who holds the one of before keeps it.
 */
VigilDetector *
vigil_detector_replace_shared(const gchar *instance_id, const VigilDetectorOptions *options,
                              const VigilDetector *current, GError **error);

VigilDetector *vigil_detector_ref(VigilDetector *self);
void vigil_detector_unref(VigilDetector *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilDetector, vigil_detector_unref)

/**
 * vigil_detector_run:
 * @image: borrowed for the call
 * @threshold: lowest score for this caller, 0..1; negative: the detector's own. It cannot go below the
 *   detector's own.
 * @detections: (out): boxes in parts of @image, best score first
 * @capacity: room in @detections; vigil_detector_get_max_detections() is enough
 *
 * Returns: number of boxes; 0 is not an error. -1: the inference failed, or @image is none: nobody looked. Allocates nothing.
 */
gint vigil_detector_run(VigilDetector *self, const VigilImage *image, gfloat threshold,
                        VigilDetection *detections, guint capacity);

/**
 * vigil_detector_run_crop:
 * @crop: the part of @image that is looked at, in pixels; not empty
 * @detections: (out): boxes in parts of the whole of @image
 *
 * As vigil_detector_run(), with the part for the image. What the border of the part cuts is found as far as it is in it.
 */
gint vigil_detector_run_crop(VigilDetector *self, const VigilImage *image, const VigilCrop *crop,
                             gfloat threshold, VigilDetection *detections, guint capacity);

/** vigil_detector_get_input_size: of the model's input, in pixels. Any thread. */
void vigil_detector_get_input_size(const VigilDetector *self, guint *width, guint *height);

/** vigil_detector_get_device: "cpu", "cuda" or "tensorrt": what the model runs on after all; static. */
const gchar *vigil_detector_get_device(const VigilDetector *self);

/** vigil_detector_get_threshold: lowest score of its boxes: what the options said, else the package, else 0.5. */
gfloat vigil_detector_get_threshold(const VigilDetector *self);
guint vigil_detector_get_max_detections(const VigilDetector *self);
/** vigil_detector_get_name: of the package, else the file's base name; borrowed. */
const gchar *vigil_detector_get_name(const VigilDetector *self);
const gchar *vigil_detector_get_sha256(const VigilDetector *self);
/** vigil_detector_get_id: name and hash, interned. Not for each frame: it looks strings up. */
VigilModelId vigil_detector_get_id(const VigilDetector *self);
guint vigil_detector_get_n_labels(const VigilDetector *self);
/** vigil_detector_get_label: interned; "class N" when the model has no name for it. */
const gchar *vigil_detector_get_label(const VigilDetector *self, gint32 label_id);

G_END_DECLS
