#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "rdb/fingerprint.h"
#include "storage/pieces.h"

#include "agent/snapshot/manifest.h"
#include "agent/snapshot/manifest_field.h"
#include "agent/snapshot/manifest_private.h"

#define RDB_VERSION_MAX 9999
#define SEEK_MAX	1000000

int
manifest_parse_count(const cJSON *o, struct keystats_count *c, struct err *err)
{
	if (field_count(o, "keys", &c->keys, err) != 0 ||
	    field_count(o, "expiring", &c->expiring, err) != 0 ||
	    field_count(o, "bytes", &c->bytes, err) != 0 ||
	    field_count(o, "elements", &c->elements, err) != 0)
		return -1;
	return 0;
}

int
manifest_parse_host(const cJSON *o, struct manifest *m, struct err *err)
{
	const char *replid = NULL;

	if (field_text(o, "host", &m->host, err) != 0 ||
	    field_text(o, "server", &m->server, err) != 0 ||
	    (cJSON_GetObjectItemCaseSensitive(o, "changes") != NULL &&
		field_text(o, "changes", &m->changes, err) != 0) ||
	    json_opt_str(o, "replid", &replid, err) != 0 ||
	    json_opt_int(o, "offset", &m->offset, err) != 0 ||
	    json_opt_bool(o, "diskless", &m->diskless, err) != 0 ||
	    field_time(o, "child_ms", &m->child_ms, err) != 0 ||
	    field_opt_count(o, "cow_bytes", &m->cow_bytes, err) != 0)
		return -1;
	if (replid == NULL)
		return 0;
	if (strlen(replid) >= sizeof(m->replid))
		return err_set(err, ERR_CORRUPT, "'replid' is too long");
	strcpy(m->replid, replid);
	return 0;
}

static int
parse_source_shards(const cJSON *o, struct manifest *m, struct err *err)
{
	int64_t shared = 0;

	if (field_time(o, "spread_ms", &m->spread_ms, err) != 0 ||
	    field_opt_count(o, "shared_slots", &shared, err) != 0)
		return -1;
	m->shared_slots = (size_t)shared;
	if (!manifest_was_scanned(m))
		return 0;
	return field_time(o, "window_ms", &m->window_ms, err);
}

static int
parse_export(const cJSON *o, struct manifest *m, struct err *err)
{
	if (cJSON_GetObjectItemCaseSensitive(o, "complete") != NULL &&
	    field_text(o, "complete", &m->complete, err) != 0)
		return -1;
	if (field_opt_count(o, "keys_before", &m->keys_before, err) != 0 ||
	    field_opt_count(o, "keys_after", &m->keys_after, err) != 0)
		return -1;
	return 0;
}

static int
parse_source(
    const cJSON *root, bool shards, struct manifest *m, struct err *err)
{
	const cJSON *o;

	if (json_get_object(root, "source", &o, err) != 0 ||
	    field_text(o, "way", &m->way, err) != 0 ||
	    field_text(o, "url", &m->source, err) != 0 ||
	    json_get_bool(o, "consistent", &m->consistent, err) != 0 ||
	    parse_export(o, m, err) != 0)
		return -1;
	if (shards)
		return parse_source_shards(o, m, err);
	if (!m->consistent &&
	    field_time(o, "window_ms", &m->window_ms, err) != 0)
		return -1;
	return manifest_parse_host(o, m, err);
}

static int
parse_times(const cJSON *root, struct manifest *m, struct err *err)
{
	const cJSON *o;

	if (json_get_object(root, "times", &o, err) != 0 ||
	    field_time(o, "point_ms", &m->point_ms, err) != 0 ||
	    field_time(o, "started_ms", &m->started_ms, err) != 0 ||
	    field_time(o, "finished_ms", &m->finished_ms, err) != 0)
		return -1;
	return 0;
}

/* A part's name becomes the name of a blob: it must stay in its folder. */
static bool
part_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (strncmp(name, "part-", 5) != 0 ||
	    n >= sizeof(((struct manifest_part *)NULL)->name))
		return false;
	for (size_t i = 5; i < n; i++)
		if (!islower((unsigned char)name[i]) &&
		    !isdigit((unsigned char)name[i]) && name[i] != '.')
			return false;
	return strstr(name, "..") == NULL;
}

