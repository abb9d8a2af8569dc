#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "tests/sim/http_rig.h"

struct http_rig
http_rig_up(script_fn *script, void *arg, const char *path,
    const struct http_opts *opts)
{
	static const struct http_opts none;
	struct http_rig r = {.scope = scope_root(NULL), .req.method = "GET"};

	r.server = script_server_new(NULL, script, arg);
	r.http = http_new(opts != NULL ? opts : &none, &r.err);
	assert_non_null(r.http);
	r.req.url = script_server_url(r.server, path);
	return r;
}

void
http_rig_down(struct http_rig *r)
{
	http_request_release(&r->req);
	http_response_release(&r->resp);
	http_free(r->http);
	assert_null(script_server_failure(r->server));
	script_server_free(r->server);
}

int
http_rig_go(struct http_rig *r)
{
	http_response_release(&r->resp);
	r->err = (struct err){0};
	return http_do(r->http, &r->scope, &r->req, &r->resp, &r->err);
}

void
http_rig_assert_err(const struct err *err, enum err_kind kind, const char *word)
{
	if (err->kind != kind || strstr(err->text, word) == NULL)
		fail_msg("kind %s, wanted %s with '%s': '%s'",
		    err_kind_name(err->kind), err_kind_name(kind), word,
		    err->text);
	assert_non_null(strstr(err->text, "'http://127.0.0.1:"));
	assert_null(strstr(err->text, "SECRET"));
}

void
http_rig_assert_fails(struct http_rig *r, enum err_kind kind, const char *word)
{
	assert_int_equal(http_rig_go(r), -1);
	http_rig_assert_err(&r->err, kind, word);
	assert_int_equal(r->resp.status, 0);
	assert_int_equal(r->resp.headers.n, 0);
	assert_int_equal(r->resp.body.len, 0);
	assert_int_equal(r->resp.into_len, 0);
}
