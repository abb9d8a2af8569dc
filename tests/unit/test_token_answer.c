#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/credential.h"
#include "base/err.h"
#include "arm/token_answer.h"

/* 2017-09-27T02:41:13Z, an hour before the sample's end. */
#define NOW_MS ((int64_t)1506480073 * 1000)

static int
parse(const char *text, struct token *t, struct err *err)
{
	*err = (struct err){0};
	return token_answer_parse(text, strlen(text), NOW_MS, t, err);
}

/* Seconds that a token of this expiry has; -1 when it is refused. */
static int64_t
left_s(const char *expiry)
{
	struct token t;
	struct err err;
	char text[300];
	int64_t left_ms;

	snprintf(text, sizeof(text), "{\"access_token\":\"x\"%s}", expiry);
	if (parse(text, &t, &err) != 0) {
		assert_int_equal(err.kind, ERR_CORRUPT);
		assert_null(t.value.data);
		return -1;
	}
	left_ms = t.expires_ms - NOW_MS;
	secret_release(&t.value);
	assert_int_equal(left_ms % 1000, 0);
	return left_ms / 1000;
}

static void
every_form_of_an_expiry_is_understood(void **state)
{
	static const struct {
		const char *text;
		int64_t s;
	} forms[] = {
	    {",\"expires_in\":3599", 3599},
	    {",\"expires_in\":\"3599\"", 3599},
	    {",\"expires_on\":1506484173", 4100},
	    {",\"expires_on\":\"1506484173\"", 4100},
	    {",\"expires_on\":\"2017-09-27T03:49:33Z\"", 4100},
	    {",\"expires_on\":\"2017-09-27T03:49:33.1234567+00:00\"", 4100},
	    {",\"expires_on\":\"2017-09-27T05:49:33+02:00\"", 4100},
	    {",\"expires_on\":\"Wed, 27 Sep 2017 03:49:33 GMT\"", 4100},
	    {",\"expires_on\":\"09/27/2017 03:49:33 +00:00\"", 4100},
	    /* A clock that is wrong does no harm. */
	    {",\"expires_on\":\"7\",\"expires_in\":\"10\"", 10},
	    {",\"expires_in\":null,\"expires_on\":\"1506480074\"", 1},
	    {",\"expires_in\":1e11", 366 * 86400},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (left_s(forms[i].text) != forms[i].s)
			fail_msg("%s: %jd", forms[i].text,
			    (intmax_t)left_s(forms[i].text));
}

static void
what_is_no_expiry_is_refused(void **state)
{
	static const char *const forms[] = {"", ",\"expires_in\":0",
	    ",\"expires_in\":-5", ",\"expires_in\":\"-5\"",
	    ",\"expires_in\":\"5x\"", ",\"expires_in\":1e300",
	    ",\"expires_in\":true", ",\"expires_on\":\"soon\"",
	    ",\"expires_on\":\"1506480073\"",
	    ",\"expires_on\":\"2017-09-27T03:49:33 nonsense\"",
	    ",\"expires_on\":\"2017-09-27T03:49:33Z and more\"",
	    ",\"expires_on\":\"1969-09-27T03:49:33Z\""};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (left_s(forms[i]) != -1)
			fail_msg("%s was taken", forms[i]);
}

static void
what_is_no_token_is_refused(void **state)
{
	static const char *const texts[] = {"", "<html>", "[]", "{}",
	    "{\"expires_in\":9}", "{\"access_token\":\"\",\"expires_in\":9}",
	    "{\"access_token\":7,\"expires_in\":9}",
	    "{\"access_token\":\"a b\",\"expires_in\":9}",
	    "{\"access_token\":\"a\\r\\nX: y\",\"expires_in\":9}",
	    "{\"access_token\":\"\\u00e9\",\"expires_in\":9}",
	    "{\"access_token\":\"x\",\"expires_in\":9,\"token_type\":\"pop\"}",
	    "{\"access_token\":\"x\",\"expires_in\":9,\"token_type\":1}"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct token t;
		struct err err;

		if (parse(texts[i], &t, &err) != -1)
			fail_msg("%s was taken", texts[i]);
		assert_int_equal(err.kind, ERR_CORRUPT);
		assert_null(t.value.data);
	}
}

static void
the_kind_of_a_token_is_read_in_any_case(void **state)
{
	struct token t;
	struct err err;

	(void)state;
	assert_int_equal(parse("{\"access_token\":\"x.y\",\"expires_in\":9,"
			       "\"token_type\":\"bearer\"}",
			     &t, &err),
	    0);
	assert_string_equal(t.value.data, "x.y");
	secret_release(&t.value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_form_of_an_expiry_is_understood),
	    cmocka_unit_test(what_is_no_expiry_is_refused),
	    cmocka_unit_test(what_is_no_token_is_refused),
	    cmocka_unit_test(the_kind_of_a_token_is_read_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
