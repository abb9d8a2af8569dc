/* Trees drawn by hand; test_mem_estimate.c has those of a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rdb/mem_rax.h"
#include "rdb/mem_size.h"

#define LEAF 16

static void
add(struct mem_rax *r, uint64_t ms, uint64_t seq)
{
	mem_rax_add(r, (struct rdb_stream_id){ms, seq});
}

static struct mem_rax
tree(void)
{
	struct mem_rax r;

	mem_rax_init(&r, MEM_QUANTUM_REDIS);
	return r;
}

static void
an_empty_tree_is_its_head(void **state)
{
	struct mem_rax r = tree();

	(void)state;
	assert_int_equal(mem_rax_take(&r), MEM_RAX + 8);
}

static void
one_key_is_a_chain_and_a_leaf(void **state)
{
	struct mem_rax r = tree();

	(void)state;
	add(&r, 1, 2);
	assert_int_equal(mem_rax_take(&r), MEM_RAX + (24 + 8) + LEAF);
	/* Taken, it is empty; a key that comes twice is there once. */
	assert_int_equal(mem_rax_take(&r), MEM_RAX + 8);
	add(&r, 1, 2);
	add(&r, 1, 2);
	assert_int_equal(mem_rax_take(&r), MEM_RAX + (24 + 8) + LEAF);
}

static void
keys_branch_where_they_differ(void **state)
{
	struct mem_rax r = tree();

	(void)state;
	/* In the last byte: a chain of 15, a node of 3. */
	for (uint64_t seq = 0; seq < 3; seq++)
		add(&r, 5, seq);
	assert_int_equal(
	    mem_rax_take(&r), MEM_RAX + (24 + 8) + (8 + 24) + 3 * LEAF);
	/* In byte 7: a chain of 7, a node of 2, of each a chain of 8. */
	add(&r, 1, 0);
	add(&r, 2, 0);
	assert_int_equal(mem_rax_take(&r),
	    MEM_RAX + (16 + 8) + (8 + 16) + 2 * (16 + 8) + 2 * LEAF);
	/* In the first: no chain before it. */
	add(&r, 0, 0);
	add(&r, UINT64_MAX, 0);
	assert_int_equal(
	    mem_rax_take(&r), MEM_RAX + (8 + 16) + 2 * (24 + 8) + 2 * LEAF);
}

static void
a_node_has_256_children_at_most(void **state)
{
	struct mem_rax r = tree();
	uint64_t ascending;

	(void)state;
	for (uint64_t seq = 0; seq < 256; seq++)
		add(&r, 5, seq);
	ascending = mem_rax_take(&r);
	/* Keys out of order, which no server writes, do not overflow it. */
	for (uint64_t i = 0; i < 100000; i++)
		add(&r, 5, i % 2);
	assert_true(mem_rax_take(&r) < 100000 * LEAF + ascending);
}

static void
a_name_is_a_chain_and_a_leaf(void **state)
{
	(void)state;
	assert_int_equal(mem_rax_name(MEM_QUANTUM_REDIS, 4), 8 + 8 + LEAF);
	assert_int_equal(mem_rax_name(MEM_QUANTUM_REDIS, 5), 16 + 8 + LEAF);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_tree_is_its_head),
	    cmocka_unit_test(one_key_is_a_chain_and_a_leaf),
	    cmocka_unit_test(keys_branch_where_they_differ),
	    cmocka_unit_test(a_node_has_256_children_at_most),
	    cmocka_unit_test(a_name_is_a_chain_and_a_leaf),
	};

	return cmocka_run_group_tests_name("mem_rax", tests, NULL, NULL);
}
