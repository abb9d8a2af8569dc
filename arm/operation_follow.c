#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"

#include "arm/arm_client.h"
#include "arm/operation_private.h"
#include "arm/operation_status.h"

/* Between two looks, where the service does not say. */
#define PAUSE_FIRST_MS 500
#define PAUSE_MOST_MS  30000

/* What it says is honoured within these. */
#define PAUSE_TOLD_LEAST_MS 1000
#define PAUSE_TOLD_MOST_MS  300000

/* Within which a resource is seen busy that something was begun on. */
#define SETTLE_MS 60000

/* Where it stands, and when to look again; 0: as we think. */
struct round {
	enum operation_progress progress;
	bool unknown;
	int told_ms;
};

/*
 * By one of its addresses.  0: round has what it says.  1: it cannot be asked
 * there.  -1: err.
 */
static int
ask_at(struct operation *op, const char *url, bool is_location,
    const struct scope *scope, struct round *round, struct err *why,
    struct err *err)
{
	char doing[OPERATION_DOING_SIZE];
	struct arm_answer answer;
	struct arm_request r = {.method = "GET", .doing = doing, .url = url};

	if (url == NULL || !arm_client_trusts(op->site.client, url))
		return 1;
	operation_say(op, "following", doing);
	if (arm_client_do(op->site.client, scope, &r, &answer, err) == 0) {
		round->progress = is_location
		    ? operation_status_of(&answer, doing, why)
		    : operation_status_read(&answer, doing, why);
		round->told_ms = answer.retry_after_ms;
		arm_answer_release(&answer);
		return 0;
	}
	if (operation_status_is_hidden(err, is_location)) {
		op->hidden = *err;
		*err = (struct err){0};
		return 1;
	}
	if (!operation_status_is_final(err, is_location))
		return -1;
	round->progress = PROGRESS_FAILED;
	*why = *err;
	*err = (struct err){0};
	return 0;
}

static void
tell_unknown(const struct operation *op, struct err *why)
{
	const struct err *because = op->note.accepted ? &op->hidden
						      : &op->doubt;

	*why = *because;
	if (op->note.accepted)
		err_set(why, ERR_SERVER,
		    "how the %s of '%s' ended is not known: the resource does "
		    "not tell, and: %s",
		    op->action, op->site.shown,
		    because->text[0] != '\0' ? because->text
					     : "nowhere that it may be asked");
	else
		err_set(why, ERR_SERVER,
		    "whether the %s of '%s' was done is not known: %s",
		    op->action, op->site.shown,
		    because->text[0] != '\0'
			? because->text
			: "whoever asked for it ended before the answer");
}

/* What the resource itself says, where the operation cannot be asked. */
static int
ask_resource(struct operation *op, const struct scope *scope,
    struct round *round, struct operation_end *end, struct err *err)
{
	struct operation_note *n = &op->note;
	int64_t age_ms = scope_wall_ms(scope) - n->began_ms;
	enum resource_look look;

	if (op->site.look(op->site.look_arg, scope, &look, err) != 0)
		return -1;
	if (look == LOOK_BUSY) {
		if (n->seen_busy)
			return 0;
		n->seen_busy = true;
		return operation_save(op, err);
	}
	if (!n->seen_busy && age_ms >= 0 && age_ms < SETTLE_MS)
		return 0;
	end->by_state = true;
	if (!n->accepted || !n->seen_busy) {
		/* It may have been another's doing, or none at all. */
		round->unknown = true;
		tell_unknown(op, &end->why);
	} else if (look == LOOK_READY) {
		round->progress = PROGRESS_DONE;
	} else {
		round->progress = PROGRESS_FAILED;
		err_set(&end->why, ERR_SERVER,
		    "following the %s of '%s': the resource says that its "
		    "last change failed",
		    op->action, op->site.shown);
	}
	return 0;
}

static int
ask(struct operation *op, const struct scope *scope, struct round *round,
    struct operation_end *end, struct err *err)
{
	const struct operation_note *n = &op->note;
	int rc;

	*round = (struct round){.progress = PROGRESS_ON};
	*end = (struct operation_end){.outcome = OPERATION_UNKNOWN};
	rc = ask_at(op, n->status_url, false, scope, round, &end->why, err);
	if (rc == 1)
		rc = ask_at(
		    op, n->location, true, scope, round, &end->why, err);
	if (rc == 1)
		rc = ask_resource(op, scope, round, end, err);
	if (rc == 0 || err->kind != ERR_UNREACHABLE ||
	    scope_left_ms(scope) <= 0)
		return rc;
	/* The service is away for longer than one request waits; what was
	 * begun goes on without us, and there is time left. */
	round->told_ms = err->retry_after_ms;
	*err = (struct err){0};
	return 0;
}

static int64_t
left_ms(const struct operation *op, const struct scope *scope)
{
	return op->note.began_ms + op->note.timeout_ms - scope_wall_ms(scope);
}

/* told_ms is what the service asked for, or 0. */
static int
wait(struct operation *op, int told_ms, const struct scope *scope,
    struct err *err)
{
	int64_t left = left_ms(op, scope);
	int64_t ms = told_ms;

	if (ms == 0) {
		ms = op->pause_ms > 0 ? op->pause_ms : PAUSE_FIRST_MS;
		op->pause_ms = ms < PAUSE_MOST_MS / 2 ? 2 * ms : PAUSE_MOST_MS;
	} else if (ms < PAUSE_TOLD_LEAST_MS) {
		ms = PAUSE_TOLD_LEAST_MS;
	} else if (ms > PAUSE_TOLD_MOST_MS) {
		ms = PAUSE_TOLD_MOST_MS;
	}
	/* So that the last look is at the end of its time. */
	if (ms > left)
		ms = left > 0 ? left : 0;
	return scope_sleep(scope, ms, err);
}

static int
time_is_up(const struct operation *op, struct err *err)
{
	return err_set(err, ERR_UNREACHABLE,
	    "the %s of '%s' still goes on after %" PRId64
	    " minutes; it is noted, and followed on by the next run",
	    op->action, op->site.shown, op->note.timeout_ms / 60000);
}

/* The journal has it before the caller acts on it. */
static int
keep_end(struct operation *op, struct operation_end *end,
    enum operation_progress progress, struct err *err)
{
	end->outcome = progress == PROGRESS_DONE ? OPERATION_SUCCEEDED
						 : OPERATION_FAILED;
	op->note.ended = true;
	op->note.end = *end;
	return operation_save(op, err);
}

int
operation_follow(struct operation *op, const struct scope *scope,
    struct operation_end *end, struct err *err)
{
	struct round round;

	if (op->unsaved && operation_save(op, err) != 0)
		return -1;
	if (op->note.ended) {
		*end = op->note.end;
		return 0;
	}
	if (op->waits) {
		op->waits = false;
		if (wait(op, op->first_told_ms, scope, err) != 0)
			return -1;
	}
	for (;;) {
		if (ask(op, scope, &round, end, err) != 0)
			return -1;
		if (round.unknown) {
			end->outcome = OPERATION_UNKNOWN;
			return 0;
		}
		if (round.progress != PROGRESS_ON)
			return keep_end(op, end, round.progress, err);
		if (left_ms(op, scope) <= 0)
			return time_is_up(op, err);
		if (wait(op, round.told_ms, scope, err) != 0)
			return -1;
	}
}
