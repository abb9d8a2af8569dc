#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/journal.h"
#include "base/retry.h"
#include "base/scope.h"
#include "base/secret.h"
#include "base/url.h"
#include "base/xalloc.h"

#include "arm/arm_client.h"
#include "arm/operation_private.h"
#include "arm/operation_status.h"

#define TIMEOUT_DEFAULT_MS ((int64_t)6 * 3600 * 1000)
#define KEY_MAX		   512

/* What the caller has seen of the resource before it asks must not be old. */
#define PUT_OFF_MS 60000

#define VALUE_MAX ((size_t)64 << 10)

static struct operation *
new_operation(const struct operation_site *site, const char *action)
{
	struct operation *op = xcalloc(1, sizeof(*op));

	op->site = *site;
	op->action = xstrdup(action);
	buf_init(&op->key, KEY_MAX);
	operation_note_key(&op->key, action, site->resource);
	return op;
}

void
operation_free(struct operation *op)
{
	if (op == NULL)
		return;
	operation_note_release(&op->note);
	buf_release(&op->key);
	free(op->action);
	free(op);
}

const char *
operation_note(const struct operation *op)
{
	return op->note.text;
}

void
operation_say(const struct operation *op, const char *doing,
    char out[OPERATION_DOING_SIZE])
{
	snprintf(out, OPERATION_DOING_SIZE, "%s the %s of '%.80s'", doing,
	    op->action, op->site.shown);
}

int
operation_save(struct operation *op, struct err *err)
{
	struct journal *j = op->site.journal;
	char *text = operation_note_format(&op->note);
	int rc = j->ops->put(j, op->key.data, text, err);

	free(text);
	op->unsaved = rc != 0;
	return rc == 0
	    ? 0
	    : err_in(err, "noting the %s of '%s'", op->action, op->site.shown);
}

/* ERR_MISSING when the journal has none. */
static int
load(struct operation *op, struct err *err)
{
	struct journal *j = op->site.journal;
	struct buf value;
	int rc;

	buf_init(&value, VALUE_MAX);
	rc = j->ops->get(j, op->key.data, &value, err);
	if (rc == 0)
		rc = operation_note_parse(&op->note, value.data, err);
	if (rc != 0 && err->kind != ERR_MISSING)
		err_in(err, "'%s' in the journal", op->key.data);
	buf_release(&value);
	return rc;
}

static char *
url_of(const struct operation *op, char **from)
{
	char *url = *from;

	*from = NULL;
	if (url == NULL || arm_client_trusts(op->site.client, url))
		return url;
	/* Not even where to: our token does not go there. */
	free(url);
	return NULL;
}

/* An answer that is a success: done at once, or accepted. */
static void
take_accepted(struct operation *op, struct arm_answer *a, const char *doing)
{
	struct operation_note *n = &op->note;
	struct operation_end *end = &n->end;
	bool told = a->operation_url != NULL || a->location != NULL;

	n->accepted = true;
	op->waits = true;
	op->first_told_ms = a->retry_after_ms;
	n->status_url = url_of(op, &a->operation_url);
	n->location = url_of(op, &a->location);
	/* There is somewhere to ask, though perhaps not for us: it goes on. */
	if (told)
		return;
	switch (operation_status_of(a, doing, &end->why)) {
	case PROGRESS_ON:
		return;
	case PROGRESS_DONE:
		end->outcome = OPERATION_SUCCEEDED;
		break;
	case PROGRESS_FAILED:
		end->outcome = OPERATION_FAILED;
		break;
	}
	n->ended = true;
}

/*
 * The request, until the service takes it, refuses it, or leaves it open what
 * it did: what certainly did nothing is safe to ask for again.
 */
static int
request(struct operation *op, const struct secret *body,
    const struct operation_opts *opts, const struct scope *scope,
    struct err *err)
{
	char path[KEY_MAX], doing[OPERATION_DOING_SIZE];
	struct arm_answer answer;
	struct arm_request r = {
	    .method = "POST",
	    .doing = doing,
	    .path = path,
	    .api_version = op->site.api_version,
	    .body = body,
	    .once = true,
	    .still_ours = opts->still_ours,
	    .still_ours_arg = opts->still_ours_arg,
	    .timeout_ms = OPERATION_REQUEST_MS,
	};
	const struct retry_opts again = {.total_ms = PUT_OFF_MS};
	struct retry retry;
	int rc;

	operation_say(op, "asking for", doing);
	snprintf(path, sizeof(path), "%s/%s", op->site.resource, op->action);
	retry_init(&retry, scope, &again);
	for (;;) {
		rc = arm_client_do(op->site.client, scope, &r, &answer, err);
		if (rc == 0 || r.in_doubt)
			break;
		if (retry_wait(&retry, err) != 0)
			return -1;
	}
	/* It may have been put off for minutes. */
	op->note.began_ms = scope_wall_ms(scope);
	if (rc != 0) {
		op->doubt = *err;
		*err = (struct err){0};
		return 0;
	}
	take_accepted(op, &answer, doing);
	arm_answer_release(&answer);
	return 0;
}

/* Whether the journal has one already that nobody settled. */
static int
check_unsettled(struct operation *op, struct err *err)
{
	if (load(op, err) != 0) {
		if (err->kind != ERR_MISSING)
			return -1;
		*err = (struct err){0};
		return 0;
	}
	return err_set(err, ERR_LOCKED,
	    "an earlier %s of '%s' has not come to its end, as the journal "
	    "has it",
	    op->action, op->site.shown);
}

struct operation *
operation_start(const struct operation_site *site, const char *action,
    const struct secret *body, const struct operation_opts *opts,
    const struct scope *scope, struct err *err)
{
	struct operation *op = new_operation(site, action);
	struct operation_note *n = &op->note;
	struct err ignored = {0};

	if (check_unsettled(op, err) != 0)
		goto fail;
	n->text = xstrdup(opts->note != NULL ? opts->note : "");
	assert(strlen(n->text) <= OPERATION_TEXT_MAX);
	n->began_ms = scope_wall_ms(scope);
	n->timeout_ms = opts->timeout_ms > 0 ? opts->timeout_ms
					     : TIMEOUT_DEFAULT_MS;
	if (operation_save(op, err) != 0)
		goto fail;
	if (request(op, body, opts, scope, err) != 0) {
		/* It came to nothing; where the entry stays, the next who
		 * looks finds that out. */
		operation_settle(op, &ignored);
		goto fail;
	}
	/* Where this fails it is tried again before it is followed. */
	operation_save(op, &ignored);
	return op;
fail:
	operation_free(op);
	return NULL;
}

struct operation *
operation_resume(
    const struct operation_site *site, const char *action, struct err *err)
{
	struct operation *op = new_operation(site, action);

	if (load(op, err) == 0)
		return op;
	operation_free(op);
	return NULL;
}

int
operation_settle(struct operation *op, struct err *err)
{
	struct journal *j = op->site.journal;

	return j->ops->remove(j, op->key.data, err);
}
