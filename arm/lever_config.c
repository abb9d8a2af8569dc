/*
 * Keys of a store of App Configuration, at its own address (2023-11-01).
 *
 * What a key held before goes into the journal, so it must be no secret: a
 * text may be replaced by a text, and a reference to a Key Vault by either.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/redact.h"
#include "base/secret.h"
#include "base/url.h"
#include "base/xalloc.h"

#include "arm/arm_client.h"
#include "arm/lever_points.h"

#define VERSION "2023-11-01"
/* Escaped, it and the label are within the longest URL. */
#define KEY_MAX 1024

#define VALUE_MAX 10240 /* the service's own, of key, label and value */
#define REFERENCE "application/vnd.microsoft.appconfig.keyvaultref+json"

/* By clouds; the token goes to the service's own hosts alone. */
static const struct {
	const char *suffix, *audience;
} stores[] = {
    {".azconfig.io", "https://azconfig.io"},
    {".azconfig.azure.us", "https://azconfig.azure.us"},
    {".azconfig.azure.cn", "https://azconfig.azure.cn"},
};

struct config_lever {
	struct points_lever base;
	char *url, *label; /* label NULL: none */
	const char *audience;
	cJSON *keys;
};

static void
config_free(struct lever *l)
{
	struct config_lever *c = (struct config_lever *)l;

	free(c->url);
	free(c->label);
	cJSON_Delete(c->keys);
	free(c);
}

/* {"keyvault": URL} as the service's clients read it. */
static cJSON *
reference_content(const char *secret)
{
	cJSON *uri = cJSON_CreateObject(), *o = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(uri, "uri", secret);
	text = json_format_line(uri);
	cJSON_AddStringToObject(o, "value", text);
	cJSON_AddStringToObject(o, "content_type", REFERENCE ";charset=utf-8");
	free(text);
	cJSON_Delete(uri);
	return o;
}

static const char *
reference_of(const cJSON *setting)
{
	const cJSON *only = cJSON_IsObject(setting) ? setting->child : NULL;

	if (only == NULL || only->next != NULL || !cJSON_IsString(only) ||
	    strcmp(only->string, "keyvault") != 0)
		return NULL;
	return only->valuestring;
}

static int
check_key(const cJSON *key, struct err *err)
{
	const char *reference = reference_of(key);

	if (strlen(key->string) > KEY_MAX)
		return err_set(
		    err, ERR_USAGE, "its name has more than %d bytes", KEY_MAX);
	if (reference != NULL)
		return lever_secret_url(reference, err);
	if (!cJSON_IsString(key) || strlen(key->valuestring) > VALUE_MAX)
		return err_set(err, ERR_USAGE,
		    "it must be a text of at most %d bytes, or a secret's "
		    "reference, {\"keyvault\": \"https://VAULT"
		    ".vault.azure.net/secrets/NAME\"}",
		    VALUE_MAX);
	if (lever_holds_secret(key->valuestring))
		return err_set(err, ERR_USAGE,
		    "it holds a secret; put that into a Key Vault");
	return 0;
}

static int
check_keys(struct config_lever *c, struct err *err)
{
	const cJSON *key;

	if (!cJSON_IsObject(c->keys) || c->keys->child == NULL ||
	    cJSON_GetArraySize(c->keys) > LEVER_CHANGES_MAX)
		return err_set(err, ERR_USAGE,
		    "'keys' must be an object of 1 to %d keys and their values",
		    LEVER_CHANGES_MAX);
	cJSON_ArrayForEach(key, c->keys)
	{
		if (check_key(key, err) != 0)
			return err_in(err, "key '%.80s'", key->string);
	}
	return 0;
}

/* Of "NAME.azconfig.io"; on this machine the first. */
static const char *
audience_of(const char *host)
{
	size_t len = strlen(host);

	for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
		size_t n = strlen(stores[i].suffix);

		if (len > n &&
		    strcasecmp(host + len - n, stores[i].suffix) == 0)
			return stores[i].audience;
	}
	return NULL;
}

