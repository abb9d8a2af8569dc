/*
 * Both replies are lists of shards that name slots and nodes; SLOTS tells a
 * shard in as many rows as it has ranges.  So each row is put together by
 * itself, joined to the shard of the same primary, and what has no slots (a
 * primary before its slots are moved there, or after) is left out at the end.
 *
 * An address is NULL or "" when the node does not announce it (the one that
 * was asked is meant), and "?" when a hostname is to be told and none is set.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"

#include "rdb/cluster_map_private.h"

#define HOST_MAX 253

struct parsing {
	struct cluster_map *map;
	const struct redis_address *asked;
	size_t nnodes;	  /* of all shards */
	bool has_primary; /* the shard at hand; its first node then */
};

static int senseless(struct err *err, const char *fmt, ...) ERR_FMT(2, 3);

static int
senseless(struct err *err, const char *fmt, ...)
{
	char what[100];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(err, ERR_CORRUPT,
	    "its map of the cluster makes no sense: %s", what);
}

static bool
is_text(const redisReply *r)
{
	return r != NULL &&
	    (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS);
}

static bool
is_list(const redisReply *r)
{
	return r != NULL && r->type == REDIS_REPLY_ARRAY;
}

/* The value of name in a list of names and values; NULL without one. */
static const redisReply *
field(const redisReply *r, const char *name)
{
	for (size_t i = 0; is_list(r) && i + 1 < r->elements; i += 2)
		if (is_text(r->element[i]) &&
		    strcmp(r->element[i]->str, name) == 0)
			return r->element[i + 1];
	return NULL;
}

static bool
text_is(const redisReply *r, const char *text)
{
	return is_text(r) && strcmp(r->str, text) == 0;
}

static bool
is_announced(const redisReply *r)
{
	return is_text(r) && r->len > 0 && strcmp(r->str, "?") != 0;
}

static int
set_host(const struct parsing *p, const redisReply *host,
    struct cluster_node *n, struct err *err)
{
	if (!is_announced(host)) {
		n->address.host = xstrdup(p->asked->host);
		return 0;
	}
	if ((size_t)host->len > HOST_MAX)
		return senseless(err, "a host of %zu bytes", (size_t)host->len);
	for (size_t i = 0; i < (size_t)host->len; i++)
		if (!isgraph((unsigned char)host->str[i]))
			return senseless(err, "a host with unprintable bytes");
	n->address.host = xstrdup(host->str);
	return 0;
}

static int
set_port(const struct parsing *p, const redisReply *port,
    struct cluster_node *n, struct err *err)
{
	if (port == NULL ||
	    (port->type == REDIS_REPLY_INTEGER && port->integer == 0))
		return err_set(err, ERR_UNSUPPORTED,
		    "the cluster's node '%.100s' tells no port %s TLS",
		    n->address.host, p->asked->tls ? "for" : "without");
	if (port->type != REDIS_REPLY_INTEGER || port->integer < 0 ||
	    port->integer > 65535)
		return senseless(err, "a port that is none");
	n->address.port = (int)port->integer;
	n->address.tls = p->asked->tls;
	return 0;
}

static void
set_id(const redisReply *id, struct cluster_node *n)
{
	if (is_text(id) && (size_t)id->len < sizeof(n->id))
		memcpy(n->id, id->str, (size_t)id->len);
}

/* Room for one more, which counts when it was filled. */
static struct cluster_node *
next_node(struct parsing *p, struct cluster_shard *s, struct err *err)
{
	if (p->nnodes++ == CLUSTER_NODES_MAX) {
		senseless(err, "over %d nodes", CLUSTER_NODES_MAX);
		return NULL;
	}
	s->nodes = xreallocarray(s->nodes, s->nnodes + 1, sizeof(*s->nodes));
	s->nodes[s->nnodes] = (struct cluster_node){0};
	return &s->nodes[s->nnodes++];
}

static void
consider_name(struct cluster_map *m, const struct cluster_node *n)
{
	char name[sizeof(m->name)];

	snprintf(name, sizeof(name), "%.*s:%d", HOST_MAX, n->address.host,
	    n->address.port);
	if (m->name[0] == '\0' || strcmp(name, m->name) < 0)
		memcpy(m->name, name, sizeof(name));
}

