/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-supervisor.h"

#include <json-glib/json-glib.h>
#include <unistd.h>

#include "pipeline/vigil-camera-describe.h"
#include "pipeline/vigil-model-source.h"
#include "pipeline/vigil-store-place.h"
#include "pipeline/vigil-time.h"
#include "vigil-config.h"

/* One place of the installation: the camera that is there, and what is to be there next. */
typedef struct {
    VigilSupervisor *owner;
    VigilCamera *camera;
    VigilCameraSettings *next; /* NULL: nothing comes after */
    gboolean leaving;          /* was told to stop */
    gchar *passed;             /* path of the model whose trial it passed; NULL: none */
} Slot;

struct VigilSupervisor {
    VigilSettings *settings;
    VigilStore *store;
    VigilStorePlace place;
    GPtrArray *slots; /* (element-type Slot) */
    gint64 begun_us;
    gboolean stopping;
    VigilSupervisorFuncs funcs;
    gpointer user_data;
};

static void fill_slot(Slot *slot);

static void
slot_free(gpointer data)
{
    Slot *slot = data;

    vigil_camera_free(slot->camera);
    g_clear_pointer(&slot->next, vigil_camera_settings_unref);
    g_free(slot->passed);
    g_free(slot);
}

static void
check_idle(VigilSupervisor *self)
{
    for (guint i = 0; i < self->slots->len; i++) {
        const Slot *slot = self->slots->pdata[i];

        if (slot->next ||
            (slot->camera && !vigil_camera_state_is_final(vigil_camera_get_state(slot->camera))))
            return;
    }
    self->funcs.idle(self, self->user_data);
}

static void
on_changed(VigilCamera *camera, VigilCameraState state, gpointer user_data)
{
    Slot *slot = user_data;
    VigilSupervisor *self = slot->owner;

    g_message("camera %s: %s", vigil_camera_get_settings(camera)->name,
              vigil_camera_state_to_string(state));
    if (!vigil_camera_state_is_final(state))
        return;
    if (slot->leaving || slot->next) {
        g_clear_pointer(&slot->camera, vigil_camera_free);
        slot->leaving = FALSE;
        if (slot->next)
            fill_slot(slot);
        else if (!self->stopping)
            g_ptr_array_remove(self->slots, slot);
    }
    check_idle(self);
}

static void
on_event(VigilCamera *camera, VigilEventType type, const gchar *json, gpointer user_data)
{
    if (type != VIGIL_EVENT_UPDATE)
        g_message("event %s", json);
}

/* --- models on trial ------------------------------------------------------------------------- */

/* Every camera that it looks at now. */
static gboolean
all_passed(const VigilSupervisor *self, const gchar *path)
{
    for (guint i = 0; i < self->slots->len; i++) {
        const Slot *slot = self->slots->pdata[i];

        if (slot->camera && vigil_camera_get_state(slot->camera) == VIGIL_CAMERA_RUNNING &&
            g_str_equal(vigil_camera_get_settings(slot->camera)->model->path, path) &&
            g_strcmp0(slot->passed, path) != 0)
            return FALSE;
    }
    return TRUE;
}

static void
on_model(VigilCamera *camera, VigilCameraNews news, const gchar *path, const gchar *reason,
         gpointer user_data)
{
    Slot *slot = user_data;
    VigilSupervisor *self = slot->owner;
    const gchar *name = vigil_camera_get_settings(camera)->name;
    gboolean changed;

    if (news == VIGIL_CAMERA_MODEL_HEALTHY) {
        g_message("camera %s: the model passed its trial", name);
        g_free(slot->passed);
        slot->passed = g_strdup(path);
        changed = all_passed(self, path) && vigil_model_source_pass(self->settings, path);
    } else {
        g_autofree gchar *text = g_strdup_printf("camera %s: %s", name, reason);

        g_message("%s", text);
        changed = vigil_model_source_fail(self->settings, path, text);
    }
    if (changed)
        self->funcs.models_changed(self, self->user_data);
}

static void
fill_slot(Slot *slot)
{
    VigilSupervisor *self = slot->owner;
    const VigilCameraOptions options = {.store = self->store,
                                        .database = self->place.database,
                                        .clips = self->place.clips,
                                        .realtime = TRUE,
                                        .event = on_event,
                                        .changed = on_changed,
                                        .model = on_model,
                                        .user_data = slot};
    g_autoptr(VigilCameraSettings) settings = g_steal_pointer(&slot->next);

    slot->camera = vigil_camera_new(settings, &options);
}

static void
add_slot(VigilSupervisor *self, VigilCameraSettings *settings)
{
    Slot *slot = g_new0(Slot, 1);

    slot->owner = self;
    slot->next = vigil_camera_settings_ref(settings);
    g_ptr_array_add(self->slots, slot);
    fill_slot(slot);
}

VigilSupervisor *
vigil_supervisor_new(VigilSettings *settings, VigilStore *store, const VigilSupervisorFuncs *funcs,
                     gpointer user_data)
{
    VigilSupervisor *self = g_new0(VigilSupervisor, 1);

    self->settings = settings;
    self->store = vigil_store_ref(store);
    self->slots = g_ptr_array_new_with_free_func(slot_free);
    self->begun_us = g_get_real_time();
    self->funcs = *funcs;
    self->user_data = user_data;
    vigil_store_place_set(&self->place, settings->store_path);
    for (guint i = 0; i < settings->cameras->len; i++)
        add_slot(self, settings->cameras->pdata[i]);
    return self;
}