static int
take_url(struct config_lever *c, const char *text, struct err *err)
{
	const char *host;
	struct url u;

	if (lever_host_url(text, &host, err) != 0 ||
	    url_parse(&u, text, err) != 0)
		return -1;
	c->audience = url_is_loopback(u.host) ? stores[0].audience
					      : audience_of(u.host);
	url_release(&u);
	if (c->audience == NULL)
		return err_set(err, ERR_USAGE,
		    "'%.100s' is not of the form https://NAME.azconfig.io",
		    text);
	c->url = xstrdup(text);
	lever_set_name(&c->base.base, host);
	return 0;
}

static int
config_init(struct config_lever *c, const cJSON *settings, struct err *err)
{
	const char *url, *label = NULL;

	if (lever_text(settings, "app_configuration", &url, err) != 0 ||
	    take_url(c, url, err) != 0 ||
	    lever_opt_text(settings, "label", &label, err) != 0)
		return -1;
	if (label != NULL && strlen(label) > KEY_MAX)
		return err_set(
		    err, ERR_USAGE, "'label' has more than %d bytes", KEY_MAX);
	c->label = label != NULL ? xstrdup(label) : NULL;
	c->keys = cJSON_Duplicate(
	    cJSON_GetObjectItemCaseSensitive(settings, "keys"), true);
	return check_keys(c, err);
}

static char *
key_url(const struct config_lever *c, const char *key)
{
	struct buf b;

	buf_init(&b, 4 * URL_MAX);
	buf_addf(&b, "%s/kv/", c->url);
	url_encode(&b, key, false);
	buf_adds(&b, "?api-version=" VERSION);
	if (c->label != NULL) {
		buf_adds(&b, "&label=");
		url_encode(&b, c->label, false);
	}
	return buf_take(&b);
}

static bool
is_reference(const char *content_type)
{
	return content_type != NULL &&
	    strncasecmp(content_type, REFERENCE, strlen(REFERENCE)) == 0;
}

/* What stands there goes into the journal; whether it may. */
static int
check_journal(const char *value, const char *content_type, const cJSON *setting,
    struct err *err)
{
	if (is_reference(content_type))
		return 0;
	if (reference_of(setting) != NULL || lever_holds_secret(value))
		return err_set(err, ERR_REFUSED,
		    "its value may be a secret, which the undo would have to "
		    "keep; put it into a Key Vault and make the key a "
		    "reference to that");
	return 0;
}

static cJSON *
content(const char *value, const char *content_type)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "value", value);
	if (content_type != NULL)
		cJSON_AddStringToObject(o, "content_type", content_type);
	return o;
}

static int
take_key(struct lever_point *point, const struct arm_answer *a,
    const cJSON *setting, struct err *err)
{
	const char *value, *content_type = NULL, *secret;

	if (json_get_str(a->body, "value", &value, err) != 0 ||
	    json_opt_str(a->body, "content_type", &content_type, err) != 0 ||
	    check_journal(value, content_type, setting, err) != 0)
		return -1;
	/* None, and an empty one, are one to the service's clients. */
	if (content_type != NULL && content_type[0] == '\0')
		content_type = NULL;
	if (a->etag == NULL)
		return err_set(err, ERR_CORRUPT, "the service tells no ETag");
	secret = reference_of(setting);
	point->etag = xstrdup(a->etag);
	point->now = content(value, content_type);
	point->want = secret != NULL
	    ? reference_content(secret)
	    : content(setting->valuestring,
		  is_reference(content_type) ? NULL : content_type);
	point->raw = cJSON_Duplicate(
	    cJSON_GetObjectItemCaseSensitive(a->body, "tags"), true);
	return 0;
}

