#include <stdio.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/scope.h"

#include "storage/lease.h"

#define SECONDS_MIN 15 /* as the service has it */
#define SECONDS_MAX 60

void
lease_id_make(const struct scope *scope, char id[LEASE_ID_MAX])
{
	unsigned char b[16];
	char hex[2 * sizeof(b) + 1];

	/* Version 4, RFC 9562. */
	scope_random(scope, b, sizeof(b));
	b[6] = (unsigned char)(0x40 | (b[6] & 0x0f));
	b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
	hex_encode(b, sizeof(b), hex);
	snprintf(id, LEASE_ID_MAX, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
	    hex + 12, hex + 16, hex + 20);
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool
lease_id_valid(const char *id)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i;

	for (i = 0; form[i] != '\0'; i++)
		if (form[i] == '-' ? id[i] != '-' : !is_hex(id[i]))
			return false;
	return id[i] == '\0';
}

int
lease_check(int seconds, const char *id, struct err *err)
{
	if (seconds < SECONDS_MIN || seconds > SECONDS_MAX)
		return err_set(err, ERR_USAGE,
		    "a lease lasts %d to %d seconds, not %d", SECONDS_MIN,
		    SECONDS_MAX, seconds);
	if (!lease_id_valid(id))
		return err_set(err, ERR_USAGE,
		    "'%.64s' is no id of a lease: it must be a UUID", id);
	return 0;
}
