/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/** vigil_status_table_print: the cameras of the daemon's answer, one a line: what comes, what is looked at, how old it is. */
void vigil_status_table_print(JsonArray *cameras);

/** vigil_status_table_print_footage: a line for each camera that is recorded continuously. */
void vigil_status_table_print_footage(JsonArray *footage);
/** vigil_status_table_print_uploads: destinations of events, one a line, and what is wrong with one. */
void vigil_status_table_print_uploads(JsonArray *uploads);

/** vigil_status_table_print_details: what of a camera is beside the ordinary: drop-outs, broken frames, the last day. */
void vigil_status_table_print_details(JsonObject *camera);

G_END_DECLS
