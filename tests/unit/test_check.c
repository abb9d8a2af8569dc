/* A connection that breaks is never taken for an answer, and a check that
 * fails does not end the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/job/agent.h"
#include "agent/job/check.h"
#include "agent/job/settings.h"
#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/scope.h"
#include "tests/sim/script_server.h"
#include "tests/sim/temp_dir.h"

/* What a server says to a command that begins so; NULL: it hangs up. */
struct answer {
	const char *command, *says;
};

#define ANSWERS_MAX 8

struct script {
	struct answer answers[ANSWERS_MAX];
};

static int
read_command(struct script_conn *c, struct buf *command)
{
	struct buf in;
	int rc, n;

	buf_init(&in, 4096);
	buf_truncate(command, 0);
	rc = script_read_until(c, &in, "\r\n");
	n = rc == 0 ? atoi(in.data + 1) : 0;
	while (rc == 0 && n-- > 0) {
		size_t len;

		buf_truncate(&in, 0);
		rc = script_read_until(c, &in, "\r\n");
		len = rc == 0 ? strtoul(in.data + 1, NULL, 10) : 0;
		buf_truncate(&in, 0);
		if (rc == 0 && (rc = script_read(c, &in, len + 2)) == 0) {
			buf_addc(command, ' ');
			buf_add(command, in.data, len);
		}
	}
	buf_release(&in);
	return rc;
}

static const char *
answer_to(const struct script *s, const char *command)
{
	for (int i = 0; i < ANSWERS_MAX && s->answers[i].command != NULL; i++)
		if (strncmp(command, s->answers[i].command,
			strlen(s->answers[i].command)) == 0)
			return s->answers[i].says;
	return "-ERR unknown command\r\n";
}

static void
serve(struct script_conn *c, void *arg)
{
	struct buf command;
	const char *says;

	buf_init(&command, 4096);
	while (read_command(c, &command) == 0) {
		says = strcmp(command.data, " PING") == 0
		    ? "+PONG\r\n"
		    : answer_to(arg, command.data + 1);
		if (says == NULL || script_sends(c, says) != 0)
			break;
	}
	script_close(c);
	buf_release(&command);
}

struct seen {
	unsigned rows, failed;
	enum check_result source;
	char detail[600]; /* of the source */
};

static void
see(void *arg, const struct check *check)
{
	struct seen *seen = arg;

	seen->rows++;
	seen->failed += check->result == CHECK_FAILED;
	assert_true(
	    (check->result == CHECK_FAILED) == (check->advice[0] != '\0'));
	assert_true((check->result == CHECK_FAILED) == (check->err != NULL));
	if (strcmp(check->what, "source Redis") != 0)
		return;
	seen->source = check->result;
	snprintf(seen->detail, sizeof(seen->detail), "%s", check->detail);
}

static int
check_with(const char *source, const struct scope *scope, struct seen *seen,
    struct err *err)
{
	struct settings *settings = settings_load(NULL, NULL, err);
	struct temp_dir dir;
	struct agent *agent;
	int rc;

	assert_non_null(settings);
	temp_dir_make(&dir);
	assert_int_equal(
	    settings_set(settings, OPT_STATE_DIR, dir.path, err), 0);
	assert_int_equal(
	    settings_set(settings, OPT_SPOOL_DIR, dir.path, err), 0);
	assert_int_equal(
	    settings_set(settings, OPT_SOURCE_REDIS, source, err), 0);
	*seen = (struct seen){0};
	agent = agent_new(settings, scope, NULL);
	rc = check_job(agent, "cache", scope, see, seen, err);
	agent_free(agent);
	settings_free(settings);
	temp_dir_remove(&dir);
	return rc;
}

static int
check_script(struct script script, struct seen *seen, struct err *err)
{
	struct script_server *s = script_server_new(NULL, serve, &script);
	struct scope scope = scope_root(NULL);
	char url[64];
	int rc;

	*err = (struct err){0};
	snprintf(
	    url, sizeof(url), "redis://127.0.0.1:%d", script_server_port(s));
	rc = check_with(url, &scope, seen, err);
	script_server_free(s);
	return rc;
}

