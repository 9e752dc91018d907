/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/**
 * vigil_test_size:
 * @ordinary: how often in `make check`
 * @nightly: how often in `make nightly`
 *
 * Tests that take hours are programs with two forms, so that the long one never rots: tests/meson.build names them
 * in `nightly_tests`, and the form is told by VIGIL_NIGHTLY: nothing or 0 for the ordinary one, 1 for the whole long one, a
 * number below for a part of it ("0.1").
 *
 * Returns: one of the two, or what that part of @nightly is if that is more than @ordinary
 */
guint vigil_test_size(guint ordinary, guint nightly);

/**
 * vigil_test_figure: says what was measured, on a line of its own of stdout that `make nightly` repeats at its end.
 */
void vigil_test_figure(const gchar *format, ...) G_GNUC_PRINTF(1, 2);
