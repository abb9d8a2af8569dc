/*
 * azurite.h -- Microsoft's emulator, for a test of its own.
 *
 * It is found below tests/node_modules (of the tree that DRSYNC_TESTS names,
 * or of the directory the test runs in), lives in a temporary directory,
 * listens on a free port of 127.0.0.1, and knows two accounts, so that one
 * may be the source region and the other the DR one.
 */
#ifndef TESTS_SIM_AZURITE_H
#define TESTS_SIM_AZURITE_H

#include <stdbool.h>

#include "base/secret.h"

struct azurite;
struct err;
struct http;
struct scope;
struct test_ca;

#define AZURITE_SOURCE "drsyncsource"
#define AZURITE_DR     "drsyncdr"

bool azurite_installed(void);

/*
 * To be called first.  When it is not installed, this skips the test that
 * calls, with a word on how to install it.
 */
void azurite_require(void);

/* With tls: https, and bearer tokens are accepted.  Fails the test. */
struct azurite *azurite_start(struct test_ca *tls);
void azurite_stop(struct azurite *); /* NULL is fine */

/* Of either account, base64, as store_opts wants it. */
const struct secret *azurite_key(const struct azurite *, const char *account);

/* "http://127.0.0.1:PORT/ACCOUNT/" and tail; to be freed. */
char *
azurite_url(const struct azurite *, const char *account, const char *tail);

/* A service SAS (sr=c) of the container, good for an hour. */
void azurite_container_sas(const struct azurite *, const char *account,
    const char *container, const char *permissions, struct secret *sas);

/* A token as Azurite believes it: unsigned, for storage, good for an hour. */
void azurite_token(struct secret *token);

/* Not for users: whoever owns the account makes containers. */
int azurite_create_container(const struct azurite *, struct http *,
    const struct scope *, const char *account, const char *container,
    struct err *);

#endif
