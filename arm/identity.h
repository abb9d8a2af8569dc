/*
 * identity.h -- who we are to Azure, and tokens for that.
 *
 * An identity is a credential that fetches a token whenever it is asked; put
 * a token_cache before it.  Each fetch is repeated as its endpoint wants it,
 * for a minute or two at most: bound it by a scope.  Errors name the identity
 * and never hold a secret.
 *
 *	managed		the machine's own (IMDS), App Service's or Functions',
 *			an Azure Arc server's
 *	service		a secret, a certificate, or a file that somebody else
 *	principal	signs (workload federation, read at each fetch)
 *	token		one that is given, for tests and special cases
 *
 * With IDENTITY_AUTO the environment decides, by the variables that Azure's
 * own clients know, in this order: a service principal (AZURE_TENANT_ID and
 * AZURE_CLIENT_ID with AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH or
 * AZURE_FEDERATED_TOKEN_FILE), App Service (IDENTITY_ENDPOINT and
 * IDENTITY_HEADER), Arc (IDENTITY_ENDPOINT and IMDS_ENDPOINT), and else the
 * machine's metadata service, which is given up soon when nothing is there.
 * What is chosen is not left for another when it fails: rights that come and
 * go with a passing failure help nobody.
 */
#ifndef ARM_IDENTITY_H
#define ARM_IDENTITY_H

#include "base/credential.h"

struct cloud;
struct err;
struct http;

enum identity_kind {
	IDENTITY_AUTO,
	IDENTITY_IMDS,
	IDENTITY_APP_SERVICE,
	IDENTITY_ARC,
	IDENTITY_SECRET,
	IDENTITY_CERTIFICATE,
	IDENTITY_FEDERATED,
	IDENTITY_TOKEN,
};

/* NULL where the environment may tell, or nothing is meant. */
struct identity_opts {
	enum identity_kind kind;
	const struct cloud *cloud; /* of its login */

	/*
	 * Of a service principal; or, one of the three, which of the managed
	 * identities that the user made is meant.
	 */
	const char *client_id; /* else AZURE_CLIENT_ID */
	const char *object_id;
	const char *resource_id; /* "/subscriptions/..." */

	const char *tenant;	     /* else AZURE_TENANT_ID */
	const struct secret *secret; /* else AZURE_CLIENT_SECRET; the token */
	const char *certificate;     /* else AZURE_CLIENT_CERTIFICATE_PATH */
	const char *token_file;	     /* else AZURE_FEDERATED_TOKEN_FILE */

	const char *login;   /* else AZURE_AUTHORITY_HOST, else the cloud's */
	const char *imds;    /* else AZURE_POD_IDENTITY_AUTHORITY_HOST, else
			      * http://169.254.169.254 */
	const char *arc_dir; /* of its challenges; else the agent's own */
};

/*
 * Contacts nothing and copies opts; http is borrowed.  ERR_USAGE when what the
 * kind needs is not given.
 */
struct credential *
identity_open(const struct identity_opts *, struct http *, struct err *);

/* "the managed identity of this machine (IMDS)": of one by identity_open(). */
const char *identity_name(const struct credential *);

#endif
