#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/http.h"
#include "base/retry.h"
#include "storage/azure_error.h"

#include "storage/azure_source.h"

/* The service's limit on x-ms-copy-source. */
#define SOURCE_URL_MAX 2048

int
azure_source_add(
    struct http_headers *h, const struct azure_source *src, struct err *err)
{
	if (strlen(src->url) > SOURCE_URL_MAX)
		return err_set(err, ERR_UNSUPPORTED,
		    "the source's URL is over %d bytes", SOURCE_URL_MAX);
	http_headers_add(h, "x-ms-copy-source", src->url);
	if (src->etag != NULL)
		http_headers_add(h, "x-ms-source-if-match", src->etag);
	if (src->authorization != NULL)
		http_headers_add(
		    h, "x-ms-copy-source-authorization", src->authorization);
	return 0;
}

void
azure_source_add_range(struct http_headers *h, uint64_t off, uint64_t len)
{
	http_headers_addf(h, "x-ms-source-range", "bytes=%" PRIu64 "-%" PRIu64,
	    off, off + len - 1);
}

static bool
is_any(const char *code, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(code, *list) == 0)
			return true;
	return false;
}

/* What the source's service told the destination's: 0 and "" when nothing. */
struct told {
	int status;
	const char *code;
};

static struct told
told_of(const struct http_response *response)
{
	const struct http_headers *h = &response->headers;
	const char *status = http_headers_get(
	    h, "x-ms-copy-source-status-code");
	const char *code = http_headers_get(h, "x-ms-copy-source-error-code");
	struct told told = {
	    .status = status != NULL ? atoi(status) : 0,
	    .code = code != NULL ? code : "",
	};

	/* A code is one word, and goes to terminals. */
	for (const char *p = told.code; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p))
			told.code = "";
	return told;
}

/*
 * CannotVerifyCopySource stands for whatever went wrong with the source.  Its
 * reference gives it status 500 too, so that tells nothing.
 */
static bool
source_is_busy(const struct err *err, const struct told *told)
{
	static const char *const busy[] = {
	    "InternalError", "OperationTimedOut", "ServerBusy", NULL};

	if (told->status != 0 || told->code[0] != '\0')
		return retry_status(told->status) || is_any(told->code, busy);
	return err->status == 429 || err->status == 503;
}

/*
 * What a refusal means for the copy.  A change at the source is a conflict, an
 * overload ours to sit out; what is said of the destination means here what it
 * means elsewhere.  A request that the service does not understand, or a
 * source that it cannot reach or read, leaves streaming, which will tell the
 * true cause if there is another.
 */
static enum err_kind
kind_of(const struct err *err, const struct told *told)
{
	static const char *const changed[] = {
	    "ConditionNotMet", "SourceConditionNotMet", NULL};

	if (err->kind == ERR_TRANSIENT)
		return ERR_TRANSIENT;
	if (is_any(err->code, changed) || is_any(told->code, changed))
		return ERR_CONFLICT;
	if (source_is_busy(err, told))
		return ERR_TRANSIENT;
	if (!azure_error_is_known(err) &&
	    (err->status == 400 || err->status == 409 || err->status == 501))
		return ERR_UNSUPPORTED;
	return err->kind;
}

/* Short: it is told as the reason for streaming, beside what was copied. */
static void
say_why(struct err *err, const struct told *told)
{
	const char *what = "the service does not copy it";
	const char *code = err->code;
	int status = err->status;

	if (told->status != 0) {
		what = "the service cannot read the source";
		status = told->status;
		code = told->code;
	} else if (strcmp(code, "CannotVerifyCopySource") == 0) {
		what = "the service cannot reach or read the source";
	}
	err_set(err, ERR_UNSUPPORTED, "%s: %d%s%s (request id %s)", what,
	    status, code[0] != '\0' ? " " : "", code,
	    err->request_id[0] != '\0' ? err->request_id : "none");
}

void
azure_source_judge(struct err *err, const struct http_response *response)
{
	const struct told told = told_of(response);

	err->kind = kind_of(err, &told);
	if (err->kind == ERR_UNSUPPORTED)
		say_why(err, &told);
}
