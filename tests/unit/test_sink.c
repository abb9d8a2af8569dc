#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/sink.h"
#include "tests/sim/probe.h"

static void
passes_bytes_and_the_end(void **state)
{
	unsigned frees = 0;
	struct probe *p = probe_new(&frees);
	struct chunk *c = chunk_view("abc", 3);
	struct err err = {0};

	(void)state;
	assert_int_equal(sink_write(&p->base, c, &err), 0);
	assert_int_equal(sink_write_bytes(&p->base, "defg", 4, &err), 0);
	assert_int_equal(sink_write_bytes(&p->base, NULL, 0, &err), 0);
	assert_int_equal(sink_finish(&p->base, &err), 0);
	assert_string_equal(p->bytes.data, "abcdefg");
	assert_int_equal(p->finishes, 1);
	chunk_unref(c);
	sink_free(&p->base);
	sink_free(NULL);
	assert_int_equal(frees, 1);
}

static void
passes_failures_back(void **state)
{
	struct probe *p = probe_new(NULL);
	struct err err = {0};

	(void)state;
	p->fail_write = 1;
	p->fail_finish = true;
	assert_int_equal(sink_write_bytes(&p->base, "x", 1, &err), -1);
	assert_string_equal(err.text, "write 1 refused");
	assert_int_equal(sink_finish(&p->base, &err), -1);
	assert_string_equal(err.text, "finish refused");
	sink_free(&p->base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(passes_bytes_and_the_end),
	    cmocka_unit_test(passes_failures_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
