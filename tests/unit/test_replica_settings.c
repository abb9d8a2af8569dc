/* What the settings say of a replication is what the engine is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/job/replica_settings.h"
#include "agent/job/settings.h"
#include "base/err.h"
#include "base/xalloc.h"

struct ground {
	struct settings *settings;
	struct replica_settings read;
	struct err err;
};

static int
up(void **state)
{
	struct ground *g = xcalloc(1, sizeof(*g));

	g->settings = settings_load(NULL, NULL, &g->err);
	*state = g;
	return g->settings != NULL ? 0 : -1;
}

static int
down(void **state)
{
	struct ground *g = *state;

	replica_settings_release(&g->read);
	settings_free(g->settings);
	free(g);
	return 0;
}

static void
set(struct ground *g, enum option o, const char *value)
{
	if (settings_set(g->settings, o, value, &g->err) != 0)
		fail_msg("%s", g->err.text);
}

static void
read_all(struct ground *g)
{
	if (replica_settings_read(&g->read, g->settings, &g->err) != 0)
		fail_msg("%s", g->err.text);
}

static void
refused(struct ground *g, enum option o, const char *value)
{
	struct replica_settings r;
	struct err err = {0};

	set(g, o, value);
	assert_int_equal(replica_settings_read(&r, g->settings, &err), -1);
	replica_settings_release(&r);
	assert_int_equal(err.kind, ERR_USAGE);
	if (strstr(err.text, options[o].key) == NULL)
		fail_msg("'%s' does not name '%s'", err.text, options[o].key);
}

static void
what_is_not_set_is_the_safe_way(void **state)
{
	struct ground *g = *state;

	read_all(g);
	assert_false(g->read.opts.del.mirror);
	assert_int_equal(g->read.opts.del.most, 1000);
	assert_int_equal(g->read.opts.del.percent, 10);
	assert_int_equal(g->read.opts.del.grace_ms, 86400000);
	assert_int_equal(g->read.opts.verify, VERIFY_BY_SERVICE);
	assert_int_equal(g->read.opts.traits,
	    TRAIT_HEADERS | TRAIT_METADATA | TRAIT_TAGS | TRAIT_TIER);
	assert_false(g->read.opts.take_archived);
	assert_false(g->read.create);
	assert_null(g->read.filter.include);
	assert_null(g->read.filter.exclude);
	assert_false(g->read.has_window);
}

static void
lists_are_cut_at_commas_that_are_not_escaped(void **state)
{
	struct ground *g = *state;
	const char *const *in;

	set(g, OPT_COPY_INCLUDE, "a/**,b\\,c,,*.log\\*");
	set(g, OPT_COPY_TAGS, "env=prod");
	read_all(g);
	in = g->read.filter.include;
	assert_string_equal(in[0], "a/**");
	assert_string_equal(in[1], "b,c");
	assert_string_equal(in[2], "*.log\\*");
	assert_null(in[3]);
	assert_string_equal(g->read.filter.tags[0], "env=prod");
	assert_null(g->read.filter.tags[1]);
}

static void
ranges_have_two_ends(void **state)
{
	struct ground *g = *state;

	set(g, OPT_COPY_SIZE, "1KiB..2MiB");
	set(g, OPT_COPY_AGE, "..7d");
	read_all(g);
	assert_int_equal(g->read.filter.size_least, 1024);
	assert_int_equal(g->read.filter.size_most, 2 << 20);
	assert_int_equal(g->read.filter.older_ms, 0);
	assert_int_equal(g->read.filter.younger_ms, 7 * 86400000LL);
}

static void
words_are_bits(void **state)
{
	struct ground *g = *state;

	set(g, OPT_COPY_TYPES, "page,append");
	set(g, OPT_COPY_CARRY, "metadata");
	read_all(g);
	assert_int_equal(
	    g->read.filter.types, 1 << BLOB_PAGE | 1 << BLOB_APPEND);
	assert_int_equal(g->read.opts.traits, TRAIT_METADATA);
}

static void
what_cannot_be_meant_names_its_option(void **state)
{
	struct ground *g = *state;

	refused(g, OPT_COPY_WINDOW, "all day");
	set(g, OPT_COPY_WINDOW, "22:00-06:00");
	refused(g, OPT_COPY_CARRY, "headers,soul");
	set(g, OPT_COPY_CARRY, "headers");
	refused(g, OPT_COPY_TYPES, "blob");
	set(g, OPT_COPY_TYPES, "block");
	refused(g, OPT_COPY_AGE, "7d");
	refused(g, OPT_COPY_AGE, "..");
	refused(g, OPT_COPY_AGE, "soon..");
	set(g, OPT_COPY_AGE, "1h..");
	refused(g, OPT_COPY_SIZE, "1KiB");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		what_is_not_set_is_the_safe_way, up, down),
	    cmocka_unit_test_setup_teardown(
		lists_are_cut_at_commas_that_are_not_escaped, up, down),
	    cmocka_unit_test_setup_teardown(ranges_have_two_ends, up, down),
	    cmocka_unit_test_setup_teardown(words_are_bits, up, down),
	    cmocka_unit_test_setup_teardown(
		what_cannot_be_meant_names_its_option, up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
