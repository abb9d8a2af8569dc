/*
 * export_take.h -- the files of an export become a snapshot's dumps.
 *
 * A file that is gzip stays as it is (dump_adopt.h), any other is coded anew
 * (source_blob.h); several at once, as memory allows.  One file is one dump and
 * a point in time; several are shards, each a point in time of its own, whose
 * slots are those that they were seen to have keys of.
 */
#ifndef AGENT_SNAPSHOT_EXPORT_TAKE_H
#define AGENT_SNAPSHOT_EXPORT_TAKE_H

struct err;
struct export_set;
struct manifest;
struct scope;
struct snapshot_env;
struct snapshot_take_opts;
struct source_facts;
struct store;

/* Who exported itself. */
struct export_from {
	const char *shown;
	const struct source_facts *facts; /* as far as they are known before */
};

/* As dump_take(): after a failure nothing of it is left in the store. */
int export_take(const struct export_set *, const struct export_from *,
    struct store *, const struct scope *, const struct snapshot_env *,
    const struct snapshot_take_opts *, struct manifest *m, struct err *);

#endif
