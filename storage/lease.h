/*
 * lease.h -- what every driver asks of a lease, and the id to take it by.
 *
 * The id is the caller's, so that it can be noted before the lease is asked
 * for, and so that asking again after a lost answer finds it to be ours.
 */
#ifndef STORAGE_LEASE_H
#define STORAGE_LEASE_H

#include "storage/store.h"

struct err;
struct scope;

/* A random UUID: Azure takes nothing else. */
void lease_id_make(const struct scope *, char id[LEASE_ID_MAX]);

/* Its form alone, in lower case. */
bool lease_id_valid(const char *id);

/* ERR_USAGE unless that can be a lease: 15 to 60 seconds, by a valid id. */
int lease_check(int seconds, const char *id, struct err *);

#endif
