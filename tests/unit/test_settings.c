/* Which value is in force, and what is wrong with a configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/job/settings.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/xalloc.h"
#include "tests/sim/temp_dir.h"

struct ground {
	struct temp_dir dir;
	char path[300];
	struct err err;
};

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	temp_dir_make(&g->dir);
	snprintf(g->path, sizeof(g->path), "%s/drsync.json", g->dir.path);
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	temp_dir_remove(&g->dir);
	free(g);
	return 0;
}

static void
write_file(struct ground *g, const char *text)
{
	FILE *f = fopen(g->path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct settings *
load(struct ground *g, const char *text, const char *job)
{
	write_file(g, text);
	g->err = (struct err){0};
	return settings_load(g->path, job, &g->err);
}

static struct settings *
must_load(struct ground *g, const char *text, const char *job)
{
	struct settings *s = load(g, text, job);

	if (s == NULL)
		fail_msg("%s", g->err.text);
	return s;
}

static void
must_refuse(struct ground *g, const char *text, const char *why)
{
	struct settings *s = load(g, text, NULL);

	if (s != NULL)
		fail_msg("taken: %s", text);
	if (g->err.kind != ERR_USAGE || strstr(g->err.text, why) == NULL)
		fail_msg("%s, and not '%s': %s", err_kind_name(g->err.kind),
		    why, g->err.text);
	assert_null(strstr(g->err.text, "hunter2"));
}

static const char good[] =
    "// what a person wrote\n"
    "{\n"
    "  \"state_dir\": \"/tmp/x\", /* here */\n"
    "  \"memory\": 67108864,\n"
    "  \"log\": {\"level\": \"info\"},\n"
    "  \"jobs\": {\n"
    "    \"cache\": {\n"
    "      \"kind\": \"redis\",\n"
    "      \"source\": {\"redis\": \"redis://c:6380\",\n"
    "        \"password\": {\"env\": \"DRSYNC_TEST_PW\"},\n"
    "        \"tls\": {\"ca\": \"/ca.pem\"},\n"
    "        \"store\": \"https://a.blob.core.windows.net/dumps//x\"},\n"
    "      \"level\": 6, \"in_flight\": 3, \"timeout\": \"2h\",\n"
    "      \"part_max\": \"1GiB\"\n"
    "    },\n"
    "    \"other\": {\"level\": 2}\n"
    "  }\n"
    "}\n";

static void
a_file_is_read_with_comments_and_groups(void **state)
{
	struct ground *g = *state;
	struct settings *s = must_load(g, good, "cache");

	assert_string_equal(settings_str(s, OPT_STATE_DIR), "/tmp/x");
	assert_int_equal(settings_size(s, OPT_MEMORY), 64 << 20);
	assert_string_equal(settings_str(s, OPT_LOG_LEVEL), "info");
	assert_string_equal(
	    settings_str(s, OPT_SOURCE_REDIS), "redis://c:6380");
	assert_string_equal(settings_str(s, OPT_SOURCE_TLS_CA), "/ca.pem");
	assert_string_equal(
	    settings_str(s, OPT_SOURCE_PASSWORD), "env:DRSYNC_TEST_PW");
	assert_string_equal(settings_str(s, OPT_SOURCE_STORE),
	    "https://a.blob.core.windows.net/dumps//x");
	assert_int_equal(settings_int(s, OPT_LEVEL), 6);
	assert_int_equal(settings_ms(s, OPT_TIMEOUT), 7200000);
	assert_int_equal(settings_size(s, OPT_PART_MAX), 1 << 30);
	assert_int_equal(settings_origin(s, OPT_LEVEL), ORIGIN_FILE);
	assert_int_equal(settings_origin(s, OPT_CODEC), ORIGIN_DEFAULT);
	assert_string_equal(settings_str(s, OPT_CODEC), "gzip");
	assert_null(settings_str(s, OPT_DR_REDIS));
	assert_int_equal(settings_int(s, OPT_DR_REDIS), 0);
	assert_string_equal(settings_job(s, 0), "cache");
	assert_string_equal(settings_job(s, 1), "other");
	assert_null(settings_job(s, 2));
	assert_string_equal(settings_path(s), g->path);
	settings_free(s);
}

static void
of_a_job_only_its_own_options_are_in_force(void **state)
{
	struct ground *g = *state;
	struct settings *s = must_load(g, good, "other");

	assert_int_equal(settings_int(s, OPT_LEVEL), 2);
	assert_null(settings_str(s, OPT_SOURCE_REDIS));
	settings_free(s);
	s = must_load(g, good, NULL);
	assert_int_equal(settings_int(s, OPT_LEVEL), 0);
	settings_free(s);
}

