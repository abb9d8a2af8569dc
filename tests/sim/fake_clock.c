#include <string.h>

#include "tests/sim/fake_clock.h"

static int64_t
fake_mono_ms(const struct clock *c)
{
	return ((const struct fake_clock *)c)->mono_ms;
}

static int64_t
fake_wall_ms(const struct clock *c)
{
	return ((const struct fake_clock *)c)->wall_ms;
}

static void
fake_random(const struct clock *c, void *out, size_t len)
{
	memset(out, ((const struct fake_clock *)c)->random, len);
}

static void
fake_sleep(const struct clock *c, int64_t ms)
{
	struct fake_clock *f = (struct fake_clock *)c;

	f->slept_ms += ms;
	f->sleeps++;
	fake_clock_pass(f, ms);
}

struct scope
fake_clock_init(struct fake_clock *f)
{
	struct scope s = scope_root(NULL);

	*f = (struct fake_clock){
	    .base = {.mono_ms = fake_mono_ms,
		.wall_ms = fake_wall_ms,
		.random = fake_random,
		.sleep = fake_sleep},
	    .mono_ms = 1000000,
	    .wall_ms = 1000000,
	};
	s.clock = &f->base;
	return s;
}

void
fake_clock_pass(struct fake_clock *f, int64_t ms)
{
	f->mono_ms += ms;
	f->wall_ms += ms;
}
