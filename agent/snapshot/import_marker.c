#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "rdb/redis_conn.h"

#include "agent/snapshot/import_marker.h"
#include "agent/snapshot/snapshot_id.h"

#define PREFIX "drsync:import:"

void
import_marker_key(const char *job, char out[IMPORT_MARKER_SIZE])
{
	snprintf(out, IMPORT_MARKER_SIZE, PREFIX "%s", job);
}

bool
import_marker_is(const unsigned char *name, size_t len)
{
	return len >= sizeof(PREFIX) - 1 &&
	    memcmp(name, PREFIX, sizeof(PREFIX) - 1) == 0;
}

void
import_marker_values(const char *job, char out[IMPORT_MARKER_SIZE])
{
	snprintf(out, IMPORT_MARKER_SIZE, PREFIX "%s:value:", job);
}

/* Its slot is on the move: whoever asks the cluster again is told where. */
static int
failed(struct err *err, const char *doing)
{
	if (strcmp(err->code, "MOVED") == 0 || strcmp(err->code, "ASK") == 0)
		err->kind = ERR_TRANSIENT;
	return err_in(err, "%s", doing);
}

int
import_marker_set(struct redis_conn *conn, const char *job,
    const char *snapshot, const struct scope *scope, struct err *err)
{
	char key[IMPORT_MARKER_SIZE];
	redisReply *r;

	err->code[0] = '\0'; /* without an answer none is set */
	import_marker_key(job, key);
	r = redis_command(conn, scope, err, "SET %s %s", key, snapshot);
	if (r == NULL)
		return failed(err, "marking the target");
	freeReplyObject(r);
	return 0;
}

int
import_marker_clear(struct redis_conn *conn, const char *job,
    const struct scope *scope, struct err *err)
{
	char key[IMPORT_MARKER_SIZE];
	redisReply *r;

	err->code[0] = '\0';
	import_marker_key(job, key);
	r = redis_command(conn, scope, err, "DEL %s", key);
	if (r == NULL)
		return failed(err, "removing the mark of the import");
	freeReplyObject(r);
	return 0;
}

int
import_marker_get(struct redis_conn *conn, const char *job,
    char snapshot[SNAPSHOT_ID_SIZE], const struct scope *scope, struct err *err)
{
	char key[IMPORT_MARKER_SIZE];
	redisReply *r;

	snapshot[0] = '\0';
	err->code[0] = '\0';
	import_marker_key(job, key);
	r = redis_command(conn, scope, err, "GET %s", key);
	if (r == NULL && strcmp(err->code, "WRONGTYPE") == 0)
		return 0;
	if (r == NULL)
		return failed(err, "looking for the mark of an import");
	if (r->type == REDIS_REPLY_STRING && snapshot_id_valid(r->str))
		memcpy(snapshot, r->str, strlen(r->str) + 1);
	freeReplyObject(r);
	return 0;
}
