/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the event filter share: a filter, the events that it told, and people to look at. */
#pragma once

#include <check.h>

#include "events/vigil-event-filter.h"

#define SECOND G_GINT64_CONSTANT(1000000000)
#define MS G_GINT64_CONSTANT(1000000)
#define WALL G_GINT64_CONSTANT(1700000000000000)

extern GPtrArray *events; /* (element-type VigilEvent): as they were told */
extern VigilEventFilter *filter;
extern const gchar *const two_zones; /* left and right half, and the lower half: floor */

void scene_setup(void);
void scene_teardown(void);

/* Camera "door", time 0 at WALL, no updates. */
VigilEventFilterOptions options_of_test(void);
void start(const gchar *yaml);
void start_with(const gchar *yaml, const VigilEventFilterOptions *options);

/* A person of a fifth of the frame's width and two fifths of its height, whose feet are at x, y. */
VigilTrack person_at(guint64 id, gfloat x, gfloat y, gfloat score);
void look(gint64 time_ns, const VigilTrack *tracks, guint n);
void look_at_one(gint64 time_ns, guint64 id, gfloat x, gfloat y, gfloat score);
/* The same person at the same place, ten frames a second. */
void stand(gint64 from_ns, gint64 to_ns, guint64 id, gfloat x, gfloat y, gfloat score);
void nobody(gint64 from_ns, gint64 to_ns);

VigilEvent *event_at(guint index);
/* "b1 u1 e1 b2 ...": begin, update, end; the number is the event in the order of their begins. */
void assert_story(const gchar *expected);
