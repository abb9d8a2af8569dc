#include <math.h>
#include <stddef.h>
#include <string.h>

#include "rdb/decimal.h"
#include "rdb/mem_size.h"

#include "rdb/mem_elements.h"

#define DICT		56
#define INTSET		8
#define ZSET		16
#define SKIPLIST	32
#define SKIPLIST_NODE	24 /* and for each level: */
#define SKIPLIST_LEVEL	16
#define SKIPLIST_LEVELS 32 /* ZSKIPLIST_MAXLEVEL, the header's */

/* Defaults, config.c. */
#define HASH_PACKED_MAX	 512
#define ZSET_PACKED_MAX	 128
#define PACKED_VALUE_MAX 64
#define INTSET_MAX	 512
#define LIST_NODE_MAX	 8192 /* list-max-listpack-size -2 */
#define LIST_NODE_SPARE	 8    /* SIZE_ESTIMATE_OVERHEAD */

#define SCORE_PLAIN_MAX 1e17 /* beyond, "%.17g" writes an exponent */

/* Each level has a quarter of the nodes of the one below: zslRandomLevel(). */
static double
average_skiplist_node(unsigned quantum)
{
	double average = 0, share = 0.75;

	for (unsigned level = 1; level <= SKIPLIST_LEVELS; level++) {
		average += share *
		    (double)mem_given(
			quantum, SKIPLIST_NODE + level * SKIPLIST_LEVEL);
		share /= 4;
	}
	return average;
}

void
mem_elements_init(struct mem_elements *m, unsigned quantum)
{
	*m = (struct mem_elements){
	    .quantum = quantum,
	    .skiplist_node = average_skiplist_node(quantum),
	};
}

void
mem_elements_begin(struct mem_elements *m, enum rdb_kind kind)
{
	m->kind = kind;
	m->n = m->strings = m->packed = m->node = 0;
	m->loose = false;
}

static uint64_t
in_listpack(const char *text, uint64_t len)
{
	int64_t n;

	if (text != NULL && decimal_integer(text, len, &n))
		return mem_listpack_integer(n);
	return mem_listpack_text(len);
}

/* The list's last node is full, or the list is over. */
static void
end_list_node(struct mem_elements *m)
{
	if (m->node == 0)
		return;
	m->packed += mem_given(m->quantum, MEM_QUICKLIST_NODE) +
	    mem_given(m->quantum, mem_listpack(m->node));
	m->node = 0;
}

static void
add_to_list(struct mem_elements *m, const char *text, uint64_t len)
{
	uint64_t packed = in_listpack(text, len);

	if (m->node + packed + LIST_NODE_SPARE > LIST_NODE_MAX)
		end_list_node(m);
	m->node += packed;
}

static void
add_to_intset(struct mem_elements *m, const char *text, uint64_t len)
{
	int64_t n;

	if (text == NULL || !decimal_integer(text, len, &n) ||
	    m->n == INTSET_MAX) {
		m->loose = true;
		return;
	}
	if (m->n == 0 || n < m->least)
		m->least = n;
	if (m->n == 0 || n > m->most)
		m->most = n;
}

static void
add_to_pack(struct mem_elements *m, const char *text, uint64_t len)
{
	uint64_t most = m->kind == RDB_HASH ? HASH_PACKED_MAX : ZSET_PACKED_MAX;

	if (len > PACKED_VALUE_MAX || m->n == most)
		m->loose = true;
	else
		m->packed += in_listpack(text, len);
}

void
mem_elements_add(
    struct mem_elements *m, enum rdb_part part, const char *text, uint64_t len)
{
	if (m->kind == RDB_LIST) {
		add_to_list(m, text, len);
		return;
	}
	m->strings += mem_given(m->quantum, mem_sds(len));
	if (!m->loose && m->kind == RDB_SET)
		add_to_intset(m, text, len);
	else if (!m->loose)
		add_to_pack(m, text, len);
	m->n += part != RDB_PART_FIELD;
}

/*
 * The length of what "%.17g" makes of a number that is no integer: 17 digits,
 * or fewer when it ends a few binary places behind the point, as halves do.
 */
static uint64_t
score_length(double score)
{
	double left = fabs(score);
	uint64_t digits = 1;

	if (isinf(score) || left >= SCORE_PLAIN_MAX)
		return strlen("-1.2345678901234567e+123");
	for (double whole = left; whole >= 10; whole /= 10)
		digits++;
	for (; left != trunc(left) && digits < 17; left *= 2)
		digits++;
	return (score < 0) + digits + strlen(".");
}

static uint64_t
score_in_listpack(double score)
{
	if (fabs(score) < SCORE_PLAIN_MAX && score == trunc(score))
		return mem_listpack_integer((int64_t)score);
	return mem_listpack_text(score_length(score));
}

void
mem_elements_score(struct mem_elements *m, double score)
{
	if (!m->loose)
		m->packed += score_in_listpack(score);
}

static uint64_t
hash_table(const struct mem_elements *m)
{
	return mem_given(m->quantum, DICT) +
	    mem_given(m->quantum, mem_slots(m->n) * sizeof(void *)) +
	    m->n * mem_given(m->quantum, MEM_DICT_ENTRY) + m->strings;
}

static uint64_t
skiplist(const struct mem_elements *m)
{
	return mem_given(m->quantum, ZSET) + mem_given(m->quantum, SKIPLIST) +
	    mem_given(
		m->quantum, SKIPLIST_NODE + SKIPLIST_LEVELS * SKIPLIST_LEVEL) +
	    (uint64_t)((double)m->n * m->skiplist_node);
}

uint64_t
mem_elements_bytes(struct mem_elements *m)
{
	if (m->kind == RDB_LIST) {
		end_list_node(m);
		return mem_given(m->quantum, MEM_QUICKLIST) + m->packed;
	}
	if (m->loose)
		return hash_table(m) + (m->kind == RDB_ZSET ? skiplist(m) : 0);
	if (m->kind == RDB_SET)
		return mem_given(m->quantum,
		    INTSET + m->n * mem_intset_width(m->least, m->most));
	return mem_given(m->quantum, mem_listpack(m->packed));
}
