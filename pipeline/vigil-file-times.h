/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define VIGIL_FILE_TIMES_STREAMS 2

/**
 * VigilFileTimes: one time line for a file whose own jumps, as where a camera began anew while it was recorded, or where recordings were
 * put one behind the other. What comes later is shown later: times that go back go on from where they were instead, all streams of the
 * file by the same. Threads: any.
 */
typedef struct VigilFileTimes VigilFileTimes;

/**
 * vigil_file_times_new: (transfer full)
 * @close_gaps: whether 60 s and more without anything are left out, for a file that is played as fast as time goes
 */
VigilFileTimes *vigil_file_times_new(gboolean close_gaps);
void vigil_file_times_free(VigilFileTimes *self);

/**
 * vigil_file_times_place:
 * @stream: less than %VIGIL_FILE_TIMES_STREAMS; the frames of each come in the order of decoding
 * @time_ns: when the frame is shown, as the file says
 * @duration_ns: for how long; -1: not known
 * @key: whether it can be decoded without others: only there a time line may end, since those in between may be shown in another order
 *
 * Returns: what is to be added to its times, in ns; 0 as long as nothing jumps
 */
gint64 vigil_file_times_place(VigilFileTimes *self, guint stream, gint64 time_ns,
                              gint64 duration_ns, gboolean key);

G_END_DECLS
