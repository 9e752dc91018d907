/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-assign.h"

struct VigilAssign {
    guint max_rows, max_columns;
    gfloat *costs; /* [max_rows][max_columns] */
    /* The solver's own rows are the smaller side ("agents", from 1) and its columns the larger ("jobs", from 1);
     * index 0 stands for nobody. Sizes: larger side + 1. */
    gdouble *agent_price, *job_price;
    gdouble *slack;   /* of a job: least reduced cost of a way to it */
    guint *job_agent; /* who has a job */
    guint *came_from; /* the job before it on the shortest way */
    gboolean *visited;
};

VigilAssign *
vigil_assign_new(guint max_rows, guint max_columns)
{
    VigilAssign *self = g_new0(VigilAssign, 1);
    const gsize size = (gsize)MAX(max_rows, max_columns) + 1;

    self->max_rows = max_rows;
    self->max_columns = max_columns;
    self->costs = g_new0(gfloat, (gsize)max_rows * max_columns);
    self->agent_price = g_new0(gdouble, size);
    self->job_price = g_new0(gdouble, size);
    self->slack = g_new0(gdouble, size);
    self->job_agent = g_new0(guint, size);
    self->came_from = g_new0(guint, size);
    self->visited = g_new0(gboolean, size);
    return self;
}

void
vigil_assign_free(VigilAssign *self)
{
    if (!self)
        return;
    g_free(self->costs);
    g_free(self->agent_price);
    g_free(self->job_price);
    g_free(self->slack);
    g_free(self->job_agent);
    g_free(self->came_from);
    g_free(self->visited);
    g_free(self);
}

void
vigil_assign_set(VigilAssign *self, guint row, guint column, gfloat cost)
{
    g_return_if_fail(row < self->max_rows && column < self->max_columns);
    self->costs[(gsize)row * self->max_columns + column] = cost;
}

static gdouble
cost_of(const VigilAssign *self, gboolean swapped, guint agent, guint job)
{
    const guint row = (swapped ? job : agent) - 1;
    const guint column = (swapped ? agent : job) - 1;

    return self->costs[(gsize)row * self->max_columns + column];
}

/* Looks from @job's agent at all jobs that are not visited; returns the nearest of them and moves the prices on. */
static guint
step(VigilAssign *self, gboolean swapped, guint job, guint n_jobs)
{
    const guint agent = self->job_agent[job];
    gdouble least = G_MAXDOUBLE;
    guint next = 0;

    self->visited[job] = TRUE;
    for (guint j = 1; j <= n_jobs; j++) {
        gdouble reduced;

        if (self->visited[j])
            continue;
        reduced = cost_of(self, swapped, agent, j) - self->agent_price[agent] - self->job_price[j];
        if (reduced < self->slack[j]) {
            self->slack[j] = reduced;
            self->came_from[j] = job;
        }
        if (self->slack[j] < least) {
            least = self->slack[j];
            next = j;
        }
    }
    for (guint j = 0; j <= n_jobs; j++) {
        if (self->visited[j]) {
            self->agent_price[self->job_agent[j]] += least;
            self->job_price[j] -= least;
        } else {
            self->slack[j] -= least;
        }
    }
    return next;
}

/* Gives @agent a job by the shortest augmenting path. */
static void
place_agent(VigilAssign *self, gboolean swapped, guint agent, guint n_jobs)
{
    guint job = 0;

    for (guint j = 0; j <= n_jobs; j++) {
        self->slack[j] = G_MAXDOUBLE;
        self->visited[j] = FALSE;
    }
    self->job_agent[0] = agent;
    do {
        job = step(self, swapped, job, n_jobs);
    } while (self->job_agent[job] != 0);
    while (job != 0) {
        const guint before = self->came_from[job];

        self->job_agent[job] = self->job_agent[before];
        job = before;
    }
}

guint
vigil_assign_solve(VigilAssign *self, guint n_rows, guint n_columns, gint *columns)
{
    const gboolean swapped = n_rows > n_columns;
    const guint n_agents = MIN(n_rows, n_columns);
    const guint n_jobs = MAX(n_rows, n_columns);
    guint n_pairs = 0;

    g_return_val_if_fail(n_rows <= self->max_rows && n_columns <= self->max_columns, 0);
    for (guint row = 0; row < n_rows; row++)
        columns[row] = -1;
    for (guint i = 0; i <= n_jobs; i++) {
        self->agent_price[i] = self->job_price[i] = 0.0;
        self->job_agent[i] = 0;
    }
    for (guint agent = 1; agent <= n_agents; agent++)
        place_agent(self, swapped, agent, n_jobs);
    for (guint job = 1; job <= n_jobs; job++) {
        const guint agent = self->job_agent[job];

        if (agent == 0 || cost_of(self, swapped, agent, job) >= VIGIL_ASSIGN_FORBIDDEN)
            continue;
        columns[(swapped ? job : agent) - 1] = (gint)((swapped ? agent : job) - 1);
        n_pairs++;
    }
    return n_pairs;
}
