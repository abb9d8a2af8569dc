/*
 * Secrets of a Key Vault, at its own address (7.5): a pull sets a version with
 * another value.  The journal keeps the earlier version's name alone, and the
 * undo sets a version with the value that is read from there then; so that
 * must not have been disabled or purged meanwhile.
 *
 * A vault knows no conditions: of two who set a secret at once, the later one
 * has its way, and both versions are kept.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/url.h"
#include "base/xalloc.h"

#include "arm/arm_client.h"
#include "arm/cloud.h"
#include "arm/keyvault.h"
#include "arm/lever_points.h"

#define VERSION	  "7.5"
#define VALUE_MAX 25600 /* the service's own */

struct vault_lever {
	struct points_lever base;
	char *url;
	cJSON *secrets;
};

static void
vault_free(struct lever *l)
{
	struct vault_lever *v = (struct vault_lever *)l;

	free(v->url);
	cJSON_Delete(v->secrets);
	free(v);
}

static int
check_reference(const cJSON *only, struct err *err)
{
	if (cJSON_IsString(only) && only->next == NULL) {
		if (strcmp(only->string, "env") == 0 ||
		    strcmp(only->string, "file") == 0)
			return 0;
		if (strcmp(only->string, "keyvault") == 0)
			return lever_secret_url(only->valuestring, err);
	}
	return err_set(err, ERR_USAGE,
	    "a secret is given by reference only: {\"keyvault\": "
	    "\"https://VAULT.vault.azure.net/secrets/NAME\"}, {\"env\": NAME} "
	    "or {\"file\": PATH}");
}

static bool
is_name(const char *text)
{
	static const char plain[] = "0123456789-"
				    "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = strspn(text, plain);

	return len > 0 && len <= 127 && text[len] == '\0';
}

static int
check_secret(const cJSON *s, struct err *err)
{
	if (!is_name(s->string))
		return err_set(
		    err, ERR_USAGE, "it is no name that a secret can have");
	if (cJSON_IsString(s)) {
		if (s->valuestring[0] == '\0' ||
		    lever_holds_secret(s->valuestring))
			return err_set(err, ERR_USAGE,
			    "it is empty, or holds a secret, which is given "
			    "by reference only");
		return 0;
	}
	return check_reference(cJSON_IsObject(s) ? s->child : NULL, err);
}

static int
vault_init(struct vault_lever *v, const cJSON *settings, struct err *err)
{
	const char *url, *host;
	const cJSON *s;

	if (lever_text(settings, "key_vault", &url, err) != 0 ||
	    lever_host_url(url, &host, err) != 0)
		return -1;
	v->url = xstrdup(url);
	lever_set_name(&v->base.base, host);
	v->secrets = cJSON_Duplicate(
	    cJSON_GetObjectItemCaseSensitive(settings, "secrets"), true);
	if (!cJSON_IsObject(v->secrets) || v->secrets->child == NULL ||
	    cJSON_GetArraySize(v->secrets) > LEVER_CHANGES_MAX)
		return err_set(err, ERR_USAGE,
		    "'secrets' must be an object of 1 to %d secrets and their "
		    "values",
		    LEVER_CHANGES_MAX);
	cJSON_ArrayForEach(s, v->secrets)
	{
		if (check_secret(s, err) != 0)
			return err_in(err, "secret '%.80s'", s->string);
	}
	return 0;
}

static int
get_value(const struct lever_env *env, const struct scope *scope,
    const char *url, struct secret *out, struct err *err)
{
	struct keyvault vault = {
	    .http = env->http,
	    .credential = env->credential,
	    .cloud = env->cloud,
	};

	return keyvault_get(&vault, url, scope, out, err);
}

/* The value that the settings want. */
static int
wanted_value(const struct vault_lever *v, const struct lever_env *env,
    const struct scope *scope, const char *name, struct secret *out,
    struct err *err)
{
	const cJSON *s = cJSON_GetObjectItemCaseSensitive(v->secrets, name);
	const char *from;

