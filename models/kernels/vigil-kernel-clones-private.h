/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * VIGIL_CLONES: plain C, compiled once more for wider vectors and chosen by the loader. Only for integer
 * arithmetic and for single-rounding float operations, whose results do not depend on the vector width.
 * Sanitizers instrument the choosing code itself, which runs before they are set up: not there.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define VIGIL_CLONES __attribute__((target_clones("default", "avx2")))
#else
#define VIGIL_CLONES
#endif
