/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/bench/tracking/track-scene.h"

G_BEGIN_DECLS

#define TRACK_MAX_PLACES 24
#define TRACK_MAX_PILLARS 8
#define TRACK_MAX_DIPS 4

/** TrackObject: goes from place to place at even speed; x: centre, y: feet. Low scores in the spans of @dips. */
typedef struct {
    const gchar *label;
    gdouble width, height;
    struct {
        gdouble s, x, y;
    } places[TRACK_MAX_PLACES];
    guint n_places;
    struct {
        gdouble from_s, to_s;
    } dips[TRACK_MAX_DIPS];
    guint n_dips;
} TrackObject;

/**
 * TrackPlan:
 * @jitter: of a box's edges, standard deviation in parts of its size
 * @miss_rate, @false_rate: of an object in a frame; of a frame
 * @skip_rate: of frames that nobody looks at
 * @shake: how far the camera swings, in parts of the frame; @kicks: how often a second it is knocked besides
 * @pillars: of which nothing is seen behind; nearer than all objects
 */
typedef struct {
    TrackObject objects[TRACK_SCENE_MAX];
    guint n_objects;
    VigilBox pillars[TRACK_MAX_PILLARS];
    guint n_pillars;
    gdouble duration_s, jitter, miss_rate, false_rate, skip_rate, shake, kicks;
} TrackPlan;

struct _TrackScript {
    const gchar *name;
    void (*plan)(TrackPlan *plan, GRand *dice);
};

G_END_DECLS
