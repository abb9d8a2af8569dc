/*
 * A CNAME of a public zone (2018-05-01) or a private one (2020-06-01), which
 * are alike but for the spelling of two members.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/xalloc.h"

#include "arm/arm_client.h"
#include "arm/cloud.h"
#include "arm/lever_points.h"

#define SEGMENTS 10
#define TTL_MAX	 2147483647

struct spelling {
	const char *type, *version, *ttl, *record, *form;
};

struct dns_lever {
	struct points_lever base;
	const struct spelling *spelling;
	char *id, *cname;
	int64_t ttl; /* 0: as it is */
};

static const struct spelling public_zone = {
    "Microsoft.Network/dnsZones",
    "2018-05-01",
    "TTL",
    "CNAMERecord",
    "Microsoft.Network/dnsZones/ZONE/CNAME/NAME",
};

static const struct spelling private_zone = {
    "Microsoft.Network/privateDnsZones",
    "2020-06-01",
    "ttl",
    "cnameRecord",
    "Microsoft.Network/privateDnsZones/ZONE/CNAME/NAME",
};

static void
dns_free(struct lever *l)
{
	struct dns_lever *d = (struct dns_lever *)l;

	free(d->id);
	free(d->cname);
	free(d);
}

static int
check_id(const char *id, const struct spelling *s, struct err *err)
{
	char *kind;
	int rc;

	if (lever_resource(id, s->type, SEGMENTS, s->form, err) != 0)
		return -1;
	kind = lever_segment(id, 1);
	rc = strcasecmp(kind, "CNAME");
	free(kind);
	if (rc == 0)
		return 0;
	return err_set(err, ERR_USAGE,
	    "'%.150s' is no CNAME, and only those are switched", id);
}

/* "NAME.ZONE" */
static char *
full_name(const char *id)
{
	char *name = lever_segment(id, 0), *zone = lever_segment(id, 2);
	struct buf b;

	buf_init(&b, 1024);
	buf_addf(&b, "%s.%s", name, zone);
	free(name);
	free(zone);
	return buf_take(&b);
}

static int
dns_init(struct dns_lever *d, const cJSON *settings, struct err *err)
{
	const char *kind = d->base.base.ops->kind, *id, *cname;
	char *name;

	if (lever_text(settings, kind, &id, err) != 0 ||
	    check_id(id, d->spelling, err) != 0 ||
	    lever_host(settings, "cname", &cname, err) != 0)
		return -1;
	if (json_opt_int(settings, "ttl", &d->ttl, err) != 0 || d->ttl < 0 ||
	    d->ttl > TTL_MAX ||
	    (d->ttl == 0 && cJSON_HasObjectItem(settings, "ttl")))
		return err_set(err, ERR_USAGE,
		    "'ttl' is no number of seconds from 1 to %d", TTL_MAX);
	d->id = xstrdup(id);
	d->cname = xstrdup(cname);
	name = full_name(id);
	lever_set_name(&d->base.base, name);
	free(name);
	return 0;
}

/* The end of a full name may have a dot, and DNS knows no case. */
static bool
same_host(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);

	a_len -= a_len > 0 && a[a_len - 1] == '.';
	b_len -= b_len > 0 && b[b_len - 1] == '.';
	return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

static cJSON *
content(int64_t ttl, const char *cname)
{
	cJSON *o = cJSON_CreateObject();

	json_add_int(o, "ttl", ttl);
	cJSON_AddStringToObject(o, "cname", cname);
	return o;
}

static int
take_record(struct dns_lever *d, const struct arm_answer *a,
    struct lever_points *p, struct err *err)
{
	char *name = full_name(d->id);
	struct lever_point *point = lever_points_add(p, name, err);
	const cJSON *properties, *record;
	const char *cname, *etag = a->etag;
	int64_t ttl;

	if (json_get_object(a->body, "properties", &properties, err) != 0)
		goto out;
	record = cJSON_GetObjectItem(properties, d->spelling->record);
	if (!cJSON_IsObject(record)) {
		err_set(err, ERR_UNSUPPORTED,
		    "'%s' names no host (an alias record?); make it a CNAME "
		    "that does",
		    name);
		goto out;
	}
	if (json_get_str(record, "cname", &cname, err) != 0 ||
	    json_get_int(properties, d->spelling->ttl, &ttl, err) != 0 ||
	    json_opt_str(a->body, "etag", &etag, err) != 0)
		goto out;
	if (etag == NULL) {
		err_set(err, ERR_CORRUPT, "the service tells no etag");
		goto out;
	}
	point->etag = xstrdup(etag);
	point->now = content(ttl, cname);
	point->want = content(d->ttl > 0 ? d->ttl : ttl, d->cname);
	point->raw = cJSON_Duplicate(properties, true);
	p->alias = name;
	p->host = xstrdup(d->cname);
	return 0;
out:
	free(name);
	return -1;
}

static int
dns_read(struct lever *l, const struct lever_env *env,
    const struct scope *scope, struct lever_points *p, struct err *err)
{
	struct dns_lever *d = (struct dns_lever *)l;
	struct arm_request request = {
	    .method = "GET",
	    .doing = "reading the record",
	    .path = d->id,
	    .api_version = d->spelling->version,
	    .wants_json = true,
	};
	struct arm_client *c = lever_client(
	    env, env->cloud->arm, env->cloud->arm_audience, err);
	struct arm_answer answer;
	int rc = -1;

	if (c != NULL && arm_client_do(c, scope, &request, &answer, err) == 0) {
		rc = take_record(d, &answer, p, err);
		arm_answer_release(&answer);
	}
	arm_client_free(c);
	return rc;
}

