/* How text stands on a page: where it breaks, and what is never broken. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/cmd/wrap.h"

#define TEN "123456789 "

/* On a page of 80 columns; for the caller to free. */
static char *
wrapped(const char *text, int column, int at)
{
	char *out = NULL;
	size_t len;
	FILE *page = open_memstream(&out, &len);

	assert_non_null(page);
	wrap_print(page, text, column, at);
	assert_int_equal(fclose(page), 0);
	return out;
}

static void
assert_wrapped(const char *text, int column, int at, const char *want)
{
	char *out = wrapped(text, column, at);

	assert_string_equal(out, want);
	free(out);
}

static void
a_line_takes_80_columns_and_no_more(void **state)
{
	(void)state;
	assert_wrapped(TEN TEN TEN TEN TEN TEN TEN "1234567890 a", 4, 0,
	    TEN TEN TEN TEN TEN TEN TEN "1234567890\n    a\n");
	assert_wrapped(TEN TEN TEN TEN TEN TEN TEN "12345678901 a", 4, 0,
	    TEN TEN TEN TEN TEN TEN "123456789\n    12345678901 a\n");
	/* What stands before it on its first line takes room, too. */
	assert_wrapped(TEN TEN TEN TEN TEN TEN TEN "12345678", 2, 2,
	    TEN TEN TEN TEN TEN TEN TEN "12345678\n");
	assert_wrapped(TEN TEN TEN TEN TEN TEN TEN "12345678", 2, 3,
	    TEN TEN TEN TEN TEN TEN "123456789\n  12345678\n");
}

static void
a_long_word_stays_whole_on_a_line_of_its_own(void **state)
{
	char word[121], text[200], want[200];

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	snprintf(text, sizeof(text), "of %s there", word);
	snprintf(want, sizeof(want), "of\n  %s\n  there\n", word);
	assert_wrapped(text, 2, 2, want);
	/* Where the text begins, no line is left empty for it. */
	snprintf(want, sizeof(want), "%s\n  there\n", word);
	assert_wrapped(text + 3, 2, 2, want);
}

/* 26 words of two letters and a blank, in three bytes or in five. */
static void
characters_count_and_not_their_bytes(void **state)
{
	char ascii[200] = "", utf8[200] = "";
	const char *a, *u;
	char *plain, *other;

	(void)state;
	for (int i = 0; i < 30; i++) {
		strcat(ascii, "oo ");
		strcat(utf8, "öö ");
	}
	plain = wrapped(ascii, 0, 0);
	other = wrapped(utf8, 0, 0);
	a = strchr(plain, '\n');
	u = strchr(other, '\n');
	assert_non_null(a);
	assert_non_null(u);
	assert_int_equal(a - plain, 80);
	assert_int_equal(u - other, 80 + 2 * 27);
	free(plain);
	free(other);
}

static void
newlines_and_blanks_of_the_text_stay(void **state)
{
	(void)state;
	assert_wrapped("a\nb  c\n\nd", 2, 2, "a\n  b  c\n  \n  d\n");
	assert_wrapped("", 2, 2, "\n");
}

/* A pseudo terminal of so many columns, for as long as a test takes. */
static int
width_of_terminal(unsigned short columns)
{
	struct winsize size = {.ws_row = 24, .ws_col = columns};
	int ours = posix_openpt(O_RDWR | O_NOCTTY);
	FILE *page;
	int width;

	assert_true(ours >= 0);
	assert_int_equal(grantpt(ours), 0);
	assert_int_equal(unlockpt(ours), 0);
	assert_int_equal(ioctl(ours, TIOCSWINSZ, &size), 0);
	page = fopen(ptsname(ours), "w");
	assert_non_null(page);
	width = wrap_width(page);
	fclose(page);
	close(ours);
	return width;
}

static void
a_terminal_is_as_wide_as_it_says(void **state)
{
	(void)state;
	assert_int_equal(width_of_terminal(132), 132);
	assert_int_equal(width_of_terminal(60), 60);
	/* Too narrow to wrap to, or not told. */
	assert_int_equal(width_of_terminal(12), 40);
	assert_int_equal(width_of_terminal(0), 80);
}

static void
what_is_no_terminal_has_80_columns(void **state)
{
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	assert_int_equal(wrap_width(f), 80);
	fclose(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_takes_80_columns_and_no_more),
	    cmocka_unit_test(a_long_word_stays_whole_on_a_line_of_its_own),
	    cmocka_unit_test(characters_count_and_not_their_bytes),
	    cmocka_unit_test(newlines_and_blanks_of_the_text_stay),
	    cmocka_unit_test(a_terminal_is_as_wide_as_it_says),
	    cmocka_unit_test(what_is_no_terminal_has_80_columns),
	};

	return cmocka_run_group_tests_name("wrap", tests, NULL, NULL);
}
