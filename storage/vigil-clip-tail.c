/* SPDX-License-Identifier: Apache-2.0 */
/* Of ISO/IEC 14496-12: moof (8.8.4), traf (8.8.6), tfhd (8.8.7), trun (8.8.8). */
#include "storage/vigil-clip-tail.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/vigil-mp4-box.h"

#define BOX_BYTES 8
#define MAX_BOXES (1 << 22)
#define MAX_MOOF_BYTES (4 * 1024 * 1024)
#define MAX_RUNS 64
#define MAX_SAMPLES (1 << 20) /* of a run */

/* Bytes of a box that is in memory, read from the front. */
typedef struct {
    const guint8 *data;
    gsize length, at;
    gboolean short_of; /* more was read than there is */
} Reader;

/* Where the number of samples of a run stands in the file, and what it is to be. */
typedef struct {
    guint64 offset;
    guint32 n_samples, n_whole;
} Run;

typedef struct {
    gint fd;
    guint64 bytes;             /* the file's */
    guint64 moof_at, moof_end; /* of the last fragment; its mdat begins at moof_end */
    gboolean has_samples;      /* that are whole */
    Run runs[MAX_RUNS];
    guint n_runs;
    const VigilFileOps *ops;
    gint sync_code;
} Fragment;

/* --- what the fragment says ----------------------------------------------------------------------------------- */

static guint64
take(Reader *self, guint n_bytes)
{
    guint64 value;

    if (self->length - self->at < n_bytes) {
        self->short_of = TRUE;
        self->at = self->length;
        return 0;
    }
    value = vigil_mp4_number(self->data + self->at, n_bytes);
    self->at += n_bytes;
    return value;
}

static void
skip(Reader *self, guint n_bytes)
{
    if (self->length - self->at < n_bytes)
        self->short_of = TRUE;
    self->at = MIN(self->length, self->at + n_bytes);
}

/* The next box inside; @type: (out). Returns: whether there is one; @self is behind it then */
static gboolean
take_box(Reader *self, Reader *box, const guint8 **type)
{
    guint64 size;

    if (self->length - self->at < BOX_BYTES)
        return FALSE;
    size = vigil_mp4_number(self->data + self->at, 4);
    if (size < BOX_BYTES || size > self->length - self->at)
        return FALSE;
    *type = self->data + self->at + 4;
    *box = (Reader){self->data + self->at + BOX_BYTES, (gsize)size - BOX_BYTES, 0, FALSE};
    self->at += (gsize)size;
    return TRUE;
}

typedef struct {
    gboolean known; /* where its samples are counted from */
    guint64 base;
    guint32 sample_bytes; /* of samples whose run does not tell */
} Track;

static Track
read_track(Reader *tfhd, const Fragment *fragment, gboolean first)
{
    const guint32 flags = (guint32)take(tfhd, 4) & 0xffffff;
    Track track = {.known = first || flags & (VIGIL_MP4_TFHD_BASE | VIGIL_MP4_TFHD_BASE_IS_MOOF),
                   .base = fragment->moof_at};

    skip(tfhd, 4); /* the track's number */
    if (flags & VIGIL_MP4_TFHD_BASE)
        track.base = take(tfhd, 8);
    skip(tfhd,
         (flags & VIGIL_MP4_TFHD_DESCRIPTION ? 4 : 0) + (flags & VIGIL_MP4_TFHD_DURATION ? 4 : 0));
    if (flags & VIGIL_MP4_TFHD_SIZE)
        track.sample_bytes = (guint32)take(tfhd, 4);
    track.known = track.known && !tfhd->short_of;
    return track;
}

