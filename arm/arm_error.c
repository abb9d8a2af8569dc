#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/http.h"
#include "base/json.h"
#include "base/redact.h"

#include "arm/arm_error.h"

#define ANSWER_MAX ((size_t)64 << 10)
#define SAYS_MAX   ((size_t)16 << 10) /* of the service's own words */

/* Of them, so that the hint is seen; and where there is none. */
#define SHOWN_MAX	160
#define SHOWN_ALONE_MAX 260
#define DETAILS_MAX	4

#define ROLE_IS_LACKING "AuthorizationFailed"

struct meaning {
	const char *code;
	enum err_kind kind;
	const char *hint; /* NULL: the code says it all */
};

/* Where the status alone would mislead, or where we know what to do. */
static const struct meaning meanings[] = {
    {"AnotherOperationInProgress", ERR_CONFLICT,
	"wait until that has come to its end"},
    {"AuthenticationFailed", ERR_AUTH,
	"check the identity, and that this machine's clock is right"},
    {"ExpiredAuthenticationToken", ERR_AUTH,
	"check that this machine's clock is right"},
    {"InvalidAuthenticationToken", ERR_AUTH,
	"check that cloud and audience are those of the subscription"},
    {"InvalidAuthenticationTokenTenant", ERR_AUTH,
	"the identity is of another tenant than the subscription"},
    {"InvalidApiVersionParameter", ERR_UNSUPPORTED,
	"set an api-version that this cloud has"},
    {"InvalidResourceType", ERR_UNSUPPORTED,
	"set an api-version that this cloud has"},
    {"LinkedAuthorizationFailed", ERR_AUTH,
	"the identity lacks a role on what the request refers to"},
    {"MissingSubscriptionRegistration", ERR_SERVER,
	"register the provider in the subscription: az provider register"},
    {"NoRegisteredProviderFound", ERR_UNSUPPORTED,
	"set an api-version that this cloud has"},
    {"ParentResourceNotFound", ERR_MISSING, "check the resource id"},
    {"ReadOnlyDisabledSubscription", ERR_SERVER,
	"the subscription is disabled"},
    {"RequestDisallowedByPolicy", ERR_SERVER, "an Azure Policy forbids it"},
    {"ResourceGroupNotFound", ERR_MISSING, "check the resource id"},
    {"ResourceNotFound", ERR_MISSING, "check the resource id"},
    {"RetryableError", ERR_TRANSIENT, NULL},
    {"RetryableErrorDueToAnotherOperation", ERR_TRANSIENT, NULL},
    {"ScopeLocked", ERR_SERVER, "a lock on the resource forbids it"},
    {"SubscriptionNotFound", ERR_MISSING,
	"check the subscription's id, and that the identity has a role in it"},
    {"SubscriptionRequestsThrottled", ERR_TRANSIENT, NULL},
    {"TooManyRequests", ERR_TRANSIENT, NULL},
};

/* What an answer says, as it may be shown. */
struct told {
	char code[64];
	struct buf says;
	char hint[256];
};

/* Members by any case: classic services write Code and Message. */
static const cJSON *
member(const cJSON *object, const char *key)
{
	const cJSON *m = cJSON_GetObjectItem(object, key);

	return cJSON_IsNull(m) ? NULL : m;
}

/* A string or number; "" for all else. */
static void
add_scalar(struct buf *b, const cJSON *object, const char *key)
{
	const cJSON *m = member(object, key);

	if (cJSON_IsString(m))
		redact(b, m->valuestring);
	else if (cJSON_IsNumber(m))
		buf_addf(b, "%.15g", m->valuedouble);
}

/* "error", or the "error" in it, or, where there is none, the whole. */
static const cJSON *
find_error(const cJSON *root)
{
	const cJSON *error = member(root, "error");
	const cJSON *inner = member(error, "error");

	if (cJSON_IsObject(inner))
		return inner;
	return cJSON_IsObject(error) ? error : root;
}

/* "Code: message; Code: message" of the first few. */
static void
add_details(struct buf *b, const cJSON *error)
{
	const cJSON *details = member(error, "details"), *d;
	int n = 0;

	if (!cJSON_IsArray(details))
		return;
	cJSON_ArrayForEach(d, details)
	{
		size_t before;

		if (!cJSON_IsObject(d))
			continue;
		if (n++ == DETAILS_MAX)
			return;
		if (b->len > 0)
			buf_adds(b, "; ");
		before = b->len;
		add_scalar(b, d, "code");
		if (b->len > before && member(d, "message") != NULL)
			buf_adds(b, ": ");
		add_scalar(b, d, "message");
	}
}

static void
take_code(struct told *t, const cJSON *error)
{
	struct buf code;

	buf_init(&code, sizeof(t->code) - 1);
	add_scalar(&code, error, "code");
	/* What did not fit is no code. */
	if (!code.overflowed)
		snprintf(t->code, sizeof(t->code), "%s", code.data);
	buf_release(&code);
}

/* What stands between quotes behind words, as long as it looks like a name. */
static void
find_quoted(const char *says, const char *words, char *out, size_t size)
{
	const char *p = strstr(says, words);
	size_t len;

	out[0] = '\0';
	if (p == NULL)
		return;
	p += strlen(words);
	len = strcspn(p, "' \"");
	if (len < size && p[len] == '\'') {
		memcpy(out, p, len);
		out[len] = '\0';
	}
}

