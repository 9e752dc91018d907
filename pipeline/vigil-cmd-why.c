/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-command.h"
#include "pipeline/vigil-store-place.h"
#include "pipeline/vigil-time.h"
#include "pipeline/vigil-why.h"

#define AROUND_S 10

static gboolean
read_format(const gchar *text, gboolean *json)
{
    *json = g_strcmp0(text, "json") == 0;
    return !text || *json || g_str_equal(text, "text");
}

static VigilExit
answer(VigilStore *store, const gchar *camera, gint64 at_us, gint around_s, gboolean json)
{
    g_autoptr(VigilWhy) why = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree gchar *text = NULL;
    gboolean has = FALSE;

    if (vigil_store_has_camera(store, camera, &has, &error) && !has) {
        vigil_command_error("%s: the store knows no camera of this name", camera);
        return VIGIL_EXIT_NOT_FOUND;
    }
    if (!error)
        why = vigil_why_ask(store, camera, at_us, around_s * (gint64)G_USEC_PER_SEC,
                            g_get_real_time(), &error);
    if (!why) {
        vigil_command_error("%s", error->message);
        return VIGIL_EXIT_FAILED;
    }
    text = json ? vigil_why_to_json(why) : vigil_why_to_text(why);
    return vigil_command_print(text) ? VIGIL_EXIT_OK : VIGIL_EXIT_FAILED;
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(VigilStorePlace) place = {NULL};
    g_autofree gchar *format = NULL;
    gint around_s = AROUND_S;
    const GOptionEntry entries[] = {
        {"around", 0, 0, G_OPTION_ARG_INT, &around_s,
         "What was seen so many seconds before and after counts as well (default 10)", "S"},
        {"format", 0, 0, G_OPTION_ARG_STRING, &format, "text (default) or json", "F"},
        VIGIL_STORE_PLACE_ENTRIES(place),
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    g_autoptr(VigilStore) store = NULL;
    g_autoptr(GError) error = NULL;
    gboolean json;
    gint64 at_us;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 2, 2, &args, &code))
        return code;
    if (!read_format(format, &json))
        return vigil_command_usage_error(self, "--format %s: write text or json", format);
    if (around_s < 0 || around_s > 3600)
        return vigil_command_usage_error(self, "--around %d: write 0 to 3600 seconds", around_s);
    if (!vigil_time_parse(args[1], g_get_real_time(), &at_us, &error))
        return vigil_command_usage_error(self, "%s", error->message);
    store = vigil_store_place_open_reader(&place, &code);
    return store ? answer(store, args[0], at_us, around_s, json) : code;
}

const VigilCommand vigil_cmd_why = {
    "why", "CAMERA TIME", "Why there is an event at a time, or why there is none",
    "TIME is a time or how long ago, as in \"vigil events --since\". The first line ends with the "
    "reason in "
    "one\nsentence; below it, what is known: camera, frames of that minute, events, and what each "
    "rule made of "
    "each object.\nWhat happened in the last two minutes may not be written yet.\n",
    run};
