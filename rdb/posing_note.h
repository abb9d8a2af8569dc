/*
 * posing_note.h -- what is to be put back on a target, as it is journalled.
 *
 * The entry is written before the first change and names each with what was
 * there, so that whatever a crash left can be told from what others changed
 * since, and only the former is undone.
 *
 * The old masterauth is a secret that must outlive a crash and yet must not
 * be in the journal.  It stays on the target: the one-time masterauth is 64
 * random hex digits, followed by the old one XORed with a random pad of its
 * length (hex); the journal keeps the pad.  Neither tells anything alone.
 */
#ifndef RDB_POSING_NOTE_H
#define RDB_POSING_NOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"

struct buf;
struct err;
struct redis_address;
struct scope;

#define POSING_CHANGES_MAX  4
#define POSING_AUTH_HEX	    64
#define POSING_OLD_AUTH_MAX 512

struct posing_change {
	char *name, *was, *now;
};

struct posing_note {
	char *master_host; /* as told to the target */
	int master_port;

	/* Of the masterauth that was set; "" when it was left alone. */
	char auth_sha256[64 + 1];
	char *auth_pad; /* hex */

	struct posing_change changes[POSING_CHANGES_MAX];
	size_t nchanges;
};

/* "posing/HOST:PORT" */
void posing_note_key(struct buf *, const struct redis_address *);

char *posing_note_format(const struct posing_note *); /* to be freed */
int posing_note_parse(struct posing_note *, const char *, struct err *);
void posing_note_release(struct posing_note *);

/* A parameter that is not as it should be. */
void posing_note_change(
    struct posing_note *, const char *name, const char *was, const char *now);

/* Draws the one-time masterauth; ERR_UNSUPPORTED for an old one that is over
 * POSING_OLD_AUTH_MAX. */
int posing_note_seal(struct posing_note *, const struct scope *,
    const struct secret *was, struct secret *now, struct err *);

/* Whether this is the masterauth that was set, and then the one before. */
bool posing_note_unseal(
    const struct posing_note *, const struct secret *now, struct secret *was);

#endif
