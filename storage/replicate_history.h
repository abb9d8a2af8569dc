/*
 * replicate_history.h -- replaced blobs kept beside those that replace them.
 *
 * For accounts without versions.  An earlier blob is kept by a server-side
 * copy under NAME.drsync-YYYYMMDDTHHMMSSZ, the time at which it was written,
 * so that doing it again makes no second one.  Such names are neither sources
 * nor missing at one, whatever the run is asked to keep.
 */
#ifndef STORAGE_REPLICATE_HISTORY_H
#define STORAGE_REPLICATE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;
struct scope;
struct work;

bool history_is_name(const char *);

/* The name under which what was written then is kept, appended. */
void history_name(struct buf *, const char *name, int64_t modified_ms);

/* What the work is about to replace is kept when it returns. */
int history_keep(struct work *, const struct scope *, struct err *);

/* All but the newest ones that the run keeps of that name are removed. */
int history_prune(struct work *, const struct scope *, struct err *);

#endif
