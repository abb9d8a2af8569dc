/*
 * A target that is empty loads while it receives: what it is left with when
 * that ends well, and when it does not.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/journal.h"
#include "base/sink.h"
#include "tests/sim/posing_rig.h"
#include "tests/sim/real_redis.h"
#include "tests/sim/redis_data.h"

static int
up(void **state)
{
	static const char *const args[] = {
	    REDIS_DATA_DEBUG, "--requirepass", POSING_PASSWORD, NULL};
	const struct real_redis_opts opts = {.args = args};
	struct posing_rig *r = malloc(sizeof(*r));

	assert_non_null(r);
	posing_rig_init(r, &opts);
	r->opts.streamed = true;
	*state = r;
	return 0;
}

static int
down(void **state)
{
	posing_rig_release(*state);
	free(*state);
	return 0;
}

/* A sync from disk leaves the file that it was loaded from. */
static bool
was_loaded_from_disk(const struct posing_rig *r)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/dump.rdb", real_redis_dir(r->target));
	return access(path, F_OK) == 0;
}

static void
is_empty(struct posing_rig *r)
{
	char *memory = redis_data_text(r->to, "INFO memory");

	assert_int_equal(redis_data_int(r->to, "DBSIZE"), 0);
	assert_non_null(strstr(memory, "number_of_libraries:0"));
	free(memory);
}

static void
it_loads_what_it_receives(void **state)
{
	struct posing_rig *r = *state;
	struct sink *s = posing_posed(r);

	posing_config_is(r->to, "repl-diskless-load", "on-empty-db");
	posing_config_is(r->to, "repl-timeout", "300");
	if (posing_give(r, s, r->len) != 0 || sink_finish(s, &r->err) != 0 ||
	    posing_release(s, &r->scope, &r->err) != 0)
		fail_msg("%s", r->err.text);
	sink_free(s);
	posing_holds_the_source(r);
	posing_is_put_back(r, "");
	assert_false(was_loaded_from_disk(r));
}

/* Somebody wrote to it after it was seen empty. */
static void
one_that_was_written_to_is_refused(void **state)
{
	static const char *const writes[] = {"SET new data",
	    "FUNCTION LOAD #!lua\tname=l\n"
	    "redis.register_function('f',function()return\t1\tend)"};
	struct posing_rig *r = *state;

	for (size_t i = 0; i < 2; i++) {
		char *libraries;

		redis_data_do(r->to, writes[i]);
		assert_null(posing_pose(r));
		assert_int_equal(r->err.kind, ERR_REFUSED);
		assert_non_null(strstr(r->err.text, "old data is untouched"));
		posing_is_put_back(r, "");
		libraries = redis_data_text(r->to, "INFO memory");
		assert_int_equal(redis_data_int(r->to, "DBSIZE"), i == 0);
		assert_int_equal(
		    strstr(libraries, "number_of_libraries:1") != NULL, i == 1);
		free(libraries);
		redis_data_do(r->to, "FLUSHALL");
	}
}

/*
 * And one that takes writes as a replica: seen with Redis 7.0, it breaks off
 * by itself, since it prepared no file to receive into.
 */
static void
one_with_a_key_in_it_keeps_it_to_the_end(void **state)
{
	struct posing_rig *r = *state;
	struct sink *s;

	redis_data_do(r->to, "CONFIG SET replica-read-only no");
	s = posing_posed(r);
	redis_data_do(r->to, "SET old data");
	r->before = redis_data_digest(r->to);
	if (posing_give(r, s, r->len) == 0)
		assert_int_equal(sink_finish(s, &r->err), 0);
	else
		assert_int_equal(r->err.kind, ERR_TRANSIENT);
	sink_free(s);
	posing_holds(r->to, r->before);
	posing_is_put_back(r, "");
	assert_false(was_loaded_from_disk(r));
}

/* It stands still for as long as that. */
static void
a_longer_timeout_of_its_own_is_cut(void **state)
{
	struct posing_rig *r = *state;
	struct sink *s;

	redis_data_do(r->to, "CONFIG SET repl-timeout 86400");
	s = posing_posed(r);
	posing_config_is(r->to, "repl-timeout", "300");
	sink_free(s);
	posing_config_is(r->to, "repl-timeout", "86400");
	r->opts.streamed = false;
	s = posing_posed(r);
	posing_config_is(r->to, "repl-timeout", "86400");
	sink_free(s);
}

