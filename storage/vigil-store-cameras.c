/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about cameras beside their events: models, outcomes of frames. */
#include "storage/vigil-store-private.h"

#define MINUTE_US (60 * (gint64)G_USEC_PER_SEC)

gboolean
vigil_store_camera_id(VigilStore *self, const gchar *camera, gint64 *id, GError **error)
{
    g_auto(VigilStatement) insert =
        vigil_statement(self, "INSERT INTO cameras (name) VALUES (:name) ON CONFLICT DO NOTHING");
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT id FROM cameras WHERE name = :name");

    vigil_statement_text(&insert, ":name", camera);
    vigil_statement_text(&find, ":name", camera);
    if (!vigil_statement_run(&insert, error) || !vigil_statement_step(&find, error))
        return FALSE;
    *id = sqlite3_column_int64(find.stmt, 0);
    return TRUE;
}

typedef struct {
    const gchar *camera;
    VigilModelId id;
} Model;

gboolean
vigil_store_insert_model(VigilStore *self, const VigilModelId *model, GError **error)
{
    g_auto(VigilStatement) insert = vigil_statement(
        self, "INSERT INTO models (name, sha256) VALUES (:name, :sha256) ON CONFLICT DO NOTHING");

    vigil_statement_text(&insert, ":name", model->name);
    vigil_statement_text(&insert, ":sha256", model->sha256);
    return vigil_statement_run(&insert, error);
}

/* A row only when the camera's latest model is another one. */
static gboolean
insert_model(VigilStore *self, gpointer data, GError **error)
{
    const Model *model = data;
    gint64 camera_id;
    g_auto(VigilStatement) link = vigil_statement(
        self, "INSERT INTO camera_models (camera_id, model_id, run_id, since_wall_us) "
              "SELECT :camera, m.id, :run, :now FROM models m "
              "WHERE m.name = :name AND m.sha256 = :sha256 AND m.id IS NOT "
              "(SELECT model_id FROM camera_models WHERE camera_id = :camera AND run_id = :run "
              "ORDER BY id DESC LIMIT 1)");

    if (!vigil_store_camera_id(self, model->camera, &camera_id, error))
        return FALSE;
    vigil_statement_int(&link, ":camera", camera_id);
    vigil_statement_int(&link, ":run", self->run_id);
    vigil_statement_int(&link, ":now", vigil_store_clock_wall(&self->clock));
    vigil_statement_text(&link, ":name", model->id.name);
    vigil_statement_text(&link, ":sha256", model->id.sha256);
    return vigil_store_insert_model(self, &model->id, error) && vigil_statement_run(&link, error);
}

gboolean
vigil_store_note_model(VigilStore *self, const gchar *camera, const gchar *name,
                       const gchar *sha256, GError **error)
{
    Model model = {camera, {name, sha256}};
    gboolean ok;

    g_mutex_lock(&self->mutex);
    ok = vigil_store_write(self, insert_model, &model, error);
    g_mutex_unlock(&self->mutex);
    return ok;
}

typedef struct {
    const gchar *camera;
    gint64 minute_us;
    const guint32 *counts;
} Outcomes;

static gboolean
insert_outcome(VigilStore *self, gint64 camera_id, const Outcomes *outcomes, VigilOutcome outcome,
               GError **error)
{
    g_auto(VigilStatement) statement =
        vigil_statement(self, "INSERT INTO outcomes (camera_id, minute_wall_us, outcome, frames) "
                              "VALUES (:camera, :minute, :outcome, :frames) "
                              "ON CONFLICT DO UPDATE SET frames = frames + excluded.frames");

    vigil_statement_int(&statement, ":camera", camera_id);
    vigil_statement_int(&statement, ":minute", outcomes->minute_us);
    vigil_statement_text(&statement, ":outcome", vigil_outcome_to_string(outcome));
    vigil_statement_int(&statement, ":frames", outcomes->counts[outcome]);
    return vigil_statement_run(&statement, error);
}

static gboolean
insert_outcomes(VigilStore *self, gpointer data, GError **error)
{
    const Outcomes *outcomes = data;
    gint64 camera_id;

    if (!vigil_store_camera_id(self, outcomes->camera, &camera_id, error))
        return FALSE;
    for (guint i = 0; i < VIGIL_N_OUTCOME_COUNTS; i++)
        if (outcomes->counts[i] && !insert_outcome(self, camera_id, outcomes, i, error))
            return FALSE;
    return TRUE;
}

gboolean
vigil_store_add_outcomes(VigilStore *self, const gchar *camera, gint64 minute_wall_us,
                         const guint32 counts[VIGIL_N_OUTCOME_COUNTS], GError **error)
{
    const gint64 over = ((minute_wall_us % MINUTE_US) + MINUTE_US) % MINUTE_US;
    Outcomes outcomes = {camera, minute_wall_us - over, counts};
    gboolean ok;

    g_mutex_lock(&self->mutex);
    ok = vigil_store_write(self, insert_outcomes, &outcomes, error);
    g_mutex_unlock(&self->mutex);
    return ok;
}
