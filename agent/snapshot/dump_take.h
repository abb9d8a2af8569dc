/*
 * dump_take.h -- one dump of a source: proved, and in a store as parts.
 *
 *	source -> reader (structure, CRC64, counts, fingerprint)
 *	      \-> spool <- seal? <- encoder -> digest -> parts
 *
 * With a filter what it takes of the source (source_filtered.h) is the dump.
 *
 * The last part is committed only after the source's end was proved.  Nothing
 * lists the parts: that is for a manifest to do.
 */
#ifndef AGENT_SNAPSHOT_DUMP_TAKE_H
#define AGENT_SNAPSHOT_DUMP_TAKE_H

#include <stddef.h>

#include "base/scope.h"

struct err;
struct manifest;
struct snapshot_env;
struct snapshot_take_opts;
struct source;
struct source_facts;
struct store;

/* What its parts are called: in a store, and to their cipher. */
struct dump_name {
	const char *prefix; /* "part-" */
	size_t shard;
};

/*
 * m comes with id, job and started_ms; the source, the dump and what is in it
 * are filled in.  A failure removes the parts that were committed.
 */
int dump_take(struct source *, struct store *, const struct scope *,
    const struct snapshot_env *, const struct snapshot_take_opts *,
    const struct dump_name *, struct manifest *m, struct err *);

/* Who it was taken from, and how; takes the facts' profile. */
void dump_describe_source(struct manifest *, const char *way, const char *shown,
    const struct source_facts *);

/* Time to clear up in, also when the run's scope is what ended it. */
struct scope dump_afterwards(void);

/* Removes the parts of a dump that no manifest will list. */
void
dump_abandon(struct store *, const struct scope *, const struct manifest *);

#endif
