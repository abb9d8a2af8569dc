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

/* Tells of done bytes, again and again, until the line has a rate. */
static void
advance_until_rate(struct screen *s, struct progress *p, uint64_t done,
    uint64_t total, bool about)
{
	static const struct timespec tick = {.tv_nsec = 20000000};

	for (int i = 0; i < 500 && !has(screen_text(s), "/s"); i++) {
		p->advance(p, STEP_SNAPSHOT, done, total, about);
		nanosleep(&tick, NULL);
	}
}

static void
a_terminal_sees_rate_share_and_time_left(void **state)
{
	struct progress_line *line;
	const char *text;
	struct screen s;

	(void)state;
	screen_up(&s, true);
	line = progress_line_new(false);
	advance_until_rate(
	    &s, progress_line_progress(line), 100 * MIB, 400 * MIB, false);
	text = screen_text(&s);
	progress_line_free(line);
	screen_down(&s);
	assert_true(has(text, "snapshot  100 MiB of 400 MiB (25 %)"));
	assert_true(has(text, "MiB/s, "));
	assert_true(has(text, " left"));
	assert_false(has(text, "about"));
}

static void
a_total_that_is_a_guess_is_told_as_one(void **state)
{
	struct progress_line *line;
	const char *text;
	struct screen s;

	(void)state;
	screen_up(&s, true);
	line = progress_line_new(false);
	advance_until_rate(
	    &s, progress_line_progress(line), 100 * MIB, 400 * MIB, true);
	text = screen_text(&s);
	progress_line_free(line);
	screen_down(&s);
	assert_true(has(text, " of about 400 MiB (25 %)"));
	assert_true(has(text, ", about "));
	assert_true(has(text, " left"));
}

static void
an_unknown_total_leaves_no_time_to_tell(void **state)
{
	struct progress_line *line;
	const char *text;
	struct screen s;

	(void)state;
	screen_up(&s, true);
	line = progress_line_new(false);
	advance_until_rate(
	    &s, progress_line_progress(line), 100 * MIB, 0, true);
	text = screen_text(&s);
	progress_line_free(line);
	screen_down(&s);
	assert_true(has(text, "snapshot  100 MiB, "));
	assert_false(has(text, "about"));
	assert_false(has(text, "left"));
}

/* A file, a pipe, the journal. */
static void
without_a_terminal_only_notes_are_printed(void **state)
{
	struct progress_line *line;
	struct progress *p;
	const char *text;
	struct screen s;

	(void)state;
	screen_up(&s, false);
	line = progress_line_new(false);
	p = progress_line_progress(line);
	p->advance(p, STEP_COPY, MIB, 2 * MIB, false);
	progress_note(p, STEP_COPY, "copied by the %s", "service");
	text = screen_text(&s);
	progress_line_free(line);
	screen_down(&s);
	assert_string_equal(text, "copy      copied by the service\n");
}

static void
quiet_says_nothing(void **state)
{
	struct progress_line *line;
	struct progress *p;
	const char *text;
	struct screen s;

	(void)state;
	screen_up(&s, true);
	line = progress_line_new(true);
	p = progress_line_progress(line);
	p->advance(p, STEP_COPY, MIB, 2 * MIB, false);
	progress_note(p, STEP_COPY, "a note");
	text = screen_text(&s);
	progress_line_free(line);
	screen_down(&s);
	assert_string_equal(text, "");
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
