/*
 * The expected strings were written down from the documentation's layout, and
 * their signatures computed by another program (Python's hmac).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/http.h"
#include "base/xalloc.h"

#include "storage/azure_sign.h"

#define DATE "Sat, 21 Nov 2026 06:27:49 GMT"

/* Bytes 0 to 63, so that the key holds a NUL. */
static struct hmac *
make_key(void)
{
	unsigned char raw[64];

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (unsigned char)i;
	return hmac_new(raw, sizeof(raw));
}

static void
make_put_block(struct http_request *r)
{
	*r = (struct http_request){
	    .method = "PUT",
	    .url = xstrdup("https://acct.blob.core.windows.net/c1/a%20b/"
			   "%C3%A9%2B%25?comp=block"
			   "&blockid=0123456789abcdef00000001"),
	};
	http_headers_add(&r->headers, "x-ms-version", AZURE_VERSION);
	http_headers_add(&r->headers, "If-None-Match", "*");
	http_headers_add(
	    &r->headers, "Content-MD5", "XUFAKrxLKna5cZ2REBfFkg==");
	http_headers_add(&r->headers, "X-MS-Date", DATE);
	http_headers_add(
	    &r->headers, "x-ms-blob-content-type", "application/gzip");
}

static void
assert_signed_text(
    const char *account, const struct http_request *r, const char *want)
{
	struct err err = {0};
	struct buf text;

	buf_init(&text, 65536);
	assert_int_equal(azure_string_to_sign(&text, account, r, &err), 0);
	assert_string_equal(text.data, want);
	buf_release(&text);
}

static void
sorts_headers_and_parameters_and_keeps_the_path_as_sent(void **state)
{
	struct chunk *body = chunk_view("hello", 5);
	struct http_request r;

	(void)state;
	make_put_block(&r);
	r.body = &body;
	r.nbody = 1;
	assert_signed_text("acct", &r,
	    "PUT\n\n\n5\nXUFAKrxLKna5cZ2REBfFkg==\n\n\n\n\n*\n\n\n"
	    "x-ms-blob-content-type:application/gzip\n"
	    "x-ms-date:" DATE "\n"
	    "x-ms-version:2025-11-05\n"
	    "/acct/c1/a%20b/%C3%A9%2B%25\n"
	    "blockid:0123456789abcdef00000001\ncomp:block");
	http_request_release(&r);
	chunk_unref(body);
}

static void
signs_with_the_decoded_key(void **state)
{
	struct chunk *body = chunk_view("hello", 5);
	struct hmac *key = make_key();
	struct http_request r;
	struct err err = {0};

	(void)state;
	make_put_block(&r);
	r.body = &body;
	r.nbody = 1;
	assert_int_equal(azure_sign(&r, "acct", key, &err), 0);
	assert_string_equal(http_headers_get(&r.headers, "Authorization"),
	    "SharedKey acct:pqasTA3mcZj/dyaHdONocqkBjKwd1qYA9vHegzkR3Q0=");
	http_request_release(&r);
	chunk_unref(body);
	hmac_free(key);
}

static void
signing_again_replaces_the_signature(void **state)
{
	struct hmac *key = make_key();
	struct http_request r;
	struct err err = {0};
	char *first;

	(void)state;
	make_put_block(&r);
	assert_int_equal(azure_sign(&r, "acct", key, &err), 0);
	first = xstrdup(http_headers_get(&r.headers, "Authorization"));
	http_headers_set(
	    &r.headers, "x-ms-date", "Sat, 21 Nov 2026 06:27:50 GMT");
	assert_int_equal(azure_sign(&r, "acct", key, &err), 0);
	assert_string_not_equal(
	    http_headers_get(&r.headers, "Authorization"), first);
	assert_int_equal(r.headers.n, 6);
	free(first);
	http_request_release(&r);
	hmac_free(key);
}

/* Path-style: the path has the account, and the resource has it before. */
static void
an_emulators_account_stands_twice(void **state)
{
	struct http_request r = {
	    .method = "GET",
	    .url = xstrdup("http://127.0.0.1:10000/acct/c1?restype=container"
			   "&comp=list&prefix=a%2Fb%20%2B&marker="),
	};

	(void)state;
	http_headers_add(&r.headers, "x-ms-date", DATE);
	http_headers_add(&r.headers, "x-ms-range", "bytes=0-9");
	http_headers_add(&r.headers, "Range", "bytes=0-9");
	http_headers_add(&r.headers, "If-Match", "\"0x8D\"");
	assert_signed_text("acct", &r,
	    "GET\n\n\n\n\n\n\n\n\"0x8D\"\n\n\nbytes=0-9\n"
	    "x-ms-date:" DATE "\nx-ms-range:bytes=0-9\n"
	    "/acct/acct/c1\ncomp:list\nmarker:\nprefix:a/b +\n"
	    "restype:container");
	http_request_release(&r);
}

/* An empty value stays, as "name:"; a longer name sorts after its start. */
static void
empty_headers_and_common_beginnings(void **state)
{
	struct http_request r = {
	    .method = "PUT",
	    .url = xstrdup("https://acct.blob.core.windows.net/c1/b"
			   "?Comp=BLOCK&x=2&x=1&flag"),
	};

	(void)state;
	http_headers_add(
	    &r.headers, "x-ms-copy-source-authorization", "Bearer t");
	http_headers_add(&r.headers, "x-ms-copy-source", "https://h/c/b");
	http_headers_add(&r.headers, "x-ms-empty", "");
	http_headers_add(&r.headers, "Content-Type", "application/xml");
	assert_signed_text("acct", &r,
	    "PUT\n\n\n\n\napplication/xml\n\n\n\n\n\n\n"
	    "x-ms-copy-source:https://h/c/b\n"
	    "x-ms-copy-source-authorization:Bearer t\n"
	    "x-ms-empty:\n"
	    "/acct/c1/b\ncomp:BLOCK\nflag:\nx:1,2");
	http_request_release(&r);
}

static void
what_cannot_be_signed_is_an_error(void **state)
{
	static const char *const bad[] = {
	    "https://host-without-path",
	    "no-scheme/path",
	    "https://h/p?a=%zz",
	    "https://h/p?%00=1",
	};
	struct hmac *key = make_key();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct http_request r = {
		    .method = "GET", .url = xstrdup(bad[i])};
		struct err err = {0};

		assert_int_equal(azure_sign(&r, "acct", key, &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_null(http_headers_get(&r.headers, "Authorization"));
		http_request_release(&r);
	}
	hmac_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		sorts_headers_and_parameters_and_keeps_the_path_as_sent),
	    cmocka_unit_test(signs_with_the_decoded_key),
	    cmocka_unit_test(signing_again_replaces_the_signature),
	    cmocka_unit_test(an_emulators_account_stands_twice),
	    cmocka_unit_test(empty_headers_and_common_beginnings),
	    cmocka_unit_test(what_cannot_be_signed_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
