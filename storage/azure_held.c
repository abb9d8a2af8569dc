#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/http.h"
#include "base/xalloc.h"
#include "storage/store.h"

#include "storage/azure_held.h"

struct lease {
	struct lease *next;
	char *blob;
	char id[LEASE_ID_MAX];
};

struct azure_held {
	pthread_mutex_t lock;
	struct lease *first; /* one or two: a job's lock, an import's */
};

struct azure_held *
azure_held_new(void)
{
	struct azure_held *h = xcalloc(1, sizeof(*h));

	pthread_mutex_init(&h->lock, NULL);
	return h;
}

void
azure_held_free(struct azure_held *h)
{
	if (h == NULL)
		return;
	while (h->first != NULL) {
		struct lease *l = h->first;

		h->first = l->next;
		free(l->blob);
		free(l);
	}
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* The pointer that leads to the blob's lease, or to the list's end. */
static struct lease **
find(struct azure_held *h, const char *blob)
{
	struct lease **at = &h->first;

	while (*at != NULL && strcmp((*at)->blob, blob) != 0)
		at = &(*at)->next;
	return at;
}

void
azure_held_put(struct azure_held *h, const char *blob, const char *id)
{
	struct lease **at;

	pthread_mutex_lock(&h->lock);
	at = find(h, blob);
	if (*at == NULL) {
		*at = xcalloc(1, sizeof(**at));
		(*at)->blob = xstrdup(blob);
	}
	snprintf((*at)->id, LEASE_ID_MAX, "%s", id);
	pthread_mutex_unlock(&h->lock);
}

void
azure_held_add(
    struct azure_held *h, const char *blob, struct http_headers *headers)
{
	struct lease *l;

	pthread_mutex_lock(&h->lock);
	l = *find(h, blob);
	if (l != NULL)
		http_headers_set(headers, "x-ms-lease-id", l->id);
	pthread_mutex_unlock(&h->lock);
}

void
azure_held_remove(struct azure_held *h, const char *blob, const char *id)
{
	struct lease **at;

	pthread_mutex_lock(&h->lock);
	at = find(h, blob);
	if (*at != NULL && strcmp((*at)->id, id) == 0) {
		struct lease *l = *at;

		*at = l->next;
		free(l->blob);
		free(l);
	}
	pthread_mutex_unlock(&h->lock);
}
