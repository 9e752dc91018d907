/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Memory that a sanitizer's shadow and its queue of freed blocks take is not the program's. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define VIGIL_HEAP_METER_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define VIGIL_HEAP_METER_SANITIZED
#endif

/*
 * What the process allocates, and how much it holds at most between two moments. In programs that link vigil-heap-meter.c (it is not in
 * the library of tests/support) all of malloc() goes through it, or, under a sanitizer, through the sanitizer's hooks. Elsewhere
 * (another C library) it counts nothing.
 */

/** vigil_heap_meter_works: whether it counts here. */
gboolean vigil_heap_meter_works(void);
/** vigil_heap_meter_count: allocations since the program began; a realloc() is one. */
guint vigil_heap_meter_count(void);
/** vigil_heap_meter_get_held: bytes. */
gsize vigil_heap_meter_get_held(void);
/** vigil_heap_meter_start: from now on. */
void vigil_heap_meter_start(void);
/** vigil_heap_meter_get_peak: bytes held at most since vigil_heap_meter_start(), beyond what was held then. */
gsize vigil_heap_meter_get_peak(void);

G_END_DECLS
