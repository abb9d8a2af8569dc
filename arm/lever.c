#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/quantity.h"
#include "base/redact.h"
#include "base/secret.h"
#include "base/url.h"
#include "base/xalloc.h"

#include "arm/arm_client.h"
#include "arm/cloud.h"
#include "arm/lever_private.h"

#define HOST_MAX 253

static const struct lever_ops *const kinds[] = {
    &lever_traffic_ops,
    &lever_dns_ops,
    &lever_private_dns_ops,
    &lever_config_ops,
    &lever_vault_ops,
    &lever_webhook_ops,
    &lever_command_ops,
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Exactly one member names a kind. */
static const struct lever_ops *
find_kind(const cJSON *settings, struct err *err)
{
	const struct lever_ops *found = NULL;

	if (!cJSON_IsObject(settings)) {
		err_set(err, ERR_USAGE, "it is no object");
		return NULL;
	}
	for (size_t i = 0; i < KINDS; i++) {
		if (cJSON_GetObjectItemCaseSensitive(
			settings, kinds[i]->kind) == NULL)
			continue;
		if (found != NULL) {
			err_set(err, ERR_USAGE,
			    "it is both '%s' and '%s'; these are two levers",
			    found->kind, kinds[i]->kind);
			return NULL;
		}
		found = kinds[i];
	}
	if (found == NULL)
		err_set(err, ERR_USAGE,
		    "it has none of: traffic_manager, dns, private_dns, "
		    "app_configuration, key_vault, webhook, command");
	return found;
}

bool
lever_holds_secret(const char *text)
{
	struct buf shown;
	bool differs;

	buf_init(&shown, 2 * SECRET_MAX);
	redact(&shown, text);
	differs = strcmp(shown.data, text) != 0;
	buf_release(&shown);
	return differs;
}

static bool
is_member(const struct lever_ops *ops, const char *name)
{
	if (strcmp(name, ops->kind) == 0)
		return true;
	for (const char *const *m = ops->members; *m != NULL; m++)
		if (strcmp(name, *m) == 0)
			return true;
	return false;
}

static int
check_members(
    const struct lever_ops *ops, const cJSON *settings, struct err *err)
{
	const cJSON *m;
	struct buf list;
	int rc = 0;

	buf_init(&list, 400);
	for (const char *const *name = ops->members; *name != NULL; name++)
		buf_addf(&list, "%s%s", list.len > 0 ? ", " : "", *name);
	cJSON_ArrayForEach(m, settings)
	{
		if (rc == 0 && !is_member(ops, m->string))
			rc = err_set(err, ERR_USAGE,
			    "unknown key '%.80s'; there are: %s", m->string,
			    list.data);
	}
	buf_release(&list);
	return rc;
}

struct lever *
lever_parse(const cJSON *settings, struct err *err)
{
	const struct lever_ops *ops = find_kind(settings, err);
	struct lever *l;

	if (ops == NULL)
		return NULL;
	l = check_members(ops, settings, err) == 0 ? ops->parse(settings, err)
						   : NULL;
	if (l == NULL) {
		err_in(err, "%s", ops->kind);
		return NULL;
	}
	l->settings = cJSON_Duplicate(settings, true);
	return l;
}

void
lever_free(struct lever *l)
{
	if (l == NULL)
		return;
	cJSON_Delete(l->settings);
	free(l->name);
	l->ops->free(l);
}

const char *
lever_name(const struct lever *l)
{
	return l->name;
}

const cJSON *
lever_settings(const struct lever *l)
{
	return l->settings;
}

const char *
lever_kind_of(const struct lever *l)
{
	return l->ops->kind;
}

const char *
lever_audience(const struct lever *l, const struct cloud *cloud)
{
	return l->ops->audience != NULL ? l->ops->audience(l, cloud) : NULL;
}

bool
lever_is_blind(const struct lever *l)
{
	return l->ops->blind;
}

unsigned
lever_gives(const struct lever *l, const char *host)
{
	const cJSON *v,
	    *all = l->ops->values != NULL
	    ? cJSON_GetObjectItemCaseSensitive(l->settings, l->ops->values)
	    : NULL;
	unsigned gives = 0;

	cJSON_ArrayForEach(v, all)
	{
		if (!cJSON_IsString(v))
			gives |= LEVER_GIVES_CREDENTIAL;
		else if (host != NULL &&
		    strcasestr(v->valuestring, host) != NULL)
			gives |= LEVER_GIVES_HOST;
	}
	return gives;
}

void
lever_view_release(struct lever_view *v)
{
	for (size_t i = 0; i < v->nchanges; i++) {
		free(v->changes[i].what);
		free(v->changes[i].now);
		free(v->changes[i].then);
	}
	free(v->changes);
	cJSON_Delete(v->note);
	free(v->alias);
	free(v->host);
	*v = (struct lever_view){0};
}

void
lever_add_change(
    struct lever_view *v, const char *what, const char *now, const char *then)
{
	v->changes = xreallocarray(
	    v->changes, v->nchanges + 1, sizeof(*v->changes));
	v->changes[v->nchanges++] = (struct lever_change){
	    xstrdup(what), xstrdup(now), xstrdup(then)};
}

int
lever_look(struct lever *l, const struct lever_env *env,
    const struct scope *scope, enum lever_way way, const cJSON *note,
    struct lever_view *view, struct err *err)
{
	assert(way == LEVER_PULL || note != NULL);
	*view = (struct lever_view){0};
	if (l->ops->look(l, env, scope, way, note, view, err) == 0)
		return 0;
	lever_view_release(view);
	return -1;
}

int
lever_move(struct lever *l, const struct lever_env *env,
    const struct scope *scope, enum lever_way way, const cJSON *note,
    bool *changed, struct err *err)
{
	*changed = false;
	return l->ops->move(l, env, scope, way, note, changed, err);
}

int
lever_check(struct lever *l, const struct lever_env *env,
    const struct scope *scope, enum lever_way way, const cJSON *note,
    struct err *err)
{
	return l->ops->check(l, env, scope, way, note, err);
}

int
lever_try_right(struct lever *l, const struct lever_env *env,
    const struct scope *scope, bool *tried, struct err *err)
{
	*tried = false;
	return l->ops->try_right != NULL
	    ? l->ops->try_right(l, env, scope, tried, err)
	    : 0;
}

void
lever_set_name(struct lever *l, const char *what)
{
	struct buf b;

	buf_init(&b, 1024);
	buf_addf(&b, "%s %.900s", l->ops->kind, what);
	l->name = buf_take(&b);
}

int
lever_opt_text(
    const cJSON *o, const char *key, const char **out, struct err *err)
{
	if (json_opt_str(o, key, out, err) != 0) {
		err->kind = ERR_USAGE;
		return -1;
	}
	if (*out != NULL && (*out)[0] == '\0')
		return err_set(err, ERR_USAGE, "'%s' is empty", key);
	return 0;
}

int
lever_text(const cJSON *o, const char *key, const char **out, struct err *err)
{
	*out = NULL;
	if (lever_opt_text(o, key, out, err) != 0)
		return -1;
	if (*out == NULL)
		return err_set(err, ERR_USAGE, "'%s' is missing", key);
	return 0;
}

int
lever_opt_time(const cJSON *o, const char *key, int64_t *ms, struct err *err)
{
	const char *text = NULL;

	if (lever_opt_text(o, key, &text, err) != 0)
		return -1;
	if (text == NULL)
		return 0;
	if (quantity_ms(text, ms, err) != 0)
		return err_in(err, "'%s'", key);
	if (*ms == 0)
		return err_set(err, ERR_USAGE, "'%s' is no time at all", key);
	return 0;
}

/* Of https, or on this machine; with nothing in it but host and path. */
static int
parse_plain(struct url *u, const char *text, struct err *err)
{
	if (url_parse(u, text, err) != 0)
		return -1;
	if (url_is_private(u) && u->user == NULL && u->password == NULL &&
	    u->query == NULL)
		return 0;
	url_release(u);
	return err_set(err, ERR_USAGE,
	    "'%.100s' is no plain https URL, without a query", text);
}

int
lever_secret_url(const char *text, struct err *err)
{
	struct url u;
	bool good;

	if (parse_plain(&u, text, err) != 0)
		return -1;
	good = strncmp(u.path, "/secrets/", 9) == 0;
	url_release(&u);
	return good ? 0
		    : err_set(err, ERR_USAGE,
			  "'%.100s' is no secret: https://VAULT"
			  ".vault.azure.net/secrets/NAME",
			  text);
}

int
lever_host_url(const char *text, const char **host, struct err *err)
{
	struct url u;
	bool good;

	if (parse_plain(&u, text, err) != 0)
		return -1;
	good = u.path[0] == '\0';
	url_release(&u);
	*host = strstr(text, "://") + 3;
	return good ? 0
		    : err_set(err, ERR_USAGE,
			  "'%.100s' has something behind its host", text);
}

int
lever_host(const cJSON *o, const char *key, const char **out, struct err *err)
{
	const char *p;

	if (lever_text(o, key, out, err) != 0)
		return -1;
	for (p = *out; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("-._", *p) == NULL)
			break;
	if (*p != '\0' || p - *out > HOST_MAX || **out == '.')
		return err_set(err, ERR_USAGE,
		    "'%s' is '%.100s', which is no host's name", key, *out);
	return 0;
}

int
lever_resource(const char *id, const char *type, size_t segments,
    const char *form, struct err *err)
{
	const char *providers = strcasestr(id, "/providers/");
	size_t n = 0, len = strlen(type);
	bool good = strncasecmp(id, "/subscriptions/", 15) == 0 &&
	    strcasestr(id, "/resourceGroups/") != NULL && providers != NULL &&
	    strncasecmp(providers + 11, type, len) == 0 &&
	    providers[11 + len] == '/';

	for (const char *p = id; *p != '\0'; p++) {
		n += *p == '/';
		/* It goes into a URL as it stands. */
		if ((!isalnum((unsigned char)*p) &&
			strchr("/-_.()@*", *p) == NULL) ||
		    (*p == '/' && (p[1] == '/' || p[1] == '\0')))
			good = false;
	}
	if (good && n == segments && strstr(id, "/../") == NULL)
		return 0;
	return err_set(err, ERR_USAGE,
	    "'%.150s' is no resource id of the form /subscriptions/"
	    "SUBSCRIPTION/resourceGroups/GROUP/providers/%s",
	    id, form);
}

char *
lever_segment(const char *id, size_t i)
{
	const char *end = id + strlen(id), *begin;

	for (;; i--) {
		for (begin = end; begin > id && begin[-1] != '/';)
			begin--;
		if (i == 0 || begin == id)
			return strndup(begin, (size_t)(end - begin));
		end = begin - 1;
	}
}

struct arm_client *
lever_client(const struct lever_env *env, const char *endpoint,
    const char *audience, struct err *err)
{
	struct arm_client_opts opts = {
	    .http = env->http,
	    .credential = env->credential,
	    .endpoint = endpoint,
	    .audience = audience,
	};

	if (env->credential == NULL) {
		err_set(err, ERR_USAGE,
		    "no identity for Azure is set, and this lever needs one");
		return NULL;
	}
	return arm_client_new(&opts, err);
}

const char *
lever_arm_audience(const struct lever *l, const struct cloud *cloud)
{
	(void)l;
	return cloud->arm_audience;
}
