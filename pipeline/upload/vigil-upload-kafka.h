/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/upload/vigil-upload-sink.h"

G_BEGIN_DECLS

/**
 * vigil_upload_kafka_new: a #VigilUploadSinkNew for kafka:
 *
 * An idempotent producer: a message's key is its camera, so those of a camera are in one partition, in their order; its header `key` is
 * the idempotency key. It has arrived when all replicas in sync have it (delivery report). With `tls` the connections are encrypted;
 * with `credentials` SASL is spoken: PLAIN within TLS, SCRAM-SHA-512 without it. Snapshots are not sent.
 */
VigilUploadSink *
vigil_upload_kafka_new(VigilUploadSettings *settings, const VigilUploadSite *site, GError **error);

G_END_DECLS
