/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * How much memory the process holds at most between two moments. In programs that link heap-meter.c all of malloc() goes through it,
 * or, under AddressSanitizer, through the hooks of the sanitizer. Elsewhere (another C library) it counts nothing.
 */

/** heap_meter_works: whether it counts here. */
gboolean heap_meter_works(void);
/** heap_meter_start: from now on. */
void heap_meter_start(void);
/** heap_meter_get_peak: bytes held at most since heap_meter_start(), beyond what was held then. */
gsize heap_meter_get_peak(void);

G_END_DECLS