static void
later_wins_default_file_environment_flag(void **state)
{
	struct ground *g = *state;
	struct settings *s;

	s = must_load(g, "{}", "cache");
	assert_int_equal(settings_int(s, OPT_LEVEL), 0);
	assert_int_equal(settings_origin(s, OPT_LEVEL), ORIGIN_DEFAULT);
	settings_free(s);
	s = must_load(g, good, "cache");
	assert_int_equal(settings_int(s, OPT_LEVEL), 6);
	settings_free(s);
	setenv("DRSYNC_LEVEL", "7", 1);
	s = must_load(g, good, "cache");
	unsetenv("DRSYNC_LEVEL");
	assert_int_equal(settings_int(s, OPT_LEVEL), 7);
	assert_int_equal(settings_origin(s, OPT_LEVEL), ORIGIN_ENV);
	assert_int_equal(settings_set(s, OPT_LEVEL, "8", &g->err), 0);
	assert_int_equal(settings_int(s, OPT_LEVEL), 8);
	assert_int_equal(settings_origin(s, OPT_LEVEL), ORIGIN_FLAG);
	/* A value that is refused leaves the one before. */
	assert_int_equal(settings_set(s, OPT_LEVEL, "99", &g->err), -1);
	assert_non_null(strstr(g->err.text, "--level"));
	assert_int_equal(settings_int(s, OPT_LEVEL), 8);
	settings_free(s);
}

static void
a_bad_environment_is_told_by_its_name(void **state)
{
	struct ground *g = *state;
	struct settings *s;

	setenv("DRSYNC_SOURCE_PASSWORD", "hunter2", 1);
	s = load(g, "{}", NULL);
	unsetenv("DRSYNC_SOURCE_PASSWORD");
	assert_null(s);
	assert_int_equal(g->err.kind, ERR_USAGE);
	assert_non_null(strstr(g->err.text, "DRSYNC_SOURCE_PASSWORD"));
	assert_null(strstr(g->err.text, "hunter2"));
}

static void
unknown_keys_suggest_the_nearest(void **state)
{
	struct ground *g = *state;

	must_refuse(g, "{\"state_dri\": \"/x\"}", "'state_dir' meant");
	must_refuse(g, "{\"job\": {}}", "'jobs' meant");
	must_refuse(g, "{\"log\": {\"levle\": \"info\"}}", "'log.level' meant");
	must_refuse(g, "{\"jobs\": {\"a\": {\"source\": {\"rediss\": \"\"}}}}",
	    "'source.redis' meant");
	must_refuse(g, "{\"zzzzzzzzzzzzzz\": 1}", "unknown key 'zzzz");
	/* Right, but in the wrong place. */
	must_refuse(g, "{\"level\": 3}", "unknown key 'level'");
	must_refuse(
	    g, "{\"jobs\": {\"a\": {\"memory\": 3}}}", "unknown key 'memory'");
	must_refuse(g, "{\"jobs\": {\"a\": {\"kind\": \"tables\"}}}",
	    "'tables' is none of: redis, container");
}

static void
every_job_of_the_file_is_checked(void **state)
{
	struct ground *g = *state;
	struct settings *s;

	s = load(g, "{\"jobs\": {\"a\": {}, \"b\": {\"levle\": 3}}}", "a");
	assert_null(s);
	assert_non_null(strstr(g->err.text, "job 'b'"));
	must_refuse(g, "{\"jobs\": {\"a/b\": {}}}", "no job name");
	must_refuse(g, "{\"jobs\": {\"a\": 1}}", "must be an object");
	must_refuse(g, "{\"jobs\": [1]}", "must be an object");
}

static void
a_job_that_is_not_there_suggests_the_nearest_or_is_ad_hoc(void **state)
{
	struct ground *g = *state;
	struct settings *s;

	assert_null(load(g, good, "cahce"));
	assert_int_equal(g->err.kind, ERR_USAGE);
	assert_non_null(strstr(g->err.text, "'cache' meant"));
	s = must_load(g, good, "something-else");
	assert_null(settings_str(s, OPT_SOURCE_REDIS));
	settings_free(s);
}

