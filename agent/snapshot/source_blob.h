/*
 * source_blob.h -- a dump that lies in a store, as what an Azure Redis left
 * when it exported itself: gzip, zstd or plain, with zeros behind its end where
 * it is a page blob.
 *
 * As a source (source.h) it is read and coded anew; dump_adopt.h takes one
 * that may stay as it is.
 */
#ifndef AGENT_SNAPSHOT_SOURCE_BLOB_H
#define AGENT_SNAPSHOT_SOURCE_BLOB_H

#include "storage/codec.h"
#include "storage/store.h"

#include "agent/snapshot/source.h"

struct dump_aux;
struct rdb_visitor;

#define SOURCE_BLOB_WAY "arm"

struct dump_blob {
	struct store *store;
	const char *name;
	struct blob_props props;     /* all reading is bound to this ETag */
	enum codec codec;	     /* by its first bytes: dump_blob_sniff() */
	const char *shown;	     /* who wrote it, as a source has it */
	struct source_facts facts;   /* known before; the profile is borrowed.
				    * The dump's own server goes before, and
				    * its time, if it is later than point_ms */
	struct rdb_visitor *visitor; /* to see it, too; or NULL */
};

/* Sets codec. */
int dump_blob_sniff(struct dump_blob *, const struct scope *, struct err *);

/* What is known of it when it was read, at that time: its server's clock is
 * believed between the beginning and then. */
void dump_blob_facts(const struct dump_blob *, const struct dump_aux *,
    bool newer, int64_t read_ms, struct source_facts *);

/* Borrows it. */
struct source *source_blob_new(const struct dump_blob *);

#endif
