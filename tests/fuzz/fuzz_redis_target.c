/*
 * Any text as a Redis URL.  What parses is shown as a URL that parses to the
 * same, and what does not leaves nothing behind.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "rdb/redis_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *url = strndup((const char *)data, size);
	struct redis_target a, b;
	struct err err = {0};

	assert(url != NULL);
	if (redis_target_parse(url, &a, &err) == 0) {
		assert(a.nhosts + a.nsentinels > 0);
		assert(a.nhosts <= REDIS_HOSTS_MAX);
		assert(a.nsentinels <= REDIS_HOSTS_MAX);
		assert((a.master != NULL) == (a.nsentinels > 0));
		assert(redis_target_parse(a.shown, &b, &err) == 0);
		assert(strcmp(a.shown, b.shown) == 0);
		assert(a.nhosts == b.nhosts && a.db == b.db);
		assert(a.nsentinels == b.nsentinels);
		if (a.master != NULL)
			assert(strcmp(a.master, b.master) == 0);
		for (size_t i = 0; i < a.nhosts; i++)
			assert(strcmp(a.hosts[i].host, b.hosts[i].host) == 0 &&
			    a.hosts[i].port == b.hosts[i].port &&
			    a.hosts[i].tls == b.hosts[i].tls);
		redis_target_release(&b);
		redis_target_release(&a);
	} else {
		assert(err.kind == ERR_USAGE);
		assert(a.hosts == NULL && a.user == NULL && a.shown == NULL);
	}
	free(url);
	return 0;
}
