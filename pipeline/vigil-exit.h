/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** VigilExit: what `vigil` says by its exit code; %VIGIL_EXIT_HELP tells users the same. */
typedef enum {
    VIGIL_EXIT_OK = 0,
    VIGIL_EXIT_FAILED = 1, /* the work failed: a source, a model, the store, the output */
    VIGIL_EXIT_USAGE = 2,  /* the command line is wrong: nothing was done */
    VIGIL_EXIT_CONFIG = 3, /* the configuration is wrong or cannot be read: nothing was done */
    VIGIL_EXIT_NOT_FOUND =
        4, /* the event, its clip, the camera, the model or the running daemon that was asked for is not there */
    VIGIL_EXIT_FINDINGS =
        5, /* fsck, purge: something is wrong with the store and was not mended; model verify: too few boxes match; footage -o: times are missing */
} VigilExit;

#define VIGIL_EXIT_HELP                                                                            \
    "Exit codes:\n"                                                                                \
    "  0  all went well\n"                                                                         \
    "  1  the work failed: a source, a model, the store or the output\n"                           \
    "  2  the command line is wrong; nothing was done\n"                                           \
    "  3  the configuration is wrong or cannot be read; nothing was done\n"                        \
    "  4  the event, its clip, the camera, the model or the running daemon is not there\n"         \
    "  5  fsck found something that is not mended; model verify found too few boxes that match;\n" \
    "     footage -o wrote what there is, but not all of that time; purge deleted all that it "    \
    "was\n"                                                                                        \
    "     to, but clips beside it cannot be read\n"

G_END_DECLS
