#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/http.h"
#include "tests/sim/fake_clock.h"

/* Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples. */
#define EXAMPLE_MS ((int64_t)784111777 * 1000)

static struct err
err_of(int status, const char *name, const char *value)
{
	struct http_response resp = {.status = status};
	struct fake_clock clock;
	struct scope scope = fake_clock_init(&clock);
	struct err err = {0};

	clock.wall_ms = EXAMPLE_MS - 30000;
	if (name != NULL)
		http_headers_add(&resp.headers, name, value);
	assert_int_equal(
	    http_status_err(&resp, &scope, &err, "getting '%s'", "b"), -1);
	assert_int_equal(err.status, status);
	http_response_release(&resp);
	return err;
}

static void
kind_follows_the_status(void **state)
{
	static const struct {
		int status;
		enum err_kind kind;
	} rows[] = {
	    {301, ERR_SERVER},
	    {400, ERR_SERVER},
	    {401, ERR_AUTH},
	    {403, ERR_AUTH},
	    {404, ERR_MISSING},
	    {408, ERR_TRANSIENT},
	    {409, ERR_CONFLICT},
	    {412, ERR_CONFLICT},
	    {429, ERR_TRANSIENT},
	    {500, ERR_TRANSIENT},
	    {501, ERR_SERVER},
	    {502, ERR_TRANSIENT},
	    {503, ERR_TRANSIENT},
	    {504, ERR_TRANSIENT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    err_of(rows[i].status, NULL, NULL).kind, rows[i].kind);
}

static void
reads_when_to_come_again(void **state)
{
	static const struct {
		const char *name, *value;
		int ms;
	} rows[] = {
	    {NULL, NULL, 0},
	    {"Retry-After", "7", 7000},
	    {"Retry-After", "0", 0},
	    {"Retry-After", "99999999999999999999", INT_MAX},
	    {"Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT", 30000},
	    {"Retry-After", "Sunday, 06-Nov-94 08:49:37 GMT", 30000},
	    {"Retry-After", "Sun Nov  6 08:49:37 1994", 30000},
	    {"Retry-After", "Sun, 06 Nov 1994 08:49:00 GMT", 0},
	    {"Retry-After", "Tue, 06 Nov 2093 08:49:00 GMT", INT_MAX},
	    {"Retry-After", "-5", 0},
	    {"Retry-After", "soon", 0},
	    {"Retry-After", "", 0},
	    {"x-ms-retry-after-ms", "250", 250},
	    {"x-ms-retry-after-ms", "soon", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    err_of(503, rows[i].name, rows[i].value).retry_after_ms,
		    rows[i].ms);
}

static void
milliseconds_win_over_seconds(void **state)
{
	struct http_response resp = {.status = 429};
	struct scope scope = scope_root(NULL);
	struct err err = {0};

	(void)state;
	http_headers_add(&resp.headers, "Retry-After", "2");
	http_headers_add(&resp.headers, "x-ms-retry-after-ms", "1500");
	http_status_err(&resp, &scope, &err, "x");
	assert_int_equal(err.retry_after_ms, 1500);
	http_headers_set(&resp.headers, "x-ms-retry-after-ms", "?");
	http_status_err(&resp, &scope, &err, "x");
	assert_int_equal(err.retry_after_ms, 2000);
	http_response_release(&resp);
}

static void
text_has_the_services_words_and_no_secret(void **state)
{
	struct http_response resp = {.status = 404};
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	char long_name[600];

	(void)state;
	http_headers_add(&resp.headers, "x-ms-error-code", "BlobNotFound");
	http_headers_add(&resp.headers, "x-ms-request-id", "3f0-7");
	http_status_err(&resp, &scope, &err, "getting '%s'", "dump.rdb");
	assert_string_equal(err.code, "BlobNotFound");
	assert_string_equal(err.request_id, "3f0-7");
	assert_string_equal(err.text,
	    "getting 'dump.rdb': the service answered 404 BlobNotFound "
	    "(request id 3f0-7)");

	http_status_err(&resp, &scope, &err, "copying from '%s'",
	    "https://a.example.test/c/b?sv=1&sig=SECRET%3D");
	assert_null(strstr(err.text, "SECRET"));
	assert_non_null(strstr(err.text, "404 BlobNotFound"));

	memset(long_name, 'n', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	http_status_err(&resp, &scope, &err, "getting '%s'", long_name);
	assert_non_null(strstr(err.text, "404 BlobNotFound"));
	assert_non_null(strstr(err.text, "3f0-7)"));
	http_response_release(&resp);

	assert_string_equal(err_of(418, NULL, NULL).text,
	    "getting 'b': the service answered 418");
}

/* An error of an earlier attempt leaves nothing behind, a terminal's escape
 * sequence does not get through, and what is too long is cut. */
static void
takes_nothing_on_trust(void **state)
{
	struct http_response resp = {.status = 500};
	struct scope scope = scope_root(NULL);
	struct err err = {.code = "Old", .request_id = "old"};
	char id[200];

	(void)state;
	err.retry_after_ms = 9;
	http_status_err(&resp, &scope, &err, "x");
	assert_string_equal(err.code, "");
	assert_string_equal(err.request_id, "");
	assert_int_equal(err.retry_after_ms, 0);

	memset(id, 'i', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	http_headers_add(&resp.headers, "x-ms-error-code",
	    "\x1b[2J\xff"
	    "Code");
	http_headers_add(&resp.headers, "x-ms-request-id", id);
	http_status_err(&resp, &scope, &err, "x");
	assert_string_equal(err.code, "[2JCode");
	assert_int_equal(strlen(err.request_id), sizeof(err.request_id) - 1);
	http_response_release(&resp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kind_follows_the_status),
	    cmocka_unit_test(reads_when_to_come_again),
	    cmocka_unit_test(milliseconds_win_over_seconds),
	    cmocka_unit_test(text_has_the_services_words_and_no_secret),
	    cmocka_unit_test(takes_nothing_on_trust),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
