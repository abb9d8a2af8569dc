/*
 * keyvault.h -- secrets that are kept in Azure Key Vault (data plane 7.5).
 *
 *	https://VAULT.vault.azure.net/secrets/NAME[/VERSION]
 *
 * The token that reads them goes to the cloud's own vaults alone, or where its
 * suffix was overridden to that host and those below it; http is for a host on
 * this machine.
 */
#ifndef ARM_KEYVAULT_H
#define ARM_KEYVAULT_H

struct cloud;
struct credential;
struct err;
struct http;
struct scope;
struct secret;

struct keyvault {
	struct http *http;	       /* borrowed, as the others */
	struct credential *credential; /* asked for tokens of the vaults */
	const struct cloud *cloud;     /* of the suffix */
};

/* Whether url is one of the form above; ERR_USAGE.  Contacts nothing. */
int keyvault_check(const struct cloud *, const char *url, struct err *);

/*
 * The value, without a version the newest one's.  Repeated while the vault is
 * busy, as the scope allows.  ERR_AUTH tells which role is needed, ERR_MISSING
 * that there is no such secret, ERR_USAGE that it is disabled or empty.
 */
int keyvault_get(const struct keyvault *, const char *url, const struct scope *,
    struct secret *out, struct err *);

/*
 * The secret as a credential for any resource, asked for at each get(): with a
 * token_cache before it, whoever is refused the old value gets the new one.
 */
struct credential *
keyvault_credential_new(const struct keyvault *, const char *url);

#endif
