/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-file-ops.h"

G_BEGIN_DECLS

/**
 * vigil_clip_tail_close:
 * @fd: a clip that nobody writes to any more, open for reading and writing; its bytes are not trusted
 * @ops: how it is written to
 * @sync_code: (out): 0, or -errno of a sync that failed, after which no other may be trusted
 *
 * A file that was cut off ends within a fragment. Most players show what is there; browsers end with an error. This makes it
 * a file that all play: the last fragment says that it has the samples that lie in the file as a whole; one without such
 * samples, or another box that was cut off, becomes a box `free`, which players skip. No byte of a picture is changed, and the file does
 * not get shorter. Killed anywhere within, it can be called again. Of a fragment whose tracks are not told
 * apart by their headers, all becomes `free`.
 *
 * Returns: 1 when it changed the file, 0 when there was nothing to do, or -errno
 */
gint vigil_clip_tail_close(gint fd, const VigilFileOps *ops, gint *sync_code);

G_END_DECLS
