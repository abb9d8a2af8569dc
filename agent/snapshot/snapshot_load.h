/*
 * snapshot_load.h -- a snapshot from a store into a Redis, by the best way.
 *
 * What it does before anything is written: the guard's leave, the target
 * checked against the manifest, the copy read and proved whole.
 */
#ifndef AGENT_SNAPSHOT_SNAPSHOT_LOAD_H
#define AGENT_SNAPSHOT_SNAPSHOT_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "rdb/target_save.h"

struct err;
struct fingerprint;
struct key_filter;
struct manifest;
struct posing_opts;
struct redis_opts;
struct redis_resource;
struct redis_target;
struct scope;
struct snapshot_env;
struct store;

enum restorer {
	RESTORER_AUTO,
	RESTORER_REPLICA,
	RESTORER_RESTORE,
	RESTORER_ARM
};

const char *restorer_name(enum restorer);
int restorer_parse(const char *, enum restorer *, struct err *);

struct snapshot_load_opts {
	const struct redis_target *target;
	const struct redis_opts *redis;
	enum restorer way;
	/* The target as Azure knows it, which has it import by itself ('arm'),
	 * unless another way is asked for.  NULL: it is not Azure's. */
	struct redis_resource *resource;
	/* The target as it is configured: the resource must be it. */
	const struct redis_target *named;
	int64_t import_ms; /* that may take; 0: six hours */
	/* Premium: it reads the files by its own identity, without a SAS; of
	 * an account of that subscription, NULL: its own. */
	bool by_identity;
	const char *storage_subscription;
	/* The target's name, repeated by the user, when data there
	 * that is not this job's may be destroyed; NULL: may not. */
	const char *overwrite;
	bool unverified; /* load a snapshot that could not be parsed */
	/* Of the snapshot, load what it takes: by 'restore', which reads
	 * key by key.  NULL: all of it. */
	const struct key_filter *filter;
	unsigned connections;	      /* for restore; 0: 4 */
	const char *bind, *advertise; /* for replica; see posing_master.h */
	int port;
	const char *tls_cert, *tls_key, *tls_ca;
	/* Asked when all is loaded, before it is noted so: whether it will
	 * last; and by 'restore' of its mark, before the first key.  NULL:
	 * nobody is asked. */
	int (*settle)(void *arg, const struct scope *, struct err *);
	void *settle_arg;
};

struct snapshot_load_facts {
	enum restorer way;
	char why[300];	   /* why that one */
	uint64_t keys;	   /* in the snapshot, or the part of it */
	uint64_t unwanted; /* keys that the filter does not take */
	/* Of the part, to be freed; NULL: all was loaded. */
	struct fingerprint *part;
	uint64_t expired;     /* not loaded: their time had passed */
	uint64_t left_out;    /* module data outside of keys: RESTORE has no
			    * way to carry it */
	uint64_t by_commands; /* keys that no RESTORE could bring, */
	uint32_t lost;	      /* and what was lost by it: bits of value_loss */
	bool replaced;	      /* the target held data before */
	bool there_already;   /* it held the snapshot, and was left alone */
	/* Whether a restart of the target would lose it again. */
	enum target_save saved;
	char unsaved_why[200];
};

/*
 * With a filter the job's state never says that the import ended: the target
 * holds no snapshot of the job then, and a later import into it needs to be
 * forced.
 */
int snapshot_load(struct store *, const struct manifest *, const struct scope *,
    const struct snapshot_env *, const struct snapshot_load_opts *,
    struct snapshot_load_facts *, struct err *);

/*
 * Waits while an import by Azure that an earlier run began goes on, during
 * which the Redis answers nobody; how it ended, or that its time is up,
 * snapshot_load() judges.
 */
int snapshot_load_await(struct redis_resource *, const struct scope *,
    const struct snapshot_env *, struct err *);

#endif
