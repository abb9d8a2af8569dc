/*
 * manifest_field.h -- fields of a manifest, read for what they may hold.
 *
 * The field must be there, unless its reader says otherwise; ERR_CORRUPT names
 * one that is missing, of another type, or holds what cannot be.
 */
#ifndef AGENT_SNAPSHOT_MANIFEST_FIELD_H
#define AGENT_SNAPSHOT_MANIFEST_FIELD_H

#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/digest.h"

struct err;

/* What counts something: 0 to 2^53; of the second, at most so many. */
int field_count(const cJSON *, const char *key, uint64_t *, struct err *);
int field_small(
    const cJSON *, const char *key, uint64_t most, uint64_t *, struct err *);

/* *out is left alone when there is none. */
int field_opt_count(const cJSON *, const char *key, int64_t *, struct err *);

int field_time(const cJSON *, const char *key, int64_t *, struct err *);

/* To be freed. */
int field_text(const cJSON *, const char *key, char **, struct err *);

int field_sha(const cJSON *, const char *key, unsigned char sha[SHA256_BYTES],
    struct err *);

#endif
