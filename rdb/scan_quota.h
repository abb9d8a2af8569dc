/*
 * scan_quota.h -- a ceiling of keys a second, for one scan or several at once.
 *
 * Several threads may use one.
 */
#ifndef RDB_SCAN_QUOTA_H
#define RDB_SCAN_QUOTA_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct scan_quota;
struct scope;

/* 0: no ceiling. */
struct scan_quota *scan_quota_new(uint64_t keys_per_second);
void scan_quota_free(struct scan_quota *); /* NULL is fine */

/* So many keys were asked for; sleeps until more may be. */
void scan_quota_take(struct scan_quota *, const struct scope *, size_t keys);
int scan_quota_wait(struct scan_quota *, const struct scope *, struct err *);

#endif
