/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pipeline/vigil-settings-private.h"
#include "pipeline/vigil-time.h"
#include "plugins/decode/vigil-decoder-choice.h"

#define LONGEST_NAME 64
#define DEFAULT_MAX_AGE_NS (1000 * G_GINT64_CONSTANT(1000000))
#define DEFAULT_LATENCY_NS (200 * G_GINT64_CONSTANT(1000000))
/* A parked car must not fill the disk with one file. */
#define DEFAULT_MAX_CLIP_NS (600 * G_GINT64_CONSTANT(1000000000))
#define SHORTEST_CLIP_NS 1e9
#define LONGEST_CLIP_NS (24 * 3600e9)

static void
read_name(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    VigilCameraSettings *self = target;
    const gchar *text = NULL;
    GError *error = NULL;

    if (vigil_yaml_read_string(node, &text, &error)) {
        const gsize good = strspn(text, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "-_.");

        if (!*text || text[good] || *text == '.' || strlen(text) > LONGEST_NAME)
            vigil_yaml_set_error(node, &error,
                                 "\"%s\" cannot be a camera's name: 1 to %d letters, digits, `-`, "
                                 "`_` or `.`, not beginning with a dot (a folder is named so)",
                                 text, LONGEST_NAME);
        else
            self->name = g_strdup(text);
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_source(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    VigilCameraSettings *self = target;
    g_autoptr(GError) reason = NULL;
    const gchar *text = NULL;
    GError *error = NULL;

    if (vigil_yaml_read_string(node, &text, &error)) {
        self->source = vigil_source_parse(text, user_data, &reason);
        if (!self->source)
            vigil_yaml_set_error(node, &error, "%s", reason->message);
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_start_time(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
                gpointer user_data)
{
    VigilCameraSettings *self = target;
    g_autoptr(GError) reason = NULL;
    const gchar *text = NULL;
    GError *error = NULL;

    if (vigil_yaml_read_string(node, &text, &error)) {
        if (!strchr(text, '-') || !vigil_time_parse(text, 0, &self->start_time_us, &reason) ||
            self->start_time_us < 0)
            vigil_yaml_set_error(node, &error,
                                 "\"%s\" is no time since 1970: write 2026-05-01T12:30:00Z", text);
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_own_model(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
               gpointer user_data)
{
    vigil_model_settings_read(node, &((VigilCameraSettings *)target)->model, user_data, mistakes);
}

static void
read_detect(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    static const VigilYamlKey keys[] = {
        {.name = "fps",
         .type = VIGIL_YAML_KEY_DOUBLE,
         .offset = G_STRUCT_OFFSET(VigilCameraSettings, fps),
         .min = 0.1,
         .max = 240},
        {.name = "weight",
         .type = VIGIL_YAML_KEY_INT,
         .offset = G_STRUCT_OFFSET(VigilCameraSettings, weight),
         .min = 1,
         .max = 1000},
        {.name = "max_age",
         .type = VIGIL_YAML_KEY_DURATION,
         .offset = G_STRUCT_OFFSET(VigilCameraSettings, max_age_ns),
         .min = 0,
         .max = 3600e9},
        {.name = "threshold",
         .type = VIGIL_YAML_KEY_DOUBLE,
         .offset = G_STRUCT_OFFSET(VigilCameraSettings, threshold),
         .min = 0.01,
         .max = 1},
        {.name = "model", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_own_model},
        {.name = NULL},
    };

    vigil_yaml_table_read(node, keys, target, mistakes, user_data);
}

static void
read_motion(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    vigil_motion_settings_read(node, &((VigilCameraSettings *)target)->motion, mistakes);
}

static void
read_capture(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
             gpointer user_data)
{
    vigil_capture_settings_read(node, &((VigilCameraSettings *)target)->capture, mistakes);
}

static void
read_decoder(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
             gpointer user_data)
{
    VigilCameraSettings *self = target;
    const gchar *text = NULL;
    GError *error = NULL;

    if (vigil_yaml_read_string(node, &text, &error)) {
        g_autofree gchar *names = vigil_decoder_get_names();

        if (!vigil_decoder_is_wish(text))
            vigil_yaml_set_error(node, &error,
                                 "\"%s\" is none of: auto, software, hardware, or an element: %s",
                                 text, names);
        else if (!g_str_equal(text, "auto"))
            self->decoder = g_strdup(text);
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_continuous(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
                gpointer user_data)
{
    vigil_continuous_settings_read(node, &((VigilCameraSettings *)target)->continuous, mistakes);
}

static void
read_masks(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    vigil_privacy_settings_read_masks(node, &((VigilCameraSettings *)target)->masks, mistakes);
}

static void
read_metadata_only(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
                   gpointer user_data)
{
    vigil_privacy_settings_read_metadata_only(node, &((VigilCameraSettings *)target)->metadata_only,
                                              mistakes);
}

static void
read_audio(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    GError *error = NULL;

    vigil_yaml_read_bool(node, &((VigilCameraSettings *)target)->audio, &error);
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_detect_source(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
                   gpointer user_data)
{
    VigilCameraSettings *self = target;
    g_autoptr(GError) reason = NULL;
    const gchar *text = NULL;
    GError *error = NULL;

    if (vigil_yaml_read_string(node, &text, &error)) {
        self->detect_source = vigil_source_parse(text, user_data, &reason);
        if (!self->detect_source)
            vigil_yaml_set_error(node, &error, "%s", reason->message);
        else if (self->detect_source->kind != VIGIL_SOURCE_RTSP)
            vigil_yaml_set_error(node, &error,
                                 "another stream of a camera at rtsp:// or rtsps:// is meant");
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_credentials(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
                 gpointer user_data)
{
    vigil_rtsp_settings_read_credentials(node, &((VigilCameraSettings *)target)->rtsp, user_data,
                                         mistakes);
}

static void
read_tls(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    vigil_rtsp_settings_read_tls(node, &((VigilCameraSettings *)target)->rtsp, user_data, mistakes);
}

static void
read_keys(const VigilYaml *node, VigilCameraSettings *self, const gchar *base,
          VigilYamlMistakes *mistakes)
{
    static const gchar *const transports[] = {"tcp", "udp", "auto", NULL};
    static const gchar *const idles[] = {"auto", "keyframes", "full", NULL};
    static const gchar *const records[] = {"copy", "h264", NULL};
    static const VigilYamlKey keys[] = {
        {.name = "name", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_name},
        {.name = "source", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_source},
        {.name = "detect_source", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_detect_source},
        {.name = "detect", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_detect},
        {.name = "motion", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_motion},
        {.name = "capture", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_capture},
        {.name = "masks", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_masks},
        {.name = "metadata_only", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_metadata_only},
        {.name = "audio", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_audio},
        {.name = "continuous", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_continuous},
        {.name = "start_time", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_start_time},
        {.name = "transport",
         .type = VIGIL_YAML_KEY_WORD,
         .offset = G_STRUCT_OFFSET(VigilCameraSettings, transport),
         .words = transports},
        {.name = "decoder", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_decoder},
        {.name = "idle",
         .type = VIGIL_YAML_KEY_WORD,
         .offset = G_STRUCT_OFFSET(VigilCameraSettings, idle),
         .words = idles},
        {.name = "record",
         .type = VIGIL_YAML_KEY_WORD,
         .offset = G_STRUCT_OFFSET(VigilCameraSettings, record_as),
         .words = records},
        {.name = "max_clip",
         .type = VIGIL_YAML_KEY_DURATION,
         .offset = G_STRUCT_OFFSET(VigilCameraSettings, max_clip_ns),
         .min = SHORTEST_CLIP_NS,
         .max = LONGEST_CLIP_NS},
        {.name = "latency",
         .type = VIGIL_YAML_KEY_DURATION,
         .offset = G_STRUCT_OFFSET(VigilCameraSettings, latency_ns),
         .min = 0,
         .max = 10e9},
        {.name = "credentials", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_credentials},
        {.name = "tls", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_tls},
        {.name = "zones", .type = VIGIL_YAML_KEY_OTHER},
        {.name = "lines", .type = VIGIL_YAML_KEY_OTHER},
        {.name = "rules", .type = VIGIL_YAML_KEY_OTHER},
        {.name = NULL},
    };

    vigil_yaml_table_read(node, keys, self, mistakes, (gpointer)base);
}

static void
require_rule(const VigilYaml *node, VigilYamlMistakes *mistakes)
{
    const VigilYaml *rules = vigil_yaml_get(node, "rules");
    GError *error = NULL;

    if (rules && vigil_yaml_get_kind(rules) == VIGIL_YAML_SEQUENCE && vigil_yaml_get_n(rules) == 0)
        vigil_yaml_set_error(rules, &error, "no rule: without one nothing is ever recorded");
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
require(const VigilYaml *node, const gchar *key, const gchar *what, VigilYamlMistakes *mistakes)
{
    GError *error = NULL;

    if (!vigil_yaml_get(node, key))
        vigil_yaml_set_error(node, &error, "`%s` is missing: %s", key, what);
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
check_detect_source(const VigilYaml *node, const VigilCameraSettings *self,
                    VigilYamlMistakes *mistakes)
{
    const VigilYaml *value = vigil_yaml_get(node, "detect_source");
    GError *error = NULL;

    if (value && self->metadata_only)
        vigil_yaml_set_error(value, &error,
                             "with `metadata_only` nothing is recorded: write this stream as "
                             "`source`, and leave `detect_source` out");
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
check_audio(const VigilYaml *node, const VigilCameraSettings *self, VigilYamlMistakes *mistakes)
{
    GError *error = NULL;

    if (self->audio && self->source && self->source->kind == VIGIL_SOURCE_V4L2)
        vigil_yaml_set_error(vigil_yaml_get(node, "audio"), &error,
                             "a V4L2 device has no sound: it is recorded of rtsp:// and rtsps:// "
                             "sources and of files; leave it out here");
    else if (self->audio && self->metadata_only)
        vigil_yaml_set_error(vigil_yaml_get(node, "audio"), &error,
                             "`metadata_only: true` of this camera keeps no clips, so there is "
                             "nothing to put sound into: leave one of the two out");
    vigil_yaml_mistakes_add(mistakes, error);
}

/*
 * Two streams only where each is of use. Clips of a camera with masks are made of its decoded frames, so that the detector may have these as
 * well; and where nothing is recorded, what the detector looks at is enough.
 */
static void
settle_detect_source(VigilCameraSettings *self)
{
    const gboolean records = vigil_camera_settings_records(self);

    if (!self->detect_source || (records && !self->masks))
        return;
    if (!records) {
        vigil_source_free(self->source);
        self->source = g_steal_pointer(&self->detect_source);
    }
    g_clear_pointer(&self->detect_source, vigil_source_free);
}

/* Keys that mean something for one kind of source only. */
static void
check_kind(const VigilYaml *node, const VigilCameraSettings *self, VigilYamlMistakes *mistakes)
{
    static const struct {
        const gchar *key;
        VigilSourceKind kind;
        const gchar *only;
    } keys[] = {
        {"start_time", VIGIL_SOURCE_FILE, "files (a live camera has the clock)"},
        {"transport", VIGIL_SOURCE_RTSP, "rtsp:// and rtsps:// sources"},
        {"latency", VIGIL_SOURCE_RTSP, "rtsp:// and rtsps:// sources"},
        {"detect_source", VIGIL_SOURCE_RTSP, "rtsp:// and rtsps:// sources"},
        {"credentials", VIGIL_SOURCE_RTSP, "rtsp:// and rtsps:// sources"},
        {"tls", VIGIL_SOURCE_RTSP, "rtsp:// and rtsps:// sources"},
        {"capture", VIGIL_SOURCE_V4L2, "v4l2: sources"},
    };

    for (guint i = 0; self->source && i < G_N_ELEMENTS(keys); i++) {
        const VigilYaml *value = vigil_yaml_get(node, keys[i].key);
        GError *error = NULL;

        if (value && self->source->kind != keys[i].kind)
            vigil_yaml_set_error(value, &error, "this key is for %s; leave it out here",
                                 keys[i].only);
        vigil_yaml_mistakes_add(mistakes, error);
    }
}

static void
check_idle(const VigilYaml *node, const VigilCameraSettings *self, VigilYamlMistakes *mistakes)
{
    GError *error = NULL;

    if (self->idle == VIGIL_IDLE_KEYFRAMES && !self->motion.enabled)
        vigil_yaml_set_error(vigil_yaml_get(node, "idle"), &error,
                             "whether something moves is seen by the motion gate: write `motion: "
                             "{enabled: true}` too, or leave `idle` out");
    vigil_yaml_mistakes_add(mistakes, error);
}

VigilCameraSettings *
vigil_camera_settings_read(const VigilYaml *node, const VigilModelSettings *model,
                           const gchar *base, VigilYamlMistakes *mistakes)
{
    VigilCameraSettings *self = g_new0(VigilCameraSettings, 1);
    GError *error = NULL;

    g_atomic_ref_count_init(&self->refs);
    self->threshold = -1.0;
    self->start_time_us = G_MININT64;
    self->weight = 1;
    self->max_age_ns = DEFAULT_MAX_AGE_NS;
    self->latency_ns = DEFAULT_LATENCY_NS;
    self->max_clip_ns = DEFAULT_MAX_CLIP_NS;
    self->motion = vigil_motion_settings_defaults();
    read_keys(node, self, base, mistakes);
    if (vigil_yaml_get_kind(node) != VIGIL_YAML_MAPPING)
        return self;

    require(node, "name", "what events and folders are named after", mistakes);
    require(node, "source", "file:///PATH, rtsp://…, rtsps://…, v4l2:/dev/videoN or v4l2:serial=…",
            mistakes);
    require(node, "rules", "without one nothing is ever recorded", mistakes);
    require_rule(node, mistakes);
    check_kind(node, self, mistakes);
    check_detect_source(node, self, mistakes);
    check_audio(node, self, mistakes);
    check_idle(node, self, mistakes);
    vigil_continuous_settings_check(node, self, mistakes);
    self->rules = vigil_rules_from_yaml(node, &error);
    vigil_yaml_mistakes_add(mistakes, g_steal_pointer(&error));
    if (self->rules && self->metadata_only)
        vigil_privacy_settings_forbid_clips(node, self->rules, mistakes);
    if (self->rules)
        settle_detect_source(self);

    if (!self->model && model) {
        self->model = vigil_model_settings_copy(model);
    } else if (!self->model) {
        vigil_yaml_set_error(node, &error,
                             "which model is to look at it? Write `model: {path: x.tflite, labels: "
                             "x.txt}` at the top of the file, or `detect: {model: …}` here");
        vigil_yaml_mistakes_add(mistakes, error);
    }
    return self;
}

VigilCameraSettings *
vigil_camera_settings_ref(VigilCameraSettings *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void
vigil_camera_settings_unref(VigilCameraSettings *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;
    g_free(self->name);
    g_free(self->decoder);
    vigil_source_free(self->source);
    vigil_source_free(self->detect_source);
    g_free(self->motion.masks);
    g_free(self->masks);
    vigil_capture_settings_clear(&self->capture);
    vigil_rtsp_settings_clear(&self->rtsp);
    vigil_model_settings_free(self->model);
    vigil_rules_free(self->rules);
    g_free(self);
}

gboolean
vigil_camera_settings_records(const VigilCameraSettings *self)
{
    if (self->continuous.enabled)
        return TRUE;
    for (guint i = 0; i < self->rules->rules->len; i++)
        if (g_array_index(self->rules->rules, VigilRule, i).record)
            return TRUE;
    return FALSE;
}

gboolean
vigil_camera_settings_equal_but_model(const VigilCameraSettings *a, const VigilCameraSettings *b)
{
    return g_str_equal(a->name, b->name) && vigil_source_equal(a->source, b->source) &&
           vigil_source_equal(a->detect_source, b->detect_source) && a->fps == b->fps &&
           a->weight == b->weight && a->max_age_ns == b->max_age_ns &&
           a->threshold == b->threshold && a->start_time_us == b->start_time_us &&
           a->transport == b->transport && a->idle == b->idle &&
           g_strcmp0(a->decoder, b->decoder) == 0 && a->latency_ns == b->latency_ns &&
           a->continuous.enabled == b->continuous.enabled &&
           a->continuous.segment_ns == b->continuous.segment_ns && a->record_as == b->record_as &&
           a->max_clip_ns == b->max_clip_ns &&
           vigil_motion_settings_equal(&a->motion, &b->motion) &&
           vigil_capture_settings_equal(&a->capture, &b->capture) &&
           vigil_rtsp_settings_equal(&a->rtsp, &b->rtsp) && g_strcmp0(a->masks, b->masks) == 0 &&
           a->audio == b->audio && a->metadata_only == b->metadata_only &&
           vigil_rules_equal(a->rules, b->rules);
}

gboolean
vigil_camera_settings_equal(const VigilCameraSettings *a, const VigilCameraSettings *b)
{
    return vigil_camera_settings_equal_but_model(a, b) &&
           vigil_model_settings_equal(a->model, b->model);
}
