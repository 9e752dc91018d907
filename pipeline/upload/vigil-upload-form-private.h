/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/upload/vigil-upload-form.h"

G_BEGIN_DECLS

/* Each form's message itself: (transfer full), never NULL. @before: (nullable): the event's message before this one */
gchar *vigil_upload_form_vigil(const VigilUploadFormInput *input);
gchar *vigil_upload_form_frigate_event(const VigilUploadFormInput *input,
                                       const VigilUploadLine *line, const VigilUploadLine *before);
gchar *vigil_upload_form_dlstreamer(const VigilUploadFormInput *input, const VigilUploadLine *line);

gchar *vigil_upload_form_frigate_review(const VigilUploadLine *line, const VigilUploadLine *before);
/** vigil_upload_form_frigate_places: (transfer full): zones of which the number may change by @line, and %NULL for its camera. */
GPtrArray *
vigil_upload_form_frigate_places(const VigilUploadLine *line, const VigilUploadLine *before);
/** vigil_upload_form_frigate_counts: appends to @pieces the numbers of these places, as @scene has them now. */
void vigil_upload_form_frigate_counts(GPtrArray *pieces, const gchar *prefix,
                                      const VigilUploadLine *line, const GPtrArray *places,
                                      const VigilUploadScene *scene);

G_END_DECLS
