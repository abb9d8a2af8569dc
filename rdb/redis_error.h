/* redis_error.h -- what a server's error reply means to us. */
#ifndef RDB_REDIS_ERROR_H
#define RDB_REDIS_ERROR_H

#include <stdbool.h>

struct err;

/*
 * Fills err from an error reply without its '-': ERR_AUTH for NOAUTH, NOPERM,
 * WRONGPASS, DENIED; ERR_TRANSIENT for LOADING, BUSY, MASTERDOWN,
 * NOMASTERLINK, TRYAGAIN, CLUSTERDOWN and a full house of clients;
 * ERR_UNSUPPORTED for an unknown command or subcommand; else ERR_SERVER.
 * err->code is the first word.  The text is the server's, cut and printable,
 * and without the arguments that servers like to repeat.  Returns -1.
 */
int redis_error_set(struct err *, const char *reply);

/* The server will not, or cannot, do it: an answer, which a connection that
 * broke and a passing state are not. */
bool redis_error_is_refusal(const struct err *);

#endif
