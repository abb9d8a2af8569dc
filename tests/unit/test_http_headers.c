#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/http.h"

static void
names_compare_without_case(void **state)
{
	struct http_headers h = {0};

	(void)state;
	assert_null(http_headers_get(&h, "ETag"));
	http_headers_add(&h, "ETag", "\"1\"");
	assert_string_equal(http_headers_get(&h, "etag"), "\"1\"");
	assert_null(http_headers_get(&h, "ETa"));
	assert_null(http_headers_get(&h, "ETagg"));
	http_headers_release(&h);
	assert_null(http_headers_get(&h, "ETag"));
}

static void
keep_their_order_and_doubles(void **state)
{
	struct http_headers h = {0};

	(void)state;
	for (int i = 0; i < 40; i++)
		http_headers_addf(&h, i % 2 ? "b" : "a", "%d", i);
	assert_int_equal(h.n, 40);
	assert_string_equal(http_headers_get(&h, "b"), "1");
	assert_string_equal(h.list[39].value, "39");
	http_headers_release(&h);
}

static void
set_replaces_all_of_a_name(void **state)
{
	struct http_headers h = {0};

	(void)state;
	http_headers_add(&h, "x", "1");
	http_headers_add(&h, "keep", "2");
	http_headers_add(&h, "X", "3");
	/* Its own old value may be the new one. */
	http_headers_set(&h, "x", http_headers_get(&h, "x"));
	assert_int_equal(h.n, 2);
	assert_string_equal(h.list[0].name, "keep");
	assert_string_equal(http_headers_get(&h, "X"), "1");
	http_headers_set(&h, "fresh", "4");
	assert_int_equal(h.n, 3);
	http_headers_release(&h);
}

static void
requests_and_responses_are_released_twice_without_harm(void **state)
{
	struct http_request req = {.url = strdup("http://h/")};
	struct http_response resp = {0};

	(void)state;
	http_headers_add(&req.headers, "a", "b");
	http_request_release(&req);
	http_request_release(&req);
	assert_null(req.url);
	http_headers_add(&resp.headers, "a", "b");
	buf_init(&resp.body, 10);
	buf_adds(&resp.body, "text");
	http_response_release(&resp);
	http_response_release(&resp);
	assert_int_equal(resp.body.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_compare_without_case),
	    cmocka_unit_test(keep_their_order_and_doubles),
	    cmocka_unit_test(set_replaces_all_of_a_name),
	    cmocka_unit_test(
		requests_and_responses_are_released_twice_without_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
