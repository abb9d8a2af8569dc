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

struct asked {
	struct credential base;
	char got[64], forgotten[64];
};

static int
asked_get(struct credential *c, const struct scope *scope, const char *resource,
    struct token *token, struct err *err)
{
	struct asked *a = (struct asked *)c;

	(void)scope;
	(void)token;
	strcpy(a->got, resource);
	return err_set(err, ERR_AUTH, "none");
}

static void
asked_forget(struct credential *c, const char *resource)
{
	strcpy(((struct asked *)c)->forgotten, resource);
}

static void
one_of_another_audience_asks_for_that_alone(void **state)
{
	static const struct credential_ops ops = {
	    .get = asked_get, .forget = asked_forget};
	struct asked of = {.base = {&ops}};
	struct scope scope = scope_root(NULL);
	struct credential *c = credential_for_new(&of.base, "https://mine");
	struct err err = {0};
	struct token t;

	(void)state;
	assert_int_equal(c->ops->get(c, &scope, "https://x", &t, &err), -1);
	assert_int_equal(err.kind, ERR_AUTH);
	assert_string_equal(of.got, "https://mine");
	c->ops->forget(c, "https://x");
	assert_string_equal(of.forgotten, "https://mine");
	c->ops->free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_fixed_one_answers_a_copy_each_time),
	    cmocka_unit_test(one_of_another_audience_asks_for_that_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
