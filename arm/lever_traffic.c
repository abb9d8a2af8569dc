/*
 * Endpoints of a Traffic Manager profile (2022-04-01): one is enabled, then
 * all others are disabled, so that at no moment none is.
 *
 * Priorities are left alone: they are unique in a profile, so two of them
 * cannot be exchanged by two requests without a collision.  Endpoints have no
 * ETag: between the read and the write, somebody else's change would be
 * overwritten.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/url.h"
#include "base/xalloc.h"

#include "arm/arm_client.h"
#include "arm/cloud.h"
#include "arm/lever_points.h"

#define VERSION	 "2022-04-01"
#define SEGMENTS 8
#define TYPE	 "Microsoft.Network/trafficManagerProfiles"

struct traffic_lever {
	struct points_lever base;
	char *id;
	char *enable;  /* "ExternalEndpoints/north" */
	char *alias;   /* what clients dial; NULL: the profile's own name */
	cJSON *others; /* to be disabled; NULL: all */
};

static void
traffic_free(struct lever *l)
{
	struct traffic_lever *t = (struct traffic_lever *)l;

	free(t->id);
	free(t->enable);
	free(t->alias);
	cJSON_Delete(t->others);
	free(t);
}

static int
check_endpoint(const char *name, struct err *err)
{
	static const char *const types[] = {
	    "AzureEndpoints/", "ExternalEndpoints/", "NestedEndpoints/"};
	size_t len = 0;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strncasecmp(name, types[i], strlen(types[i])) == 0)
			len = strlen(types[i]);
	if (len > 0 && name[len] != '\0' && strchr(name + len, '/') == NULL &&
	    strlen(name) < 300)
		return 0;
	return err_set(err, ERR_USAGE,
	    "'%.100s' is no endpoint: AzureEndpoints/NAME, "
	    "ExternalEndpoints/NAME or NestedEndpoints/NAME",
	    name);
}

static int
take_others(struct traffic_lever *t, const cJSON *settings, struct err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(
	    settings, "disable");
	const cJSON *name;

	if (list == NULL)
		return 0;
	if (!cJSON_IsArray(list))
		return err_set(err, ERR_USAGE, "'disable' is no list");
	cJSON_ArrayForEach(name, list)
	{
		if (!cJSON_IsString(name))
			return err_set(err, ERR_USAGE,
			    "'disable' is no list of endpoints");
		if (check_endpoint(name->valuestring, err) != 0)
			return -1;
		if (strcasecmp(name->valuestring, t->enable) == 0)
			return err_set(err, ERR_USAGE,
			    "'%.100s' is both to be enabled and disabled",
			    t->enable);
	}
	t->others = cJSON_Duplicate(list, true);
	return 0;
}

static int
traffic_init(struct traffic_lever *t, const cJSON *settings, struct err *err)
{
	const char *id, *enable, *alias = NULL;
	char *name;

	if (lever_text(settings, "traffic_manager", &id, err) != 0 ||
	    lever_resource(id, TYPE, SEGMENTS, TYPE "/PROFILE", err) != 0 ||
	    lever_text(settings, "enable", &enable, err) != 0 ||
	    check_endpoint(enable, err) != 0)
		return -1;
	if (cJSON_HasObjectItem(settings, "alias") &&
	    lever_host(settings, "alias", &alias, err) != 0)
		return -1;
	t->id = xstrdup(id);
	t->enable = xstrdup(enable);
	t->alias = alias != NULL ? xstrdup(alias) : NULL;
	name = lever_segment(id, 0);
	lever_set_name(&t->base.base, name);
	free(name);
	return take_others(t, settings, err);
}

static bool
is_to_be_disabled(const struct traffic_lever *t, const char *name)
{
	const cJSON *other;

	if (t->others == NULL)
		return strcasecmp(name, t->enable) != 0;
	cJSON_ArrayForEach(other, t->others)
	{
		if (strcasecmp(other->valuestring, name) == 0)
			return true;
	}
	return false;
}

static cJSON *
status(const char *text)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "endpointStatus", text);
	return o;
}

static bool
is_enabled(const char *endpoint_status)
{
	return strcasecmp(endpoint_status, "Enabled") == 0;
}

