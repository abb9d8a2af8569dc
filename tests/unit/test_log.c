#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "base/log.h"
#include "tests/sim/runner.h"

/* A pipe that the log writes to. */
struct tap {
	int fds[2];
	char text[65536];
};

static void
tap_open(struct tap *t, enum log_level level, bool json)
{
	assert_int_equal(pipe(t->fds), 0);
	log_setup(level, json, t->fds[1]);
}

/* All that was logged, in t->text. */
static void
tap_close(struct tap *t)
{
	ssize_t n;
	size_t len = 0;

	log_setup(LOG_INFO, false, STDERR_FILENO);
	close(t->fds[1]);
	while (
	    (n = read(t->fds[0], t->text + len, sizeof(t->text) - 1 - len)) > 0)
		len += (size_t)n;
	t->text[len] = '\0';
	close(t->fds[0]);
}

static void
log_blob(const char *name)
{
	struct log_line l;

	log_begin(&l, LOG_INFO, "blob committed");
	log_str(&l, "blob", name);
	log_int(&l, "bytes", INT64_C(9223372036854775807));
	log_end(&l);
}

static void
a_line_of_text_has_time_level_event_and_keys(void **state)
{
	struct tap t;
	int y, mo, d, h, mi, s, ms, end = 0;

	(void)state;
	tap_open(&t, LOG_INFO, false);
	log_blob("a/b.gz");
	tap_close(&t);
	assert_int_equal(sscanf(t.text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &y,
			     &mo, &d, &h, &mi, &s, &ms, &end),
	    7);
	assert_int_equal(end, 24);
	assert_string_equal(t.text + end,
	    " info blob committed blob=a/b.gz bytes=9223372036854775807\n");
}

static void
values_are_quoted_when_they_must_be(void **state)
{
	static const char *const cases[][2] = {
	    {"plain", "plain"},
	    {"", "\"\""},
	    {"two words", "\"two words\""},
	    {"a=b", "\"a=b\""},
	    {"say \"hi\"\\", "\"say \\\"hi\\\"\\\\\""},
	    {"x\ninfo forged", "\"x\\ninfo forged\""},
	    {"\x1b[0m\x7f", "\"\\x1b[0m\\x7f\""},
	    {"\xc3\xa9", "\xc3\xa9"},
	    {"\xff\xc3(", "\"\\\\xff\\\\xc3(\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char want[100];
		struct tap t;

		tap_open(&t, LOG_INFO, false);
		log_blob(cases[i][0]);
		tap_close(&t);
		snprintf(want, sizeof(want), " blob=%s bytes=", cases[i][1]);
		if (strstr(t.text, want) == NULL)
			fail_msg("'%s' is not in '%s'", want, t.text);
		assert_ptr_equal(
		    strchr(t.text, '\n'), t.text + strlen(t.text) - 1);
	}
}

static void
a_line_of_json_parses(void **state)
{
	struct tap t;
	cJSON *j;

	(void)state;
	tap_open(&t, LOG_INFO, true);
	log_blob("a \"b\"\n\xff");
	tap_close(&t);
	assert_ptr_equal(strchr(t.text, '\n'), t.text + strlen(t.text) - 1);
	assert_non_null(strstr(t.text, "\"bytes\":9223372036854775807"));
	j = cJSON_Parse(t.text);
	assert_non_null(j);
	assert_int_equal(
	    strlen(cJSON_GetObjectItem(j, "time")->valuestring), 24);
	assert_string_equal(
	    cJSON_GetObjectItem(j, "level")->valuestring, "info");
	assert_string_equal(
	    cJSON_GetObjectItem(j, "event")->valuestring, "blob committed");
	assert_string_equal(
	    cJSON_GetObjectItem(j, "blob")->valuestring, "a \"b\"\n\\xff");
	cJSON_Delete(j);
}

static void
secrets_do_not_reach_it(void **state)
{
	(void)state;
	for (int json = 0; json < 2; json++) {
		struct err err = {0};
		struct log_line l;
		struct tap t;

		tap_open(&t, LOG_INFO, json);
		log_blob("https://h/c?sig=hunter2&x=1");
		err_set(&err, ERR_AUTH, "GET redis://:hunter2@h: no");
		log_begin(&l, LOG_ERROR, "failed");
		log_err(&l, &err);
		log_end(&l);
		tap_close(&t);
		assert_null(strstr(t.text, "hunter2"));
		assert_non_null(strstr(t.text, "redis://h"));
	}
}

static void
an_error_brings_its_kind_code_and_request(void **state)
{
	struct err err = {
	    .status = 404, .code = "BlobNotFound", .request_id = "r-1"};
	struct log_line l;
	struct tap t;

	(void)state;
	err_set(&err, ERR_MISSING, "blob 'x'");
	tap_open(&t, LOG_INFO, false);
	log_begin(&l, LOG_WARN, "failed");
	log_err(&l, &err);
	log_end(&l);
	tap_close(&t);
	assert_non_null(strstr(t.text,
	    " warn failed kind=missing status=404 code=BlobNotFound "
	    "request_id=r-1 error=\"blob 'x'\"\n"));
}

static void
lower_levels_are_silent(void **state)
{
	struct tap t;

	(void)state;
	tap_open(&t, LOG_WARN, false);
	assert_false(log_on(LOG_INFO));
	assert_true(log_on(LOG_WARN));
	log_blob("x");
	tap_close(&t);
	assert_string_equal(t.text, "");
}

static void
what_is_too_long_is_cut_and_says_so(void **state)
{
	char *big = malloc(10001);

	(void)state;
	memset(big, 'x', 10000);
	big[10000] = '\0';
	for (int json = 0; json < 2; json++) {
		struct log_line l;
		struct tap t;

		tap_open(&t, LOG_INFO, json);
		log_begin(&l, LOG_INFO, "big");
		for (int i = 0; i < 8; i++)
			log_str(&l, "k", big);
		log_end(&l);
		tap_close(&t);
		assert_true(strlen(t.text) < 40000);
		assert_non_null(strstr(t.text, "[cut]"));
		assert_int_equal(t.text[strlen(t.text) - 1], '\n');
	}
	free(big);
}

static void
log_many(void *arg)
{
	for (int i = 0; i < 200; i++)
		log_blob(arg);
}

static void
lines_of_several_threads_do_not_mix(void **state)
{
	static char names[][8] = {"aaaaaaa", "bbbbbbb"};
	struct runner r[2];
	struct tap t;
	char *save = NULL;
	int lines = 0;

	(void)state;
	tap_open(&t, LOG_INFO, false);
	for (int i = 0; i < 2; i++)
		runner_start(&r[i], log_many, names[i]);
	for (int i = 0; i < 2; i++)
		runner_join(&r[i]);
	tap_close(&t);
	for (char *line = strtok_r(t.text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save), lines++)
		assert_true(strstr(line, "blob=aaaaaaa bytes") != NULL ||
		    strstr(line, "blob=bbbbbbb bytes") != NULL);
	assert_int_equal(lines, 400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_of_text_has_time_level_event_and_keys),
	    cmocka_unit_test(values_are_quoted_when_they_must_be),
	    cmocka_unit_test(a_line_of_json_parses),
	    cmocka_unit_test(secrets_do_not_reach_it),
	    cmocka_unit_test(an_error_brings_its_kind_code_and_request),
	    cmocka_unit_test(lower_levels_are_silent),
	    cmocka_unit_test(what_is_too_long_is_cut_and_says_so),
	    cmocka_unit_test(lines_of_several_threads_do_not_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
