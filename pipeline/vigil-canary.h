/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>

#include "storage/vigil-store.h"

G_BEGIN_DECLS

/**
 * VigilCanary:
 *
 * Writes a little to the store's disk again and again, in a thread of its own, so that a dead, hanging or read-only card
 * is noticed also while nothing is recorded. Says so in the log when it changes. Functions may be called from any thread.
 */
typedef struct VigilCanary VigilCanary;

/** vigil_canary_new: writes every @interval_ms; a write that takes longer than @deadline_ms is a failure while it lasts. */
VigilCanary *vigil_canary_new(VigilStore *store, guint interval_ms, guint deadline_ms);
/** vigil_canary_free: does not wait for a write that hangs; its thread then ends with it. */
void vigil_canary_free(VigilCanary *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilCanary, vigil_canary_free)

/** vigil_canary_is_well: @reason: (out) (optional) (transfer full) (nullable): what is wrong. */
gboolean vigil_canary_is_well(VigilCanary *self, gchar **reason);
/** vigil_canary_describe: an object with `health` (ok or degraded), `since`, and `error` if there is one. */
void vigil_canary_describe(VigilCanary *self, JsonBuilder *json);

G_END_DECLS