/* Until its probes find it good, Traffic Manager leads nobody there. */
static void
take_monitor(
    struct lever_point *point, const char *profile, const char *monitor)
{
	struct buf b;

	buf_init(&b, 300);
	if (!is_enabled(profile))
		buf_adds(&b, "the profile itself is disabled");
	else if (strcasecmp(monitor, "Online") != 0 &&
	    strcasecmp(monitor, "Unmonitored") != 0)
		buf_addf(
		    &b, "Traffic Manager's probe of it says %.100s", monitor);
	if (b.len > 0)
		point->pending = buf_take(&b);
	buf_release(&b);
}

static int
take_endpoint(struct traffic_lever *t, struct lever_points *p,
    const char *profile, const cJSON *e, const char *name, struct err *err)
{
	bool wanted = strcasecmp(name, t->enable) == 0;
	const char *state, *monitor = "nothing yet", *host = NULL;
	struct lever_point *point;
	const cJSON *properties;

	if (json_get_object(e, "properties", &properties, err) != 0 ||
	    json_get_str(properties, "endpointStatus", &state, err) != 0 ||
	    json_opt_str(properties, "endpointMonitorStatus", &monitor, err) !=
		0 ||
	    json_opt_str(properties, "target", &host, err) != 0 ||
	    (point = lever_points_add(p, name, err)) == NULL)
		return -1;
	point->now = status(state);
	point->want = status(wanted ? "Enabled" : "Disabled");
	if (wanted) {
		take_monitor(point, profile, monitor);
		p->host = host != NULL ? xstrdup(host) : NULL;
	}
	return 0;
}

/* "Microsoft.Network/trafficManagerProfiles/ExternalEndpoints" and "north":
 * "ExternalEndpoints/north". */
static char *
endpoint_name(const cJSON *e, struct err *err)
{
	const char *name, *type;
	struct buf b;
	char *last;

	if (json_get_str(e, "name", &name, err) != 0 ||
	    json_get_str(e, "type", &type, err) != 0)
		return NULL;
	buf_init(&b, 300);
	last = lever_segment(type, 0);
	buf_addf(&b, "%s/%s", last, name);
	free(last);
	if (buf_check(&b, "an endpoint's name", err) == 0 &&
	    check_endpoint(b.data, err) == 0)
		return buf_take(&b);
	err->kind = ERR_CORRUPT;
	buf_release(&b);
	return NULL;
}

/* Those to be enabled, which is one, or the others. */
static int
take_endpoints(struct traffic_lever *t, struct lever_points *p,
    const char *profile, const cJSON *list, bool first, struct err *err)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, list)
	{
		char *name = endpoint_name(e, err);
		int rc = 0;

		if (name == NULL)
			return -1;
		if (first ? strcasecmp(name, t->enable) == 0
			  : is_to_be_disabled(t, name))
			rc = take_endpoint(t, p, profile, e, name, err);
		free(name);
		if (rc != 0)
			return -1;
	}
	return 0;
}

static int
check_named(const struct traffic_lever *t, const struct lever_points *p,
    struct err *err)
{
	const cJSON *other;

	if (p->n == 0 || strcasecmp(p->list[0].name, t->enable) != 0)
		return err_set(err, ERR_MISSING,
		    "the profile has no endpoint '%s'", t->enable);
	cJSON_ArrayForEach(other, t->others)
	{
		size_t i = 0;

		while (i < p->n &&
		    strcasecmp(p->list[i].name, other->valuestring) != 0)
			i++;
		if (i == p->n)
			return err_set(err, ERR_MISSING,
			    "the profile has no endpoint '%s'",
			    other->valuestring);
	}
	return 0;
}

static int
take_profile(struct traffic_lever *t, const cJSON *body, struct lever_points *p,
    struct err *err)
{
	const cJSON *properties, *dns, *list;
	const char *profile = "Enabled", *fqdn = NULL;

