/*
 * posing_hold.h -- a target as long as it follows us: changed, then put back.
 *
 * Changed are, as far as they need be: masterauth (a one-time one),
 * repl-diskless-load (disabled: nothing is loaded before the last byte; or, for
 * a target that is empty, on-empty-db: it loads what it receives), and
 * repl-timeout (the bytes come from afar, and a pause of theirs must not end
 * the sync, since nothing can be sent to fill it: an hour, or five minutes of a
 * target that stands still while it waits for bytes to load).  All is
 * journalled before the first change, and put back or found changed by others,
 * and then left alone.
 */
#ifndef RDB_POSING_HOLD_H
#define RDB_POSING_HOLD_H

#include <stdbool.h>

struct err;
struct journal;
struct posing_hold;
struct redis_address;
struct redis_conn;
struct redis_opts;
struct scope;
struct secret;

/* Copies address and user; opts' pointers and the journal are borrowed. */
struct posing_hold *posing_hold_new(const struct redis_address *,
    const char *user, const struct redis_opts *, struct journal *);

/* Puts nothing back. */
void posing_hold_free(struct posing_hold *);

struct posing_way {
	const char *host; /* of the master to follow: us */
	int port;
	bool streamed; /* the target, when empty, loads while it receives */
};

/*
 * Journals, then changes.  password gets the one-time masterauth unless it is
 * NULL: then the target's is left alone.  ERR_UNSUPPORTED when the target
 * refuses a change; what was changed then is still to be put back.
 */
int posing_hold_take(struct posing_hold *, struct redis_conn *,
    const struct scope *, const struct posing_way *, struct secret *password,
    struct err *);

/* REPLICAOF the way's host and port; after take. */
int posing_hold_follow(struct posing_hold *, struct redis_conn *,
    const struct scope *, struct err *);

/*
 * REPLICAOF NO ONE if it follows us, CONFIG as it was, the journal's entry
 * removed; over a connection of its own.  Safe to repeat; nothing to do is
 * success.  Waits while the target loads, as long as the scope lets it.
 */
int
posing_hold_put_back(struct posing_hold *, const struct scope *, struct err *);

/* Whether there is something to put back. */
bool posing_hold_taken(const struct posing_hold *);

/* Takes up what the journal has for the address; ERR_MISSING: nothing. */
int posing_hold_recall(struct posing_hold *, struct err *);

/* Where the target is in its sync, in INFO's words. */
struct posing_progress {
	bool follows; /* us */
	bool loading;
	bool up; /* it has loaded, and reads our stream */
	long long offset;
};
int posing_hold_progress(struct posing_hold *, struct redis_conn *,
    const struct scope *, struct posing_progress *, struct err *);

/* A connection to the held target. */
struct redis_conn *
posing_hold_connect(struct posing_hold *, const struct scope *, struct err *);

#endif
