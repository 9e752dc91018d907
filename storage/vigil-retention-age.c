/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is too old. Ages count within a run, since that is where clocks can be compared: runs of this boot by the monotonic
 * clock, others by the wall clock that they are known to have had.
 */
#include "storage/vigil-clip-parts.h"
#include "storage/vigil-retention-private.h"

/* No clock of ours was ever set before this: 2020-01-01. Such times say nothing about an age. */
#define FIRST_SANE_WALL_US G_GINT64_CONSTANT(1577836800000000)
#define LONG_AGO_US (-(G_GINT64_CONSTANT(1) << 62))
#define MAX_LOOKED_AT 256

typedef struct {
    gint64 from_us, to_us; /* monotonic of that run; what was committed in between is too old */
} Span;

typedef struct {
    gint64 mono_us, seq;
    gboolean pinned, is_open, has_snapshot;
    guint owner; /* index of the rule that decides */
} Candidate;

void
vigil_age_scan_reset(VigilAgeScan *self)
{
    if (self->places)
        g_array_set_size(self->places, 0);
    self->at = (VigilAgePlace){0};
    self->held = FALSE;
}

static VigilAgePlace *
find_place(VigilAgeScan *scan, gint64 run_id)
{
    const VigilAgePlace place = {run_id, LONG_AGO_US - 1, 0};

    if (!scan->places)
        scan->places = g_array_new(FALSE, FALSE, sizeof(VigilAgePlace));
    for (guint i = 0; i < scan->places->len; i++) {
        VigilAgePlace *found = &g_array_index(scan->places, VigilAgePlace, i);

        if (found->run_id == run_id)
            return found;
    }
    g_array_append_val(scan->places, place);
    return &g_array_index(scan->places, VigilAgePlace, scan->places->len - 1);
}

