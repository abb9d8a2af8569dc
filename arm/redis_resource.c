#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"

#include "arm/arm_client.h"
#include "arm/redis_resource_private.h"

#define PATH_SIZE_MAX 512

struct redis_resource *
redis_resource_new(
    const struct resource_id *id, const struct redis_resource_opts *opts)
{
	struct redis_resource *r = xcalloc(1, sizeof(*r));
	struct buf b;

	r->ops = id->kind == RESOURCE_REDIS ? &redis_premium_ops
					    : &redis_enterprise_ops;
	r->id = *id;
	r->client = opts->client;
	r->journal = opts->journal;
	r->api_version = xstrdup(opts->api_version != NULL
		? opts->api_version
		: r->ops->api_version);
	buf_init(&b, PATH_SIZE_MAX);
	resource_id_format(&b, id);
	r->path = buf_take(&b);
	resource_id_format_cluster(&b, id);
	r->cluster_path = buf_take(&b);
	resource_id_show(&b, id);
	r->shown = buf_take(&b);
	return r;
}

void
redis_resource_free(struct redis_resource *r)
{
	if (r == NULL)
		return;
	free(r->api_version);
	free(r->path);
	free(r->cluster_path);
	free(r->shown);
	free(r);
}

const struct resource_id *
redis_resource_id(const struct redis_resource *r)
{
	return &r->id;
}

const struct redis_abilities *
redis_resource_abilities(const struct redis_resource *r)
{
	return &r->ops->abilities;
}

cJSON *
redis_resource_get(struct redis_resource *r, const char *path, const char *what,
    const struct scope *scope, struct err *err)
{
	char doing[120];
	struct arm_request request = {
	    .method = "GET",
	    .doing = doing,
	    .path = path,
	    .api_version = r->api_version,
	    .wants_json = true,
	};
	struct arm_answer answer;
	cJSON *body;

	snprintf(doing, sizeof(doing), "%s '%.80s'", what, r->shown);
	if (arm_client_do(r->client, scope, &request, &answer, err) != 0)
		return NULL;
	body = answer.body;
	answer.body = NULL;
	arm_answer_release(&answer);
	return body;
}

char *
redis_resource_text(const cJSON *object, const char *key)
{
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(object, key);

	return xstrdup(cJSON_IsString(m) ? m->valuestring : "");
}

int
redis_resource_number(const cJSON *object, const char *key)
{
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(object, key);

	if (!cJSON_IsNumber(m) || !(m->valuedouble >= 0) ||
	    m->valuedouble > INT_MAX)
		return 0;
	return (int)m->valuedouble;
}

char *
redis_resource_region(const cJSON *object, const char *key)
{
	char *region = redis_resource_text(object, key);
	char *out = region;

	for (const char *p = region; *p != '\0'; p++)
		if (*p != ' ')
			*out++ = (char)tolower((unsigned char)*p);
	*out = '\0';
	return region;
}

bool
redis_resource_is_failure(const char *provisioning)
{
	return strcasecmp(provisioning, "Failed") == 0 ||
	    strcasecmp(provisioning, "Canceled") == 0;
}

static bool
ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && strcasecmp(text + len - n, end) == 0;
}

enum resource_state
redis_resource_judge(const char *provisioning, const char *resource)
{
	bool failure = redis_resource_is_failure(provisioning);
	bool settled = failure || strcasecmp(provisioning, "Succeeded") == 0;

	if (ends_in(resource, "Failed") ||
	    strcasecmp(resource, "Disabled") == 0 ||
	    strcasecmp(provisioning, "Disabled") == 0 ||
	    (resource[0] == '\0' && failure))
		return RESOURCE_BROKEN;
	if (settled &&
	    (resource[0] == '\0' || strcasecmp(resource, "Running") == 0))
		return RESOURCE_READY;
	return RESOURCE_BUSY;
}

int
redis_resource_describe(struct redis_resource *r, const struct scope *scope,
    struct redis_description *d, struct err *err)
{
	*d = (struct redis_description){0};
	if (r->ops->describe(r, scope, d, err) != 0) {
		redis_description_release(d);
		return -1;
	}
	d->name = xstrdup(r->shown);
	d->subscription = xstrdup(r->id.subscription);
	return 0;
}

