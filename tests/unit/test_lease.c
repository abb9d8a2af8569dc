/* What drivers ask of a lease, and the ids that leases are taken by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/scope.h"
#include "storage/lease.h"

static void
an_id_is_a_random_uuid(void **state)
{
	struct scope scope = scope_root(NULL);
	char a[LEASE_ID_MAX], b[LEASE_ID_MAX];

	(void)state;
	for (int i = 0; i < 100; i++) {
		lease_id_make(&scope, a);
		lease_id_make(&scope, b);
		assert_string_not_equal(a, b);
		assert_true(lease_id_valid(a));
		assert_int_equal(a[14], '4');
		assert_non_null(strchr("89ab", a[19]));
	}
}

static void
what_has_another_form_is_no_id(void **state)
{
	static const char *const bad[] = {"", "-",
	    "01234567-0123-4123-8123-0123456789a",
	    "01234567-0123-4123-8123-0123456789abc",
	    "01234567-0123-4123-8123-0123456789aB",
	    "01234567-0123-4123-8123-0123456789ag",
	    "012345670-123-4123-8123-0123456789ab",
	    "a/01234567-0123-4123-8123-0123456789",
	    "0123456789abcdef0123456789abcdef"};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct err){0};
		assert_false(lease_id_valid(bad[i]));
		assert_int_equal(lease_check(60, bad[i], &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
	}
	assert_true(lease_id_valid("01234567-0123-4123-8123-0123456789ab"));
}

static void
a_lease_lasts_15_to_60_seconds(void **state)
{
	static const char id[] = "01234567-0123-4123-8123-0123456789ab";
	struct err err = {0};

	(void)state;
	assert_int_equal(lease_check(15, id, &err), 0);
	assert_int_equal(lease_check(60, id, &err), 0);
	assert_int_equal(lease_check(14, id, &err), -1);
	assert_int_equal(lease_check(61, id, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	assert_non_null(strstr(err.text, "15 to 60 seconds, not 61"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_id_is_a_random_uuid),
	    cmocka_unit_test(what_has_another_form_is_no_id),
	    cmocka_unit_test(a_lease_lasts_15_to_60_seconds),
	};

	return cmocka_run_group_tests_name("lease", tests, NULL, NULL);
}
