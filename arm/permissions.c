#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/url.h"
#include "base/xalloc.h"

#include "arm/arm_client.h"

#include "arm/permissions.h"

#define API_VERSION "2022-04-01"
#define PAGES_MAX   16

struct permissions {
	cJSON *pages[PAGES_MAX];
	size_t n;
};

void
permissions_free(struct permissions *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		cJSON_Delete(p->pages[i]);
	free(p);
}

/* *next is in the page, or NULL. */
static int
find_next(struct arm_client *client, const cJSON *page, const char **next,
    struct err *err)
{
	const cJSON *link = cJSON_GetObjectItemCaseSensitive(page, "nextLink");

	*next = cJSON_IsString(link) ? link->valuestring : NULL;
	if (*next == NULL || arm_client_trusts(client, *next))
		return 0;
	return err_set(err, ERR_CORRUPT,
	    "the next page is said to lie elsewhere, where no token of ours "
	    "goes");
}

static int
get_pages(struct permissions *p, struct arm_client *client,
    struct arm_request *request, const struct scope *scope, struct err *err)
{
	struct arm_answer answer;

	do {
		if (p->n == PAGES_MAX)
			return err_set(err, ERR_CORRUPT,
			    "%s: over %d pages of roles", request->doing,
			    PAGES_MAX);
		if (arm_client_do(client, scope, request, &answer, err) != 0)
			return -1;
		p->pages[p->n++] = answer.body;
		answer.body = NULL;
		arm_answer_release(&answer);
		if (find_next(client, p->pages[p->n - 1], &request->url, err) !=
		    0)
			return err_in(err, "%s", request->doing);
	} while (request->url != NULL);
	return 0;
}

struct permissions *
permissions_get(struct arm_client *client, const char *scope_id,
    const char *shown, const struct scope *scope, struct err *err)
{
	struct permissions *p = xcalloc(1, sizeof(*p));
	char path[URL_MAX], doing[160];
	struct arm_request request = {
	    .method = "GET",
	    .doing = doing,
	    .path = path,
	    .api_version = API_VERSION,
	    .wants_json = true,
	};

	snprintf(path, sizeof(path),
	    "%s/providers/Microsoft.Authorization/permissions", scope_id);
	snprintf(
	    doing, sizeof(doing), "listing what may be done to '%.80s'", shown);
	if (get_pages(p, client, &request, scope, err) == 0)
		return p;
	permissions_free(p);
	return NULL;
}

/* '*' stands for anything, slashes too; letters have no case. */
static bool
matches(const char *pattern, const char *text)
{
	const char *star = NULL, *behind = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			behind = text;
		} else if (tolower((unsigned char)*pattern) ==
		    tolower((unsigned char)*text)) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++behind;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool
any_matches(const cJSON *role, const char *key, const char *action)
{
	const cJSON *patterns = cJSON_GetObjectItemCaseSensitive(role, key);
	const cJSON *one;

	cJSON_ArrayForEach(one, patterns)
	{
		if (cJSON_IsString(one) && matches(one->valuestring, action))
			return true;
	}
	return false;
}

bool
permissions_allow(const struct permissions *p, const char *action)
{
	for (size_t i = 0; i < p->n; i++) {
		const cJSON *role,
		    *roles = cJSON_GetObjectItemCaseSensitive(
			p->pages[i], "value");

		cJSON_ArrayForEach(role, roles)
		{
			if (any_matches(role, "actions", action) &&
			    !any_matches(role, "notActions", action))
				return true;
		}
	}
	return false;
}
