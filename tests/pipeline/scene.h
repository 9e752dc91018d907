/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * Scene: what a test of the whole needs: the model, its labels and a video of people who come and go, from the test data.
 */
typedef struct {
    gchar *folder; /* for the test's own files */
    gchar *model, *labels, *video;
} Scene;

/** scene_open: %FALSE, after a message, when the test data or a tool (ffmpeg, ffprobe) is not there. */
gboolean scene_open(Scene *self);
void scene_close(Scene *self);

/** scene_cut: (transfer full): these seconds of the video, not encoded anew, so from a keyframe on. */
gchar *scene_cut(const Scene *self, const gchar *name, gdouble from, gdouble length);

/**
 * scene_config: (transfer full): writes a configuration with one camera and one rule for people.
 * @more: further lines of the camera, "" for none
 */
gchar *scene_config(const Scene *self, const gchar *name, const gchar *store, const gchar *source,
                    const gchar *more);

/** SceneVisit: when somebody is in the video, in its seconds, as a person saw it. */
typedef struct {
    gdouble begin, end;
} SceneVisit;

/** scene_read_visits: those of the whole video, in order; their number. */
guint scene_read_visits(SceneVisit *visits, guint capacity);

G_END_DECLS
