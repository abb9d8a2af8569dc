/*
 * credential.h -- a token or password, asked for when it is needed.
 *
 * What lives above (identity endpoints, Key Vault) implements it; connections
 * and stores only ask.  Each call returns a value that is valid for at least
 * a few minutes more, from a cache or freshly fetched.
 */
#ifndef BASE_CREDENTIAL_H
#define BASE_CREDENTIAL_H

#include <stdint.h>

#include "base/secret.h"

struct credential;
struct err;
struct scope;

struct token {
	struct secret value;
	int64_t expires_ms; /* wall clock; INT64_MAX: does not */
};

struct credential_ops {
	/*
	 * resource is an audience such as "https://storage.azure.com", or ""
	 * where only one is meant.  The caller releases token->value.
	 */
	int (*get)(struct credential *, const struct scope *,
	    const char *resource, struct token *, struct err *);

	/* The last value was refused: do not answer it from the cache. */
	void (*forget)(struct credential *, const char *resource);

	void (*free)(struct credential *);
};

struct credential {
	const struct credential_ops *ops;
};

/* One value for all resources, copied. */
struct credential *credential_fixed_new(const struct secret *);

/* The other's, which is borrowed, for that audience (copied), whichever is
 * asked for. */
struct credential *
credential_for_new(struct credential *, const char *resource);

#endif