void
redis_description_release(struct redis_description *d)
{
	free(d->name);
	free(d->generation);
	free(d->version);
	free(d->sku);
	free(d->location);
	free(d->subscription);
	free(d->host);
	free(d->provisioning);
	free(d->resource);
	free(d->clustering);
	free(d->eviction);
	free(d->geo_group);
	for (size_t i = 0; i < d->nmodules; i++) {
		free(d->modules[i].name);
		free(d->modules[i].version);
	}
	free(d->modules);
	for (size_t i = 0; i < d->nlinks; i++) {
		free(d->links[i].id);
		free(d->links[i].state);
	}
	free(d->links);
	*d = (struct redis_description){0};
}

static void
take_key(struct secret *out, const cJSON *body, const char *key)
{
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(body, key);

	if (cJSON_IsString(m))
		secret_set(out, m->valuestring, strlen(m->valuestring));
}

int
redis_resource_list_keys(struct redis_resource *r, const struct scope *scope,
    struct redis_keys *keys, struct err *err)
{
	char path[PATH_SIZE_MAX + 16], doing[120];
	struct arm_request request = {
	    .method = "POST",
	    .doing = doing,
	    .path = path,
	    .api_version = r->api_version,
	    .wants_json = true,
	};
	struct arm_answer answer;

	*keys = (struct redis_keys){0};
	snprintf(path, sizeof(path), "%s/listKeys", r->path);
	snprintf(doing, sizeof(doing), "listing the keys of '%.80s'", r->shown);
	if (arm_client_do(r->client, scope, &request, &answer, err) != 0)
		return -1;
	take_key(&keys->primary, answer.body, "primaryKey");
	take_key(&keys->secondary, answer.body, "secondaryKey");
	arm_answer_release(&answer);
	if (keys->primary.len > 0)
		return 0;
	redis_keys_release(keys);
	return err_set(err, ERR_AUTH,
	    "%s: there are none; are access keys disabled? then use an "
	    "identity",
	    doing);
}

void
redis_keys_release(struct redis_keys *k)
{
	secret_release(&k->primary);
	secret_release(&k->secondary);
}

/* For an operation that cannot be asked how it goes. */
static int
look(void *arg, const struct scope *scope, enum resource_look *out,
    struct err *err)
{
	struct redis_resource *r = arg;
	struct redis_description d;

	if (redis_resource_describe(r, scope, &d, err) != 0)
		return -1;
	if (d.state == RESOURCE_BUSY)
		*out = LOOK_BUSY;
	else if (d.state == RESOURCE_READY && !d.last_change_failed)
		*out = LOOK_READY;
	else
		*out = LOOK_FAILED;
	redis_description_release(&d);
	return 0;
}

static struct operation_site
site_of(struct redis_resource *r)
{
	return (struct operation_site){
	    .client = r->client,
	    .journal = r->journal,
	    .resource = r->path,
	    .shown = r->shown,
	    .api_version = r->api_version,
	    .look = look,
	    .look_arg = r,
	};
}

/* Takes the document; NULL when there is none, and err says why. */
static struct operation *
start(struct redis_resource *r, const char *action, cJSON *document,
    const struct operation_opts *opts, const struct scope *scope,
    struct err *err)
{
	struct operation_site site = site_of(r);
	struct secret body = {0};
	struct operation *op;

	if (document == NULL) {
		err_in(err, "%s of '%s'", action, r->shown);
		return NULL;
	}
	arm_body_take(&body, document);
	op = operation_start(&site, action, &body, opts, scope, err);
	secret_release(&body);
	return op;
}

struct operation *
redis_resource_export(struct redis_resource *r, const struct redis_export *e,
    const struct operation_opts *opts, const struct scope *scope,
    struct err *err)
{
	return start(
	    r, "export", r->ops->export_body(e, err), opts, scope, err);
}

struct operation *
redis_resource_import(struct redis_resource *r, const struct redis_import *i,
    const struct operation_opts *opts, const struct scope *scope,
    struct err *err)
{
	return start(
	    r, "import", r->ops->import_body(i, err), opts, scope, err);
}

struct operation *
redis_resource_flush(struct redis_resource *r,
    const struct operation_opts *opts, const struct scope *scope,
    struct err *err)
{
	struct operation_site site = site_of(r);

	return operation_start(&site, "flush", NULL, opts, scope, err);
}

struct operation *
redis_resource_resume(
    struct redis_resource *r, const char *action, struct err *err)
{
	struct operation_site site = site_of(r);

	return operation_resume(&site, action, err);
}
