#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/credential.h"
#include "base/err.h"
#include "base/scope.h"

static void
a_fixed_one_answers_a_copy_each_time(void **state)
{
	struct scope scope = scope_root(NULL);
	struct secret value = {0};
	struct credential *c;
	struct err err = {0};

	(void)state;
	secret_set(&value, "hunter2", 7);
	c = credential_fixed_new(&value);
	secret_release(&value);
	for (int i = 0; i < 2; i++) {
		struct token t;

		assert_int_equal(
		    c->ops->get(c, &scope, "https://storage", &t, &err), 0);
		assert_string_equal(t.value.data, "hunter2");
		assert_true(t.expires_ms == INT64_MAX);
		secret_release(&t.value);
		c->ops->forget(c, "https://storage");
	}
	c->ops->free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_fixed_one_answers_a_copy_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
