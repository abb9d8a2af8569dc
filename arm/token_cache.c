#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/credential.h"
#include "base/err.h"
#include "base/monitor.h"
#include "base/scope.h"
#include "base/xalloc.h"

#include "arm/token_cache.h"

#define EARLY_MS     ((int64_t)5 * 60 * 1000)
#define HALF_FROM_MS ((int64_t)2 * 3600 * 1000)

/* While the old one is good nobody waits long for a new one. */
#define RENEW_MS       15000
#define RENEW_AGAIN_MS 30000

/* Requests that were sent together may be refused one after the other. */
#define REFUSALS_MS 10000

struct entry {
	struct entry *next;
	char *resource;	    /* without the slash at its end */
	struct token token; /* value.data NULL: none */
	/* Of the scope's mono clock, which nobody sets. */
	int64_t renew_ms, over_ms;

	bool refused;	      /* what is kept was, or what was before it */
	int64_t heed_from_ms; /* of the same clock */

	bool fetching;
	uint64_t fetches; /* that ended */
	/* Of the last one: ERR_NONE when it went well; by when it had to. */
	struct err failed;
	int64_t failed_by_ms;
};

struct token_cache {
	struct credential base;
	struct credential *inner;
	struct monitor monitor; /* guards what follows */
	struct entry *entries;
};

/* "https://storage.azure.com" and the same with a slash are one audience. */
static struct entry *
entry_of(struct token_cache *c, const char *resource)
{
	size_t len = strlen(resource);
	struct entry *e;

	while (len > 0 && resource[len - 1] == '/')
		len--;
	for (e = c->entries; e != NULL; e = e->next)
		if (strlen(e->resource) == len &&
		    memcmp(e->resource, resource, len) == 0)
			return e;
	e = xcalloc(1, sizeof(*e));
	e->resource = xcalloc(1, len + 1);
	memcpy(e->resource, resource, len);
	e->next = c->entries;
	c->entries = e;
	return e;
}

static bool
is_good(const struct entry *e, const struct scope *scope)
{
	return e->token.value.data != NULL && scope_mono_ms(scope) < e->over_ms;
}

/* The same again may well go better. */
static int
say_ended(const struct entry *e, struct err *err)
{
	return err_set(err, ERR_TRANSIENT,
	    "the token for '%.200s' had ended when it came; see that this "
	    "machine's clock is right",
	    e->resource);
}

/* Fails, and leaves what was kept, where the clock was set forward during the
 * fetch, past the token's end. */
static int
put(struct entry *e, struct token *token, const struct scope *scope,
    struct err *err)
{
	int64_t now_ms = scope_mono_ms(scope);
	int64_t life_ms = token->expires_ms - scope_wall_ms(scope);

	if (token->expires_ms != INT64_MAX && life_ms <= 0) {
		secret_release(&token->value);
		return say_ended(e, err);
	}
	secret_release(&e->token.value);
	e->token = *token;
	*token = (struct token){0};
	e->refused = false;
	e->renew_ms = e->over_ms = INT64_MAX;
	if (e->token.expires_ms == INT64_MAX)
		return 0;
	e->over_ms = now_ms + life_ms;
	e->renew_ms = e->over_ms - EARLY_MS;
	if (life_ms >= HALF_FROM_MS)
		e->renew_ms = now_ms + life_ms / 2;
	return 0;
}

/* With the lock held, which is given up meanwhile. */
static void
fetch(struct token_cache *c, struct entry *e, const char *resource,
    const struct scope *scope)
{
	bool good = is_good(e, scope);
	struct scope narrow = good ? scope_within(scope, RENEW_MS) : *scope;
	struct token token = {0};
	struct err err = {0};
	int rc;

	e->fetching = true;
	monitor_unlock(&c->monitor);
	rc = c->inner->ops->get(c->inner, &narrow, resource, &token, &err);
	monitor_lock(&c->monitor);
	e->fetching = false;
	e->fetches++;
	if (rc == 0) {
		err = (struct err){0};
		rc = put(e, &token, scope, &err);
	}
	if (rc != 0)
		e->renew_ms = scope_mono_ms(scope) + RENEW_AGAIN_MS;
	e->failed = err;
	e->failed_by_ms = scope->deadline_ms;
	monitor_broadcast(&c->monitor);
}

/*
 * Who waits takes what came of the fetch, and its failure too, unless that
 * was only the other's: that it was cancelled, or had less time.
 */
static bool
is_shared(const struct entry *e, const struct scope *scope)
{
	switch (e->failed.kind) {
	case ERR_NONE:
	case ERR_CANCELLED:
		return false;
	case ERR_UNREACHABLE:
		return e->failed_by_ms >= scope->deadline_ms;
	default:
		return true;
	}
}

/* After the first refusal the next ones tell of a token that is gone already,
 * and a service that refuses all costs no fetch for each request. */
static void
drop_refused(struct entry *e, const struct scope *scope)
{
	int64_t now_ms = scope_mono_ms(scope);

	if (e->refused && now_ms >= e->heed_from_ms) {
		secret_release(&e->token.value);
		e->heed_from_ms = now_ms + REFUSALS_MS;
	}
	e->refused = false;
}

/* With the lock held. */
static int
get(struct token_cache *c, struct entry *e, const char *resource,
    const struct scope *scope, struct token *out, struct err *err)
{
	uint64_t seen;

	drop_refused(e, scope);
	while (e->fetching && !is_good(e, scope)) {
		seen = e->fetches;
		if (monitor_wait(&c->monitor, scope, err) != 0)
			return -1;
		if (e->fetches != seen && !is_good(e, scope) &&
		    is_shared(e, scope)) {
			*err = e->failed;
			return -1;
		}
	}
	if (!e->fetching &&
	    (!is_good(e, scope) || scope_mono_ms(scope) >= e->renew_ms))
		fetch(c, e, resource, scope);
	if (!is_good(e, scope)) {
		*err = e->failed;
		/* It came well, and lived for no longer than this took. */
		return err->kind != ERR_NONE ? -1 : say_ended(e, err);
	}
	out->expires_ms = e->token.expires_ms;
	secret_copy(&out->value, &e->token.value);
	return 0;
}

static int
cache_get(struct credential *base, const struct scope *scope,
    const char *resource, struct token *out, struct err *err)
{
	struct token_cache *c = (struct token_cache *)base;
	int rc;

	*out = (struct token){0};
	monitor_lock(&c->monitor);
	rc = get(c, entry_of(c, resource), resource, scope, out, err);
	monitor_unlock(&c->monitor);
	return rc;
}

/* Heeded by the next who asks, and so has a clock. */
static void
cache_forget(struct credential *base, const char *resource)
{
	struct token_cache *c = (struct token_cache *)base;

	monitor_lock(&c->monitor);
	entry_of(c, resource)->refused = true;
	monitor_unlock(&c->monitor);
}

static void
cache_free(struct credential *base)
{
	struct token_cache *c = (struct token_cache *)base;
	struct entry *e;

	if (c == NULL)
		return;
	while ((e = c->entries) != NULL) {
		c->entries = e->next;
		secret_release(&e->token.value);
		free(e->resource);
		free(e);
	}
	c->inner->ops->free(c->inner);
	monitor_release(&c->monitor);
	free(c);
}

static const struct credential_ops cache_ops = {
    .get = cache_get,
    .forget = cache_forget,
    .free = cache_free,
};

struct credential *
token_cache_new(struct credential *inner)
{
	struct token_cache *c = xcalloc(1, sizeof(*c));

	c->base.ops = &cache_ops;
	c->inner = inner;
	monitor_init(&c->monitor);
	return &c->base;
}
