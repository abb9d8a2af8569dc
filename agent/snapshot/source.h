/*
 * source.h -- where a dump comes from: adapters over rdb and arm.
 */
#ifndef AGENT_SNAPSHOT_SOURCE_H
#define AGENT_SNAPSHOT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/err.h"

#include "agent/snapshot/source_guard.h"
#include "rdb/redis_census.h"
#include "rdb/scan_witness.h"

struct export_set;
struct key_filter;
struct manifest;
struct rdb_compat;
struct rdb_reader;
struct redis_opts;
struct redis_target;
struct scope;
struct sink;
struct snapshot_env;
struct source;
struct store;

/* What the manifest says of where the dump came from. */
struct source_facts {
	char server[64]; /* "redis 7.0.15" */
	char host[280];
	char replid[41];
	int64_t offset; /* -1 unknown */
	bool consistent;
	int64_t point_ms;  /* the data stood for this instant */
	int64_t window_ms; /* not a point in time: keys were read for so long */
	/* Of an export: how it is known that it is whole, as a manifest says
	 * it, and what the source held then; no primaries: nobody asked. */
	const char *complete;
	struct redis_census before, after;
	const char *changes; /* how a second pass knew what had changed, as a
			      * manifest says it; NULL: there was none */
	int64_t child_ms;    /* life of the source's snapshot child */
	int64_t cow_bytes;   /* that it made the source copy; -1 unknown */
	bool diskless;	     /* false: by the source's own dump file */
	bool unverified;     /* RDB newer than the reader, bytes kept */
	uint64_t left_out;   /* keys that source_call's filter does not take and
			    * that are not in the dump */
	cJSON *profile;	     /* redis_profile.h; taken by the caller; or NULL */
	char note[480];	     /* worth telling; "" else */
};

/* What a dump is taken with. */
struct source_call {
	const struct snapshot_env *env;
	struct rdb_reader *reader; /* to be fed */
	unsigned held; /* chunks that the sink's stages keep at once */
	/* What it does not take is not wanted, but may be in the dump.  NULL:
	 * all is wanted. */
	const struct key_filter *filter;
};

struct source_ops {
	const char *way; /* "sync", "arm", "scan", "file" */

	/* The most that a dump carves from env->budget. */
	size_t (*cost)(const struct source *, const struct source_call *);

	/*
	 * Feed the reader and write the dump into sink; does not finish the
	 * sink.  ERR_UNSUPPORTED when this way does not work here, ERR_AUTH
	 * when it is not allowed: nothing was written then.
	 */
	int (*dump)(struct source *, const struct scope *,
	    const struct source_call *, struct sink *, struct source_facts *,
	    struct err *);

	/*
	 * Of a source that may be a cluster (source_cluster.h): what reads one
	 * of its servers as this one would read all; borrows both.  NULL: it
	 * never is one.
	 */
	struct source *(*of_shard)(
	    const struct source *, const struct redis_target *server);

	/*
	 * Of a source that writes its dumps as files into a place beside the
	 * store, instead of dump(): waits for that.  m comes with id and job.
	 * After it, also where it failed, comes left_off().  NULL: it is read.
	 */
	int (*export)(struct source *, const struct store *beside,
	    const struct scope *, const struct snapshot_env *,
	    const struct manifest *m, struct export_set *,
	    struct source_facts *, struct err *);

	/* The snapshot stands, or does not, for a reason of that kind: what it
	 * was made from goes, but for what the next try begins with. */
	void (*left_off)(struct source *, const struct snapshot_env *,
	    bool stands, enum err_kind why);
	void (*free)(struct source *);
};

struct source {
	const struct source_ops *ops;
	char *shown; /* the URL or path, without secrets */
	const struct redis_target *target; /* NULL: it is no Redis */
	const struct redis_opts *redis;
};

struct source_sync_opts {
	struct source_guard guard;
	const struct rdb_compat *compat; /* NULL: "auto" */
	/* What a refusal advises, as sync_opts' does; NULL: to take a file as
	 * the source. */
	const char *instead;
};

/* Both borrow what they are given, but for the opts, which are copied; NULL:
 * the source is not looked at. */
struct source *source_sync_new(const struct redis_target *,
    const struct redis_opts *, const struct source_sync_opts *);

/* For a server that refuses replication; no point in time: scan_client.h. */
struct source_scan_opts {
	uint64_t keys_per_second; /* of a cluster together; 0: no limit */
	int64_t latency_most_ms;  /* 0: the client's default */
	enum scan_trust trust;
};
struct source *source_scan_new(const struct redis_target *,
    const struct redis_opts *, const struct source_scan_opts *);

/* The first, or the second where that does not work or is not allowed
 * (ERR_UNSUPPORTED, ERR_AUTH). */
struct source *
source_either_new(struct source *take_first, struct source *take_second);

/* An RDB file, plain, gzip or zstd. */
struct source *source_file_new(const char *path);
void source_free(struct source *);

#endif
