#include <string.h>

#include "rdb/mem_size.h"

#include "rdb/mem_rax.h"

#define POINTER 8
#define HEADER	4  /* struct raxNode */
#define LEAF	16 /* header, padding, the value's pointer */

static uint64_t
node(unsigned quantum, uint64_t chars, uint64_t children)
{
	uint64_t text = (HEADER + chars + POINTER - 1) & ~(POINTER - 1);

	return mem_given(quantum, text + children * POINTER);
}

/* The nodes on the path to the last key, from a depth on, are final. */
static void
close_path(struct mem_rax *r, unsigned from)
{
	unsigned at = from;

	while (at < MEM_RAX_KEY) {
		unsigned chain = at;

		while (chain < MEM_RAX_KEY && r->children[chain] == 1)
			chain++;
		if (chain > at) {
			r->bytes += node(r->quantum, chain - at, 1);
			at = chain;
		} else {
			r->bytes += node(
			    r->quantum, r->children[at], r->children[at]);
			at++;
		}
	}
	r->bytes += mem_given(r->quantum, LEAF);
}

static void
key_of(unsigned char key[MEM_RAX_KEY], struct rdb_stream_id id)
{
	for (unsigned i = 0; i < 8; i++) {
		key[i] = (unsigned char)(id.ms >> (56 - 8 * i));
		key[8 + i] = (unsigned char)(id.seq >> (56 - 8 * i));
	}
}

void
mem_rax_init(struct mem_rax *r, unsigned quantum)
{
	*r = (struct mem_rax){.quantum = quantum};
}

void
mem_rax_add(struct mem_rax *r, struct rdb_stream_id id)
{
	unsigned char key[MEM_RAX_KEY];
	unsigned same = 0;

	key_of(key, id);
	if (r->any) {
		while (same < MEM_RAX_KEY && key[same] == r->last[same])
			same++;
		if (same == MEM_RAX_KEY)
			return;
		close_path(r, same + 1);
		/* No more in a file that keeps the order. */
		if (r->children[same] < 256)
			r->children[same]++;
		same++;
	}
	for (unsigned i = same; i < MEM_RAX_KEY; i++)
		r->children[i] = 1;
	memcpy(r->last, key, sizeof(key));
	r->any = true;
}

uint64_t
mem_rax_take(struct mem_rax *r)
{
	uint64_t bytes;

	if (r->any)
		close_path(r, 0);
	else
		r->bytes = node(r->quantum, 0, 0);
	bytes = mem_given(r->quantum, MEM_RAX) + r->bytes;
	mem_rax_init(r, r->quantum);
	return bytes;
}

uint64_t
mem_rax_name(unsigned quantum, uint64_t len)
{
	return node(quantum, len, 1) + mem_given(quantum, LEAF);
}
