/*
 * probe.h -- the end of a chain, for tests of stages: keeps the bytes, counts
 * the calls, fails when told to, and can hold a write up.
 */
#ifndef TESTS_PROBE_H
#define TESTS_PROBE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/monitor.h"
#include "base/sink.h"

struct probe {
	struct sink base;
	struct buf bytes;
	unsigned writes, finishes;
	unsigned fail_write; /* which write fails, from 1 */
	bool fail_finish;
	unsigned *frees; /* counted there, since the probe is gone then */

	struct monitor mon;
	bool held; /* writes wait until probe_let_go() */
	bool waiting;
};

/* On the heap: freed as a stage. */
struct probe *probe_new(unsigned *frees);

/* Until a write waits; and let it and the later ones through. */
void probe_wait_held(struct probe *);
void probe_let_go(struct probe *);

#endif
