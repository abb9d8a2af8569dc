#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/flow.h"
#include "base/handoff.h"
#include "base/relay.h"
#include "base/scope.h"
#include "base/sink.h"
#include "rdb/fingerprint.h"
#include "rdb/library_set.h"
#include "rdb/rdb_reader.h"
#include "storage/blob_reader.h"
#include "storage/cipher.h"
#include "storage/codec.h"
#include "storage/digest_tap.h"
#include "storage/pieces.h"
#include "storage/store.h"

#include "agent/snapshot/catalog.h"
#include "agent/snapshot/env.h"
#include "agent/snapshot/manifest.h"
#include "agent/snapshot/reader_tap.h"
#include "agent/snapshot/snapshot_read.h"

#define HANDOFF_DEPTH 4

struct reading {
	struct store *store;
	const struct manifest *m;
	const struct snapshot_env *env;
	const struct snapshot_read_opts *opts;
	uint64_t done;			 /* stored bytes of the parts before */
	struct fingerprint *fingerprint; /* of all dumps */
	struct library_set libraries;	 /* told so far */
	struct rdb_summary summary;

	/* The dump that is being read: m, or one of its shards. */
	const struct manifest *dump;
	size_t shard;
	struct flow *flow; /* all its parts run through; NULL: parts only */
	struct sink *raw_digest; /* NULL: the pieces prove as much */
	struct rdb_reader *reader;
};

static void
advance(void *arg, uint64_t done)
{
	struct reading *r = arg;

	progress_advance(r->env->progress, r->opts->step, r->done + done,
	    manifest_stored_bytes(r->m));
}

static void
start_proofs(struct reading *r)
{
	r->reader = rdb_reader_new();
	if (!r->m->verified)
		return;
	rdb_reader_libraries(r->reader, &r->libraries);
	if (r->fingerprint != NULL)
		rdb_reader_add(r->reader, fingerprint_visitor(r->fingerprint));
	for (int i = 0; i < SNAPSHOT_VISITORS_MAX; i++)
		if (r->opts->visitors[i] != NULL)
			rdb_reader_add(r->reader, r->opts->visitors[i]);
}

static int
assemble(struct reading *r, const struct scope *scope, struct err *err)
{
	struct codec_opts codec = {
	    .pool = r->env->pool,
	    .budget = r->env->budget,
	    .held = HANDOFF_DEPTH + 1,
	};
	const struct scope *inner;

	r->flow = flow_new(scope);
	inner = flow_scope(r->flow);
	if (flow_append(r->flow, handoff_new(inner, HANDOFF_DEPTH, err)) != 0 ||
	    flow_append(r->flow,
		decoder_new(r->dump->codec, inner, &codec, err)) != 0 ||
	    flow_append(r->flow, handoff_new(inner, HANDOFF_DEPTH, err)) != 0)
		return -1;
	if (!r->opts->by_piece) {
		r->raw_digest = digest_tap_new();
		flow_append(r->flow, r->raw_digest);
	} else if (flow_append(r->flow,
		       pieces_gate_new(
			   r->dump->pieces, r->env->budget, inner, err)) != 0) {
		return -1;
	}
	flow_append(r->flow, reader_tap_new(r->reader, !r->m->verified));
	if (r->opts->out != NULL)
		flow_append(r->flow, relay_new(r->opts->out));
	return 0;
}

static struct sink *
new_open(
    struct reading *r, size_t i, const struct scope *scope, struct err *err)
{
	struct cipher_opts opts = {
	    .key = r->env->cipher_key,
	    .snapshot = r->m->id,
	    .part = manifest_part_number(r->shard, i),
	    .budget = r->env->budget,
	};

	if (r->env->cipher_key == NULL) {
		err_set(err, ERR_AUTH,
		    "the snapshot is enciphered; set cipher_key to the key it "
		    "was made with");
		return NULL;
	}
	return cipher_open_new(scope, &opts, err);
}

/* part -> digest -> open? -> what all parts run through */
static int
run_part(struct reading *r, size_t i, struct flow *flow, const char *blob,
    struct err *err)
{
	const struct manifest_part *p = &r->dump->parts[i];
	const struct scope *scope = flow_scope(flow);
	struct blob_reader_opts opts = {
	    .in_flight = r->env->in_flight,
	    .budget = r->env->budget,
	    .progress = advance,
	    .progress_arg = r,
	};
	unsigned char sha[SHA256_BYTES];
	struct sink *digest = digest_tap_new();
	struct blob_props props;
	uint64_t bytes;

	flow_append(flow, digest);
	if (r->flow != NULL && r->m->sealed &&
	    flow_append(flow, new_open(r, i, scope, err)) != 0)
		return -1;
	flow_append(flow,
	    r->flow != NULL ? relay_new(flow_head(r->flow)) : null_sink_new());
	if (r->store->ops->stat(r->store, scope, blob, &props, err) != 0)
		return -1;
	if (props.size != p->bytes)
		return err_set(err, ERR_CORRUPT,
		    "%" PRIu64 " bytes, and the manifest says %" PRIu64,
		    props.size, p->bytes);
	if (blob_read(r->store, blob, props.etag, 0, props.size, scope, &opts,
		digest, err) != 0 ||
	    sink_finish(digest, err) != 0)
		return flow_failed(flow, err);
	digest_tap_get(digest, sha, &bytes);
	if (memcmp(sha, p->sha256, sizeof(sha)) != 0)
		return err_set(err, ERR_CORRUPT,
		    "its SHA-256 is not the manifest's: the bytes changed "
		    "since they were written");
	r->done += bytes;
	return 0;
}

static int
read_part(
    struct reading *r, size_t i, const struct scope *scope, struct err *err)
{
	struct flow *flow = flow_new(scope);
	char blob[BLOB_NAME_MAX + 1];
	int rc;

