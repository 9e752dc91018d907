/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-clip-span.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/vigil-mp4-box.h"

#define BOX_BYTES 8
#define MAX_BOXES (1 << 22)
#define MAX_HEADER_BYTES (4 * 1024 * 1024)
#define MAX_SAMPLES (1 << 20)
/* No file of ours is longer: what says so is damaged. */
#define LONGEST_US (G_GINT64_CONSTANT(1000000) * 86400 * 366)

/* A part of a box that is in memory. */
typedef struct {
    const guint8 *data;
    gsize length;
} Span;

typedef struct {
    gint fd;
    guint64 bytes;                         /* of the file */
    VigilMp4Box moov, moof;                /* the first, and the last that has its mdat behind it */
    guint64 timescale, begin, track_units; /* of the last fragment, in units of the timescale */
    guint32 default_duration;              /* of a sample, as trex says */
} Reading;

/* Returns: 0 past the end */
static guint64
number(Span span, gsize at, guint n_bytes)
{
    return at + n_bytes <= span.length ? vigil_mp4_number(span.data + at, n_bytes) : 0;
}

/* The box @type in the content of another. @content: (out): its own */
static gboolean
find(Span outer, const gchar *type, Span *content)
{
    gsize at = 0;

    while (outer.length - at >= BOX_BYTES) {
        const guint64 size = number(outer, at, 4);

        if (size < BOX_BYTES || size > outer.length - at)
            return FALSE;
        if (memcmp(outer.data + at + 4, type, 4) == 0) {
            *content = (Span){outer.data + at + BOX_BYTES, (gsize)size - BOX_BYTES};
            return TRUE;
        }
        at += (gsize)size;
    }
    return FALSE;
}

/* Which boxes matter. Returns: 0 or -errno */
static gint
look_through(Reading *self)
{
    VigilMp4Box box, moof = {0};
    guint64 offset = 0;

    for (guint i = 0; i < MAX_BOXES && offset < self->bytes; i++) {
        const gint code = vigil_mp4_read_box(self->fd, offset, self->bytes, &box);

        if (code <= 0)
            return code;
        if (memcmp(box.type, "moov", 4) == 0 && self->moov.size == 0)
            self->moov = box;
        else if (memcmp(box.type, "moof", 4) == 0)
            moof = box;
        else if (memcmp(box.type, "mdat", 4) == 0)
            self->moof = moof;
        offset += box.size;
    }
    return 0;
}

/* (transfer full) (nullable): what is in a box. */
static guint8 *
load(const Reading *self, const VigilMp4Box *box, Span *span)
{
    guint8 *data;

    if (box->size <= box->header || box->size > MAX_HEADER_BYTES)
        return NULL;
    *span = (Span){NULL, (gsize)(box->size - box->header)};
    span->data = data = g_malloc(span->length);
    if (vigil_mp4_read(self->fd, data, span->length, box->offset + box->header) ==
        (gssize)span->length)
        return data;
    g_free(data);
    return NULL;
}

static gboolean
read_moov(Reading *self)
{
    Span moov, trak, mdia, mdhd, mvex, trex;
    g_autofree guint8 *data = load(self, &self->moov, &moov);

    if (!data || !find(moov, "trak", &trak) || !find(trak, "mdia", &mdia) ||
        !find(mdia, "mdhd", &mdhd))
        return FALSE;
    self->timescale = number(mdhd, number(mdhd, 0, 1) == 1 ? 20 : 12, 4);
    if (find(moov, "mvex", &mvex) && find(mvex, "trex", &trex))
        self->default_duration = (guint32)number(trex, 12, 4);
    return self->timescale > 0;
}

static guint32
read_default_duration(const Reading *self, Span tfhd)
{
    const guint32 flags = (guint32)number(tfhd, 0, 4) & 0xffffff;
    const gsize at =
        8 + (flags & VIGIL_MP4_TFHD_BASE ? 8 : 0) + (flags & VIGIL_MP4_TFHD_DESCRIPTION ? 4 : 0);

    return flags & VIGIL_MP4_TFHD_DURATION ? (guint32)number(tfhd, at, 4) : self->default_duration;
}

static void
add_run(Reading *self, Span trun, guint32 default_duration)
{
    const guint32 flags = (guint32)number(trun, 0, 4) & 0xffffff;
    const guint64 n = MIN(number(trun, 4, 4), MAX_SAMPLES);
    const gsize stride =
        4 * ((flags & VIGIL_MP4_TRUN_DURATION ? 1 : 0) + (flags & VIGIL_MP4_TRUN_SIZE ? 1 : 0) +
             (flags & VIGIL_MP4_TRUN_FLAGS ? 1 : 0) + (flags & VIGIL_MP4_TRUN_COMPOSITION ? 1 : 0));
    gsize at =
        8 + (flags & VIGIL_MP4_TRUN_OFFSET ? 4 : 0) + (flags & VIGIL_MP4_TRUN_FIRST_FLAGS ? 4 : 0);

    for (guint64 i = 0; i < n; i++, at += stride)
        self->track_units +=
            flags & VIGIL_MP4_TRUN_DURATION ? number(trun, at, 4) : default_duration;
}

static gboolean
read_moof(Reading *self)
{
    Span moof, traf, tfhd, tfdt, trun;
    g_autofree guint8 *data = load(self, &self->moof, &moof);
    guint32 duration;

    if (!data || !find(moof, "traf", &traf) || !find(traf, "tfhd", &tfhd) ||
        !find(traf, "tfdt", &tfdt))
        return FALSE;
    self->begin = number(tfdt, 4, number(tfdt, 0, 1) == 1 ? 8 : 4);
    duration = read_default_duration(self, tfhd);
    while (find(traf, "trun", &trun)) {
        add_run(self, trun, duration);
        traf.length -= (gsize)(trun.data + trun.length - traf.data);
        traf.data = trun.data + trun.length;
    }
    return TRUE;
}

gint
vigil_clip_span_read(gint fd, gint64 *duration_us)
{
    Reading self = {.fd = fd};
    struct stat info;
    gdouble us;
    gint code;

    if (fstat(fd, &info) < 0)
        return -errno;
    self.bytes = (guint64)MAX(info.st_size, 0);
    code = look_through(&self);
    if (code < 0)
        return code;
    if (!read_moov(&self) || !read_moof(&self))
        return -EINVAL;
    us = ((gdouble)self.begin + (gdouble)self.track_units) * 1e6 / (gdouble)self.timescale;
    if (us > (gdouble)LONGEST_US)
        return -EINVAL;
    *duration_us = (gint64)us;
    return 0;
}
