#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/http.h"
#include "base/url.h"
#include "storage/azure_cond.h"
#include "storage/azure_error.h"
#include "storage/azure_promote.h"
#include "storage/azure_request.h"
#include "storage/azure_version.h"
#include "storage/azure_xml.h"
#include "storage/store.h"
#include "storage/store_azure.h"

#include "storage/azure_undo.h"

#define SNAPSHOT_ID_SIZE 64 /* store_undo_ops' */
#define QUERY_MAX	 ((size_t)8 << 10)

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

static int
promote(struct store *s, const struct scope *scope, const char *blob,
    const char *id, struct blob_props *props, struct err *err)
{
	struct buf query;
	int rc;

	buf_init(&query, QUERY_MAX);
	rc = snapshot_query(&query, id, err);
	if (rc == 0)
		rc = azure_promote(s, scope, blob, query.data, props, err);
	buf_release(&query);
	return rc;
}

static int
undelete_soft(struct store *s, const struct scope *scope, const char *blob,
    struct err *err)
{
	struct azure_request r;
	int rc = azure_request_init(&r, store_azure_container(s), "PUT",
	    "bringing back", blob, "comp=undelete", err);

	if (rc == 0)
		rc = azure_request_run(&r, scope, err);
	azure_request_release(&r);
	return rc;
}

/*
 * Where the account keeps versions, what was deleted is the newest of them,
 * and the call brings back none: it succeeds, and the blob is no more there
 * than it was.
 */
static int
undelete(struct store *s, const struct scope *scope, const char *blob,
    struct err *err)
{
	char version[AZURE_VERSION_SIZE];
	struct blob_props props;
	struct err why;
	struct buf query;
	int rc;

	rc = undelete_soft(s, scope, blob, err);
	if (rc == 0)
		rc = s->ops->stat(s, scope, blob, &props, err);
	if (rc == 0 || !azure_error_is_no_blob(err))
		return rc;
	why = *err;
	*err = (struct err){0};
	if (azure_version_last(s, scope, blob, version, err) != 0)
		return -1;
	if (version[0] == '\0') {
		*err = why;
		return -1;
	}
	buf_init(&query, QUERY_MAX);
	buf_adds(&query, "versionid=");
	url_encode(&query, version, false);
	rc = azure_promote(s, scope, blob, query.data, NULL, err);
	buf_release(&query);
	return rc;
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
