/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store.h"

G_BEGIN_DECLS

/*
 * The outbox: what vigil_store_commit_event() commits is also written down as a message, in the same transaction, while
 * there is any destination. Each destination has its own place in it, which a restart does not change: a message is sent at least
 * once, and with the same key each time. Every function may be called from any thread and needs a store opened for
 * writing, but for reading and vigil_outbox_get_state().
 */

/**
 * VigilOutboxDestination:
 * @name: unique
 * @max_age_us: messages that waited longer are dropped; 0: never. As old as vigil_store_enforce_limits() says.
 * @max_bytes: more may not wait, the oldest are dropped; 0: no bound
 */
typedef struct {
    const gchar *name;
    gint64 max_age_us, max_bytes;
} VigilOutboxDestination;

/**
 * vigil_outbox_set_destinations:
 *
 * Says where messages go from here on. One that was there keeps its place; a new one begins with the next message; one that
 * is not named any more is forgotten, with what waits for it alone.
 */
gboolean vigil_outbox_set_destinations(VigilStore *self, const VigilOutboxDestination *destinations,
                                       guint n, GError **error);

/**
 * vigil_outbox_set_notify:
 * @func: (nullable): called when a message was committed, by any thread that commits and with the store locked: it may not
 *   use the store nor wait for anything
 *
 * Of several that wait for news the last one is told; look from time to time all the same, as another open store may take
 * this one's place, see vigil_store_renew(). After it was set to %NULL it is not called any more.
 */
void
vigil_outbox_set_notify(VigilStore *self, void (*func)(gpointer user_data), gpointer user_data);

/**
 * VigilOutboxMessage:
 * @sequence: grows with each message
 * @number: of this message among those of its event
 * @key: "EVENT-TYPE-NUMBER", the same in each attempt and after a restart
 * @json: one line as vigil_event_to_json() makes it
 * @wall_us: of its commit
 */
typedef struct {
    gint64 sequence;
    gchar *event_id, *camera, *key, *json;
    VigilEventType type;
    guint number;
    gint64 wall_us;
} VigilOutboxMessage;

void vigil_outbox_message_free(VigilOutboxMessage *self);

/**
 * vigil_outbox_read:
 * @after: sequence of the message before
 * @max_messages: at least 1
 * @max_bytes: of JSON together; the first message comes however long it is
 *
 * Returns: (transfer full) (element-type VigilOutboxMessage) (nullable): in order; empty when there is nothing behind @after
 */
GPtrArray *vigil_outbox_read(VigilStore *self, gint64 after, guint max_messages, gsize max_bytes,
                             GError **error);

/** vigil_outbox_acknowledge: all up to @sequence have arrived. On return that is on disk. What it passed already counts once. */
gboolean vigil_outbox_acknowledge(VigilStore *self, const gchar *destination, gint64 sequence,
                                  GError **error);

/**
 * vigil_outbox_refuse:
 * @sequence: the first message that the destination has not passed; those before it count as arrived
 * @reason: why it will never be taken
 *
 * Sets one message aside for this destination.
 */
gboolean vigil_outbox_refuse(VigilStore *self, const gchar *destination, gint64 sequence,
                             const gchar *reason, GError **error);

/**
 * vigil_outbox_enforce:
 * @n_changed: (out): messages that were dropped or deleted; 0: all is within its bounds
 *
 * One small step: drops what is over a destination's bounds and deletes what all have passed.
 */
gboolean vigil_outbox_enforce(VigilStore *self, guint *n_changed, GError **error);

/**
 * VigilOutboxState:
 * @passed: sequence of the last message that is done with
 * @waiting: messages behind it
 * @waiting_bytes: their JSON
 * @oldest_wall_us: when the first of them was committed; 0: none waits
 * @sent: messages ever, as @refused and @dropped
 */
typedef struct {
    gint64 passed, waiting, waiting_bytes, oldest_wall_us;
    gint64 sent, refused, dropped;
} VigilOutboxState;

/** vigil_outbox_get_state: %VIGIL_STORE_ERROR_NOT_FOUND when there is no such destination. */
gboolean vigil_outbox_get_state(VigilStore *self, const gchar *destination, VigilOutboxState *state,
                                GError **error);

/**
 * vigil_outbox_get_installation: (transfer full) (nullable)
 *
 * What tells this store from all others, the same after each start: 16 digits made from its first public key. A copy of the whole store has the same.
 */
gchar *vigil_outbox_get_installation(VigilStore *self);

/** vigil_outbox_get_frame_size: of the last clip that @camera has, of the last 1,000 of all; %FALSE and 0 without one. */
gboolean
vigil_outbox_get_frame_size(VigilStore *self, const gchar *camera, gint *width, gint *height);

G_END_DECLS
