#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "tests/sim/azurite.h"
#include "tests/sim/node_sim.h"

#include "tests/sim/azure_sim.h"

#define STOP_MS 10000

struct azure_sim {
	struct node_sim *node;
};

void
azure_sim_require(void)
{
	azurite_require();
}

struct azure_sim *
azure_sim_start(cJSON *config)
{
	struct azure_sim *s = xcalloc(1, sizeof(*s));

	s->node = node_sim_start("azure/main.mjs", config);
	return s;
}

const cJSON *
azure_sim_told(const struct azure_sim *s)
{
	return node_sim_told(s->node);
}

const char *
azure_sim_url(const struct azure_sim *s, const char *name)
{
	const char *url = NULL;
	const cJSON *urls;
	struct err err = {0};

	if (json_get_object(azure_sim_told(s), "urls", &urls, &err) != 0 ||
	    json_get_str(urls, name, &url, &err) != 0)
		fail_msg("%s", err.text);
	return url;
}

/* What it kept under that name is an empty list. */
static void
assert_none(const struct azure_sim *s, struct http *http, const char *what)
{
	struct scope root = scope_root(NULL);
	struct scope scope = scope_within(&root, STOP_MS);
	struct http_request request = {.method = "GET"};
	struct http_response response = {0};
	struct err err = {0};
	struct buf url;

	buf_init(&url, 256);
	buf_addf(&url, "%s/%s", azure_sim_url(s, "control"), what);
	request.url = buf_take(&url);
	if (http_do(http, &scope, &request, &response, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(response.status, 200);
	assert_string_equal(response.body.data, "[]\n");
	http_request_release(&request);
	http_response_release(&response);
}

void
azure_sim_stop(struct azure_sim *s)
{
	static const struct http_opts none;
	struct err err = {0};
	struct http *http;

	if (s == NULL)
		return;
	http = http_new(&none, &err);
	assert_non_null(http);
	assert_none(s, http, "violations");
	assert_none(s, http, "unfair");
	assert_none(s, http, "broken");
	http_free(http);
	node_sim_stop(s->node);
	free(s);
}
