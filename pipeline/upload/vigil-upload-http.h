/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/upload/vigil-upload-sink.h"

G_BEGIN_DECLS

/**
 * vigil_upload_http_new: a #VigilUploadSinkNew for http: and https:
 *
 * One POST a batch, of one JSON document as configs/schema/batch.json says, compressed with gzip unless that is refused (415). `Idempotency-Key` is
 * the message's key, or for several one made of theirs. 2xx: arrived. 408, 425, 429, 5xx, network: tried again, after
 * `Retry-After` where it is given. So are 401, 403, 404, 407, 421 and redirections, which say nothing of the messages: a token may expire, and all that
 * happens until it is renewed is not to be lost. Any other 4xx refuses the messages. No redirection is followed: the token is for one address.
 * Certificates are always judged.
 */
VigilUploadSink *
vigil_upload_http_new(VigilUploadSettings *settings, const VigilUploadSite *site, GError **error);

G_END_DECLS
