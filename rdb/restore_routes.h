/*
 * restore_routes.h -- which slot of a cluster goes by which connection.
 *
 * A lane (restore_lane.h) to each primary, and to whoever keys were sent on
 * to; once opened they stay.
 */
#ifndef RDB_RESTORE_ROUTES_H
#define RDB_RESTORE_ROUTES_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct redis_opts;
struct redis_target;
struct restore_lane;
struct restore_routes;
struct scope;

/* Of a pinned target, which with opts and scope is borrowed for its life. */
struct restore_routes *restore_routes_new(const struct redis_target *,
    const struct redis_opts *, const struct scope *, struct err *);
void restore_routes_free(struct restore_routes *);

size_t restore_routes_lanes(const struct restore_routes *);
struct restore_lane *restore_routes_lane(struct restore_routes *, size_t i);

/* The lane of a slot, as far as is known. */
size_t restore_routes_of(const struct restore_routes *, uint16_t slot);
void restore_routes_move(struct restore_routes *, uint16_t slot, size_t lane);

/* Asks the cluster where the slots are, as far as it knows by now. */
int restore_routes_look(struct restore_routes *, struct err *);

/*
 * "3999 10.0.0.1:6381", as it stands behind MOVED and ASK in what lane `from`
 * answered: the lane to there, which may have to be opened.  A host that is
 * not told is the one that answered.
 */
int restore_routes_follow(struct restore_routes *, size_t from,
    const char *words, size_t *lane, struct err *);

#endif
