/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/upload/vigil-upload-discovery.h"

#include <string.h>

#include "pipeline/upload/vigil-upload-form-private.h"
#include "pipeline/upload/vigil-upload-json.h"
#include "vigil-config.h"

#define SEPARATOR "__" /* of camera and rule */
#define ID_CHARACTERS G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_"

/* Of the installation's id. */
#define NODE_ID_DIGITS 6

typedef struct {
    gchar *camera, *rule;
    gchar *id;     /* of the entity, among ours */
    gchar *topic;  /* PREFIX/rules/CAMERA/RULE */
    gchar *device; /* id of the camera's device */
} Entity;

struct VigilUploadDiscovery {
    gchar *source, *prefix, *available, *node;
    gboolean wanted;
    GPtrArray *entities;   /* Entity */
    GHashTable *described; /* topics of descriptions */
    gchar *filters[3];
};

static const gchar *const kinds[] = {"binary_sensor", "sensor"};

static void
entity_free(Entity *self)
{
    g_free(self->camera);
    g_free(self->rule);
    g_free(self->id);
    g_free(self->topic);
    g_free(self->device);
    g_free(self);
}

/* Home Assistant takes letters, digits, - and _; names that differ in something else only must not become one. */
static gchar *
make_id(const gchar *name)
{
    g_autofree gchar *id = g_strdup(name);
    g_autofree gchar *hash = NULL;

    g_strcanon(id, ID_CHARACTERS, '_');
    if (g_str_equal(id, name) && !strstr(name, SEPARATOR))
        return g_steal_pointer(&id);
    hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, name, -1);
    return g_strdup_printf("%s_%.6s", id, hash);
}

static gchar *
make_description_topic(const VigilUploadDiscovery *self, const gchar *kind, const Entity *entity)
{
    return g_strdup_printf("homeassistant/%s/%s/%s/config", kind, self->node, entity->id);
}

static void
add_entity(VigilUploadDiscovery *self, const gchar *camera, const gchar *rule)
{
    Entity *entity = g_new0(Entity, 1);
    g_autofree gchar *camera_id = make_id(camera), *rule_id = make_id(rule);
    g_autofree gchar *camera_level = vigil_upload_form_level(camera);
    g_autofree gchar *rule_level = vigil_upload_form_level(rule);

    entity->camera = g_strdup(camera);
    entity->rule = g_strdup(rule);
    entity->id = g_strdup_printf("%s" SEPARATOR "%s", camera_id, rule_id);
    entity->topic = g_strdup_printf("%s/rules/%s/%s", self->prefix, camera_level, rule_level);
    entity->device = g_strdup_printf("%s_%s", self->node, camera_id);
    g_ptr_array_add(self->entities, entity);
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
        g_hash_table_add(self->described, make_description_topic(self, kinds[i], entity));
}

VigilUploadDiscovery *
vigil_upload_discovery_new(const gchar *source, const gchar *id, const gchar *prefix,
                           const gchar *available, const GPtrArray *cameras)
{
    VigilUploadDiscovery *self = g_new0(VigilUploadDiscovery, 1);
    g_autofree gchar *name = make_id(source);

    self->source = g_strdup(source);
    self->prefix = g_strdup(prefix);
    self->available = g_strdup(available);
    self->wanted = cameras != NULL;
    self->node = id ? g_strdup_printf("vigil_%s_%.*s", name, NODE_ID_DIGITS, id)
                    : g_strconcat("vigil_", name, NULL);
    self->entities = g_ptr_array_new_with_free_func((GDestroyNotify)entity_free);
    self->described = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
        self->filters[i] = g_strdup_printf("homeassistant/%s/%s/+/config", kinds[i], self->node);
    for (guint i = 0; cameras && i < cameras->len; i++) {
        const VigilCameraSettings *camera = cameras->pdata[i];

        for (guint k = 0; k < camera->rules->rules->len; k++)
            add_entity(self, camera->name, g_array_index(camera->rules->rules, VigilRule, k).name);
    }
    return self;
}

void
vigil_upload_discovery_free(VigilUploadDiscovery *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->entities);
    g_hash_table_unref(self->described);
    for (guint i = 0; i < G_N_ELEMENTS(self->filters); i++)
        g_free(self->filters[i]);
    g_free(self->source);
    g_free(self->prefix);
    g_free(self->available);
    g_free(self->node);
    g_free(self);
}

static void
write_device(const VigilUploadDiscovery *self, const Entity *entity, GString *out)
{
    vigil_upload_json_string(out, "availability_topic", self->available);
    vigil_upload_json_begin(out, "device", '{');
    vigil_upload_json_begin(out, "identifiers", '[');
    vigil_upload_json_string(out, NULL, entity->device);
    vigil_upload_json_end(out, ']');
    vigil_upload_json_string(out, "name", entity->camera);
    vigil_upload_json_string(out, "manufacturer", "Vigil");
    vigil_upload_json_string(out, "model", self->source);
    vigil_upload_json_string(out, "sw_version", VIGIL_VERSION);
    vigil_upload_json_end(out, '}');
    vigil_upload_json_begin(out, "origin", '{');
    vigil_upload_json_string(out, "name", "Vigil");
    vigil_upload_json_string(out, "sw", VIGIL_VERSION);
    vigil_upload_json_end(out, '}');
}