/* Its own words take 400 characters to name the action. */
static void
advise_role(struct told *t)
{
	char action[120];

	find_quoted(t->says.data, "perform action '", action, sizeof(action));
	if (action[0] == '\0') {
		snprintf(t->hint, sizeof(t->hint),
		    "give the identity a role that allows it");
		return;
	}
	buf_release(&t->says);
	buf_addf(&t->says, "the identity may not '%s'", action);
	snprintf(t->hint, sizeof(t->hint),
	    "give it a role with that action on the resource%s; a role that "
	    "was just given takes some minutes",
	    strncasecmp(action, "Microsoft.Cache/redis/", 22) == 0
		? " (Redis Cache Contributor, or one of your own)"
		: " (Contributor, or one of your own)");
}

static const struct meaning *
meaning_of(const char *code)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (strcasecmp(code, meanings[i].code) == 0)
			return &meanings[i];
	return NULL;
}

bool
arm_error_is_of_request(const char *code)
{
	return meaning_of(code) != NULL ||
	    strcasecmp(code, ROLE_IS_LACKING) == 0;
}

static void
advise(struct told *t, struct err *err)
{
	const struct meaning *m = meaning_of(t->code);

	if (m != NULL) {
		err->kind = m->kind;
		if (m->hint != NULL)
			snprintf(t->hint, sizeof(t->hint), "%s", m->hint);
	} else if (strcasecmp(t->code, ROLE_IS_LACKING) == 0) {
		err->kind = ERR_AUTH;
		advise_role(t);
	} else if (strcasecmp(t->code, "Conflict") == 0 && t->says.len == 0) {
		/* Seen in the wild, from exports and imports alike. */
		snprintf(t->hint, sizeof(t->hint),
		    "it gives no reason; look for another operation that goes "
		    "on, a SAS that ends within the hour or lacks a right, and "
		    "a firewall of the storage account");
	} else if (err->kind == ERR_AUTH) {
		snprintf(t->hint, sizeof(t->hint),
		    "check the identity and its roles");
	}
}

/* root may be NULL.  err->kind is what the status says. */
static void
read_told(struct told *t, const cJSON *root, struct err *err)
{
	const cJSON *error = find_error(root);

	t->code[0] = t->hint[0] = '\0';
	buf_init(&t->says, SAYS_MAX);
	take_code(t, error);
	add_scalar(&t->says, error, "message");
	if (t->says.len == 0)
		add_details(&t->says, error);
	advise(t, err);
}

static void
add_says(struct buf *text, const struct told *t)
{
	size_t len = t->hint[0] != '\0' ? SHOWN_MAX : SHOWN_ALONE_MAX;

	if (t->says.len <= len) {
		buf_addf(text, ": %s", t->says.data);
		return;
	}
	/* Not in the midst of a character. */
	while (len > 0 && ((unsigned char)t->says.data[len] & 0xc0) == 0x80)
		len--;
	buf_addf(text, ": %.*s...", (int)len, t->says.data);
}

static int
tell(const struct told *t, const char *what, struct err *err)
{
	const char *gap = t->code[0] != '\0' ? " " : "";
	struct buf text;

	snprintf(err->code, sizeof(err->code), "%s", t->code);
	buf_init(&text, 2 * sizeof(err->text));
	buf_addf(&text, "%.120s: ", what);
	if (err->status != 0)
		buf_addf(&text, "the service answered %d%s%s", err->status, gap,
		    t->code);
	else
		buf_addf(&text, "the service says it failed%s%s",
		    t->code[0] != '\0' ? ": " : "", t->code);
	if (err->request_id[0] != '\0')
		buf_addf(&text, " (request id %s)", err->request_id);
	if (t->says.len > 0)
		add_says(&text, t);
	if (t->hint[0] != '\0')
		buf_addf(&text, "; %s", t->hint);
	err_set(err, err->kind, "%s", text.data);
	buf_release(&text);
	return -1;
}

/* It goes to terminals and logs. */
static bool
is_plain(const char *id)
{
	for (; *id != '\0'; id++)
		if (!isalnum((unsigned char)*id) && strchr("-_.:", *id) == NULL)
			return false;
	return true;
}

void
arm_error_request_id(
    const struct http_headers *h, char out[ARM_REQUEST_ID_SIZE])
{
	static const char *const names[] = {
	    "x-ms-correlation-request-id", "x-ms-request-id"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *id = http_headers_get(h, names[i]);

		if (id != NULL && id[0] != '\0' && is_plain(id) &&
		    strlen(id) < ARM_REQUEST_ID_SIZE) {
			strcpy(out, id);
			return;
		}
	}
}

int
arm_error(const struct http_response *response, const struct scope *scope,
    const char *what, struct err *err)
{
	struct err ignored;
	struct told told;
	cJSON *root;

	http_status_err(response, scope, err, "%s", what);
	arm_error_request_id(&response->headers, err->request_id);
	root = json_parse(response->body.data, response->body.len, ANSWER_MAX,
	    false, &ignored);
	read_told(&told, root, err);
	tell(&told, what, err);
	buf_release(&told.says);
	cJSON_Delete(root);
	return -1;
}

int
arm_error_told(const cJSON *status, const char *what, struct err *err)
{
	struct told told;

	err->kind = ERR_SERVER;
	err->status = 0;
	read_told(&told, status, err);
	tell(&told, what, err);
	buf_release(&told.says);
	return -1;
}
