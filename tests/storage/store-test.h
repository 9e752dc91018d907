/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <check.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/vigil-seal.h"
#include "storage/vigil-store-private.h"

/** StoreTest: a store in a directory of its own, with a clock that the test turns. */
typedef struct {
    gchar *dir, *database, *clips;
    VigilStoreOptions options;
    VigilStore *store; /* (nullable) */
} StoreTest;

/* 2026-01-02T03:04:05Z */
#define TEST_WALL_US G_GINT64_CONSTANT(1767323045000000)
#define DAY_US (24 * 3600 * (gint64)G_USEC_PER_SEC)

/** store_test_wall_us, store_test_mono_us: what the injected clocks say; begin at TEST_WALL_US and one hour. */
extern gint64 store_test_wall_us, store_test_mono_us;
gint64 store_test_wall(gpointer data);
gint64 store_test_mono(gpointer data);

/** STORE_TEST_SEGMENT_US: what a segment of the workloads lasts. */
#define STORE_TEST_SEGMENT_US (10 * (gint64)G_USEC_PER_SEC)
/** STORE_TEST_GAPS: counts whole segments of continuous recordings behind which the next of the same run does not begin. */
#define STORE_TEST_GAPS                                                                       \
    "SELECT count(*) FROM clips a JOIN clips b ON b.run_id = a.run_id AND b.id = (SELECT "    \
    "min(c.id) FROM clips c WHERE c.continuous = 1 AND c.camera_id = a.camera_id AND c.id > " \
    "a.id) WHERE a.continuous = 1 AND a.state = 'complete' AND a.end_wall_us <> b.start_wall_us"

/** store_test_init: in memory if possible, or under @parent; nothing is opened yet. */
void store_test_init(StoreTest *self, const gchar *parent);
/** store_test_open: fails the test when it cannot. */
void store_test_open(StoreTest *self);
void store_test_close(StoreTest *self);
/** store_test_finish: closes and removes the directory. */
void store_test_finish(StoreTest *self);

/** store_test_event: (transfer full): @number is in its id; 10 s into the stream for each number. */
VigilEvent *store_test_event(guint number, VigilEventType type);
/** store_test_id: (transfer none): the id of that event; overwritten by the next call. */
const gchar *store_test_id(guint number);

/** store_test_begin: clip of @bytes with its first commit; NULL with @error set when something failed. */
VigilClip *store_test_begin(VigilStore *store, guint number, gsize bytes, GError **error);
gboolean store_test_end(VigilStore *store, guint number, VigilClip *clip, GError **error);
/** store_test_segment_info: of segment @number of a continuous recording: they follow each other without a gap. */
VigilClipInfo store_test_segment_info(guint number);
/** store_test_whole: begin and end. */
gboolean store_test_whole(VigilStore *store, guint number, gsize bytes, GError **error);
extern const VigilClipInfo store_test_info;
/** store_test_continue: a clip of @bytes in which that event goes on; NULL with @error set when something failed. */
VigilClip *store_test_continue(VigilStore *store, guint number, gsize bytes, GError **error);

/** store_test_int: one number out of the database, by a connection of its own. */
gint64 store_test_int(StoreTest *self, const gchar *sql);
void store_test_exec(StoreTest *self, const gchar *sql);
/** store_test_count_files: below the folder of clips. */
guint store_test_count_files(StoreTest *self);
/** store_test_check: opens a reader and lets fsck look and verify; every finding is printed. Returns their number. */
guint store_test_check(StoreTest *self);

#define assert_no_error(error) ck_assert_msg((error) == NULL, "%s", (error) ? (error)->message : "")
#define assert_error(error, wanted)                                           \
    ck_assert_msg(g_error_matches(error, VIGIL_STORE_ERROR, wanted), "%d %s", \
                  (error) ? (error)->code : -1, (error) ? (error)->message : "no error")

/** store_test_main: runs a suite; what every test program's main returns. */
gint store_test_main(const gchar *name, const TTest *const *tests, guint n_tests);
