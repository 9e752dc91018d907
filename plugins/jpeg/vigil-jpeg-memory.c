/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memory manager for libjpeg, in the place of its own, which takes everything from malloc() for each frame and gives it back
 * after it. Here all of it lies in one block that stays. That goes for tables too, which libjpeg means to keep for the frames
 * after: a camera's frames stand each for itself, and the tables of a broken one must not reach the next.
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/jpeg/vigil-jpeg-private.h"

/* Frames of one camera differ by a few tables. */
#define GRANULE (64u * 1024u)
#define HEADER VIGIL_JPEG_ALIGNMENT

G_STATIC_ASSERT(sizeof(VigilJpegBlock) <= HEADER);

/* libjpeg's name, ours to define */
struct jvirt_sarray_control {
    JSAMPARRAY rows;
    JDIMENSION n_rows;
};

struct jvirt_barray_control {
    JBLOCKARRAY rows;
    JDIMENSION n_rows;
};

static guint64
round_up(guint64 size, guint64 unit)
{
    return (size + unit - 1) / unit * unit;
}

static VigilJpegBlock *
block_new(gsize size)
{
    VigilJpegBlock *block = aligned_alloc(VIGIL_JPEG_ALIGNMENT, HEADER + size);

    if (block)
        *block = (VigilJpegBlock){.size = size};
    return block;
}

/* Returns: (nullable): NULL when the limit or the memory is used up */
static void *
arena_take(VigilJpegArena *self, guint64 wanted)
{
    /* vector code may touch a few bytes behind the end of a row */
    const guint64 size = round_up(wanted + VIGIL_JPEG_ALIGNMENT, VIGIL_JPEG_ALIGNMENT);
    VigilJpegBlock *block = self->blocks;

    if (wanted > self->limit || size > self->limit - self->total)
        return NULL;
    if (!block || block->size - block->used < size) {
        block = block_new(round_up(size, GRANULE));
        if (!block)
            return NULL;
        block->next = self->blocks;
        self->blocks = block;
    }
    self->total += size;
    block->used += size;
    return (guint8 *)block + HEADER + block->used - size;
}

void
vigil_jpeg_arena_finish(VigilJpegArena *self)
{
    while (self->blocks) {
        VigilJpegBlock *next = self->blocks->next;

        free(self->blocks);
        self->blocks = next;
    }
    self->total = 0;
}

void
vigil_jpeg_arena_reset(VigilJpegArena *self)
{
    const gsize size = round_up(self->total, GRANULE);

    if (self->blocks && self->blocks->next) {
        vigil_jpeg_arena_finish(self);
        self->blocks = block_new(size);
    }
    if (self->blocks)
        self->blocks->used = 0;
    self->total = 0;
}

static void *
take(j_common_ptr cinfo, guint64 size)
{
    VigilJpeg *self = cinfo->client_data;
    void *memory = arena_take(&self->arena, size);

    if (!memory)
        vigil_jpeg_escape(self, "it needs more memory than a frame may have");
    return memory;
}

static void *
alloc(j_common_ptr cinfo, int pool, size_t size)
{
    return take(cinfo, size);
}

static JSAMPARRAY
alloc_samples(j_common_ptr cinfo, int pool, JDIMENSION samples, JDIMENSION n_rows)
{
    const guint64 width = round_up(samples, VIGIL_JPEG_ALIGNMENT);
    JSAMPARRAY rows = take(cinfo, (guint64)n_rows * sizeof *rows);
    JSAMPROW memory = take(cinfo, n_rows * width);

    for (JDIMENSION i = 0; i < n_rows; i++)
        rows[i] = memory + i * width;
    return rows;
}

static JBLOCKARRAY
alloc_blocks(j_common_ptr cinfo, int pool, JDIMENSION blocks, JDIMENSION n_rows)
{
    JBLOCKARRAY rows = take(cinfo, (guint64)n_rows * sizeof *rows);
    JBLOCKROW memory = take(cinfo, (guint64)n_rows * blocks * sizeof *memory);

    for (JDIMENSION i = 0; i < n_rows; i++)
        rows[i] = memory + (gsize)i * blocks;
    return rows;
}

/* Whole pictures are always in memory, and always cleared: what a broken frame leaves out is gray, and not of an older frame. */
static jvirt_sarray_ptr
request_samples(j_common_ptr cinfo, int pool, boolean clear, JDIMENSION samples, JDIMENSION n_rows,
                JDIMENSION max_access)
{
    jvirt_sarray_ptr array = take(cinfo, sizeof *array);

    array->rows = alloc_samples(cinfo, pool, samples, n_rows);
    array->n_rows = n_rows;
    for (JDIMENSION i = 0; i < n_rows; i++)
        memset(array->rows[i], 0, samples);
    return array;
}

static jvirt_barray_ptr
request_blocks(j_common_ptr cinfo, int pool, boolean clear, JDIMENSION blocks, JDIMENSION n_rows,
               JDIMENSION max_access)
{
    jvirt_barray_ptr array = take(cinfo, sizeof *array);

    array->rows = alloc_blocks(cinfo, pool, blocks, n_rows);
    array->n_rows = n_rows;
    for (JDIMENSION i = 0; i < n_rows; i++)
        memset(array->rows[i], 0, (gsize)blocks * sizeof(JBLOCK));
    return array;
}

static void
realize(j_common_ptr cinfo)
{
    /* they are there since they were requested */
}

static void
check_access(j_common_ptr cinfo, JDIMENSION start, JDIMENSION n, JDIMENSION n_rows)
{
    if (start > n_rows || n > n_rows - start)
        ERREXIT(cinfo, JERR_BAD_VIRTUAL_ACCESS);
}

static JSAMPARRAY
access_samples(j_common_ptr cinfo, jvirt_sarray_ptr array, JDIMENSION start, JDIMENSION n,
               boolean writable)
{
    check_access(cinfo, start, n, array->n_rows);
    return array->rows + start;
}

static JBLOCKARRAY
access_blocks(j_common_ptr cinfo, jvirt_barray_ptr array, JDIMENSION start, JDIMENSION n,
              boolean writable)
{
    check_access(cinfo, start, n, array->n_rows);
    return array->rows + start;
}

/* Called for a frame's pool only: the other goes with the object. */
static void
free_pool(j_common_ptr cinfo, int pool)
{
    VigilJpeg *self = cinfo->client_data;

    for (guint i = 0; i < NUM_QUANT_TBLS; i++)
        self->cinfo.quant_tbl_ptrs[i] = NULL;
    for (guint i = 0; i < NUM_HUFF_TBLS; i++)
        self->cinfo.dc_huff_tbl_ptrs[i] = self->cinfo.ac_huff_tbl_ptrs[i] = NULL;
    vigil_jpeg_arena_reset(&self->arena);
}

void
vigil_jpeg_memory_take_over(VigilJpeg *self)
{
    struct jpeg_memory_mgr *manager = self->cinfo.mem;

    manager->alloc_small = alloc;
    manager->alloc_large = alloc;
    manager->alloc_sarray = alloc_samples;
    manager->alloc_barray = alloc_blocks;
    manager->request_virt_sarray = request_samples;
    manager->request_virt_barray = request_blocks;
    manager->realize_virt_arrays = realize;
    manager->access_virt_sarray = access_samples;
    manager->access_virt_barray = access_blocks;
    manager->free_pool = free_pool;
}
