/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-yaml.h"

G_BEGIN_DECLS

#define VIGIL_SCHEDULE_MAX_SPANS 32
#define VIGIL_DAY_S 86400

/**
 * VigilScheduleSpan: a time of day on some days of the week, as a clock on a wall in the time zone shows it.
 */
typedef struct {
    guint days;         /* bit 0: Monday … bit 6: Sunday; the days on which it begins */
    guint from_s, to_s; /* seconds since midnight, 0..86400; to_s below from_s: to the next day's */
    const gchar *timezone; /* interned: IANA name */
    GTimeZone *rules;      /* of that; owned */
} VigilScheduleSpan;

/**
 * VigilSchedule:
 *
 * When a rule holds: a list of spans, any of which is enough. Immutable, reference counted; any thread may hold it.
 *
 * A span is asked what the clock there shows, so daylight saving takes care of itself: an hour that is skipped is never
 * shown, so a span that lies within it does not hold on that day and one that reaches into it is shorter; an hour that
 * is repeated is shown twice, and a span that lies within it holds twice on that day. A weekday is the one on which the
 * span began: `days: [fri], from: "22:00", to: "06:00"` lasts until Saturday morning.
 */
typedef struct {
    guint n_spans;
    VigilScheduleSpan *spans; /* owned */
} VigilSchedule;

/**
 * vigil_schedule_from_yaml:
 * @node: a mapping, or a list of such mappings
 *
 *     days: [mon-fri, sun]      # every day if left out; from a day to a day may go over the weekend: fri-mon
 *     from: "22:00"             # 00:00 if left out
 *     to: "06:00"               # 24:00 if left out; before `from`: on the next day
 *     timezone: Europe/Berlin   # of the IANA list, or UTC; there is no default, so a file means the same everywhere
 *
 * Returns: (transfer full): %NULL with the mistakes in @error
 */
VigilSchedule *vigil_schedule_from_yaml(const VigilYaml *node, GError **error);

/**
 * vigil_schedule_contains:
 * @wall_us: microseconds since 1970, UTC
 *
 * Does not allocate.
 */
gboolean vigil_schedule_contains(const VigilSchedule *self, gint64 wall_us);

/** vigil_schedule_equal: %NULL equals %NULL only. */
gboolean vigil_schedule_equal(const VigilSchedule *a, const VigilSchedule *b);
/** vigil_schedule_ref: (transfer full) (nullable): @self, which may be %NULL. */
VigilSchedule *vigil_schedule_ref(VigilSchedule *self);
void vigil_schedule_unref(VigilSchedule *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilSchedule, vigil_schedule_unref)

G_END_DECLS