	if (json_get_object(body, "properties", &properties, err) != 0 ||
	    json_opt_str(properties, "profileStatus", &profile, err) != 0 ||
	    json_get_object(properties, "dnsConfig", &dns, err) != 0 ||
	    json_opt_str(dns, "fqdn", &fqdn, err) != 0 ||
	    json_get_array(properties, "endpoints", &list, err) != 0 ||
	    take_endpoints(t, p, profile, list, true, err) != 0 ||
	    take_endpoints(t, p, profile, list, false, err) != 0)
		return -1;
	if (t->alias != NULL)
		fqdn = t->alias;
	p->alias = fqdn != NULL ? xstrdup(fqdn) : NULL;
	return check_named(t, p, err);
}

static int
traffic_read(struct lever *l, const struct lever_env *env,
    const struct scope *scope, struct lever_points *p, struct err *err)
{
	struct traffic_lever *t = (struct traffic_lever *)l;
	struct arm_request request = {
	    .method = "GET",
	    .doing = "reading the profile",
	    .path = t->id,
	    .api_version = VERSION,
	    .wants_json = true,
	};
	struct arm_client *c = lever_client(
	    env, env->cloud->arm, env->cloud->arm_audience, err);
	struct arm_answer answer;
	int rc = -1;

	if (c != NULL && arm_client_do(c, scope, &request, &answer, err) == 0) {
		rc = take_profile(t, answer.body, p, err);
		arm_answer_release(&answer);
	}
	arm_client_free(c);
	return rc;
}

static int
patch(struct arm_client *c, const struct lever_env *env,
    const struct scope *scope, const char *path, const cJSON *to,
    struct err *err)
{
	cJSON *root = cJSON_CreateObject();
	struct secret body = {0};
	struct arm_request request = {
	    .method = "PATCH",
	    .doing = "changing the endpoint",
	    .path = path,
	    .api_version = VERSION,
	    .body = &body,
	    .still_ours = env->still_ours,
	    .still_ours_arg = env->still_ours_arg,
	};
	struct arm_answer answer;
	int rc;

	cJSON_AddItemToObject(root, "properties", cJSON_Duplicate(to, true));
	arm_body_take(&body, root);
	rc = arm_client_do(c, scope, &request, &answer, err);
	if (rc == 0)
		arm_answer_release(&answer);
	secret_release(&body);
	return rc;
}

static int
traffic_write(struct lever *l, const struct lever_env *env,
    const struct scope *scope, const struct lever_point *point, const cJSON *to,
    struct err *err)
{
	struct traffic_lever *t = (struct traffic_lever *)l;
	struct arm_client *c = lever_client(
	    env, env->cloud->arm, env->cloud->arm_audience, err);
	struct buf path;
	int rc = -1;

	buf_init(&path, 4096);
	buf_addf(&path, "%s/", t->id);
	url_encode(&path, point->name, true);
	if (c != NULL)
		rc = patch(c, env, scope, path.data, to, err);
	if (rc != 0 && c != NULL)
		err_in(err, "'%s'", point->name);
	buf_release(&path);
	arm_client_free(c);
	return rc;
}

static void
traffic_show(struct lever *l, struct buf *b, const struct lever_point *point,
    const cJSON *to)
{
	const char *text = cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(to, "endpointStatus"));

	(void)l;
	(void)point;
	buf_adds(b, text != NULL ? text : "?");
}

static const struct lever_point_ops points = {
    .read = traffic_read,
    .write = traffic_write,
    .show = traffic_show,
    .right = TYPE "/{azure,external,nested}Endpoints/write",
};

static struct lever *
traffic_parse(const cJSON *settings, struct err *err)
{
	struct traffic_lever *t = xcalloc(1, sizeof(*t));

	t->base.base.ops = &lever_traffic_ops;
	t->base.points = &points;
	if (traffic_init(t, settings, err) == 0)
		return &t->base.base;
	lever_free(&t->base.base);
	return NULL;
}

static const char *const members[] = {"enable", "disable", "alias", NULL};

const struct lever_ops lever_traffic_ops = {
    .kind = "traffic_manager",
    .members = members,
    .audience = lever_arm_audience,
    .parse = traffic_parse,
    .free = traffic_free,
    .look = lever_points_look,
    .move = lever_points_move,
    .check = lever_points_check,
};
