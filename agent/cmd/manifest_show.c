#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rdb/fingerprint.h"
#include "rdb/key_filter.h"

#include "agent/cmd/manifest_show.h"
#include "agent/cmd/show.h"
#include "agent/snapshot/export_count.h"
#include "agent/snapshot/manifest.h"

#define SLOTS_TOLD 4

static void
show_size(const struct manifest *m)
{
	uint64_t stored = manifest_stored_bytes(m);
	char raw[32], coded[32];

	printf("  %-14s %s of RDB, %s stored (%s%s, %.1f %%) in %zu part%s\n",
	    "size", show_bytes(m->raw_bytes, raw), show_bytes(stored, coded),
	    codec_name(m->codec), m->sealed ? ", sealed" : "",
	    m->raw_bytes > 0 ? 100.0 * (double)stored / (double)m->raw_bytes
			     : 0.0,
	    m->nparts, m->nparts == 1 ? "" : "s");
}

/* What a window rests on, where that is not the source's own word. */
static void
show_changes(const struct manifest *m)
{
	if (m->changes == NULL)
		return;
	if (strcmp(m->changes, MANIFEST_CHANGES_SEEN) == 0)
		printf("  %-14s what changed before was told, as a key of ours "
		       "was\n",
		    "");
	else if (strcmp(m->changes, MANIFEST_CHANGES_TOLD) != 0)
		printf("  %-14s if all was told that changed before: NOT "
		       "verified\n",
		    "");
}

static void
show_spread(const struct manifest *m)
{
	const char *what = manifest_has_files(m) ? "export files" : "shards";
	char ms[32];

	if (manifest_was_scanned(m))
		printf("  %-14s %zu, NOT each a point in time: read for %s in "
		       "all\n",
		    what, m->nshards, show_ms(m->window_ms, ms));
	else
		printf("  %-14s %zu, each a point in time, the last %s after "
		       "the first\n",
		    what, m->nshards, show_ms(m->spread_ms, ms));
}

static void
show_point(const struct manifest *m)
{
	char at[32], ms[32];

	show_time(m->point_ms, at);
	if (m->nshards > 0) {
		printf("  %-14s %s, but NOT as one point in time:\n",
		    "stands for", at);
		show_spread(m);
	} else if (m->consistent) {
		printf("  %-14s %s\n", "stands for", at);
	} else {
		printf("  %-14s NO point in time: read from %s on for %s\n",
		    "stands for", at, show_ms(m->window_ms, ms));
		show_changes(m);
	}
}

/* How it is known that no file of an export is missing. */
static void
show_complete(const struct manifest *m)
{
	enum export_count judged = export_count_judge(m);
	char before[32], after[32];

	if (m->complete == NULL)
		return;
	if (strcmp(m->complete, MANIFEST_COMPLETE_TOLD) == 0)
		printf("  %-14s as the export itself told\n", "complete");
	else
		printf("  %-14s NOT told: the Redis was ready again, and no "
		       "file changed\n",
		    "complete");
	if (m->keys_before < 0 || m->keys_after < 0)
		return;
	printf("  %-14s %s keys before the export, %s after it%s\n", "counted",
	    show_count((uint64_t)m->keys_before, before),
	    show_count((uint64_t)m->keys_after, after),
	    judged == EXPORT_WITHIN	? ""
		: judged == EXPORT_MORE ? ", FEWER than it has"
					: ", MORE than it has");
}

/* Who reads nothing else must read this. */
static void
show_filter(const struct manifest *m)
{
	char n[32];

	printf("  %-14s a PART of the source, which has %s keys more\n",
	    "filtered", show_count(m->left_out.keys, n));
	if (m->left_out.module_data > 0)
		printf("  %-14s and %s pieces of module data outside of keys\n",
		    "", show_count(m->left_out.module_data, n));
	for (int i = 0; i < KEY_RULES; i++) {
		enum key_rule rule = (enum key_rule)i;
		const char *text = key_filter_text(m->filter, rule);

		if (text != NULL)
			printf(
			    "  %-14s %s: %s\n", "", key_rule_name(rule), text);
	}
}

void
manifest_show_short(const struct manifest *m)
{
	char keys[32], expiring[32], fingerprint[33];

	printf("snapshot %s/%s\n", m->job, m->id);
	printf("  %-14s %s, by '%s'%s%s\n", "of", m->source, m->way,
	    m->server[0] != '\0' ? ", " : "", m->server);
	if (m->filter != NULL)
		show_filter(m);
	show_point(m);
	show_complete(m);
	show_size(m);
	if (!m->verified) {
		printf("  %-14s NO: RDB version %d is newer than this drsync "
		       "reads\n",
		    "verified", m->rdb_version);
		return;
	}
	printf("  %-14s %s, %s of them with a TTL\n", "keys",
	    show_count(m->total.keys, keys),
	    show_count(m->total.expiring, expiring));
	fingerprint_text(m->fingerprint, fingerprint);
	printf("  %-14s %s\n", "fingerprint", fingerprint);
}

