#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/xalloc.h"

#include "base/cancel.h"

/*
 * One lock for a whole tree, kept in its root.  Wakes run under it, which is
 * what makes cancel_unwatch() wait for a wake that is running.
 */
struct cancel {
	struct cancel *root;
	struct cancel *parent;
	struct cancel *children;
	struct cancel *prev, *next; /* among the parent's children */
	struct cancel_watch *watches;
	atomic_bool triggered; /* read without the lock */
	int fd;
	pthread_mutex_t lock; /* the root's alone is used */
};

static int
event_fd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	/* Like memory: without it no wait could be stopped. */
	if (fd == -1) {
		fprintf(stderr, "out of descriptors: %s\n", strerror(errno));
		_exit(1);
	}
	return fd;
}

/* Under the tree's lock. */
static void
trigger(struct cancel *c)
{
	uint64_t one = 1;
	ssize_t n;

	if (atomic_exchange(&c->triggered, true))
		return;
	n = write(c->fd, &one, sizeof(one));
	assert(n == (ssize_t)sizeof(one));
	(void)n;
	for (struct cancel_watch *w = c->watches; w != NULL; w = w->next)
		w->wake(w->arg);
	for (struct cancel *child = c->children; child; child = child->next)
		trigger(child);
}

struct cancel *
cancel_new(struct cancel *parent)
{
	struct cancel *c = xcalloc(1, sizeof(*c));

	c->fd = event_fd();
	c->parent = parent;
	c->root = parent != NULL ? parent->root : c;
	pthread_mutex_init(&c->lock, NULL);
	if (parent == NULL)
		return c;

	pthread_mutex_lock(&c->root->lock);
	c->next = parent->children;
	if (c->next != NULL)
		c->next->prev = c;
	parent->children = c;
	if (parent->triggered)
		trigger(c);
	pthread_mutex_unlock(&c->root->lock);
	return c;
}

static void
leave_parent(struct cancel *c)
{
	pthread_mutex_lock(&c->root->lock);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		c->parent->children = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	pthread_mutex_unlock(&c->root->lock);
}

void
cancel_free(struct cancel *c)
{
	if (c == NULL)
		return;
	assert(c->children == NULL && c->watches == NULL);
	if (c->parent != NULL)
		leave_parent(c);
	pthread_mutex_destroy(&c->lock);
	close(c->fd);
	free(c);
}

void
cancel_trigger(struct cancel *c)
{
	pthread_mutex_lock(&c->root->lock);
	trigger(c);
	pthread_mutex_unlock(&c->root->lock);
}

bool
cancel_triggered(const struct cancel *c)
{
	return c != NULL && c->triggered;
}

int
cancel_fd(const struct cancel *c)
{
	return c != NULL ? c->fd : -1;
}

void
cancel_watch(struct cancel *c, struct cancel_watch *w, void (*wake)(void *arg),
    void *arg)
{
	if (c == NULL)
		return;
	*w = (struct cancel_watch){.wake = wake, .arg = arg};
	pthread_mutex_lock(&c->root->lock);
	w->next = c->watches;
	if (w->next != NULL)
		w->next->prev = w;
	c->watches = w;
	if (c->triggered)
		wake(arg);
	pthread_mutex_unlock(&c->root->lock);
}

void
cancel_unwatch(struct cancel *c, struct cancel_watch *w)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->root->lock);
	if (w->prev != NULL)
		w->prev->next = w->next;
	else
		c->watches = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	pthread_mutex_unlock(&c->root->lock);
}
