/*
 * lever_points.h -- levers that set values where a service keeps them.
 *
 * A kind reads what is there and what it wants instead, and writes one value;
 * that it is done in order and undone backwards, that nobody else's change is
 * overwritten, and that a lost answer does not matter, is seen to here.
 */
#ifndef ARM_LEVER_POINTS_H
#define ARM_LEVER_POINTS_H

#include "arm/lever_private.h"

struct buf;

/* One value.  now and want go into the journal: no secrets. */
struct lever_point {
	char *name;
	cJSON *now, *want;
	char *etag;    /* of now; NULL: the service has none */
	cJSON *raw;    /* what else write() needs; or NULL */
	char *pending; /* why it has not taken effect yet; NULL: it has */
};

struct lever_points {
	struct lever_point *list; /* in the order of a pull */
	size_t n;
	char *alias, *host; /* as in struct lever_view */
};

/* The next one, all empty; ERR_USAGE past LEVER_CHANGES_MAX. */
struct lever_point *
lever_points_add(struct lever_points *, const char *name, struct err *);

struct lever_point_ops {
	int (*read)(struct lever *, const struct lever_env *,
	    const struct scope *, struct lever_points *, struct err *);

	/* ERR_CONFLICT when it is no longer of the point's etag.  Safe to
	 * repeat. */
	int (*write)(struct lever *, const struct lever_env *,
	    const struct scope *, const struct lever_point *, const cJSON *to,
	    struct err *);

	/* Whether now is as that; NULL: as JSON compares. */
	int (*same)(struct lever *, const struct lever_env *,
	    const struct scope *, const struct lever_point *, const cJSON *,
	    bool *same, struct err *);

	/* For people. */
	void (*show)(struct lever *, struct buf *, const struct lever_point *,
	    const cJSON *);

	const char *right;
};

/* The first member of such a kind's struct. */
struct points_lever {
	struct lever base;
	const struct lever_point_ops *points;
};

/* For the table of operations of such a kind. */
int lever_points_look(struct lever *, const struct lever_env *,
    const struct scope *, enum lever_way, const cJSON *note,
    struct lever_view *, struct err *);
int lever_points_move(struct lever *, const struct lever_env *,
    const struct scope *, enum lever_way, const cJSON *note, bool *changed,
    struct err *);
int lever_points_check(struct lever *, const struct lever_env *,
    const struct scope *, enum lever_way, const cJSON *note, struct err *);
int lever_points_try_right(struct lever *, const struct lever_env *,
    const struct scope *, bool *tried, struct err *);

#endif
