#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/climb.h"

#define UNDER_WAY_MAX 512

/* How many end in a ms, when n are under way. */
typedef double service_rate(unsigned n);

/*
 * A service in time that is counted: what begins ends after n / rate(n) ms,
 * a fifth more or less, or, with more than busy_over at once, says so soon.
 */
struct service {
	service_rate *rate;
	unsigned busy_over; /* 0: never */
	struct {
		double ends_ms;
		bool busy;
	} list[UNDER_WAY_MAX];
	unsigned n;
	int64_t now_ms;
	uint64_t good, busy;
	uint32_t random;
};

static double
random_share(struct service *s)
{
	s->random = s->random * 1664525 + 1013904223;
	return (s->random >> 8) / (double)(1 << 24);
}

static void
begin(struct service *s, struct climb *c)
{
	unsigned n = s->n + 1;
	double took_ms = n / s->rate(n);

	s->list[s->n].busy = s->busy_over != 0 && n > s->busy_over;
	if (s->list[s->n].busy)
		took_ms = 2;
	s->list[s->n].ends_ms = (double)s->now_ms +
	    took_ms * (0.8 + 0.4 * random_share(s));
	s->n = n;
	climb_began(c, n);
}

/* Until a time: whatever may begin does. */
static void
run_until(struct service *s, struct climb *c, int64_t end_ms)
{
	for (; s->now_ms < end_ms; s->now_ms++) {
		for (unsigned i = 0; i < s->n;) {
			bool busy = s->list[i].busy;

			if (s->list[i].ends_ms > (double)s->now_ms) {
				i++;
				continue;
			}
			s->list[i] = s->list[--s->n];
			s->good += !busy;
			s->busy += busy;
			climb_ended(c, s->n, busy, s->now_ms);
		}
		while (s->n < c->limit)
			begin(s, c);
	}
}

/* What ends well in a ms, over so long. */
static double
yield(struct service *s, struct climb *c, int64_t ms)
{
	uint64_t good = s->good;

	run_until(s, c, s->now_ms + ms);
	return (double)(s->good - good) / (double)ms;
}

/* 20 ms each, until 48 are at once; then more take longer. */
static double
knee_at_48(unsigned n)
{
	return n <= 48 ? n / 20.0 : 2.4;
}

/* Past the knee it gets less done the more it is asked for. */
static double
falls_past_48(unsigned n)
{
	return n <= 48 ? n / 20.0 : 2.4 * 48 / n;
}

static double
knee_at_12(unsigned n)
{
	return n <= 12 ? n / 20.0 : 0.6 * 12 / n;
}

/* Never enough: 20 ms each, however many. */
static double
no_knee(unsigned n)
{
	return n / 20.0;
}

static double
one_at_a_time(unsigned n)
{
	(void)n;
	return 0.5;
}

static void
finds_the_knee_within_two_seconds(void **state)
{
	struct service s = {.rate = knee_at_48};
	struct climb c;

	(void)state;
	climb_init(&c, 4, 256);
	run_until(&s, &c, 2000);
	assert_true(yield(&s, &c, 60000) > 0.9 * 2.4);
	/* No crowd that brings nothing. */
	assert_in_range(c.limit, 36, 128);
}

static void
comes_back_from_where_more_is_less(void **state)
{
	struct service s = {.rate = falls_past_48};
	struct climb c;

	(void)state;
	climb_init(&c, 4, 256);
	run_until(&s, &c, 2000);
	assert_true(yield(&s, &c, 60000) > 0.85 * 2.4);
	assert_in_range(c.limit, 32, 64);
}

static void
goes_to_the_most_where_nothing_stops_it(void **state)
{
	struct service s = {.rate = no_knee};
	struct climb c;

	(void)state;
	climb_init(&c, 4, 256);
	run_until(&s, &c, 1000);
	assert_int_equal(c.limit, 256);
	assert_true(yield(&s, &c, 20000) > 0.9 * 256 / 20.0);
}

static void
stays_at_a_few_where_more_bring_nothing(void **state)
{
	struct service s = {.rate = one_at_a_time};
	struct climb c;

	(void)state;
	climb_init(&c, 4, 256);
	run_until(&s, &c, 60000);
	assert_in_range(c.limit, 4, 8);
}

static void
settles_below_a_service_that_says_503(void **state)
{
	struct service s = {.rate = no_knee, .busy_over = 40};
	struct climb c;
	double good;

	(void)state;
	climb_init(&c, 4, 256);
	run_until(&s, &c, 3000);
	s.good = s.busy = 0;
	good = yield(&s, &c, 120000);
	assert_true(good > 0.7 * 40 / 20.0);
	assert_true(s.busy < s.good / 500);
}

static void
follows_a_knee_that_moves(void **state)
{
	struct service s = {.rate = knee_at_48};
	struct climb c;

	(void)state;
	climb_init(&c, 4, 256);
	run_until(&s, &c, 10000);
	s.rate = knee_at_12;
	run_until(&s, &c, 60000);
	assert_true(yield(&s, &c, 60000) > 0.75 * 0.6);
	s.rate = knee_at_48;
	run_until(&s, &c, 180000);
	assert_true(yield(&s, &c, 60000) > 0.85 * 2.4);
}

static void
a_crowd_of_503s_halves_it_once(void **state)
{
	struct climb c;
	unsigned n;

	(void)state;
	climb_init(&c, 64, 256);
	for (n = 0; n < 64; n++)
		climb_began(&c, n + 1);
	c.least = 4;
	while (n > 0)
		climb_ended(&c, --n, true, 1000);
	assert_int_equal(c.limit, 32);

	/* Those that began afterwards speak for themselves. */
	climb_began(&c, 1);
	climb_ended(&c, 0, true, 1001);
	assert_int_equal(c.limit, 16);
}

static void
never_leaves_its_bounds(void **state)
{
	struct climb c;

	(void)state;
	climb_init(&c, 4, 3);
	assert_int_equal(c.limit, 4);
	for (int i = 0; i < 1000; i++) {
		climb_began(&c, 1);
		climb_ended(&c, 0, i % 3 == 0, i);
		assert_int_equal(c.limit, 4);
	}
}

/* Without work to fill it the limit says nothing about the service. */
static void
is_not_moved_by_a_lack_of_work(void **state)
{
	struct climb c;

	(void)state;
	climb_init(&c, 4, 256);
	for (int i = 0; i < 10000; i++) {
		climb_began(&c, 1);
		climb_ended(&c, 0, false, i);
		assert_int_equal(c.limit, 4);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_the_knee_within_two_seconds),
	    cmocka_unit_test(comes_back_from_where_more_is_less),
	    cmocka_unit_test(goes_to_the_most_where_nothing_stops_it),
	    cmocka_unit_test(stays_at_a_few_where_more_bring_nothing),
	    cmocka_unit_test(settles_below_a_service_that_says_503),
	    cmocka_unit_test(follows_a_knee_that_moves),
	    cmocka_unit_test(a_crowd_of_503s_halves_it_once),
	    cmocka_unit_test(never_leaves_its_bounds),
	    cmocka_unit_test(is_not_moved_by_a_lack_of_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
