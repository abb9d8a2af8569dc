/*
 * Runs between stores as they are: directories, and two regions of the
 * stand-in for Blob storage (tests/sim/blobs), in all directions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/budget.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "base/scope.h"
#include "base/secret.h"
#include "storage/blob_traits.h"
#include "storage/replicate.h"
#include "storage/store.h"
#include "storage/store_open.h"

#include "tests/sim/azurite.h"
#include "tests/sim/node_sim.h"
#include "tests/sim/temp_dir.h"

#define CONTAINER "replica"
#define BLOBS	  40
#define WAIT_MS	  60000

struct rig {
	struct node_sim *sim;
	struct http *http;
	struct scope scope;
	struct budget *budget;
	struct temp_dir dirs[2];
	struct store *west, *north, *here, *there;
};

static struct store *
open_region(struct rig *r, const char *region)
{
	struct store_opts opts = {.http = r->http, .path_style = true};
	const char *url, *key;
	struct secret secret = {0};
	struct err err = {0};
	const cJSON *place;
	struct buf place_url;
	struct store *s, *lent;

	if (json_get_object(node_sim_told(r->sim), region, &place, &err) != 0 ||
	    json_get_str(place, "url", &url, &err) != 0 ||
	    json_get_str(place, "key", &key, &err) != 0)
		fail_msg("%s", err.text);
	secret_set(&secret, key, strlen(key));
	opts.key = &secret;
	buf_init(&place_url, 4096);
	buf_addf(&place_url, "%s/" CONTAINER, url);
	s = store_open(place_url.data, &opts, &err);
	buf_release(&place_url);
	secret_release(&secret);
	assert_non_null(s);
	lent = s->ops->lend->open(s, CONTAINER, &err);
	assert_non_null(lent);
	assert_int_equal(lent->ops->lend->create(lent, &r->scope, &err), 0);
	store_free(lent);
	return s;
}

static int
up(void **state)
{
	static const struct http_opts plain;
	struct scope root = scope_root(NULL);
	struct err err = {0};
	static struct rig r;

	memset(&r, 0, sizeof(r));
	*state = &r;
	r.scope = scope_within(&root, WAIT_MS);
	r.budget = budget_new(BUDGET_DEFAULT);
	temp_dir_make(&r.dirs[0]);
	temp_dir_make(&r.dirs[1]);
	r.here = temp_dir_store(&r.dirs[0]);
	r.there = temp_dir_store(&r.dirs[1]);
	if (!azurite_installed())
		return 0;
	r.sim = node_sim_start("blobs/main.mjs", cJSON_CreateObject());
	r.http = http_new(&plain, &err);
	assert_non_null(r.http);
	r.west = open_region(&r, "west");
	r.north = open_region(&r, "north");
	return 0;
}

static int
down(void **state)
{
	struct rig *r = *state;

	store_free(r->here);
	store_free(r->there);
	temp_dir_remove(&r->dirs[0]);
	temp_dir_remove(&r->dirs[1]);
	budget_free(r->budget);
	if (r->sim != NULL) {
		store_free(r->west);
		store_free(r->north);
		http_free(r->http);
		node_sim_stop(r->sim);
	}
	return 0;
}

static void
put_some(struct rig *r, struct store *s)
{
	struct commit_opts opts = {.content_type = "text/plain"};
	struct err err = {0};
	char name[64];

	for (int i = 0; i < BLOBS; i++) {
		snprintf(name, sizeof(name), "a dir/%s%02d%%",
		    i % 2 != 0 ? "\xc3\xa4" : "x", i);
		if (store_put(s, &r->scope, name, name, strlen(name), &opts,
			NULL, &err) != 0)
			fail_msg("%s", err.text);
	}
}

static void
run(struct rig *r, struct store *from, struct store *to,
    struct replicate_report *report)
{
	const struct replicate_opts opts = {
	    .budget = r->budget,
	    .del.mirror = true,
	    .del.percent = 100,
	    .verify = VERIFY_ALL,
	};
	struct err err = {0};

	if (replicate(from, to, &opts, &r->scope, report, &err) != 0)
		fail_msg("%s", err.text);
}

static uint64_t
copied(const struct replicate_report *report)
{
	uint64_t n = 0;

	for (int i = 0; i < RUNGS; i++)
		n += report->copied[i];
	return n;
}

static void
goes_there_and_is_the_same(
    struct rig *r, struct store *from, struct store *to, enum rung rung)
{
	struct replicate_report report;
	struct err err = {0};

	put_some(r, from);
	run(r, from, to, &report);
	assert_int_equal(report.copied[rung], BLOBS);
	assert_int_equal(report.verified, BLOBS);
	run(r, from, to, &report);
	assert_int_equal(report.same, BLOBS);
	assert_int_equal(copied(&report) + report.mended, 0);
	if (from->ops->remove(from, &r->scope, "a dir/x00%", NULL, &err) != 0)
		fail_msg("%s", err.text);
	run(r, from, to, &report);
	assert_int_equal(report.deleted, 1);
	assert_int_equal(copied(&report), 0);
}

static void
from_a_directory_to_another(void **state)
{
	struct rig *r = *state;

	goes_there_and_is_the_same(r, r->here, r->there, RUNG_STREAM);
}

static void
from_a_region_to_another(void **state)
{
	struct rig *r = *state;

	azurite_require();
	goes_there_and_is_the_same(r, r->west, r->north, RUNG_PUT);
}

static void
from_a_directory_to_a_region(void **state)
{
	struct rig *r = *state;

	azurite_require();
	goes_there_and_is_the_same(r, r->here, r->north, RUNG_STREAM);
}

static void
from_a_region_to_a_directory(void **state)
{
	struct rig *r = *state;

	azurite_require();
	goes_there_and_is_the_same(r, r->west, r->there, RUNG_STREAM);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(from_a_directory_to_another),
	    TEST(from_a_region_to_another),
	    TEST(from_a_directory_to_a_region),
	    TEST(from_a_region_to_a_directory),
	};

	return cmocka_run_group_tests_name(
	    "replicate_regions", tests, NULL, NULL);
}
