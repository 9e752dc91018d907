/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * Broker: a mosquitto of the test's own, with a port of its own, which keeps what it has through kills
 */
typedef struct {
    gchar *program, *folder, *config;
    guint16 port;
    GSubprocess *process;
} Broker;

/**
 * broker_prepare:
 * @more: lines of its configuration, "allow_anonymous true\n" for instance
 *
 * Returns: %FALSE, after a message, when there is no mosquitto here
 */
gboolean broker_prepare(Broker *self, const gchar *folder, const gchar *more);
/** broker_start: until it takes connections; fails the test when it does not. */
void broker_start(Broker *self);
/** broker_stop: with this signal; SIGTERM lets it write down what it has. */
void broker_stop(Broker *self, gint signal_number);
void broker_clear(Broker *self);

/** port_find_free: nobody listens on it now. */
guint16 port_find_free(void);

/**
 * Listener: a subscriber by libmosquitto of its own, with a session that the broker keeps while either is away
 */
typedef struct Listener Listener;

typedef struct {
    gchar *topic, *payload, *key; /* key: (nullable): user property */
    gboolean retained;
} Heard;

Listener *listener_new(guint16 port, const gchar *filter);
/**
 * listener_wait_subscribed: after the broker was started anew: one that was killed may have lost our session, and gives what comes
 * without subscribers to nobody
 */
void listener_wait_subscribed(Listener *self);
void listener_free(Listener *self);
/** listener_count: all that came so far. */
guint listener_count(Listener *self);
/** listener_get: (transfer none): of @index, until the listener is freed */
const Heard *listener_get(Listener *self, guint index);
/** listener_find: (nullable): the latest with this topic */
const Heard *listener_find(Listener *self, const gchar *topic);
/** listener_wait: until that payload came there last; %FALSE after so many seconds. The default main context goes on. */
gboolean listener_wait(Listener *self, const gchar *topic, const gchar *payload, gdouble seconds);
/** listener_publish: says so itself, and hears it too where it listens there. */
void listener_publish(Listener *self, const gchar *topic, const gchar *payload, gboolean retained);
/** iterate: the default main context, for so long. */
void iterate(gdouble seconds);

G_END_DECLS
