/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/avcodec/vigil-picture-memory.h"

#include <string.h>
#include <sys/mman.h>

/*
 * Pictures that wait. One that is made anew costs a third of a millisecond of the kernel's, so that there should be some; four cameras
 * at 15 pictures a second seldom need more at a time.
 */
#define MAX_FREE 2
/* A larger one does not wait: no camera that there is has such pictures for long, and it would keep others from their places. */
#define MAX_WAITING_BYTES ((gsize)32 << 20)

struct VigilPictureMemory {
    VigilPictureMemory *next;
    gsize size;
    guint owner; /* who had it last */
};

G_STATIC_ASSERT(sizeof(VigilPictureMemory) <= VIGIL_PICTURE_ALIGN);

static GMutex lock;
/* under lock */
static VigilPictureMemory *free_pictures; /* the last one that came back is first */
static guint n_free;

/* One of its own before one of others. */
static VigilPictureMemory *
find_free(gsize size, guint owner)
{
    VigilPictureMemory **found = NULL, *picture;

    for (VigilPictureMemory **at = &free_pictures; *at; at = &(*at)->next)
        if ((*at)->size == size && (!found || (*at)->owner == owner))
            found = at;
    if (!found)
        return NULL;
    picture = *found;
    *found = picture->next;
    n_free--;
    return picture;
}

guint
vigil_picture_memory_new_owner(void)
{
    static gint n_owners; /* atomic */

    return (guint)g_atomic_int_add(&n_owners, 1);
}

VigilPictureMemory *
vigil_picture_memory_take(gsize size, guint owner)
{
    VigilPictureMemory *picture;

    g_mutex_lock(&lock);
    picture = find_free(size, owner);
    g_mutex_unlock(&lock);
    if (picture) {
        if (picture->owner != owner)
            memset(vigil_picture_memory_get_data(picture), 0, size);
        picture->owner = owner;
        return picture;
    }
    /* not from the heap, where it would stay when it is given back */
    picture = mmap(NULL, VIGIL_PICTURE_ALIGN + size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (picture == MAP_FAILED)
        return NULL;
    picture->size = size;
    picture->owner = owner;
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
    VigilPictureMemory *surplus = self;

    if (self->size <= MAX_WAITING_BYTES) {
        g_mutex_lock(&lock);
        self->next = free_pictures;
        free_pictures = self;
        surplus = ++n_free > MAX_FREE ? take_last() : NULL;
        g_mutex_unlock(&lock);
    }
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
