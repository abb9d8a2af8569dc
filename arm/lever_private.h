/*
 * lever_private.h -- what the kinds of levers are made of; see lever.h.
 */
#ifndef ARM_LEVER_PRIVATE_H
#define ARM_LEVER_PRIVATE_H

#include "arm/lever.h"

struct arm_client;
struct secret;

struct lever_ops {
	const char *kind; /* the member by which settings name it */
	bool blind;

	/* All members there may be but the kind's; ended by NULL. */
	const char *const *members;

	/* The member that has what clients ask for; NULL: they do not. */
	const char *values;

	/* NULL: it takes no tokens. */
	const char *(*audience)(const struct lever *, const struct cloud *);

	struct lever *(*parse)(const cJSON *, struct err *);
	void (*free)(struct lever *);
	int (*look)(struct lever *, const struct lever_env *,
	    const struct scope *, enum lever_way, const cJSON *note,
	    struct lever_view *, struct err *);
	int (*move)(struct lever *, const struct lever_env *,
	    const struct scope *, enum lever_way, const cJSON *note,
	    bool *changed, struct err *);
	int (*check)(struct lever *, const struct lever_env *,
	    const struct scope *, enum lever_way, const cJSON *note,
	    struct err *);
	int (*try_right)(struct lever *, const struct lever_env *,
	    const struct scope *, bool *tried, struct err *); /* or NULL */
};

/* The first member of each kind's own struct. */
struct lever {
	const struct lever_ops *ops;
	char *name;
	cJSON *settings;
};

extern const struct lever_ops lever_traffic_ops, lever_dns_ops,
    lever_private_dns_ops, lever_config_ops, lever_vault_ops, lever_webhook_ops,
    lever_command_ops;

/* "KIND WHAT". */
void lever_set_name(struct lever *, const char *what);

/* Whether a text has what redact() knows for a secret: a text in the settings
 * must not, and none goes into the journal. */
bool lever_holds_secret(const char *);

/* Settings: a text that is not empty, or its absence; ERR_USAGE. */
int lever_text(const cJSON *, const char *key, const char **, struct err *);
int lever_opt_text(const cJSON *, const char *key, const char **, struct err *);

/* "30s"; *ms stays as it is when absent. */
int lever_opt_time(const cJSON *, const char *key, int64_t *ms, struct err *);

/*
 * URLs by https, or on loopback http, that hold nothing but a host, and a
 * secret's path behind that; ERR_USAGE.
 */
int lever_host_url(const char *, const char **host, struct err *);
int lever_secret_url(const char *, struct err *);

/* A host's name as DNS has it. */
int lever_host(const cJSON *, const char *key, const char **, struct err *);

/* Whether the words is a resource id with that provider and type, and as many
 * segments; ERR_USAGE with the form, else. */
int lever_resource(const char *id, const char *type, size_t segments,
    const char *form, struct err *);

/* The i-th segment from the end, 0 being the last; to be freed. */
char *lever_segment(const char *id, size_t i);

/* Who asks at that endpoint; NULL: no credential is set, or it is no URL. */
struct arm_client *lever_client(const struct lever_env *, const char *endpoint,
    const char *audience, struct err *);

/* For lever_ops.audience of what is in Resource Manager. */
const char *lever_arm_audience(const struct lever *, const struct cloud *);

void lever_add_change(
    struct lever_view *, const char *what, const char *now, const char *then);

#endif
