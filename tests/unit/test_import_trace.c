/* What is noted with an import, and read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/snapshot/import_guard.h"
#include "agent/snapshot/import_trace.h"
#include "agent/snapshot/manifest.h"
#include "base/err.h"

#define ID    "20261121T062749Z-k3v9qa"
#define OTHER "20261120T062749Z-k3v9qa"

/* Of a snapshot of ten keys, three of which expire. */
static struct import_trace
traced(const struct guard_answer *a)
{
	struct manifest m = {
	    .job = "shop", .id = ID, .total = {.keys = 10, .expiring = 3}};
	char *text = import_trace_format(&m, a);
	struct import_trace t;
	struct err err = {0};

	if (import_trace_parse(&t, text, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	free(text);
	assert_string_equal(t.job, "shop");
	assert_string_equal(t.snapshot, ID);
	return t;
}

static void
the_number_of_keys_tells_what_is_no_copy(void **state)
{
	struct guard_answer a = {0};

	(void)state;
	for (a.keys = 0; a.keys < 15; a.keys++)
		assert_int_equal(
		    traced(&a).differed, a.keys < 7 || a.keys > 10);
}

static void
what_it_held_is_there_where_it_is_known(void **state)
{
	struct guard_answer a = {.keys = 8};

	(void)state;
	assert_string_equal(traced(&a).held, "");
	a = (struct guard_answer){.keys = 8, .copy_of = OTHER};
	assert_string_equal(traced(&a).held, OTHER);
}

/* As of an older version, which noted less. */
static void
what_is_no_trace_is_told(void **state)
{
	static const char *const texts[] = {
	    "",
	    "[]",
	    "{\"job\":\"shop\",\"snapshot\":\"" ID "\"}",
	    "{\"job\":\"shop\",\"snapshot\":\"x\",\"differed\":true}",
	    "{\"job\":\"shop\",\"snapshot\":\"" ID "\",\"differed\":1}",
	    "{\"job\":\"../a\",\"snapshot\":\"" ID "\",\"differed\":true}",
	    "{\"job\":\"shop\",\"snapshot\":\"" ID "\",\"differed\":true,"
	    "\"held\":\"" ID "x\"}",
	};
	struct import_trace t;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct err err = {0};

		assert_int_equal(import_trace_parse(&t, texts[i], &err), -1);
		assert_int_equal(err.kind, ERR_CORRUPT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_number_of_keys_tells_what_is_no_copy),
	    cmocka_unit_test(what_it_held_is_there_where_it_is_known),
	    cmocka_unit_test(what_is_no_trace_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
