/* The command line against the tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/cmd/cmd_parse.h"
#include "base/err.h"

#define WORDS_MAX 80

static const struct cmd_flag flags[] = {
    {"store", "URL", "a flag with a value"},
    {"deep", NULL, "a flag without one"},
    {NULL, NULL, NULL},
};

static const enum option takes[] = {OPT_SOURCE_REDIS, OPT_LEVEL, OPTIONS};

static const struct cmd cmd = {
    .name = "test",
    .args = "SNAPSHOT [OTHER]",
    .least_args = 1,
    .most_args = 2,
    .flags = flags,
    .options = takes,
};

/* Words up to NULL. */
static int
parse(struct cmd_line *l, struct err *err, const char *const *words)
{
	char *argv[WORDS_MAX];
	int argc = 0;

	while (words[argc] != NULL) {
		assert_true(argc < WORDS_MAX);
		argv[argc] = (char *)words[argc];
		argc++;
	}
	*err = (struct err){0};
	return cmd_parse(&cmd, argc, argv, l, err);
}

#define PARSE(l, err, ...) \
	parse(l, err, (const char *const[]){__VA_ARGS__, NULL})

static void
expect(const char *why, const struct err *err, int rc)
{
	assert_int_equal(rc, -1);
	if (err->kind != ERR_USAGE || strstr(err->text, why) == NULL)
		fail_msg("not '%s': %s", why, err->text);
}

static void
words_flags_and_settings_are_told_apart(void **state)
{
	struct cmd_line l;
	struct err err;

	(void)state;
	assert_int_equal(
	    PARSE(&l, &err, "--job", "cache", "one", "--level=3", "--deep",
		"--source", "redis://h", "--store=file:///x=y", "two", "--json",
		"--memory", "1GiB", "--config", "/c"),
	    0);
	assert_string_equal(l.call.job, "cache");
	assert_true(l.call.job_given);
	assert_true(l.call.json);
	assert_false(l.call.quiet);
	assert_false(l.help);
	assert_string_equal(l.call.config, "/c");
	assert_int_equal(l.call.nargs, 2);
	assert_string_equal(l.call.args[0], "one");
	assert_string_equal(l.call.args[1], "two");
	assert_int_equal(l.nsettings, 3);
	assert_int_equal(l.settings[0].option, OPT_LEVEL);
	assert_string_equal(l.settings[0].value, "3");
	assert_int_equal(l.settings[1].option, OPT_SOURCE_REDIS);
	assert_string_equal(l.settings[1].value, "redis://h");
	assert_int_equal(l.settings[2].option, OPT_MEMORY);
	assert_string_equal(cmd_flag(&l.call, "store"), "file:///x=y");
	assert_string_equal(cmd_flag(&l.call, "deep"), "");
}

static void
what_is_not_given_has_its_default(void **state)
{
	struct cmd_line l;
	struct err err;

	(void)state;
	assert_int_equal(PARSE(&l, &err, "one"), 0);
	assert_string_equal(l.call.job, "default");
	assert_false(l.call.job_given);
	assert_null(l.call.config);
	assert_null(cmd_flag(&l.call, "store"));
	assert_null(cmd_flag(&l.call, "deep"));
	assert_int_equal(l.nsettings, 0);
}

static void
after_two_dashes_all_are_words(void **state)
{
	struct cmd_line l;
	struct err err;

	(void)state;
	assert_int_equal(PARSE(&l, &err, "--deep", "--", "--json", "-h"), 0);
	assert_int_equal(l.call.nargs, 2);
	assert_string_equal(l.call.args[0], "--json");
	assert_string_equal(l.call.args[1], "-h");
	assert_false(l.call.json);
	assert_false(l.help);
	assert_int_equal(PARSE(&l, &err, "-"), 0);
	assert_string_equal(l.call.args[0], "-");
}

static void
unknown_flags_suggest_the_nearest(void **state)
{
	struct cmd_line l;
	struct err err;

	(void)state;
	expect("--level meant", &err, PARSE(&l, &err, "x", "--levle", "3"));
	expect("--deep meant", &err, PARSE(&l, &err, "x", "--dep"));
	expect("--json meant", &err, PARSE(&l, &err, "x", "--jsom"));
	expect("--memory meant", &err, PARSE(&l, &err, "--memry=1"));
	expect("see drsync test --help", &err,
	    PARSE(&l, &err, "x", "--zzzzzzzzzzz"));
	expect("no option", &err, PARSE(&l, &err, "x", "--=3"));
	expect("two dashes", &err, PARSE(&l, &err, "x", "-j"));
	expect("two dashes", &err, PARSE(&l, &err, "x", "-json"));
	/* It exists, but means nothing to this command. */
	expect("has no use for --target", &err,
	    PARSE(&l, &err, "x", "--target", "redis://h"));
}

