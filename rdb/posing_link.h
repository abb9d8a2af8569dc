/*
 * posing_link.h -- the connection that a target opens to its posed master.
 *
 * Listens, takes one connection from the target's address alone, proves it by
 * mutual TLS or a password, and speaks a master's side of the replication
 * protocol.  Everybody else is closed without a byte, or without more than
 * -NOAUTH, and does not end the wait.
 *
 * Facts: redis/src/replication.c, 2.8 to 7.4: syncWithMaster().
 */
#ifndef RDB_POSING_LINK_H
#define RDB_POSING_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "rdb/posing_tls.h"

struct err;
struct posing_link;
struct scope;

struct posing_link_opts {
	const char *bind; /* numeric, or a name of ours */
	int port;	  /* 0: any free one */
	const char *peer; /* numeric: from whom a connection is taken */
	const struct posing_tls_opts *tls; /* NULL: plain */
};

/* Listens.  The file names in opts->tls are borrowed for the link's life. */
struct posing_link *
posing_link_open(const struct posing_link_opts *, struct err *);
void posing_link_free(struct posing_link *);

int posing_link_port(const struct posing_link *);

/* Of whoever connects; copied.  Without one, none is asked for. */
void posing_link_set_password(struct posing_link *, const struct secret *);

/*
 * Until the target has asked for its sync and was answered; nobody else is
 * listened to from then on.  ERR_UNREACHABLE at the scope's end, telling of
 * the last connection that came to nothing.
 */
int
posing_link_accept(struct posing_link *, const struct scope *, struct err *);

/* ERR_TRANSIENT for a target that closed, or took no byte for a minute. */
int posing_link_send(struct posing_link *, const struct scope *, const void *,
    size_t, struct err *);

/* A PING of the replication stream, and the bytes of all so far. */
int posing_link_ping(struct posing_link *, const struct scope *, struct err *);
uint64_t posing_link_offset(const struct posing_link *);

/* False for a target of before 2.8, which knows no offsets. */
bool posing_link_has_offset(const struct posing_link *);

/* Take what the target says (keepalives, acknowledgements) without waiting;
 * fails when it has closed. */
int posing_link_listen(struct posing_link *, struct err *);

/* To wait for POLLIN on. */
int posing_link_fd(const struct posing_link *);

#endif
