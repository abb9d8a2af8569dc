#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "rdb/cluster_map.h"
#include "rdb/redis_conn.h"

#include "rdb/cluster_self.h"

/* id, address, flags, primary, ping, pong, epoch, link; then the slots */
#define EPOCH_FIELD	    6
#define FIELDS_BEFORE_SLOTS 8

static bool
parse_slot(const char **p, unsigned *out)
{
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)**p))
		return false;
	n = strtoul(*p, &end, 10);
	if (n >= CLUSTER_SLOTS)
		return false;
	*p = end;
	*out = (unsigned)n;
	return true;
}

/* "7" or "0-5460" or, for one that is on its way, "[93->-ID]". */
static bool
take_range(const char *word, struct cluster_self *self)
{
	unsigned from, to;

	if (*word == '[') {
		self->moving++;
		return true;
	}
	if (!parse_slot(&word, &from))
		return false;
	to = from;
	if (*word == '-') {
		word++;
		if (!parse_slot(&word, &to))
			return false;
	}
	for (unsigned s = from; s <= to; s++)
		self->owns[s] = true;
	return *word == '\0' && from <= to;
}

/* Flags are "myself,master" and the like. */
static bool
has_flag(const char *flags, const char *flag)
{
	size_t n = strlen(flag);

	for (; flags != NULL; flags = strchr(flags, ',')) {
		flags += *flags == ',';
		if (strncmp(flags, flag, n) == 0 &&
		    (flags[n] == ',' || flags[n] == '\0'))
			return true;
	}
	return false;
}

/* 1: it is of another server. */
static int
take_line(char *line, struct cluster_self *self)
{
	char *rest = line, *word;
	int i;

	for (i = 0; (word = strsep(&rest, " ")) != NULL; i++) {
		if (i == 0)
			snprintf(self->id, sizeof(self->id), "%s", word);
		if (i == 2 && !has_flag(word, "myself"))
			return 1;
		if (i == 2)
			self->is_primary = has_flag(word, "master");
		if (i == EPOCH_FIELD)
			self->epoch = strtoull(word, NULL, 10);
		if (i >= FIELDS_BEFORE_SLOTS && *word != '\0' &&
		    !take_range(word, self))
			return -1;
	}
	return i >= FIELDS_BEFORE_SLOTS ? 0 : -1;
}

int
cluster_self_parse(const char *text, struct cluster_self *self, struct err *err)
{
	char *copy = xstrdup(text), *rest = copy, *line;
	int rc = 1;

	*self = (struct cluster_self){0};
	while (rc > 0 && (line = strsep(&rest, "\n")) != NULL) {
		line[strcspn(line, "\r")] = '\0';
		if (*line != '\0')
			rc = take_line(line, self);
	}
	free(copy);
	if (rc == 0)
		return 0;
	return err_set(err, ERR_CORRUPT,
	    "CLUSTER NODES tells nothing that makes sense of the server "
	    "itself");
}

int
cluster_self_ask(struct redis_conn *c, const struct scope *scope,
    struct cluster_self *self, struct err *err)
{
	redisReply *r = redis_command(c, scope, err, "CLUSTER NODES");
	int rc;

	if (r == NULL)
		return err_in(err, "'%s'", redis_conn_name(c));
	rc = cluster_self_parse(
	    r->type == REDIS_REPLY_STRING ? r->str : "", self, err);
	freeReplyObject(r);
	return rc == 0 ? 0 : err_in(err, "'%s'", redis_conn_name(c));
}

int
cluster_self_agrees(const struct cluster_self *self,
    const struct cluster_map *map, size_t shard, struct err *err)
{
	if (!self->is_primary)
		return err_set(err, ERR_TRANSIENT, "it is no primary any more");
	if (self->moving > 0)
		return err_set(err, ERR_TRANSIENT,
		    "%u of its slots are being moved to or from another "
		    "server; no snapshot has each key once until that is done",
		    self->moving);
	for (unsigned s = 0; s < CLUSTER_SLOTS; s++)
		if (self->owns[s] != (map->owner[s] == shard))
			return err_set(err, ERR_TRANSIENT,
			    "servers of the cluster do not agree on whose slot "
			    "%u is",
			    s);
	return 0;
}
