#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "rdb/cluster_slot.h"
#include "tests/sim/rdb_bytes.h"
#include "tests/sim/script_resp.h"
#include "tests/sim/script_server.h"

#include "tests/sim/script_cluster.h"

#define REQUEST_MAX 4096
#define OFFSET	    1000
#define LAGS	    10 /* bytes */
#define HALF	    (CLUSTER_SLOTS / 2)
#define REPLID	    "0123456789abcdef0123456789abcdef0123456"
#define MARK	    "abcdefabcdefabcdefabcdefabcdefabcdefabcd"

static int
shard_of(const struct script_node *n)
{
	return n - n->cluster->nodes == NODE_HIGH ? 1 : 0;
}

static bool
is_replica(const struct script_node *n)
{
	return n - n->cluster->nodes == NODE_REPLICA;
}

static int
send_info(struct script_conn *c, struct script_node *n)
{
	unsigned nth = atomic_fetch_add(&n->infos, 1);
	char text[600];

	snprintf(text, sizeof(text),
	    "redis_version:7.0.15\r\nrun_id:r\r\ncluster_enabled:1\r\n"
	    "used_memory:1000\r\nmaster_replid:" REPLID "%d\r\n%s%d\r\n",
	    shard_of(n),
	    is_replica(n) ? "role:slave\r\nmaster_host:127.0.0.1\r\n"
			    "master_link_status:up\r\nslave_repl_offset:"
			  : "role:master\r\nmaster_repl_offset:",
	    OFFSET - (nth < n->behind ? LAGS : 0));
	return script_send_bulk(c, text);
}

static int
send_node(struct script_conn *c, const struct script_node *n)
{
	static const char ip[] = "$9\r\n127.0.0.1\r\n";

	return script_sendf(c,
	    "*14\r\n$2\r\nid\r\n$40\r\n%040d\r\n$4\r\nport\r\n:%d\r\n"
	    "$2\r\nip\r\n%s$8\r\nendpoint\r\n%s$4\r\nrole\r\n%s"
	    "$18\r\nreplication-offset\r\n:%d\r\n$6\r\nhealth\r\n"
	    "$6\r\nonline\r\n",
	    n->port, n->port, ip, ip,
	    is_replica(n) ? "$7\r\nreplica\r\n" : "$6\r\nmaster\r\n", OFFSET);
}

static bool
has_moved(const struct script_cluster *s)
{
	return s->moved_at > 0 && atomic_load(&s->maps) >= s->moved_at;
}

static int
send_map(struct script_conn *c, struct script_cluster *s)
{
	struct script_node *n = s->nodes;
	bool moved;

	atomic_fetch_add(&s->maps, 1);
	moved = has_moved(s);
	if (script_sendf(c,
		"*2\r\n*4\r\n$5\r\nslots\r\n*2\r\n:%d\r\n:%d\r\n"
		"$5\r\nnodes\r\n*%d\r\n",
		moved ? 1 : 0, HALF - 1, s->has_replica ? 2 : 1) != 0 ||
	    send_node(c, &n[NODE_LOW]) != 0 ||
	    (s->has_replica && send_node(c, &n[NODE_REPLICA]) != 0) ||
	    script_sendf(c,
		"*4\r\n$5\r\nslots\r\n%s:%d\r\n:%d\r\n$5\r\nnodes\r\n*1\r\n",
		moved ? "*4\r\n:0\r\n:0\r\n" : "*2\r\n", HALF,
		CLUSTER_SLOTS - 1) != 0)
		return -1;
	return send_node(c, &n[NODE_HIGH]);
}

static int
send_nodes(struct script_conn *c, const struct script_node *n)
{
	const struct script_cluster *s = n->cluster;
	char text[400];
	bool low = shard_of(n) == 0;

	snprintf(text, sizeof(text),
	    "%040d 127.0.0.1:%d@1 myself,%s - 0 0 1 connected %s%d-%d%s\n", 1,
	    n->port, is_replica(n) ? "slave" : "master",
	    !low && has_moved(s) ? "0 " : "",
	    !low	       ? HALF
		: has_moved(s) ? 1
			       : 0,
	    low ? HALF - 1 - s->at_odds : CLUSTER_SLOTS - 1,
	    n->open_slots != NULL ? n->open_slots : "");
	return script_send_bulk(c, text);
}

