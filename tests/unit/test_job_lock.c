/* One run at a time, for as long as its lease is renewed. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/job/job_lock.h"
#include "agent/job/lock_note.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/journal.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "storage/lease.h"
#include "tests/sim/held_clock.h"
#include "tests/sim/store_fault.h"
#include "tests/sim/temp_dir.h"

#define JOB	 "cache"
#define RENEW_MS 20000
#define PATIENCE 30000

struct ground {
	struct temp_dir dir;
	struct store *store;
	struct held_clock clock;
	struct scope scope;
	struct cancel *cancel;
	struct job_lock *lock;
	char id[LEASE_ID_MAX]; /* that was tried last */
	struct err err;
};

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	temp_dir_make(&g->dir);
	g->store = store_fault_new(temp_dir_store(&g->dir));
	g->scope = held_clock_init(&g->clock);
	g->cancel = cancel_new(NULL);
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct ground *g = *state;

	held_clock_open(&g->clock);
	job_unlock(g->lock);
	cancel_free(g->cancel);
	store_free(g->store);
	held_clock_release(&g->clock);
	temp_dir_remove(&g->dir);
	free(g);
	return 0;
}

static struct job_lock *
try_lock(struct ground *g)
{
	g->err = (struct err){0};
	lease_id_make(&g->scope, g->id);
	return job_lock(g->store, JOB, g->id, &g->scope, g->cancel, &g->err);
}

static void
must_lock(struct ground *g)
{
	g->lock = try_lock(g);
	if (g->lock == NULL)
		fail_msg("%s", g->err.text);
	held_clock_wait_asleep(&g->clock);
}

/* The time of one renewal, and until the next sleep. */
static void
pass_one(struct ground *g)
{
	held_clock_pass(&g->clock, RENEW_MS);
	held_clock_wait_asleep(&g->clock);
}

static void
wait_cancelled(struct ground *g)
{
	struct pollfd p = {.fd = cancel_fd(g->cancel), .events = POLLIN};

	assert_int_equal(poll(&p, 1, PATIENCE), 1);
}

static void
a_second_holder_is_refused_until_the_first_lets_go(void **state)
{
	struct ground *g = *state;

	must_lock(g);
	assert_int_equal(job_lock_left_ms(g->lock), 60000);
	assert_null(try_lock(g));
	assert_int_equal(g->err.kind, ERR_LOCKED);
	assert_non_null(strstr(g->err.text, "another run of job 'cache'"));
	held_clock_open(&g->clock);
	assert_true(job_unlock(g->lock));
	g->lock = try_lock(g);
	assert_non_null(g->lock);
}

static void *
let_it_pass(void *clock)
{
	held_clock_wait_asleep(clock);
	held_clock_pass(clock, 50000);
	return NULL;
}

/* Asked for again, since of the first there are only seconds left. */
static void
a_lease_that_was_long_in_coming_is_whole_all_the_same(void **state)
{
	struct ground *g = *state;
	pthread_t other;

	store_fault_add(g->store,
	    &(struct fault){.op = FAULT_ACQUIRE,
		.nth = 1,
		.how = FAULT_DELAY,
		.delay_ms = 50000});
	assert_int_equal(
	    pthread_create(&other, NULL, let_it_pass, &g->clock), 0);
	g->lock = try_lock(g);
	pthread_join(other, NULL);
	assert_non_null(g->lock);
	assert_int_equal(store_fault_calls(g->store, FAULT_ACQUIRE), 2);
	assert_int_equal(job_lock_left_ms(g->lock), 60000);
	held_clock_wait_asleep(&g->clock);
}

static void
the_lease_is_renewed_for_as_long_as_it_is_held(void **state)
{
	struct ground *g = *state;

	must_lock(g);
	for (unsigned i = 1; i <= 5; i++) {
		pass_one(g);
		assert_int_equal(store_fault_calls(g->store, FAULT_RENEW), i);
		assert_int_equal(job_lock_left_ms(g->lock), 60000);
	}
	assert_null(try_lock(g));
	assert_int_equal(g->err.kind, ERR_LOCKED);
	assert_false(cancel_triggered(g->cancel));
}

