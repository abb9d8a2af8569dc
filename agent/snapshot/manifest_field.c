#include <inttypes.h>

#include "base/err.h"
#include "base/json.h"
#include "base/xalloc.h"

#include "agent/snapshot/manifest_field.h"

int
field_count(const cJSON *o, const char *key, uint64_t *out, struct err *err)
{
	int64_t n;

	if (json_get_int(o, key, &n, err) != 0)
		return -1;
	if (n < 0 || n > INT64_C(1) << 53)
		return err_set(err, ERR_CORRUPT,
		    "'%s' is %" PRId64 ", which cannot be", key, n);
	*out = (uint64_t)n;
	return 0;
}

int
field_opt_count(const cJSON *o, const char *key, int64_t *out, struct err *err)
{
	uint64_t n = 0;

	if (cJSON_GetObjectItemCaseSensitive(o, key) == NULL)
		return 0;
	if (field_count(o, key, &n, err) != 0)
		return -1;
	*out = (int64_t)n;
	return 0;
}

int
field_small(const cJSON *o, const char *key, uint64_t most, uint64_t *out,
    struct err *err)
{
	if (field_count(o, key, out, err) != 0)
		return -1;
	if (*out > most)
		return err_set(err, ERR_CORRUPT,
		    "'%s' is %" PRIu64 ", over %" PRIu64, key, *out, most);
	return 0;
}

int
field_time(const cJSON *o, const char *key, int64_t *out, struct err *err)
{
	uint64_t n = 0;

	if (field_count(o, key, &n, err) != 0)
		return -1;
	*out = (int64_t)n;
	return 0;
}

int
field_text(const cJSON *o, const char *key, char **out, struct err *err)
{
	const char *s;

	if (json_get_str(o, key, &s, err) != 0)
		return -1;
	*out = xstrdup(s);
	return 0;
}

int
field_sha(const cJSON *o, const char *key, unsigned char sha[SHA256_BYTES],
    struct err *err)
{
	const char *hex;

	if (json_get_str(o, key, &hex, err) != 0)
		return -1;
	if (hex_decode(hex, sha, SHA256_BYTES, err) != 0)
		return err_in(err, "'%s'", key);
	return 0;
}
