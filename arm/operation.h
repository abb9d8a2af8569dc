/*
 * operation.h -- a long-running operation of Azure Resource Manager: asked for
 * once, and followed to its end, also by another process than asked for it.
 *
 * An import that is asked for twice destroys twice, and the answer to a request
 * may be lost.  So the intent is in the journal before the request is sent,
 * where to ask how it goes before that is asked, and how it ended as soon as
 * that is known.  The entry is removed when the caller has drawn its
 * conclusions, by operation_settle(), and not before: until then no other of
 * that action on that resource is started from this journal.  Who finds one
 * resumes it, which never sends the request again.
 *
 * How it goes is asked by Azure-AsyncOperation, else by Location.  Where that
 * is refused or no more there (roles are often narrower than the subscription
 * in which it stands), the resource's own state tells: it is busy, and then
 * no more.  That a resource is ready proves nothing by itself; only one that
 * was seen busy since, and says that its last change succeeded, is believed.
 */
#ifndef ARM_OPERATION_H
#define ARM_OPERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct arm_client;
struct journal;
struct operation;
struct scope;
struct secret;

enum operation_outcome {
	OPERATION_SUCCEEDED,
	OPERATION_FAILED,
	/* The answer to the request was lost, or what would tell cannot be
	 * read: it may have been done, in part, or not at all. */
	OPERATION_UNKNOWN,
};

struct operation_end {
	enum operation_outcome outcome;
	bool by_state;	/* told by the resource's state alone */
	struct err why; /* of a failure, or why it is not known */
};

/* What a resource says of itself while its operation cannot be asked. */
enum resource_look { LOOK_READY, LOOK_BUSY, LOOK_FAILED };

/* What operations are done on; all borrowed, as long as they live. */
struct operation_site {
	struct arm_client *client;
	struct journal *journal;
	const char *resource; /* its id, the path of requests */
	const char *shown;    /* what errors call it: "cache1/default" */
	const char *api_version;
	int (*look)(void *arg, const struct scope *, enum resource_look *,
	    struct err *);
	void *look_arg;
};

struct operation_opts {
	/* By which the caller finds again what belongs to it: a container, a
	 * snapshot.  Any text up to 4 KiB without secrets; NULL: "". */
	const char *note;

	/* Asked right before the request, which ends within
	 * OPERATION_REQUEST_MS: fails when the caller has lost, or is about to
	 * lose, its leave.  Nothing was done then.  NULL: nobody can. */
	int (*still_ours)(void *arg, struct err *);
	void *still_ours_arg;

	int64_t timeout_ms; /* of the whole; 0: six hours */
};

/* Shorter than a lease must last when still_ours agrees (15 s). */
#define OPERATION_REQUEST_MS 10000

/*
 * POST of resource/action; body may be NULL.  While the service puts it off, or
 * cannot be reached, it is asked again for a minute.  NULL only when nothing
 * was done: the service refused it, still_ours did, or nothing was sent.
 * ERR_LOCKED when one is in the journal that was not settled.
 */
struct operation *operation_start(const struct operation_site *,
    const char *action, const struct secret *body,
    const struct operation_opts *, const struct scope *, struct err *);

/* What the journal has; NULL and ERR_MISSING when that is nothing. */
struct operation *operation_resume(
    const struct operation_site *, const char *action, struct err *);

/* The caller's own, from operation_opts. */
const char *operation_note(const struct operation *);

/*
 * Waits for the end.  -1 when that cannot be waited for: cancelled, the scope
 * ended, or ERR_UNREACHABLE when the operation's time is up and it still
 * goes on.  It may be followed again then, by this object or a resumed one.
 */
int operation_follow(struct operation *, const struct scope *,
    struct operation_end *, struct err *);

/* The journal forgets it. */
int operation_settle(struct operation *, struct err *);

/* Accepts NULL.  Neither ends nor settles the operation. */
void operation_free(struct operation *);

#endif
