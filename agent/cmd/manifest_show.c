#include <inttypes.h>
#include <stdio.h>

#include "rdb/fingerprint.h"

#include "agent/cmd/manifest_show.h"
#include "agent/cmd/show.h"
#include "agent/snapshot/manifest.h"

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

void
manifest_show_short(const struct manifest *m)
{
	char at[32], ms[32], keys[32], expiring[32], fingerprint[33];

	printf("snapshot %s/%s\n", m->job, m->id);
	printf("  %-14s %s, by '%s'%s%s\n", "of", m->source, m->way,
	    m->server[0] != '\0' ? ", " : "", m->server);
	if (m->consistent)
		printf(
		    "  %-14s %s\n", "stands for", show_time(m->point_ms, at));
	else
		printf("  %-14s NO point in time: read from %s on for %s\n",
		    "stands for", show_time(m->point_ms, at),
		    show_ms(m->window_ms, ms));
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

void
manifest_show(const struct manifest *m)
{
	char ms[32], hex[2 * SHA256_BYTES + 1], bytes[32];

	manifest_show_short(m);
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
