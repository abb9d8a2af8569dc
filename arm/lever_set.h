/*
 * lever_set.h -- the levers of a job, pulled in order and undone backwards.
 *
 * Nothing is pulled before all of them were looked at and may be.  Each step
 * is in the journal before it is made and after, under "promotion/JOB", with
 * the lever's settings and its note.  So a pull that was cut short goes on
 * when it is made again; and an undo goes by what was pulled, whatever the
 * settings say by then.  A pull that fails stops there: what was done stays,
 * to be gone on with or undone.
 */
#ifndef ARM_LEVER_SET_H
#define ARM_LEVER_SET_H

#include <stddef.h>
#include <stdint.h>

#include "arm/lever.h"

struct journal;
struct lever_set;

#define LEVERS_MAX 16

/* A list of levers as lever.h has them.  ERR_USAGE tells which is wrong. */
struct lever_set *lever_set_parse(const cJSON *list, struct err *);
void lever_set_free(struct lever_set *);

size_t lever_set_count(const struct lever_set *);
const struct lever *lever_set_at(const struct lever_set *, size_t i);

enum lever_outcome {
	LEVER_WOULD,   /* it would be moved */
	LEVER_ALREADY, /* all was as it should be */
	LEVER_DONE,    /* it was moved, and that was seen */
	LEVER_FAILED,
	LEVER_NOT_REACHED, /* one before it failed */
};

struct lever_report {
	size_t i, of; /* from 0; in the order of the work */
	const char *name;
	enum lever_outcome outcome;
	const struct lever_view *view; /* NULL where it was not looked at */
	const struct err *err;	       /* of LEVER_FAILED */
};

struct lever_work {
	const struct lever_env *env;
	struct journal *journal;
	int64_t wait_ms; /* for what was done to take effect, each */

	/*
	 * What a client finds that dials alias when that leads to host: a
	 * certificate that holds for the name, and the credential that it has.
	 * ERR_REFUSED says what it would stumble over; NULL: nobody can tell.
	 */
	int (*probe)(void *arg, const struct scope *, const char *alias,
	    const char *host, struct err *);
	void *probe_arg;

	void (*tell)(void *arg, const struct lever_report *);
	void *tell_arg;
};

/*
 * What would be; reads only.  Goes on after a failure; -1 and the first one
 * then.  For LEVER_UNDO the set is NULL, and ERR_MISSING tells that nothing
 * was pulled.
 */
int lever_set_look(struct lever_set *, const struct lever_work *,
    const struct scope *, enum lever_way, struct err *);

/* Of each lever, as lever_try_right() says. */
int lever_set_try_rights(struct lever_set *, const struct lever_work *,
    const struct scope *, struct err *);

/* As above, and then for real. */
int lever_set_pull(struct lever_set *, const struct lever_work *,
    const struct scope *, struct err *);
int
lever_set_undo(const struct lever_work *, const struct scope *, struct err *);

/* What was pulled stays for good: its undo is forgotten, so that other levers
 * can be pulled.  ERR_MISSING when nothing was. */
int lever_set_settle(const struct lever_work *, struct err *);

#endif
