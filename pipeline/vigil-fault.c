/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-fault.h"

#include <gst/gst.h>

#include "models/vigil-model.h"
#include "pipeline/vigil-source.h"
#include "storage/vigil-store.h"

#define ANY_CODE -1

typedef struct {
    GQuark (*domain)(void);
    gint code;
    VigilFault live, file;
} Row;

/* The first row that fits counts. The only place where an error decides what happens to a camera. */
static const Row rows[] = {
    /* no other attempt gives another result */
    {gst_core_error_quark, GST_CORE_ERROR_MISSING_PLUGIN, VIGIL_FAULT_STOP, VIGIL_FAULT_STOP},
    {gst_stream_error_quark, GST_STREAM_ERROR_CODEC_NOT_FOUND, VIGIL_FAULT_STOP, VIGIL_FAULT_STOP},
    {gst_stream_error_quark, GST_STREAM_ERROR_WRONG_TYPE, VIGIL_FAULT_STOP, VIGIL_FAULT_STOP},
    {gst_resource_error_quark, GST_RESOURCE_ERROR_SETTINGS, VIGIL_FAULT_STOP, VIGIL_FAULT_STOP},
    {vigil_source_error_quark, ANY_CODE, VIGIL_FAULT_STOP, VIGIL_FAULT_STOP},
    {vigil_model_error_quark, VIGIL_MODEL_ERROR_IO, VIGIL_FAULT_RESTART, VIGIL_FAULT_STOP},
    {vigil_model_error_quark, ANY_CODE, VIGIL_FAULT_STOP, VIGIL_FAULT_STOP},
    {vigil_store_error_quark, VIGIL_STORE_ERROR_NEWER, VIGIL_FAULT_STOP, VIGIL_FAULT_STOP},
    {vigil_store_error_quark, VIGIL_STORE_ERROR_INVALID, VIGIL_FAULT_STOP, VIGIL_FAULT_STOP},

    /* the camera refuses us */
    {gst_resource_error_quark, GST_RESOURCE_ERROR_NOT_AUTHORIZED, VIGIL_FAULT_LATER,
     VIGIL_FAULT_STOP},

    /* the disk: nothing of the camera's fault */
    {gst_resource_error_quark, GST_RESOURCE_ERROR_NO_SPACE_LEFT, VIGIL_FAULT_RESTART,
     VIGIL_FAULT_STOP},
    {gst_resource_error_quark, GST_RESOURCE_ERROR_WRITE, VIGIL_FAULT_RESTART, VIGIL_FAULT_STOP},
    {gst_resource_error_quark, GST_RESOURCE_ERROR_OPEN_WRITE, VIGIL_FAULT_RESTART,
     VIGIL_FAULT_STOP},
    {vigil_store_error_quark, ANY_CODE, VIGIL_FAULT_RESTART, VIGIL_FAULT_STOP},

    /* a frame that cannot be decoded, when an element says so by an error that is about one */
    {gst_stream_error_quark, GST_STREAM_ERROR_DECODE, VIGIL_FAULT_RETRY, VIGIL_FAULT_STOP},
    {gst_resource_error_quark, ANY_CODE, VIGIL_FAULT_RETRY, VIGIL_FAULT_STOP},
    {gst_stream_error_quark, ANY_CODE, VIGIL_FAULT_RETRY, VIGIL_FAULT_STOP},
    {gst_core_error_quark, ANY_CODE, VIGIL_FAULT_RESTART, VIGIL_FAULT_STOP},
    {gst_library_error_quark, ANY_CODE, VIGIL_FAULT_RESTART, VIGIL_FAULT_STOP},
};

VigilFault
vigil_fault_classify(const GError *error, gboolean live)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        if (error->domain == rows[i].domain() &&
            (rows[i].code == ANY_CODE || rows[i].code == error->code))
            return live ? rows[i].live : rows[i].file;
    return live ? VIGIL_FAULT_RETRY : VIGIL_FAULT_STOP;
}
