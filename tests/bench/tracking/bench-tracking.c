/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-tracking: how well objects keep their numbers.
 *
 *   bench-tracking [-n SEEDS] [-s SCENE]
 *
 * Vigil's tracker beside a plain one (greedy, by overlap with where each was last seen) on the same scripted scenes (track-script.c), at 2,
 * 5 and 10 frames a second, in CLEAR MOT and IDF1 (mot.h). Figures do not depend on the machine. The last columns
 * are the plain tracker's switches, and how much its IDF1 lacks, over Vigil's. At 2 frames a second the plain one finds too little to
 * have much that could switch: MOTA and IDF1 say so.
 */
#include <stdlib.h>

#include "tests/bench/tracking/track-scene.h"

typedef struct {
    gdouble switches, lack; /* sums of ratios' parts */
} Part;

typedef struct {
    Part vigil, plain;
    guint n, n_worse;
} Total;

static void
print_head(void)
{
    g_print("%-12s %4s | %6s %6s %5s %5s %6s | %6s %6s %5s %5s %6s | %8s %8s\n", "scene", "fps",
            "MOTA", "IDF1", "IDs", "frag", "false", "MOTA", "IDF1", "IDs", "frag", "false", "IDs",
            "1-IDF1");
    g_print("%-12s %4s | %32s | %32s | %17s\n", "", "", "vigil", "plain", "plain / vigil");
}

static void
print_scores(const MotScores *scores)
{
    g_print(" %6.3f %6.3f %5u %5u %6u |", scores->mota, scores->idf1, scores->n_switches,
            scores->n_fragments, scores->n_false);
}

static void
print_ratio(gdouble plain, gdouble vigil)
{
    if (vigil > 0.0)
        g_print(" %7.1fx", plain / vigil);
    else
        g_print(" %8s", plain > 0.0 ? "inf" : "-");
}

static void
run(const TrackScript *script, gdouble fps, guint n_seeds, Total *total)
{
    const TrackScores scores = track_scene_score(script, fps, n_seeds);

    g_print("%-12s %4.0f |", track_script_get_name(script), fps);
    print_scores(&scores.vigil);
    print_scores(&scores.plain);
    print_ratio(scores.plain.n_switches, scores.vigil.n_switches);
    print_ratio(1.0 - scores.plain.idf1, 1.0 - scores.vigil.idf1);
    g_print("\n");
    total->vigil.switches += scores.vigil.n_switches;
    total->plain.switches += scores.plain.n_switches;
    total->vigil.lack += 1.0 - scores.vigil.idf1;
    total->plain.lack += 1.0 - scores.plain.idf1;
    total->n++;
    total->n_worse +=
        scores.vigil.idf1 <= scores.plain.idf1 || scores.vigil.mota < scores.plain.mota;
}

int
main(int argc, char **argv)
{
    static const gdouble rates[] = {2.0, 5.0, 10.0};
    gint n_seeds = 20;
    g_autofree gchar *only = NULL;
    const GOptionEntry entries[] = {
        {"seeds", 'n', 0, G_OPTION_ARG_INT, &n_seeds, "Scenes of each script", "N"},
        {"scene", 's', 0, G_OPTION_ARG_STRING, &only, "Only this script", "NAME"},
        G_OPTION_ENTRY_NULL};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    const TrackScript *script;
    Total total = {0};

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || n_seeds < 1 ||
        (only && !track_script_find(only))) {
        g_printerr("%s\n", error ? error->message : "no such scene, or no scenes");
        return EXIT_FAILURE;
    }
    print_head();
    for (guint i = 0; (script = track_script_at(i)); i++)
        for (guint k = 0; k < G_N_ELEMENTS(rates); k++)
            if (!only || g_str_equal(only, track_script_get_name(script)))
                run(script, rates[k], (guint)n_seeds, &total);
    g_print("%u runs: switches %.0f : %.0f, mean 1-IDF1 %.4f : %.4f (vigil : plain); not better in "
            "IDF1, or worse in MOTA: %u\n",
            total.n, total.vigil.switches, total.plain.switches, total.vigil.lack / total.n,
            total.plain.lack / total.n, total.n_worse);
    return EXIT_SUCCESS;
}
