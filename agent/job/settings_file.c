#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arm/lever_set.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/xalloc.h"

#include "agent/job/nearest_name.h"
#include "agent/job/settings_private.h"
#include "agent/snapshot/snapshot_id.h"

#define KEY_MAX 128
#define LEVERS	"promotion.levers"

/* Keys of the options that may stand where a mistyped one stood. */
struct key_walk {
	bool global;
};

static const char *
next_key(void *arg, size_t i)
{
	const struct key_walk *w = arg;

	static const char *const groups[] = {"source", "dr", "source.tls",
	    "dr.tls", "replication", "kind", "promotion", LEVERS, NULL};
	static const char *const global_groups[] = {
	    "jobs", "log", "spool", "identity", "endpoints", NULL};

	for (size_t o = 0; o < OPTIONS; o++)
		if (options[o].global == w->global && i-- == 0)
			return options[o].key;
	for (const char *const *g = w->global ? global_groups : groups;
	     *g != NULL; g++)
		if (i-- == 0)
			return *g;
	return NULL;
}

static int
unknown_key(const char *key, bool global, struct err *err)
{
	struct key_walk w = {global};
	const char *near = nearest_name(key, next_key, &w);

	if (near != NULL)
		return err_set(err, ERR_USAGE,
		    "unknown key '%.80s'; is '%s' meant?", key, near);
	return err_set(err, ERR_USAGE, "unknown key '%.80s'", key);
}

/* {"env": "NAME"} as "env:NAME", and the other ways alike. */
static char *
secret_reference(const cJSON *v, struct err *err)
{
	const cJSON *from = cJSON_IsObject(v) ? v->child : NULL;
	struct buf b;

	if (from == NULL || from->next != NULL || !cJSON_IsString(from) ||
	    (strcmp(from->string, "env") != 0 &&
		strcmp(from->string, "file") != 0 &&
		strcmp(from->string, "keyvault") != 0)) {
		err_set(err, ERR_USAGE,
		    "a secret is given by reference only: {\"env\": NAME}, "
		    "{\"file\": PATH} or {\"keyvault\": URL}");
		return NULL;
	}
	buf_init(&b, SETTINGS_BYTES_MAX);
	buf_addf(&b, "%s:%s", from->string, from->valuestring);
	return buf_take(&b);
}

static char *
value_text(enum option o, const cJSON *v, struct err *err)
{
	char number[32];

	if (options[o].type == OPTION_SECRET)
		return secret_reference(v, err);
	if (cJSON_IsString(v))
		return xstrdup(v->valuestring);
	if (cJSON_IsNumber(v) && v->valuedouble == trunc(v->valuedouble) &&
	    (options[o].type == OPTION_INT || options[o].type == OPTION_SIZE)) {
		snprintf(number, sizeof(number), "%.0f", v->valuedouble);
		return xstrdup(number);
	}
	/* Of a choice between no and yes; another one refuses the word. */
	if (cJSON_IsBool(v) && options[o].type == OPTION_CHOICE)
		return xstrdup(cJSON_IsTrue(v) ? "yes" : "no");
	err_set(err, ERR_USAGE, "it must be a %s",
	    options[o].type == OPTION_INT ? "whole number" : "text");
	return NULL;
}

static int
read_value(struct settings *s, enum option o, const cJSON *v, struct err *err)
{
	char *text = value_text(o, v, err);
	int rc = -1;

	if (text != NULL)
		rc = settings_put(s, o, text, ORIGIN_FILE, err);
	free(text);
	return rc == 0 ? 0 : err_in(err, "'%s' there", options[o].key);
}

/* A list, and so no option's value. */
static int
read_levers(struct settings *s, const cJSON *v, struct err *err)
{
	struct lever_set *set = lever_set_parse(v, err);

	if (set == NULL)
		return err_in(err, "'" LEVERS "' there");
	lever_set_free(set);
	s->levers = v;
	return 0;
}

/* Whether some option's key begins with this and a dot. */
static bool
is_group(const char *key, bool global)
{
	size_t n = strlen(key);

	for (int o = 0; o < OPTIONS; o++)
		if (options[o].global == global &&
		    strncmp(options[o].key, key, n) == 0 &&
		    options[o].key[n] == '.')
			return true;
	return false;
}

