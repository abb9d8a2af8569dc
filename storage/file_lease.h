/*
 * file_lease.h -- leases of a file: store, one small file each.
 *
 * .drsync/lease/SHA-256 of the blob's name holds id, length and expiry by the
 * wall clock, as JSON.  Whoever calls holds the store's lock.  All machines
 * that share the directory must agree on the time within seconds.
 */
#ifndef STORAGE_FILE_LEASE_H
#define STORAGE_FILE_LEASE_H

struct err;
struct file_dir;
struct scope;

/* May blob be changed by who has lease id (NULL: none)?  ERR_CONFLICT when
 * another holds it, or id is not, or no longer, its lease. */
int file_lease_check(const struct file_dir *, const struct scope *,
    const char *blob, const char *id, struct err *);

/* What lease_check() allows.  ERR_LOCKED when another id holds it; with the
 * same it begins anew. */
int file_lease_acquire(const struct file_dir *, const struct scope *,
    const char *blob, int seconds, const char *id, struct err *);

/* ERR_LOCKED unless id is the last that it was taken by; renewing after the
 * expiry succeeds as long as nobody took the lease in between. */
int file_lease_renew(const struct file_dir *, const struct scope *,
    const char *blob, const char *id, struct err *);
int file_lease_release(const struct file_dir *, const struct scope *,
    const char *blob, const char *id, struct err *);

/* The blob is gone, and its lease with it. */
void file_lease_forget(const struct file_dir *, const char *blob);

#endif