static void
a_renewal_that_fails_is_repeated(void **state)
{
	struct ground *g = *state;

	store_fault_add(g->store,
	    &(struct fault){
		.op = FAULT_RENEW, .nth = 1, .kind = ERR_TRANSIENT});
	must_lock(g);
	pass_one(g);
	assert_int_equal(job_lock_left_ms(g->lock), 40000);
	assert_false(cancel_triggered(g->cancel));
	pass_one(g);
	assert_int_equal(job_lock_left_ms(g->lock), 60000);
	assert_false(cancel_triggered(g->cancel));
}

static void
a_renewal_that_stalls_leaves_time_for_another(void **state)
{
	struct ground *g = *state;

	store_fault_add(g->store,
	    &(struct fault){.op = FAULT_RENEW,
		.nth = 1,
		.how = FAULT_DELAY,
		.delay_ms = 600000});
	must_lock(g);
	pass_one(g);
	held_clock_pass(&g->clock, 10000);
	held_clock_wait_asleep(&g->clock);
	assert_int_equal(job_lock_left_ms(g->lock), 30000);
	held_clock_pass(&g->clock, 5000);
	held_clock_wait_asleep(&g->clock);
	assert_int_equal(store_fault_calls(g->store, FAULT_RENEW), 2);
	assert_int_equal(job_lock_left_ms(g->lock), 60000);
	assert_false(cancel_triggered(g->cancel));
}

/* The run is ended while the lease still lasts. */
static void
renewals_that_keep_failing_end_the_run_in_time(void **state)
{
	struct ground *g = *state;
	struct err why;

	store_fault_add(g->store,
	    &(struct fault){.op = FAULT_RENEW, .kind = ERR_UNREACHABLE});
	must_lock(g);
	pass_one(g);
	assert_false(cancel_triggered(g->cancel));
	assert_false(job_lock_lost(g->lock, &why));
	held_clock_pass(&g->clock, RENEW_MS);
	wait_cancelled(g);
	assert_true(job_lock_lost(g->lock, &why));
	assert_int_equal(why.kind, ERR_UNREACHABLE);
	assert_true(job_lock_left_ms(g->lock) > 0);
}

static void
a_lease_lost_to_another_ends_the_run_at_once(void **state)
{
	struct ground *g = *state;
	struct err why;

	store_fault_add(g->store,
	    &(struct fault){.op = FAULT_RENEW, .nth = 1, .kind = ERR_LOCKED});
	must_lock(g);
	held_clock_pass(&g->clock, RENEW_MS);
	wait_cancelled(g);
	assert_int_equal(store_fault_calls(g->store, FAULT_RENEW), 1);
	assert_true(job_lock_lost(g->lock, &why));
	assert_int_equal(why.kind, ERR_LOCKED);
}

/* The machine slept for a minute, and another took the lease meanwhile. */
static void
a_lease_that_was_taken_over_ends_the_run(void **state)
{
	struct ground *g = *state;
	struct cancel *other = cancel_new(NULL);
	struct store *store = temp_dir_store(&g->dir);
	struct held_clock later;
	struct scope scope = held_clock_init(&later);
	struct job_lock *theirs;
	char id[LEASE_ID_MAX];

	must_lock(g);
	held_clock_pass(&later, 61000);
	lease_id_make(&scope, id);
	theirs = job_lock(store, JOB, id, &scope, other, &g->err);
	assert_non_null(theirs);
	held_clock_pass(&g->clock, 61000);
	wait_cancelled(g);
	held_clock_open(&later);
	job_unlock(theirs);
	store_free(store);
	held_clock_release(&later);
	cancel_free(other);
}

static void
what_fails_otherwise_is_passed_on(void **state)
{
	struct ground *g = *state;

	store_fault_add(g->store,
	    &(struct fault){.op = FAULT_ACQUIRE, .nth = 1, .kind = ERR_AUTH});
	assert_null(try_lock(g));
	assert_int_equal(g->err.kind, ERR_AUTH);
	job_unlock(NULL);
}

