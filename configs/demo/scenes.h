/* SPDX-License-Identifier: Apache-2.0 */
/* Scenes by chance, for training: other places, cameras and hours than the sample clip's. */
#pragma once

#include "configs/demo/camera.h"

/* The scene of a number; the same number gives the same scene. */
void scenes_build(uint32_t number, World *world, Camera *camera);
