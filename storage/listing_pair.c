#include <stddef.h>

#include "base/err.h"
#include "storage/blob_name.h"
#include "storage/listing.h"
#include "storage/store.h"

#include "storage/listing_pair.h"

void
listing_pair_init(
    struct listing_pair *p, struct listing *source, struct listing *copy)
{
	*p = (struct listing_pair){.source = source, .copy = copy};
}

/* The next item, when the one before was told; none at the end. */
static int
see(struct listing *l, const struct list_item **item, struct err *err)
{
	return *item == NULL && listing_next(l, item, err) < 0 ? -1 : 0;
}

int
listing_pair_next(struct listing_pair *p, const struct list_item **source,
    const struct list_item **copy, struct err *err)
{
	int order;

	if (see(p->source, &p->s, err) != 0)
		return err_in(err, "source");
	if (see(p->copy, &p->c, err) != 0)
		return err_in(err, "destination");
	if (p->s == NULL && p->c == NULL)
		return 0;
	if (p->s == NULL)
		order = 1;
	else if (p->c == NULL)
		order = -1;
	else
		order = blob_name_compare(p->s->name, p->c->name);

	*source = order <= 0 ? p->s : NULL;
	*copy = order >= 0 ? p->c : NULL;
	if (order <= 0)
		p->s = NULL;
	if (order >= 0)
		p->c = NULL;
	return 1;
}
