#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "rdb/redis_conn.h"

#include "rdb/redis_followers.h"

/* Lines such as "slave0:ip=h,port=1,state=online,offset=91,lag=0". */
static void
count(const char *info, struct redis_followers *f)
{
	static const char online[] = ",state=online,", offset[] = ",offset=";

	f->online = f->arrived = 0;
	while ((info = strstr(info, online)) != NULL) {
		const char *end = info + strcspn(info, "\r\n");
		const char *at = strstr(info, offset);

		f->online++;
		if (at != NULL && at < end &&
		    strtoull(at + strlen(offset), NULL, 10) >= f->mark)
			f->arrived++;
		info = end;
	}
}

static int
read_info(const char *info, const char *name, struct redis_followers *f,
    struct err *err)
{
	char *role = redis_info_field(info, "role");
	char *offset = redis_info_field(info, "master_repl_offset");
	int rc = 0;

	if (role != NULL && strcmp(role, "slave") == 0)
		rc = err_set(
		    err, ERR_TRANSIENT, "'%s' is no primary any more", name);
	else if (role == NULL || offset == NULL)
		rc = err_set(err, ERR_CORRUPT,
		    "'%s' does not tell how far its replication is", name);
	else if (!f->marked)
		f->mark = strtoull(offset, NULL, 10);
	free(role);
	free(offset);
	if (rc != 0)
		return -1;
	f->marked = true;
	count(info, f);
	return 0;
}

int
redis_followers_look(struct redis_conn *c, const struct scope *scope,
    struct redis_followers *f, struct err *err)
{
	redisReply *r = redis_command(c, scope, err, "INFO replication");
	int rc;

	if (r == NULL)
		return -1;
	rc = read_info(r->type == REDIS_REPLY_STRING ? r->str : "",
	    redis_conn_name(c), f, err);
	freeReplyObject(r);
	return rc;
}
