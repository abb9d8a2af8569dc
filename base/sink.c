#include <string.h>

#include "base/chunk.h"
#include "base/err.h"

#include "base/sink.h"

int
sink_write(struct sink *s, struct chunk *c, struct err *err)
{
	return s->ops->write(s, c, err);
}

int
sink_finish(struct sink *s, struct err *err)
{
	return s->ops->finish(s, err);
}

int
sink_write_bytes(struct sink *s, const void *data, size_t len, struct err *err)
{
	struct chunk *c = chunk_new(NULL, len, NULL, err);
	int rc;

	if (c == NULL)
		return -1;
	if (len > 0)
		memcpy(chunk_room(c), data, len);
	chunk_set_len(c, len);
	rc = sink_write(s, c, err);
	chunk_unref(c);
	return rc;
}

void
sink_free(struct sink *s)
{
	if (s != NULL)
		s->ops->free(s);
}