	if (cJSON_IsString(s)) {
		secret_set(out, s->valuestring, strlen(s->valuestring));
		return 0;
	}
	from = s->child->valuestring;
	if (strcmp(s->child->string, "env") == 0)
		return secret_from_env(out, from, err);
	if (strcmp(s->child->string, "file") == 0)
		return secret_from_file(out, from, err);
	return get_value(env, scope, from, out, err);
}

static cJSON *
version_content(const char *id)
{
	char *version = lever_segment(id, 0);
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "version", version);
	free(version);
	return o;
}

/* What a pull sets, is told by the settings alone. */
static cJSON *
wanted_content(void)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddTrueToObject(o, "as_set");
	return o;
}

static const char *
version_of(const cJSON *content)
{
	return cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(content, "version"));
}

static char *
secret_url(const struct vault_lever *v, const char *name, const char *version)
{
	struct buf b;

	buf_init(&b, URL_MAX);
	buf_addf(&b, "%s/secrets/%s%s%s", v->url, name,
	    version != NULL ? "/" : "", version != NULL ? version : "");
	return buf_take(&b);
}

static int
value_of(const struct vault_lever *v, const struct lever_env *env,
    const struct scope *scope, const char *name, const cJSON *content,
    struct secret *out, struct err *err)
{
	char *url;
	int rc;

	if (version_of(content) == NULL)
		return wanted_value(v, env, scope, name, out, err);
	url = secret_url(v, name, version_of(content));
	rc = get_value(env, scope, url, out, err);
	free(url);
	return rc;
}

/* The token goes to the cloud's own vaults alone. */
static int
ask(const struct vault_lever *v, const struct lever_env *env,
    const struct scope *scope, const char *name, struct arm_request *request,
    struct arm_answer *answer, struct err *err)
{
	char *url = secret_url(v, name, NULL);
	struct arm_client *c = NULL;
	int rc = -1;

	request->path = url + strlen(v->url);
	request->api_version = VERSION;
	request->wants_json = true;
	if (keyvault_check(env->cloud, url, err) == 0)
		c = lever_client(env, v->url, env->cloud->vault_audience, err);
	if (c != NULL)
		rc = arm_client_do(c, scope, request, answer, err);
	arm_client_free(c);
	free(url);
	return rc;
}

static int
read_secret(struct vault_lever *v, const struct lever_env *env,
    const struct scope *scope, struct lever_points *p, const char *name,
    struct err *err)
{
	struct lever_point *point = lever_points_add(p, name, err);
	struct arm_request request = {.method = "GET", .doing = "reading it"};
	struct arm_answer answer;
	const char *id;
	int rc = -1;

	if (point != NULL &&
	    ask(v, env, scope, name, &request, &answer, err) == 0) {
		if (json_get_str(answer.body, "id", &id, err) == 0) {
			point->now = version_content(id);
			point->want = wanted_content();
			/* Without its value. */
			cJSON_AddItemToObject(point->raw = cJSON_CreateObject(),
			    "contentType",
			    cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(
						answer.body, "contentType"),
				true));
			rc = 0;
		}
		arm_answer_release(&answer);
	}
	return rc == 0 ? 0 : err_in(err, "secret '%s'", name);
}

static int
vault_read(struct lever *l, const struct lever_env *env,
    const struct scope *scope, struct lever_points *p, struct err *err)
{
	struct vault_lever *v = (struct vault_lever *)l;
	const cJSON *s;

	cJSON_ArrayForEach(s, v->secrets)
	{
		if (read_secret(v, env, scope, p, s->string, err) != 0)
			return -1;
	}
	return 0;
}

