/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-rules-trial.h"

#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>

#include "events/vigil-event.h"
#include "pipeline/vigil-camera-pipeline.h"
#include "pipeline/vigil-command.h"

#define POLL_NS (GST_SECOND / 4)
/* What is told of a long stay minute by minute is one line. */
#define JOIN_NS (2 * (gint64)GST_SECOND)

typedef struct {
    VigilRulesTrial *trial;
    VigilCameraPipeline *pipeline;
    GPtrArray *ends; /* (element-type VigilEvent) */
    gboolean stopped;
} Run;

void
vigil_rules_trial_free(VigilRulesTrial *self)
{
    if (!self)
        return;
    g_array_unref(self->decisions);
    g_free(self);
}

/* --- what the pipeline says ---------------------------------------------------------------------------------- */

static gboolean
goes_on(const VigilDecision *before, const VigilDecision *decision)
{
    return before->reason == decision->reason && before->reason != VIGIL_REASON_FIRED &&
           before->track_id == decision->track_id && before->rule == decision->rule &&
           before->label == decision->label && decision->start_ns >= before->end_ns &&
           decision->start_ns - before->end_ns <= JOIN_NS;
}

static void
add_decision(VigilRulesTrial *trial, const VigilDecision *decision)
{
    for (guint i = trial->decisions->len; i > 0; i--) {
        VigilDecision *before = &g_array_index(trial->decisions, VigilDecision, i - 1);

        if (!goes_on(before, decision))
            continue;
        before->end_ns = decision->end_ns;
        before->end_wall_us = decision->end_wall_us;
        before->value = decision->reason == VIGIL_REASON_FAINT ? MAX(before->value, decision->value)
                                                               : decision->value;
        return;
    }
    g_array_append_val(trial->decisions, *decision);
}

static void
take_decisions(Run *run, const GstStructure *structure)
{
    g_autoptr(GArray) decisions = NULL;

    if (!gst_structure_get(structure, "decisions", G_TYPE_ARRAY, &decisions, NULL))
        return;
    for (guint i = 0; i < decisions->len; i++)
        add_decision(run->trial, &g_array_index(decisions, VigilDecision, i));
}

static void
take_event(Run *run, const GstStructure *structure)
{
    VigilEvent *event = NULL;

    if (!gst_structure_get(structure, "event", VIGIL_TYPE_EVENT, &event, NULL))
        return;
    if (event->type == VIGIL_EVENT_END)
        g_ptr_array_add(run->ends, event);
    else
        vigil_event_unref(event);
}

static void
take_outcomes(Run *run, const GstStructure *structure)
{
    for (guint i = 0; i < VIGIL_N_OUTCOMES; i++) {
        guint count = 0;

        gst_structure_get_uint(structure, vigil_outcome_to_string(i), &count);
        run->trial->outcomes[i] += count;
    }
}

static void
on_element(Run *run, const GstStructure *structure)
{
    if (!structure)
        return;
    if (gst_structure_has_name(structure, "vigilevents-decisions"))
        take_decisions(run, structure);
    else if (gst_structure_has_name(structure, "vigilevents-event"))
        take_event(run, structure);
    else if (gst_structure_has_name(structure, "vigilevents-outcomes"))
        take_outcomes(run, structure);
    else if (gst_structure_has_name(structure, "vigildetect-model"))
        vigil_camera_pipeline_fit_tracker(run->pipeline, structure);
}

/* Returns: %FALSE when it was the last one: the end, or an error. */
static gboolean
on_message(Run *run, GstMessage *message, GError **error)
{
    switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ELEMENT: on_element(run, gst_message_get_structure(message)); return TRUE;
    case GST_MESSAGE_ERROR: gst_message_parse_error(message, error, NULL); return FALSE;
    case GST_MESSAGE_EOS: return FALSE;
    default: return TRUE;
    }
}

/* --- the run ------------------------------------------------------------------------------------------------- */

static void
show_progress(Run *run)
{
    g_autofree gchar *text = NULL;
    gint64 position, duration;

    if (!vigil_camera_pipeline_get_progress(run->pipeline, &position, &duration) || duration <= 0)
        return;
    text = g_strdup_printf("%3.0f %% of %.0f s", 100.0 * (gdouble)position / (gdouble)duration,
                           (gdouble)duration / 1e9);
    vigil_command_progress(text);
}

static gboolean
follow(Run *run, GError **error)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(vigil_camera_pipeline_get_element(run->pipeline));
    GError *local = NULL;
    gboolean more = TRUE;

    while (more && !run->stopped) {
        GstMessage *message = gst_bus_timed_pop(bus, POLL_NS);

        while (g_main_context_iteration(NULL, FALSE))
            ;
        if (message) {
            more = on_message(run, message, &local);
            gst_message_unref(message);
        } else {
            show_progress(run);
        }
    }
    vigil_command_progress(NULL);
    if (run->stopped)
        g_set_error(&local, G_IO_ERROR, G_IO_ERROR_CANCELLED, "interrupted");
    if (!local)
        return TRUE;
    g_propagate_error(error, local);
    return FALSE;
}

