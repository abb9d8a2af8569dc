#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/rdb_reader.h"
#include "rdb/restore_command.h"
#include "rdb/restore_pipe.h"
#include "rdb/value_carry.h"
#include "rdb/value_commands.h"
#include "rdb/value_replay.h"

#include "rdb/restore_values.h"

#define BATCH_BYTES ((size_t)128 << 10)

struct restore_values {
	const struct scope *scope;
	const char *prefix;
	size_t window;
	/* Commands of a load that broke off, which the server has still to
	 * read, must not meet those of the one after it. */
	uint64_t nonce;
	struct value_server server;
	struct value_commands *commands; /* NULL until they are needed */

	int version; /* of the dump, */
	bool valkey;
	struct value_replay *replay; /* which this reads; NULL: anew */

	struct restore_pipe *pipe;
	struct restore_subject subject;
	bool in_command;
	bool told; /* the failure has the key's name */
	uint64_t keys;
};

struct restore_values *
restore_values_new(const struct value_server *server, const char *prefix,
    size_t window, const struct scope *scope)
{
	struct restore_values *v = xcalloc(1, sizeof(*v));

	v->server = *server;
	v->prefix = prefix;
	v->window = window;
	v->scope = scope;
	scope_random(scope, &v->nonce, sizeof(v->nonce));
	return v;
}

void
restore_values_free(struct restore_values *v)
{
	if (v == NULL)
		return;
	value_replay_free(v->replay);
	value_commands_free(v->commands);
	free(v);
}

void
restore_values_dump(struct restore_values *v, int version, bool valkey)
{
	value_replay_free(v->replay);
	v->replay = NULL;
	v->version = version;
	v->valkey = valkey;
}

static int
put(void *arg, const void *data, size_t len, struct err *err)
{
	struct restore_values *v = arg;

	if (!v->in_command)
		restore_pipe_begin(v->pipe, &v->subject);
	v->in_command = true;
	if (restore_pipe_add(v->pipe, v->scope, data, len, err) == 0)
		return 0;
	v->told = true;
	return -1;
}

/* Not more is unanswered than there may be. */
static int
send_on(struct restore_values *v, struct err *err)
{
	struct restore_pipe *p = v->pipe;

	if (restore_pipe_unsent(p) < BATCH_BYTES &&
	    restore_pipe_unanswered(p) <= v->window)
		return 0;
	if (restore_pipe_flush(p, v->scope, err) != 0)
		return -1;
	if (restore_pipe_unanswered(p) <= v->window)
		return 0;
	return restore_pipe_keep(p, v->scope, v->window / 2, err);
}

static int
end(void *arg, enum value_step step, struct err *err)
{
	static const enum restore_what whats[] = {
	    [VALUE_WRITE] = RESTORE_VALUE,
	    [VALUE_CLAIM] = RESTORE_CLAIM,
	    [VALUE_SHOW] = RESTORE_SHOW,
	    [VALUE_SHOW_EXPIRING] = RESTORE_SHOW_EXPIRING,
	};
	struct restore_values *v = arg;

	v->in_command = false;
	restore_pipe_end(v->pipe, whats[step]);
	if (send_on(v, err) == 0)
		return 0;
	v->told = true;
	return -1;
}

static int
hold(void *arg, struct err *err)
{
	struct restore_values *v = arg;

	if (restore_pipe_flush(v->pipe, v->scope, err) == 0 &&
	    restore_pipe_settle(v->pipe, v->scope, 0, err) == 0)
		return 0;
	v->told = true;
	return -1;
}

static void
make_ready(struct restore_values *v)
{
	const struct value_out out = {put, end, hold, v};

	if (v->commands == NULL)
		v->commands = value_commands_new(&out, &v->server);
	if (v->replay == NULL)
		v->replay = value_replay_new(
		    v->version, v->valkey, value_commands_visitor(v->commands));
}

/* What is corrupt, and what a pipe fails with, has it said. */
static int
in_key(const struct restore_values *v, int rc, struct err *err)
{
	if (rc != 0 && !v->told && err->kind != ERR_CORRUPT)
		restore_subject_in(&v->subject, err);
	return rc;
}

int
restore_values_begin(struct restore_values *v, struct restore_pipe *pipe,
    unsigned number, const struct rdb_key *k, struct err *err)
{
	char prefix[VALUE_PREFIX_MAX];

	make_ready(v);
	v->pipe = pipe;
	v->in_command = v->told = false;
	restore_subject_key(&v->subject, RESTORE_VALUE, k);
	v->keys++;
	snprintf(prefix, sizeof(prefix), "%s%016" PRIx64 ":%u:", v->prefix,
	    v->nonce, number);
	value_commands_next(v->commands, prefix);
	return in_key(v, value_replay_begin(v->replay, k, err), err);
}

int
restore_values_add(
    struct restore_values *v, const void *data, size_t len, struct err *err)
{
	return in_key(v, value_replay_add(v->replay, data, len, err), err);
}

const char *
restore_values_temp(const struct restore_values *v)
{
	return value_commands_temp(v->commands);
}

uint64_t
restore_values_keys(const struct restore_values *v)
{
	return v->keys;
}

uint32_t
restore_values_lost(const struct restore_values *v)
{
	return v->commands != NULL ? value_commands_lost(v->commands) : 0;
}
