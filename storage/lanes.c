#include "base/budget.h"

#include "storage/lanes.h"

size_t
lanes_share(const struct budget *b, unsigned part)
{
	size_t share = budget_size(b) / part;
	size_t left = budget_left(b);

	return share < left ? share : left;
}

struct lanes
lanes_fit(size_t share, unsigned n, uint64_t least, size_t most)
{
	struct lanes l = {.n = n};
	size_t floor;

	floor = (size_t)((least + LANE_LEAST - 1) / LANE_LEAST * LANE_LEAST);
	if (floor < LANE_LEAST)
		floor = LANE_LEAST;
	l.size = share / (n + 1) / LANE_LEAST * LANE_LEAST;
	if (l.size > most)
		l.size = most;
	if (l.size < floor)
		l.size = floor;
	while (l.n > 1 && lanes_cost(&l) > share)
		l.n--;
	return l;
}

size_t
lanes_cost(const struct lanes *l)
{
	return l->size * (l->n + (size_t)1);
}
