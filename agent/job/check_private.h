/* check_private.h -- what the checks share; see check.h. */
#ifndef AGENT_JOB_CHECK_PRIVATE_H
#define AGENT_JOB_CHECK_PRIVATE_H

#include <stdbool.h>

#include "base/scope.h"
#include "rdb/rdb_reader.h"
#include "rdb/redis_info.h"
#include "storage/store.h"

#include "agent/job/check.h"
#include "agent/snapshot/snapshot_id.h"

struct agent;
struct err;
struct redis_conn;
struct settings;

struct checking {
	struct agent *agent;
	const struct settings *settings;
	const char *job;
	struct scope scope; /* of the check at hand */
	void (*tell)(void *arg, const struct check *);
	void *arg;

	char detail[1024];
	bool skipped;

	char probe[JOB_NAME_MAX + 32]; /* name of the probe's blob */
	bool probe_stands;	       /* in the source store */

	/* What earlier checks saw, for later ones. */
	char blob[BLOB_NAME_MAX + 1]; /* at the source; "" none */
	struct blob_props blob_props;
	bool no_token;		  /* nobody tells the identity's */
	struct redis_info source; /* version "" when it is not known */
	size_t shards;		  /* of a cluster that it is; else 0 */
	struct rdb_summary file;  /* version 0 when it is not known */
	bool file_newer;	  /* than the reader */
	char dr_local_ip[64];	  /* by which we reach the DR Redis; "" */
	bool dr_reached;
	bool dr_by_restore_only; /* 'replica' would not be tried */
};

/* A check: 0 and a detail, or skipped; -1 and err. */
typedef int check_fn(struct checking *, struct err *);

/* For all that a token opens, when nobody tells one: once is enough. */
#define CHECK_NO_TOKEN "not tried: see identity"

int check_skip(struct checking *, const char *why);

/* The way in which the source would be read; *forks: it has to fork for that. */
int check_source_way(struct checking *, struct redis_conn *, const char *user,
    bool *forks, const char **detail, struct err *);

check_fn check_settings, check_ledger, check_identity, check_cipher;
check_fn check_spool;
check_fn check_source_file, check_source_redis;
check_fn check_source_store, check_dr_store, check_copy;
check_fn check_source_resource, check_dr_resource;
check_fn check_dr_redis, check_replication, check_promotion;

/* Of jobs of kind container. */
check_fn check_source_blobs, check_dr_blobs, check_blob_way, check_undo;

#endif
