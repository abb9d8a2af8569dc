#include <stdio.h>

#include "agent/snapshot/detour.h"

void
detour_init(struct detour *d)
{
	*d = (struct detour){.files = 0};
	pthread_mutex_init(&d->lock, NULL);
}

void
detour_release(struct detour *d)
{
	pthread_mutex_destroy(&d->lock);
}

void
detour_add(struct detour *d, uint64_t bytes, const char *why)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	if (d->files == 0)
		snprintf(d->why, sizeof(d->why), "%s", why);
	d->files++;
	d->bytes += bytes;
	pthread_mutex_unlock(&d->lock);
}
