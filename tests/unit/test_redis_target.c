#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "rdb/redis_target.h"

static struct redis_target
parsed(const char *url)
{
	struct redis_target t;
	struct err err = {0};

	if (redis_target_parse(url, &t, &err) != 0)
		fail_msg("'%s': %s", url, err.text);
	return t;
}

static void
refused(const char *url, const char *why)
{
	struct redis_target t;
	struct err err = {0};

	if (redis_target_parse(url, &t, &err) == 0)
		fail_msg("'%s' was taken", url);
	assert_int_equal(err.kind, ERR_USAGE);
	if (strstr(err.text, why) == NULL)
		fail_msg("'%s': %s", url, err.text);
	assert_null(t.hosts);
}

static void
a_plain_url_has_the_default_port(void **state)
{
	struct redis_target t = parsed("redis://db.example");

	(void)state;
	assert_int_equal(t.nhosts, 1);
	assert_string_equal(t.hosts[0].host, "db.example");
	assert_int_equal(t.hosts[0].port, 6379);
	assert_false(t.hosts[0].tls);
	assert_int_equal(t.db, 0);
	assert_null(t.user);
	assert_string_equal(t.shown, "redis://db.example:6379");
	redis_target_release(&t);
}

static void
several_hosts_share_user_tls_and_database(void **state)
{
	struct redis_target t = parsed(
	    "rediss://back%40up@a:1,[2001:db8::7]:10000,c.x/12");

	(void)state;
	assert_int_equal(t.nhosts, 3);
	assert_string_equal(t.user, "back@up");
	assert_string_equal(t.hosts[1].host, "2001:db8::7");
	assert_int_equal(t.hosts[1].port, 10000);
	assert_int_equal(t.hosts[2].port, 6379);
	for (size_t i = 0; i < 3; i++) {
		assert_true(t.hosts[i].tls);
		assert_int_equal(t.hosts[i].db, 12);
	}
	assert_int_equal(t.db, 12);
	assert_string_equal(
	    t.shown, "rediss://a:1,[2001:db8::7]:10000,c.x:6379/12");
	redis_target_release(&t);
}

static void
a_unix_url_names_a_path(void **state)
{
	struct redis_target t = parsed("unix:///run/my%20redis.sock?db=3");

	(void)state;
	assert_int_equal(t.nhosts, 1);
	assert_string_equal(t.hosts[0].host, "/run/my redis.sock");
	assert_int_equal(t.hosts[0].port, 0);
	assert_int_equal(t.hosts[0].db, 3);
	assert_string_equal(t.shown, "unix:///run/my%20redis.sock?db=3");
	redis_target_release(&t);

	t = parsed("unix://joe@/s");
	assert_string_equal(t.user, "joe");
	assert_string_equal(t.shown, "unix:///s");
	redis_target_release(&t);
}

static void
a_sentinel_url_names_the_primary(void **state)
{
	struct redis_target t = parsed(
	    "rediss+sentinel://joe@b,a:7/cache-1?db=2");
	struct redis_target u = parsed("redis+sentinel://c/m");

	(void)state;
	assert_int_equal(t.nhosts, 0);
	assert_string_equal(t.master, "cache-1");
	assert_string_equal(t.user, "joe");
	assert_int_equal(t.nsentinels, 2);
	assert_string_equal(t.sentinels[0].host, "b");
	assert_int_equal(t.sentinels[0].port, 26379);
	assert_int_equal(t.sentinels[1].port, 7);
	assert_true(t.sentinels[1].tls);
	assert_false(u.sentinels[0].tls);
	/* Sentinels have no databases. */
	assert_int_equal(t.sentinels[0].db, 0);
	assert_int_equal(t.db, 2);
	assert_string_equal(
	    t.shown, "rediss+sentinel://b:26379,a:7/cache-1?db=2");
	redis_target_release(&t);
	redis_target_release(&u);
}

static void
is_called(const char *url, const char *name)
{
	struct redis_target t = parsed(url);
	char out[600];

	redis_target_name(&t, out, sizeof(out));
	assert_string_equal(out, name);
	redis_target_release(&t);
}

static void
the_order_of_hosts_changes_no_name(void **state)
{
	(void)state;
	is_called("redis://h", "h:6379");
	is_called("redis://b,a:9,c", "a:9");
	is_called("redis://c,b,a:9", "a:9");
	is_called("unix:///s", "/s");
	is_called("redis+sentinel://b,a/m", "m@a:26379");
	is_called("redis+sentinel://a,b/m?db=1", "m@a:26379");
}

static void
one_that_is_pinned_has_one_host(void **state)
{
	struct redis_target t = parsed("redis://u@a:1,b:2/3");
	struct redis_target one = redis_target_pin(&t, 1);

	(void)state;
	assert_int_equal(one.nhosts, 1);
	assert_string_equal(one.hosts[0].host, "b");
	assert_int_equal(one.hosts[0].db, 3);
	assert_string_equal(one.user, "u");
	assert_string_equal(one.shown, t.shown);
	assert_null(one.master);
	redis_target_release(&one);
	redis_target_release(&t);
}

