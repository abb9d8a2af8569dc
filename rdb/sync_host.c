#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"

#include "rdb/sync_host.h"

#define REASONS_MAX 4096

/*
 * Of a cluster of several primaries a server holds a part, and its dump would
 * pass for the whole.
 */
static int
check_whole(
    const struct sync_host *h, const struct scope *scope, struct err *err)
{
	const char *name = redis_conn_name(h->conn);
	redisReply *r;
	char *size;
	long primaries;

	if (!h->info.cluster)
		return 0;
	r = redis_command(h->conn, scope, err, "CLUSTER INFO");
	if (r == NULL)
		return err_in(err, "a server of a cluster");
	size = r->type == REDIS_REPLY_STRING
	    ? redis_info_field(r->str, "cluster_size")
	    : NULL;
	primaries = size != NULL ? strtol(size, NULL, 10) : -1;
	free(size);
	freeReplyObject(r);
	if (primaries == 0 || primaries == 1)
		return 0;
	if (primaries < 0)
		return err_set(err, ERR_CORRUPT,
		    "'%s' does not tell the size of its cluster", name);
	return err_set(err, ERR_UNSUPPORTED,
	    "'%s' is of a cluster of %ld primaries, and holds only a part of "
	    "the keys; for all of them a snapshot needs the rights "
	    "+cluster|shards +cluster|nodes",
	    name, primaries);
}

static int
try_host(const struct redis_target *t, size_t i, const struct redis_opts *opts,
    const struct scope *scope, struct sync_host *out, struct err *err)
{
	struct redis_address a = t->hosts[i];
	const char *name;

	a.db = 0; /* replication knows no databases */
	*out = (struct sync_host){.index = i};
	out->conn = redis_connect(&a, t->user, opts, scope, err);
	if (out->conn == NULL)
		return -1;
	name = redis_conn_name(out->conn);
	if (redis_info_get(out->conn, scope, &out->info, err) != 0) {
		/* A server that hides INFO may still replicate. */
		if (!redis_error_is_refusal(err))
			goto fail;
		out->info = (struct redis_info){0};
	}
	if (!t->shard && check_whole(out, scope, err) != 0)
		goto fail;
	if (out->info.loading) {
		err_set(err, ERR_TRANSIENT, "'%s': it is loading", name);
		goto fail;
	}
	if (out->info.is_replica && !out->info.link_up) {
		err_set(err, ERR_TRANSIENT,
		    "'%s': a replica whose link to its master is down", name);
		goto fail;
	}
	/* Cut off from its Sentinels, it may not know yet. */
	if (t->master != NULL && i > 0 && !out->info.is_replica) {
		err_set(err, ERR_TRANSIENT,
		    "'%s': Sentinel names another primary than it", name);
		goto fail;
	}
	return 0;
fail:
	redis_conn_free(out->conn);
	out->conn = NULL;
	return -1;
}

static int
rank(const struct sync_host *h)
{
	if (h->conn == NULL)
		return -1;
	if (h->info.version[0] == '\0')
		return 0;
	return h->info.is_replica ? 2 : 1;
}

static bool
is_better(const struct sync_host *a, const struct sync_host *b)
{
	if (rank(a) != rank(b))
		return rank(a) > rank(b);
	return a->info.is_replica && a->info.offset > b->info.offset;
}

/* Of several failures the one that waiting may cure decides what to do. */
static enum err_kind
worst_kind(enum err_kind a, enum err_kind b)
{
	if (a == ERR_NONE || b == ERR_TRANSIENT)
		return b;
	if (a == ERR_TRANSIENT || b != ERR_UNREACHABLE)
		return a;
	return b;
}

int
sync_host_choose(const struct redis_target *t, const struct redis_opts *opts,
    const struct scope *scope, struct sync_host *out, struct err *err)
{
	enum err_kind kind = ERR_NONE;
	struct buf reasons;

	*out = (struct sync_host){0};
	buf_init(&reasons, REASONS_MAX);
	for (size_t i = 0; i < t->nhosts; i++) {
		struct sync_host h;

		if (try_host(t, i, opts, scope, &h, err) != 0) {
			if (err->kind == ERR_CANCELLED ||
			    scope_left_ms(scope) == 0)
				goto stopped;
			kind = worst_kind(kind, err->kind);
			buf_addf(
			    &reasons, "%s%s", i > 0 ? "; " : "", err->text);
			continue;
		}
		if (is_better(&h, out)) {
			redis_conn_free(out->conn);
			*out = h;
		} else {
			redis_conn_free(h.conn);
		}
	}
	if (out->conn == NULL && t->nhosts > 1)
		err_set(err, kind, "none of %zu hosts can be used: %s",
		    t->nhosts, reasons.data);
	buf_release(&reasons);
	return out->conn != NULL ? 0 : -1;

stopped:
	redis_conn_free(out->conn);
	out->conn = NULL;
	buf_release(&reasons);
	return -1;
}
