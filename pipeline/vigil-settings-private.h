/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/vigil-settings.h"
#include "pipeline/vigil-yaml-table.h"

G_BEGIN_DECLS

/** vigil_settings_read_path: a path relative to @base, made absolute. @place: (inout): replaced */
void vigil_settings_read_path(const VigilYaml *node, const gchar *base, gchar **place,
                              VigilYamlMistakes *mistakes);

/**
 * vigil_model_settings_read:
 * @place: (inout): replaced
 * @base: directory that relative paths start from
 */
void vigil_model_settings_read(const VigilYaml *node, VigilModelSettings **place, const gchar *base,
                               VigilYamlMistakes *mistakes);

/**
 * vigil_camera_settings_read:
 * @model: (nullable): of the whole configuration, for a camera that has none of its own
 *
 * Returns: (transfer full): never %NULL; half filled when there are mistakes
 */
VigilCameraSettings *
vigil_camera_settings_read(const VigilYaml *node, const VigilModelSettings *model,
                           const gchar *base, VigilYamlMistakes *mistakes);

/** vigil_privacy_settings_read_masks: the value of a camera's `masks`. @masks: (out) (nullable): left alone where there are none */
void vigil_privacy_settings_read_masks(const VigilYaml *node, gchar **masks,
                                       VigilYamlMistakes *mistakes);
/** vigil_privacy_settings_read_metadata_only: the value of `metadata_only`. */
void vigil_privacy_settings_read_metadata_only(const VigilYaml *node, gboolean *metadata_only,
                                               VigilYamlMistakes *mistakes);
/** vigil_privacy_settings_forbid_clips: of a camera that records no pictures. @rules: as they were read from @camera */
void vigil_privacy_settings_forbid_clips(const VigilYaml *camera, VigilRules *rules,
                                         VigilYamlMistakes *mistakes);

/** vigil_continuous_settings_read: the value of a camera's `continuous`. */
void vigil_continuous_settings_read(const VigilYaml *node, VigilContinuousSettings *self,
                                    VigilYamlMistakes *mistakes);
/** vigil_continuous_settings_check: whether it goes with what else is said of the @camera. */
void vigil_continuous_settings_check(const VigilYaml *camera, const VigilCameraSettings *self,
                                     VigilYamlMistakes *mistakes);
/** vigil_continuous_settings_list: (transfer full) (element-type VigilStoreFootage): the limits of all of them. */
GArray *vigil_continuous_settings_list(const GPtrArray *cameras);

/** vigil_store_settings_read: the value of `store`. */
void vigil_store_settings_read(const VigilYaml *node, VigilSettings *settings, const gchar *base,
                               VigilYamlMistakes *mistakes);

/** vigil_upload_settings_read: the value of `uploads`. @uploads: (element-type VigilUploadSettings): added to */
void vigil_upload_settings_read(const VigilYaml *node, GPtrArray *uploads, const gchar *base,
                                VigilYamlMistakes *mistakes);

VigilMotionSettings vigil_motion_settings_defaults(void);
gboolean vigil_motion_settings_equal(const VigilMotionSettings *a, const VigilMotionSettings *b);
/** vigil_motion_settings_read: the value of `motion`. */
void vigil_motion_settings_read(const VigilYaml *node, VigilMotionSettings *self,
                                VigilYamlMistakes *mistakes);

gboolean vigil_rtsp_settings_equal(const VigilRtspSettings *a, const VigilRtspSettings *b);
void vigil_rtsp_settings_clear(VigilRtspSettings *self);
/** vigil_rtsp_settings_read_credentials: the value of a camera's `credentials`. */
void vigil_rtsp_settings_read_credentials(const VigilYaml *node, VigilRtspSettings *self,
                                          const gchar *base, VigilYamlMistakes *mistakes);
/** vigil_rtsp_settings_read_tls: the value of a camera's `tls`. */
void vigil_rtsp_settings_read_tls(const VigilYaml *node, VigilRtspSettings *self, const gchar *base,
                                  VigilYamlMistakes *mistakes);

gboolean vigil_capture_settings_equal(const VigilCaptureSettings *a, const VigilCaptureSettings *b);
void vigil_capture_settings_clear(VigilCaptureSettings *self);
/** vigil_capture_settings_read: the value of `capture`. */
void vigil_capture_settings_read(const VigilYaml *node, VigilCaptureSettings *self,
                                 VigilYamlMistakes *mistakes);

G_END_DECLS
