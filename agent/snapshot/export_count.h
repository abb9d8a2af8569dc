/*
 * export_count.h -- whether an export holds about as many keys as its source
 * had, counted right before and right after it.
 *
 * Nobody tells how many files there should be, and each is proved by itself;
 * so a file that is missing shows in the number of keys alone.
 */
#ifndef AGENT_SNAPSHOT_EXPORT_COUNT_H
#define AGENT_SNAPSHOT_EXPORT_COUNT_H

struct err;
struct manifest;
struct progress;
struct redis_census;
struct redis_description;
struct redis_opts;
struct redis_target;
struct scope;
struct snapshot_env;
struct source_facts;

/* The source's own address; borrowed.  NULL: nobody asks. */
struct export_counted {
	const struct redis_target *target;
	const struct redis_opts *redis;
};

/*
 * How many keys there are now.  An export needs no way to the data, so what
 * stands in this one is told and is no failure; nor is it asked of another
 * Redis than is described.  No primaries then.
 */
void export_count_ask(const struct export_counted *,
    const struct redis_description *, const struct scope *,
    const struct snapshot_env *, struct redis_census *);

/* More or fewer than may have come and gone meanwhile; WITHIN also when
 * nobody counted. */
enum export_count { EXPORT_FEWER, EXPORT_WITHIN, EXPORT_MORE };
enum export_count export_count_judge(const struct manifest *);

/*
 * What is known of the whole, into the manifest; what looks wrong is told.
 * ERR_CORRUPT when keys lack, and that no file does was not told either.
 */
int export_count_take(struct manifest *, const struct source_facts *,
    struct progress *, struct err *);

#endif
