#include "storage/climb.h"

/*
 * A measure is of whole rounds, since requests that take equally long end in
 * bursts of as many as were sent at once.  While it doubles it is in a hurry:
 * a run may be over within a second.
 */
#define ROUNDS		  3
#define MEASURE_MS	  200
#define MEASURE_HURRY_MS  20
#define REST_LENGTH_LEAST 8
#define REST_LENGTH_MOST  64

/*
 * How much a trial must get done, as a share of what was before.  Between what
 * is worth a quarter more and what a quarter less may cost there is a gap, in
 * which it stays where it is.
 */
#define WORTH_DOUBLING 1.15
#define WORTH_UP       1.05
#define WORTH_DOWN     0.97

void
climb_init(struct climb *c, unsigned least, unsigned most)
{
	*c = (struct climb){
	    .least = least,
	    .most = most < least ? least : most,
	    .limit = least,
	    .way = CLIMB_DOUBLE,
	    .was_down = true,
	    .rest_length = REST_LENGTH_LEAST,
	};
}

void
climb_began(struct climb *c, unsigned under_way)
{
	if (under_way >= c->limit)
		c->was_full = true;
}

/* Another measure, once those that are under way have ended. */
static void
measure(struct climb *c, unsigned under_way, int64_t now_ms)
{
	c->settling = under_way;
	c->ended = 0;
	c->good = 0;
	c->needed = ROUNDS * c->limit;
	c->since_ms = now_ms;
	c->was_full = under_way >= c->limit;
}

static void
move_to(struct climb *c, unsigned limit)
{
	c->limit = limit > c->most ? c->most
	    : limit < c->least	   ? c->least
				   : limit;
	c->is_second = false;
}

static void
rest(struct climb *c)
{
	c->way = CLIMB_REST;
	c->rests = c->rest_length;
	c->rate_from = 0;
}

static void
rest_longer(struct climb *c)
{
	c->rest_length *= 2;
	if (c->rest_length > REST_LENGTH_MOST)
		c->rest_length = REST_LENGTH_MOST;
	rest(c);
}

static unsigned
step(const struct climb *c)
{
	return c->limit < 8 ? 1 : c->limit / 4;
}

/*
 * The next trial, from where rate was seen.  Short of the wall it stops for a
 * rest; after one it may go through.
 */
static void
try_up(struct climb *c, double rate, bool rested)
{
	unsigned near = c->wall - c->wall / 8;
	unsigned to = c->way == CLIMB_DOUBLE ? 2 * c->limit
					     : c->limit + step(c);

	if (c->wall != 0 && to > near && !rested)
		to = near;
	if (to <= c->limit || c->limit == c->most) {
		rest(c);
		return;
	}
	if (c->way != CLIMB_DOUBLE)
		c->way = CLIMB_UP;
	c->from = c->limit;
	c->rate_from = rate;
	move_to(c, to);
}

/* rate_from stays that of where it started, so that small losses add up. */
static void
try_down(struct climb *c)
{
	if (c->limit == c->least) {
		rest(c);
		return;
	}
	c->way = CLIMB_DOWN;
	c->from = c->limit;
	move_to(c, c->limit - step(c));
}

static void
rested(struct climb *c, double rate)
{
	c->rate_from = c->rate_from == 0 ? rate : (c->rate_from + rate) / 2;
	if (--c->rests > 0)
		return;
	c->was_down = !c->was_down;
	if (c->was_down)
		try_down(c);
	else
		try_up(c, c->rate_from, true);
}

static bool
is_worth_it(const struct climb *c, double rate)
{
	double share = c->way == CLIMB_DOUBLE ? WORTH_DOUBLING
	    : c->way == CLIMB_UP	      ? WORTH_UP
					      : WORTH_DOWN;

	return rate >= c->rate_from * share;
}

static void
judge(struct climb *c, double rate)
{
	if (c->limit >= c->wall)
		c->wall = 0;
	if (c->way == CLIMB_REST) {
		rested(c, rate);
	} else if (is_worth_it(c, rate)) {
		/* On the way back to a wall that is no news. */
		if (c->wall == 0)
			c->rest_length = REST_LENGTH_LEAST;
		if (c->way == CLIMB_DOWN)
			try_down(c);
		else
			try_up(c, rate, false);
	} else if (!c->is_second) {
		c->is_second = true;
	} else {
		move_to(c, c->from);
		rest_longer(c);
	}
}

static void
halve(struct climb *c, unsigned under_way, int64_t now_ms)
{
	c->excused = under_way;
	c->wall = c->limit;
	move_to(c, c->limit / 2);
	rest_longer(c);
	/* From the half on it goes up again without a rest, to the wall. */
	c->way = CLIMB_UP;
	measure(c, under_way, now_ms);
}

/* True for what tells the service's state by now. */
static bool
counts(struct climb *c, unsigned under_way, int64_t now_ms)
{
	if (c->settling == 0)
		return true;
	if (--c->settling == 0) {
		c->since_ms = now_ms;
		c->was_full = under_way + 1 >= c->limit;
	}
	return false;
}

void
climb_ended(struct climb *c, unsigned under_way, bool busy, int64_t now_ms)
{
	int64_t least_ms = c->way == CLIMB_DOUBLE ? MEASURE_HURRY_MS
						  : MEASURE_MS;
	int64_t took_ms;

	if (c->excused > 0) {
		c->excused--;
	} else if (busy) {
		halve(c, under_way, now_ms);
		return;
	}
	if (c->needed == 0)
		measure(c, under_way, now_ms);
	if (!counts(c, under_way, now_ms))
		return;
	c->good += !busy;
	if (++c->ended < c->needed)
		return;
	took_ms = now_ms - c->since_ms;
	if (took_ms < least_ms) {
		c->needed += c->limit;
		return;
	}
	/* With fewer under way than may be it is not the limit that tells. */
	if (c->was_full)
		judge(c, (double)c->good / (double)took_ms);
	measure(c, under_way, now_ms);
}
