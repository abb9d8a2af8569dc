#include <stdlib.h>

#include "rdb/digest_run.h"

void
digest_run_spill(struct digest_run *r, const void *p, size_t n)
{
	if (!r->spilled)
		XXH3_128bits_reset(r->state);
	r->spilled = true;
	XXH3_128bits_update(r->state, r->buf, r->fill);
	XXH3_128bits_update(r->state, p, n);
	r->fill = 0;
}

struct digest128
digest_run_end_spilled(struct digest_run *r)
{
	XXH3_128bits_update(r->state, r->buf, r->fill);
	r->fill = 0;
	return digest_of_xxh(XXH3_128bits_digest(r->state));
}

XXH3_state_t *
digest_state_new(void)
{
	XXH3_state_t *s = aligned_alloc(64, (sizeof(*s) + 63) / 64 * 64);

	if (s == NULL)
		abort();
	XXH3_INITSTATE(s);
	return s;
}
