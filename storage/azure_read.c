#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/retry.h"
#include "storage/azure_container.h"
#include "storage/azure_request.h"

#include "storage/azure_read.h"

/* To tell the MD5 of a longer one, the service refuses (400). */
#define MD5_RANGE_MAX ((size_t)4 << 20)

/* That the answer is the range asked for, and all of it. */
static int
check_range(const struct http_response *response,
    const struct azure_range *asked, struct err *err)
{
	const char *range = http_headers_get(
	    &response->headers, "Content-Range");
	char want[64];

	if (response->into_len != asked->len)
		return err_set(err, ERR_CORRUPT,
		    "%zu bytes from %" PRIu64 " on were asked for and %zu "
		    "came: the blob is shorter than that",
		    asked->len, asked->off, response->into_len);
	if (response->status == 200 && asked->off == 0)
		return 0;
	snprintf(want, sizeof(want), "bytes %" PRIu64 "-%" PRIu64 "/",
	    asked->off, asked->off + asked->len - 1);
	if (response->status != 206 || range == NULL ||
	    strncmp(range, want, strlen(want)) != 0)
		return err_set(err, ERR_CORRUPT,
		    "'%s' was asked for and another range came", want);
	return 0;
}

/* With a whole blob (200) comes only what its writer said once. */
static int
check_md5(const struct http_response *response, const void *bytes, size_t len,
    struct err *err)
{
	const char *told = http_headers_get(&response->headers, "Content-MD5");
	unsigned char sum[MD5_BYTES];
	struct buf text;
	int rc = 0;

	if (response->status != 206 || told == NULL)
		return 0;
	md5(bytes, len, sum);
	buf_init(&text, 32);
	base64_encode(&text, sum, sizeof(sum));
	if (strcmp(text.data, told) != 0)
		rc = err_set(err, ERR_TRANSIENT,
		    "the bytes were damaged on their way: they have not the "
		    "MD5 that the service sent with them");
	buf_release(&text);
	return rc;
}

static int
read_once(struct azure_request *r, const struct scope *scope,
    const struct azure_range *range, struct err *err)
{
	const char *store = r->container->shown;
	struct http_response response;
	int rc;

	if (azure_request_once(r, scope, &response, err) != 0)
		return -1;
	rc = check_range(&response, range, err);
	if (rc == 0)
		rc = check_md5(&response, r->http.into, range->len, err);
	http_response_release(&response);
	return rc == 0
	    ? 0
	    : err_in(err, "reading '%.150s' in '%.120s'", range->blob, store);
}

int
azure_read_range(const struct azure_container *c, const struct scope *scope,
    const struct azure_range *range, void *out, struct err *err)
{
	struct azure_request r;
	struct retry retry;
	int rc;

	rc = azure_request_init(
	    &r, c, "GET", "reading", range->blob, NULL, err);
	if (rc == 0) {
		http_headers_addf(&r.http.headers, "x-ms-range",
		    "bytes=%" PRIu64 "-%" PRIu64, range->off,
		    range->off + range->len - 1);
		if (range->len <= MD5_RANGE_MAX)
			http_headers_set(&r.http.headers,
			    "x-ms-range-get-content-md5", "true");
		if (range->etag != NULL)
			http_headers_set(
			    &r.http.headers, "If-Match", range->etag);
		r.http.into = out;
		r.http.into_size = range->len;
		retry_init(&retry, scope, NULL);
		while ((rc = read_once(&r, scope, range, err)) != 0)
			if (retry_wait(&retry, err) != 0)
				break;
	}
	azure_request_release(&r);
	return rc;
}
