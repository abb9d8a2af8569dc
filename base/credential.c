#include <stdlib.h>

#include "base/xalloc.h"

#include "base/credential.h"

struct fixed {
	struct credential base;
	struct secret value;
};

static int
fixed_get(struct credential *c, const struct scope *scope, const char *resource,
    struct token *token, struct err *err)
{
	(void)scope;
	(void)resource;
	(void)err;
	*token = (struct token){.expires_ms = INT64_MAX};
	secret_copy(&token->value, &((struct fixed *)c)->value);
	return 0;
}

/* There is no other value to get. */
static void
fixed_forget(struct credential *c, const char *resource)
{
	(void)c;
	(void)resource;
}

static void
fixed_free(struct credential *c)
{
	if (c == NULL)
		return;
	secret_release(&((struct fixed *)c)->value);
	free(c);
}

static const struct credential_ops fixed_ops = {
    .get = fixed_get,
    .forget = fixed_forget,
    .free = fixed_free,
};

struct credential *
credential_fixed_new(const struct secret *value)
{
	struct fixed *f = xcalloc(1, sizeof(*f));

	f->base.ops = &fixed_ops;
	secret_copy(&f->value, value);
	return &f->base;
}
