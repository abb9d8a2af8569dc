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
#include "base/scope.h"
#include "rdb/posing_note.h"
#include "rdb/redis_target.h"

static void
seal(struct posing_note *n, const char *old, struct secret *now)
{
	struct scope scope = scope_root(NULL);
	struct secret was = {0};
	struct err err = {0};

	secret_set(&was, old, strlen(old));
	assert_int_equal(posing_note_seal(n, &scope, &was, now, &err), 0);
	secret_release(&was);
}

static void
a_note_survives_the_journal(void **state)
{
	struct posing_note n = {0}, back;
	struct secret now = {0}, was = {0};
	struct err err = {0};
	char *text;

	(void)state;
	n.master_host = strdup("10.0.0.9");
	n.master_port = 41234;
	posing_note_change(&n, "repl-diskless-load", "swapdb", "disabled");
	posing_note_change(&n, "repl-timeout", "60", "3600");
	seal(&n, "correct horse", &now);
	text = posing_note_format(&n);
	assert_null(strstr(text, "correct horse"));
	assert_null(strstr(text, now.data));
	assert_int_equal(posing_note_parse(&back, text, &err), 0);
	assert_string_equal(back.master_host, "10.0.0.9");
	assert_int_equal(back.master_port, 41234);
	assert_int_equal(back.nchanges, 2);
	assert_string_equal(back.changes[1].name, "repl-timeout");
	assert_string_equal(back.changes[1].was, "60");
	assert_string_equal(back.changes[1].now, "3600");
	assert_true(posing_note_unseal(&back, &now, &was));
	assert_string_equal(was.data, "correct horse");
	free(text);
	posing_note_release(&n);
	posing_note_release(&back);
	secret_release(&now);
	secret_release(&was);
}

static void
the_old_masterauth_is_in_neither_half(void **state)
{
	struct posing_note n = {0}, other = {0};
	struct secret now = {0}, later = {0}, was = {0};

	(void)state;
	seal(&n, "aaaaaaaaaaaaaaaa", &now);
	seal(&other, "aaaaaaaaaaaaaaaa", &later);
	assert_int_equal(now.len, POSING_AUTH_HEX + 32);
	/* Drawn anew each time: nothing of it repeats. */
	assert_string_not_equal(
	    now.data + POSING_AUTH_HEX, later.data + POSING_AUTH_HEX);
	assert_memory_not_equal(now.data, later.data, POSING_AUTH_HEX);
	assert_string_not_equal(n.auth_pad, other.auth_pad);
	/* The note of one load opens nothing of another. */
	assert_false(posing_note_unseal(&n, &later, &was));
	posing_note_release(&n);
	posing_note_release(&other);
	secret_release(&now);
	secret_release(&later);
}

static void
an_empty_masterauth_comes_back_empty(void **state)
{
	struct posing_note n = {0};
	struct secret now = {0}, was = {0};

	(void)state;
	seal(&n, "", &now);
	assert_int_equal(now.len, POSING_AUTH_HEX);
	assert_true(posing_note_unseal(&n, &now, &was));
	assert_int_equal(was.len, 0);
	/* What somebody set since is not ours. */
	secret_set(&now, "theirs", 6);
	assert_false(posing_note_unseal(&n, &now, &was));
	posing_note_release(&n);
	secret_release(&now);
	secret_release(&was);
}

static void
a_masterauth_too_long_to_set_aside_is_refused(void **state)
{
	static char huge[POSING_OLD_AUTH_MAX + 1];
	struct scope scope = scope_root(NULL);
	struct posing_note n = {0};
	struct secret was = {0}, now = {0};
	struct err err = {0};

	(void)state;
	memset(huge, 'x', sizeof(huge));
	secret_set(&was, huge, sizeof(huge));
	assert_int_equal(posing_note_seal(&n, &scope, &was, &now, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	secret_release(&was);
}

static void
what_is_no_note_is_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "{",
	    "[]",
	    "{\"format\":1}",
	    "{\"format\":2,\"master_host\":\"h\",\"master_port\":1,"
	    "\"config\":[]}",
	    "{\"format\":1,\"master_host\":\"h\",\"master_port\":1,"
	    "\"config\":[{\"name\":\"x\"}]}",
	    "{\"format\":1,\"master_host\":\"h\",\"master_port\":1,"
	    "\"auth_sha256\":\"abc\",\"config\":[]}",
	    "{\"format\":1,\"master_host\":\"h\",\"master_port\":1,"
	    "\"config\":[{\"name\":\"a\",\"was\":\"\",\"now\":\"\"},"
	    "{\"name\":\"a\",\"was\":\"\",\"now\":\"\"},"
	    "{\"name\":\"a\",\"was\":\"\",\"now\":\"\"},"
	    "{\"name\":\"a\",\"was\":\"\",\"now\":\"\"},"
	    "{\"name\":\"a\",\"was\":\"\",\"now\":\"\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct posing_note n;
		struct err err = {0};

		if (posing_note_parse(&n, bad[i], &err) != -1)
			fail_msg("case %zu", i);
		assert_ptr_equal(strstr(err.text, "journalled note"), err.text);
	}
}

static void
its_key_names_the_target(void **state)
{
	struct redis_address a = {.host = (char *)"10.0.0.5", .port = 6379};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	posing_note_key(&b, &a);
	assert_string_equal(b.data, "posing/10.0.0.5:6379");
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_note_survives_the_journal),
	    cmocka_unit_test(the_old_masterauth_is_in_neither_half),
	    cmocka_unit_test(an_empty_masterauth_comes_back_empty),
	    cmocka_unit_test(a_masterauth_too_long_to_set_aside_is_refused),
	    cmocka_unit_test(what_is_no_note_is_refused),
	    cmocka_unit_test(its_key_names_the_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
