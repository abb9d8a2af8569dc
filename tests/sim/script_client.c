#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "tests/sim/script_client.h"

void
script_client_up(struct script_client *c, script_fn *script, void *arg)
{
	static const struct redis_opts none;
	struct redis_address where = {.host = (char *)"127.0.0.1"};
	struct err err = {0};

	c->server = script_server_new(NULL, script, arg);
	c->scope = scope_root(NULL);
	where.port = script_server_port(c->server);
	c->conn = redis_connect(&where, NULL, &none, &c->scope, &err);
	if (c->conn == NULL)
		fail_msg("%s", err.text);
}

void
script_client_down(struct script_client *c)
{
	redis_conn_free(c->conn);
	assert_null(script_server_failure(c->server));
	script_server_free(c->server);
}
