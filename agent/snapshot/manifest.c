#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/fingerprint.h"
#include "rdb/key_filter.h"
#include "storage/pieces.h"

#include "agent/snapshot/manifest.h"

struct manifest *
manifest_new(void)
{
	struct manifest *m = xcalloc(1, sizeof(*m));

	m->offset = m->cow_bytes = -1;
	m->keys_before = m->keys_after = -1;
	m->diskless = true;
	return m;
}

void
manifest_free(struct manifest *m)
{
	if (m == NULL)
		return;
	free(m->job);
	free(m->tool);
	free(m->way);
	free(m->changes);
	free(m->complete);
	free(m->source);
	free(m->server);
	free(m->host);
	free(m->parts);
	free(m->seek);
	pieces_free(m->pieces);
	free(m->dbs);
	fingerprint_free(m->fingerprint);
	key_filter_free(m->filter);
	for (size_t i = 0; i < m->nshards; i++)
		manifest_free(m->shards[i]);
	free(m->shards);
	free(m->slots);
	cJSON_Delete(m->profile);
	cJSON_Delete(m->unknown);
	free(m);
}

uint64_t
manifest_stored_bytes(const struct manifest *m)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < m->nparts; i++)
		bytes += m->parts[i].bytes;
	return bytes;
}

bool
manifest_is_of(const struct manifest *m, const char *replid)
{
	if (m->replid[0] != '\0' && strcmp(m->replid, replid) == 0)
		return true;
	for (size_t i = 0; i < m->nshards; i++)
		if (manifest_is_of(m->shards[i], replid))
			return true;
	return false;
}

bool
manifest_has_pieces(const struct manifest *m)
{
	for (size_t i = 0; i < m->nshards; i++)
		if (!manifest_has_pieces(m->shards[i]))
			return false;
	return m->nshards > 0 || m->pieces != NULL;
}
