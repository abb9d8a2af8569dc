#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <curl/curl.h>

#include "base/err.h"
#include "base/redact.h"
#include "base/retry.h"
#include "base/scope.h"

#include "base/http.h"

/* Of what was asked, so that the service's words are not cut off. */
#define WHAT_MAX 320

static enum err_kind
kind_of(int status)
{
	if (retry_status(status))
		return ERR_TRANSIENT;
	switch (status) {
	case 401:
	case 403:
		return ERR_AUTH;
	case 404:
		return ERR_MISSING;
	case 409:
	case 412:
		return ERR_CONFLICT;
	default:
		return ERR_SERVER;
	}
}

static int
clamp_ms(int64_t ms)
{
	if (ms < 0)
		return 0;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

/* Digits and nothing else; -1 when text is no such number. */
static int64_t
parse_number(const char *text)
{
	char *end;
	long long n;

	if (!isdigit((unsigned char)text[0]))
		return -1;
	n = strtoll(text, &end, 10);
	if (*end != '\0')
		return -1;
	return n < INT_MAX ? n : INT_MAX;
}

/* RFC 9110, 10.2.3: seconds, or the date from which on to come again. */
int
http_retry_after_ms(const struct http_headers *h, const struct scope *scope)
{
	const char *ms = http_headers_get(h, "x-ms-retry-after-ms");
	const char *after = http_headers_get(h, "Retry-After");
	time_t date;

	if (ms != NULL && parse_number(ms) >= 0)
		return clamp_ms(parse_number(ms));
	if (after == NULL)
		return 0;
	if (parse_number(after) >= 0)
		return clamp_ms(parse_number(after) * 1000);
	date = curl_getdate(after, NULL);
	if (date == -1)
		return 0;
	return clamp_ms((int64_t)date * 1000 - scope_wall_ms(scope));
}

/* Printable ASCII, since it goes to terminals and logs. */
static void
copy_plain(char *out, size_t size, const char *value)
{
	size_t n = 0;

	for (; value != NULL && *value != '\0' && n + 1 < size; value++)
		if (isgraph((unsigned char)*value))
			out[n++] = *value;
	out[n] = '\0';
}

int
http_status_err(const struct http_response *resp, const struct scope *scope,
    struct err *err, const char *fmt, ...)
{
	const struct http_headers *h = &resp->headers;
	char what[sizeof(err->text)];
	struct buf text;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);

	err->status = resp->status;
	err->retry_after_ms = http_retry_after_ms(h, scope);
	copy_plain(err->code, sizeof(err->code),
	    http_headers_get(h, "x-ms-error-code"));
	copy_plain(err->request_id, sizeof(err->request_id),
	    http_headers_get(h, "x-ms-request-id"));

	buf_init(&text, 4 * sizeof(what));
	redact(&text, what);
	if (text.len > WHAT_MAX)
		buf_truncate(&text, WHAT_MAX);
	buf_addf(&text, ": the service answered %d", resp->status);
	if (err->code[0] != '\0')
		buf_addf(&text, " %s", err->code);
	if (err->request_id[0] != '\0')
		buf_addf(&text, " (request id %s)", err->request_id);
	err_set(err, kind_of(resp->status), "%s", text.data);
	buf_release(&text);
	return -1;
}
