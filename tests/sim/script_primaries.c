#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "tests/sim/script_resp.h"

#include "tests/sim/script_primaries.h"

static int
port_of(const struct script_primaries *p, int i)
{
	return script_server_port(p->nodes[i].server);
}

static int
send_info(struct script_conn *c, struct script_primary *n)
{
	bool gone = atomic_load(&n->closed) > 0;
	bool demoted = (gone && n->demoted) ||
	    (n->demoted_after > 0 &&
		atomic_load(&n->asked) >= n->demoted_after);
	bool back = n->back_after > 0 &&
	    atomic_load(&n->asked) >= n->back_after;
	char text[300];

	snprintf(text, sizeof(text),
	    "redis_version:7.0.15\r\nrun_id:%s\r\nrole:%s\r\n"
	    "master_host:h\r\nmaster_port:1\r\ncluster_enabled:1\r\n"
	    "master_replid:%s\r\nmaster_replid2:%s\r\n",
	    gone && n->restarts ? "second" : "first",
	    demoted ? "slave" : "master", back ? "c" : "a",
	    back && !n->alone ? "b" : "0000");
	return script_send_bulk(c, text);
}

static int
send_slots(struct script_conn *c, const struct script_primaries *p)
{
	return script_sendf(c,
	    "*2\r\n*3\r\n:0\r\n:8191\r\n*2\r\n$0\r\n\r\n:%d\r\n"
	    "*3\r\n:8192\r\n:16383\r\n*2\r\n$0\r\n\r\n:%d\r\n",
	    port_of(p, 0), port_of(p, 1));
}

/* -1 to close. */
static int
send_answer(struct script_conn *c, struct script_primary *n)
{
	unsigned i = atomic_fetch_add(&n->asked, 1);
	const char *a = i < SCRIPT_ANSWERS && n->answers[i] != NULL
	    ? n->answers[i]
	    : "+OK";
	const char *port = strstr(a, "PORT");

	if (a[0] == '\0') {
		atomic_fetch_add(&n->closed, 1);
		return -1;
	}
	if (port == NULL)
		return script_sendf(c, "%s\r\n", a);
	return script_sendf(c, "%.*s%d\r\n", (int)(port - a), a,
	    port_of(n->all, n == &n->all->nodes[0]));
}

static int
answer(struct script_conn *c, void *arg, const char *words)
{
	struct script_primary *n = arg;
	size_t more = n->all->recorded > 0 ? n->all->recorded : 4;

	if (strncmp(words, "PING", 4) == 0)
		return script_sends(c, "+PONG\r\n");
	if (strncmp(words, "INFO", 4) == 0 && n->closes_at_the_end &&
	    atomic_load(&n->asked) > 0 && atomic_load(&n->closed) == 0) {
		atomic_fetch_add(&n->closed, 1);
		return -1;
	}
	if (strncmp(words, "INFO", 4) == 0)
		return send_info(c, n);
	if (strncmp(words, "CONFIG", 6) == 0)
		return script_sends(c, "*0\r\n");
	if (strcmp(words, "CLUSTER SLOTS") == 0)
		return send_slots(c, n->all);
	if (strncmp(words, "CLUSTER", 7) == 0)
		return script_sends(c, "-ERR Unknown subcommand\r\n");
	script_record(c, words, strnlen(words, strcspn(words, " ") + more));
	if (strcmp(words, "ASKING") == 0)
		return script_sends(c, "+OK\r\n");
	return send_answer(c, n);
}

static void
serve(struct script_conn *c, void *arg)
{
	script_answer_commands(c, answer, arg);
}

void
script_primaries_up(struct script_primaries *p)
{
	struct err err = {0};
	char url[64];

	for (int i = 0; i < 2; i++) {
		p->nodes[i].all = p;
		p->nodes[i].server = script_server_new(
		    NULL, serve, &p->nodes[i]);
	}
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d", port_of(p, 0));
	assert_int_equal(redis_target_parse(url, &p->target, &err), 0);
	p->target.cluster = xstrdup("c");
}

void
script_primaries_down(struct script_primaries *p)
{
	redis_target_release(&p->target);
	for (int i = 0; i < 2; i++)
		script_server_free(p->nodes[i].server);
}
