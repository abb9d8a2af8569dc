#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "rdb/fingerprint.h"
#include "storage/pieces.h"

#include "agent/snapshot/manifest.h"
#include "agent/snapshot/manifest_private.h"

static void
add_hex(cJSON *o, const char *key, const unsigned char *p, size_t n)
{
	char hex[2 * SHA256_BYTES + 1];

	hex_encode(p, n, hex);
	cJSON_AddStringToObject(o, key, hex);
}

void
manifest_add_count(cJSON *o, const struct keystats_count *c)
{
	json_add_int(o, "keys", (int64_t)c->keys);
	json_add_int(o, "expiring", (int64_t)c->expiring);
	json_add_int(o, "bytes", (int64_t)c->bytes);
	json_add_int(o, "elements", (int64_t)c->elements);
}

void
manifest_add_host(cJSON *o, const struct manifest *m)
{
	cJSON_AddStringToObject(o, "host", m->host);
	cJSON_AddStringToObject(o, "server", m->server);
	if (m->replid[0] != '\0')
		cJSON_AddStringToObject(o, "replid", m->replid);
	if (m->offset >= 0)
		json_add_int(o, "offset", m->offset);
	if (m->changes != NULL)
		cJSON_AddStringToObject(o, "changes", m->changes);
	cJSON_AddBoolToObject(o, "diskless", m->diskless);
	json_add_int(o, "child_ms", m->child_ms);
	if (m->cow_bytes >= 0)
		json_add_int(o, "cow_bytes", m->cow_bytes);
}

static void
add_export(cJSON *o, const struct manifest *m)
{
	if (m->complete != NULL)
		cJSON_AddStringToObject(o, "complete", m->complete);
	if (m->keys_before >= 0)
		json_add_int(o, "keys_before", m->keys_before);
	if (m->keys_after >= 0)
		json_add_int(o, "keys_after", m->keys_after);
}

static void
add_source(cJSON *root, const struct manifest *m)
{
	cJSON *o = cJSON_AddObjectToObject(root, "source");

	cJSON_AddStringToObject(o, "way", m->way);
	cJSON_AddStringToObject(o, "url", m->source);
	cJSON_AddBoolToObject(o, "consistent", m->consistent);
	add_export(o, m);
	if (m->nshards > 0) {
		json_add_int(o, "spread_ms", m->spread_ms);
		if (manifest_was_scanned(m))
			json_add_int(o, "window_ms", m->window_ms);
		if (m->shared_slots > 0)
			json_add_int(
			    o, "shared_slots", (int64_t)m->shared_slots);
		return;
	}
	if (!m->consistent)
		json_add_int(o, "window_ms", m->window_ms);
	manifest_add_host(o, m);
}

static void
add_times(cJSON *root, const struct manifest *m)
{
	cJSON *o = cJSON_AddObjectToObject(root, "times");

	json_add_int(o, "point_ms", m->point_ms);
	json_add_int(o, "started_ms", m->started_ms);
	json_add_int(o, "finished_ms", m->finished_ms);
}

void
manifest_add_parts(cJSON *root, const struct manifest *m)
{
	cJSON *list = cJSON_AddArrayToObject(root, "parts");

	for (size_t i = 0; i < m->nparts; i++) {
		const struct manifest_part *p = &m->parts[i];
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "name", p->name);
		json_add_int(o, "bytes", (int64_t)p->bytes);
		add_hex(o, "sha256", p->sha256, sizeof(p->sha256));
		cJSON_AddItemToArray(list, o);
	}
}

static void
add_seek(cJSON *o, const struct manifest *m)
{
	cJSON *list = cJSON_AddArrayToObject(o, "seek");

	for (size_t i = 0; i < m->nseek; i++) {
		cJSON *pair = cJSON_CreateArray();

		cJSON_AddItemToArray(
		    pair, cJSON_CreateNumber((double)m->seek[i].raw));
		cJSON_AddItemToArray(
		    pair, cJSON_CreateNumber((double)m->seek[i].coded));
		cJSON_AddItemToArray(list, pair);
	}
}

static void
add_pieces(cJSON *o, const struct manifest *m)
{
	const unsigned char *digests;
	struct buf text;
	cJSON *pieces;
	size_t len;

	digests = m->pieces != NULL ? pieces_digests(m->pieces, &len) : NULL;
	if (digests == NULL)
		return;
	buf_init(&text, MANIFEST_BYTES_MAX);
	base64_encode(&text, digests, len);
	pieces = cJSON_AddObjectToObject(o, "pieces");
	json_add_int(pieces, "bytes", (int64_t)PIECE_BYTES);
	cJSON_AddStringToObject(pieces, "xxh3_128", text.data);
	buf_release(&text);
}

