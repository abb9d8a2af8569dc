/*
 * lever.h -- what leads clients from one region to the other, and back.
 *
 * A lever is one object of the configuration.  What it is, is told by the
 * member that stands first here; the others are its own:
 *
 *	{"traffic_manager": PROFILE, "enable": "TYPE/NAME",
 *	 "disable": ["TYPE/NAME"], "alias": HOST}
 *	{"dns": RECORD, "cname": HOST, "ttl": SECONDS}
 *	{"private_dns": RECORD, "cname": HOST, "ttl": SECONDS}
 *	{"app_configuration": "https://STORE.azconfig.io", "label": LABEL,
 *	 "keys": {KEY: TEXT or {"keyvault": SECRET}}}
 *	{"key_vault": "https://VAULT.vault.azure.net",
 *	 "secrets": {NAME: TEXT or {"keyvault": SECRET} or {"env": NAME}
 *	 or {"file": PATH}}}
 *	{"webhook": URL, "key": {"env": NAME} or {"file": PATH},
 *	 "timeout": TIME}
 *	{"command": [ARGUMENT], "undo": [ARGUMENT], "check": [ARGUMENT],
 *	 "timeout": TIME}
 *
 * PROFILE and RECORD are resource ids, SECRET is a URL.  disable, alias, ttl,
 * label, timeout and check may lack.
 *
 * A lever changes what is there already, and never makes a record, key or
 * secret: one that is not there is a name that was mistyped, and no client
 * would follow it.  Pulled where all is as it should be, it changes nothing.
 * What somebody else changed meanwhile is ERR_CONFLICT, and stays.
 *
 * webhook and command are blind: what they did cannot be looked up, so that
 * the journal's word counts.  They may be called again, after a lost answer
 * or a crash, by the same id, and must take it for one call then.
 */
#ifndef ARM_LEVER_H
#define ARM_LEVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct cloud;
struct credential;
struct err;
struct http;
struct lever;
struct scope;

/* Towards the DR region, or back to what was there before. */
enum lever_way { LEVER_PULL, LEVER_UNDO };

/* What levers work with; borrowed. */
struct lever_env {
	const char *job;
	struct http *http;
	struct credential *credential; /* NULL: none for Azure is set */
	const struct cloud *cloud;

	/* Or NULL; asked before each request that changes anything. */
	int (*still_ours)(void *arg, struct err *);
	void *still_ours_arg;
};

/* ERR_USAGE names the member that is wrong.  Contacts nothing. */
struct lever *lever_parse(const cJSON *settings, struct err *);
void lever_free(struct lever *);

const char *lever_name(const struct lever *); /* "dns redis.shop.example" */
const cJSON *lever_settings(const struct lever *); /* hold no secret */
const char *lever_kind_of(const struct lever *);
bool lever_is_blind(const struct lever *);

/* Of the tokens that it takes; NULL: none. */
const char *lever_audience(const struct lever *, const struct cloud *);

/*
 * What clients are told that ask for it: to connect to that host (a text that
 * names it), and by which credential (a reference to a secret).  An alias (dns,
 * traffic_manager) tells them neither: they dial it and show what they have.
 * host NULL: one that is not known, which no text names.
 */
#define LEVER_GIVES_HOST       1u
#define LEVER_GIVES_CREDENTIAL 2u
unsigned lever_gives(const struct lever *, const char *host);

/* One thing that would change; what is the same now and then is left out. */
struct lever_change {
	char *what; /* "CNAME redis.shop.example" */
	char *now, *then;
};

#define LEVER_CHANGES_MAX 64

struct lever_view {
	struct lever_change *changes;
	size_t nchanges; /* 0: all is as it should be */

	/* What the lever's undo needs, for the journal; without secrets. */
	cJSON *note;

	/* Where clients dial another name than the server's own: that name,
	 * and where it will lead to.  NULL: they do not, or it is not known. */
	char *alias, *host;

	const char *right; /* the action that a change takes; NULL: none */
};

void lever_view_release(struct lever_view *);

/*
 * What is now, and would be: reads only.  note: the one of the look by which
 * it was pulled, for LEVER_UNDO, or to be gone on with; NULL for a pull of its
 * own.  ERR_CONFLICT where a move by that note would leave somebody else's
 * change.
 */
int lever_look(struct lever *, const struct lever_env *, const struct scope *,
    enum lever_way, const cJSON *note, struct lever_view *, struct err *);

/* By the note of a look.  *changed tells whether anything was; it is also set
 * when the rest fails, and the same call goes on where it stopped. */
int lever_move(struct lever *, const struct lever_env *, const struct scope *,
    enum lever_way, const cJSON *note, bool *changed, struct err *);

/* Whether the move took effect, asked anew until the scope ends. */
int lever_check(struct lever *, const struct lever_env *, const struct scope *,
    enum lever_way, const cJSON *note, struct err *);

/*
 * That a change would be let through, by one that cannot take place: its
 * condition never holds.  ERR_AUTH when not.  *tried is false where the
 * service has no such conditions.
 */
int lever_try_right(struct lever *, const struct lever_env *,
    const struct scope *, bool *tried, struct err *);

#endif
