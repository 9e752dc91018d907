/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/upload/vigil-upload-scene.h"

struct VigilUploadScene {
    GHashTable *by_id; /* id of the line -> its link in @lines */
    GQueue lines;      /* VigilUploadLine, in the order in which the events began */
};

VigilUploadScene *
vigil_upload_scene_new(void)
{
    VigilUploadScene *self = g_new0(VigilUploadScene, 1);

    self->by_id = g_hash_table_new(g_str_hash, g_str_equal);
    return self;
}

void
vigil_upload_scene_forget(VigilUploadScene *self)
{
    g_hash_table_remove_all(self->by_id);
    g_queue_clear_full(&self->lines, (GDestroyNotify)vigil_upload_line_free);
}

void
vigil_upload_scene_free(VigilUploadScene *self)
{
    if (!self)
        return;
    vigil_upload_scene_forget(self);
    g_hash_table_unref(self->by_id);
    g_free(self);
}

const VigilUploadLine *
vigil_upload_scene_get(const VigilUploadScene *self, const gchar *id)
{
    const GList *link = g_hash_table_lookup(self->by_id, id);

    return link ? link->data : NULL;
}

static void
forget(VigilUploadScene *self, GList *link)
{
    VigilUploadLine *line = link->data;

    g_hash_table_remove(self->by_id, line->id);
    g_queue_delete_link(&self->lines, link);
    vigil_upload_line_free(line);
}

void
vigil_upload_scene_tell(VigilUploadScene *self, VigilUploadLine *line)
{
    GList *link = g_hash_table_lookup(self->by_id, line->id);

    if (line->type == VIGIL_EVENT_END) {
        if (link)
            forget(self, link);
        vigil_upload_line_free(line);
        return;
    }
    if (link) {
        g_hash_table_remove(self->by_id, line->id); /* the key is the old line's */
        vigil_upload_line_free(link->data);
        link->data = line;
    } else {
        if (self->lines.length >= VIGIL_UPLOAD_SCENE_MAX)
            forget(self, self->lines.head);
        g_queue_push_tail(&self->lines, line);
        link = self->lines.tail;
    }
    g_hash_table_insert(self->by_id, (gchar *)line->id, link);
}

/* An event without a track is an object of its own. */
static gchar *
name_object(const VigilUploadLine *line)
{
    return line->track > 0 ? g_strdup_printf("%" G_GINT64_FORMAT "/%s", line->track, line->camera)
                           : g_strdup(line->id);
}

guint
vigil_upload_scene_count(const VigilUploadScene *self, const gchar *camera, const gchar *zone,
                         const gchar *label, const gchar *rule)
{
    g_autoptr(GHashTable) objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (const GList *link = self->lines.head; link; link = link->next) {
        const VigilUploadLine *line = link->data;

        if ((!camera || g_str_equal(line->camera, camera)) &&
            (!zone || vigil_upload_line_has_zone(line, zone)) &&
            (!label || g_strcmp0(line->label, label) == 0) &&
            (!rule || g_str_equal(line->rule, rule)))
            g_hash_table_add(objects, name_object(line));
    }
    return g_hash_table_size(objects);
}
