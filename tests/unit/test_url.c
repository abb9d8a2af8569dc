#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/url.h"

static void
takes_all_parts_apart(void **state)
{
	struct url u;
	struct err err = {0};

	(void)state;
	assert_int_equal(
	    url_parse(&u,
		"HTTPS://us%40er:p%3Aw%2F@[::1]:8443/a%20b/c?x=1&y=%26", &err),
	    0);
	assert_string_equal(u.scheme, "https");
	assert_string_equal(u.user, "us@er");
	assert_string_equal(u.password, "p:w/");
	assert_string_equal(u.host, "::1");
	assert_int_equal(u.port, 8443);
	assert_string_equal(u.path, "/a%20b/c");
	assert_string_equal(u.query, "x=1&y=%26");
	url_release(&u);
	url_release(&u);
}

static void
what_is_absent_is_told_from_what_is_empty(void **state)
{
	struct url u;
	struct err err = {0};

	(void)state;
	assert_int_equal(url_parse(&u, "redis://:pw@host", &err), 0);
	assert_null(u.user);
	assert_string_equal(u.password, "pw");
	assert_string_equal(u.path, "");
	assert_int_equal(u.port, 0);
	assert_null(u.query);
	url_release(&u);

	assert_int_equal(url_parse(&u, "redis://user@host:/?", &err), 0);
	assert_string_equal(u.user, "user");
	assert_null(u.password);
	assert_int_equal(u.port, 0);
	assert_string_equal(u.query, "");
	url_release(&u);

	assert_int_equal(url_parse(&u, "redis://user:@host", &err), 0);
	assert_string_equal(u.password, "");
	url_release(&u);
}

static void
files_and_sockets_need_no_host(void **state)
{
	struct url u;
	struct err err = {0};

	(void)state;
	assert_int_equal(url_parse(&u, "file:///var/backup", &err), 0);
	assert_string_equal(u.host, "");
	assert_string_equal(u.path, "/var/backup");
	url_release(&u);
	assert_int_equal(url_parse(&u, "unix:/run/redis.sock?db=1", &err), 0);
	assert_string_equal(u.scheme, "unix");
	assert_string_equal(u.host, "");
	assert_string_equal(u.path, "/run/redis.sock");
	assert_string_equal(u.query, "db=1");
	url_release(&u);
}

static void
what_is_no_url_is_refused_without_being_quoted(void **state)
{
	static const char *const bad[] = {"", "hunter2", "://hunter2",
	    "1x://hunter2", "redis:hunter2", "redis://:hunter2@",
	    "redis://:hunter2@h@host", "redis://:hunter2/@host",
	    "redis://:hunter2#@host", "redis://:hunter2 @host",
	    "redis://:hunter2%@host", "redis://:hunter2%00@host",
	    "redis://hunter2%zz@host", "redis://u:hunter2@host:0",
	    "redis://u:hunter2@host:65536", "redis://u:hunter2@host:6x",
	    "redis://u:hunter2@host:99999999999999999999",
	    "redis://u:hunter2@[::1", "redis://u:hunter2@[::1]x",
	    "redis://u:hunter2@[]", "redis://u:hunter2@[g]",
	    "redis://u:hunter2@ho%st", "redis://u:hunter2@a,b",
	    "redis://u:hunter2@h\nost", "redis://u:hunter2@h\x7f"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err err = {0};
		struct url u;

		assert_int_equal(url_parse(&u, bad[i], &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_null(strstr(err.text, "hunter2"));
		assert_null(u.scheme);
		assert_null(u.password);
	}
}

static void
length_has_a_ceiling(void **state)
{
	char text[URL_MAX + 2] = "file:///";
	struct err err = {0};
	struct url u;

	(void)state;
	memset(text + 8, 'x', URL_MAX - 8);
	text[URL_MAX] = '\0';
	assert_int_equal(url_parse(&u, text, &err), 0);
	url_release(&u);
	strcpy(text + URL_MAX, "x");
	assert_int_equal(url_parse(&u, text, &err), -1);
}

static void
encodes_what_is_reserved(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	url_encode(&b, "aZ09-._~/ %+\xc3\xa9", true);
	assert_string_equal(b.data, "aZ09-._~/%20%25%2B%C3%A9");
	buf_truncate(&b, 0);
	url_encode(&b, "a/b", false);
	assert_string_equal(b.data, "a%2Fb");
	buf_release(&b);
}

static void
decodes_all_or_nothing(void **state)
{
	static const char *const bad[] = {
	    "a%41%", "a%41%4", "a%41%4g", "a%41%g4", "a%41%00"};
	char text[32] = "%41%2f%2Fb+%c3%A9%25";
	struct err err = {0};

	(void)state;
	assert_int_equal(url_decode(text, &err), 0);
	assert_string_equal(text, "A//b+\xc3\xa9%");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		strcpy(text, bad[i]);
		assert_int_equal(url_decode(text, &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_string_equal(text, bad[i]);
	}
}

static void
finds_query_parameters(void **state)
{
	static const char query[] = "a=1&bb=x%3Dy%26&%63=3&empty&=z&bad=%&a=2";
	static const char *const want[][2] = {{"a", "1"}, {"bb", "x=y&"},
	    {"c", "3"}, {"empty", ""}, {"b", NULL}, {"bad", NULL}, {"", "z"},
	    {"A", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		char *value = url_query_get(query, want[i][0]);

		if (want[i][1] == NULL) {
			assert_null(value);
		} else {
			assert_non_null(value);
			assert_string_equal(value, want[i][1]);
		}
		free(value);
	}
	assert_null(url_query_get(NULL, "a"));
	assert_null(url_query_get("", "a"));
}

static void
shows_no_secret(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	url_show(&b, "https://u:p@h.net:8/c/d?sv=1&sig=aa%2Bb&se=2");
	assert_string_equal(
	    b.data, "https://h.net:8/c/d?sv=1&sig=[redacted]&se=2");
	buf_release(&b);
}

static void
what_goes_in_the_clear_stays_on_this_machine(void **state)
{
	static const char *const good[] = {"https://example.net/",
	    "http://localhost:1/", "http://127.0.0.1:1/", "http://127.1/",
	    "http://[::1]/x"};
	static const char *const bad[] = {"http://example.net/",
	    "http://127.0.0.1.example.net/", "http://localhost.example.net/",
	    "http://10.0.0.1/", "ftp://localhost/", "http:///x"};
	struct err err = {0};
	struct url u;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(url_parse(&u, good[i], &err), 0);
		assert_true(url_is_private(&u));
		url_release(&u);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(url_parse(&u, bad[i], &err), 0);
		assert_false(url_is_private(&u));
		url_release(&u);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_all_parts_apart),
	    cmocka_unit_test(what_goes_in_the_clear_stays_on_this_machine),
	    cmocka_unit_test(what_is_absent_is_told_from_what_is_empty),
	    cmocka_unit_test(files_and_sockets_need_no_host),
	    cmocka_unit_test(what_is_no_url_is_refused_without_being_quoted),
	    cmocka_unit_test(length_has_a_ceiling),
	    cmocka_unit_test(encodes_what_is_reserved),
	    cmocka_unit_test(decodes_all_or_nothing),
	    cmocka_unit_test(finds_query_parameters),
	    cmocka_unit_test(shows_no_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
