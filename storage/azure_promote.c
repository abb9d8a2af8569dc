#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/retry.h"
#include "base/scope.h"
#include "storage/azure_container.h"
#include "storage/azure_copy_job.h"
#include "storage/azure_error.h"
#include "storage/store.h"
#include "storage/store_azure.h"

#include "storage/azure_promote.h"

#define QUERY_MAX ((size_t)8 << 10)

/* Between two looks at a copy under way. */
#define LOOK_FIRST_MS 200
#define LOOK_MOST_MS  10000

/* A secret where the store's right is a SAS. */
static int
state_url(const struct azure_container *c, const char *blob, const char *which,
    char **url, struct err *err)
{
	struct buf query;
	int rc;

	buf_init(&query, QUERY_MAX);
	buf_adds(&query, which);
	if (c->sas.data != NULL)
		buf_addf(&query, "&%s", c->sas.data);
	rc = buf_check(&query, "an earlier state's URL", err);
	if (rc == 0)
		rc = azure_container_url(c, blob, query.data, url, err);
	if (query.size > 0)
		explicit_bzero(query.data, query.size);
	buf_release(&query);
	return rc;
}

/* Looks at the copy until it has ended. */
static int
follow(struct store *s, const struct scope *scope, const char *blob,
    struct copy_job *job, struct err *err)
{
	int64_t pause_ms = LOOK_FIRST_MS;

	do {
		if (scope_sleep(scope, pause_ms, err) != 0)
			return err_in(err,
			    "the copy of an earlier state over '%.150s' "
			    "goes on",
			    blob);
		if (azure_copy_poll(s, scope, blob, job, err) != 0)
			return -1;
		if (pause_ms < LOOK_MOST_MS)
			pause_ms *= 2;
	} while (job->state == COPY_PENDING);
	return 0;
}

/*
 * Begun until the service says that it has: the same state may be copied
 * twice.  One that was begun unseen stands in the way of the next until it
 * ends.
 */
static int
begin(struct store *s, const struct scope *scope, const char *blob,
    const char *url, struct copy_job *job, struct err *err)
{
	const struct put_from what = {.src_url = url};
	struct retry retry;
	bool lost = false;

	retry_init(&retry, scope, NULL);
	while (azure_copy_start(s, scope, blob, &what, job, err) != 0) {
		if (lost && strcmp(err->code, "PendingCopyOperation") == 0) {
			*err = (struct err){0};
			if (follow(s, scope, blob, job, err) != 0)
				return -1;
			continue;
		}
		lost = lost || azure_error_is_ambiguous(err);
		if (retry_wait(&retry, err) != 0)
			return -1;
	}
	return 0;
}

static int
end(struct store *s, const struct scope *scope, const char *blob,
    const struct copy_job *begun, struct blob_props *props, struct err *err)
{
	struct copy_job job = *begun;

	/* The answer that began it does not tell the blob's size. */
	if (job.state == COPY_SUCCESS) {
		if (azure_copy_poll(s, scope, blob, &job, err) != 0)
			return -1;
	} else if (follow(s, scope, blob, &job, err) != 0) {
		return -1;
	}
	if (strcmp(job.id, begun->id) != 0)
		return err_set(err, ERR_CONFLICT,
		    "'%.150s' was written by another while an earlier state "
		    "was brought back",
		    blob);
	if (job.state != COPY_SUCCESS)
		return err_set(err, ERR_SERVER,
		    "the copy of an earlier state over '%.150s' %s: %s", blob,
		    job.state == COPY_FAILED ? "failed" : "was aborted",
		    job.why[0] != '\0' ? job.why : "no reason was given");
	if (props != NULL)
		*props = job.props;
	return 0;
}

int
azure_promote(struct store *s, const struct scope *scope, const char *blob,
    const char *which, struct blob_props *props, struct err *err)
{
	struct copy_job job;
	char *url = NULL;
	int rc;

	rc = state_url(store_azure_container(s), blob, which, &url, err);
	if (rc == 0)
		rc = begin(s, scope, blob, url, &job, err);
	if (rc == 0)
		rc = end(s, scope, blob, &job, props, err);
	store_lent_url_free(url);
	return rc;
}
