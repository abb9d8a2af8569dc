/* redis_config.h -- a server's CONFIG, one parameter at a time. */
#ifndef RDB_REDIS_CONFIG_H
#define RDB_REDIS_CONFIG_H

#include "base/secret.h"

struct err;
struct redis_conn;
struct scope;

/*
 * *value is to be freed, NULL when the server has no such parameter; the err
 * of a refusal is redis_command()'s.  The secret form wipes the reply.
 */
int redis_config_get(struct redis_conn *, const struct scope *,
    const char *name, char **value, struct err *);
int redis_config_get_secret(struct redis_conn *, const struct scope *,
    const char *name, struct secret *value, struct err *);

/* Values never show in err's text. */
int redis_config_set(struct redis_conn *, const struct scope *,
    const char *name, const char *value, struct err *);

#endif
