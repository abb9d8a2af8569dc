#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/err.h"
#include "base/json.h"

#define MAX 100000

static cJSON *
parse(const char *text, struct err *err)
{
	return json_parse(text, strlen(text), MAX, true, err);
}

static void
refused(const char *text, const char *why)
{
	struct err err = {0};

	assert_null(parse(text, &err));
	assert_int_equal(err.kind, ERR_CORRUPT);
	assert_string_equal(err.text, why);
}

static void
errors_say_where(void **state)
{
	(void)state;
	refused("", "line 1, column 1: not JSON");
	refused("{\n  \"a\": 1,\n  \"b\": x\n}", "line 3, column 8: not JSON");
	refused("{} x", "line 1, column 4: not JSON");
	refused("{\"a\": 1}}", "line 1, column 9: not JSON");
	refused("[1, \"open]", "line 1, column 5: this string has no end");
	refused("[1,\n /* open ]", "line 2, column 2: this comment has no end");
}

static void
comments_are_blanked_outside_strings(void **state)
{
	struct err err = {0};
	cJSON *j = parse("// first\n{ /* \"x\": {[ */ \"url\": "
			 "\"https://h/*no*/\\\"//\", // last\n\"n\": 1 }//",
	    &err);
	const char *url;
	int64_t n;

	(void)state;
	assert_non_null(j);
	assert_int_equal(json_get_str(j, "url", &url, &err), 0);
	assert_string_equal(url, "https://h/*no*/\"//");
	assert_int_equal(json_get_int(j, "n", &n, &err), 0);
	cJSON_Delete(j);

	/* Lines are counted through them. */
	refused("/* one\ntwo */ x", "line 2, column 8: not JSON");
	assert_null(json_parse("[1] // x", 8, MAX, false, &err));
}

static void
nesting_has_a_ceiling(void **state)
{
	char text[300];
	struct err err = {0};
	cJSON *j;

	(void)state;
	memset(text, '[', 64);
	memset(text + 64, ']', 64);
	text[128] = '\0';
	j = parse(text, &err);
	assert_non_null(j);
	cJSON_Delete(j);
	memset(text, '[', 65);
	memset(text + 65, ']', 65);
	text[130] = '\0';
	refused(text, "line 1, column 65: nested too deep");

	/* What stands in a string does not nest. */
	memset(text, '[', 200);
	text[0] = text[199] = '"';
	text[200] = '\0';
	j = parse(text, &err);
	assert_non_null(j);
	cJSON_Delete(j);
}

static void
size_and_zero_bytes_are_refused(void **state)
{
	struct err err = {0};

	(void)state;
	assert_null(json_parse("[1, 2]", 6, 5, false, &err));
	assert_string_equal(err.text, "over 5 bytes");
	assert_null(json_parse("[1]\0[2]", 7, MAX, false, &err));
	assert_string_equal(err.text, "line 1, column 4: a zero byte");
	refused("{\"a\": \"x\\u0000y\"}",
	    "line 1, column 9: \\u0000 is not allowed");
	refused("\"\\", "line 1, column 1: this string has no end");
}

static void
a_name_may_stand_once_in_an_object(void **state)
{
	struct err err = {0};
	cJSON *j;

	(void)state;
	refused("{\"a\": 1, \"b\": 2, \"a\": 3}", "'a' is there twice");
	refused("{\"x\": [{\"k\": 1, \"k\": 1}]}", "'k' is there twice");
	refused("{\"a\": 1, \"\\u0061\": 3}", "'a' is there twice");
	j = parse("[{\"a\": 1}, {\"a\": 1, \"A\": {\"a\": 2}}, {}]", &err);
	assert_non_null(j);
	cJSON_Delete(j);
}

