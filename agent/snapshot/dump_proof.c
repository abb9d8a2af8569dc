#include <stddef.h>

#include "base/err.h"
#include "base/flow.h"
#include "base/xalloc.h"
#include "rdb/fingerprint.h"
#include "rdb/keystats.h"
#include "rdb/rdb_reader.h"
#include "storage/digest_tap.h"
#include "storage/pieces.h"

#include "agent/snapshot/dump_proof.h"
#include "agent/snapshot/half_watch.h"
#include "agent/snapshot/manifest.h"

void
dump_proof_init(struct dump_proof *p, int64_t anchor_ms)
{
	static const struct keystats_opts counts_only;

	*p = (struct dump_proof){
	    .reader = rdb_reader_new(),
	    .stats = keystats_new(&counts_only),
	    .fingerprint = fingerprint_new(anchor_ms),
	    .pieces = pieces_new(),
	};
	rdb_reader_add(p->reader, keystats_visitor(p->stats));
	rdb_reader_add(p->reader, fingerprint_visitor(p->fingerprint));
	half_watch_add(p->reader);
}

void
dump_proof_release(struct dump_proof *p)
{
	rdb_reader_free(p->reader);
	keystats_free(p->stats);
	fingerprint_free(p->fingerprint);
	pieces_free(p->pieces);
	*p = (struct dump_proof){0};
}

void
dump_proof_append(struct dump_proof *p, struct flow *flow)
{
	p->raw_digest = digest_tap_new();
	flow_append(flow, p->raw_digest);
	flow_append(flow, pieces_tap_new(p->pieces));
}

static void
describe_dump(
    struct dump_proof *p, const struct rdb_summary *sum, struct manifest *m)
{
	size_t n;

	digest_tap_get(p->raw_digest, m->raw_sha256, &m->raw_bytes);
	m->padding = sum->padding;
	if (pieces_digests(p->pieces, &n) != NULL) {
		m->pieces = p->pieces;
		p->pieces = NULL;
	}
	m->rdb_version = sum->version;
	m->valkey = sum->valkey;
	m->has_crc = sum->has_crc;
	m->crc64 = sum->crc64;
}

static void
describe_data(
    struct dump_proof *p, const struct rdb_summary *sum, struct manifest *m)
{
	const struct keystats_count *c;
	uint32_t db;

	keystats_total(p->stats, &m->total);
	for (int i = 0; i < RDB_KINDS; i++)
		keystats_kind(p->stats, (enum rdb_kind)i, &m->kinds[i]);
	m->dbs = xcalloc(MANIFEST_DBS_MAX, sizeof(*m->dbs));
	while ((c = keystats_db(p->stats, m->ndbs, &db)) != NULL)
		m->dbs[m->ndbs++] = (struct manifest_db){db, *c};
	m->types_seen = sum->types_seen;
	m->db_max = sum->db_max;
	m->value_max = sum->value_max;
	m->sizes = sum->sizes;
	m->functions = keystats_functions(p->stats);
	m->has_modules = sum->has_modules;
	m->fingerprint = p->fingerprint;
	p->fingerprint = NULL;
	m->verified = true;
}

int
dump_proof_finish(
    struct dump_proof *p, bool newer, struct manifest *m, struct err *err)
{
	struct rdb_summary sum;

	if (!newer && rdb_reader_finish(p->reader, err) != 0)
		return -1;
	rdb_reader_summary(p->reader, &sum);
	describe_dump(p, &sum, m);
	if (newer)
		return 0;
	describe_data(p, &sum, m);
	if (sum.keys != m->total.keys ||
	    sum.keys != fingerprint_keys(m->fingerprint))
		return err_set(err, ERR_CORRUPT,
		    "the proofs disagree on the number of keys");
	return 0;
}