static void
make_first(struct cluster_shard *s, size_t i)
{
	struct cluster_node n = s->nodes[0];

	s->nodes[0] = s->nodes[i];
	s->nodes[i] = n;
}

static size_t
add_shard(struct cluster_map *m, struct cluster_shard *s)
{
	m->shards = xreallocarray(
	    m->shards, m->nshards + 1, sizeof(*m->shards));
	m->shards[m->nshards] = *s;
	*s = (struct cluster_shard){0};
	return m->nshards++;
}

static int
add_range(struct cluster_map *m, size_t shard, const redisReply *from,
    const redisReply *to, struct err *err)
{
	if (from->type != REDIS_REPLY_INTEGER ||
	    to->type != REDIS_REPLY_INTEGER || from->integer < 0 ||
	    from->integer > to->integer || to->integer >= CLUSTER_SLOTS)
		return senseless(err, "a range of slots that is none");
	for (long long i = from->integer; i <= to->integer; i++) {
		if (m->owner[i] != CLUSTER_NO_SHARD)
			return senseless(err, "two owners of slot %lld", i);
		m->owner[i] = (uint16_t)shard;
		m->shards[shard].nslots++;
		m->nslots++;
	}
	return 0;
}

/* In the order of their lowest slots, without those that have none. */
static void
put_in_order(struct cluster_map *m)
{
	struct cluster_shard *old = m->shards;
	uint16_t *rank = xcalloc(m->nshards + 1, sizeof(*rank));
	size_t n = 0;

	m->shards = xcalloc(m->nshards + 1, sizeof(*m->shards));
	for (size_t i = 0; i < m->nshards; i++)
		rank[i] = CLUSTER_NO_SHARD;
	for (size_t i = 0; i < CLUSTER_SLOTS; i++) {
		uint16_t *owner = &m->owner[i];

		if (*owner == CLUSTER_NO_SHARD)
			continue;
		if (rank[*owner] == CLUSTER_NO_SHARD) {
			m->shards[n] = old[*owner];
			rank[*owner] = (uint16_t)n++;
		}
		*owner = rank[*owner];
	}
	for (size_t i = 0; i < m->nshards; i++)
		if (rank[i] == CLUSTER_NO_SHARD)
			cluster_shard_release(&old[i]);
	m->nshards = n;
	free(rank);
	free(old);
}

static struct cluster_map *
map_new(void)
{
	struct cluster_map *m = xcalloc(1, sizeof(*m));

	for (size_t i = 0; i < CLUSTER_SLOTS; i++)
		m->owner[i] = CLUSTER_NO_SHARD;
	return m;
}

/* The preferred endpoint, unless it is a hostname that is not set. */
static const redisReply *
host_of(const redisReply *node)
{
	const redisReply *endpoint = field(node, "endpoint");

	return text_is(endpoint, "?") ? field(node, "ip") : endpoint;
}

static enum cluster_health
health_of(const redisReply *node)
{
	const redisReply *health = field(node, "health");

	if (text_is(health, "online"))
		return CLUSTER_ONLINE;
	return text_is(health, "loading") ? CLUSTER_LOADING : CLUSTER_FAILED;
}

/*
 * While a failover goes on, the one that failed and the one that took its
 * place may both be called master.
 */
static int
add_node_fields(struct parsing *p, struct cluster_shard *s,
    const redisReply *node, struct err *err)
{
	const redisReply *port = p->asked->tls ? field(node, "tls-port")
					       : field(node, "port");
	struct cluster_node *n = next_node(p, s, err);

	if (n == NULL || set_host(p, host_of(node), n, err) != 0 ||
	    set_port(p, port, n, err) != 0)
		return -1;
	set_id(field(node, "id"), n);
	n->health = health_of(node);
	consider_name(p->map, n);
	if (!text_is(field(node, "role"), "master"))
		return 0;
	if (!p->has_primary ||
	    (s->nodes[0].health == CLUSTER_FAILED &&
		n->health != CLUSTER_FAILED))
		make_first(s, s->nnodes - 1);
	p->has_primary = true;
	return 0;
}

