/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * BenchPeer: a runtime that runs a model, on one thread.
 * @name: of the column
 * @open: (nullable): a model ready to run, its input filled with noise; %NULL with the reason in @why (transfer full)
 * @run: @n inferences, milliseconds of each
 * @version: (transfer full) (nullable): of the runtime, once a model was opened
 * @own_part: (nullable): of a runtime that runs a part of the model: milliseconds, a median, that Vigil took for the same part
 */
typedef struct {
    const gchar *name;
    gpointer (*open)(const gchar *model, gchar **why);
    void (*run)(gpointer self, guint n, gdouble *ms);
    void (*close)(gpointer self);
    gchar *(*version)(void);
    gdouble (*own_part)(gpointer self);
} BenchPeer;

extern const BenchPeer bench_vigil, bench_tflite, bench_xnnpack, bench_onnx, bench_onednn;

/** bench_use_wall: the clock on the wall from now on, instead of the processor's time of the thread (or process) that runs. */
void bench_use_wall(void);
gboolean bench_is_wall(void);
gdouble bench_now_ms(void);

/** bench_median: of numbers (element-type gdouble), which it sorts; NAN of none. */
gdouble bench_median(GArray *numbers);

/** bench_fill_noise: the same bytes for every runtime; zeros for floats, since noise would be no numbers. */
void bench_fill_noise(guint8 *data, gsize n, gboolean is_float);

/** bench_peers_folder: where tests/bench/peers.sh put the other runtimes, from $VIGIL_PEERS; %NULL when that is not set. */
const gchar *bench_peers_folder(void);

G_END_DECLS
