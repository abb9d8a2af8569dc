#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "base/secret.h"
#include "storage/store.h"
#include "storage/store_open.h"
#include "tests/sim/azurite.h"
#include "tests/sim/node_sim.h"

#include "tests/sim/region_rig.h"

#define CONTAINER "ground"
#define WAIT_MS	  60000

/* Any failure shows its text. */
#define OK(call) \
	do { \
		struct err err = {0}; \
		if ((call) != 0) \
			fail_msg( \
			    "%s: kind %d: %s", #call, err.kind, err.text); \
	} while (0)

static struct store *
open_region(struct region_rig *r, const char *region, const char *tail)
{
	struct store_opts opts = {.http = r->http, .path_style = true};
	const char *url, *key;
	struct secret secret = {0};
	const cJSON *place;
	struct buf place_url;
	struct store *s;

	OK(json_get_object(node_sim_told(r->sim), region, &place, &err));
	OK(json_get_str(place, "url", &url, &err));
	OK(json_get_str(place, "key", &key, &err));
	secret_set(&secret, key, strlen(key));
	opts.key = &secret;
	buf_init(&place_url, 4096);
	buf_addf(&place_url, "%s/" CONTAINER "%s", url, tail);
	s = store_open(place_url.data, &opts, &(struct err){0});
	assert_non_null(s);
	buf_release(&place_url);
	secret_release(&secret);
	return s;
}

static void
make_container(struct region_rig *r, struct store *s)
{
	struct err ignored = {0};
	struct store *lent = s->ops->lend->open(s, CONTAINER, &ignored);

	assert_non_null(lent);
	OK(lent->ops->lend->create(lent, &r->scope, &err));
	store_free(lent);
}

/* A copy into "held" goes on until it is aborted, all others show up once. */
static cJSON *
config(void)
{
	return cJSON_Parse("{\"copy\": {\"polls\": 1}, \"script\": [{"
			   "\"on\": \"north CopyBlob *held\", \"times\": 9,"
			   "\"fault\": {\"copy\": {\"hold\": true}}}, {"
			   "\"on\": \"north CopyBlob *late\", \"times\": 1,"
			   "\"fault\": {\"copy\": {\"hold\": true}}}]}");
}

void
region_rig_up(struct region_rig *r)
{
	static const struct http_opts plain;
	struct scope root = scope_root(NULL);
	struct err err = {0};

	*r = (struct region_rig){0};
	if (!azurite_installed())
		return;
	r->sim = node_sim_start("blobs/main.mjs", config());
	r->http = http_new(&plain, &err);
	assert_non_null(r->http);
	r->scope = scope_within(&root, WAIT_MS);
	r->west = open_region(r, "west", "/from%20here");
	r->north = open_region(r, "north", "");
	make_container(r, r->west);
	make_container(r, r->north);
}

void
region_rig_down(struct region_rig *r)
{
	store_free(r->west);
	store_free(r->north);
	http_free(r->http);
	node_sim_stop(r->sim);
}

int
region_rig_setup(void **state)
{
	static struct region_rig rig;

	*state = &rig;
	region_rig_up(&rig);
	return 0;
}

int
region_rig_teardown(void **state)
{
	region_rig_down(*state);
	return 0;
}
