#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/http.h"
#include "base/url.h"
#include "storage/azure_cond.h"
#include "storage/azure_head.h"
#include "storage/azure_held.h"
#include "storage/azure_props.h"
#include "storage/azure_request.h"
#include "storage/azure_source.h"
#include "storage/azure_traits.h"
#include "storage/blob_traits.h"
#include "storage/store.h"
#include "storage/store_azure.h"

#include "storage/azure_copy_job.h"

/* The content headers are the source's, whatever is asked. */
#define TRAITS_TAKEN (TRAIT_METADATA | TRAIT_TAGS | TRAIT_TIER)

/* Of a header that is not there, "". */
static const char *
header(const struct http_headers *h, const char *name)
{
	const char *value = http_headers_get(h, name);

	return value != NULL ? value : "";
}

static int
take_state(struct copy_job *job, const char *status, struct err *err)
{
	static const struct {
		const char *name;
		enum copy_state state;
	} known[] = {
	    {"pending", COPY_PENDING},
	    {"success", COPY_SUCCESS},
	    {"failed", COPY_FAILED},
	    {"aborted", COPY_ABORTED},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(status, known[i].name) == 0) {
			job->state = known[i].state;
			return 0;
		}
	return err_set(
	    err, ERR_CORRUPT, "'%.40s' is no state of a copy", status);
}

/* A service's words go to terminals. */
static void
take_why(struct copy_job *job, const char *words)
{
	if (job->state != COPY_FAILED && job->state != COPY_ABORTED)
		return;
	snprintf(job->why, sizeof(job->why), "%s", words);
	for (char *p = job->why; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}

/* What was made by no copy has no id. */
static int
take_job(struct copy_job *job, const struct http_headers *h, struct err *err)
{
	const char *id = header(h, "x-ms-copy-id");
	const char *progress = header(h, "x-ms-copy-progress");

	job->state = COPY_ABORTED;
	if (*id == '\0')
		return 0;
	if (strlen(id) >= sizeof(job->id))
		return err_set(
		    err, ERR_CORRUPT, "a copy's id of %zu bytes", strlen(id));
	memcpy(job->id, id, strlen(id) + 1);
	if (take_state(job, header(h, "x-ms-copy-status"), err) != 0)
		return -1;
	if (*progress != '\0' &&
	    sscanf(progress, "%" SCNu64 "/%" SCNu64, &job->done, &job->total) !=
		2)
		return err_set(err, ERR_CORRUPT,
		    "'%.40s' is no progress of a copy", progress);
	take_why(job, header(h, "x-ms-copy-status-description"));
	return 0;
}

static int
add_headers(struct http_headers *h, struct store *s, const char *blob,
    const struct put_from *what, struct err *err)
{
	const struct azure_source source = {
	    .url = what->src_url, .etag = what->src_etag};

	if (what->src_authorization != NULL)
		return err_set(err, ERR_UNSUPPORTED,
		    "Copy Blob takes no token for its source");
	if (azure_source_add(h, &source, err) != 0)
		return -1;
	if (what->traits != NULL)
		azure_traits_add(h, what->traits, TRAITS_TAKEN);
	azure_held_add(store_azure_held(s), blob, h);
	azure_cond_add(h, &what->cond);
	return 0;
}

/* The answer's length is not the blob's. */
static int
take_start(struct copy_job *job, const struct http_headers *h, struct err *err)
{
	if (azure_props_from_headers(&job->props, h, err) != 0 ||
	    take_job(job, h, err) != 0)
		return -1;
	job->props.size = 0;
	if (job->id[0] == '\0')
		return err_set(
		    err, ERR_CORRUPT, "a copy was begun that has no id");
	return 0;
}

int
azure_copy_start(struct store *s, const struct scope *scope, const char *blob,
    const struct put_from *what, struct copy_job *job, struct err *err)
{
	struct http_response response;
	struct azure_request r;
	int rc;

	*job = (struct copy_job){0};
	rc = azure_request_init(&r, store_azure_container(s), "PUT",
	    "beginning a copy into", blob, NULL, err);
	if (rc == 0)
		rc = add_headers(&r.http.headers, s, blob, what, err);
	if (rc == 0) {
		r.judge = azure_source_judge;
		r.http.fresh_connection = true;
		rc = azure_request_once(&r, scope, &response, err);
	}
	if (rc == 0) {
		rc = take_start(job, &response.headers, err);
		http_response_release(&response);
		if (rc != 0)
			azure_request_blame(&r, err);
	}
	azure_request_release(&r);
	return rc;
}

int
azure_copy_poll(struct store *s, const struct scope *scope, const char *blob,
    struct copy_job *job, struct err *err)
{
	struct http_response response;
	int rc;

	*job = (struct copy_job){0};
	if (azure_head(store_azure_container(s), scope, blob, &job->props,
		&response, err) != 0)
		return -1;
	rc = take_job(job, &response.headers, err);
	http_response_release(&response);
	return rc != 0 ? err_in(err, "the copy into '%.150s'", blob) : 0;
}

static bool
has_ended(const struct err *err)
{
	return strcmp(err->code, "NoPendingCopyOperation") == 0 ||
	    strcmp(err->code, "CopyIdMismatch") == 0 ||
	    err->kind == ERR_MISSING;
}

int
azure_copy_abort(struct store *s, const struct scope *scope, const char *blob,
    const char *id, struct err *err)
{
	struct azure_request r = {0};
	struct buf query;
	int rc;

	buf_init(&query, 1024);
	buf_adds(&query, "comp=copy&copyid=");
	url_encode(&query, id, false);
	rc = buf_check(&query, "a copy's id", err);
	if (rc == 0)
		rc = azure_request_init(&r, store_azure_container(s), "PUT",
		    "aborting the copy into", blob, query.data, err);
	if (rc == 0) {
		http_headers_set(&r.http.headers, "x-ms-copy-action", "abort");
		azure_held_add(store_azure_held(s), blob, &r.http.headers);
		rc = azure_request_run(&r, scope, err);
	}
	azure_request_release(&r);
	buf_release(&query);
	if (rc == 0 || !has_ended(err))
		return rc;
	*err = (struct err){0};
	return 0;
}
