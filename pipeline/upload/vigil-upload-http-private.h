/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libsoup/soup.h>

#include "pipeline/upload/vigil-upload-form.h"
#include "pipeline/upload/vigil-upload-sink.h"

G_BEGIN_DECLS

/**
 * vigil_upload_http_body:
 * @source: what this installation is called
 * @scene: see vigil_upload_form_payload()
 *
 * Returns: (transfer full): the document; %NULL with VIGIL_UPLOAD_LINE_ERROR when a message is none
 */
gchar *vigil_upload_http_body(const VigilUploadSettings *settings, const gchar *source,
                              const VigilUploadItem *items, guint n, VigilUploadScene *scene,
                              GError **error);

/** vigil_upload_http_key: (transfer full): of the message, or for several of the batch; the same for the same ones. */
gchar *vigil_upload_http_key(const VigilUploadItem *items, guint n);

/** vigil_upload_http_gzip: (transfer full): never %NULL. */
GBytes *vigil_upload_http_gzip(const gchar *text);

/**
 * vigil_upload_http_judge:
 * @status: of the answer
 * @headers: of the answer
 * @text: (nullable): the beginning of its body, for the reason
 * @now_us: wall clock, for a `Retry-After` that is a date in an answer without a date of its own
 * @reason: (out) (transfer full)
 *
 * What an answer means. The result's reason is @reason. Pure.
 */
VigilUploadResult vigil_upload_http_judge(guint status, SoupMessageHeaders *headers,
                                          const gchar *text, gint64 now_us, gchar **reason);

G_END_DECLS
