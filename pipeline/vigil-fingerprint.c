/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-fingerprint.h"

#include <string.h>

#include "plugins/events/vigil-run-nonce.h"

/* What the classes are called, wherever the names come from; with the final NUL, so that no two lists are one. */
static void
add_labels(GChecksum *checksum, const VigilDetector *detector)
{
    for (guint i = 0; i < vigil_detector_get_n_labels(detector); i++) {
        const gchar *label = vigil_detector_get_label(detector, (gint32)i);

        g_checksum_update(checksum, (const guchar *)label, (gssize)strlen(label) + 1);
    }
}

static void
add_motion(GChecksum *checksum, const VigilMotionSettings *motion)
{
    g_autofree gchar *text = g_strdup_printf("motion %d %s", (gint)motion->sensitivity,
                                             motion->masks ? motion->masks : "");

    g_checksum_update(checksum, (const guchar *)text, -1);
    if (motion->regions)
        g_checksum_update(checksum, (const guchar *)"regions", -1);
}

guint64
vigil_fingerprint_replay(const VigilCameraSettings *settings, const VigilDetector *detector)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree gchar *manifest = g_build_filename(settings->model->path, "manifest.ini", NULL);
    g_autofree gchar *asked = NULL;

    vigil_run_nonce_add_file(checksum, settings->source->location);
    /* of a package more than the model counts: how frames get into it, how boxes come out */
    vigil_run_nonce_add_file(checksum, manifest);
    /* whole numbers: a locale may write fractions otherwise */
    asked = g_strdup_printf(
        "%s %d %d %d %d %d", vigil_detector_get_sha256(detector), (gint)(1e4 * settings->fps),
        (gint)(1e4 * settings->threshold), (gint)(1e4 * settings->model->threshold),
        (gint)(1e4 * settings->model->iou_threshold), (gint)settings->model->max_detections);
    g_checksum_update(checksum, (const guchar *)asked, -1);
    if (settings->masks)
        g_checksum_update(checksum, (const guchar *)settings->masks, -1);
    if (settings->motion.enabled)
        add_motion(checksum, &settings->motion);
    if (settings->idle == VIGIL_IDLE_KEYFRAMES)
        g_checksum_update(checksum, (const guchar *)"keyframes", -1);
    add_labels(checksum, detector);
    return vigil_run_nonce_finish(checksum);
}
