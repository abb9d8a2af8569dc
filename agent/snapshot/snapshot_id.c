#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/scope.h"

#include "agent/snapshot/snapshot_id.h"

#define TIME_LEN   16 /* "20261121T062749Z" */
#define RANDOM_LEN 4
#define TAIL_LEN   (2 + RANDOM_LEN)

/* Crockford's alphabet: 32 letters that are not mistaken for each other. */
static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

void
snapshot_id_make(const struct scope *scope, char out[SNAPSHOT_ID_SIZE])
{
	int64_t wall_ms = scope_wall_ms(scope);
	time_t now = (time_t)(wall_ms / 1000);
	unsigned ms = (unsigned)(wall_ms % 1000);
	unsigned char r[RANDOM_LEN];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(out, SNAPSHOT_ID_SIZE, "%Y%m%dT%H%M%SZ-", &tm);
	scope_random(scope, r, sizeof(r));
	out[TIME_LEN + 1] = alphabet[ms >> 5];
	out[TIME_LEN + 2] = alphabet[ms & 31];
	for (int i = 0; i < RANDOM_LEN; i++)
		out[TIME_LEN + 3 + i] = alphabet[r[i] & 31];
	out[SNAPSHOT_ID_SIZE - 1] = '\0';
}

static bool
parse_time(const char *id, struct tm *tm)
{
	const char *end;

	memset(tm, 0, sizeof(*tm));
	end = strptime(id, "%Y%m%dT%H%M%SZ", tm);
	return end == id + TIME_LEN;
}

bool
snapshot_id_valid(const char *id)
{
	struct tm tm;

	if (strlen(id) != SNAPSHOT_ID_SIZE - 1 || id[TIME_LEN] != '-')
		return false;
	if (strspn(id + TIME_LEN + 1, alphabet) != TAIL_LEN)
		return false;
	if (strspn(id, "0123456789TZ") != TIME_LEN)
		return false;
	return parse_time(id, &tm);
}

int64_t
snapshot_id_ms(const char *id)
{
	struct tm tm;

	parse_time(id, &tm);
	return (int64_t)timegm(&tm) * 1000;
}

int
job_name_check(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n == 0 || n > JOB_NAME_MAX || name[0] == '-' ||
	    strspn(name,
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != n)
		return err_set(err, ERR_USAGE,
		    "'%.70s' is no job name: use up to %d letters, digits, '-' "
		    "and '_', and do not begin with '-'",
		    name, JOB_NAME_MAX);
	return 0;
}
