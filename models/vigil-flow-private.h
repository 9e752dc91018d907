/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-graph-private.h"

G_BEGIN_DECLS

/*
 * One inference on several threads is one job of the pool: the parts of all nodes, in the nodes' order, are its chunks. A part
 * begins when what it reads of the node before is done, so that threads go on with the next node where its input is ready
 * instead of meeting after each. Nodes before the one before are done by then: two neighbours at most are at work at a time,
 * which vigil_plan_graph() makes room for. Nodes too small to be shared are done in a row by one thread.
 */

/** vigil_flow_graph: @graph's steps and their needs, and each node's @flow_end; once all nodes are prepared and rewritten. */
void vigil_flow_graph(VigilGraph *graph);

/** vigil_flow_run: all steps on @run's threads; it is laid out by %VIGIL_PLAN_FLOW. */
void vigil_flow_run(const VigilRun *run);

G_END_DECLS