/* The service may give a name back in another case, or with a dot. */
static int
dns_same(struct lever *l, const struct lever_env *env,
    const struct scope *scope, const struct lever_point *point, const cJSON *as,
    bool *same, struct err *err)
{
	const char *a = cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(point->now, "cname"));
	const char *b = cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(as, "cname"));

	(void)l;
	(void)env;
	(void)scope;
	(void)err;
	*same = a != NULL && b != NULL && same_host(a, b) &&
	    cJSON_Compare(cJSON_GetObjectItemCaseSensitive(point->now, "ttl"),
		cJSON_GetObjectItemCaseSensitive(as, "ttl"), true);
	return 0;
}

static cJSON *
record_body(const struct dns_lever *d, const cJSON *raw, const cJSON *to)
{
	const cJSON *metadata = cJSON_GetObjectItem(raw, "metadata");
	cJSON *root = cJSON_CreateObject();
	cJSON *properties = cJSON_AddObjectToObject(root, "properties");
	cJSON *record;

	cJSON_AddItemToObject(properties, d->spelling->ttl,
	    cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(to, "ttl"), true));
	record = cJSON_AddObjectToObject(properties, d->spelling->record);
	cJSON_AddItemToObject(record, "cname",
	    cJSON_Duplicate(
		cJSON_GetObjectItemCaseSensitive(to, "cname"), true));
	/* A PUT replaces the whole record. */
	if (cJSON_IsObject(metadata))
		cJSON_AddItemToObject(
		    properties, "metadata", cJSON_Duplicate(metadata, true));
	return root;
}

static int
dns_write(struct lever *l, const struct lever_env *env,
    const struct scope *scope, const struct lever_point *point, const cJSON *to,
    struct err *err)
{
	struct dns_lever *d = (struct dns_lever *)l;
	struct secret body = {0};
	struct arm_request request = {
	    .method = "PUT",
	    .doing = "changing the record",
	    .path = d->id,
	    .api_version = d->spelling->version,
	    .body = &body,
	    .if_match = point->etag,
	    .still_ours = env->still_ours,
	    .still_ours_arg = env->still_ours_arg,
	};
	struct arm_client *c = lever_client(
	    env, env->cloud->arm, env->cloud->arm_audience, err);
	struct arm_answer answer;
	int rc = -1;

	if (c == NULL)
		return -1;
	arm_body_take(&body, record_body(d, point->raw, to));
	if (arm_client_do(c, scope, &request, &answer, err) == 0) {
		arm_answer_release(&answer);
		rc = 0;
	}
	secret_release(&body);
	arm_client_free(c);
	return rc;
}

static void
dns_show(struct lever *l, struct buf *b, const struct lever_point *point,
    const cJSON *to)
{
	const char *cname = cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(to, "cname"));

	(void)l;
	(void)point;
	buf_addf(b, "%s, TTL %.0f s", cname != NULL ? cname : "?",
	    cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(to, "ttl")));
}

static const struct lever_point_ops public_points = {
    .read = dns_read,
    .write = dns_write,
    .same = dns_same,
    .show = dns_show,
    .right = "Microsoft.Network/dnsZones/CNAME/write",
};

static const struct lever_point_ops private_points = {
    .read = dns_read,
    .write = dns_write,
    .same = dns_same,
    .show = dns_show,
    .right = "Microsoft.Network/privateDnsZones/CNAME/write",
};

static struct lever *
dns_new(const struct lever_ops *ops, const struct lever_point_ops *points,
    const struct spelling *spelling, const cJSON *settings, struct err *err)
{
	struct dns_lever *d = xcalloc(1, sizeof(*d));

	d->base.base.ops = ops;
	d->base.points = points;
	d->spelling = spelling;
	if (dns_init(d, settings, err) == 0)
		return &d->base.base;
	lever_free(&d->base.base);
	return NULL;
}

static struct lever *
public_parse(const cJSON *settings, struct err *err)
{
	return dns_new(
	    &lever_dns_ops, &public_points, &public_zone, settings, err);
}

static struct lever *
private_parse(const cJSON *settings, struct err *err)
{
	return dns_new(&lever_private_dns_ops, &private_points, &private_zone,
	    settings, err);
}

static const char *const members[] = {"cname", "ttl", NULL};

const struct lever_ops lever_dns_ops = {
    .kind = "dns",
    .members = members,
    .audience = lever_arm_audience,
    .parse = public_parse,
    .free = dns_free,
    .look = lever_points_look,
    .move = lever_points_move,
    .check = lever_points_check,
    .try_right = lever_points_try_right,
};

const struct lever_ops lever_private_dns_ops = {
    .kind = "private_dns",
    .members = members,
    .audience = lever_arm_audience,
    .parse = private_parse,
    .free = dns_free,
    .look = lever_points_look,
    .move = lever_points_move,
    .check = lever_points_check,
    .try_right = lever_points_try_right,
};
