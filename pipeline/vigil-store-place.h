/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/vigil-command.h"
#include "storage/vigil-store.h"

G_BEGIN_DECLS

/**
 * VigilStorePlace:
 *
 * Where a store lies: `--store DIR`, or what the configuration says. Zero-initialised; g_auto() clears it.
 */
typedef struct {
    gchar *store_option, *config_option; /* as given on the command line */
    gchar *directory, *database, *clips; /* once resolved */
} VigilStorePlace;

/** VIGIL_STORE_PLACE_ENTRIES: the two options, for a command's table. */
#define VIGIL_STORE_PLACE_ENTRIES(place)                                                     \
    {"store",                                                                                \
     0,                                                                                      \
     0,                                                                                      \
     G_OPTION_ARG_FILENAME,                                                                  \
     &(place).store_option,                                                                  \
     "The store's directory (events.db and clips/)",                                         \
     "DIR"},                                                                                 \
    {                                                                                        \
        "config", 0, 0, G_OPTION_ARG_FILENAME, &(place).config_option,                       \
            "The configuration that names the store (default /etc/vigil/vigil.yaml)", "FILE" \
    }

/**
 * vigil_store_place_resolve:
 * @code: (out): exit code when it fails; the reason was then said on stderr
 */
gboolean vigil_store_place_resolve(VigilStorePlace *self, VigilExit *code);

/** vigil_store_place_set: the place of the store in @directory. */
void vigil_store_place_set(VigilStorePlace *self, const gchar *directory);

void vigil_store_place_clear(VigilStorePlace *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VigilStorePlace, vigil_store_place_clear)

/**
 * vigil_store_place_open_reader:
 *
 * Resolves and opens for reading. Returns: (transfer full): the store, or %NULL after a message, with @code set
 */
VigilStore *vigil_store_place_open_reader(VigilStorePlace *self, VigilExit *code);

G_END_DECLS
