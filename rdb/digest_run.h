/*
 * digest_run.h -- XXH3-128 in the byte order of the canonical form: of bytes
 * that are there at once, and of such as come one after the other.
 *
 * Inline where a dump's every element passes, mostly with a length that is a
 * constant: a move or two then.
 */
#ifndef RDB_DIGEST_RUN_H
#define RDB_DIGEST_RUN_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "rdb/key_digest.h"

/* In one store: XXH3 reads it by 8 bytes, and would wait for single ones. */
static inline void
put64(unsigned char *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint64_t
get64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline struct digest128
digest_of_xxh(XXH128_hash_t h)
{
	struct digest128 d;

	put64(d.b, h.low64);
	put64(d.b + 8, h.high64);
	return d;
}

/* An ordered digest: short runs stay in the buffer and are hashed at once. */
struct digest_run {
	XXH3_state_t *state;
	bool spilled; /* state holds what went before buf */
	size_t fill;
	unsigned char buf[1024];
};

/* One may be begun anew at any time. */
static inline void
digest_run_reset(struct digest_run *r)
{
	r->spilled = false;
	r->fill = 0;
}

void digest_run_spill(struct digest_run *, const void *, size_t);

static inline void
digest_run_add(struct digest_run *r, const void *p, size_t n)
{
	if (n > sizeof(r->buf) - r->fill) {
		digest_run_spill(r, p, n);
		return;
	}
	if (n > 0)
		memcpy(r->buf + r->fill, p, n);
	r->fill += n;
}

/* Of all so far: more may follow. */
struct digest128 digest_run_end_spilled(struct digest_run *);

static inline struct digest128
digest_run_end(struct digest_run *r)
{
	if (r->spilled)
		return digest_run_end_spilled(r);
	return digest_of_xxh(XXH3_128bits(r->buf, r->fill));
}

/* To be freed. */
XXH3_state_t *digest_state_new(void);

#endif
