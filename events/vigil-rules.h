/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-condition.h"
#include "events/vigil-event.h"
#include "events/vigil-yaml.h"

G_BEGIN_DECLS

typedef struct {
    gfloat x, y;
} VigilPoint;

/* Of one camera. The filter keeps sets of them in 64 bits. */
#define VIGIL_RULES_MAX 64
#define VIGIL_ZONES_MAX 64
#define VIGIL_LINES_MAX 64
#define VIGIL_ZONE_MAX_POINTS 256
#define VIGIL_CLASSES_MAX 256 /* of a rule */

/** VigilZone: a polygon of at least 3 points, in parts of the frame. An object is in it when the middle of its box's lower edge is, and
 * it fits the zone's filter. */
typedef struct {
    const gchar *name; /* interned */
    guint n_points;
    VigilPoint *points;        /* owned */
    VigilObjectFilter *filter; /* (nullable): of the zone's own, owned; without zones */
} VigilZone;

/** VigilLine: from a to b. Crossing from its left to its right (seen from a towards b, in image coordinates) is "in". */
typedef struct {
    const gchar *name; /* interned */
    VigilPoint a, b;
} VigilLine;

typedef enum {
    VIGIL_DIRECTION_ANY,
    VIGIL_DIRECTION_IN,
    VIGIL_DIRECTION_OUT,
} VigilDirection;

/** VigilCooldownPer: whose events a rule's cooldown counts from. */
typedef enum {
    VIGIL_COOLDOWN_RULE,   /* the rule's, whichever object they were of */
    VIGIL_COOLDOWN_TRACK,  /* the rule's of the same object, as long as it is the same */
    VIGIL_COOLDOWN_CAMERA, /* any rule's of the camera */
} VigilCooldownPer;

/** VigilRuleKind: what a rule tells of. */
typedef enum {
    VIGIL_RULE_OBJECT,
    VIGIL_RULE_MISSING, /* a count of none */
    VIGIL_RULE_TAKT,    /* a dwell */
    VIGIL_RULE_LEFT,    /* an object that came while somebody looked stands still for `dwell` */
    VIGIL_RULE_REMOVED, /* an object that stood still for `dwell` does so no more */
} VigilRuleKind;

/**
 * VigilRule: what makes an event. Every condition that is given must hold.
 */
typedef struct {
    const gchar *name; /* interned */
    VigilRuleKind kind;
    const gchar **classes;     /* (nullable): interned, NULL-terminated; NULL: every class */
    guint classes_line;        /* in the file they are from, for messages; no part of equality */
    const gchar **zones;       /* (nullable): in any of these; NULL: anywhere */
    const gchar *line;         /* (nullable): fires when this line is crossed … */
    VigilDirection direction;  /* … this way */
    gfloat min_score;          /* median over the track's detections, 0..1, default 0.5 */
    gfloat min_size, max_size; /* height of the box in parts of the frame, default 0..1 */
    gfloat min_aspect, max_aspect; /* as of VigilObjectFilter */
    gint64 dwell_ns;               /* the conditions must hold this long first, default 0 */
    gint64
        cooldown_ns; /* after an event of this rule ended, no other begins for this long, default 0 */
    VigilCooldownPer cooldown_per;
    gint64
        end_after_ns; /* an event ends when its conditions have not held for this long, default 3 s */
    VigilCount count; /* if given: the event is the rule's, not an object's; see VigilEventFilter */
    GArray *when;     /* (nullable) (element-type VigilCondition): owned */
    VigilSchedule *schedule; /* (nullable): owned; NULL: always */
    gint64 merge_ns;  /* who is lost and comes back near his place within this goes on, default 0 */
    guint unreported; /* bits by VigilEventType, default none: see VigilEvent */
    gboolean record;  /* default TRUE */
    gint64 pre_ns, post_ns; /* default 5 s, 10 s */
} VigilRule;

/** VigilRules: the zones, lines and rules of one camera. Owned arrays; NULL-safe free. */
typedef struct {
    GArray *zones; /* (element-type VigilZone) */
    GArray *lines; /* (element-type VigilLine) */
    GArray *rules; /* (element-type VigilRule) */
} VigilRules;

/** vigil_rule_defaults: a rule without name and conditions that takes everything with a score from 0.5. */
VigilRule vigil_rule_defaults(void);

/** vigil_rule_get_filter: what the rule asks of an object; borrows its lists. */
VigilObjectFilter vigil_rule_get_filter(const VigilRule *rule);

