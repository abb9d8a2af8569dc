#include <stdlib.h>

#include "base/xalloc.h"

#include "storage/encoder.h"

#define SEEK_EVERY_DEFAULT ((uint64_t)64 << 20)

void
encoder_init(struct encoder *e, const struct sink_ops *ops, uint64_t every)
{
	e->base.ops = ops;
	e->seek_every = every ? every : SEEK_EVERY_DEFAULT;
}

void
encoder_release(struct encoder *e)
{
	free(e->points);
}

uint64_t
encoder_since_point(const struct encoder *e, uint64_t raw)
{
	return e->npoints ? raw - e->points[e->npoints - 1].raw : raw;
}

void
encoder_add_point(struct encoder *e, uint64_t raw)
{
	if (e->npoints == e->points_alloc) {
		e->points_alloc = e->points_alloc ? 2 * e->points_alloc : 16;
		e->points = xreallocarray(
		    e->points, e->points_alloc, sizeof(*e->points));
	}
	e->points[e->npoints++] = (struct seek_point){
	    .raw = raw,
	    .coded = e->coded,
	};
}

uint64_t
encoder_raw_size(const struct sink *s)
{
	return ((const struct encoder *)s)->raw;
}

const struct seek_point *
encoder_seek_points(const struct sink *s, size_t *n)
{
	const struct encoder *e = (const struct encoder *)s;

	*n = e->npoints;
	return e->points;
}