static gchar *
describe_binary_sensor(const VigilUploadDiscovery *self, const Entity *entity)
{
    GString *out = g_string_sized_new(512);
    g_autofree gchar *id = g_strdup_printf("%s__%s", self->node, entity->id);
    g_autofree gchar *topic = g_strconcat(entity->topic, "/state", NULL);

    vigil_upload_json_begin(out, NULL, '{');
    vigil_upload_json_string(out, "name", entity->rule);
    vigil_upload_json_string(out, "unique_id", id);
    vigil_upload_json_string(out, "object_id", entity->id);
    vigil_upload_json_string(out, "state_topic", topic);
    vigil_upload_json_string(out, "device_class", "occupancy");
    write_device(self, entity, out);
    vigil_upload_json_end(out, '}');
    return g_string_free(out, FALSE);
}

static gchar *
describe_sensor(const VigilUploadDiscovery *self, const Entity *entity)
{
    GString *out = g_string_sized_new(512);
    g_autofree gchar *id = g_strdup_printf("%s__%s__last", self->node, entity->id);
    g_autofree gchar *object = g_strconcat(entity->id, "__last", NULL);
    g_autofree gchar *name = g_strconcat(entity->rule, " last event", NULL);
    g_autofree gchar *topic = g_strconcat(entity->topic, "/last", NULL);

    vigil_upload_json_begin(out, NULL, '{');
    vigil_upload_json_string(out, "name", name);
    vigil_upload_json_string(out, "unique_id", id);
    vigil_upload_json_string(out, "object_id", object);
    vigil_upload_json_string(out, "state_topic", topic);
    vigil_upload_json_string(out, "value_template", "{{ value_json.start }}");
    vigil_upload_json_string(out, "json_attributes_topic", topic);
    vigil_upload_json_string(out, "device_class", "timestamp");
    write_device(self, entity, out);
    vigil_upload_json_end(out, '}');
    return g_string_free(out, FALSE);
}

static void
add_state(const Entity *entity, const VigilUploadScene *scene, GPtrArray *pieces)
{
    const gboolean on =
        vigil_upload_scene_count(scene, entity->camera, NULL, NULL, entity->rule) > 0;

    g_ptr_array_add(pieces, vigil_upload_piece_new(g_strconcat(entity->topic, "/state", NULL),
                                                   g_strdup(on ? "ON" : "OFF"), TRUE));
}

GPtrArray *
vigil_upload_discovery_describe(const VigilUploadDiscovery *self, const VigilUploadScene *scene)
{
    GPtrArray *pieces = g_ptr_array_new_with_free_func((GDestroyNotify)vigil_upload_piece_free);

    for (guint i = 0; i < self->entities->len; i++) {
        const Entity *entity = self->entities->pdata[i];

        g_ptr_array_add(pieces,
                        vigil_upload_piece_new(make_description_topic(self, kinds[0], entity),
                                               describe_binary_sensor(self, entity), TRUE));
        g_ptr_array_add(pieces,
                        vigil_upload_piece_new(make_description_topic(self, kinds[1], entity),
                                               describe_sensor(self, entity), TRUE));
        add_state(entity, scene, pieces);
    }
    return pieces;
}

void
vigil_upload_discovery_follow(const VigilUploadDiscovery *self, const VigilUploadFormInput *input,
                              const VigilUploadLine *line, const VigilUploadScene *scene,
                              GPtrArray *pieces)
{
    for (guint i = 0; i < self->entities->len; i++) {
        const Entity *entity = self->entities->pdata[i];

        if (!g_str_equal(entity->camera, line->camera) || !g_str_equal(entity->rule, line->rule))
            continue;
        add_state(entity, scene, pieces);
        g_ptr_array_add(pieces, vigil_upload_piece_new(g_strconcat(entity->topic, "/last", NULL),
                                                       vigil_upload_form_vigil(input), TRUE));
    }
}

GPtrArray *
vigil_upload_discovery_list_topics(const VigilUploadDiscovery *self)
{
    GPtrArray *topics = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer topic;

    for (guint i = 0; i < self->entities->len; i++) {
        const Entity *entity = self->entities->pdata[i];

        g_ptr_array_add(topics, g_strconcat(entity->topic, "/state", NULL));
        g_ptr_array_add(topics, g_strconcat(entity->topic, "/last", NULL));
    }
    g_hash_table_iter_init(&iter, self->described);
    while (g_hash_table_iter_next(&iter, &topic, NULL))
        g_ptr_array_add(topics, g_strdup(topic));
    return topics;
}

const gchar *const *
vigil_upload_discovery_get_filters(const VigilUploadDiscovery *self)
{
    return (const gchar *const *)self->filters;
}

/* What comes from a broker is looked at as text: it may be anything. */
static const gchar *
find_member(const gchar *payload, const gchar *name, const gchar *value)
{
    g_autoptr(GString) member = g_string_new(NULL);
    const gchar *found;

    vigil_upload_json_string(member, name, value);
    found = strstr(payload, member->str);
    return found ? found + member->len : NULL;
}

gboolean
vigil_upload_discovery_is_stale(const VigilUploadDiscovery *self, const gchar *topic,
                                const gchar *payload)
{
    if (!self->wanted && !find_member(payload, "availability_topic", self->available))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree gchar *begin = g_strdup_printf("homeassistant/%s/%s/", kinds[i], self->node);

        if (g_str_has_prefix(topic, begin) && g_str_has_suffix(topic, "/config"))
            return !g_hash_table_contains(self->described, topic);
    }
    return FALSE;
}

gchar *
vigil_upload_discovery_get_state(const VigilUploadDiscovery *self, const gchar *payload)
{
    static const gchar member[] = "\"state_topic\":\"";
    g_autofree gchar *begin = g_strconcat(self->prefix, "/rules/", NULL);
    const gchar *at = strstr(payload, member);
    gsize length;

    if (!at)
        return NULL;
    at += strlen(member);
    length = strcspn(at, "\"\\+#");
    if (at[length] != '"' || !g_str_has_prefix(at, begin))
        return NULL;
    return g_strndup(at, length);
}
