/* rdb_expect.h -- what a dump written by hand must be read as. */
#ifndef TESTS_SIM_RDB_EXPECT_H
#define TESTS_SIM_RDB_EXPECT_H

#include "base/buf.h"
#include "base/err.h"

/* Reads it whole and byte by byte, which must tell the same; its record. */
char *rdb_tell(const struct buf *);

/*
 * Both end the dump and release it.  It must be read with these lines in its
 * record; or be refused with an error of this kind that says why.
 */
void rdb_expect(struct buf *, const char *lines);
void rdb_refuse(struct buf *, enum err_kind, const char *why);

#endif