static int
vault_same(struct lever *l, const struct lever_env *env,
    const struct scope *scope, const struct lever_point *point, const cJSON *as,
    bool *same, struct err *err)
{
	struct vault_lever *v = (struct vault_lever *)l;
	struct secret a = {0}, b = {0};
	int rc;

	*same = cJSON_Compare(point->now, as, true);
	if (*same)
		return 0;
	rc = value_of(v, env, scope, point->name, point->now, &a, err);
	if (rc == 0)
		rc = value_of(v, env, scope, point->name, as, &b, err);
	if (rc == 0)
		*same = a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
	secret_release(&a);
	secret_release(&b);
	return rc == 0 ? 0 : err_in(err, "secret '%s'", point->name);
}

/* Tags and attributes are a version's own, and are not taken over. */
static int
set(const struct vault_lever *v, const struct lever_env *env,
    const struct scope *scope, const struct lever_point *point,
    struct secret *value, struct err *err)
{
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(
	    point->raw, "contentType");
	cJSON *root = cJSON_CreateObject();
	struct secret body = {0};
	struct arm_request request = {
	    .method = "PUT",
	    .doing = "setting it",
	    .body = &body,
	    .still_ours = env->still_ours,
	    .still_ours_arg = env->still_ours_arg,
	};
	struct arm_answer answer;
	int rc;

	cJSON_AddStringToObject(root, "value", value->data);
	if (cJSON_IsString(type))
		cJSON_AddItemToObject(
		    root, "contentType", cJSON_Duplicate(type, true));
	arm_body_take(&body, root);
	rc = ask(v, env, scope, point->name, &request, &answer, err);
	if (rc == 0)
		arm_answer_release(&answer);
	secret_release(&body);
	return rc;
}

static int
vault_write(struct lever *l, const struct lever_env *env,
    const struct scope *scope, const struct lever_point *point, const cJSON *to,
    struct err *err)
{
	struct vault_lever *v = (struct vault_lever *)l;
	struct secret value = {0};
	int rc = value_of(v, env, scope, point->name, to, &value, err);

	if (rc == 0 && value.len > VALUE_MAX)
		rc = err_set(err, ERR_USAGE,
		    "its value is over the %d bytes of a secret", VALUE_MAX);
	if (rc == 0)
		rc = set(v, env, scope, point, &value, err);
	secret_release(&value);
	return rc == 0 ? 0 : err_in(err, "secret '%s'", point->name);
}

static void
vault_show(struct lever *l, struct buf *b, const struct lever_point *point,
    const cJSON *to)
{
	struct vault_lever *v = (struct vault_lever *)l;
	const cJSON *s;

	if (version_of(to) != NULL) {
		buf_addf(b, "version %.64s", version_of(to));
		return;
	}
	s = cJSON_GetObjectItemCaseSensitive(v->secrets, point->name);
	if (cJSON_IsObject(s))
		buf_addf(b, "the value of %s '%.200s'", s->child->string,
		    s->child->valuestring);
	else if (cJSON_IsString(s))
		buf_adds(b, s->valuestring);
}

static const char *
vault_audience(const struct lever *l, const struct cloud *cloud)
{
	(void)l;
	return cloud->vault_audience;
}

static const struct lever_point_ops points = {
    .read = vault_read,
    .write = vault_write,
    .same = vault_same,
    .show = vault_show,
    .right = "Microsoft.KeyVault/vaults/secrets/setSecret/action",
};

static struct lever *
vault_parse(const cJSON *settings, struct err *err)
{
	struct vault_lever *v = xcalloc(1, sizeof(*v));

	v->base.base.ops = &lever_vault_ops;
	v->base.points = &points;
	if (vault_init(v, settings, err) == 0)
		return &v->base.base;
	lever_free(&v->base.base);
	return NULL;
}

static const char *const members[] = {"secrets", NULL};

const struct lever_ops lever_vault_ops = {
    .kind = "key_vault",
    .members = members,
    .values = "secrets",
    .audience = vault_audience,
    .parse = vault_parse,
    .free = vault_free,
    .look = lever_points_look,
    .move = lever_points_move,
    .check = lever_points_check,
};
