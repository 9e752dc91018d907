/* SPDX-License-Identifier: Apache-2.0 */
/* Which sink speaks which protocol. */
#include <gio/gio.h>

#include "pipeline/upload/vigil-upload-http.h"
#include "pipeline/upload/vigil-upload-kafka.h"
#include "pipeline/upload/vigil-upload-mqtt.h"
#include "vigil-config.h"

VigilUploadSink *
vigil_upload_sink_new(VigilUploadSettings *settings, const VigilUploadSite *site, GError **error)
{
    switch ((VigilUploadScheme)settings->scheme) {
    case VIGIL_UPLOAD_HTTP:
    case VIGIL_UPLOAD_HTTPS: return vigil_upload_http_new(settings, site, error);
    case VIGIL_UPLOAD_MQTT:
    case VIGIL_UPLOAD_MQTTS: return vigil_upload_mqtt_new(settings, site, error);
    case VIGIL_UPLOAD_KAFKA:
#ifdef HAVE_RDKAFKA
        return vigil_upload_kafka_new(settings, site, error);
#else
        break;
#endif
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                "this program was built without what sends to such an address");
    return NULL;
}