/* The first run behind @after that has events; 0: none. Runs without any are not looked at. */
static gboolean
next_run(VigilStore *self, gint64 after, gint64 *run_id, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT min(run_id) FROM events WHERE run_id > :after");

    vigil_statement_int(&find, ":after", after);
    *run_id = vigil_statement_step(&find, &local) ? sqlite3_column_int64(find.stmt, 0) : 0;
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
find_span(VigilStore *self, gint64 run_id, gint64 max_age_us, Span *span, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT boot_id, wall_offset_us FROM runs WHERE id = :run");
    gint64 offset_us;

    *span = (Span){0, 0};
    vigil_statement_int(&find, ":run", run_id);
    if (!vigil_statement_step(&find, &local)) {
        if (!local)
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    if (g_strcmp0(vigil_statement_get_text(&find, 0), self->boot_id) == 0) {
        *span = (Span){LONG_AGO_US, vigil_store_clock_mono(&self->clock) - max_age_us};
        return TRUE;
    }
    offset_us = sqlite3_column_int64(find.stmt, 1);
    *span = (Span){FIRST_SANE_WALL_US - offset_us,
                   vigil_store_clock_trusted(&self->clock) - max_age_us - offset_us};
    return TRUE;
}

static gboolean
matches(const gchar *wanted, const gchar *name)
{
    return !wanted || g_strcmp0(wanted, name) == 0;
}

/* The first that matches; the default is behind them. */
static guint
find_owner(VigilStore *self, const gchar *camera, const gchar *label, const gchar *rule)
{
    guint i;

    for (i = 0; i < self->n_keep; i++) {
        const VigilStoreKeep *keep = &self->keep[i];

        if (matches(keep->camera, camera) && matches(keep->label, label) &&
            matches(keep->rule, rule))
            break;
    }
    return i;
}

static Candidate
read_candidate(VigilStore *self, VigilStatement *row)
{
    return (Candidate){
        .seq = sqlite3_column_int64(row->stmt, 0),
        .mono_us = sqlite3_column_int64(row->stmt, 1),
        .pinned = sqlite3_column_int(row->stmt, 2) != 0,
        .is_open = sqlite3_column_int(row->stmt, 3) != 0,
        .owner = find_owner(self, vigil_statement_need_text(row, 4),
                            vigil_statement_need_text(row, 5), vigil_statement_need_text(row, 6)),
        .has_snapshot = sqlite3_column_int(row->stmt, 7) != 0,
    };
}

static GArray *
list_candidates(VigilStore *self, const VigilAgePlace *at, const Span *span, GError **error)
{
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(Candidate));
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(
        self, "SELECT e.seq, e.committed_mono_us, e.pinned, "
              "e.end_reason IS NULL OR coalesce(c.state = 'open', 0) OR EXISTS (SELECT 1 FROM "
              "event_parts p CROSS JOIN clips q ON q.id = p.clip_id WHERE p.event_seq = e.seq AND "
              "q.state = 'open'), k.name, e.label, e.rule, "
              "EXISTS (SELECT 1 FROM snapshots s WHERE s.event_seq = e.seq) "
              "FROM events e CROSS JOIN cameras k ON k.id = e.camera_id "
              "LEFT JOIN clips c ON c.id = e.clip_id "
              "WHERE e.run_id = :run AND (e.committed_mono_us, e.seq) > (:mono, :seq) AND "
              "e.committed_mono_us < :until ORDER BY e.committed_mono_us, e.seq LIMIT :limit");

    vigil_statement_int(&list, ":run", at->run_id);
    vigil_statement_int(&list, ":mono", MAX(at->mono_us, span->from_us - 1));
    vigil_statement_int(&list, ":seq", at->mono_us >= span->from_us ? at->seq : G_MAXINT64);
    vigil_statement_int(&list, ":until", span->to_us);
    vigil_statement_int(&list, ":limit", MAX_LOOKED_AT);
    while (vigil_statement_step(&list, &local)) {
        const Candidate candidate = read_candidate(self, &list);

        g_array_append_val(found, candidate);
    }
    if (!local)
        return g_steal_pointer(&found);
    g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
}

typedef enum {
    WHAT_PASSES, /* needs not be looked at again */
    WHAT_GOES,
    WHAT_HOLDS, /* may go later */
} What;

static What
judge_event(VigilStore *self, guint scan, const Candidate *candidate, VigilDue *due)
{
    if (candidate->pinned || candidate->owner != scan)
        return WHAT_PASSES;
    if (candidate->is_open)
        return WHAT_HOLDS;
    g_array_append_val(due->events, candidate->seq);
    return WHAT_GOES;
}

/* A clip that several events have is as old as the youngest of them, and stays with a pinned one. */
static gboolean
judge_siblings(VigilStore *self, const Candidate *candidate, gint64 clip_id, What *what,
               GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(
        self,
        "SELECT max(o.pinned <> 0), max((o.run_id, o.committed_mono_us, o.seq) > "
        "(e.run_id, e.committed_mono_us, e.seq)) FROM (SELECT seq FROM events WHERE "
        "clip_id = :clip UNION ALL SELECT event_seq FROM event_parts WHERE clip_id = :clip) m "
        "CROSS JOIN events o ON o.seq = m.seq CROSS JOIN events e ON e.seq = :seq");

    vigil_statement_int(&find, ":seq", candidate->seq);
    vigil_statement_int(&find, ":clip", clip_id);
    if (vigil_statement_step(&find, &local))
        *what = sqlite3_column_int(find.stmt, 0)   ? WHAT_PASSES
                : sqlite3_column_int(find.stmt, 1) ? WHAT_HOLDS
                                                   : WHAT_GOES;
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
judge_clips(VigilStore *self, const Candidate *candidate, VigilDue *due, What *what, GError **error)
{
    g_autoptr(GArray) parts = NULL;
    gboolean has_file = FALSE;

    *what = WHAT_PASSES;
    if (candidate->pinned)
        return TRUE;
    if (candidate->is_open) {
        *what = WHAT_HOLDS;
        return TRUE;
    }
    parts = vigil_clip_parts_list(self, candidate->seq, TRUE, error);
    if (!parts)
        return FALSE;
    for (guint i = 0; i < parts->len; i++) {
        const VigilClipPart *part = &g_array_index(parts, VigilClipPart, i);
        What of_part = WHAT_PASSES;

        if (!part->has_file)
            continue;
        if (!judge_siblings(self, candidate, part->id, &of_part, error))
            return FALSE;
        has_file |= of_part == WHAT_GOES;
        *what = MAX(*what, of_part);
        if (of_part == WHAT_GOES)
            g_array_append_val(due->clips, part->id);
    }
    if (!has_file && candidate->has_snapshot)
        g_array_append_val(due->snapshots, candidate->seq);
    return TRUE;
}

/* Looks at @candidates in their order until @n_max are due; what is behind them is for the next time. */
static gboolean
judge(VigilStore *self, guint index, const GArray *candidates, guint n_max, VigilDue *due,
      GError **error)
{
    VigilAgeScan *scan = &self->retention->scans[index];
    VigilAgePlace *place = find_place(scan, scan->at.run_id);
    const gboolean of_clips = index == self->n_keep + 1;

    for (guint i = 0; i < candidates->len; i++) {
        const Candidate *candidate = &g_array_index(candidates, Candidate, i);
        What what;

        if (due->events->len + due->clips->len + due->snapshots->len >= n_max)
            break;
        if (!of_clips)
            what = judge_event(self, index, candidate, due);
        else if (!judge_clips(self, candidate, due, &what, error))
            return FALSE;
        scan->held = scan->held || what == WHAT_HOLDS;
        scan->at.mono_us = candidate->mono_us;
        scan->at.seq = candidate->seq;
        if (!scan->held)
            *place = scan->at;
    }
    return TRUE;
}

static gint64
max_age_of(VigilStore *self, guint index)
{
    if (index < self->n_keep)
        return self->keep[index].max_age_us;
    return index == self->n_keep ? self->max_age_us : self->clips_max_age_us;
}

/* @done: (out): there is no further run */
static gboolean
begin_next_run(VigilStore *self, VigilAgeScan *scan, gboolean *done, GError **error)
{
    gint64 run_id;

    if (!next_run(self, scan->at.run_id, &run_id, error))
        return FALSE;
    scan->held = FALSE;
    *done = run_id == 0;
    if (*done)
        scan->at = (VigilAgePlace){0};
    else
        scan->at = *find_place(scan, run_id);
    return TRUE;
}

gboolean
vigil_age_scan_find(VigilStore *self, guint index, guint n_max, VigilDue *due, gboolean *done,
                    GError **error)
{
    VigilAgeScan *scan = &self->retention->scans[index];
    g_autoptr(GArray) candidates = NULL;
    Span span;

    *done = max_age_of(self, index) == 0;
    if (*done)
        return TRUE;
    if (!scan->at.run_id)
        return begin_next_run(self, scan, done, error);
    if (!find_span(self, scan->at.run_id, max_age_of(self, index), &span, error))
        return FALSE;
    candidates = list_candidates(self, &scan->at, &span, error);
    if (!candidates)
        return FALSE;
    if (candidates->len == 0)
        return begin_next_run(self, scan, done, error);
    return judge(self, index, candidates, n_max, due, error);
}
