/* script_client.h -- a client of a scripted Redis, connected. */
#ifndef TESTS_SIM_SCRIPT_CLIENT_H
#define TESTS_SIM_SCRIPT_CLIENT_H

#include "base/scope.h"
#include "rdb/redis_conn.h"
#include "tests/sim/script_server.h"

struct script_client {
	struct script_server *server;
	struct redis_conn *conn;
	struct scope scope;
};

/* The script, which gets the pointer, begins with redis_connect()'s PING. */
void script_client_up(struct script_client *, script_fn *, void *);

/* Fails the test when the server was asked for what is not in its script. */
void script_client_down(struct script_client *);

#endif