static void
getters_name_the_key_that_is_wrong(void **state)
{
	struct err err = {0};
	cJSON *j = parse("{\"s\": \"t\", \"i\": 5, \"f\": 1.5, \"b\": true,"
			 " \"big\": 1e300, \"z\": null, \"a\": [], \"o\": {},"
			 " \"S\": 1}",
	    &err);
	const cJSON *item;
	const char *s;
	int64_t i;
	bool b;

	(void)state;
	assert_int_equal(json_get_str(j, "s", &s, &err), 0);
	assert_string_equal(s, "t");
	assert_int_equal(json_get_int(j, "i", &i, &err), 0);
	assert_int_equal(i, 5);
	assert_int_equal(json_get_bool(j, "b", &b, &err), 0);
	assert_true(b);
	assert_int_equal(json_get_array(j, "a", &item, &err), 0);
	assert_true(cJSON_IsArray(item));
	assert_int_equal(json_get_object(j, "o", &item, &err), 0);
	assert_true(cJSON_IsObject(item));

	assert_int_equal(json_get_str(j, "none", &s, &err), -1);
	assert_int_equal(err.kind, ERR_CORRUPT);
	assert_string_equal(err.text, "'none' is missing");
	assert_int_equal(json_get_str(j, "S", &s, &err), -1);
	assert_string_equal(err.text, "'S' is not a string");
	assert_int_equal(json_get_int(j, "z", &i, &err), -1);
	assert_string_equal(err.text, "'z' is missing");
	assert_int_equal(json_get_int(j, "f", &i, &err), -1);
	assert_string_equal(err.text, "'f' is not an integer within 2^53");
	assert_int_equal(json_get_int(j, "big", &i, &err), -1);
	assert_int_equal(json_get_int(j, "s", &i, &err), -1);
	assert_int_equal(json_get_bool(j, "i", &b, &err), -1);
	assert_string_equal(err.text, "'i' is not true or false");
	assert_int_equal(json_get_array(j, "o", &item, &err), -1);
	assert_int_equal(json_get_object(j, "a", &item, &err), -1);
	assert_int_equal(json_get_array(j, "none", &item, &err), -1);
	assert_int_equal(json_get_object(j, "z", &item, &err), -1);
	assert_int_equal(json_get_bool(j, "none", &b, &err), -1);
	cJSON_Delete(j);
}

static void
the_optional_keep_their_defaults(void **state)
{
	struct err err = {0};
	cJSON *j = parse("{\"z\": null, \"i\": 7, \"s\": \"x\"}", &err);
	const char *s = "default";
	int64_t i = 42;
	bool b = true;

	(void)state;
	assert_int_equal(json_opt_str(j, "none", &s, &err), 0);
	assert_int_equal(json_opt_str(j, "z", &s, &err), 0);
	assert_string_equal(s, "default");
	assert_int_equal(json_opt_int(j, "z", &i, &err), 0);
	assert_int_equal(i, 42);
	assert_int_equal(json_opt_bool(j, "none", &b, &err), 0);
	assert_true(b);
	assert_int_equal(json_opt_int(j, "i", &i, &err), 0);
	assert_int_equal(i, 7);
	assert_int_equal(json_opt_int(j, "s", &i, &err), -1);
	assert_int_equal(json_opt_str(j, "i", &s, &err), -1);
	assert_int_equal(json_opt_bool(j, "i", &b, &err), -1);
	cJSON_Delete(j);
}

static void
integers_survive_the_way_out_and_back(void **state)
{
	static const int64_t values[] = {0, -1, 2147483648,
	    INT64_C(1000000000000000), INT64_C(9007199254740991),
	    INT64_C(9007199254740992), -INT64_C(9007199254740992)};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		cJSON *j = cJSON_CreateObject();
		int64_t back;
		char *line;

		json_add_int(j, "n", values[i]);
		line = json_format_line(j);
		cJSON_Delete(j);
		j = parse(line, &err);
		assert_int_equal(json_get_int(j, "n", &back, &err), 0);
		assert_true(back == values[i]);
		cJSON_Delete(j);
		free(line);
	}
}

static void
prints_with_two_blanks_and_a_newline(void **state)
{
	struct err err = {0};
	cJSON *j = parse(
	    "{\"a\": {\"t\\tb\": \"x\\ty\"}, \"l\": [1, 2]}", &err);
	char *text = json_format(j), *line = json_format_line(j);

	(void)state;
	assert_string_equal(text,
	    "{\n  \"a\": {\n    \"t\\tb\": \"x\\ty\"\n  },\n"
	    "  \"l\": [1, 2]\n}\n");
	assert_string_equal(line, "{\"a\":{\"t\\tb\":\"x\\ty\"},\"l\":[1,2]}");
	free(text);
	free(line);
	cJSON_Delete(j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(errors_say_where),
	    cmocka_unit_test(comments_are_blanked_outside_strings),
	    cmocka_unit_test(nesting_has_a_ceiling),
	    cmocka_unit_test(size_and_zero_bytes_are_refused),
	    cmocka_unit_test(a_name_may_stand_once_in_an_object),
	    cmocka_unit_test(getters_name_the_key_that_is_wrong),
	    cmocka_unit_test(the_optional_keep_their_defaults),
	    cmocka_unit_test(integers_survive_the_way_out_and_back),
	    cmocka_unit_test(prints_with_two_blanks_and_a_newline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