static void
secrets_in_the_file_are_refused_and_not_repeated(void **state)
{
	static const char *const bad[] = {
	    "\"hunter2\"",
	    "{\"value\": \"hunter2\"}",
	    "{\"env\": \"A\", \"file\": \"hunter2\"}",
	    "{\"env\": 5}",
	    "{\"env\": \"\"}",
	    "{}",
	    "[\"hunter2\"]",
	    "null",
	    "7",
	};
	struct ground *g = *state;
	char text[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text),
		    "{\"jobs\": {\"a\": {\"dr\": {\"password\": %s}}}}",
		    bad[i]);
		must_refuse(g, text, "by reference");
	}
	must_refuse(g,
	    "{\"jobs\": {\"a\": {\"dr\":"
	    " {\"redis\": \"redis://u:hunter2@h\"}}}}",
	    "secret");
	must_refuse(g,
	    "{\"jobs\": {\"a\": {\"dr\":"
	    " {\"store\": \"https://a/c?sig=hunter2\"}}}}",
	    "secret");
	/* Of a broken document the place is told, and not the text. */
	must_refuse(g, "{\"jobs\": {\"a\": hunter2}}", "line 1");
}

static void
values_of_a_wrong_type_are_refused(void **state)
{
	static const char *const bad[] = {
	    "\"level\": true",
	    "\"level\": 1.5",
	    "\"level\": 99",
	    "\"level\": -1",
	    "\"level\": 1e300",
	    "\"level\": null",
	    "\"level\": {}",
	    "\"codec\": 7",
	    "\"codec\": \"lzma\"",
	    "\"timeout\": 60",
	    "\"part_max\": -5",
	    "\"part_max\": 0.5",
	    "\"part_max\": \"many\"",
	    "\"import\": [\"never\"]",
	    "\"source\": \"redis://h\"",
	    "\"source\": {\"redis\": 5}",
	    "\"source\": {\"redis\": \"h\"}",
	    "\"source\": {\"tls\": \"/ca\"}",
	    "\"level\": 1, \"level\": 2",
	};
	struct ground *g = *state;
	char text[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(
		    text, sizeof(text), "{\"jobs\": {\"a\": {%s}}}", bad[i]);
		must_refuse(g, text, g->path);
	}
	must_refuse(g, "", g->path);
	must_refuse(g, "[]", "one JSON object");
	must_refuse(g, "{\"memory\": \"160MiB\"", "line 1");
}

static void
a_file_that_cannot_be_read_is_a_usage_error(void **state)
{
	struct ground *g = *state;
	FILE *f;

	assert_null(settings_load("/nonexistent/x.json", NULL, &g->err));
	assert_int_equal(g->err.kind, ERR_USAGE);
	assert_non_null(strstr(g->err.text, "/nonexistent/x.json"));
	assert_null(settings_load(g->dir.path, NULL, &g->err));
	assert_int_equal(g->err.kind, ERR_USAGE);
	f = fopen(g->path, "w");
	for (size_t i = 0; i <= SETTINGS_BYTES_MAX; i++)
		putc(' ', f);
	fclose(f);
	assert_null(settings_load(g->path, NULL, &g->err));
	assert_int_equal(g->err.kind, ERR_USAGE);
}

static void
a_secret_is_read_from_where_it_is(void **state)
{
	struct ground *g = *state;
	struct settings *s = must_load(g, good, "cache");
	struct secret secret = {0};
	char ref[320];

	unsetenv("DRSYNC_TEST_PW");
	assert_int_equal(
	    settings_secret(s, OPT_SOURCE_PASSWORD, &secret, &g->err), -1);
	assert_int_equal(g->err.kind, ERR_USAGE);
	assert_non_null(strstr(g->err.text, "source.password"));
	setenv("DRSYNC_TEST_PW", "hunter2", 1);
	assert_int_equal(
	    settings_secret(s, OPT_SOURCE_PASSWORD, &secret, &g->err), 0);
	unsetenv("DRSYNC_TEST_PW");
	assert_string_equal(secret.data, "hunter2");
	secret_release(&secret);

	write_file(g, "hunter3\n");
	snprintf(ref, sizeof(ref), "file:%s", g->path);
	assert_int_equal(settings_set(s, OPT_SOURCE_PASSWORD, ref, &g->err), 0);
	assert_int_equal(
	    settings_secret(s, OPT_SOURCE_PASSWORD, &secret, &g->err), 0);
	assert_string_equal(secret.data, "hunter3");
	secret_release(&secret);

	assert_int_equal(
	    settings_secret(s, OPT_DR_PASSWORD, &secret, &g->err), 0);
	assert_null(secret.data);
	settings_free(s);
}

