/*
 * Anything as what a Sentinel says.  What is found can be connected to, and
 * what fails has left the target alone and says why in plain words.
 */
#include <assert.h>
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_sentinel.h"

#include "tests/fuzz/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_found(const struct redis_target *t)
{
	assert(t->nhosts > 0 && t->nhosts <= REDIS_HOSTS_MAX);
	for (size_t i = 0; i < t->nhosts; i++) {
		const char *host = t->hosts[i].host;

		assert(t->hosts[i].port > 0 && t->hosts[i].port <= 65535);
		assert(host[0] != '\0');
		for (size_t c = 0; host[c] != '\0'; c++)
			assert(isgraph((unsigned char)host[c]));
	}
}

static void
check_failed(const struct redis_target *t, const struct err *err)
{
	assert(t->nhosts == 0);
	assert(err->kind != ERR_NONE && err->text[0] != '\0');
	for (size_t i = 0; err->text[i] != '\0'; i++)
		assert(!iscntrl((unsigned char)err->text[i]));
}

/* SENTINEL_ALL: to confirm a primary would connect to whatever is named. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct redis_opts none;
	const struct peer_part said = {data, size};
	struct redis_target t;
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	struct peer *p;

	if (size > PEER_BYTES_MAX)
		return 0;
	p = peer_start(&said, 1);
	if (redis_target_parse("redis+sentinel://h/m", &t, &err) != 0)
		assert(false);
	free(t.sentinels[0].host);
	t.sentinels[0].host = xstrdup(peer_path(p));
	t.sentinels[0].port = 0;
	if (redis_sentinel_find(&t, SENTINEL_ALL, &none, &none, &scope, &err) ==
	    0)
		check_found(&t);
	else
		check_failed(&t, &err);
	redis_target_release(&t);
	peer_stop(p);
	return 0;
}
