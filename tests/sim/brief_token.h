/*
 * brief_token.h -- a credential whose tokens end too soon: the first ones are
 * "first", the others "other", each a little later than the one before.
 */
#ifndef TESTS_SIM_BRIEF_TOKEN_H
#define TESTS_SIM_BRIEF_TOKEN_H

#include "base/credential.h"

struct redis_conn;

struct brief_token {
	struct credential base;
	int firsts; /* so many */
	int gets;
};

void brief_token_init(struct brief_token *, int firsts);

/* Has the server of the connection, which stays logged in, take both. */
void brief_token_let_in(struct redis_conn *);

/* AUTHs that the server has answered. */
int brief_token_logins(struct redis_conn *);

#endif
