/*
 * http_rig.h -- a scripted server, an HTTP client, and one request between
 * them that a test may fill.
 */
#ifndef TESTS_SIM_HTTP_RIG_H
#define TESTS_SIM_HTTP_RIG_H

#include "base/err.h"
#include "base/http.h"
#include "base/scope.h"
#include "tests/sim/script_server.h"

struct http_rig {
	struct script_server *server;
	struct http *http;
	struct scope scope; /* no deadline, until a test sets one */
	struct http_request req;
	struct http_response resp;
	struct err err;
};

/* A GET of path, which may hold the word SECRET in its query. */
struct http_rig http_rig_up(script_fn *script, void *arg, const char *path,
    const struct http_opts *opts);

/* Fails the test when the script's expectations were broken. */
void http_rig_down(struct http_rig *);

/* http_do(), after the previous answer has been released. */
int http_rig_go(struct http_rig *);

/* Of this kind, with this word and the URL in the text, and no secret. */
void http_rig_assert_err(const struct err *, enum err_kind, const char *word);

/* http_do() fails so, and leaves nothing in the answer. */
void http_rig_assert_fails(struct http_rig *, enum err_kind, const char *word);

#endif
