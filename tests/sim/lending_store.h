/*
 * lending_store.h -- a file: store that lends containers beside itself, as one
 * in Azure does: directories, with URLs that nobody can follow.
 */
#ifndef TESTS_SIM_LENDING_STORE_H
#define TESTS_SIM_LENDING_STORE_H

#include <stdbool.h>
#include <stddef.h>

struct journal;
struct store;
struct temp_dir;

#define LENDING_STORE_SIG "c2VjcmV0c2ln" /* in each of the URLs */

/* In the directory "store" of that one. */
struct store *lending_store_open(const struct temp_dir *);

/* The containers beside it, by their number or, first of all, their name. */
size_t lending_store_lent(const struct temp_dir *, char name[64]);

/* The entries of a journal, which may hold no such URL. */
size_t lending_store_noted(struct journal *);

/* Of all there are: whether destroying them is refused. */
void lending_store_hold(bool);

#endif
