/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * vigil_code_pages_release:
 *
 * Unmaps, page by page, the code and constants of the program and its libraries. What is still used comes back from the file cache by itself,
 * 64 kB at a time; what only loading and starting needed, which is more than half, does not. Nothing that was written to is touched: no data,
 * and nothing that the loader relocated.
 *
 * Threads: any, while others run that code. A debugger's breakpoints in code go, too.
 */
void vigil_code_pages_release(void);

G_END_DECLS