static int
parse_part(const cJSON *o, struct manifest_part *p, struct err *err)
{
	const char *name;

	if (json_get_str(o, "name", &name, err) != 0)
		return -1;
	if (!part_name_ok(name))
		return err_set(
		    err, ERR_CORRUPT, "'%.64s' is no name of a part", name);
	strcpy(p->name, name);
	if (field_count(o, "bytes", &p->bytes, err) != 0 ||
	    field_sha(o, "sha256", p->sha256, err) != 0)
		return err_in(err, "part '%s'", p->name);
	return 0;
}

int
manifest_parse_parts(const cJSON *root, struct manifest *m, struct err *err)
{
	const cJSON *list, *e;
	int n;

	if (json_get_array(root, "parts", &list, err) != 0)
		return -1;
	n = cJSON_GetArraySize(list);
	if (n == 0 || n > MANIFEST_PARTS_MAX)
		return err_set(err, ERR_CORRUPT, "%d parts: 1 to %d can be", n,
		    MANIFEST_PARTS_MAX);
	m->parts = xcalloc((size_t)n, sizeof(*m->parts));
	cJSON_ArrayForEach(e, list)
	{
		if (parse_part(e, &m->parts[m->nparts], err) != 0)
			return -1;
		m->nparts++;
	}
	return 0;
}

static int
parse_seek(const cJSON *o, struct manifest *m, struct err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, "seek");
	const cJSON *e;
	int n;

	if (list == NULL)
		return 0;
	n = cJSON_GetArraySize(list);
	if (!cJSON_IsArray(list) || n > SEEK_MAX)
		return err_set(err, ERR_CORRUPT, "'seek' is no list of points");
	m->seek = xcalloc((size_t)n + 1, sizeof(*m->seek));
	cJSON_ArrayForEach(e, list)
	{
		const cJSON *raw = cJSON_GetArrayItem(e, 0);
		const cJSON *coded = cJSON_GetArrayItem(e, 1);

		if (!cJSON_IsNumber(raw) || !cJSON_IsNumber(coded) ||
		    !(raw->valuedouble >= 0 && raw->valuedouble < 1e15) ||
		    !(coded->valuedouble >= 0 && coded->valuedouble < 1e15))
			return err_set(
			    err, ERR_CORRUPT, "'seek' is no list of points");
		m->seek[m->nseek].raw = (uint64_t)raw->valuedouble;
		m->seek[m->nseek++].coded = (uint64_t)coded->valuedouble;
	}
	return 0;
}

/* Of another size than ours they are of no use to this version. */
static int
parse_pieces(const cJSON *o, struct manifest *m, struct err *err)
{
	const cJSON *p = cJSON_GetObjectItemCaseSensitive(o, "pieces");
	const char *text;
	struct buf digests;
	uint64_t bytes = 0;
	int rc = 0;

	if (p == NULL)
		return 0;
	if (field_count(p, "bytes", &bytes, err) != 0)
		return -1;
	if (bytes != PIECE_BYTES)
		return 0;
	if (json_get_str(p, "xxh3_128", &text, err) != 0)
		return -1;
	buf_init(&digests, MANIFEST_BYTES_MAX);
	rc = base64_decode(&digests, text, err);
	if (rc == 0 &&
	    digests.len != pieces_of(m->raw_bytes) * PIECE_DIGEST_BYTES)
		rc = err_set(err, ERR_CORRUPT,
		    "%zu bytes of digests for %" PRIu64 " pieces", digests.len,
		    pieces_of(m->raw_bytes));
	if (rc == 0)
		m->pieces = pieces_from(digests.data, digests.len);
	buf_release(&digests);
	return rc == 0 ? 0 : err_in(err, "'pieces'");
}

static int
parse_padding(const cJSON *o, struct manifest *m, struct err *err)
{
	if (cJSON_GetObjectItemCaseSensitive(o, "padding") == NULL)
		return 0;
	return field_small(o, "padding", m->raw_bytes, &m->padding, err);
}

static int
parse_crc(const cJSON *o, struct manifest *m, struct err *err)
{
	const char *hex = NULL;
	unsigned char b[8];

	if (json_opt_str(o, "crc64", &hex, err) != 0)
		return -1;
	m->has_crc = hex != NULL;
	if (hex == NULL)
		return 0;
	if (hex_decode(hex, b, sizeof(b), err) != 0)
		return err_in(err, "'crc64'");
	for (size_t i = 0; i < sizeof(b); i++)
		m->crc64 = m->crc64 << 8 | b[i];
	return 0;
}