static int
read_key(struct config_lever *c, struct arm_client *client,
    const struct scope *scope, struct lever_points *p, const cJSON *setting,
    struct err *err)
{
	struct lever_point *point = lever_points_add(p, setting->string, err);
	char *url = key_url(c, setting->string);
	struct arm_request request = {
	    .method = "GET",
	    .doing = "reading it",
	    .url = url,
	    .wants_json = true,
	};
	struct arm_answer answer;
	int rc = -1;

	if (point != NULL &&
	    arm_client_do(client, scope, &request, &answer, err) == 0) {
		rc = take_key(point, &answer, setting, err);
		arm_answer_release(&answer);
	}
	free(url);
	return rc == 0 ? 0 : err_in(err, "key '%.100s'", setting->string);
}

static int
config_read(struct lever *l, const struct lever_env *env,
    const struct scope *scope, struct lever_points *p, struct err *err)
{
	struct config_lever *c = (struct config_lever *)l;
	struct arm_client *client = lever_client(env, c->url, c->audience, err);
	const cJSON *key;
	int rc = client != NULL ? 0 : -1;

	cJSON_ArrayForEach(key, c->keys)
	{
		if (rc == 0)
			rc = read_key(c, client, scope, p, key, err);
	}
	arm_client_free(client);
	return rc;
}

static int
put(struct arm_client *client, const struct lever_env *env,
    const struct scope *scope, const struct lever_point *point, const char *url,
    const cJSON *to, struct err *err)
{
	cJSON *root = cJSON_Duplicate(to, true);
	struct secret body = {0};
	struct arm_request request = {
	    .method = "PUT",
	    .doing = "changing it",
	    .url = url,
	    .body = &body,
	    .if_match = point->etag,
	    .still_ours = env->still_ours,
	    .still_ours_arg = env->still_ours_arg,
	};
	struct arm_answer answer;
	int rc;

	if (cJSON_IsObject(point->raw))
		cJSON_AddItemToObject(
		    root, "tags", cJSON_Duplicate(point->raw, true));
	arm_body_take(&body, root);
	rc = arm_client_do(client, scope, &request, &answer, err);
	if (rc == 0)
		arm_answer_release(&answer);
	secret_release(&body);
	return rc;
}

static int
config_write(struct lever *l, const struct lever_env *env,
    const struct scope *scope, const struct lever_point *point, const cJSON *to,
    struct err *err)
{
	struct config_lever *c = (struct config_lever *)l;
	struct arm_client *client = lever_client(env, c->url, c->audience, err);
	char *url = key_url(c, point->name);
	int rc = -1;

	if (client != NULL)
		rc = put(client, env, scope, point, url, to, err);
	free(url);
	arm_client_free(client);
	return rc == 0 ? 0 : err_in(err, "key '%.100s'", point->name);
}

static void
config_show(struct lever *l, struct buf *b, const struct lever_point *point,
    const cJSON *to)
{
	const char *value = cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(to, "value"));

	(void)l;
	(void)point;
	redact(b, value != NULL ? value : "?");
}

static const char *
config_audience(const struct lever *l, const struct cloud *cloud)
{
	(void)cloud;
	return ((const struct config_lever *)l)->audience;
}

static const struct lever_point_ops points = {
    .read = config_read,
    .write = config_write,
    .show = config_show,
    .right = "Microsoft.AppConfiguration/configurationStores/keyValues/write",
};

static struct lever *
config_parse(const cJSON *settings, struct err *err)
{
	struct config_lever *c = xcalloc(1, sizeof(*c));

	c->base.base.ops = &lever_config_ops;
	c->base.points = &points;
	if (config_init(c, settings, err) == 0)
		return &c->base.base;
	lever_free(&c->base.base);
	return NULL;
}

static const char *const members[] = {"label", "keys", NULL};

const struct lever_ops lever_config_ops = {
    .kind = "app_configuration",
    .members = members,
    .values = "keys",
    .audience = config_audience,
    .parse = config_parse,
    .free = config_free,
    .look = lever_points_look,
    .move = lever_points_move,
    .check = lever_points_check,
    .try_right = lever_points_try_right,
};