void
manifest_add_dump(cJSON *root, const struct manifest *m)
{
	cJSON *o = cJSON_AddObjectToObject(root, "dump");
	char crc[17];

	cJSON_AddStringToObject(o, "codec", codec_name(m->codec));
	cJSON_AddStringToObject(
	    o, "cipher", m->sealed ? "aes-256-gcm" : "none");
	json_add_int(o, "raw_bytes", (int64_t)m->raw_bytes);
	if (m->padding > 0)
		json_add_int(o, "padding", (int64_t)m->padding);
	add_hex(o, "raw_sha256", m->raw_sha256, sizeof(m->raw_sha256));
	json_add_int(o, "rdb_version", m->rdb_version);
	cJSON_AddStringToObject(o, "family", m->valkey ? "valkey" : "redis");
	if (m->has_crc) {
		snprintf(crc, sizeof(crc), "%016" PRIx64, m->crc64);
		cJSON_AddStringToObject(o, "crc64", crc);
	}
	cJSON_AddBoolToObject(o, "verified", m->verified);
	if (m->nseek > 0)
		add_seek(o, m);
	add_pieces(o, m);
}

static void
add_size(cJSON *o, const char *name, uint64_t bytes)
{
	if (bytes > 0)
		json_add_int(o, name, (int64_t)bytes);
}

static void
add_data(cJSON *root, const struct manifest *m)
{
	cJSON *o = cJSON_AddObjectToObject(root, "data");
	cJSON *list;

	manifest_add_count(o, &m->total);
	json_add_int(o, "functions", (int64_t)m->functions);
	cJSON_AddBoolToObject(o, "modules", m->has_modules);
	json_add_int(o, "types_seen", m->types_seen);
	json_add_int(o, "db_max", m->db_max);
	add_size(o, "value_max", m->value_max);
	add_size(o, "string_max", m->sizes.string);
	add_size(o, "element_max", m->sizes.element);
	add_size(o, "whole_max", m->sizes.whole);
	add_size(o, "label_max", m->sizes.label);
	add_size(o, "fields_max", m->sizes.fields);
	list = cJSON_AddObjectToObject(o, "kinds");
	for (int i = 0; i < RDB_KINDS; i++)
		if (m->kinds[i].keys > 0)
			manifest_add_count(cJSON_AddObjectToObject(list,
					       rdb_kind_name((enum rdb_kind)i)),
			    &m->kinds[i]);
	list = cJSON_AddArrayToObject(o, "dbs");
	for (size_t i = 0; i < m->ndbs; i++) {
		cJSON *db = cJSON_CreateObject();

		json_add_int(db, "db", m->dbs[i].db);
		manifest_add_count(db, &m->dbs[i].count);
		cJSON_AddItemToArray(list, db);
	}
}

static int
format_of(const struct manifest *m)
{
	if (m->filter != NULL)
		return MANIFEST_FORMAT_FILTERED;
	if (manifest_has_files(m))
		return MANIFEST_FORMAT_FILES;
	return m->nshards > 0 ? MANIFEST_FORMAT_SHARDS : MANIFEST_FORMAT;
}

cJSON *
manifest_format(const struct manifest *m)
{
	cJSON *root = m->unknown != NULL ? cJSON_Duplicate(m->unknown, true)
					 : NULL;
	cJSON *known = cJSON_CreateObject();

	json_add_int(known, "format", format_of(m));
	cJSON_AddStringToObject(known, "id", m->id);
	cJSON_AddStringToObject(known, "job", m->job);
	cJSON_AddStringToObject(known, "tool", m->tool);
	add_source(known, m);
	if (m->filter != NULL)
		manifest_add_filter(known, m);
	add_times(known, m);
	if (m->nshards > 0) {
		manifest_add_shards(known, m);
	} else {
		manifest_add_parts(known, m);
		manifest_add_dump(known, m);
	}
	if (m->verified)
		add_data(known, m);
	if (m->profile != NULL)
		cJSON_AddItemToObject(
		    known, "profile", cJSON_Duplicate(m->profile, true));
	if (m->fingerprint != NULL)
		cJSON_AddItemToObject(
		    known, "fingerprint", fingerprint_format(m->fingerprint));
	while (root != NULL && root->child != NULL) {
		cJSON *item = cJSON_DetachItemViaPointer(root, root->child);

		cJSON_AddItemToObject(known, item->string, item);
	}
	cJSON_Delete(root);
	return known;
}
