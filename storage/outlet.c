#include "base/chunk.h"
#include "base/sink.h"

#include "storage/outlet.h"

size_t
outlet_cost(unsigned held)
{
	return (held + (size_t)1) * CHUNK_SIZE;
}

void
outlet_init(struct outlet *o, struct sink *owner, const struct scope *scope,
    struct budget *budget)
{
	*o = (struct outlet){
	    .owner = owner,
	    .scope = scope,
	    .budget = budget,
	};
}

void
outlet_release(struct outlet *o)
{
	chunk_unref(o->chunk);
}

unsigned char *
outlet_room(struct outlet *o, size_t *room, struct err *err)
{
	if (o->chunk == NULL) {
		o->chunk = chunk_new(o->budget, CHUNK_SIZE, o->scope, err);
		if (o->chunk == NULL)
			return NULL;
		o->fill = 0;
	}
	*room = CHUNK_SIZE - o->fill;
	return chunk_room(o->chunk) + o->fill;
}

int
outlet_wrote(struct outlet *o, size_t n, struct err *err)
{
	o->fill += n;
	return o->fill == CHUNK_SIZE ? outlet_flush(o, err) : 0;
}

int
outlet_flush(struct outlet *o, struct err *err)
{
	struct chunk *c = o->chunk;
	int rc = 0;

	if (c == NULL)
		return 0;
	o->chunk = NULL;
	chunk_set_len(c, o->fill);
	if (o->fill > 0)
		rc = sink_write(o->owner->next, c, err);
	chunk_unref(c);
	return rc;
}
