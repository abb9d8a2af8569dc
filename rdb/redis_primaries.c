#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/cluster_map.h"
#include "rdb/cluster_self.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/redis_primary.h"

#include "rdb/redis_primaries.h"

static int
ask_host(const struct redis_target *t, size_t host,
    const struct redis_opts *opts, const struct scope *scope,
    struct cluster_map **out, struct err *err)
{
	struct redis_conn *c = redis_connect(
	    &t->hosts[host], t->user, opts, scope, err);
	struct redis_info info;
	int rc;

	if (c == NULL)
		return -1;
	rc = redis_info_get(c, scope, &info, err);
	if (rc == 0 && info.cluster) {
		*out = cluster_map_ask(c, &t->hosts[host], scope, err);
		rc = *out != NULL ? 0 : -1;
	}
	redis_conn_free(c);
	return rc;
}

int
redis_primaries_map(const struct redis_target *t, const struct redis_opts *opts,
    const struct scope *scope, struct cluster_map **out, struct err *err)
{
	struct err first = {0};

	*out = NULL;
	for (size_t i = 0; i < t->nhosts; i++) {
		if (ask_host(t, i, opts, scope, out, err) == 0)
			return 0;
		if (err->kind == ERR_CANCELLED)
			return -1;
		if (first.kind == ERR_NONE)
			first = *err;
	}
	*err = first;
	return -1;
}

static int
check_served(const struct cluster_map *m, struct err *err)
{
	unsigned slot = 0;

	while (slot < CLUSTER_SLOTS && m->owner[slot] != CLUSTER_NO_SHARD)
		slot++;
	if (slot < CLUSTER_SLOTS)
		return err_set(err, ERR_TRANSIENT,
		    "cluster '%s': no server has %u of its %d slots, such as "
		    "%u",
		    m->name, CLUSTER_SLOTS - m->nslots, CLUSTER_SLOTS, slot);
	for (size_t i = 0; i < m->nshards; i++) {
		const struct cluster_node *n = &m->shards[i].nodes[0];

		if (n->health == CLUSTER_FAILED)
			return err_set(err, ERR_TRANSIENT,
			    "cluster '%s': its primary '%.200s:%d' has failed "
			    "and no replica has taken over yet",
			    m->name, n->address.host, n->address.port);
	}
	return 0;
}

static int
find_map(const struct redis_target *t, const struct redis_opts *opts,
    const struct scope *scope, struct redis_primaries *out, struct err *err)
{
	if (redis_primaries_map(t, opts, scope, &out->map, err) != 0)
		goto fail;
	if (out->map == NULL) {
		err_set(err, ERR_CONFLICT, "'%s' is of no cluster any more",
		    t->shown);
		goto fail;
	}
	if (check_served(out->map, err) == 0)
		return 0;
fail:
	cluster_map_free(out->map);
	*out = (struct redis_primaries){0};
	return -1;
}

int
redis_primaries_find(const struct redis_target *t,
    const struct redis_opts *opts, const struct scope *scope,
    struct redis_primaries *out, struct err *err)
{
	*out = (struct redis_primaries){.n = 1};
	if (t->cluster != NULL) {
		if (find_map(t, opts, scope, out, err) != 0)
			return -1;
		out->n = out->map->nshards;
	}
	out->parts = xcalloc(out->n, sizeof(*out->parts));
	if (out->map == NULL)
		out->parts[0] = redis_target_at(t, t->hosts, t->nhosts);
	for (size_t i = 0; out->map != NULL && i < out->n; i++) {
		out->parts[i] = redis_target_at(
		    t, &out->map->shards[i].nodes[0].address, 1);
		out->parts[i].shard = true;
		free(out->parts[i].cluster);
		out->parts[i].cluster = NULL;
	}
	return 0;
}

void
redis_primaries_release(struct redis_primaries *p)
{
	for (size_t i = 0; i < p->n; i++)
		redis_target_release(&p->parts[i]);
	free(p->parts);
	cluster_map_free(p->map);
	*p = (struct redis_primaries){0};
}

