/*
 * The command is queued while its key passes: name and TTL at key_begin(),
 * the payload at key_end(), since its length stands before it.  A batch of
 * commands goes to one connection, the next batch to the next, so that each
 * write(2) is large and several requests are always under way.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/dump_payload.h"
#include "rdb/key_show.h"
#include "rdb/rdb_reader.h"
#include "rdb/rdb_types.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/redis_primary.h"
#include "rdb/restore_command.h"
#include "rdb/restore_limit.h"
#include "rdb/restore_pipe.h"

#include "rdb/restore_loader.h"

#define CONNECTIONS_DEFAULT 4
#define CONNECTIONS_MAX	    64
#define PIPELINE_DEFAULT    ((size_t)1 << 20)
#define VALUE_DEFAULT	    ((size_t)16 << 20)
#define BATCH_BYTES	    ((size_t)128 << 10)

/* Of a connection: its output, its input, and names of unanswered keys. */
#define CONNECTION_BYTES ((size_t)2 << 20)

#define NAME_KEPT 128

#define FLUSH_TIMEOUT_MS INT64_C(3600000)

/* FUNCTION2 of the RDB format, which FUNCTION RESTORE shares; RDB 10. */
#define OPCODE_FUNCTION2     245
#define FUNCTION_RDB_VERSION 10

struct restore_loader {
	struct rdb_visitor visitor;
	struct scope scope;
	struct budget *budget; /* carved; NULL: none */
	struct restore_pipe *pipes[CONNECTIONS_MAX];
	unsigned npipes, turn;
	size_t window;

	int version; /* of the server: 70015 */
	struct restore_limit limit;

	struct dump_payload *payload;
	struct rdb_key key;	       /* its name is gone after key_begin() */
	unsigned char name[NAME_KEPT]; /* but for this much, for errors */
	struct restore_facts facts;
};

/* To the connection whose turn it is. */
static struct restore_command
command_of(const struct restore_loader *l)
{
	return (struct restore_command){
	    .pipe = l->pipes[l->turn],
	    .scope = &l->scope,
	    .version = l->version,
	};
}

/* The command is whole: send the batch when it is large, and take turns. */
static int
end_command(struct restore_loader *l, struct err *err)
{
	struct restore_pipe *p = l->pipes[l->turn];

	restore_pipe_end(p);
	if (restore_pipe_unsent(p) < BATCH_BYTES)
		return 0;
	l->turn = (l->turn + 1) % l->npipes;
	if (restore_pipe_flush(p, &l->scope, err) != 0)
		return -1;
	if (restore_pipe_unanswered(p) <= l->window)
		return 0;
	return restore_pipe_settle(p, &l->scope, l->window / 2, err);
}

static struct restore_loader *
loader_of(struct rdb_visitor *v)
{
	return (struct restore_loader *)v;
}

/* What failed while this key's value was gathered. */
static int
in_key(const struct restore_loader *l, struct err *err)
{
	size_t len = l->key.name_len;
	struct buf shown;

	buf_init(&shown, 1024);
	key_show(&shown, l->name, len < NAME_KEPT ? len : NAME_KEPT);
	err_in(err, "key '%.200s%s' of database %u", shown.data,
	    len > NAME_KEPT ? "..." : "", (unsigned)l->key.db);
	buf_release(&shown);
	return -1;
}

static int
too_large(const struct restore_loader *l, struct err *err)
{
	err_set(err, ERR_UNSUPPORTED,
	    "a value of over %" PRIu64
	    " bytes, which the server takes no RESTORE of (by its %s): load "
	    "it by way of 'replica'",
	    l->limit.bytes, l->limit.setting);
	return in_key(l, err);
}

static int
visit_key(struct rdb_visitor *v, const struct rdb_key *k, struct err *err)
{
	struct restore_loader *l = loader_of(v);
	struct restore_command c = command_of(l);
	bool expired;

	l->key = *k;
	l->key.name = NULL;
	memcpy(l->name, k->name,
	    k->name_len < NAME_KEPT ? k->name_len : NAME_KEPT);
	if (rdb_type_min_version(k->type) == 0) {
		err_set(err, ERR_UNSUPPORTED,
		    "type %u is not known, so it cannot be restored", k->type);
		return in_key(l, err);
	}
	if (k->name_len > l->limit.bytes)
		return too_large(l, err);
	if (restore_pipe_select(c.pipe, &l->scope, k->db, err) != 0)
		return -1;
	restore_pipe_name(c.pipe, RESTORE_KEY, k->db, k->name, k->name_len);
	if (restore_put_head(&c, k, &expired, err) != 0)
		return -1;
	l->facts.expired += expired;
	if (dump_payload_begin(l->payload, err) != 0 ||
	    dump_payload_add(l->payload, &k->type, 1, err) != 0)
		return in_key(l, err);
	return 0;
}

