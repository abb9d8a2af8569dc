#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/scope.h"

#include "base/retry.h"

#define TOTAL_DEFAULT_MS ((int64_t)300 * 1000)
#define FIRST_DEFAULT_MS 500
#define MOST_DEFAULT_MS	 30000

void
retry_init(
    struct retry *r, const struct scope *scope, const struct retry_opts *opts)
{
	*r = (struct retry){.scope = scope};
	if (opts != NULL)
		r->opts = *opts;
	if (r->opts.total_ms == 0)
		r->opts.total_ms = TOTAL_DEFAULT_MS;
	if (r->opts.first_ms == 0)
		r->opts.first_ms = FIRST_DEFAULT_MS;
	if (r->opts.most_ms == 0)
		r->opts.most_ms = MOST_DEFAULT_MS;
	r->started_ms = scope_mono_ms(scope);
}

/*
 * Anything from nothing to the doubled pause: callers that failed together
 * must not come back together.
 */
static int64_t
jittered_ms(const struct retry *r)
{
	int64_t pause_ms = r->opts.first_ms;
	uint64_t random;

	for (unsigned i = 1; i < r->failures && pause_ms < r->opts.most_ms; i++)
		pause_ms *= 2;
	if (pause_ms > r->opts.most_ms)
		pause_ms = r->opts.most_ms;
	scope_random(r->scope, &random, sizeof(random));
	return (int64_t)(random % ((uint64_t)pause_ms + 1));
}

/* What is left of the whole, in which a pause and an attempt must fit. */
static int64_t
left_ms(const struct retry *r)
{
	int64_t spent_ms = scope_mono_ms(r->scope) - r->started_ms;
	int64_t total_left_ms = r->opts.total_ms - spent_ms;
	int64_t scope_left = scope_left_ms(r->scope);

	return total_left_ms < scope_left ? total_left_ms : scope_left;
}

/* That time was up tells nothing of why it was used up. */
static int
add_before(const struct retry *r, struct err *err)
{
	struct err last = *err;

	if (r->before[0] == '\0')
		return -1;
	return err_set(err, last.kind, "%.250s; the attempt before: %s",
	    last.text, r->before);
}

int
retry_wait(struct retry *r, struct err *err)
{
	struct err last = *err;
	int64_t pause_ms;

	if (r->failures++ == 0 && r->opts.from_failure)
		r->started_ms = scope_mono_ms(r->scope);
	if (err->kind != ERR_TRANSIENT) {
		if (r->failures > 1)
			err_in(err, "attempt %u", r->failures);
		return err->kind == ERR_UNREACHABLE ? add_before(r, err) : -1;
	}
	pause_ms = jittered_ms(r);
	if (pause_ms < err->retry_after_ms)
		pause_ms = err->retry_after_ms;
	if (pause_ms >= left_ms(r)) {
		err->kind = ERR_UNREACHABLE;
		return err_in(err,
		    "gave up after %u attempt%s in %" PRId64 " s", r->failures,
		    r->failures == 1 ? "" : "s",
		    (scope_mono_ms(r->scope) - r->started_ms) / 1000);
	}

	snprintf(r->before, sizeof(r->before), "%.199s", last.text);
	/* What one answer said must not look as if the next had said it. */
	*err = (struct err){0};
	if (scope_sleep(r->scope, pause_ms, err) != 0)
		return err_in(err, "after '%s'", last.text);
	return 0;
}

bool
retry_status(int http_status)
{
	switch (http_status) {
	case 408:
	case 429:
	case 500:
	case 502:
	case 503:
	case 504:
		return true;
	default:
		return false;
	}
}