static void
a_release_that_fails_leaves_a_lease_that_ends(void **state)
{
	struct ground *g = *state;

	store_fault_add(
	    g->store, &(struct fault){.op = FAULT_RELEASE, .kind = ERR_AUTH});
	must_lock(g);
	held_clock_open(&g->clock);
	assert_false(job_unlock(g->lock));
	g->lock = NULL;
	assert_null(try_lock(g));
	assert_int_equal(g->err.kind, ERR_LOCKED);
	held_clock_pass(&g->clock, 60000);
	g->lock = try_lock(g);
	assert_non_null(g->lock);
}

static int
send_note(void *arg, const char *key, const char *value, struct err *err)
{
	(void)err;
	dprintf(*(int *)arg, "%s\n%s", key, value);
	return 0;
}

/* As a process left it that is gone by now. */
static void
note_of_the_dead(struct ground *g, struct journal *journal, const char *id)
{
	char text[4096], *value;
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct journal *own = journal_memory_new();
		struct err err = {0};

		if (lock_note_put(own, g->store, JOB, id, &err) != 0 ||
		    own->ops->each(own, "", send_note, &ends[1], &err) != 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	n = read(ends[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	close(ends[0]);
	close(ends[1]);
	value = strchr(text, '\n');
	assert_non_null(value);
	*value++ = '\0';
	assert_int_equal(journal->ops->put(journal, text, value, &g->err), 0);
}

static void
must_recover(struct ground *g, struct journal *journal)
{
	g->err = (struct err){0};
	if (lock_note_recover(journal, g->store, JOB, &g->scope, &g->err) != 0)
		fail_msg("%s", g->err.text);
}

static int
count_note(void *arg, const char *key, const char *value, struct err *err)
{
	(void)key;
	(void)value;
	(void)err;
	*(int *)arg += 1;
	return 0;
}

static int
notes(struct journal *journal)
{
	struct err err = {0};
	int n = 0;

	journal->ops->each(journal, "", count_note, &n, &err);
	return n;
}

/* Whatever moment it ended at: its note was there before the lease was. */
static void
the_lease_of_a_process_that_is_gone_is_released(void **state)
{
	struct journal *journal = journal_memory_new();
	struct ground *g = *state;
	char theirs[LEASE_ID_MAX];

	/* Before it had asked for it: there is no blob yet. */
	note_of_the_dead(g, journal, "01234567-0123-4123-8123-0123456789ab");
	must_recover(g, journal);
	assert_int_equal(notes(journal), 0);

	must_lock(g);
	snprintf(theirs, sizeof(theirs), "%s", g->id);
	note_of_the_dead(g, journal, theirs);
	assert_null(try_lock(g));
	must_recover(g, journal);
	assert_int_equal(notes(journal), 0);
	held_clock_open(&g->clock);
	job_unlock(g->lock);
	g->lock = try_lock(g);
	assert_non_null(g->lock);
	journal_memory_free(journal);
}

static void
the_lease_of_a_process_that_runs_is_left_to_it(void **state)
{
	struct journal *journal = journal_memory_new();
	struct ground *g = *state;

	must_lock(g);
	assert_int_equal(
	    lock_note_put(journal, g->store, JOB, g->id, &g->err), 0);
	must_recover(g, journal);
	assert_int_equal(store_fault_calls(g->store, FAULT_RELEASE), 0);
	assert_int_equal(notes(journal), 1);
	assert_null(try_lock(g));
	journal_memory_free(journal);
}

/* Else a crash here and a run elsewhere would shut this host out for good. */
static void
a_lease_that_went_to_another_since_is_not_ours_to_release(void **state)
{
	struct journal *journal = journal_memory_new();
	struct ground *g = *state;

	note_of_the_dead(g, journal, "01234567-0123-4123-8123-0123456789ab");
	must_lock(g);
	must_recover(g, journal);
	assert_int_equal(store_fault_calls(g->store, FAULT_RELEASE), 1);
	assert_int_equal(notes(journal), 0);
	assert_null(try_lock(g));
	journal_memory_free(journal);
}

/* The next run on this host may have more luck. */
static void
a_note_stays_until_its_lease_was_asked_about(void **state)
{
	struct journal *journal = journal_memory_new();
	struct ground *g = *state;

	store_fault_add(g->store,
	    &(struct fault){
		.op = FAULT_RELEASE, .nth = 1, .kind = ERR_UNREACHABLE});
	note_of_the_dead(g, journal, "01234567-0123-4123-8123-0123456789ab");
	assert_int_equal(
	    lock_note_recover(journal, g->store, JOB, &g->scope, &g->err), -1);
	assert_int_equal(g->err.kind, ERR_UNREACHABLE);
	assert_int_equal(notes(journal), 1);
	must_recover(g, journal);
	assert_int_equal(notes(journal), 0);
	journal_memory_free(journal);
}

/* Taken, and told as failed: what was noted before gives it back. */
static void
a_lease_whose_answer_was_lost_is_given_back(void **state)
{
	struct journal *journal = journal_memory_new();
	struct ground *g = *state;

	store_fault_add(g->store,
	    &(struct fault){.op = FAULT_ACQUIRE,
		.nth = 1,
		.how = FAULT_LOSE_ANSWER,
		.kind = ERR_UNREACHABLE});
	assert_null(try_lock(g));
	assert_int_equal(g->err.kind, ERR_UNREACHABLE);
	assert_int_equal(
	    lock_note_put(journal, g->store, JOB, g->id, &g->err), 0);
	assert_int_equal(
	    lock_note_settle(journal, g->store, JOB, g->id, &g->scope, &g->err),
	    0);
	assert_int_equal(notes(journal), 0);
	held_clock_open(&g->clock);
	g->lock = try_lock(g);
	assert_non_null(g->lock);
	journal_memory_free(journal);
}

/* Another job's, and a store's whose URL begins like this one's. */
static void
notes_of_other_locks_are_left_alone(void **state)
{
	static const char *const jobs[] = {"cach", "cache2", "other"};
	struct journal *journal = journal_memory_new();
	struct ground *g = *state;
	struct store deeper = *g->store;
	char url[600];

	snprintf(url, sizeof(url), "%s/cache", g->store->url);
	deeper.url = url;
	assert_int_equal(
	    lock_note_put(journal, &deeper, JOB, g->id, &g->err), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
		    lock_note_put(journal, g->store, jobs[i], g->id, &g->err),
		    0);
	must_recover(g, journal);
	assert_int_equal(store_fault_calls(g->store, FAULT_RELEASE), 0);
	assert_int_equal(notes(journal), 4);
	journal_memory_free(journal);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_second_holder_is_refused_until_the_first_lets_go),
	    TEST(a_lease_that_was_long_in_coming_is_whole_all_the_same),
	    TEST(the_lease_is_renewed_for_as_long_as_it_is_held),
	    TEST(a_renewal_that_fails_is_repeated),
	    TEST(a_renewal_that_stalls_leaves_time_for_another),
	    TEST(renewals_that_keep_failing_end_the_run_in_time),
	    TEST(a_lease_lost_to_another_ends_the_run_at_once),
	    TEST(a_lease_that_was_taken_over_ends_the_run),
	    TEST(what_fails_otherwise_is_passed_on),
	    TEST(a_release_that_fails_leaves_a_lease_that_ends),
	    TEST(the_lease_of_a_process_that_is_gone_is_released),
	    TEST(the_lease_of_a_process_that_runs_is_left_to_it),
	    TEST(a_lease_that_went_to_another_since_is_not_ours_to_release),
	    TEST(a_note_stays_until_its_lease_was_asked_about),
	    TEST(a_lease_whose_answer_was_lost_is_given_back),
	    TEST(notes_of_other_locks_are_left_alone),
	};

	return cmocka_run_group_tests_name("job_lock", tests, NULL, NULL);
}
