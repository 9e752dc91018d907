/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/** BenchCameras: what was seen of a daemon with many cameras. */
typedef struct BenchCameras BenchCameras;

BenchCameras *bench_cameras_new(guint n_cameras);
void bench_cameras_free(BenchCameras *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BenchCameras, bench_cameras_free)

/**
 * bench_cameras_add:
 * @status: (transfer none) (nullable): the daemon's answer
 * @second: of the run
 *
 * Looks at the process; each full minute is a row of the table on stdout.
 */
void bench_cameras_add(BenchCameras *self, const gchar *pid, JsonNode *status, gdouble second);

/**
 * bench_cameras_print:
 * @status: (transfer full) (nullable): the last answer
 *
 * Prints ages, queues, losses and cost of the whole run.
 */
void
bench_cameras_print(BenchCameras *self, const gchar *pid, const gchar *server, JsonNode *status);

G_END_DECLS