static int
visit_raw(struct rdb_visitor *v, const unsigned char *data, size_t len,
    struct err *err)
{
	struct restore_loader *l = loader_of(v);

	if (dump_payload_size(l->payload) + len + DUMP_FOOTER_BYTES >
	    l->limit.bytes)
		return too_large(l, err);
	if (dump_payload_add(l->payload, data, len, err) != 0)
		return in_key(l, err);
	return 0;
}

static int
visit_key_end(struct rdb_visitor *v, uint64_t raw_bytes, uint64_t elements,
    struct err *err)
{
	struct restore_loader *l = loader_of(v);
	struct restore_command c = command_of(l);
	int version = rdb_type_min_version(l->key.type);

	(void)raw_bytes;
	(void)elements;
	if (dump_payload_end(l->payload, version, err) != 0)
		return in_key(l, err);
	if (restore_put_payload(&c, l->payload, err) != 0 ||
	    restore_put_options(&c, &l->key, err) != 0)
		return -1;
	l->facts.bytes += dump_payload_size(l->payload);
	return end_command(l, err);
}

/* A length as the RDB format writes it. */
static size_t
encode_length(uint64_t n, unsigned char out[9])
{
	if (n < 64) {
		out[0] = (unsigned char)n;
		return 1;
	}
	out[0] = 0x81;
	for (int i = 0; i < 8; i++)
		out[1 + i] = (unsigned char)(n >> 8 * (7 - i));
	return 9;
}

static int
visit_function(struct rdb_visitor *v, const unsigned char *source, size_t len,
    struct err *err)
{
	static const char head[] = "*4\r\n$8\r\nFUNCTION\r\n$7\r\nRESTORE\r\n";
	struct restore_loader *l = loader_of(v);
	struct restore_command c = command_of(l);
	unsigned char opcode = OPCODE_FUNCTION2;
	unsigned char length[9];
	size_t length_len = encode_length(len, length);

	if (l->version < 70000)
		return err_set(err, ERR_UNSUPPORTED,
		    "the dump holds functions, which the server does not have "
		    "(Redis 7.0 is needed)");
	restore_pipe_name(c.pipe, RESTORE_FUNCTION, 0, NULL, 0);
	if (dump_payload_begin(l->payload, err) != 0 ||
	    dump_payload_add(l->payload, &opcode, 1, err) != 0 ||
	    dump_payload_add(l->payload, length, length_len, err) != 0 ||
	    dump_payload_add(l->payload, source, len, err) != 0 ||
	    dump_payload_end(l->payload, FUNCTION_RDB_VERSION, err) != 0)
		return -1;
	if (restore_pipe_add(c.pipe, &l->scope, head, sizeof(head) - 1, err) !=
		0 ||
	    restore_put_payload(&c, l->payload, err) != 0 ||
	    restore_pipe_add(c.pipe, &l->scope, "$7\r\nREPLACE\r\n", 13, err) !=
		0)
		return -1;
	l->facts.bytes += dump_payload_size(l->payload);
	l->facts.functions++;
	return end_command(l, err);
}

static int
visit_module_aux(struct rdb_visitor *v, uint64_t module_id, struct err *err)
{
	(void)module_id;
	(void)err;
	loader_of(v)->facts.left_out++;
	return 0;
}

static const struct rdb_visitor_ops visitor_ops = {
    .function = visit_function,
    .module_aux = visit_module_aux,
    .key_begin = visit_key,
    .raw = visit_raw,
    .key_end = visit_key_end,
};

static int
judge_server(struct restore_loader *l, struct redis_conn *c,
    const struct redis_info *info, struct err *err)
{
	if (info->cluster)
		return err_set(err, ERR_UNSUPPORTED,
		    "'%s' is in cluster mode, which RESTORE is not routed in",
		    redis_conn_name(c));
	if (info->version_number < 30000)
		return err_set(err, ERR_UNSUPPORTED,
		    "'%s' is version %s, and RESTORE knows REPLACE since 3.0",
		    redis_conn_name(c), info->version);
	l->version = info->version_number;
	return restore_limit_get(c, &l->scope, &l->limit, err);
}

