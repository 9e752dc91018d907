/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/vigil-heap-meter.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic gint64 held, peak;
static gint64 begin;
static _Atomic guint n_allocations;

static void
change(gint64 bytes)
{
    const gint64 now = atomic_fetch_add(&held, bytes) + bytes;
    gint64 most = atomic_load(&peak);

    while (now > most && !atomic_compare_exchange_weak(&peak, &most, now))
        ;
}

static void
add(gint64 bytes)
{
    atomic_fetch_add(&n_allocations, 1);
    change(bytes);
}

void
vigil_heap_meter_start(void)
{
    begin = atomic_load(&held);
    atomic_store(&peak, begin);
}

gsize
vigil_heap_meter_get_peak(void)
{
    return (gsize)(atomic_load(&peak) - begin);
}

gsize
vigil_heap_meter_get_held(void)
{
    return (gsize)atomic_load(&held);
}

guint
vigil_heap_meter_count(void)
{
    return atomic_load(&n_allocations);
}

gboolean
vigil_heap_meter_works(void)
{
    const guint before = vigil_heap_meter_count();
    void *volatile memory;
    void *volatile aligned;
    void *other;
    gpointer by_library;
    gsize seen;

    vigil_heap_meter_start();
    memory = malloc(100000);
    seen = vigil_heap_meter_get_peak();
    memory = realloc(memory, 200000);
    aligned = aligned_alloc(64, 64);
    if (posix_memalign(&other, 64, 64) != 0)
        other = NULL;
    free(other);
    free(aligned);
    free(memory);
    by_library = g_malloc(1);
    g_free(by_library);
    return seen >= 100000 && vigil_heap_meter_count() - before == 5;
}

#if defined(VIGIL_HEAP_METER_SANITIZED)
/* The sanitizer's interface, <sanitizer/allocator_interface.h>, without its header, which gcc does not ship everywhere. */
int __sanitizer_install_malloc_and_free_hooks(void (*allocated)(const volatile void *, size_t),
                                              void (*freed)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *memory);

static void
allocated(const volatile void *memory, size_t size)
{
    add((gint64)size);
}

static void
freed(const volatile void *memory)
{
    if (memory)
        change(-(gint64)__sanitizer_get_allocated_size(memory));
}

__attribute__((constructor)) static void
install(void)
{
    __sanitizer_install_malloc_and_free_hooks(allocated, freed);
}

#elif defined(__GLIBC__)
/* Not hidden, as all else is: the shared libraries must find them too. */
#pragma GCC visibility push(default)

/* glibc's own, under the names that it exports them by. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

static void *
counted(void *memory)
{
    if (memory)
        add((gint64)malloc_usable_size(memory));
    return memory;
}

void *
malloc(size_t size)
{
    return counted(__libc_malloc(size));
}

void *
calloc(size_t n, size_t size)
{
    return counted(__libc_calloc(n, size));
}

void *
realloc(void *memory, size_t size)
{
    const gint64 before = memory ? (gint64)malloc_usable_size(memory) : 0;
    void *moved = __libc_realloc(memory, size);

    if (moved || size == 0)
        change(-before);
    return counted(moved);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
    return counted(__libc_memalign(alignment, size));
}

int
posix_memalign(void **memory, size_t alignment, size_t size)
{
    *memory = counted(__libc_memalign(alignment, size));
    return *memory ? 0 : ENOMEM;
}

void
free(void *memory)
{
    if (memory)
        change(-(gint64)malloc_usable_size(memory));
    __libc_free(memory);
}

#pragma GCC visibility pop
#endif
