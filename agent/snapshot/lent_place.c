#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/journal.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "storage/store.h"

#include "agent/snapshot/lent_place.h"
#include "agent/snapshot/snapshot_id.h"

#define PREFIX "drsync-"

/* Azure's limit on the name of a container. */
#define NAME_SIZE 64

/* Of the job's name; the id tells them apart, and the nonce those of several
 * agents: none may take another's for its own. */
#define JOB_PART    14
#define NONCE_BYTES 3

#define KEY_SIZE (128 + JOB_NAME_MAX)

#define HOUR_MS INT64_C(3600000)
#define SKEW_MS INT64_C(300000) /* of two clocks */

int64_t
lent_place_valid_ms(int64_t work_ms)
{
	return work_ms + HOUR_MS + SKEW_MS;
}

/* Lower-case letters and digits, and single hyphens between them. */
static size_t
add_word(char *out, size_t n, const char *word, size_t most)
{
	size_t end = n + most;

	for (; *word != '\0' && n < end; word++) {
		unsigned char c = (unsigned char)*word;

		if (isalnum(c))
			out[n++] = (char)tolower(c);
		else if (out[n - 1] != '-')
			out[n++] = '-';
	}
	if (out[n - 1] != '-')
		out[n++] = '-';
	return n;
}

static void
make_name(const struct lent_places *p, const char *id,
    const struct scope *scope, char out[NAME_SIZE])
{
	size_t n = (size_t)snprintf(out, NAME_SIZE, PREFIX);
	unsigned char nonce[NONCE_BYTES];

	scope_random(scope, nonce, sizeof(nonce));
	n = add_word(out, n, p->purpose, 8);
	n = add_word(out, n, p->job, JOB_PART);
	n = add_word(out, n, id, SNAPSHOT_ID_SIZE);
	hex_encode(nonce, sizeof(nonce), out + n);
}

const char *
lent_place_name(const struct store *place)
{
	return strrchr(place->url, '/') + 1;
}

static void
make_key(const struct lent_places *p, const char *name, char out[KEY_SIZE])
{
	snprintf(out, KEY_SIZE, "lent/%s/%s/%s", p->purpose, p->job, name);
}

struct store *
lent_place_open(const struct lent_places *p, const char *name, struct err *err)
{
	if (store_lend_check(p->beside, err) != 0)
		return NULL;
	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0) {
		err_set(err, ERR_REFUSED,
		    "container '%.63s' is none that drsync makes, to be "
		    "written to or taken away",
		    name);
		return NULL;
	}
	return p->beside->ops->lend->open(p->beside, name, err);
}

struct store *
lent_place_make(const struct lent_places *p, const char *id,
    const struct scope *scope, struct err *err)
{
	char name[NAME_SIZE], key[KEY_SIZE];
	struct store *place;

	make_name(p, id, scope, name);
	make_key(p, name, key);
	place = lent_place_open(p, name, err);
	if (place == NULL)
		return NULL;
	if (p->journal->ops->put(p->journal, key, place->url, err) == 0 &&
	    place->ops->lend->create(place, scope, err) == 0)
		return place;
	store_free(place);
	return NULL;
}

int
lent_place_remove(const struct lent_places *p, struct store *place,
    const struct scope *scope, struct err *err)
{
	char key[KEY_SIZE];

	make_key(p, lent_place_name(place), key);
	if (place->ops->lend->destroy(place, scope, err) != 0)
		return -1;
	return p->journal->ops->remove(p->journal, key, err);
}

struct left {
	char **urls;
	size_t n;
};

static int
take_left(void *arg, const char *key, const char *value, struct err *err)
{
	struct left *l = arg;

	(void)key;
	(void)err;
	l->urls = xreallocarray(l->urls, l->n + 1, sizeof(*l->urls));
	l->urls[l->n++] = xstrdup(value);
	return 0;
}

static int
clear_one(const struct lent_places *p, const char *url,
    const struct scope *scope, struct err *err)
{
	const char *name = strrchr(url, '/');
	struct store *place;
	int rc = 0;

	if (name == NULL)
		return 0;
	place = lent_place_open(p, name + 1, err);
	if (place == NULL)
		return -1;
	if (strcmp(place->url, url) == 0)
		rc = lent_place_remove(p, place, scope, err);
	store_free(place);
	return rc;
}

int
lent_places_clear(
    const struct lent_places *p, const struct scope *scope, struct err *err)
{
	struct left left = {0};
	char prefix[KEY_SIZE];
	int rc;

	make_key(p, "", prefix);
	rc = p->journal->ops->each(p->journal, prefix, take_left, &left, err);
	for (size_t i = 0; i < left.n; i++) {
		if (rc == 0)
			rc = clear_one(p, left.urls[i], scope, err);
		free(left.urls[i]);
	}
	free(left.urls);
	return rc;
}
