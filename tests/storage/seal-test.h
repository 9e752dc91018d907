/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-seal.h"
#include "tests/storage/store-test.h"

/* Tests of the chain of seals. */

/** seal_test_findings: of the last look, a line each. */
extern GString *seal_test_findings;
/** seal_test_summary: of the last look. */
extern VigilSealSummary seal_test_summary;

/** seal_test_verify: by a reader. Returns: the number of findings */
guint seal_test_verify(const StoreTest *test, const gchar *public_keys, const gchar *head);
#define seal_test_assert_found(text) \
    ck_assert_msg(strstr(seal_test_findings->str, text), "%s", seal_test_findings->str)
#define seal_test_assert_fine(test) \
    ck_assert_msg(seal_test_verify(test, NULL, NULL) == 0, "%s", seal_test_findings->str)

/** seal_test_open_quick: opens a store that closes four records at a time, as soon as something goes. */
void seal_test_open_quick(StoreTest *test);
/** seal_test_whole: events with a clip of 100 bytes. */
void seal_test_whole(const StoreTest *test, guint first, guint last);
void seal_test_enforce(const StoreTest *test);
void seal_test_pin(const StoreTest *test, guint number);
/** seal_test_pass_days: of both clocks. */
void seal_test_pass_days(guint n);
/** seal_test_read_text: (transfer full): of a file in the test's directory */
gchar *seal_test_read_text(const StoreTest *test, const gchar *name);
