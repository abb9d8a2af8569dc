#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/secret.h"
#include "rdb/posing_hold.h"
#include "rdb/posing_link.h"
#include "rdb/posing_master.h"
#include "rdb/posing_tls.h"
#include "rdb/redis_config.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_info.h"
#include "rdb/tls_stream.h"

#include "rdb/posing_take.h"

#define CONNECT_TIMEOUT_MS INT64_C(20000)

/* Files given, or not, and whether the target's replication is TLS, too. */
static int
judge_tls(struct redis_conn *c, bool by_tls, const struct posing_opts *o,
    const struct scope *scope, struct posing_tls_opts *tls, struct err *err)
{
	int given = (o->tls_cert != NULL) + (o->tls_key != NULL) +
	    (o->tls_ca != NULL);
	struct tls_stream *probe;
	char *value;
	bool yes;

	if (given != 0 && given != 3)
		return err_set(err, ERR_USAGE,
		    "mutual TLS needs a certificate, its key and a CA file");
	if (redis_config_get(c, scope, "tls-replication", &value, err) != 0) {
		err->kind = err->kind == ERR_CANCELLED ? err->kind
						       : ERR_UNSUPPORTED;
		return -1;
	}
	yes = value != NULL && strcmp(value, "yes") == 0;
	free(value);
	if (given == 3 && !yes)
		return err_set(err, ERR_UNSUPPORTED,
		    "the target's tls-replication is not 'yes'");
	if (given == 0 && yes)
		return err_set(err, ERR_UNSUPPORTED,
		    "the target replicates over TLS, and no certificate for "
		    "it is configured");
	if (given == 0 && by_tls)
		return err_set(err, ERR_UNSUPPORTED,
		    "the target is reached over TLS, but its tls-replication "
		    "is not 'yes': the dump would travel in clear");
	if (given == 0)
		return 0;
	*tls = (struct posing_tls_opts){.cert_file = o->tls_cert,
	    .key_file = o->tls_key,
	    .ca_file = o->tls_ca};
	probe = posing_tls_new(-1, tls, err);
	tls_stream_free(probe);
	return probe != NULL ? 0 : -1;
}

static bool
is_wildcard(const char *address)
{
	return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

/* Listens; advertise gets the host that the target is told. */
static struct posing_link *
open_link(const struct redis_conn *c, const struct posing_tls_opts *tls,
    const struct posing_opts *o, char advertise[256], struct err *err)
{
	char local[64], peer[64];
	struct posing_link_opts lo = {
	    .port = o->port,
	    .bind = o->bind,
	    .peer = peer,
	    .tls = tls->cert_file != NULL ? tls : NULL,
	};
	const char *host = o->advertise;

	if (redis_conn_local_ip(c, local, err) != 0 ||
	    redis_conn_peer_ip(c, peer, err) != 0)
		return NULL;
	/* Reached by a unix socket, the target is on this machine. */
	if (local[0] == '\0') {
		strcpy(local, "127.0.0.1");
		strcpy(peer, "127.0.0.1");
	}
	lo.bind = lo.bind != NULL ? lo.bind : local;
	if (host == NULL)
		host = is_wildcard(lo.bind) ? local : lo.bind;
	if (snprintf(advertise, 256, "%s", host) >= 256) {
		err_set(err, ERR_USAGE, "the advertised host is too long");
		return NULL;
	}
	return posing_link_open(&lo, err);
}

/* From the first change to the answered PSYNC; plain: by a password. */
static int
take(struct posing_hold *hold, struct posing_link *link, struct redis_conn *c,
    const struct posing_way *way, bool plain, const struct posing_opts *o,
    const struct scope *scope, struct err *err)
{
	struct scope brief;
	struct secret password = {0};
	struct err why;
	int rc;

	rc = posing_hold_take(
	    hold, c, scope, way, plain ? &password : NULL, err);
	if (rc == 0 && plain)
		posing_link_set_password(link, &password);
	secret_release(&password);
	if (rc != 0 || posing_hold_follow(hold, c, scope, err) != 0)
		return -1;
	brief = scope_within(scope,
	    o->connect_timeout_ms > 0 ? o->connect_timeout_ms
				      : CONNECT_TIMEOUT_MS);
	if (posing_link_accept(link, &brief, err) == 0)
		return 0;
	if (err->kind != ERR_UNREACHABLE || scope_left_ms(scope) == 0)
		return -1;
	why = *err;
	return err_set(err, ERR_UNSUPPORTED,
	    "%.200s, as its master at '%.100s': use 'restore', or set the "
	    "advertised address",
	    why.text, way->host);
}

/*
 * As a replica it takes no more writes: what came between the caller's last
 * look at it and that shows now, and would be flushed.
 */
static int
is_still_empty(struct redis_conn *c, const struct scope *scope, struct err *err)
{
	struct redis_info info;
	redisReply *memory;
	char *libraries;
	bool empty;

	if (redis_info_get(c, scope, &info, err) != 0)
		return -1;
	memory = redis_command(c, scope, err, "INFO memory");
	if (memory == NULL)
		return -1;
	/* A field of 7.0; before, there were no libraries. */
	libraries = memory->type == REDIS_REPLY_STRING
	    ? redis_info_field(memory->str, "number_of_libraries")
	    : NULL;
	empty = info.keys == 0 &&
	    (libraries == NULL || strcmp(libraries, "0") == 0);
	free(libraries);
	freeReplyObject(memory);
	return empty ? 0
		     : err_set(err, ERR_REFUSED,
			   "the target was written to just now, and keeps "
			   "that; run it again");
}

struct posing_link *
posing_take(struct posing_hold *hold, struct redis_conn *c, bool by_tls,
    const struct posing_opts *o, const struct scope *scope, struct err *err)
{
	struct posing_tls_opts tls = {0};
	struct posing_way way = {.streamed = o->streamed};
	struct posing_link *link;
	char advertise[256];

	if (judge_tls(c, by_tls, o, scope, &tls, err) != 0)
		return NULL;
	link = open_link(c, &tls, o, advertise, err);
	if (link == NULL)
		return NULL;
	way.host = advertise;
	way.port = posing_link_port(link);
	if (take(hold, link, c, &way, tls.cert_file == NULL, o, scope, err) ==
		0 &&
	    (!o->streamed || is_still_empty(c, scope, err) == 0))
		return link;
	posing_link_free(link);
	return NULL;
}
