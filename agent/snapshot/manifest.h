/*
 * manifest.h -- what a snapshot is: the last blob written, the first removed.
 *
 * A snapshot exists once its manifest does.  The document (docs/DESIGN.md,
 * "A snapshot in a store") is JSON with "format": 1, or 2 for a cluster of
 * several shards, or 3 for a part of the keys of either, or 4 for an export of
 * several files; fields that this version does not know are kept and written
 * back, a format that it does not know is refused.
 */
#ifndef AGENT_SNAPSHOT_MANIFEST_H
#define AGENT_SNAPSHOT_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "agent/snapshot/snapshot_id.h"
#include "base/digest.h"
#include "rdb/keystats.h"
#include "rdb/rdb_filter.h"
#include "rdb/rdb_reader.h"
#include "rdb/slot_set.h"
#include "storage/codec.h"

struct err;
struct fingerprint;
struct key_filter;
struct pieces;

#define MANIFEST_BYTES_MAX  ((size_t)16 << 20)
#define MANIFEST_PARTS_MAX  10000
#define MANIFEST_DBS_MAX    1024
#define MANIFEST_SHARDS_MAX 1000
#define MANIFEST_NAME	    "manifest.json"

/* Who knows but the first must not take one shard's keys for all, nor those
 * that a filter took. */
#define MANIFEST_FORMAT		 1
#define MANIFEST_FORMAT_SHARDS	 2
#define MANIFEST_FORMAT_FILTERED 3
#define MANIFEST_FORMAT_FILES	 4

#define MANIFEST_WAY_SCAN "scan"

/* How it is known that a scan's second pass missed no change: by the source's
 * configuration, by what it told of a key of ours, or by nobody but whoever
 * ran it. */
#define MANIFEST_CHANGES_TOLD	 "told"
#define MANIFEST_CHANGES_SEEN	 "seen"
#define MANIFEST_CHANGES_VOUCHED "vouched"

/* How it is known of an export that no file of it is missing: it was told that
 * it succeeded, or its source was seen to be ready again, and its files to stay
 * as they are. */
#define MANIFEST_COMPLETE_TOLD "told"
#define MANIFEST_COMPLETE_SEEN "seen"

struct manifest_db {
	uint32_t db;
	struct keystats_count count;
};

/* A piece of the coded dump, in one blob beside the manifest. */
struct manifest_part {
	char name[64];			    /* "part-0000.rdb.gz" */
	uint64_t bytes;			    /* as stored */
	unsigned char sha256[SHA256_BYTES]; /* of the bytes as stored */
};

struct manifest {
	char id[SNAPSHOT_ID_SIZE];
	char *job;
	char *tool; /* version that made it */

	/* Where and how it was taken. */
	char *way;	     /* "sync", "arm", "scan", "file" */
	char *source;	     /* the URL as shown, or a path */
	char *server;	     /* "redis 7.0.15"; "" unknown */
	char *host;	     /* the server asked, "10.0.0.4:6379" */
	char *changes;	     /* of a scan's second pass, or NULL */
	char *complete;	     /* of an export, or NULL */
	int64_t keys_before; /* that its source was seen to have; -1 unknown */
	int64_t keys_after;
	char replid[41];   /* "" unknown */
	int64_t offset;	   /* -1 unknown */
	bool consistent;   /* a point in time */
	int64_t window_ms; /* else: keys were read for so long, or, */
	int64_t spread_ms; /* of a cluster: from the first shard's point to
			    * the last's (and window_ms, where shards were
			    * scanned, to the end of the last one) */
	bool diskless;	   /* false: the source replaced its dump file */

	/* Wall clock, Unix ms. */
	int64_t point_ms; /* the data stood for this instant */
	int64_t started_ms, finished_ms;
	int64_t child_ms;  /* the source's snapshot child lived */
	int64_t cow_bytes; /* that it made the source copy; -1 unknown */

	/* The dump. */
	struct manifest_part *parts;
	size_t nparts;
	enum codec codec;
	bool sealed;	    /* cipher.h */
	uint64_t raw_bytes; /* of the RDB file, */
	uint64_t padding;   /* zeros after its end included */
	unsigned char raw_sha256[SHA256_BYTES];
	int rdb_version;
	bool valkey;
	bool has_crc;
	uint64_t crc64;
	bool verified;		 /* false: newer than the reader */
	struct seek_point *seek; /* of the coded stream, all parts */
	size_t nseek;
	struct pieces *pieces; /* of the raw dump; NULL: not known */

	/* What is in it (verified ones only). */
	struct keystats_count total;
	struct keystats_count kinds[RDB_KINDS];
	struct manifest_db *dbs;
	size_t ndbs;
	uint32_t types_seen; /* as in rdb_summary */
	uint32_t db_max;
	uint64_t value_max; /* as in rdb_summary; 0: not known */
	struct rdb_sizes sizes;
	uint64_t functions;
	bool has_modules;
	struct fingerprint *fingerprint; /* NULL when unverified */

	/*
	 * Of a cluster: each shard has its slots, its host, its point in time
	 * and its dump, with a total only of what is in it.  What the whole
	 * says of these is their sum, its parts are all parts in the shards'
	 * order, and its point is the earliest.
	 */
	struct manifest **shards;
	size_t nshards;		  /* 0: one dump is all */
	struct slot_range *slots; /* of a shard, ascending */
	size_t nslots;

	/*
	 * The files of an export are such shards, too, but nobody tells whose
	 * a slot is: a file's slots are those that it has keys of, and these
	 * are in more than one of them.
	 */
	size_t shared_slots;

	struct key_filter *filter;    /* NULL: it holds all of the source; */
	struct rdb_left_out left_out; /* else, what it lacks */

	cJSON *profile; /* of the source: redis_profile.h; or NULL */
	cJSON *unknown; /* fields kept as they came */
};

struct manifest *manifest_new(void);
void manifest_free(struct manifest *);

/*
 * The shards' parts and what their dumps have in common, into the whole; after
 * that no shard may change.  By the second what is in them, too, the
 * fingerprint with the anchor started_ms: for who has just read them.
 */
void manifest_gather(struct manifest *);
int manifest_sum(struct manifest *, struct err *);

/* Whether it, or one of its shards, was read key by key. */
bool manifest_was_scanned(const struct manifest *);

/* Whether its shards are an export's files. */
bool manifest_has_files(const struct manifest *);

/* What a part is called to its cipher, so that none can stand for another. */
unsigned manifest_part_number(size_t shard, size_t part);

/* Whether it, or a shard of it, was taken from who has this history. */
bool manifest_is_of(const struct manifest *, const char *replid);

/* Whether each dump can be proved piece by piece. */
bool manifest_has_pieces(const struct manifest *);

/* The sum of the parts, as stored. */
uint64_t manifest_stored_bytes(const struct manifest *);

/* To be freed with cJSON_Delete(). */
cJSON *manifest_format(const struct manifest *);

/* ERR_CORRUPT for what no version made, ERR_UNSUPPORTED for a newer format;
 * every name and number is checked against its ceiling. */
struct manifest *manifest_parse(const char *, size_t, struct err *);

#endif
