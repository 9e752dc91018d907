/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/avcodec/vigil-picture-memory.h"

#include <sys/mman.h>

/*
 * Pictures that wait. One that is made anew costs a third of a millisecond of the kernel's, so that there should be some; four cameras
 * at 15 pictures a second seldom need more at a time.
 */
#define MAX_FREE 2

struct VigilPictureMemory {
    VigilPictureMemory *next;
    gsize size;
};

G_STATIC_ASSERT(sizeof(VigilPictureMemory) <= VIGIL_PICTURE_ALIGN);

static GMutex lock;
/* under lock */
static VigilPictureMemory *free_pictures; /* the last one that came back is first */
static guint n_free;

static VigilPictureMemory *
find_free(gsize size)
{
    for (VigilPictureMemory **at = &free_pictures; *at; at = &(*at)->next) {
        VigilPictureMemory *picture = *at;

        if (picture->size == size) {
            *at = picture->next;
            n_free--;
            return picture;
        }
    }
    return NULL;
}

VigilPictureMemory *
vigil_picture_memory_take(gsize size)
{
    VigilPictureMemory *picture;

    g_mutex_lock(&lock);
    picture = find_free(size);
    g_mutex_unlock(&lock);
    if (picture)
        return picture;
    /* not from the heap, where it would stay when it is given back */
    picture = mmap(NULL, VIGIL_PICTURE_ALIGN + size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (picture == MAP_FAILED)
        return NULL;
    picture->size = size;
    return picture;
}

guint8 *
vigil_picture_memory_get_data(VigilPictureMemory *self)
{
    return (guint8 *)self + VIGIL_PICTURE_ALIGN;
}

/* What has waited longest goes: it may be of a size that nobody has any more. */
static VigilPictureMemory *
take_last(void)
{
    VigilPictureMemory **at = &free_pictures, *last;

    while ((*at)->next)
        at = &(*at)->next;
    last = *at;
    *at = NULL;
    n_free--;
    return last;
}

void
vigil_picture_memory_give(VigilPictureMemory *self)
{
    VigilPictureMemory *surplus = NULL;

    g_mutex_lock(&lock);
    self->next = free_pictures;
    free_pictures = self;
    if (++n_free > MAX_FREE)
        surplus = take_last();
    g_mutex_unlock(&lock);
    if (surplus)
        munmap(surplus, VIGIL_PICTURE_ALIGN + surplus->size);
}

gsize
vigil_picture_memory_count_free(void)
{
    gsize bytes = 0;

    g_mutex_lock(&lock);
    for (const VigilPictureMemory *picture = free_pictures; picture; picture = picture->next)
        bytes += picture->size;
    g_mutex_unlock(&lock);
    return bytes;
}
