/* redis_login.h -- AUTH, by a password or an Entra token. */
#ifndef RDB_REDIS_LOGIN_H
#define RDB_REDIS_LOGIN_H

struct credential;
struct err;
struct redis_conn;
struct scope;
struct token;

/* The audience of Entra tokens for Azure's Redis; passwords ignore it. */
#define REDIS_RESOURCE "https://redis.azure.com"

/* The caller releases out->value. */
int redis_login_token(
    struct credential *, const struct scope *, struct token *out, struct err *);

/*
 * AUTH with token, and once more when it was refused and the credential has
 * another one by then.  user NULL: the password alone.  credential NULL: the
 * token is empty, which is all that a nopass user needs (Redis 6 and newer).
 * Whatever a server says to AUTH is ERR_AUTH, unless it is no answer at all or
 * a passing state.
 */
int redis_login(struct redis_conn *, const char *user, struct credential *,
    const struct token *, const struct scope *, struct err *);

#endif
