/* load_dump.h -- a dump into a server of a test's, by a restore_loader. */
#ifndef TESTS_SIM_LOAD_DUMP_H
#define TESTS_SIM_LOAD_DUMP_H

#include <stddef.h>

struct credential;
struct err;
struct restore_facts;
struct restore_opts;

/* In uneven pieces; port is one of 127.0.0.1.  Without a password: NULL. */
int
load_dump(int port, struct credential *password, const void *dump, size_t len,
    const struct restore_opts *, struct restore_facts *, struct err *);

#endif
