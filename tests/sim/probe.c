#include <stdlib.h>

#include "base/chunk.h"
#include "base/err.h"
#include "base/xalloc.h"

#include "tests/sim/probe.h"

#define PROBE_MAX ((size_t)64 << 20)

static int
probe_write(struct sink *s, struct chunk *c, struct err *err)
{
	struct probe *p = (struct probe *)s;

	monitor_lock(&p->mon);
	p->writes++;
	p->waiting = p->held;
	monitor_broadcast(&p->mon);
	while (p->held)
		monitor_wait(&p->mon, NULL, NULL);
	p->waiting = false;
	monitor_unlock(&p->mon);
	if (p->writes == p->fail_write)
		return err_set(
		    err, ERR_TRANSIENT, "write %u refused", p->writes);
	buf_add(&p->bytes, c->data, c->len);
	return 0;
}

static int
probe_finish(struct sink *s, struct err *err)
{
	struct probe *p = (struct probe *)s;

	p->finishes++;
	if (p->fail_finish)
		return err_set(err, ERR_TRANSIENT, "finish refused");
	return 0;
}

static void
probe_free(struct sink *s)
{
	struct probe *p = (struct probe *)s;

	if (p->frees != NULL)
		++*p->frees;
	monitor_release(&p->mon);
	buf_release(&p->bytes);
	free(p);
}

static const struct sink_ops probe_ops = {
    .name = "probe",
    .write = probe_write,
    .finish = probe_finish,
    .free = probe_free,
};

struct probe *
probe_new(unsigned *frees)
{
	struct probe *p = xcalloc(1, sizeof(*p));

	p->base.ops = &probe_ops;
	p->frees = frees;
	buf_init(&p->bytes, PROBE_MAX);
	monitor_init(&p->mon);
	return p;
}

void
probe_wait_held(struct probe *p)
{
	monitor_lock(&p->mon);
	while (!p->waiting)
		monitor_wait(&p->mon, NULL, NULL);
	monitor_unlock(&p->mon);
}

void
probe_let_go(struct probe *p)
{
	monitor_lock(&p->mon);
	p->held = false;
	monitor_broadcast(&p->mon);
	monitor_unlock(&p->mon);
}
