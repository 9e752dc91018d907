/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Kinds of coded pictures that are told apart, 0 to this less one: what kinds there are is the caller's affair. */
#define VIGIL_CODED_SIZE_KINDS 4

/**
 * VigilCodedSize:
 *
 * Whether a coded picture is so large that something must have moved in it, without decoding it. Each kind of picture has a
 * distribution of its own, and so have the first two behind a keyframe and the fourteen behind them: the last 128 sizes from times in which nothing moved. A size is
 * an alarm when it is larger than all of them and above the median by `factor` times 4 spreads (a spread is the distance from the median to the ninth
 * decile, at least an eighth of the median and 24 bytes), or when it is the third of its kind in a row that is above by half as much.
 * Median and decile do not follow a few wild values, as a mean would.
 *
 * `factor` is 1 to begin with. It rises by half with each alarm that was none, to 8 at most, and sinks by half of what it is above 1 in
 * 20,000 pictures; so a stream whose sizes say nothing costs little, and its motion is left to who looks at keyframes.
 *
 * What is not known to be quiet is not learned: sizes wait until vigil_coded_size_settle(). Deterministic; not thread-safe; allocates in
 * new only.
 */
typedef struct VigilCodedSize VigilCodedSize;

VigilCodedSize *vigil_coded_size_new(void);
void vigil_coded_size_free(VigilCodedSize *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilCodedSize, vigil_coded_size_free)

/** vigil_coded_size_reset: another stream. */
void vigil_coded_size_reset(VigilCodedSize *self);

/** vigil_coded_size_begin_group: a keyframe is here; its own size says nothing. */
void vigil_coded_size_begin_group(VigilCodedSize *self);

/**
 * vigil_coded_size_add:
 * @kind: less than %VIGIL_CODED_SIZE_KINDS
 * @size: bytes of a picture that is no keyframe
 *
 * Returns: whether it is an alarm; never before 48 sizes of its kind were learned
 */
gboolean vigil_coded_size_add(VigilCodedSize *self, guint kind, gsize size);

/** vigil_coded_size_settle: @quiet: nothing moved since the last time: what was added since is learned; else it is forgotten. */
void vigil_coded_size_settle(VigilCodedSize *self, gboolean quiet);

/** vigil_coded_size_judge: what the last alarm came to. @moved: something did move. */
void vigil_coded_size_judge(VigilCodedSize *self, gboolean moved);

/** vigil_coded_size_get_factor: see above. */
gdouble vigil_coded_size_get_factor(const VigilCodedSize *self);

/** vigil_coded_size_can_tell: sizes of a kind are known well enough for alarms, and there were not several false ones of late. */
gboolean vigil_coded_size_can_tell(const VigilCodedSize *self);

G_END_DECLS