struct redis_conn *
redis_primaries_connect(const struct redis_target *t,
    const struct redis_opts *opts, const char *key, const struct scope *scope,
    struct err *err)
{
	struct redis_primaries p;
	struct redis_conn *c;
	size_t i = 0;

	if (redis_primaries_find(t, opts, scope, &p, err) != 0)
		return NULL;
	if (p.map != NULL)
		i = p.map->owner[cluster_slot(key, strlen(key))];
	c = redis_primary_connect(&p.parts[i], opts, scope, NULL, NULL, err);
	redis_primaries_release(&p);
	return c;
}

static int
is_at_rest(const struct redis_target *part, const struct redis_opts *opts,
    const struct scope *scope, bool *rest, struct err *err)
{
	struct redis_conn *c = redis_primary_connect(
	    part, opts, scope, NULL, NULL, err);
	struct cluster_self self;
	int rc;

	if (c == NULL)
		return -1;
	rc = cluster_self_ask(c, scope, &self, err);
	redis_conn_free(c);
	*rest = rc == 0 && self.moving == 0;
	return rc;
}

int
redis_primaries_still(const struct redis_target *t,
    const struct redis_primaries *was, const struct redis_opts *opts,
    const struct scope *scope, bool *still, struct err *err)
{
	struct redis_primaries now;
	int rc = 0;

	*still = true;
	if (was->map == NULL)
		return 0;
	if (redis_primaries_find(t, opts, scope, &now, err) != 0)
		return -1;
	*still = memcmp(was->map->owner, now.map->owner,
		     sizeof(now.map->owner)) == 0;
	for (size_t i = 0; i < now.n && *still && rc == 0; i++)
		rc = is_at_rest(&now.parts[i], opts, scope, still, err);
	redis_primaries_release(&now);
	return rc;
}

/* Of all libraries, in whatever order the server has them. */
static void
add_library(const redisReply *library, unsigned char sum[SHA256_BYTES])
{
	unsigned char sha[SHA256_BYTES];

	for (size_t i = 0;
	     library->type == REDIS_REPLY_ARRAY && i + 1 < library->elements;
	     i += 2) {
		const redisReply *name = library->element[i];
		const redisReply *code = library->element[i + 1];

		if (name->type != REDIS_REPLY_STRING ||
		    code->type != REDIS_REPLY_STRING ||
		    strcmp(name->str, "library_code") != 0)
			continue;
		sha256(code->str, (size_t)code->len, sha);
		for (size_t k = 0; k < SHA256_BYTES; k++)
			sum[k] ^= sha[k];
	}
}

/* A server's libraries have names of their own, so no two are the same. */
static int
sum_libraries(struct redis_conn *c, const struct scope *scope,
    unsigned char sum[SHA256_BYTES], struct err *err)
{
	redisReply *r = redis_command(c, scope, err, "FUNCTION LIST WITHCODE");

	memset(sum, 0, SHA256_BYTES);
	if (r == NULL && err->kind == ERR_UNSUPPORTED)
		return 0;
	if (r == NULL)
		return -1;
	for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++)
		add_library(r->element[i], sum);
	freeReplyObject(r);
	return 0;
}

int
redis_primaries_agree(const struct redis_primaries *p,
    const struct redis_opts *opts, const struct scope *scope, bool *agree,
    struct err *err)
{
	unsigned char first[SHA256_BYTES] = {0}, sum[SHA256_BYTES];

	*agree = true;
	for (size_t i = 0; p->n > 1 && i < p->n; i++) {
		struct redis_conn *c = redis_primary_connect(
		    &p->parts[i], opts, scope, NULL, NULL, err);
		int rc = -1;

		if (c != NULL)
			rc = sum_libraries(c, scope, sum, err);
		redis_conn_free(c);
		if (rc != 0)
			return err_in(err, "asking for its functions");
		if (i == 0)
			memcpy(first, sum, sizeof(first));
		if (memcmp(first, sum, sizeof(first)) != 0)
			*agree = false;
	}
	return 0;
}
