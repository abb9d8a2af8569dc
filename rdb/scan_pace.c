#include "base/scope.h"

#include "rdb/scan_pace.h"

#define LATENCY_MOST_MS 20

void
scan_pace_init(struct scan_pace *p, const struct scope *scope,
    uint64_t keys_per_second, int64_t latency_most_ms, size_t window_max)
{
	*p = (struct scan_pace){
	    .scope = scope,
	    .keys_per_second = keys_per_second,
	    .latency_most_ms = latency_most_ms > 0 ? latency_most_ms
						   : LATENCY_MOST_MS,
	    .window = 1,
	    .window_max = window_max,
	    .probed_ms = -1,
	    .from_ms = scope_mono_ms(scope),
	};
}

void
scan_pace_probe(struct scan_pace *p)
{
	p->probed_ms = scope_mono_ms(p->scope);
}

bool
scan_pace_probing(const struct scan_pace *p)
{
	return p->probed_ms >= 0;
}

int
scan_pace_answered(struct scan_pace *p, struct err *err)
{
	int64_t took = scope_mono_ms(p->scope) - p->probed_ms;

	p->probed_ms = -1;
	if (took <= p->latency_most_ms) {
		p->window += p->window < p->window_max;
		return 0;
	}
	p->window = (p->window + 1) / 2;
	return scope_sleep(p->scope, took, err);
}

void
scan_pace_fetch(struct scan_pace *p, size_t keys)
{
	p->fetched += keys;
}

int
scan_pace_keep(struct scan_pace *p, struct err *err)
{
	int64_t now = scope_mono_ms(p->scope), due;

	if (p->keys_per_second == 0)
		return 0;
	due = p->from_ms + (int64_t)(p->fetched * 1000 / p->keys_per_second);
	/* What was not used up in a pause is not made up for. */
	if (due < now - 1000) {
		p->from_ms = now;
		p->fetched = 0;
	}
	return due > now ? scope_sleep(p->scope, due - now, err) : 0;
}
