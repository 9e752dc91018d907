/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/kernels/vigil-isa-private.h"

G_BEGIN_DECLS

/* The tables that vigil-isa.c lists; which of them are compiled in, models/meson.build says. */
extern const VigilIsa vigil_isa_avx2, vigil_isa_avxvnni_evex, vigil_isa_avxvnni;
extern const VigilIsa vigil_isa_avx512vnni;
extern const VigilIsa vigil_isa_neon, vigil_isa_neondot, vigil_isa_neoni8mm;

G_END_DECLS
