#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/quantity.h"
#include "base/secret.h"
#include "base/url.h"
#include "base/xalloc.h"

#include "agent/job/option_value.h"
#include "agent/job/settings_private.h"

const char *
origin_name(enum origin o)
{
	switch (o) {
	case ORIGIN_DEFAULT:
		return "default";
	case ORIGIN_FILE:
		return "file";
	case ORIGIN_ENV:
		return "environment";
	case ORIGIN_FLAG:
		return "command line";
	}
	return "";
}

int
settings_put(struct settings *s, enum option o, const char *value,
    enum origin origin, struct err *err)
{
	if (option_check(o, value, err) != 0)
		return -1;
	free(s->values[o].value);
	s->values[o].value = xstrdup(value);
	s->values[o].origin = origin;
	return 0;
}

int
settings_set(
    struct settings *s, enum option o, const char *value, struct err *err)
{
	if (settings_put(s, o, value, ORIGIN_FLAG, err) != 0)
		return err_in(err, "--%s on the command line", options[o].flag);
	return 0;
}

static int
load_env(struct settings *s, struct err *err)
{
	char name[64];

	for (int o = 0; o < OPTIONS; o++) {
		const char *value;

		option_env((enum option)o, name);
		value = getenv(name);
		if (value == NULL)
			continue;
		if (settings_put(s, (enum option)o, value, ORIGIN_ENV, err) !=
		    0)
			return err_in(err, "%s in the environment", name);
	}
	return 0;
}

struct settings *
settings_load(const char *path, const char *job, struct err *err)
{
	struct settings *s = xcalloc(1, sizeof(*s));

	for (int o = 0; o < OPTIONS; o++)
		if (options[o].fallback != NULL)
			s->values[o].value = xstrdup(options[o].fallback);
	if (path == NULL && access(SETTINGS_DEFAULT_PATH, F_OK) == 0)
		path = SETTINGS_DEFAULT_PATH;
	if (path != NULL) {
		s->path = xstrdup(path);
		if (settings_read_file(s, err) != 0)
			goto fail;
	}
	if (job != NULL && s->doc != NULL &&
	    settings_read_job(s, job, err) != 0)
		goto fail;
	if (load_env(s, err) != 0)
		goto fail;
	return s;
fail:
	settings_free(s);
	return NULL;
}

void
settings_free(struct settings *s)
{
	if (s == NULL)
		return;
	for (int o = 0; o < OPTIONS; o++)
		free(s->values[o].value);
	free(s->path);
	cJSON_Delete(s->doc);
	free(s);
}

const char *
settings_path(const struct settings *s)
{
	return s->path;
}

const char *
settings_str(const struct settings *s, enum option o)
{
	return s->values[o].value;
}

int64_t
settings_int(const struct settings *s, enum option o)
{
	const char *v = s->values[o].value;

	/* 0 too for the word that some options have for it. */
	return v != NULL ? strtoll(v, NULL, 10) : 0;
}

uint64_t
settings_size(const struct settings *s, enum option o)
{
	struct err ignored = {0};
	uint64_t bytes = 0;

	if (s->values[o].value != NULL)
		quantity_bytes(s->values[o].value, &bytes, &ignored);
	return bytes;
}

int64_t
settings_ms(const struct settings *s, enum option o)
{
	struct err ignored = {0};
	int64_t ms = 0;

	if (s->values[o].value != NULL)
		quantity_ms(s->values[o].value, &ms, &ignored);
	return ms;
}

enum origin
settings_origin(const struct settings *s, enum option o)
{
	return s->values[o].origin;
}

const char *
settings_vault_url(const struct settings *s, enum option o)
{
	const char *ref = s->values[o].value;

	return ref != NULL && strncmp(ref, "keyvault:", 9) == 0 ? ref + 9
								: NULL;
}

int
settings_secret(const struct settings *s, enum option o, struct secret *secret,
    struct err *err)
{
	const char *ref = s->values[o].value;
	int rc;

	if (ref == NULL)
		return 0;
	assert(settings_vault_url(s, o) == NULL);
	rc = strncmp(ref, "env:", 4) == 0
	    ? secret_from_env(secret, ref + 4, err)
	    : secret_from_file(secret, ref + 5, err);
	return rc == 0 ? 0 : err_in(err, "'%s' (%s)", options[o].key, ref);
}

const cJSON *
settings_levers(const struct settings *s)
{
	return s->levers;
}

char *
settings_shown(const struct settings *s, enum option o)
{
	const char *value = s->values[o].value;
	struct buf b;

	if (value == NULL)
		return NULL;
	if (options[o].type != OPTION_URL)
		return xstrdup(value);
	buf_init(&b, URL_MAX);
	url_show(&b, value);
	return buf_take(&b);
}

static bool
is_by_arm(const struct settings *s, enum option how, enum option resource)
{
	const char *way = settings_str(s, how);

	return strcmp(way, "arm") == 0 ||
	    (strcmp(way, "auto") == 0 && settings_str(s, resource) != NULL);
}

bool
settings_source_by_arm(const struct settings *s)
{
	return is_by_arm(s, OPT_SOURCE_WAY, OPT_SOURCE_RESOURCE);
}

bool
settings_dr_by_arm(const struct settings *s)
{
	return is_by_arm(s, OPT_RESTORER, OPT_DR_RESOURCE);
}
