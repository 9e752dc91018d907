/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/upload/vigil-upload-line.h"

G_BEGIN_DECLS

/**
 * VigilUploadScene: which events are open, as the messages told
 *
 * Some forms say more than the message at hand: what the event was before, how many objects are there. The same message may be
 * told again, after a connection was lost: that changes nothing. At most %VIGIL_UPLOAD_SCENE_MAX events; of more the oldest is forgotten.
 * Threads: one at a time.
 */
typedef struct VigilUploadScene VigilUploadScene;

#define VIGIL_UPLOAD_SCENE_MAX 4096

VigilUploadScene *vigil_upload_scene_new(void);
void vigil_upload_scene_free(VigilUploadScene *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilUploadScene, vigil_upload_scene_free)

/** vigil_upload_scene_forget: all of it: ends may have been missed, and what is still open comes with its next message. */
void vigil_upload_scene_forget(VigilUploadScene *self);

/** vigil_upload_scene_get: (nullable) (transfer none): the last message of an open event; until the next call of _tell(). */
const VigilUploadLine *vigil_upload_scene_get(const VigilUploadScene *self, const gchar *id);
/** vigil_upload_scene_tell: @line: (transfer full) */
void vigil_upload_scene_tell(VigilUploadScene *self, VigilUploadLine *line);

/**
 * vigil_upload_scene_count:
 * @camera: (nullable): any, as are @zone, @label and @rule
 *
 * Returns: objects with an open event; one for which several rules fired counts once
 */
guint vigil_upload_scene_count(const VigilUploadScene *self, const gchar *camera, const gchar *zone,
                               const gchar *label, const gchar *rule);

G_END_DECLS