static void
given_up_it_is_empty_again(void **state)
{
	struct posing_rig *r = *state;

	for (int step = 0; step < 3; step++) {
		struct sink *s = posing_posed(r);

		if (step > 0)
			assert_int_equal(
			    posing_give(r, s, step == 1 ? r->len / 2 : r->len),
			    0);
		if (step == 2)
			assert_int_equal(sink_finish(s, &r->err), 0);
		sink_free(s);
		is_empty(r);
		posing_is_put_back(r, "");
	}
	posing_load(r);
	posing_holds_the_source(r);
}

static void
what_is_cut_short_is_told_of(void **state)
{
	struct posing_rig *r = *state;
	struct sink *s = posing_posed(r);

	assert_int_equal(posing_give(r, s, r->len - 1), 0);
	assert_int_equal(sink_finish(s, &r->err), -1);
	assert_int_equal(r->err.kind, ERR_CORRUPT);
	if (strstr(r->err.text, "was empty, and drops what it got") == NULL)
		fail_msg("%s", r->err.text);
	sink_free(s);
	is_empty(r);
	posing_is_put_back(r, "");
}

/* Its link is closed, and that is how it is noticed: it is asked nothing. */
static void
one_that_stops_before_the_last_bytes_is_told_of(void **state)
{
	struct posing_rig *r = *state;
	struct sink *s = posing_posed(r);
	siginfo_t gone;

	assert_int_equal(posing_give(r, s, r->len), 0);
	assert_int_equal(sink_finish(s, &r->err), 0);
	assert_int_equal(kill(real_redis_pid(r->target), SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)real_redis_pid(r->target), &gone,
			     WEXITED | WNOWAIT),
	    0);
	assert_int_equal(posing_release(s, &r->scope, &r->err), -1);
	assert_int_equal(r->err.kind, ERR_TRANSIENT);
	if (strstr(r->err.text, "it is still to be put back") == NULL)
		fail_msg("%s", r->err.text);
	assert_int_equal(posing_journal_entries(r->journal), 1);
	sink_free(s);
}

/* A child's journal: what it notes is read by its parent. */
struct pipe_journal {
	struct journal base;
	int fd;
};

static int
told_to_the_pipe(
    struct journal *j, const char *key, const char *value, struct err *err)
{
	(void)err;
	return dprintf(((struct pipe_journal *)j)->fd, "%s\n%s\n", key, value) <
	    0;
}

static int
nothing_before(
    struct journal *j, const char *key, struct buf *value, struct err *err)
{
	(void)j;
	(void)key;
	(void)value;
	return err_set(err, ERR_MISSING, "nothing before");
}

static const struct journal_ops pipe_ops = {
    .put = told_to_the_pipe, .get = nothing_before};

static void
crash_at_half(struct posing_rig *r, int fd)
{
	struct pipe_journal j = {{&pipe_ops}, fd};
	struct sink *s;

	r->opts.journal = &j.base;
	s = posing_pose(r);
	if (s == NULL || posing_give(r, s, r->len / 2) != 0)
		_exit(1);
	kill(getpid(), SIGKILL);
}

static void
after_kill_9_it_is_empty_and_the_next_start_puts_it_back(void **state)
{
	struct posing_rig *r = *state;
	char key[512], value[8192];
	int ends[2], status;
	FILE *told;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0)
		crash_at_half(r, ends[1]);
	assert_true(pid > 0);
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	told = fdopen(ends[0], "r");
	assert_non_null(told);
	assert_non_null(fgets(key, sizeof(key), told));
	assert_non_null(fgets(value, sizeof(value), told));
	fclose(told);
	key[strcspn(key, "\n")] = value[strcspn(value, "\n")] = '\0';
	assert_int_equal(
	    r->journal->ops->put(r->journal, key, value, &r->err), 0);
	if (posing_undo(r->journal, &r->at, &r->redis, &r->scope, &r->err) != 0)
		fail_msg("%s", r->err.text);
	is_empty(r);
	posing_is_put_back(r, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(it_loads_what_it_receives),
	    TEST(one_that_was_written_to_is_refused),
	    TEST(a_longer_timeout_of_its_own_is_cut),
	    TEST(one_with_a_key_in_it_keeps_it_to_the_end),
	    TEST(given_up_it_is_empty_again),
	    TEST(what_is_cut_short_is_told_of),
	    TEST(one_that_stops_before_the_last_bytes_is_told_of),
	    TEST(after_kill_9_it_is_empty_and_the_next_start_puts_it_back),
	};

	return cmocka_run_group_tests_name(
	    "posing_streamed", tests, NULL, NULL);
}