static int
send_dump(struct script_conn *c, struct script_node *n)
{
	unsigned nth = atomic_fetch_add(&n->dumps, 1);

	if (nth == 0)
		atomic_store(&n->infos_before, atomic_load(&n->infos));
	if (n->refuses != NULL)
		return script_sends(c, n->refuses);
	if (script_sendf(c, "+FULLRESYNC " REPLID "%d %d\r\n$EOF:%s\r\n",
		shard_of(n), nth < n->stale ? OFFSET - LAGS : OFFSET + 1,
		MARK) != 0)
		return -1;
	if (nth >= n->cuts &&
	    (script_send(c, n->dump.data, n->dump.len) != 0 ||
		script_sends(c, MARK) != 0))
		return -1;
	if (nth < n->cuts)
		script_send(c, n->dump.data, n->dump.len / 2);
	script_close(c);
	return -1;
}

static bool
is(const struct buf *words, const char *command)
{
	return strncasecmp(words->data, command, strlen(command)) == 0;
}

static int
answer(struct script_conn *c, struct script_node *n, const struct buf *words)
{
	if (is(words, "PING"))
		return script_sends(c, "+PONG\r\n");
	if (is(words, "INFO"))
		return send_info(c, n);
	if (is(words, "CLUSTER SHARDS"))
		return send_map(c, n->cluster);
	if (is(words, "CLUSTER NODES"))
		return send_nodes(c, n);
	if (is(words, "CONFIG"))
		return script_sends(c, "*0\r\n");
	if (is(words, "REPLCONF"))
		return script_sends(c, "+OK\r\n");
	if (is(words, "PSYNC"))
		return send_dump(c, n);
	return script_sends(c, "-ERR unknown command\r\n");
}

static void
serve(struct script_conn *c, void *arg)
{
	struct buf words;

	buf_init(&words, REQUEST_MAX);
	while (
	    script_read_command(c, &words) == 0 && answer(c, arg, &words) == 0)
		;
	buf_release(&words);
}

static void
put_string(struct buf *b, const char *name)
{
	buf_addc(b, 0);
	rdb_put_string(b, name);
	rdb_put_string(b, "value");
}

static void
make_dump(struct script_node *n, const char *key, const char *library)
{
	struct buf *b = &n->dump;

	buf_release(b);
	rdb_begin(b, "REDIS0010");
	if (library != NULL) {
		buf_addc(b, (char)0xf5);
		rdb_put_string(b, library);
	}
	RAW(b, "\xfe\x00");
	for (unsigned i = 0; i < SCRIPT_CLUSTER_KEYS; i++) {
		char name[32];
		int len = snprintf(name, sizeof(name), "key:%u", i);

		if ((cluster_slot(name, (size_t)len) >= HALF) == shard_of(n))
			put_string(b, name);
	}
	if (key != NULL)
		put_string(b, key);
	rdb_end(b);
}

void
script_cluster_up(struct script_cluster *s, bool replica)
{
	memset(s, 0, sizeof(*s));
	s->has_replica = replica;
	for (int i = 0; i < SCRIPT_CLUSTER_NODES; i++) {
		struct script_node *n = &s->nodes[i];

		n->cluster = s;
		make_dump(n, NULL, NULL);
		n->server = script_server_new(NULL, serve, n);
		n->port = script_server_port(n->server);
	}
}

void
script_cluster_down(struct script_cluster *s)
{
	for (int i = 0; i < SCRIPT_CLUSTER_NODES; i++) {
		const char *why = script_server_failure(s->nodes[i].server);

		if (why != NULL)
			fail_msg("%s", why);
		script_server_free(s->nodes[i].server);
		buf_release(&s->nodes[i].dump);
	}
}

char *
script_cluster_url(const struct script_cluster *s)
{
	struct buf b;

	buf_init(&b, 100);
	buf_addf(&b, "redis://127.0.0.1:%d", s->nodes[NODE_LOW].port);
	return buf_take(&b);
}

void
script_cluster_add(
    struct script_cluster *s, int node, const char *key, const char *library)
{
	make_dump(&s->nodes[node], key, library);
}

unsigned
script_cluster_dumps(struct script_cluster *s)
{
	unsigned n = 0;

	for (int i = 0; i < SCRIPT_CLUSTER_NODES; i++)
		n += atomic_load(&s->nodes[i].dumps);
	return n;
}
