/* What a snapshot by replication tells of a source that is not as one wishes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/env.h"
#include "agent/snapshot/progress.h"
#include "agent/snapshot/source.h"
#include "base/budget.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/rdb_compat.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_conn.h"
#include "tests/sim/catcher.h"
#include "tests/sim/script_server.h"

#define FULL	 "+FULLRESYNC 0123456789abcdef0123456789abcdef01234567 1\r\n"
#define MARK	 "abcdefabcdefabcdefabcdefabcdefabcdefabcd"
#define DUMP_LEN 18

/* A server with an empty dump. */
struct server {
	const char *info;
	const char *header;  /* NULL: nothing is asked of it */
	const char *version; /* that is to be announced; NULL: none */
	const char *dump;
	size_t len; /* as far as it sends it and its mark */
};

static int
answer(struct script_conn *c, const char *begins, const char *reply)
{
	struct buf request;
	int rc;

	buf_init(&request, 4096);
	rc = script_read_until(c, &request, begins);
	buf_release(&request);
	return rc == 0 ? script_sends(c, reply) : -1;
}

static void
serve(struct script_conn *c, void *arg)
{
	const struct server *s = arg;
	char info[512];

	snprintf(
	    info, sizeof(info), "$%zu\r\n%s\r\n", strlen(s->info), s->info);
	if (answer(c, "PING\r\n", "+PONG\r\n") != 0 ||
	    answer(c, "INFO\r\n", info) != 0 ||
	    answer(c, "databases\r\n", "*0\r\n") != 0)
		return;
	/* What is asked after the dump goes unanswered. */
	if (script_conn_number(c) > 0 || s->header == NULL)
		return;
	if (answer(c, "psync2\r\n", "+OK\r\n") != 0 ||
	    answer(c, "rdb-only\r\n$1\r\n1\r\n", "+OK\r\n") != 0 ||
	    (s->version != NULL && answer(c, s->version, "+OK\r\n") != 0) ||
	    answer(c, "-1\r\n", FULL) != 0 || script_sends(c, s->header) != 0 ||
	    script_send(c, s->dump, s->len) != 0)
		return;
	script_close(c);
}

struct rig {
	struct progress progress;
	char notes[1000];
	struct source_facts facts;
	struct err err;
};

static void
on_advance(struct progress *p, enum step step, uint64_t done, uint64_t total,
    bool about)
{
	(void)p;
	(void)step;
	(void)done;
	(void)total;
	(void)about;
}

static void
on_note(struct progress *p, enum step step, const char *text)
{
	struct rig *r = (struct rig *)p;

	assert_int_equal(step, STEP_SNAPSHOT);
	strncat(r->notes, text, sizeof(r->notes) - strlen(r->notes) - 1);
}

static int
take(struct rig *r, const struct server *server, const char *compat)
{
	static const struct redis_opts none;
	struct source_sync_opts opts = {
	    .guard = {.policy = PROTECT_OFF},
	    .compat = rdb_compat_find(compat),
	};
	struct script_server *s = script_server_new(
	    NULL, serve, (void *)(uintptr_t)server);
	struct snapshot_env env = {.progress = &r->progress};
	struct rdb_reader *reader = rdb_reader_new();
	struct source_call call = {.env = &env, .reader = reader};
	struct scope scope = scope_root(NULL);
	struct redis_target target;
	struct source *source;
	struct catcher out;
	char url[64];
	int rc;

	*r = (struct rig){.progress = {on_advance, on_note}};
	env.budget = budget_new(8 * CHUNK_SIZE);
	catcher_init(&out);
	snprintf(
	    url, sizeof(url), "redis://127.0.0.1:%d", script_server_port(s));
	assert_int_equal(redis_target_parse(url, &target, &r->err), 0);
	source = source_sync_new(&target, &none, &opts);
	rc = source->ops->dump(
	    source, &scope, &call, &out.base, &r->facts, &r->err);
	source_free(source);
	redis_target_release(&target);
	rdb_reader_free(reader);
	catcher_release(&out);
	budget_free(env.budget);
	assert_null(script_server_failure(s));
	script_server_free(s);
	return rc;
}

/* Checksums are off in them. */
#define EMPTY(version) "REDIS00" version "\xff\0\0\0\0\0\0\0\0"

static void
a_dump_over_the_version_that_was_wanted_is_told(void **state)
{
	struct server s = {
	    .info = "redis_version:7.4.1\r\nrole:master\r\n",
	    .header = "$EOF:" MARK "\r\n",
	    .dump = EMPTY("12") MARK,
	    .len = DUMP_LEN + 40,
	};
	struct rig r;

	(void)state;
	assert_int_equal(take(&r, &s, "redis-7.2"), 0);
	assert_non_null(strstr(r.notes, "version 12, over the 11"));
	assert_int_equal(r.facts.cow_bytes, -1);
	assert_true(r.facts.diskless);
	assert_int_equal(take(&r, &s, "auto"), 0);
	assert_string_equal(r.notes, "");
	s.dump = EMPTY("11") MARK;
	assert_int_equal(take(&r, &s, "redis-7.2"), 0);
	assert_string_equal(r.notes, "");
}

static void
a_dump_by_way_of_a_file_is_told(void **state)
{
	struct server s = {
	    .info = "redis_version:6.2.0\r\nrole:master\r\n",
	    .header = "$18\r\n",
	    .dump = EMPTY("09"),
	    .len = DUMP_LEN,
	};
	struct rig r;

	(void)state;
	assert_int_equal(take(&r, &s, "auto"), 0);
	assert_non_null(strstr(r.notes, "its own dump file"));
	assert_false(r.facts.diskless);
}

/* It would fork in vain, each time it is asked. */
static void
what_a_valkey_cannot_write_is_not_asked_for(void **state)
{
	struct server s = {
	    .info = "redis_version:7.2.4\r\nvalkey_version:9.1.0\r\n"
		    "role:master\r\n# Keyspace\r\ndb0:keys=9,expires=0,"
		    "avg_ttl=0,keys_with_volatile_items=2\r\ndb3:keys=1,"
		    "expires=0,avg_ttl=0,keys_with_volatile_items=1\r\n",
	};
	struct rig r;

	(void)state;
	assert_int_equal(take(&r, &s, "redis-7.2"), -1);
	assert_int_equal(r.err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(r.err.text, "rdb_compat is 'redis-7.2'"));
	assert_non_null(strstr(r.err.text, "3 keys with such fields"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_dump_over_the_version_that_was_wanted_is_told),
	    cmocka_unit_test(a_dump_by_way_of_a_file_is_told),
	    cmocka_unit_test(what_a_valkey_cannot_write_is_not_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
