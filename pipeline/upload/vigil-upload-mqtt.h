/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/upload/vigil-upload-sink.h"

G_BEGIN_DECLS

/**
 * vigil_upload_mqtt_new: a #VigilUploadSinkNew for mqtt: and mqtts:
 *
 * Stays connected, also while there is nothing to send, so that the last will says whether Vigil runs: TOPIC/ID/available (ID: of the installation; with Frigate's
 * form TOPIC/available) is `online` or
 * `offline`, retained. A message has arrived when the broker acknowledged (QoS 1) all that was made of it. MQTT 5, or 3.1.1 where the
 * broker does not speak it. Topics: vigil_upload_form_pieces(), a snapshot at TOPIC/CAMERA/LABEL/snapshot, retained,
 * and with `discovery` those of #VigilUploadDiscovery.
 */
VigilUploadSink *
vigil_upload_mqtt_new(VigilUploadSettings *settings, const VigilUploadSite *site, GError **error);

G_END_DECLS
