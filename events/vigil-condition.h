/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-schedule.h"

G_BEGIN_DECLS

/**
 * VigilObjectFilter: what an object has to be like. Every condition that is given must hold.
 */
typedef struct {
    const gchar **classes;     /* (nullable): interned, NULL-terminated; NULL: every class */
    const gchar **zones;       /* (nullable): in any of these; NULL: anywhere */
    guint classes_line;        /* in the file they are from, for messages; no part of equality */
    gfloat min_score;          /* median over the track's detections, 0..1, default 0.5 */
    gfloat min_size, max_size; /* height of the box in parts of the frame, default 0..1 */
    gfloat min_aspect,
        max_aspect; /* width of the box to its height as it is seen, default 0..G_MAXFLOAT */
} VigilObjectFilter;

/** VigilCount: a number of objects at once. Zeroed: nobody counts. */
typedef struct {
    gboolean given;
    guint min, max;   /* inclusive; G_MAXUINT: any */
    gboolean differs; /* it is out of this range */
} VigilCount;

/* Of one rule's `when`. */
#define VIGIL_CONDITIONS_MAX 32
#define VIGIL_CONDITIONS_MAX_DEPTH 8

typedef enum {
    VIGIL_CONDITION_ALL,
    VIGIL_CONDITION_ANY,
    VIGIL_CONDITION_NOT,
    VIGIL_CONDITION_OBJECT,      /* the object at hand fits the filter */
    VIGIL_CONDITION_COUNT,       /* so many objects fit the filter */
    VIGIL_CONDITION_RULE_ACTIVE, /* another rule has an open event */
    VIGIL_CONDITION_SCHEDULE,
} VigilConditionKind;

/**
 * VigilCondition:
 * @size: nodes of this one's tree, itself included; its children follow it in the array, each with its own tree
 *
 * A node of `when`.
 */
typedef struct {
    VigilConditionKind kind;
    guint size;
    VigilObjectFilter *filter; /* OBJECT and COUNT: owned */
    VigilCount count;          /* COUNT */
    const gchar *rule;         /* RULE_ACTIVE: interned */
    guint rule_index;          /* among the camera's rules */
    VigilSchedule *schedule;   /* SCHEDULE: owned */
} VigilCondition;

/** vigil_names_copy: (transfer container) (nullable): %NULL of %NULL. */
const gchar **vigil_names_copy(const gchar **names);

gboolean vigil_count_equal(const VigilCount *a, const VigilCount *b);

/** vigil_object_filter_new: (transfer full): takes everything with a score from @min_score. */
VigilObjectFilter *vigil_object_filter_new(gfloat min_score);
/** vigil_object_filter_copy: (transfer full) (nullable) */
VigilObjectFilter *vigil_object_filter_copy(const VigilObjectFilter *self);
gboolean vigil_object_filter_equal(const VigilObjectFilter *a, const VigilObjectFilter *b);
void vigil_object_filter_free(VigilObjectFilter *self);

/** vigil_conditions_new: (transfer full) (element-type VigilCondition): empty; owns what its nodes own. */
GArray *vigil_conditions_new(void);
/** vigil_conditions_copy: (transfer full) (nullable): %NULL of %NULL. */
GArray *vigil_conditions_copy(const GArray *self);
gboolean vigil_conditions_equal(const GArray *a, const GArray *b);

G_END_DECLS