static gboolean
on_signal(gpointer user_data)
{
    ((Run *)user_data)->stopped = TRUE;
    return G_SOURCE_CONTINUE;
}

/* What an event was in the end is known when it has ended. */
static void
complete_events(Run *run)
{
    for (guint i = 0; i < run->trial->decisions->len; i++) {
        VigilDecision *decision = &g_array_index(run->trial->decisions, VigilDecision, i);

        for (guint e = 0; e < run->ends->len; e++) {
            const VigilEvent *event = run->ends->pdata[e];

            if (!g_str_equal(event->id, decision->event_id))
                continue;
            decision->end_ns = event->end_ns;
            decision->end_wall_us = event->end_wall_us;
            decision->value = event->score;
        }
    }
}

static gint
compare(gconstpointer a, gconstpointer b)
{
    const VigilDecision *first = a, *second = b;

    return first->start_ns < second->start_ns    ? -1
           : first->start_ns > second->start_ns  ? 1
           : first->track_id != second->track_id ? (first->track_id < second->track_id ? -1 : 1)
                                                 : g_strcmp0(first->rule, second->rule);
}

static gboolean
run_in(Run *run, const VigilCameraSettings *camera, const gchar *folder, GError **error)
{
    g_autofree gchar *database = g_build_filename(folder, "events.db", NULL);
    g_autofree gchar *clips = g_build_filename(folder, "clips", NULL);
    const VigilCameraPipelineOptions options = {.database = database, .clips = clips};
    g_autoptr(VigilCameraPipeline) pipeline = vigil_camera_pipeline_new(camera, &options, error);
    const guint signals[] = {g_unix_signal_add(SIGINT, on_signal, run),
                             g_unix_signal_add(SIGTERM, on_signal, run)};
    gboolean ok = FALSE;

    run->pipeline = pipeline;
    if (pipeline) {
        vigil_camera_pipeline_start(pipeline); /* what it refuses is said on the bus */
        ok = follow(run, error);
    }
    for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
        g_source_remove(signals[i]);
    return ok;
}

/* Of what the run itself wrote. */
static void
remove_folder(GFile *folder)
{
    g_autoptr(GFileEnumerator) files = g_file_enumerate_children(
        folder, "standard::name,standard::type", G_FILE_QUERY_INFO_NOFOLLOW_SYMLINKS, NULL, NULL);
    GFileInfo *info;
    GFile *child;

    while (files && g_file_enumerator_iterate(files, &info, &child, NULL, NULL) && info) {
        if (g_file_info_get_file_type(info) == G_FILE_TYPE_DIRECTORY)
            remove_folder(child);
        else
            g_file_delete(child, NULL, NULL);
    }
    g_file_delete(folder, NULL, NULL);
}

/* A file in place of the camera's stream, of which nothing is kept. */
static gboolean
prepare(VigilCameraSettings *camera, const gchar *video, GError **error)
{
    g_autofree gchar *here = g_get_current_dir();
    VigilSource *source = vigil_source_parse(video, here, error);

    if (!source)
        return FALSE;
    if (source->kind != VIGIL_SOURCE_FILE) {
        g_set_error(error, VIGIL_SOURCE_ERROR, VIGIL_SOURCE_ERROR_UNSUPPORTED,
                    "%s: rules are tried on a file", source->display);
        vigil_source_free(source);
        return FALSE;
    }
    vigil_source_free(camera->source);
    camera->source = source;
    g_clear_pointer(&camera->detect_source, vigil_source_free);
    camera->metadata_only = TRUE;
    for (guint i = 0; i < camera->rules->rules->len; i++)
        g_array_index(camera->rules->rules, VigilRule, i).record = FALSE;
    return TRUE;
}

VigilRulesTrial *
vigil_rules_trial_run(VigilCameraSettings *camera, const gchar *video, GError **error)
{
    g_autoptr(VigilRulesTrial) trial = g_new0(VigilRulesTrial, 1);
    g_autofree gchar *path = NULL;
    g_autoptr(GFile) folder = NULL;
    Run run = {.trial = trial};
    gboolean ok;

    trial->decisions = g_array_new(FALSE, FALSE, sizeof(VigilDecision));
    if (!prepare(camera, video, error) || !(path = g_dir_make_tmp("vigil-rules-XXXXXX", error)))
        return NULL;
    folder = g_file_new_for_path(path);
    run.ends = g_ptr_array_new_with_free_func((GDestroyNotify)vigil_event_unref);
    ok = run_in(&run, camera, path, error);
    if (ok) {
        complete_events(&run);
        g_array_sort(trial->decisions, compare);
    }
    g_ptr_array_unref(run.ends);
    remove_folder(folder);
    return ok ? g_steal_pointer(&trial) : NULL;
}
