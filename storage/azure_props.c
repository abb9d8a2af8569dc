#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/http.h"
#include "storage/azure_time.h"
#include "storage/store.h"

#include "storage/azure_props.h"

#define ROW(name) name, sizeof(name) - 1

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
	size_t quotes = strchr(value, '"') != NULL ? 0 : 1;
	size_t len = strlen(value);

	if (len + 2 * quotes >= sizeof(p->etag))
		return err_set(
		    err, ERR_CORRUPT, "an ETag of over %d bytes", ETAG_MAX - 1);
	p->etag[0] = '"';
	memcpy(p->etag + quotes, value, len);
	memcpy(p->etag + quotes + len, "\"", quotes);
	p->etag[len + 2 * quotes] = '\0';
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
		size_t len;
		int (*take)(
		    struct blob_props *, const char *value, struct err *);
	} known[] = {
	    {ROW("Content-Length"), take_size}, {ROW("ETag"), take_etag},
	    {ROW("Last-Modified"), take_modified},
	    {ROW("Content-MD5"), take_md5}, {ROW("Content-Type"), take_type},
	    {ROW("BlobType"), take_blob_type},	     /* in a listing */
	    {ROW("x-ms-blob-type"), take_blob_type}, /* as a header */
	};
	size_t len = strlen(name);

	if (*value == '\0')
		return 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (len == known[i].len && strcasecmp(name, known[i].name) == 0)
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
