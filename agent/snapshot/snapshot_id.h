/*
 * snapshot_id.h -- "20261121T062749Z-k3v9qa": UTC time; two digits for the
 * millisecond; 20 random bits.
 *
 * Ids sort by time and are never reused.
 */
#ifndef AGENT_SNAPSHOT_SNAPSHOT_ID_H
#define AGENT_SNAPSHOT_SNAPSHOT_ID_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct scope;

#define SNAPSHOT_ID_SIZE 24 /* with the NUL */
#define JOB_NAME_MAX	 63

void snapshot_id_make(const struct scope *, char out[SNAPSHOT_ID_SIZE]);
bool snapshot_id_valid(const char *);

/* Unix time of the id; only for a valid one. */
int64_t snapshot_id_ms(const char *);

/* Letters, digits, '-' and '_', not first a '-', at most JOB_NAME_MAX. */
int job_name_check(const char *, struct err *);

#endif
