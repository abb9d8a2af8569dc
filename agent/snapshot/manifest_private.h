/*
 * manifest_private.h -- between a manifest's files: what stands at the top of
 * a document for one dump, and in each shard of a cluster's.
 */
#ifndef AGENT_SNAPSHOT_MANIFEST_PRIVATE_H
#define AGENT_SNAPSHOT_MANIFEST_PRIVATE_H

#include "agent/snapshot/manifest.h"

void manifest_add_host(cJSON *, const struct manifest *);
void manifest_add_parts(cJSON *, const struct manifest *);
void manifest_add_dump(cJSON *, const struct manifest *);
void manifest_add_count(cJSON *, const struct keystats_count *);
void manifest_add_shards(cJSON *root, const struct manifest *);

int manifest_parse_host(const cJSON *, struct manifest *, struct err *);
int manifest_parse_parts(const cJSON *, struct manifest *, struct err *);
int manifest_parse_dump(const cJSON *, struct manifest *, struct err *);
int manifest_parse_count(const cJSON *, struct keystats_count *, struct err *);
int
manifest_parse_time(const cJSON *, const char *key, int64_t *out, struct err *);
void manifest_add_filter(cJSON *root, const struct manifest *);
int manifest_parse_filter(const cJSON *root, struct manifest *, struct err *);
/* With the sums over them. */
int manifest_parse_shards(const cJSON *root, struct manifest *, struct err *);

#endif
