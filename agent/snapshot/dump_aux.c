#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/snapshot/dump_aux.h"

static int
on_aux(struct rdb_visitor *v, const unsigned char *name, size_t name_len,
    const unsigned char *value, size_t value_len, struct err *err)
{
	struct dump_aux *d = (struct dump_aux *)v;
	char text[32];

	(void)err;
	if (value_len >= sizeof(text))
		return 0;
	if (value_len > 0)
		memcpy(text, value, value_len);
	text[value_len] = '\0';
	if (name_len == 5 && memcmp(name, "ctime", 5) == 0)
		d->made_ms = strtoll(text, NULL, 10) * 1000;
	if (name_len == 8 && memcmp(name, "used-mem", 8) == 0)
		d->used_memory = strtoll(text, NULL, 10);
	if (name_len == 9 && memcmp(name, "redis-ver", 9) == 0)
		snprintf(d->server, sizeof(d->server), "redis %s", text);
	if (name_len == 10 && memcmp(name, "valkey-ver", 10) == 0)
		snprintf(d->server, sizeof(d->server), "valkey %s", text);
	return 0;
}

static const struct rdb_visitor_ops aux_ops = {
    .aux = on_aux,
};

void
dump_aux_init(struct dump_aux *d)
{
	memset(d, 0, sizeof(*d));
	d->visitor.ops = &aux_ops;
}
