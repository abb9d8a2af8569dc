/*
 * scan_pace.h -- how fast a live source may be read without being felt.
 *
 * A ceiling of keys a second (scan_quota.h), and fewer requests under way while the server's
 * answers are late.  The probe is a request that is sent anyway: it stands in
 * the queue that every client of the server stands in.
 */
#ifndef RDB_SCAN_PACE_H
#define RDB_SCAN_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct scan_quota;
struct scope;

struct scan_pace {
	const struct scope *scope;
	struct scan_quota *quota;
	int64_t latency_most_ms;
	size_t window, window_max; /* requests that may be under way */
	int64_t probed_ms;	   /* when; -1: its answer came */
};

/* Borrows the quota, NULL: no ceiling; latency_most_ms 0: 20. */
void scan_pace_init(struct scan_pace *, const struct scope *,
    struct scan_quota *, int64_t latency_most_ms, size_t window_max);

/* The probe was sent, and is under way; its answer is there: late, it halves
 * the window and leaves the server alone for as long as it took. */
void scan_pace_probe(struct scan_pace *);
bool scan_pace_probing(const struct scan_pace *);
int scan_pace_answered(struct scan_pace *, struct err *);

/* So many keys were asked for; sleeps until more may be. */
void scan_pace_fetch(struct scan_pace *, size_t keys);
int scan_pace_keep(struct scan_pace *, struct err *);

#endif
