/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VigilPictureMemory: memory for one decoded picture. The decoders of all cameras share what is free: one picture of 1080p is 3 MB,
 * and each decoder needs another one for some milliseconds only.
 */
typedef struct VigilPictureMemory VigilPictureMemory;

/** VIGIL_PICTURE_ALIGN: bytes; as vectors like it. */
#define VIGIL_PICTURE_ALIGN 64

/** vigil_picture_memory_new_owner: a number for one decoder. Any thread. */
guint vigil_picture_memory_new_owner(void);

/**
 * vigil_picture_memory_take:
 * @size: bytes, > 0
 * @owner: who takes it
 *
 * Where a damaged frame was not decoded its picture shows what was in memory: that must never be another camera's. Any thread.
 *
 * Returns: (transfer full) (nullable): zeros, or what @owner left there; %NULL: there is none
 */
VigilPictureMemory *vigil_picture_memory_take(gsize size, guint owner);

/** vigil_picture_memory_get_data: its bytes, aligned to %VIGIL_PICTURE_ALIGN. */
guint8 *vigil_picture_memory_get_data(VigilPictureMemory *self);

/** vigil_picture_memory_give: @self: (transfer full): for whoever takes one of its size next. Any thread. */
void vigil_picture_memory_give(VigilPictureMemory *self);

/** vigil_picture_memory_count_free: bytes that nobody uses, for tests. */
gsize vigil_picture_memory_count_free(void);

G_END_DECLS
