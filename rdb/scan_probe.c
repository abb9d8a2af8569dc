#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/cluster_self.h"
#include "rdb/redis_conn.h"
#include "rdb/slot_tags.h"

#include "rdb/scan_probe.h"

/* What makes the key, and the event that tells of its class. */
static const struct {
	const char *command, *event, *class;
} steps[] = {
    {"SET %s 1 EX 60", "set", "strings"},
    {"RPUSH %s 1", "rpush", "lists"},
    {"SADD %s 1", "sadd", "sets"},
    {"HSET %s f 1", "hset", "hashes"},
    {"ZADD %s 1 m", "zadd", "sorted sets"},
    {"XADD %s * f 1", "xadd", "streams"},
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* Commands of any type. */
#define DELETED (1u << STEPS)
#define ALL	((DELETED << 1) - 1)

static int
tag_of_own_slot(struct redis_conn *c, const struct scope *scope,
    char tag[SLOT_TAG_MAX], struct err *err)
{
	struct cluster_self self;
	struct slot_tags *tags;
	unsigned slot = 0;

	if (cluster_self_ask(c, scope, &self, err) != 0)
		return -1;
	while (slot < CLUSTER_SLOTS && !self.owns[slot])
		slot++;
	if (slot == CLUSTER_SLOTS)
		return err_set(
		    err, ERR_UNSUPPORTED, "the source has no slot of its own");
	tags = slot_tags_new();
	slot_tag(tags, (uint16_t)slot, tag);
	slot_tags_free(tags);
	return 0;
}

int
scan_probe_init(struct scan_probe *p, struct redis_conn *c, bool cluster,
    const struct scope *scope, struct err *err)
{
	char tag[SLOT_TAG_MAX] = "";
	uint64_t name;

	*p = (struct scan_probe){0};
	if (cluster && tag_of_own_slot(c, scope, tag, err) != 0)
		return -1;
	scope_random(scope, &name, sizeof(name));
	snprintf(
	    p->key, sizeof(p->key), "drsync:probe:%016" PRIx64 "%s", name, tag);
	return 0;
}

static int
command(struct redis_conn *c, const struct scope *scope, const char *format,
    const char *key, struct err *err)
{
	redisReply *r = redis_command(c, scope, err, format, key);

	freeReplyObject(r);
	return r != NULL ? 0 : err_in(err, "a key to see what is told");
}

static int
send_steps(struct scan_probe *p, struct redis_conn *c,
    const struct scope *scope, struct err *err)
{
	for (size_t i = 0; i < STEPS; i++)
		if (command(c, scope, steps[i].command, p->key, err) != 0 ||
		    command(c, scope, "DEL %s", p->key, err) != 0)
			return -1;
	return 0;
}

int
scan_probe_send(struct scan_probe *p, struct redis_conn *c,
    const struct scope *scope, struct err *err)
{
	struct err ignored = {0};

	p->seen = 0;
	if (command(c, scope, "MULTI", NULL, err) != 0)
		return -1;
	if (send_steps(p, c, scope, err) != 0) {
		command(c, scope, "DISCARD", NULL, &ignored);
		return -1;
	}
	return command(c, scope, "EXEC", NULL, err);
}

static bool
is(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(text, word, len) == 0;
}

bool
scan_probe_take(struct scan_probe *p, const char *key, size_t key_len,
    const char *event, size_t event_len)
{
	if (p->key[0] == '\0' || !is(key, key_len, p->key))
		return false;
	if (is(event, event_len, "del"))
		p->seen |= DELETED;
	for (size_t i = 0; i < STEPS; i++)
		if (is(event, event_len, steps[i].event))
			p->seen |= 1u << i;
	return true;
}

int
scan_probe_check(const struct scan_probe *p, struct err *err)
{
	if (p->seen == ALL)
		return 0;
	if (p->seen == 0)
		return err_set(err, ERR_UNSUPPORTED,
		    "the source told nothing of a key that was made");
	for (size_t i = 0; i < STEPS; i++)
		if ((p->seen & 1u << i) == 0)
			return err_set(err, ERR_UNSUPPORTED,
			    "the source does not tell what is done to %s",
			    steps[i].class);
	return err_set(
	    err, ERR_UNSUPPORTED, "the source does not tell what is deleted");
}
