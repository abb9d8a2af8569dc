#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/err.h"
#include "base/scope.h"
#include "base/sink.h"
#include "base/xalloc.h"
#include "storage/pieces.h"
#include "tests/sim/catcher.h"

/* Two pieces and a bit. */
#define LEN (2 * PIECE_BYTES + 12345)

struct rig {
	unsigned char *data;
	struct pieces *pieces;
	struct catcher out;
	struct budget *budget;
	struct scope scope;
	struct err err;
};

/* Writes down the first len bytes of the data, in steps. */
static struct pieces *
write_down(struct rig *r, size_t len, size_t step)
{
	struct pieces *p = pieces_new();
	struct sink *tap = pieces_tap_new(p);
	struct catcher out;

	catcher_init(&out);
	tap->next = &out.base;
	assert_int_equal(write_steps(tap, r->data, len, step, &r->err), 0);
	assert_int_equal(sink_finish(tap, &r->err), 0);
	assert_true(out.finished);
	assert_int_equal(out.len, len);
	assert_memory_equal(out.data, r->data, len);
	catcher_release(&out);
	sink_free(tap);
	return p;
}

static int
up(void **state)
{
	struct rig *r = xcalloc(1, sizeof(*r));

	r->data = xcalloc(1, LEN);
	fill_noise(r->data, LEN, 7);
	r->scope = scope_root(NULL);
	r->budget = budget_new(PIECE_BYTES);
	r->pieces = write_down(r, LEN, (size_t)1 << 20);
	catcher_init(&r->out);
	*state = r;
	return 0;
}

static int
down(void **state)
{
	struct rig *r = *state;

	assert_int_equal(budget_left(r->budget), PIECE_BYTES);
	budget_free(r->budget);
	catcher_release(&r->out);
	pieces_free(r->pieces);
	free(r->data);
	free(r);
	return 0;
}

/* Through a gate, in steps; as its write or finish says. */
static int
pass(struct rig *r, const struct pieces *p, size_t len, size_t step)
{
	struct sink *gate = pieces_gate_new(p, r->budget, &r->scope, &r->err);
	int rc;

	assert_non_null(gate);
	gate->next = &r->out.base;
	rc = write_steps(gate, r->data, len, step, &r->err);
	if (rc == 0)
		rc = sink_finish(gate, &r->err);
	sink_free(gate);
	return rc;
}

static void
all_that_agrees_passes(void **state)
{
	struct rig *r = *state;

	assert_int_equal(pass(r, r->pieces, LEN, 777777), 0);
	assert_true(r->out.finished);
	assert_int_equal(r->out.len, LEN);
	assert_memory_equal(r->out.data, r->data, LEN);
	assert_int_equal(r->out.writes, 3);
}

/* How a stream is cut into chunks is nobody's business. */
static void
digests_do_not_depend_on_chunks(void **state)
{
	struct rig *r = *state;
	struct pieces *p = write_down(r, LEN, 54321);
	size_t n, m;

	assert_int_equal(pieces_of(LEN), 3);
	assert_memory_equal(pieces_digests(p, &n),
	    pieces_digests(r->pieces, &m), 3 * PIECE_DIGEST_BYTES);
	assert_int_equal(n, 3 * PIECE_DIGEST_BYTES);
	assert_int_equal(m, n);
	pieces_free(p);
}

static void
nothing_of_a_piece_passes_when_a_bit_of_it_flipped(void **state)
{
	static const size_t at[] = {0, PIECE_BYTES - 1, PIECE_BYTES,
	    2 * PIECE_BYTES - 1, 2 * PIECE_BYTES, LEN - 1};
	struct rig *r = *state;

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		r->data[at[i]] ^= 0x10;
		assert_int_equal(pass(r, r->pieces, LEN, 100000), -1);
		assert_int_equal(r->err.kind, ERR_CORRUPT);
		assert_int_equal(r->out.len, at[i] / PIECE_BYTES * PIECE_BYTES);
		assert_false(r->out.finished);
		r->data[at[i]] ^= 0x10;
		catcher_release(&r->out);
		catcher_init(&r->out);
	}
}

static void
a_stream_of_another_length_does_not_end_well(void **state)
{
	static const size_t lens[] = {
	    0, 1, PIECE_BYTES, 2 * PIECE_BYTES, LEN - 1};
	struct rig *r = *state;
	struct pieces *shorter = write_down(r, 2 * PIECE_BYTES, 0);

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		assert_int_equal(pass(r, r->pieces, lens[i], 0), -1);
		assert_int_equal(r->err.kind, ERR_CORRUPT);
		assert_false(r->out.finished);
	}
	assert_int_equal(pass(r, shorter, LEN, 0), -1);
	assert_int_equal(r->err.kind, ERR_CORRUPT);
	assert_false(r->out.finished);
	pieces_free(shorter);
}

static void
they_may_be_kept_and_read_again(void **state)
{
	struct rig *r = *state;
	const unsigned char *digests;
	struct pieces *again;
	size_t len;

	digests = pieces_digests(r->pieces, &len);
	again = pieces_from(digests, len);
	assert_int_equal(pass(r, again, LEN, 0), 0);
	pieces_free(again);
}

static void
a_gate_that_does_not_fit_is_refused(void **state)
{
	struct rig *r = *state;
	struct budget *small = budget_new(PIECE_BYTES - 1);

	assert_null(pieces_gate_new(r->pieces, small, &r->scope, &r->err));
	assert_int_equal(r->err.kind, ERR_USAGE);
	budget_free(small);
}

static void
failures_behind_pass_through(void **state)
{
	struct rig *r = *state;

	r->out.fail_at = 2;
	assert_int_equal(pass(r, r->pieces, LEN, 0), -1);
	assert_string_equal(r->err.text, "write 2");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(all_that_agrees_passes),
	    TEST(digests_do_not_depend_on_chunks),
	    TEST(nothing_of_a_piece_passes_when_a_bit_of_it_flipped),
	    TEST(a_stream_of_another_length_does_not_end_well),
	    TEST(they_may_be_kept_and_read_again),
	    TEST(a_gate_that_does_not_fit_is_refused),
	    TEST(failures_behind_pass_through),
	};

	return cmocka_run_group_tests_name("pieces", tests, NULL, NULL);
}
