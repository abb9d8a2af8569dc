/*
 * replicate_rig.h -- two fake stores, and runs from one to the other whose
 * events are kept as text.
 */
#ifndef TESTS_REPLICATE_RIG_H
#define TESTS_REPLICATE_RIG_H

#include "base/buf.h"
#include "base/err.h"
#include "base/scope.h"
#include "storage/replicate.h"

#include "tests/sim/fake_clock.h"
#include "tests/sim/fake_store.h"

struct replicate_rig {
	struct store *from, *to;
	struct fake_clock clock;
	struct scope scope;
	struct replicate_opts opts;
	struct replica_book *book;
	struct budget *budget;
	struct replicate_report report;
	struct err err;
	struct buf events; /* "copy NAME; keep NAME (why); ", as they came */
	unsigned progressed;
};

/* All zeros but for what the stores are not to have (enum store_cap). */
void replicate_rig_init(
    struct replicate_rig *, unsigned from_without, unsigned to_without);
void replicate_rig_release(struct replicate_rig *);

/* One of a program's own, for cmocka's setup and teardown. */
int replicate_rig_setup(void **state);
int replicate_rig_teardown(void **state);

/* replicate(), with calls counted and events kept from here on. */
int replicate_rig_run(struct replicate_rig *);

/* A block blob at the source; its content is the text. */
void
replicate_rig_put(struct replicate_rig *, const char *name, const char *text);

/* So many, "dir/0000" and on, which contain their names; and that the copy has
 * them and no others. */
void replicate_rig_put_some(struct replicate_rig *, unsigned n);
void replicate_rig_assert_copied(struct replicate_rig *, unsigned n);

/* A run without any failure. */
void replicate_rig_run_well(struct replicate_rig *);

/* Whether the copy's blobs are the source's, by name and bytes, but for those
 * that it alone has. */
bool replicate_rig_copied(struct replicate_rig *, const char *name);

/* How many of to's calls would have changed something. */
unsigned replicate_rig_writes(struct replicate_rig *);

#endif
