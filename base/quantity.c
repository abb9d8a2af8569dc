#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/err.h"

#include "base/quantity.h"

bool
quantity_number(const char *s, uint64_t *n, const char **rest)
{
	char *end;

	if (!isdigit((unsigned char)s[0]))
		return false;
	errno = 0;
	*n = strtoull(s, &end, 10);
	*rest = end;
	return errno == 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static int
parse_with_unit(const char *s, const struct unit *units, uint64_t *out)
{
	const char *rest;
	uint64_t n;

	if (!quantity_number(s, &n, &rest))
		return -1;
	for (; units->name != NULL; units++) {
		if (strcasecmp(rest, units->name) != 0)
			continue;
		if (n > (uint64_t)INT64_MAX / units->factor)
			return -1;
		*out = n * units->factor;
		return 0;
	}
	return -1;
}

int
quantity_bytes(const char *s, uint64_t *bytes, struct err *err)
{
	static const struct unit units[] = {{"", 1}, {"B", 1},
	    {"KiB", UINT64_C(1) << 10}, {"MiB", UINT64_C(1) << 20},
	    {"GiB", UINT64_C(1) << 30}, {"TiB", UINT64_C(1) << 40},
	    {"K", UINT64_C(1) << 10}, {"M", UINT64_C(1) << 20},
	    {"G", UINT64_C(1) << 30}, {"T", UINT64_C(1) << 40}, {NULL, 0}};

	if (parse_with_unit(s, units, bytes) != 0)
		return err_set(err, ERR_USAGE,
		    "'%.40s' is no size: write 512KiB, 8MiB, 64GiB or bytes",
		    s);
	return 0;
}

int
quantity_ms(const char *s, int64_t *ms, struct err *err)
{
	static const struct unit units[] = {{"ms", 1}, {"s", 1000},
	    {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
	uint64_t n;

	if (parse_with_unit(s, units, &n) != 0)
		return err_set(err, ERR_USAGE,
		    "'%.40s' is no time: write 500ms, 90s, 15m, 2h or 1d", s);
	*ms = (int64_t)n;
	return 0;
}