static int
add_shard_row(struct parsing *p, const redisReply *row, struct err *err)
{
	const redisReply *nodes = field(row, "nodes");
	const redisReply *slots = field(row, "slots");
	struct cluster_shard s = {0};
	size_t shard;
	int rc = 0;

	p->has_primary = false;
	if (!is_list(nodes) || !is_list(slots) || slots->elements % 2 != 0)
		return senseless(err, "a shard without slots or nodes");
	for (size_t i = 0; i < nodes->elements && rc == 0; i++)
		rc = add_node_fields(p, &s, nodes->element[i], err);
	if (rc == 0 && !p->has_primary && slots->elements > 0)
		rc = senseless(err, "slots without a primary");
	if (rc != 0 || slots->elements == 0) {
		cluster_shard_release(&s);
		return rc;
	}
	shard = add_shard(p->map, &s);
	for (size_t i = 0; i < slots->elements && rc == 0; i += 2)
		rc = add_range(p->map, shard, slots->element[i],
		    slots->element[i + 1], err);
	return rc;
}

/* Since 7.0 a list of names and values, such as the address that is not the
 * preferred one, is the fourth. */
static int
add_node_list(struct parsing *p, struct cluster_shard *s,
    const redisReply *node, struct err *err)
{
	struct cluster_node *n = next_node(p, s, err);
	const redisReply *host;

	if (n == NULL)
		return -1;
	if (!is_list(node) || node->elements < 2)
		return senseless(err, "a node without host or port");
	host = node->element[0];
	if (text_is(host, "?") && node->elements > 3)
		host = field(node->element[3], "ip");
	if (set_host(p, host, n, err) != 0 ||
	    set_port(p, node->element[1], n, err) != 0)
		return -1;
	if (node->elements > 2)
		set_id(node->element[2], n);
	consider_name(p->map, n);
	return 0;
}

/* Of the same primary; nshards when there is none yet. */
static size_t
find_shard(const struct cluster_map *m, const struct cluster_shard *s)
{
	const struct redis_address *a = &s->nodes[0].address, *b;
	size_t i;

	for (i = 0; i < m->nshards; i++) {
		b = &m->shards[i].nodes[0].address;
		if (a->port == b->port && strcmp(a->host, b->host) == 0)
			break;
	}
	return i;
}

static int
add_slots_row(struct parsing *p, const redisReply *row, struct err *err)
{
	struct cluster_shard s = {0};
	size_t shard;
	int rc = 0;

	if (!is_list(row) || row->elements < 3)
		return senseless(err, "a range of slots without a primary");
	for (size_t i = 2; i < row->elements && rc == 0; i++)
		rc = add_node_list(p, &s, row->element[i], err);
	if (rc != 0) {
		cluster_shard_release(&s);
		return -1;
	}
	shard = find_shard(p->map, &s);
	if (shard == p->map->nshards) {
		add_shard(p->map, &s);
	} else {
		p->nnodes -= s.nnodes;
		cluster_shard_release(&s);
	}
	return add_range(p->map, shard, row->element[0], row->element[1], err);
}

typedef int row_fn(struct parsing *, const redisReply *, struct err *);

static struct cluster_map *
parse(const redisReply *r, const struct redis_address *asked, row_fn *add,
    struct err *err)
{
	struct parsing p = {.map = map_new(), .asked = asked};
	int rc = 0;

	if (!is_list(r))
		rc = senseless(err, "it is no list");
	for (size_t i = 0; rc == 0 && i < r->elements; i++)
		rc = add(&p, r->element[i], err);
	if (rc != 0) {
		cluster_map_free(p.map);
		return NULL;
	}
	put_in_order(p.map);
	return p.map;
}

struct cluster_map *
cluster_map_parse_shards(
    const redisReply *r, const struct redis_address *asked, struct err *err)
{
	return parse(r, asked, add_shard_row, err);
}

struct cluster_map *
cluster_map_parse_slots(
    const redisReply *r, const struct redis_address *asked, struct err *err)
{
	return parse(r, asked, add_slots_row, err);
}
