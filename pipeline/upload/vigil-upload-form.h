/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/upload/vigil-upload-scene.h"

G_BEGIN_DECLS

/** VigilUploadForm: how a destination wants its messages. */
typedef enum {
    VIGIL_UPLOAD_FORM_VIGIL,      /* our own: configs/schema/event.json */
    VIGIL_UPLOAD_FORM_FRIGATE,    /* Frigate's topics and payloads */
    VIGIL_UPLOAD_FORM_DLSTREAMER, /* the JSON of DL Streamer's gvametaconvert */
} VigilUploadForm;

/* Of the `vigil` form. Grows when a field changes its meaning or goes; not when one is added. */
#define VIGIL_UPLOAD_FORM_VERSION 1

/**
 * VigilUploadFormInput:
 * @line: an event's JSON line, see vigil_event_to_json()
 * @key: (nullable): idempotency key, the same each time the message is sent; part of the payload, for backends that must know duplicates
 * @width: of the camera's frames in pixels; 0: not known, what is said in pixels is null or left out; so is @height
 */
typedef struct {
    const gchar *line;
    const gchar *key;
    gint width, height;
} VigilUploadFormInput;

/**
 * VigilUploadPiece: what is to be published
 * @topic: the whole one
 * @payload: text
 * @retain: the broker keeps it for those who come later
 */
typedef struct {
    gchar *topic, *payload;
    gboolean retain;
} VigilUploadPiece;

/** vigil_upload_form_to_string: as in the configuration. */
const gchar *vigil_upload_form_to_string(VigilUploadForm form);

/**
 * vigil_upload_form_payload: the message itself, where there are no topics
 * @scene: (nullable): what came before; is told the message
 *
 * Returns: (transfer full): JSON without a newline; %NULL: VIGIL_UPLOAD_LINE_ERROR
 */
gchar *vigil_upload_form_payload(VigilUploadForm form, const VigilUploadFormInput *input,
                                 VigilUploadScene *scene, GError **error);

/**
 * vigil_upload_form_pieces: a message and what follows from it, with topics below @prefix
 * @scene: is told the message
 *
 * `vigil` and `dlstreamer`: PREFIX/events/CAMERA. `frigate`: PREFIX/events, PREFIX/reviews, and the numbers of objects that
 * may have changed: PREFIX/CAMERA/LABEL, PREFIX/CAMERA/all, the same for each zone, and with /active behind it.
 *
 * Returns: (transfer full) (element-type VigilUploadPiece): the message itself is the first; %NULL: VIGIL_UPLOAD_LINE_ERROR
 */
GPtrArray *vigil_upload_form_pieces(VigilUploadForm form, const VigilUploadFormInput *input,
                                    const gchar *prefix, VigilUploadScene *scene, GError **error);

/** vigil_upload_form_level: (transfer full): @name as one level of a topic: what has a meaning there becomes `_`. */
gchar *vigil_upload_form_level(const gchar *name);

/** vigil_upload_piece_new: (transfer full); @topic: (transfer full), as is @payload */
VigilUploadPiece *vigil_upload_piece_new(gchar *topic, gchar *payload, gboolean retain);
void vigil_upload_piece_free(VigilUploadPiece *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilUploadPiece, vigil_upload_piece_free)

G_END_DECLS
