#include "tests/sim/held_clock.h"

#define START_MS INT64_C(1795242469000)

static int64_t
held_ms(const struct clock *c)
{
	struct held_clock *h = (struct held_clock *)c;
	int64_t now_ms;

	monitor_lock(&h->monitor);
	now_ms = h->now_ms;
	monitor_unlock(&h->monitor);
	return now_ms;
}

static void
held_random(const struct clock *c, void *out, size_t len)
{
	(void)c;
	clock_system.random(&clock_system, out, len);
}

static void
held_sleep(const struct clock *c, int64_t ms)
{
	struct held_clock *h = (struct held_clock *)c;
	int64_t until_ms;

	monitor_lock(&h->monitor);
	until_ms = h->now_ms + ms;
	while (!h->open && h->now_ms < until_ms) {
		h->asleep++;
		monitor_broadcast(&h->monitor);
		monitor_wait(&h->monitor, NULL, NULL);
	}
	monitor_unlock(&h->monitor);
}

struct scope
held_clock_init(struct held_clock *h)
{
	struct scope s = scope_root(NULL);

	*h = (struct held_clock){
	    .base = {.mono_ms = held_ms,
		.wall_ms = held_ms,
		.random = held_random,
		.sleep = held_sleep},
	    .now_ms = START_MS,
	};
	monitor_init(&h->monitor);
	s.clock = &h->base;
	return s;
}

void
held_clock_release(struct held_clock *h)
{
	monitor_release(&h->monitor);
}

void
held_clock_wait_asleep(struct held_clock *h)
{
	monitor_lock(&h->monitor);
	while (h->asleep == 0)
		monitor_wait(&h->monitor, NULL, NULL);
	monitor_unlock(&h->monitor);
}

void
held_clock_pass(struct held_clock *h, int64_t ms)
{
	monitor_lock(&h->monitor);
	h->now_ms += ms;
	/* Whoever sleeps on counts itself again. */
	h->asleep = 0;
	monitor_broadcast(&h->monitor);
	monitor_unlock(&h->monitor);
}

void
held_clock_open(struct held_clock *h)
{
	monitor_lock(&h->monitor);
	h->open = true;
	monitor_broadcast(&h->monitor);
	monitor_unlock(&h->monitor);
}