static void
what_is_shown_parses_to_the_same(void **state)
{
	static const char *const urls[] = {
	    "redis://h",
	    "redis://u@[::1]/4",
	    "redis://[fe80::1%eth0]:1",
	    "rediss://a,b:7,c",
	    "unix:///tmp/x?db=0",
	    "redis+sentinel://a,[::1]:7/cache%2f1?db=3",
	    "rediss+sentinel://u@a/m",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct redis_target a = parsed(urls[i]);
		struct redis_target b = parsed(a.shown);

		assert_string_equal(a.shown, b.shown);
		assert_int_equal(a.nhosts, b.nhosts);
		assert_int_equal(a.nsentinels, b.nsentinels);
		assert_int_equal(a.db, b.db);
		redis_target_release(&a);
		redis_target_release(&b);
	}
}

static void
a_password_is_refused_and_not_repeated(void **state)
{
	static const char *const urls[] = {
	    "redis://user:hunter2@h",
	    "redis://:hunter2@h:1/0",
	    "rediss://u:p@hunter2@h",
	    "unix://u:hunter2@/s",
	    "redis+sentinel://u:hunter2@a,b/m",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct redis_target t;
		struct err err = {0};

		assert_int_equal(redis_target_parse(urls[i], &t, &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_non_null(strstr(err.text, "password"));
		assert_null(strstr(err.text, "hunter2"));
	}
}

/* Without "@HOST", or with what should have been escaped. */
static void
what_may_be_a_password_is_not_repeated(void **state)
{
	static const char *const urls[] = {
	    "redis://user:hunter2",
	    "redis://user:hunter2/0",
	    "redis://:hunter2",
	    "redis://user:7/hunter2@h",
	    "redis://:hunter2/7@h",
	    "rediss://a,user:hunter2",
	    "redis+sentinel://user:hunter2/m",
	    "redis+sentinel://a/m?db=hunter2",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct redis_target t;
		struct err err = {0};

		assert_int_equal(redis_target_parse(urls[i], &t, &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_null(strstr(err.text, "hunter"));
	}
}

static void
everything_else_is_refused(void **state)
{
	char many[400] = "redis://h";
	char deep[300] = "unix:///";

	(void)state;
	refused("", "named by");
	refused("http://h", "named by");
	refused("redis:/h", "named by");
	refused("redis://", "no host");
	refused("redis://a,,b", "no host");
	refused("redis://a b", "no host");
	refused("redis://[::1", "lacks its ']'");
	refused("redis://[a.b]", "no host");
	refused("redis://[::1%]", "no host");
	refused("redis://[--%%%%-0-]", "no host");
	refused("redis://[::1]6379", "must follow");
	refused("redis://::1", "no port");
	refused("redis://h:", "no port");
	refused("redis://h:0", "no port");
	refused("redis://h:65536", "no port");
	refused("redis://h:6x", "no port");
	refused("redis://h/-1", "database");
	refused("redis://h/1/2", "database");
	refused("redis://h/99999999999999999999", "database");
	refused("redis://h?db=1", "no '?'");
	refused("redis://%zz@h", "");
	refused("unix://relative", "absolute");
	refused("unix:///", "absolute");
	refused("unix:///s?user=x", "?db=N");
	refused("unix:///a%00b", "");
	refused("redis+sentinel://h", "ends in the name");
	refused("redis+sentinel://h/", "ends in the name");
	refused("redis+sentinel://h/a/0", "ends in the name");
	refused("redis+sentinel://h/a%0ab", "ends in the name");
	refused("redis+sentinel://h/a%zz", "ends in the name");
	refused("redis+sentinel://h/a#b", "ends in the name");
	refused("redis+sentinel:///a", "no host");
	refused("redis+sentinel://h/a?dB=1", "?db=N");
	refused("redis+sentinel://h/a?db=x", "database");
	memset(deep + 8, 'x', 200);
	refused(deep, "too long");
	for (int i = 0; i < 32; i++)
		strcat(many, ",h");
	refused(many, "at most 32");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_plain_url_has_the_default_port),
	    cmocka_unit_test(several_hosts_share_user_tls_and_database),
	    cmocka_unit_test(a_unix_url_names_a_path),
	    cmocka_unit_test(a_sentinel_url_names_the_primary),
	    cmocka_unit_test(the_order_of_hosts_changes_no_name),
	    cmocka_unit_test(one_that_is_pinned_has_one_host),
	    cmocka_unit_test(what_is_shown_parses_to_the_same),
	    cmocka_unit_test(a_password_is_refused_and_not_repeated),
	    cmocka_unit_test(what_may_be_a_password_is_not_repeated),
	    cmocka_unit_test(everything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
