/*
 * cloud.h -- Azure's clouds: where their services are, and what tokens for
 * them are asked for.
 *
 * A row is copied to override parts of it; what the copy's fields point to
 * must outlive it.  URLs have no slash at their end.  Storage has one audience
 * in all clouds, and so, as far as is known, has Redis: both stand where they
 * are asked for.  (From the environments of Azure's own Go SDK.)
 */
#ifndef ARM_CLOUD_H
#define ARM_CLOUD_H

struct err;

struct cloud {
	const char *name;	    /* "public", "usgov", "china" */
	const char *arm;	    /* "https://management.azure.com" */
	const char *arm_audience;   /* of its tokens */
	const char *login;	    /* Entra: "https://login.microsoft..." */
	const char *storage_suffix; /* behind "ACCOUNT.blob." */
	const char *vault_suffix;   /* behind "VAULT." */
	const char *vault_audience;
	const char *traffic_suffix; /* Traffic Manager's */
};

/* ERR_USAGE, with the names there are. */
const struct cloud *cloud_find(const char *name, struct err *);

#endif
