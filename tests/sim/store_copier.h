/*
 * store_copier.h -- a store around another that also copies by itself.
 *
 * Stands for a service that reads the source of a copy on its own: it gives
 * grants, and reads from whatever store_copier the grant came from, which
 * must still be open.
 */
#ifndef TESTS_STORE_COPIER_H
#define TESTS_STORE_COPIER_H

struct store;

/* Frees inner with it. */
struct store *store_copier_new(struct store *take_inner);

#endif
