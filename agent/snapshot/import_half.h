/*
 * import_half.h -- is what stands beside the mark of an import nothing but a
 * part of it?
 *
 * The mark (import_marker.h) says that an import by RESTORE was cut short; it
 * does not say that nobody wrote since.  That is told by the data: each key
 * and each function library must be one of the snapshot's, with its value and
 * expiry (key_subset.h), so that nothing is lost which the snapshot does not
 * hold.
 */
#ifndef AGENT_SNAPSHOT_IMPORT_HALF_H
#define AGENT_SNAPSHOT_IMPORT_HALF_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct redis_opts;
struct redis_target;
struct scope;
struct snapshot_env;
struct store;

struct import_half {
	struct store *store;
	const char *job;
	const char *snapshot; /* that the mark names */
	const struct redis_target *target;
	const struct redis_opts *redis;
	uint64_t keys, functions; /* that it holds, the mark among them */
};

struct import_half_answer {
	bool ours;
	char why[200]; /* not, or why it cannot be told; "" when ours */
};

/*
 * Reads the target by a dump, and the snapshot; in several passes when there
 * are millions of keys.  -1 when nothing came out, which may be otherwise the
 * next time.
 */
int import_half_ask(const struct import_half *, const struct scope *,
    const struct snapshot_env *, struct import_half_answer *, struct err *);

#endif
