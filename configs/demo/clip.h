/* SPDX-License-Identifier: Apache-2.0 */
/* The sample clip's pictures, and what a perfect observer would write down of them. */
#pragma once

#include "configs/demo/yard.h"

/* Writes FOLDER/frame_NNNN.ppm for the frames [first, end); an exit code. */
int clip_render(const char *folder, int first, int end);
/* Prints who is in the picture, and in the zone, from when to when, as JSON; an exit code. */
int clip_print_visits(void);
