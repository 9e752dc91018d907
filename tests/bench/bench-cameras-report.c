/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel and the daemon say of the daemon, as tables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench-cameras.h"

#define BASE_MB 40.0
#define CAMERA_MB 12.0
#define AGE_LIMIT_MS 400.0
#define N_QUEUES 3

static const gchar *const queues[N_QUEUES] = {"decode", "frames", "record"};

typedef struct {
    gint64 bytes;
    gdouble age_s;
} Fill;

struct BenchCameras {
    guint n_cameras;
    gint next_minute;
    gdouble first_cpu, first_second, last_second;
    GArray *fills[N_QUEUES]; /* of Fill: the fullest camera's, each sample */
    gdouble peak_age_ms[2];  /* p99 of the worst camera: in the first minute, and later */
};

/* --- the process ----------------------------------------------------------------------------- */

static gdouble
read_megabytes(const gchar *pid, const gchar *key)
{
    g_autofree gchar *path = g_strdup_printf("/proc/%s/status", pid);
    g_autofree gchar *text = NULL;
    const gchar *at;

    if (!g_file_get_contents(path, &text, NULL, NULL) || !(at = strstr(text, key)))
        return 0;
    return (gdouble)g_ascii_strtoull(at + strlen(key), NULL, 10) / 1024.0;
}

static guint
count_entries(const gchar *pid, const gchar *what)
{
    g_autofree gchar *path = g_strdup_printf("/proc/%s/%s", pid, what);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    guint n = 0;

    while (dir && g_dir_read_name(dir))
        n++;
    return n;
}

