/*
 * operation_rig.h -- an operation, the service that it is asked of (arm_rig.h),
 * a journal that fails when a test wants it to, and a resource that says of
 * itself what the test lists.
 *
 * It is the import of RESOURCE, which is called "cache1/default"; its body
 * holds the word SECRET, which the journal never gets.
 */
#ifndef TESTS_SIM_OPERATION_RIG_H
#define TESTS_SIM_OPERATION_RIG_H

#include "arm/operation.h"
#include "base/journal.h"
#include "tests/sim/arm_rig.h"

#define RESOURCE	  "/subscriptions/s/databases/Default"
#define OPERATION_RIG_KEY "arm/import/subscriptions/s/databases/default"

/* What comes over the wire. */
#define POST	 "POST " RESOURCE "/import[?]api-version=1"
#define STATUS	 "Azure-AsyncOperation: {host}/status?c=MII%2B\r\n"
#define LOCATION "Location: {host}/location\r\n"
#define ASKED	 "GET /status[?]c=MII%2B"
#define LOCATED	 "GET /location"
#define ON	 "{\"status\":\"InProgress\",\"error\":null}"
#define DONE	 "{\"status\":\"Succeeded\"}"

#define OPERATION_ACCEPTED \
	{ \
		POST, 202, STATUS LOCATION, NULL, ARM_ANSWER \
	}
#define OPERATION_ON \
	{ \
		ASKED, 200, NULL, ON, ARM_ANSWER \
	}
#define OPERATION_DONE \
	{ \
		ASKED, 200, NULL, DONE, ARM_ANSWER \
	}

struct operation_rig {
	struct arm_rig rig;
	struct journal journal;
	unsigned puts, fail_put; /* from 1; 0: none */
	bool fail_remove;
	const enum resource_look *looks; /* the last one stays */
	size_t nlooks, looked;
	unsigned asked, refuse; /* still_ours was, and will, from 1 */
	bool posted_early;	/* before the intent was in the journal */
};

void
operation_rig_up(struct operation_rig *, const struct arm_step *, size_t n);
#define OPERATION_RIG(g, steps) \
	operation_rig_up(g, steps, sizeof(steps) / sizeof(*(steps)))

/* Fails when the request was sent before its intent was noted. */
void operation_rig_down(struct operation_rig *);

struct operation *operation_rig_start(struct operation_rig *);
struct operation *operation_rig_resume(struct operation_rig *);
int operation_rig_follow(
    struct operation_rig *, struct operation *, struct operation_end *);

/* From the start to the end, which is noted until it is settled. */
struct operation_end operation_rig_run(struct operation_rig *);

bool operation_rig_is_noted(struct operation_rig *);
void operation_rig_note(struct operation_rig *, const char *value);

void operation_rig_assert_ends(
    const struct operation_end *, enum operation_outcome, const char *says);

#endif
