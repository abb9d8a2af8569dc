/*
 * arm_rig.h -- the Resource Manager client, and a server that answers, resets
 * and holds back, request by request, as a test lists.
 *
 * Time is a fake clock's: pauses are counted, and not waited for.  "{host}" in
 * a step's headers and body becomes the server's own URL.
 */
#ifndef TESTS_SIM_ARM_RIG_H
#define TESTS_SIM_ARM_RIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/scope.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/script_server.h"

#define ARM_TOKEN "secret-token-1"
#define ARM_REQUEST \
	"x-ms-correlation-request-id: 0c0ffee0-0000-4000-8000-000000000001\r\n"

enum arm_how {
	ARM_ANSWER,
	ARM_RESET, /* the request came, and its answer is lost */
	ARM_STALL, /* the same, by silence */
	ARM_CUT,   /* in the midst of the answer's body */
};

/* What the server does with one request; after the last step it is over. */
struct arm_step {
	const char
	    *wants; /* method and target, as fnmatch(3) has it; or NULL */
	int status;
	const char *headers;
	const char *body;
	enum arm_how how;
};

struct arm_rig {
	const struct arm_step *_Atomic steps; /* read by the server, too */
	atomic_size_t nsteps;
	atomic_size_t next;
	struct script_server *server;
	struct http *http;
	struct credential *credential; /* counts, see below */
	struct arm_client *client;
	struct journal *journal;
	struct fake_clock clock;
	struct scope scope;
	struct err err;
};

void arm_rig_up(struct arm_rig *, const struct arm_step *, size_t n);
#define ARM_RIG(r, steps) arm_rig_up(r, steps, sizeof(steps) / sizeof(*(steps)))

/* Every step was taken as it was wanted, and the last error has no secret. */
void arm_rig_down(struct arm_rig *);

/* More steps, when those before were taken. */
void arm_rig_then(struct arm_rig *, const struct arm_step *, size_t n);
#define ARM_THEN(r, steps) \
	arm_rig_then(r, steps, sizeof(steps) / sizeof(*(steps)))

/* How often a token was asked for, and one was forgotten. */
unsigned arm_rig_tokens(const struct arm_rig *);
unsigned arm_rig_forgotten(const struct arm_rig *);

/* Of a call's result and r->err. */
void arm_rig_ok(struct arm_rig *, int rc);
void arm_rig_fails(struct arm_rig *, int rc, enum err_kind, const char *says);

/* Request i, head and body, held that text. */
bool arm_rig_has_sent(struct arm_rig *, size_t i, const char *text);
void arm_rig_sent(struct arm_rig *, size_t i, const char *text);

/* How many connections were made. */
unsigned arm_rig_connections(struct arm_rig *);

#endif