static int
open_pipes(struct restore_loader *l, const struct redis_target *target,
    const struct redis_opts *opts, unsigned n, struct err *err)
{
	struct redis_info info;
	struct redis_conn *c;
	size_t host;

	c = redis_primary_connect(target, opts, &l->scope, &info, &host, err);
	if (c == NULL)
		return -1;
	l->pipes[l->npipes++] = restore_pipe_new(c);
	if (judge_server(l, c, &info, err) != 0)
		return -1;
	while (l->npipes < n) {
		c = redis_connect(
		    &target->hosts[host], target->user, opts, &l->scope, err);
		if (c == NULL)
			return -1;
		l->pipes[l->npipes++] = restore_pipe_new(c);
	}
	return 0;
}

struct restore_loader *
restore_loader_new(const struct redis_target *target,
    const struct redis_opts *redis, const struct scope *scope,
    const struct restore_opts *opts, struct err *err)
{
	struct restore_loader *l = xcalloc(1, sizeof(*l));
	unsigned n = opts->connections > 0 ? opts->connections
					   : CONNECTIONS_DEFAULT;
	size_t value = opts->value_bytes > 0 ? opts->value_bytes
					     : VALUE_DEFAULT;

	n = n < CONNECTIONS_MAX ? n : CONNECTIONS_MAX;
	l->visitor.ops = &visitor_ops;
	l->scope = *scope;
	l->window = opts->pipeline_bytes > 0 ? opts->pipeline_bytes
					     : PIPELINE_DEFAULT;
	if (opts->budget != NULL) {
		l->budget = budget_carve(
		    opts->budget, value + n * CONNECTION_BYTES, err);
		if (l->budget == NULL)
			goto fail;
	}
	l->payload = dump_payload_new(value);
	if (open_pipes(l, target, redis, n, err) != 0)
		goto fail;
	return l;
fail:
	restore_loader_free(l);
	return NULL;
}

void
restore_loader_free(struct restore_loader *l)
{
	if (l == NULL)
		return;
	for (unsigned i = 0; i < l->npipes; i++)
		restore_pipe_free(l->pipes[i]);
	dump_payload_free(l->payload);
	if (l->budget != NULL)
		budget_free(l->budget);
	free(l);
}

struct rdb_visitor *
restore_loader_visitor(struct restore_loader *l)
{
	return &l->visitor;
}

int
restore_loader_finish(
    struct restore_loader *l, struct restore_facts *facts, struct err *err)
{
	/* All are sent before one is waited for. */
	for (unsigned i = 0; i < l->npipes; i++)
		if (restore_pipe_flush(l->pipes[i], &l->scope, err) != 0)
			return -1;
	for (unsigned i = 0; i < l->npipes; i++)
		if (restore_pipe_settle(l->pipes[i], &l->scope, 0, err) != 0)
			return -1;
	*facts = l->facts;
	for (unsigned i = 0; i < l->npipes; i++)
		facts->keys += restore_pipe_keys(l->pipes[i]);
	/* An expired key is answered by OK, too. */
	facts->keys -= facts->expired;
	return 0;
}

int
restore_empty_target(const struct redis_target *target,
    const struct redis_opts *opts, const struct scope *scope, struct err *err)
{
	struct redis_opts patient = *opts;
	struct redis_info info;
	struct redis_conn *c;
	redisReply *r;
	int rc = -1;

	patient.reply_timeout_ms = FLUSH_TIMEOUT_MS;
	c = redis_primary_connect(target, &patient, scope, &info, NULL, err);
	if (c == NULL)
		return -1;
	/* First what is less: should it be refused, the keys are still there.
	 * target_check() cannot always foretell it. */
	if (info.version_number >= 70000) {
		r = redis_command(c, scope, err, "FUNCTION FLUSH SYNC");
		if (r == NULL)
			goto out;
		freeReplyObject(r);
	}
	/* The memory must be free before the load.  SYNC is a word of 6.2;
	 * lazyfree-lazy-user-flush, which it overrules, too. */
	r = redis_command(c, scope, err,
	    info.version_number >= 60200 ? "FLUSHALL SYNC" : "FLUSHALL");
	if (r == NULL)
		goto out;
	freeReplyObject(r);
	rc = 0;
out:
	if (rc != 0)
		err_in(err, "emptying '%s'", redis_conn_name(c));
	redis_conn_free(c);
	return rc;
}
