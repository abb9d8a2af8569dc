#include "base/scope.h"
#include "rdb/scan_quota.h"

#include "rdb/scan_pace.h"

#define LATENCY_MOST_MS 20

void
scan_pace_init(struct scan_pace *p, const struct scope *scope,
    struct scan_quota *quota, int64_t latency_most_ms, size_t window_max)
{
	*p = (struct scan_pace){
	    .scope = scope,
	    .quota = quota,
	    .latency_most_ms = latency_most_ms > 0 ? latency_most_ms
						   : LATENCY_MOST_MS,
	    .window = 1,
	    .window_max = window_max,
	    .probed_ms = -1,
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
	if (p->quota != NULL)
		scan_quota_take(p->quota, p->scope, keys);
}

int
scan_pace_keep(struct scan_pace *p, struct err *err)
{
	return p->quota != NULL ? scan_quota_wait(p->quota, p->scope, err) : 0;
}