/* Counts the samples of a run that end within the file. @at: where the first one begins */
static void
count_samples(Reader *trun, guint32 flags, const Track *track, guint64 at, Fragment *fragment,
              Run *run)
{
    const guint before = flags & VIGIL_MP4_TRUN_DURATION ? 4 : 0;
    const guint behind =
        (flags & VIGIL_MP4_TRUN_FLAGS ? 4 : 0) + (flags & VIGIL_MP4_TRUN_COMPOSITION ? 4 : 0);

    while (run->n_whole < run->n_samples) {
        guint64 n_bytes = track->sample_bytes;

        skip(trun, before);
        if (flags & VIGIL_MP4_TRUN_SIZE)
            n_bytes = take(trun, 4);
        skip(trun, behind);
        if (trun->short_of || n_bytes == 0 || n_bytes > fragment->bytes - at)
            return;
        at += n_bytes;
        fragment->has_samples = TRUE;
        run->n_whole++;
    }
}

/* @at: of the run's body in the file. Returns: whether it says where its samples are */
static gboolean
read_run(Reader *trun, const Track *track, guint64 at, Fragment *fragment)
{
    const guint32 flags = (guint32)take(trun, 4) & 0xffffff;
    Run *run = &fragment->runs[fragment->n_runs];
    guint64 begin;

    *run = (Run){.offset = at + 4, .n_samples = (guint32)take(trun, 4)};
    begin = track->base + (guint64)(gint64)(gint32)take(trun, 4);
    skip(trun, flags & VIGIL_MP4_TRUN_FIRST_FLAGS ? 4 : 0);
    if (!(flags & VIGIL_MP4_TRUN_OFFSET) || trun->short_of || run->n_samples > MAX_SAMPLES ||
        begin < fragment->moof_end + BOX_BYTES)
        return FALSE;
    fragment->n_runs++;
    if (begin <= fragment->bytes)
        count_samples(trun, flags, track, begin, fragment, run);
    return TRUE;
}

static gboolean
read_traf(Reader *traf, const guint8 *moof, gboolean first, Fragment *fragment)
{
    Track track = {FALSE, 0, 0};
    const guint8 *type;
    Reader box;

    while (take_box(traf, &box, &type)) {
        if (memcmp(type, "tfhd", 4) == 0)
            track = read_track(&box, fragment, first);
        else if (memcmp(type, "trun", 4) == 0 &&
                 (!track.known || fragment->n_runs == MAX_RUNS ||
                  !read_run(&box, &track, fragment->moof_at + (guint64)(box.data - moof),
                            fragment)))
            return FALSE;
    }
    return TRUE;
}

/* @moof: the whole box. Returns: whether there are samples to be kept */
static gboolean
read_moof(const guint8 *moof, gsize length, Fragment *fragment)
{
    Reader reader = {moof, length, BOX_BYTES, FALSE}, box;
    const guint8 *type;
    gboolean first = TRUE;

    while (take_box(&reader, &box, &type)) {
        if (memcmp(type, "traf", 4) != 0)
            continue;
        if (!read_traf(&box, moof, first, fragment))
            return FALSE;
        first = FALSE;
    }
    return fragment->has_samples;
}

/* --- what is written ------------------------------------------------------------------------------------------ */

/* Each step must be on disk before the next. Returns: 0 or -errno, as the others here */
static gint
sync_file(Fragment *self)
{
    self->sync_code = self->ops->sync(self->fd);
    return self->sync_code;
}

static gint
write_bytes(const Fragment *self, gconstpointer data, gsize length, guint64 offset)
{
    const gssize n = self->ops->write_at(self->fd, data, length, (gint64)offset);

    return n == (gssize)length ? 0 : n < 0 ? (gint)n : -EIO;
}

static gint
write_number(const Fragment *self, guint64 offset, guint64 value)
{
    const guint32 big = GUINT32_TO_BE((guint32)value);

    return value > G_MAXUINT32 ? -EFBIG : write_bytes(self, &big, sizeof big, offset);
}

