#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/credential.h"
#include "base/journal.h"
#include "base/sink.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"

#include "tests/sim/posing_rig.h"

static struct credential *
password(void)
{
	struct secret s = {0};
	struct credential *c;

	secret_set(&s, POSING_PASSWORD, strlen(POSING_PASSWORD));
	c = credential_fixed_new(&s);
	secret_release(&s);
	return c;
}

void
posing_target_on(struct redis_target *t, const char *host, int port, bool tls)
{
	struct err err = {0};
	char url[64];

	snprintf(
	    url, sizeof(url), "redis%s://%s:%d", tls ? "s" : "", host, port);
	assert_int_equal(redis_target_parse(url, t, &err), 0);
}

void
posing_rig_init(struct posing_rig *r, const struct real_redis_opts *target_opts)
{
	static const char *const plain[] = {REDIS_DATA_DEBUG, NULL};
	static const char *const locked[] = {
	    REDIS_DATA_DEBUG, "--requirepass", POSING_PASSWORD, NULL};
	const struct real_redis_opts source_opts = {.args = plain};
	const struct real_redis_opts usual = {.args = locked};

	*r = (struct posing_rig){.scope = scope_root(NULL)};
	r->source = real_redis_start(&source_opts);
	r->target = real_redis_start(
	    target_opts != NULL ? target_opts : &usual);
	r->from = redis_data_connect(r->source, NULL);
	r->to = redis_data_connect(r->target, POSING_PASSWORD);
	redis_data_fill(r->from, 3000);
	r->dump = redis_data_dump(r->source, r->from, &r->len);
	if (target_opts == NULL) {
		redis_data_do(r->to, "SET old data");
		r->before = redis_data_digest(r->to);
	}
	posing_target_on(
	    &r->at, "127.0.0.1", real_redis_port(r->target), false);
	r->redis.password = password();
	r->journal = journal_memory_new();
	r->opts = (struct posing_opts){
	    .size = r->len, .journal = r->journal, .connect_timeout_ms = 8000};
}

void
posing_rig_release(struct posing_rig *r)
{
	redis_conn_free(r->from);
	redis_conn_free(r->to);
	real_redis_stop(r->source);
	real_redis_stop(r->target);
	redis_target_release(&r->at);
	r->redis.password->ops->free(r->redis.password);
	journal_memory_free(r->journal);
	free(r->dump);
	free(r->before);
}

static int
count_entry(void *arg, const char *key, const char *value, struct err *err)
{
	(void)key;
	(void)value;
	(void)err;
	++*(int *)arg;
	return 0;
}

int
posing_journal_entries(struct journal *j)
{
	struct err err = {0};
	int n = 0;

	assert_int_equal(j->ops->each(j, "", count_entry, &n, &err), 0);
	return n;
}

void
posing_config_is(struct redis_conn *c, const char *name, const char *value)
{
	char *is = redis_data_text(c, "CONFIG GET %s", name);

	assert_string_equal(is, value);
	free(is);
}

void
posing_is_master(struct redis_conn *c)
{
	char *info = redis_data_text(c, "INFO replication");

	assert_non_null(strstr(info, "role:master"));
	free(info);
}

void
posing_is_put_back(struct posing_rig *r, const char *masterauth)
{
	posing_is_master(r->to);
	posing_config_is(r->to, "masterauth", masterauth);
	posing_config_is(r->to, "repl-diskless-load", "disabled");
	posing_config_is(r->to, "repl-timeout", "60");
	assert_int_equal(posing_journal_entries(r->journal), 0);
}

void
posing_holds(struct redis_conn *c, const char *digest)
{
	char *is = redis_data_digest(c);

	assert_string_equal(is, digest);
	free(is);
}

struct sink *
posing_pose(struct posing_rig *r)
{
	return posing_master_new(
	    &r->at, &r->redis, &r->scope, &r->opts, &r->err);
}

struct sink *
posing_posed(struct posing_rig *r)
{
	struct sink *s = posing_pose(r);

	if (s == NULL)
		fail_msg("%s", r->err.text);
	return s;
}

int
posing_give(struct posing_rig *r, struct sink *s, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t n = len - at < 60007 ? len - at : 60007;

		if (sink_write_bytes(s, r->dump + at, n, &r->err) != 0)
			return -1;
		at += n;
	}
	return 0;
}

void
posing_load(struct posing_rig *r)
{
	struct sink *s = posing_posed(r);

	if (posing_give(r, s, r->len) != 0 || sink_finish(s, &r->err) != 0 ||
	    posing_release(s, &r->scope, &r->err) != 0)
		fail_msg("%s", r->err.text);
	s->ops->free(s);
}

void
posing_holds_the_source(struct posing_rig *r)
{
	char *wanted = redis_data_digest(r->from);

	posing_holds(r->to, wanted);
	free(wanted);
}