#define INFO_IS \
	{ \
		"INFO", "$21\r\nredis_version:7.0.15\n\r\n" \
	}
#define NO_SUCH "*1\r\n*-1\r\n"
#define EXISTS	"*1\r\n*1\r\n$5\r\npsync\r\n"

static void
fails(struct script script, enum err_kind kind, const char *says)
{
	struct seen seen;
	struct err err;

	assert_int_equal(check_script(script, &seen, &err), -1);
	if (err.kind != kind || strstr(err.text, says) == NULL)
		fail_msg("%s: %s", err_kind_name(err.kind), err.text);
	assert_int_equal(seen.source, CHECK_FAILED);
	assert_int_equal(seen.failed, 1);
	assert_int_equal(seen.rows, 15);
	assert_int_equal(strncmp(err.text, "source Redis: ", 14), 0);
}

static void
passes(struct script script, const char *says)
{
	struct seen seen;
	struct err err;

	if (check_script(script, &seen, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(seen.source, CHECK_GOOD);
	assert_int_equal(seen.failed, 0);
	if (strstr(seen.detail, says) == NULL)
		fail_msg("%s", seen.detail);
}

static void
a_connection_that_breaks_at_any_question_is_a_failure(void **state)
{
	(void)state;
	fails((struct script){{{"INFO", NULL}}}, ERR_TRANSIENT, "");
	fails((struct script){{INFO_IS, {"COMMAND INFO PSYNC", NULL}}},
	    ERR_TRANSIENT, "");
	fails((struct script){{INFO_IS, {"COMMAND INFO PSYNC", EXISTS},
		  {"ACL DRYRUN default PSYNC ? -1", NULL}}},
	    ERR_TRANSIENT, "");
	fails((struct script){{INFO_IS, {"COMMAND INFO PSYNC", NO_SUCH},
		  {"COMMAND INFO SYNC", NULL}}},
	    ERR_TRANSIENT, "");
}

static void
sync_alone_needs_leave_too(void **state)
{
	(void)state;
	fails((struct script){{INFO_IS, {"COMMAND INFO PSYNC", NO_SUCH},
		  {"COMMAND INFO SYNC", EXISTS},
		  {"ACL DRYRUN default SYNC", "$2\r\nno\r\n"}}},
	    ERR_AUTH, "user 'default' may not use SYNC");
	passes((struct script){{INFO_IS, {"COMMAND INFO PSYNC", NO_SUCH},
		   {"COMMAND INFO SYNC", EXISTS},
		   {"ACL DRYRUN default SYNC", "+OK\r\n"}}},
	    "SYNC allowed");
}

static void
what_cannot_be_told_is_no_failure(void **state)
{
	(void)state;
	/* Redis 2.8: neither ACL nor, in its first versions, COMMAND. */
	passes((struct script){{INFO_IS}}, "cannot be told");
	passes((struct script){{{"INFO", "-NOPERM no\r\n"},
		   {"COMMAND INFO PSYNC", EXISTS},
		   {"ACL DRYRUN", "-NOPERM no\r\n"}}},
	    "hides INFO; whether PSYNC");
}

static void
a_check_that_is_cancelled_ends(void **state)
{
	struct cancel *cancel = cancel_new(NULL);
	struct scope scope = scope_root(cancel);
	struct err err = {0};
	struct seen seen;

	(void)state;
	cancel_trigger(cancel);
	assert_int_equal(
	    check_with("redis://127.0.0.1:1", &scope, &seen, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_int_equal(seen.rows, 0);
	cancel_free(cancel);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_connection_that_breaks_at_any_question_is_a_failure),
	    cmocka_unit_test(sync_alone_needs_leave_too),
	    cmocka_unit_test(what_cannot_be_told_is_no_failure),
	    cmocka_unit_test(a_check_that_is_cancelled_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
