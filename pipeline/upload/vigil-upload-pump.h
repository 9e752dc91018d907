/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>

#include "pipeline/upload/vigil-upload-sink.h"

G_BEGIN_DECLS

/**
 * VigilUploadPump:
 *
 * Takes messages out of a store's outbox and gives them to sinks, in one thread for all destinations. A destination has one batch under way at
 * a time; the next is begun when that one has arrived or was refused. One that cannot be reached is tried again after a while, twice as long each
 * time; that holds up no other. What has arrived is noted in the store, so a new start goes on from there.
 */
typedef struct VigilUploadPump VigilUploadPump;

/**
 * VigilUploadPumpOptions:
 * @sink_new: makes the sink of each destination
 * @first_wait_ms: after the first failure, at most; then twice as long each time, with jitter: from half of it to all
 * @longest_wait_ms: but no longer than this, unless the destination asks for more (up to a day)
 * @tick_ms: how often bounds are enforced, and how late news may be noticed at worst
 */
typedef struct {
    VigilUploadSinkNew sink_new;
    guint first_wait_ms, longest_wait_ms, tick_ms;
} VigilUploadPumpOptions;

/** vigil_upload_pump_options_defaults: 1 s, 5 minutes, 5 s; sinks by the scheme of the address. */
VigilUploadPumpOptions vigil_upload_pump_options_defaults(void);

/**
 * vigil_upload_pump_new:
 * @store: open for writing; a reference is taken
 * @uploads: (element-type VigilUploadSettings): referenced; those and only those are the destinations from here on
 * @cameras: (element-type VigilCameraSettings) (nullable): referenced
 *
 * What is committed after this has returned is sent. With no destination there is no thread, once that was written down, until there are
 * some. All functions are called in the same thread, but for vigil_upload_pump_describe().
 */
VigilUploadPump *
vigil_upload_pump_new(VigilStore *store, const GPtrArray *uploads, const GPtrArray *cameras,
                      const VigilUploadPumpOptions *options);
/**
 * vigil_upload_pump_set:
 *
 * Others from here on: referenced, as those of vigil_upload_pump_new(). Never waits, neither for the disk nor for a broker: the pump's thread says
 * farewell, writes down where messages go, and makes the senders anew; what was under way is sent again, with the same keys. Where discovery
 * goes with a destination, its descriptions are taken away from the broker that is connected then.
 */
void
vigil_upload_pump_set(VigilUploadPump *self, const GPtrArray *uploads, const GPtrArray *cameras);
/** vigil_upload_pump_settle: waits until what can be sent was sent, for @max_ms at most; failing destinations are not waited for. */
void vigil_upload_pump_settle(VigilUploadPump *self, guint max_ms);
/** vigil_upload_pump_free: gives up what is under way at once; it is sent again by the next one. NULL-safe. */
void vigil_upload_pump_free(VigilUploadPump *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilUploadPump, vigil_upload_pump_free)

/** vigil_upload_pump_wants: %TRUE when it was made for the same, or they were set since. */
gboolean vigil_upload_pump_wants(const VigilUploadPump *self, const GPtrArray *uploads,
                                 const GPtrArray *cameras);

/** vigil_upload_pump_describe: adds an array with an object a destination: name, url, state, counters, last error. Threads: any. */
void vigil_upload_pump_describe(VigilUploadPump *self, JsonBuilder *json);

G_END_DECLS
