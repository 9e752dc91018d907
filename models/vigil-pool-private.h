/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-model.h"

G_BEGIN_DECLS

/*
 * One pool of threads for the process, for the inside of an inference. Work comes as numbered chunks; whoever is
 * free takes the next one, the caller first of all. A thread that the system does not run holds up nobody but
 * its own chunk, and those that need it. Threads without work sleep in the kernel (futex), none spins.
 *
 * One job at a time: a caller that finds the pool at work does all of its own alone, which is as fast when every core is busy
 * anyway. After a fork the child has no threads and does everything alone too.
 */

/** Most threads of one job, the caller among them. */
#define VIGIL_POOL_MAX_THREADS VIGIL_SESSION_MAX_THREADS

/** VigilPoolFunc: does chunk @chunk; @thread: 0: the caller; less than the threads of the job, and nobody else's meanwhile. */
typedef void (*VigilPoolFunc)(gpointer data, guint chunk, guint thread);

/** vigil_pool_limit: @threads, or 1 for 0; but not more than there are processors that this process may use. */
guint vigil_pool_limit(guint threads);

/**
 * vigil_pool_acquire:
 * @threads: 1..%VIGIL_POOL_MAX_THREADS; of a job to come, the caller among them
 *
 * Starts threads that are missing. Where the system gives none, jobs run with those that are there.
 *
 * Returns: how many threads a job of @threads will have at most. For each call one of vigil_pool_release().
 */
guint vigil_pool_acquire(guint threads);

/** vigil_pool_release: with the last one the threads end. Not from within a job. */
void vigil_pool_release(void);

/**
 * vigil_pool_run: chunks 0..@n_chunks-1, each done once when it returns. Allocates nothing. Any thread that holds the pool.
 * @threads: at most so many, the caller among them
 * @needs: (nullable): chunk i is begun when all chunks below @needs[i], which is at most i, are done
 *
 * Chunks are handed out in the order of their numbers, so that one whose need is not met waits only for such as are at work.
 */
void vigil_pool_run(guint threads, guint n_chunks, const guint32 *needs, VigilPoolFunc func,
                    gpointer data);

G_END_DECLS
