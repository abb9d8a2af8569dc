#include <inttypes.h>
#include <string.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "rdb/fingerprint_private.h"

#include "rdb/fingerprint.h"

/*
 * The first one has the times at which consumers were seen and active.  The
 * second is the third, but for hashes of which fields expire: by it none is
 * the same as what is read now.
 */
#define ALGORITHM_TIMES	 "xxh3-128-sum/1"
#define ALGORITHM_SECOND "xxh3-128-sum/2"
#define ALGORITHM	 "xxh3-128-sum/3"

static void
add_sum(cJSON *o, const char *name, const uint64_t sum[2])
{
	unsigned char b[16];
	char hex[33];

	fp_put64(b, sum[0]);
	fp_put64(b + 8, sum[1]);
	hex_encode(b, sizeof(b), hex);
	cJSON_AddStringToObject(o, name, hex);
}

static void
format_sum(cJSON *o, const struct fp_sum *s)
{
	json_add_int(o, "keys", (int64_t)s->keys);
	if (s->fields > 0)
		json_add_int(o, "fields", (int64_t)s->fields);
	add_sum(o, "sum", s->value);
	if (s->stream[0] != 0 || s->stream[1] != 0)
		add_sum(o, "streams", s->stream);
	if (s->opaque[0] != 0 || s->opaque[1] != 0)
		add_sum(o, "modules", s->opaque);
}

cJSON *
fingerprint_format(const struct fingerprint *f)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *list;

	cJSON_AddStringToObject(
	    o, "algorithm", f->with_times ? ALGORITHM_TIMES : ALGORITHM);
	json_add_int(o, "anchor_ms", f->anchor_ms);
	json_add_int(o, "stream_types", f->stream_types);
	json_add_int(o, "module_keys", (int64_t)f->modules);
	format_sum(cJSON_AddObjectToObject(o, "persistent"), &f->persistent);
	format_sum(cJSON_AddObjectToObject(o, "functions"), &f->functions);
	list = cJSON_AddArrayToObject(o, "buckets");
	for (size_t i = 0; i < FP_BUCKETS; i++) {
		const struct fp_bucket *b = &f->buckets[i];
		cJSON *e;

		if (fp_sum_is_empty(&b->sum))
			continue;
		e = cJSON_CreateObject();
		if (b->until_ms == INT64_MAX)
			cJSON_AddNullToObject(e, "until_ms");
		else
			json_add_int(e, "until_ms", b->until_ms);
		format_sum(e, &b->sum);
		cJSON_AddItemToArray(list, e);
	}
	return o;
}

static int
parse_sum128(const cJSON *o, const char *name, uint64_t sum[2], struct err *err)
{
	const char *hex = NULL;
	unsigned char b[16];

	if (json_opt_str(o, name, &hex, err) != 0)
		return -1;
	if (hex == NULL)
		return 0;
	if (hex_decode(hex, b, sizeof(b), err) != 0)
		return err_in(err, "'%s'", name);
	for (int i = 7; i >= 0; i--) {
		sum[0] = sum[0] << 8 | b[i];
		sum[1] = sum[1] << 8 | b[8 + i];
	}
	return 0;
}

static int
parse_count(const cJSON *o, const char *name, uint64_t *out, struct err *err)
{
	int64_t n;

	if (json_get_int(o, name, &n, err) != 0)
		return -1;
	if (n < 0)
		return err_set(err, ERR_CORRUPT, "'%s' is negative", name);
	*out = (uint64_t)n;
	return 0;
}

static int
parse_sum(const cJSON *o, struct fp_sum *s, struct err *err)
{
	int64_t fields = 0;

	if (json_opt_int(o, "fields", &fields, err) != 0)
		return -1;
	if (fields < 0)
		return err_set(err, ERR_CORRUPT, "'fields' is negative");
	s->fields = (uint64_t)fields;
	if (parse_count(o, "keys", &s->keys, err) != 0 ||
	    parse_sum128(o, "sum", s->value, err) != 0 ||
	    parse_sum128(o, "streams", s->stream, err) != 0 ||
	    parse_sum128(o, "modules", s->opaque, err) != 0)
		return -1;
	return 0;
}

static int
parse_bucket(struct fingerprint *f, const cJSON *o, struct err *err)
{
	int64_t until_ms = INT64_MAX, bound;
	struct fp_bucket *b;

	if (json_opt_int(o, "until_ms", &until_ms, err) != 0)
		return -1;
	b = &f->buckets[fp_bucket_of(f->anchor_ms, until_ms, &bound)];
	if (bound != until_ms || !fp_sum_is_empty(&b->sum))
		return err_set(err, ERR_CORRUPT,
		    "'until_ms' %" PRId64 " is no bucket's bound", until_ms);
	b->until_ms = until_ms;
	if (parse_sum(o, &b->sum, err) != 0)
		return -1;
	if (fp_sum_is_empty(&b->sum))
		return err_set(err, ERR_CORRUPT, "a bucket of nothing");
	return 0;
}

static int
parse_into(struct fingerprint *f, const cJSON *o, struct err *err)
{
	const cJSON *sum, *functions, *list, *e;
	uint64_t types = 0;

	if (parse_count(o, "stream_types", &types, err) != 0 ||
	    parse_count(o, "module_keys", &f->modules, err) != 0 ||
	    json_get_object(o, "persistent", &sum, err) != 0 ||
	    parse_sum(sum, &f->persistent, err) != 0 ||
	    json_get_object(o, "functions", &functions, err) != 0 ||
	    parse_sum(functions, &f->functions, err) != 0 ||
	    json_get_array(o, "buckets", &list, err) != 0)
		return -1;
	f->stream_types = (uint32_t)types;
	if (cJSON_GetArraySize(list) > FP_BUCKETS)
		return err_set(err, ERR_CORRUPT, "too many buckets");
	cJSON_ArrayForEach(e, list) if (parse_bucket(f, e, err) != 0) return -1;
	return 0;
}

struct fingerprint *
fingerprint_parse(const cJSON *o, struct err *err)
{
	struct fingerprint *f = NULL;
	const char *algorithm;
	uint64_t anchor = 0;

	if (json_get_str(o, "algorithm", &algorithm, err) != 0)
		goto fail;
	if (strcmp(algorithm, ALGORITHM) != 0 &&
	    strcmp(algorithm, ALGORITHM_SECOND) != 0 &&
	    strcmp(algorithm, ALGORITHM_TIMES) != 0) {
		err_set(err, ERR_UNSUPPORTED, "algorithm '%s' is not known",
		    algorithm);
		goto fail;
	}
	if (parse_count(o, "anchor_ms", &anchor, err) != 0)
		goto fail;
	f = fingerprint_new((int64_t)anchor);
	if (strcmp(algorithm, ALGORITHM_TIMES) == 0)
		fp_with_times(f);
	if (parse_into(f, o, err) != 0)
		goto fail;
	return f;
fail:
	err_in(err, "fingerprint");
	fingerprint_free(f);
	return NULL;
}
