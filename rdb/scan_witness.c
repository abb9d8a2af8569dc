#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "rdb/redis_config.h"
#include "rdb/redis_conn.h"
#include "rdb/redis_error.h"

#include "rdb/scan_witness.h"

#define FLAGS_NAME "notify-keyspace-events"

/* What would be another if the dataset had become another one in silence. */
static const char *const fields[] = {
    "run_id",
    "role",
    "master_replid",
    "cmdstat_flushall",
    "cmdstat_flushdb",
    "cmdstat_swapdb",
    "cmdstat_debug",
    "cmdstat_config|set",
    "cmdstat_config|resetstat",
};

static uint64_t
number_in(const char *info, const char *field, const char *before)
{
	char value[128];
	const char *at;

	redis_info_text(info, field, value, sizeof(value));
	at = strstr(value, before);
	return at != NULL ? strtoull(at + strlen(before), NULL, 10) : 0;
}

/* All classes of events, in one of the two ways of telling them. */
static int
take_flags(struct scan_witness *w, const char *flags, struct err *err)
{
	w->asked = true;
	w->by_event = flags != NULL && strchr(flags, 'E') != NULL;
	w->by_key = flags != NULL && !w->by_event && strchr(flags, 'K') != NULL;
	if ((w->by_event || w->by_key) && strchr(flags, 'A') != NULL)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
	    "the source's '" FLAGS_NAME "' is '%s', and not 'AE'",
	    flags != NULL ? flags : "");
}

/*
 * Behind a proxy that serves several processes, an answer may overtake events.
 * Redis Enterprise leaves this field out (by what its users show of INFO;
 * nobody here has looked).
 */
static int
check_process(const char *info, struct err *err)
{
	char executable[8];

	redis_info_text(info, "executable", executable, sizeof(executable));
	if (executable[0] != '\0')
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
	    "the source may be a proxy, which keeps no order");
}

static int
check_info(const struct scan_witness *w, enum scan_trust trust,
    const char *info, struct err *err)
{
	char role[16];

	redis_info_text(info, "role", role, sizeof(role));
	if (strcmp(role, "master") != 0)
		return err_set(err, ERR_UNSUPPORTED,
		    "a replica does not tell what it loads anew");
	if (trust != SCAN_TRUST && check_process(info, err) != 0)
		return -1;
	if (strstr(info, "\ncmdstat_") == NULL)
		return err_set(err, ERR_UNSUPPORTED,
		    "the source does not tell of FLUSHALL by INFO");
	if (!w->asked && trust == SCAN_PROBE &&
	    strstr(info, "\nmodule:") != NULL)
		return err_set(err, ERR_UNSUPPORTED,
		    "what modules tell of their keys cannot be probed");
	return 0;
}

static void
take_info(struct scan_witness *w, enum scan_trust trust, const char *flags,
    const char *info)
{
	char value[128];
	struct buf b;

	buf_init(&b, 4096);
	buf_addf(&b, "%s", flags != NULL ? flags : "");
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		redis_info_text(info, fields[i], value, sizeof(value));
		buf_addf(&b, " %s=%s", fields[i], value);
	}
	/* An eviction is a class of events that no key of ours shows. */
	if (!w->asked && trust == SCAN_PROBE) {
		redis_info_text(info, "evicted_keys", value, sizeof(value));
		buf_addf(&b, " evicted_keys=%s", value);
	}
	w->text = buf_take(&b);
	w->commands = number_in(info, "total_commands_processed", "");
	w->config_calls = number_in(info, "cmdstat_config", "calls=");
	w->dirty = number_in(info, "rdb_changes_since_last_save", "");
}

/* Refused, it may be known in another way: then both channels may tell. */
static int
ask_flags(struct scan_witness *w, struct redis_conn *ask, enum scan_trust trust,
    const struct scope *scope, char **flags, struct err *err)
{
	struct err refused = {0};

	if (redis_config_get(ask, scope, FLAGS_NAME, flags, &refused) == 0)
		return take_flags(w, *flags, err);
	if (trust == SCAN_ASK || !redis_error_is_refusal(&refused)) {
		*err = refused;
		return -1;
	}
	w->by_event = w->by_key = true;
	return 0;
}

int
scan_witness_take(struct scan_witness *w, struct redis_conn *ask,
    enum scan_trust trust, const struct scope *scope, struct err *err)
{
	char *flags = NULL;
	redisReply *r = NULL;
	int rc = -1;

	*w = (struct scan_witness){0};
	if (ask_flags(w, ask, trust, scope, &flags, err) != 0)
		goto out;
	r = redis_command(ask, scope, err, "INFO all");
	if (r == NULL)
		goto out;
	if (r->type != REDIS_REPLY_STRING) {
		err_set(err, ERR_CORRUPT, "INFO is answered by no text");
		goto out;
	}
	if (check_info(w, trust, r->str, err) != 0)
		goto out;
	take_info(w, trust, flags, r->str);
	rc = 0;
out:
	freeReplyObject(r);
	free(flags);
	return rc;
}

void
scan_witness_release(struct scan_witness *w)
{
	free(w->text);
	w->text = NULL;
}

/*
 * CONFIG RESETSTAT makes the number of commands begin anew; one that came
 * before may hide the next one's entry.  Before 7.0 CONFIG SET is told with
 * CONFIG GET alone, of which each look is one.
 */
bool
scan_witness_agrees(
    const struct scan_witness *now, const struct scan_witness *then)
{
	bool ours = then->asked && then->config_calls > 0;

	return strcmp(now->text, then->text) == 0 &&
	    now->commands >= then->commands &&
	    now->config_calls == then->config_calls + ours;
}
