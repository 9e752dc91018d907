/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-file-times.h"

/* As the recorder has it: what goes back by less is not another time line. */
#define MAX_BACK_NS (G_GINT64_CONSTANT(1) * 1000000000)
#define MAX_GAP_NS (G_GINT64_CONSTANT(60) * 1000000000)
/* Streams of a file do not all end at the same time: within so much they have jumped together. */
#define MAX_APART_NS (G_GINT64_CONSTANT(1) * 1000000000)
#define MAX_INTERVAL_NS (G_GINT64_CONSTANT(1) * 1000000000)
/* Of the latest jumps: so far one stream may be behind the other. */
#define N_JUMPS 8

typedef struct {
    gboolean begun;
    gint64 last_ns, end_ns; /* as the file says; end: the latest */
    gint64 offset_ns;
    guint jump; /* number of its last one */
} Stream;

struct VigilFileTimes {
    GMutex lock;
    gboolean close_gaps;
    Stream streams[VIGIL_FILE_TIMES_STREAMS];
    guint jump; /* number of the last one of any stream */
    gint64 offsets_ns[N_JUMPS];
};

VigilFileTimes *
vigil_file_times_new(gboolean close_gaps)
{
    VigilFileTimes *self = g_new0(VigilFileTimes, 1);

    g_mutex_init(&self->lock);
    self->close_gaps = close_gaps;
    return self;
}

void
vigil_file_times_free(VigilFileTimes *self)
{
    if (!self)
        return;
    g_mutex_clear(&self->lock);
    g_free(self);
}

/* How far the file has come: streams that are on the same line as this one, which may have pauses of its own. */
static gint64
latest_of(const VigilFileTimes *self, const Stream *stream)
{
    gint64 end_ns = stream->end_ns;

    for (guint i = 0; i < VIGIL_FILE_TIMES_STREAMS; i++)
        if (self->streams[i].begun && self->streams[i].offset_ns == stream->offset_ns)
            end_ns = MAX(end_ns, self->streams[i].end_ns);
    return end_ns;
}

static gboolean
jumps(const VigilFileTimes *self, const Stream *stream, gint64 time_ns)
{
    return time_ns < stream->end_ns - MAX_BACK_NS ||
           (self->close_gaps && time_ns > latest_of(self, stream) + MAX_GAP_NS);
}

/* Whichever stream jumps first says by how much. */
static void
jump(VigilFileTimes *self, Stream *stream, gint64 time_ns)
{
    /* behind both where they end nearly together, or the one that is longer would go back */
    const gint64 latest_ns = latest_of(self, stream);
    const gint64 end_ns = latest_ns - stream->end_ns < MAX_APART_NS ? latest_ns : stream->end_ns;
    const gint64 own_ns = end_ns + stream->offset_ns - time_ns;
    gboolean follows = stream->jump < self->jump && self->jump - stream->jump <= N_JUMPS;

    stream->jump++;
    if (follows)
        follows = ABS(self->offsets_ns[stream->jump % N_JUMPS] - own_ns) < MAX_APART_NS;
    stream->offset_ns = follows ? self->offsets_ns[stream->jump % N_JUMPS] : own_ns;
    if (stream->jump > self->jump)
        self->jump = stream->jump;
    if (!follows)
        self->offsets_ns[stream->jump % N_JUMPS] = own_ns;
}

gint64
vigil_file_times_place(VigilFileTimes *self, guint stream, gint64 time_ns, gint64 duration_ns,
                       gboolean key)
{
    Stream *s = &self->streams[stream];
    gint64 offset_ns;

    g_mutex_lock(&self->lock);
    if (s->begun && key && jumps(self, s, time_ns)) {
        jump(self, s, time_ns);
        s->begun = FALSE;
    }
    if (duration_ns < 0)
        duration_ns = s->begun ? CLAMP(time_ns - s->last_ns, 0, MAX_INTERVAL_NS) : 0;
    /* it counts from decoding to decoding where pictures are shown in another order */
    duration_ns = MIN(duration_ns, MAX_INTERVAL_NS);
    s->end_ns = s->begun ? MAX(s->end_ns, time_ns + duration_ns) : time_ns + duration_ns;
    s->last_ns = time_ns;
    s->begun = TRUE;
    offset_ns = s->offset_ns;
    g_mutex_unlock(&self->lock);
    return offset_ns;
}