static void
show_count_row(const char *name, const struct keystats_count *c)
{
	char keys[32], expiring[32], bytes[32], elements[32];

	printf("  %-14s %14s %14s %14s %14s\n", name, show_count(c->keys, keys),
	    show_count(c->expiring, expiring),
	    show_count(c->elements, elements), show_bytes(c->bytes, bytes));
}

static void
show_data(const struct manifest *m)
{
	char name[32];

	printf("\n  %-14s %14s %14s %14s %14s\n", "", "keys", "with a TTL",
	    "elements", "size");
	for (int i = 0; i < RDB_KINDS; i++)
		if (m->kinds[i].keys > 0)
			show_count_row(
			    rdb_kind_name((enum rdb_kind)i), &m->kinds[i]);
	for (size_t i = 0; i < m->ndbs; i++) {
		snprintf(name, sizeof(name), "db %" PRIu32, m->dbs[i].db);
		show_count_row(name, &m->dbs[i].count);
	}
	show_count_row("all", &m->total);
}

static void
show_dump(const struct manifest *m)
{
	char ms[32];

	printf("  %-14s %s%d%s\n", "RDB version", m->valkey ? "valkey " : "",
	    m->rdb_version, m->has_crc ? "" : ", without CRC64");
	if (m->has_crc)
		printf("  %-14s %016" PRIx64 "\n", "CRC64", m->crc64);
	if (m->replid[0] != '\0')
		printf("  %-14s %s:%" PRId64 "\n", "replication", m->replid,
		    m->offset);
	if (m->host[0] != '\0' && m->consistent)
		printf("  %-14s %s, whose snapshot child lived %s\n",
		    "taken from", m->host, show_ms(m->child_ms, ms));
	else if (m->host[0] != '\0')
		printf("  %-14s %s\n", "taken from", m->host);
}

static void
show_range(const struct slot_range *r)
{
	if (r->from == r->to)
		printf(" %u", r->from);
	else
		printf(" %u-%u", r->from, r->to);
}

static void
show_slots(const struct manifest *shard)
{
	size_t told = shard->nslots < SLOTS_TOLD ? shard->nslots : SLOTS_TOLD;

	printf(shard->nslots > 0 ? "slots" : "no slots");
	for (size_t i = 0; i < told; i++)
		show_range(&shard->slots[i]);
	if (told < shard->nslots)
		printf(" and %zu ranges more", shard->nslots - told);
}

/* Each dump has its own child, CRC64, and place in its primary's history. */
static void
show_shard(const struct manifest *m, size_t i)
{
	const struct manifest *s = m->shards[i];
	char name[32], keys[32], bytes[32], ms[32];

	snprintf(name, sizeof(name), "%s %zu",
	    manifest_has_files(m) ? "file" : "shard", i + 1);
	printf("  %-14s ", name);
	show_slots(s);
	printf(": %s keys, %s of RDB\n", show_count(s->total.keys, keys),
	    show_bytes(s->raw_bytes, bytes));
	if (manifest_has_files(m)) {
		printf("  %-14s %s after the first\n", "",
		    show_ms(s->point_ms - m->point_ms, ms));
		return;
	}
	printf("  %-14s from %s, %s after the first,\n", "", s->host,
	    show_ms(s->point_ms - m->point_ms, ms));
	if (manifest_was_scanned(s))
		printf("  %-14s which was read key by key for %s\n", "",
		    show_ms(s->window_ms, ms));
	else
		printf("  %-14s whose snapshot child lived %s\n", "",
		    show_ms(s->child_ms, ms));
	show_changes(s);
	if (s->replid[0] != '\0' && s->offset >= 0)
		printf("  %-14s %s:%" PRId64 "\n", "", s->replid, s->offset);
}

void
manifest_show(const struct manifest *m)
{
	char ms[32], hex[2 * SHA256_BYTES + 1], bytes[32];

	manifest_show_short(m);
	if (m->nshards == 0)
		show_dump(m);
	for (size_t i = 0; i < m->nshards; i++)
		show_shard(m, i);
	if (m->cow_bytes >= 0)
		printf("  %-14s %s, while the child lived\n", "copy-on-write",
		    show_bytes((uint64_t)m->cow_bytes, bytes));
	if (!m->diskless)
		printf("  %-14s the source's own was replaced\n", "dump file");
	printf("  %-14s %s\n", "took",
	    show_ms(m->finished_ms - m->started_ms, ms));
	printf("  %-14s %s\n", "made by", m->tool);
	if (m->verified)
		printf("  %-14s %" PRIu64 "\n", "functions", m->functions);
	for (size_t i = 0; i < m->nparts; i++) {
		hex_encode(m->parts[i].sha256, SHA256_BYTES, hex);
		printf("  %-14s %s, SHA-256 %s\n", m->parts[i].name,
		    show_bytes(m->parts[i].bytes, bytes), hex);
	}
	if (m->verified)
		show_data(m);
}
