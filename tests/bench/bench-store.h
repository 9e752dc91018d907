/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store.h"

G_BEGIN_DECLS

#define DAY_US (24 * 3600 * (gint64)G_USEC_PER_SEC)
#define BENCH_STORE_RARE_ZONE "rare"

/** BenchStore: a store in a folder of its own with made-up events. */
typedef struct {
    gchar *dir, *database, *clips;
    VigilStore *store; /* (nullable) */
    gint days;
    gint64 first_wall_us, last_wall_us, step_us;
} BenchStore;

/** bench_store_init: makes a folder in @parent. */
void bench_store_init(BenchStore *self, const gchar *parent);
/** bench_store_init_kept: with the folder @dir of an earlier run, and what that filled in. */
void bench_store_init_kept(BenchStore *self, const gchar *dir);
void bench_store_open(BenchStore *self, gint64 max_age_us);
/** bench_store_open_reader: as a program that looks something up opens it. */
void bench_store_open_reader(BenchStore *self);
void bench_store_close(BenchStore *self);
/** bench_store_forget: takes the database, which is closed, out of the memory of this machine. */
void bench_store_forget(BenchStore *self);
/** bench_store_finish: removes everything unless @keep. */
void bench_store_finish(BenchStore *self, gboolean keep);
gint64 bench_store_size(BenchStore *self);

/** bench_store_fill: @n events over the last days, of which the oldest @n_clips have clips; the store is closed. */
void bench_store_fill(BenchStore *self, guint n, guint n_clips);
/** bench_store_age_of: the limit of age by which the oldest @n events go. */
gint64 bench_store_age_of(const BenchStore *self, guint n);

/* Names that the events have; by any number. */
const gchar *bench_store_camera(guint i);
const gchar *bench_store_label(guint i);
const gchar *bench_store_zone(guint i);
const gchar *bench_store_rule(guint i);
/** bench_store_event: (transfer full): without a clip. */
VigilEvent *bench_store_event(guint camera, guint number, gint64 wall_us, VigilEventType type);

G_END_DECLS
