/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/upload/vigil-upload-patience.h"

#define LONGEST_ASKED_US (24 * 3600 * (gint64)G_USEC_PER_SEC)

gint64
vigil_upload_patience(guint n_failures, guint first_ms, guint longest_ms, gint64 asked_us,
                      gdouble chance)
{
    const guint doublings = MIN(MAX(n_failures, 1) - 1, 30);
    const gint64 most_us = MIN(((gint64)first_ms * 1000) << doublings, (gint64)longest_ms * 1000);
    const gint64 least_us = most_us / 2;
    const gint64 wait_us = least_us + (gint64)((gdouble)(most_us - least_us) * chance);

    return MAX(wait_us, CLAMP(asked_us, 0, LONGEST_ASKED_US));
}
