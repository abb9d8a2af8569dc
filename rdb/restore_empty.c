#include <stdlib.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"
#include "rdb/redis_info.h"
#include "rdb/redis_primaries.h"
#include "rdb/redis_primary.h"

#include "rdb/restore_empty.h"

#define FLUSH_TIMEOUT_MS INT64_C(3600000)
#define UNTOUCHED	 "nothing in the target was emptied"

struct emptying {
	struct redis_conn *conn;
	int version;
	unsigned answers; /* that are not here yet */
};

/*
 * In a transaction, which begin() began: who may not flush the functions, as
 * target_check() cannot always foretell, leaves the keys there, too.  The memory must be free
 * before the load, so SYNC, a word of 6.2, which also overrules
 * lazyfree-lazy-user-flush.
 */
static const char *const with_functions[] = {
    "FUNCTION FLUSH SYNC", "FLUSHALL SYNC", "EXEC", NULL};
static const char *const keys_alone[] = {"FLUSHALL SYNC", NULL};
static const char *const keys_before_6_2[] = {"FLUSHALL", NULL};

static const char *const *
commands_for(int version)
{
	if (version >= 70000)
		return with_functions;
	return version >= 60200 ? keys_alone : keys_before_6_2;
}

static int
ask(struct emptying *e, const struct scope *scope, struct err *err)
{
	const char *const *words = commands_for(e->version);
	char *command;
	int len, rc = 0;

	for (; *words != NULL && rc == 0; words++) {
		len = redisFormatCommand(&command, *words);
		if (len < 0)
			return err_set(err, ERR_SYSTEM, "out of memory");
		rc = redis_conn_queue(
		    e->conn, scope, command, (size_t)len, err);
		redisFreeCommand(command);
		e->answers++;
	}
	return rc == 0 ? redis_conn_flush(e->conn, scope, err) : -1;
}

/* Of a transaction each command has an answer of its own. */
static int
judge(const redisReply *r, struct err *err)
{
	if (r->type == REDIS_REPLY_ERROR)
		return redis_error_set(err, r->str);
	for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++)
		if (judge(r->element[i], err) != 0)
			return -1;
	return 0;
}

/* The first refusal counts: it is why a transaction is not done. */
static int
hear(struct emptying *e, const struct scope *scope, struct err *err)
{
	struct err later = {0};
	redisReply *r;
	int rc = 0;

	for (; e->answers > 0; e->answers--) {
		r = redis_conn_reply(e->conn, scope, rc == 0 ? err : &later);
		if (r == NULL)
			return -1;
		if (judge(r, rc == 0 ? err : &later) != 0)
			rc = -1;
		freeReplyObject(r);
	}
	return rc;
}

/* All that were asked are heard, also after a failure, of which the first one
 * is told. */
static int
empty_all(
    struct emptying *all, size_t n, const struct scope *scope, struct err *err)
{
	size_t asked = 0;
	int rc = 0;

	while (asked < n && rc == 0) {
		rc = ask(&all[asked], scope, err);
		if (rc != 0)
			err_in(err, "emptying '%s'",
			    redis_conn_name(all[asked].conn));
		asked++;
	}
	for (size_t i = 0; i < asked; i++) {
		struct err own = {0};

		if (hear(&all[i], scope, &own) == 0 || rc != 0)
			continue;
		*err = own;
		rc = err_in(err, "emptying '%s'", redis_conn_name(all[i].conn));
	}
	return rc;
}

/* Without it what follows would be done at once. */
static int
begin(struct emptying *e, const struct scope *scope, struct err *err)
{
	redisReply *r;

	if (commands_for(e->version) != with_functions)
		return 0;
	r = redis_command(e->conn, scope, err, "MULTI");
	freeReplyObject(r);
	return r != NULL ? 0 : -1;
}

static int
connect_all(const struct redis_primaries *p, const struct redis_opts *opts,
    const struct scope *scope, struct emptying *all, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		struct redis_info info;

		all[i].conn = redis_primary_connect(
		    &p->parts[i], opts, scope, &info, NULL, err);
		if (all[i].conn == NULL)
			return -1;
		all[i].version = info.version_number;
		if (begin(&all[i], scope, err) != 0)
			return -1;
	}
	return 0;
}

int
restore_empty_target(const struct redis_target *target,
    const struct redis_opts *opts, const struct scope *scope, struct err *err)
{
	struct redis_opts patient = *opts;
	struct emptying *all;
	struct redis_primaries p;
	int rc;

	patient.reply_timeout_ms = FLUSH_TIMEOUT_MS;
	if (redis_primaries_find(target, opts, scope, &p, err) != 0)
		return err_in(err, UNTOUCHED);
	all = xcalloc(p.n, sizeof(*all));
	rc = connect_all(&p, &patient, scope, all, err);
	if (rc != 0)
		err_in(err, UNTOUCHED);
	else
		rc = empty_all(all, p.n, scope, err);
	for (size_t i = 0; i < p.n; i++)
		redis_conn_free(all[i].conn);
	free(all);
	redis_primaries_release(&p);
	return rc;
}
