/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>

#include "events/vigil-event.h"

G_BEGIN_DECLS

#define VIGIL_UPLOAD_LINE_ERROR (vigil_upload_line_error_quark())
GQuark vigil_upload_line_error_quark(void);

typedef enum {
    VIGIL_UPLOAD_LINE_ERROR_MALFORMED, /* no event; sending it again cannot help */
} VigilUploadLineError;

#define VIGIL_UPLOAD_LINE_MAX (256 * 1024) /* bytes; an event has below 2 kB */

/**
 * VigilUploadLine: an event's line (see vigil_event_to_json()) in its parts
 * @root: (nullable): owns the strings and arrays
 * @label: (nullable), as are @clip, @model and @end_reason
 * @start_us: microseconds since 1970, UTC, whose nanoseconds fit into 64 bits too (years 1678 to 2261); so is @end_us
 * @end_ns: the latest frame, in nanoseconds of the stream
 * @box: x0, y0, x1, y1 in parts of the frame, 0..1
 * @zones: (nullable) (element-type utf8): checked to hold strings only; so is @lines
 */
typedef struct {
    JsonNode *root;
    const gchar *id, *camera, *rule, *label, *clip, *model, *end_reason;
    VigilEventType type;
    gdouble score, top_score, coverage;
    gint64 start_us, end_us, end_ns;
    gdouble box[4];
    gint64 track;
    JsonArray *zones, *lines;
} VigilUploadLine;

/**
 * vigil_upload_line_parse:
 * @text: one line; fields that it need not have are %NULL or 0, fields of a wrong type are errors
 *
 * Returns: (transfer full): for vigil_upload_line_free(); %NULL and VIGIL_UPLOAD_LINE_ERROR_MALFORMED
 */
VigilUploadLine *vigil_upload_line_parse(const gchar *text, GError **error);
void vigil_upload_line_free(VigilUploadLine *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilUploadLine, vigil_upload_line_free)

/** vigil_upload_line_has_zone: whether it names @zone. */
gboolean vigil_upload_line_has_zone(const VigilUploadLine *self, const gchar *zone);

G_END_DECLS
