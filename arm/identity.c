#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/retry.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "arm/token_answer.h"

#include "arm/identity_private.h"

/*
 * What the metadata service's page recommends is five tries at some 0, 2, 6,
 * 14 and 30 s; by 410 it says that it is being renewed, which takes up to 70 s.
 */
#define FIRST_MS 2000
#define MOST_MS	 16000
#define TOTAL_MS 60000
#define GONE_MS	 100000

/* For a machine that is none of Azure's, where a packet may just vanish. */
#define GUESS_MS 3000

int
identity_send(struct identity *id, const struct scope *scope,
    struct http_request *request, struct http_response *response,
    struct err *err)
{
	request->response_max = TOKEN_ANSWER_MAX;
	return http_do(id->http, scope, request, response, err);
}

void
identity_answer_release(struct http_response *response)
{
	if (response->body.size > 0)
		explicit_bzero(response->body.data, response->body.size);
	http_response_release(response);
}

/*
 * Other clouds' machines have a metadata service at the same address, which
 * knows no such path, and has no such words for it.
 */
static bool
is_foreign(const struct err *err)
{
	return err->code[0] == '\0' &&
	    (err->status == 401 || err->status == 403 || err->status == 404 ||
		err->status == 405);
}

int
identity_take(struct identity *id, const struct scope *scope,
    struct http_response *response, struct token *token, struct err *err)
{
	int rc;

	if (response->status == 200) {
		rc = token_answer_parse(response->body.data, response->body.len,
		    scope_wall_ms(scope), token, err);
		if (rc != 0)
			err_in(err, "%s", id->name);
	} else {
		rc = token_answer_refused(response, scope, id->name, err);
	}
	if (rc == 0 || !is_foreign(err))
		atomic_store(&id->found, true);
	identity_answer_release(response);
	return rc;
}

/* Nothing there is not a failure of a service: it tells what to do. */
static int
nobody(const struct identity *id, struct err *err)
{
	const char *path = strstr(id->endpoint, "/metadata/");
	const char *why = err->text, *next;
	char reason[120];

	/* Without what was asked, and how often. */
	while ((next = strstr(why, "': ")) != NULL)
		why = next + 3;
	snprintf(reason, sizeof(reason), "%.119s", why);
	return err_set(err, ERR_AUTH,
	    "no identity here: no variable tells of a service principal, App "
	    "Service or Azure Arc, and no metadata service of Azure's is at "
	    "'%.*s' (%s); name an identity, or give a key instead",
	    (int)(path - id->endpoint), id->endpoint, reason);
}

static int
identity_get(struct credential *c, const struct scope *scope,
    const char *resource, struct token *token, struct err *err)
{
	static const struct retry_opts opts = {
	    .first_ms = FIRST_MS, .most_ms = MOST_MS, .total_ms = TOTAL_MS};
	struct identity *id = (struct identity *)c;
	struct retry retry;

	*token = (struct token){0};
	retry_init(&retry, scope, &opts);
	while (id->ask(id, scope, resource, token, err) != 0) {
		bool guess = id->guessed && !atomic_load(&id->found);

		if (err->status == 410)
			retry.opts.total_ms = GONE_MS;
		if (guess)
			retry.opts.total_ms = GUESS_MS;
		if (retry_wait(&retry, err) == 0)
			continue;
		if (guess && err->kind != ERR_CANCELLED)
			return nobody(id, err);
		return -1;
	}
	return 0;
}

/* What it fetches is never kept. */
static void
identity_forget(struct credential *c, const char *resource)
{
	(void)c;
	(void)resource;
}

static void
identity_free(struct credential *c)
{
	struct identity *id = (struct identity *)c;

	if (id == NULL)
		return;
	secret_release(&id->secret);
	free(id->name);
	free(id->client_id);
	free(id->object_id);
	free(id->resource_id);
	free(id->endpoint);
	free(id->file);
	free(id->arc_dir);
	free(id);
}

static const struct credential_ops identity_ops = {
    .get = identity_get,
    .forget = identity_forget,
    .free = identity_free,
};

struct credential *
identity_open(
    const struct identity_opts *opts, struct http *http, struct err *err)
{
	struct identity *id = xcalloc(1, sizeof(*id));

	id->base.ops = &identity_ops;
	id->http = http;
	atomic_init(&id->found, false);
	if (identity_choose(id, opts, err) != 0) {
		identity_free(&id->base);
		return NULL;
	}
	return &id->base;
}

const char *
identity_name(const struct credential *c)
{
	return ((const struct identity *)c)->name;
}
