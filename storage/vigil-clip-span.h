/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * vigil_clip_span_read:
 * @fd: a fragmented MP4 for reading; its bytes are not trusted
 * @duration_us: (out): how long its first track is, up to the end of the last fragment that is there as a whole
 *
 * What a file that was cut off says about its end, from where its last fragment begins and how long the pictures in it are
 * (ISO/IEC 14496-12: mdhd 8.4.2, tfdt 8.8.12, trun 8.8.8).
 *
 * Returns: 0, or -errno; -EINVAL when it does not say
 */
gint vigil_clip_span_read(gint fd, gint64 *duration_us);

G_END_DECLS