int
manifest_parse_dump(const cJSON *root, struct manifest *m, struct err *err)
{
	const char *codec, *cipher, *family;
	uint64_t version = 0;
	const cJSON *o;

	if (json_get_object(root, "dump", &o, err) != 0 ||
	    json_get_str(o, "codec", &codec, err) != 0 ||
	    codec_parse(codec, &m->codec, err) != 0 ||
	    json_get_str(o, "cipher", &cipher, err) != 0 ||
	    field_count(o, "raw_bytes", &m->raw_bytes, err) != 0 ||
	    field_sha(o, "raw_sha256", m->raw_sha256, err) != 0 ||
	    field_small(o, "rdb_version", RDB_VERSION_MAX, &version, err) !=
		0 ||
	    json_get_str(o, "family", &family, err) != 0 ||
	    parse_crc(o, m, err) != 0 ||
	    json_get_bool(o, "verified", &m->verified, err) != 0 ||
	    parse_padding(o, m, err) != 0 || parse_seek(o, m, err) != 0 ||
	    parse_pieces(o, m, err) != 0)
		return -1;
	if (strcmp(cipher, "none") != 0 && strcmp(cipher, "aes-256-gcm") != 0)
		return err_set(err, ERR_UNSUPPORTED,
		    "cipher '%.40s' is not known to this version", cipher);
	m->sealed = strcmp(cipher, "none") != 0;
	m->rdb_version = (int)version;
	m->valkey = strcmp(family, "valkey") == 0;
	return 0;
}

static int
parse_kinds(const cJSON *o, struct manifest *m, struct err *err)
{
	const cJSON *kinds;

	if (json_get_object(o, "kinds", &kinds, err) != 0)
		return -1;
	for (int i = 0; i < RDB_KINDS; i++) {
		const char *name = rdb_kind_name((enum rdb_kind)i);
		const cJSON *k = cJSON_GetObjectItemCaseSensitive(kinds, name);

		if (k != NULL &&
		    manifest_parse_count(k, &m->kinds[i], err) != 0)
			return err_in(err, "kind '%s'", name);
	}
	return 0;
}

static int
parse_dbs(const cJSON *o, struct manifest *m, struct err *err)
{
	const cJSON *list, *e;
	uint64_t db = 0;
	int n;

	if (json_get_array(o, "dbs", &list, err) != 0)
		return -1;
	n = cJSON_GetArraySize(list);
	if (n > MANIFEST_DBS_MAX)
		return err_set(err, ERR_CORRUPT, "%d databases: at most %d", n,
		    MANIFEST_DBS_MAX);
	m->dbs = xcalloc((size_t)n + 1, sizeof(*m->dbs));
	cJSON_ArrayForEach(e, list)
	{
		struct manifest_db *d = &m->dbs[m->ndbs];

		if (field_small(e, "db", UINT32_MAX, &db, err) != 0 ||
		    manifest_parse_count(e, &d->count, err) != 0)
			return err_in(
			    err, "database %zu of the list", m->ndbs + 1);
		d->db = (uint32_t)db;
		m->ndbs++;
	}
	return 0;
}

static int
parse_data(const cJSON *root, struct manifest *m, struct err *err)
{
	const cJSON *o, *fp;
	uint64_t types = 0, db_max = 0;
	int64_t value_max = 0, string = 0, element = 0, whole = 0;
	int64_t label = 0, fields = 0;

	if (!m->verified)
		return 0;
	if (json_get_object(root, "data", &o, err) != 0 ||
	    manifest_parse_count(o, &m->total, err) != 0 ||
	    field_count(o, "functions", &m->functions, err) != 0 ||
	    json_get_bool(o, "modules", &m->has_modules, err) != 0 ||
	    field_small(o, "types_seen", UINT32_MAX, &types, err) != 0 ||
	    field_small(o, "db_max", UINT32_MAX, &db_max, err) != 0 ||
	    field_opt_count(o, "value_max", &value_max, err) != 0 ||
	    field_opt_count(o, "string_max", &string, err) != 0 ||
	    field_opt_count(o, "element_max", &element, err) != 0 ||
	    field_opt_count(o, "whole_max", &whole, err) != 0 ||
	    field_opt_count(o, "label_max", &label, err) != 0 ||
	    field_opt_count(o, "fields_max", &fields, err) != 0 ||
	    parse_kinds(o, m, err) != 0 || parse_dbs(o, m, err) != 0 ||
	    json_get_object(root, "fingerprint", &fp, err) != 0)
		return -1;
	m->types_seen = (uint32_t)types;
	m->db_max = (uint32_t)db_max;
	m->value_max = (uint64_t)value_max;
	m->sizes = (struct rdb_sizes){
	    .string = (uint64_t)string,
	    .element = (uint64_t)element,
	    .whole = (uint64_t)whole,
	    .label = (uint64_t)label,
	    .fields = (uint64_t)fields,
	};
	m->fingerprint = fingerprint_parse(fp, err);
	return m->fingerprint != NULL ? 0 : -1;
}

