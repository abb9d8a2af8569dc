#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/http.h"
#include "storage/azure_time.h"
#include "storage/store.h"

#include "storage/azure_props.h"

static int
take_size(struct blob_props *p, const char *value, struct err *err)
{
	char *end;

	errno = 0;
	p->size = strtoull(value, &end, 10);
	if (errno != 0 || *end != '\0' || *value < '0' || *value > '9')
		return err_set(
		    err, ERR_CORRUPT, "'%.40s' is no content length", value);
	return 0;
}

static int
take_etag(struct blob_props *p, const char *value, struct err *err)
{
	const char *quote = strchr(value, '"') != NULL ? "" : "\"";
	int n = snprintf(
	    p->etag, sizeof(p->etag), "%s%s%s", quote, value, quote);

	if (n < 0 || (size_t)n >= sizeof(p->etag))
		return err_set(
		    err, ERR_CORRUPT, "an ETag of over %d bytes", ETAG_MAX - 1);
	return 0;
}

static int
take_md5(struct blob_props *p, const char *value, struct err *err)
{
	struct buf raw;
	int rc;

	buf_init(&raw, MD5_BYTES);
	rc = base64_decode(&raw, value, err);
	if (rc != 0 || raw.overflowed || raw.len != MD5_BYTES) {
		rc = err_set(
		    err, ERR_CORRUPT, "'%.40s' is no MD5 in base64", value);
	} else {
		memcpy(p->md5, raw.data, MD5_BYTES);
		p->has_md5 = true;
	}
	buf_release(&raw);
	return rc;
}

/* One that does not fit is as good as unknown; half of one is worse. */
static int
take_type(struct blob_props *p, const char *value, struct err *err)
{
	size_t len = strlen(value);

	(void)err;
	if (len < sizeof(p->content_type))
		memcpy(p->content_type, value, len + 1);
	return 0;
}

static int
take_modified(struct blob_props *p, const char *value, struct err *err)
{
	return azure_time_parse(value, &p->modified_ms, err);
}

/* One that a later service may know is none that we can write, so it is read
 * as the commonest. */
static int
take_blob_type(struct blob_props *p, const char *value, struct err *err)
{
	(void)err;
	if (strcmp(value, "PageBlob") == 0)
		p->type = BLOB_PAGE;
	else if (strcmp(value, "AppendBlob") == 0)
		p->type = BLOB_APPEND;
	else
		p->type = BLOB_BLOCK;
	return 0;
}

int
azure_props_take(
    struct blob_props *p, const char *name, const char *value, struct err *err)
{
	static const struct {
		const char *name;
		int (*take)(
		    struct blob_props *, const char *value, struct err *);
	} known[] = {
	    {"Content-Length", take_size}, {"ETag", take_etag},
	    {"Last-Modified", take_modified}, {"Content-MD5", take_md5},
	    {"Content-Type", take_type},
	    {"BlobType", take_blob_type},	/* in a listing */
	    {"x-ms-blob-type", take_blob_type}, /* as a header */
	};

	if (*value == '\0')
		return 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcasecmp(name, known[i].name) == 0)
			return known[i].take(p, value, err);
	return 0;
}

int
azure_props_from_headers(
    struct blob_props *p, const struct http_headers *headers, struct err *err)
{
	*p = (struct blob_props){0};
	for (size_t i = 0; i < headers->n; i++)
		if (azure_props_take(p, headers->list[i].name,
			headers->list[i].value, err) != 0)
			return -1;
	if (p->etag[0] == '\0')
		return err_set(err, ERR_CORRUPT, "an answer without an ETag");
	return 0;
}
