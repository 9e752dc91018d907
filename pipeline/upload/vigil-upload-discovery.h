/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/upload/vigil-upload-form.h"
#include "pipeline/vigil-settings.h"

G_BEGIN_DECLS

/**
 * VigilUploadDiscovery: what Home Assistant is told by its MQTT discovery
 *
 * For each camera and rule a binary sensor, on while there is an open event, and a sensor with the last one. Their states are below
 * PREFIX/rules/CAMERA/RULE, the description of each is retained below homeassistant/. Pure. Threads: one at a time.
 */
typedef struct VigilUploadDiscovery VigilUploadDiscovery;

/** Home Assistant says `online` here when it has come up. */
#define VIGIL_UPLOAD_DISCOVERY_BIRTH "homeassistant/status"

/**
 * vigil_upload_discovery_new:
 * @source: what this installation is called
 * @id: (nullable): of the installation; with both the names there are unique, also where two machines have one name
 * @prefix: what topics begin with
 * @available: topic of the availability
 * @cameras: (element-type VigilCameraSettings) (nullable): copied; %NULL: not wanted any more: nothing is described, and what was is stale
 */
VigilUploadDiscovery *
vigil_upload_discovery_new(const gchar *source, const gchar *id, const gchar *prefix,
                           const gchar *available, const GPtrArray *cameras);
void vigil_upload_discovery_free(VigilUploadDiscovery *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilUploadDiscovery, vigil_upload_discovery_free)

/** vigil_upload_discovery_describe: (transfer full) (element-type VigilUploadPiece): every description and every state. */
GPtrArray *
vigil_upload_discovery_describe(const VigilUploadDiscovery *self, const VigilUploadScene *scene);
/** vigil_upload_discovery_follow: appends to @pieces what a message changes; @scene knows it already. */
void vigil_upload_discovery_follow(const VigilUploadDiscovery *self,
                                   const VigilUploadFormInput *input, const VigilUploadLine *line,
                                   const VigilUploadScene *scene, GPtrArray *pieces);

/** vigil_upload_discovery_list_topics: (transfer full) (element-type utf8): where descriptions and states are retained, states first */
GPtrArray *vigil_upload_discovery_list_topics(const VigilUploadDiscovery *self);

/** vigil_upload_discovery_get_filters: (transfer none) (array zero-terminated=1): topics of all that we ever described */
const gchar *const *vigil_upload_discovery_get_filters(const VigilUploadDiscovery *self);
/**
 * vigil_upload_discovery_is_stale: whether @topic holds a description of ours that is of no camera and rule any more
 * @payload: any bytes. Where discovery is not wanted, only what names our availability topic is ours: another destination on the
 *   same broker may want it.
 */
gboolean vigil_upload_discovery_is_stale(const VigilUploadDiscovery *self, const gchar *topic,
                                         const gchar *payload);
/** vigil_upload_discovery_get_state: (transfer full) (nullable): topic of the state that a description names, if it is below PREFIX/rules */
gchar *vigil_upload_discovery_get_state(const VigilUploadDiscovery *self, const gchar *payload);

G_END_DECLS