	catalog_blob(blob, r->m->job, r->m->id, r->dump->parts[i].name);
	rc = run_part(r, i, flow, blob, err);
	flow_free(flow);
	if (rc == 0)
		return 0;
	if (err->kind == ERR_MISSING)
		err->kind = ERR_CORRUPT; /* a snapshot without its part */
	return err_in(err, "'%s'", blob);
}

static int
compare_bytes(struct reading *r, struct err *err)
{
	const struct manifest *d = r->dump;
	unsigned char sha[SHA256_BYTES];
	uint64_t bytes;

	if (r->raw_digest == NULL)
		return 0;
	digest_tap_get(r->raw_digest, sha, &bytes);
	if (bytes != d->raw_bytes ||
	    memcmp(sha, d->raw_sha256, sizeof(sha)) != 0)
		return err_set(err, ERR_CORRUPT,
		    "the dump (%" PRIu64 " bytes) is not the one that the "
		    "manifest vouches for (%" PRIu64 " bytes)",
		    bytes, d->raw_bytes);
	return 0;
}

static int
compare_dump(struct reading *r, const struct rdb_summary *sum, struct err *err)
{
	const struct manifest *d = r->dump;

	if (compare_bytes(r, err) != 0)
		return -1;
	if (!r->m->verified)
		return 0;
	if (sum->keys != d->total.keys)
		return err_set(err, ERR_CORRUPT,
		    "%" PRIu64 " keys, and the manifest says %" PRIu64,
		    sum->keys, d->total.keys);
	/* A dump written with "rdbchecksum no" has none to compare. */
	if (sum->has_crc != d->has_crc ||
	    (sum->has_crc && sum->crc64 != d->crc64))
		return err_set(err, ERR_CORRUPT,
		    "its CRC64 is not the one that the manifest says");
	return 0;
}

/* What a reader of one dump would say of all of them. */
static void
add_summary(struct rdb_summary *all, const struct rdb_summary *sum)
{
	uint64_t keys = all->keys + sum->keys, value_max = all->value_max;
	uint32_t types = all->types_seen | sum->types_seen;
	struct rdb_sizes sizes = all->sizes;

	*all = *sum;
	all->keys = keys;
	all->types_seen = types;
	rdb_sizes_join(&all->sizes, &sizes);
	if (value_max > all->value_max)
		all->value_max = value_max;
}

static int
run_dump(struct reading *r, struct err *err)
{
	const struct scope *scope = flow_scope(r->flow);
	struct rdb_summary sum;

	for (size_t i = 0; i < r->dump->nparts; i++)
		if (read_part(r, i, scope, err) != 0)
			return flow_failed(r->flow, err);
	if (sink_finish(flow_head(r->flow), err) != 0)
		return flow_failed(r->flow, err);
	rdb_reader_summary(r->reader, &sum);
	add_summary(&r->summary, &sum);
	return compare_dump(r, &sum, err);
}

static int
read_dump(struct reading *r, const struct manifest *dump,
    const struct scope *scope, struct err *err)
{
	int rc;

	r->dump = dump;
	start_proofs(r);
	rc = assemble(r, scope, err);
	if (rc == 0)
		rc = run_dump(r, err);
	flow_free(r->flow);
	rdb_reader_free(r->reader);
	r->flow = NULL;
	r->reader = NULL;
	return rc;
}

static int
read_parts(struct reading *r, const struct scope *scope, struct err *err)
{
	r->dump = r->m;
	for (size_t i = 0; i < r->m->nparts; i++)
		if (read_part(r, i, scope, err) != 0)
			return -1;
	return 0;
}

static int
compare_fingerprint(const struct reading *r, struct err *err)
{
	char ours[33], theirs[33];

	if (r->fingerprint == NULL)
		return 0;
	fingerprint_text(r->fingerprint, ours);
	fingerprint_text(r->m->fingerprint, theirs);
	if (strcmp(ours, theirs) != 0)
		return err_set(err, ERR_CORRUPT,
		    "its fingerprint %s is not the manifest's %s", ours,
		    theirs);
	return 0;
}

static int
read_all(struct reading *r, const struct scope *scope, struct err *err)
{
	const struct manifest *m = r->m;

	if (r->opts->shard > 0) {
		r->shard = r->opts->shard - 1;
		return read_dump(r, m->shards[r->shard], scope, err);
	}
	if (m->verified && !r->opts->by_piece)
		r->fingerprint = fingerprint_like(m->fingerprint);
	if (m->nshards == 0 && read_dump(r, m, scope, err) != 0)
		return -1;
	for (r->shard = 0; r->shard < m->nshards; r->shard++)
		if (read_dump(r, m->shards[r->shard], scope, err) != 0)
			return err_in(err, "shard %zu", r->shard + 1);
	if (r->opts->summary != NULL)
		*r->opts->summary = r->summary;
	return compare_fingerprint(r, err);
}

int
snapshot_read(struct store *store, const struct manifest *m,
    const struct scope *scope, const struct snapshot_env *env,
    const struct snapshot_read_opts *opts, struct err *err)
{
	struct reading r = {
	    .store = store,
	    .m = m,
	    .env = env,
	    .opts = opts,
	};
	int rc;

	assert(opts->shard <= m->nshards);
	assert(m->nshards == 0 || opts->shard > 0 || opts->out == NULL);
	rc = opts->parts_only ? read_parts(&r, scope, err)
			      : read_all(&r, scope, err);
	fingerprint_free(r.fingerprint);
	library_set_release(&r.libraries);
	return rc == 0 ? 0 : err_in(err, "snapshot '%s/%s'", m->job, m->id);
}