void
vigil_supervisor_free(VigilSupervisor *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->slots);
    vigil_store_place_clear(&self->place);
    vigil_store_unref(self->store);
    vigil_settings_free(self->settings);
    g_free(self);
}

/* --- reloading ------------------------------------------------------------------------------- */

static const gchar *
slot_get_name(const Slot *slot)
{
    return slot->next ? slot->next->name : vigil_camera_get_settings(slot->camera)->name;
}

static VigilCameraSettings *
find_settings(const VigilSettings *settings, const gchar *name)
{
    for (guint i = 0; i < settings->cameras->len; i++) {
        VigilCameraSettings *camera = settings->cameras->pdata[i];

        if (g_str_equal(camera->name, name))
            return camera;
    }
    return NULL;
}

static Slot *
find_slot(VigilSupervisor *self, const gchar *name)
{
    for (guint i = 0; i < self->slots->len; i++)
        if (g_str_equal(slot_get_name(self->slots->pdata[i]), name))
            return self->slots->pdata[i];
    return NULL;
}

/* What is to be in a slot from now on; %NULL: nothing. */
static void
change_slot(Slot *slot, VigilCameraSettings *wanted)
{
    const VigilCameraState state = vigil_camera_get_state(slot->camera);
    const gboolean final = vigil_camera_state_is_final(state);
    const VigilCameraSettings *present = vigil_camera_get_settings(slot->camera);

    if (wanted && !slot->leaving && state != VIGIL_CAMERA_FAILED &&
        vigil_camera_settings_equal(wanted, present) && final)
        return;
    if (wanted && !slot->leaving && !final &&
        vigil_camera_settings_equal_but_model(wanted, present)) {
        vigil_camera_set_model(slot->camera, wanted);
        return;
    }
    g_clear_pointer(&slot->next, vigil_camera_settings_unref);
    if (wanted)
        slot->next = vigil_camera_settings_ref(wanted);
    if (!final) {
        slot->leaving = TRUE;
        vigil_camera_stop(slot->camera);
        return;
    }
    g_clear_pointer(&slot->camera, vigil_camera_free);
    if (slot->next)
        fill_slot(slot);
    else
        g_ptr_array_remove(slot->owner->slots, slot);
}

void
vigil_supervisor_reload(VigilSupervisor *self, VigilSettings *settings)
{
    for (guint i = self->slots->len; i > 0; i--) {
        Slot *slot = self->slots->pdata[i - 1];

        change_slot(slot, find_settings(settings, slot_get_name(slot)));
    }
    for (guint i = 0; i < settings->cameras->len; i++) {
        VigilCameraSettings *camera = settings->cameras->pdata[i];

        if (!find_slot(self, camera->name))
            add_slot(self, camera);
    }
    vigil_settings_free(self->settings);
    self->settings = settings;
}

void
vigil_supervisor_stop(VigilSupervisor *self)
{
    self->stopping = TRUE;
    for (guint i = 0; i < self->slots->len; i++) {
        Slot *slot = self->slots->pdata[i];

        g_clear_pointer(&slot->next, vigil_camera_settings_unref);
        if (slot->camera)
            vigil_camera_stop(slot->camera);
    }
    check_idle(self);
}

guint
vigil_supervisor_get_n_failed(VigilSupervisor *self)
{
    guint n = 0;

    for (guint i = 0; i < self->slots->len; i++) {
        const Slot *slot = self->slots->pdata[i];

        n += slot->camera && vigil_camera_get_state(slot->camera) == VIGIL_CAMERA_FAILED;
    }
    return n;
}

const gchar *
vigil_supervisor_find_stalled(VigilSupervisor *self, gint64 limit_us)
{
    for (guint i = 0; i < self->slots->len; i++) {
        const Slot *slot = self->slots->pdata[i];

        if (slot->camera && vigil_camera_is_stalled(slot->camera, limit_us))
            return vigil_camera_get_settings(slot->camera)->name;
    }
    return NULL;
}

/* --- describing ------------------------------------------------------------------------------ */

static void
add_string(JsonBuilder *json, const gchar *name, const gchar *value)
{
    json_builder_set_member_name(json, name);
    json_builder_add_string_value(json, value);
}

gchar *
vigil_supervisor_describe(VigilSupervisor *self,
                          void (*more)(JsonBuilder *json, gpointer user_data), gpointer user_data)
{
    g_autoptr(JsonBuilder) json = json_builder_new_immutable();
    g_autoptr(JsonNode) root = NULL;
    g_autofree gchar *begun = vigil_time_format(self->begun_us);

    json_builder_begin_object(json);
    add_string(json, "version", VIGIL_VERSION);
    json_builder_set_member_name(json, "pid");
    json_builder_add_int_value(json, getpid());
    add_string(json, "started", begun);
    add_string(json, "config", self->settings->path);
    add_string(json, "store", self->place.directory);
    json_builder_set_member_name(json, "cameras");
    json_builder_begin_array(json);
    for (guint i = 0; i < self->slots->len; i++) {
        const Slot *slot = self->slots->pdata[i];

        if (slot->camera)
            vigil_camera_describe(slot->camera, json);
    }
    json_builder_end_array(json);
    if (more)
        more(json, user_data);
    json_builder_end_object(json);
    root = json_builder_get_root(json);
    return json_to_string(root, TRUE);
}
