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

struct aimed {
	struct credential base;
	struct credential *of;
	char *resource;
};

static int
aimed_get(struct credential *c, const struct scope *scope, const char *resource,
    struct token *token, struct err *err)
{
	const struct aimed *a = (const struct aimed *)c;

	(void)resource;
	return a->of->ops->get(a->of, scope, a->resource, token, err);
}

static void
aimed_forget(struct credential *c, const char *resource)
{
	const struct aimed *a = (const struct aimed *)c;

	(void)resource;
	if (a->of->ops->forget != NULL)
		a->of->ops->forget(a->of, a->resource);
}

static void
aimed_free(struct credential *c)
{
	if (c == NULL)
		return;
	free(((struct aimed *)c)->resource);
	free(c);
}

static const struct credential_ops aimed_ops = {
    .get = aimed_get,
    .forget = aimed_forget,
    .free = aimed_free,
};

struct credential *
credential_for_new(struct credential *of, const char *resource)
{
	struct aimed *a = xcalloc(1, sizeof(*a));

	a->base.ops = &aimed_ops;
	a->of = of;
	a->resource = xstrdup(resource);
	return &a->base;
}
