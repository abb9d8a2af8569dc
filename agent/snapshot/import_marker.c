#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "rdb/redis_conn.h"

#include "agent/snapshot/import_marker.h"
#include "agent/snapshot/snapshot_id.h"

#define KEY_SIZE (16 + JOB_NAME_MAX)

static void
marker_key(const char *job, char out[KEY_SIZE])
{
	snprintf(out, KEY_SIZE, "drsync:import:%s", job);
}

int
import_marker_set(struct redis_conn *conn, const char *job,
    const char *snapshot, const struct scope *scope, struct err *err)
{
	char key[KEY_SIZE];
	redisReply *r;

	marker_key(job, key);
	r = redis_command(conn, scope, err, "SET %s %s", key, snapshot);
	if (r == NULL)
		return err_in(err, "marking the target");
	freeReplyObject(r);
	return 0;
}

int
import_marker_clear(struct redis_conn *conn, const char *job,
    const struct scope *scope, struct err *err)
{
	char key[KEY_SIZE];
	redisReply *r;

	marker_key(job, key);
	r = redis_command(conn, scope, err, "DEL %s", key);
	if (r == NULL)
		return err_in(err, "removing the mark of the import");
	freeReplyObject(r);
	return 0;
}

int
import_marker_stands(struct redis_conn *conn, const char *job,
    const char *snapshot, const struct scope *scope, bool *stands,
    struct err *err)
{
	char key[KEY_SIZE];
	redisReply *r;

	*stands = false;
	err->code[0] = '\0'; /* without an answer none is set */
	marker_key(job, key);
	r = redis_command(conn, scope, err, "GET %s", key);
	if (r == NULL && strcmp(err->code, "WRONGTYPE") == 0)
		return 0; /* a key of the user's */
	if (r == NULL)
		return err_in(err, "looking for the mark of an import");
	*stands = r->type == REDIS_REPLY_STRING &&
	    strcmp(r->str, snapshot) == 0;
	freeReplyObject(r);
	return 0;
}
