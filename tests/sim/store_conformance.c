#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/store.h"
#include "tests/sim/store_ground.h"

#include "tests/sim/store_conformance.h"

#define TESTS_MAX 64

static unsigned
caps_of(const struct conformance_env *env)
{
	struct store *s = env->open(env->arg);
	unsigned caps = s->ops->caps;

	store_free(s);
	return env->no_props ? caps & ~(unsigned)STORE_CAP_TRAITS : caps;
}

int
store_conformance_run(const char *group, struct conformance_env *env)
{
	static const struct promise *const parts[] = {store_promises_blocks,
	    store_promises_list, store_promises_share, store_promises_traits};
	struct CMUnitTest tests[TESTS_MAX];
	unsigned caps = caps_of(env);
	size_t n = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		for (const struct promise *p = parts[i]; p->test.name != NULL;
		     p++) {
			if ((p->needs & ~caps) != 0)
				continue;
			assert_true(n < TESTS_MAX);
			tests[n] = p->test;
			tests[n++].initial_state = env;
		}
	return _cmocka_run_group_tests(group, tests, n, NULL, NULL);
}