static int
read_group(struct settings *s, const cJSON *group, const char *prefix,
    bool global, struct err *err)
{
	const cJSON *v;

	cJSON_ArrayForEach(v, group)
	{
		char key[KEY_MAX];
		int o;

		snprintf(key, sizeof(key), "%s%s%s", prefix,
		    prefix[0] != '\0' ? "." : "", v->string);
		if (global && strcmp(key, "jobs") == 0)
			continue;
		/* What a job is; containers and tables come with their jobs. */
		if (!global && strcmp(key, "kind") == 0 && cJSON_IsString(v) &&
		    strcmp(v->valuestring, "redis") == 0)
			continue;
		if (!global && strcmp(key, LEVERS) == 0) {
			if (read_levers(s, v, err) != 0)
				return -1;
			continue;
		}
		o = option_by_key(key);
		if (o >= 0 && options[o].global == global) {
			if (read_value(s, (enum option)o, v, err) != 0)
				return -1;
		} else if (cJSON_IsObject(v) && is_group(key, global)) {
			if (read_group(s, v, key, global, err) != 0)
				return -1;
		} else {
			return unknown_key(key, global, err);
		}
	}
	return 0;
}

const char *
settings_job(const struct settings *s, size_t i)
{
	const cJSON *jobs = cJSON_GetObjectItemCaseSensitive(s->doc, "jobs");
	const cJSON *j;

	cJSON_ArrayForEach(j, jobs) if (i-- == 0) return j->string;
	return NULL;
}

static const char *
next_job(void *arg, size_t i)
{
	return settings_job(arg, i);
}

int
settings_read_job(struct settings *s, const char *job, struct err *err)
{
	const cJSON *jobs = cJSON_GetObjectItemCaseSensitive(s->doc, "jobs");
	const cJSON *j = cJSON_GetObjectItemCaseSensitive(jobs, job);
	const char *near;

	if (j == NULL) {
		near = nearest_name(job, next_job, s);
		if (near != NULL)
			return err_set(err, ERR_USAGE,
			    "no job '%s' in '%s'; is '%s' meant?", job, s->path,
			    near);
		return 0; /* ad hoc: its options come from elsewhere */
	}
	if (read_group(s, j, "", false, err) != 0)
		return err_in(err, "'%s': job '%s'", s->path, job);
	return 0;
}

/* Every job must be right, not only the one that is asked for. */
static int
check_jobs(struct settings *s, struct err *err)
{
	const cJSON *jobs = cJSON_GetObjectItemCaseSensitive(s->doc, "jobs");
	const cJSON *j;
	struct settings scratch;
	int rc = 0;

	if (jobs != NULL && !cJSON_IsObject(jobs))
		return err_set(
		    err, ERR_USAGE, "'jobs' must be an object of jobs by name");
	cJSON_ArrayForEach(j, jobs)
	{
		memset(&scratch, 0, sizeof(scratch));
		if (job_name_check(j->string, err) != 0)
			return -1;
		if (!cJSON_IsObject(j))
			return err_set(err, ERR_USAGE,
			    "job '%s' must be an object", j->string);
		rc = read_group(&scratch, j, "", false, err);
		for (int o = 0; o < OPTIONS; o++)
			free(scratch.values[o].value);
		if (rc != 0)
			return err_in(err, "job '%s'", j->string);
	}
	return 0;
}

static int
read_file(const char *path, struct buf *text, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char piece[4096];
	ssize_t n;

	if (fd < 0) {
		err_sys(err, "configuration '%s'", path);
		err->kind = ERR_USAGE;
		return -1;
	}
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		buf_add(text, piece, (size_t)n);
	close(fd);
	if (n < 0) {
		err_sys(err, "configuration '%s'", path);
		err->kind = ERR_USAGE;
		return -1;
	}
	return buf_check(text, path, err);
}

int
settings_read_file(struct settings *s, struct err *err)
{
	struct buf text;
	int rc = -1;

	buf_init(&text, SETTINGS_BYTES_MAX);
	if (read_file(s->path, &text, err) != 0)
		goto out;
	s->doc = json_parse(text.data, text.len, SETTINGS_BYTES_MAX, true, err);
	if (s->doc == NULL)
		goto in_file;
	if (!cJSON_IsObject(s->doc)) {
		err_set(err, ERR_USAGE, "it must be one JSON object");
		goto in_file;
	}
	if (read_group(s, s->doc, "", true, err) == 0 &&
	    check_jobs(s, err) == 0)
		rc = 0;
in_file:
	if (rc != 0)
		err_in(err, "'%s'", s->path);
out:
	if (rc != 0)
		err->kind = ERR_USAGE;
	buf_release(&text);
	return rc;
}
