/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
/* jpeglib.h uses size_t and FILE without their headers */
#include <stdio.h>

#include <jpeglib.h>

/* after it: its numbers of messages depend on jpeglib.h's configuration */
#include <jerror.h>

#include "plugins/jpeg/vigil-jpeg.h"

G_BEGIN_DECLS

/* Rows of a component in what libjpeg decodes at once: at most 4 blocks, 8 rows each. */
#define VIGIL_JPEG_STRIP_ROWS (MAX_SAMP_FACTOR * DCTSIZE)
#define VIGIL_JPEG_ALIGNMENT 64

/* Comes before the memory it stands for. */
typedef struct VigilJpegBlock VigilJpegBlock;
struct VigilJpegBlock {
    VigilJpegBlock *next;
    gsize size, used;
};

/**
 * VigilJpegArena:
 *
 * Memory that lives for one frame. What a frame needed is one block for the frames after it.
 */
typedef struct {
    VigilJpegBlock *blocks; /* the newest first */
    gsize limit, total;
} VigilJpegArena;

/** VigilJpegPlane: a component on its way from libjpeg to the target. */
typedef struct {
    gboolean direct;       /* libjpeg writes to the target itself */
    guint rows;            /* of a strip */
    guint width;           /* bytes of a row that libjpeg may write */
    guint step_x, step_y;  /* pixels of the picture to one sample */
    guint8 *strip, *carry; /* rows * width bytes; one row */
    const guint8 *above;   /* (nullable): the first of two rows that become one */
    JSAMPROW lines[VIGIL_JPEG_STRIP_ROWS];
} VigilJpegPlane;

struct VigilJpeg {
    /* libjpeg's structs point to one another: this one never moves */
    struct jpeg_decompress_struct cinfo;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;

    VigilJpegLimits limits;
    VigilJpegArena arena;
    guint8 *strips;
    gsize strips_size;
    VigilJpegPlane planes[3];

    gboolean opened, in_picture;
    guint n_damages;
    const VigilJpegTarget *target;
    guint scale;
    gchar problem[JMSG_LENGTH_MAX];
};

/** vigil_jpeg_escape: out of libjpeg, to where it was called; only inside of it. Sets the problem. */
void vigil_jpeg_escape(VigilJpeg *self, const gchar *problem) G_GNUC_NORETURN;

/** vigil_jpeg_memory_take_over: libjpeg has its memory from the arena from now on. @self->cinfo was created. */
void vigil_jpeg_memory_take_over(VigilJpeg *self);

/** vigil_jpeg_arena_reset: the frame is through. */
void vigil_jpeg_arena_reset(VigilJpegArena *self);

void vigil_jpeg_arena_finish(VigilJpegArena *self);

/** vigil_jpeg_output_yuv: reads the whole picture into the target's planes; between jpeg_start_decompress() and its end. */
void vigil_jpeg_output_yuv(VigilJpeg *self);

void vigil_jpeg_output_rgb(VigilJpeg *self);

G_END_DECLS
