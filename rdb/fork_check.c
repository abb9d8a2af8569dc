#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"

#include "rdb/fork_check.h"

#define COW_TIMES 3 /* so often it should fit */

struct check {
	const struct redis_info *info;
	const struct fork_limits *limits;
	void (*tell)(void *arg, enum fork_risk, const char *text);
	void *arg;
};

static void __attribute__((format(printf, 3, 4)))
found(const struct check *c, enum fork_risk risk, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->tell(c->arg, risk, text);
}

int
fork_target_get(struct redis_conn *conn, const struct scope *scope,
    enum fork_target *target, struct err *err)
{
	struct err why = {0};
	redisReply *r = redis_command(
	    conn, scope, &why, "CONFIG GET repl-diskless-sync");

	*target = FORK_TO_EITHER;
	if (r == NULL) {
		/* An error reply has a code, a broken connection has none. */
		if (why.code[0] != '\0')
			return 0;
		*err = why;
		return -1;
	}
	if (r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
	    r->element[1]->type == REDIS_REPLY_STRING)
		*target = strcmp(r->element[1]->str, "yes") == 0
		    ? FORK_TO_SOCKET
		    : FORK_TO_FILE;
	freeReplyObject(r);
	return 0;
}

static uint64_t
mib(uint64_t bytes)
{
	return (bytes + (1 << 20) - 1) >> 20;
}

static void
check_memory(const struct check *c)
{
	const struct redis_info *i = c->info;
	uint64_t limit = c->limits->memory != 0 ? c->limits->memory
						: i->system_memory;
	uint64_t used = i->used_memory_rss > i->used_memory ? i->used_memory_rss
							    : i->used_memory;
	/* Not used * percent / 100, which overflows for what a peer says. */
	uint64_t cow = (uint64_t)((double)used * c->limits->cow_percent / 100);
	double left;

	if (limit == 0)
		return;
	if (cow < i->last_cow)
		cow = i->last_cow;
	left = (double)limit - (double)used;
	if (left < (double)cow)
		found(c, FORK_WILL_HURT,
		    "it uses %" PRIu64 " MiB of %" PRIu64
		    " MiB, and copy-on-write may take %" PRIu64
		    " MiB more: take the snapshot of a replica with more "
		    "memory, or when fewer keys are written",
		    mib(used), mib(limit), mib(cow));
	else if (left < COW_TIMES * (double)cow)
		found(c, FORK_MAY_HURT,
		    "it uses %" PRIu64 " MiB of %" PRIu64
		    " MiB: copy-on-write of more than %" PRIu64
		    " MiB will not fit",
		    mib(used), mib(limit), mib((uint64_t)left));
}

static void
check_children(const struct check *c)
{
	const struct redis_info *i = c->info;
	const char *what = i->bgsave_running ? "a save"
	    : i->aof_rewrite_running	     ? "a rewrite of its AOF"
	    : i->module_fork_running	     ? "a module's child"
					     : NULL;

	if (what != NULL)
		found(c, FORK_MAY_HURT,
		    "%s is going on there: the snapshot waits until it has "
		    "ended, and costs as much again",
		    what);
	if (i->save_failed)
		found(c, FORK_MAY_HURT,
		    "its last save failed: its log tells why; a snapshot may "
		    "fail alike");
	if (c->limits->stop_ms > 0 &&
	    i->fork_us / 1000 >= (uint64_t)c->limits->stop_ms)
		found(c, FORK_MAY_HURT,
		    "its last fork stopped it for %" PRIu64
		    " ms: take the snapshot of a replica",
		    i->fork_us / 1000);
}

void
fork_check(const struct redis_info *info, enum fork_target target,
    const struct fork_limits *limits,
    void (*tell)(void *arg, enum fork_risk, const char *text), void *arg)
{
	const struct check c = {info, limits, tell, arg};

	if (info->version[0] == '\0') {
		found(&c, FORK_MAY_HURT,
		    "it hides INFO, so what a snapshot costs it cannot be "
		    "told: grant +info");
		return;
	}
	check_memory(&c);
	check_children(&c);
	if (target == FORK_TO_FILE)
		found(&c, FORK_MAY_HURT,
		    "a snapshot replaces its own dump file, since its "
		    "repl-diskless-sync is 'no': set it to 'yes' there");
}
