/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>
#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>

G_BEGIN_DECLS

/* What is used of the two libraries. */
#define VIGIL_AVCODEC_SYMBOLS(X) \
    X(av_buffer_create)          \
    X(av_buffer_get_opaque)      \
    X(av_buffer_is_writable)     \
    X(av_buffer_ref)             \
    X(av_buffer_unref)           \
    X(av_frame_alloc)            \
    X(av_frame_free)             \
    X(av_frame_unref)            \
    X(av_image_fill_linesizes)   \
    X(av_image_fill_plane_sizes) \
    X(av_log_set_level)          \
    X(av_mallocz)                \
    X(av_packet_alloc)           \
    X(av_packet_free)            \
    X(av_packet_unref)           \
    X(av_strerror)               \
    X(avcodec_align_dimensions2) \
    X(avcodec_alloc_context3)    \
    X(avcodec_find_decoder)      \
    X(avcodec_flush_buffers)     \
    X(avcodec_free_context)      \
    X(avcodec_open2)             \
    X(avcodec_receive_frame)     \
    X(avcodec_send_packet)

/** VigilAvcodecApi: the functions of the library, by their own names. */
typedef struct {
#define MEMBER(name) __typeof__(&name) name;
    VIGIL_AVCODEC_SYMBOLS(MEMBER)
#undef MEMBER
} VigilAvcodecApi;

/**
 * vigil_avcodec_library_get:
 *
 * Opens libavcodec at the first call; it stays open. It is not linked, since it needs some ninety others, which commands that decode nothing
 * would wait for and have in their memory. Any thread.
 *
 * Returns: (nullable): %NULL: it is not there, with the reason in @error
 */
const VigilAvcodecApi *vigil_avcodec_library_get(GError **error);

G_END_DECLS
