#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/scope.h"
#include "rdb/redis_config.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"

#include "rdb/target_save.h"

#define POLL_FIRST_MS INT64_C(10)
#define POLL_MOST_MS  INT64_C(500)

/* As INFO tells. */
struct persistence {
	bool aof, rewriting, rewrite_ok;
	bool saving, save_ok;
};

static bool
field_is(const char *info, const char *name, const char *value)
{
	char *is = redis_info_field(info, name);
	bool same = is != NULL && strcmp(is, value) == 0;

	free(is);
	return same;
}

static int
look(struct redis_conn *c, const struct scope *scope, struct persistence *p,
    struct err *err)
{
	redisReply *r = redis_command(c, scope, err, "INFO persistence");
	const char *info;

	if (r == NULL)
		return -1;
	info = r->type == REDIS_REPLY_STRING ? r->str : "";
	*p = (struct persistence){
	    .aof = field_is(info, "aof_enabled", "1"),
	    .rewriting = field_is(info, "aof_rewrite_in_progress", "1") ||
		field_is(info, "aof_rewrite_scheduled", "1"),
	    .rewrite_ok = field_is(info, "aof_last_bgrewrite_status", "ok"),
	    .saving = field_is(info, "rdb_bgsave_in_progress", "1"),
	    .save_ok = field_is(info, "rdb_last_bgsave_status", "ok"),
	};
	freeReplyObject(r);
	return 0;
}

/* Until no child is at work. */
static int
wait_idle(struct redis_conn *c, const struct scope *scope,
    struct persistence *p, struct err *err)
{
	int64_t pause_ms = POLL_FIRST_MS;

	for (;;) {
		if (look(c, scope, p, err) != 0)
			return -1;
		if (!p->saving && !p->rewriting)
			return 0;
		if (scope_sleep(scope, pause_ms, err) != 0)
			return -1;
		pause_ms = pause_ms * 2 < POLL_MOST_MS ? pause_ms * 2
						       : POLL_MOST_MS;
	}
}

static int
has_save_points(
    struct redis_conn *c, const struct scope *scope, bool *has, struct err *err)
{
	char *save = NULL;

	*has = false;
	if (redis_config_get(c, scope, "save", &save, err) != 0)
		return redis_error_is_refusal(err) ? 0 : -1;
	*has = save != NULL && save[0] != '\0';
	free(save);
	return 0;
}

static int
save(struct redis_conn *c, const struct scope *scope, struct persistence *p,
    char why[200], struct err *err)
{
	redisReply *r = redis_command(c, scope, err, "BGSAVE");

	if (r == NULL && redis_error_is_refusal(err)) {
		snprintf(why, 200, "%.199s", err->text);
		return 0;
	}
	if (r == NULL)
		return -1;
	freeReplyObject(r);
	if (wait_idle(c, scope, p, err) != 0)
		return -1;
	if (!p->save_ok)
		snprintf(why, 200, "its BGSAVE failed: see its log");
	return 0;
}

int
target_save(struct redis_conn *c, const struct scope *scope,
    enum target_save *out, char why[200], struct err *err)
{
	struct persistence p;
	bool points;

	*out = TARGET_KEEPS_NONE;
	why[0] = '\0';
	if (wait_idle(c, scope, &p, err) != 0 ||
	    has_save_points(c, scope, &points, err) != 0)
		return -1;
	if (!p.aof && !points)
		return 0;
	/* With one, the append-only file is what a restart loads. */
	if (p.aof && !p.rewrite_ok)
		snprintf(why, 200, "its AOF rewrite failed: see its log");
	else if (!p.aof && save(c, scope, &p, why, err) != 0)
		return -1;
	*out = why[0] == '\0' ? TARGET_SAVED : TARGET_NOT_SAVED;
	return 0;
}