static void
missing_and_needless_values_are_refused(void **state)
{
	struct cmd_line l;
	struct err err;

	(void)state;
	expect("--level needs a value", &err, PARSE(&l, &err, "x", "--level"));
	expect("--store needs a value", &err, PARSE(&l, &err, "x", "--store"));
	expect("--job needs a value", &err, PARSE(&l, &err, "x", "--job"));
	expect("--deep takes no value", &err, PARSE(&l, &err, "x", "--deep=1"));
	expect(
	    "--json takes no value", &err, PARSE(&l, &err, "x", "--json=yes"));
	expect("no job name", &err, PARSE(&l, &err, "x", "--job", "a/b"));
	expect("no job name", &err, PARSE(&l, &err, "x", "--job", "--json"));
}

static void
too_few_and_too_many_words_are_refused(void **state)
{
	struct cmd_line l;
	struct err err;

	(void)state;
	expect("usage: drsync test SNAPSHOT", &err, PARSE(&l, &err, "--json"));
	expect("'three' is too much", &err,
	    PARSE(&l, &err, "one", "two", "three"));
	/* Who asks for help need not know the usage. */
	assert_int_equal(PARSE(&l, &err, "--help"), 0);
	assert_true(l.help);
	assert_int_equal(PARSE(&l, &err, "-h"), 0);
	assert_true(l.help);
}

static void
more_settings_than_can_be_are_refused(void **state)
{
	const char *words[CMD_SETTINGS_MAX + 3] = {"x"};
	struct cmd_line l;
	struct err err;

	(void)state;
	for (int i = 1; i <= CMD_SETTINGS_MAX; i++)
		words[i] = "--level=1";
	assert_int_equal(parse(&l, &err, words), 0);
	assert_int_equal(l.nsettings, CMD_SETTINGS_MAX);
	words[CMD_SETTINGS_MAX + 1] = "--level=1";
	expect("too many", &err, parse(&l, &err, words));
}

static void
commands_are_found_and_near_ones_suggested(void **state)
{
	struct err err = {0};

	(void)state;
	for (size_t i = 0; cmds[i] != NULL; i++)
		assert_ptr_equal(cmd_find(cmds[i]->name, &err), cmds[i]);
	assert_null(cmd_find("snyc", &err));
	assert_int_equal(err.kind, ERR_USAGE);
	assert_non_null(strstr(err.text, "'sync' meant"));
	assert_null(cmd_find("zzzzzzzz", &err));
	assert_non_null(strstr(err.text, "--help"));
	assert_null(cmd_find("", &err));
}

/* What the tables say fits into a call. */
static void
every_command_fits_into_a_call(void **state)
{
	(void)state;
	for (size_t i = 0; cmds[i] != NULL; i++) {
		const struct cmd *c = cmds[i];
		size_t n = 0;

		while (c->flags != NULL && c->flags[n].name != NULL) {
			assert_int_equal(option_by_flag(c->flags[n].name), -1);
			n++;
		}
		assert_true(n <= CMD_FLAGS_MAX);
		assert_true(c->least_args <= c->most_args);
		assert_true(c->most_args <= CMD_ARGS_MAX);
		assert_non_null(c->run);
		assert_non_null(c->summary);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_flags_and_settings_are_told_apart),
	    cmocka_unit_test(what_is_not_given_has_its_default),
	    cmocka_unit_test(after_two_dashes_all_are_words),
	    cmocka_unit_test(unknown_flags_suggest_the_nearest),
	    cmocka_unit_test(missing_and_needless_values_are_refused),
	    cmocka_unit_test(too_few_and_too_many_words_are_refused),
	    cmocka_unit_test(more_settings_than_can_be_are_refused),
	    cmocka_unit_test(commands_are_found_and_near_ones_suggested),
	    cmocka_unit_test(every_command_fits_into_a_call),
	};

	return cmocka_run_group_tests_name("cmd_parse", tests, NULL, NULL);
}
