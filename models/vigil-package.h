/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-decode.h"
#include "models/vigil-package-seal.h"
#include "models/vigil-preprocess.h"

G_BEGIN_DECLS

/**
 * VigilPackage:
 * @name: of the model
 * @version: (nullable)
 * @licence: (nullable)
 * @provenance: (nullable): how the model came to be
 * @sha256: (nullable): of the model file, lower-case hexadecimal
 * @model_path: the `.tflite` or `.onnx` file
 * @labels_path: (nullable)
 * @decoder: guess when the manifest does not say
 * @coordinates: of a YOLO head; guess when the manifest does not say
 * @has_resize, @has_colour: whether @preprocess.resize, @preprocess.colour were given
 * @input_width, @input_height: of a model whose file leaves them open; 0: not given
 * @preprocess: defaults where the manifest does not say
 * @threshold: negative when the manifest does not say
 * @iou_threshold: negative when the manifest does not say
 * @max_detections: 0 when the manifest does not say
 * @golden_input: (nullable): raw input tensor
 * @golden_boxes: (nullable): boxes that must come out of it; given together with @golden_input
 * @directory: of the package, or the archive; the paths above are below it
 * @sealed: how far it can be trusted, and its files when it has a seal
 *
 * What a model package says: a directory with `manifest.ini`, a key file of these groups and keys:
 *
 *     [model]  name, file (the .tflite or .onnx): needed; version, labels (a file), licence, provenance, sha256 (of the file),
 *              decoder (ssd-postprocess | ssd-anchors | yolov5 | yolov8 | anchor-free | yolox | nanodet),
 *              coordinates (normalised | pixels | cells)
 *     [input]  resize (stretch | letterbox), colour (rgb | bgr | gray), mean and std (one number or three, in pixel
 *              levels), pad (level of the letterbox's margins), width and height (of an ONNX model's input that its file leaves open)
 *     [detect] threshold, iou_threshold, max_detections
 *     [golden] input (raw input tensor), boxes (see vigil_package_check_golden())
 */
typedef struct VigilPackage {
    gchar *name, *version, *licence, *provenance, *sha256;
    gchar *model_path, *labels_path;
    VigilDecoderKind decoder;
    VigilCoordinates coordinates;
    gboolean has_resize, has_colour;
    guint input_width, input_height;
    VigilPreprocessOptions preprocess;
    gfloat threshold, iou_threshold;
    guint max_detections;
    gchar *golden_input, *golden_boxes;
    gchar *directory;
    VigilSealed sealed;
} VigilPackage;

/** vigil_package_is: whether @path is a directory, a `.vigil` archive or one of vigil_builtin_is(), and not a bare model. */
gboolean vigil_package_is(const gchar *path);

/**
 * vigil_package_load:
 * @path: a directory with a `manifest.ini`, or a `.vigil` archive, or one of vigil_builtin_is()
 *
 * As vigil_package_open() with the keys in %VIGIL_KEYS_DEFAULT_DIR: a directory by %VIGIL_PACKAGE_ANY, an archive by
 * %VIGIL_PACKAGE_SIGNED.
 */
VigilPackage *vigil_package_load(const gchar *path, GError **error);

/**
 * vigil_package_open:
 * @keys: that are trusted
 *
 * Verifies, then reads the manifest. The files of a package with a seal are in memory from then on, so what was verified is
 * what is used. Files are named relative to the directory and lie in it; keys of the manifest that are not known are refused.
 *
 * Errors: those of vigil_sealed_open(); the message names file, group and key
 */
VigilPackage *vigil_package_open(const gchar *path, const VigilKeys *keys,
                                 VigilPackagePolicy policy, GError **error);

/**
 * vigil_package_new:
 * @sealed: files with a manifest, from vigil_sealed_check(), or put together by whoever needs no check; emptied
 * @path: for messages
 */
VigilPackage *vigil_package_new(VigilSealed *sealed, const gchar *path, GError **error);

/**
 * vigil_package_read:
 * @path: one of the package's paths
 * @limit: most bytes
 *
 * Returns: (transfer full): the file's content, or %NULL with %VIGIL_MODEL_ERROR_IO, %VIGIL_MODEL_ERROR_TOO_LARGE or
 *   %VIGIL_MODEL_ERROR_INVALID; the message names the file
 */
GBytes *
vigil_package_read(const VigilPackage *self, const gchar *path, gsize limit, GError **error);

/** vigil_package_parse: the same for a manifest that was read already; no file is looked at. */
VigilPackage *
vigil_package_parse(const gchar *directory, const gchar *manifest, gsize length, GError **error);

void vigil_package_free(VigilPackage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilPackage, vigil_package_free)

/** A golden box is found when the boxes overlap by this and the scores differ by no more. */
#define VIGIL_GOLDEN_IOU 0.9f
#define VIGIL_GOLDEN_SCORE 0.03f

/**
 * vigil_package_check_golden:
 * @detections: what the golden input gave, boxes in parts of the model's input
 * @threshold: that was used
 *
 * Compares with the golden boxes, a file of lines "label TAB score TAB x0 TAB y0 TAB x1 TAB y1": each must be
 * among @detections, and nothing else may be, except within %VIGIL_GOLDEN_SCORE of @threshold.
 *
 * Errors: %VIGIL_MODEL_ERROR_INVALID that says which box is missing or was not expected.
 */
gboolean vigil_package_check_golden(const VigilPackage *self, const VigilDetection *detections,
                                    guint n, gfloat threshold, GError **error);

G_END_DECLS