static void
a_secret_in_a_vault_is_named_by_its_url(void **state)
{
	static const char url[] = "https://ops.vault.azure.net/secrets/redis";
	static const char *const bad[] = {"hunter2", "https://v/hunter2",
	    "http://ops.vault.azure.net/secrets/hunter2", "",
	    "https://u:hunter2@@/"};
	struct ground *g = *state;
	struct settings *s;
	char text[300];

	snprintf(text, sizeof(text),
	    "{\"jobs\": {\"cache\": {\"dr\": {\"password\":"
	    " {\"keyvault\": \"%s\"}}}}}",
	    url);
	s = must_load(g, text, "cache");
	assert_string_equal(settings_vault_url(s, OPT_DR_PASSWORD), url);
	assert_null(settings_vault_url(s, OPT_SOURCE_PASSWORD));
	assert_int_equal(
	    settings_set(s, OPT_SOURCE_PASSWORD, "env:X", &g->err), 0);
	assert_null(settings_vault_url(s, OPT_SOURCE_PASSWORD));
	/* Which the identity opens. */
	snprintf(text, sizeof(text), "keyvault:%s", url);
	assert_int_equal(
	    settings_set(s, OPT_IDENTITY_SECRET, text, &g->err), -1);
	assert_int_equal(g->err.kind, ERR_USAGE);
	settings_free(s);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text),
		    "{\"jobs\": {\"a\": {\"dr\": {\"password\":"
		    " {\"keyvault\": \"%s\"}}}}}",
		    bad[i]);
		must_refuse(g, text, "a secret in Key Vault");
	}
}

static void
what_is_shown_holds_no_secret(void **state)
{
	struct ground *g = *state;
	struct settings *s = must_load(g, good, "cache");
	char *shown;

	shown = settings_shown(s, OPT_SOURCE_PASSWORD);
	assert_string_equal(shown, "env:DRSYNC_TEST_PW");
	free(shown);
	shown = settings_shown(s, OPT_SOURCE_REDIS);
	assert_string_equal(shown, "redis://c:6380");
	free(shown);
	assert_null(settings_shown(s, OPT_DR_REDIS));
	for (int o = ORIGIN_DEFAULT; o <= ORIGIN_FLAG; o++)
		assert_string_not_equal(origin_name((enum origin)o), "");
	settings_free(s);
}

#define HOOK "{\"webhook\": \"https://a.example/b\", \"key\": {\"env\": \"K\"}}"
#define PROMOTION(levers) \
	"{\"jobs\": {\"cache\": {\"promotion\": {\"wait\": \"9s\", \"levers\": " levers \
	"}}, \"other\": {}}}"

static void
a_jobs_levers_are_its_own(void **state)
{
	struct ground *g = *state;
	struct settings *s = must_load(g, PROMOTION("[" HOOK "]"), "cache");

	assert_int_equal(cJSON_GetArraySize(settings_levers(s)), 1);
	assert_int_equal(settings_ms(s, OPT_PROMOTION_WAIT), 9000);
	settings_free(s);
	s = must_load(g, PROMOTION("[" HOOK "]"), "other");
	assert_null(settings_levers(s));
	assert_int_equal(settings_ms(s, OPT_PROMOTION_WAIT), 120000);
	settings_free(s);
}

static void
every_jobs_levers_must_be_right(void **state)
{
	struct ground *g = *state;

	must_refuse(g, PROMOTION("{}"), "'promotion.levers' there: it must be");
	must_refuse(g, PROMOTION("[" HOOK ", {\"dns\": \"hunter\"}]"),
	    "job 'cache': 'promotion.levers' there: lever 2: dns");
	must_refuse(g, "{\"jobs\": {\"c\": {\"promotion\": {\"leers\": []}}}}",
	    "is 'promotion.levers' meant?");
	must_refuse(
	    g, "{\"promotion\": {\"levers\": []}}", "unknown key 'promotion'");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_jobs_levers_are_its_own),
	    TEST(every_jobs_levers_must_be_right),
	    TEST(a_file_is_read_with_comments_and_groups),
	    TEST(of_a_job_only_its_own_options_are_in_force),
	    TEST(later_wins_default_file_environment_flag),
	    TEST(a_bad_environment_is_told_by_its_name),
	    TEST(unknown_keys_suggest_the_nearest),
	    TEST(every_job_of_the_file_is_checked),
	    TEST(a_job_that_is_not_there_suggests_the_nearest_or_is_ad_hoc),
	    TEST(secrets_in_the_file_are_refused_and_not_repeated),
	    TEST(values_of_a_wrong_type_are_refused),
	    TEST(a_file_that_cannot_be_read_is_a_usage_error),
	    TEST(a_secret_is_read_from_where_it_is),
	    TEST(a_secret_in_a_vault_is_named_by_its_url),
	    TEST(what_is_shown_holds_no_secret),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
