/*
 * posing_rig.h -- what tests of posing as a master stand on: a filled source
 * and its dump, a target, and what has to be so when the target was let go.
 */
#ifndef TESTS_SIM_POSING_RIG_H
#define TESTS_SIM_POSING_RIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/posing_master.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_target.h"

struct journal;
struct real_redis;
struct real_redis_opts;

#define POSING_PASSWORD "open sesame, said the operator"

struct posing_rig {
	struct real_redis *source, *target;
	struct redis_conn *from, *to;
	struct redis_target at;
	struct redis_opts redis;
	struct posing_opts opts;
	struct journal *journal;
	unsigned char *dump;
	size_t len;
	char *before; /* the target's digest */
	struct scope scope;
	struct err err;
};

/* A target with other data, behind the password; or one that the test wants
 * otherwise, empty. */
void posing_rig_init(struct posing_rig *, const struct real_redis_opts *);
void posing_rig_release(struct posing_rig *);

void
posing_target_on(struct redis_target *, const char *host, int port, bool tls);

/* NULL, and err, when it failed; the second form fails the test then. */
struct sink *posing_pose(struct posing_rig *);
struct sink *posing_posed(struct posing_rig *);

/* All of the dump, or its start, in uneven pieces. */
int posing_give(struct posing_rig *, struct sink *, size_t len);

/* From pose to release. */
void posing_load(struct posing_rig *);

int posing_journal_entries(struct journal *);
void posing_config_is(struct redis_conn *, const char *name, const char *value);
void posing_is_master(struct redis_conn *);

/* Promoted, CONFIG as a server's own, nothing left to do. */
void posing_is_put_back(struct posing_rig *, const char *masterauth);

void posing_holds(struct redis_conn *, const char *digest);
void posing_holds_the_source(struct posing_rig *);

#endif