/** vigil_rules_new: (transfer full): three empty arrays, which own what their items own. */
VigilRules *vigil_rules_new(void);
/** vigil_rules_copy: (transfer full) */
VigilRules *vigil_rules_copy(const VigilRules *self);
#define VIGIL_TYPE_RULES (vigil_rules_get_type())
/** vigil_rules_get_type: boxed, for a property of an element. */
GType vigil_rules_get_type(void);

/**
 * vigil_rules_from_yaml:
 * @node: a mapping that may have the keys `zones`, `lines`, `rules` (a camera of the configuration, or a rules file's root)
 * @error: every mistake on a line of its own: file, line, key, what is wrong and what would be right
 *
 * Other keys of @node are the caller's business. All three may be missing.
 *
 *     zones: {porch: [[0.1, 0.4], [0.6, 0.4], [0.6, 1.0]]}     # name: polygon
 *                                                              # or with filters of its own:
 *     #   hall: {points: [...], classes: [person], min_score: 0.7, min_size: 0.1, max_size: 1, min_aspect: 0.2, max_aspect: 1}
 *     lines: {gate: [[0.2, 0.5], [0.8, 0.5]]}                  # name: from, to
 *     rules:
 *       - name: visitor         # the only key that must be there
 *         classes: [person]
 *         zones: [porch]
 *         line: gate
 *         direction: in         # in, out, any; with a line only
 *         min_score: 0.6        # 0..1
 *         min_size: 0.1         # 0..1
 *         max_size: 0.9
 *         min_aspect: 0.2       # width to height, 0.01..100
 *         max_aspect: 0.8
 *         dwell: 2s             # up to 1d
 *         cooldown: 10s         # up to 7d
 *         cooldown_per: rule    # rule, track (other objects may go on) or camera (after events of any rule)
 *         end_after: 3s         # up to 1h
 *         merge: 10s            # up to 1h
 *         schedule: {days: [mon-fri], from: "22:00", to: "06:00", timezone: Europe/Berlin}  # or a list of such
 *         count: {at_least: 3}  # at_least and at_most, exactly, or differs_from: objects at once, 0..256
 *         when:                 # all, any, not: up to 32 conditions, 8 deep
 *           any:
 *             - {zones: [porch], min_size: 0.3}              # of the object: as above, from classes to max_aspect
 *             - not: {classes: [car], count: {at_least: 1}}  # of all objects: how many are like that
 *             - {rule_active: delivery}                      # another rule of the camera has an open event
 *             - {schedule: {from: "22:00", timezone: UTC}}
 *         on: [begin, end]      # begin, update, end: which messages are printed and sent; all if left out
 *         record: {pre: 5s, post: 10s}  # or true or false; up to 5m and 1h
 *
 * `kind: left` tells of an object that came while somebody looked and stands still for `dwell`, 3s or more, `kind: removed`
 * of one that stood still for `dwell` and does so no more. For inspection, `kind: missing` with classes and zones is a
 * `count: {at_most: 0}` (a `dwell` is advised), and `kind: takt` with zones and `takt: 45s` begins an event when an object
 * has been in the zone for longer than that.
 *
 * Returns: (transfer full): %NULL with the mistakes in @error
 */
VigilRules *vigil_rules_from_yaml(const VigilYaml *node, GError **error);

/**
 * vigil_polygon_from_yaml:
 * @points: (out) (transfer full): also when something is wrong with one of them; else as it was
 * @n_points: (out): at most %VIGIL_ZONE_MAX_POINTS
 *
 * Returns: %FALSE: it is no list of points, or they have no area
 */
gboolean vigil_polygon_from_yaml(const VigilYaml *node, VigilPoint **points, guint *n_points,
                                 GError **error);

/** vigil_rules_load: a file with just these three keys; any other key is an error. */
VigilRules *vigil_rules_load(const gchar *path, GError **error);

/** vigil_rules_equal: for a reload that touches only what changed. */
gboolean vigil_rules_equal(const VigilRules *a, const VigilRules *b);
/**
 * vigil_rules_get_reach: ns from the begin of the longest pre-roll to the frame on which its rule may fire: what a recording must
 * still have by then; 0 where no rule records.
 */
gint64 vigil_rules_get_reach(const VigilRules *self);
void vigil_rules_free(VigilRules *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilRules, vigil_rules_free)

G_END_DECLS
