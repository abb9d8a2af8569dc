/*
 * What the service may answer when it is asked for a user delegation key: one
 * that is taken is whole, ends some time, and signs.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/azure_sas.h"
#include "storage/azure_user_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_key(const struct azure_delegation *d)
{
	const struct azure_sas sas = {
	    .account = "acct",
	    .container = "c",
	    .permissions = AZURE_SAS_EXPORT,
	    .expires_ms = d->expires_ms,
	};
	struct err err = {0};
	struct buf out;

	if (d->oid == NULL || d->tid == NULL || d->start == NULL ||
	    d->expiry == NULL || d->service == NULL || d->version == NULL ||
	    d->key.len == 0)
		abort();
	buf_init(&out, 1 << 20);
	if (azure_sas_by_delegation(&out, &sas, d, &err) == 0 &&
	    (strstr(out.data, "&sig=") == NULL ||
		strpbrk(out.data, " \r\n\"<>#") != NULL))
		abort();
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct azure_delegation d;
	struct err err = {0};

	if (azure_user_key_parse((const char *)data, size, &d, &err) == 0)
		check_key(&d);
	else if (err.kind == ERR_NONE || err.text[0] == '\0')
		abort();
	azure_delegation_release(&d);
	return 0;
}
