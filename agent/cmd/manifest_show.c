#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arm/resource_id.h"
#include "base/buf.h"
#include "rdb/fingerprint.h"
#include "rdb/key_filter.h"

#include "agent/cmd/manifest_show.h"
#include "agent/cmd/show.h"
#include "agent/snapshot/export_count.h"
#include "agent/snapshot/manifest.h"

#define SLOTS_TOLD     4 /* ranges */
#define SLOTS_TEXT_MAX 128

static void
show_size(const struct manifest *m)
{
	uint64_t stored = manifest_stored_bytes(m);
	char raw[32], coded[32];

	show_row("size", "%s of RDB, %s stored (%s%s, %.1f %%) in %zu part%s",
	    show_bytes(m->raw_bytes, raw), show_bytes(stored, coded),
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
		show_row("",
		    "what changed before was told, as a key of ours "
		    "was");
	else if (strcmp(m->changes, MANIFEST_CHANGES_TOLD) != 0)
		show_row("",
		    "if all was told that changed before: NOT "
		    "verified");
}

static void
show_spread(const struct manifest *m)
{
	const char *what = manifest_has_files(m) ? "export files" : "shards";
	char ms[32];

	if (manifest_was_scanned(m))
		show_row(what,
		    "%zu, NOT each a point in time: read for %s in "
		    "all",
		    m->nshards, show_ms(m->window_ms, ms));
	else
		show_row(what,
		    "%zu, each a point in time, the last %s after "
		    "the first",
		    m->nshards, show_ms(m->spread_ms, ms));
}

static void
show_point(const struct manifest *m)
{
	char at[32], ms[32];

	show_time(m->point_ms, at);
	if (m->nshards > 0) {
		show_row("stands for", "%s, but NOT as one point in time:", at);
		show_spread(m);
	} else if (m->consistent) {
		show_row("stands for", "%s", at);
	} else {
		show_row("stands for",
		    "NO point in time: read from %s on for %s", at,
		    show_ms(m->window_ms, ms));
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
		show_row("complete", "as the export itself told");
	else
		show_row("complete",
		    "NOT told: the Redis was ready again, and no file changed");
	if (m->keys_before < 0 || m->keys_after < 0)
		return;
	show_row("counted", "%s keys before the export, %s after it%s",
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

	show_row("filtered", "a PART of the source, which has %s keys more",
	    show_count(m->left_out.keys, n));
	if (m->left_out.module_data > 0)
		show_row("", "and %s pieces of module data outside of keys",
		    show_count(m->left_out.module_data, n));
	for (int i = 0; i < KEY_RULES; i++) {
		enum key_rule rule = (enum key_rule)i;
		const char *text = key_filter_text(m->filter, rule);

		if (text != NULL)
			show_row("", "%s: %s", key_rule_name(rule), text);
	}
}

/* A resource id is longer than a line, and its end is its name. */
static void
show_source(const struct manifest *m, bool whole)
{
	const char *name = m->source;
	struct resource_id id;
	struct err ignored = {0};
	struct buf shown;
	bool is_id;

	buf_init(&shown, sizeof(id));
	is_id = resource_id_parse(&id, m->source, &ignored) == 0;
	if (is_id) {
		resource_id_show(&shown, &id);
		name = shown.data;
	}
	show_row("of", "%s, by '%s'%s%s", name, m->way,
	    m->server[0] != '\0' ? ", " : "", m->server);
	if (is_id && whole)
		show_row("", "%s", m->source);
	buf_release(&shown);
}

static void
show_head(const struct manifest *m, bool whole)
{
	char keys[32], expiring[32], fingerprint[33];

	printf("snapshot %s/%s\n", m->job, m->id);
	show_source(m, whole);
	if (m->filter != NULL)
		show_filter(m);
	show_point(m);
	show_complete(m);
	show_size(m);
	if (!m->verified) {
		show_row("verified",
		    "NO: RDB version %d is newer than this drsync "
		    "reads",
		    m->rdb_version);
		return;
	}
	show_row("keys", "%s, %s of them with a TTL",
	    show_count(m->total.keys, keys),
	    show_count(m->total.expiring, expiring));
	fingerprint_text(m->fingerprint, fingerprint);
	show_row("fingerprint", "%s", fingerprint);
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

	show_row("RDB version", "%s%d%s", m->valkey ? "valkey " : "",
	    m->rdb_version, m->has_crc ? "" : ", without CRC64");
	if (m->has_crc)
		show_row("CRC64", "%016" PRIx64, m->crc64);
	if (m->replid[0] != '\0')
		show_row("replication", "%s:%" PRId64, m->replid, m->offset);
	if (m->host[0] != '\0' && m->consistent)
		show_row("taken from", "%s, whose snapshot child lived %s",
		    m->host, show_ms(m->child_ms, ms));
	else if (m->host[0] != '\0')
		show_row("taken from", "%s", m->host);
}

static void
add_range(struct buf *out, const struct slot_range *r)
{
	if (r->from == r->to)
		buf_addf(out, " %u", r->from);
	else
		buf_addf(out, " %u-%u", r->from, r->to);
}

static void
add_slots(struct buf *out, const struct manifest *shard)
{
	size_t told = shard->nslots < SLOTS_TOLD ? shard->nslots : SLOTS_TOLD;
	size_t more = shard->nslots - told;

	buf_adds(out, shard->nslots > 0 ? "slots" : "no slots");
	for (size_t i = 0; i < told; i++)
		add_range(out, &shard->slots[i]);
	if (more > 0)
		buf_addf(
		    out, " and %zu range%s more", more, more == 1 ? "" : "s");
}

/* Each dump has its own child, CRC64, and place in its primary's history. */
static void
show_shard(const struct manifest *m, size_t i)
{
	const struct manifest *s = m->shards[i];
	char name[32], keys[32], bytes[32], ms[32];
	struct buf slots;

	snprintf(name, sizeof(name), "%s %zu",
	    manifest_has_files(m) ? "file" : "shard", i + 1);
	buf_init(&slots, SLOTS_TEXT_MAX);
	add_slots(&slots, s);
	show_row(name, "%s: %s keys, %s of RDB", slots.data,
	    show_count(s->total.keys, keys), show_bytes(s->raw_bytes, bytes));
	buf_release(&slots);
	if (manifest_has_files(m)) {
		show_row("", "%s after the first",
		    show_ms(s->point_ms - m->point_ms, ms));
		return;
	}
	show_row("", "from %s, %s after the first,", s->host,
	    show_ms(s->point_ms - m->point_ms, ms));
	if (manifest_was_scanned(s))
		show_row("", "which was read key by key for %s",
		    show_ms(s->window_ms, ms));
	else
		show_row("", "whose snapshot child lived %s",
		    show_ms(s->child_ms, ms));
	show_changes(s);
	if (s->replid[0] != '\0' && s->offset >= 0)
		show_row("", "%s:%" PRId64, s->replid, s->offset);
}

void
manifest_show_short(const struct manifest *m)
{
	show_head(m, false);
}

void
manifest_show(const struct manifest *m)
{
	char ms[32], hex[2 * SHA256_BYTES + 1], bytes[32];

	show_head(m, true);
	if (m->nshards == 0)
		show_dump(m);
	for (size_t i = 0; i < m->nshards; i++)
		show_shard(m, i);
	if (m->cow_bytes >= 0)
		show_row("copy-on-write", "%s, while the child lived",
		    show_bytes((uint64_t)m->cow_bytes, bytes));
	if (!m->diskless)
		show_row("dump file", "the source's own was replaced");
	show_row("took", "%s", show_ms(m->finished_ms - m->started_ms, ms));
	show_row("made by", "%s", m->tool);
	if (m->verified)
		show_row("functions", "%" PRIu64, m->functions);
	for (size_t i = 0; i < m->nparts; i++) {
		hex_encode(m->parts[i].sha256, SHA256_BYTES, hex);
		printf("  %s, %s\n    SHA-256 %s\n", m->parts[i].name,
		    show_bytes(m->parts[i].bytes, bytes), hex);
	}
	if (m->verified)
		show_data(m);
}
