/* What an operator sees while a run goes on: on a terminal, and without. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/cmd/show.h"

#define MIB ((uint64_t)1 << 20)

/* Standard error, for as long as a test takes: a terminal, or a pipe. */
struct screen {
	int saved, ours;
	char text[8192];
	size_t len;
};

static void
screen_up(struct screen *s, bool terminal)
{
	int theirs, ends[2];

	*s = (struct screen){.saved = dup(STDERR_FILENO)};
	if (terminal) {
		s->ours = posix_openpt(O_RDWR | O_NOCTTY);
		assert_true(s->ours >= 0);
		assert_int_equal(grantpt(s->ours), 0);
		assert_int_equal(unlockpt(s->ours), 0);
		theirs = open(ptsname(s->ours), O_RDWR | O_NOCTTY);
	} else {
		assert_int_equal(pipe(ends), 0);
		s->ours = ends[0];
		theirs = ends[1];
	}
	assert_true(theirs >= 0);
	assert_true(dup2(theirs, STDERR_FILENO) >= 0);
	close(theirs);
}

/* What was printed until now. */
static const char *
screen_text(struct screen *s)
{
	struct pollfd p = {.fd = s->ours, .events = POLLIN};

	fflush(stderr);
	while (poll(&p, 1, 0) == 1 && (p.revents & POLLIN)) {
		ssize_t n = read(
		    s->ours, s->text + s->len, sizeof(s->text) - 1 - s->len);

		assert_true(n > 0);
		s->len += (size_t)n;
	}
	s->text[s->len] = '\0';
	return s->text;
}

static void
screen_down(struct screen *s)
{
	fflush(stderr);
	dup2(s->saved, STDERR_FILENO);
	close(s->saved);
	close(s->ours);
}

static bool
has(const char *text, const char *what)
{
	return strstr(text, what) != NULL;
}

/* Tells of 100 MiB, again and again, until the line on a terminal has a rate;
 * what was printed by then. */
static const char *
line_with_rate(struct screen *s, uint64_t total, bool about)
{
	static const struct timespec tick = {.tv_nsec = 20000000};
	struct progress_line *line;
	struct progress *p;

	screen_up(s, true);
	line = progress_line_new(false);
	p = progress_line_progress(line);
	for (int i = 0; i < 500 && !has(screen_text(s), "/s"); i++) {
		p->advance(p, STEP_SNAPSHOT, 100 * MIB, total, about);
		nanosleep(&tick, NULL);
	}
	progress_line_free(line);
	screen_down(s);
	return s->text;
}

static void
a_terminal_sees_rate_share_and_time_left(void **state)
{
	struct screen s;
	const char *text = line_with_rate(&s, 400 * MIB, false);

	(void)state;
	assert_true(has(text, "snapshot  100 MiB of 400 MiB (25 %)"));
	assert_true(has(text, "MiB/s, "));
	assert_true(has(text, " left"));
	assert_false(has(text, "about"));
}

static void
a_total_that_is_a_guess_is_told_as_one(void **state)
{
	struct screen s;
	const char *text = line_with_rate(&s, 400 * MIB, true);

	(void)state;
	assert_true(has(text, " of about 400 MiB (25 %)"));
	assert_true(has(text, ", about "));
	assert_true(has(text, " left"));
}

static void
an_unknown_total_leaves_no_time_to_tell(void **state)
{
	struct screen s;
	const char *text = line_with_rate(&s, 0, true);

	(void)state;
	assert_true(has(text, "snapshot  100 MiB, "));
	assert_false(has(text, "about"));
	assert_false(has(text, "left"));
}

/* What is printed of one advance and one note. */
static const char *
line_with_note(struct screen *s, bool terminal, bool quiet)
{
	struct progress_line *line;
	struct progress *p;

	screen_up(s, terminal);
	line = progress_line_new(quiet);
	p = progress_line_progress(line);
	p->advance(p, STEP_COPY, MIB, 2 * MIB, false);
	progress_note(p, STEP_COPY, "copied by the %s", "service");
	screen_text(s);
	progress_line_free(line);
	screen_down(s);
	return s->text;
}

/* A file, a pipe, the journal. */
static void
without_a_terminal_only_notes_are_printed(void **state)
{
	struct screen s;

	(void)state;
	assert_string_equal(line_with_note(&s, false, false),
	    "copy      copied by the service\n");
}

static void
quiet_says_nothing(void **state)
{
	struct screen s;

	(void)state;
	assert_string_equal(line_with_note(&s, true, true), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_terminal_sees_rate_share_and_time_left),
	    cmocka_unit_test(a_total_that_is_a_guess_is_told_as_one),
	    cmocka_unit_test(an_unknown_total_leaves_no_time_to_tell),
	    cmocka_unit_test(without_a_terminal_only_notes_are_printed),
	    cmocka_unit_test(quiet_says_nothing),
	};

	return cmocka_run_group_tests_name("progress_line", tests, NULL, NULL);
}
