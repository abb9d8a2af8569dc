/*
 * budget.h -- a share of the memory that data in flight may take.
 *
 * One root budget a process; each stage carves the share it needs when it is
 * assembled, so that a run which does not fit is refused at its start, and no
 * two stages can wait for each other's memory later.
 */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <stddef.h>

struct budget;
struct err;
struct scope;

#define BUDGET_DEFAULT ((size_t)160 << 20) /* leaves 96 MiB for the rest */

struct budget *budget_new(size_t bytes);

/* Take bytes off parent for as long as the child lives; ERR_USAGE when they
 * are not there: more memory must be allowed, or less asked of it. */
struct budget *budget_carve(struct budget *parent, size_t bytes, struct err *);

/*
 * What is still charged, by chunks that later stages hold, keeps it alive: the
 * share goes back to the parent with the last of them.
 */
void budget_free(struct budget *);

size_t budget_size(const struct budget *);
size_t budget_left(const struct budget *);
size_t budget_peak(const struct budget *); /* the most ever carved, charged */

/*
 * Wait until bytes fit, and charge them.  Asking for more than the whole
 * budget fails with ERR_USAGE instead of waiting for ever.
 */
int budget_charge(
    struct budget *, size_t bytes, const struct scope *, struct err *);
void budget_return(struct budget *, size_t bytes);

#endif
