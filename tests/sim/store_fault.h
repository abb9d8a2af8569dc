/*
 * store_fault.h -- a store around another that fails when it is told to.
 *
 *	struct store *s = store_fault_new(take_inner);
 *	store_fault_add(s, &(struct fault){
 *	    .op = FAULT_COMMIT, .nth = 1, .how = FAULT_LOSE_ANSWER,
 *	    .kind = ERR_TRANSIENT});
 *
 * It has the capabilities of the inner store.
 */
#ifndef TESTS_STORE_FAULT_H
#define TESTS_STORE_FAULT_H

#include <stdint.h>

#include "base/err.h"

struct store;

enum fault_op {
	FAULT_ANY, /* counts the calls of all but discard */
	FAULT_STAGE,
	FAULT_COMMIT,
	FAULT_DISCARD, /* counted only: it cannot fail */
	FAULT_STAT,
	FAULT_READ,
	FAULT_LIST,
	FAULT_REMOVE,
	FAULT_ACQUIRE,
	FAULT_RENEW,
	FAULT_RELEASE,
	FAULT_PUT, /* its beginning */
	FAULT_STAGED,
	FAULT_STAGE_FROM,
	FAULT_GRANT,
	FAULT_OPS, /* how many there are */
};

enum fault_how {
	FAULT_FAIL,	   /* and nothing was done */
	FAULT_LOSE_ANSWER, /* done, and reported as failed */
	FAULT_DELAY,	   /* done after delay_ms, unless the scope ends */
	FAULT_SHORT_READ,  /* half of it arrives, then it fails */
	FAULT_FLIP,	   /* a read succeeds with one bit wrong */
};

struct fault {
	enum fault_op op;
	unsigned nth; /* of op's calls, from 1; 0: every one */
	enum fault_how how;
	enum err_kind kind;
	int64_t delay_ms;
};

/* Frees inner with it.  Faults are added before other threads use it. */
struct store *store_fault_new(struct store *take_inner);
void store_fault_add(struct store *, const struct fault *);

/* Calls so far, failed ones included. */
unsigned store_fault_calls(struct store *, enum fault_op);

#endif
