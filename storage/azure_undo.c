#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/http.h"
#include "base/retry.h"
#include "base/scope.h"
#include "base/url.h"
#include "storage/azure_cond.h"
#include "storage/azure_container.h"
#include "storage/azure_copy_job.h"
#include "storage/azure_error.h"
#include "storage/azure_request.h"
#include "storage/azure_xml.h"
#include "storage/store.h"
#include "storage/store_azure.h"

#include "storage/azure_undo.h"

#define SNAPSHOT_ID_SIZE 64 /* store_undo_ops' */
#define QUERY_MAX	 ((size_t)8 << 10)

/* Between two looks at a copy under way. */
#define LOOK_FIRST_MS 200
#define LOOK_MOST_MS  10000

/* When an answer was lost there may be two of them: harmless, and the service
 * tells of the later one. */
static int
snapshot(struct store *s, const struct scope *scope, const char *blob,
    const char *etag, char id[SNAPSHOT_ID_SIZE], struct err *err)
{
	const struct store_cond cond = {.if_match = etag};
	struct http_response response;
	struct azure_request r;
	const char *told;
	int rc = azure_request_init(&r, store_azure_container(s), "PUT",
	    "taking a snapshot of", blob, "comp=snapshot", err);

	if (rc == 0) {
		azure_cond_add(&r.http.headers, &cond);
		rc = azure_request_do(&r, scope, &response, err);
	}
	if (rc == 0) {
		told = http_headers_get(&response.headers, "x-ms-snapshot");
		if (told == NULL || *told == '\0' ||
		    strlen(told) >= SNAPSHOT_ID_SIZE) {
			err_set(err, ERR_CORRUPT, "an answer without its name");
			rc = azure_request_blame(&r, err);
		} else {
			memcpy(id, told, strlen(told) + 1);
		}
		http_response_release(&response);
	}
	azure_request_release(&r);
	return rc;
}

/* With no name it would be the blob itself. */
static int
snapshot_query(struct buf *query, const char *id, struct err *err)
{
	if (*id == '\0')
		return err_set(err, ERR_USAGE, "a snapshot has a name");
	buf_adds(query, "snapshot=");
	url_encode(query, id, false);
	return buf_check(query, "a snapshot's name", err);
}

static int
snapshot_remove(struct store *s, const struct scope *scope, const char *blob,
    const char *id, struct err *err)
{
	struct azure_request r = {0};
	struct buf query;
	int rc;

	buf_init(&query, QUERY_MAX);
	rc = snapshot_query(&query, id, err);
	if (rc == 0)
		rc = azure_request_init(&r, store_azure_container(s), "DELETE",
		    "removing a snapshot of", blob, query.data, err);
	if (rc == 0) {
		rc = azure_request_run(&r, scope, err);
		if (rc != 0 && azure_error_is_no_blob(err)) {
			*err = (struct err){0};
			rc = 0;
		}
	}
	azure_request_release(&r);
	buf_release(&query);
	return rc;
}

/* The snapshot's URL, a secret where the store's right is a SAS. */
static int
snapshot_url(const struct azure_container *c, const char *blob, const char *id,
    char **url, struct err *err)
{
	struct buf query;
	int rc;

	buf_init(&query, QUERY_MAX);
	rc = snapshot_query(&query, id, err);
	if (c->sas.data != NULL)
		buf_addf(&query, "&%s", c->sas.data);
	if (rc == 0)
		rc = buf_check(&query, "a snapshot's URL", err);
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
			    "the copy of a snapshot over '%.150s' goes on",
			    blob);
		if (azure_copy_poll(s, scope, blob, job, err) != 0)
			return -1;
		if (pause_ms < LOOK_MOST_MS)
			pause_ms *= 2;
	} while (job->state == COPY_PENDING);
	return 0;
}

/*
 * Begun until the service says that it has: the same snapshot may be copied
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
		    "'%.150s' was written by another while its snapshot was "
		    "brought back",
		    blob);
	if (job.state != COPY_SUCCESS)
		return err_set(err, ERR_SERVER,
		    "the copy of a snapshot over '%.150s' %s: %s", blob,
		    job.state == COPY_FAILED ? "failed" : "was aborted",
		    job.why[0] != '\0' ? job.why : "no reason was given");
	if (props != NULL)
		*props = job.props;
	return 0;
}

static int
promote(struct store *s, const struct scope *scope, const char *blob,
    const char *id, struct blob_props *props, struct err *err)
{
	struct copy_job job;
	char *url = NULL;
	int rc;

	rc = snapshot_url(store_azure_container(s), blob, id, &url, err);
	if (rc == 0)
		rc = begin(s, scope, blob, url, &job, err);
	if (rc == 0)
		rc = end(s, scope, blob, &job, props, err);
	store_lent_url_free(url);
	return rc;
}

static int
undelete(struct store *s, const struct scope *scope, const char *blob,
    struct err *err)
{
	struct blob_props props;
	struct azure_request r;
	int rc = azure_request_init(&r, store_azure_container(s), "PUT",
	    "bringing back", blob, "comp=undelete", err);

	if (rc == 0)
		rc = azure_request_run(&r, scope, err);
	azure_request_release(&r);

	/* Where the account keeps versions the call succeeds, and the blob is
	 * no more there than it was. */
	return rc == 0 ? s->ops->stat(s, scope, blob, &props, err) : -1;
}

struct retention {
	bool root, enabled;
	int days;
};

static int
on_close(void *arg, const struct azure_xml_place *at, const char *text,
    struct err *err)
{
	struct retention *r = arg;

	(void)err;
	if (strcmp(at->path, "StorageServiceProperties") == 0)
		r->root = true;
	if (strcmp(at->path,
		"StorageServiceProperties/DeleteRetentionPolicy/Enabled") == 0)
		r->enabled = strcmp(text, "true") == 0;
	if (strcmp(at->path,
		"StorageServiceProperties/DeleteRetentionPolicy/Days") == 0)
		r->days = atoi(text);
	return 0;
}

/* Whoever may write blobs need not be let to see how the account is set. */
static int
keeps_deleted(
    struct store *s, const struct scope *scope, int *days, struct err *err)
{
	struct retention kept = {0};
	const struct azure_xml_reader reader = {
	    .arg = &kept, .close = on_close};
	struct http_response response;
	struct azure_request r;
	int rc;

	*days = -1;
	azure_request_account(&r, store_azure_container(s), "GET",
	    "asking how long deleted blobs are kept by the account of",
	    "restype=service&comp=properties");
	rc = azure_request_do(&r, scope, &response, err);
	if (rc == 0) {
		rc = azure_xml_read(
		    response.body.data, response.body.len, &reader, err);
		http_response_release(&response);
		if (rc == 0 && !kept.root)
			rc = err_set(err, ERR_CORRUPT,
			    "XML that is no service's properties");
		if (rc != 0)
			azure_request_blame(&r, err);
		else
			*days = kept.enabled ? kept.days : 0;
	} else if (err->kind == ERR_AUTH) {
		*err = (struct err){0};
		rc = 0;
	}
	azure_request_release(&r);
	return rc;
}

const struct store_undo_ops azure_undo_ops = {
    .snapshot = snapshot,
    .snapshot_remove = snapshot_remove,
    .promote = promote,
    .undelete = undelete,
    .keeps_deleted = keeps_deleted,
};
