#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"

#include "arm/resource_id.h"

static const char form[] =
    "/subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/"
    "Microsoft.Cache/redisEnterprise/NAME[/databases/DATABASE], or .../redis/"
    "NAME";

/* As Resource Manager writes them; it takes any case. */
static const char *const types[] = {
    [RESOURCE_REDIS_ENTERPRISE] = "redisEnterprise",
    [RESOURCE_REDIS] = "redis",
};

/* Behind a segment that is word, in any case; NULL when it is another. */
static const char *
skip_word(const char *p, const char *word)
{
	size_t len = strlen(word);

	if (p == NULL || *p != '/' || strncasecmp(p + 1, word, len) != 0)
		return NULL;
	p += 1 + len;
	return *p == '/' || *p == '\0' ? p : NULL;
}

/* Behind a segment of size - 1 characters at most, which out gets. */
static const char *
take_segment(const char *p, char *out, size_t size)
{
	size_t len;

	if (p == NULL || *p != '/')
		return NULL;
	len = strcspn(p + 1, "/");
	if (len == 0 || len >= size)
		return NULL;
	memcpy(out, p + 1, len);
	out[len] = '\0';
	return p + 1 + len;
}

static bool
consists_of(const char *text, const char *also)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80 ||
		    (!isalnum((unsigned char)*text) &&
			strchr(also, *text) == NULL))
			return false;
	return true;
}

/* ^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$ */
static bool
is_name(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && consists_of(text, "-") && text[0] != '-' &&
	    text[len - 1] != '-' && strstr(text, "--") == NULL;
}

static bool
is_group(const char *text)
{
	return consists_of(text, "-_.()") && text[strlen(text) - 1] != '.';
}

static const char *
parse_type(struct resource_id *id, const char *p)
{
	const char *behind = skip_word(p, types[RESOURCE_REDIS_ENTERPRISE]);

	id->kind = RESOURCE_REDIS_ENTERPRISE;
	if (behind != NULL)
		return behind;
	id->kind = RESOURCE_REDIS;
	return skip_word(p, types[RESOURCE_REDIS]);
}

static const char *
parse_database(struct resource_id *id, const char *p)
{
	if (p == NULL || id->kind == RESOURCE_REDIS)
		return p;
	if (*p == '\0') {
		strcpy(id->database, "default");
		return p;
	}
	return take_segment(
	    skip_word(p, "databases"), id->database, sizeof(id->database));
}

int
resource_id_parse(struct resource_id *id, const char *text, struct err *err)
{
	const char *p = text;

	*id = (struct resource_id){0};
	p = skip_word(p, "subscriptions");
	p = take_segment(p, id->subscription, sizeof(id->subscription));
	p = skip_word(p, "resourceGroups");
	p = take_segment(p, id->group, sizeof(id->group));
	p = skip_word(skip_word(p, "providers"), "Microsoft.Cache");
	p = parse_type(id, p);
	p = take_segment(p, id->name, sizeof(id->name));
	p = parse_database(id, p);
	if (p == NULL || *p != '\0' || !consists_of(id->subscription, "-") ||
	    !is_group(id->group) || !is_name(id->name) ||
	    (id->kind == RESOURCE_REDIS_ENTERPRISE && !is_name(id->database)))
		return err_set(err, ERR_USAGE,
		    "'%.150s' is not the resource id of a Redis, which has the "
		    "form %s",
		    text, form);
	if (id->kind == RESOURCE_REDIS_ENTERPRISE && strlen(id->name) > 60)
		return err_set(err, ERR_USAGE,
		    "'%s' is over the 60 characters of a redisEnterprise name",
		    id->name);
	return 0;
}

void
resource_id_format_cluster(struct buf *b, const struct resource_id *id)
{
	buf_addf(b,
	    "/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Cache/"
	    "%s/%s",
	    id->subscription, id->group, types[id->kind], id->name);
}

void
resource_id_format(struct buf *b, const struct resource_id *id)
{
	resource_id_format_cluster(b, id);
	if (id->kind == RESOURCE_REDIS_ENTERPRISE)
		buf_addf(b, "/databases/%s", id->database);
}

void
resource_id_show(struct buf *b, const struct resource_id *id)
{
	buf_adds(b, id->name);
	if (id->kind == RESOURCE_REDIS_ENTERPRISE)
		buf_addf(b, "/%s", id->database);
}

bool
resource_id_same(const struct resource_id *a, const struct resource_id *b)
{
	return a->kind == b->kind &&
	    strcasecmp(a->subscription, b->subscription) == 0 &&
	    strcasecmp(a->group, b->group) == 0 &&
	    strcasecmp(a->name, b->name) == 0 &&
	    strcasecmp(a->database, b->database) == 0;
}
