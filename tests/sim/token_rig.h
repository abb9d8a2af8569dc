/*
 * token_rig.h -- an identity, and a server that answers it request by request
 * as a test lists.
 *
 * Time is a fake clock's: retries sleep nothing.  None of the variables that
 * tell of an identity is set but by the test, which sets them between the two
 * halves of the rig's making.
 */
#ifndef TESTS_SIM_TOKEN_RIG_H
#define TESTS_SIM_TOKEN_RIG_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/credential.h"
#include "base/err.h"
#include "base/scope.h"
#include "arm/cloud.h"
#include "arm/identity.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/script_server.h"

#define RESOURCE "https://storage.azure.com/"
#define TOKEN	 "secret-token.of.base64url"

/* A good answer as the metadata service gives it: its numbers are strings. */
#define IMDS_TOKEN \
	"{\"access_token\":\"" TOKEN "\",\"refresh_token\":\"\"," \
	"\"expires_in\":\"3599\",\"expires_on\":\"1506484173\"," \
	"\"not_before\":\"1506480273\"," \
	"\"resource\":\"https://storage.azure.com/\"," \
	"\"token_type\":\"Bearer\"}"

struct token_step {
	int status; /* 0: the connection is closed without an answer */
	const char *headers;
	const char *body;
};

struct token_rig {
	const struct token_step *steps;
	size_t nsteps;
	atomic_size_t next;
	struct script_server *server;
	char root[64]; /* "http://127.0.0.1:PORT" */
	struct http *http;
	struct fake_clock clock;
	struct scope scope;
	struct cloud cloud; /* its login is the server */
	struct credential *identity;
	struct token token;
	struct err err;
};

/* The server, and no variables. */
void token_rig_up(struct token_rig *, const struct token_step *, size_t n);
#define RIG(r, steps) token_rig_up(r, steps, sizeof(steps) / sizeof(*(steps)))

/* A variable's value is the server's root and path, or with NULL text. */
void token_rig_env(
    struct token_rig *, const char *name, const char *path, const char *text);

/* The other half; opts->cloud is set.  -1 when the identity was refused. */
int token_rig_open(struct token_rig *, struct identity_opts);

/* Into r->token, or r->err. */
int token_rig_get(struct token_rig *);

/* Every step was taken, and the last error holds no "secret-", with which all
 * secrets here begin. */
void token_rig_down(struct token_rig *);

void token_rig_ok(struct token_rig *);
void token_rig_fails(struct token_rig *, enum err_kind, const char *says);

/* Request i, head and body, held that text. */
void token_rig_sent(struct token_rig *, size_t i, const char *text);

#endif