/* A part may be one of a cluster's keys, or of one dump's. */
static int
parse_format(
    const cJSON *root, struct manifest *m, bool *shards, struct err *err)
{
	int64_t format;

	if (json_get_int(root, "format", &format, err) != 0)
		return -1;
	if (format == MANIFEST_FORMAT_FILTERED) {
		*shards = cJSON_GetObjectItemCaseSensitive(root, "shards") !=
		    NULL;
		return manifest_parse_filter(root, m, err);
	}
	if (cJSON_GetObjectItemCaseSensitive(root, "filter") != NULL)
		return err_set(
		    err, ERR_CORRUPT, "a filter, and the format of a whole");
	*shards = format == MANIFEST_FORMAT_SHARDS ||
	    format == MANIFEST_FORMAT_FILES;
	if (format == MANIFEST_FORMAT || *shards)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
	    "format %" PRId64 " is not known to this version; use the drsync "
	    "that wrote it, or a newer one",
	    format);
}

static int
parse_head(const cJSON *root, struct manifest *m, bool *shards, struct err *err)
{
	const char *id;

	if (parse_format(root, m, shards, err) != 0 ||
	    json_get_str(root, "id", &id, err) != 0)
		return -1;
	if (!snapshot_id_valid(id))
		return err_set(
		    err, ERR_CORRUPT, "'%.40s' is no snapshot id", id);
	strcpy(m->id, id);
	if (field_text(root, "job", &m->job, err) != 0 ||
	    field_text(root, "tool", &m->tool, err) != 0)
		return -1;
	return job_name_check(m->job, err);
}

static int
parse_dumps(const cJSON *root, bool shards, struct manifest *m, struct err *err)
{
	if (shards)
		return manifest_parse_shards(root, m, err);
	if (manifest_parse_parts(root, m, err) != 0)
		return -1;
	return manifest_parse_dump(root, m, err);
}

/* What is left when the fields of this version are taken away. */
static cJSON *
keep_unknown(cJSON *root)
{
	static const char *const known[] = {"format", "id", "job", "tool",
	    "source", "filter", "times", "parts", "dump", "shards", "data",
	    "fingerprint"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		cJSON_DeleteItemFromObjectCaseSensitive(root, known[i]);
	return root;
}

struct manifest *
manifest_parse(const char *text, size_t len, struct err *err)
{
	struct manifest *m = manifest_new();
	cJSON *root = json_parse(text, len, MANIFEST_BYTES_MAX, false, err);
	bool shards = false;

	if (root == NULL)
		goto fail;
	if (!cJSON_IsObject(root)) {
		err_set(err, ERR_CORRUPT, "it is no JSON object");
		goto fail;
	}
	if (parse_head(root, m, &shards, err) != 0 ||
	    parse_source(root, shards, m, err) != 0 ||
	    parse_times(root, m, err) != 0 ||
	    parse_dumps(root, shards, m, err) != 0 ||
	    parse_data(root, m, err) != 0)
		goto fail;
	m->profile = cJSON_DetachItemFromObjectCaseSensitive(root, "profile");
	m->unknown = keep_unknown(root);
	return m;
fail:
	err_in(err, "manifest");
	if (err->kind == ERR_USAGE)
		err->kind = ERR_CORRUPT;
	cJSON_Delete(root);
	manifest_free(m);
	return NULL;
}