/* Seconds of processor time, of all its threads. */
static gdouble
read_cpu(const gchar *pid)
{
    g_autofree gchar *path = g_strdup_printf("/proc/%s/stat", pid);
    g_autofree gchar *text = NULL;
    unsigned long user = 0, system = 0;
    const gchar *at;

    /* its name is in brackets, and may hold blanks */
    if (!g_file_get_contents(path, &text, NULL, NULL) || !(at = strrchr(text, ')')) ||
        sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return 0;
    return (gdouble)(user + system) / (gdouble)sysconf(_SC_CLK_TCK);
}

/* --- what it says ---------------------------------------------------------------------------- */

static JsonObject *
get_part(JsonObject *object, const gchar *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;

    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static gdouble
get_number(JsonObject *object, const gchar *name)
{
    return object ? json_object_get_double_member_with_default(object, name, 0) : 0;
}

static JsonArray *
get_cameras(JsonNode *status)
{
    return status ? json_object_get_array_member(json_node_get_object(status), "cameras") : NULL;
}

static guint
count_cameras(JsonArray *cameras)
{
    return cameras ? json_array_get_length(cameras) : 0;
}

/* Of all cameras. */
static gdouble
add_up(JsonArray *cameras, const gchar *part, const gchar *name)
{
    gdouble sum = 0;

    for (guint i = 0; i < count_cameras(cameras); i++) {
        JsonObject *camera = json_array_get_object_element(cameras, i);

        sum += get_number(part ? get_part(camera, part) : camera, name);
    }
    return sum;
}

static gdouble
get_age_ms(JsonArray *cameras, guint i, const gchar *quantile)
{
    JsonObject *camera = json_array_get_object_element(cameras, i);

    return get_number(get_part(get_part(camera, "detection"), "queue_age_ms"), quantile);
}

static void
add_fills(BenchCameras *self, JsonArray *cameras)
{
    for (guint q = 0; q < N_QUEUES; q++) {
        Fill fill = {0};

        for (guint i = 0; i < count_cameras(cameras); i++) {
            JsonObject *all = get_part(json_array_get_object_element(cameras, i), "queues");
            JsonObject *queue = get_part(all, queues[q]);

            fill.bytes = MAX(fill.bytes, (gint64)get_number(queue, "bytes"));
            fill.age_s = MAX(fill.age_s, get_number(queue, "age_s"));
        }
        g_array_append_val(self->fills[q], fill);
    }
}

static void
add_ages(BenchCameras *self, JsonArray *cameras, gdouble second)
{
    gdouble *peak = &self->peak_age_ms[second >= 60.0];

    for (guint i = 0; i < count_cameras(cameras); i++)
        *peak = MAX(*peak, get_age_ms(cameras, i, "p99"));
}

/* --- tables ---------------------------------------------------------------------------------- */

BenchCameras *
bench_cameras_new(guint n_cameras)
{
    BenchCameras *self = g_new0(BenchCameras, 1);

    self->n_cameras = n_cameras;
    self->first_cpu = -1;
    for (guint q = 0; q < N_QUEUES; q++)
        self->fills[q] = g_array_new(FALSE, FALSE, sizeof(Fill));
    return self;
}

void
bench_cameras_free(BenchCameras *self)
{
    for (guint q = 0; q < N_QUEUES; q++)
        g_array_unref(self->fills[q]);
    g_free(self);
}

static void
print_minute(const BenchCameras *self, const gchar *pid, JsonArray *cameras, gint minute)
{
    const gdouble limit = BASE_MB + CAMERA_MB * self->n_cameras;
    const gdouble resident = read_megabytes(pid, "VmRSS:");

    g_print("| %d | %.1f MB | %.0f MB%s | %.1f MB | %.1f MB | %u | %u | %.1f MB |\n", minute,
            resident, limit, resident > limit ? " exceeded" : "", read_megabytes(pid, "RssAnon:"),
            read_megabytes(pid, "VmHWM:"), count_entries(pid, "task"), count_entries(pid, "fd"),
            add_up(cameras, "recording", "ring_bytes") / 1048576.0);
}

void
bench_cameras_add(BenchCameras *self, const gchar *pid, JsonNode *status, gdouble second)
{
    JsonArray *cameras = get_cameras(status);

    if (self->first_cpu < 0) {
        self->first_cpu = read_cpu(pid);
        self->first_second = second;
    }
    self->last_second = second;
    add_fills(self, cameras);
    add_ages(self, cameras, second);
    if (second < 60.0 * self->next_minute)
        return;
    print_minute(self, pid, cameras, self->next_minute);
    self->next_minute = (gint)(second / 60.0) + 1;
}

/* What was in it on average and at most, in the first half of the run and in the second. */
static void
print_queue(const BenchCameras *self, guint q)
{
    const GArray *fills = self->fills[q];
    gdouble sums[2] = {0}, ages[2] = {0};
    gint64 bytes[2] = {0};

    for (guint i = 0; i < fills->len; i++) {
        const Fill *fill = &g_array_index(fills, Fill, i);
        const guint half = i >= fills->len / 2;

        sums[half] += fill->age_s;
        ages[half] = MAX(ages[half], fill->age_s);
        bytes[half] = MAX(bytes[half], fill->bytes);
    }
    g_print("| %s | %.3f s | %.3f s | %.3f s | %.3f s | %.0f kB | %.0f kB |\n", queues[q],
            sums[0] / MAX(fills->len / 2, 1), sums[1] / MAX(fills->len - fills->len / 2, 1),
            ages[0], ages[1], (gdouble)bytes[0] / 1e3, (gdouble)bytes[1] / 1e3);
}

static void
print_camera(JsonArray *cameras, guint i)
{
    JsonObject *camera = json_array_get_object_element(cameras, i);
    JsonObject *rates = get_part(camera, "rates"), *detection = get_part(camera, "detection");
    JsonObject *network = get_part(camera, "network");

    g_print("| %s | %.1f | %.1f | %.1f | %.0f | %.0f%s | %.0f | %.0f | %.0f | %.0f | %.0f |\n",
            json_object_get_string_member(camera, "name"), get_number(rates, "captured"),
            get_number(rates, "decoded"), get_number(rates, "inferred"),
            get_age_ms(cameras, i, "p50"), get_age_ms(cameras, i, "p99"),
            get_age_ms(cameras, i, "p99") > AGE_LIMIT_MS ? " exceeded" : "",
            get_number(detection, "inferred"), get_number(detection, "skipped-load"),
            get_number(network, "stale") + get_number(network, "dropped"),
            get_number(network, "drop_outs"), get_number(camera, "events"));
}

void
bench_cameras_print(BenchCameras *self, const gchar *pid, const gchar *server, JsonNode *status)
{
    g_autoptr(JsonNode) root = status;
    JsonArray *cameras = get_cameras(root);
    const gdouble seconds = MAX(self->last_second - self->first_second, 1.0);
    const gdouble cost = (read_cpu(pid) - self->first_cpu) / seconds;

    print_minute(self, pid, cameras, (gint)(self->last_second / 60.0 + 0.5));
    g_print(
        "\n| camera | captured /s | decoded /s | looked at /s | age p50 ms | p99 (%.0f) | looked "
        "at | left for load | stale, dropped | drop-outs | events |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|\n",
        AGE_LIMIT_MS);
    for (guint i = 0; i < count_cameras(cameras); i++)
        print_camera(cameras, i);
    g_print("\nhighest p99 of any camera: %.0f ms in the first minute, %.0f ms later\n",
            self->peak_age_ms[0], self->peak_age_ms[1]);
    g_print("\n| queue | mean, 1st half | 2nd half | most, 1st half | 2nd half | bytes, 1st half | "
            "2nd half |\n|---|---|---|---|---|---|---|\n");
    for (guint q = 0; q < N_QUEUES; q++)
        print_queue(self, q);
    g_print("\ndaemon: %.3f s of processor time a second, %.4f a camera; server: %.1f s in all\n",
            cost, cost / self->n_cameras, read_cpu(server));
}