/* All from @offset on is skipped; a box has 8 bytes at least. */
static gint
write_free(Fragment *self, guint64 offset)
{
    const guint64 size = MAX(self->bytes - offset, BOX_BYTES);
    const guint32 big = GUINT32_TO_BE((guint32)size);
    guint8 head[BOX_BYTES] = {0, 0, 0, 0, 'f', 'r', 'e', 'e'};
    gint code;

    if (size > G_MAXUINT32)
        return -EFBIG;
    memcpy(head, &big, sizeof big);
    code = write_bytes(self, head, sizeof head, offset);
    return code == 0 ? sync_file(self) : code;
}

static gint
write_counts(Fragment *self)
{
    gint code = 0;

    for (guint i = 0; i < self->n_runs && code == 0; i++)
        if (self->runs[i].n_whole < self->runs[i].n_samples)
            code = write_number(self, self->runs[i].offset, self->runs[i].n_whole);
    return code == 0 ? sync_file(self) : code;
}

/*
 * As long as the mdat says that it is longer than the file, the same samples are found. It may hold bytes of no sample: those of the
 * one that was cut off.
 */
static gint
keep_samples(Fragment *self)
{
    gint code = write_counts(self);

    if (code == 0)
        code = write_number(self, self->moof_end, self->bytes - self->moof_end);
    return code == 0 ? sync_file(self) : code;
}

/* --- the file ------------------------------------------------------------------------------------------------- */

/*
 * @tail: where the first box is that is not whole, or the moof whose mdat is not; @cut: that box. A file without any fragment
 * is left alone. Returns: 1, 0 for nothing to do, or -errno
 */
static gint
find_tail(Fragment *self, guint64 *tail, VigilMp4Box *cut)
{
    gboolean has_moof = FALSE, has_fragment = FALSE;
    guint64 offset = 0;

    for (guint i = 0; i < MAX_BOXES && offset < self->bytes; i++) {
        const gint code = vigil_mp4_read_box(self->fd, offset, self->bytes, cut);

        if (code < 0)
            return code;
        if (code == 0) {
            *tail = has_moof ? self->moof_at : offset;
            return has_fragment || has_moof;
        }
        if (has_moof)
            has_fragment = TRUE;
        has_moof = memcmp(cut->type, "moof", 4) == 0;
        if (has_moof) {
            self->moof_at = offset;
            self->moof_end = offset + cut->size;
        }
        offset += cut->size;
    }
    *cut = (VigilMp4Box){.offset = offset};
    *tail = self->moof_at;
    return has_moof && has_fragment && offset == self->bytes;
}

/* Whether the mdat behind the last moof was cut off among samples that can be kept. */
static gboolean
read_fragment(Fragment *self, const VigilMp4Box *cut, guint64 tail)
{
    const gsize length = (gsize)MIN(self->moof_end - self->moof_at, MAX_MOOF_BYTES + 1);
    g_autofree guint8 *moof = NULL;

    if (tail != self->moof_at || cut->offset != self->moof_end || cut->size == 0 ||
        cut->header != BOX_BYTES || memcmp(cut->type, "mdat", 4) != 0 || length > MAX_MOOF_BYTES)
        return FALSE;
    moof = g_malloc(length);
    return vigil_mp4_read(self->fd, moof, length, self->moof_at) == (gssize)length &&
           read_moof(moof, length, self);
}

gint
vigil_clip_tail_close(gint fd, const VigilFileOps *ops, gint *sync_code)
{
    Fragment fragment = {.fd = fd, .ops = ops};
    VigilMp4Box cut;
    struct stat info;
    guint64 tail;
    gint code;

    *sync_code = 0;
    if (fstat(fd, &info) < 0)
        return -errno;
    fragment.bytes = (guint64)MAX(info.st_size, 0);
    code = find_tail(&fragment, &tail, &cut);
    if (code <= 0)
        return code;
    code = read_fragment(&fragment, &cut, tail) ? keep_samples(&fragment)
                                                : write_free(&fragment, tail);
    *sync_code = fragment.sync_code;
    return code == 0 ? 1 : code;
}
