/*
 * azure_sas.h -- a shared access signature: a right that fits into a URL.
 *
 * Of one blob or one container, made with the account's key (service SAS), or
 * with a key that the service lent to an identity (user delegation SAS).  The
 * strings to sign are those of sv 2025-11-05: a service SAS's is that of
 * 2020-12-06 and later, a user delegation SAS's that of 2025-07-05 to before
 * 2026-04-06.  There is never a start: clocks differ, and the services that
 * are given one refuse a start that is less than 15 minutes ago.
 */
#ifndef STORAGE_AZURE_SAS_H
#define STORAGE_AZURE_SAS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"

struct buf;
struct err;

#define AZURE_SAS_READ "r"

/* What Azure's Redis services ask for to export into a container, in the
 * order that a signature wants: read, add, create, write, delete, tag, move. */
#define AZURE_SAS_EXPORT "racwdtm"

/* All rights there are, in the order that a signature wants. */
#define AZURE_SAS_PERMISSIONS "racwdxltmeop"

/* Whether these are letters of rights, each once, in that order. */
bool azure_sas_permissions_ok(const char *);

struct azure_sas {
	const char *account;
	const char *container;
	const char *blob; /* not encoded; NULL: the container and all in it */
	const char *permissions;
	int64_t expires_ms; /* wall clock; rounded down to the second */
	bool https_only;
};

/* A key that the service lent: Get User Delegation Key. */
struct azure_delegation {
	char *oid, *tid;      /* whose it is */
	char *start, *expiry; /* as the service wrote them */
	char *service, *version;
	struct secret key; /* decoded */
	int64_t expires_ms;
};

void azure_delegation_release(struct azure_delegation *);

/* Both add "sv=...&sig=...", which is a secret. */
int azure_sas_by_key(struct buf *, const struct azure_sas *,
    const struct secret *key, struct err *);
int azure_sas_by_delegation(struct buf *, const struct azure_sas *,
    const struct azure_delegation *, struct err *);

#endif
